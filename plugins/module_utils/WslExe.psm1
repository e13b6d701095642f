# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# wsl.exe and what the registry knows of the distros of this Windows user.

Set-StrictMode -Version 2.0

$script:Lxss = 'Registry::HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Lxss'

Function Join-Argument {
    <#
    .SYNOPSIS
    One command line that a Windows program takes apart again into exactly these arguments.
    #>
    Param ([AllowEmptyCollection()][AllowEmptyString()][string[]]$Argument)
    $quoted = foreach ($one in $Argument) {
        if ($one.Length -gt 0 -and $one -cnotmatch '[\s"]') {
            $one
        } else {
            # Backslashes count only before a quote, and there each stands for half of itself.
            '"' + ($one -creplace '(\\*)"', '$1$1\"' -creplace '(\\+)\z', '$1$1') + '"'
        }
    }
    @($quoted) -join ' '
}

Function Invoke-WslExe {
    <#
    .SYNOPSIS
    Runs wsl.exe and returns its ExitCode, Stdout and Stderr; ExitCode is null with the reason in Stderr where it did not
    run or did not end in time.
    #>
    Param ([string[]]$Argument, [string]$InputText = '', [int]$TimeoutSeconds = 60)
    $found = Get-Command -Name 'wsl.exe' -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $found) { return @{ ExitCode = $null; Stdout = ''; Stderr = 'there is no wsl.exe, so WSL is not installed' } }
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo
    $start.FileName = $found.Source
    $start.Arguments = Join-Argument $Argument
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    # Without it wsl.exe writes UTF-16.
    $start.EnvironmentVariables['WSL_UTF8'] = '1'
    $utf8 = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false
    $start.StandardOutputEncoding = $start.StandardErrorEncoding = $utf8
    try {
        $process = [System.Diagnostics.Process]::Start($start)
    } catch [System.ComponentModel.Win32Exception] {
        return @{ ExitCode = $null; Stdout = ''; Stderr = "wsl.exe does not start: $($_.Exception.Message)" }
    }
    try {
        $stdout = $process.StandardOutput.ReadToEndAsync()
        $stderr = $process.StandardError.ReadToEndAsync()
        # As bytes: PowerShell would put a byte order mark before them.
        $bytes = $utf8.GetBytes($InputText)
        try {
            $process.StandardInput.BaseStream.Write($bytes, 0, $bytes.Length)
            $process.StandardInput.BaseStream.Dispose()
        } catch [IO.IOException] {
            # It ended without reading; its exit code tells why.
            $null = $_
        }
        if (-not $process.WaitForExit($TimeoutSeconds * 1000)) {
            $process.Kill()
            return @{ ExitCode = $null; Stdout = ''; Stderr = "wsl.exe did not end within $TimeoutSeconds seconds" }
        }
        @{ ExitCode = $process.ExitCode; Stdout = $stdout.Result; Stderr = $stderr.Result }
    } finally {
        $process.Dispose()
    }
}

Function Format-WslFailure {
    <#
    .SYNOPSIS
    What wsl.exe said on its failure, on one line; it says it on its standard output.
    #>
    Param ([System.Collections.IDictionary]$Result)
    $said = ("$($Result.Stderr) $($Result.Stdout)" -creplace '\s+', ' ').Trim()
    if (-not $said) { $said = "exit code $($Result.ExitCode)" }
    $said.TrimEnd('.')
}

Function ConvertFrom-WslList {
    <#
    .SYNOPSIS
    The distros in the table of wsl.exe --list --verbose, each with Name, State, Version and Default. The heading and the
    states are in Windows' language; a name has no blanks.
    #>
    Param ([AllowEmptyString()][string]$Text)
    foreach ($line in $Text.Replace([string][char]0, '').Split([char]10)) {
        $match = [regex]::Match($line, '^(\*| ) (\S+)\s+(\S.*?)\s+([12])\s*\z')
        if ($match.Success) {
            [PSCustomObject]@{
                Name = $match.Groups[2].Value
                State = $match.Groups[3].Value
                Version = [int]$match.Groups[4].Value
                Default = $match.Groups[1].Value -ceq '*'
            }
        }
    }
}

Function Get-Registered {
    <#
    .SYNOPSIS
    What the registry knows of the distros of this user, by name.
    #>
    $found = @{}
    if (-not (Test-Path -LiteralPath $script:Lxss)) { return $found }
    $default = (Get-Item -LiteralPath $script:Lxss).GetValue('DefaultDistribution')
    foreach ($key in Get-ChildItem -LiteralPath $script:Lxss) {
        $name = $key.GetValue('DistributionName')
        if (-not $name) { continue }
        $version = 1
        if ([int]$key.GetValue('Flags', 0) -band 8) { $version = 2 }
        $base = [string]$key.GetValue('BasePath') -creplace '^\\\\\?\\', ''
        $disk = $key.GetValue('VhdFileName')
        if (-not $disk) { $disk = 'ext4.vhdx' }
        $found[$name] = @{
            Guid = $key.PSChildName
            Version = $version
            Default = $key.PSChildName -ceq $default
            BasePath = $base
            VhdxPath = $(if ($version -eq 2 -and $base) { $base.TrimEnd('\') + '\' + $disk })
            DefaultUid = [int]$key.GetValue('DefaultUid', 0)
        }
    }
    $found
}

Function Get-WslDistribution {
    <#
    .SYNOPSIS
    The distros of this Windows user, and whether they run. Throws one sentence where wsl.exe does not tell.
    #>
    $answer = Invoke-WslExe '--list', '--verbose'
    $registered = Get-Registered
    if ($null -eq $answer.ExitCode) { throw "The distros cannot be listed: $(Format-WslFailure $answer)." }
    $listed = @(ConvertFrom-WslList $answer.Stdout)
    if ($listed.Count -eq 0) {
        # It says so with an exit code when there are none.
        if ($answer.ExitCode -eq 0 -or $registered.Count -eq 0) { return }
        throw "The distros cannot be listed: $(Format-WslFailure $answer)."
    }
    $running = @((Invoke-WslExe '--list', '--running', '--quiet').Stdout.Split([char]10) | ForEach-Object { $_.Trim() })
    foreach ($one in $listed) {
        $known = $registered[$one.Name]
        # Only the states that a running or stopped distro can have are in Windows' language.
        $state = 'other'
        if ($running -contains $one.Name) {
            $state = 'running'
        } elseif ($one.State -cnotmatch '^(?:Installing|Uninstalling|Converting|Exporting)\z') {
            $state = 'stopped'
        }
        [PSCustomObject]@{
            Name = $one.Name
            State = $state
            Version = $one.Version
            Default = $one.Default
            Guid = $(if ($known) { $known.Guid })
            VhdxPath = $(if ($known) { $known.VhdxPath })
            BasePath = $(if ($known) { $known.BasePath })
            DefaultUid = $(if ($known) { $known.DefaultUid })
        }
    }
}

Export-ModuleMember -Function @(
    'Join-Argument', 'Invoke-WslExe', 'Format-WslFailure', 'ConvertFrom-WslList', 'Get-WslDistribution'
)
