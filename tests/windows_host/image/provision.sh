#!/usr/bin/env bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Runs once, as root, while the image is built: a Windows side made of wine and the Windows build of PowerShell.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
lib=/usr/local/lib/wsl-host
export DEBIAN_FRONTEND=noninteractive

apt-get -q update >/dev/null
apt-get -q -y -o Acquire::Retries=5 --no-install-recommends install wine64 wine >/dev/null
apt-get clean
rm -rf /var/lib/apt/lists/*

useradd --create-home --shell /usr/sbin/nologin --uid 2000 erin
# The checkout may lie below /root, and other users of the distro run Ansible from it too.
chmod 0711 /root
mkdir -p "$lib"
install -m 0755 "$here"/{wsl-session,wsl-host-start} "$lib"
install -m 0644 "$here/osrelease" "$lib"
install -m 0755 "$here/wslpath" /usr/bin/wslpath
ln -s "$lib/wsl-session" /usr/local/bin/wsl-session
install -m 0644 "$here"/*.service /etc/systemd/system
gcc -O2 -Wall -Werror -o /init "$here/init.c"
chmod 4755 /init
gcc -O2 -Wall -Werror -shared -fPIC -o "$lib/mounts.so" "$here/mounts.c"
systemctl enable --quiet wsl-host wsl-interop windows

install -d -o erin -g erin /opt/windows
export WINEPREFIX=/opt/windows WINEDEBUG=-all XDG_RUNTIME_DIR=/tmp/windows
install -d -m 0700 -o erin -g erin "$XDG_RUNTIME_DIR"
as_erin() { setpriv --reuid=erin --regid=erin --clear-groups env HOME=/home/erin USER=erin "$@"; }
as_erin /usr/lib/wine/wine64 wineboot -i
as_erin /usr/lib/wine/wineserver64 -w

drive=/opt/windows/drive_c
# A mount of WSL's knows no case.
ln -s windows "$drive/Windows"
ln -s users "$drive/Users"
ln -s system32 "$drive/windows/System32"
powershell=$drive/windows/system32/WindowsPowerShell/v1.0
rm -rf "$powershell"
cp -r "$here/powershell" "$powershell"
chmod -R go+rX "$powershell"
chmod 0755 "$powershell"/*.exe
cp "$here/whoami.exe" "$drive/windows/system32/whoami.exe"
mkdir -p "$drive/Program Files/WSL" "$drive/Program Files/WindowsPowerShell/Modules"
cp "$here/wslhost.exe" "$drive/Program Files/WSL/"
chown -R -h erin:erin "$drive/Program Files" "$powershell" "$drive"/{Windows,Users,windows/System32} "$drive/windows/system32/whoami.exe"
# What a session of Windows has and a service of wine's does not.
cat >/tmp/path.reg <<'END'
Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\System\CurrentControlSet\Control\Session Manager\Environment]
"PSModulePath"="C:\\Program Files\\WindowsPowerShell\\Modules;C:\\windows\\system32\\WindowsPowerShell\\v1.0\\Modules"

[HKEY_CURRENT_USER\Software\Wine\DllOverrides]
"whoami.exe"="native"
END
as_erin /usr/lib/wine/wine64 regedit /S 'Z:\tmp\path.reg'
as_erin /usr/lib/wine/wineserver64 -w
rm -f /tmp/path.reg /opt/windows/dosdevices/z:

# The control node is the distro itself: both versions of Ansible that are supported.
for lock in runtime oldest; do
    python3 -m venv "/opt/ansible/$lock"
    "/opt/ansible/$lock/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/$lock.lock"
done
echo "$lib/mounts.so" >/etc/ld.so.preload
rm -rf "$here"
