#!/usr/bin/env bash
# Copies this checkout, as Git would clone it with what is not committed yet, to ~/wsltune of a machine's user:
#
#   copy_checkout.sh MACHINE USER
set -euo pipefail
machine=${1:?"usage: copy_checkout.sh MACHINE USER"} user=${2:?"copy_checkout.sh: whose home?"}
here=$(dirname "$(readlink -f "$0")")
home=/root
[ "$user" = root ] || home=/home/$user
on_machine() { "$here/podman.sh" podman exec -i "$machine" "$@"; }

cd "$here/../.."
on_machine mkdir -p "$home/wsltune"
git ls-files -co --exclude-standard -z |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] && [ ! -L "$file" ] || printf '%s\0' "$file"; done |
    tar --null -T - -cf - | on_machine tar -xf - -C "$home/wsltune"
on_machine chown -R "$user:" "$home/wsltune"
