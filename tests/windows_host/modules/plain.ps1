#!powershell
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

#AnsibleRequires -PowerShell Ansible.ModuleUtils.CamelConversion

@{
    changed = $false
    text = $complex_args.text
    entries = @($complex_args.entries)
    system = [Environment]::OSVersion.Platform.ToString()
    check_mode = $complex_args._ansible_check_mode
} | ConvertTo-Json -Compress
