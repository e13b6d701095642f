#!/bin/sh
# shellcheck shell=bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# From a fresh machine to a tuned one. This file gets a Python and .venv; onboard/ does the rest and reads the options.
if [ -z "${BASH_VERSION:-}" ] || [ "${SHELLOPTS##*posix*}" != "$SHELLOPTS" ]; then
    # Alpine has no bash at first, and elsewhere sh may be a bash that keeps to POSIX.
    command -v bash >/dev/null && exec bash "$0" "$@"
    echo "onboard.sh: bash is not installed, and this needs it: install it (on Alpine by 'apk add bash'), then start again" >&2
    exit 3
fi
set -u
program=onboard.sh
root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/venv.sh
. "$root/scripts/venv.sh"

usage=$(sed -n '/^"""/,/^"""/{s/^"""//;p}' "$root/onboard/__main__.py")
exec 3>&1
ask=yes
value=''
wrong=2
# Of drift, 2 and 3 are answers.
[[ " $* " != *' drift '* ]] || { wrong=1 status=1; }
# A typing mistake shall not cost an installation.
for argument in "$@"; do
    # What follows an option that takes a value is no command.
    if [[ $value ]]; then
        value=''
        continue
    fi
    case $argument in
    --) break ;;
    --against) value=yes ;;
    --against=?*) ;;
    # Whoever reads the JSON does not want the lines about the installation in it.
    --json) exec >&2 ;;
    -h | --help)
        printf '%s\n' "$usage"
        exit 0
        ;;
    -*)
        [[ $usage == *$'\n'"  $argument"[\ $'\n']* ]] || status=$wrong fail "unknown option '$argument'; ./onboard.sh --help lists them"
        [[ $argument != --yes && $argument != --check ]] || ask=''
        ;;
    site | rollback | doctor | drift | bench) ;;
    *)
        near=''
        case $argument in dr* | Dr*) near=drift ;; d* | D*) near=doctor ;; r* | R*) near=rollback ;; b* | B*) near=bench ;; esac
        status=2 fail "unknown command '$argument'${near:+ (did you mean $near?)}: ./onboard.sh --help lists them"
        ;;
    esac
done

trap 'printf "\nInterrupted: run ./onboard.sh again to finish.\n" >&2; exit 130' INT TERM HUP

# Ansible refuses to start in another encoding.
[[ $(locale charmap 2>/dev/null) == UTF-8 ]] || export LC_ALL=C.UTF-8
unset PYTHONHOME PYTHONPATH
leave_places_of_others

[[ -d $root/collections/ansible_collections/wsltune/go/plugins ]] ||
    fail "the symbolic link collections/ansible_collections/wsltune/go is not one: clone again inside Linux, in your home directory"

agree_to_install() {
    local answer python=''
    find_manager
    [[ $manager ]] || return 0
    [[ $manager != apt-get ]] || python="'sudo apt-get purge python3-venv' and "
    printf '%s\n' "To set itself up, this program installs a Python with venv by $manager (some 10 MB) and makes .venv (some 250 MB)." \
        "Both stay after a rollback: remove them with $python'rm -r $root/.venv'." >&2
    [[ $ask && -t 0 && -t 2 ]] || return 0
    read -rp 'Go on? [Y/n] ' answer || answer=n
    [[ ! $answer || $answer == [yY]* ]] || status=0 fail 'nothing was changed'
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
