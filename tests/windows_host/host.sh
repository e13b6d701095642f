#!/usr/bin/env bash
# A WSL distro with a Windows host of its own to test against; see README.md beside this file.
#
#   host.sh up NAME [PORT [PODMAN-OPTION...]]           boot it (nothing to do when it runs)
#   host.sh drive NAME                                  print the folder of this machine that is its C:, where it was booted
#                                                       with --volume /opt/windows
#   host.sh install NAME                                put the stand-ins onto its Windows side anew
#   host.sh run [--as USER] [--unelevated] NAME COMMAND [ARGUMENT...]
#                                                       run a command in a session of the distro
#   host.sh down NAME...                                remove it with all it left on this machine
#   host.sh binfmt on|off NAME...                       used by machine.sh: before it starts and after it is gone
#
# The checkout is at the same path inside. WSLTUNE_WINDOWS_PWSH names the Windows build of PowerShell.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(dirname "$(dirname "$here")")
state=/run/wsltune-windows-hosts
podman() { "$root/tests/containers/podman.sh" podman "$@"; }

# binfmt_misc is one table for the whole machine. Each machine mounts it and makes sure of the entry (wsl-host-start); Linux
# forgets the table with its last mount since 6.7, before that the entry stays until somebody takes it out.
table() { # COMMAND...: runs it where the table is mounted, without a trace in this machine's mounts
    unshare --mount -- sh -c \
        'mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; "$@"' - "$@"
}

binfmt() { # on|off NAME...
    local entry=/proc/sys/fs/binfmt_misc/WSLInterop change=$1 name
    shift
    mkdir -p "$state"
    exec 8>"$state/.lock"
    flock 8
    if [ "$change" = on ]; then
        touch "${@/#/$state/}"
        if ! table test -e "$entry"; then
            touch "$state/.registered"
        elif ! table grep -q '^interpreter /init$' "$entry" || table grep -q '^flags:.*F' "$entry"; then
            echo "host.sh: this machine has an entry WSLInterop of its own, which the test machines would share: run" \
                "the tests elsewhere" >&2
            return 1
        fi
        return
    fi
    rm -f "${@/#/$state/}"
    for name in "$state"/*; do
        # Whoever marked it less than a minute ago may still be making its machine.
        [ -z "$(find "$name" -mmin +1 2>/dev/null)" ] || podman container exists "${name##*/}" || rm -f "$name"
    done
    compgen -G "$state/*" >/dev/null && return
    if [ -e "$state/.registered" ] && table test -e "$entry"; then
        table sh -c "echo -1 > $entry"
    fi
    rm -rf "$state"
}

port_of() { # NAME: its sshd needs one, though nothing here uses it
    echo $((2300 + $(cksum <<<"$1" | cut -d' ' -f1) % 500))
}

install() { # NAME: what the other parts of the project stand in for on Windows
    local scratch source
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' RETURN
    mkdir -p "$scratch/Program Files/WindowsPowerShell/Modules" "$scratch/windows/system32"
    for source in "$here"/standins/*/; do
        [ -d "$source" ] || continue
        source=${source%/}
        if compgen -G "$source/*.psm1" >/dev/null; then
            cp -r "$source" "$scratch/Program Files/WindowsPowerShell/Modules/"
        fi
        if compgen -G "$source/*.c" >/dev/null; then
            "$here/compile.sh" "$scratch/windows/system32" "$source"/*.c
            find "$source" -maxdepth 1 -name '*.ps1' -exec cp {} "$scratch/windows/system32/" \;
        fi
    done
    tar -C "$scratch" --owner=2000 --group=2000 -cf - . | podman exec -i "$1" tar -C /opt/windows/drive_c --no-overwrite-dir -xf -
}

verb=${1:?"usage: host.sh up|drive|install|run|down|binfmt ..."}
shift
case $verb in
    up)
        name=${1:?"host.sh up: which machine?"}
        if [ "$(podman inspect --format '{{.State.Running}}' "$name" 2>/dev/null)" != true ]; then
            image=$("$here/build.sh")
            "$root/tests/containers/machine.sh" up "$name" "$image" "${2:-$(port_of "$name")}" systemd \
                --volume "$root:$root:ro" "${@:3}"
        fi
        install "$name"
        ;;
    drive)
        folder=$(podman inspect --format '{{range .Mounts}}{{if eq .Destination "/opt/windows"}}{{.Source}}/drive_c{{end}}{{end}}' \
            "${1:?"host.sh drive: of which machine?"}")
        if [ -z "$folder" ]; then
            echo "host.sh: $1 has its C: in its own image: boot it with --volume /opt/windows" >&2
            exit 1
        fi
        echo "$folder"
        ;;
    install) install "${1:?"host.sh install: which machine?"}" ;;
    run)
        user=root token=elevated
        while :; do
            case ${1:-} in
                --as)
                    user=$2
                    shift 2
                    ;;
                --unelevated)
                    token=unelevated
                    shift
                    ;;
                *) break ;;
            esac
        done
        name=${1:?"host.sh run: on which machine?"}
        shift
        exec "$root/tests/containers/podman.sh" podman exec -i --workdir "$root" \
            --env "PATH=${ANSIBLE_OF:-/opt/ansible/runtime}/bin:/usr/local/bin:/usr/bin:/bin" \
            "$name" wsl-session "$user" "$token" "$@"
        ;;
    down) "$root/tests/containers/machine.sh" down "$@" ;;
    binfmt) binfmt "$@" ;;
    *)
        echo "host.sh: $verb is none of up, drive, install, run, down, binfmt" >&2
        exit 2
        ;;
esac
