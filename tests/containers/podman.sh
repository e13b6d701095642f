#!/usr/bin/env bash
# Runs a command where podman works: podman.sh COMMAND [ARGUMENT...]
#
# Podman with crun refuses a machine whose cgroups are of both versions. Such a machine gets a mount namespace without
# the hierarchy of version 2, for this command and its children alone. All commands share one: a container that is
# started in another has no files there. A process keeps it for some hours, and so does every container that runs.
set -euo pipefail

find_keeper() { pgrep -o -f '^(wsltune-keeper|([^ ]*/)?conmon .* -n wsltune-)'; }

mount=/sys/fs/cgroup/unified
if mountpoint -q "$mount"; then
    # Two that find none at the same time would make two.
    exec 9>>/run/wsltune-podman.lock
    flock 9
    if ! keeper=$(find_keeper); then
        setsid unshare --mount --propagation slave -- bash -c 'umount "$0" && exec -a wsltune-keeper sleep 3h' "$mount" \
            </dev/null >/dev/null 2>&1 9>&- &
        until keeper=$(find_keeper); do
            kill -0 "$!" 2>/dev/null || {
                echo "podman.sh: $mount cannot be unmounted in a mount namespace" >&2
                exit 1
            }
            sleep 0.05
        done
    fi
    exec 8<"/proc/$keeper/ns/mnt" 9>&-
    exec nsenter --mount=/proc/self/fd/8 -- sh -c 'exec 8<&-; cd "$0" && exec "$@"' "$PWD" "$@"
fi
exec "$@"
