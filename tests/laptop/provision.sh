#!/usr/bin/env bash
# Runs once, as root, while the laptop's disk is made: a kernel, WSL's start, and what would take minutes in there.
set -euo pipefail
here=/root/laptop
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq -o Acquire::Retries=5 --no-install-recommends linux-image-amd64 initramfs-tools udev git iproute2 kmod >/dev/null

install -m 0755 "$here/wsl-boot" /usr/local/sbin/wsl-boot
install -m 0755 "$here/mount.drvfs" /usr/sbin/mount.drvfs
install -m 0755 "$here/wslpath" /usr/bin/wslpath
install -m 0755 "$here/wsl-session" /usr/local/bin/wsl-session
gcc -O2 -Wall -Werror -o /init "$here/init.c"
chmod 4755 /init
mkdir -p /usr/local/share/laptop /mnt/c
install -m 0644 "$here/osrelease" "$here/ssh_config" /usr/local/share/laptop/
printf '[boot]\nsystemd=true\n' >/etc/wsl.conf
systemctl disable --quiet systemd-networkd 2>/dev/null || true
# Nothing here that a start in emulation would wait for.
for unit in systemd-networkd-wait-online.service systemd-networkd-persistent-storage.service apt-daily.timer \
    apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer \
    systemd-random-seed.service systemd-timesyncd.service systemd-rfkill.socket systemd-pstore.service \
    systemd-udev-settle.service systemd-hwdb-update.service systemd-update-utmp.service dev-hugepages.mount \
    dev-mqueue.mount sys-kernel-config.mount modprobe@configfs.service modprobe@drm.service modprobe@fuse.service \
    modprobe@efi_pstore.service modprobe@dm_mod.service modprobe@loop.service kmod-static-nodes.service systemd-udevd.service \
    systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
# A laptop is one person's.
for user in bob carol; do userdel --remove "$user" 2>/dev/null || true; done
echo laptop >/etc/hostname
printf '127.0.0.1 localhost laptop\n' >/etc/hosts
: >/etc/fstab
# The session of wsl.exe has it; here people come by ssh.
echo 'WSL_DISTRO_NAME=Debian' >>/etc/environment

# onboard.sh finds the .venv that it would make; the checkout itself comes later.
chown -R alice: /home/alice/wsltune
su - alice -c 'cd wsltune && . scripts/venv.sh && program=laptop root=$PWD && open_log image.log &&
    make_venv /usr/bin/python3 "$PWD/requirements/runtime.lock" "$PWD/.venv"'
su - alice -c 'cd wsltune && .venv/bin/python -m compileall -q .venv/lib >/dev/null || true'
# The standard library is compiled here: in there it would take minutes. One cache is for the drive, one is alice's.
export GOPROXY=off GOTOOLCHAIN=local
(cd "$here/shop" && HOME=/root GOCACHE=/usr/local/share/laptop/go-build go test ./... >/dev/null)
cp -r "$here/shop" /home/alice/shop
chown -R alice: /home/alice/shop
su - alice -c 'cd shop && go test ./... >/dev/null && rm -rf ~/shop'
apt-get clean
rm -rf "$here" /var/lib/apt/lists/*
