#!/usr/bin/env bash
# Makes on the drive what a developer has there, as that developer.
set -euo pipefail
install -d -o alice -g alice /mnt/c/Users/alice
rm -rf /home/alice/go-test-source && cp -r /usr/local/share/gotest /home/alice/go-test-source
exec su - alice -c 'bash -euo pipefail -s' <<'END'
git config --global user.name Alice
git config --global user.email alice@example.com
git config --global protocol.file.allow always
git config --global init.defaultBranch main
cd /mnt/c/Users/alice

mkdir library && cd library
git init -q && echo library > lib.txt && git add . && git commit -qm library
cd ..

mkdir shop && cd shop
git init -q
# As on a Windows drive without metadata, Git saw that a chmod changes nothing.
[ "$(git config core.fileMode)" = false ] || { echo "the drive does not hide modes" >&2; exit 1; }
cp ~/go-test-source/* .
printf 'build/\n*.log\n' > .gitignore
printf '* text=auto\n*.bat text eol=crlf\n' > .gitattributes
printf 'echo one\r\necho two\r\n' > run.bat
printf '#!/bin/sh\ngo test ./...\n' > check.sh
git add . && git update-index --chmod=+x check.sh
git commit -qm one
git submodule --quiet add /mnt/c/Users/alice/library vendored
git commit -qm submodule
git branch side && git tag -a v1 -m one
git remote add origin https://example.com/shop.git
git config shop.colour green
printf '#!/bin/sh\nexit 0\n' > .git/hooks/pre-commit
echo '// stashed' >> main.go && git stash -q
git worktree add -q ../shop-side side
echo '// side' >> ../shop-side/main.go
echo '// not committed' >> main.go
echo staged > staged.txt && git add staged.txt
echo untracked > untracked.txt
mkdir build && echo ignored > build/out && echo ignored > a.log
cd ..

mkdir -p papers/deep
echo text > papers/deep/a.txt
touch -d 2020-02-02 papers/deep/a.txt
END
