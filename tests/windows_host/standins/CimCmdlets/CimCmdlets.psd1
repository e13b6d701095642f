# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
@{
    RootModule = 'CimCmdlets.psm1'
    ModuleVersion = '1.0'
    GUID = '3b0a5f0e-51f7-4b0c-8d61-1f0f54f3a7c2'
    Author = 'wsltune contributors'
    Description = 'SIMULATED: stands in for the CIM of Windows in tests'
    PowerShellVersion = '5.1'
    FunctionsToExport = @('Get-CimInstance')
    CmdletsToExport = @()
    AliasesToExport = @()
}
