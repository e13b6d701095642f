# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import importlib.util
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl.conf import KEYS, UnreadableError, merge, parse

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "wsl_conf.jsonl").read_text(encoding="utf-8").splitlines()
]
COMPLETE = [vector["text"] for vector in VECTORS if vector["complete"]]

WORDS = """
[boot] [automount] [FileSystem] [user] [custom] [ boot ] [boot systemd=true SYSTEMD=0 systemd command= umask=022 umask
options root default cgroups=V1 = true FALSE 1 yes 022 0x1F -5 99999999999 metadata,umask=22 # #c ; /mnt key:v
"""
PIECES = [*WORDS.split(), "\n", "\n", "\n", "\r\n", "\r", "\\\n", "\\\r\n", '"', '\\"', "\\\\", "\\q", " ", "\t", "é"]
PIECES += ["\udce9", "\0", " = "]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
ANY_TEXTS = st.one_of(TEXTS, TEXTS.map("\ufeff{}".format), st.text(max_size=30), st.sampled_from(COMPLETE))


def value_for(key):
    if key.type == "bool":
        return st.booleans()
    if key.type == "int":
        return st.one_of(st.integers(-(2**31), 2**31 - 1), st.sampled_from(["022", "0", "0x1f", "-5", " +7"]))
    if key.type == "enum":
        return st.sampled_from([*key.choices, "V1"])
    return st.text(st.characters(exclude_characters="\r\0"), max_size=12) | st.text(' \t#"\\,=abnt\n;', max_size=8)


SETTINGS = st.sampled_from(sorted(KEYS)).flatmap(
    lambda name: st.tuples(st.just(name), st.none() | value_for(KEYS[name]))
)
SETTINGS = st.lists(SETTINGS, max_size=5).map(dict)


def overlaid(values, settings):
    values = dict(values)
    for name, value in wsl_conf.typed(settings).items():
        if value is None:
            values.pop(name, None)
        else:
            values[name] = value
    return values


def check_merge(text, settings, repair=False):
    merged = merge(text, settings, repair)
    base = parse(merge(text, {}, repair))
    after = parse(merged)
    assert after.complete
    assert after.values == overlaid(base.values, settings)
    assert {name: type(value) for name, value in after.values.items()} == {
        name: type(value) for name, value in overlaid(base.values, settings).items()
    }
    assert merge(merged, settings, repair) == merged
    assert merge(merged, dict(after.values)) == merged
    return merged


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_vector(vector):
    parsed = parse(vector["text"])
    assert (parsed.values, parsed.complete, parsed.warnings) == (
        vector["values"],
        vector["complete"],
        vector["warnings"],
    )
    assert [detail.kind for detail in parsed.details] == parsed.warnings
    assert {name: type(value) for name, value in parsed.values.items()} == {
        name: type(value) for name, value in vector["values"].items()
    }


def test_there_are_vectors():
    assert len(VECTORS) == 600 and len(COMPLETE) > 300


def test_merge_on_every_complete_vector():
    rng = random.Random(20260801)
    choices = {"bool": [True, False], "int": [0, -1, "022", 18], "enum": ["v1", "v2"]}
    texts = ["x", "", " a # b ", 'q"q', "C:\\Users", "line\nline", "metadata,umask=22", "é", "\udce9", "\t"]
    for text in COMPLETE:
        for _time in range(4):
            names = rng.sample(sorted(KEYS), 3) + sorted(parse(text).values)[:1]
            check_merge(text, {name: rng.choice([None, *choices.get(KEYS[name].type, texts)]) for name in names})


def test_repair_on_every_vector():
    for vector in VECTORS:
        check_merge(vector["text"], {"boot.systemd": True, "user.default": None}, repair=True)


@settings(max_examples=400, deadline=None)
@given(ANY_TEXTS, SETTINGS)
def test_merge_property(text, wanted):
    if parse(text).complete:
        check_merge(text, wanted)
    else:
        with pytest.raises(UnreadableError):
            merge(text, wanted)
    check_merge(text, wanted, repair=True)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.binary(max_size=20) | st.sampled_from([b"[boot]\n", b"systemd=true", b"\r\n", b"\\\n", b'"']), max_size=8
    )
)
def test_any_bytes_survive(chunks):
    data = b"".join(chunks)
    for encoding, errors in (("latin-1", "strict"), ("utf-8", "surrogateescape")):
        text = data.decode(encoding, errors)
        parsed = parse(text)
        if parsed.complete:
            assert merge(text, dict(parsed.values)).encode(encoding, errors) == data


@settings(max_examples=300, deadline=None)
@given(ANY_TEXTS, SETTINGS)
def test_revert_undoes_a_merge(text, wanted):
    if not parse(text).complete:
        return
    written = merge(text, wanted)
    assert parse(wsl_conf.revert(text, written, written)).values == parse(text).values


@settings(max_examples=200, deadline=None)
@given(TEXTS, SETTINGS)
def test_merge_leaves_other_lines_alone(text, wanted):
    """What is left of both texts without the lines of the wanted keys is the same, but for new lines."""
    if not parse(text).complete or "\\\n" in text or "\r" in text:
        return
    wanted_names = {name.lower() for name in wanted}

    def rest(content):
        section, lines = "", []
        for line in content.split("\n"):
            code = line.strip(" \t")
            if code.startswith("["):
                section = code[1:].partition("]")[0]
            name = f"{section}.{code.partition('=')[0].strip(' ')}".lower()
            if name not in wanted_names:
                lines.append(line)
        return lines

    missing = list(rest(text))
    for line in rest(merge(text, wanted)):
        if missing and line == missing[0]:
            missing.pop(0)
    assert [line for line in missing if line] == []


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("", {"boot.systemd": True}, "[boot]\nsystemd=true\n"),
        ("[boot]", {"boot.systemd": True}, "[boot]\nsystemd=true"),
        ("[boot]\nsystemd=true", {"boot.systemd": None}, "[boot]"),
        ("[boot]\nsystemd=false # why\n", {"boot.systemd": True}, "[boot]\nsystemd=true # why\n"),
        ("[boot]\nsystemd=false#why\n", {"boot.systemd": None}, "[boot]\n#why\n"),
        ("[boot]\r\nsystemd=0\r\n", {"boot.systemd": True}, "[boot]\r\nsystemd=true\r\n"),
        ("[boot]\r\nsystemd=0\r\n", {"user.default": "me"}, "[boot]\r\nsystemd=0\r\n\r\n[user]\r\ndefault=me\r\n"),
        ("[boot]\nsystemd=1\n", {"boot.systemd": True}, "[boot]\nsystemd=1\n"),
        ("[BOOT]\nSystemD=0\n", {"boot.systemd": True}, "[BOOT]\nSystemD=true\n"),
        ("[boot]\nsystemd=0\nsystemd=1\n", {"boot.systemd": True}, "[boot]\nsystemd=true\nsystemd=1\n"),
        ("[boot]\nsystemd=0\n[boot]\nsystemd=1\n", {"boot.systemd": None}, "[boot]\n[boot]\n"),
        ("[boot]\nsystemd=yes\n", {"boot.systemd": False}, "[boot]\nsystemd=false\n"),
        (
            "# top\n[user]\ndefault = me\n\n[boot]\n",
            {"boot.systemd": True, "user.default": "you"},
            "# top\n[user]\ndefault = you\n\n[boot]\nsystemd=true\n",
        ),
        (
            "[boot]\n\tcommand = a \\\n  b # c\n# end\n",
            {"boot.command": "x", "boot.systemd": True},
            "[boot]\n\tcommand = x # c\n\tsystemd = true\n# end\n",
        ),
        ("[filesystem]\numask=0077\n", {"filesystem.umask": "022"}, "[filesystem]\numask=022\n"),
        ("[filesystem]\numask=18\n", {"filesystem.umask": "022"}, "[filesystem]\numask=18\n"),
        ("", {"filesystem.umask": 0o22}, "[filesystem]\numask=0022\n"),
        ("", {"boot.initTimeout": 5000}, "[boot]\ninitTimeout=5000\n"),
        ("", {"automount.cgroups": "V1"}, "[automount]\ncgroups=v1\n"),
        ("", {"AutoMount.OPTIONS": "metadata,umask=22"}, "[automount]\noptions=metadata,umask=22\n"),
        ("", {"boot.command": 'sh -c "echo hi # x"'}, '[boot]\ncommand="sh -c \\"echo hi # x\\""\n'),
        ("", {"boot.command": "C:\\x"}, "[boot]\ncommand=C:\\\\x\n"),
        ("", {"boot.command": " x"}, '[boot]\ncommand=" x"\n'),
        ("[boot]\nsystemd=\n", {"boot.systemd": True}, "[boot]\nsystemd=true\n"),
        # The escaped line feed at the end belongs to the value: a new line must not become part of it.
        ("[boot]\ncommand=a\\\n", {"boot.systemd": True}, "[boot]\ncommand=a\\\n\nsystemd=true\n"),
        ("[boot]\ncommand=a\\\n", {"user.default": "me"}, "[boot]\ncommand=a\\\n\n[user]\ndefault=me\n"),
        ("[boot]\ncommand=a\\\r\n", {"boot.command": "b"}, "[boot]\ncommand=b\r\n"),
        ("[boot]\ncommand=a\rsystemd=0\n", {"boot.systemd": True}, "[boot]\ncommand=a\rsystemd=true\n"),
        ("# caf\udce9", {"boot.systemd": True}, "# caf\udce9\n\n[boot]\nsystemd=true"),
        (
            "[boot]\n[user]\nx=1\n[boot]\ny=1\n",
            {"boot.systemd": True},
            "[boot]\nsystemd=true\n[user]\nx=1\n[boot]\ny=1\n",
        ),
    ],
)
def test_merge(text, wanted, expected):
    assert merge(text, wanted) == expected
    check_merge(text, wanted)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"boot.systmd": True}, "WSL knows no key 'boot.systmd'; did you mean boot.systemd."),
        ({"automount.crossDistro": True}, "WSL knows no key 'automount.crossDistro'"),
        ({"boot.systemd": "true"}, "boot.systemd takes true or false, not 'true'."),
        ({"boot.systemd": 1}, "boot.systemd takes true or false, not 1."),
        ({"boot.initTimeout": True}, "boot.initTimeout takes a whole number from -2147483648 to 2147483647, not True."),
        ({"boot.initTimeout": 2**31}, "not 2147483648."),
        ({"boot.initTimeout": "08"}, "not '08'."),
        ({"boot.initTimeout": 1.5}, "not 1.5."),
        ({"automount.cgroups": "v3"}, "automount.cgroups takes v1 or v2, not 'v3'."),
        ({"user.default": 5}, "user.default takes a text, not 5."),
        ({"user.default": False}, "user.default takes a text, not False."),
        ({"boot.command": "a\rb"}, "cannot hold the character '\\r'"),
        ({"boot.command": "a\0b"}, "cannot hold the character '\\x00'"),
        ({"boot.systemd": True, "BOOT.SYSTEMD": False}, "boot.systemd is set twice."),
        ({"boot.\u017fystemd": True}, "WSL knows no key"),
    ],
)
def test_merge_refuses(wanted, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        merge("", wanted)
    assert not isinstance(caught.value, UnreadableError)


@pytest.mark.parametrize(
    ("text", "line", "kind", "reason", "repaired"),
    [
        (
            "[boot]\n; old\nsystemd=true\n",
            2,
            "InvalidKey",
            "only # starts a comment",
            "[boot]\n# ; old\nsystemd=true\n",
        ),
        ("[ boot ]\n", 1, "InvalidSection", "starts with a letter", "# [ boot ]\n"),
        ("[my-sec]\nx=1\n", 1, "Expected", "letters and digits, and ]", "# [my-sec]\nx=1\n"),
        ("[boot] ; x\n", 1, "Expected", "nothing but a comment", "# [boot] ; x\n"),
        ("[boot]\n\n  systemd\n", 3, "Expected", "= right after it", "[boot]\n\n  # systemd\n"),
        ("[boot]\ncommand=C:\\Users\n", 2, "InvalidEscape", "written twice", "[boot]\n# command=C:\\Users\n"),
        ('[boot]\ncommand="a\nsystemd=1\n', 2, "Expected", "not closed", '[boot]\n# command="a\nsystemd=1\n'),
        ('[boot]\ncommand="a\\\nb\nsystemd=1', 3, "Expected", "not closed", '[boot]\n# command="a\\\n# b\nsystemd=1'),
        (
            '[boot]\ncommand="a\\\nsystemd=1\n[user]\n',
            3,
            "Expected",
            "not closed",
            '[boot]\n# command="a\\\n# systemd=1\n[user]\n',
        ),
        ("a=\\", 1, "InvalidEscape", "end of the file", "# a=\\"),
        ("\ufeff[boot]\nsystemd=1\n", 1, "InvalidKey", "byte order mark", "[boot]\nsystemd=1\n"),
        ("\xef\xbb\xbf[boot]\nsystemd=1\n", 1, "InvalidKey", "byte order mark", "[boot]\nsystemd=1\n"),
        ("é=1\r\n[boot]\r\n", 1, "InvalidKey", "starts neither", "# é=1\r\n[boot]\r\n"),
        ("\udcff\udcfe[\0b\0o\0o\0t\0]\0\n\0", 1, "InvalidKey", "UTF-16", "[boot]\n"),
        ("\xfe\xff\0[\0b\0]\0\n", 1, "InvalidKey", "UTF-16", "[b]\n"),
    ],
)
def test_unreadable_text(text, line, kind, reason, repaired):
    with pytest.raises(UnreadableError) as caught:
        merge(text, {"boot.systemd": True})
    assert (caught.value.line, caught.value.kind) == (line, kind)
    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"WSL stops reading at line {line} and ignores everything after it: ")
    assert merge(text, {}, repair=True) == repaired
    assert parse(repaired).complete


def test_details_name_line_and_reason():
    parsed = parse("[boot]\nsystemd=yes\n[automount]\noption=1\n[boot]\nSystemd=1\n")
    assert [tuple(detail) for detail in parsed.details] == [
        (2, "InvalidBoolean", "boot.systemd takes true or false, not 'yes'; WSL keeps its default."),
        (4, "UnknownKey", "WSL knows no key 'automount.option'; automount.options is one."),
        (6, "KeyDuplicated", "boot.systemd stands in line 2 already, and WSL takes the first one."),
    ]


def test_raw_and_lines():
    parsed = parse("[filesystem]\r\n\r\numask = 0022 # x\r\n")
    assert parsed.raw == {"filesystem.umask": "0022"}
    assert parsed.lines == {"filesystem.umask": 3}


def test_revert_keeps_what_others_changed():
    base = "[user]\ndefault=me\n"
    written = merge(base, {"user.default": "you", "boot.systemd": True, "automount.options": "metadata"})
    current = merge(written, {"automount.options": "uid=5"}) + "# mine\n"
    assert wsl_conf.revert(base, written, current) == "[user]\ndefault=me\n\n\n[automount]\noptions=uid=5\n# mine\n"


def test_revert_of_a_text_that_someone_broke():
    written = merge("", {"boot.systemd": True, "user.default": "me"})
    assert wsl_conf.revert(None, written, written + "; broken\nx\n") == "\n[user]\n; broken\nx\n"


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"automount.options": "metadata,cache=loose"}, "'cache=loose' keeps stale copies"),
        ({"automount.options": "msize=262144"}, "'msize=262144' is cut to"),
        ({"automount.options": "crossdv"}, "'crossdv' is unknown"),
        ({"automount.options": "metadata, umask=22"}, "has blanks around it"),
        ({"automount.options": "umask=8"}, "is no octal mask"),
        ({"automount.options": "uid=me"}, "is no number"),
        ({"automount.options": "case=on"}, "is none of"),
        ({"automount.options": "noexec"}, "every Windows program"),
        ({"automount.enabled": False}, "no Windows drive is mounted"),
        ({"automount.root": "mnt"}, "must start with /"),
        ({"automount.cgroups": "v1"}, "systemd 256"),
        ({"interop.enabled": False}, "powershell.exe"),
        ({"network.generateResolvConf": False}, "no name resolves"),
        ({"fileServer.enabled": False}, "no longer reach"),
        ({"boot.protectBinfmt": False}, "unregister"),
        ({"boot.initTimeout": 0}, "less than a second"),
        ({"filesystem.umask": "22"}, "which is 0026"),
        ({"filesystem.umask": "0"}, "every user could write"),
        ({"filesystem.umask": "0777"}, "takes rights from the owner"),
        ({"filesystem.umask": "01000"}, "between 0000 and 0777"),
        ({"automount.mountFsTab": False}, "/etc/fstab"),
    ],
)
def test_harmful(wanted, reason):
    reasons = wsl_conf.harmful(wanted, parse(merge("", wanted)).values)
    assert len(reasons) == 1
    assert reason in reasons[0]


@pytest.mark.parametrize(
    "wanted",
    [
        {"automount.options": "metadata,uid=1000,gid=1000,umask=22,fmask=011,dmask=0022,case=dir,noatime"},
        {"automount.options": ""},
        {"automount.options": "metadata,umask=22,"},
        {"automount.options": "metadata,,nofail,_netdev,x-mine,comment=c"},
        {"automount.root": "/"},
        {"automount.mountFsTab": False, "boot.systemd": True},
        {"automount.mountFsTab": None},
        {"filesystem.umask": "022"},
        {"filesystem.umask": 0o27},
        {"filesystem.umask": "0x12"},
        {"interop.appendWindowsPath": False, "gpu.enabled": False, "boot.systemd": False},
    ],
)
def test_not_harmful(wanted):
    assert wsl_conf.harmful(wanted, parse(merge("", wanted)).values) == []


def test_an_earlier_mountfstab_is_harmful_once_systemd_goes():
    after = parse(merge("[automount]\nmountFsTab=0\n[boot]\nsystemd=1\n", {"boot.systemd": False})).values
    assert "mountFsTab" in wsl_conf.harmful({"boot.systemd": False}, after)[0]


def test_keys_table():
    assert all(name == key.name == f"{key.section}.{key.key}" for name, key in KEYS.items())
    assert all(key.description.endswith(".") for key in KEYS.values())
    assert {key.type for key in KEYS.values()} == {"bool", "int", "str", "enum"}


def test_it_loads_as_a_single_file():
    spec = importlib.util.spec_from_file_location("loaded_alone", wsl_conf.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.parse("[boot]\nsystemd=1").values == {"boot.systemd": True}


@pytest.mark.parametrize(
    ("content", "removed", "met"),
    [
        ("", [], True),
        ("[boot]\nsystemd=true\n", [], True),
        ("[BOOT]\nSystemd=1\n", [], True),
        ("[boot]\nsystemd=false\n", [], False),
        ("[boot]\ninitTimeout=5000\n", [], False),
        ("[filesystem]\numask=0022\n", [], True),
        ("[filesystem]\numask=18\n", [], False),
        ("", ["network.hostname"], True),
        ("", ["boot.systemd"], False),
        ("", ["no.such"], False),
        ("[boot\n", [], False),
        ("[boot]\nsystemd=perhaps\n", [], False),
    ],
)
def test_what_a_file_already_means(content, removed, met):
    values = wsl_conf.parse("[boot]\nsystemd=true\n[filesystem]\numask=0022\n").values
    assert wsl_conf.is_met(values, True, content, removed) is met
    assert not wsl_conf.is_met(values, False, content, removed)


def test_what_harms_is_not_met_unless_allowed():
    content = "[interop]\nenabled=false\n"
    values = wsl_conf.parse(content).values
    assert not wsl_conf.is_met(values, True, content)
    assert wsl_conf.is_met(values, True, content, allow_harmful=True)
