# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""WslConfig.psm1 against a reading of WSL's parser of its own, in one PowerShell process."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import plan, wslconfig

HERE = Path(__file__).parent
ROOT = HERE.parents[4]
MODULE = ROOT / "plugins" / "module_utils" / "windows" / "WslConfig.psm1"
VECTORS = [
    json.loads(line)
    for line in (HERE.parent / "wsl" / "data" / "wsl_conf.jsonl").read_text(encoding="utf-8").splitlines()
]


class Reference:
    """ParseConfigFile of microsoft/WSL as a machine of one character after the other, told by its source.

    `skip` is CFG_SKIP_INVALID_LINES; `windows` is a file opened as text by the C library of Windows.
    """

    def __init__(self, text: str, keys: dict[str, Any], skip: bool, windows: bool) -> None:
        if windows:
            text = text.partition("\x1a")[0].replace("\r\n", "\n")
        self.text, self.at, self.keys, self.skip = text, 0, keys, skip
        self.values: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.seen: set[str] = set()
        self.complete = self.run()

    def next(self) -> str:
        """The next character; the empty text is the end."""
        char = self.text[self.at : self.at + 1]
        self.at += 1
        return char

    def run(self) -> bool:
        self.key, self.section_length = "", 0
        char = "\n"
        while True:
            if char == "#":
                while char not in ("\n", ""):
                    char = self.next()
            if char == "":
                return True
            char = self.next()
            while char in (" ", "\t"):
                char = self.next()
            if char in ("", "\r", "\n", "#"):
                continue
            char, problem = self.section() if char == "[" else self.key_value(char)
            if problem:
                self.warnings.append(problem)
                if not self.skip:
                    return False
                while char not in ("\n", ""):
                    char = self.next()

    def section(self) -> tuple[str, str]:
        char = self.next()
        if not (char.isascii() and char.isalpha()):
            return char, "InvalidSection"
        self.key = ""
        while char.isascii() and char.isalnum():
            self.key += char
            char = self.next()
        if char != "]":
            return char, "Expected"
        char = self.next()
        while char in (" ", "\t"):
            char = self.next()
        if char not in ("", "\r", "\n", "#"):
            return char, "Expected"
        self.section_length = len(self.key)
        return char, ""

    def key_value(self, char: str) -> tuple[str, str]:
        if not (char.isascii() and char.isalpha()):
            return char, "InvalidKey"
        self.key = self.key[: self.section_length].ljust(self.section_length, "\0")
        self.key += "." if self.key else ""
        while char.isascii() and char.isalnum():
            self.key += char
            char = self.next()
        while char in (" ", "\t"):
            char = self.next()
        if char != "=":
            return char, "Expected"
        char = self.next()
        while char in (" ", "\t"):
            char = self.next()
        value, trimmed, quoted = "", 0, False
        while char not in ("", "\r", "\n"):
            if char == "#" and not quoted:
                break
            if char == '"':
                quoted = not quoted
            elif char == "\\":
                escaped = self.next()
                if escaped not in ("\\", '"', "b", "n", "t", "\n", "\r"):
                    return char, "InvalidEscape"
                value += {"b": "\b", "n": "\n", "t": "\t", "\n": "", "\r": ""}.get(escaped, escaped)
            else:
                value += char
            if char not in (" ", "\t"):
                trimmed = len(value)
            char = self.next()
        if quoted:
            return char, "Expected"
        self.set(self.key.partition("\0")[0], value[:trimmed].partition("\0")[0])
        return char, ""

    def set(self, name: str, text: str) -> None:
        known = self.keys.get(name.lower()) if name.isascii() else None
        if known is None:
            self.warnings.append("UnknownKey")
        elif known["name"] in self.seen:
            self.warnings.append("KeyDuplicated")
        else:
            self.seen.add(known["name"])
            value, problem = typed(known, text)
            if value is None:
                self.warnings.append(problem)
            else:
                self.values[known["name"]] = value


def typed(key: dict[str, Any], text: str) -> tuple[Any, str]:
    kind = key["type"]
    if kind == "bool":
        words = {"1": True, "true": True, "0": False, "false": False}
        return words.get(text.lower() if text.isascii() else ""), "InvalidBoolean"
    if kind == "int":
        number = re.fullmatch(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", text, re.ASCII)
        if not number:
            return None, "InvalidInteger"
        digits = number[2].lower()
        value = int(digits, 16 if digits[:2] == "0x" else 8 if digits[0] == "0" else 10)
        value = -value if number[1] == "-" else value
        if key.get("long") == 64:
            return (value, "") if -(2**31) <= value < 2**31 else (None, "InvalidInteger")
        return max(-(2**31), min(2**31 - 1, value)), ""
    if kind == "memory":
        size = re.fullmatch(r"([ \t\n\v\f\r]*)([+-]?)([0-9]+)(B|[KMGT]B?)?", text, re.ASCII)
        if not size:
            return None, "InvalidMemory"
        number_ = min(int(size[3]), 2**64 - 1)
        if number_ == 0 and (size[1] or size[2] or len(size[3]) > 1):
            return None, "InvalidMemory"
        number_ = (2**64 - number_) if size[2] == "-" and int(size[3]) < 2**64 else number_
        return number_ * 1024 ** "BKMGT".index((size[4] or "B")[0]) % 2**64, ""
    if kind == "enum":
        choice = text.lower() if text.isascii() and text.lower() in key["choices"] else None
        return ("consomme" if choice == "virtioproxy" else choice), "InvalidEnum"
    if kind == "mac":
        mac = re.fullmatch(r"[0-9a-fA-F]{2}(?:(:|-)[0-9a-fA-F]{2}){5}", text)
        same = mac and len(set(text[2::3])) == 1
        return (text.replace("-", ":").upper() if same else None), "InvalidMacAddress"
    if kind == "ip":
        parts = text.split(".")
        good = len(parts) == 4 and all(re.fullmatch(r"0|[1-9][0-9]{0,2}", part) and int(part) < 256 for part in parts)
        return (text if good else None), "InvalidIp"
    return text, ""


def test_the_reference_reads_as_wsl_does() -> None:
    keys = {
        name.lower(): {"name": name, "type": key.type, "choices": key.choices, "long": 64}
        for name, key in wsl_conf.KEYS.items()
    }
    for vector in VECTORS:
        read = Reference(vector["text"], keys, skip=False, windows=False)
        assert (read.values, read.complete, read.warnings) == (vector["values"], vector["complete"], vector["warnings"])


# For each case a {result} or {error}; what JSON has as an object is a dictionary to the functions.
CALL = r"""
    Function ConvertTo-Dictionary {
        Param ($Value)
        if ($Value -isnot [System.Management.Automation.PSCustomObject]) { return , $Value }
        $made = [ordered]@{}
        foreach ($one in $Value.PSObject.Properties) { $made[$one.Name] = ConvertTo-Dictionary $one.Value }
        $made
    }

    Function Invoke-Chain {
        Param ([string]$Text, [System.Collections.IDictionary]$Settings)
        $merged = Merge-WslConfig -Text $Text -Settings $Settings
        @{
            parsed = ConvertFrom-WslConfig -Text $Text
            merged = $merged
            again = Merge-WslConfig -Text $merged -Settings $Settings
            undone = Undo-WslConfig -Base $Text -Written $merged -Current $merged
        }
    }

    Function Invoke-Judge {
        Param ([string]$Text, [Int64]$HostMemory, [int]$HostProcessors)
        $parsed = ConvertFrom-WslConfig -Text $Text
        $wanted = [ordered]@{}
        foreach ($name in $parsed.Values.Keys) {
            $text = $parsed.Raw[$name].Replace('\', '\\')
            $wanted[$name] = @{ Value = $parsed.Values[$name]; Text = $text }
        }
        @{
            parsed = $parsed
            notes = @(Get-WslConfigNote -Values $parsed.Values)
            harm = @(Get-WslConfigHarm $wanted $parsed.Values -HostMemory $HostMemory -HostProcessors $HostProcessors)
        }
    }

    foreach ($call in $cases) {
        $parameters = ConvertTo-Dictionary $call.parameters
        try {
            $found = @(& $call.function @parameters)
            if ($found.Count -eq 1) { @{ result = $found[0] } } else { @{ result = $found } }
        } catch {
            @{ error = $_.Exception.Message }
        }
    }
"""


@pytest.fixture(scope="session")
def call(powershell: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """Call functions of the module, all in one process."""

    def ask(calls: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        found = powershell(MODULE, CALL, [{"function": name, "parameters": given} for name, given in calls])
        assert len(found) == len(calls)
        return list(found)

    return ask


@pytest.fixture(scope="session")
def known(call: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """The keys of the module by each of their names in lower case."""
    table = call([("Get-WslConfigKey", {})])[0]["result"]
    keys = {}
    for name, key in table.items():
        one = {
            "name": name,
            "type": key["Type"],
            "choices": list(key["Choices"] or ()),
            "option": key["Option"],
            "section": key["Section"],
        }
        for spelling in (name, *key["Aliases"]):
            keys[spelling.lower()] = one
    return keys


# Names of wsl.conf in the vectors, and what stands for them in .wslconfig.
SECTIONS = {"boot": "wsl2", "automount": "wsl2", "network": "wsl2", "gpu": "wsl2", "filesystem": "general"}
SECTIONS |= {"interop": "experimental", "time": "experimental", "fileserver": "general", "user": "general"}
NAMES = {"systemd": "virtiofs", "command": "kernelCommandLine", "inittimeout": "vmIdleTimeout", "options": "vmSwitch"}
NAMES |= {"protectbinfmt": "firewall", "root": "swapFile", "umask": "processors", "cgroups": "networkingMode"}
NAMES |= {"default": "memory", "hostname": "macAddress", "usewindowstimezone": "sparseVhd", "enabled": "dnsTunneling"}
NAMES |= {"mountfstab": "autoProxy", "ldconfig": "ipv6", "logfile": "distributionInstallPath", "v1": "Mirrored"}
NAMES |= {"loglevel": "instanceIdleTimeout", "appendwindowspath": "hostAddressLoopback", "logtruncate": "dhcp"}


def as_wslconfig(text: str) -> str:
    words = SECTIONS | NAMES
    return re.sub("[A-Za-z0-9]+", lambda found: words.get(found[0].lower(), found[0]), text)


WORDS = """
[wsl2] [WSL2] [general] [experimental] [abcd] [custom] [wsl2 [ wsl2] [wsl2x [wsl2]x [1] [] [experimental]; memory
memory= memory=4GB MEMORY=0 processors=022 swap=25 swapFile=C:\\\\x\\\\y swapFile=C:\\Users networkingMode=Mirrored
experimental dnsTunneling= vmIdleTimeout=0x1F autoMemoryReclaim=Gradual sparseVhd=1 sparseVhd=yes firewall=FALSE
ignoredPorts=1,2 macAddress=00:11:22:33:44:5f dnsTunnelingIpAddress=10.0.0.1 vmSwitch="a#b" vmSwitch=a#b unknown=1
instanceIdleTimeout=-1 key:v = true FALSE 1 8GB 8gb 99999999999 4294967296TB # #c ; x
"""
PIECES = [
    *WORDS.split(),
    "\n",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\r\n",
    "\r",
    "\\\n",
    "\\\r\n",
    '"',
    '\\"',
    "\\\\",
    "\\q",
    "\\",
    " ",
    "\t",
]
PIECES += ["\u00e9", "\u212a", "\u00ad", "\0", "\x1a", " = ", "\ufeff", "\n[wsl2]\n", "\r\n[general]\r\n"]


def value_for(key: dict[str, Any], rng: random.Random) -> Any:
    return {
        "bool": [True, False],
        "int": [0, -1, 7, "022", "0x1f", 2**31 - 1],
        "memory": ["0", "8GB", "512MB", "4294967296", "3T"],
        "enum": key["choices"] + [choice.upper() for choice in key["choices"]],
        "mac": ["02:00:00:00:00:aF", "02-00-00-00-00-01"],
        "ip": ["10.255.255.254"],
        "ports": [[3000], [80, 443], []],
        "list": [["tun"], ["a_b", "c-d"], []],
        "path": ["", "C:\\a b\\c#d.vhdx", "D:/x", "\\\\server\\share\\x"],
        "str": ["", "a # b", ' "q" ', "a\\", "a=b;c", "\ttab", "line\nline", "\\\\", "\b"],
    }[key["type"]][rng.randrange(100) % 2 if rng.random() < 0.3 and key["type"] == "bool" else 0 :]


def settings_for(known: dict[str, Any], rng: random.Random, also: list[str]) -> dict[str, Any]:
    names = rng.sample(sorted({key["name"] for key in known.values()}), 3) + rng.sample(also, min(len(also), 2))
    return {name: rng.choice([None, *value_for(known[name.lower()], rng)]) for name in names}


def in_force(known: dict[str, Any], name: str, value: Any) -> Any:
    if isinstance(value, list):
        value = ",".join(str(item) for item in value)
    return value if isinstance(value, bool) else typed(known[name.lower()], str(value))[0]


def test_every_vector_is_read_as_wsl_reads_it(known: dict[str, Any], call: Callable[..., Any]) -> None:
    texts = [as_wslconfig(vector["text"]) for vector in VECTORS]
    answers = call([("ConvertFrom-WslConfig", {"Text": text}) for text in texts])
    read = 0
    for text, answer in zip(texts, answers):
        expected = Reference(text, known, skip=True, windows=True)
        assert "result" in answer, (text, answer)
        assert answer["result"]["Values"] == expected.values, text
        assert [detail["Kind"] for detail in answer["result"]["Details"]] == expected.warnings, text
        read += len(expected.values)
    assert read > 500


def test_the_two_sides_know_the_same_keys(call: Callable[..., Any]) -> None:
    names = ("Name", "Type", "Default", "Description", "Aliases", "Least")
    theirs = [tuple(key[name] for name in names) for key in call([("Get-WslConfigKey", {})])[0]["result"].values()]
    ours = [
        (key.name, key.type, key.default, key.description, list(key.aliases), key.least)
        for key in wslconfig.KEYS.values()
    ]
    assert ours == theirs


def test_inside_a_distro_every_vector_is_read_as_wsl_reads_it() -> None:
    keys = {
        spelling.lower(): {"name": key.name, "type": key.type, "choices": key.choices}
        for key in wslconfig.KEYS.values()
        for spelling in (key.name, *key.aliases)
    }
    rng = random.Random(20261129)
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(1, 30))) for _time in range(3000)]
    for text in [*texts, *(as_wslconfig(vector["text"]) for vector in VECTORS)]:
        expected, read = Reference(text, keys, skip=True, windows=True), wslconfig.parse(text)
        assert (read.values, read.warnings) == (expected.values, expected.warnings), text


WHOLE_PATHS = ["", "C:/wsl/s", "d:\\\\s.vhdx", "\\\\\\\\srv\\\\share\\\\s", "//srv/share/s", "\\\\\\\\?\\\\C:\\\\s"]
OTHER_PATHS = [
    "s.vhdx",
    "~/s",
    "/mnt/c/s",
    "$HOME/s",
    "C:s",
    "\\\\s",
    "%ProgramFiles(x86)%\\\\s",
    "C:\\\\$env:TEMP\\\\s",
    "///s",
]


def plain(text: str) -> str:
    """Return a reason without what differs between Python's way of quoting a text and PowerShell's."""
    for written, code in (("\\t", 9), ("\\n", 10), ("\\r", 13)):
        text = re.sub(rf"(?<!\\)((?:\\\\)*){re.escape(written)}", rf"\1\\u{code:04x}", text)
    text = re.sub(r"\\x([0-9a-f]{2})", r"\\u00\1", text)
    return text.replace("\\'", "'").replace('"', "'")


def test_both_sides_read_and_judge_alike(call: Callable[..., Any]) -> None:
    rng = random.Random(20261128)
    values = [line for wanted, _said in HARM for line in as_lines(wanted)]
    values += [line for wanted in HARMLESS for line in as_lines(wanted)]
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(1, 30))) for _time in range(400)]
    texts += [as_wslconfig(vector["text"]) for vector in VECTORS]
    texts += ["\r\n".join(rng.choices(values, k=rng.randrange(1, 9))) for _time in range(200)]
    texts += [as_text(wanted) for wanted in (*(wanted for wanted, _said in HARM), *HARMLESS)]
    texts += ["[wsl2]\nmemory=1.5GB\nswap=8Gb\nprocessors=half\nlocalhostForwarding=yes\nnetworkingMode=Mirror\n"]
    texts += [
        "memory=4GB\n[wsl2]\nmemory=50%\n",
        "[boot]\nsystemd=true\n[Interop]\nenabled=true\nmemory=4GB\n[fileserver]\nx=1\n[general]\ny=1\n[nothing]\nz=1\n",
        "[wsl2]\nmemory=8 GB\n",
        '[wsl2]\nmemory="8GB\nswap=0\n',
        '[wsl2]\nmemory="8GB"\n',
        "[wsl2]\nswapFile=%USERPROFILE%\\\\swap.vhdx\nkernel=C:\\\\50%\\\\k\n",
        *(f"[wsl2]\nswapFile={path}\n" for path in (*WHOLE_PATHS, *OTHER_PATHS)),
    ]
    answers = call([("Invoke-Judge", {"Text": text, "HostMemory": 16 * 2**30, "HostProcessors": 8}) for text in texts])
    counted = {"values": 0, "details": 0, "notes": 0, "harm": 0}
    for text, answer in zip(texts, answers):
        assert "result" in answer, (text, answer)
        theirs, ours = answer["result"], wslconfig.parse(text)
        assert (ours.values, ours.raw, ours.lines) == tuple(
            theirs["parsed"][name] for name in ("Values", "Raw", "Lines")
        )
        details = [(detail["Line"], detail["Kind"], plain(detail["Reason"])) for detail in theirs["parsed"]["Details"]]
        assert [(detail.line, detail.kind, plain(detail.reason)) for detail in ours.details] == details, text
        notes = wslconfig.list_notes(ours.values)
        assert sorted(map(plain, notes)) == sorted(map(plain, theirs["notes"])), text
        harms = [harm.reason for harm in wslconfig.harmful(ours, 16 * 2**30, 8)]
        assert list(map(plain, harms)) == list(map(plain, theirs["harm"])), text
        for name, found in zip(counted, (ours.values, ours.details, notes, harms)):
            counted[name] += len(found)
    assert min(counted.values()) > 50, counted


def test_a_path_that_windows_would_not_find_is_named() -> None:
    for path in WHOLE_PATHS:
        assert wslconfig.unlike_written(wslconfig.parse(f"[wsl2]\nswapFile={path}\n").values) == [], path
    for path in OTHER_PATHS:
        (note,) = wslconfig.unlike_written(wslconfig.parse(f"[wsl2]\nswapFile={path}\n").values)
        assert "where WSL takes a full Windows path such as C:\\wsl\\file." in note, path


def as_lines(wanted: dict[str, Any]) -> list[str]:
    return [
        line
        for name, value in wanted.items()
        for line in (
            f"[{name.partition('.')[0]}]",
            f"{name.partition('.')[2]}={str(value).replace(chr(92), chr(92) * 2)}",
        )
    ]


def as_text(wanted: dict[str, Any]) -> str:
    return "\r\n".join(as_lines(wanted)) + "\r\n"


def test_merge_and_undo_on_vectors_and_random_texts(known: dict[str, Any], call: Callable[..., Any]) -> None:
    rng = random.Random(20260808)
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(1, 26))) for _time in range(150)]
    cases = []
    for text in [*texts, *(as_wslconfig(vector["text"]) for vector in VECTORS[::6])]:
        before = Reference(text, known, skip=True, windows=True)
        cases.append((text, before, settings_for(known, rng, sorted(before.values))))

    answers = call([("Invoke-Chain", {"Text": text, "Settings": wanted}) for text, _before, wanted in cases])
    for (text, before, wanted), answer in zip(cases, answers):
        assert "result" in answer, (text, wanted, answer)
        result, what = answer["result"], (text, wanted, answer["result"])
        assert result["parsed"]["Values"] == before.values, what
        assert [detail["Kind"] for detail in result["parsed"]["Details"]] == before.warnings, what
        expected = dict(before.values)
        for name, value in wanted.items():
            expected.pop(name, None)
            if value is not None:
                expected[name] = in_force(known, name, value)
        assert Reference(result["merged"], known, skip=True, windows=True).values == expected, what
        assert result["again"] == result["merged"], what
        assert Reference(result["undone"], known, skip=True, windows=True).values == before.values, what
        check_other_lines_stay(known, text, result["merged"], wanted)


def check_other_lines_stay(known: dict[str, Any], text: str, after: str, wanted: dict[str, Any]) -> None:
    """Each line without a wanted key is there afterwards too, in the same order."""
    if re.search(r"\\\r?\n|\r(?!\n)|\x1a", text):
        return
    touched = {spelling.partition(".")[2] for spelling, key in known.items() if key["name"] in wanted}
    lines = [line for line in text.split("\n") if not re.match(rf"[ \t]*({'|'.join(touched)})[ \t]*=", line, re.I)]
    left = iter(after.split("\n"))
    for line in lines:
        # A line without its end may get one, and an escaped end of the file a blank.
        assert not line.strip() or any(line.rstrip(" \r") == one.rstrip(" \r") for one in left), (text, after, line)


class TestOneByOne:
    def test_merge(self, call: Callable[..., Any]) -> None:
        cases = [
            ("", {"wsl2.memory": "8GB"}, "[wsl2]\nmemory=8GB\n"),
            ("[wsl2]", {"wsl2.memory": "8GB"}, "[wsl2]\nmemory=8GB"),
            ("[wsl2]\nmemory=8GB", {"wsl2.memory": None}, "[wsl2]"),
            ("[wsl2]\nmemory=4GB # why\n", {"wsl2.memory": "8GB"}, "[wsl2]\nmemory=8GB # why\n"),
            ("[wsl2]\nmemory=8192MB\n", {"wsl2.memory": "8GB"}, "[wsl2]\nmemory=8192MB\n"),
            ("[wsl2]\nmemory=8gb\n", {"wsl2.memory": "8GB"}, "[wsl2]\nmemory=8GB\n"),
            ("[WSL2]\r\nMemory = 4GB\r\n", {"wsl2.memory": "8GB"}, "[WSL2]\r\nMemory = 8GB\r\n"),
            ("[wsl2]\r\nmemory = 4GB\r\n", {"wsl2.swap": 0}, "[wsl2]\r\nmemory = 4GB\r\nswap = 0\r\n"),
            (
                "[wsl2]\r\nswap=0\r\n",
                {"general.instanceIdleTimeout": -1},
                "[wsl2]\r\nswap=0\r\n\r\n[general]\r\ninstanceIdleTimeout=-1\r\n",
            ),
            ("", {"wsl2.swapFile": "C:\\wsl\\s.vhdx"}, "[wsl2]\nswapFile=C:\\\\wsl\\\\s.vhdx\n"),
            # That line is one that WSL skips.
            (
                "[wsl2]\nswapFile=C:\\temp\\s\n",
                {"wsl2.swapFile": "C:\\temp"},
                "[wsl2]\nswapFile=C:\\\\temp\nswapFile=C:\\temp\\s\n",
            ),
            # The legacy place is the same key.
            (
                "[experimental]\nnetworkingMode=mirrored\n",
                {"wsl2.networkingMode": "nat"},
                "[experimental]\nnetworkingMode=nat\n",
            ),
            (
                "[wsl2]\nnetworkingMode=virtioproxy\n",
                {"wsl2.networkingMode": "consomme"},
                "[wsl2]\nnetworkingMode=virtioproxy\n",
            ),
            ("[wsl2]\nfirewall=1\n[experimental]\nfirewall=0\n", {"wsl2.firewall": None}, "[wsl2]\n[experimental]\n"),
            ("[wsl2]\nswap=0\nswap=1GB\n", {"wsl2.swap": "2GB"}, "[wsl2]\nswap=2GB\nswap=1GB\n"),
            # Below a header that WSL cannot read its keys are not those of [wsl2].
            (
                "[general]\n[wsl2 x\nmemory=4GB\n",
                {"wsl2.memory": "8GB"},
                "[general]\n[wsl2 x\nmemory=4GB\n\n[wsl2]\nmemory=8GB\n",
            ),
            # A line end behind that backslash would bring 4GB into force.
            ("[wsl2]\nmemory=4GB\\", {"wsl2.swap": "0"}, "[wsl2]\nswap=0\nmemory=4GB\\"),
            ("memory=4GB\\", {"wsl2.swap": "0"}, "memory=4GB\\ \n\n[wsl2]\nswap=0"),
            ("[wsl2]\r\nvmSwitch=a\\\r\n", {"wsl2.swap": "0"}, "[wsl2]\r\nvmSwitch=a\\\r\n\r\nswap=0\r\n"),
            (
                "[wsl2]\nswap=1\n\x1aswap=2\n",
                {"wsl2.swap": "0", "general.instanceIdleTimeout": 5000},
                "[wsl2]\nswap=0\n\n[general]\ninstanceIdleTimeout=5000\n\x1aswap=2\n",
            ),
            (
                "# caf\u00e9\n; old\n[wsl2]\nunknown=1\n",
                {"wsl2.swap": "0"},
                "# caf\u00e9\n; old\n[wsl2]\nunknown=1\nswap=0\n",
            ),
        ]
        answers = call(
            [("Merge-WslConfig", {"Text": text, "Settings": wanted}) for text, wanted, _want in cases],
        )
        assert [answer.get("result", answer) for answer in answers] == [expected for _text, _wanted, expected in cases]

    def test_refusals_are_one_sentence_with_the_key_and_the_value(self, call: Callable[..., Any]) -> None:
        cases = [
            ({"wsl2.memroy": "8GB"}, "WSL knows no key 'wsl2.memroy'; did you mean wsl2.memory."),
            ({"wsl.memory": "8GB"}, "WSL knows no key 'wsl.memory'; did you mean wsl2.memory."),
            ({"wsl2.pageReporting": True}, "WSL knows no key 'wsl2.pageReporting'."),
            (
                {"wsl2.memory": "8gb"},
                "wsl2.memory takes a whole number with one of B, K, KB, M, MB, G, GB, T, TB right after it, such",
            ),
            ({"wsl2.memory": "1.5GB"}, "not '1.5GB'."),
            ({"wsl2.memory": "8 GB"}, "not '8 GB'."),
            ({"wsl2.processors": "four"}, "wsl2.processors takes a whole number, not 'four'."),
            ({"wsl2.processors": 2**31}, "a whole number from -2147483648 to 2147483647, not 2147483648."),
            ({"wsl2.virtiofs": "true"}, "wsl2.virtiofs takes true or false, not 'true'."),
            (
                {"wsl2.networkingMode": "bridge"},
                "takes one of none, nat, bridged, mirrored, consomme, virtioproxy, not 'bridge'.",
            ),
            (
                {"wsl2.swapFile": "swap.vhdx"},
                "wsl2.swapFile takes a full Windows path such as C:\\wsl\\file, not 'swap.vhdx'.",
            ),
            (
                {"wsl2.swapFile": "C:\\J\u00fcrgen\\s"},
                "wsl2.swapFile cannot have the character '\\u00fc' of 'C:\\\\J\\u00fcrgen\\\\s': WSL reads only ASCII",
            ),
            ({"wsl2.vmSwitch": "a\rb"}, "wsl2.vmSwitch cannot have the character '\\u000d'"),
            ({"wsl2.macAddress": "00:11:22:33:44"}, "wsl2.macAddress takes an address such as 02:00:00:00:00:01"),
            ({"wsl2.macAddress": "00:11-22:33:44:55"}, "wsl2.macAddress takes an address"),
            ({"experimental.dnsTunnelingIpAddress": "10.0.0.256"}, "takes an IPv4 address"),
            ({"experimental.ignoredPorts": [0]}, "experimental.ignoredPorts takes ports from 1 to 65535, not '0'."),
            ({"wsl2.loadKernelModules": ["a b"]}, "wsl2.loadKernelModules takes names of kernel modules, not 'a b'."),
            ({"wsl2.firewall": True, "experimental.firewall": True}, "wsl2.firewall is set twice."),
        ]
        answers = call([("Merge-WslConfig", {"Text": "", "Settings": wanted}) for wanted, _said in cases])
        for (wanted, said), answer in zip(cases, answers):
            assert said in answer.get("error", ""), (wanted, answer)

    def test_undo_keeps_what_others_changed(self, call: Callable[..., Any]) -> None:
        base = "[wsl2]\nmemory=4gb # mine\n"
        written = "[wsl2]\nmemory=8GB # mine\nswap=0\n\n[general]\ninstanceIdleTimeout=-1\n"
        current = written.replace("swap=0", "swap=1GB") + "# yours\n[experimental]\nsparseVhd=0\n"
        calls = [
            ("Undo-WslConfig", {"Base": base, "Written": written, "Current": current}),
            ("Undo-WslConfig", {"Base": None, "Written": "[wsl2]\nswap=0\n", "Current": "[wsl2]\nswap=0\n; x\n"}),
        ]
        assert [answer["result"] for answer in call(calls)] == [
            "[wsl2]\nmemory=4gb # mine\nswap=1GB\n\n# yours\n[experimental]\nsparseVhd=0\n",
            "[wsl2]\n; x\n",
        ]

    def test_bytes(self, call: Callable[..., Any]) -> None:
        cases = [
            (b"[wsl2]\r\n", "[wsl2]\r\n", False),
            (b"\xef\xbb\xbf[wsl2]\n", "[wsl2]\n", False),
            (b"\xff\xfe" + "[wsl2]\n# \u00e9\U0001f600".encode("utf-16-le"), "[wsl2]\n# \u00e9\U0001f600", False),
            (b"# caf\xe9\n", "# caf\u00e9\n", True),
            (b"", "", False),
            ("[wsl2]\n".encode("utf-16-le"), None, False),
            (b"\xff\xfe[", None, False),
        ]
        calls = [("ConvertFrom-WslConfigByte", {"Byte": list(data)}) for data, _text, _latin in cases]
        for (data, text, latin1), answer in zip(cases, call(calls)):
            assert "result" in answer, (data, answer)
            read = answer["result"]
            if text is None:
                with pytest.raises(wsl_conf.EncodingError):
                    wsl_conf.decode(data, wslconfig.WSLCONFIG)
            elif not latin1:
                assert wsl_conf.decode(data, wslconfig.WSLCONFIG)[0] == text
            assert read == [] if text is None else (read["Text"], read["Latin1"]) == (text, latin1), data
        back = call(
            [("ConvertTo-WslConfigByte", {"Text": text, "Latin1": latin}) for _data, text, latin in cases if text],
        )
        written = [bytes(answer["result"]) for answer in back]
        assert written == [data if latin1 else str(text).encode() for data, text, latin1 in cases if text]


HARM = [
    ({"wsl2.memory": "8"}, "WSL reads that as 8 bytes"),
    ({"wsl2.memory": "200MB"}, "no less than 256MB"),
    ({"wsl2.memory": "20GB"}, "this machine has 16 GB"),
    ({"wsl2.memory": "15GB"}, "leaves Windows less than 2 GB"),
    ({"wsl2.processors": 9}, "this machine has 8"),
    ({"wsl2.swap": "0", "wsl2.memory": "4GB"}, "without swap the kernel kills a build"),
    ({"wsl2.swap": 4}, "reads that as 4 bytes"),
    ({"wsl2.kernel": "C:\\k"}, "without wsl2.kernelModules"),
    ({"wsl2.kernelCommandLine": "quiet mitigations=off"}, "protection against attacks"),
    ({"wsl2.networkingMode": "none"}, "no network"),
    ({"wsl2.networkingMode": "bridged"}, "wsl2.vmSwitch"),
    ({"wsl2.firewall": False}, "Windows firewall"),
    ({"wsl2.hostFileSystemAccess": False}, "no Windows drives"),
    ({"wsl2.safeMode": True}, "neither network"),
    ({"wsl2.vmIdleTimeout": 0}, "less than a second"),
    ({"general.instanceIdleTimeout": 60}, "less than a second"),
    ({"experimental.sparseVhd": True}, "13075"),
    ({"experimental.autoMemoryReclaim": "Gradual"}, "10675"),
]
HARMLESS: list[dict[str, Any]] = [
    {"wsl2.memory": "12GB", "wsl2.processors": 8, "wsl2.swap": "0"},
    {"wsl2.memory": "0", "wsl2.processors": 0, "wsl2.vmIdleTimeout": -1},
    {"wsl2.kernel": "C:\\k", "wsl2.kernelModules": "C:\\m"},
    {"wsl2.networkingMode": "bridged", "wsl2.vmSwitch": "x"},
    {"wsl2.networkingMode": "mirrored", "wsl2.firewall": True, "experimental.autoMemoryReclaim": "disabled"},
    {"experimental.sparseVhd": False, "experimental.swiotlb": "0", "wsl2.kernelCommandLine": "quiet"},
    {"wsl2.memory": None, "wsl2.swap": None},
]


def test_harm(known: dict[str, Any], call: Callable[..., Any]) -> None:
    cases = [*HARM, *((wanted, "") for wanted in HARMLESS)]
    prepared = call([("ConvertTo-WslConfigSetting", {"Settings": wanted}) for wanted, _said in cases])
    calls = []
    for (wanted, _said), answer in zip(cases, prepared):
        after = {name: in_force(known, name, value) for name, value in wanted.items() if value is not None}
        given = {"Wanted": answer["result"], "After": after, "HostMemory": 16 * 2**30, "HostProcessors": 8}
        calls.append(("Get-WslConfigHarm", given))
    for (wanted, said), answer in zip(cases, call(calls)):
        reasons = answer["result"]
        if said:
            assert isinstance(reasons, str) and said in reasons and reasons.endswith("."), (wanted, answer)
        else:
            assert reasons == [], (wanted, answer)


def test_the_keys_are_those_of_the_documentation(known: dict[str, Any]) -> None:
    documented = yaml.safe_load((ROOT / "plugins" / "modules" / "win_wslconfig.yml").read_text(encoding="utf-8"))
    options = documented["DOCUMENTATION"]["options"]
    types = {"bool": "bool", "int": "int", "path": "path", "list": "list", "ports": "list"}
    for section in ("wsl2", "general", "experimental"):
        for key in known.values():
            if key["section"] == section:
                option = options[section]["suboptions"][key["option"]]
                assert option["type"] == types.get(key["type"], "str")
                assert option.get("choices", []) == key["choices"]
                assert key["option"] == plan.write_snake(key["name"].partition(".")[2])
        wanted = {key["option"]: key["name"] for key in known.values() if key["section"] == section}
        told = {name: one["description"][0] for name, one in options[section]["suboptions"].items()}
        assert set(told) == set(wanted)
        for option, name in wanted.items():
            assert told[option].startswith(f"C({name}). ")
