# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Calls functions of a module, thousands in one process: reads a JSON list of {function, parameters} and writes one of
# {result} or {error}.

Param ([string]$Module, [string]$Calls, [string]$Results)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
Import-Module -Name $Module

Function ConvertTo-Dictionary {
    Param ($Value)
    if ($Value -isnot [System.Management.Automation.PSCustomObject]) { return , $Value }
    $dictionary = [ordered]@{}
    foreach ($property in $Value.PSObject.Properties) { $dictionary[$property.Name] = ConvertTo-Dictionary $property.Value }
    $dictionary
}

Function Invoke-Chain {
    <#
    .SYNOPSIS
    Read, merge, merge again and undo one text.
    #>
    Param ([string]$Text, [System.Collections.IDictionary]$Settings)
    $merged = Merge-WslConfig -Text $Text -Settings $Settings
    @{
        parsed = ConvertFrom-WslConfig -Text $Text
        merged = $merged
        again = Merge-WslConfig -Text $merged -Settings $Settings
        undone = Undo-WslConfig -Base $Text -Written $merged -Current $merged
    }
}

$answers = foreach ($call in (ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($Calls)))) {
    $parameters = @{}
    foreach ($property in $call.parameters.PSObject.Properties) { $parameters[$property.Name] = ConvertTo-Dictionary $property.Value }
    try {
        $result = @(& $call.function @parameters)
        if ($call.function -like '*Byte') { $result = @($result[0]) }
        if ($result.Count -eq 1) { @{ result = $result[0] } } else { @{ result = $result } }
    } catch {
        @{ error = $_.Exception.Message }
    }
}
[IO.File]::WriteAllText($Results, (ConvertTo-Json -InputObject @($answers) -Depth 6 -Compress))
