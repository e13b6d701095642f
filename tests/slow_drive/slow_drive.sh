#!/usr/bin/env bash
# A folder shown as a slow drive, here or in a test machine: a FUSE passthrough whose operations take a set time each.
#
#   slow_drive.sh [--in MACHINE] up SOURCE MOUNTPOINT [LATENCY] [FUSE-OPTION...]
#   slow_drive.sh [--in MACHINE] latency MOUNTPOINT [LATENCY]     sets it at any moment, or prints it
#   slow_drive.sh [--in MACHINE] count MOUNTPOINT                 prints operations answered and microseconds they took
#   slow_drive.sh [--in MACHINE] down MOUNTPOINT
#
# LATENCY is in microseconds, or ext4 (15) or bridged (320, also without it), what an operation took in the article that
# started this project. The FUSE options uid=1000 gid=1000 umask=0 show the files as WSL shows those of a Windows drive.
# `up` does nothing where MOUNTPOINT is such a drive already, but sets the latency. All say "changed" when they changed
# something. Needs root, and a C compiler with libfuse3-dev here.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")

wrong() {
    echo "slow_drive.sh: $*" >&2
    exit 2
}

machine=
if [ "${1:-}" = --in ]; then
    machine=${2:?"slow_drive.sh: --in which machine?"}
    shift 2
fi
run() {
    if [ -n "$machine" ]; then
        "$here/../containers/podman.sh" podman exec "$machine" "$@"
    else
        "$@"
    fi
}

# Static, so that it runs in a machine of any Debian; named by what it is made of, so that it is made once.
program() {
    local cache name
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/wsltune/slow_drive
    name=$cache/slow_drive-$(sha256sum "$here/slow_drive.c" | cut -c1-12)
    if [ ! -x "$name" ]; then
        pkg-config --exists fuse3 2>/dev/null || wrong "needs gcc, pkg-config and libfuse3-dev: apt install them, or run ./test.sh"
        mkdir -p "$cache"
        # The linker warns of dlopen, which libfuse calls only for stacked modules.
        # shellcheck disable=SC2046
        gcc -std=gnu11 -O2 -Wall -Wextra -static -o "$name.$$" "$here/slow_drive.c" \
            $(pkg-config --cflags fuse3) $(pkg-config --libs --static fuse3) 2>/dev/null ||
            wrong "slow_drive.c does not compile: gcc -static needs libfuse3-dev and libc6-dev"
        mv "$name.$$" "$name"
    fi
    echo "$name"
}

microseconds() {
    case $1 in
        ext4) echo 15 ;;
        bridged) echo 320 ;;
        '' | *[!0-9]*) wrong "the latency is '$1': give microseconds, ext4 or bridged" ;;
        *) echo "$1" ;;
    esac
}

attribute() { # mount point, name, [value]
    run python3 -c 'import os, sys
place, name, *value = sys.argv[1:]
name = "user.slow_drive." + name
os.setxattr(place, name, value[0].encode()) if value else print(os.getxattr(place, name).decode())' "$@"
}

is_up() { [ "$(run findmnt -n -o FSTYPE --mountpoint "$1" | tail -n 1)" = fuse.slow_drive ]; }

verb=${1:-}
case $verb in
    up)
        [ $# -ge 3 ] || wrong "up needs a SOURCE and a MOUNTPOINT"
        source=$2 place=$3
        latency=$(microseconds "${4:-bridged}")
        shift $(($# < 4 ? $# : 4))
        if is_up "$place"; then
            [ "$(attribute "$place" latency_us)" = "$latency" ] && exit 0
            attribute "$place" latency_us "$latency"
            echo changed
            exit 0
        fi
        binary=$(program)
        run mkdir -p "$source" "$place"
        if [ -n "$machine" ]; then
            "$here/../containers/podman.sh" podman cp "$binary" "$machine:/usr/local/sbin/slow_drive"
            binary=/usr/local/sbin/slow_drive
        fi
        options=fsname=slow_drive
        for option; do options=$options,$option; done
        run "$binary" "$source" "$place" "$latency" -o "$options"
        echo changed
        ;;
    latency)
        [ $# -ge 2 ] || wrong "latency needs a MOUNTPOINT"
        if [ $# -eq 2 ]; then
            attribute "$2" latency_us
        else
            attribute "$2" latency_us "$(microseconds "$3")"
            echo changed
        fi
        ;;
    count)
        [ $# -ge 2 ] || wrong "count needs a MOUNTPOINT"
        echo "$(attribute "$2" operations) $(attribute "$2" waited_us)"
        ;;
    down)
        [ $# -ge 2 ] || wrong "down needs a MOUNTPOINT"
        is_up "$2" || exit 0
        run umount "$2"
        echo changed
        ;;
    *) wrong "'$verb' is none of up, latency, count, down" ;;
esac
