#!/usr/bin/env bash
# Compiles small Windows programs, each of one C file: compile.sh FOLDER FILE.c...
set -euo pipefail
compiler=x86_64-w64-mingw32-gcc
if ! command -v "$compiler" >/dev/null; then
    echo "compile.sh: there is no $compiler: install the package gcc-mingw-w64-x86-64" >&2
    exit 2
fi
folder=$1
shift
for file; do
    name=$(basename "$file" .c)
    "$compiler" -O2 -s -Wall -Werror -municode -o "$folder/$name.exe" "$file" 2>/dev/null ||
        "$compiler" -O2 -s -Wall -Werror -o "$folder/$name.exe" "$file"
done
