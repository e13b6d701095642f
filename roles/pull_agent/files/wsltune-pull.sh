#!/bin/sh
# The pull agent of wsltune; its options stand in /usr/local/lib/wsltune-pull/__main__.py.
# -I: with sudo -E, Python's variables are a user's.
exec python3 -I -B /usr/local/lib/wsltune-pull "$@"
