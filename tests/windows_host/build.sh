#!/usr/bin/env bash
# Builds the image of a WSL distro with a Windows host, on top of the ordinary Debian 13 one, and prints its name. The name
# holds the hash of all that went in. WSLTUNE_WINDOWS_PWSH names the Windows build of PowerShell.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(dirname "$(dirname "$here")")
podman() { "$root/tests/containers/podman.sh" podman "$@"; }

powershell=${WSLTUNE_WINDOWS_PWSH:-}
[ ! -f "$powershell" ] || powershell=$(dirname "$powershell")
if [ ! -f "$powershell/powershell.exe" ]; then
    echo "build.sh: WSLTUNE_WINDOWS_PWSH is '${WSLTUNE_WINDOWS_PWSH:-}', which is no powershell.exe nor a folder with one:" \
        "name a Windows build of PowerShell" >&2
    exit 2
fi

base=$("$root/tests/containers/build.sh" trixie)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wsltune/images
exec 9>"$cache/trixie-windows.lock"
flock 9
hash=$({
    echo "$base"
    cat "$here"/image/* "$here/build.sh" "$here/compile.sh" "$root"/requirements/{runtime,oldest}.lock "$powershell"/*.dll
} | sha256sum | cut -c1-12)
name=localhost/wsltune-trixie-windows:$hash
if podman image exists "$name"; then
    echo "$name"
    exit 0
fi
echo "building $name" >&2

context=$(mktemp -d "$cache/context.XXXXXX")
trap 'rm -rf "$context"' EXIT
cp "$here"/image/* "$root"/requirements/{runtime,oldest}.lock "$context/"
cp -r "$powershell" "$context/powershell"
"$here/compile.sh" "$context" "$context"/{whoami,wslhost}.c
podman build --quiet --network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --build-arg "BASE=$base" \
    --tag "$name" "$context" >&2

# Older builds are of no more use.
for old in $(podman images --format '{{.Repository}}:{{.Tag}}' localhost/wsltune-trixie-windows); do
    [ "$old" = "$name" ] || podman rmi "$old" >/dev/null 2>&1 || true
done
echo "$name"
