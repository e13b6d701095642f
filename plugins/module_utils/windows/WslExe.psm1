# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# wsl.exe and what the registry knows of the distros of this Windows user.

Set-StrictMode -Version Latest

$script:Lxss = 'Registry::HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Lxss'

function Join-Argument {
    <#
    .SYNOPSIS
    One command line that a Windows program takes apart again into exactly these arguments.
    #>
    param ([AllowEmptyCollection()][AllowEmptyString()][string[]]$Argument)
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

function Find-WslExe {
    <#
    .SYNOPSIS
    Returns the path of WSL's own program, nothing where there is none. PATH is asked last: other users may write in a
    folder of it.
    #>
    param ([string]$Folder = [Environment]::SystemDirectory)
    if ($Folder -and [IO.File]::Exists([IO.Path]::Combine($Folder, 'wsl.exe'))) { return [IO.Path]::Combine($Folder, 'wsl.exe') }
    $found = Get-Command -Name 'wsl.exe' -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if ($found) { $found.Source }
}

function Invoke-WslExe {
    <#
    .SYNOPSIS
    Runs wsl.exe and returns its ExitCode, Stdout and Stderr; ExitCode is null with the reason in Stderr where it did not
    run or did not end in time.
    #>
    param ([string[]]$Argument, [string]$InputText = '', [int]$TimeoutSeconds = 60)
    $program = Find-WslExe
    if (-not $program) { return @{ ExitCode = $null; Stdout = ''; Stderr = 'there is no wsl.exe, so WSL is not installed' } }
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo
    $start.FileName = $program
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
        # As bytes, for PowerShell would change the line ends. In a console with UTF-8, .NET Framework has put a byte order
        # mark before them already: it gets a line of its own.
        if ($InputText) { $InputText = "`n$InputText" }
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

function Format-WslFailure {
    <#
    .SYNOPSIS
    What wsl.exe said on its failure, on one line; it says it on its standard output.
    #>
    param ([System.Collections.IDictionary]$Result)
    $said = ("$($Result.Stderr) $($Result.Stdout)" -creplace '\s+', ' ').Trim()
    if (-not $said) { $said = "exit code $($Result.ExitCode)" }
    $said.TrimEnd('.')
}

function ConvertFrom-WslList {
    <#
    .SYNOPSIS
    The distros in the table of wsl.exe --list --verbose, each with Name, State, Version and Default. The heading and the
    states are in Windows' language; a name has no blanks.
    #>
    param ([AllowEmptyString()][string]$Text)
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

function Get-Registered {
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

function Get-WslDistribution {
    <#
    .SYNOPSIS
    The distros of this Windows user, and whether they run. Throws one sentence where wsl.exe does not tell.
    #>
    $answer = Invoke-WslExe '--list', '--verbose'
    $registered = Get-Registered
    if ($null -eq $answer.ExitCode) { throw "The distros cannot be listed: $(Format-WslFailure $answer)." }
    $listed = @(ConvertFrom-WslList $answer.Stdout)
    if ($listed.Count -eq 0) {
        # With -1 it says that there are none, in Windows' language.
        if ($registered.Count -eq 0 -and 0, -1, 255 -contains $answer.ExitCode) { return }
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

# One line for each terminal that is open in a distro: whether it is of the user (an ancestor of its first program is, so
# that sudo's terminals count), whose that program is, the terminal's number and the program.
$script:Terminals = @'
mine=$(id -u ${2:+"$2"}) || exit 3
for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    pid=${line%% *}
    set -- ${line##*) }
    [ "$5" != 0 ] && [ "$4" = "$pid" ] || continue
    terminal=$(($5 % 256)) parent=$2 owner=$(stat -c %U "/proc/$pid") whose=other
    [ "$(stat -c %u "/proc/$pid")" != "$mine" ] || whose=mine
    while [ "$whose" = other ] && [ "$parent" -gt 1 ]; do
        [ "$(stat -c %u "/proc/$parent" 2>/dev/null)" != "$mine" ] || whose=mine
        { read -r line <"/proc/$parent/stat"; } 2>/dev/null || break
        set -- ${line##*) }
        parent=$2
    done
    { read -r program <"/proc/$pid/comm"; } 2>/dev/null || continue
    printf '%s %s %s %s\n' "$whose" "$owner" "$terminal" "$program"
done
'@.Replace("`r", '')

function Get-WslTerminal {
    <#
    .SYNOPSIS
    The terminals that are open in a distro that runs, and which are not of the user (its default user where none is given).
    #>
    param ([string]$Distro, [string]$User = '')
    $argument = @('--distribution', $Distro, '--exec', '/bin/sh', '-s', 'terminals')
    if ($User) { $argument += $User }
    $answer = Invoke-WslExe $argument -InputText $script:Terminals
    if ($answer.ExitCode -eq 3) { throw "$Distro has no user '$User'; give user one that it has." }
    if ($answer.ExitCode -ne 0) { throw "It cannot be told who works in ${Distro}: $(Format-WslFailure $answer)." }
    foreach ($line in $answer.Stdout.Split([char]10)) {
        $match = [regex]::Match($line, '^(mine|other) (\S+) ([0-9]+) (.+?)\s*\z')
        if ($match.Success) {
            @{
                distribution = $Distro
                others = $match.Groups[1].Value -ceq 'other'
                user = $match.Groups[2].Value
                terminal = 'pts/' + $match.Groups[3].Value
                # Who runs it chooses the name, and a console would obey it.
                program = $match.Groups[4].Value -creplace '[\x00-\x1f\x7f-\x9f]', '?'
            }
        }
    }
}

function Get-WslRestartPlan {
    <#
    .SYNOPSIS
    What a restart of a distro, or with WholeVm of all of WSL, stops: Stopping (distros), Sessions, Stops (words), Others (the
    words for what is not the user's own), Unknown (why it cannot be told who works there) and the Command that does it.
    #>
    param ($Distributions, $Distro, [string]$User = '', [bool]$WholeVm = $false)
    $plan = @{
        Stopping = @($Distro | Where-Object { $_.State -ne 'stopped' })
        Command = "wsl.exe --terminate $($Distro.Name)"
        Argument = @('--terminate', $Distro.Name)
        Sessions = @()
        Stops = @()
        Others = @()
        Unknown = @()
    }
    if ($WholeVm) {
        $plan.Stopping = @($Distributions | Where-Object { $_.State -ne 'stopped' -and $_.Version -eq 2 })
        $plan.Command = 'wsl.exe --shutdown'
        $plan.Argument = @('--shutdown')
    }
    foreach ($one in $plan.Stopping) {
        if ($one.State -ne 'running') { throw "$($one.Name) is just being installed, converted or exported; wait for that and run again." }
        if ($one.Name -ne $Distro.Name) {
            $what = "the distro $($one.Name)"
            if ($one.Name -match '^docker-desktop') { $what += ' (Docker Desktop with its containers)' }
            $plan.Stops += $what
            $plan.Others += $what
        }
        if ($one.Name -match '^docker-desktop') { continue }
        # Another distro need not have the user of this one.
        $who = ''
        if ($one.Name -eq $Distro.Name) { $who = $User }
        try {
            foreach ($terminal in @(Get-WslTerminal $one.Name $who)) {
                $words = "the session of $($terminal.user) on $($terminal.terminal) of $($one.Name) ($($terminal.program))"
                $plan.Sessions += $terminal
                $plan.Stops += $words
                if ($terminal.others) { $plan.Others += $words }
            }
        } catch {
            $plan.Unknown += $_.Exception.Message
        }
        $plan.Stops += "every program and service of $($one.Name)"
    }
    $plan
}

function Invoke-WslRestart {
    <#
    .SYNOPSIS
    Does what a plan says, waits until nothing of it runs, and starts the distro again unless told not to.
    #>
    param ($Plan, $Distro, [bool]$Start = $true)
    if ($Plan.Stopping.Count -gt 0) {
        $answer = Invoke-WslExe $Plan.Argument
        if ($answer.ExitCode -ne 0) { throw "``$($Plan.Command)`` failed: $(Format-WslFailure $answer)." }
        $names = @($Plan.Stopping | ForEach-Object { $_.Name })
        $running = @()
        for ($i = 0; $i -lt 60; $i++) {
            $running = @(Get-WslDistribution | Where-Object { $names -contains $_.Name -and $_.State -ne 'stopped' })
            if ($running.Count -eq 0) { break }
            Start-Sleep -Milliseconds 500
        }
        if ($running.Count -gt 0) {
            throw "$($running[0].Name) still runs after ``$($Plan.Command)``; look at it with wsl.exe --list --verbose."
        }
    }
    if ($Start) {
        $answer = Invoke-WslExe '--distribution', $Distro.Name, '--exec', '/bin/true' -TimeoutSeconds 120
        if ($answer.ExitCode -ne 0) { throw "$($Distro.Name) does not start again: $(Format-WslFailure $answer)." }
    }
}

Export-ModuleMember -Function @(
    'Join-Argument', 'Find-WslExe', 'Invoke-WslExe', 'Format-WslFailure', 'ConvertFrom-WslList', 'Get-WslDistribution',
    'Get-WslTerminal', 'Get-WslRestartPlan', 'Invoke-WslRestart'
)
