#!powershell

# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell ..module_utils.windows.DefenderState

$spec = @{
    options = @{}
    supports_check_mode = $true
}

$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
Set-StrictMode -Version Latest

$state = Get-DefenderState
$sentences = @{
    not_elevated = @(
        'Windows shows exclusions to administrators alone.'
        'Run this as an administrator, or hand elevated_script to one.'
    )
    policy = @(
        'A policy (HideExclusionsFromLocalAdmins) hides the exclusions from administrators too.'
        'Ask who manages this device for the list.'
    )
}
$obstacles = @($state.obstacles)
if ($sentences.ContainsKey($state.hidden)) {
    $both = $sentences[$state.hidden]
    $reason = if ($state.hidden -eq 'policy') { 'exclusions_hidden' } else { 'not_elevated' }
    $obstacles += [PSCustomObject]@{ reason = $reason; sentence = $both[0]; fix = $both[1]; blocks = $false }
}
try {
    $ledger = @(Get-DefenderLedger)
} catch {
    $module.FailJson("$($_.Exception.Message)")
}

$module.Result.changed = $false
$module.Result.status = $state.status
$module.Result.elevated = $state.elevated
$module.Result.contextual = $state.contextual
$module.Result.effective = -not @($obstacles | Where-Object { $_.blocks }).Count
$module.Result.obstacles = @($obstacles | ForEach-Object {
        [ordered]@{ reason = $_.reason; sentence = $_.sentence; fix = $_.fix; blocks = $_.blocks }
    })
$module.Result.known = $null -ne $state.lists
$module.Result.hidden = $state.hidden
$module.Result.exclusions = $state.lists
$module.Result.managed = $state.managed
$module.Result.entries = @($ledger | ForEach-Object {
        [ordered]@{
            kind = $_.kind
            value = $_.value
            scope = $_.scope
            owner = $_.owner
            reason = $_.reason
            valid_until = $_.valid_until
            added = $_.added
            expired = $_.expired
        }
    })
$module.Result.elevated_script = ''
if (-not $state.elevated -or $module.CheckMode) {
    $module.Result.elevated_script = Get-ReportScript
}
$module.ExitJson()
