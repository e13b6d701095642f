#!/bin/sh
# Puts three entries into the build caches of bob and carol, which take no room on the disk, has them trimmed while something
# that looks like a Go command runs, and again without it; prints how many are left each time. Each cache has the standard
# library of the image too, 290 MiB that are younger than a day.
set -eu
list() {
    for user in bob carol; do
        echo "$user $(find "/home/$user/.cache/go-build" -name '*0000-d' | wc -l)"
    done
}
cp "$(command -v sleep)" /var/tmp/go
/var/tmp/go 60 >/dev/null 2>&1 &
for user in bob carol; do
    for entry in 01:300:9 02:300:8 03:1:7; do
        runuser -u "$user" -- sh -euc '
            IFS=:
            set -- $1
            mkdir -p ~/.cache/go-build/$1
            entry=~/.cache/go-build/$1/$1$(printf %062d 0)-d
            truncate -s "$2M" "$entry"
            touch -d "-$3 days" "$entry"
        ' sh "$entry"
    done
done
systemctl start wsltune-go-trim.service
list
kill $!
wait $! 2>/dev/null || true
systemctl is-active wsltune-go-trim.timer
systemctl start wsltune-go-trim.service
list
rm -f /var/tmp/go
find /home/*/.cache/go-build -name '*0000-d' -delete
