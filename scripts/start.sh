# shellcheck shell=sh
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Sourced by onboard.sh, which sets `program` (its name) and `root` (the checkout), and by scripts/venv.sh: what is done
# before there is a bash. It keeps to POSIX, because the sh of Alpine is BusyBox's.
# shellcheck disable=SC2034,SC2154

# One sentence, and the exit code of $status (3: this machine cannot be set up).
fail() {
    printf '%s: %s\n' "$program" "$*" >&2
    exit "${status:-3}"
}

# read_options ARGUMENT...: a typing mistake shall not cost an installation. Sets $ask, $json and $status, or ends.
read_options() {
    usage=$(sed -n '/^"""/,/^"""/{s/^"""//;p;}' "$root/onboard/__main__.py")
    ask=yes json='' wrong=2 value='' newline='
'
    # Of drift, 2 and 3 are answers.
    case " $* " in *' drift '*) wrong=1 status=1 ;; esac
    for argument; do
        # What follows an option that takes a value is no command.
        if [ "$value" ]; then
            value=''
            continue
        fi
        case $argument in
        --) break ;;
        --against) value=yes ;;
        --against=?*) ;;
        -h | --help)
            printf '%s\n' "$usage"
            exit 0
            ;;
        -*)
            case $usage$newline in
            *"$newline  $argument "* | *"$newline  $argument$newline"*) ;;
            *) status=$wrong fail "unknown option '$argument'; ./onboard.sh --help lists them" ;;
            esac
            case $argument in
            --yes | --check) ask='' ;;
            --json) json=yes ;;
            esac
            ;;
        site | rollback | doctor | drift | bench) ;;
        *)
            near=''
            case $argument in dr* | Dr*) near=drift ;; d* | D*) near=doctor ;; r* | R*) near=rollback ;; b* | B*) near=bench ;; esac
            status=2 fail "unknown command '$argument'${near:+ (did you mean $near?)}: ./onboard.sh --help lists them"
            ;;
        esac
    done
}

# agree TEXT: whether to go on, asked where there is a terminal to ask at.
agree() {
    printf '%s\n' "$1" >&2
    [ "$ask" ] && [ -t 0 ] && [ -t 2 ] || return 0
    printf 'Go on? [Y/n] ' >&2
    read -r answer || answer=n
    case $answer in '' | [yY]*) ;; *) status=0 fail 'nothing was changed' ;; esac
}

# install_bash: by the first package manager of the roles' table that is at hand.
install_bash() {
    table=$(sed -n '/^TABLE = /,/^"""$/p' "$root/plugins/module_utils/linux/distribution.py")
    words() { printf '%s\n' "$table" | sed -n "s/^$manager  *$1  *//p"; }
    for manager in $(printf '%s\n' "$table" | sed -n 's/  *install  .*//p') ''; do
        command -v "$manager" >/dev/null && break
    done
    [ "$manager" ] || fail "bash is not installed, and this machine has no package manager that is known here:" \
        "install bash and start again"
    as_root=''
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            fail "bash is not installed, installing it with $manager needs root, and this user has no sudo:" \
                "run it as root, or install sudo"
        as_root=sudo
    fi
    agree "This program needs bash: it installs it with $manager (a few MB).
It stays after a rollback: remove it with '${as_root:+sudo }$(words undo) bash'."
    printf 'Installing with %s: bash\n' "$manager" >&2
    refresh=$(words refresh)
    # shellcheck disable=SC2046,SC2086
    said=$($as_root $(words install) bash 2>&1) ||
        said=$($as_root ${refresh:-true} 2>&1 && $as_root $(words install) bash 2>&1) ||
        fail "$manager could not install bash: $(printf '%s\n' "$said" | tail -n 1)"
    command -v bash >/dev/null || fail "$manager installed bash, but it is not in PATH"
}
