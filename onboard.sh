#!/bin/sh
# shellcheck shell=bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# From a fresh machine to a tuned one. This file gets a bash, a Python and .venv; onboard/ does the rest.
set -u
program=onboard.sh
root=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=scripts/start.sh
. "$root/scripts/start.sh"
read_options "$@"
if [ -z "${BASH_VERSION:-}" ] || [ "${SHELLOPTS##*posix*}" != "$SHELLOPTS" ]; then
    # Alpine has no bash at first, and elsewhere sh may be a bash that keeps to POSIX.
    command -v bash >/dev/null || install_bash
    exec bash "$0" "$@"
fi
# shellcheck source=scripts/venv.sh
. "$root/scripts/venv.sh"
exec 3>&1
# Whoever reads the JSON does not want the lines about the installation in it.
[[ ! $json ]] || exec >&2

trap 'printf "\nInterrupted: run ./onboard.sh again to finish.\n" >&2; exit 130' INT TERM HUP

# Ansible refuses to start in another encoding.
[[ $(locale charmap 2>/dev/null) == UTF-8 ]] || export LC_ALL=C.UTF-8
unset PYTHONHOME PYTHONPATH
leave_places_of_others

[[ -d $root/collections/ansible_collections/wsltune/go/plugins ]] ||
    fail "the symbolic link collections/ansible_collections/wsltune/go is not one: clone again inside Linux, in your home directory"

agree_to_install() {
    local packages=python3-venv remove='' sudo=''
    find_manager
    [[ $manager ]] || return 0
    # With apt, Python itself stays, because much of the distribution needs it.
    # shellcheck disable=SC2046
    [[ $manager == apt-get ]] || packages=$(not_installed $(names_of python) | xargs)
    ((EUID == 0)) || sudo='sudo '
    [[ ! $packages ]] || remove="'$sudo${facts[$manager undo]} $packages' and "
    agree "To set itself up, this program installs a Python with venv by $manager (some 10 MB) and makes .venv (some 250 MB).
Both stay after a rollback: remove them with $remove'rm -r $(printf %q "$root/.venv")'."
}

venv=$root/.venv
lock=$root/requirements/runtime.lock
if ! venv_current "$venv" "$lock"; then
    enough_room "$root" 400
    open_log onboard-setup.log
    python=$(find_python) || {
        agree_to_install
        install_python
        python=$(find_python) || fail "the Python that $manager installed does not run; see $log"
    }
    make_venv "$python" "$lock" "$venv"
fi

if [[ -n $sudo_password ]]; then
    # Handed on through a pipe: not on a command line, not in a file.
    exec {WSLTUNE_SUDO_FD}< <(printf '%s' "$sudo_password")
    export WSLTUNE_SUDO_FD
fi
exec "$venv/bin/python" "$root/onboard" "$@" >&3 3>&-
