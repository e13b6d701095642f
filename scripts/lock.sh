#!/usr/bin/env bash
# Re-makes requirements/*.lock from the dependency groups of pyproject.toml. Needs uv; see docs/contributing/development.md.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
for group in runtime oldest test docs reach; do
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
        --custom-compile-command scripts/lock.sh --group "pyproject.toml:$group" -o "requirements/$group.lock"
done
# Alpine has no compiler at first: each package of .venv needs a wheel for musl, or one for all.
for machine in x86_64 aarch64; do
    uv pip install --quiet --dry-run --target .cache/none --python-version 3.12 --python-platform "$machine-unknown-linux-musl" \
        --only-binary :all: --require-hashes -r requirements/runtime.lock
done
