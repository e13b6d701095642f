#!/usr/bin/env bash
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Runs once, as root, while an image is built: makes of Debian 13 a machine that is laid out as a family's are, with the
# family's package manager and a local repository of what wsltune installs. README.md says what of it is emulated.
set -euo pipefail
family=$1
here=/root/family
stage=/root/stage
repository=/srv/repository
mkdir -p "$stage" "$repository"

debian() { DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes -o Acquire::Retries=5 "$@" >/dev/null; }

# What is compiled into a shell, replaced by a name that is not longer. The rest is filled with zeros.
compile_in() { # program, old path, new path
    local program length
    program=$(readlink -f "/usr/bin/$1")
    length=$((${#2} - ${#3}))
    grep -qaF -- "$2" "$program" || {
        echo "family.sh: $2 is not compiled into $1" >&2
        exit 1
    }
    LC_ALL=C sed -i "s#$2\x00#$3\x00$(printf '\\x00%.0s' $(seq "$length"))#g" "$program"
}

describe() { # the text of /usr/lib/os-release
    mkdir -p "$stage/release/usr/lib"
    printf 'NAME="%s"\nID=%s\nVERSION_ID=%s\nPRETTY_NAME="%s %s (emulated by wsltune)"\n' "$1" "$2" "$3" "$1" "$3" \
        >"$stage/release/usr/lib/os-release"
    rm /usr/lib/os-release
}

# stage_go GOROOT [LINK]: the package of Go, whose program may be reached by a link of update-alternatives' kind.
stage_go() {
    local root=$stage/go program
    mkdir -p "$root/usr/bin" "$root$(dirname "$1")"
    cp -a /usr/local/go "$root$1"
    for program in go gofmt; do
        if [ "${2:-}" ]; then
            mkdir -p "$root/etc/alternatives"
            ln -s "$1/bin/$program" "$root/etc/alternatives/$program"
            ln -s "/etc/alternatives/$program" "$root/usr/bin/$program"
        else
            ln -s "$1/bin/$program" "$root/usr/bin/$program"
        fi
    done
}

stage_files() { # package, files of this machine that move into it
    local package=$1 file
    shift
    mkdir -p "$stage/$package"
    for file; do
        mkdir -p "$stage/$package$(dirname "$file")"
        mv "$file" "$stage/$package$file"
    done
}

build_rpm() { # name, folder of its files, version, further lines
    local name=$1 folder=$2 version=$3
    {
        printf '%%global debug_package %%{nil}\n%%global __os_install_post %%{nil}\n%%define _binary_payload w1.gzdio\n'
        printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: %s of the test\nLicense: none\nAutoReqProv: no\n' \
            "$name" "$version" "$name"
        [ -z "${4:-}" ] || printf '%s\n' "$4"
        printf '%%description\nA package of the test.\n%%install\ncp -a %s/. %%{buildroot}/\n%%files\n' "$folder"
        # Folders of Go's own go with it; those of the system are others'.
        (cd "$folder" && find . -mindepth 1 \( -type d -path './usr/lib*/go*' -printf '%%dir "/%P"\n' -o ! -type d -printf '"/%P"\n' \))
    } >"/root/$name.spec"
    rpmbuild --quiet -bb --define "_rpmdir $repository" --define '_topdir /root/rpmbuild' "/root/$name.spec"
}

# The repository of rpm packages: Go by the family's name for it, a C compiler, and what /etc/os-release belongs to.
build_rpms() { # name of Go's package, further line of the release's
    build_rpm "$1" "$stage/go" "$(sed -n '1s/^go//p' /usr/local/go/VERSION)"
    build_rpm gcc "$stage/gcc" 15.2
    build_rpm glibc-devel "$stage/libc" 2.42
    build_rpm "$family-release" "$stage/release" 1 "${2:-}"
    createrepo_c --quiet "$repository"
    rpm --install "$repository"/*/"$family"-release-*.rpm
}

build_pacman() { # name, folder of its files, version
    local name=$1 folder=$2 file
    file=$repository/$name-$3-1-x86_64.pkg.tar
    printf 'pkgname = %s\npkgbase = %s\npkgver = %s-1\npkgdesc = %s of the test\narch = x86_64\nsize = %s\n' \
        "$name" "$name" "$3" "$name" "$(du -sb "$folder" | cut -f1)" >"$folder/.PKGINFO"
    (cd "$folder" && bsdtar -cf "$file" -- .PKGINFO *)
}

build_apk() { tar -C "$2" -cf "$repository/$1.tar" .; }

debian update
debian purge golang-go 'golang-1.*' golang-src
# The C compiler that go starts comes with the family's package; what it starts stays Debian's.
stage_files gcc /usr/bin/gcc
stage_files libc

case $family in
    fedora)
        debian install --no-install-recommends dnf rpm createrepo-c
        describe 'Fedora Linux' fedora 43
        stage_go /usr/lib/golang alternatives
        build_rpms golang 'Provides: system-release = 43'
        rm -f /etc/yum.repos.d/* /etc/fstab
        mkdir -p /etc/yum.repos.d
        printf '[test]\nname=test\nbaseurl=file://%s\nenabled=1\ngpgcheck=0\n' "$repository" >/etc/yum.repos.d/test.repo
        compile_in bash /etc/bash.bashrc ''
        for file in zshenv zprofile zshrc zlogin zlogout; do compile_in zsh "/etc/zsh/$file" "/etc/$file"; done
        rm -r /etc/zsh /etc/bash.bashrc
        ln -sf bash /bin/sh
        ;;
    opensuse)
        debian install --no-install-recommends zypper rpm createrepo-c
        describe 'openSUSE Leap' opensuse-leap 16.0
        stage_go /usr/lib64/go/1.27 alternatives
        build_rpms go
        mkdir -p /etc/zypp/repos.d
        printf '[test]\nname=test\nbaseurl=dir:%s\nenabled=1\nautorefresh=1\ngpgcheck=0\ntype=rpm-md\n' "$repository" \
            >/etc/zypp/repos.d/test.repo
        for file in zshenv zprofile zshrc zlogin zlogout; do compile_in zsh "/etc/zsh/$file" "/etc/$file"; done
        rm -r /etc/zsh
        ln -sf bash /bin/sh
        ;;
    arch)
        debian install --no-install-recommends pacman-package-manager makepkg libarchive-tools
        describe 'Arch Linux' arch rolling
        stage_go /usr/lib/go
        build_pacman go "$stage/go" "$(sed -n '1s/^go//p' /usr/local/go/VERSION)"
        build_pacman gcc "$stage/gcc" 15.2
        build_pacman filesystem "$stage/release" 2025
        printf '[options]\nArchitecture = x86_64\nSigLevel = Never\nDisableSandbox\n[test]\nServer = file://%s\n' \
            "$repository" >/etc/pacman.conf
        repo-add --quiet "$repository/test.db.tar.gz" "$repository"/*.pkg.tar
        mkdir -p /var/lib/pacman
        pacman -Sy --noconfirm filesystem
        rm -rf /etc/zsh/*
        ln -sf bash /bin/sh
        ;;
    alpine)
        debian install --no-install-recommends busybox
        describe 'Alpine Linux' alpine 3.22
        stage_go /usr/lib/go
        # For the test alone: it looks at the machine before there is a Python.
        mkdir -p /var/tmp/python/bin /var/tmp/python/lib
        cp -a /usr/lib/python3.13 /var/tmp/python/lib/
        cp /usr/bin/python3.13 /var/tmp/python/bin/python3
        mkdir -p "$stage/python" "$stage/bash"
        mapfile -t files < <(dpkg -L python3 python3-minimal python3.13 python3.13-minimal libpython3.13-minimal \
            libpython3.13-stdlib python3-venv python3.13-venv | sort -u | grep -E '^/usr/(bin|lib/python3[^/]*)/' |
            while read -r file; do [ -d "$file" ] && [ ! -L "$file" ] || [ ! -e "$file" ] || echo "$file"; done)
        stage_files python "${files[@]}"
        rm -rf /usr/lib/python3 /usr/lib/python3.13
        build_apk go "$stage/go"
        build_apk gcc "$stage/gcc"
        build_apk musl-dev "$stage/libc"
        build_apk python3 "$stage/python"
        rm -rf /etc/zsh /etc/fish
        install -m 0755 "$here/apk" /sbin/apk
        mkdir -p /lib/apk/db /etc/apk
        touch /etc/apk/world
        ;;
esac
cp -r "$here/layout/$family/." /
rm -rf /usr/local/go

case $family in
    fedora)
        for user in root alice bob carol; do
            for file in .bashrc .bash_profile; do
                install -m 0644 -o "$user" -g "$user" "/etc/skel/$file" "$(getent passwd "$user" | cut -d: -f6)/$file"
            done
        done
        ;;
    alpine)
        install -m 0644 /dev/null /etc/fstab
        build_apk alpine-release "$stage/release"
        # What Alpine does not have, and the rest from BusyBox. One that stays is here for the test alone.
        for user in bob carol; do userdel --remove "$user"; done
        usermod --shell /bin/ash alice
        usermod --shell /bin/ash root
        rm -f /home/alice/.bash* /home/alice/.profile /root/.bash* /root/.profile
        for program in zsh zsh5 fish sudo findmnt runuser setpriv getent lsblk useradd usermod userdel groupadd \
            systemctl systemd-run systemd-tmpfiles systemd; do
            rm -f "/usr/bin/$program" "/usr/sbin/$program"
        done
        stage_files bash /usr/bin/bash
        build_apk bash "$stage/bash"
        for program in $(busybox --list); do
            case $program in busybox | su | login | passwd | crontab | crond | tar) continue ;; esac
            for folder in /usr/bin /usr/sbin; do
                [ ! -e "$folder/$program" ] || ln -sf /usr/bin/busybox "$folder/$program"
            done
        done
        for program in sh ash; do ln -sf /usr/bin/busybox "/usr/bin/$program"; done
        apk add alpine-release
        ;;
esac
# Debian's own manager would be the one that is found.
rm -f /usr/bin/apt /usr/bin/apt-* /usr/bin/dpkg /usr/bin/dpkg-*
rm -rf "$here" "$stage" /root/rpmbuild /root/*.spec
