# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# What this Windows machine says of Defender: everything that is read from it or written to it goes through here.

Set-StrictMode -Version Latest

# Below HKLM\SOFTWARE administrators and SYSTEM alone can write and everyone can read: a user cannot have another one's
# exclusion removed, nor pass one off as ours, and an unelevated check run still knows what is ours.
$script:ledgerKey = 'HKLM:\SOFTWARE\wsltune\DefenderExclusions'
$script:policyKeys = @('HKLM:\SOFTWARE\Policies\Microsoft\Windows Defender', 'HKLM:\SOFTWARE\Microsoft\Windows Defender\Policy Manager')
$script:drives = @{}
$script:targets = @{}
$script:parameters = @{ path = 'ExclusionPath'; process = 'ExclusionProcess'; extension = 'ExclusionExtension' }

function Get-RegistryValue {
    <#
    .SYNOPSIS
    Returns a value of the registry, nothing where it is not there or cannot be read.
    #>
    param ([string] $Key, [string] $Name)

    $item = Get-Item -LiteralPath $Key -ErrorAction SilentlyContinue
    if ($item) {
        $item.GetValue($Name)
    }
}

function Get-PolicyValue {
    <#
    .SYNOPSIS
    Returns a value that group policy or the management service sets, nothing where neither does.
    #>
    param ([string] $Name)

    foreach ($key in $script:policyKeys) {
        $value = Get-RegistryValue -Key $key -Name $Name
        if ($null -ne $value) {
            return $value
        }
    }
}

function Get-PolicyExclusion {
    <#
    .SYNOPSIS
    Returns the exclusions that a policy sets, by kind.
    #>
    $names = @{ path = 'Paths'; process = 'Processes'; extension = 'Extensions' }
    $managed = @{}
    foreach ($kind in $names.Keys) {
        $list = @()
        $item = Get-Item -LiteralPath "$($script:policyKeys[0])\Exclusions\$($names[$kind])" -ErrorAction SilentlyContinue
        if ($item) {
            $list += @($item.GetValueNames())
        }
        $list += @("$(Get-RegistryValue -Key $script:policyKeys[1] -Name "Excluded$($names[$kind])")".Split('|'))
        $managed[$kind] = @($list | Where-Object { $_ })
    }
    $managed
}

function Test-Administrator {
    <#
    .SYNOPSIS
    Says whether this process may change Defender's settings; $null where the system does not tell.
    #>
    try {
        $identity = [System.Security.Principal.WindowsIdentity]::GetCurrent()
        $principal = New-Object -TypeName System.Security.Principal.WindowsPrincipal -ArgumentList $identity
        $principal.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)
    } catch {
        $null
    }
}

function Get-OtherAntivirus {
    <#
    .SYNOPSIS
    Returns the names of other antivirus programs that have registered with Windows.
    #>
    if (Get-Command -Name Get-CimInstance -ErrorAction SilentlyContinue) {
        Get-CimInstance -Namespace root/SecurityCenter2 -ClassName AntiVirusProduct -ErrorAction SilentlyContinue |
            Where-Object { $_.displayName -notmatch 'Defender' } |
            ForEach-Object { $_.displayName } |
            Sort-Object -Unique
    }
}

function Get-ErrorCode {
    <#
    .SYNOPSIS
    Returns the HRESULT of an error of Defender's commands, such as 0x800106ba.
    .NOTES
    The message is translated and often broken, so the error's id is read.
    #>
    param ([System.Management.Automation.ErrorRecord] $ErrorRecord)

    if ($ErrorRecord.FullyQualifiedErrorId -match '0x[0-9a-fA-F]{8}') {
        return $Matches[0].ToLowerInvariant()
    }
    '0x{0:x8}' -f $ErrorRecord.Exception.HResult
}

function Get-DefenderErrorSentence {
    <#
    .SYNOPSIS
    Says in one sentence what an error of Defender's commands means and what to do.
    #>
    param ([System.Management.Automation.ErrorRecord] $ErrorRecord)

    $code = Get-ErrorCode -ErrorRecord $ErrorRecord
    switch ($code) {
        '0x800106ba' {
            return "Defender's service does not run ($code), as with another antivirus program: set exclusions in that " +
            'program, or have Defender started again'
        }
        '0x80070005' {
            return "Windows denied it ($code): run this as an administrator; where it was one, a policy or Tamper Protection forbids it"
        }
        { $_ -in @('0xc0000142', '0x80041013') } {
            return "Defender's WMI provider cannot be loaded ($code): restart Windows, then repair Defender with 'sfc /scannow'"
        }
        { $_ -in @('0x80041010', '0x8004100e') } {
            return "Defender's WMI class is missing ($code): repair Defender with 'sfc /scannow' or install the feature Windows-Defender"
        }
    }
    $said = "$($ErrorRecord.Exception.Message)".Trim().TrimEnd('.') -replace '\s+', ' '
    "Defender refused with $code ($said): look it up in its event log, Microsoft-Windows-Windows Defender/Operational"
}

function Get-Obstacle {
    <#
    .SYNOPSIS
    Returns an object for what keeps a local exclusion from taking effect.
    #>
    param ([string] $Reason, [string] $Sentence, [string] $Fix, [bool] $Blocks)

    [PSCustomObject]@{ reason = $Reason; sentence = "$Sentence."; fix = "$Fix."; blocks = $Blocks }
}

function Get-StatusObstacle {
    <#
    .SYNOPSIS
    Returns what Defender's own status and the policies say against a local exclusion, worst first.
    #>
    param ([hashtable] $Status)

    $mode = "$($Status['AMRunningMode'])"
    if ($Status['AMServiceEnabled'] -eq $false -or $mode -eq 'Not running') {
        $others = @(Get-OtherAntivirus)
        $who = if ($others.Count) { $others -join ', ' } else { 'another antivirus program' }
        Get-Obstacle -Blocks $true -Reason defender_inactive -Sentence "Defender is switched off, as with $who" -Fix (
            "Set the exclusions in $who; nothing is to be done in Defender")
    } elseif ($mode -match 'Passive') {
        Get-Obstacle -Blocks $true -Reason passive_mode -Sentence (
            "Defender runs in passive mode ($mode) and scans nothing on access, so an exclusion has no effect") -Fix (
            'Set the exclusions in the antivirus program that is active')
    } elseif ($mode -match 'EDR') {
        Get-Obstacle -Blocks $true -Reason edr_block_mode -Sentence (
            'Defender runs in EDR block mode and scans nothing on access, so an exclusion gains nothing') -Fix (
            'Set the exclusions in the antivirus program that is active')
    }
    if ("$(Get-RegistryValue -Key 'HKLM:\SOFTWARE\Microsoft\Windows Defender\Features' -Name TPExclusions)" -eq '1') {
        Get-Obstacle -Blocks $true -Reason tamper_protected_exclusions -Sentence (
            'Tamper Protection covers exclusions here: a local one may seem to succeed and is ignored') -Fix (
            'Ask who manages this device to add the exclusions to its antivirus policy (Intune or Configuration Manager)')
    }
    if ("$(Get-PolicyValue -Name DisableLocalAdminMerge)" -eq '1') {
        Get-Obstacle -Blocks $true -Reason local_merge_disabled -Sentence (
            'A policy (DisableLocalAdminMerge) has Defender ignore local exclusions: only those of the policy count') -Fix (
            'Ask who manages this device to add the exclusions to its antivirus policy')
    }
    if ($mode -notmatch 'Passive|EDR|Not running' -and $Status['RealTimeProtectionEnabled'] -eq $false) {
        Get-Obstacle -Blocks $false -Reason real_time_protection_off -Sentence (
            'Real-time protection is off: nothing is scanned on access now, so an exclusion gains nothing until it is on again') -Fix (
            'Switch it on in Windows Security')
    }
    if ("$($Status['TroubleShootingMode'])" -match 'Enabled|True|1') {
        Get-Obstacle -Blocks $false -Reason troubleshooting_mode -Sentence (
            'Troubleshooting mode is on: what is changed now is taken back when it ends') -Fix 'Run this again when it has ended'
    }
}

function Get-DefenderState {
    <#
    .SYNOPSIS
    Returns what there is to know of Defender here: its status, its exclusions as far as they can be read, obstacles.
    .NOTES
    lists is $null where the exclusions are unknown; hidden then says why: not_elevated, policy, or unreadable.
    #>
    $state = @{
        status = @{}
        lists = $null
        hidden = ''
        elevated = Test-Administrator
        contextual = $false
        managed = @{ path = @(); process = @(); extension = @() }
        obstacles = @()
    }
    if (-not (Get-Command -Name Get-MpPreference -ErrorAction SilentlyContinue)) {
        $state.hidden = 'unreadable'
        $state.elevated = $state.elevated -ne $false
        $state.obstacles = @(Get-Obstacle -Blocks $true -Reason defender_missing -Sentence (
                'This Windows has no Defender module, so there is no Defender to exclude anything from') -Fix (
                'Install the feature Windows-Defender, or set the exclusions in the antivirus program that is there'))
        return $state
    }
    $state.managed = Get-PolicyExclusion
    try {
        $status = Get-MpComputerStatus -ErrorAction Stop
        foreach ($name in @('AMRunningMode', 'AMServiceEnabled', 'AMProductVersion', 'AMEngineVersion', 'AntivirusEnabled',
                'RealTimeProtectionEnabled', 'IsTamperProtected', 'TamperProtectionSource', 'TroubleShootingMode')) {
            if ($status.PSObject.Properties[$name]) {
                $state.status[$name] = $status.$name
            }
        }
        $preference = Get-MpPreference -ErrorAction Stop
        $lists = @{}
        foreach ($kind in $script:parameters.Keys) {
            $name = $script:parameters[$kind]
            $property = $preference.PSObject.Properties[$name]
            $list = @(if ($property) { @($property.Value | Where-Object { $_ }) })
            $sentinel = @($list | Where-Object { $_ -match '\AN/A:\s' })
            if ($sentinel.Count) {
                # "Must be an administrator", on older builds "Must be and administrator".
                $state.hidden = if ($sentinel[0] -match 'Must be') { 'not_elevated' } else { 'policy' }
            }
            $lists[$kind] = $list
        }
        if (-not $state.hidden) {
            $state.lists = $lists
        }
    } catch {
        $code = Get-ErrorCode -ErrorRecord $_
        $state.hidden = 'unreadable'
        $reason = switch ($code) {
            '0x800106ba' { 'defender_inactive' }
            '0x80070005' { 'not_elevated' }
            default { 'defender_broken' }
        }
        $both = (Get-DefenderErrorSentence -ErrorRecord $_) -split ': ', 2
        $fix = $both[1].Substring(0, 1).ToUpperInvariant() + $both[1].Substring(1)
        $state.obstacles = @(Get-Obstacle -Blocks $true -Reason $reason -Sentence $both[0] -Fix $fix)
    }
    if ($state.hidden -eq 'not_elevated') {
        $state.elevated = $false
    } elseif ($null -eq $state.elevated) {
        # Where the system does not say it, what could be read does.
        $state.elevated = $true
    }
    $state.contextual = Test-ContextualPlatform -Status $state.status
    if (-not $state.obstacles.Count) {
        $state.obstacles = @(Get-StatusObstacle -Status $state.status)
    }
    $state
}

function Test-ContextualPlatform {
    <#
    .SYNOPSIS
    Says whether this platform and engine know contextual exclusions (\:{...}).
    #>
    param ([hashtable] $Status)

    $enough = @{ AMProductVersion = '4.18.2205.7'; AMEngineVersion = '1.1.19300.2' }
    foreach ($name in $enough.Keys) {
        $version = $null
        if (-not [version]::TryParse("$($Status[$name])", [ref]$version) -or $version -lt [version]$enough[$name]) {
            return $false
        }
    }
    $true
}

function Edit-DefenderExclusion {
    <#
    .SYNOPSIS
    Adds or removes one exclusion; the others are never written, for what is read of them may not be all there is.
    #>
    param ([string] $Verb, [string] $Kind, [string] $Value)

    $given = @{ $script:parameters[$Kind] = $Value; ErrorAction = 'Stop' }
    if ($Verb -eq 'Add') {
        Add-MpPreference @given
    } else {
        Remove-MpPreference @given
    }
}

function Get-TamperEvent {
    <#
    .SYNOPSIS
    Returns the newest report that a change was blocked (event 5013) of the last minutes, nothing where there is none.
    #>
    if (Get-Command -Name Get-WinEvent -ErrorAction SilentlyContinue) {
        $filter = @{ LogName = 'Microsoft-Windows-Windows Defender/Operational'; Id = 5013; StartTime = (Get-Date).AddMinutes(-5) }
        $last = Get-WinEvent -FilterHashtable $filter -MaxEvents 1 -ErrorAction SilentlyContinue
        if ($last) {
            ("$($last.Message)" -replace '\s+', ' ').Trim()
        }
    }
}

function Get-DefenderLedger {
    <#
    .SYNOPSIS
    Returns the records of the exclusions that are ours.
    #>
    $item = Get-Item -LiteralPath $script:ledgerKey -ErrorAction SilentlyContinue
    if (-not $item) {
        return
    }
    foreach ($id in @($item.GetValueNames() | Where-Object { $_ })) {
        try {
            $read = "$($item.GetValue($id))" | ConvertFrom-Json
            $record = @{ id = $id }
            foreach ($name in @('kind', 'value', 'asked', 'scope', 'owner', 'reason', 'valid_until', 'added')) {
                $record[$name] = "$($read.$name)"
            }
            $record['valid_days'] = [int]$read.valid_days
            $record['expired'] = [bool]$read.expired
            $record
        } catch {
            throw "The value '$id' of $script:ledgerKey is no record of an exclusion: remove it with regedit, then run again."
        }
    }
}

function Set-DefenderRecord {
    <#
    .SYNOPSIS
    Writes one record of the ledger; the registry does that in one step.
    #>
    param ([hashtable] $Record)

    if (-not (Test-Path -LiteralPath $script:ledgerKey)) {
        $null = New-Item -Path $script:ledgerKey -Force
    }
    $null = New-ItemProperty -LiteralPath $script:ledgerKey -Name $Record.id -Value (ConvertTo-DefenderRecord -Record $Record) -PropertyType String -Force
}

function ConvertTo-DefenderRecord {
    <#
    .SYNOPSIS
    Returns the text of a record.
    #>
    param ([hashtable] $Record)

    $text = [ordered]@{}
    foreach ($name in @('kind', 'value', 'asked', 'scope', 'owner', 'reason', 'valid_until', 'valid_days', 'added', 'expired')) {
        $text[$name] = $Record[$name]
    }
    [PSCustomObject]$text | ConvertTo-Json -Compress
}

function Remove-DefenderRecord {
    <#
    .SYNOPSIS
    Removes one record of the ledger, and its key when it was the last.
    #>
    param ([string] $Id)

    Remove-ItemProperty -LiteralPath $script:ledgerKey -Name $Id
    foreach ($key in @($script:ledgerKey, ($script:ledgerKey -replace '\\[^\\]+\z', ''))) {
        $item = Get-Item -LiteralPath $key
        if (@($item.GetValueNames()).Count -or @($item.GetSubKeyNames()).Count) {
            return
        }
        Remove-Item -LiteralPath $key
    }
}

function Get-AdministratorScript {
    <#
    .SYNOPSIS
    Returns a script with which an administrator makes the changes of a plan, ledger included.
    #>
    param ([hashtable] $Plan)

    $quote = { param ($text) "'" + [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent("$text") + "'" }
    $lines = @(
        '# Defender exclusions, to be run as an administrator: read it, then start it in an elevated PowerShell.'
        "`$ErrorActionPreference = 'Stop'"
        "`$ledger = '$script:ledgerKey'"
        'if (-not (Test-Path -LiteralPath $ledger)) { $null = New-Item -Path $ledger -Force }'
    )
    foreach ($remove in $Plan.remove) {
        $lines += "Remove-MpPreference -$($script:parameters[$remove.kind]) $(& $quote $remove.value)"
    }
    foreach ($record in $Plan.forget) {
        $lines += "Remove-ItemProperty -LiteralPath `$ledger -Name $(& $quote $record.id)"
    }
    foreach ($add in $Plan.add) {
        $lines += "Add-MpPreference -$($script:parameters[$add.kind]) $(& $quote $add.value)"
    }
    foreach ($record in $Plan.record) {
        $text = & $quote (ConvertTo-DefenderRecord -Record $record)
        $lines += "`$null = New-ItemProperty -LiteralPath `$ledger -Name $(& $quote $record.id) -Value $text -PropertyType String -Force"
    }
    ($lines -join "`n") + "`n"
}

function Get-ReportScript {
    <#
    .SYNOPSIS
    Returns a script with which an administrator shows what this user cannot see; it changes nothing.
    #>
    @(
        '# What Defender excludes and how it runs, to be run as an administrator; it changes nothing.'
        'Get-MpComputerStatus | Format-List -Property AM*, RealTimeProtectionEnabled, IsTamperProtected, TamperProtectionSource'
        'Get-MpPreference | Format-List -Property ExclusionPath, ExclusionProcess, ExclusionExtension'
        "Get-Item -LiteralPath '$script:ledgerKey' -ErrorAction SilentlyContinue"
        ''
    ) -join "`n"
}

function Get-WindowsVariable {
    <#
    .SYNOPSIS
    Returns the Windows variables of a user as a hashtable with names in capitals, Go's settings among them.
    .PARAMETER UserProfile
    The profile of the user that is meant, where it is not the one who runs this.
    #>
    param ([string] $UserProfile)

    $values = @{}
    $own = [System.Environment]::GetEnvironmentVariables()
    foreach ($name in $own.Keys) {
        $values["$name".ToUpperInvariant()] = "$($own[$name])"
    }
    $UserProfile = "$UserProfile".Trim().TrimEnd('\', '/')
    if ($UserProfile -and $UserProfile -ne "$($values['USERPROFILE'])".TrimEnd('\')) {
        foreach ($name in @('GOCACHE', 'GOMODCACHE', 'GOTMPDIR', 'GOPATH', 'GOBIN', 'GOROOT', 'GOENV', 'ONEDRIVE', 'HOME',
                'ONEDRIVECONSUMER', 'ONEDRIVECOMMERCIAL')) {
            $values.Remove($name)
        }
        $values['USERPROFILE'] = $UserProfile
        $values['USERNAME'] = $UserProfile -replace '\A.*[\\/]', ''
        $values['HOMEDRIVE'] = $UserProfile.Substring(0, [Math]::Min(2, $UserProfile.Length))
        $values['HOMEPATH'] = $UserProfile.Substring([Math]::Min(2, $UserProfile.Length))
        $values['LOCALAPPDATA'] = "$UserProfile\AppData\Local"
        $values['APPDATA'] = "$UserProfile\AppData\Roaming"
        $values['TEMP'] = "$UserProfile\AppData\Local\Temp"
        $values['TMP'] = $values['TEMP']
    }
    Add-GoVariable -Values $values
    $values
}

function Add-GoVariable {
    <#
    .SYNOPSIS
    Puts Go's settings into a user's variables as the Go command finds them: the variable, its settings file, its default.
    #>
    param ([hashtable] $Values)

    $file = if ($Values['GOENV']) { $Values['GOENV'] } elseif ($Values['APPDATA']) { "$($Values['APPDATA'])\go\env" } else { '' }
    $written = @{}
    if ($file -and $file -ne 'off' -and (Test-Path -LiteralPath $file)) {
        foreach ($line in @(Get-Content -LiteralPath $file -Encoding UTF8)) {
            if ($line -match '\A(?<name>GO[A-Z]+)=(?<value>.*)\z') {
                $written[$Matches['name']] = $Matches['value'].Trim()
            }
        }
    }
    foreach ($name in @('GOPATH', 'GOBIN', 'GOCACHE', 'GOMODCACHE', 'GOTMPDIR')) {
        if (-not $Values[$name]) {
            $Values[$name] = "$($written[$name])"
        }
    }
    if (-not $Values['GOPATH'] -and $Values['USERPROFILE']) {
        $Values['GOPATH'] = "$($Values['USERPROFILE'])\go"
    }
    if (-not $Values['GOCACHE'] -and $Values['LOCALAPPDATA']) {
        $Values['GOCACHE'] = "$($Values['LOCALAPPDATA'])\go-build"
    }
    if (-not $Values['GOMODCACHE'] -and $Values['GOPATH']) {
        $Values['GOMODCACHE'] = $Values['GOPATH'].Split(';')[0].TrimEnd('\', '/') + '\pkg\mod'
    }
    if (-not $Values['GOROOT']) {
        $go = Get-Command -Name go.exe -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
        if ($go -and $go.Source -match '\A(?<root>.+)\\bin\\go\.exe\z') {
            $Values['GOROOT'] = $Matches['root']
        } elseif ($Values['PROGRAMFILES']) {
            $Values['GOROOT'] = "$($Values['PROGRAMFILES'])\Go"
        }
    }
}

function Get-DistributionDisk {
    <#
    .SYNOPSIS
    Returns the path of a distro's virtual disk, nothing where this user has no such distro.
    #>
    param ([string] $Name)

    $lxss = 'HKCU:\Software\Microsoft\Windows\CurrentVersion\Lxss'
    $root = Get-Item -LiteralPath $lxss -ErrorAction SilentlyContinue
    if (-not $root) {
        return
    }
    foreach ($child in $root.GetSubKeyNames()) {
        $item = Get-Item -LiteralPath "$lxss\$child"
        if ("$($item.GetValue('DistributionName'))" -eq $Name) {
            $file = "$($item.GetValue('VhdFileName'))"
            if (-not $file) {
                $file = 'ext4.vhdx'
            }
            return ("$($item.GetValue('BasePath'))" -replace '\A\\\\\?\\', '').TrimEnd('\') + "\$file"
        }
    }
}

function Get-DriveTarget {
    <#
    .SYNOPSIS
    Returns what a mapped or substituted drive stands for, nothing for one that is itself.
    #>
    param ([string] $Drive)

    if ($script:drives.ContainsKey($Drive)) {
        return $script:drives[$Drive]
    }
    $target = ''
    if ($Drive -ne "$env:SystemDrive".TrimEnd(':')) {
        # An administrator's process does not have the drives of the user, so what was made lasting is looked up too.
        $target = "$(Get-RegistryValue -Key "HKCU:\Network\$Drive" -Name RemotePath)"
        if (-not $target) {
            $mapped = Get-PSDrive -Name $Drive -PSProvider FileSystem -ErrorAction SilentlyContinue
            if ($mapped -and $mapped.PSObject.Properties['DisplayRoot'] -and "$($mapped.DisplayRoot)" -match '\A\\\\') {
                $target = $mapped.DisplayRoot
            }
        }
        if (-not $target -and (Get-Command -Name subst.exe -CommandType Application -ErrorAction SilentlyContinue)) {
            # Its lines are such as "S:\: => C:\src".
            foreach ($line in @(& subst.exe 2>$null)) {
                if ($line -match '\A(?<drive>[A-Za-z]):\\: => (?<folder>[A-Za-z]:\\.*)\z' -and $Matches['drive'] -eq $Drive) {
                    $target = $Matches['folder']
                }
            }
        }
    }
    $script:drives[$Drive] = $target
    $target
}

function Get-LinkTarget {
    <#
    .SYNOPSIS
    Returns where a junction or link leads, an empty text for a folder or file, $null for what is not there.
    #>
    param ([string] $Path)

    $item = Get-Item -LiteralPath $Path -Force -ErrorAction SilentlyContinue
    if (-not $item) {
        return $null
    }
    if (-not $item.PSObject.Properties['LinkType'] -or $item.LinkType -notin @('Junction', 'SymbolicLink')) {
        return ''
    }
    $target = "$(@($item.Target)[0])"
    if ($target -and $target -notmatch '\A([A-Za-z]:|\\)') {
        $target = ($Path -replace '[^\\]+\z', '') + $target
    }
    $target
}

function Resolve-WindowsPath {
    <#
    .SYNOPSIS
    Returns where a path leads through junctions, links, mapped and substituted drives; nothing where that is itself.
    #>
    param ([string] $Path)

    $now = $Path
    if ($Path -match '\A(?<drive>[A-Za-z]):\\') {
        $target = Get-DriveTarget -Drive $Matches['drive'].ToUpperInvariant()
        if ($target) {
            $now = $target.TrimEnd('\') + $Path.Substring(2)
        }
    }
    for ($links = 0; $links -lt 32 -and $now -match '\A[A-Za-z]:\\'; $links++) {
        $parts = $now.Split('\')
        $before = $now
        for ($i = 1; $i -lt $parts.Count -and $now -eq $before; $i++) {
            $part = [string]::Join('\', $parts, 0, $i + 1)
            if (-not $script:targets.ContainsKey($part)) {
                $script:targets[$part] = Get-LinkTarget -Path $part
            }
            if ($null -eq $script:targets[$part]) {
                # What is not there has nothing below it.
                break
            }
            if ($script:targets[$part]) {
                $now = $script:targets[$part].TrimEnd('\') + '\' + [string]::Join('\', $parts, $i + 1, $parts.Count - $i - 1)
                $now = $now.TrimEnd('\')
            }
        }
        if ($now -eq $before) {
            break
        }
    }
    if ($now -ne $Path) {
        $now
    }
}

Export-ModuleMember -Function @(
    'Edit-DefenderExclusion', 'Get-AdministratorScript', 'Get-DefenderErrorSentence', 'Get-DefenderLedger', 'Get-DefenderState',
    'Get-DistributionDisk', 'Get-ErrorCode', 'Get-ReportScript', 'Get-TamperEvent', 'Get-WindowsVariable', 'Remove-DefenderRecord',
    'Resolve-WindowsPath', 'Set-DefenderRecord'
)
