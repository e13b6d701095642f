# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# %UserProfile%\.wslconfig as WSL itself reads it, and edits of it that change only the lines they must.
#
# The line grammar is that of wsl.conf (wsl/wslconfig.py is the twin of this file): the first of two equal keys wins, only #
# starts a comment, a backslash is written twice. Two things differ. A line that WSL cannot read is skipped, and the ones
# after it count; what comes after a [section] that it cannot read belongs to a name that WSL has made up of both
# sections. And the file is opened as text on Windows, so that CR LF is one line end everywhere, after a backslash too,
# and Ctrl-Z ends it (WslCoreConfig.cpp opens it with "rt,ccs=UTF-8").
#
# Pure: no file, no registry, no process, so that it can be imported and tested anywhere.

# Texts are compared by their characters (Ordinal, or as [char]): PowerShell's own operators and some methods of strings
# pass over characters that a language does not count, and on new Windows "`r`n" then does not end with "`n".

Set-StrictMode -Version Latest

$script:IntMin = [int]::MinValue
$script:IntMax = [int]::MaxValue
$script:Units = @{ 'B' = 0; 'K' = 10; 'M' = 20; 'G' = 30; 'T' = 40 }
$script:LF = [char]10
$script:CR = [char]13
$script:Networking = [ordered]@{
    'none' = 'none'
    'nat' = 'nat'
    'bridged' = 'bridged'
    'mirrored' = 'mirrored'
    'consomme' = 'consomme'
    'virtioproxy' = 'consomme'
}
$script:Reclaim = [ordered]@{ 'disabled' = 'disabled'; 'gradual' = 'gradual'; 'dropcache' = 'dropcache' }

function New-Key {
    <#
    .SYNOPSIS
    A key that WSL knows.
    #>
    param (
        [string]$Name, [string]$Type, $Default, [string]$Description,
        $Choices = $null, [string[]]$Aliases = @(), $Least = $null
    )
    $section, $key = $Name.Split('.')
    [PSCustomObject]@{
        Name = $Name
        Section = $section
        Key = $key
        Option = [regex]::Replace($key, '(?<=[a-z0-9])[A-Z]', { param($found) '_' + $found.Value }).ToLowerInvariant()
        Type = $Type
        Default = $Default
        Description = $Description
        Choices = $Choices
        Aliases = $Aliases
        Least = $Least
    }
}

# A default of null is one that depends on the machine; the description tells it.
$script:Keys = [ordered]@{}
@(
    New-Key 'wsl2.kernel' 'path' '' 'Kernel to start instead of the one that comes with WSL.'
    New-Key 'wsl2.kernelCommandLine' 'str' '' 'Words to add to the command line of the kernel.'
    New-Key 'wsl2.kernelModules' 'path' '' 'VHD with the modules of the kernel in wsl2.kernel.'
    New-Key 'wsl2.memory' 'memory' $null 'Most memory that all distros together get; half of the host''s where it is not set.'
    New-Key 'wsl2.processors' 'int' $null 'Processors that all distros together get; all of the host''s where it is not set.'
    New-Key 'wsl2.swap' 'memory' $null 'Size of the swap file, 0 for none; a quarter of wsl2.memory, in whole GB, where it is not set.'
    New-Key 'wsl2.swapFile' 'path' '' 'The swap file, a VHDX; in the folder of temporary files where it is not set.'
    New-Key 'wsl2.localhostForwarding' 'bool' $true 'Let Windows reach ports of WSL as localhost (NAT only).'
    New-Key 'wsl2.nestedVirtualization' 'bool' $null 'Let distros start virtual machines; true where Windows and the processor can.'
    New-Key 'wsl2.virtio9p' 'bool' $false 'Windows drives by 9p over virtio. WSL ignores it.'
    New-Key 'wsl2.virtiofs' 'bool' $false 'Windows drives by virtiofs instead of 9p.'
    New-Key 'wsl2.virtio' 'bool' $true 'Use virtio devices at all.'
    New-Key 'wsl2.gpuSupport' 'bool' $true 'Give Linux programs the Windows GPU.'
    New-Key 'wsl2.guiApplications' 'bool' $true 'Show Linux windows on the Windows desktop (WSLg).'
    New-Key 'wsl2.systemDistro' 'path' '' 'VHD of the system distro to take instead of WSL''s own.'
    New-Key 'wsl2.telemetry' 'bool' $true 'Send usage data to Microsoft.'
    New-Key 'wsl2.vmIdleTimeout' 'int' 60000 'Milliseconds without a distro after which the virtual machine stops; negative for never.' -Least 1000
    New-Key 'wsl2.debugConsole' 'bool' $false 'Show the kernel''s messages in a window.'
    New-Key 'wsl2.earlyBootLogging' 'bool' $null 'Log the start of the kernel; as wsl2.debugConsole where it is not set.'
    New-Key 'wsl2.debugConsoleLogFile' 'path' '' 'File for the kernel''s messages.'
    New-Key 'wsl2.kernelDebugPort' 'int' 0 'Port for a kernel debugger, 0 for none.'
    New-Key 'wsl2.kernelBootTimeout' 'int' 30000 'Milliseconds that the kernel gets to start.' -Least 1000
    New-Key 'wsl2.distributionStartTimeout' 'int' 60000 'Milliseconds that a distro gets to start.' -Least 1000
    New-Key 'wsl2.mountDeviceTimeout' 'int' 5000 'Milliseconds that a disk gets to be mounted.' -Least 1000
    New-Key 'wsl2.hostFileSystemAccess' 'bool' $true 'Give distros the Windows drives.'
    New-Key 'wsl2.hardwarePerformanceCounters' 'bool' $true 'Give distros the processor''s counters, which perf needs.'
    New-Key 'wsl2.networkingMode' 'enum' 'nat' 'How distros reach the network.' `
        -Choices $script:Networking -Aliases 'experimental.networkingMode'
    New-Key 'wsl2.vmSwitch' 'str' '' 'Hyper-V switch of the networking mode bridged.'
    New-Key 'wsl2.macAddress' 'mac' $null 'MAC address in the networking mode bridged; a random one where it is not set.'
    New-Key 'wsl2.dhcp' 'bool' $true 'Get an address by DHCP.'
    New-Key 'wsl2.dhcpTimeout' 'int' 5000 'Milliseconds to wait for DHCP.'
    New-Key 'wsl2.ipv6' 'bool' $false 'IPv6 in the networking mode bridged.'
    New-Key 'wsl2.dnsProxy' 'bool' $true 'Answer name queries by the host (NAT only).'
    New-Key 'wsl2.dnsTunneling' 'bool' $true 'Let Windows resolve names for Linux.' -Aliases 'experimental.dnsTunneling'
    New-Key 'wsl2.firewall' 'bool' $true 'Let the rules of the Windows firewall hold for WSL.' -Aliases 'experimental.firewall'
    New-Key 'wsl2.autoProxy' 'bool' $true 'Take the HTTP proxy of Windows.' -Aliases 'experimental.autoProxy'
    New-Key 'wsl2.safeMode' 'bool' $false 'Start without most of what the host offers, to get at a broken distro.'
    New-Key 'wsl2.defaultVhdSize' 'memory' 1099511627776 'Largest size of the disk of a distro that is installed later.'
    New-Key 'wsl2.crashDumpFolder' 'path' '' 'Folder for dumps of crashed programs; in the folder of temporary files where it is not set.'
    New-Key 'wsl2.maxCrashDumpCount' 'int' 10 'Most dumps that are kept; negative for none.'
    New-Key 'wsl2.loadDefaultKernelModules' 'bool' $true 'Load the modules tun, ip_tables and br_netfilter.'
    New-Key 'wsl2.loadKernelModules' 'list' '' 'More modules of the kernel to load.'
    New-Key 'wsl2.isolateDistroCgroup' 'bool' $true 'Give each distro its own root of the control groups (newer than WSL 2.9.4).'
    New-Key 'general.distributionInstallPath' 'path' '' 'Folder for distros that are installed later; %LocalAppData%\wsl where it is not set.'
    New-Key 'general.instanceIdleTimeout' 'int' 15000 'Milliseconds without a program after which a distro stops; negative for never.' -Least 1000
    New-Key 'experimental.autoMemoryReclaim' 'enum' 'dropcache' 'How memory goes back to Windows when the machine is idle.' -Choices $script:Reclaim
    New-Key 'experimental.sparseVhd' 'bool' $false 'Make disks of new distros that shrink by themselves.'
    New-Key 'experimental.bestEffortDnsParsing' 'bool' $false 'Answer name queries that Windows does not fully understand (DNS tunneling only).'
    New-Key 'experimental.dnsTunnelingIpAddress' 'ip' $null 'Address of the name server in distros (DNS tunneling only).'
    New-Key 'experimental.initialAutoProxyTimeout' 'int' 1000 'Milliseconds that a start waits for the proxy of Windows.'
    New-Key 'experimental.ignoredPorts' 'ports' '' 'Ports that Linux may take though Windows uses them (mirrored only).'
    New-Key 'experimental.hostAddressLoopback' 'bool' $false 'Reach Windows and WSL by the host''s addresses too (mirrored only).'
    New-Key 'experimental.setVersionDebug' 'bool' $false 'Show what a conversion between WSL1 and WSL2 does.'
    New-Key 'experimental.swiotlb' 'memory' $null 'Memory for the buffers of virtio devices (WSL 2.8.9 and later).'
    New-Key 'experimental.virtioFsAggregateShares' 'bool' $true 'Share all Windows drives by one virtiofs device (newer than WSL 2.9.4).'
) | ForEach-Object { $script:Keys[$_.Name] = $_ }

$script:Canonical = @{}
foreach ($one in $script:Keys.Values) {
    foreach ($name in @($one.Name) + $one.Aliases) {
        $script:Canonical[$name.ToLowerInvariant()] = $one.Name
    }
}

function Get-WslConfigKey {
    <#
    .SYNOPSIS
    The keys that WSL knows, by their name section.key.
    #>
    $script:Keys
}

function Get-CanonicalName {
    <#
    .SYNOPSIS
    The key as WSL spells it, null where it knows none: upper and lower case are the same to it, and so are old places.
    #>
    param ([string]$Name)
    if ($Name -cmatch '^[A-Za-z0-9.]+\z') {
        $script:Canonical[$Name.ToLowerInvariant()]
    }
}

function Format-Shown {
    <#
    .SYNOPSIS
    A text in quotes, short and in ASCII.
    #>
    param ([string]$Text)
    $shown = $Text
    if ($shown.Length -gt 60) { $shown = $shown.Substring(0, 60) }
    $shown = [regex]::Replace($shown.Replace('\', '\\'), '[^ -~]', { param($found) '\u{0:x4}' -f [int][char]$found.Value })
    $end = ''
    if ($Text.Length -gt 60) { $end = '...' }
    "'$shown'$end"
}

function Find-LineEnd {
    <#
    .SYNOPSIS
    The offset of the next line end, of the end of the text where there is none.
    #>
    param ([string]$Text, [int]$At)
    $end = $Text.IndexOf($script:LF, $At)
    if ($end -lt 0) { $Text.Length } else { $end }
}

$script:NameAt = New-Object -TypeName System.Text.RegularExpressions.Regex -ArgumentList '\G[A-Za-z][A-Za-z0-9]*'
$script:BlanksAt = New-Object -TypeName System.Text.RegularExpressions.Regex -ArgumentList '\G[ \t]*'
$script:PlainAt = New-Object -TypeName System.Text.RegularExpressions.Regex -ArgumentList '\G[^"\\\r\n#]+'
# What a character means after a backslash; a line end means nothing, so that the value goes on.
$script:Escapes = New-Object -TypeName 'System.Collections.Generic.Dictionary[char,string]'
foreach ($pair in ('\', '\'), ('"', '"'), ('b', "`b"), ('n', "`n"), ('t', "`t"), ("`n", ''), ("`r", '')) {
    $script:Escapes[[char]$pair[0]] = $pair[1]
}

function Read-Value {
    <#
    .SYNOPSIS
    The value from an offset on: its text, where its text ends without the blanks after it, and where reading stopped.
    #>
    param ([string]$Text, [int]$At)
    $value = New-Object -TypeName System.Text.StringBuilder
    $read = @{ Value = ''; End = $At; Stop = $At; Problem = ''; Reason = ''; Position = $At }
    $kept = 0
    $quoted = $false
    while ($At -lt $Text.Length) {
        $plain = $script:PlainAt.Match($Text, $At)
        if ($plain.Success) {
            $null = $value.Append($plain.Value)
            $bare = $plain.Value.TrimEnd([char]32, [char]9).Length
            if ($bare -gt 0) {
                $kept = $value.Length - $plain.Length + $bare
                $read.End = $At + $bare
            }
            $At += $plain.Length
            continue
        }
        $char = $Text[$At]
        if ($char -ceq $script:CR -or $char -ceq $script:LF -or ($char -ceq [char]'#' -and -not $quoted)) { break }
        $At += 1
        if ($char -ceq [char]'"') {
            $quoted = -not $quoted
        } elseif ($char -ceq [char]'\') {
            if ($At -ge $Text.Length -or -not $script:Escapes.ContainsKey($Text[$At])) {
                $what = 'a backslash at the end of the file'
                if ($At -lt $Text.Length) { $what = Format-Shown $Text.Substring($At - 1, 2) }
                $read.Problem = 'InvalidEscape'
                $read.Reason = "$what means nothing to WSL (a backslash itself is written twice)"
                $read.Position = $At
                return $read
            }
            $null = $value.Append($script:Escapes[$Text[$At]])
            $At += 1
            if ($Text[$At - 1] -ceq $script:CR -and $At -lt $Text.Length -and $Text[$At] -ceq $script:LF) { $At += 1 }
        } else {
            $null = $value.Append($char)
        }
        $kept = $value.Length
        $read.End = $At
    }
    $read.Stop = $At
    if ($quoted) {
        $read.Problem = 'Expected'
        $read.Reason = 'the value has a " that is not closed on its line'
        $read.Position = $At
        return $read
    }
    # A C string ends at its first NUL.
    $read.Value = $value.ToString(0, $kept).Split([char]0)[0]
    $read
}

function Read-Statement {
    <#
    .SYNOPSIS
    The statements of a text in order: sections, keys, and lines that WSL skips ("bad"). The numbers are offsets.
    #>
    param ([string]$Text)
    $statements = New-Object -TypeName System.Collections.ArrayList
    $at = 0
    $line = 1
    $counted = 0
    # WSL cuts or fills the name that it read last to the length of the last section that it could read.
    $name = ''
    $length = 0
    while ($at -lt $Text.Length) {
        $head = $at + $script:BlanksAt.Match($Text, $at).Length
        if ($head -ge $Text.Length) { break }
        $char = $Text[$head]
        if ($char -ceq $script:CR -or $char -ceq $script:LF) {
            $at = $head + 1
            continue
        }
        if ($char -ceq [char]'#') {
            $at = Find-LineEnd $Text $head
            continue
        }
        $newLine = $Text.IndexOf($script:LF, $counted, $head - $counted)
        while ($newLine -ge 0) {
            $line += 1
            $newLine = $Text.IndexOf($script:LF, $newLine + 1, $head - $newLine - 1)
        }
        $counted = $head
        $found = @{
            Kind = 'key'; Line = $line; Start = $at; Head = $head; Section = ''; Name = ''; Value = ''; Problem = ''; Reason = ''
            NameEnd = $head; ValueStart = $head; ValueEnd = $head; End = $head; Next = $head; Terminator = ''
        }
        $problem = ''
        $position = $head
        if ($char -ceq [char]'[') {
            $found.Kind = 'section'
            $header = $script:NameAt.Match($Text, $head + 1)
            if (-not $header.Success) {
                $problem = 'InvalidSection'
                $found.Reason = 'a section''s name starts with a letter from a to z'
                $position = $head + 1
            } else {
                $name = $header.Value
                $close = $head + 1 + $header.Length
                if ($close -ge $Text.Length -or $Text[$close] -cne [char]']') {
                    $problem = 'Expected'
                    $found.Reason = 'a section''s name has only letters and digits, and ] right after it'
                    $position = $close
                } else {
                    $after = $close + 1 + $script:BlanksAt.Match($Text, $close + 1).Length
                    if ($after -lt $Text.Length -and "`r`n#".IndexOf($Text[$after]) -lt 0) {
                        $problem = 'Expected'
                        $found.Reason = 'nothing but a comment with # may follow a section''s ]'
                        $position = $after
                    } else {
                        $length = $name.Length
                        $found.Section = $name
                        $found.End = $after
                    }
                }
            }
        } else {
            $key = $script:NameAt.Match($Text, $head)
            if (-not $key.Success) {
                $problem = 'InvalidKey'
                $found.Reason = "the line starts with $(Format-Shown $char), which starts neither a key nor a [section] nor a # comment"
                if ($char -ceq [char]';') { $found.Reason = 'a line starts with ;, but only # starts a comment' }
            } else {
                if ($name.Length -lt $length) {
                    $found.Name = $name
                } elseif ($length -gt 0) {
                    $found.Section = $name.Substring(0, $length)
                    $found.Name = $found.Section + '.' + $key.Value
                } else {
                    $found.Name = $key.Value
                }
                $found.NameEnd = $head + $key.Length
                $equals = $found.NameEnd + $script:BlanksAt.Match($Text, $found.NameEnd).Length
                if ($equals -ge $Text.Length -or $Text[$equals] -cne [char]'=') {
                    $problem = 'Expected'
                    $found.Reason = 'a key has only letters and digits, and = right after it'
                    $position = $equals
                } else {
                    $found.ValueStart = $equals + 1 + $script:BlanksAt.Match($Text, $equals + 1).Length
                    $read = Read-Value $Text $found.ValueStart
                    $problem = $read.Problem
                    $position = $read.Position
                    $found.Reason = $read.Reason
                    $found.Value = $read.Value
                    $found.ValueEnd = $read.End
                    $found.End = $read.Stop
                }
            }
        }
        if ($problem) {
            $found.IsHeader = $found.Kind -eq 'section'
            $found.Kind = 'bad'
            # A value goes on after an escaped line end: the line that is wrong is the one where reading stopped.
            $newLine = $Text.IndexOf($script:LF, $head, $position - $head)
            while ($newLine -ge 0) {
                $found.Line += 1
                $newLine = $Text.IndexOf($script:LF, $newLine + 1, $position - $newLine - 1)
            }
            $found.Problem = $problem
            $found.End = Find-LineEnd $Text $position
            $found.Next = $found.End
        } else {
            $stop = $found.End
            if ($stop -lt $Text.Length -and $Text[$stop] -ceq [char]'#') {
                $stop = Find-LineEnd $Text $stop
                if ($stop -lt $Text.Length -and $Text[$stop - 1] -ceq $script:CR) { $stop -= 1 }
            }
            if ([string]::CompareOrdinal($Text, $stop, "`r`n", 0, 2) -eq 0) {
                $found.Terminator = "`r`n"
            } elseif ($stop -lt $Text.Length) {
                $found.Terminator = [string]$Text[$stop]
            }
            $found.Next = $stop + $found.Terminator.Length
        }
        $null = $statements.Add($found)
        $at = $found.Next
    }
    , $statements
}

function Read-Integer {
    <#
    .SYNOPSIS
    The number as C's strtol with base 0 reads it, with the bounds of a long on Windows; null where WSL refuses it.
    #>
    param ([string]$Text)
    $match = [regex]::Match($Text, '^[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\z')
    if (-not $match.Success) { return }
    $digits = $match.Groups[2].Value.ToLowerInvariant()
    $base = 10
    if ($digits -cmatch '^0x') { $base = 16 } elseif ($digits -cmatch '^0') { $base = 8 }
    [double]$number = 0
    foreach ($digit in $digits.Substring([Math]::Min($digits.Length, [int](2 * ($base -eq 16)))).ToCharArray()) {
        $number = $number * $base + '0123456789abcdef'.IndexOf($digit)
    }
    if ($match.Groups[1].Value -eq '-') { $number = -$number }
    [int][Math]::Max([double]$script:IntMin, [Math]::Min([double]$script:IntMax, $number))
}

function Read-Memory {
    <#
    .SYNOPSIS
    The number of bytes as WSL reads a size (an upper-case unit, no blank, no fraction), null where it refuses it.
    #>
    param ([string]$Text)
    $match = [regex]::Match($Text, '^([ \t\n\v\f\r]*)([+-]?)([0-9]+)(B|K|KB|M|MB|G|GB|T|TB)?\z')
    if (-not $match.Success) { return }
    $most = [bigint][UInt64]::MaxValue
    $number = [bigint]::Parse($match.Groups[3].Value)
    if ($number.IsZero -and ($match.Groups[1].Length -or $match.Groups[2].Length -or $match.Groups[3].Length -ne 1)) { return }
    if ($number -gt $most) {
        $number = $most
    } elseif ($match.Groups[2].Value -eq '-') {
        $number = $most + 1 - $number
    }
    if ($match.Groups[4].Success) {
        $number = $number * [bigint]::Pow(2, $script:Units[$match.Groups[4].Value.Substring(0, 1)]) % ($most + 1)
    }
    if ($number -le [Int64]::MaxValue) { [Int64]$number } else { [UInt64]$number }
}

function Format-Memory {
    <#
    .SYNOPSIS
    A number of bytes in the largest unit that holds it without a fraction.
    #>
    param ($Bytes)
    $unit = 'B'
    foreach ($next in 'KB', 'MB', 'GB', 'TB') {
        if ($Bytes -eq 0 -or $Bytes % 1024) { break }
        $Bytes = $Bytes / 1024
        $unit = $next
    }
    if ($unit -eq 'B') { "$Bytes" } else { "$Bytes$unit" }
}

function Read-Typed {
    <#
    .SYNOPSIS
    The value in force of a text, null where WSL refuses it.
    #>
    param ($Key, [string]$Text)
    switch ($Key.Type) {
        'bool' {
            if ($Text -cmatch '^(?:1|[Tt][Rr][Uu][Ee])\z') { return $true }
            if ($Text -cmatch '^(?:0|[Ff][Aa][Ll][Ss][Ee])\z') { return $false }
        }
        'int' { return Read-Integer $Text }
        'memory' { return Read-Memory $Text }
        'enum' {
            if ($Text -cmatch '^[A-Za-z]+\z') { return $Key.Choices[$Text.ToLowerInvariant()] }
        }
        'mac' {
            if ($Text -cmatch '^[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}\z') {
                return $Text.Replace('-', ':').ToUpperInvariant()
            }
        }
        'ip' {
            if ($Text -cmatch '^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!\z)|\z)){4}\z') { return $Text }
        }
        default { return $Text }
    }
}

function Get-Refusal {
    <#
    .SYNOPSIS
    The kind and the reason of WSL's refusal of a text.
    #>
    param ($Key, [string]$Text)
    $name = $Key.Name
    $shown = Format-Shown $Text
    switch ($Key.Type) {
        'bool' { 'InvalidBoolean', "$name takes true or false, not $shown" }
        'int' { 'InvalidInteger', "$name takes a whole number, not $shown" }
        'memory' {
            'InvalidMemory', ("$name takes a whole number with one of B, K, KB, M, MB, G, GB, T, TB right after it, such as 8GB, " +
                "not $shown")
        }
        'enum' { 'InvalidEnum', "$name takes one of $(@($Key.Choices.Keys) -join ', '), not $shown" }
        'mac' { 'InvalidMacAddress', "$name takes an address such as 02:00:00:00:00:01, not $shown" }
        'ip' { 'InvalidIp', "$name takes an IPv4 address such as 10.255.255.254, not $shown" }
    }
}

# Sections that /etc/wsl.conf has and this file has not.
$script:ForeignSections = @('automount', 'boot', 'fileserver', 'filesystem', 'gpu', 'interop', 'network', 'time', 'user')
# What WSL does where it refuses a value.
$script:Consequences = @{
    'InvalidMacAddress' = 'WSL does not start'
    'InvalidIp' = 'WSL switches DNS tunneling off'
}

function Split-Text {
    <#
    .SYNOPSIS
    What WSL reads of a text, and the rest behind a Ctrl-Z.
    #>
    param ([string]$Text)
    $end = $Text.IndexOf([char]26)
    if ($end -lt 0) { $end = $Text.Length }
    $Text.Substring(0, $end), $Text.Substring($end)
}

function Test-OneEdit {
    <#
    .SYNOPSIS
    Whether one letter that is wrong, missing, too many or has changed places with the next is all that differs.
    #>
    param ([string]$Left, [string]$Right)
    if ([Math]::Abs($Left.Length - $Right.Length) -gt 1) { return $false }
    $least = [Math]::Min($Left.Length, $Right.Length)
    $head = 0
    while ($head -lt $least -and $Left[$head] -ceq $Right[$head]) { $head += 1 }
    $tail = 0
    while ($tail -lt $least - $head -and $Left[-1 - $tail] -ceq $Right[-1 - $tail]) { $tail += 1 }
    $leftMiddle = $Left.Substring($head, $Left.Length - $head - $tail)
    $rightMiddle = $Right.Substring($head, $Right.Length - $head - $tail)
    ($leftMiddle.Length -le 1 -and $rightMiddle.Length -le 1) -or
    ($leftMiddle.Length -eq 2 -and $rightMiddle.Length -eq 2 -and $leftMiddle[0] -ceq $rightMiddle[1] -and $leftMiddle[1] -ceq $rightMiddle[0])
}

function Find-Close {
    <#
    .SYNOPSIS
    The known key that a name must have meant, null where none is that close. The section is wrong more often than the key.
    #>
    param ([string]$Name)
    if ($Name.Length -gt 60) { return }
    $wanted = $Name.ToLowerInvariant().Split('.')[-1]
    $same = @(foreach ($known in $script:Keys.Values) {
            if ([string]::Equals($known.Key, $wanted, 'OrdinalIgnoreCase')) { $known.Name }
        })
    if ($same.Count -eq 1) { return $same[0] }
    if ($same.Count -gt 1) { return }
    if ($wanted.Length -lt 4) { return }
    foreach ($known in $script:Keys.Values) {
        if (Test-OneEdit $known.Key.ToLowerInvariant() $wanted) { return $known.Name }
    }
}

function ConvertFrom-WslConfig {
    <#
    .SYNOPSIS
    What a text means to WSL: Values in force by section.key, their Raw texts and Lines, and as Details what WSL warns
    about, each with Line, Kind and Reason. Sizes are numbers of bytes.
    #>
    param ([AllowEmptyString()][AllowNull()][string]$Text)
    $parsed = [PSCustomObject]@{
        Values = [ordered]@{}; Raw = [ordered]@{}; Lines = [ordered]@{}; Details = New-Object -TypeName System.Collections.ArrayList
    }
    $first = @{}
    foreach ($found in (Read-Statement (Split-Text $Text)[0])) {
        $kind = $reason = ''
        if ($found.Kind -eq 'bad') {
            $kind, $reason = $found.Problem, "$($found.Reason), so WSL skips the line"
            if ($found.IsHeader) { $reason = "$($found.Reason), so WSL skips the line and takes the keys below it for other ones" }
        } elseif ($found.Kind -eq 'key') {
            $name = Get-CanonicalName $found.Name
            if (-not $name) {
                $kind, $reason = 'UnknownKey', "WSL knows no key $(Format-Shown $found.Name)"
                $close = Find-Close $found.Name
                $section = $found.Name.Split('.')[0]
                if ($close) {
                    $reason += "; $close is one"
                } elseif ($section -in $script:ForeignSections) {
                    $reason += ": [$section] is a section of /etc/wsl.conf"
                }
            } elseif ($first.ContainsKey($name)) {
                $kind, $reason = 'KeyDuplicated', "$name stands in line $($first[$name]) already, and WSL takes the first one"
            } else {
                $first[$name] = $found.Line
                $value = Read-Typed $script:Keys[$name] $found.Value
                if ($null -eq $value) {
                    $kind, $reason = Get-Refusal $script:Keys[$name] $found.Value
                    $consequence = $script:Consequences[$kind]
                    if (-not $consequence) { $consequence = 'WSL keeps its default' }
                    $reason = "$reason; $consequence"
                } else {
                    $parsed.Values[$name] = $value
                    $parsed.Raw[$name] = $found.Value
                    $parsed.Lines[$name] = $found.Line
                }
            }
        }
        if ($kind) {
            $null = $parsed.Details.Add([PSCustomObject]@{ Line = $found.Line; Kind = $kind; Reason = "$reason." })
        }
    }
    $parsed
}

function ConvertTo-Encoded {
    <#
    .SYNOPSIS
    The text that WSL reads back as a value, quoted and escaped only where it must be.
    #>
    param ([string]$Name, [string]$Value)
    $bad = [regex]::Match($Value, '[^\t\n\x08 -~]')
    if ($bad.Success) {
        # WSL cuts every character to one byte (configfile.cpp), and a path with an umlaut leads nowhere.
        throw "$Name cannot have the character $(Format-Shown $bad.Value) of $(Format-Shown $Value): WSL reads only ASCII from .wslconfig."
    }
    $text = $Value.Replace('\', '\\').Replace('"', '\"').Replace("`n", '\n').Replace("`b", '\b')
    if ($Value -cmatch '#|^[ \t]|[ \t]\z') { "`"$text`"" } else { $text }
}

function ConvertTo-Wanted {
    <#
    .SYNOPSIS
    The value in force of a setting and the text to write for it; throws one sentence where WSL would refuse it.
    #>
    param ($Key, $Value)
    $text = $null
    switch ($Key.Type) {
        'bool' {
            if ($Value -isnot [bool]) { throw "$($Key.Name) takes true or false, not $(Format-Shown $Value)." }
            $text = "$Value".ToLowerInvariant()
        }
        'int' {
            if ($Value -isnot [int] -and $Value -isnot [Int64] -and $Value -isnot [string]) {
                throw "$($Key.Name) takes a whole number, not $(Format-Shown $Value)."
            }
            $text = "$Value"
            if ($Value -isnot [string] -and ($Value -lt $script:IntMin -or $Value -gt $script:IntMax)) {
                throw "$($Key.Name) takes a whole number from $($script:IntMin) to $($script:IntMax), not $Value."
            }
        }
        { $_ -eq 'list' -or $_ -eq 'ports' } {
            foreach ($item in @($Value)) {
                if ($Key.Type -eq 'ports' -and ("$item" -cnotmatch '^[0-9]{1,5}\z' -or [int]"$item" -lt 1 -or [int]"$item" -gt 65535)) {
                    throw "$($Key.Name) takes ports from 1 to 65535, not $(Format-Shown $item)."
                }
                if ($Key.Type -eq 'list' -and "$item" -cnotmatch '^[A-Za-z0-9_-]+\z') {
                    throw "$($Key.Name) takes names of kernel modules, not $(Format-Shown $item)."
                }
            }
            $text = @($Value) -join ','
        }
        default {
            $text = [string]$Value
            if ($Key.Type -eq 'path' -and $text -ne '' -and $text -cnotmatch '^(?:[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/])') {
                throw "$($Key.Name) takes a full Windows path such as C:\wsl\file, not $(Format-Shown $text)."
            }
        }
    }
    $read = Read-Typed $Key $text
    if ($null -eq $read) { throw "$((Get-Refusal $Key $text)[1])." }
    @{ Value = $read; Text = ConvertTo-Encoded $Key.Name $text }
}

function ConvertTo-WslConfigSetting {
    <#
    .SYNOPSIS
    Settings by their canonical names, each null (remove the key) or with the Value it will have in force and the Text to
    write. Throws one sentence for a key that WSL does not know or a value that it would refuse.
    #>
    param ([System.Collections.IDictionary]$Settings)
    $wanted = [ordered]@{}
    foreach ($given in $Settings.Keys) {
        $name = Get-CanonicalName $given
        if (-not $name) {
            $close = Find-Close $given
            $hint = ''
            if ($close) { $hint = "; did you mean $close" }
            throw "WSL knows no key $(Format-Shown $given)$hint."
        }
        if ($wanted.Contains($name)) { throw "$name is set twice." }
        $wanted[$name] = $null
        if ($null -ne $Settings[$given]) { $wanted[$name] = ConvertTo-Wanted $script:Keys[$name] $Settings[$given] }
    }
    $wanted
}

function Test-End {
    <#
    .SYNOPSIS
    Whether a text ends with a line end.
    #>
    param ([string]$Text, [char]$Char)
    $Text.Length -gt 0 -and $Text[$Text.Length - 1] -ceq $Char
}

function Get-LineEnd {
    <#
    .SYNOPSIS
    The line end that a text uses.
    #>
    param ([string]$Text, [string]$Near = '')
    if ($Near.Length -gt 0 -and $Near[$Near.Length - 1] -ceq $script:LF) { return $Near }
    $newLine = $Text.IndexOf($script:LF)
    if ($newLine -gt 0 -and $Text[$newLine - 1] -ceq $script:CR) { "`r`n" } else { "`n" }
}

function Edit-Value {
    <#
    .SYNOPSIS
    The text with another value in one statement.
    #>
    param ([string]$Text, $Found, [string]$Value)
    $end = $Found.ValueEnd
    if ($end -gt $Found.ValueStart -and $Text[$end - 1] -ceq $script:LF) {
        # The old value ended with an escaped line end: that stays, so that the lines after it stay lines.
        $end -= 1
    }
    if ($end -gt $Found.ValueStart -and $Text[$end - 1] -ceq $script:CR) { $end -= 1 }
    $Text.Substring(0, $Found.ValueStart) + $Value + $Text.Substring($end)
}

function Remove-Statement {
    <#
    .SYNOPSIS
    The text without the lines of one statement.
    #>
    param ([string]$Text, $Found)
    if ($Found.Next - $Found.Terminator.Length -gt $Found.End) {
        # Its comment stays.
        return $Text.Substring(0, $Found.Head) + $Text.Substring($Found.End)
    }
    $before = $Text.Substring(0, $Found.Start)
    if ($Found.Terminator.Length -eq 0 -and -not (Test-End $Text $script:LF)) {
        # It was the last line and had no line end: the line before it is the last one now.
        if (Test-End $before $script:LF) { $before = $before.Substring(0, $before.Length - 1) }
        if (Test-End $before $script:CR) { $before = $before.Substring(0, $before.Length - 1) }
    }
    $before + $Text.Substring($Found.Next)
}

function Add-Statement {
    <#
    .SYNOPSIS
    The text with one more statement, in its section.
    #>
    param ([string]$Text, $Statements, $Key, [string]$Value)
    $place = $model = $last = $null
    $over = $false
    foreach ($found in $Statements) {
        $last = $found
        if ($found.Kind -eq 'bad') { continue }
        if ($found.Section -eq $Key.Section -and -not $over) {
            $place = $found
            if ($found.Kind -eq 'key') { $model = $found }
        } elseif ($place) {
            $over = $true
        }
    }
    if ($place) {
        $lineEnd = Get-LineEnd $Text $place.Terminator
        $line = $Key.Key + '=' + $Value
        if ($model) {
            $separator = '='
            if ($Text.Substring($model.NameEnd, $model.ValueStart - $model.NameEnd) -cmatch '^[ \t]=[ \t]\z') { $separator = ' = ' }
            $line = $Text.Substring($model.Start, $model.Head - $model.Start) + $Key.Key + $separator + $Value
        }
        if ($place.Terminator.Length -gt 0) { return $Text.Substring(0, $place.Next) + $line + $lineEnd + $Text.Substring($place.Next) }
        $end = ''
        if (Test-End $Text $script:LF) { $end = $lineEnd }
        return $Text + $lineEnd + $line + $end
    }

    $lineEnd = Get-LineEnd $Text
    $before = $Text
    if ($last -and $last.Kind -eq 'bad' -and (Test-End $before ([char]'\'))) {
        # A line end after that backslash would fix the line, and its key would come into force.
        $before += ' '
    }
    if ($before.Length -gt 0 -and -not (Test-End $before $script:LF)) {
        if (Test-End $before $script:CR) { $before += "`n" } else { $before += $lineEnd }
    }
    # Without the blank line, an escaped line end at the end would take the new section into its value.
    if ($before.Length -gt 0 -and $before -cnotmatch '(?:\A|\n)[ \t]*\r?\n\z') { $before += $lineEnd }
    $end = ''
    if ($Text.Length -eq 0 -or (Test-End $Text $script:LF)) { $end = $lineEnd }
    $before + '[' + $Key.Section + ']' + $lineEnd + $Key.Key + '=' + $Value + $end
}

function Edit-Text {
    <#
    .SYNOPSIS
    The text with one key set or removed.
    #>
    param ([string]$Text, [System.Collections.IDictionary]$Wanted)
    $Text, $rest = Split-Text $Text
    $statements = $null
    foreach ($name in $Wanted.Keys) {
        if ($null -eq $statements) { $statements = Read-Statement $Text }
        $found = @(foreach ($one in $statements) { if ($one.Kind -eq 'key' -and (Get-CanonicalName $one.Name) -ceq $name) { $one } })
        $before = $Text
        if ($null -eq $Wanted[$name]) {
            [array]::Reverse($found)
            foreach ($one in $found) { $Text = Remove-Statement $Text $one }
        } elseif ($found.Count -eq 0) {
            $Text = Add-Statement $Text $statements $script:Keys[$name] $Wanted[$name].Text
        } else {
            $now = Read-Typed $script:Keys[$name] $found[0].Value
            if ($null -eq $now -or -not [object]::Equals($now, $Wanted[$name].Value)) {
                $Text = Edit-Value $Text $found[0] $Wanted[$name].Text
            }
        }
        if (-not [string]::Equals($before, $Text)) { $statements = $null }
    }
    $Text + $rest
}

function Merge-WslConfig {
    <#
    .SYNOPSIS
    The text with the settings in force: section.key to a value, or to null to remove the key. Only lines that must
    change do. Throws as ConvertTo-WslConfigSetting does.
    #>
    param ([AllowEmptyString()][AllowNull()][string]$Text, [System.Collections.IDictionary]$Settings)
    Edit-Text $Text (ConvertTo-WslConfigSetting $Settings)
}

function Undo-WslConfig {
    <#
    .SYNOPSIS
    Takes out of Current what made Written of Base, key by key; what others changed since stays.
    #>
    param (
        [AllowEmptyString()][AllowNull()][string]$Base, [AllowEmptyString()][string]$Written, [AllowEmptyString()][string]$Current
    )
    $before = ConvertFrom-WslConfig $Base
    $ours = ConvertFrom-WslConfig $Written
    $now = ConvertFrom-WslConfig $Current
    $wanted = [ordered]@{}
    foreach ($name in $script:Keys.Keys) {
        $made = -not [object]::Equals($ours.Raw[$name], $before.Raw[$name])
        if ($made -and [object]::Equals($now.Values[$name], $ours.Values[$name])) {
            $wanted[$name] = $null
            # As it stood, whatever it was: it may be a value that would be refused.
            $was = Get-RawText $Base $name
            if ($null -ne $was) { $wanted[$name] = @{ Value = $before.Values[$name]; Text = $was } }
        }
    }
    $text = Edit-Text $Current $wanted
    $had = @(foreach ($found in (Read-Statement (Split-Text $Base)[0])) { if ($found.Kind -eq 'section') { $found.Section } })
    $text, $rest = Split-Text $text
    $statements = Read-Statement $text
    for ($i = $statements.Count - 1; $i -ge 0; $i--) {
        $found = $statements[$i]
        $empty = $i + 1 -eq $statements.Count -or $statements[$i + 1].Kind -eq 'section'
        if ($found.Kind -eq 'section' -and $empty -and $had -notcontains $found.Section) { $text = Remove-Statement $text $found }
    }
    $text + $rest
}

function Get-RawText {
    <#
    .SYNOPSIS
    The first value of a key as it is written in a text, without the blanks and an escaped line end after it.
    #>
    param ([string]$Text, [string]$Name)
    foreach ($found in (Read-Statement (Split-Text $Text)[0])) {
        if ($found.Kind -eq 'key' -and (Get-CanonicalName $found.Name) -ceq $Name) {
            return $Text.Substring($found.ValueStart, $found.ValueEnd - $found.ValueStart) -creplace '\\\r?\n?\z', ''
        }
    }
}

function Test-True {
    <#
    .SYNOPSIS
    Whether a key has a value among those in force, its default where it is not set.
    #>
    param ([System.Collections.IDictionary]$Values, [string]$Name, $Value)
    $now = $script:Keys[$Name].Default
    if ($Values.Contains($Name)) { $now = $Values[$Name] }
    [object]::Equals($now, $Value)
}

function Get-WslConfigHarm {
    <#
    .SYNOPSIS
    Why settings would harm, one sentence each. After are the values in force once they are merged; a HostMemory (bytes)
    or HostProcessors of 0 is one that is not known.
    #>
    param (
        [System.Collections.IDictionary]$Wanted, [System.Collections.IDictionary]$After,
        [Int64]$HostMemory = 0, [int]$HostProcessors = 0
    )
    foreach ($name in $Wanted.Keys) {
        if ($null -eq $Wanted[$name]) { continue }
        $key = $script:Keys[$name]
        $now = $Wanted[$name].Value
        $shown = "$name=$($Wanted[$name].Text)"
        if ($key.Type -eq 'memory' -and $now -gt 0 -and $now -lt 1MB) {
            "${shown}: WSL reads that as $now bytes; put a unit after the number, such as $($now)GB."
            continue
        }
        if ($null -ne $key.Least -and $now -ge 0 -and $now -lt $key.Least) {
            "${shown}: that is less than a second, so that WSL gives up or stops before anything is done; a negative number is never."
        }
        switch ($name) {
            'wsl2.memory' {
                $rest = 2GB
                if ($now -gt 0 -and $now -lt 256MB) {
                    "${shown}: WSL takes no less than 256MB, and Go's linker needs more."
                } elseif ($HostMemory -gt 0 -and $now -gt $HostMemory) {
                    "${shown}: this machine has $([Math]::Round($HostMemory / 1GB, 1)) GB, and WSL would take all of it."
                } elseif ($HostMemory -gt $rest -and $now -gt $HostMemory - $rest) {
                    "${shown}: of this machine's $([Math]::Round($HostMemory / 1GB, 1)) GB that leaves Windows less than 2 GB."
                }
            }
            'wsl2.processors' {
                if ($HostProcessors -gt 0 -and $now -gt $HostProcessors) {
                    "${shown}: this machine has $HostProcessors, and WSL would warn and take those."
                }
            }
            'wsl2.swap' {
                $memory = $HostMemory / 2
                if ($After.Contains('wsl2.memory') -and $After['wsl2.memory'] -gt 0) { $memory = $After['wsl2.memory'] }
                if ($now -eq 0 -and $memory -gt 0 -and $memory -lt 8GB) {
                    "${shown}: without swap the kernel kills a build that needs more than the $([Math]::Round($memory / 1GB, 1)) GB of wsl2.memory."
                }
            }
            'wsl2.kernel' {
                if ($now -ne '' -and -not $After['wsl2.kernelModules']) {
                    "${shown}: without wsl2.kernelModules of the same kernel there are no modules, and Docker and VPNs need some."
                }
            }
            'wsl2.kernelCommandLine' {
                if ($now -cmatch '(?:^|\s)mitigations=off(?:\s|$)|(?:^|\s)no(?:pti|spectre_v[12])(?:\s|$)') {
                    "${shown}: that takes away the protection against attacks on the processor from every distro."
                }
            }
            'wsl2.networkingMode' {
                if ($now -eq 'none') {
                    "${shown}: distros would have no network, and Go could load no module."
                } elseif ($now -eq 'bridged' -and -not $After['wsl2.vmSwitch']) {
                    "${shown}: that needs a Hyper-V switch in wsl2.vmSwitch, and no distro starts without it."
                }
            }
            'wsl2.firewall' {
                if (-not $now) { "${shown}: the rules of the Windows firewall would no longer hold for what runs in WSL." }
            }
            'wsl2.hostFileSystemAccess' {
                if (-not $now) { "${shown}: distros would have no Windows drives, so that no Windows program can be started from them." }
            }
            'wsl2.safeMode' {
                if ($now) { "${shown}: distros would have neither network nor Windows drives nor swap." }
            }
            'experimental.sparseVhd' {
                if ($now) { "${shown}: Microsoft has switched sparse disks off because they lost data (WSL issue 13075)." }
            }
            'experimental.autoMemoryReclaim' {
                if ($now -eq 'gradual') {
                    "${shown}: WSL then hangs with systemd and with Docker (WSL issues 10675, 10497 and 10901); dropcache and disabled do not."
                }
            }
        }
    }
}

function Get-WslConfigNote {
    <#
    .SYNOPSIS
    What the values in force do that is not seen from them, one sentence each.
    #>
    param ([System.Collections.IDictionary]$Values)
    foreach ($name in $Values.Keys) {
        if ($script:Keys[$name].Type -eq 'path' -and $Values[$name] -cmatch '[\x00-\x1f]') {
            "$name is $(Format-Shown $Values[$name]) to WSL because a backslash must be written twice."
        } elseif ($script:Keys[$name].Type -eq 'path' -and $Values[$name] -cmatch '%[A-Za-z][A-Za-z0-9_]*%') {
            "$name has $($Matches[0]), which WSL is not known to replace: write the whole path."
        } elseif ($script:Keys[$name].Type -eq 'path' -and $Values[$name] -and
            $Values[$name] -cnotmatch '^(?:[A-Za-z]:[\\/][^:*?"<>|]*|[\\/]{2}[^\\/].*)\z') {
            "$name is $(Format-Shown $Values[$name]), where WSL takes a full Windows path such as C:\wsl\file."
        } elseif ("$($Values[$name])" -cmatch '[^\x00-\x7f]') {
            "$name has the character $(Format-Shown ($Values[$name] -creplace '^[\x00-\x7f]*(.).*$', '$1')), and WSL reads only ASCII from .wslconfig."
        }
    }
    $mirrored = Test-True $Values 'wsl2.networkingMode' 'mirrored'
    foreach ($name in 'experimental.ignoredPorts', 'experimental.hostAddressLoopback') {
        if (-not $mirrored -and $Values[$name]) { "$name has no effect without wsl2.networkingMode=mirrored." }
    }
    if ($mirrored) {
        'wsl2.networkingMode=mirrored: Windows and WSL share their ports, so a test that listens on a fixed one can find it taken.'
    }
    if ($Values['wsl2.virtio9p']) { 'wsl2.virtio9p=true has no effect: WSL has switched it off.' }
    if ($Values['wsl2.virtiofs'] -and (Test-True $Values 'wsl2.virtio' $false)) {
        'wsl2.virtiofs=true has no effect with wsl2.virtio=false.'
    }
    if ($Values['wsl2.vmSwitch'] -and -not (Test-True $Values 'wsl2.networkingMode' 'bridged')) {
        'wsl2.vmSwitch has no effect without wsl2.networkingMode=bridged.'
    }
    foreach ($name in 'experimental.bestEffortDnsParsing', 'experimental.dnsTunnelingIpAddress') {
        if ($Values[$name] -and (Test-True $Values 'wsl2.dnsTunneling' $false)) { "$name has no effect with wsl2.dnsTunneling=false." }
    }
}

function Get-WslConfigPending {
    <#
    .SYNOPSIS
    The keys whose written values are not in force. InForce is null where it is not known what is.
    #>
    param ([System.Collections.IDictionary]$Written, $InForce)
    foreach ($name in $script:Keys.Keys) {
        $default = $script:Keys[$name].Default
        $want = $have = $default
        if ($Written.Contains($name)) { $want = $Written[$name] }
        if ($null -ne $InForce -and $InForce.Contains($name)) { $have = $InForce[$name] }
        if (-not [object]::Equals($want, $have)) { $name }
    }
}

function ConvertFrom-WslConfigByte {
    <#
    .SYNOPSIS
    The Text of a file as WSL takes it, and what it is to be written back as (Latin1 for bytes that are no UTF-8, so
    that each comes back). Null for bytes that are no text.
    #>
    param ([AllowEmptyCollection()][byte[]]$Byte)
    if ($Byte.Length -ge 2 -and $Byte[0] -eq 0xff -and $Byte[1] -eq 0xfe) {
        # As Windows PowerShell writes with > and Notepad with "UTF-16 LE".
        $encoding = New-Object -TypeName System.Text.UnicodeEncoding -ArgumentList $false, $false, $true
        try {
            $text = $encoding.GetString($Byte, 2, $Byte.Length - 2)
        } catch [System.ArgumentException] {
            return
        }
        if ($text.IndexOf([char]0) -ge 0) { return }
        return [PSCustomObject]@{ Text = $text; Latin1 = $false }
    }
    # UTF-16 with the other order of bytes, which Windows programs do not read here; it need not have a NUL.
    if ($Byte.Length -ge 2 -and $Byte[0] -eq 0xfe -and $Byte[1] -eq 0xff) { return }
    if ([array]::IndexOf($Byte, [byte]0) -ge 0) { return }
    $skip = 0
    if ($Byte.Length -ge 3 -and $Byte[0] -eq 0xef -and $Byte[1] -eq 0xbb -and $Byte[2] -eq 0xbf) { $skip = 3 }
    $encoding = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false, $true
    try {
        [PSCustomObject]@{ Text = $encoding.GetString($Byte, $skip, $Byte.Length - $skip); Latin1 = $false }
    } catch [System.ArgumentException] {
        [PSCustomObject]@{ Text = [System.Text.Encoding]::GetEncoding(28591).GetString($Byte, $skip, $Byte.Length - $skip); Latin1 = $true }
    }
}

function ConvertTo-WslConfigByte {
    <#
    .SYNOPSIS
    The bytes of a text: UTF-8 without a byte order mark.
    #>
    param ([AllowEmptyString()][string]$Text, [bool]$Latin1 = $false)
    $encoding = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false
    if ($Latin1) { $encoding = [System.Text.Encoding]::GetEncoding(28591) }
    , $encoding.GetBytes($Text)
}

function Test-WslConfigByte {
    <#
    .SYNOPSIS
    Says whether bytes are read again as the text that they were written from.
    #>
    [OutputType([bool])]
    param ([AllowEmptyString()][string]$Text, [AllowEmptyCollection()][byte[]]$Byte)
    $again = ConvertFrom-WslConfigByte $Byte
    if (-not $again) { return $false }
    if ([string]::Equals($again.Text, $Text)) { return $true }
    # One byte a character: what it means together may have become UTF-8, and the bytes are right.
    $latin = [System.Text.Encoding]::GetEncoding(28591).GetString($Byte)
    [string]::Equals($latin, $Text)
}

Export-ModuleMember -Function @(
    'Get-WslConfigKey', 'ConvertFrom-WslConfig', 'ConvertTo-WslConfigSetting', 'Merge-WslConfig', 'Undo-WslConfig',
    'Get-WslConfigHarm', 'Get-WslConfigNote', 'Get-WslConfigPending', 'ConvertFrom-WslConfigByte', 'ConvertTo-WslConfigByte',
    'Format-Memory', 'Test-WslConfigByte'
)
