#!/usr/bin/env bash
# A machine to test on: a container that boots, reached by ssh on a port of the loopback interface.
#
#   machine.sh up NAME IMAGE PORT [systemd|wsl|sysvinit] [PODMAN-OPTION...]
#   machine.sh restart NAME
#   machine.sh down NAME...
#
# `up` does nothing for a machine that runs already; all say "changed" when they changed something.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
podman() { "$here/podman.sh" podman "$@"; }

label() { podman inspect --format "{{index .Config.Labels \"$2\"}}" "$1"; }

wait_until_up() { # name
    local name=$1 port init state tries
    port=$(label "$name" port)
    init=$(label "$name" init)
    for ((tries = 0; tries < 200; tries++)); do
        state=up
        if [ "$init" = systemd ]; then
            state=$(podman exec "$name" systemctl is-system-running 2>/dev/null || true)
        fi
        case $state in
            up | running | degraded)
                # sshd's first line says that it serves; a minimal machine has no sshd and no port.
                if [ "$port" = 0 ] ||
                    (exec 3<>"/dev/tcp/127.0.0.1/$port" && read -r -t 5 line <&3 && [ -n "$line" ]) 2>/dev/null; then
                    break
                fi
                ;;
        esac
        sleep 0.2
    done
    if [ "$tries" = 200 ]; then
        echo "machine.sh: $name did not come up; systemd says '$state'" >&2
        podman logs --tail 40 "$name" >&2
        exit 1
    fi
    if [ "$state" = degraded ]; then
        echo "machine.sh: $name is degraded" >&2
        podman exec "$name" systemctl --failed --no-legend >&2
        podman exec "$name" journalctl --no-pager -p warning -n 40 >&2
        exit 1
    fi
}

verb=${1:?"usage: machine.sh up|restart|down NAME ..."}
name=${2:?"machine.sh $verb: which machine?"}
case $name in
    wsltune-*) ;;
    *)
        echo "machine.sh: the name of a test machine starts with wsltune-, this is $name" >&2
        exit 2
        ;;
esac
case $verb in
    up)
        image=$3 port=$4 init=${5:-systemd}
        shift $(($# < 5 ? $# : 5))
        if podman container exists "$name"; then
            [ "$(podman inspect --format '{{.State.Running}}' "$name")" = true ] && exit 0
            podman rm --force --volumes "$name" >/dev/null
        fi
        case $init in
            # podman mounts a tmpfs on /tmp then; a real machine has there what its distribution says.
            systemd) start=(--systemd=always) command=(/bin/sh -c 'umount /tmp; exec /lib/systemd/systemd') ;;
            sysvinit) start=(--systemd=false) command=(/sbin/init) ;;
            wsl) start=(--systemd=false) command=(/usr/local/sbin/wsl-init) ;;
        esac
        case $image in
            */wsltune-trixie-windows:*) "$here/../windows_host/host.sh" binfmt on "$name" ;;
        esac
        # The hard limits of some machines are below podman's own defaults.
        podman create --name "$name" --hostname "$name" --add-host "$name:127.0.0.1" --privileged --network=host "${start[@]}" \
            --label "port=$port" --label "init=$init" \
            --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@" "$image" "${command[@]}" >/dev/null
        if [ "$port" != 0 ]; then
            listen=$(mktemp)
            printf 'Port %s\nListenAddress 127.0.0.1\n' "$port" >"$listen"
            podman cp "$listen" "$name:/etc/ssh/sshd_config.d/port.conf"
            rm -f "$listen"
        fi
        podman start "$name" >/dev/null
        # Of two machines that started in the same second, systemd in one found its cgroups gone. What is wrong with the image
        # is wrong again.
        if ! (wait_until_up "$name"); then
            echo "machine.sh: $name is started again" >&2
            podman restart --time 10 "$name" >/dev/null
            wait_until_up "$name"
        fi
        echo changed
        ;;
    restart)
        podman restart --time 10 "$name" >/dev/null
        wait_until_up "$name"
        echo changed
        ;;
    down)
        shift
        for name; do
            podman container exists "$name" || continue
            podman rm --force --volumes --time 0 "$name" >/dev/null
            echo changed
        done
        [ ! -d /run/wsltune-windows-hosts ] || "$here/../windows_host/host.sh" binfmt off "$@"
        ;;
    *)
        echo "machine.sh: $verb is none of up, restart, down" >&2
        exit 2
        ;;
esac
