# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""/etc/wsl.conf as WSL itself reads it, and edits of it that change only the lines they must.

WSL has one grammar for its two files, and it is not INI: the first of two equal keys wins and only `#` starts a
comment. What differs between wsl.conf and .wslconfig is data of a `Dialect`; wsl/wslconfig.py has the other one. Texts
may hold any character, surrogates included, so a caller that decodes with latin-1 or with surrogateescape gets every
byte back.

Other tools load this file by its path, so it imports nothing of the collection but wsl/forbidden.py. Its annotations
are values, not texts, because a dataclass looks up the names in such texts in its module, which is not registered then.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, Optional, Union

from ansible_collections.wsltune.go.plugins.module_utils.wsl import forbidden

Value = Union[bool, int, str]
Setting = Optional[Value]

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NAME = _LETTERS | frozenset("0123456789")
_BLANKS = " \t"
_ESCAPES = {"\\": "\\", '"': '"', "b": "\b", "n": "\n", "t": "\t", "\n": "", "\r": ""}
_BOMS = ("\ufeff", "\xef\xbb\xbf", "\udcef\udcbb\udcbf")
# The marks of both byte orders, as latin-1 and as surrogateescape decode them.
_UTF_16 = ("\xff\xfe", "\udcff\udcfe", "\xfe\xff", "\udcfe\udcff")

# C's strtol with base 0, as musl has it: no 0b prefix, blanks before, nothing after.
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z")
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_MEMORY = re.compile(r"([ \t\n\v\f\r]*)([+-]?)([0-9]+)(B|K|KB|M|MB|G|GB|T|TB)?\Z")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}\Z")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}\Z")


class Key(NamedTuple):
    """One key that WSL knows. `harmful` says which values are refused by default, and why.

    `aliases` are its older places, `renamed` the older name of a choice and the choice, `least` the smallest number
    that is not negative and makes sense.
    """

    name: str
    type: str
    default: Setting
    description: str
    choices: tuple[str, ...] = ()
    octal: bool = False
    harmful: str = ""
    aliases: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    least: Optional[int] = None

    @property
    def section(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        """The part of the name after the dot."""
        return self.name.partition(".")[2]


@dataclass(frozen=True)
class Dialect:
    """What WSL does in its own way with one of its two files."""

    file: str
    keys: Mapping[str, Key]
    skips_bad_lines: bool
    """Whether the lines after one that WSL cannot read count."""
    is_windows_text: bool
    """Whether the C library of Windows opens the file as text: CR LF is one line end everywhere, and Ctrl-Z the end."""
    clamps_integers: bool
    """Whether a number beyond 32 bits is the nearest one in them, as for C's long on Windows, or refused."""
    marks: Mapping[bytes, str] = field(default_factory=dict)
    """The encoding that a byte order mark at the start of the file stands for; without one it is UTF-8."""
    consequences: Mapping[str, str] = field(default_factory=dict)
    """What WSL does instead of keeping the default where it refuses a value, by the kind of the warning."""
    foreign: Mapping[str, str] = field(default_factory=dict)
    """The other file that has such a section, by the section's name in small letters."""

    @functools.cached_property
    def _by_lower(self) -> Mapping[str, str]:
        return {name.lower(): key.name for key in self.keys.values() for name in (key.name, *key.aliases)}

    def canonical(self, name: str) -> Optional[str]:
        """Return the key as WSL spells it, or None: upper and lower case are the same to it, and so are old places."""
        return self._by_lower.get(name.lower()) if name.isascii() else None

    def find_close(self, name: str) -> Optional[str]:
        """Return the key that a name must have meant, None where none is that close.

        The section is wrong more often than the key, so one letter may be wrong in the key alone.
        """
        wanted = name.lower().rpartition(".")[2]
        if len(name) > 60:
            return None
        same = [key.name for key in self.keys.values() if key.key.lower() == wanted]
        if same:
            return same[0] if len(same) == 1 else None
        if len(wanted) < 4:
            return None
        return next((key.name for key in self.keys.values() if _is_one_edit(key.key.lower(), wanted)), None)


def _is_one_edit(left: str, right: str) -> bool:
    """Return whether one letter that is wrong, missing, too many or swapped with the next is all that differs."""
    if abs(len(left) - len(right)) > 1:
        return False
    least = min(len(left), len(right))
    head = next((at for at in range(least) if left[at] != right[at]), least)
    tail = next((at for at in range(least - head) if left[-1 - at] != right[-1 - at]), least - head)
    left, right = left[head : len(left) - tail], right[head : len(right) - tail]
    return (len(left) <= 1 and len(right) <= 1) or (len(left) == 2 and right == left[::-1])


def _always(name: str) -> str:
    value, why = forbidden.WSL_CONF[name]
    return f"{str(value).lower()}: {why}."


_ALL_KEYS = [
    Key(
        "automount.enabled",
        "bool",
        True,
        "Mount the fixed Windows drives at start.",
        harmful=_always("automount.enabled"),
    ),
    Key(
        "automount.root",
        "str",
        "/mnt",
        "Folder below which the Windows drives are mounted.",
        harmful="A path that does not start with /: the drives are then mounted nowhere useful.",
    ),
    Key(
        "automount.options",
        "str",
        None,
        "Mount options of the Windows drives, separated by commas.",
        harmful="cache= and msize= (stale files, and virtiofs refuses them); noexec (no Windows program starts); "
        "options that neither WSL nor the mount knows (the drive is then not mounted at all).",
    ),
    Key(
        "automount.mountFsTab",
        "bool",
        True,
        "Run mount -a for /etc/fstab at start.",
        harmful="false without boot.systemd: nothing mounts what /etc/fstab lists, Go's tmpfs included.",
    ),
    Key("automount.ldconfig", "bool", True, "Add the GPU libraries to the linker's path at start."),
    Key(
        "automount.cgroups",
        "enum",
        "v2",
        "Version of the cgroup hierarchy (WSL 2.6.2 and later).",
        choices=("v1", "v2"),
        harmful=_always("automount.cgroups"),
    ),
    Key(
        "filesystem.umask",
        "int",
        0o022,
        "Umask of user sessions; C rules, so an octal one starts with 0.",
        octal=True,
        harmful="Decimal-looking numbers (22 is 026), 0 and masks that take rights from the owner.",
    ),
    Key(
        "interop.enabled",
        "bool",
        True,
        "Let Linux start Windows programs.",
        harmful=_always("interop.enabled"),
    ),
    Key("interop.appendWindowsPath", "bool", True, "Append the Windows PATH to the Linux one."),
    Key("network.generateHosts", "bool", True, "Rewrite /etc/hosts at each start."),
    Key(
        "network.generateResolvConf",
        "bool",
        True,
        "Make /etc/resolv.conf a link to a file that WSL writes at each start.",
        harmful=_always("network.generateResolvConf"),
    ),
    Key("network.hostname", "str", None, "Host name; the Windows name where it is not set."),
    Key("time.useWindowsTimezone", "bool", True, "Take the time zone from Windows."),
    Key(
        "fileServer.enabled",
        "bool",
        True,
        "Serve this distro's files to Windows as \\\\wsl.localhost.",
        harmful=_always("fileServer.enabled"),
    ),
    Key("fileServer.logFile", "str", None, "Log file of that server."),
    Key("fileServer.logLevel", "int", 4, "Log level of that server."),
    Key("fileServer.logTruncate", "bool", True, "Empty that log at each start."),
    Key("gpu.enabled", "bool", True, "Give Linux programs the Windows GPU."),
    Key("gpu.appendLibPath", "bool", True, "Add the GPU libraries to PATH."),
    Key(
        "user.default",
        "str",
        None,
        "User of a new session; the one in the Windows registry where it is not set.",
        harmful="A user that /etc/passwd does not have: WSL opens each session as root.",
    ),
    Key("boot.command", "str", None, "Command that root runs at each start, before systemd."),
    Key("boot.systemd", "bool", False, "Start systemd as PID 1 (WSL2, and only where /sbin/init can be executed)."),
    Key(
        "boot.initTimeout",
        "int",
        10000,
        "Milliseconds that systemd gets to come up and to shut down.",
        harmful="Less than 1000: services are killed before they have come up or shut down.",
    ),
    Key(
        "boot.protectBinfmt",
        "bool",
        True,
        "Keep systemd from removing the registration that starts Windows programs.",
        harmful=_always("boot.protectBinfmt"),
    ),
    Key("general.guiApplications", "bool", True, "Let this distro show Linux windows on the Windows desktop (WSLg)."),
]

KEYS: dict[str, Key] = {key.name: key for key in _ALL_KEYS}
WSL_CONF = Dialect(
    "wsl.conf",
    KEYS,
    skips_bad_lines=False,
    is_windows_text=False,
    clamps_integers=False,
    foreign={"wsl2": ".wslconfig", "experimental": ".wslconfig"},
)


class Detail(NamedTuple):
    """What WSL warns about: the line, the kind as in `Parsed.warnings`, and the reason in a sentence."""

    line: int
    kind: str
    reason: str


class Parsed:
    """What a text means to WSL. `raw` holds the values in force as text, `lines` where they stand."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.complete = True
        self.warnings: list[str] = []
        self.details: list[Detail] = []
        self.raw: dict[str, str] = {}
        self.lines: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Parsed(values={self.values!r}, complete={self.complete!r}, details={self.details!r})"


class UnreadableError(ValueError):
    """WSL stops at `line` and ignores the rest."""

    def __init__(self, line: int, kind: str, reason: str) -> None:
        self.line, self.kind, self.reason = line, kind, reason
        super().__init__(f"WSL stops reading at line {line} and ignores everything after it: {reason}")


class _Statement:
    """A section header, a key or the line that ends the reading; the numbers are offsets into the text."""

    def __init__(self, line: int, start: int, head: int, section: str) -> None:
        self.kind = "key"
        self.is_header = False
        self.line, self.start, self.head, self.section = line, start, head, section
        self.name = self.value = self.terminator = self.problem = self.reason = ""
        self.name_end = self.value_start = self.value_end = self.end = self.next = head

    @property
    def has_comment(self) -> bool:
        return self.next - len(self.terminator) > self.end


class _BadLineError(Exception):
    def __init__(self, position: int, problem: str, reason: str) -> None:
        super().__init__(reason)
        self.position, self.problem, self.reason = position, problem, reason


def show(text: str) -> str:
    """Quote a text for a message, short and in ASCII."""
    return ascii(text) if len(text) <= 60 else ascii(text[:60]) + "..."


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _skip_name(text: str, at: int) -> int:
    while at < len(text) and text[at] in _NAME:
        at += 1
    return at


def _comment_end(text: str, at: int) -> int:
    """Return where the comment's line ends: only a line feed ends a comment."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _scan_section(text: str, at: int) -> tuple[str, int]:
    start = at + 1
    if start >= len(text) or text[start] not in _LETTERS:
        raise _BadLineError(start, "InvalidSection", "a section's name starts with a letter from a to z")
    end = _skip_name(text, start)
    if end >= len(text) or text[end] != "]":
        raise _BadLineError(end, "Expected", "a section's name has only letters and digits, and ] right after it")
    after = _skip_blanks(text, end + 1)
    if after < len(text) and text[after] not in "\r\n#":
        raise _BadLineError(after, "Expected", "nothing but a comment with # may follow a section's ]")
    return text[start:end], after


def _scan_value(text: str, at: int) -> tuple[str, int, int]:
    """Return the value, the end of its text without the blanks after it, and where the reading stopped."""
    parts: list[str] = []
    kept, kept_end = 0, at
    quoted = False
    while at < len(text):
        char = text[at]
        if char in "\r\n" or (char == "#" and not quoted):
            break
        at += 1
        if char == '"':
            quoted = not quoted
        elif char == "\\":
            escaped = text[at : at + 1]
            if escaped not in _ESCAPES or not escaped:
                what = show("\\" + escaped) if escaped else "a backslash at the end of the file"
                raise _BadLineError(
                    at, "InvalidEscape", f"{what} means nothing to WSL (a backslash itself is written twice)"
                )
            parts.append(_ESCAPES[escaped])
            at += 1
        else:
            parts.append(char)
        if char not in _BLANKS:
            kept, kept_end = len(parts), at
    if quoted:
        raise _BadLineError(at, "Expected", 'the value has a " that is not closed on its line')
    # A C string ends at its first NUL.
    return "".join(parts[:kept]).partition("\0")[0], kept_end, at


def _scan(text: str, dialect: Dialect = WSL_CONF) -> Iterator[_Statement]:
    """Yield the statements in order; one of kind "bad" is the last unless the dialect skips it."""
    at, line, counted, section = 0, 1, 0, ""
    # WSL cuts or fills the name that it read last to the length of the last section that it could read.
    length = 0
    while at < len(text):
        head = _skip_blanks(text, at)
        if head >= len(text):
            return
        char = text[head]
        if char in "\r\n":
            at = head + 1
            continue
        if char == "#":
            at = _comment_end(text, head)
            continue
        line += text.count("\n", counted, head)
        counted = head
        statement = _Statement(line, at, head, section[:length])
        try:
            if char == "[":
                statement.kind = "section"
                end = _skip_name(text, head + 1)
                if text[head + 1 : end][:1] in _LETTERS:
                    section = text[head + 1 : end]
                section, statement.end = _scan_section(text, head)
                statement.section, length = section, len(section)
            else:
                if char not in _LETTERS:
                    raise _BadLineError(
                        head,
                        "InvalidKey",
                        _first_character(text, head, dialect),
                    )
                statement.name_end = _skip_name(text, head)
                equals = _skip_blanks(text, statement.name_end)
                if text[equals : equals + 1] != "=":
                    raise _BadLineError(equals, "Expected", "a key has only letters and digits, and = right after it")
                key = text[head : statement.name_end]
                # What fills a name are NULs, at the first of which it ends.
                whole = f"{section[:length]}.{key}" if length else key
                statement.name = section if len(section) < length else whole
                statement.value_start = _skip_blanks(text, equals + 1)
                statement.value, statement.value_end, statement.end = _scan_value(text, statement.value_start)
        except _BadLineError as bad:
            statement.is_header = statement.kind == "section"
            statement.kind, statement.problem, statement.reason = "bad", bad.problem, bad.reason
            statement.line += text.count("\n", head, bad.position)
            statement.next = statement.end = at = _comment_end(text, bad.position)
            yield statement
            if dialect.skips_bad_lines:
                continue
            return
        stop = _comment_end(text, statement.end) if text[statement.end : statement.end + 1] == "#" else statement.end
        if stop > statement.end and text[stop - 1] == "\r" and stop < len(text):
            stop -= 1
        statement.terminator = "\r\n" if text.startswith("\r\n", stop) else text[stop : stop + 1]
        statement.next = at = stop + len(statement.terminator)
        yield statement


def _first_character(text: str, at: int, dialect: Dialect) -> str:
    if at == 0 and not dialect.marks and text.startswith(_BOMS):
        return "the file starts with a byte order mark, which WSL does not skip"
    if at == 0 and not dialect.marks and text.startswith(_UTF_16):
        return "the file is UTF-16, as PowerShell's > writes it, and WSL reads only UTF-8 here"
    if text[at] == ";":
        return "a line starts with ;, but only # starts a comment"
    return f"the line starts with {show(text[at])}, which starts neither a key nor a [section] nor a # comment"


def canonical(name: str) -> Optional[str]:
    """Return the key of wsl.conf as WSL spells it, or None where WSL does not know it."""
    return WSL_CONF.canonical(name)


def _read_strtol(text: str) -> Optional[int]:
    match = _INTEGER.match(text)
    if match is None:
        return None
    digits = match.group(2)
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    number = int(digits, base)
    return -number if match.group(1) == "-" else number


def read_int(text: str, dialect: Dialect = WSL_CONF) -> Optional[int]:
    """Return the number as WSL reads it (C's strtol with base 0), or None where it refuses it."""
    number = _read_strtol(text)
    if number is None or _INT_MIN <= number <= _INT_MAX:
        return number
    return max(_INT_MIN, min(_INT_MAX, number)) if dialect.clamps_integers else None


def read_memory(text: str) -> Optional[int]:
    """Return the bytes of a size as WSL reads it (upper-case unit, no blank, no fraction), or None where it refuses it.

    It computes in 64 bits without a sign, as C's strtoull does.
    """
    match = _MEMORY.match(text)
    if match is None:
        return None
    blanks, sign, digits, unit = match.groups()
    number = int(digits)
    if number == 0 and (blanks or sign or len(digits) > 1):
        return None
    if number >= 2**64:
        number = 2**64 - 1
    elif sign == "-":
        number = 2**64 - number
    return (number << 10 * "BKMGT".index((unit or "B")[0])) % 2**64


def _choices(key: Key) -> str:
    if len(key.choices) == 2:
        return " or ".join(key.choices)
    return f"one of {', '.join(key.choices)}"


# For each type that WSL checks: the kind of its warning, and what it takes.
_TAKES = {
    "bool": ("InvalidBoolean", "true or false"),
    "int": ("InvalidInteger", "a whole number"),
    "memory": (
        "InvalidMemory",
        "a whole number with one of B, K, KB, M, MB, G, GB, T, TB right after it, such as 8GB",
    ),
    "mac": ("InvalidMacAddress", "an address such as 02:00:00:00:00:01"),
    "ip": ("InvalidIp", "an IPv4 address such as 10.255.255.254"),
}


def read_value(key: Key, text: str, dialect: Dialect = WSL_CONF) -> Setting:
    """Return the value in force of a text, or None where WSL refuses it."""
    if key.type == "bool":
        known = {"1": True, "true": True, "0": False, "false": False}
        return known.get(text.lower()) if text.isascii() else None
    if key.type == "int":
        return read_int(text, dialect)
    if key.type == "memory":
        return read_memory(text)
    if key.type == "enum":
        choice = text.lower() if text.isascii() and text.lower() in key.choices else None
        return key.renamed[1] if key.renamed and choice == key.renamed[0] else choice
    if key.type == "mac":
        return text.replace("-", ":").upper() if _MAC.match(text) else None
    if key.type == "ip":
        return text if _IPV4.match(text) else None
    return text


def explain_refusal(key: Key, text: str) -> tuple[str, str]:
    """Return the kind and the reason of WSL's refusal of a text."""
    kind, takes = ("InvalidEnum", _choices(key)) if key.type == "enum" else _TAKES[key.type]
    return kind, f"{key.name} takes {takes}, not {show(text)}"


class EncodingError(ValueError):
    """WSL finds nothing that it knows in the bytes of a file."""


def decode(data: bytes, dialect: Dialect) -> tuple[str, str]:
    """Return the text of a file without its byte order mark, and the encoding that WSL reads it in.

    Bytes that are no UTF-8 come back by surrogateescape. EncodingError for what is no text to WSL.
    """
    for mark, encoding in dialect.marks.items():
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(
                    encoding, "strict" if encoding != "utf-8" else "surrogateescape"
                ), encoding
            except UnicodeDecodeError:
                raise EncodingError("it has the byte order mark of UTF-16 and is cut off or broken") from None
    if data.startswith(b"\xfe\xff"):
        raise EncodingError("it is big-endian UTF-16, which WSL does not read")
    if b"\0" in data and dialect.marks:
        raise EncodingError("it has NUL bytes, as UTF-16 without a byte order mark has")
    return data.decode("utf-8", "surrogateescape"), "utf-8"


def parse(text: str, dialect: Dialect = WSL_CONF) -> Parsed:
    """Return what WSL makes of the text of a file, /etc/wsl.conf unless the dialect is that of .wslconfig."""
    parsed = Parsed()
    first: dict[str, int] = {}
    if dialect.is_windows_text:
        text = text.partition("\x1a")[0].replace("\r\n", "\n")

    def warn(line: int, kind: str, reason: str) -> None:
        parsed.warnings.append(kind)
        parsed.details.append(Detail(line, kind, reason + "."))

    for statement in _scan(text, dialect):
        if statement.kind == "bad":
            parsed.complete = parsed.complete and dialect.skips_bad_lines
            skipped = ", so WSL skips the line" if dialect.skips_bad_lines else ""
            others = " and takes the keys below it for other ones" if skipped and statement.is_header else ""
            warn(statement.line, statement.problem, f"{statement.reason}{skipped}{others}")
        if statement.kind != "key":
            continue
        name = dialect.canonical(statement.name)
        if name is None:
            close = dialect.find_close(statement.name)
            section = statement.name.partition(".")[0]
            hint = f"; {close} is one" if close else ""
            if not close and section.lower() in dialect.foreign:
                hint = f": [{section}] is a section of {dialect.foreign[section.lower()]}"
            warn(statement.line, "UnknownKey", f"WSL knows no key {show(statement.name)}{hint}")
        elif name in first:
            warn(
                statement.line,
                "KeyDuplicated",
                f"{name} stands in line {first[name]} already, and WSL takes the first one",
            )
        else:
            first[name] = statement.line
            value = read_value(dialect.keys[name], statement.value, dialect)
            if value is None:
                kind, reason = explain_refusal(dialect.keys[name], statement.value)
                warn(statement.line, kind, f"{reason}; {dialect.consequences.get(kind, 'WSL keeps its default')}")
            else:
                parsed.values[name], parsed.raw[name], parsed.lines[name] = value, statement.value, statement.line
    return parsed


def encode(value: str) -> str:
    """Return the text that WSL reads back as `value`, quoted and escaped only where it must be."""
    for char in "\r\0":
        if char in value:
            raise ValueError(f"wsl.conf cannot hold the character {show(char)} of the value {show(value)}.")
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\b", "\\b")
    if "#" in value or value[:1] in (" ", "\t") or value[-1:] in (" ", "\t"):
        return f'"{text}"'
    return text


def _refuse(name: str, takes: str, value: Any) -> NoReturn:
    raise ValueError(f"{name} takes {takes}, not {value!a}.")


def _wanted(key: Key, value: Value) -> tuple[Value, str]:
    """Return the typed value of a setting and the text to write for it."""
    if key.type == "bool":
        if not isinstance(value, bool):
            _refuse(key.name, "true or false", value)
        return bool(value), "true" if value else "false"
    if key.type == "int":
        takes = f"a whole number from {_INT_MIN} to {_INT_MAX}"
        if isinstance(value, str):
            number = read_int(value)
            if number is None:
                _refuse(key.name, takes, value)
            return number, encode(str(value))
        if isinstance(value, bool) or not isinstance(value, int) or not _INT_MIN <= value <= _INT_MAX:
            _refuse(key.name, takes, value)
        number = int(value)
        return number, f"0{number:03o}" if key.octal and number >= 0 else str(number)
    if not isinstance(value, str):
        _refuse(key.name, "a text", value)
    value = str(value)
    if key.type == "enum":
        choice = read_value(key, value)
        if choice is None:
            _refuse(key.name, _choices(key), value)
        return choice, str(choice)
    return value, encode(value)


def _prepared(settings: Mapping[str, Setting]) -> dict[str, Optional[tuple[Value, str]]]:
    wanted: dict[str, Optional[tuple[Value, str]]] = {}
    for written, value in settings.items():
        name = canonical(written)
        if name is None:
            close = WSL_CONF.find_close(written)
            hint = f"; did you mean {close}" if close else ""
            raise ValueError(f"WSL knows no key {show(written)}{hint}.")
        if name in wanted:
            raise ValueError(f"{name} is set twice.")
        wanted[name] = None if value is None else _wanted(KEYS[name], value)
    return wanted


def typed(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return the settings by canonical name, as the values they will have in force; ValueError as for `merge`."""
    return {name: None if pair is None else pair[0] for name, pair in _prepared(settings).items()}


def _line_end(text: str, near: str = "") -> str:
    if near in ("\n", "\r\n"):
        return near
    newline = text.find("\n")
    return "\r\n" if newline > 0 and text[newline - 1] == "\r" else "\n"


def _from_utf_16(text: str) -> str:
    encoding, errors = ("utf-8", "surrogateescape") if text[0] in "\udcff\udcfe" else ("latin-1", "strict")
    try:
        return text.encode(encoding, errors).decode("utf-16")
    except UnicodeError:
        return text


def _repaired(text: str) -> str:
    """Turn the lines that WSL cannot read into comments."""
    if text.startswith(_UTF_16):
        text = _from_utf_16(text)
    for bom in _BOMS:
        if text.startswith(bom):
            text = text[len(bom) :]
    while True:
        bad = next((statement for statement in _scan(text) if statement.kind == "bad"), None)
        if bad is None:
            return text
        text = text[: bad.head] + "# " + text[bad.head : bad.end].replace("\n", "\n# ") + text[bad.end :]


def _replace_value(text: str, statement: _Statement, value: str) -> str:
    end = statement.value_end
    if end > statement.value_start and text[end - 1] in "\r\n":
        # The old value ended with an escaped line end: that stays, so that the lines after it stay lines.
        end -= 1
    return text[: statement.value_start] + value + text[end:]


def _remove(text: str, statement: _Statement) -> str:
    if statement.has_comment:
        return text[: statement.head] + text[statement.end :]
    before, after = text[: statement.start], text[statement.next :]
    if not statement.terminator and not text.endswith("\n"):
        # It was the last line and had no line end: the line before it is the last one now.
        before = before[:-1] if before.endswith("\n") else before
        before = before[:-1] if before.endswith("\r") else before
    return before + after


def _add(text: str, key: Key, value: str) -> str:
    place: Optional[_Statement] = None
    model: Optional[_Statement] = None
    inside = False
    for statement in _scan(text):
        if statement.kind == "bad":
            break
        if statement.kind == "section":
            inside = place is None and statement.section.lower() == key.section.lower()
        if inside:
            place = statement
            model = statement if statement.kind == "key" else model
    if place is not None:
        line_end = _line_end(text, place.terminator)
        line = f"{key.key}={value}"
        if model is not None:
            separator = text[model.name_end : model.value_start].replace("\t", " ")
            line = text[model.start : model.head] + key.key + (" = " if separator == " = " else "=") + value
        if place.terminator:
            return text[: place.next] + line + line_end + text[place.next :]
        return text + line_end + line + (line_end if text.endswith("\n") else "")

    line_end = _line_end(text)
    before = text
    if before and not before.endswith("\n"):
        before += "\n" if before.endswith("\r") else line_end
    # Without the blank line, an escaped line feed at the end would take the new section into its value.
    if before and not re.search(r"(?:\A|\n)[ \t]*\r?\n\Z", before):
        before += line_end
    ending = line_end if not text or text.endswith("\n") else ""
    return f"{before}[{key.section}]{line_end}{key.key}={value}{ending}"


def merge(text: str, settings: Mapping[str, Setting], repair: bool = False) -> str:
    """Return the text with the settings in force: "section.key" to a value, or to None to remove the key.

    Only lines that must change do. A text that WSL would not read to its end is refused (UnreadableError), because
    what is written after its bad line would not be in force; with `repair` the bad lines become comments and a byte
    order mark goes. A key that WSL does not know, or a value that it would refuse, is a ValueError.
    """
    wanted = _prepared(settings)
    if repair:
        text = _repaired(text)
    else:
        parsed = parse(text)
        if not parsed.complete:
            worst = parsed.details[-1]
            raise UnreadableError(worst.line, worst.kind, worst.reason)
    return _apply(text, wanted)


def _apply(text: str, wanted: Mapping[str, Optional[tuple[Value, str]]]) -> str:
    for name, pair in wanted.items():
        lines = [
            statement for statement in _scan(text) if statement.kind == "key" and canonical(statement.name) == name
        ]
        if pair is None:
            for statement in reversed(lines):
                text = _remove(text, statement)
        elif not lines:
            text = _add(text, KEYS[name], pair[1])
        elif read_value(KEYS[name], lines[0].value) != pair[0]:
            text = _replace_value(text, lines[0], pair[1])
    return text


def revert(base: Optional[str], written: str, current: str) -> str:
    """Take out of `current` what made `written` of `base`, key by key; what others changed since stays."""
    before, ours, now = parse(base or ""), parse(written), parse(current)
    settings: dict[str, Setting] = {}
    for name, key in KEYS.items():
        if ours.raw.get(name) != before.raw.get(name) and now.values.get(name) == ours.values.get(name):
            settings[name] = before.values.get(name) if key.type == "bool" else before.raw.get(name)
    text = _apply(current, _prepared(settings))
    had = {statement.section.lower() for statement in _scan(base or "") if statement.kind == "section"}
    statements = list(_scan(text))
    for index, statement in reversed(list(enumerate(statements))):
        follows = statements[index + 1].kind if index + 1 < len(statements) else "section"
        if statement.kind == "section" and follows == "section" and statement.section.lower() not in had:
            text = _remove(text, statement)
    return text


# What WSL hands to its drive server, and flags that every file system takes; anything else goes to the mount as it is.
_SERVER_OPTIONS = {"metadata", "ro", "case", "uid", "gid", "umask", "fmask", "dmask", "symlinkroot", "fallback"}
_MOUNT_FLAGS = {"rw", "defaults", "atime", "noatime", "relatime", "norelatime", "strictatime", "nostrictatime"}
_MOUNT_FLAGS |= {"diratime", "nodiratime", "lazytime", "suid", "nosuid", "dev", "nodev", "exec", "sync", "async"}
_MOUNT_FLAGS |= {"dirsync", "loud", "silent", "iversion", "noiversion"}
_MOUNT_ALONE = {"", "nofail", "_netdev", "auto", "noauto", "nouser", "owner", "group"}


def is_met(
    settings: Mapping[str, Value],
    complete: bool,
    content: str,
    removed: Sequence[str] = (),
    allow_harmful: bool = False,
) -> bool:
    """Return whether a file that means C(settings) to WSL already means what C(content) says and has no C(removed) key.

    False where that has to be looked at closely: settings that are wrong or harmful, or a file that WSL does not read
    to its end.
    """
    wanted = parse(content)
    if not complete or wanted.details:
        return False
    as_written = {name: wanted.raw[name] if KEYS[name].type == "int" else wanted.values[name] for name in wanted.values}
    return (
        all(settings.get(name) == value for name, value in wanted.values.items())
        and all(canonical(name) is not None and settings.get(canonical(name) or "") is None for name in removed)
        and (allow_harmful or not harmful(as_written, settings))
    )


def _harmful_option(option: str) -> Optional[str]:
    name, equals, value = option.partition("=")
    # Nothing, as after a comma at the end, and what mount keeps to itself (mount(8)).
    if option in _MOUNT_ALONE or option.startswith(("x-", "X-", "comment=")):
        return None
    if name == "cache":
        return "keeps stale copies of files that Windows changes, and makes the mount fail on virtiofs"
    if name == "msize":
        return "is cut to what the server allows on 9p, and makes the mount fail on virtiofs"
    if name == "noexec":
        return "keeps every Windows program from starting"
    if option != option.strip():
        return "has blanks around it, which the mount takes as part of the name, so that no drive is mounted"
    if name in ("umask", "fmask", "dmask") and not re.fullmatch(r"[0-7]{1,4}", value):
        return "is no octal mask such as 022"
    if name in ("uid", "gid") and not re.fullmatch(r"[0-9]{1,10}", value):
        return "is no number"
    if name == "case" and value not in ("off", "dir", "force"):
        return "is none of case=off, case=dir and case=force"
    if name in _SERVER_OPTIONS or (option in _MOUNT_FLAGS and not equals):
        return None
    return "is unknown to WSL and to the mount, so that no Windows drive would be mounted"


def harmful(settings: Mapping[str, Setting], after: Mapping[str, Value]) -> list[str]:
    """Say why the settings would harm, one sentence each; `after` are the values in force once they are merged."""
    reasons = []
    for name, value in settings.items():
        name = canonical(name) or name
        key = KEYS[name]
        now = None if value is None else _wanted(key, value)[0]
        if name in forbidden.WSL_CONF:
            if now == forbidden.WSL_CONF[name][0]:
                reasons.append(f"{name}={key.harmful}")
        elif name == "automount.root" and isinstance(now, str) and not now.startswith("/"):
            reasons.append(f"{name}={now}: the folder of the drives must start with /, such as /mnt.")
        elif name == "automount.options" and isinstance(now, str):
            for option in now.split(",") if now else []:
                reason = _harmful_option(option)
                if reason:
                    reasons.append(f"{name}: the option {show(option)} {reason}.")
        elif name == "boot.initTimeout" and isinstance(now, int) and now < 1000:
            reasons.append(f"{name}={now}: services get less than a second to come up and to shut down.")
        elif name == "filesystem.umask" and isinstance(now, int):
            # One digit from 1 to 7 is the same number in both.
            decimal = isinstance(value, str) and re.fullmatch(r"\s*\+?([1-9][0-9]+|[89])", value)
            if not 0 <= now <= 0o777:
                reasons.append(f"{name}={value}: a umask lies between 0000 and 0777.")
            elif decimal:
                reasons.append(
                    f"{name}={value}: WSL reads that as a decimal number, which is 0{now:03o}; "
                    "write an octal mask as text with a leading zero, such as '0022'."
                )
            elif now == 0:
                reasons.append(f"{name}={value}: every user could write to every new file.")
            elif now & 0o700:
                reasons.append(f"{name}={value}: it takes rights from the owner of a file, and builds would fail.")
    touched = {canonical(name) for name in settings}
    unmounted = after.get("automount.mountFsTab") is False and not after.get("boot.systemd", False)
    if unmounted and touched & {"automount.mountFsTab", "boot.systemd"}:
        reasons.append(
            "automount.mountFsTab=false without boot.systemd=true: nothing mounts what /etc/fstab lists, "
            "Go's tmpfs included."
        )
    return reasons
