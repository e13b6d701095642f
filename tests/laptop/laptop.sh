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
state=/run/wsltune-laptops

wrong() {
    echo "laptop.sh: $*" >&2
    exit 2
}

is_up() { [ -f "$state/$1/pid" ] && kill -0 "$(<"$state/$1/pid")" 2>/dev/null; }

on() { # NAME USER COMMAND...; a connection that a restart cut in two does not hang
    local port
    port=$(<"$state/$1/port")
    ssh -i "$cache/ssh/id_ed25519" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o LogLevel=ERROR -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=20 -o ControlMaster=auto \
        -o ControlPersist=60 -o ControlPath="$state/$1/ssh-%r" "$2@127.0.0.1" "${@:3}"
}

wait_until_up() { # NAME, the boot it shall not be any more
    local tries boot
    for ((tries = 0; tries < 180; tries++)); do
        if ! is_up "$1"; then
            break
        fi
        boot=$(on "$1" root cat /proc/sys/kernel/random/boot_id 2>/dev/null || true)
        if [ -n "$boot" ] && [ "$boot" != "$2" ]; then
            on "$1" root 'systemctl is-system-running --wait >/dev/null 2>&1 || true'
            return
        fi
        rm -f "$state/$1"/ssh-*
        sleep 1
    done
    tail -n 30 "$state/$1/console" >&2
    wrong "$1 did not come up"
}

verb=${1:?"usage: laptop.sh up|ssh|restart|down ..."}
case $verb in
    up)
        name=${2:?"laptop.sh up: which name?"} port=${3:?"laptop.sh up: which port?"} drive=${4:-$state/$2/drive}
        windows=${5:+wsltune.windows=$5}
        is_up "$name" && exit 0
        disk=$("$here/build.sh")
        rm -rf "${state:?}/$name"
        mkdir -p "$state/$name" "$drive"
        echo "$port" >"$state/$name/port"
        # Nehalem: with more, some programs stop the guest's kernel under emulation. tsc=reliable: a kernel that finds its
        # clock unstable patches its own code while it runs, which emulation with two threads now and then gets wrong.
        TMPDIR=${TMPDIR:-/var/tmp} qemu-system-x86_64 -name "$name" -accel tcg,thread=multi -cpu Nehalem -smp 2 -m 3G \
            -kernel "$disk/vmlinuz" -initrd "$disk/initrd" \
            -append "root=/dev/vda rw console=ttyS0 mitigations=off tsc=reliable panic=1 quiet systemd.show_status=false init=/usr/local/sbin/wsl-boot $windows" \
            -drive "file=$disk/disk.img,if=virtio,format=raw,cache=unsafe,snapshot=on" \
            -virtfs "local,path=$drive,mount_tag=C:\\,security_model=passthrough,id=c" \
            -nic "user,model=virtio-net-pci,restrict=off,hostfwd=tcp:127.0.0.1:$port-:22" \
            -display none -serial "file:$state/$name/console" -monitor none -daemonize -pidfile "$state/$name/pid"
        wait_until_up "$name" ''
        echo changed
        ;;
    ssh) on "${@:2}" ;;
    restart)
        boot=$(on "$2" root cat /proc/sys/kernel/random/boot_id)
        on "$2" root 'sync; (sleep 1; systemctl reboot || kill -TERM 1) >/dev/null 2>&1 &' || true
        rm -f "$state/$2"/ssh-*
        wait_until_up "$2" "$boot"
        echo changed
        ;;
    down)
        shift
        for name; do
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
