#!/usr/bin/env bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Installs what parts of the test suite need, by the distribution's package manager and into .venv-test, .venv-docs and .venv-oldest, where it is missing:
# scripts/need.sh [PART...]. Called by test.sh and noxfile.py. Exit code 3: this machine cannot be set up.
set -u
program=test.sh
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/venv.sh
. "$root/scripts/venv.sh"

# Machines are containers that boot, which takes root; without it these parts are skipped.
install_for_machines() {
    ((EUID == 0)) || return 0
    install_packages molecule podman crun mmdebstrap ssh debian-archive-keyring procps python cgo libfuse3-dev pkg-config \
        qemu-user-static
    [[ -z ${WSLTUNE_WINDOWS_PWSH:-} ]] || install_packages 'the Windows side' gcc-mingw-w64-x86-64
}

need() {
    case $1 in
    lint | sanity) install_packages "$1" shellcheck ;;
    docs) make_venv "$root/.venv-test/bin/python" "$root/requirements/docs.lock" "$root/.venv-docs" ;;
    # What a test of the unit tests asks, so that none is skipped: a shell of BusyBox and a real Go.
    unit)
        install_packages 'the unit tests' python busybox
        "$root/tests/containers/go.sh" >/dev/null || fail 'the unit tests need a Go, which pip could not download'
        ;;
    windows) [[ -z ${WSLTUNE_WINDOWS_PWSH:-} ]] || install_for_machines ;;
    # The oldest ansible-core that is supported, for the older distribution.
    molecule)
        install_for_machines
        make_venv "$root/.venv-test/bin/python" "$root/requirements/oldest.lock" "$root/.venv-oldest"
        ;;
    # What ansible-rulebook runs in.
    molecule-heal) ((EUID != 0)) || install_packages heal java ;;
    molecule-laptop) ((EUID != 0)) || install_packages laptop qemu-system-x86 e2fsprogs git ;;
    esac
}

open_log test-setup.log
install_packages 'the test suite' git ca-certificates
# A checkout of another user, as in a container.
GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$root \
    git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1 || fail 'the tests need a git checkout, and this is none'
python=$(find_newest_python) || {
    install_python
    python=$(find_newest_python) || fail "the Python that $manager installed does not run; see $log"
}
make_venv "$python" "$root/requirements/test.lock" "$root/.venv-test"
for part; do need "$part"; done
