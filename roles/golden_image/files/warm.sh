#!/bin/sh
# Fills the build cache that a new account gets, as the first `go test` of a module would: warm.sh PACKAGE...
set -eu
umask 022
# A fixed name, because it is in what Go compiles; it goes before the image is packed. Nobody but root can make it.
folder=/root/.cache/wsltune-warm
export GOCACHE=/etc/skel/.cache/go-build GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off
# Go's index of a folder is kept by times that differ in each build (cmd/go/internal/modindex); it is made anew in no time.
export GODEBUG=goindex=0
# Go's counters and module cache go there too: they would be of root's home otherwise, and stay in the image.
export HOME="$folder/home" GOMODCACHE="$folder/mod"
rm -rf "$folder" "$GOCACHE"
mkdir -p "$folder/module" "$HOME" "$GOCACHE"
cd "$folder/module"
printf 'module warm\n' >go.mod
{
    printf 'package main\n\nimport (\n'
    printf '\t_ "%s"\n' "$@"
    printf ')\n\nfunc main() {}\n'
} >main.go
printf 'package main\n\nimport "testing"\n\nfunc TestNothing(t *testing.T) {}\n' >main_test.go
go build -o /dev/null .
go test -count=1 .
rm -rf "$folder"
