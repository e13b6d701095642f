# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

<#
.SYNOPSIS
Tunes Go in a WSL distro, from Windows: runs onboard.sh in it, and restarts it when something waits for that and you agree.

.DESCRIPTION
From a normal PowerShell, Windows PowerShell 5.1 or PowerShell 7, no administrator needed:

    powershell -ExecutionPolicy Bypass -File .\onboard.ps1

A distro that is not there is installed first, when you agree: by its name, or from a .wsl file. A checkout on a Windows
drive is copied to ~/.local/share/wsltune/checkout of the distro, because it would be slow and without symbolic links there.

Exit codes: 0 done, 1 a step failed, 2 wrong usage, 3 this machine cannot be set up, 130 interrupted.

.PARAMETER Distribution
The distro; WSL's default one where it is not given. One that is not there is installed when you agree.

.PARAMETER Image
A .wsl file that -Distribution is installed from, where it is not there.

.PARAMETER Yes
Ask nothing: install, start, and restart the distro when something waits for it. Never stops sessions of other users.

.PARAMETER Arguments
rollback, --check, --no-benchmark as for onboard.sh; everything else, after --, goes to ansible-playbook.

.EXAMPLE
.\onboard.ps1 -Distribution Ubuntu -- -e go_env_cgo_enabled=false

.EXAMPLE
.\onboard.ps1 -Distribution acme-go -Image C:\Users\me\Downloads\acme-go.wsl
#>
[CmdletBinding(SupportsShouldProcess = $true, PositionalBinding = $false)]
param (
    [string]$Distribution = '',
    [string]$Image = '',
    [switch]$Yes,
    [Parameter(ValueFromRemainingArguments = $true)][string[]]$Arguments = @()
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$failed, $usage, $setup = 1, 2, 3

function Stop-Onboarding {
    <#
    .SYNOPSIS
    Ends with one sentence on the error stream.
    #>
    param ([string]$Sentence, [int]$Code)
    [Console]::Error.WriteLine("onboard.ps1: $($Sentence.TrimEnd('.')).")
    exit $Code
}

function Write-Line {
    <#
    .SYNOPSIS
    Writes a line to the console, never to the output.
    #>
    param ([string]$Text)
    $Host.UI.WriteLine($Text)
}

function Install-Distro {
    <#
    .SYNOPSIS
    Installs the distro that is not there, when the user agrees; otherwise ends with the reason.
    #>
    param ([string]$Names)
    $missing = "there is no distro '$Distribution'"
    $others = if ($Names) { "give -Distribution one of: $Names" } else { 'WSL has none yet' }
    if ($Distribution -cnotmatch '^[A-Za-z0-9][A-Za-z0-9._-]*\z') { Stop-Onboarding "$missing, and none can have that name; $others" $usage }
    if ($check -or $own -ccontains 'rollback') { Stop-Onboarding "$missing; $others" $usage }
    $install = if ($Image) { @('--install', '--from-file', $imagePath, '--name', $Distribution) } else { @('--install', '--distribution', $Distribution) }
    $source = if ($Image) { $imagePath } else { "WSL's list" }
    if (-not $PSCmdlet.ShouldProcess("$Distribution, from $source", 'Install the distro')) { exit 0 }
    if (-not (Read-Agreement "Install $Distribution from ${source}?")) { Stop-Onboarding "$missing; $others" $usage }
    $code = Invoke-Console ($install + '--no-launch')
    if ($code -ne 0) { Stop-Onboarding "wsl.exe could not install $Distribution from $source, and gives the reason above (exit code $code)" $setup }
    if ($Yes) {
        Write-Line "$Distribution is installed. Nobody was asked for the name of an account: root is set up."
        return
    }
    Write-Line "$Distribution is installed. Now it starts for the first time and may ask for the name of your account; type exit at its prompt to go on."
    $null = Invoke-Console '--distribution', $Distribution
}

function Get-Distro {
    <#
    .SYNOPSIS
    Returns the distro to work in, or ends with the reason why there is none.
    #>
    try {
        $found = @(Get-WslDistribution)
    } catch {
        $reason = $_.Exception.Message.TrimEnd('.')
        if ($reason -match 'not installed') {
            $reason = 'WSL is not installed here: run `wsl.exe --install` as an administrator, restart Windows and start again'
        }
        Stop-Onboarding $reason $setup
    }
    $names = @($found | ForEach-Object { $_.Name }) -join ', '
    if ($Distribution) {
        $one = $found | Where-Object { $_.Name -eq $Distribution }
        if (-not $one) {
            Install-Distro $names
            $one = Get-WslDistribution | Where-Object { $_.Name -eq $Distribution }
            if (-not $one) { Stop-Onboarding "wsl.exe installed '$Distribution', and does not list it" $setup }
        }
    } elseif ($found.Count -eq 0) {
        Stop-Onboarding 'WSL has no distro yet: give -Distribution the name of one to install, such as Ubuntu' $setup
    } else {
        $one = $found | Where-Object { $_.Default }
        if (-not $one -or $one.Name -match '^docker-desktop') {
            Stop-Onboarding "WSL's default distro is none to work in; give -Distribution one of: $names" $usage
        }
    }
    if ($one.Version -ne 2) { Stop-Onboarding "$($one.Name) is a WSL1 distro: convert it with ``wsl.exe --set-version $($one.Name) 2`` and start again" $setup }
    if ($one.State -eq 'other') { Stop-Onboarding "$($one.Name) is just being installed, converted or exported: wait for that and start again" $setup }
    $one
}

function Invoke-Console {
    <#
    .SYNOPSIS
    Runs wsl.exe with this console as its terminal, and returns its exit code.
    #>
    param ([string[]]$Argument)
    # Not by the call operator: Windows PowerShell loses quotes inside of arguments.
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo
    $start.FileName = Find-WslExe
    $start.Arguments = Join-Argument $Argument
    $start.UseShellExecute = $false
    # Otherwise its own words are UTF-16 in a file or a pipe.
    $start.EnvironmentVariables['WSL_UTF8'] = '1'
    $process = [System.Diagnostics.Process]::Start($start)
    $process.WaitForExit()
    $process.ExitCode
}

# Copies the folder it starts in to the distro's own file system, in one step; .venv is kept, for it takes a minute to make.
$copy = @'
set -eu
umask 022
to=$HOME/.local/share/wsltune/checkout
[ -f onboard.sh ] || { echo "the checkout cannot be seen from the distro, in $(pwd)"; exit 3; }
rm -rf "$to.new"
mkdir -p "$to.new"
tar --exclude=./.git --exclude='./.venv*' --exclude=./.cache --exclude=./reports -cf - . |
    tar -C "$to.new" --no-same-permissions --no-same-owner -xf -
cmp -s onboard.sh "$to.new/onboard.sh" || { echo "the copy in $to.new is not whole"; exit 3; }
link=$to.new/collections/ansible_collections/wsltune/go
if [ ! -L "$link" ]; then
    rm -rf "$link"
    mkdir -p "${link%/*}"
    ln -s ../../.. "$link"
    echo fixed
fi
chmod -R go-w "$to.new"
[ ! -d "$to/.venv" ] || mv "$to/.venv" "$to.new/.venv"
rm -rf "$to.old"
[ ! -e "$to" ] || mv "$to" "$to.old"
mv "$to.new" "$to"
rm -rf "$to.old"
printf 'folder %s\n' "$to"
'@.Replace("`r", '')

function Get-Checkout {
    <#
    .SYNOPSIS
    The checkout's folder in the distro, which is this one or a copy of it; null where nothing is to be done.
    #>
    $share = [regex]::Match($PSScriptRoot, '^(?:\\\\\?\\UNC|\\)\\wsl(?:\.localhost|\$)\\([^\\]+)(\\.*)?\z', 'IgnoreCase')
    if ($share.Success) {
        if ($share.Groups[1].Value -ne $distro.Name) {
            Stop-Onboarding "this checkout is in the distro $($share.Groups[1].Value); give -Distribution that one, or clone into $($distro.Name)" $usage
        }
        return $share.Groups[2].Value.Replace('\', '/') + '/'
    }
    if (-not $PSCmdlet.ShouldProcess("$PSScriptRoot -> ~/.local/share/wsltune/checkout in $($distro.Name)", 'Copy the checkout')) { return }
    $answer = Invoke-WslExe '--distribution', $distro.Name, '--cd', $PSScriptRoot, '--exec', '/bin/sh', '-s' -InputText $copy -TimeoutSeconds 600
    if ($answer.ExitCode -ne 0) { Stop-Onboarding "the checkout could not be copied into $($distro.Name): $(Format-WslFailure $answer)" $setup }
    if ($answer.Stdout -match '(?m)^fixed\s*$') {
        Write-Line 'Git on Windows made a file of the symbolic link collections/ansible_collections/wsltune/go; the copy has the link again.'
    }
    $folder = [regex]::Match($answer.Stdout, '(?m)^folder (/.+?)\s*$')
    if (-not $folder.Success) { Stop-Onboarding "the checkout could not be copied into $($distro.Name): it does not tell where to" $setup }
    $folder.Groups[1].Value
}

function Get-Pending {
    <#
    .SYNOPSIS
    What is written and not in force in the distro, as sentences.
    #>
    param ([string]$Folder)
    $ansible = '--distribution', $distro.Name, '--cd', $Folder, '--exec', '.venv/bin/ansible', 'localhost', '-m', 'wsltune.go.wsl_facts'
    $answer = Invoke-WslExe $ansible -TimeoutSeconds 120
    $json = [regex]::Match($answer.Stdout, '(?s)\{.*\}')
    if ($answer.ExitCode -ne 0 -or -not $json.Success) {
        Stop-Onboarding "$($distro.Name) does not tell what waits for a restart: $(Format-WslFailure $answer)" $failed
    }
    @((ConvertFrom-Json -InputObject $json.Value).ansible_facts.wsl.conf.pending_sentences)
}

function Read-Agreement {
    <#
    .SYNOPSIS
    Asks a question at the console; whether the answer is yes.
    #>
    param ([string]$Question)
    if ($Yes) { return $true }
    try {
        (Read-Host -Prompt "$Question [y/N]") -match '^\s*y(es)?\s*$'
    } catch {
        # There is no one to ask.
        $false
    }
}

Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath 'plugins/module_utils/windows/WslExe.psm1') -Force
$own = @()
$rest = @()
foreach ($argument in $Arguments) {
    if ($rest.Count -eq 0 -and $argument -cin 'rollback', '--check', '--no-benchmark', '--yes', '--help', '-h') {
        $own += $argument
    } elseif ($argument -cne '--' -or $rest.Count -gt 0) {
        $rest += $argument
    }
}
# As onboard.sh has it, which knows it behind -- too, as ansible-playbook reads it.
$check = $own -ccontains '--check' -or @($rest -cmatch '^(--ch(e(ck?)?)?|-[bDv]*C[bCDv]*)$').Count -gt 0
if ($own -ccontains '--yes') { $Yes = $true }
if ($own -ccontains '--help' -or $own -ccontains '-h') {
    Get-Help -Name $PSCommandPath -Full
    exit 0
}
if ($Yes -and $own -cnotcontains '--yes') { $own += '--yes' }
if ($rest.Count -gt 0) { $rest = @('--') + $rest }

$imagePath = ''
if ($Image) {
    if (-not $Distribution) { Stop-Onboarding '-Image needs -Distribution, the name that the distro gets' $usage }
    if ($Image -notmatch '\.wsl\z' -or -not (Test-Path -LiteralPath $Image -PathType Leaf)) {
        Stop-Onboarding "-Image is '$Image': give a .wsl file that is there" $usage
    }
    $imagePath = (Resolve-Path -LiteralPath $Image).ProviderPath
}
$distro = Get-Distro
$folder = Get-Checkout
$run = @('/bin/bash', './onboard.sh') + $own + $rest
if (-not $PSCmdlet.ShouldProcess("$($distro.Name): $($run -join ' ')", 'Run in the distro')) { exit 0 }
$code = Invoke-Console (@('--distribution', $distro.Name, '--cd', $folder, '--exec') + $run)
if ($code -ne 0) { exit $code }
if ($check) { exit 0 }

$pending = @(Get-Pending $folder)
if ($pending.Count -eq 0) { exit 0 }
$pending | ForEach-Object { Write-Line $_ }
$plan = $null
try {
    # It runs by now, also where it did not at first.
    $all = @(Get-WslDistribution)
    $distro = $all | Where-Object { $_.Name -eq $distro.Name }
    $plan = Get-WslRestartPlan $all $distro
} catch {
    Stop-Onboarding $_.Exception.Message $failed
}
if ($plan.Others.Count -gt 0 -or $plan.Unknown.Count -gt 0) {
    $why = @($plan.Others | ForEach-Object { "it would stop $_" }) + $plan.Unknown
    Stop-Onboarding "$($distro.Name) was not restarted: $($why -join '; '). Run ``$($plan.Command)`` when nobody minds" $failed
}
if (-not $PSCmdlet.ShouldProcess($distro.Name, 'Restart the distro')) { exit 0 }
if (-not (Read-Agreement "Restart $($distro.Name) now? It stops $($plan.Stops -join ', ').")) {
    Write-Line "Not restarted. Run ``$($plan.Command)`` when it suits you."
    exit 0
}
try {
    Invoke-WslRestart $plan $distro
} catch {
    Stop-Onboarding $_.Exception.Message $failed
}
$left = @(Get-Pending $folder)
if ($left.Count -gt 0) { Stop-Onboarding "$($distro.Name) was restarted, but: $($left -join ' ')" $failed }
Write-Line "$($distro.Name) was restarted, and everything is in force."
exit 0
