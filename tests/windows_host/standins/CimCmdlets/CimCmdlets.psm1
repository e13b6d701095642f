# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# SIMULATED. Stands in for the CIM of Windows with the one class of it that is asked for: AntiVirusProduct of
# root/SecurityCenter2, with the properties and the states that Windows shows. A test scripts it with the JSON file
# SecurityCenter2.json in the folder for temporary files; without it Windows Defender is there and on. Its keys:
#
#   products   what is registered, each with displayName and productState; Defender stays in it when another takes over
#   missing    true: there is no such namespace, as on Windows Server

Set-StrictMode -Version Latest

function Get-CimInstance {
    [CmdletBinding()]
    param ([string] $Namespace = 'root/cimv2', [Parameter(Mandatory = $true, Position = 0)] [string] $ClassName)

    $products = @([PSCustomObject]@{ displayName = 'Windows Defender'; productState = 397568 })
    $missing = $false
    $file = Join-Path -Path ([System.IO.Path]::GetTempPath()) -ChildPath 'SecurityCenter2.json'
    if (Test-Path -LiteralPath $file) {
        $state = Get-Content -LiteralPath $file -Raw -Encoding UTF8 | ConvertFrom-Json
        if ($state.PSObject.Properties['products']) {
            $products = @($state.products)
        }
        $missing = [bool]$state.PSObject.Properties['missing']
    }
    $known = ($Namespace -replace '\\', '/') -eq 'root/SecurityCenter2'
    if ($known -and $ClassName -eq 'AntiVirusProduct' -and -not $missing) {
        return $products
    }
    $message, $code = 'Invalid class ', '0x80041010'
    if (-not $known -or $missing) {
        $message, $code = 'Invalid namespace ', '0x8004100e'
    }
    $record = New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList @(
        (New-Object -TypeName System.InvalidOperationException -ArgumentList $message), "HRESULT $code",
        [System.Management.Automation.ErrorCategory]::MetadataError, $null
    )
    $PSCmdlet.WriteError($record)
}

Export-ModuleMember -Function 'Get-CimInstance'
