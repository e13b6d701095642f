# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measures with Go: a small program for names, sockets and CPUs, and one module's build and tests.

Nothing of the user's is written but the build cache, as by any `go test`; temporary data lies in folders of its own
that are removed, also when the tests left something behind. All of it runs as the account whose Go it is.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import editing, scratch
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, distribution, elf, files, look, process

AS_WHOM = "doctor_user"
"""The variable of the role that has the doctor look as another user."""
PROGRAM = """package main

import (
>"context"
>"encoding/json"
>"net"
>"os"
>"runtime"
>"sort"
>"time"
)

func names(wanted []string) []map[string]any {
>found := []map[string]any{}
>for _, name := range wanted {
>>limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
>>begin := time.Now()
>>addresses, err := net.DefaultResolver.LookupHost(limit, name)
>>spent := time.Since(begin)
>>cancel()
>>told := map[string]any{"name": name, "us": float64(spent.Nanoseconds()) / 1000, "addresses": addresses, "error": ""}
>>if err != nil {
>>>told["error"] = err.Error()
>>>told["addresses"] = []string{}
>>}
>>found = append(found, told)
>}
>return found
}

func listen() map[string]any {
>times := []float64{}
>for i := 0; i < 200; i++ {
>>begin := time.Now()
>>socket, err := net.Listen("tcp", "127.0.0.1:0")
>>spent := time.Since(begin)
>>if err != nil {
>>>return map[string]any{"error": err.Error()}
>>}
>>if i == 0 {
>>>client, err := net.DialTimeout("tcp", socket.Addr().String(), 2*time.Second)
>>>if err != nil {
>>>>return map[string]any{"error": err.Error()}
>>>}
>>>client.Close()
>>}
>>socket.Close()
>>times = append(times, float64(spent.Nanoseconds())/1000)
>}
>sort.Float64s(times)
>return map[string]any{"error": "", "median": times[100], "p99": times[197], "max": times[199]}
}

func main() {
>var told any
>switch os.Args[1] {
>case "names":
>>told = names(os.Args[2:])
>case "listen":
>>told = listen()
>case "cpus":
>>told = map[string]any{"gomaxprocs": runtime.GOMAXPROCS(0), "cpus": runtime.NumCPU()}
>default:
>>return
>}
>json.NewEncoder(os.Stdout).Encode(told)
}
""".replace(">", "\t")

# Import path, standard, name, only a dependency, files with cgo, imports, folder, module, number of dependencies.
LISTING = '{{"\\t"}}'.join(
    (
        "{{.ImportPath}}",
        "{{.Standard}}",
        "{{.Name}}",
        "{{.DepOnly}}",
        '{{join .CgoFiles " "}}',
        '{{join .Imports " "}}',
        "{{.Dir}}",
        "{{with .Module}}{{.Path}}{{end}}",
        "{{len .Deps}}",
    )
)
# A test that writes without end shall not fill the disk, nor the memory with what it prints.
MOST_OUTPUT = 256 * 2**20
MOST_GRAPH = 64 * 2**20
MOST_PROGRAM = 256 * 2**20
MOST_TABLE = 2**20


class Budget:
    """The time that is left."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def left(self, least: float = 1.0) -> float:
        """Return the seconds that are left, at least `least`, so that what was begun gets a fair limit."""
        return max(least, self.until - time.monotonic())

    @property
    def over(self) -> bool:
        """Return whether the time is up."""
        return time.monotonic() >= self.until


class Workshop:
    """A user's Go with folders for what it writes; a context that leaves none of them behind."""

    def __init__(self, account: accounts.Account, environment: Mapping[str, str], facts: Mapping[str, Any]) -> None:
        self.account = account
        self.go = facts["go"]["path"]
        self.facts = facts
        self.version = facts["go"].get("version", "")
        flags = facts["settings"].get("GOFLAGS", {}).get("value", "")
        # Nothing is fetched, no toolchain either, and go.mod stays as it is. One that is here already is taken, as the
        # user's Go does; as root only where every place of Go's is root's own (`foreign`).
        self.environment = {
            **environment,
            "GOPROXY": "off",
            "GOFLAGS": flags,
            **go_flags.leave_go_mod(flags),
        }
        self.folders = scratch.Folders()
        self.numbers = itertools.count()
        self.program = ""
        self.trouble = ""
        places = {name: place["path"] for name, place in facts["places"].items()}
        roots = {**places, "GOENV": facts["user_file"]["path"]}
        self.foreign = go_find.explain_variables(self.environment)
        self.foreign = self.foreign or go_sources.find_place_of_others(roots, variable=AS_WHOM).rstrip(".")
        self.foreign = self.foreign or go_find.explain_settings(roots["GOENV"], self.environment)
        """Why root's Go builds nothing; empty where it may."""
        self.silent: dict[str, str] | None = None

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.folders.close()

    def folder(self, parent: str, label: str) -> str:
        """Make a new folder of the user's in `parent`, to be removed at the end."""
        return self.folders.make(parent, f"{label}{next(self.numbers)}")

    def scratch(self) -> str:
        """Make a folder on the disk for programs that are to be executed."""
        reason = "there is none"
        parents = (os.path.join(self.account.home, ".cache"), self.account.home, "/var/tmp")
        self.silent = look.silent(parents) if self.silent is None else self.silent
        for parent in parents:
            if parent in self.silent:
                continue
            try:
                return self.folder(parent, "doctor")
            except OSError as error:
                reason = f"{parent}: {error.strerror}"
        raise OSError(f"no folder for scratch files can be made ({reason})")

    def run(self, command: Sequence[str], directory: str, limit: float, **more: str) -> process.Done:
        """Run a command within `limit` seconds; `more` is added to the environment."""
        return process.run(command, {**self.environment, **more}, directory, limit=limit)

    def build_program(self, limit: float) -> str:
        """Build the doctor's Go program once; return why there is none, empty when there is one."""
        if self.program or self.trouble or self.foreign:
            return self.trouble or self.foreign
        try:
            folder = self.scratch()
            for name, text in (("go.mod", "module wsltune.example/doctor\n\ngo 1.19\n"), ("main.go", PROGRAM)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as handle:
                    handle.write(text)
            target = os.path.join(folder, "doctor")
            # Whatever is wrong with the user's temporary folder is told of that folder.
            temporary = self.scratch()
            # It may lie below /var/tmp, which any account can make a repository of.
            flags = go_sources.leave_out_stamp("", self.version)
            own = {"GOFLAGS": flags, "GOWORK": "off", "GOTMPDIR": temporary, "TMPDIR": temporary}
            done = self.run([self.go, "build", "-o", target, "."], folder, limit, **own)
        except OSError as error:
            self.trouble = f"the doctor's own Go program cannot be built: {error}"
        else:
            if done.timed_out:
                self.trouble = f"the doctor's own Go program was not built within {limit:.0f} s"
            elif done.code:
                self.trouble = f"the doctor's own Go program cannot be built: {done.reason}"
            else:
                self.program = target
        return self.trouble

    def ask(self, *words: str, limit: float = 30.0, **more: str) -> tuple[Any, str]:
        """Return what the doctor's Go program says, and what it printed beside that."""
        done = self.run([self.program, *words], "/", limit, **more)
        if done.timed_out or done.code:
            return None, f"no answer within {limit:.0f} s" if done.timed_out else done.reason
        return json.loads(done.out), done.err

    def resolver(self, wanted: Sequence[str], c_answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Look each name up by Go's own resolver, by the C library's and by the one that Go takes by itself."""
        own, _said = self.ask("names", *wanted, limit=60, GODEBUG="netdns=go+1")
        usual, trace = self.ask("names", *wanted, limit=60, GODEBUG="netdns=1")
        by_c, c_said = self.ask("names", *wanted, limit=60, GODEBUG="netdns=cgo+1")
        # Without cgo the variable has no effect, and the C library is asked from here.
        with_cgo = "cgo resolver" in c_said and "without support" not in c_said and "not supported" not in c_said
        return {
            "go": own,
            "c": by_c if with_cgo and by_c else list(c_answers),
            "c_through": "cgo" if with_cgo and by_c else "getaddrinfo",
            "usual": usual,
            "said": [line for line in trace.splitlines() if "package net" in line][:3],
        }


def _files_under(folder: str) -> int:
    """Count the bytes on the file system below a folder; what vanishes meanwhile does not count."""
    total, waiting = 0, [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return total


def _actions(graph: str) -> list[dict[str, Any]] | None:
    """Return what Go says of its actions; None where it is no account of them, because a test may write there too."""
    try:
        state = files.Files().read(graph, MOST_GRAPH)
        actions = json.loads(state.content) if state else None
    except (OSError, ValueError, RecursionError):
        return None
    return [action for action in actions if isinstance(action, dict)] if isinstance(actions, list) else None


class Project:
    """One module to look at."""

    def __init__(self, shop: Workshop, directory: str, budget: Budget, most: int) -> None:
        self.shop, self.directory, self.budget, self.most = shop, os.path.realpath(directory), budget, most
        self.found: dict[str, Any] = {"directory": directory, "trouble": ""}
        self.patterns = ["./..."]
        workspace = go_sources.leave_out_workspace(self.directory, shop.environment)
        own, flags = shop.environment, shop.environment["GOFLAGS"]
        unstamped = go_sources.leave_out_repository([self.directory], flags, shop.version, own)
        self.environment = {**shop.environment, **workspace, **unstamped}
        """Of every command in the module."""

    def _go(self, *words: str, least: float = 5.0, under: Sequence[str] = (), **more: str) -> process.Done:
        command = [*under, self.shop.go, *words]
        return process.run(command, {**self.environment, **more}, self.directory, limit=self.budget.left(least))

    def observe(self) -> dict[str, Any]:
        """Return everything about the module that there is time for; `trouble` is the error that ended it."""
        self.found["trouble"] = self._obstacle()
        steps = (self._list, self._compile, self._test, self._edit, self._without_cgo, self._count_calls)
        for step in steps:
            if self.found["trouble"]:
                break
            if self.budget.over:
                self.found.setdefault("no_time", []).append(step.__name__.strip("_"))
                continue
            step()
        return self.found

    def _obstacle(self) -> str:
        """Say why there is nothing to build here."""
        reason = go_sources.find_code_of_others(self.directory, AS_WHOM).rstrip(".")
        if reason:
            return reason
        try:
            os.listdir(self.directory)
        except OSError as error:
            return f"{self.directory} cannot be read: {error.strerror}"
        return self._outside()

    def _outside(self) -> str:
        """Say why no package here belongs to a module; where go.work has its modules below, they are what is measured.

        Go itself is asked: a folder of a module has its go.mod above it, and with go.work there may be none at all.
        """
        done = self._go("env", "GOMOD", "GOWORK", "GO111MODULE")
        answers = [*done.out.split("\n"), "", "", ""]
        module, work = answers[0], answers[1] if os.path.isabs(answers[1]) else ""
        if self._failed(done, "go env"):
            return str(self.found["trouble"])
        if answers[2] == "off":
            self.found["command"] = "go env -u GO111MODULE"
            return "GO111MODULE is off, and the doctor looks at modules alone"
        own = os.path.dirname(module) if os.path.isabs(module) and module != os.devnull else ""
        if not own and not work and module in ("", os.devnull):
            self.found["command"] = "go mod init, or name the folder of a module"
            return f"neither {self.directory} nor a folder above it has a go.mod or a go.work"
        for place in filter(None, (own, os.path.dirname(work))):
            reason = go_sources.find_code_of_others(place, AS_WHOM).rstrip(".")
            if reason:
                return reason
        listed = self._go("list", "-m", "-f", "{{.Path}}\t{{.Dir}}")
        if listed.timed_out or listed.code:
            # What is wrong is said where the packages are listed.
            return ""
        known = dict(row.split("\t")[::-1] for row in listed.out.splitlines() if row.count("\t") == 1)
        self.found["module_paths"] = list(known.values())
        self.found["generates"] = self._generates(own or self.directory)
        return self._within(own, work, list(known)) if work else ""

    def _within(self, own: str, work: str, folders: Sequence[str]) -> str:
        """Say why go.work keeps Go from what is here; set the patterns of its modules where there is no other."""
        real = [os.path.realpath(folder) for folder in folders]
        if own:
            if os.path.realpath(own) in real:
                return ""
            # As Go itself says it, where it does.
            self.found["command"] = f"go work use {shlex.quote(os.path.relpath(own, self.directory))}"
            return f"{work} does not list the module in {own}, so that Go builds it with GOWORK=off alone"
        below = [folder for folder in real if folder.startswith(self.directory + "/")]
        self.patterns = [f"./{os.path.relpath(folder, self.directory)}/..." for folder in below]
        self.found["command"] = "go work use ./FOLDER"
        return "" if below else f"{work} lists no module in {self.directory}"

    def _generates(self, folder: str) -> bool:
        """Return whether the module names programs that make code (go generate)."""
        until = time.monotonic() + 2.0
        for parent, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if name not in ("vendor", "node_modules") and name[:1] not in "._"]
            for name in names:
                if name.endswith(".go"):
                    with contextlib.suppress(OSError):
                        if b"\n//go:generate " in b"\n" + (
                            files.Files().head(os.path.join(parent, name), 1 << 16) or b""
                        ):
                            return True
            if time.monotonic() > until:
                break
        return False

    def _failed(self, done: process.Done, what: str) -> bool:
        if done.timed_out:
            self.found["trouble"] = f"{what} did not end within the time that was left; raise doctor_budget_minutes"
        elif done.code:
            self.found["trouble"] = f"{what} failed"
            self.found["output"] = (done.err.strip() or done.out.strip())[-4000:]
        return bool(self.found["trouble"])

    def _list(self) -> None:
        done = self._go("list", "-deps", "-test", "-f", LISTING, *self.patterns)
        if not self._failed(done, "go list ./..."):
            self.found["listing"] = done.out
            if "matched no packages" in done.err and not done.out.strip():
                # Without cgo, each file that imports "C" is left out.
                with_cgo = self._go("list", "-deps", "-test", "-f", LISTING, *self.patterns, CGO_ENABLED="1")
                if with_cgo.code == 0 and with_cgo.out.strip():
                    self.found.update(listing=with_cgo.out, needs_cgo=True)
                    return
                # Such as a module whose only files are for another system, or for a tag.
                self.found.update(trouble="there is no package", empty=True)

    def _mains(self) -> list[list[str]]:
        if self.found.get("needs_cgo"):
            # Go builds none of them now.
            return []
        rows = [line.split("\t") for line in self.found["listing"].splitlines()]
        return [
            row for row in rows if len(row) == 9 and row[2] == "main" and row[3] == "false" and ".test" not in row[0]
        ]

    def _compile(self) -> None:
        """Build everything as the user would, and look at what the programs need to be started."""
        # Without cgo other files are built, and what they import.
        for more in ({}, {"CGO_ENABLED": "0"}):
            environment, left = {**self.environment, **more}, self.budget.left(5.0)
            reason = go_sources.find_built_of_others(
                self.shop.go, self.directory, environment, self.patterns, AS_WHOM, left
            )
            if reason:
                self.found["trouble"] = reason.rstrip(".")
                return
        mains = self._mains()
        target = self.shop.scratch()
        done = self._go("build", *(["-o", target + "/"] if mains else []), *self.patterns)
        if self._failed(done, "go build ./..."):
            return
        programs = {}
        for name in sorted(os.listdir(target))[:20]:
            try:
                needs = elf.needs(files.Files().head(os.path.join(target, name), MOST_PROGRAM) or b"")
                programs[name] = {
                    "static": needs.static,
                    "interpreter": needs.interpreter,
                    "libraries": needs.libraries,
                }
            except (OSError, elf.ElfError) as error:
                programs[name] = {"error": str(error)}
        self.found["programs"] = programs

    def _without_cgo(self) -> None:
        target = self.shop.scratch() if self._mains() else ""
        outcome = {"build": "", "vet": ""}
        done = self._go("build", *(["-o", target + "/"] if target else []), *self.patterns, CGO_ENABLED="0")
        if "matched no packages" in done.err:
            outcome["build"] = "no package is left, because each has only files with cgo"
        elif done.timed_out:
            outcome = {"build": "no time"}
        elif done.code:
            outcome = {"build": done.err.strip()[-2000:] or done.reason}
        else:
            done = self._go("vet", *self.patterns, CGO_ENABLED="0")
            outcome["vet"] = "no time" if done.timed_out else done.err.strip()[-2000:] if done.code else ""
        self.found["without_cgo"] = outcome

    def _test(self) -> None:
        """Run the tests, twice when the first run had to compile: the second one is what repeats."""
        self._test_once()
        first = self.found.get("test") or {}
        actions = first.get("actions") or []
        compiled = any(action.get("Mode") == "build" and action.get("Cmd") for action in actions)
        if compiled and first["code"] == 0 and self.budget.left(0) > first["wall"] * 1.5:
            peak = first["peak_gotmpdir"]
            self._test_once()
            self.found["test"]["peak_gotmpdir"] = max(peak, self.found["test"]["peak_gotmpdir"])
            self.found["test"]["first"] = {"wall": first["wall"], "peak_gotmpdir": peak}

    def _edit(self) -> None:
        """Test again as after an edit: Go reads one file of the module from another place, and nothing is written."""
        test = self.found.get("test")
        if not test or test["code"] or test["timed_out"] or test["stopped"]:
            return
        first = test.get("first", {}).get("wall", test["wall"])
        if self.budget.left(0) < 2 * first:
            self.found["edited"] = {"reason": "there was no time left for it"}
            return
        listed = self._go("list", "-f", editing.LISTING, *self.patterns)
        chosen = None if listed.code else editing.choose(editing.parse(listed.out))
        if chosen is None:
            self.found["edited"] = {"reason": "no file of the module can be edited"}
            return
        try:
            folder = self.shop.scratch()
            state = files.Files().read(chosen.file)
            copy = os.path.join(folder, "edited.go")
            with open(copy, "wb") as handle:
                handle.write(editing.edit(state.content if state else b"", time.time_ns()))
            overlay = os.path.join(folder, "overlay.json")
            with open(overlay, "w", encoding="utf-8") as handle:
                json.dump({"Replace": {chosen.file: copy}}, handle)
        except OSError as error:
            self.found["edited"] = {"reason": f"{chosen.file} cannot be read: {error.strerror}"}
            return
        done = self._run_tests(f"-overlay={overlay}")
        if done is None or done["code"] or done["stopped"]:
            reason = "no temporary folder can be made" if done is None else "the tests do not pass with it"
            reason = "it took longer than the time that was left" if done and done["timed_out"] else reason
            self.found["edited"] = {"reason": reason}
            return
        self.found["edited"] = {"package": chosen.path, "wall": done["wall"], "actions": done["actions"]}

    def _test_once(self) -> None:
        done = self._run_tests("-count=1")
        if done is None:
            return
        self.found["test"] = done

    def _run_tests(self, flag: str) -> dict[str, Any] | None:
        """Run the tests once and return what came of it; None where there is no folder for their files."""
        places = self.shop.facts["places"]
        try:
            temporary = self.shop.folder(places["TMPDIR"]["path"], "t")
            gotmp = temporary
            if places["GOTMPDIR"]["path"] != places["TMPDIR"]["path"]:
                gotmp = self.shop.folder(places["GOTMPDIR"]["path"], "g")
            graph = os.path.join(self.shop.scratch(), "graph.json")
        except OSError as error:
            self.found["trouble"] = f"no temporary folder can be made: {error}"
            return None
        peak = {"gotmpdir": 0, "all": 0, "output": 0}

        def watch(output: int) -> bool:
            used = _files_under(gotmp)
            total = used if temporary == gotmp else used + _files_under(temporary)
            peak.update(gotmpdir=max(peak["gotmpdir"], used), all=max(peak["all"], total), output=output)
            return total > self.most or output > MOST_OUTPUT

        limit = self.budget.left(2.0)
        done = process.run(
            [self.shop.go, "test", flag, "-json", f"-debug-actiongraph={graph}", *self.patterns],
            {**self.environment, "GOTMPDIR": gotmp, "TMPDIR": temporary},
            self.directory,
            limit=limit,
            watch=watch,
            most=MOST_OUTPUT,
        )
        result = {
            "code": done.code,
            "timed_out": done.timed_out,
            "stopped": done.stopped,
            "limit": limit,
            "wall": done.wall,
            "user": done.user,
            "system": done.system,
            "blocks_written": done.blocks_written,
            "peak_gotmpdir": peak["gotmpdir"],
            "peak": peak["all"],
            "output_bytes": peak["output"],
            "events": done.out if not done.stopped else "",
            "err": done.err[-4000:],
            "actions": _actions(graph),
        }
        for path in (temporary, gotmp):
            self.shop.folders.remove(path)
        return result

    def _count_calls(self) -> None:
        """Count the system calls of testing one package again, where strace is there to do it."""
        test = self.found.get("test")
        if not test or test["code"] or test["timed_out"] or test["stopped"]:
            return
        strace = shutil.which("strace", path=self.shop.environment.get("PATH", ""))
        if not strace:
            advice = distribution.advise("install:strace", distribution.find_manager())
            self.found["calls"] = {"reason": f"strace is not installed: {advice}"}
            return
        rows = [line.split("\t") for line in self.found["listing"].splitlines()]
        own = [
            row[0] for row in rows if len(row) == 9 and row[3] == "false" and row[1] == "false" and "[" not in row[0]
        ]
        own = [name for name in own if not name.endswith(".test")]
        if not own or self.budget.left(0) < test["wall"] * 3:
            self.found["calls"] = {"reason": "there was no time left to count them"}
            return
        table = os.path.join(self.shop.scratch(), "calls")
        done = self._go("test", "-count=1", own[0], least=2.0, under=[strace, "-f", "-c", "-o", table])
        try:
            counted = files.Files().head(table, MOST_TABLE)
        except OSError as error:
            self.found["calls"] = {"reason": f"strace wrote no table: {error.strerror}"}
            return
        if done.code:
            self.found["calls"] = {"reason": f"strace failed: {done.reason}"}
        else:
            self.found["calls"] = {"package": own[0], "table": (counted or b"").decode("utf-8", "replace")}
