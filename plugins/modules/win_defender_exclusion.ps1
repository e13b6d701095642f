#!powershell

# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell ..module_utils.windows.DefenderExclusion
#AnsibleRequires -PowerShell ..module_utils.windows.DefenderState

$spec = @{
    options = @{
        entries = @{
            type = 'list'
            elements = 'dict'
            default = @()
            options = @{
                path = @{ type = 'str' }
                process = @{ type = 'str' }
                extension = @{ type = 'str' }
                distribution = @{ type = 'str' }
                path_type = @{ type = 'str'; choices = @('folder', 'file', 'any'); default = 'folder' }
                scan = @{ type = 'str'; choices = @('on_access', 'all'); default = 'on_access' }
                owner = @{ type = 'str' }
                reason = @{ type = 'str' }
                valid_until = @{ type = 'str' }
                optional = @{ type = 'bool'; default = $false }
                i_understand = @{ type = 'bool'; default = $false }
                allow_dangerous = @{ type = 'bool'; default = $false }
            }
            mutually_exclusive = @(, @('path', 'process', 'extension', 'distribution'))
            required_one_of = @(, @('path', 'process', 'extension', 'distribution'))
        }
        on_ineffective = @{ type = 'str'; choices = @('report', 'fail'); default = 'report' }
        on_not_elevated = @{ type = 'str'; choices = @('report', 'fail'); default = 'fail' }
        on_unreadable = @{ type = 'str'; choices = @('fail', 'add_blind'); default = 'fail' }
        owner = @{ type = 'str' }
        reason = @{ type = 'str' }
        scope = @{ type = 'str' }
        state = @{ type = 'str'; choices = @('present', 'absent', 'exact'); default = 'present' }
        user_profile = @{ type = 'str' }
        valid_days = @{ type = 'int'; default = 365 }
        valid_until = @{ type = 'str' }
    }
    supports_check_mode = $true
}

$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
Set-StrictMode -Version Latest

function Expand-Variable {
    <#
    .SYNOPSIS
    Puts the user's values for the %VARIABLES% of a text; Unset names those that have none.
    #>
    param ([string] $Text, [hashtable] $Environment)

    $unset = New-Object -TypeName 'System.Collections.Generic.List[string]'
    $expanded = [regex]::Replace($Text, '%(?<name>[^%\\/:*?"<>|]+)%', {
            param ($found)
            $value = $Environment[$found.Groups['name'].Value.ToUpperInvariant()]
            if ($value) { return "$value" }
            $unset.Add($found.Groups['name'].Value)
            $found.Value
        })
    [PSCustomObject]@{ Value = $expanded; Unset = $unset.ToArray() }
}

function Test-Day {
    <#
    .SYNOPSIS
    Fails where an option is no day as valid_until must be.
    #>
    param ([string] $Text)

    $day = [datetime]::MinValue
    $culture = [Globalization.CultureInfo]::InvariantCulture
    if ($Text -and -not [datetime]::TryParseExact($Text, 'yyyy-MM-dd', $culture, [Globalization.DateTimeStyles]::None, [ref]$day)) {
        $module.FailJson("valid_until is '$Text': give the last day as in 2027-06-30; nothing was changed.")
    }
}

function Get-WantedEntry {
    <#
    .SYNOPSIS
    Returns what the options ask for: exclusions with their values as Defender shall have them, and what was refused.
    #>
    param ([hashtable] $Environment, [bool] $Contextual)

    $result = @{ wanted = @(); refused = @(); notes = @() }
    $absent = $module.Params.state -eq 'absent'
    $resolver = { param ($path) Resolve-WindowsPath -Path $path }
    foreach ($entry in $module.Params.entries) {
        $kind = @(@('path', 'process', 'extension', 'distribution') | Where-Object { $null -ne $entry[$_] })[0]
        $text = "$($entry[$kind])"
        if ($kind -eq 'distribution') {
            $disk = "$(Get-DistributionDisk -Name $text)"
            if (-not $disk) {
                $sentence = "distribution '$text' has no virtual disk in this user's registry: give a name that 'wsl --list' shows."
                $result.refused += [ordered]@{ kind = $kind; value = $text; sentence = $sentence; fatal = -not ($absent -or $entry.optional) }
                continue
            }
            $kind = 'path'
            $text = if ($absent) { $disk } else { "$disk\:{PathType:file}" }
        }
        $expanded = Expand-Variable -Text $text -Environment $Environment
        if ($expanded.Unset.Count) {
            $sentence = "$kind '$text' has the variable $($expanded.Unset[0]), which is not set for this user: set it or leave the entry out."
            if ($entry.optional) {
                $result.notes += $sentence.TrimEnd('.')
            } else {
                $result.refused += [ordered]@{ kind = $kind; value = $text; sentence = $sentence; fatal = -not $absent }
            }
            continue
        }
        $value = $expanded.Value.Trim()
        # A short name, as TEMP often has, and a link are judged by what they stand for.
        if (-not $absent -and $kind -eq 'path' -and $null -eq (Split-ExclusionContext -Value $value).Conditions -and $Contextual) {
            $conditions = @()
            if ($entry.path_type -ne 'any') {
                $conditions += "PathType:$($entry.path_type)"
            }
            if ($entry.scan -eq 'on_access') {
                $conditions += 'ScanTrigger:OnAccess'
            }
            if ($conditions.Count) {
                $value = $value.TrimEnd('\', '/') + '\:{' + ($conditions -join ',') + '}'
            }
        }
        $values = @($value)
        if ($kind -eq 'path' -and $value -match '\A[\\/]{2}wsl(\$|\.localhost)[\\/]') {
            # Programs use both names, and Defender compares what they use.
            $rest = $value.Substring($Matches[0].Length)
            $values = @("\\wsl.localhost\$rest", "\\wsl`$\$rest")
            if (-not $absent -and -not $entry.i_understand) {
                $sentence = "path '$value' is refused: what any Windows program opens there is no longer scanned; " +
                'say i_understand: true on the entry if that is meant.'
                $result.refused += [ordered]@{ kind = $kind; value = $value; sentence = $sentence; fatal = -not $entry.optional }
                continue
            }
        }
        foreach ($value in $values) {
            $problem = $null
            if (-not $absent) {
                $problem = Get-ExclusionProblem -Kind $kind -Value $value -Environment $Environment -Resolver $resolver
            }
            if ($problem -and ($problem.Invalid -or -not $entry.allow_dangerous)) {
                if ($entry.optional) {
                    $result.notes += $problem.Sentence.TrimEnd('.')
                }
                $result.refused += [ordered]@{ kind = $kind; value = $value; sentence = $problem.Sentence; fatal = -not $entry.optional }
                continue
            }
            if ($problem) {
                $module.Warn("Allowed by allow_dangerous although $($problem.Sentence)")
            }
            $wanted = @{ kind = $kind; value = $value; valid_days = $module.Params.valid_days }
            foreach ($name in @('owner', 'reason', 'valid_until')) {
                $wanted[$name] = if ($entry[$name]) { "$($entry[$name])" } else { "$($module.Params[$name])" }
                if (-not $wanted[$name] -and $name -ne 'valid_until' -and -not $absent) {
                    $module.FailJson("$name is missing for $kind '$value': say it for the entry or for the whole; nothing was changed.")
                }
            }
            Test-Day -Text $wanted.valid_until
            $result.wanted += $wanted
            if (-not $absent -and $kind -ne 'extension') {
                $result.notes += @(Get-SharedFolderNote -Kind $kind -Path (Split-ExclusionContext -Value $value).Path)
            }
        }
    }
    $result
}

function Get-Text {
    <#
    .SYNOPSIS
    Returns the exclusions as lines for the diff: what Defender has, ours with owner and end.
    #>
    param ([hashtable] $Lists, [hashtable[]] $Ledger)

    $lines = @{}
    if ($Lists) {
        foreach ($kind in @('path', 'process', 'extension')) {
            foreach ($value in $Lists[$kind]) {
                $lines["$kind $value"] = ''
            }
        }
    }
    foreach ($record in $Ledger) {
        if ($record.expired) {
            continue
        }
        $end = if ($record.valid_until) { "until $($record.valid_until)" } else { 'without end' }
        $lines["$($record.kind) $($record.value)"] += "  [$($record.scope): $($record.owner), $end, $($record.reason)]"
    }
    $text = @($lines.Keys | ForEach-Object { $_ + $lines[$_] } | Sort-Object) -join "`n"
    if ($text) { "$text`n" } else { '' }
}

function Get-PlannedLedger {
    <#
    .SYNOPSIS
    Returns the ledger as it is when a plan has been carried out.
    #>
    param ([hashtable[]] $Ledger, [hashtable] $Plan)

    $gone = @($Plan.forget | ForEach-Object { $_.id }) + @($Plan.record | ForEach-Object { $_.id })
    @($Ledger | Where-Object { $_.id -cnotin $gone }) + @($Plan.record)
}

function Get-PlannedList {
    <#
    .SYNOPSIS
    Returns Defender's lists as they are when a plan has been carried out.
    #>
    param ([hashtable] $Lists, [hashtable] $Plan)

    if (-not $Lists) {
        return
    }
    $after = @{}
    foreach ($kind in $Lists.Keys) {
        $removed = @($Plan.remove | Where-Object { $_.kind -eq $kind } | ForEach-Object { $_.value })
        $after[$kind] = @($Lists[$kind] | Where-Object { $_ -cnotin $removed }) +
        @($Plan.add | Where-Object { $_.kind -eq $kind } | ForEach-Object { $_.value })
    }
    $after
}

function Stop-Change {
    <#
    .SYNOPSIS
    Fails after something may have been changed, with what was.
    #>
    param ([string] $Sentence, [string] $Reason)

    $done = @($module.Result.removed | ForEach-Object { "removed $_" }) + @($module.Result.added | ForEach-Object { "added $_" })
    $said = if ($done.Count) { "before that it $($done -join ', ')" } else { 'nothing was changed' }
    $module.Result.changed = [bool]$done.Count
    $module.Result.reason = $Reason
    $module.FailJson("${Sentence}; $said.")
}

function Invoke-Plan {
    <#
    .SYNOPSIS
    Carries out a plan one exclusion at a time, the ledger always first, so that nothing of ours is ever unknown.
    #>
    param ([hashtable] $Plan)

    foreach ($remove in $Plan.remove) {
        try {
            Edit-DefenderExclusion -Verb Remove -Kind $remove.kind -Value $remove.value
        } catch {
            # Not found: someone was faster.
            if ((Get-ErrorCode -ErrorRecord $_) -ne '0x80041002') {
                Stop-Change -Reason (Get-ErrorCode -ErrorRecord $_) -Sentence (
                    "$($remove.kind) '$($remove.value)' could not be removed: $(Get-DefenderErrorSentence -ErrorRecord $_)")
            }
        }
        $module.Result.removed += "$($remove.kind) $($remove.value)"
    }
    $adding = @($Plan.add | ForEach-Object { $_.key })
    foreach ($record in @($Plan.record | Where-Object { $_.key -cnotin $adding })) {
        Set-DefenderRecord -Record $record
    }
    foreach ($add in $Plan.add) {
        # One after the other: what is recorded long before it is added could be added by someone else meanwhile.
        $records = @($Plan.record | Where-Object { $_.key -ceq $add.key })
        foreach ($record in $records) {
            Set-DefenderRecord -Record $record
        }
        try {
            Edit-DefenderExclusion -Verb Add -Kind $add.kind -Value $add.value
        } catch {
            $code = Get-ErrorCode -ErrorRecord $_
            $sentence = Get-DefenderErrorSentence -ErrorRecord $_
            foreach ($record in @($records | Where-Object { $_.is_new })) {
                Remove-DefenderRecord -Id $record.id
            }
            Stop-Change -Reason $code -Sentence "$($add.kind) '$($add.value)' could not be added: $sentence"
        }
        $module.Result.added += "$($add.kind) $($add.value)"
    }
    foreach ($record in $Plan.forget) {
        Remove-DefenderRecord -Id $record.id
    }
}

function Get-Excluded {
    <#
    .SYNOPSIS
    Asks the engine about the wanted paths where the list is hidden: true or false by key, nothing where it does not say.
    #>
    param ([hashtable[]] $Wanted, [hashtable[]] $Ledger)

    $found = @{}
    $ours = @($Ledger | Where-Object { -not $_.expired } | ForEach-Object { $_.kind + '|' + (Get-ExclusionKey -Kind $_.kind -Value $_.asked) })
    foreach ($entry in @($Wanted | Where-Object { $_.kind -eq 'path' })) {
        $key = 'path|' + (Get-ExclusionKey -Kind path -Value $entry.value)
        if ($key -cnotin $ours) {
            $excluded = Test-PathExcluded -Path (Split-ExclusionContext -Value $entry.value).Path
            if ($null -ne $excluded) {
                $found[$key] = $excluded
            }
        }
    }
    $found
}

function Confirm-Plan {
    <#
    .SYNOPSIS
    Reads back what Defender has now, and fails where it silently did something else.
    #>
    param ([hashtable] $Plan, [hashtable] $Before)

    $state = Get-DefenderState
    if (-not $state.lists) {
        return $null
    }
    $now = @{}
    foreach ($kind in $state.lists.Keys) {
        foreach ($value in $state.lists[$kind]) {
            $now[$kind + '|' + (Get-ExclusionKey -Kind $kind -Value $value)] = $value
        }
    }
    $ignored = @()
    foreach ($add in $Plan.add) {
        if ($now.ContainsKey($add.key)) {
            # In the spelling that Defender keeps, so that the next run finds what it has recorded.
            foreach ($record in @($Plan.record | Where-Object { $_.key -ceq $add.key -and $_.value -cne $now[$add.key] })) {
                $record.value = $now[$add.key]
                Set-DefenderRecord -Record $record
            }
            continue
        }
        # Kept under another spelling, such as without its conditions: then that is what has to be removed one day.
        $other = @()
        if ($add.kind -eq 'path') {
            $other = @($state.lists['path'] | Where-Object {
                    $_ -cnotin @($Before['path']) -and (Get-ExclusionBaseKey -Value $_) -ceq (Get-ExclusionBaseKey -Value $add.value)
                })
        }
        if ($other.Count) {
            foreach ($record in @($Plan.record | Where-Object { $_.key -ceq $add.key })) {
                $record.value = $other[0]
                Set-DefenderRecord -Record $record
            }
            $module.Warn("Defender keeps path '$($add.value)' as '$($other[0])'.")
            continue
        }
        $ignored += $add
    }
    $managed = @(foreach ($kind in $state.managed.Keys) {
            foreach ($value in $state.managed[$kind]) { $kind + '|' + (Get-ExclusionKey -Kind $kind -Value $value) }
        })
    # Another spelling of it that is still there is someone else's.
    $stayed = @($Plan.remove | Where-Object { @($state.lists[$_.kind]) -ccontains $_.value -and $_.key -cnotin $managed })
    if ($ignored.Count -or $stayed.Count) {
        foreach ($record in @($Plan.record | Where-Object { $_.is_new -and $_.key -cin @($ignored | ForEach-Object { $_.key }) })) {
            Remove-DefenderRecord -Id $record.id
        }
        # What stayed is still ours.
        foreach ($record in @($Plan.forget | Where-Object { $_.kind + '|' + $_.value -cin @($stayed | ForEach-Object { $_.kind + '|' + $_.value }) })) {
            Set-DefenderRecord -Record $record
        }
        $module.Result.added = @($module.Result.added | Where-Object { $_ -cnotin @($ignored | ForEach-Object { "$($_.kind) $($_.value)" }) })
        $module.Result.removed = @($module.Result.removed | Where-Object { $_ -cnotin @($stayed | ForEach-Object { "$($_.kind) $($_.value)" }) })
        $first = @($ignored + $stayed)[0]
        $verb = if ($ignored.Count) { 'added' } else { 'removed' }
        $event5013 = Get-TamperEvent
        $why = if ($event5013) { " ($event5013)" } else { '' }
        Stop-Change -Reason write_ignored -Sentence (
            "$($first.kind) '$($first.value)' was $verb without an error and reading it back shows no change${why}: Tamper Protection or a " +
            'policy keeps the list as it is, so ask who manages this device')
    }
    $state.lists
}

$module.Result.changed = $false
$module.Result.added = @()
$module.Result.removed = @()
$module.Result.verified = $false
$module.Result.reason = ''
$module.Result.elevated_script = ''

if ($module.Params.valid_days -lt 0) {
    $module.FailJson("valid_days is $($module.Params.valid_days): give a number of days, or 0 for exclusions without end; nothing was changed.")
}
Test-Day -Text $module.Params.valid_until
$environment = Get-WindowsVariable -UserProfile $module.Params.user_profile
$scope = $module.Params.scope
if (-not $scope) {
    $scope = "$($environment['USERNAME'])"
}
if (-not $scope) {
    $module.FailJson('scope is not given and USERNAME is not set: name the set of exclusions with scope; nothing was changed.')
}

$state = Get-DefenderState
$asked = Get-WantedEntry -Environment $environment -Contextual $state.contextual
$module.Result.scope = $scope
$module.Result.refused = @($asked.refused | ForEach-Object { [ordered]@{ kind = $_.kind; value = $_.value; sentence = $_.sentence } })
$module.Result.defender = [ordered]@{
    running_mode = $state.status['AMRunningMode']
    real_time_protection = $state.status['RealTimeProtectionEnabled']
    tamper_protected = $state.status['IsTamperProtected']
    platform = $state.status['AMProductVersion']
    contextual = $state.contextual
    elevated = $state.elevated
    hidden = $state.hidden
}
$module.Result.obstacles = @($state.obstacles | ForEach-Object { [ordered]@{ reason = $_.reason; sentence = $_.sentence; fix = $_.fix } })

$fatal = @($asked.refused | Where-Object { $_.fatal })
if ($fatal.Count) {
    $module.Result.reason = 'refused'
    $sentences = @($fatal | ForEach-Object { $_.sentence })
    $module.FailJson(($sentences -join ' ') + ' Nothing was changed.')
}

try {
    $ledger = @(Get-DefenderLedger)
} catch {
    $module.FailJson("$($_.Exception.Message)")
}
$module.Result.recorded = @($ledger | Where-Object { $_.scope -ceq $scope -and -not $_.expired } | ForEach-Object {
        [ordered]@{ kind = $_.kind; value = $_.value; asked = $_.asked }
    })
$given = @{
    State = $module.Params.state
    Wanted = @($asked.wanted)
    Lists = $state.lists
    Managed = $state.managed
    Ledger = $ledger
    Scope = $scope
    Today = (Get-Date).Date
}
if ($state.hidden -eq 'policy') {
    $given['Blind'] = $true
    if ($module.Params.state -ne 'absent' -and $module.Params.on_unreadable -eq 'add_blind') {
        $given['Excluded'] = Get-Excluded -Wanted @($asked.wanted) -Ledger $ledger
    }
}
$plan = New-ExclusionPlan @given
foreach ($record in @($plan.record) + @($plan.respelled)) {
    if (-not (Test-DefenderRecord -Record $record)) {
        $module.FailJson("$($record.kind) '$($record.asked)' cannot be recorded so that it can be read again: leave control characters " +
            'and broken characters out of it, its scope, owner and reason; nothing was changed.')
    }
}
$todo = $plan.add.Count + $plan.remove.Count + $plan.record.Count + $plan.forget.Count
$module.Result.managed = @($plan.managed | ForEach-Object { "$($_.kind) $($_.value)" })
$module.Result.kept = @($plan.kept)
$module.Result.notes = @($asked.notes) + @($plan.notes)
if (-not $state.contextual -and $state.status.Count -and $plan.add.Count -and $module.Params.state -ne 'absent') {
    $module.Result.notes += "platform $($state.status['AMProductVersion']) is older than 4.18.2205.7 and knows no conditions, " +
    'so what is excluded is left out of scheduled scans too: update Defender'
}
$module.Result.entries = @()

# A case in which writing would be useless or cannot be: nothing is written, and it is said.
$blocking = @($state.obstacles | Where-Object { $_.blocks })
if ($module.Params.state -eq 'absent') {
    # What is there can be taken away also where it counts for nothing.
    $blocking = @($blocking | Where-Object { $state.hidden -eq 'unreadable' })
}
$sentence = ''
if ($todo) {
    if ($blocking.Count) {
        $sentence = "$($blocking[0].sentence) $($blocking[0].fix)"
        $module.Result.reason = $blocking[0].reason
        $fails = $module.Params.on_ineffective -eq 'fail'
    } elseif (-not $state.elevated) {
        $sentence = 'Changing exclusions takes an administrator: start the terminal as one and run this again, or hand elevated_script to one.'
        $module.Result.reason = 'not_elevated'
        $module.Result.elevated_script = Get-AdministratorScript -Plan $plan
        $fails = $module.Params.on_not_elevated -eq 'fail' -and -not $module.CheckMode
    } elseif (-not $state.lists -and $module.Params.on_unreadable -eq 'fail') {
        $sentence = 'A policy (HideExclusionsFromLocalAdmins) hides the exclusions from administrators, so what is there is unknown: ' +
        'set on_unreadable to add_blind to add without seeing them, or ask who manages this device.'
        $module.Result.reason = 'unreadable'
        $fails = $true
    }
}
if (-not $todo -and $blocking.Count) {
    $module.Result.reason = $blocking[0].reason
}
if ($sentence) {
    $module.Result.sentence = $sentence
    if ($fails) {
        $module.FailJson("$sentence Nothing was changed.")
    }
    $module.Result.notes += $sentence.TrimEnd('.')
    $module.Warn($sentence)
}

if ($plan.respelled.Count -and $state.elevated -and -not $module.CheckMode -and -not $sentence) {
    foreach ($record in $plan.respelled) {
        Set-DefenderRecord -Record $record
    }
}
$lists = $state.lists
$before = Get-Text -Lists $lists -Ledger $ledger
$after = $before
$held = $sentence -and -not ($module.CheckMode -and $module.Result.reason -eq 'not_elevated')
if ($todo -and -not $held) {
    $ledger = Get-PlannedLedger -Ledger $ledger -Plan $plan
    $module.Result.changed = $true
    if ($module.CheckMode) {
        $module.Result.added = @($plan.add | ForEach-Object { "$($_.kind) $($_.value)" })
        $module.Result.removed = @($plan.remove | ForEach-Object { "$($_.kind) $($_.value)" })
        $after = Get-Text -Lists (Get-PlannedList -Lists $state.lists -Plan $plan) -Ledger $ledger
        $module.Result.elevated_script = Get-AdministratorScript -Plan $plan
    } else {
        Invoke-Plan -Plan $plan
        if ($plan.add.Count -or $plan.remove.Count) {
            $lists = Confirm-Plan -Plan $plan -Before $(if ($state.lists) { $state.lists } else { @{} })
        }
        $after = Get-Text -Lists $lists -Ledger $ledger
        $module.Result.verified = $null -ne $lists
    }
} elseif (-not $sentence) {
    $module.Result.verified = $null -ne $state.lists
}
if (-not $module.Result.verified -and -not $sentence -and -not $module.CheckMode) {
    $module.Result.notes += 'Defender does not show its exclusions here, so this is what our own record says'
}
$module.Result.exclusions = $lists
$module.Result.changes = @($module.Result.removed | ForEach-Object { "Defender scans $_ again" }) +
@($module.Result.added | ForEach-Object { "Defender leaves out $_" })
$module.Diff.before = $before
$module.Diff.after = $after
$module.Result.entries = @($ledger | Where-Object { $_.scope -ceq $scope -and -not $_.expired } | Sort-Object -Property { $_.value } | ForEach-Object {
        [ordered]@{ kind = $_.kind; value = $_.value; owner = $_.owner; reason = $_.reason; valid_until = $_.valid_until; added = $_.added }
    })
$module.ExitJson()
