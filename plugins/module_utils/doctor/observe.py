# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measures what the doctor judges: data only, no opinion. A part that fails is `{"unknown": reason}`.

It looks as the account that runs it: root has a child that became the user do it (linux/become.py).
"""

from __future__ import annotations

import contextlib
import functools
import glob
import inspect
import json
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.doctor import fstab as doctor_fstab
from ansible_collections.wsltune.go.plugins.module_utils.doctor import observe_go
from ansible_collections.wsltune.go.plugins.module_utils.doctor import probe as doctor_probe
from ansible_collections.wsltune.go.plugins.module_utils.go import cache as go_cache
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    cgroups,
    distribution,
    files,
    look,
    mountinfo,
    process,
)
from ansible_collections.wsltune.go.plugins.module_utils.workspace import find as workspace_find
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe
from ansible_collections.wsltune.go.plugins.module_utils.wsl import programs as wsl_programs

OLDEST_GO = (1, 19)
LARGEST = 1 << 20
LOCAL = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
"""Where the system's own programs are, and the language they answer in."""
# Read here, because the module's code lies in root's own folder, which the user's child cannot open.
PROBE = inspect.getsource(doctor_probe)

# What Windows is asked for; the answer is one line of JSON. A question that fails is told with its reason:
# Windows Server has no SecurityCenter2, and where Defender was removed there is no Get-MpPreference.
WINDOWS_QUERY = (
    "$ErrorActionPreference = 'Stop'; try { [Console]::OutputEncoding = [Text.Encoding]::UTF8 } catch { $null = $_ }; "
    "$told = @{ profile = $env:USERPROFILE; products = $null; exclusions = $null }; "
    "try { $told.products = @(Get-CimInstance -Namespace root/SecurityCenter2 -ClassName AntiVirusProduct | "
    "Select-Object displayName, productState) } catch { $told.products_refused = [string]$_.Exception.Message }; "
    "try { $told.exclusions = @((Get-MpPreference).ExclusionPath | Where-Object { $_ }) } "
    "catch { $told.exclusions_refused = [string]$_.Exception.Message }; "
    "ConvertTo-Json $told -Compress -Depth 3"
)
POWERSHELL = "Windows/System32/WindowsPowerShell/v1.0/powershell.exe"


def read(path: str) -> str | None:
    """Read a small text; None where it is not there or not for us, or something else than a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        return files.read_from(descriptor, path, LARGEST).content.decode("utf-8", "surrogateescape")
    except OSError:
        return None


def read_in_time(path: str) -> str | None:
    """Return what read() returns, None too for a file on a drive that gives no answer."""
    try:
        content: str | None = look.once(functools.partial(read, path))
    except OSError:
        return None
    return content


KERNEL_PARTS = {
    "overlay": ("/sys/module/overlay",),
    "bridge": ("/sys/module/bridge",),
    "tun": ("/dev/net/tun", "/sys/module/tun"),
    "netfilter": ("/sys/module/nf_tables", "/sys/module/ip_tables"),
}
"""What Docker and VPNs need of a kernel, and where one of them shows that it is built in or loaded."""


def kernel_lacks(release: str, exists: Callable[[str], bool] = os.path.exists) -> list[str]:
    """Return what of it this kernel does not have; one that has its modules loads them when they are needed."""
    if exists(f"/lib/modules/{release}/modules.dep"):
        return []
    return [part for part, places in KERNEL_PARTS.items() if not any(map(exists, places))]


def _kernel(path: str) -> dict[str, Any]:
    """Return what decides whether the kernel of the .wslconfig in C(path) is in force and works."""
    written = None
    with contextlib.suppress(OSError):
        written = look.once(functools.partial(os.path.getmtime, path))
    booted = re.search(r"^btime (\d+)$", read("/proc/stat") or "", re.MULTILINE)
    # It moves with a clock that is set forward after a sleep of Windows; the file's time does not.
    starts = [float(booted[1]), wsl_observe.find_run_since()] if booted else []
    return {
        "written": written,
        "started": min((start for start in starts if start is not None), default=None),
        "lacks": kernel_lacks(os.uname().release),
    }


def _where(path: str) -> dict[str, Any]:
    return {"folder": files.Files().nearest(path), "exists": os.path.isdir(path), "real": os.path.realpath(path)}


def _check_way(path: str) -> None:
    """Raise NotOurs where root would look into a folder that another account can lead elsewhere meanwhile."""
    if go_sources.others_change(path, kept=True):
        raise files.NotOurs(path)


def _if_there(measure: Callable[[str], dict[str, Any]], path: str) -> dict[str, Any] | None:
    try:
        _check_way(path)
        return measure(path)
    except FileNotFoundError:
        return None


def is_there(path: str) -> bool:
    """Return whether there is something at C(path), or may be: what this account may not see may well be there."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return True


def whose_folder(path: str) -> str:
    """Say whether nothing (empty) is at C(path), a folder of C(root)'s own or something of C(another)'s, or a link."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return ""
    return "root" if stat.S_ISDIR(status.st_mode) and status.st_uid == 0 else "another"


def login(account: accounts.Account) -> tuple[dict[str, str], str]:
    """Return the environment of a fresh login, or what stands in for it where there can be none, and the reason."""
    try:
        return accounts.login_environment(account), ""
    except accounts.AccountError as error:
        return {"HOME": account.home, "PATH": "/usr/local/bin:/usr/bin:/bin"}, str(error)


class Observer:
    """One look at a machine as one of its users."""

    def __init__(
        self,
        account: accounts.Account,
        machine: wsl_judge.Machine,
        environment: Mapping[str, str],
        modules: Sequence[str] = (),
        names: Sequence[str] = (),
        budget: float = 120.0,
        most: int = 2 * 2**30,
        wanted: Callable[..., bool] = lambda *_ids: True,
        failed_login: str = "",
    ) -> None:
        self.failed_login = failed_login
        self.account, self.modules, self.names, self.most = account, list(modules), list(names), most
        self.wanted, self.seconds = wanted, budget
        self.machine, self.environment = machine, dict(environment)
        self.seen: dict[str, Any] = {"user": account.name, "home": account.home, "began": time.time()}

    def observe(self) -> dict[str, Any]:
        """Measure what the wanted checks need, and return it by part; a failed part has its reason as `unknown`."""
        self.mounts = self._mounts()
        self.seen["manager"] = distribution.find_manager()
        self.seen["wsl"] = wsl_judge.observe(self.machine)
        self.seen["conf"] = self.machine.conf
        self.seen["mounts"] = [mount.as_dict() for mount in self.mounts]
        # What gives no answer is looked for in the PATH of the login; Go is started without it.
        self.search = self.environment.get("PATH", "")
        go, self.environment = go_observe.observe_with_environment(self.account, self.mounts, self.environment)
        self.environment.update(process.GIT_READS_ONLY)
        self.seen["go"] = go
        self.seen["login"] = {"reason": self.failed_login or go["unknown"].get("terminal", "")}
        self._part(
            "places",
            self._places,
            "WT-001",
            "WT-002",
            "WT-003",
            "WT-004",
            "WT-005",
            "WT-006",
            "WT-007",
            "WT-008",
            "WT-009",
            "WT-010",
            "WT-045",
            "WT-048",
        )
        self._part("caches", self._caches, "WT-011")
        self._part("projects", self._projects, "WT-001")
        self._part("fstab", self._fstab, "WT-023", "WT-027", "WT-028")
        self._part("resolver_file", self._resolver_file, "WT-023")
        self._part("local_users", accounts.list_local_names, "WT-023")
        self._part("wslg", self._wslg, "WT-029")
        self._part("path", self._path, "WT-040")
        self._part("start", self._start, "WT-044")
        self._part("clock", self._clock, "WT-045")
        self._part("memory", self._memory, "WT-046")
        self._part("cpu", self._cpu, "WT-030", "WT-047")
        self._part("windows", self._windows, "WT-025", "WT-026", "WT-030", "WT-048")
        if go["go"] and go_observe.version_tuple(go["go"]["version"]) >= OLDEST_GO:
            with observe_go.Workshop(self.account, self.environment, go) as shop:
                self._part("network", lambda: self._network(shop), "WT-041", "WT-042", "WT-043", "WT-047")
                if self._go_works():
                    self._part(
                        "modules",
                        lambda: self._modules(shop),
                        "WT-009",
                        "WT-060",
                        "WT-061",
                        "WT-062",
                        "WT-063",
                        "WT-064",
                        "WT-065",
                        "WT-066",
                    )
        return self.seen

    def _part(self, name: str, measure: Callable[[], Any], *ids: str) -> None:
        if not self.wanted(*ids):
            return
        try:
            self.seen[name] = measure()
        except (OSError, ValueError, RecursionError) as error:
            self.seen[name] = {"unknown": f"it could not be measured: {error}"}

    def _mounts(self) -> list[mountinfo.Mount]:
        try:
            return wsl_judge.mounts_of(self.machine)
        except ValueError:
            return []

    def _go_works(self) -> bool:
        """Return whether Go works: what it says with a folder that is missing or cannot execute is no measurement."""
        places = self.seen["go"]["places"]
        if any(place["exists"] is None for place in places.values()):
            return False
        temporary = places.get("GOTMPDIR", {})
        if not temporary.get("exists", True) or temporary.get("executable") is False:
            return False
        return "GOTMPDIR.executable" not in self.seen["go"]["unknown"]

    def _probe(self, *words: str, limit: float = 20.0) -> Any:
        try:
            done = self._python(sys.executable, words, limit)
        except PermissionError:
            # An interpreter in root's own folder is none for others.
            done = self._python("/usr/bin/python3", words, limit)
        if done.timed_out:
            raise TimeoutError(f"no answer within {limit:.0f} s")
        if done.code:
            raise OSError(done.reason)
        return json.loads(done.out)

    @staticmethod
    def _python(interpreter: str, words: Sequence[str], limit: float) -> process.Done:
        return process.run([interpreter, "-I", "-c", PROBE, *words], {"PATH": os.defpath}, "/", limit=limit)

    def _places(self) -> dict[str, Any]:
        paths = {name: place["path"] for name, place in self.seen["go"]["places"].items()}
        for number, module in enumerate(self.modules):
            paths["source" if number == 0 else f"source {number + 1}"] = module
        paths = {"reference": "/var/tmp", "home": self.account.home, **paths}
        answers, silent = look.each({name: functools.partial(_where, path) for name, path in paths.items()})
        measured: dict[str, Any] = {}
        places: dict[str, Any] = {}
        for name, path in paths.items():
            where = answers.get(name) or {"folder": path, "exists": None, "real": path}
            mount = mountinfo.find(self.mounts, where["folder"])
            if name in silent:
                answer: dict[str, Any] = {"hangs": silent[name], "times": {}}
            else:
                if where["folder"] not in measured:
                    measured[where["folder"]] = self._measure(where["folder"])
                answer = measured[where["folder"]]
            places[name] = {
                **answer,
                "path": path,
                "folder": where["folder"],
                "exists": where["exists"],
                "fstype": mount.fstype if mount else None,
                "source": mount.source if mount else None,
                "noexec": bool(mount and "noexec" in [*mount.options, *mount.super_options]),
                "mount_point": mount.mount_point if mount else None,
                "windows_drive": bool(mount and mount.windows_drive),
                "windows_path": mountinfo.windows_path(mount, where["real"]) if mount else None,
                "executable": self.seen["go"]["places"].get(name, {}).get("executable"),
            }
        return places

    def _measure(self, folder: str) -> dict[str, Any]:
        try:
            look.once(functools.partial(_check_way, folder))
            return dict(self._probe("files", folder))
        except TimeoutError as error:
            return {"hangs": str(error), "times": {}}
        except (OSError, ValueError) as error:
            return {"reason": str(error), "times": {}}

    def _caches(self) -> dict[str, Any]:
        """How large Go's caches are and how fast the build cache grows; what takes long is estimated."""
        now = time.time()
        places = {name: self.seen["go"]["places"].get(name, {}).get("path") for name in ("GOCACHE", "GOMODCACHE")}
        looks = {"GOCACHE": lambda path: go_cache.measure(path, now), "GOMODCACHE": go_cache.count}
        questions = {name: functools.partial(_if_there, looks[name], path) for name, path in places.items() if path}
        answers, silent = look.each(questions, limit=look.LIMIT + go_cache.SECONDS)
        caches = {name: {"path": places[name], **(answer or {"missing": True})} for name, answer in answers.items()}
        caches.update({name: {"path": places[name], "reason": reason} for name, reason in silent.items()})
        return caches

    def _projects(self) -> dict[str, Any] | None:
        """List the Go projects on Windows drives; drives that do not answer are passed over."""
        projects = workspace_find.find_in_time(self.mounts)
        if projects is None:
            return None
        return {"paths": [project["path"] for project in projects.projects], "complete": projects.complete}

    def _fstab(self) -> dict[str, Any]:
        text = read("/etc/fstab")
        if text is None:
            return {"text": None}
        named: dict[str, str] = {}
        for _number, line in doctor_fstab.lines(text)[0]:
            if line.mount_point.startswith("/"):
                named[line.mount_point] = os.path.join(line.mount_point, "")
            if doctor_fstab.path_of(line):
                named[line.source] = doctor_fstab.path_of(line)
        kinds = [line.split()[-1] for line in (read("/proc/filesystems") or "").splitlines() if line.split()]
        helpers = [os.path.basename(path)[6:] for path in glob.glob("/sbin/mount.*") + glob.glob("/usr/sbin/mount.*")]
        there, silent = look.each({name: functools.partial(is_there, path) for name, path in named.items()})
        return {
            "text": text,
            "there": there,
            "silent": silent,
            # They would wait for the same servers.
            "findmnt": None if silent else self._findmnt(),
            "mount_fake": [] if silent else self._mount_fake(),
            "kinds": sorted({*kinds, *helpers}),
            "modules": os.path.isdir(f"/lib/modules/{os.uname().release}"),
            "mounted": [mount.mount_point for mount in self.mounts],
        }

    def _findmnt(self) -> dict[str, list[str]] | None:
        """Return what findmnt says of fstab; None where there is none that could be asked."""
        try:
            done = process.run(["findmnt", "--verify"], LOCAL, limit=5.0)
        except OSError:
            return None
        return None if done.timed_out or "--verify" in done.err else doctor_fstab.parse_verify(done.out)

    def _mount_fake(self) -> list[str]:
        """List the mount points that mount says it would mount; root alone is answered, no helper starts."""
        try:
            command = ["mount", "--fake", "--all", "--verbose", "--internal-only", "--no-mtab"]
            done = process.run(command, LOCAL, limit=5.0)
        except OSError:
            return []
        return doctor_fstab.parse_fake(done.out)

    def _resolver_file(self) -> dict[str, Any]:
        """Return what /etc/resolv.conf is; it may be a link to anywhere."""
        path = "/etc/resolv.conf"
        answers, _silent = look.each({path: functools.partial(is_there, path)})
        there = answers.get(path)
        return {
            "link": os.readlink(path) if os.path.islink(path) else None,
            "there": there,
            "text": read(path) if there else None,
        }

    def _wslg(self) -> dict[str, Any]:
        sockets = [f"{folder}/.X11-unix" for folder in wsl_judge.wslg_folders(self.mounts)]
        sockets = sockets or ["/mnt/wslg/.X11-unix"]
        questions: dict[str, Callable[[], Any]] = {path: functools.partial(os.path.isdir, path) for path in sockets}
        shown = "/tmp/.X11-unix/X0"
        folder = os.path.dirname(shown)
        questions[shown] = functools.partial(os.path.exists, shown)
        questions[folder] = functools.partial(whose_folder, folder)
        answers, _silent = look.each(questions)
        on_tmp = [mount for mount in self.mounts if mount.mount_point == "/tmp"]
        return {
            "offered": next((path for path in sockets if answers.get(path)), None),
            "visible": answers.get(shown, False),
            "folder": answers.get(folder),
            "tmp_fstype": on_tmp[-1].fstype if on_tmp else None,
        }

    def _path(self) -> list[dict[str, Any]]:
        login = [*self.environment.get("PATH", "").split(":"), *self.search.split(":")]
        folders = [folder for folder in dict.fromkeys(login) if os.path.isabs(folder)]
        real, silent = look.each({folder: functools.partial(os.path.realpath, folder) for folder in folders})
        looked_up: list[dict[str, Any]] = self._probe("lookups", *real) if real else []
        looked_up += [
            {"path": folder, "exists": None, "hangs": reason, "times": {}} for folder, reason in silent.items()
        ]
        for directory in looked_up:
            mount = mountinfo.find(self.mounts, real.get(directory["path"], directory["path"]))
            directory["fstype"] = mount.fstype if mount else None
            directory["windows_drive"] = bool(mount and mount.windows_drive)
        return looked_up

    def _start(self) -> dict[str, Any]:
        return {"times": self._probe("start", "/bin/true"), "preload": read("/etc/ld.so.preload")}

    def _clock(self) -> dict[str, Any]:
        clock: dict[str, Any] = {"rtc": None, "ahead": []}
        before = time.time()
        text = read("/sys/class/rtc/rtc0/since_epoch")
        if text and text.strip().isdigit():
            clock["rtc"] = round(int(text) - before, 2)
        for module in self.modules:
            with contextlib.suppress(OSError):
                clock["ahead"] += look.once(functools.partial(self._files_ahead, module), 5 + look.LIMIT)
        return clock

    def _files_ahead(self, module: str) -> list[list[Any]]:
        """List source files that are dated in the future, and by how many seconds; the first twenty."""
        ahead: list[list[Any]] = []
        now, until = time.time(), time.monotonic() + 5
        _check_way(module)
        for path, status in files.walk(module, lambda name, _status: not name.startswith(".")):
            by = status.st_mtime - now
            if by > 2 and stat.S_ISREG(status.st_mode) and path.endswith((".go", ".mod")):
                ahead.append([path, round(by)])
            if len(ahead) >= 20 or time.monotonic() > until:
                break
        return ahead

    def _memory(self) -> dict[str, Any]:
        memory: dict[str, Any] = {"meminfo": {}, "pressure": {}}
        for line in (read("/proc/meminfo") or "").splitlines():
            name, _colon, rest = line.partition(":")
            if name in ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree") and rest.split():
                memory["meminfo"][name] = int(rest.split()[0]) * 1024
        for name in ("cpu", "io", "memory"):
            memory["pressure"][name] = read(f"/proc/pressure/{name}")
        memory["swapping"] = self._swapped()
        memory["cgroup"] = cgroups.memory(self._cgroups("memory"), read)
        return memory

    @staticmethod
    def _swapped() -> int | None:
        """Count the pages read back from swap within half a second."""

        def count() -> int | None:
            lines = (read("/proc/vmstat") or "").splitlines()
            return next((int(line.split()[1]) for line in lines if line.startswith("pswpin ")), None)

        first = count()
        time.sleep(0.5)
        second = count()
        return None if first is None or second is None else second - first

    def _cgroups(self, controller: str) -> list[str]:
        return cgroups.folders(read("/proc/self/cgroup") or "", self.mounts, controller)

    def _cpu(self) -> dict[str, Any]:
        return {
            "online": os.cpu_count(),
            "allowed": len(os.sched_getaffinity(0)),
            "quota": cgroups.cpus(self._cgroups("cpu"), read),
            "gomaxprocs": self.environment.get("GOMAXPROCS", ""),
            "goflags": self.seen["go"]["settings"].get("GOFLAGS", {}).get("value", ""),
            "goflags_source": self.seen["go"]["settings"].get("GOFLAGS", {}).get("source", ""),
        }

    def _windows(self) -> dict[str, Any]:
        """Return what Windows says, where it can be asked; and .wslconfig, where its place is known."""
        facts = self.seen["wsl"]
        if not facts["is_wsl"]:
            return {"unknown": "this is not WSL"}
        windows: dict[str, Any] = {"products": None, "exclusions": None, "wslconfig": None, "reason": ""}
        drive = next(
            (
                mount
                for mount in self.mounts
                if mount.windows_drive
                and (mount.windows_path or "").lower() in ("c:", "c:\\")
                and wsl_programs.is_on_drive(self.mounts, os.path.join(mount.mount_point, POWERSHELL))
            ),
            None,
        )
        profile = self._profile_from_path()
        if drive is None:
            windows["reason"] = "the drive C: is not mounted"
        elif facts["interop"]["enabled"] is False:
            windows["reason"] = facts["interop"]["reason"]
        else:
            command = [
                os.path.join(drive.mount_point, POWERSHELL),
                "-NoProfile",
                "-NonInteractive",
                "-Command",
                WINDOWS_QUERY,
            ]
            try:
                done = process.run(command, self.environment, drive.mount_point, limit=30.0)
                if done.timed_out:
                    windows["reason"] = "powershell.exe gave no answer within 30 s"
                elif done.code:
                    windows["reason"] = f"powershell.exe failed: {done.reason}"
                else:
                    answer = json.loads(done.out[done.out.index("{") :])
                    windows["products"], windows["exclusions"] = answer.get("products"), answer.get("exclusions")
                    windows["reason"] = " ".join(str(answer.get("products_refused") or "").split()).rstrip(".")
                    windows["exclusions_reason"] = " ".join(str(answer.get("exclusions_refused") or "").split()).rstrip(
                        "."
                    )
                    profile = wsl_programs.to_linux(self.mounts, str(answer.get("profile") or "")) or profile
            except (OSError, ValueError) as error:
                windows["reason"] = f"powershell.exe gave no answer: {error}"
        if profile:
            path = os.path.join(profile, ".wslconfig")
            windows["wslconfig_path"], windows["wslconfig"] = path, read_in_time(path)
            windows["kernel"] = _kernel(path)
        return windows

    def _profile_from_path(self) -> str | None:
        """Return the user's folder on Windows, from the Windows part of PATH."""
        for folder in self.environment.get("PATH", "").split(":"):
            head, separator, _rest = folder.partition("/AppData/")
            if separator and self._is_drive(head):
                return head
        return None

    def _is_drive(self, path: str) -> bool:
        mount = mountinfo.find(self.mounts, path)
        return bool(mount and mount.windows_drive)

    def _network(self, shop: observe_go.Workshop) -> dict[str, Any]:
        silent = [name for name, place in self.seen["go"]["places"].items() if place["exists"] is None]
        if silent:
            return {"unknown": f"Go would wait for {', '.join(silent)}, which gives no answer"}
        trouble = shop.build_program(min(120.0, max(20.0, self.seconds)))
        if trouble:
            return {"unknown": trouble}
        names = list(dict.fromkeys(["localhost", os.uname().nodename, *self.names]))
        network: dict[str, Any] = {}
        if self.wanted("WT-041", "WT-042"):
            network["resolver"] = shop.resolver(names, self._probe("names", *names, limit=60.0))
        if self.wanted("WT-043"):
            network["listen"], error = shop.ask("listen")
            if network["listen"] is None:
                network["listen"] = {"error": error}
        if self.wanted("WT-047"):
            network["cpus"], _said = shop.ask("cpus")
        return network

    def _modules(self, shop: observe_go.Workshop) -> list[dict[str, Any]]:
        budget = observe_go.Budget(self.seconds)
        silent = look.silent(self.modules)
        if shop.foreign:
            return [{"directory": module, "trouble": shop.foreign} for module in self.modules]
        return [
            {"directory": module, "trouble": f"it gives {silent[module]}"}
            if module in silent
            else observe_go.Project(shop, module, budget, self.most).observe()
            for module in self.modules
        ]
