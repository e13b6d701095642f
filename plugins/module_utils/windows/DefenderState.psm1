# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# What this Windows machine says of Defender: everything that is read from it or written to it goes through here.

Set-StrictMode -Version Latest

# Administrators and SYSTEM alone may write it and everyone may read it: a user cannot have another one's exclusion
# removed, nor pass one off as ours, and an unelevated check run still knows what is ours.
$script:ledgerParent = 'HKLM:\SOFTWARE\wsltune'
$script:ledgerKey = "$script:ledgerParent\DefenderExclusions"
# Owner and rights that both keys get: all for SYSTEM and administrators, reading for users, nothing inherited.
$script:ledgerRights = 'O:BAG:BAD:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;BU)'
$script:texts = @('kind', 'value', 'asked', 'scope', 'owner', 'reason', 'valid_until', 'added')
# SYSTEM, administrators and TrustedInstaller, as SDDL may write them.
$script:trusted = @(
    'SY', 'BA', 'S-1-5-18', 'S-1-5-32-544', 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464'
)
# The rights of SDDL with which a key, or who may change it, can be changed.
$script:changing = @{ KA = $true; KW = $true; GA = $true; GW = $true; DC = $true; LC = $true; WP = $true; SD = $true; WD = $true; WO = $true }
$script:changingBits = 0x500D0026
# The same of a folder, for what is put there, and the groups that every account of a machine is in.
$script:writing = @{ FA = $true; FW = $true; GA = $true; GW = $true; DC = $true; LC = $true; WD = $true; WO = $true }
$script:writingBits = 0x500C0006
$script:everybody = @{
    'WD' = 'Everyone'; 'S-1-1-0' = 'Everyone'; 'AU' = 'Authenticated Users'; 'S-1-5-11' = 'Authenticated Users'
    'BU' = 'Users'; 'S-1-5-32-545' = 'Users'; 'IU' = 'Interactive'; 'S-1-5-4' = 'Interactive'
}
$script:accessList = 'D:(?<flags>[A-Z_]*)(?<entries>(?:\([^()]*(?:\([^()]*\)[^()]*)*\))*)'
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

function ConvertFrom-PlainJson {
    <#
    .SYNOPSIS
    Reads JSON in which a text stays a text.
    .NOTES
    ConvertFrom-Json makes a DateTime of one that looks like a time: PowerShell 7 of 2026-11-28T10:00:00Z, 5.1 of \/Date(0)\/.
    A character put before each text, names too, keeps them from it.
    #>
    param ([string] $Json)

    $read = [regex]::Replace($Json, '"(?:[^"\\]|\\.)*"', { param ($found) '"=' + $found.Value.Substring(1) }) | ConvertFrom-Json
    $values = @{}
    foreach ($property in $read.PSObject.Properties) {
        $value = $property.Value
        $values[$property.Name.Substring(1)] = if ($value -is [string]) { $value.Substring(1) } else { $value }
    }
    $values
}

function Get-AccessProblem {
    <#
    .SYNOPSIS
    Says why the record in a key with these rights (SDDL) is not to be believed, nothing where administrators alone can write it.
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param (
        [Parameter(Mandatory = $true)]
        [AllowEmptyString()]
        [string]
        $Sddl
    )

    $owner = [regex]::Match($Sddl, 'O:(?<sid>S-[0-9-]+|[A-Z]{2})').Groups['sid'].Value
    if ($owner -cnotin $script:trusted) {
        return "it belongs to $(if ($owner) { $owner } else { 'an unknown account' }), who can change its rights"
    }
    # Rights may be followed by the list of what is logged, which grants nothing.
    $list = [regex]::Match($Sddl, $script:accessList)
    if (-not $list.Success -or $list.Groups['flags'].Value -match 'NO_ACCESS_CONTROL') {
        return 'everyone can write it'
    }
    foreach ($sid in @(Get-Writer -Entries $list.Groups['entries'].Value -Rights $script:changing -Bits $script:changingBits)) {
        if ($sid -cnotin $script:trusted) {
            return "$sid can write it"
        }
    }
}

function Get-Writer {
    <#
    .SYNOPSIS
    Returns who has one of the rights, by letters or bits, in the entries of an access control list (SDDL).
    #>
    param ([AllowEmptyString()] [string] $Entries, [hashtable] $Rights, [uint32] $Bits)

    foreach ($entry in [regex]::Matches($Entries, '\((?<entry>[^()]*(?:\([^()]*\)[^()]*)*)\)')) {
        # Type, flags, rights, two kinds of objects, whom it is for, and perhaps a condition.
        $type, $flags, $given, $null, $null, $sid, $null = $entry.Groups['entry'].Value.Split(';')
        # D and the others that begin with it deny; IO counts for what is below alone, which is looked at itself.
        if ($type -cnotin @('A', 'OA', 'XA', 'ZA') -or $flags -cmatch '\A(?:..)*IO') {
            continue
        }
        if ($given -match '\A(0x[0-9a-f]+|[0-9]+)\z') {
            $number = if ($given -match '\A0x') { [Convert]::ToUInt32($given, 16) } else { [Convert]::ToUInt32($given) }
            if ($number -band $Bits) { $sid }
        } elseif (@([regex]::Matches($given, '..') | Where-Object { $Rights.ContainsKey($_.Value) }).Count) {
            $sid
        }
    }
}

function Get-SharedAccess {
    <#
    .SYNOPSIS
    Returns which groups, of those that every account is in, can write in a folder or to a file with these rights (SDDL).
    #>
    param ([AllowEmptyString()] [string] $Sddl)

    $list = [regex]::Match($Sddl, $script:accessList)
    if (-not $list.Success -or $list.Groups['flags'].Value -match 'NO_ACCESS_CONTROL') {
        return $script:everybody['WD']
    }
    Get-Writer -Entries $list.Groups['entries'].Value -Rights $script:writing -Bits $script:writingBits |
        Where-Object { $script:everybody.ContainsKey($_) } | ForEach-Object { $script:everybody[$_] } | Select-Object -Unique
}

function Get-SharedFolderNote {
    <#
    .SYNOPSIS
    Returns a note where every account can put what is not scanned into a folder, or replace a program in it; nothing where
    that cannot be read.
    #>
    param ([string] $Kind, [string] $Path)

    $Path = $Path.TrimEnd('\', '/')
    $place = Resolve-WindowsPath -Path $Path
    $place = "$(if ($place) { $place } else { $Path })" -replace '\\[^\\]*[*?].*\z', ''
    if ($Kind -eq 'process' -and $place -match '\.exe\z') {
        $place = $place -replace '\\[^\\]+\z', ''
    }
    if ($place -notmatch '\A[A-Za-z]:\\' -or -not (Get-Command -Name Get-Acl -ErrorAction SilentlyContinue)) {
        return
    }
    try {
        $access = Get-Acl -LiteralPath $place -ErrorAction Stop
    } catch {
        # It is not there yet, or its rights are not this user's to read.
        return
    }
    $groups = @(Get-SharedAccess -Sddl "$($access.Sddl)")
    if ($groups.Count) {
        "$Kind '$Path' is left out of scans, and $($groups -join ' and ') can write in ${place}: take that right away, or every " +
        'account of this machine can keep there what Defender does not see'
    }
}

function Get-KeyAccess {
    <#
    .SYNOPSIS
    Returns owner and rights of a key as SDDL; nothing where this system has none, an empty text where they are unknown.
    #>
    param ([string] $Key)

    if (-not (Get-Command -Name Get-Acl -ErrorAction SilentlyContinue)) {
        if ([Environment]::OSVersion.Platform -eq 'Win32NT') {
            return ''
        }
        return
    }
    $access = Get-Acl -LiteralPath $Key -ErrorAction SilentlyContinue
    if ($access) { "$($access.Sddl)" } else { '' }
}

function Assert-LedgerAccess {
    <#
    .SYNOPSIS
    Throws where others than administrators can write the record or have made its keys, as someone may have done beforehand.
    #>
    foreach ($key in @($script:ledgerParent, $script:ledgerKey)) {
        if (-not (Test-Path -LiteralPath $key)) {
            continue
        }
        $access = Get-KeyAccess -Key $key
        $problem = if ($null -ne $access) { Get-AccessProblem -Sddl $access } else { '' }
        if ($problem) {
            throw "$($key -replace ':', '') is not trusted, because ${problem}: look at what it has, remove it with regedit as an " +
            'administrator, then run again. Nothing was changed.'
        }
    }
}

function New-LedgerKey {
    <#
    .SYNOPSIS
    Makes the keys of the record with their rights, and checks what came of it.
    #>
    foreach ($key in @($script:ledgerParent, $script:ledgerKey)) {
        if (Test-Path -LiteralPath $key) {
            continue
        }
        # With -Force the provider makes a key anew that someone else has just made, and all below it is lost.
        $null = New-Item -Path $key -Force:(-not (Test-Path -LiteralPath ($key -replace '\\[^\\]+\z', '')))
        if (Get-Command -Name Set-Acl -ErrorAction SilentlyContinue) {
            try {
                $access = Get-Acl -LiteralPath $key -ErrorAction Stop
                $access.SetSecurityDescriptorSddlForm($script:ledgerRights)
                Set-Acl -LiteralPath $key -AclObject $access -ErrorAction Stop
            } catch {
                # What it inherits may do as well; that is looked at below.
                $null = $_
            }
        }
    }
    Assert-LedgerAccess
}

function Get-DefenderLedger {
    <#
    .SYNOPSIS
    Returns the records of the exclusions that are ours.
    #>
    Assert-LedgerAccess
    $item = Get-Item -LiteralPath $script:ledgerKey -ErrorAction SilentlyContinue
    if (-not $item) {
        return
    }
    foreach ($id in @($item.GetValueNames() | Where-Object { $_ })) {
        try {
            ConvertFrom-DefenderRecord -Id $id -Text "$($item.GetValue($id))"
        } catch {
            throw "The value '$id' of $script:ledgerKey is no record of an exclusion: remove it with regedit, then run again."
        }
    }
}

function ConvertFrom-DefenderRecord {
    <#
    .SYNOPSIS
    Returns the record that a text holds.
    #>
    param ([string] $Id, [string] $Text)

    $read = ConvertFrom-PlainJson -Json $Text
    $record = @{ id = $Id }
    foreach ($name in $script:texts) {
        if (-not $read.ContainsKey($name)) {
            throw "$name is missing"
        }
        $record[$name] = "$($read[$name])"
    }
    $record['valid_days'] = [int]$read['valid_days']
    $record['expired'] = [bool]$read['expired']
    # Whether it was there before is not known.
    $record['blind'] = [bool]$read['blind']
    $record
}

function ConvertTo-DefenderRecord {
    <#
    .SYNOPSIS
    Returns the text of a record.
    #>
    param ([hashtable] $Record)

    $text = [ordered]@{}
    foreach ($name in @('kind', 'value', 'asked', 'scope', 'owner', 'reason', 'valid_until', 'valid_days', 'added', 'expired', 'blind')) {
        $text[$name] = $Record[$name]
    }
    [PSCustomObject]$text | ConvertTo-Json -Compress
}

function Test-DefenderRecord {
    <#
    .SYNOPSIS
    Says whether a record can be read again as it is written, so that nothing is done that nobody could take back.
    #>
    [OutputType([bool])]
    param ([hashtable] $Record)

    try {
        $again = ConvertFrom-DefenderRecord -Id $Record.id -Text (ConvertTo-DefenderRecord -Record $Record)
    } catch {
        return $false
    }
    foreach ($name in $script:texts) {
        # A NUL ends a value of the registry for most that read it.
        if ($again[$name] -cne "$($Record[$name])" -or "$($Record[$name])".IndexOf([char]0) -ge 0) {
            return $false
        }
    }
    $true
}

function Set-DefenderRecord {
    <#
    .SYNOPSIS
    Writes one record of the ledger; the registry does that in one step.
    #>
    param ([hashtable] $Record)

    New-LedgerKey
    $null = New-ItemProperty -LiteralPath $script:ledgerKey -Name $Record.id -Value (ConvertTo-DefenderRecord -Record $Record) -PropertyType String -Force
}

function Remove-DefenderRecord {
    <#
    .SYNOPSIS
    Removes one record of the ledger, and its key when it was the last.
    #>
    param ([string] $Id)

    Remove-ItemProperty -LiteralPath $script:ledgerKey -Name $Id
    foreach ($key in @($script:ledgerKey, $script:ledgerParent)) {
        $item = Get-Item -LiteralPath $key
        if (@($item.GetValueNames()).Count -or @($item.GetSubKeyNames()).Count) {
            return
        }
        Remove-Item -LiteralPath $key
    }
}

function Find-MpCmdRun {
    <#
    .SYNOPSIS
    Returns the path of Defender's own program, from places that administrators alone can write; PATH is not asked.
    #>
    $folders = @(
        "$(Get-RegistryValue -Key 'HKLM:\SOFTWARE\Microsoft\Windows Defender' -Name InstallLocation)"
        if ($env:ProgramFiles) { [IO.Path]::Combine($env:ProgramFiles, 'Windows Defender') }
    )
    foreach ($folder in $folders) {
        if ($folder -and [IO.File]::Exists([IO.Path]::Combine($folder, 'MpCmdRun.exe'))) {
            return [IO.Path]::Combine($folder, 'MpCmdRun.exe')
        }
    }
}

function Test-PathExcluded {
    <#
    .SYNOPSIS
    Asks Defender's engine whether it leaves out a path now, where the list is hidden; $null where that is not known.
    #>
    param ([string] $Path, [int] $TimeoutSeconds = 20)

    $program = Find-MpCmdRun
    # No name has a quotation mark, and a backslash before the closing one would quote it.
    $literal = $Path.TrimEnd('\', '/')
    if (-not $program -or $literal -match '["*?]' -or -not $literal) {
        return $null
    }
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo
    $start.FileName = $program
    $start.Arguments = "-CheckExclusion -path `"$literal`""
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    try {
        $process = [System.Diagnostics.Process]::Start($start)
    } catch {
        return $null
    }
    try {
        $process.StandardInput.Close()
        $said = $process.StandardOutput.ReadToEndAsync()
        $null = $process.StandardError.ReadToEndAsync()
        if (-not $process.WaitForExit($TimeoutSeconds * 1000)) {
            $process.Kill()
            return $null
        }
        if (-not $said.Wait(2000)) {
            return $null
        }
        switch -Regex ($said.Result) {
            '(?i)\bnot excluded\b' { return $false }
            '(?i)\bexcluded\b' { return $true }
        }
        return $null
    } finally {
        $process.Dispose()
    }
}

function Get-AdministratorScript {
    <#
    .SYNOPSIS
    Returns a script with which an administrator makes the changes of a plan, ledger included.
    .NOTES
    It sees the list that an unelevated run cannot, so it is what decides whether an exclusion was there before and stays
    its owner's. Each is recorded right before it is added: a script that ends in between leaves nothing that nobody owns.
    #>
    param ([hashtable] $Plan)

    $quote = { param ($text) "'" + [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent("$text") + "'" }
    $lines = @(
        '# Defender exclusions, to be run as an administrator: read it, then start it in an elevated PowerShell.'
        "`$ErrorActionPreference = 'Stop'"
        "`$ledger = '$script:ledgerKey'"
    )
    $lines += @($script:scriptHead.Replace("`r", '').Split("`n"))
    foreach ($key in @($script:ledgerParent, $script:ledgerKey)) {
        $access = if (Test-Path -LiteralPath $key) { "$(Get-KeyAccess -Key $key)" } else { '' }
        $lines += "Confirm-Key $(& $quote $key) $(& $quote $access) '$script:ledgerRights'"
    }
    $drop = { param ($id) "Remove-ItemProperty -LiteralPath `$ledger -Name $(& $quote $id)" }
    $forgotten = @()
    foreach ($remove in $Plan.remove) {
        $what = "-$($script:parameters[$remove.kind]) $(& $quote $remove.value)"
        $lines += "try { Remove-MpPreference $what } catch { if (`$_.FullyQualifiedErrorId -notmatch '0x80041002') { throw } }"
        foreach ($record in @($Plan.forget | Where-Object { $_.kind -eq $remove.kind -and $_.key -ceq $remove.record })) {
            $forgotten += $record.id
            $lines += & $drop $record.id
        }
    }
    foreach ($record in @($Plan.forget | Where-Object { $_.id -cnotin $forgotten })) {
        $lines += & $drop $record.id
    }
    $added = @()
    foreach ($add in $Plan.add) {
        $record = @($Plan.record | Where-Object { $_.kind -eq $add.kind -and $_.key -ceq $add.key })[0]
        $added += $record.id
        $what = "$($script:parameters[$add.kind]) $(& $quote $add.value)"
        $lines += @(
            "if (-not (Test-Excluded $what)) {"
            "    Set-Record $(& $quote $record.id) $(& $quote (ConvertTo-DefenderRecord -Record $record))"
            "    try { Add-MpPreference -$what } catch { $(& $drop $record.id); throw }"
            '}'
        )
    }
    foreach ($record in @($Plan.record | Where-Object { $_.id -cnotin $added })) {
        $lines += "Set-Record $(& $quote $record.id) $(& $quote (ConvertTo-DefenderRecord -Record $record))"
    }
    ($lines -join "`n") + "`n"
}

$script:scriptHead = @'
function Confirm-Key($Key, $Seen, $Rights) {
    # Makes a key of the record, which administrators alone may write; one with other rights than were seen is not trusted.
    $known = Get-Command -Name Get-Acl -ErrorAction SilentlyContinue
    if (Test-Path -LiteralPath $Key) {
        if ($known -and (Get-Acl -LiteralPath $Key).Sddl -cne $Seen) { throw "$Key was made or changed by someone else meanwhile." }
        return
    }
    $null = New-Item -Path $Key -Force:(-not (Test-Path -LiteralPath ($Key -replace '\\[^\\]+\z', '')))
    if ($known) {
        $access = Get-Acl -LiteralPath $Key
        $access.SetSecurityDescriptorSddlForm($Rights)
        try { Set-Acl -LiteralPath $Key -AclObject $access } catch { Write-Warning "$Key keeps the rights it inherits: $_" }
    }
}
function Test-Excluded($Parameter, $Value) {
    # What is excluded already is someone's own and stays so.
    $fold = { param ($text) $text.Trim().Replace('/', '\').TrimEnd('\').ToUpperInvariant() }
    $found = @((Get-MpPreference).$Parameter | Where-Object { $_ })
    if (@($found | Where-Object { $_ -match '^N/A:\s' }).Count) { throw 'The exclusions are hidden here, so what is there is unknown.' }
    $there = @($found | Where-Object { (& $fold $_) -ceq (& $fold $Value) }).Count -gt 0
    if ($there) { Write-Warning "$Value is excluded already; it stays as it is." }
    $there
}
function Set-Record($Id, $Text) {
    $null = New-ItemProperty -LiteralPath $ledger -Name $Id -Value $Text -PropertyType String -Force
}
'@

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
    Add-FolderVariable -Values $values -Own (-not $UserProfile -or $UserProfile -eq "$([Environment]::GetEnvironmentVariable('USERPROFILE'))".TrimEnd('\'))
    Add-GoVariable -Values $values
    $values
}

function Add-FolderVariable {
    <#
    .SYNOPSIS
    Puts into a user's variables where known folders were moved to and where distros lie, by names that no variable can have.
    #>
    param ([hashtable] $Values, [bool] $Own)

    if (-not $Own) {
        return
    }
    $folders = Get-Item -LiteralPath 'HKCU:\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders' -ErrorAction SilentlyContinue
    if ($folders) {
        foreach ($name in @('Desktop', 'Personal', 'My Pictures', 'My Music', 'My Video', 'Favorites', 'Startup')) {
            $Values['SHELL:' + $name.ToUpperInvariant()] = "$($folders.GetValue($name))"
        }
        $Values['SHELL:DOWNLOADS'] = "$($folders.GetValue('{374DE290-123F-4565-9164-39C4925E467B}'))"
    }
    $lxss = 'HKCU:\Software\Microsoft\Windows\CurrentVersion\Lxss'
    $root = Get-Item -LiteralPath $lxss -ErrorAction SilentlyContinue
    if ($root) {
        $Values['WSL:DISTROS'] = @($root.GetSubKeyNames() | ForEach-Object { (Get-Item -LiteralPath "$lxss\$_").GetValue('BasePath') }) -join ';'
    }
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
        # Not by PATH: an administrator would run what another user put into a folder of it.
        $subst = [IO.Path]::Combine([Environment]::SystemDirectory, 'subst.exe')
        if (-not $target -and [IO.Path]::IsPathRooted($subst) -and [IO.File]::Exists($subst)) {
            # Its lines are such as "S:\: => C:\src".
            foreach ($line in @(& $subst 2>$null)) {
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
    'ConvertFrom-PlainJson', 'Edit-DefenderExclusion', 'Get-AccessProblem', 'Get-AdministratorScript',
    'Get-DefenderErrorSentence', 'Get-DefenderLedger', 'Get-DefenderState', 'Get-DistributionDisk', 'Get-ErrorCode',
    'Get-ReportScript', 'Get-SharedAccess', 'Get-SharedFolderNote', 'Get-TamperEvent', 'Get-WindowsVariable',
    'Remove-DefenderRecord', 'Resolve-WindowsPath', 'Set-DefenderRecord', 'Test-DefenderRecord', 'Test-PathExcluded'
)
