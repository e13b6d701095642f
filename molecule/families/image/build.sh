#!/usr/bin/env bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Builds the image of a machine laid out as one of a family of distributions is, and prints its name: build.sh FAMILY.
# It comes from the suite's image of Debian 13. A name holds the hash of all that went into the image.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
family=${1:?"usage: build.sh fedora|opensuse|arch|alpine"}
tools=$here/../../../tests/containers
podman() { "$tools/podman.sh" podman "$@"; }

case $family in
    fedora | opensuse | arch | alpine) ;;
    *)
        echo "build.sh: $family is none of fedora, opensuse, arch, alpine" >&2
        exit 2
        ;;
esac
base=$("$tools/build.sh" trixie)
hash=$({
    echo "$base $family"
    find "$here" -type f -print0 | sort -z | xargs -0 cat
} | sha256sum | cut -c1-12)
name=localhost/wsltune-family-$family:$hash

cache=${XDG_CACHE_HOME:-$HOME/.cache}/wsltune/images
exec 9>"$cache/family-$family.lock"
flock 9
if ! podman image exists "$name"; then
    echo "building $name" >&2
    podman build --quiet --network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
        --build-arg "BASE=$base" --build-arg "FAMILY=$family" --file "$here/Containerfile" --tag "$name" "$here" >&2
    for old in $(podman images --format '{{.Repository}}:{{.Tag}}' "localhost/wsltune-family-$family"); do
        [ "$old" = "$name" ] || podman rmi "$old" >/dev/null 2>&1 || true
    done
fi
echo "$name"
