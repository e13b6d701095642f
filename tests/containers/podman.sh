#!/usr/bin/env bash
# Runs a command where podman works: podman.sh COMMAND [ARGUMENT...]
#
# Podman with crun refuses a machine whose cgroups are of both versions. Such a machine gets a mount namespace without
# the hierarchy of version 2, for this command and its children alone. Containers that already run keep theirs, so a
# later command joins it instead of making another.
set -euo pipefail

mount=/sys/fs/cgroup/unified
if mountpoint -q "$mount"; then
    if keeper=$(pgrep -o -f '^([^ ]*/)?conmon .* -n wsltune-'); then
        exec nsenter --mount --target "$keeper" -- sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
    fi
    exec unshare --mount -- sh -c 'umount "$0" && exec "$@"' "$mount" "$@"
fi
exec "$@"
