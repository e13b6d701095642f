#!/usr/bin/env bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
set -u
program=test.sh
root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/venv.sh
. "$root/scripts/venv.sh"
cd -- "$root" || exit 3

usage="Usage: ./test.sh [PART]

From a fresh machine to a tested checkout: installs what the part needs (apt, .venv-test) and runs it.

  lint                   ansible-lint, ruff, mypy, yamllint, shellcheck
  audit                  pip-audit of requirements/; not run where PyPI gives no advisories
  unit [ARGUMENT...]     pytest tests/unit
  windows [ARGUMENT...]  pytest tests/windows_host, on a simulated Windows host
  build                  build the collection, install it elsewhere, look at it there
  sanity                 ansible-test sanity
  docs                   build the documentation site in docs/_build/html; warnings and dead links fail
  molecule [SCENARIO...] the scenarios of molecule/, all but laptop, or some

Without a part: all of them, but not the scenario laptop, which runs when it is named.
WSLTUNE_WINDOWS_PWSH (Windows build) and PWSH (Linux build) name the PowerShells that the tests of the Windows side need;
without them these are skipped and listed so. WSLTUNE_NO_SKIP=1 has what is skipped fail, as CI does.
Exit codes: 0 nothing failed, 1 something failed or nothing passed, 2 wrong usage, 3 cannot be set up, 130 interrupted."

# What runs beside others does not hear of Ctrl-C.
end_children() {
    local child
    for child in $(pgrep -P "$1" 2>/dev/null); do
        end_children "$child"
        kill "$child" 2>/dev/null
    done
}
trap 'printf "\nInterrupted.\n" >&2; end_children $$; exit 130' INT TERM HUP


scratch=$(mktemp -d) || exit 3
trap 'rm -rf -- "$scratch"' EXIT

# part NAME COMMAND...: notes how it ended in $scratch/results; exit code 77 is a part that could not run here, 76 one whose
# data is not ours to bring, each with its reason in the file that $reason names.
part() {
    local name=$1 code reason
    shift
    reason=$(mktemp -p "$scratch") || exit 3
    printf '\n== %s\n' "$name"
    ("$@")
    code=$?
    case $code in
    0) printf 'passed %s\n' "$name" >>"$scratch/results" ;;
    77)
        printf 'skipped %s\n' "$name" >>"$scratch/results"
        printf 'SKIPPED %s: %s\n' "$name" "$(<"$reason")"
        ;;
    76)
        printf 'not-run %s\n' "$name" >>"$scratch/results"
        printf 'NOT RUN %s: %s\n' "$name" "$(<"$reason")"
        ;;
    130 | 143) exit 130 ;;
    *)
        printf 'failed %s\n' "$name" >>"$scratch/results"
        printf 'FAILED %s\n' "$name"
        ;;
    esac
}

count() { grep -c "^$1 " "$scratch/results"; }

skip() {
    printf '%s\n' "$*" >"$reason"
    exit 77
}

# all_of COMMAND...: each a string; runs them all, fails when one did.
all_of() {
    local command code=0
    for command; do
        printf -- '-- %s\n' "${command%%[ _]*}"
        $command || code=1
    done
    return $code
}

# Files of the checkout, also those not committed yet, but none that is ignored or gone.
files() {
    git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        [[ -f $file && ! -L $file ]] && printf '%s\0' "$file"
    done
}

shell_scripts() {
    files | while IFS= read -r -d '' file; do
        case $file in
        *.sh) ;;
        *.*) continue ;;
        *) head -c 40 -- "$file" | head -n 1 | tr -d '\0' | grep -Eq '^#!.*\b(ba|da)?sh\b' || continue ;;
        esac
        printf '%s\0' "$file"
    done
}

shellcheck_all() {
    shell_scripts | xargs -0 shellcheck
}

yamllint_all() {
    files | grep -zE '\.ya?ml$|^\.(yamllint|ansible-lint)$' | xargs -0 yamllint --strict
}

lint() {
    all_of 'ansible-lint --offline --strict' 'ruff check' 'ruff format --check' mypy yamllint_all shellcheck_all
}

# Advisories come from PyPI itself, which a mirror of it may not pass on: a version that has some is asked first.
audit() {
    local lock code=0
    printf 'jinja2==2.4.1\n' >"$scratch/known-bad.txt"
    pip-audit --progress-spinner off --disable-pip --no-deps -r "$scratch/known-bad.txt" 2>&1 | grep -qE '^jinja2 +2\.4\.1 +[A-Z]+-' || {
        printf 'PyPI gives no advisories here\n' >"$reason"
        exit 76
    }
    for lock in requirements/*.lock; do
        printf -- '-- %s\n' "$lock"
        pip-audit --progress-spinner off --disable-pip --require-hashes -r "$lock" || code=1
    done
    return $code
}

# pytest_in FOLDER [ARGUMENT...]: tests that were skipped do not count as passed.
pytest_in() {
    local results=$scratch/results.xml count
    python -m pytest --junitxml="$results" "$@" || return
    count=$(sed -n 's/.*<testsuite [^>]*skipped="\([0-9]*\)".*/\1/p' "$results" | head -n 1)
    ((${count:-0} == 0)) || skip "$count tests of $1 were skipped, for the reasons given above"
}

# The modules' coverage counts where every test runs: a part of them, or an account that cannot become others, covers
# a part of the modules. The least is in pyproject.toml.
unit() {
    local measure=(--cov=plugins/modules)
    if ((EUID != 0)) || [[ ! "$*" =~ ^(-n ?[0-9a-z]+)?$ ]]; then measure+=(--cov-fail-under=0); fi
    pytest_in tests/unit "${measure[@]}" "$@"
}

needs_windows() {
    ((EUID == 0)) || skip 'needs root, for its machines are containers that boot'
    [[ -e ${WSLTUNE_WINDOWS_PWSH:-} ]] || skip 'WSLTUNE_WINDOWS_PWSH names no Windows build of PowerShell'
}

windows() {
    needs_windows
    pytest_in tests/windows_host "$@"
}

documented() {
    local said
    said=$(ansible-doc -t "$1" "wsltune.go.$2" 2>&1) && grep -q 'OPTIONS\|ENTRY\|EXAMPLES' <<<"$said" && return 0
    printf 'no documentation of the %s %s: %s\n' "$1" "$2" "$said"
    return 1
}

build() {
    local target=$scratch/build tarball name code=0
    mkdir -p "$target/elsewhere" "$target/collections"
    ansible-galaxy collection build --output-path "$target" . || return 1
    tarball=$(echo "$target"/wsltune-go-*.tar.gz)
    cd "$target/elsewhere" || return 1
    # Nothing of this checkout may be seen from there.
    : >ansible.cfg
    export ANSIBLE_CONFIG=$PWD/ansible.cfg ANSIBLE_COLLECTIONS_PATH=$target/collections
    ansible-galaxy collection install --offline --no-deps -p "$target/collections" "$tarball" || return 1
    if tar -tzf "$tarball" | grep -E '^(\.|collections/|reports/|requirements/|molecule/.*/\.)|\.(pyc|log)$|\.tar\.gz$'; then
        echo 'the archive holds what it should not'
        code=1
    fi
    ansible-playbook -i localhost, wsltune.go.site --syntax-check || code=1
    for name in "$root"/plugins/modules/*.{py,yml}; do
        name=${name##*/}
        documented module "${name%.*}" || code=1
    done
    for name in "$root"/roles/*/; do
        documented role "$(basename "$name")" || code=1
    done
    return $code
}

scenario() {
    ((EUID == 0)) || skip 'needs root, for its machines are containers that boot'
    [[ $1 != windows ]] || needs_windows
    WSLTUNE_DISTRO=$2 WSLTUNE_ANSIBLE_BIN=$3 molecule/run test -s "$1"
}

# The PowerShell of this machine, where there is one.
powershell() {
    if [[ -x ${PWSH:-} ]]; then echo "$PWSH"; else command -v pwsh; fi
}

sanity_powershell() { skip 'needs a PowerShell: put pwsh on PATH, or name one by PWSH'; }

sanity() {
    local copy=$scratch/sanity/ansible_collections/wsltune/go version place
    mkdir -p "$copy"
    # ansible-test wants a real path with no link to a folder in it, and judges what is shipped.
    ansible-galaxy collection build --output-path "$scratch/sanity" . && tar -xzf "$scratch"/sanity/*.tar.gz -C "$copy" || return 1
    cd "$copy" || return 1
    # It would download get-pip.py; ours does the same with what Python brings along.
    version=$(sed -n "s/^ *pip='\([0-9.]*\)'.*/\1/p" "$(python -c 'from ansible_test import _internal as i; print(i.__path__[0])')/python_requirements.py")
    place=$HOME/.ansible/test/cache/get_pip_${version//./_}.py
    mkdir -p "${place%/*}"
    [[ -e $place ]] || cp "$root/scripts/get_pip.py" "$place"
    # validate-modules runs the PowerShell modules to compare them with their documentation; pslint needs PSScriptAnalyzer.
    local options=()
    if ! powershell >/dev/null; then
        for place in plugins/modules/win_*; do options+=(--exclude "$place"); done
    else
        mkdir "$scratch/bin"
        printf '#!/bin/sh\nexec "%s" "$@"\n' "$(powershell)" >"$scratch/bin/pwsh" && chmod +x "$scratch/bin/pwsh"
        PATH=$scratch/bin:$PATH
        pwsh -NoProfile -Command 'exit [int](-not (Get-Module -ListAvailable PSScriptAnalyzer))' || {
            echo 'pslint is left out: this PowerShell has no PSScriptAnalyzer'
            options=(--skip-test pslint)
        }
    fi
    ansible-test sanity --color no --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" "${options[@]}"
}

# The reference is made anew each time, so that a page of a plugin that is gone goes too.
docs() {
    local site=docs/_build/html
    PATH=$root/.venv-docs/bin:$PATH
    rm -rf docs/_build docs/reference && mkdir docs/reference || return 1
    antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir docs/reference wsltune.go || return 1
    sphinx-build --fail-on-warning --nitpicky --quiet --builder html docs "$site" || return 1
    python scripts/links.py "$site" || return 1
    printf 'The site: %s\n' "$root/$site/index.html"
}

setup() {
    open_log test-setup.log
    apt_install 'the test suite' git ca-certificates
    local python
    python=$(find_newest_python) || {
        install_python
        python=$(find_newest_python) || fail "the Python that apt installed does not run; see $log"
    }
    make_venv "$python" "$root/requirements/test.lock" "$root/.venv-test"
    # Without pyenv's shims: they answer to names of Pythons that do not run.
    export PATH=$root/.venv-test/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    export ANSIBLE_CONFIG=$root/ansible.cfg ANSIBLE_COLLECTIONS_PATH=$root/collections
    # A checkout of another user, as in a container.
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$root
    [[ $(locale charmap 2>/dev/null) == UTF-8 ]] || export LC_ALL=C.UTF-8
    unset PYTHONHOME PYTHONPATH
    [[ -t 1 ]] || export NO_COLOR=1
    git rev-parse --is-inside-work-tree >/dev/null 2>&1 || fail 'the tests need a git checkout, and this is none'
}

run_lint() {
    apt_install lint shellcheck
    part lint lint
}

run_audit() { part audit audit; }

run_unit() { part unit unit "$@"; }

run_windows() {
    if ((EUID == 0)) && [[ -n ${WSLTUNE_WINDOWS_PWSH:-} ]]; then install_for_machines; fi
    part windows windows "$@"
}

run_build() { part build build; }

run_sanity() {
    apt_install sanity shellcheck
    part sanity sanity
    powershell >/dev/null || part 'sanity of the PowerShell modules' sanity_powershell
}

run_docs() {
    make_venv "$root/.venv-test/bin/python" "$root/requirements/docs.lock" "$root/.venv-docs"
    part docs docs
}

install_for_machines() {
    apt_install molecule podman crun mmdebstrap openssh-client debian-archive-keyring procps python3-venv \
        gcc libc6-dev libfuse3-dev pkg-config
    [[ -z ${WSLTUNE_WINDOWS_PWSH:-} ]] || apt_install 'the Windows side' gcc-mingw-w64-x86-64
}

run_molecule() {
    local wanted=("$@") name
    if ((${#wanted[@]} == 0)); then
        for name in molecule/*/molecule.yml; do
            name=${name%/molecule.yml}
            name=${name#molecule/}
            # Emulated, it takes a quarter of an hour, and wants the machine for itself.
            [[ $name == laptop ]] || wanted+=("$name")
        done
    fi
    for name in "${wanted[@]}"; do
        [[ -f molecule/$name/molecule.yml ]] || status=2 fail "there is no scenario '$name' in molecule/"
    done
    ((EUID != 0)) || install_for_machines
    [[ " ${wanted[*]} " != *' laptop '* ]] || apt_install laptop qemu-system-x86 e2fsprogs git
    # The oldest ansible-core that is supported, for the older distribution.
    make_venv "$root/.venv-test/bin/python" "$root/requirements/oldest.lock" "$root/.venv-oldest"
    for name in "${wanted[@]}"; do
        while (($(jobs -rp | wc -l) >= 2)); do wait -n; done
        aside "$name" scenario_everywhere "$name" &
    done
    wait
}

# A scenario on every distribution that it is promised for; one after the other, for they share their machines' names.
scenario_everywhere() {
    part "molecule $1" scenario "$1" trixie ''
    case $1 in
    default | restart) part "molecule $1 (Debian 12, ansible-core 2.19)" scenario "$1" bookworm "$root/.venv-oldest/bin" ;;
    esac
}

# aside NAME COMMAND...: what it prints comes in one piece at its end, since others run beside it.
aside() {
    local name=$1
    shift
    "$@" >"$scratch/$name.log" 2>&1
    flock "$scratch" cat "$scratch/$name.log"
}

choice=${1:-default}
shift $(($# > 0))
case $choice in
-h | --help)
    printf '%s\n' "$usage"
    exit 0
    ;;
default | lint | audit | build | sanity | docs)
    (($# == 0)) || status=2 fail "$choice takes no argument; ./test.sh --help lists the parts"
    ;;
unit | windows | molecule) ;;
*) status=2 fail "unknown part '$choice'; ./test.sh --help lists them" ;;
esac

setup
case $choice in
default)
    run_lint
    run_audit
    ((EUID != 0)) || install_for_machines
    # As long as all other parts but the scenarios, which wait for it where they would be a third beside each other.
    aside windows-host run_windows &
    run_unit "$@"
    run_sanity
    run_build
    run_docs
    run_molecule "$@"
    ;;
*) "run_$choice" "$@" ;;
esac

echo
touch "$scratch/results"
sed -n 's/^failed /failed: /p; s/^skipped /skipped: /p; s/^not-run /not run: /p' "$scratch/results"
line="$(count passed) passed, $(count failed) failed"
(($(count skipped) == 0)) || line="$line, $(count skipped) skipped"
echo "$line"
(($(count failed) == 0 && $(count passed) > 0)) && [[ $(count skipped) == 0 || -z ${WSLTUNE_NO_SKIP:-} ]]
