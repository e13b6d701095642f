#!/usr/bin/env bash
# Re-makes requirements/*.lock from the dependency groups of pyproject.toml. Needs uv; see docs/contributing/development.md.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
for group in runtime oldest test docs reach; do
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
        --custom-compile-command scripts/lock.sh --group "pyproject.toml:$group" -o "requirements/$group.lock"
done
