#!/usr/bin/env bash
# Makes dev and eve, of whom eve is hostile, their group, and root's and dev's projects.
set -euo pipefail
groupadd team
for user in dev eve; do
    useradd --create-home --shell /bin/bash --groups team "$user"
    chmod 0755 "/home/$user"
    install -d -o "$user" -g "$user" "/home/$user/.cache"
done
# Links: the cache never writes to an entry again.
cp -al /root/.cache/go-build /home/dev/.cache/go-build
find /home/dev/.cache/go-build -type d -exec chown dev: {} +
chmod 0755 /home/alice

module() { # a folder, its owner
    install -d "$1"
    printf 'module example.com/m\n\ngo 1.19\n' >"$1/go.mod"
    printf 'package m\n' >"$1/m.go"
    printf 'package m\n\nimport "testing"\n\nfunc TestM(t *testing.T) {}\n' >"$1/m_test.go"
    chown -R "$2" "$1"
}
module /root/m root:root
module /home/alice/m alice:alice
install -d -m 2775 -g team /srv/team
for owner in dev root; do
    module "/srv/team/shop-$owner" "$owner:team"
    install -d -o "$owner" -g team "/srv/team/shop-$owner/lib"
    printf 'some text\n' >"/srv/team/shop-$owner/lib/f"
    chown "$owner:team" "/srv/team/shop-$owner/lib/f"
    chmod -R g+ws "/srv/team/shop-$owner"
done
