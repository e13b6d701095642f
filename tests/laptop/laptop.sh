#!/usr/bin/env bash
# A whole WSL laptop in one virtual machine: a kernel of its own, a Windows drive on /mnt/c by 9p as WSL mounts it, WSL's
# marks, real restarts. Software emulation, so that it runs anywhere and is slow; see README.md beside this file.
#
#   build.sh                           make the disk where it is not there; `up` does it too
#   laptop.sh up NAME PORT [DRIVE [WINDOWS]]
#                                      start it, ssh on 127.0.0.1:PORT; DRIVE is the folder that is its C:, WINDOWS the
#                                      port of the machine of tests/windows_host that is its Windows and has the same C:
#   laptop.sh ssh NAME USER COMMAND... run a command there
#   laptop.sh restart NAME             a real restart
#   laptop.sh down NAME...             end it; what was changed on its disk is gone
#
# up and down say "changed" when they changed something.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wsltune
state=${WSLTUNE_LAPTOP_STATE:-/run/wsltune-laptops}
# Seconds that a start may take.
patience=${WSLTUNE_LAPTOP_PATIENCE:-600}

wrong() {
    echo "laptop.sh: $*" >&2
    exit 2
}

is_up() { [ -f "$state/$1/pid" ] && kill -0 "$(<"$state/$1/pid")" 2>/dev/null; }

# NAME OPTION...: ssh to the machine; the options name the user and the command too.
reach() {
    ${within:+timeout "$within"} ssh -i "$cache/ssh/id_ed25519" -p "$(<"$state/$1/port")" -o HostName=127.0.0.1 -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes -o ConnectTimeout=20 \
        -o ServerAliveInterval=20 -o ServerAliveCountMax=15 "${@:2}"
}

# NAME USER: the socket of the connection that this user's commands share. Each boot has its own: a connection of an earlier
# boot notices only after a while that it is cut, and as it ends it removes the socket at its path, though another made that.
# A client whose new socket goes like this exits with 255 ("Failed to connect to new control master", ssh.c of OpenSSH).
socket() { printf '%s/%s/ssh-%.8s-%s\n' "$state" "$1" "$(<"$state/$1/boot")" "$2"; }

# NAME USER: makes that connection. It stays until the machine restarts or ends, so it does not run out just when a command
# comes, and a machine that is too busy to answer for a minute keeps it. To try again is safe: no command was sent yet.
connect() {
    local path tries
    path=$(socket "$1" "$2")
    for ((tries = 0; tries < 10; tries++)); do
        reach "$1" -o ControlPath="$path" -O check "$2@laptop" >/dev/null 2>&1 && return
        rm -f "$path"
        reach "$1" -o ControlPath="$path" -o ControlMaster=yes -N -f "$2@laptop" </dev/null >"$state/$1/ssh.log" 2>&1 && return
        sleep 1
    done
    cat "$state/$1/ssh.log" >&2
    wrong "no connection to $1 as $2"
}

on() { # NAME USER COMMAND...
    connect "$1" "$2"
    reach "$1" -o ControlPath="$(socket "$1" "$2")" "$2@laptop" "${@:3}"
}

disconnect() { # NAME
    local path
    for path in "$state/$1"/ssh-*-*; do
        [ -e "$path" ] || continue
        timeout 10 ssh -o ControlPath="$path" -O exit laptop >/dev/null 2>&1 || true
        rm -f "$path"
    done
}

# NAME COMMAND...: as root, by a connection of its own that does not outlive the question.
ask() { within=60 reach "$1" -o ControlPath=none root@laptop "${@:2}" </dev/null 2>/dev/null; }

# While a machine goes down its sshd still answers, and while it comes up it refuses everybody but root: it is up when it has
# another boot id, and its start is over (without systemd it is when sshd answers).
wait_until_up() { # NAME, the boot it shall not be any more
    local deadline=$((SECONDS + patience)) boot='' status
    while is_up "$1" && ((SECONDS < deadline)); do
        boot=$(ask "$1" cat /proc/sys/kernel/random/boot_id) || boot=''
        if [ -n "$boot" ] && [ "$boot" != "$2" ]; then
            status=$(ask "$1" 'test -e /run/nologin && echo starting || systemctl is-system-running') || true
            case $status in
                running | degraded | offline)
                    echo "$boot" >"$state/$1/boot"
                    return
                    ;;
            esac
        fi
        sleep 1
    done
    [ ! -f "$state/$1/console" ] || tail -n 30 "$state/$1/console" >&2
    [ -z "$boot" ] || [ "$boot" != "$2" ] || wrong "$1 did not restart within $patience s"
    wrong "$1 did not come up within $patience s"
}

verb=${1:?"usage: laptop.sh up|ssh|restart|down ..."}
case $verb in
    up)
        name=${2:?"laptop.sh up: which name?"} port=${3:?"laptop.sh up: which port?"} drive=${4:-$state/$2/drive}
        windows=${5:+wsltune.windows=$5}
        if is_up "$name"; then
            [ -f "$state/$name/boot" ] || wait_until_up "$name" ''
            exit 0
        fi
        disk=$("$here/build.sh")
        rm -rf "${state:?}/$name"
        mkdir -p "$state/$name" "$drive"
        echo "$port" >"$state/$name/port"
        # Further views of the drive for benchmarks/drives: a device serves one mount at a time. A mount by virtiofs needs
        # memory that its server shares; without that server there is no such device.
        views=()
        for ((number = 1; number <= ${WSLTUNE_LAPTOP_VIEWS:-0}; number++)); do
            views+=(-virtfs "local,path=$drive,mount_tag=view$number,security_model=passthrough,id=view$number")
        done
        virtiofsd=$(PATH=/usr/libexec:/usr/lib/qemu command -v virtiofsd) || true
        if [ -n "${WSLTUNE_LAPTOP_VIRTIOFS:-}" ] && [ -n "$virtiofsd" ]; then
            "$virtiofsd" --socket-path="$state/$name/virtiofs" -o "source=$drive" </dev/null >"$state/$name/virtiofs.log" 2>&1 &
            for ((number = 0; number < 50; number++)); do [ -S "$state/$name/virtiofs" ] || sleep 0.1; done
            views+=(-chardev "socket,id=views,path=$state/$name/virtiofs" -device "vhost-user-fs-pci,chardev=views,tag=views"
                -object "memory-backend-memfd,id=memory,size=3G,share=on" -numa "node,memdev=memory")
        fi
        # Nehalem: with more, some programs stop the guest's kernel under emulation. tsc=reliable: a kernel that finds its
        # clock unstable patches its own code while it runs, which emulation with two threads now and then gets wrong.
        TMPDIR=${TMPDIR:-/var/tmp} qemu-system-x86_64 -name "$name" -accel tcg,thread=multi -cpu Nehalem -smp 2 -m 3G \
            -kernel "$disk/vmlinuz" -initrd "$disk/initrd" \
            -append "root=/dev/vda rw console=ttyS0 mitigations=off tsc=reliable panic=1 quiet systemd.show_status=false init=/usr/local/sbin/wsl-boot $windows" \
            -drive "file=$disk/disk.img,if=virtio,format=raw,cache=unsafe,snapshot=on" \
            -virtfs "local,path=$drive,mount_tag=C:\\,security_model=passthrough,id=c" "${views[@]}" \
            -nic "user,model=virtio-net-pci,restrict=off,hostfwd=tcp:127.0.0.1:$port-:22" \
            -display none -serial "file:$state/$name/console" -monitor none -daemonize -pidfile "$state/$name/pid"
        wait_until_up "$name" ''
        echo changed
        ;;
    ssh) on "${@:2}" ;;
    restart)
        boot=$(<"$state/$2/boot")
        # The connections end while both sides are there.
        disconnect "$2"
        ask "$2" 'sync; (sleep 1; systemctl reboot || kill -TERM 1) >/dev/null 2>&1 &' || true
        wait_until_up "$2" "$boot"
        echo changed
        ;;
    down)
        shift
        for name; do
            disconnect "$name"
            if is_up "$name"; then
                kill "$(<"$state/$name/pid")"
                while is_up "$name"; do sleep 0.1; done
                echo changed
            fi
            rm -rf "${state:?}/$name"
        done
        ;;
    *) wrong "$verb is none of up, ssh, restart, down" ;;
esac
