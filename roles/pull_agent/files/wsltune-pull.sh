#!/bin/sh
# The pull agent of wsltune; its options stand in /usr/local/lib/wsltune-pull/__main__.py.
exec env -u PYTHONPATH -u PYTHONHOME python3 -s -B /usr/local/lib/wsltune-pull "$@"
