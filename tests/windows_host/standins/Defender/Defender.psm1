# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# SIMULATED. Stands in for the Defender module of Windows, which cannot be had for tests, as its documentation describes
# it. It keeps its state in the JSON file that WSLTUNE_DEFENDER_STATE names, else in Defender.json in the folder for
# temporary files. A test scripts what happens with these keys of the file; none has to be there:
#
#   path, process, extension   what is excluded here, in the spelling it was given in
#   policy                     the same three keys for what a policy excludes; listed as well, never removed
#   status                     properties of Get-MpComputerStatus that differ from a healthy machine
#   elevated                   false: lists are hidden, writes fail with 0x80070005
#   hidden                     administrators: elevated and hidden by policy; old: hidden with the typing error of older builds
#   fails                      an HRESULT that every call ends with, such as 0x800106ba
#   write_fails                an HRESULT that every write ends with
#   write_fails_at             the number of the write, from 1 on, that ends with 0x800106ba
#   uppercase                  true: what is added is kept in capitals
#   ignores                    true: writes succeed and change nothing
#   drops_conditions           true: a contextual exclusion is kept without its conditions
#   registry                   registry keys with their values, written when the module is loaded
#   calls                      written here: every write that was asked for
#
# Where Defender was removed its module is missing: leave this folder off PSModulePath.

Set-StrictMode -Version Latest

$script:kinds = [ordered]@{ path = 'ExclusionPath'; process = 'ExclusionProcess'; extension = 'ExclusionExtension' }

function Get-StateFile {
    if ($env:WSLTUNE_DEFENDER_STATE) {
        return $env:WSLTUNE_DEFENDER_STATE
    }
    Join-Path -Path ([System.IO.Path]::GetTempPath()) -ChildPath 'Defender.json'
}

function Read-State {
    $file = Get-StateFile
    $state = @{}
    if (Test-Path -LiteralPath $file) {
        $read = Get-Content -LiteralPath $file -Raw -Encoding UTF8 | ConvertFrom-Json
        foreach ($property in $read.PSObject.Properties) {
            $state[$property.Name] = $property.Value
        }
    }
    foreach ($name in @($script:kinds.Keys) + @('calls')) {
        $list = @()
        if ($state.ContainsKey($name)) {
            $list = @($state[$name] | Where-Object { $null -ne $_ })
        }
        $state[$name] = $list
    }
    foreach ($name in @('hidden', 'fails', 'write_fails', 'ignores', 'drops_conditions', 'write_fails_at', 'uppercase')) {
        if (-not $state.ContainsKey($name)) {
            $state[$name] = ''
        }
    }
    if (-not $state.ContainsKey('elevated')) {
        $state['elevated'] = $true
    }
    $state
}

function Save-State {
    param ([hashtable] $State)

    $State | ConvertTo-Json -Depth 6 | Set-Content -LiteralPath (Get-StateFile) -Encoding UTF8
}

function Get-PolicyList {
    param ([hashtable] $State, [string] $Kind)

    if ($State.ContainsKey('policy') -and $State['policy'].PSObject.Properties[$Kind]) {
        @($State['policy'].$Kind)
    }
}

function Write-Failure {
    param ([System.Management.Automation.PSCmdlet] $Cmdlet, [string] $Code, [string] $Message)

    $exception = New-Object -TypeName System.InvalidOperationException -ArgumentList $Message
    # Windows reports each failure twice.
    foreach ($time in 1, 2) {
        $record = New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList @(
            $exception, "HRESULT $Code", [System.Management.Automation.ErrorCategory]::NotSpecified, $null
        )
        $Cmdlet.WriteError($record)
    }
}

function Test-Failure {
    param ([System.Management.Automation.PSCmdlet] $Cmdlet, [hashtable] $State, [switch] $Write)

    if ($State['fails']) {
        Write-Failure -Cmdlet $Cmdlet -Code $State['fails'] -Message 'Operation failed with the following error: 0x%1!x!'
        return $true
    }
    if ($Write -and -not $State['elevated']) {
        $message = "You don't have enough permissions to perform the requested operation."
        Write-Failure -Cmdlet $Cmdlet -Code '0x80070005' -Message $message
        return $true
    }
    if ($Write -and $State['write_fails_at'] -and @($State['calls']).Count -eq $State['write_fails_at']) {
        Write-Failure -Cmdlet $Cmdlet -Code '0x800106ba' -Message 'Operation failed with the following error: 0x%1!x!'
        return $true
    }
    if ($Write -and $State['write_fails']) {
        Write-Failure -Cmdlet $Cmdlet -Code $State['write_fails'] -Message 'Operation failed with the following error: 0x%1!x!'
        return $true
    }
    $false
}

function Edit-Exclusion {
    param ([System.Management.Automation.PSCmdlet] $Cmdlet, [string] $Verb, [hashtable] $Given)

    $state = Read-State
    foreach ($kind in $script:kinds.Keys) {
        if ($Given.Contains($script:kinds[$kind])) {
            $state['calls'] += "$Verb $kind " + ($Given[$script:kinds[$kind]] -join ', ')
        }
    }
    Save-State -State $state
    if (Test-Failure -Cmdlet $Cmdlet -State $state -Write) {
        return
    }
    $missing = $false
    foreach ($kind in $script:kinds.Keys) {
        if (-not $Given.Contains($script:kinds[$kind]) -or $state['ignores']) {
            continue
        }
        $values = @($Given[$script:kinds[$kind]])
        if ($Verb -eq 'Remove') {
            $missing = $missing -or @($values | Where-Object { $state[$kind] -notcontains $_ }).Count
            $state[$kind] = @($state[$kind] | Where-Object { $values -notcontains $_ })
            continue
        }
        if ($state['drops_conditions']) {
            $values = @($values | ForEach-Object { $_ -replace '\\:\{.*\}\z', '' })
        }
        if ($state['uppercase']) {
            $values = @($values | ForEach-Object { $_.ToUpperInvariant() })
        }
        $kept = @(if ($Verb -eq 'Add') { $state[$kind] })
        $state[$kind] = $kept + @($values | Where-Object { $kept -notcontains $_ })
    }
    Save-State -State $state
    if ($missing) {
        Write-Failure -Cmdlet $Cmdlet -Code '0x80041002' -Message 'Not found'
    }
}

function Get-MpPreference {
    [CmdletBinding()]
    param ()

    $state = Read-State
    if (Test-Failure -Cmdlet $PSCmdlet -State $state) {
        return
    }
    $sentinel = ''
    if (-not $state['elevated']) {
        $word = if ($state['hidden'] -eq 'old') { 'and' } else { 'an' }
        $sentinel = "N/A: Must be $word administrator to view exclusions"
    } elseif ($state['hidden'] -eq 'administrators') {
        $sentinel = 'N/A: Administrators are not allowed to view exclusions'
    }
    $preference = [ordered]@{ ComputerID = '5E5E5E5E-0000-4000-8000-000000000000' }
    foreach ($kind in $script:kinds.Keys) {
        $list = @($state[$kind]) + @(Get-PolicyList -State $state -Kind $kind | Where-Object { $state[$kind] -notcontains $_ })
        if ($sentinel) {
            $list = @($sentinel)
        }
        # An empty list is nothing at all.
        $preference[$script:kinds[$kind]] = if ($list.Count) { [string[]]$list } else { $null }
    }
    [PSCustomObject]$preference
}

function Get-MpComputerStatus {
    [CmdletBinding()]
    param ()

    $state = Read-State
    if (Test-Failure -Cmdlet $PSCmdlet -State $state) {
        return
    }
    $status = [ordered]@{
        AMEngineVersion = '1.1.26080.3'
        AMProductVersion = '4.18.26080.9'
        AMRunningMode = 'Normal'
        AMServiceEnabled = $true
        AntivirusEnabled = $true
        IsTamperProtected = $true
        IsVirtualMachine = $false
        RealTimeProtectionEnabled = $true
        SmartAppControlState = 'Off'
        TamperProtectionSource = 'Signatures'
        TroubleShootingMode = 'Disabled'
    }
    if ($state.ContainsKey('status')) {
        foreach ($property in $state['status'].PSObject.Properties) {
            $status[$property.Name] = $property.Value
        }
    }
    [PSCustomObject]$status
}

function Add-MpPreference {
    [CmdletBinding()]
    param ([string[]] $ExclusionPath, [string[]] $ExclusionProcess, [string[]] $ExclusionExtension, [switch] $Force)

    Edit-Exclusion -Cmdlet $PSCmdlet -Verb Add -Given (@{} + $PSBoundParameters)
}

function Remove-MpPreference {
    [CmdletBinding()]
    param ([string[]] $ExclusionPath, [string[]] $ExclusionProcess, [string[]] $ExclusionExtension, [switch] $Force)

    Edit-Exclusion -Cmdlet $PSCmdlet -Verb Remove -Given (@{} + $PSBoundParameters)
}

function Set-MpPreference {
    [CmdletBinding()]
    param ([string[]] $ExclusionPath, [string[]] $ExclusionProcess, [string[]] $ExclusionExtension, [switch] $Force)

    Edit-Exclusion -Cmdlet $PSCmdlet -Verb Set -Given (@{} + $PSBoundParameters)
}

$script:state = Read-State
if ($script:state.ContainsKey('registry')) {
    foreach ($key in $script:state['registry'].PSObject.Properties) {
        if (-not (Test-Path -LiteralPath $key.Name)) {
            $null = New-Item -Path $key.Name -Force
        }
        foreach ($value in $key.Value.PSObject.Properties) {
            $type = if ($value.Value -is [string]) { 'String' } else { 'DWord' }
            $null = New-ItemProperty -LiteralPath $key.Name -Name $value.Name -Value $value.Value -PropertyType $type -Force
        }
    }
}
Export-ModuleMember -Function '*-Mp*'
