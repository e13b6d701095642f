#!/usr/bin/env bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Builds the image of a WSL distro with cloud-init and prints its name, which holds the hash of all that went into it.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$here/../../..
podman() { "$root/tests/containers/podman.sh" podman "$@"; }

builder=$("$root/tests/containers/build.sh" trixie)
base=$("$root/tests/containers/build.sh" trixie-minimal)
parts=("$here"/* "$root"/tests/windows_host/image/{mounts.c,osrelease})
hash=$({
    echo "$builder $base"
    cat "${parts[@]}"
} | sha256sum | cut -c1-12)
name=localhost/wsltune-first-boot:$hash

cache=${XDG_CACHE_HOME:-$HOME/.cache}/wsltune/images
exec 9>"$cache/first-boot.lock"
flock 9
if ! podman image exists "$name"; then
    echo "building $name" >&2
    context=$(mktemp -d "$cache/context.XXXXXX")
    trap 'rm -rf "$context"' EXIT
    cp "${parts[@]}" "$context/"
    podman build --quiet --network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
        --build-arg "BUILDER=$builder" --build-arg "BASE=$base" --tag "$name" "$context" >&2
    for old in $(podman images --format '{{.Repository}}:{{.Tag}}' localhost/wsltune-first-boot); do
        [ "$old" = "$name" ] || podman rmi "$old" >/dev/null 2>&1 || true
    done
fi
echo "$name"
