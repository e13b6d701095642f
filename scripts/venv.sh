# shellcheck shell=bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Sourced by onboard.sh and scripts/need.sh, which set `program` (their name) and `root` (the checkout): packages,
# a Python that really runs, and a virtual environment that is either whole or not taken for one.
# shellcheck disable=SC2154

# shellcheck source=scripts/start.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/start.sh"
sudo_password=''
# What is made, such as .venv, runs at each start: nobody else may write there, and as root no group either.
umask o-w
((EUID != 0)) || umask go-w

say() { printf '%s\n' "$*"; }

# enough_room FOLDER MEGABYTES: package managers and pip name a wrong cause where a disk is full.
enough_room() {
    local free
    free=$(df -Pm -- "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
    [[ ! $free =~ ^[0-9]+$ ]] || ((free >= $2)) ||
        fail "the disk is full: $1 has $free MB free, and setting up needs $2 MB: make room and start again"
}

# is_roots_way PATH: whether no account but root can change where PATH leads. Of what is not there yet, the folder counts.
is_roots_way() {
    local part=$1 who below=''
    [[ $part == /* ]] || return 1
    while :; do
        if [[ -e $part || -L $part ]]; then
            who=$(stat -c '%u %A' -- "$part") || return 1
            # Of a link the owner counts, and in a folder that all may write to, whose the entry is.
            [[ $who == 0\ l* || $who == 0\ ?????-??-? || ($who == 0\ d????w??wt && $below) ]] || return 1
            below=yes
        fi
        [[ $part != / ]] || return 0
        part=$(dirname -- "$part")
    done
}

# The same of what PATH leads to over links.
is_roots_place() {
    local place=$1
    is_roots_way "$place" || return 1
    # BusyBox resolves only what exists; what does not is made below it.
    until [[ -e $place || -L $place ]]; do place=$(dirname -- "$place"); done
    is_roots_way "$(readlink -f -- "$place")"
}

# leave_places_of_others: as root, use no HOME of the environment that another account can write or lead elsewhere, nor
# what else names its folders, and none of Python's variables. With sudo -E they are a user's, and a Python of pyenv's, or
# what pip unpacks in a temporary folder, would run as root.
leave_places_of_others() {
    local name place
    ((EUID == 0)) || return 0
    for name in "${!PYTHON@}"; do unset "$name"; done
    # And what pip starts, reads and writes, and where its TLS writes keys.
    for name in HOME PYENV_ROOT TMPDIR TEMP TMP XDG_STATE_HOME XDG_CACHE_HOME XDG_CONFIG_HOME SSLKEYLOGFILE "${!PIP_@}"; do
        place=${!name:-}
        [[ $place ]] || continue
        # What is no path, such as the address of an index, stays, and so does a certificate: the lock has the hashes.
        [[ $name != PIP_* || ($name != *_CERT && $place == */* && $place != *://*) ]] || continue
        is_roots_place "$place" && continue
        unset "$name"
        [[ $name != HOME ]] || export HOME=~root
    done
}

# Output of package managers and pip goes to a log; only a failure shows its end.
open_log() {
    local folder=${XDG_STATE_HOME:-${HOME:-/root}/.local/state}/wsltune temporary=${TMPDIR:-/tmp}
    # With sudo -E, HOME and the others are a user's, who could have put a link there.
    if ((EUID == 0)); then
        is_roots_place "$folder" || folder=~root/.local/state/wsltune
        temporary=/tmp
    fi
    log=$folder/$1
    if ! { mkdir -p -- "$folder" && : >"$log"; } 2>/dev/null; then
        log=$(TMPDIR=$temporary mktemp) || fail 'cannot write a log: neither the home directory nor the temporary one is writable'
    fi
}

logged() {
    printf '\n$ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1
}

show_log() {
    sed '/^[[:space:]]*$/d' "$log" | tail -n 12 | sed 's/^/    /' >&2
}

# as_root works after this, or the program has ended with the reason.
need_root() {
    local try answer
    ((EUID != 0)) || return 0
    [[ -z $sudo_password ]] || return 0
    command -v sudo >/dev/null || fail "$1 needs root, and this user has no sudo: run it as root, or install sudo"
    # -k: a ticket of this terminal would not hold for what runs outside it.
    sudo -k -n true 2>/dev/null && return 0
    [[ -t 0 ]] || fail "$1 needs root, and sudo asks for a password where there is no terminal to ask at: run it as root"
    for try in 1 2 3; do
        IFS= read -rsp "sudo password of $(id -un): " sudo_password
        printf '\n'
        answer=$(printf '%s\n' "$sudo_password" | LC_ALL=C sudo -S -k -p '' true 2>&1) && return 0
        # The last is what sudo-rs says.
        [[ ! $answer =~ 'not in the sudoers'|'not allowed'|"afraid I can't do that" ]] || break
        ((try == 3)) || say 'That was not it, try again.'
    done
    sudo_password=''
    fail "sudo did not let this user become root: ${answer##*$'\n'}"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif [[ -n $sudo_password ]]; then
        printf '%s\n' "$sudo_password" | sudo -S -k -p '' -- "$@"
    else
        sudo -n -- "$@"
    fi
}

# The table that the roles go by: what each package manager is asked, and what packages are called there.
table=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../plugins/module_utils/linux/distribution.py
declare -A facts=()
manager=''

# find_manager: sets $manager to the one that this distribution came with (another one's may lie beside it).
find_manager() {
    local name what words there=()
    [[ -z $manager ]] || return 0
    while read -r name what words; do
        [[ $words ]] || continue
        facts[$name $what]=$words
        [[ $what != owner ]] || ! command -v "$name" >/dev/null || there+=("$name")
    done < <(sed -n '/^TABLE = /,/^"""$/p' "$table" | sed '1d;$d')
    manager=${there[0]:-}
    ((${#there[@]} > 1)) || return 0
    for name in "${there[@]}"; do
        # shellcheck disable=SC2086
        if ${facts[$name owner]} "$(readlink -f /etc/os-release)" >/dev/null 2>&1; then
            manager=$name
            return 0
        fi
    done
}

# names_of NEED...: what the packages are called here.
names_of() {
    local need words
    for need; do
        words=${facts[$manager $need]:-$need}
        printf '%s ' "${words%%|*}"
    done
}

# Nothing restarts: which service needs that, needrestart says by the processes of any account.
manager_root() {
    logged as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 NEEDRESTART_MODE=l LC_ALL=C.UTF-8 "$@"
}

refresh_once() {
    [[ -z ${refreshed:-} && ${facts[$manager refresh]:-} ]] || return 0
    refreshed=1
    # shellcheck disable=SC2086
    manager_root ${facts[$manager refresh]}
}

not_installed() {
    local package installed
    # shellcheck disable=SC2086
    installed=$(${facts[$manager list]} 2>/dev/null | sed 's/^installed\t//')
    for package; do grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"; done
}

# install_packages WHAT-FOR PACKAGE...: installs those that are missing.
install_packages() {
    local purpose=$1 packages why=''
    shift
    find_manager
    [[ $manager ]] ||
        fail "$purpose needs $*, and this machine has no package manager that is known here: install them by hand and start again"
    # shellcheck disable=SC2046
    mapfile -t packages < <(not_installed $(names_of "$@"))
    ((${#packages[@]} > 0)) || return 0
    need_root "installing ${packages[*]} with $manager"
    say "Installing with $manager: ${packages[*]}"
    # shellcheck disable=SC2086
    if [[ ${facts[$manager outdated]:-} ]]; then
        why="; $partial"
        ! ${facts[$manager outdated]} 2>/dev/null | grep -qv '\[ignored\]$' || fail "$partial"
    fi
    # What an interrupted run left half configured would stop every later one.
    # shellcheck disable=SC2086
    [[ ! ${facts[$manager finish]:-} ]] || manager_root ${facts[$manager finish]}
    # shellcheck disable=SC2206
    local install=(${facts[$manager install]} "${packages[@]}")
    if ! manager_root "${install[@]}"; then
        refresh_once && manager_root "${install[@]}" && return 0
        show_log
        fail "$manager could not install ${packages[*]}$why; all it said is in $log"
    fi
}
partial='Arch supports no partial upgrades: bring the machine up to date with pacman -Syu and start again'

# Shims and half installed Pythons answer to their name without being able to do anything.
# -I, here and below: with -c and -m Python loads what lies in the current folder, which may be somebody else's.
python_works() {
    "$1" -I -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# As root, nothing that another account can change: a team may share a folder of PATH.
may_run() { ((EUID != 0)) || is_roots_place "$1"; }

# The machine's own Python first, for it outlives the others: /usr/bin, then PATH, then pyenv's.
find_python() {
    local path
    while IFS= read -r path; do
        if may_run "$path" && python_works "$path"; then
            printf '%s\n' "$path"
            return 0
        fi
    done < <(
        printf '%s\n' /usr/bin/python3
        printf '%s\n' /usr/bin/python3.{14,13,12,11}
        type -aP python3 python3.{14,13,12,11}
        newest_pyenv
    )
    return 1
}

newest_pyenv() {
    printf '%s\n' "${PYENV_ROOT:-${HOME:-/root}/.pyenv}"/versions/3.*/bin/python3 | sort -t. -rV
}

# find_newest_python: for the tests, which want the newest ansible-core that this machine can have.
find_newest_python() {
    local path best='' version best_version=0
    while IFS= read -r path; do
        may_run "$path" || continue
        python_works "$path" || continue
        version=$("$path" -I -c 'import sys; print(sys.version_info[0] * 100 + sys.version_info[1])') || continue
        if ((version > best_version)); then
            best=$path best_version=$version
        fi
    done < <(
        printf '%s\n' /usr/bin/python3.{14,13,12,11} /usr/bin/python3
        type -aP python3.{14,13,12,11} python3
        newest_pyenv
    )
    [[ -n $best ]] && printf '%s\n' "$best"
}

apt_candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '^(none)$'
}

# The packages that give a Python of 3.11 or later here; nothing when apt knows none.
apt_python() {
    local minor version
    version=$(apt_candidate python3)
    if [[ -n $version ]] && dpkg --compare-versions "$version" ge 3.11; then
        printf '%s\n' python3 python3-venv
        return 0
    fi
    for minor in 14 13 12 11; do
        if [[ -n $(apt_candidate "python3.$minor-venv") ]]; then
            printf '%s\n' "python3.$minor" "python3.$minor-venv"
            return 0
        fi
    done
    return 1
}

# Elsewhere the first of the table's choices that comes to a Python of 3.11 or later.
install_python() {
    local packages choice ID='' PRETTY_NAME='this distribution'
    # shellcheck disable=SC1091
    [[ ! -r /etc/os-release ]] || . /etc/os-release
    find_manager
    [[ $manager ]] || fail "no Python 3.11 or later with venv is here, and $PRETTY_NAME has no package manager that is known" \
        "here; supported are $(sed -n 's/^SUPPORTED = "\(.*\)"$/\1/p' "$table"): install it by hand and start again"
    if [[ $manager != apt-get ]]; then
        while IFS= read -rd '|' choice; do
            # shellcheck disable=SC2086
            install_packages 'making .venv' $choice
            ! find_python >/dev/null || return 0
        done <<<"${facts[$manager python]}|"
        return 0
    fi
    packages=$(apt_python) || {
        need_root 'installing Python with apt-get'
        refresh_once || true
        packages=$(apt_python) || {
            if [[ $ID == ubuntu ]]; then
                fail "the Python 3.11 of $PRETTY_NAME is in its 'universe' component, which is off here: switch it on" \
                    "with 'sudo add-apt-repository universe' and start again"
            fi
            show_log
            fail "apt offers no Python 3.11 or later for $PRETTY_NAME: check the network and /etc/apt, or install one by hand"
        }
    }
    # shellcheck disable=SC2086
    install_packages 'making .venv' $packages
}

# A venv counts when its stamp, written last, names this lock, a Python that still runs, and this place (the scripts
# inside hold absolute paths).
venv_stamp() {
    printf '%s %s %s\n' "$(sha256sum <"$2" | cut -d' ' -f1)" "$("$1/bin/python" -V 2>&1)" "$1"
}

venv_current() {
    [[ -x $1/bin/python && -r $1/.wsltune && $(<"$1/.wsltune") == "$(venv_stamp "$1" "$2")" ]]
}

# make_venv PYTHON LOCK VENV
make_venv() {
    local python=$1 lock=$2 venv=$3 kind
    local name=${venv##*/}
    # Two starts at once: the second waits, then finds it made. Where flock cannot, they must not be started at once.
    # A file that nobody else can open, for whoever can open a folder can keep it locked.
    if (umask 077 && : >>"$venv.lock") 2>/dev/null; then
        exec {venv_lock}<"$venv.lock"
        flock "$venv_lock" 2>/dev/null || true
    fi
    if ! venv_current "$venv" "$lock"; then
        if [[ -e $venv && ! -e $venv/.wsltune && -n $(ls -A -- "$venv" 2>/dev/null) ]]; then
            fail "$venv was not made by wsltune: move it away and start again"
        fi
        if ! logged rm -rf -- "$venv" || ! logged mkdir -- "$venv" || ! logged touch -- "$venv/.wsltune"; then
            kind=$(stat -f -c %T -- "$root" 2>/dev/null)
            fail "cannot write $name in $root (file system: ${kind:-unknown}; read-only, another user's, or a Windows drive?):" \
                "put the checkout in your home directory"
        fi
        printf '*\n' >"$venv/.gitignore"
        say "Making $name with $("$python" -V) (about a minute the first time)"
        # From /, here and below: where /tmp is full, Python makes temporary files in the current folder, which may be
        # somebody else's. What ensurepip puts there runs.
        if ! (cd / && logged "$python" -I -m venv -- "$venv"); then
            show_log
            fail "cannot make $name in $root (file system: $(stat -f -c %T -- "$root")): put the checkout in your home directory"
        fi
        [[ -x $venv/bin/pip ]] || fail "nothing can be executed in $root (mounted noexec?): put the checkout in your home directory"
        # And pip takes an index's address for a path where the current folder has one.
        if ! (cd / && logged "$venv/bin/python" -I -m pip install --no-user --disable-pip-version-check --no-input \
            --require-hashes -r "$lock"); then
            show_log
            fail "pip could not install ${lock#"$root"/} into $name: check the network and start again; all it said is in $log"
        fi
        # The stamp comes last and in one step.
        venv_stamp "$venv" "$lock" >"$venv/.wsltune.new" && mv -f -- "$venv/.wsltune.new" "$venv/.wsltune"
    fi
    [[ ! ${venv_lock:-} ]] || exec {venv_lock}<&-
}
