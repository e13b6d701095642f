#!powershell
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

#AnsibleRequires -CSharpUtil Ansible.Basic

$spec = @{
    options = @{
        text = @{ type = 'str'; required = $true }
        entries = @{ type = 'list'; elements = 'str'; default = @() }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$module.Result.text = $module.Params.text
$module.Result.entries = @($module.Params.entries)
$module.Result.system = [Environment]::OSVersion.Platform.ToString()
$module.Result.user = [Environment]::UserName
$module.Result.check_mode = $module.CheckMode
$module.Result.here = (Get-Location).Path
$module.Result.environment = @(Get-ChildItem -Path Env: | ForEach-Object { $_.Name })
$module.Diff.before = 'before'
$module.Diff.after = $module.Params.text
$module.Result.changed = -not $module.CheckMode
$module.Warn('careful')
$module.ExitJson()
