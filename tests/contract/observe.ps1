# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# What observe.py asks Windows, in one start of PowerShell. Reads only. Prints shapes as JSON, and no name or path.
# Each line of its input is a script of the project in base64.

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false

function Get-Observation {
    param ([scriptblock]$Ask)
    try { & $Ask } catch { $null }
}

function Get-ListShape {
    param ($Value)
    if ($null -eq $Value -or @($Value).Count -eq 0) { return 'nothing' }
    $texts = @($Value)
    if ($texts.Count -eq 1 -and $texts[0] -cmatch '^N/A:\s') { return 'hidden' }
    if (@($texts | Where-Object { $_ -isnot [string] }).Count -eq 0) { 'list' } else { 'other' }
}

$observed = [ordered]@{}
$observed.powershell_engine = @{
    edition = [string]$PSVersionTable.PSEdition
    version = '{0}.{1}' -f $PSVersionTable.PSVersion.Major, $PSVersionTable.PSVersion.Minor
}
$observed.powershell_language = [string]$ExecutionContext.SessionState.LanguageMode
$observed.powershell_scripts = Get-Observation {
    $errors = 0
    while ($null -ne ($line = [Console]::In.ReadLine()) -and $line -ne '') {
        $text = [System.Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($line))
        $tokens = $found = $null
        $null = [System.Management.Automation.Language.Parser]::ParseInput($text, [ref]$tokens, [ref]$found)
        $errors += @($found | Where-Object { $_ }).Count
    }
    @{ errors = $errors }
}
$observed.token = Get-Observation {
    $groups = (& "$env:SystemRoot\System32\whoami.exe" /groups) -join ' '
    $level = 'other'
    if ($groups -match 'S-1-16-(12288|16384)\b') { $level = 'High' } elseif ($groups -match 'S-1-16-8192\b') { $level = 'Medium' }
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object -TypeName Security.Principal.WindowsPrincipal -ArgumentList $identity
    @{ level = $level; administrator = $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator) }
}
$observed.defender_commands = Get-Observation {
    $names = 'Add-MpPreference', 'Get-MpComputerStatus', 'Get-MpPreference', 'Remove-MpPreference'
    , @($names | Where-Object { Get-Command -Name $_ -ErrorAction SilentlyContinue })
}
$observed.defender_lists = Get-Observation {
    $preference = Get-MpPreference
    $shapes = @{}
    foreach ($name in 'ExclusionPath', 'ExclusionProcess', 'ExclusionExtension') { $shapes[$name] = Get-ListShape $preference.$name }
    $shapes
}
$observed.defender_status = Get-Observation {
    $status = Get-MpComputerStatus
    $types = @{}
    foreach ($name in 'AMProductVersion', 'AMRunningMode', 'AMServiceEnabled', 'IsTamperProtected', 'RealTimeProtectionEnabled') {
        $types[$name] = $status.$name.GetType().Name
    }
    $types
}
$observed.antivirus_products = Get-Observation {
    $product = @(Get-CimInstance -Namespace 'root/SecurityCenter2' -ClassName 'AntiVirusProduct')[0]
    $name = 'other'
    if ($product.displayName -is [string]) { $name = 'text' }
    $state = 'other'
    if ($product.productState -as [uint32] -and $product.productState -isnot [string]) { $state = 'number' }
    @{ displayName = $name; productState = $state }
}
$observed.registry_distros = Get-Observation {
    $top = Get-Item -LiteralPath 'Registry::HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Lxss'
    $kinds = @{ DefaultDistribution = [string]$top.GetValueKind('DefaultDistribution') }
    $key = @($top | Get-ChildItem | Where-Object { $_.GetValue('DistributionName') })[0]
    foreach ($name in 'DistributionName', 'BasePath', 'Flags') { $kinds[$name] = [string]$key.GetValueKind($name) }
    $kinds
}
[Console]::Out.Write((ConvertTo-Json -InputObject $observed -Depth 4 -Compress))
