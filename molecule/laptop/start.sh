#!/usr/bin/env bash
# Makes the developer's drive and starts the laptop, with a Windows where WSLTUNE_WINDOWS_PWSH names a PowerShell for it:
# start.sh NAME PORT DRIVE
set -euo pipefail
tests=$(dirname "$(readlink -f "$0")")/../../tests
name=$1 port=$2 drive=$3
disk=$("$tests/laptop/build.sh")
if [ -n "${WSLTUNE_WINDOWS_PWSH:-}" ]; then
    windows=$((port + 1))
    "$tests/windows_host/host.sh" up "$name-windows" "$windows" --volume /opt/windows >/dev/null
    source=$("$tests/windows_host/host.sh" drive "$name-windows")
    mkdir -p "$(dirname "$drive")"
    if [ -d "$drive" ] && [ ! -L "$drive" ]; then
        echo "start.sh: $drive is the drive of a laptop without Windows: destroy that one first" >&2
        exit 1
    fi
    ln -sfn "$source" "$drive"
fi
if [ ! -d "$drive/dev" ]; then
    home=$drive/dev
    mkdir -p "$home/tmp"
    cp -r "$tests/laptop/shop" "$home/shop"
    cp -r "$disk/go-build" "$home/go-build"
    cd "$home/shop"
    # Golden files, as tests have them.
    mkdir stock/testdata
    for number in $(seq 200); do echo "$number.txt" >"stock/testdata/$number.txt"; done
    git init -q -b main .
    git config core.fileMode false
    git add .
    git -c user.name=Alice -c user.email=alice@example.com commit -qm shop
    echo '// not committed' >>price/price.go
    echo untracked >untracked.txt
    # As WSL shows a drive that was mounted without metadata.
    chown -R 1000:1000 "$home"
    chmod -R 0777 "$home"
fi
exec "$tests/laptop/laptop.sh" up "$name" "$port" "$(readlink -f "$drive")" ${windows:+"$windows"}
