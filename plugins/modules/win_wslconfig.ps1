#!powershell

# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell ..module_utils.windows.WslConfig
#AnsibleRequires -PowerShell ..module_utils.windows.FileJournal
#AnsibleRequires -PowerShell ..module_utils.windows.WslExe

function Get-SectionSpec {
    <#
    .SYNOPSIS
    The options of a section, from the keys that WSL knows.
    #>
    param ([string]$Section)
    $options = @{}
    foreach ($key in (Get-WslConfigKey).Values) {
        if ($key.Section -ne $Section) { continue }
        $option = @{ type = 'str' }
        switch ($key.Type) {
            { $_ -in 'bool', 'int', 'path' } { $option.type = $key.Type }
            'enum' { $option.choices = @($key.Choices.Keys) }
            'list' { $option = @{ type = 'list'; elements = 'str' } }
            'ports' { $option = @{ type = 'list'; elements = 'int' } }
        }
        $options[$key.Option] = $option
    }
    @{ type = 'dict'; options = $options }
}

$spec = @{
    options = @{
        state = @{ type = 'str'; choices = @('present', 'absent'); default = 'present' }
        path = @{ type = 'path'; default = '%UserProfile%\.wslconfig' }
        wsl2 = Get-SectionSpec 'wsl2'
        general = Get-SectionSpec 'general'
        experimental = Get-SectionSpec 'experimental'
        remove = @{ type = 'list'; elements = 'str'; default = @() }
        allow_harmful = @{ type = 'bool'; default = $false }
        run = @{ type = 'str'; default = '' }
        only_this_run = @{ type = 'bool'; default = $false }
    }
    supports_check_mode = $true
}

$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
Set-StrictMode -Version Latest

$role = 'wslconfig'
$revert = {
    param ($Base, $Written, $Current)
    $texts = foreach ($content in $Base, $Written, $Current) {
        $text = $null
        if ($null -ne $content) { $text = ConvertFrom-WslConfigByte ([Convert]::FromBase64String($content)) }
        # What someone has made no text of is left as it is.
        if ($null -ne $content -and -not $text) { return $Current }
        @{ Text = $(if ($text) { $text.Text }); Latin1 = $text -and $text.Latin1 }
    }
    $result = Undo-WslConfig -Base $texts[0].Text -Written $texts[1].Text -Current $texts[2].Text
    if ($null -eq $Base -and $result.Trim().Length -eq 0) { return }
    if ($result -ceq $texts[2].Text) { return $Current }
    [Convert]::ToBase64String((ConvertTo-WslConfigByte $result $texts[2].Latin1))
}

function Get-HostMemory {
    <#
    .SYNOPSIS
    The bytes of memory that this machine has, 0 where it does not tell.
    #>
    if ([GC].GetMethod('GetGCMemoryInfo', [Type]::EmptyTypes)) { return [GC]::GetGCMemoryInfo().TotalAvailableMemoryBytes }
    try {
        (Get-CimInstance -ClassName Win32_ComputerSystem).TotalPhysicalMemory
    } catch {
        0
    }
}

function Get-MissingFile {
    <#
    .SYNOPSIS
    Why WSL would not start for a file that is not there, one sentence each.
    #>
    param ([System.Collections.IDictionary]$Wanted)
    foreach ($name in 'wsl2.kernel', 'wsl2.kernelModules', 'wsl2.systemDistro') {
        if ($Wanted[$name] -and $Wanted[$name].Value -and -not [IO.File]::Exists($Wanted[$name].Value)) {
            "$name=$($Wanted[$name].Value): there is no such file, and WSL does not start without it."
        }
    }
    foreach ($name in 'wsl2.swapFile', 'wsl2.debugConsoleLogFile') {
        if ($Wanted[$name] -and $Wanted[$name].Value -and -not [IO.Directory]::Exists(($Wanted[$name].Value -replace '[\\/][^\\/]*\z', '\'))) {
            "$name=$($Wanted[$name].Value): there is no such folder, and WSL makes none."
        }
    }
}

function Get-VirtualMachine {
    <#
    .SYNOPSIS
    Whether WSL's virtual machine runs (null: not known), which distros in it, when it started, and which start that was.
    #>
    $machine = @{ Running = $null; Distros = @(); Booted = $null; BootId = ''; Asked = ''; Reason = '' }
    try {
        $machine.Distros = @(Get-WslDistribution | Where-Object { $_.State -ne 'stopped' -and $_.Version -eq 2 } | ForEach-Object { $_.Name })
    } catch {
        $machine.Reason = $_.Exception.Message
        return $machine
    }
    $machine.Running = $machine.Distros.Count -gt 0
    foreach ($distro in $machine.Distros) {
        $files = '/proc/stat', '/proc/sys/kernel/random/boot_id'
        $answer = Invoke-WslExe (@('--distribution', $distro, '--user', 'root', '--exec', '/bin/cat') + $files) -TimeoutSeconds 20
        $booted = [regex]::Match([string]$answer.Stdout, '(?m)^btime ([0-9]+)\s*$')
        if ($answer.ExitCode -eq 0 -and $booted.Success) {
            $machine.Asked = $distro
            $machine.Booted = [Int64]$booted.Groups[1].Value
            $machine.BootId = [regex]::Match([string]$answer.Stdout, '(?m)^[0-9a-f-]{36}\s*$').Value.Trim()
            break
        }
    }
    $machine
}

function Get-UnixTime {
    <#
    .SYNOPSIS
    Ticks of .NET as seconds since 1970.
    #>
    param ([Int64]$Ticks)
    ($Ticks - 621355968000000000) / 10000000
}

$inForceFile = Join-Path -Path ([IO.Path]::GetTempPath()) -ChildPath 'wsltune-wslconfig-in-force.json'
try {
    Assert-NoLink $inForceFile
} catch {
    # The record is left out, and what is in force may not be known.
    $inForceFile = ''
}

function Get-InForceRecord {
    <#
    .SYNOPSIS
    What Save-InForce noted; nothing without such a note, or with a file that is none.
    #>
    if (-not $inForceFile -or -not [IO.File]::Exists($inForceFile)) { return }
    try {
        $read = ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($inForceFile))
        $null = [Convert]::FromBase64String("$($read.content)")
        # Earlier versions noted no id.
        $named = $read.PSObject.Properties['boot_id']
        @{
            path = "$($read.path)"
            content = "$($read.content)"
            booted = [Int64]$read.booted
            boot_id = if ($named) { "$($named.Value)" } else { '' }
        }
    } catch {
        # Windows, and whoever tidies up, do as they like with temporary files.
        $null = $_
    }
}

function Get-InForce {
    <#
    .SYNOPSIS
    The content (base64, '' for no file) that the running machine was started with, null where that is not known.
    #>
    param ([string]$Path, $State, [System.Collections.IDictionary]$Machine)
    if ($null -eq $Machine.Booted) { return }
    $record = Get-InForceRecord
    if ($record) {
        if ($record.boot_id -and $Machine.BootId) {
            $same = $record.boot_id -ceq $Machine.BootId
        } else {
            # Linux counts its start back from now, so that it moves by a second or two, and by hours after a sleep.
            $same = [Math]::Abs($record.booted - $Machine.Booted) -le 5
        }
        if ($record.path -eq $Path -and $same) { return $record.content }
    }
    if (-not $State) { return '' }
    $modified = Get-UnixTime $State.modified
    if ($modified -gt $Machine.Booted) { return }
    # After a sleep Linux counts its start from too late; what a distro's start made has the time it had then.
    $made = Invoke-WslExe '--distribution', $Machine.Asked, '--user', 'root', '--exec', '/bin/stat', '-c', '%Z', '/run/WSL/1_interop' -TimeoutSeconds 20
    if ($made.ExitCode -eq 0 -and "$($made.Stdout)".Trim() -match '\A[0-9]{1,12}\z' -and $modified -gt [Int64]$Matches[0]) { return }
    $State.content
}

function Save-InForce {
    <#
    .SYNOPSIS
    Notes the content that the running machine was started with, before the file changes.
    #>
    param ([string]$Path, $Content, [System.Collections.IDictionary]$Machine)
    if (-not $inForceFile -or $null -eq $Content -or $null -eq $Machine.Booted) { return }
    $record = @{ path = $Path; content = $Content; booted = $Machine.Booted; boot_id = $Machine.BootId }
    $record = ConvertTo-Json -InputObject $record -Compress
    Set-FileState $inForceFile ([Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($record)))
}

function Get-Text {
    <#
    .SYNOPSIS
    The text of a content in base64, null for no file; throws where it is no text.
    #>
    param ($Content, [string]$Path)
    if (-not $Content) { return }
    $read = ConvertFrom-WslConfigByte ([Convert]::FromBase64String($Content))
    if (-not $read) { throw "$Path is no text that WSL can read (UTF-8, or UTF-16 with its byte order mark); save it as UTF-8." }
    $read
}

function Get-ShownText {
    <#
    .SYNOPSIS
    The text of a content in base64 to be shown, also where it is no text.
    #>
    param ($Content)
    if (-not $Content) { return '' }
    $bytes = [Convert]::FromBase64String($Content)
    $read = ConvertFrom-WslConfigByte $bytes
    if ($read) { $read.Text } else { "($($bytes.Length) bytes that are no text)`n" }
}

function Format-Value {
    <#
    .SYNOPSIS
    A value of a key for a sentence.
    #>
    param ([string]$Name, $Value)
    if ($null -eq $Value) { return 'not set' }
    switch ((Get-WslConfigKey)[$Name].Type) {
        'memory' { Format-Memory $Value }
        'bool' { "$Value".ToLowerInvariant() }
        default { "$Value" }
    }
}

function Get-Change {
    <#
    .SYNOPSIS
    What a new text changes for WSL, one sentence each.
    #>
    param ([string]$Path, $Before, $After)
    foreach ($name in (Get-WslConfigKey).Keys) {
        if (-not [object]::Equals($Before.Values[$name], $After.Values[$name])) {
            "${Path}: $name from $(Format-Value $name $Before.Values[$name]) to $(Format-Value $name $After.Values[$name])"
        }
    }
}

function Set-Result {
    <#
    .SYNOPSIS
    What is on the disk now (or would be, in check mode), and what of it waits for a restart.
    #>
    param ([string]$Path, $Text, $InForce, [System.Collections.IDictionary]$Machine)
    $parsed = ConvertFrom-WslConfig $Text
    $result = $module.Result
    $result.path = $Path
    $result.settings = $parsed.Values
    $result.notes = @(
        $parsed.Details | ForEach-Object { "$Path, line $($_.Line): $($_.Reason)" }
        Get-WslConfigNote $parsed.Values
    )
    $pending = @()
    if ($Machine.Running -ne $false) {
        $known = $null
        if ($null -ne $InForce) {
            $text = ''
            $content = ConvertFrom-WslConfigByte ([Convert]::FromBase64String($InForce))
            if ($content) { $text = $content.Text }
            $known = (ConvertFrom-WslConfig $text).Values
        }
        $pending = @(Get-WslConfigPending $parsed.Values $known)
    }
    $result.pending = $pending
    $result.pending_restart = $pending.Count -gt 0
    $result.pending_sentences = @()
    $result.restart_command = $null
    $result.restart_stops = $Machine.Distros
    if ($pending.Count -gt 0) {
        $verb = 'take'
        if ($pending.Count -eq 1) { $verb = 'takes' }
        $stops = 'It stops every distro'
        if ($Machine.Running) {
            $stops += '; now these run: ' + ($Machine.Distros -join ', ')
            if ($Machine.Distros -match '^docker-desktop') { $stops += ' (Docker Desktop with its containers)' }
        } elseif ($Machine.Reason) {
            $stops += ' that runs'
        }
        $result.restart_command = 'wsl.exe --shutdown'
        $result.pending_sentences = @(
            "$($pending -join ', ') in $Path $verb effect after ``$($result.restart_command)`` in a Windows prompt. $stops."
        )
    }
    if ($module.Params.state -eq 'present') {
        foreach ($note in $result.notes) { $module.Warn($note) }
    }
}

function Get-Recorded {
    <#
    .SYNOPSIS
    What the file meant to WSL as wsltune last wrote it, null where it never did.
    #>
    param ([string]$Root, [string]$Path)
    $entry = Get-JournalEntry $Root $Path
    if (-not $entry -or -not $entry.written) { return }
    $read = ConvertFrom-WslConfigByte ([Convert]::FromBase64String($entry.written))
    if ($read) { (ConvertFrom-WslConfig $read.Text).Values }
}

function Set-Diff {
    <#
    .SYNOPSIS
    Puts the text before and after into the result.
    #>
    param ([string]$Path, $Before, $After)
    $module.Diff.before_header = $module.Diff.after_header = $Path
    $module.Diff.before = "$Before"
    $module.Diff.after = "$After"
}

function Get-Merged {
    <#
    .SYNOPSIS
    The file with the wanted settings in it, once it is known to mean them and to harm nothing; throws otherwise.
    #>
    param ([string]$Path, [System.Collections.IDictionary]$Settings, [System.Collections.IDictionary]$Wanted)
    $state = Get-FileState $Path
    $read = $null
    if ($state) { $read = Get-Text $state.content $Path }
    $before = ''
    if ($read) { $before = $read.Text }
    $after = Merge-WslConfig $before $Settings
    $old = ConvertFrom-WslConfig $before
    $new = ConvertFrom-WslConfig $after
    foreach ($name in $Wanted.Keys) {
        if (-not [object]::Equals($new.Values[$name], $Wanted[$name].Value)) {
            throw "$Path would not mean what was asked for ($name); nothing was changed."
        }
    }
    $bytes = ConvertTo-WslConfigByte $after ($read -and $read.Latin1)
    if (-not (Test-WslConfigByte $after $bytes)) {
        throw "$Path could not be read again as it would be written; save it as UTF-8 first. Nothing was changed."
    }
    if (-not $module.Params.allow_harmful) {
        $reasons = @(
            Get-WslConfigHarm $Wanted $new.Values -HostMemory (Get-HostMemory) -HostProcessors ([Environment]::ProcessorCount)
            Get-MissingFile $Wanted
        )
        if ($reasons.Count -gt 0) { throw "$($reasons -join ' ') Nothing was changed; set allow_harmful to write it all the same." }
    }
    @{
        State = $state
        Before = $before
        After = $after
        Old = $old
        New = $new
        Content = [Convert]::ToBase64String($bytes)
        Changed = -not [string]::Equals($after, $before)
    }
}

function Invoke-Present {
    <#
    .SYNOPSIS
    Sets and removes keys.
    #>
    param ([string]$Path, [string]$Root, [string]$Run)
    $settings = [ordered]@{}
    foreach ($key in (Get-WslConfigKey).Values) {
        $section = $module.Params[$key.Section]
        if ($section -and $null -ne $section[$key.Option]) { $settings[$key.Name] = $section[$key.Option] }
    }
    $wanted = ConvertTo-WslConfigSetting $settings
    $removed = [ordered]@{}
    foreach ($name in $module.Params.remove) { $removed[$name] = $null }
    foreach ($name in (ConvertTo-WslConfigSetting $removed).Keys) {
        if ($wanted.Contains($name)) { throw "$name is both set and to be removed; leave out one of them." }
        $settings[$name] = $null
    }
    if ([IO.Directory]::Exists($Path)) { throw "$Path is a folder; give path the file that WSL reads, such as C:\Users\you\.wslconfig." }
    if (-not [IO.Directory]::Exists([IO.Path]::GetDirectoryName($Path))) {
        throw "The folder of $Path does not exist; give path a file in the home of a Windows user."
    }

    $machine = $null
    for ($i = 0; ; $i++) {
        $merged = Get-Merged $Path $settings $wanted
        # It may take a minute, in which the user saves the file.
        if (-not $machine) { $machine = Get-VirtualMachine }
        $inForce = Get-InForce $Path $merged.State $machine
        if (-not $merged.Changed -or $module.CheckMode) { break }
        Save-InForce $Path $inForce $machine
        $seen = $null
        if ($merged.State) { $seen = $merged.State.content }
        if (Write-Journaled $Root $Path $merged.Content $role $Run $revert $seen) { break }
        if ($i -ge 20) { throw "$Path is changed by another program all the time; close that program and run again." }
    }
    $module.Result.wanted = @{}
    foreach ($name in $wanted.Keys) { $module.Result.wanted[$name] = $wanted[$name].Value }
    $module.Result.found = $merged.Old.Values
    $module.Result.changed = $merged.Changed
    $after = $merged.After
    if ($module.Result.changed) {
        $module.Result.changes = @(Get-Change $Path $merged.Old $merged.New)
        Set-Diff $Path $merged.Before $merged.After
        if (-not $module.CheckMode) { $after = (Get-Text (Get-FileState $Path).content $Path).Text }
    }
    Set-Result $Path $after $inForce $machine
}

function Invoke-Absent {
    <#
    .SYNOPSIS
    Restores what was there before.
    #>
    param ([string]$Path, [string]$Root, [string]$Run)
    $only = $module.Params.only_this_run
    $machine = Get-VirtualMachine
    $state = Get-FileState $Path
    $inForce = Get-InForce $Path $state $machine
    foreach ($recorded in @(Get-JournalPath $Root $role $Path)) {
        $entry = Get-JournalEntry $Root $recorded
        if ($only -and $entry.run -cne $Run) { continue }
        $current = Get-FileState $recorded
        $restore = Get-RestoreTarget $entry $current $revert $only
        if ($restore.Kept) { $module.Result.kept += $restore.Kept }
        $was = $will = $null
        if ($current) { $was = $current.content }
        if ($restore.Target) { $will = $restore.Target.content }
        if ($recorded -eq $Path) {
            $state = $null
            if ($restore.Target) { $state = $restore.Target }
        }
        if (-not $module.CheckMode) {
            if ($recorded -eq $Path -and $was -cne $will) { Save-InForce $Path $inForce $machine }
            Restore-Journaled $Root $recorded $Run $revert $only
        }
        if ($was -cne $will) {
            # Only now, because it is a change when it is done.
            $module.Result.changed = $true
            $module.Result.changes += "restored $recorded"
            Set-Diff $recorded (Get-ShownText $was) (Get-ShownText $will)
        }
    }
    $left = @(Get-LeftPath $Root $Path)
    if ($left.Count -gt 0) {
        $named = ($left | Select-Object -First 5) -join ', '
        if ($left.Count -gt 5) { $named += ' and more' }
        $module.Result.kept += "$named is on record too and stays, because this has an administrator's rights: run it without them to restore that"
    }
    if (-not $module.CheckMode -and -not $only) { Close-Journal $Root }
    $text = ''
    if ($state -and $state.content) {
        # What is there again may be no text; it is what was there.
        $read = ConvertFrom-WslConfigByte ([Convert]::FromBase64String($state.content))
        if ($read) { $text = $read.Text }
    }
    Set-Result $Path $text $inForce $machine
    if (-not $module.Result.pending_restart -and -not $module.CheckMode -and $inForceFile) { [IO.File]::Delete($inForceFile) }
}

$module.Result.changes = @()
$module.Result.kept = @()
$module.Result.wanted = @{}
$path = $module.Params.path
try {
    $path = Resolve-FileLink $path
    $root = Get-JournalRoot
    $module.Result.recorded = Get-Recorded $root $path
    $run = $module.Params.run
    if (-not $run) { $run = [DateTime]::UtcNow.ToString('o') }
    if ($module.Params.state -eq 'present') {
        Invoke-Present $path $root $run
    } else {
        Invoke-Absent $path $root $run
    }
} catch {
    $reason = $_.Exception.GetBaseException()
    if ($reason -is [System.Management.Automation.RuntimeException] -and $_.FullyQualifiedErrorId -ceq $reason.Message) {
        $module.FailJson($reason.Message)
    } elseif ($reason -is [UnauthorizedAccessException]) {
        $module.FailJson("$path cannot be read or written by this user: take away its read-only attribute, or run as its owner.", $_)
    } elseif ($reason -is [IO.IOException]) {
        $module.FailJson("$path cannot be read or written: $($reason.Message.TrimEnd('.')); close what has it open and run again.", $_)
    }
    $module.FailJson("$path was not set: $($reason.Message)", $_)
}
$module.ExitJson()
