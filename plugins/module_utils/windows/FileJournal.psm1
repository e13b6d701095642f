# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# What was there before, on Windows: the twin of journal.py, for files of the user who runs it.
#
# An entry knows three contents of a file: base, what it would be without wsltune; written, what wsltune last wrote; and
# before_run, what it was when the current run first touched it. An entry is on disk before the file changes, and the file
# changes by one rename. So a run that is killed at any moment leaves a file that is either old or new, and both are known.
#
# The record and the file lie where their user may write. Whoever runs with an administrator's rights may not be led from
# there to what only an administrator can write: no link is followed then, and no path is taken from the record.

Set-StrictMode -Version Latest

function Test-Elevated {
    <#
    .SYNOPSIS
    Says whether this process has an administrator's rights.
    #>
    [OutputType([bool])]
    param ()
    try {
        $identity = [System.Security.Principal.WindowsIdentity]::GetCurrent()
        $principal = New-Object -TypeName System.Security.Principal.WindowsPrincipal -ArgumentList $identity
        $principal.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)
    } catch {
        # Not Windows.
        $false
    }
}

$script:elevated = Test-Elevated

function Find-Link {
    <#
    .SYNOPSIS
    The part of a path that is a link of any kind (a symbolic link, a junction, a mounted volume); nothing without one.
    #>
    param ([string]$Path)
    # Whoever has a profile made neither the folder of all profiles nor what is above it, which may be another volume.
    $profiles = [IO.Path]::GetDirectoryName([Environment]::GetFolderPath('UserProfile', 'DoNotVerify'))
    for ($part = $Path; [IO.Path]::GetDirectoryName($part); $part = [IO.Path]::GetDirectoryName($part)) {
        if ($part -eq $profiles) { return }
        try {
            if ([IO.File]::GetAttributes($part) -band [IO.FileAttributes]::ReparsePoint) { return $part }
        } catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] {
            # Not there yet.
            continue
        }
    }
}

function Assert-NoLink {
    <#
    .SYNOPSIS
    With an administrator's rights, throws where a path leads over a link, which its user could have put there.
    #>
    param ([string]$Path)
    if (-not $script:elevated) { return }
    $link = Find-Link $Path
    if ($link) {
        throw "$link is a link, which nothing follows with an administrator's rights: run this without them, or make it a file or folder."
    }
}

function Get-JournalRoot {
    <#
    .SYNOPSIS
    The folder of the record, in the user's own %LOCALAPPDATA%.
    #>
    $data = [Environment]::GetFolderPath('LocalApplicationData', 'DoNotVerify')
    if (-not $data) { throw 'This session has no folder for the data of programs (%LOCALAPPDATA%), so nothing can be recorded.' }
    Join-Path -Path (Join-Path -Path $data -ChildPath 'wsltune') -ChildPath 'journal'
}

function Resolve-FileLink {
    <#
    .SYNOPSIS
    The full path of a file; of a symbolic link the file it leads to, which throws with an administrator's rights.
    #>
    param ([string]$Path)
    Assert-NoLink ($ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path))
    for ($i = 0; $i -lt 16; $i++) {
        $Path = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
        $item = Get-Item -LiteralPath $Path -Force -ErrorAction SilentlyContinue
        if (-not $item -or $item.LinkType -ne 'SymbolicLink') { return $Path }
        $target = @($item.Target)[0]
        if ($target -notmatch '^(?:[a-z]:)?[\\/]') { $target = Join-Path -Path ([IO.Path]::GetDirectoryName($Path)) -ChildPath $target }
        $Path = $target
    }
    throw "$Path is a symbolic link that leads back to itself; make it a file."
}

function Get-FileState {
    <#
    .SYNOPSIS
    A file as it stands: its bytes as base64, and its time of change. Null where there is none.
    #>
    param ([string]$Path)
    Assert-NoLink $Path
    if (-not [IO.File]::Exists($Path)) { return }
    @{
        content = [Convert]::ToBase64String([IO.File]::ReadAllBytes($Path))
        modified = [IO.File]::GetLastWriteTimeUtc($Path).Ticks
    }
}

function Set-FileState {
    <#
    .SYNOPSIS
    Puts bytes (as base64) at a path in one step; the attributes and rights of a file that is replaced stay.
    #>
    param ([string]$Path, [string]$Content, [Int64]$Modified = 0)
    Assert-NoLink $Path
    Clear-Temporary $Path
    # A name that nobody knows, because a link that waits there would be written through.
    $temporary = "$Path.$([Guid]::NewGuid().ToString('N')).wsltune-new"
    $bytes = [Convert]::FromBase64String($Content)
    try {
        $stream = [IO.File]::Open($temporary, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write, [IO.FileShare]::None)
        try {
            $stream.Write($bytes, 0, $bytes.Length)
            $stream.Flush($true)
        } finally {
            $stream.Dispose()
        }
        if ($Modified) { [IO.File]::SetLastWriteTimeUtc($temporary, (New-Object -TypeName DateTime -ArgumentList $Modified, 'Utc')) }
        if ([IO.File]::Exists($Path)) {
            [IO.File]::Replace($temporary, $Path, [NullString]::Value)
        } else {
            [IO.File]::Move($temporary, $Path)
        }
    } catch {
        [IO.File]::Delete($temporary)
        throw
    }
}

function Clear-Temporary {
    <#
    .SYNOPSIS
    Removes what a killed run was writing for a path.
    #>
    param ([string]$Path)
    $folder = [IO.Path]::GetDirectoryName($Path)
    if (-not [IO.Directory]::Exists($folder)) { return }
    # Earlier versions had one name.
    $shape = [regex]::Escape([IO.Path]::GetFileName($Path)) + '(?:\.[0-9a-f]{32})?\.wsltune-new\z'
    foreach ($left in [IO.Directory]::GetFiles($folder, '*.wsltune-new')) {
        if ([IO.Path]::GetFileName($left) -match "\A$shape") { [IO.File]::Delete($left) }
    }
}

function Get-EntryFile {
    <#
    .SYNOPSIS
    The file that holds a path's entry.
    #>
    param ([string]$Root, [string]$Path)
    Join-Path -Path $Root -ChildPath ([Uri]::EscapeDataString($Path) + '.json')
}

function ConvertFrom-PlainJson {
    <#
    .SYNOPSIS
    Reads JSON in which a text stays a text, as hashtables.
    .NOTES
    ConvertFrom-Json makes a DateTime of one that looks like a time: PowerShell 7 of 2026-11-28T10:00:00Z, 5.1 of \/Date(0)\/.
    A character put before each text, names too, keeps them from it.
    #>
    param ([string]$Json)
    $marked = [regex]::Replace($Json, '"(?:[^"\\]|\\.)*"', { param($found) '"=' + $found.Value.Substring(1) })
    ConvertFrom-Marked (ConvertFrom-Json -InputObject $marked)
}

function ConvertFrom-Marked {
    <#
    .SYNOPSIS
    Takes the mark off the texts and names of what ConvertFrom-PlainJson reads.
    #>
    param ($Value)
    if ($Value -is [string]) { return $Value.Substring(1) }
    if ($Value -isnot [System.Management.Automation.PSCustomObject]) { return $Value }
    $values = @{}
    foreach ($property in $Value.PSObject.Properties) { $values[$property.Name.Substring(1)] = ConvertFrom-Marked $property.Value }
    $values
}

function Read-Record {
    <#
    .SYNOPSIS
    What a file of the record holds; throws where it is no record, such as one that was cut off.
    #>
    param ([string]$File)
    $text = [IO.File]::ReadAllText($File)
    try {
        $record = ConvertFrom-PlainJson $text
    } catch {
        $record = $null
    }
    $fields = 'role', 'base', 'written', 'run', 'before_run', 'foreign'
    if ($record -isnot [System.Collections.IDictionary] -or @($fields | Where-Object { -not $record.ContainsKey($_) }).Count) {
        throw "$File is a record that cannot be read, so what it is about was not restored; bring that file back from a backup, or remove it."
    }
    $record
}

function Get-JournalEntry {
    <#
    .SYNOPSIS
    What is recorded for a path, null when it was never touched.
    #>
    param ([string]$Root, [string]$Path)
    $file = Get-EntryFile $Root $Path
    Assert-NoLink $file
    if ([IO.File]::Exists($file)) {
        $entry = Read-Record $file
        # Which file it is about, nobody else says.
        $entry.path = $Path
        $entry
    }
}

function Get-JournalPath {
    <#
    .SYNOPSIS
    The paths that are recorded for a role. With an administrator's rights, Declared alone, where it is one of them.
    #>
    param ([string]$Root, [string]$Role, [string]$Declared)
    Assert-NoLink $Root
    if (-not [IO.Directory]::Exists($Root)) { return }
    if ($script:elevated) {
        $entry = Get-JournalEntry $Root $Declared
        if ($entry -and $entry.role -ceq $Role) { $entry.path }
        return
    }
    foreach ($file in [IO.Directory]::GetFiles($Root, '*.json')) {
        $record = Read-Record $file
        if ($record.role -ceq $Role) { $record.path }
    }
}

function Get-LeftPath {
    <#
    .SYNOPSIS
    With an administrator's rights, the recorded paths that are not Declared, by the names of their files alone.
    #>
    param ([string]$Root, [string]$Declared)
    if (-not $script:elevated -or -not [IO.Directory]::Exists($Root)) { return }
    $own = Get-EntryFile $Root $Declared
    foreach ($file in [IO.Directory]::GetFiles($Root, '*.json')) {
        if ($file -ne $own) { [Uri]::UnescapeDataString([IO.Path]::GetFileNameWithoutExtension($file)) }
    }
}

function Save-Entry {
    <#
    .SYNOPSIS
    Writes an entry in one step.
    #>
    param ([string]$Root, [System.Collections.IDictionary]$Entry)
    $text = ConvertTo-Json -InputObject $Entry -Depth 5 -Compress
    $bytes = (New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false).GetBytes($text)
    Set-FileState (Get-EntryFile $Root $Entry.path) ([Convert]::ToBase64String($bytes))
}

function Invoke-Locked {
    <#
    .SYNOPSIS
    Runs a script block while no other run touches the record.
    #>
    param ([string]$Root, [scriptblock]$Action)
    Assert-NoLink (Join-Path -Path $Root -ChildPath '.lock')
    $null = [IO.Directory]::CreateDirectory($Root)
    $lock = $null
    for ($i = 0; -not $lock; $i++) {
        try {
            $lock = [IO.File]::Open((Join-Path -Path $Root -ChildPath '.lock'), 'OpenOrCreate', 'ReadWrite', 'None')
        } catch [IO.IOException] {
            if ($i -ge 100) { throw "Another run holds the record in $Root; wait for it and start again." }
            Start-Sleep -Milliseconds 100
        }
    }
    try {
        # As long as the lock is open, Windows lets nobody rename the folder or make a link of it.
        Assert-NoLink (Join-Path -Path $Root -ChildPath '.lock')
        & $Action
    } finally {
        $lock.Dispose()
    }
}

function Test-Known {
    <#
    .SYNOPSIS
    Whether a content is one that wsltune wrote or found: nobody else has edited the file since.
    #>
    param ([System.Collections.IDictionary]$Entry, [string]$Content)
    foreach ($known in $Entry.written, $Entry.previous, $(if ($Entry.base) { $Entry.base.content })) {
        if ($null -ne $known -and $known -ceq $Content) { return $true }
    }
    $false
}

function Get-Without {
    <#
    .SYNOPSIS
    What a content would be without wsltune's part; null for no file.
    #>
    param ([System.Collections.IDictionary]$Entry, [string]$Content, [scriptblock]$Revert)
    $base = $null
    if ($Entry.base) { $base = $Entry.base.content }
    if ($null -eq $Entry.written -or (Test-Known $Entry $Content)) { return $base }
    & $Revert $base $Entry.written $Content
}

function Write-Journaled {
    <#
    .SYNOPSIS
    Records a file and replaces it. Revert tells how to take wsltune's part out of a file that someone else edited too:
    it gets base (null: no file), written and current, all as base64, and returns the same (null: no file).
    .NOTES
    With Seen, the content (null: no file) that Content was made from, nothing is written where the file has another one,
    and the answer is whether it was written.
    #>
    param ([string]$Root, [string]$Path, [string]$Content, [string]$Role, [string]$Run, [scriptblock]$Revert, $Seen = $false)
    Invoke-Locked $Root {
        $current = Get-FileState $Path
        $now = $null
        if ($current) { $now = $current.content }
        if ($Seen -isnot [bool] -and $now -cne $Seen) { return $false }
        $entry = Get-JournalEntry $Root $Path
        if (-not $entry) {
            $entry = @{ path = $Path; role = $Role; base = $current; written = $null; run = $Run; before_run = $current; foreign = $false }
        } elseif ($current -and $null -ne $entry.written -and -not (Test-Known $entry $current.content)) {
            # Someone edited the file between two runs: their change belongs to what a rollback restores.
            $entry.foreign = $true
            foreach ($name in 'base', 'before_run') {
                # Also an edit within this run, which must not get lost with it.
                $earlier = $null
                if ($entry[$name]) { $earlier = $entry[$name].content }
                $without = & $Revert $earlier $entry.written $current.content
                $entry[$name] = $null
                if ($null -ne $without) { $entry[$name] = @{ content = $without; modified = 0 } }
            }
        }
        if ($entry.run -cne $Run) {
            $entry.run = $Run
            $entry.before_run = $current
        }
        $entry.previous = $null
        if ($current) { $entry.previous = $current.content }
        $entry.written = $Content
        Save-Entry $Root $entry
        Set-FileState $Path $Content
        if ($Seen -isnot [bool]) { $true }
    }
}

function Get-RestoreTarget {
    <#
    .SYNOPSIS
    What restoring a path leaves of it (Target, null for no file), and a sentence about what someone else changed (Kept).
    #>
    param ([System.Collections.IDictionary]$Entry, $Current, [scriptblock]$Revert, [bool]$RunOnly = $false)
    $target = $Entry.base
    if ($RunOnly) { $target = $Entry.before_run }
    $edited = "$($Entry.path) was edited by someone else since; that edit stays"
    $kept = ''
    if ($Entry.foreign) { $kept = $edited }
    if (-not $Current) {
        if ($target) { $kept = "$($Entry.path) was removed by someone else and stays so" }
        $target = $null
    } elseif (-not (Test-Known $Entry $Current.content)) {
        $kept = $edited
        $without = Get-Without $Entry $Current.content $Revert
        $target = $null
        if ($null -ne $without) { $target = @{ content = $without; modified = 0 } }
        if ($target -and $target.content -ceq $Current.content) { $target = $Current }
    }
    @{ Target = $target; Kept = $kept }
}

function Restore-Journaled {
    <#
    .SYNOPSIS
    Gives a path back: as it was before the first touch or, with RunOnly, before the run's first touch.
    #>
    param ([string]$Root, [string]$Path, [string]$Run, [scriptblock]$Revert, [bool]$RunOnly = $false)
    Invoke-Locked $Root {
        $entry = Get-JournalEntry $Root $Path
        if (-not $entry -or ($RunOnly -and $entry.run -cne $Run)) { return }
        $current = Get-FileState $Path
        Clear-Temporary $Path
        $restore = Get-RestoreTarget $entry $current $Revert $RunOnly
        if ($current -and -not $restore.Target) {
            [IO.File]::Delete($Path)
        } elseif ($current -and $restore.Target.content -cne $current.content) {
            Set-FileState $Path $restore.Target.content $restore.Target.modified
        } elseif ($current -and $restore.Target.modified) {
            [IO.File]::SetLastWriteTimeUtc($Path, (New-Object -TypeName DateTime -ArgumentList $restore.Target.modified, 'Utc'))
        }
        $first = $entry.before_run
        $same = ($null -eq $first) -eq ($null -eq $entry.base)
        if ($same -and $first) { $same = $first.content -ceq $entry.base.content }
        if ($RunOnly -and -not $same) {
            $entry.written = $entry.previous = $null
            if ($first) { $entry.written = $entry.previous = $first.content }
            $entry.run = ''
            Save-Entry $Root $entry
        } else {
            [IO.File]::Delete((Get-EntryFile $Root $Path))
        }
    }
}

function Close-Journal {
    <#
    .SYNOPSIS
    Removes the record's folders once nothing is recorded any more.
    #>
    param ([string]$Root)
    Assert-NoLink $Root
    if (-not [IO.Directory]::Exists($Root)) { return }
    $left = @([IO.Directory]::GetFiles($Root) | Where-Object { $_ -cnotmatch '(?:\.wsltune-new|[\\/]\.lock)\z' })
    if ($left.Count -gt 0) { return }
    try {
        [IO.Directory]::Delete($Root, $true)
        $parent = [IO.Path]::GetDirectoryName($Root)
        if (@([IO.Directory]::GetFileSystemEntries($parent)).Count -eq 0) { [IO.Directory]::Delete($parent) }
    } catch [IO.IOException] {
        # Another run is at it; it will remove them.
        return
    }
}

Export-ModuleMember -Function @(
    'Get-JournalRoot', 'Resolve-FileLink', 'Get-FileState', 'Get-JournalEntry', 'Get-JournalPath', 'Write-Journaled',
    'Get-RestoreTarget', 'Restore-Journaled', 'Close-Journal', 'Set-FileState', 'Get-LeftPath', 'Assert-NoLink'
)
