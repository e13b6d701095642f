#!/usr/bin/env bash
# Makes the disk of the laptop where it is not there, and prints its folder: disk.img, vmlinuz, initrd, and go-build, a build
# cache for the drive. The folder's name holds the hash of all that went into it, so an unchanged one is not made again.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(dirname "$(dirname "$here")")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wsltune
podman() { "$root/tests/containers/podman.sh" podman "$@"; }

mkdir -p "$cache/laptop"
exec 9>"$cache/laptop/.lock"
flock 9
interop=("$root"/tests/windows_host/image/{init.c,osrelease,wslpath,wsl-session})
base=$("$root/tests/containers/build.sh" trixie)
hash=$({
    echo "$base"
    cat "$here"/{build.sh,Containerfile,provision.sh,wsl-boot,mount.drvfs,ssh_config} "$here"/shop/go.mod \
        "$here"/shop/*/*.go "$root"/{scripts/{start,venv}.sh,requirements/runtime.lock} "${interop[@]}"
} | sha256sum | cut -c1-12)
disk=$cache/laptop/$hash
if [ ! -s "$disk/disk.img" ]; then
    echo "building $disk" >&2
    rm -rf "$disk.new"
    mkdir -p "$disk.new/root"
    context=$(mktemp -d "$cache/laptop/context.XXXXXX")
    trap 'rm -rf "$context" "$disk.new"' EXIT
    mkdir -p "$context/checkout/scripts" "$context/checkout/requirements"
    cp "$here"/{Containerfile,provision.sh,wsl-boot,mount.drvfs,ssh_config} "${interop[@]}" "$context/"
    cp -r "$here/shop" "$context/"
    cp "$root"/scripts/{start,venv}.sh "$context/checkout/scripts/"
    cp "$root/requirements/runtime.lock" "$context/checkout/requirements/"
    image=localhost/wsltune-laptop:$hash
    podman build --quiet --network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
        --build-arg "BASE=$base" --tag "$image" "$context" >&2
    container=$(podman create "$image" /bin/true)
    podman export "$container" | tar -xf - -C "$disk.new/root"
    podman rm "$container" >/dev/null
    podman rmi "$image" >/dev/null
    printf '127.0.0.1 localhost laptop\n' >"$disk.new/root/etc/hosts"
    printf 'laptop\n' >"$disk.new/root/etc/hostname"
    cp "$disk.new/root/boot"/vmlinuz-* "$disk.new/vmlinuz"
    cp "$disk.new/root/boot"/initrd.img-* "$disk.new/initrd"
    mv "$disk.new/root/usr/local/share/laptop/go-build" "$disk.new/go-build"
    # Room for what the tests write; the file has holes.
    mke2fs -q -t ext4 -d "$disk.new/root" -L laptop "$disk.new/disk.img" 6G >&2
    rm -rf "$disk.new/root"
    mv "$disk.new" "$disk"
    # Older builds are of no more use.
    find "$cache/laptop" -mindepth 1 -maxdepth 1 -type d ! -path "$disk" -exec rm -rf {} +
fi
echo "$disk"
