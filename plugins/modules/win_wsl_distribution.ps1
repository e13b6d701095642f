#!powershell

# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell ..module_utils.windows.WslExe

$spec = @{
    options = @{
        state = @{ type = 'str'; choices = @('present', 'restarted'); default = 'present' }
        name = @{ type = 'str' }
        user = @{ type = 'str'; default = '' }
        whole_vm = @{ type = 'bool'; default = $false }
        stop_others = @{ type = 'bool'; default = $false }
        start = @{ type = 'bool'; default = $true }
    }
    required_if = @(, @('state', 'restarted', @('name')))
    supports_check_mode = $true
}

$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
Set-StrictMode -Version Latest

function Get-Named {
    <#
    .SYNOPSIS
    The distro that the options name; throws where this user has none of that name.
    #>
    param ($Distributions)
    $one = $Distributions | Where-Object { $_.Name -eq $module.Params.name }
    if (-not $one) {
        $names = @($Distributions | ForEach-Object { $_.Name }) -join ', '
        if (-not $names) { $names = 'none' }
        throw "This Windows user has no distro '$($module.Params.name)'; there are: $names."
    }
    $one
}

function Invoke-Restart {
    <#
    .SYNOPSIS
    Restarts a distro or all of WSL, unless that would stop what is not the user's own.
    #>
    param ($Distributions, $One)
    $plan = Get-WslRestartPlan $Distributions $One $module.Params.user $module.Params.whole_vm
    $module.Result.restart_command = $plan.Command
    $module.Result.sessions = $plan.Sessions
    $module.Result.stops = $plan.Stops
    if (-not $module.Params.stop_others) {
        if ($plan.Unknown.Count -gt 0) { throw "$($plan.Unknown[0]) Set stop_others to restart it all the same." }
        if ($plan.Others.Count -gt 0) {
            throw "$($One.Name) was not restarted, for ``$($plan.Command)`` would stop $($plan.Others -join ' and '); ask first, then set stop_others."
        }
    }
    foreach ($reason in $plan.Unknown) { $module.Warn($reason) }
    $module.Result.changed = $plan.Stopping.Count -gt 0 -or ($module.Params.start -and $One.State -eq 'stopped')
    if (-not $module.CheckMode) { Invoke-WslRestart $plan $One $module.Params.start }
}

$module.Result.sessions = @()
$module.Result.stops = @()
$module.Result.distributions = @()
$module.Result.restart_command = $null
try {
    $distributions = @(Get-WslDistribution)
    $one = $null
    if ($module.Params.name) { $one = Get-Named $distributions }
    if ($module.Params.state -eq 'restarted') {
        Invoke-Restart $distributions $one
        if (-not $module.CheckMode) { $distributions = @(Get-WslDistribution) }
    }
    $module.Result.distributions = @($distributions | Where-Object { -not $one -or $_.Name -eq $one.Name } |
            ForEach-Object {
                @{
                    name = $_.Name
                    state = $_.State
                    version = $_.Version
                    default = $_.Default
                    guid = $_.Guid
                    vhdx_path = $_.VhdxPath
                    base_path = $_.BasePath
                    default_uid = $_.DefaultUid
                }
            })
} catch {
    $reason = $_.Exception.GetBaseException()
    if ($reason -is [System.Management.Automation.RuntimeException] -and $_.FullyQualifiedErrorId -ceq $reason.Message) {
        $module.FailJson($reason.Message)
    }
    $module.FailJson("The distros of this Windows user could not be handled: $($reason.Message)", $_)
}
$module.ExitJson()
