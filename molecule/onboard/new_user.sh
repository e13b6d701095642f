#!/usr/bin/env bash
# Does on a minimal machine what a new user does: new_user.sh MACHINE USER
set -euo pipefail
machine=$1 user=$2
root=$(dirname "$(readlink -f "$0")")/../..
home=/root
[ "$user" = root ] || home=/home/$user
checkout=$home/wsltune

on_machine() { "$root/tests/containers/podman.sh" podman exec -i "$machine" "$@"; }
as_user() { on_machine su - "$user" -c "$1"; }
step() { printf '%s %3d s: %s\n' "$(date +%T)" "$SECONDS" "$*"; }
wrong() {
    echo "WRONG: $*" >&2
    exit 1
}

if on_machine sh -c 'command -v python3 go'; then
    wrong "this machine is not a fresh one"
fi
# Debian 13 has /tmp in memory already, Debian 12 on the disk.
tmp_is() { on_machine findmnt --noheadings --output SOURCE,FSTYPE --target /tmp; }
case $(tmp_is) in
    tmpfs*) source=tmpfs ;;
    *) source=wsltune ;;
esac
# A name in /tmp that others know could be a link of theirs.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
step "copy the checkout"
"$root/tests/containers/copy_checkout.sh" "$machine" "$user"

state() { on_machine sh -c "dpkg --get-selections; sha256sum /etc/fstab; findmnt --list --noheadings; ls -A $checkout /var/lib"; }
before=$(state)
step "./onboard.sh at a terminal, and the answer is no"
as_user "cd wsltune && script --quiet --return --command ./onboard.sh /dev/null" <<<n >"$log" 2>&1 || wrong "no: $(tail -5 "$log")"
grep -q 'Go on? \[Y/n\]' "$log" || wrong "it did not ask before it installed: $(tail -5 "$log")"
[ "$before" = "$(state)" ] || wrong "it asked, was told no, and changed $(diff <(echo "$before") <(state))"

step "./onboard.sh --check --yes"
as_user "cd wsltune && ./onboard.sh --check --yes" </dev/null >"$log" 2>&1 || wrong "the check failed: $(tail -20 "$log")"
grep -q '^Would: *install golang-go' "$log" || wrong "the check says nothing of Go: $(tail -20 "$log")"
on_machine sh -c '! command -v go && [ ! -e /var/lib/wsltune ] && ! grep wsltune /etc/fstab' || wrong "the check changed something"

step "./onboard.sh --yes --no-benchmark"
as_user "cd wsltune && ./onboard.sh --yes --no-benchmark" </dev/null >"$log" 2>&1 || {
    tail -40 "$log"
    wrong "onboard.sh failed"
}
cat "$log"

try_go() {
    as_user "rm -rf try && cp -r wsltune/molecule/shared/files/gotest try && cd try && $1" ||
        wrong "$2: $1 failed"
}
step "Go"
[ -z "$(as_user 'go env GOTMPDIR')" ] || wrong "GOTMPDIR is set"
for command in "build -o program ." "test ." "run ." "vet ."; do try_go "go $command" "after onboard.sh"; done
as_user 'command -v gcc' >/dev/null && try_go "go test -race ." "after onboard.sh"

step "bench"
bench="cd try && ../wsltune/onboard.sh bench"
as_user "$bench -- -e verify_budget_minutes=1 -e '{\"verify_scenarios\": [\"build\"]}'" </dev/null ||
    wrong "onboard.sh bench failed"
as_user "grep -c ^BenchmarkGoTest/state=now .local/state/wsltune/localhost/bench/results.txt" || wrong "bench left no results"
code=0
as_user "$bench --fail-if-slower --against no.json -- -e verify_budget_minutes=1 -e '{\"verify_scenarios\": [\"build\"]}'" \
    </dev/null || code=$?
[ "$code" = 6 ] || wrong "bench against no file exited with $code"
if [ "$user" != root ]; then
    # What `git clone` has brought to a user's machine.
    on_machine apt-get --quiet --yes --no-install-recommends install git >"$log" 2>&1 || wrong "git is not installed: $(tail -3 "$log")"
    slower='package main; import "time"; func init() { time.Sleep(2 * time.Second) }'
    as_user "cd try && git init -q -b main && git add -A && git -c user.name=a -c user.email=a@example.com commit -qm a &&
        echo '$slower' >slower.go"
    code=0
    as_user "$bench --fail-if-slower --against main -- -e verify_budget_minutes=2 -e '{\"verify_scenarios\": [\"test\"]}'" \
        </dev/null || code=$?
    [ "$code" = 5 ] || wrong "bench of a module that got slower exited with $code"
fi

step "a second start installs nothing"
before=$(on_machine sh -c "find $checkout/.venv /var/lib/dpkg/status -newermt now | wc -l; stat -c %Y $checkout/.venv /var/lib/dpkg/status")
SECONDS=0
as_user "cd wsltune && ./onboard.sh --yes --no-benchmark" </dev/null >"$log" 2>&1 || wrong "the second start failed"
after=$(on_machine sh -c "find $checkout/.venv /var/lib/dpkg/status -newermt now | wc -l; stat -c %Y $checkout/.venv /var/lib/dpkg/status")
[ "$before" = "$after" ] || wrong "the second start installed something"
tail -15 "$log"

step "after a restart"
"$root/tests/containers/machine.sh" restart "$machine" >/dev/null
[[ $(tmp_is) = "$source"*tmpfs ]] || wrong "after the restart /tmp is $(tmp_is)"
try_go "go test -count=1 ." "after a restart"

step "rollback"
as_user "cd wsltune && .venv/bin/ansible-playbook playbooks/rollback.yml" </dev/null || wrong "the rollback failed"
left=$(on_machine sh -c "grep -rIl --exclude=hosts --exclude=hostname wsltune /etc
ls -d /var/lib/wsltune /var/cache/gotmp /sbin/mount.wsltune $home/.config/go/env 2>/dev/null" || true)
[ -z "$left" ] || wrong "the rollback left $left"
if on_machine sh -c 'command -v go'; then
    wrong "the Go that onboard.sh installed is still there"
fi
"$root/tests/containers/machine.sh" restart "$machine" >/dev/null
[[ $(tmp_is) != wsltune* ]] || wrong "after the rollback and a restart /tmp is $(tmp_is)"
step "all of it works"
