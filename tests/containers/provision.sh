#!/usr/bin/env bash
# Runs once, as root, while an image is built: users, keys, and a build cache that is warm for the test module.
set -euo pipefail
image=$1

# Terminals a container has not, and what belongs to the kernel that all containers share.
for unit in getty.target console-getty.service systemd-logind.service systemd-modules-load.service \
    systemd-binfmt.service ssh.socket; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
rm -f /etc/machine-id && touch /etc/machine-id
echo 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' >/etc/environment

useradd --create-home --shell /bin/bash --uid 1000 alice
echo 'alice ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice
chmod 0440 /etc/sudoers.d/alice

if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >/etc/pip.conf
    [ ! -x /usr/sbin/update-ca-certificates ] || update-ca-certificates >/dev/null 2>&1
fi

if [ "${image%-minimal}" != "$image" ]; then
    rmdir /usr/local/go /usr/local/share/gotest 2>/dev/null || rm -rf /usr/local/go /usr/local/share/gotest
    rm -f /root/id_ed25519 /root/id_ed25519.pub /root/provision.sh
    exit 0
fi

useradd --create-home --shell /bin/zsh --uid 1001 bob
useradd --create-home --shell /usr/bin/fish --uid 1002 carol
touch /home/bob/.zshrc
chown bob: /home/bob/.zshrc

key() { # a home, its owner
    install -d -m 0700 -o "$2" -g "$2" "$1/.ssh"
    install -m 0600 -o "$2" -g "$2" /root/id_ed25519.pub "$1/.ssh/authorized_keys"
}
key /root root
for user in alice bob carol; do key "/home/$user" "$user"; done
mv /root/id_ed25519 /root/id_ed25519.pub /root/.ssh/
chmod 0600 /root/.ssh/id_ed25519
cat >/root/.ssh/config <<END
Host 127.0.0.1
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
END
ssh-keygen -A >/dev/null
mkdir -p /etc/ssh/sshd_config.d
printf 'MaxStartups 100\nUseDNS no\nPermitRootLogin prohibit-password\n' >/etc/ssh/sshd_config.d/tests.conf
systemctl enable --quiet ssh cron 2>/dev/null || true
for service in ssh cron; do update-rc.d "$service" defaults >/dev/null 2>&1 || true; done

# Every user builds the test module in moments: the packages it needs are compiled here, with cgo, without, and -race.
cp -r /usr/local/share/gotest /tmp/gotest
cd /tmp/gotest
export GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off HOME=/root
for go in /usr/bin/go /usr/local/go/bin/go; do
    "$go" test . >/dev/null
    "$go" test -race . >/dev/null
    "$go" build -o /dev/null .
    "$go" vet .
    CGO_ENABLED=0 "$go" test . >/dev/null
    CGO_ENABLED=0 "$go" build -o /dev/null .
    CGO_ENABLED=0 "$go" vet .
done
cd /
rm -rf /tmp/gotest
for user in alice bob carol; do
    install -d -o "$user" -g "$user" "/home/$user/.cache"
    cp -al /root/.cache/go-build "/home/$user/.cache/go-build" # links: the cache never writes to an entry again
    find "/home/$user/.cache/go-build" -type d -exec chown "$user:" {} +
done
rm -f /root/provision.sh
