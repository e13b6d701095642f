#!/usr/bin/env bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
set -u
root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")

usage="Usage: ./test.sh [PART]

From a fresh machine to a tested checkout: installs what the part needs (packages, .venv-test) and runs it.

  lint                   ansible-lint, ruff, mypy, yamllint, shellcheck
  audit                  pip-audit of requirements/; not run where PyPI gives no advisories
  unit [ARGUMENT...]     pytest tests/unit
  windows [ARGUMENT...]  pytest tests/windows_host, on a simulated Windows host
  build                  build the collection, install it elsewhere, look at it there
  sanity                 ansible-test sanity
  docs                   build the documentation site in docs/_build/html; warnings and dead links fail
  molecule [SCENARIO...] the scenarios of molecule/, all but families, first-boot, fleet, heal and laptop, or some
  contract [FILE]        ask a real WSL laptop what the simulated one takes for granted; reads only, writes contract.json

Without a part: all of them, two at a time, but not the scenarios families, first-boot, fleet, heal and laptop, which run when
they are named.
WSLTUNE_WINDOWS_PWSH (Windows build) and PWSH (Linux build) name the PowerShells that the tests of the Windows side need;
without them these are skipped and listed so. WSLTUNE_NO_SKIP=1 has what is skipped fail, as CI does.
Exit codes: 0 nothing failed, 1 something failed or nothing passed, 2 wrong usage, 3 cannot be set up, 130 interrupted."

wrong() {
    printf 'test.sh: %s\n' "$*" >&2
    exit 2
}

# nox starts sessions that run side by side apart from the terminal, so that they do not hear of Ctrl-C.
end_children() {
    local child
    for child in $(pgrep -P "$1" 2>/dev/null); do
        end_children "$child"
        kill "$child" 2>/dev/null
    done
}

part=${1:-default}
shift $(($# > 0))
needs=("$part") select=(--tags "$part") words=()
case $part in
-h | --help)
    printf '%s\n' "$usage"
    exit 0
    ;;
default)
    (($# == 0)) || wrong "$part takes no argument; ./test.sh --help lists the parts"
    needs=(lint sanity docs windows unit molecule) select=(--parallel 2)
    ;;
lint | audit | build | sanity | docs)
    (($# == 0)) || wrong "$part takes no argument; ./test.sh --help lists the parts"
    ;;
# Installs nothing, so that it runs on a laptop of one's own as it is.
contract) exec python3 "$root/tests/contract/observe.py" "$@" ;;
unit | windows) words=(-- "$@") ;;
molecule)
    for name; do
        [[ -f $root/molecule/$name/molecule.yml ]] || wrong "there is no scenario '$name' in molecule/"
    done
    needs+=("${@/#/molecule-}") select=(--parallel 2 --tags molecule)
    (($# == 0)) || select=(--parallel 2 --tags "${@/#/molecule-}")
    # What runs alone prints as it goes.
    (($# != 1)) || [[ $1 == default || $1 == restart ]] || select=(--tags "molecule-$1")
    ;;
*) wrong "unknown part '$part'; ./test.sh --help lists them" ;;
esac

cd -- "$root" || exit 3
"$root/scripts/need.sh" "${needs[@]}" || exit
scratch=$(mktemp -d) || exit 3
trap 'rm -rf -- "$scratch"' EXIT
trap 'printf "\nInterrupted.\n" >&2; end_children $$; exit 130' INT TERM HUP
python=$root/.venv-test/bin/python
"$python" -m nox --report "$scratch/report.json" "${select[@]}" "${words[@]}"
(($? != 130)) || exit 130
"$python" "$root/scripts/suite.py" "$scratch/report.json"
