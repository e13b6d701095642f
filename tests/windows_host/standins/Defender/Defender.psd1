# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
@{
    RootModule = 'Defender.psm1'
    ModuleVersion = '1.0'
    GUID = '7c1d3a52-6f0e-4e2b-9a53-0d3f3b7f5a11'
    Author = 'wsltune contributors'
    Description = 'SIMULATED: stands in for the Defender module of Windows in tests'
    PowerShellVersion = '5.1'
    FunctionsToExport = @('Add-MpPreference', 'Get-MpComputerStatus', 'Get-MpPreference', 'Remove-MpPreference', 'Set-MpPreference')
    CmdletsToExport = @()
    AliasesToExport = @()
}
