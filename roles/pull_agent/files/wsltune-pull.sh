#!/bin/sh
# The pull agent of wsltune; its options stand in /usr/local/lib/wsltune-pull/__main__.py.
# As by its timer: a login's PATH may have a folder in which others write.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
# -I: with sudo -E, Python's variables are a user's.
exec python3 -I -B /usr/local/lib/wsltune-pull "$@"
