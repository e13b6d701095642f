#!/usr/bin/env bash
# Makes the developer's drive and starts the laptop: start.sh NAME PORT DRIVE
set -euo pipefail
laptop=$(dirname "$(readlink -f "$0")")/../../tests/laptop
name=$1 port=$2 drive=$3
disk=$("$laptop/build.sh")
if [ ! -d "$drive" ]; then
    home=$drive/Users/alice
    mkdir -p "$home/tmp"
    cp -r "$laptop/shop" "$home/shop"
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
    chown -R 1000:1000 "$drive"
    chmod -R 0777 "$drive"
fi
exec "$laptop/laptop.sh" up "$name" "$port" "$drive"
