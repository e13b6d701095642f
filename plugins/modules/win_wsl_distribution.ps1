#!powershell

# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell ..module_utils.WslExe

$spec = @{
    options = @{
        state = @{ type = 'str'; choices = @('info', 'restarted'); default = 'info' }
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

# One line for each terminal that is open in a distro: whether it is of the user (an ancestor of its first program is, so
# that sudo's terminals count), whose that program is, the terminal's number and the program.
$terminals = @'
mine=$(id -u ${1:+"$1"}) || exit 3
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

Function Get-Terminal {
    <#
    .SYNOPSIS
    The terminals that are open in a distro that runs.
    #>
    Param ([string]$Distro, [string]$User)
    $argument = @('--distribution', $Distro, '--exec', '/bin/sh', '-s')
    if ($User) { $argument += $User }
    $answer = Invoke-WslExe $argument -InputText $terminals
    if ($answer.ExitCode -eq 3) { throw "$Distro has no user '$User'; give user one that it has." }
    if ($answer.ExitCode -ne 0) {
        throw "It cannot be told who works in ${Distro}: $(Format-WslFailure $answer); set stop_others to restart it all the same."
    }
    foreach ($line in $answer.Stdout.Split([char]10)) {
        $match = [regex]::Match($line, '^(mine|other) (\S+) ([0-9]+) (.+?)\s*\z')
        if ($match.Success) {
            @{
                distribution = $Distro
                others = $match.Groups[1].Value -ceq 'other'
                user = $match.Groups[2].Value
                terminal = 'pts/' + $match.Groups[3].Value
                program = $match.Groups[4].Value
            }
        }
    }
}

Function Format-Terminal {
    Param ($Terminal)
    "the session of $($Terminal.user) on $($Terminal.terminal) of $($Terminal.distribution) ($($Terminal.program))"
}

Function Invoke-Restart {
    Param ($Distributions)
    $name = $module.Params.name
    $one = $Distributions | Where-Object { $_.Name -eq $name }
    if (-not $one) {
        $names = @($Distributions | ForEach-Object { $_.Name }) -join ', '
        if (-not $names) { $names = 'none' }
        throw "This Windows user has no distro '$name'; there are: $names."
    }
    $stopping = @($one | Where-Object { $_.State -ne 'stopped' })
    $command = "wsl.exe --terminate $($one.Name)"
    $verb = '--terminate', $one.Name
    if ($module.Params.whole_vm) {
        $stopping = @($Distributions | Where-Object { $_.State -ne 'stopped' -and $_.Version -eq 2 })
        $command = 'wsl.exe --shutdown'
        $verb = @('--shutdown')
    }
    $result = $module.Result
    $result.restart_command = $command
    $busy = @($stopping | Where-Object { $_.State -ne 'running' })
    if ($busy.Count -gt 0) { throw "$($busy[0].Name) is just being installed, converted or exported; wait for that and run again." }

    $others = @()
    foreach ($distro in $stopping) {
        if ($distro.Name -ne $one.Name) {
            $what = "the distro $($distro.Name)"
            if ($distro.Name -match '^docker-desktop') { $what += ' (Docker Desktop with its containers)' }
            $result.stops += $what
            $others += $what
        }
        if ($distro.Name -match '^docker-desktop') { continue }
        $found = @()
        try {
            # Another distro need not have the user of this one.
            $user = ''
            if ($distro.Name -eq $one.Name) { $user = $module.Params.user }
            $found = @(Get-Terminal $distro.Name $user)
        } catch {
            if (-not $module.Params.stop_others) { throw }
            $module.Warn($_.Exception.Message)
        }
        foreach ($terminal in $found) {
            $result.sessions += $terminal
            $result.stops += Format-Terminal $terminal
            if ($terminal.others) { $others += Format-Terminal $terminal }
        }
        $result.stops += "every program and service of $($distro.Name)"
    }
    if ($others.Count -gt 0 -and -not $module.Params.stop_others) {
        throw "$($one.Name) was not restarted, for ``$command`` would stop $($others -join ' and '); ask first, then set stop_others."
    }
    $result.changed = $stopping.Count -gt 0
    if ($module.CheckMode) { return }

    if ($stopping.Count -gt 0) {
        $answer = Invoke-WslExe $verb
        if ($answer.ExitCode -ne 0) { throw "``$command`` failed: $(Format-WslFailure $answer)." }
        $names = @($stopping | ForEach-Object { $_.Name })
        for ($i = 0; $i -lt 60; $i++) {
            $running = @(Get-WslDistribution | Where-Object { $names -contains $_.Name -and $_.State -ne 'stopped' })
            if ($running.Count -eq 0) { break }
            Start-Sleep -Milliseconds 500
        }
        if ($running.Count -gt 0) { throw "$($running[0].Name) still runs 30 seconds after ``$command``; look at it with wsl.exe --list --verbose." }
    }
    if ($module.Params.start) {
        $answer = Invoke-WslExe '--distribution', $one.Name, '--exec', '/bin/true' -TimeoutSeconds 120
        if ($answer.ExitCode -ne 0) { throw "$($one.Name) does not start again: $(Format-WslFailure $answer)." }
        $result.changed = $result.changed -or $one.State -eq 'stopped'
    }
}

$module.Result.sessions = @()
$module.Result.stops = @()
$module.Result.distributions = @()
$module.Result.restart_command = $null
try {
    $distributions = @(Get-WslDistribution)
    if ($module.Params.state -eq 'restarted') {
        Invoke-Restart $distributions
        if (-not $module.CheckMode) { $distributions = @(Get-WslDistribution) }
    }
    $module.Result.distributions = @($distributions | Where-Object { -not $module.Params.name -or $_.Name -eq $module.Params.name } |
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
