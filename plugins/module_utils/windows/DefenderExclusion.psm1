# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# When are two Defender exclusions one entry, and which must never be made. Text alone: nothing is read from a machine,
# and [IO.Path] is not used, for it reads Windows paths as the system it runs on does.

Set-StrictMode -Version Latest

# Microsoft: "Common mistakes to avoid when defining exclusions" (defender-endpoint), the lists of extensions and processes.
$script:microsoftExtensions = @(
    '7z', 'bat', 'bin', 'cab', 'cmd', 'com', 'cpl', 'dll', 'exe', 'fla', 'gif', 'gz', 'hta', 'inf', 'java', 'jar', 'job',
    'jpeg', 'jpg', 'js', 'ko', 'ko.gz', 'msi', 'ocx', 'png', 'ps1', 'py', 'rar', 'reg', 'scr', 'sys', 'tar', 'tmp', 'url',
    'vbe', 'vbs', 'wsf', 'zip'
)
$script:microsoftProcesses = @(
    'acrord32.exe', 'addinprocess.exe', 'addinprocess32.exe', 'addinutil.exe', 'bash.exe', 'bginfo.exe', 'bitsadmin.exe',
    'cdb.exe', 'cmd.exe', 'cscript.exe', 'csi.exe', 'dbghost.exe', 'dbgsvc.exe', 'dnx.exe', 'dotnet.exe', 'excel.exe',
    'fsi.exe', 'fsianycpu.exe', 'iexplore.exe', 'java.exe', 'kd.exe', 'lxssmanager.dll', 'msbuild.exe', 'mshta.exe',
    'ntkd.exe', 'ntsd.exe', 'outlook.exe', 'powerpnt.exe', 'powershell.exe', 'psexec.exe', 'rcsi.exe', 'schtasks.exe',
    'svchost.exe', 'system.management.automation.dll', 'windbg.exe', 'winword.exe', 'wmic.exe', 'wscript.exe', 'wuauclt.exe'
)
# Programs that run what others wrote, or open whatever a person opens. vmmem has no image at all.
$script:hostProcesses = @(
    'wsl.exe', 'wslhost.exe', 'wslservice.exe', 'wslrelay.exe', 'wslg.exe', 'msrdc.exe', 'vmmem', 'vmmem.exe', 'vmmemwsl',
    'vmmemwsl.exe', 'vmwp.exe', 'vmcompute.exe', 'vmms.exe', 'code.exe', 'code-insiders.exe', 'cursor.exe', 'devenv.exe',
    'goland64.exe', 'idea64.exe', 'pwsh.exe', 'powershell_ise.exe', 'conhost.exe', 'openconsole.exe',
    'windowsterminal.exe', 'wt.exe', 'explorer.exe', 'rundll32.exe', 'regsvr32.exe', 'certutil.exe', 'msiexec.exe',
    'installutil.exe', 'javaw.exe', 'node.exe', 'python.exe', 'pythonw.exe', 'py.exe', 'perl.exe', 'ruby.exe', 'sh.exe',
    'ssh.exe', 'git.exe', 'curl.exe', 'winget.exe', 'chrome.exe', 'msedge.exe', 'firefox.exe', 'ubuntu.exe', 'debian.exe',
    'brave.exe', 'opera.exe', 'vivaldi.exe', 'chromium.exe', 'thunderbird.exe', 'teams.exe', 'ms-teams.exe', 'slack.exe',
    'discord.exe', 'zoom.exe', 'docker.exe', 'dockerd.exe', 'com.docker.backend.exe', 'podman.exe', 'kubectl.exe',
    'deno.exe', 'bun.exe', 'npm.exe', 'npx.exe', 'php.exe', 'lua.exe', 'julia.exe', 'rscript.exe', 'tclsh.exe', 'zsh.exe',
    'fish.exe', 'dash.exe', 'nu.exe', 'busybox.exe', 'mintty.exe', 'wezterm.exe', 'alacritty.exe', 'scp.exe', 'sftp.exe',
    'sshd.exe', 'wget.exe', 'tar.exe', '7z.exe', '7zfm.exe', '7zg.exe', 'winrar.exe', 'scoop.exe', 'choco.exe', 'pip.exe',
    'uv.exe', 'cargo.exe', 'rustc.exe', 'make.exe', 'mingw32-make.exe', 'cmake.exe', 'ninja.exe', 'dlv.exe', 'windsurf.exe',
    'rider64.exe', 'pycharm64.exe', 'webstorm64.exe', 'clion64.exe', 'notepad++.exe', 'nvim.exe', 'vim.exe', 'sublime_text.exe'
)
# Those whose names have a version.
$script:hostPatterns = '\A(python|pypy|ruby|perl|php|lua|node|bash)[\d.]*w?\.exe\z'
$script:conditions = @{
    PathType = @('file', 'folder')
    ScanType = @('quick', 'full')
    ScanTrigger = @('OnDemand', 'OnAccess', 'BM')
}

# Names as Windows shows them in other languages; this file is ASCII, so \u stands for what is not.
$script:localNames = @{
    downloads = 'T\u00e9l\u00e9chargements Descargas Download Transfer\u00eancias Baixados Scaricati H\u00e4mtningar ' +
        'H\u00e4mtade+filer Nedlastinger Nedlastede+filer Overf\u00f8rsler Hentede+filer Lataukset Ladatut Pobrane Sta\u017een\u00e9+soubory ' +
        'Sta\u017een\u00e9 Stiahnut\u00e9+s\u00fabory Stiahnut\u00e9 Let\u00f6lt\u00e9sek Desc\u0103rc\u0103ri \u0130ndirilenler ' +
        '\u039b\u03ae\u03c8\u03b5\u03b9\u03c2 \u0417\u0430\u0433\u0440\u0443\u0437\u043a\u0438 ' +
        '\u0417\u0430\u0432\u0430\u043d\u0442\u0430\u0436\u0435\u043d\u043d\u044f ' +
        '\u0418\u0437\u0442\u0435\u0433\u043b\u044f\u043d\u0438\u044f Preuzimanja Prenosi Allalaadimised Lejupiel\u0101des ' +
        'Atsisiuntimai \u05d4\u05d5\u05e8\u05d3\u05d5\u05ea \u0627\u0644\u062a\u0646\u0632\u064a\u0644\u0627\u062a ' +
        '\u0e14\u0e32\u0e27\u0e19\u0e4c\u0e42\u0e2b\u0e25\u0e14 T\u1ea3i+xu\u1ed1ng Unduhan Baixades Deskargak ' +
        '\u4e0b\u8f7d \u4e0b\u8f09 \u30c0\u30a6\u30f3\u30ed\u30fc\u30c9 \ub2e4\uc6b4\ub85c\ub4dc Gedownloade+bestanden'
    folders = 'Desktop Schreibtisch Bureau Escritorio \u00c1rea+de+Trabalho Ambiente+de+Trabalho Scrivania Bureaublad Skrivbord Skrivebord ' +
        'Ty\u00f6p\u00f6yt\u00e4 Pulpit Plocha Asztal Masa\u00fcst\u00fc ' +
        '\u0395\u03c0\u03b9\u03c6\u03ac\u03bd\u03b5\u03b9\u03b1+\u03b5\u03c1\u03b3\u03b1\u03c3\u03af\u03b1\u03c2 ' +
        '\u0420\u0430\u0431\u043e\u0447\u0438\u0439+\u0441\u0442\u043e\u043b \u0420\u043e\u0431\u043e\u0447\u0438\u0439+\u0441\u0442\u0456\u043b ' +
        '\u684c\u9762 \u30c7\u30b9\u30af\u30c8\u30c3\u30d7 \ubc14\ud0d5+\ud654\uba74 ' +
        'Documents My+Documents Dokumente Eigene+Dokumente Eigene+Dateien Mes+documents Documentos Mis+documentos Meus+documentos ' +
        'Documenti Documenten Mijn+documenten Dokument Mina+dokument Dokumenter Mine+dokumenter Asiakirjat Tiedostot Dokumenty ' +
        'Moje+dokumenty Dokumentumok Documente Belgeler Belgelerim \u0388\u03b3\u03b3\u03c1\u03b1\u03c6\u03b1 ' +
        '\u0414\u043e\u043a\u0443\u043c\u0435\u043d\u0442\u044b \u041c\u043e\u0438+\u0434\u043e\u043a\u0443\u043c\u0435\u043d\u0442\u044b ' +
        '\u0414\u043e\u043a\u0443\u043c\u0435\u043d\u0442\u0438 \u6587\u6863 \u6587\u4ef6 \u30c9\u30ad\u30e5\u30e1\u30f3\u30c8 \ubb38\uc11c ' +
        'Pictures My+Pictures Bilder Eigene+Bilder Images Mes+images Im\u00e1genes Imagens Immagini Afbeeldingen Billeder Kuvat Obrazy ' +
        'Obr\u00e1zky K\u00e9pek Imagini Resimler \u0395\u03b9\u03ba\u03cc\u03bd\u03b5\u03c2 ' +
        '\u0418\u0437\u043e\u0431\u0440\u0430\u0436\u0435\u043d\u0438\u044f \u0417\u043e\u0431\u0440\u0430\u0436\u0435\u043d\u043d\u044f ' +
        '\u56fe\u7247 \u5716\u7247 \u30d4\u30af\u30c1\u30e3 \uc0ac\uc9c4 ' +
        'Music My+Music Musik Eigene+Musik Musique Ma+musique M\u00fasica Musica Muziek Musikk Musiikki Muzyka Hudba Zene Muzic\u0103 ' +
        'M\u00fczik \u039c\u03bf\u03c5\u03c3\u03b9\u03ba\u03ae \u041c\u0443\u0437\u044b\u043a\u0430 \u041c\u0443\u0437\u0438\u043a\u0430 ' +
        '\u97f3\u4e50 \u97f3\u6a02 \u30df\u30e5\u30fc\u30b8\u30c3\u30af \uc74c\uc545 ' +
        "Videos My+Videos Eigene+Videos Vid\u00e9os Mes+vid\u00e9os V\u00eddeos Video Video's Videor Videoer Videot Wideo Videa " +
        'Vide\u00f3k Videoclipuri Videolar \u0392\u03af\u03bd\u03c4\u03b5\u03bf \u0412\u0438\u0434\u0435\u043e \u0412\u0456\u0434\u0435\u043e ' +
        '\u89c6\u9891 \u5f71\u7247 \u30d3\u30c7\u30aa \ub3d9\uc601\uc0c1 \ube44\ub514\uc624 ' +
        'Favorites Favoriten Favoris Favoritos Preferiti Favorieten Favoriter Ulubione \u0418\u0437\u0431\u0440\u0430\u043d\u043d\u043e\u0435'
    users = 'Users Benutzer Utilisateurs Usuarios Usu\u00e1rios Utilizadores Utenti Gebruikers Anv\u00e4ndare Brukere Brugere ' +
        'K\u00e4ytt\u00e4j\u00e4t U\u017cytkownicy U\u017eivatel\u00e9 Felhaszn\u00e1l\u00f3k Kullan\u0131c\u0131lar ' +
        '\u041f\u043e\u043b\u044c\u0437\u043e\u0432\u0430\u0442\u0435\u043b\u0438 ' +
        'Documents+and+Settings Dokumente+und+Einstellungen Documentos+e+Configura\u00e7\u00f5es Documents+et+param\u00e8tres'
    programs = 'Programme Programmes Programmi Archivos+de+programa Arquivos+de+Programas Ficheiros+de+programas Programas ' +
        'Program Programfiler Programmer Programmabestanden Ohjelmatiedostot Pliki+program\u00f3w Programy Programok'
}
foreach ($kind in @($script:localNames.Keys)) {
    $script:localNames[$kind] = @([regex]::Unescape($script:localNames[$kind]).Split(' ') | ForEach-Object { $_.Replace('+', ' ').ToUpperInvariant() })
}

# Folders that hold keys and passwords, wherever they lie.
$script:secretNames = @(
    '.ssh', '.aws', '.azure', '.kube', '.gnupg', '.gpg', '.docker', '.gcloud', '.password-store', '.oci', '.bluemix', '.aliyun',
    '.minikube', '.vault', '.vault-token', '.terraform.d', '.terraformrc', '.putty', '.pki', '.certs', '.secrets', '.git-credentials',
    '.netrc', '_netrc', '.npmrc', '.pypirc', '.pgpass', '.my.cnf', '.s3cfg', '.boto', '.mozilla', '.keychain', '.age', '.sops',
    '.step', '.krb5', '.gem\credentials', '.config\gcloud', '.config\gh', '.config\op', '.config\sops', '.config\rclone',
    '.config\hub', '.config\git', '.config\containers', 'Microsoft\Protect', 'Microsoft\Credentials', 'Microsoft\Vault',
    'Microsoft\Crypto', 'Microsoft\SystemCertificates'
)
$script:secret = New-Object -TypeName System.Text.RegularExpressions.Regex -ArgumentList @(
    ('(?<=\A|\\)(' + (@($script:secretNames | ForEach-Object { [regex]::Escape($_) }) -join '|') + ')(?=\\|\z)'),
    ([System.Text.RegularExpressions.RegexOptions]'IgnoreCase, CultureInvariant')
)
# Folders of programs that a package manager fills. Go's own programs in them may be excluded as programs.
$script:programNames = @(
    'scoop', 'miniconda3', 'anaconda3', 'miniforge3', 'mambaforge', 'micromamba', 'pipx', 'node_modules', 'npm', 'npm-global',
    'nvm', 'fnm', 'volta', 'pnpm', 'yarn', 'vcpkg', 'sdkman', 'homebrew', 'pyenv', 'rbenv', 'PortableApps'
)
# Folders in which virtual disks lie, below a drive's root or a profile.
$script:diskNames = @(
    'WSL', 'WSL2', 'WSL Distros', 'wsl-distros', 'Distros', 'lxss', 'VMs', 'Virtual Machines', 'VirtualBox VMs', 'Hyper-V', 'VM',
    'Virtual Hard Disks', 'VHD', 'VHDs', 'VHDX', 'DockerDesktop', 'docker-desktop', 'DockerDesktopWSL', 'rancher-desktop'
)

# Folders below the root of any drive. tree: the folder, what is above it and what is below it are refused;
# programs: a tree in which Go's own programs may be named; disks: a tree in which a virtual disk may be named;
# vendor: the folder, what is above it and its direct children; node: the folder and what is above it.
$script:driveAreas = [ordered]@{
    tree = @(
        'Windows', 'WinNT', 'Windows.old', '$Recycle.Bin', 'Recycler', 'Recycled', 'System Volume Information', 'Recovery', 'Boot',
        'EFI', 'PerfLogs', 'inetpub', 'Temp', 'tmp', 'Users\Public', 'Users\Default', 'ProgramData\Microsoft',
        'ProgramData\Package Cache', 'ProgramData\ssh', 'MSOCache', 'Config.Msi', '$WinREAgent', '$Windows.~BT', '$Windows.~WS',
        '$SysReset', '$GetCurrent', 'ESD', 'Drivers', 'Downloads', 'AppData', 'OneDriveTemp'
    )
    programs = @(
        'ProgramData\chocolatey', 'ProgramData\scoop', 'ProgramData\npm', 'ProgramData\nodejs', 'ProgramData\nvm',
        'ProgramData\Anaconda3', 'ProgramData\Miniconda3', 'ProgramData\mise', 'ProgramData\winget', 'chocolatey', 'tools', 'msys64',
        'msys32', 'msys2', 'cygwin', 'cygwin64', 'MinGW', 'mingw64', 'Strawberry', 'nvm4w', 'ghcup', 'bin', 'go\bin',
        'gopath\bin'
    ) + $script:programNames
    disks = @('ProgramData\Docker', 'ProgramData\DockerDesktop', 'docker\wsl') + $script:diskNames
    vendor = @('Program Files', 'Program Files (x86)', 'Program Files (Arm)', 'ProgramData')
    node = @('Users')
}
$script:programFilesTrees = @('Java', 'Common Files', 'WindowsApps', 'Windows Defender', 'Windows NT', 'WindowsPowerShell', 'WSL')
# Below a user's profile.
$script:profileAreas = [ordered]@{
    tree = @(
        'AppData\Local\Temp', 'AppData\LocalLow\Temp', 'AppData\Roaming\Temp', 'AppData\Local\Microsoft',
        'AppData\Roaming\Microsoft', 'AppData\LocalLow\Microsoft', 'Downloads', 'Temp', 'tmp', 'go\bin', 'bin', '.local\bin',
        'Documents\PowerShell', 'Documents\WindowsPowerShell', 'Documents\Outlook Files', 'Documents\Custom Office Templates'
    )
    programs = @(
        '.vscode', '.vscode-server', '.vscode-insiders', '.cursor', '.dotnet', '.cargo', '.rustup',
        'AppData\Local\Programs', 'AppData\Roaming\Python', 'AppData\Roaming\npm'
    ) + $script:programNames
    disks = @('AppData\Local\Packages', 'AppData\Local\wsl', 'AppData\Local\lxss', 'AppData\Local\Docker') + $script:diskNames
    node = @(
        'Documents\GitHub', 'Links', 'Contacts', 'Searches', 'Saved Games', '3D Objects', 'OneDrive', 'Dropbox', 'Google Drive',
        'My Drive', 'iCloudDrive', 'Box', 'Nextcloud', 'ownCloud', 'MEGA', 'Proton Drive', 'pCloud Drive', 'sdk', '.cache', '.config'
    )
}
$script:profileAreas.tree += $script:localNames.downloads
$script:profileAreas.node += $script:localNames.folders
# What Go, and tools for Go, put into AppData, ProgramData or a folder whose name begins with a dot.
$script:goNames = '\A\.?(GO([-_.][^\\]*|BUILD|CACHE|MOD|MODCACHE|TMP|TMPDIR|TEMP)?|GOPLS|GOLANGCI-LINT|STATICCHECK)\z'
# Below a folder of Program Files: no programs.
$script:dataNames = '\A\.?([^\\]*CACHES?|DATA|LOGS?|BUILDS?|WORK|WORKSPACES?|SRC)\z'
# Names of folders that hold many projects.
$script:containers = @(
    'SRC', 'SOURCE', 'SOURCES', 'SOURCE\REPOS', 'REPO', 'REPOS', 'REPOSITORIES', 'CODE', 'DEV', 'DEVEL', 'DEVELOPMENT',
    'GIT', 'GITHUB', 'GITLAB', 'PROJECT', 'PROJECTS', 'WORK', 'WORKSPACE', 'WORKSPACES', 'GO\SRC', 'GITREPOS', 'IDEAPROJECTS',
    'GOLANDPROJECTS', 'DOCUMENTS\PROJECTS', 'DOCUMENTS\CODE', 'DOCUMENTS\SRC', 'PROJEKTE', 'PROJETS', 'PROYECTOS'
)
# Folders that are synchronized, wherever they lie and whatever they are called after their owner, such as
# "OneDrive - Contoso" or "Dropbox (Personal)". What is in one lies as in a profile.
$script:synchronized = '(ONEDRIVE|DROPBOX|GOOGLE DRIVE|MY DRIVE|ICLOUD ?DRIVE|NEXTCLOUD|OWNCLOUD|PROTON DRIVE|PCLOUD DRIVE)'
$script:qualified = '( - [^\\]+| \([^\\]+\)| ?\d+)'
$script:inProfile = @(
    "\\$($script:synchronized)$($script:qualified)?(\\MY PC \([^\\]*\))?\\(?<rest>.+)\z",
    '\\(?<rest>APPDATA\\(LOCAL|LOCALLOW|ROAMING)(\\.*)?)\z'
)
# Junctions that every Windows has, so that old names go on working.
$script:aliases = @(
    @("^($(@($script:localNames.users | ForEach-Object { [regex]::Escape($_) }) -join '|'))(?=\\|\z)", 'USERS'),
    @("^($(@($script:localNames.programs | ForEach-Object { [regex]::Escape($_) }) -join '|'))( \(X86\))?(?=\\|\z)", 'PROGRAM FILES$2'),
    @('^USERS\\ALL USERS(?=\\|\z)', 'PROGRAMDATA'),
    @('^USERS\\DEFAULT USER(?=\\|\z)', 'USERS\DEFAULT'),
    @('^PROGRAMDATA\\APPLICATION DATA(?=\\|\z)', 'PROGRAMDATA'),
    @('^PROGRAMDATA\\(START MENU|TEMPLATES)(?=\\|\z)', 'PROGRAMDATA\MICROSOFT\WINDOWS\$1'),
    @('^PROGRAMDATA\\(DESKTOP|DOCUMENTS)(?=\\|\z)', 'USERS\PUBLIC\$1'),
    @('^(USERS\\[^\\]+)\\LOCAL SETTINGS(?=\\|\z)', '$1\APPDATA\LOCAL'),
    @('^(USERS\\[^\\]+)\\APPLICATION DATA(?=\\|\z)', '$1\APPDATA\ROAMING'),
    @('^(USERS\\[^\\]+)\\MY DOCUMENTS(?=\\|\z)', '$1\DOCUMENTS'),
    @('^(USERS\\[^\\]+)\\(START MENU|SENDTO|TEMPLATES|RECENT|COOKIES|NETHOOD|PRINTHOOD)(?=\\|\z)', '$1\APPDATA\ROAMING\MICROSOFT\WINDOWS\$2'),
    @('^(USERS\\[^\\]+)\\APPDATA\\LOCAL\\APPLICATION DATA(?=\\|\z)', '$1\APPDATA\LOCAL'),
    @('^(USERS\\[^\\]+)\\ONEDRIVE(?: - [^\\]+)?\\(?=[^\\])', '$1\'),
    @('^(USERS\\[^\\]+)\\DOCUMENTS\\MY (MUSIC|PICTURES|VIDEOS)(?=\\|\z)', '$1\$2'),
    @('^(USERS\\[^\\]+)\\APPDATA\\LOCAL\\(HISTORY|TEMPORARY INTERNET FILES)(?=\\|\z)', '$1\APPDATA\LOCAL\MICROSOFT\WINDOWS\$2')
)
$script:variable = '%[^%\\/:*?"<>|]+%'
$script:aliased = "\A($(@(@('PROGRAMDATA') + $script:localNames.users + $script:localNames.programs | ForEach-Object { [regex]::Escape($_) }) -join '|'))"
# A first look at what Get-FormReason finds in single names.
$script:suspicious = '[:"<>|~\x00-\x1f\x7f]|\\[ .]+\\|\\(CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|COM.|LPT.)[ .]*[.\\]'
$script:areaCache = @{}

function Split-ExclusionContext {
    <#
    .SYNOPSIS
    Splits PATH\:{Type:value,...} into the path and its conditions, each Type:value, in a fixed order.
    .NOTES
    Conditions is $null where there is no such suffix.
    #>
    [CmdletBinding()]
    [OutputType([PSCustomObject])]
    param (
        [Parameter(Mandatory = $true)]
        [AllowEmptyString()]
        [string]
        $Value
    )

    $found = [regex]::Match($Value.Trim(), '(?s)\A(?<path>.*?)[\\/]+:\s*\{(?<body>.*)\}\z')
    if (-not $found.Success) {
        return [PSCustomObject]@{ Path = $Value.Trim(); Conditions = $null }
    }
    $conditions = New-Object -TypeName 'System.Collections.Generic.List[string]'
    foreach ($item in [regex]::Matches($found.Groups['body'].Value, '(?:"[^"]*"|[^,"])+')) {
        $text = $item.Value.Trim()
        if ($text) {
            $conditions.Add([regex]::Replace($text, '\A([^\s:"]+)\s*:\s*', '$1:'))
        }
    }
    $conditions.Sort([StringComparer]::Ordinal)
    # What is in front of a suffix always ended with a backslash: C:\:{...} is the drive's root.
    [PSCustomObject]@{ Path = $found.Groups['path'].Value + '\'; Conditions = $conditions.ToArray() }
}

function ConvertTo-ExclusionPath {
    <#
    .SYNOPSIS
    Reads a Windows path: its kind (drive, unc, device or relative), its root and its components, as Windows would.
    .NOTES
    Written has the components as they stand there, also those that a later .. takes back.
    #>
    [CmdletBinding()]
    [OutputType([PSCustomObject])]
    param (
        [Parameter(Mandatory = $true)]
        [AllowEmptyString()]
        [string]
        $Path
    )

    $text = $Path.Trim().Replace('/', '\')
    $device = $false
    while ($text -match '\A(?:\\{2,}[?.]|\\\?\?)(?:\\+(?<rest>.*))?\z') {
        $device = $true
        $text = if ($Matches.ContainsKey('rest')) { $Matches['rest'] } else { '' }
        if ($text -match '\AUNC\\+(?<rest>.+)\z') {
            $text = '\\' + $Matches['rest']
        }
    }
    $kind = 'relative'
    $root = ''
    if ($text -match '\A(?<drive>[A-Za-z]):(?:\\+(?<rest>.*))?\z') {
        $kind = 'drive'
        $root = $Matches['drive'].ToUpperInvariant() + ':\'
        $text = if ($Matches.ContainsKey('rest')) { $Matches['rest'] } else { '' }
    } elseif ($text -match '\A\\{2,}(?<server>[^\\]+)(?:\\+(?<share>[^\\]+))?(?:\\+(?<rest>.*))?\z') {
        $kind = 'unc'
        $root = '\\' + $Matches['server'].TrimEnd(' ', '.')
        if ($Matches.ContainsKey('share')) {
            $root += '\' + $Matches['share'].TrimEnd(' ')
        }
        $text = if ($Matches.ContainsKey('rest')) { $Matches['rest'] } else { '' }
    } elseif ($device) {
        $kind = 'device'
        $root = '\\.\'
    } elseif ($text.StartsWith('\')) {
        $root = '\'
    }
    $parts = New-Object -TypeName 'System.Collections.Generic.List[string]'
    $written = $text.Split([char[]]@('\'), [StringSplitOptions]::RemoveEmptyEntries)
    foreach ($part in $written) {
        if ($part -ceq '.') {
            continue
        }
        if ($part -ceq '..') {
            $last = if ($parts.Count) { $parts[$parts.Count - 1] } else { '' }
            if ($last -and $last -cne '..' -and $last -notmatch $script:variable) {
                $parts.RemoveAt($parts.Count - 1)
            } elseif ($last -or $kind -eq 'relative') {
                $parts.Add($part)
            }
            continue
        }
        # Windows cannot make a name that ends in a dot or a space, so such a spelling means the name without.
        $name = if ($part.IndexOfAny([char[]]@('*', '?')) -ge 0) { $part.TrimEnd(' ') } else { $part.TrimEnd(' ', '.') }
        if ($name) {
            $parts.Add($name)
        }
    }
    [PSCustomObject]@{ Kind = $kind; Root = $root; Parts = $parts.ToArray(); Written = $written }
}

function ConvertTo-ExclusionText {
    <#
    .SYNOPSIS
    Writes a path as ConvertTo-ExclusionPath has read it.
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param (
        [Parameter(Mandatory = $true)]
        [PSCustomObject]
        $Path
    )

    $rest = $Path.Parts -join '\'
    if ($Path.Kind -eq 'unc' -and $rest) {
        return $Path.Root + '\' + $rest
    }
    $Path.Root + $rest
}

function Get-ExclusionKey {
    <#
    .SYNOPSIS
    Returns the normal form of an exclusion: two spellings are one entry exactly when their keys are -ceq.
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param (
        [Parameter(Mandatory = $true)]
        [ValidateSet('path', 'process', 'extension')]
        [string]
        $Kind,

        [Parameter(Mandatory = $true)]
        [AllowEmptyString()]
        [string]
        $Value
    )

    if ($Kind -eq 'extension') {
        return [regex]::Replace($Value.Trim(), '\A\*?\.', '').ToLowerInvariant()
    }
    if ($Kind -eq 'process') {
        return (ConvertTo-ExclusionText -Path (ConvertTo-ExclusionPath -Path $Value)).ToUpperInvariant()
    }
    $split = Split-ExclusionContext -Value $Value
    $key = (ConvertTo-ExclusionText -Path (ConvertTo-ExclusionPath -Path $split.Path)).ToUpperInvariant()
    if ($null -ne $split.Conditions) {
        # Types and values are case-sensitive, so they are not folded.
        $key = $key.TrimEnd('\') + '\:{' + ($split.Conditions -join ',') + '}'
    }
    $key
}

function Get-ExclusionBaseKey {
    <#
    .SYNOPSIS
    Returns the key of the path alone, without its conditions.
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param (
        [Parameter(Mandatory = $true)]
        [AllowEmptyString()]
        [string]
        $Value
    )

    Get-ExclusionKey -Kind path -Value (Split-ExclusionContext -Value $Value).Path
}

function New-AreaTable {
    <#
    .SYNOPSIS
    Returns an empty table of protected folders, to be looked up by their folded paths.
    #>
    @{
        At = New-Object -TypeName 'System.Collections.Generic.Dictionary[string,object]'
        # What is above a protected folder, with the name of that folder.
        Above = New-Object -TypeName 'System.Collections.Generic.Dictionary[string,string]'
        # Those with an 8.3 name, such as the C:\Users\USERNA~1\AppData\Local\Temp that TEMP often holds.
        Short = New-Object -TypeName 'System.Collections.Generic.List[object]'
    }
}

function Add-Area {
    <#
    .SYNOPSIS
    Puts a protected folder into a table; the first one of a path stays.
    #>
    param ([hashtable] $Table, [string] $Mode, [string] $Path, [string] $Name)

    $folded = $Path.ToUpperInvariant()
    $area = [PSCustomObject]@{ Mode = $Mode; Path = $folded; Name = $Name }
    if ($folded.Contains('~')) {
        $Table.Short.Add($area)
        return
    }
    if ($Table.At.ContainsKey($folded)) {
        return
    }
    $Table.At[$folded] = $area
    for ($at = $folded.LastIndexOf('\'); $at -gt 0; $at = $folded.LastIndexOf('\', $at - 1)) {
        $Table.Above[$folded.Substring(0, $at)] = $Name
    }
}

function Find-Area {
    <#
    .SYNOPSIS
    Says how a path lies to a protected folder of a table: an object with Relation (equal, above, below) and Name.
    #>
    param ([string] $Path, [hashtable] $Table, [bool] $Disk, [bool] $Own)

    if ($Table.At.ContainsKey($Path)) {
        return [PSCustomObject]@{ Relation = 'equal'; Name = $Table.At[$Path].Name }
    }
    if ($Table.Above.ContainsKey($Path)) {
        return [PSCustomObject]@{ Relation = 'above'; Name = $Table.Above[$Path] }
    }
    $direct = $true
    for ($at = $Path.LastIndexOf('\'); $at -gt 0; $at = $Path.LastIndexOf('\', $at - 1)) {
        $area = $null
        if ($Table.At.TryGetValue($Path.Substring(0, $at), [ref]$area)) {
            $refused = switch ($area.Mode) {
                'tree' { $true }
                'programs' { -not $Own }
                'disks' { -not $Disk }
                'vendor' { $direct }
                default { $false }
            }
            if ($refused) {
                return [PSCustomObject]@{ Relation = 'below'; Name = $area.Name }
            }
        }
        $direct = $false
    }
    foreach ($area in $Table.Short) {
        $long = New-AreaTable
        Add-Area -Table $long -Mode $area.Mode -Path (Expand-ShortArea -Path $Path -Area $area.Path) -Name $area.Name
        if (-not $long.Short.Count) {
            $found = Find-Area -Path $Path -Table $long -Disk $Disk -Own $Own
            if ($found) {
                return $found
            }
        }
    }
}

function Expand-ShortArea {
    <#
    .SYNOPSIS
    Puts the names of a path for those 8.3 names of a protected folder that may stand for them.
    #>
    param ([string] $Path, [string] $Area)

    $long = $Path.Split('\')
    $short = $Area.Split('\')
    for ($i = 0; $i -lt $short.Count; $i++) {
        if ($short[$i] -notmatch '\A(?<start>[^~.]+)~\d+(?:\.(?<end>[^.]*))?\z') {
            continue
        }
        if ($i -ge $long.Count) {
            # The path ends above it, so what it stands for does not matter.
            $short[$i] = $short[$i].Replace('~', '-')
            continue
        }
        # From the fifth collision on Windows keeps only two letters.
        $start = $Matches['start'].Substring(0, [Math]::Min(2, $Matches['start'].Length))
        $end = if ($Matches.ContainsKey('end')) { $Matches['end'] } else { '' }
        $plain = $long[$i] -replace '[ +,;=\[\]]', ''
        $dot = $plain.LastIndexOf('.')
        $extension = if ($dot -gt 0) { $plain.Substring($dot + 1) } else { '' }
        $same = $plain.TrimStart('.').StartsWith($start, [StringComparison]::Ordinal)
        if ($same -and $extension.StartsWith($end, [StringComparison]::Ordinal)) {
            $short[$i] = $long[$i]
        }
    }
    $short -join '\'
}

function Get-EnvironmentArea {
    <#
    .SYNOPSIS
    Returns the protected folders that Windows variables name: a table, the users' profiles, and Go's own folders.
    #>
    param ([System.Collections.IDictionary] $Environment)

    $signature = @(foreach ($name in $Environment.Keys) { $name; $Environment[$name] }) -join '|'
    if ($script:areaCache.ContainsKey($signature)) {
        return $script:areaCache[$signature]
    }
    $values = @{}
    foreach ($name in $Environment.Keys) {
        $values["$name".ToUpperInvariant()] = "$($Environment[$name])"
    }
    $named = [ordered]@{
        tree = @('SYSTEMROOT', 'WINDIR', 'TEMP', 'TMP', 'PUBLIC', 'COMMONPROGRAMFILES', 'COMMONPROGRAMFILES(X86)',
            'COMMONPROGRAMW6432', 'TMPDIR', 'GOBIN', 'GNUPGHOME', 'DOCKER_CONFIG', 'CLOUDSDK_CONFIG', 'AZURE_CONFIG_DIR', 'PASSWORD_STORE_DIR',
            'KUBECONFIG', 'AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE', 'SHELL:DOWNLOADS', 'SHELL:STARTUP', 'SHELL:COMMON STARTUP')
        programs = @('CHOCOLATEYINSTALL', 'CHOCOLATEYTOOLSLOCATION', 'SCOOP', 'SCOOP_GLOBAL', 'CARGO_HOME', 'RUSTUP_HOME',
            'NVM_HOME', 'NVM_SYMLINK', 'PNPM_HOME', 'NPM_CONFIG_PREFIX', 'VOLTA_HOME', 'PIPX_HOME', 'PIPX_BIN_DIR', 'PYTHONUSERBASE',
            'PYENV_ROOT', 'DOTNET_ROOT', 'DOTNET_CLI_HOME', 'JAVA_HOME', 'CONDA_PREFIX', 'ASDF_DATA_DIR', 'MISE_DATA_DIR', 'VCPKG_ROOT')
        disks = @('WSL:DISTROS')
        vendor = @('PROGRAMFILES', 'PROGRAMFILES(X86)', 'PROGRAMFILES(ARM)', 'PROGRAMW6432')
        node = @('SHELL:DESKTOP', 'SHELL:PERSONAL', 'SHELL:MY PICTURES', 'SHELL:MY MUSIC', 'SHELL:MY VIDEO', 'SHELL:FAVORITES',
            'PROGRAMDATA', 'ALLUSERSPROFILE', 'USERPROFILE', 'LOCALAPPDATA', 'APPDATA', 'ONEDRIVE', 'ONEDRIVECONSUMER',
            'ONEDRIVECOMMERCIAL', 'GOROOT', 'GOPATH')
    }
    $below = @{
        'PROGRAMFILES' = $script:programFilesTrees
        'PROGRAMFILES(X86)' = $script:programFilesTrees
        'PROGRAMW6432' = $script:programFilesTrees
        'PROGRAMDATA' = @('Microsoft')
        'ALLUSERSPROFILE' = @('Microsoft')
        'LOCALAPPDATA' = @('Temp', 'Microsoft')
        'APPDATA' = @('Temp', 'Microsoft')
        'GOPATH' = @('bin')
    }
    $fold = {
        param ($text)
        $path = ConvertTo-ExclusionPath -Path $text
        if (($path.Kind -eq 'drive' -and $path.Parts.Count) -or $path.Kind -eq 'unc') {
            (ConvertTo-ExclusionText -Path $path).ToUpperInvariant()
        }
    }
    $table = New-AreaTable
    foreach ($mode in $named.Keys) {
        foreach ($name in $named[$mode]) {
            foreach ($text in "$($values[$name])".Split(';')) {
                if ($name -in @('TEMP', 'TMP')) {
                    # A session's own folder, such as Temp\2.
                    $text = [regex]::Replace($text, '[\\/]\d+[\\/]*\z', '')
                }
                $folder = & $fold $text
                if (-not $folder) {
                    continue
                }
                Add-Area -Table $table -Mode $mode -Path $folder -Name "$folder (%$name%)"
                foreach ($child in @($below[$name] | Where-Object { $_ })) {
                    Add-Area -Table $table -Mode tree -Path "$folder\$child" -Name "$folder\$child (%$name%\$child)"
                }
            }
        }
    }
    # What lies in a folder that is synchronized lies as in a profile.
    $homes = @($values['USERPROFILE'], $values['HOME'], $values['ONEDRIVE'], $values['ONEDRIVECONSUMER'], $values['ONEDRIVECOMMERCIAL'])
    if ($values['HOMEDRIVE'] -and $values['HOMEPATH']) {
        $homes += $values['HOMEDRIVE'] + $values['HOMEPATH']
    }
    $areas = @{
        Table = $table
        AppData = @(foreach ($name in 'LOCALAPPDATA', 'APPDATA') { if ($values[$name]) { & $fold $values[$name] } })
        Homes = @(foreach ($text in $homes) { if ($text) { & $fold $text } })
        Go = @(foreach ($name in 'GOCACHE', 'GOMODCACHE', 'GOTMPDIR') { if ($values[$name]) { & $fold $values[$name] } })
    }
    $script:areaCache[$signature] = $areas
    $areas
}

function Get-AreaReason {
    <#
    .SYNOPSIS
    Says why what Find-Area has found is refused.
    #>
    param ([PSCustomObject] $Found, [string] $Of = '')

    $name = $Found.Name + $Of
    switch ($Found.Relation) {
        'above' { return "$name lies in it and must stay scanned" }
        'below' { return "it lies in $name, where attackers leave things or programs come from" }
    }
    "it is $name, which must stay scanned as a whole"
}

function Test-GoFolder {
    <#
    .SYNOPSIS
    Says whether a path lies in a folder of Go's own: by Go's settings, or by the name that follows a number of names.
    #>
    [OutputType([bool])]
    param ([string] $Whole, [string] $Rest, [int] $Skip, [hashtable] $Areas)

    foreach ($folder in $Areas.Go) {
        if ("$Whole\".StartsWith("$folder\", [StringComparison]::Ordinal)) {
            return $true
        }
    }
    $names = @($Rest.Split('\'))
    if ($names.Count -le $Skip -or $names[$Skip] -notmatch $script:goNames) {
        return $false
    }
    if ($names[$Skip] -notmatch '\A\.?GO\z') {
        return $true
    }
    # A folder go is a GOPATH: its programs, and what is above them, are none of its caches.
    $below = @($names | Select-Object -Skip ($Skip + 1))
    ($below.Count -gt 1 -and $below[0] -cne 'BIN') -or ($below.Count -eq 1 -and $below[0] -cnotin @('BIN', 'PKG'))
}

function Get-ProfileReason {
    <#
    .SYNOPSIS
    Says why a path in a user's profile must not be excluded, nothing where it may.
    #>
    param ([string] $Rest, [string] $Whole, [hashtable] $Areas, [bool] $Disk, [bool] $Own)

    if (-not $Rest) {
        return "it is a user's whole profile"
    }
    $found = Find-Area -Path $Rest -Table $script:profileTable -Disk $Disk -Own $Own
    if ($found) {
        return Get-AreaReason -Found $found -Of " of a user's profile"
    }
    if ($Rest -in $script:containers -or
        $Rest -match "\A($($script:synchronized)$($script:qualified)|BOX SYNC|ICLOUD DRIVE|CREATIVE CLOUD FILES)\z") {
        return 'it is a folder of many projects'
    }
    if ($Rest -match '\AAPPDATA\\[^\\]+\\' -and -not $Disk -and -not $Own -and -not (Test-GoFolder -Whole $Whole -Rest $Rest -Skip 2 -Areas $Areas)) {
        return 'it lies in AppData, where browsers and programs keep passwords and what they run'
    }
    if ($Rest.StartsWith('.', [StringComparison]::Ordinal) -and -not $Own) {
        $skip = if ($Rest -match '\A\.(CACHE|CONFIG)\\') { 1 } else { 0 }
        if (-not (Test-GoFolder -Whole $Whole -Rest $Rest -Skip $skip -Areas $Areas)) {
            return "it is hidden in a user's profile, where programs keep passwords and what they run"
        }
    }
}

function Get-SecretReason {
    <#
    .SYNOPSIS
    Says why a path that leads through a folder of keys or passwords must not be excluded.
    #>
    param ([string] $Rest)

    $found = $script:secret.Match($Rest)
    if ($found.Success) {
        return "it lies in $($found.Value), which holds keys or passwords"
    }
}

function Get-FolderReason {
    <#
    .SYNOPSIS
    Says why a folder or file must not be excluded, nothing where it may.
    #>
    param ([PSCustomObject] $Path, [System.Collections.IDictionary] $Environment, [bool] $Disk, [bool] $Own, [bool] $Program)

    $rest = ($Path.Parts -join '\').ToUpperInvariant()
    if ($Path.Kind -eq 'unc') {
        $reason = Get-ShareReason -Path $Path -Environment $Environment
        if ($reason) {
            return $reason
        }
        if ($Path.Root -match '\\USERS\z') {
            $rest = "USERS\$rest"
        }
    } elseif (-not $rest) {
        return "it is the whole drive $($Path.Root)"
    }
    for ($before = ''; $before -cne $rest;) {
        $before = $rest
        if ($rest -match $script:aliased) {
            foreach ($alias in $script:aliases) {
                $rest = [regex]::Replace($rest, $alias[0], $alias[1])
            }
        }
    }

    $areas = Get-EnvironmentArea -Environment $Environment
    $whole = $Path.Root.ToUpperInvariant().TrimEnd('\') + "\$rest"
    $shared = @{ Whole = $whole; Areas = $areas; Disk = $Disk; Own = $Own }
    $found = Find-Area -Path $rest -Table $script:driveTable -Disk $Disk -Own $Own
    $named = $found -and $found.Relation -eq 'below' -and $rest -match '\APROGRAMDATA\\[^\\]+\z'
    if ($found -and -not ($named -and (Test-GoFolder -Whole $whole -Rest $rest -Skip 1 -Areas $areas))) {
        return Get-AreaReason -Found $found
    }
    $reason = Get-SecretReason -Rest $rest
    if ($reason) {
        return $reason
    }
    if ($rest -match '\AUSERS\\[^\\]+(?<rest>\\.*)?\z') {
        $reason = Get-ProfileReason @shared -Rest $(if ($Matches.ContainsKey('rest')) { $Matches['rest'].Substring(1) } else { '' })
        if ($reason) {
            return $reason
        }
    }
    foreach ($folder in $areas.Homes) {
        $folder = if ($folder.Contains('~')) { Expand-ShortArea -Path $whole -Area $folder } else { $folder }
        if ("$whole\".StartsWith("$folder\", [StringComparison]::Ordinal)) {
            $reason = Get-ProfileReason @shared -Rest $whole.Substring($folder.Length).TrimStart('\')
            if ($reason) {
                return $reason
            }
        }
    }
    foreach ($pattern in $script:inProfile) {
        if ($whole -match $pattern) {
            $reason = Get-ProfileReason @shared -Rest $Matches['rest']
            if ($reason) {
                return $reason
            }
        }
    }
    if ($whole -match '\\DOCKERDESKTOPWSL(\\.*)?\z' -and -not $Disk) {
        return 'virtual disks lie in it'
    }
    $found = Find-Area -Path $whole -Table $areas.Table -Disk $Disk -Own $Own
    if ($found) {
        return Get-AreaReason -Found $found
    }
    foreach ($folder in $areas.AppData) {
        if ("$whole\".StartsWith("$folder\", [StringComparison]::Ordinal) -and -not $Disk -and -not $Own) {
            if (-not (Test-GoFolder -Whole $whole -Rest $whole.Substring($folder.Length).TrimStart('\') -Skip 0 -Areas $areas)) {
                return 'it lies in AppData, where browsers and programs keep passwords and what they run'
            }
        }
    }
    if ($rest -match '\APROGRAM FILES( \([^)\\]*\))?\\(?!GO\\)[^\\]+\\(?<rest>.+)\z' -and -not $Program) {
        if (-not @($Matches['rest'].Split('\') | Where-Object { $_ -match $script:dataNames }).Count) {
            return 'it is where programs are installed'
        }
    }

    if ($Path.Kind -eq 'drive' -and $Path.Parts.Count -eq 1 -and -not $Disk -and $whole -notin $areas.Go) {
        # Go's own folders may lie there; anything else is a root of many things.
        if ($rest -notmatch '\A\.?GO[-_.]?(BUILD|MOD|TMP|TEMP|CACHE)[-_.]?(CACHE|TMP|TEMP|DIR)?\z') {
            return 'it lies at the root of a drive, where folders hold more than one project'
        }
    }
    if ($rest -match '\A(PYTHON|RUBY|PERL|NODE|NODEJS|PHP|RTOOLS|XAMPP|LARAGON|WAMP)[\d._-]*(-X64)?\\' -and -not $Own) {
        return 'it is where programs are installed'
    }
}

function Get-ShareReason {
    <#
    .SYNOPSIS
    Says why a path of a network share must not be excluded, nothing where the share does not speak against it.
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param (
        [Parameter(Mandatory = $true)]
        [PSCustomObject]
        $Path,

        [Parameter(Mandatory = $true)]
        [System.Collections.IDictionary]
        $Environment
    )

    $names = @($Path.Root.Substring(2).Split('\'))
    $server = $names[0].ToUpperInvariant()
    $share = if ($names.Count -gt 1) { $names[1].ToUpperInvariant() } else { '' }
    $parts = @($Path.Parts | ForEach-Object { $_.ToUpperInvariant() })

    if ($server -in @('WSL$', 'WSL.LOCALHOST')) {
        if (-not $share -or $share -match '[*?]') {
            return 'it is the files of every distro'
        }
        $below = 0
        if ($parts.Count -gt 2 -and $parts[0] -ceq 'HOME') {
            $below = 2
        } elseif ($parts.Count -gt 1 -and $parts[0] -ceq 'ROOT') {
            $below = 1
        }
        $rest = ($parts | Select-Object -Skip $below) -join '\'
        if (-not $below -or $rest.StartsWith('.') -or $rest -in $script:containers -or $rest -match '\A(GO|GO\\BIN(\\.*)?)\z') {
            return 'of a distro only one project below a home can be excluded'
        }
        $found = Find-Area -Path $rest -Table $script:profileTable
        if ($found) {
            return Get-AreaReason -Found $found -Of ' of a home'
        }
        return
    }
    # Neither wildcards, nor WebDAV's server@port, nor what the redirector reads for itself, such as \\;LanmanRedirector.
    if ($server -notmatch '\A[\w.-]+\z' -or $share -match '[*?;:"<>|]' -or $share -eq 'DAVWWWROOT') {
        return 'it does not name a server and a share as Explorer shows them'
    }
    $own = @('LOCALHOST', 'LOCALHOST6', 'LOOPBACK', 'TSCLIENT', 'VBOXSVR', 'VMWARE-HOST')
    foreach ($name in $Environment.Keys) {
        if ("$name" -eq 'COMPUTERNAME') {
            $own += "$($Environment[$name])".ToUpperInvariant()
        }
    }
    $numeric = $server -match '\A(0X[0-9A-F]+|\d+)(\.(0X[0-9A-F]+|\d+))*\z' -and $server -notmatch '\A([1-9]\d*)(\.(0|[1-9]\d*)){3}\z'
    if ($server.Split('.')[0] -in $own -or $numeric -or $server -match '\A127\.|\.IPV6-LITERAL\.NET\z') {
        return 'it is a share of this very machine, or may be'
    }
    if (-not $share) {
        return 'it is a whole server'
    }
    if ($share.EndsWith('$')) {
        return 'it is an administrative share, which is a whole drive'
    }
    if ($share -in @('SYSVOL', 'NETLOGON')) {
        return 'every machine of the domain runs programs from that share'
    }
    if (-not $parts.Count) {
        return 'it is a whole share'
    }
}

function Get-FormReason {
    <#
    .SYNOPSIS
    Says what is wrong with how a path is written, and what to do; nothing where it is well formed.
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param (
        [Parameter(Mandatory = $true)]
        [AllowEmptyString()]
        [string]
        $Text,

        [Parameter(Mandatory = $true)]
        [PSCustomObject]
        $Path,

        [Parameter(Mandatory = $true)]
        [string]
        $Kind
    )

    if ($Text -match $script:variable) {
        return "$($Matches[0]) would be expanded by Defender as the account SYSTEM has it; give the folder itself"
    }
    if ($Text -match '\A\W*[*?]:') {
        return 'a wildcard cannot stand for the drive; name the drive'
    }
    if ($Path.Kind -eq 'device') {
        return 'it names a device or volume; give a path with a drive letter'
    }
    if ($Path.Kind -eq 'relative') {
        if ($Kind -eq 'process' -and $Text -notmatch '[\\/:]') {
            return 'a name alone means every program of that name, wherever it came from; give the full path'
        }
        return 'it is no absolute path; give one with a drive letter'
    }
    if (('\' + ($Path.Written -join '\') + '\') -notmatch $script:suspicious) {
        return
    }
    foreach ($written in $Path.Written) {
        $part = $written.TrimEnd(' ', '.')
        if (-not $part) {
            if ($written -cin @('.', '..')) {
                continue
            }
            return 'a part of it has only dots or spaces for a name; write it without'
        }
        if ($part.Contains(':')) {
            if ($part -match '\A[^{]*:\s*\{') {
                return 'conditions begin with a backslash, as in C:\folder\:{PathType:folder}; write it so'
            }
            return 'a colon stands for an alternate stream there; name the file or folder alone'
        }
        if ($part -match '["<>|\x00-\x1f\x7f]') {
            return 'it has a character that no Windows name can have; write the name as Explorer shows it'
        }
        if ($part -match '\A(CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(COM|LPT)[0-9\u00b9\u00b2\u00b3])[ ]*(\..*)?\z') {
            return "$part is a device, not a name; leave it out"
        }
        if ($part -match '\A[^.~]{1,6}~\d{1,6}(\.[^.]{0,3})?\z' -and $part.Length -le 12) {
            return "$part is a short (8.3) name that can stand for any folder; give the long name"
        }
    }
}

function Get-ConditionReason {
    <#
    .SYNOPSIS
    Says what is wrong with the conditions of a contextual exclusion, nothing where Defender knows them.
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param (
        [AllowEmptyCollection()]
        [string[]]
        $Conditions
    )

    if (-not @($Conditions).Count) {
        return 'it has no condition between the braces; leave the suffix out'
    }
    $seen = @()
    foreach ($condition in $Conditions) {
        $type = $condition.Split(':')[0]
        $value = $condition.Substring([Math]::Min($type.Length + 1, $condition.Length))
        if ($type -ceq 'Process') {
            if ($value -notmatch '\A"[^"]+"\z') {
                return "the image path of Process stands in double quotes; write Process:`"C:\...\name.exe`""
            }
            continue
        }
        $allowed = @(foreach ($name in $script:conditions.Keys) { if ($name -ceq $type) { $script:conditions[$name] } })
        if (-not $allowed.Count) {
            return "Defender knows the types PathType, ScanType, ScanTrigger and Process, in this case, and not '$type'; correct it"
        }
        if ($value -cnotin $allowed) {
            return "Defender knows $($allowed -join ', ') for $type, in this case, and not '$value'; correct it"
        }
        if ($type -cin $seen) {
            return "two values for $type are never true together; make two exclusions of it"
        }
        $seen += $type
    }
}

function Get-ImageReason {
    <#
    .SYNOPSIS
    Says why a program must not be excluded, nothing where it may.
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param (
        [Parameter(Mandatory = $true)]
        [AllowEmptyCollection()]
        [string[]]
        $Parts
    )

    $image = if ($Parts.Count) { $Parts[$Parts.Count - 1].ToLowerInvariant() } else { '' }
    $names = @($image, "$image.exe")
    if (@($names | Where-Object { $_ -cin $script:microsoftProcesses }).Count) {
        return "$image is on Microsoft's list of programs never to exclude; leave it out"
    }
    if (@($names | Where-Object { $_ -cin $script:hostProcesses -or $_ -match $script:hostPatterns }).Count) {
        return "$image opens or runs whatever it is given, or has no image at all; leave it out"
    }
    if ($image -match '[*?]') {
        $folder = (@($Parts) | Select-Object -First ($Parts.Count - 1)) -join '\'
        if ($folder -notmatch '(\A|\\)pkg\\tool(\\[^\\]+)?\z') {
            return "a wildcard for the program is allowed in Go's own pkg\tool folder alone; name the program"
        }
    } elseif ($image -notmatch '.\.exe\z') {
        return 'it names no program; give the full path of one .exe'
    }
}

function Test-GoProgram {
    <#
    .SYNOPSIS
    Says whether a program is one of Go's own toolchain, by its name and folder.
    #>
    [OutputType([bool])]
    param ([AllowEmptyCollection()] [string[]] $Parts)

    ($Parts -join '\') -match '\\bin\\(go|gofmt)\.exe\z|\\pkg\\tool\\[a-z0-9]+_[a-z0-9]+\\([a-z0-9]+\.exe|\*)\z'
}

function Get-ExclusionProblem {
    <#
    .SYNOPSIS
    Judges an exclusion: nothing when allowed, else an object with Sentence and Invalid.
    .NOTES
    Invalid is true for what Defender could not use as it is written, whoever asks for it; the rest is dangerous.
    #>
    [CmdletBinding()]
    param (
        [Parameter(Mandatory = $true)]
        [ValidateSet('path', 'process', 'extension')]
        [string]
        $Kind,

        [Parameter(Mandatory = $true)]
        [AllowEmptyString()]
        [string]
        $Value,

        [Parameter(Mandatory = $true)]
        [System.Collections.IDictionary]
        $Environment,

        [scriptblock]
        $Resolver
    )

    $refuse = {
        param ($reason, $invalid)
        [PSCustomObject]@{ Sentence = "$Kind '$Value' is refused: $reason."; Invalid = [bool]$invalid }
    }
    if (-not $Value.Trim()) {
        return & $refuse 'it is empty; leave it out' $true
    }
    if ($Kind -eq 'extension') {
        $extension = Get-ExclusionKey -Kind extension -Value $Value
        if ($extension -cin $script:microsoftExtensions) {
            return & $refuse ".$extension is on Microsoft's list of extensions never to exclude; exclude one folder instead" $false
        }
        return & $refuse 'an extension counts on the whole machine; exclude one folder instead' $false
    }

    $split = [PSCustomObject]@{ Path = $Value.Trim(); Conditions = $null }
    if ($Kind -eq 'path') {
        $split = Split-ExclusionContext -Value $Value
    }
    $path = ConvertTo-ExclusionPath -Path $split.Path
    $reason = Get-FormReason -Text $split.Path -Path $path -Kind $Kind
    if ($reason) {
        return & $refuse $reason $true
    }
    if ($null -ne $split.Conditions) {
        $reason = Get-ConditionReason -Conditions $split.Conditions
        if ($reason) {
            return & $refuse $reason $true
        }
    }
    $wildcards = [regex]::Matches((ConvertTo-ExclusionText -Path $path) + "$($split.Conditions)", '[*?]').Count
    if ($wildcards -gt 6) {
        return & $refuse "it has $wildcards wildcards and Defender takes 6; name the folders" $true
    }

    $last = if ($path.Parts.Count) { $path.Parts[$path.Parts.Count - 1] } else { '' }
    $disk = $false
    if ($Kind -eq 'path' -and $last -match '\.(a?vhdx?|vhds|vmdk|vdi|qcow2?|hdd|iso|img|wim)\z') {
        if ($last -match '[*?]') {
            return & $refuse "a wildcard names every virtual disk there; name the one disk" $false
        }
        if ($split.Conditions -cnotcontains 'PathType:file') {
            return & $refuse "a virtual disk is excluded as a file alone; write it as ...\$last\:{PathType:file}" $false
        }
        $disk = $true
    }
    $own = $false
    if ($Kind -eq 'process') {
        $reason = Get-ImageReason -Parts $path.Parts
        if (-not $reason -and $path.Kind -eq 'unc') {
            $reason = 'a program on a share can be replaced from another machine; exclude one on a local drive'
        }
        if ($reason) {
            return & $refuse $reason $false
        }
        $own = Test-GoProgram -Parts $path.Parts
    }

    # What matches wildcards lies below the folder in front of the first one, so that folder is judged.
    $literal = @()
    foreach ($part in $path.Parts) {
        if ($part -match '[*?]') {
            $disk = $false
            break
        }
        $literal += $part
    }
    $judged = [PSCustomObject]@{ Kind = $path.Kind; Root = $path.Root; Parts = $literal }
    $suffix = if ($literal.Count -lt $path.Parts.Count) { ' (the wildcard lies right below it)' } else { '' }
    $reason = Get-FolderReason -Path $judged -Environment $Environment -Disk $disk -Own $own -Program ($Kind -eq 'process')
    if ($reason) {
        return & $refuse "$reason$suffix; name one folder of Go's own or one project" $false
    }
    if ($null -eq $Resolver) {
        return
    }
    $real = "$(& $Resolver (ConvertTo-ExclusionText -Path $judged))".Trim()
    if (-not $real) {
        return
    }
    $target = ConvertTo-ExclusionPath -Path $real
    if ($path.Kind -eq 'drive' -and $target.Kind -eq 'unc') {
        return & $refuse "it leads to $real and Defender does not know mapped drives; give that path itself" $true
    }
    $reason = Get-FolderReason -Path $target -Environment $Environment -Disk $disk -Own $own -Program ($Kind -eq 'process')
    if ($reason) {
        return & $refuse "it leads to $real, and of that $reason$suffix; name one folder of Go's own or one project" $false
    }
}

function Get-ExclusionRefusal {
    <#
    .SYNOPSIS
    Returns nothing when an exclusion is allowed, else the reason as one sentence.
    .PARAMETER Environment
    Windows variables (USERPROFILE, LOCALAPPDATA, TEMP, SystemRoot, ...); what they name is protected, under whatever letter.
    .PARAMETER Resolver
    Returns where a path leads (junctions, mapped and substituted drives), or nothing; judged beside the path itself.
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param (
        [Parameter(Mandatory = $true)]
        [ValidateSet('path', 'process', 'extension')]
        [string]
        $Kind,

        [Parameter(Mandatory = $true)]
        [AllowEmptyString()]
        [string]
        $Value,

        [Parameter(Mandatory = $true)]
        [System.Collections.IDictionary]
        $Environment,

        [scriptblock]
        $Resolver
    )

    $problem = Get-ExclusionProblem @PSBoundParameters
    if ($problem) {
        $problem.Sentence
    }
}

function Get-ValidUntil {
    <#
    .SYNOPSIS
    Returns until when a wanted exclusion is valid (yyyy-MM-dd), nothing for without end.
    .NOTES
    A number of days counts from the day the exclusion was added, so that a later run does not prolong it.
    #>
    param ([hashtable] $Wanted, [hashtable] $Record, [datetime] $Today)

    if ($Wanted.valid_until) {
        return $Wanted.valid_until
    }
    if ($Wanted.valid_days -gt 0) {
        $from = $Today
        if ($Record) {
            $from = [datetime]::ParseExact($Record.added, 'yyyy-MM-dd', [Globalization.CultureInfo]::InvariantCulture)
        }
        return $from.AddDays($Wanted.valid_days).ToString('yyyy-MM-dd', [Globalization.CultureInfo]::InvariantCulture)
    }
    ''
}

function New-ExclusionPlan {
    <#
    .SYNOPSIS
    Says what is to be done so that the exclusions of a scope are as wanted.
    .PARAMETER State
    present, absent or exact.
    .PARAMETER Wanted
    Hashtables with kind, value, owner, reason, valid_until and valid_days.
    .PARAMETER Lists
    What Defender says it excludes, by kind; $null where that is unknown, then the ledger alone is believed.
    .PARAMETER Managed
    What a policy excludes, by kind.
    .PARAMETER Ledger
    The records of what is ours: hashtables with id, kind, value (as stored), asked, scope, owner, reason, valid_until,
    valid_days, added, expired and blind (whether it was there before is not known, so it is never removed).
    .PARAMETER Blind
    Whether exclusions are added though nobody can see what is there.
    .PARAMETER Excluded
    With Blind: what the engine says it leaves out, true or false by key; a key without a value is unknown.
    .OUTPUTS
    A hashtable: remove and add (kind, value), record and forget (records to write and to remove), respelled (records that
    differ in how Defender spells the entry alone, which is no change), managed, kept, notes.
    #>
    [CmdletBinding()]
    [OutputType([hashtable])]
    param (
        [Parameter(Mandatory = $true)]
        [ValidateSet('present', 'absent', 'exact')]
        [string]
        $State,

        [AllowEmptyCollection()]
        [hashtable[]]
        $Wanted = @(),

        [hashtable]
        $Lists,

        [hashtable]
        $Managed = @{},

        [AllowEmptyCollection()]
        [hashtable[]]
        $Ledger = @(),

        [Parameter(Mandatory = $true)]
        [string]
        $Scope,

        [Parameter(Mandatory = $true)]
        [datetime]
        $Today,

        [bool]
        $Blind = $false,

        [hashtable]
        $Excluded = @{}
    )

    $plan = @{ add = @(); remove = @(); record = @(); forget = @(); respelled = @(); managed = @(); kept = @(); notes = @() }
    $day = $Today.ToString('yyyy-MM-dd', [Globalization.CultureInfo]::InvariantCulture)
    $keys = New-Object -TypeName 'System.Collections.Generic.Dictionary[string,string]'
    $key = {
        param ($kind, $value)
        $text = "$kind|$value"
        if (-not $keys.ContainsKey($text)) {
            $keys[$text] = $kind + '|' + (Get-ExclusionKey -Kind $kind -Value $value)
        }
        $keys[$text]
    }
    $base = { param ($kind, $value) if ($kind -eq 'path') { Get-ExclusionBaseKey -Value $value } else { Get-ExclusionKey -Kind $kind -Value $value } }

    # What is there, by key, in the spelling that it is stored in; of two with one key, ours is the one that is recorded.
    $stored = @{}
    $exact = New-Object -TypeName 'System.Collections.Generic.HashSet[string]'
    $byPolicy = @{}
    foreach ($kind in @('path', 'process', 'extension')) {
        foreach ($value in @($Managed[$kind] | Where-Object { $_ })) {
            $byPolicy[(& $key $kind $value)] = $value
        }
        if ($Lists) {
            foreach ($value in @($Lists[$kind] | Where-Object { $_ })) {
                $stored[(& $key $kind $value)] = $value
                $null = $exact.Add("$kind|$value")
            }
        }
    }
    $byKey = @{}
    $live = @{}
    $unsure = @{}
    $records = @(foreach ($record in $Ledger) {
            $own = @{} + $record
            $own['key'] = & $key $record.kind $record.asked
            $own['base'] = & $base $record.kind $record.asked
            $own['live'] = -not $record.expired
            if ($own.live -and $record['blind']) {
                $unsure[$own.key] = $true
            }
            $byKey[$record.scope + '|' + $own.key] = $own
            if ($own.live) {
                $live[$own.key] = 1 + [int]$live[$own.key]
            }
            if (-not $Lists -and -not $record.expired) {
                $stored[(& $key $record.kind $record.value)] = $record.value
            }
            $own
        })
    $spelling = {
        param ($record)
        if ($exact.Contains("$($record.kind)|$($record.value)")) {
            return $record.value
        }
        foreach ($at in @($record.key, (& $key $record.kind $record.value))) {
            if ($stored.ContainsKey($at)) {
                return $stored[$at]
            }
        }
    }

    $wantedKeys = @{}
    foreach ($entry in $Wanted) {
        $entry['key'] = & $key $entry.kind $entry.value
        $entry['base'] = & $base $entry.kind $entry.value
    }
    if ($State -ne 'absent') {
        foreach ($entry in $Wanted) {
            if ($wantedKeys.ContainsKey($entry.key)) {
                continue
            }
            $wantedKeys[$entry.key] = $entry
            $record = $byKey[$Scope + '|' + $entry.key]
            $until = Get-ValidUntil -Wanted $entry -Record $record -Today $Today
            if ($until -and $until -lt $day) {
                $plan.notes += "$($entry.kind) '$($entry.value)' was to end on $until and is left out: give a later valid_until to have it again"
                $wantedKeys[$entry.key] = $null
                if ($record) {
                    $record.valid_until = $until
                }
                continue
            }
            if ($byPolicy.ContainsKey($entry.key)) {
                $plan.managed += @{ kind = $entry.kind; value = $byPolicy[$entry.key] }
                if (-not $record) {
                    continue
                }
            }
            $there = if ($record) { & $spelling $record } elseif ($stored.ContainsKey($entry.key)) { $stored[$entry.key] } else { $null }
            if ($there -and -not $live[$entry.key]) {
                $plan.kept += "$($entry.kind) '$there' was excluded already, by someone else; it stays theirs"
                if ($record) {
                    $plan.forget += $record
                }
                continue
            }
            $unknown = $there -and $record -and $record['blind']
            if (-not $there) {
                if ($Blind -and $Excluded[$entry.key]) {
                    $plan.kept += "$($entry.kind) '$($entry.value)' was excluded already, by someone else; it stays theirs"
                    if ($record) {
                        $plan.forget += $record
                    }
                    continue
                }
                $unknown = $Blind -and $null -eq $Excluded[$entry.key]
                if ($unknown) {
                    $plan.notes += "$($entry.kind) '$($entry.value)' is added without seeing what is there, so whether it was there " +
                    'before is not known and nothing of wsltune will remove it'
                }
                $plan.add += @{ kind = $entry.kind; value = $entry.value; key = $entry.key }
            }
            $new = @{
                id = if ($record) { $record.id } else { [guid]::NewGuid().ToString('N') }
                kind = $entry.kind
                value = if ($there) { $there } else { $entry.value }
                asked = $entry.value
                scope = $Scope
                owner = $entry.owner
                reason = $entry.reason
                valid_until = $until
                valid_days = if ($entry.valid_until) { 0 } else { [int]$entry.valid_days }
                added = if ($record) { $record.added } else { $day }
                expired = $false
                blind = [bool]$unknown
                key = $entry.key
                is_new = -not $record -or -not $record.live
            }
            $same = [bool]$record
            foreach ($name in @('owner', 'reason', 'valid_until', 'valid_days', 'expired', 'blind')) {
                $same = $same -and "$($record[$name])" -ceq "$($new[$name])"
            }
            if (-not $same -or -not $there) {
                $plan.record += $new
            } elseif ($record.value -cne $new.value) {
                $plan.respelled += $new
            }
            if ($record) {
                if (-not $record.live) {
                    $record.live = $true
                    $live[$record.key] = 1 + [int]$live[$record.key]
                }
                $record.valid_until = $until
            }
        }
    }

    # What is ours and no longer wanted, or over.
    $asked = @{}
    $bases = @{}
    foreach ($entry in $Wanted) {
        $asked[$entry.key] = $true
        if ($State -ne 'absent' -and $wantedKeys[$entry.key]) {
            # The same folder in another form, such as before the platform knew contextual exclusions.
            $bases[$entry.kind + '|' + $entry.base] = $true
        } elseif ($State -eq 'absent' -and $entry.key.EndsWith('|' + $entry.base, [StringComparison]::Ordinal)) {
            # Asked for without conditions, so whatever ours has.
            $bases[$entry.kind + '|' + $entry.base] = $true
        }
    }
    $ending = @()
    foreach ($record in $records) {
        $listed = $asked.ContainsKey($record.key)
        $based = $bases.ContainsKey($record.kind + '|' + $record.base)
        $over = $false
        if ($record.scope -ceq $Scope) {
            $over = switch ($State) {
                'absent' { -not $Wanted.Count -or $listed -or $based }
                'exact' { -not $listed }
                'present' { -not $listed -and $based }
            }
        }
        if ($over) {
            $ending += @{ record = $record; forget = $true }
        } elseif ($record.live -and $record.valid_until -and $record.valid_until -lt $day) {
            $ending += @{ record = $record; forget = $false }
            if ($record.scope -cne $Scope -or -not $listed) {
                $plan.notes += "$($record.kind) '$($record.value)' ended on $($record.valid_until)"
            }
        }
    }
    foreach ($end in $ending) {
        if ($end.record.live) {
            $live[$end.record.key] = [int]$live[$end.record.key] - 1
        }
    }
    $removed = @{}
    foreach ($end in $ending) {
        $record = $end.record
        $there = & $spelling $record
        if ($there -and -not $live[$record.key] -and -not $record.expired -and -not $removed.ContainsKey($record.key)) {
            $removed[$record.key] = $there
            if ($unsure.ContainsKey($record.key)) {
                $plan.kept += "$($record.kind) '$there' was added while the list was hidden, so whether someone had it before is not " +
                'known and it stays: remove it in Windows Security if nobody needs it'
            } else {
                $plan.remove += @{ kind = $record.kind; value = $there; key = & $key $record.kind $there; record = $record.key }
            }
        }
        if ($end.forget) {
            $plan.forget += $record
        } else {
            # Kept as over, so that the next run does not add it anew.
            $over = @{} + $record
            $over['expired'] = $true
            $over['is_new'] = $false
            $plan.record += $over
        }
    }
    if ($State -eq 'absent') {
        foreach ($entry in $Wanted) {
            $ours = @($records | Where-Object { $_.scope -ceq $Scope -and $_.kind -eq $entry.kind -and $_.base -ceq $entry.base }).Count
            if ($byPolicy.ContainsKey($entry.key)) {
                $plan.managed += @{ kind = $entry.kind; value = $byPolicy[$entry.key] }
                $plan.kept += "$($entry.kind) '$($byPolicy[$entry.key])' is excluded by a policy and stays: only who sets the policy can remove it"
            } elseif (-not $ours -and $stored.ContainsKey($entry.key)) {
                $plan.kept += "$($entry.kind) '$($stored[$entry.key])' is not ours and stays: remove it in Windows Security if nobody needs it"
            }
        }
    }
    $plan
}

function Get-AreaTable {
    <#
    .SYNOPSIS
    Returns the table of a hashtable that names folders by their mode.
    #>
    param ([System.Collections.IDictionary] $Areas)

    $table = New-AreaTable
    foreach ($mode in $Areas.Keys) {
        foreach ($area in $Areas[$mode]) {
            $name = if ($area -match '[^ -~]') { 'a folder for downloads, documents, pictures, music, videos or the desktop' } else { $area }
            Add-Area -Table $table -Mode $mode -Path $area -Name $name
        }
    }
    $table
}

$script:profileTable = Get-AreaTable -Areas $script:profileAreas
$script:driveTable = Get-AreaTable -Areas $script:driveAreas
foreach ($folder in $script:driveAreas.vendor) {
    foreach ($child in $script:programFilesTrees) {
        Add-Area -Table $script:driveTable -Mode tree -Path "$folder\$child" -Name "$folder\$child"
    }
}

Export-ModuleMember -Function @(
    'ConvertTo-ExclusionPath', 'Get-ExclusionBaseKey', 'Get-ExclusionKey', 'Get-ExclusionProblem', 'Get-ExclusionRefusal',
    'New-ExclusionPlan', 'Split-ExclusionContext'
)
