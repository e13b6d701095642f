# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import functools
import io
import json
import os
import pwd
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import become, process
from onboard import __main__ as onboard_main
from onboard import answers as onboard_answers
from onboard import display as onboard_display
from onboard import options as onboard_options
from onboard import play as onboard_play
from onboard import projects as onboard_projects
from onboard import run as onboard_run
from onboard import story as onboard_story
from onboard import sudo as onboard_sudo

ROOT = onboard_options.ROOT
Options = onboard_options.Options


def parse(arguments: list[str]) -> Options:
    return onboard_options.parse(arguments, onboard_main.__doc__ or "")


@pytest.fixture
def no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no run begin: what a test expects to be refused, and is not, would tune the machine that the test is on."""
    monkeypatch.setattr(onboard_run, "become", lambda *_given: pytest.fail("it was not refused"))


class Recorder:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, step: onboard_display.Step) -> None:
        self.lines.append(f"> {step.name}")

    def end(self, step: onboard_display.Step) -> None:
        self.lines.append(f"{step.outcome} {step.name}")

    def show(self, text: str) -> None:
        self.lines.append(text)

    def tick(self, step: onboard_display.Step | None, progress: onboard_display.Progress | None) -> None: ...

    def close(self) -> None: ...


def story(command: str = "site") -> tuple[onboard_story.Story, Recorder]:
    recorder = Recorder()
    return onboard_story.Story(recorder, io.StringIO(), command), recorder


def task(role: str, name: str = "a task", action: str = "ansible.builtin.command") -> dict[str, Any]:
    data = {"role": role, "task": name, "play": "Tune Go", "task_action": action}
    return {"event": "playbook_on_task_start", "event_data": data}


def outcome(kind: str, stdout: str = "", **result: Any) -> dict[str, Any]:
    data = {"host": "box", "task": "Mount it", "res": result}
    if "ansible_stats" in result:
        data["task_action"] = "ansible.builtin.set_stats"
    return {"event": kind, "stdout": stdout, "event_data": data}


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ({"module_stderr": "At line:1\nblocked by your antivirus software.\n"}, "blocked by your antivirus software."),
        ({"module_stdout": "out of memory\n"}, "out of memory."),
        ({}, "it printed nothing."),
    ],
)
def test_a_module_that_ended_without_a_result_has_its_last_words(printed: dict[str, str], told: str) -> None:
    message = "Task failed: Module result deserialization failed: No start of json char found"
    event = outcome("runner_on_failed", msg=message, rc=1, **{"module_stdout": "", "module_stderr": "", **printed})
    said = f"box: the module ended without a result (exit code 1): {told.rstrip('.')} (in 'Mount it')."
    assert onboard_story.failure(event) == said


def test_no_host_says_what_the_run_came_to() -> None:
    seen, _recorder = story()
    data = {"wsltune_status": "faster", "wsltune_report": "/etc/shadow", "wsltune_summary": "all is well"}
    event = outcome("runner_on_ok", ansible_stats={"data": data})
    event["event_data"]["task_action"] = "wsltune.go.go_facts"
    seen.take(event)
    assert (seen.statuses, seen.reports, seen.summaries) == (set(), {}, {})


def test_a_terminal_obeys_nothing_that_a_host_returned(capsys: pytest.CaptureFixture[str]) -> None:
    seen, _recorder = story()
    seen.take(outcome("runner_on_ok", ansible_stats={"data": {"wsltune_summary": "red\x1b[31m\nnext"}}))
    seen.tell()
    assert capsys.readouterr().out == "\nred\\x1b[31m\nnext\n\n"
    assert "\x1b" not in onboard_story.failure(outcome("runner_on_failed", msg="red\x1b[31m"))


def test_what_is_checked_before_the_plan_is_no_step_of_a_role() -> None:
    seen, _recorder = story()
    for role, file in (("wsl_conf", "preflight"), ("wsl_conf", "scope"), ("go_env", "preflight")):
        event = task(f"wsltune.go.{role}")
        event["event_data"]["task_path"] = f"/x/roles/{role}/tasks/{file}.yml:2"
        seen.take(event)
        seen.take(outcome("runner_on_ok"))
    assert seen.step is not None and seen.step.name == onboard_story.OBSERVE
    seen.take(task("wsltune.go.go_env"))
    assert seen.step.name == onboard_story.STEPS["go_env"]


def test_options_and_what_follows_the_dashes() -> None:
    options = parse(["--no-benchmark", "--yes", "--", "-e", "a=b", "--check"])
    assert options == Options(check=True, benchmark=False, yes=True, extra=["-e", "a=b", "--check"])
    assert not options.other_hosts
    assert parse(["--", "-i", "box,"]).other_hosts
    assert parse(["rollback", "--yes"]) == Options(command="rollback", yes=True)


@pytest.mark.usefixtures("no_run")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--chek"],
        ["surgeon"],
        ["bench", "--json"],
        ["--", "-K"],
        ["--", "-bK"],
        ["--", "-e", "a=b", "--ask-vault-pass"],
    ],
)
def test_wrong_usage_is_one_sentence_and_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert onboard_run.main(arguments, onboard_main.__doc__ or "") == onboard_options.USAGE
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("onboard.sh: ")
    assert said[0].endswith(".")


def test_the_steps_of_a_run_in_words() -> None:
    told, recorder = story()
    for event in (
        task("", "Observe the machine and Go"),
        # The title alone is of an include that may be skipped.
        task("", "Decide which levers are on"),
        task("wsltune.go.verify", "Try each lever beside a baseline (levers.yml)"),
        task("wsltune.go.go_tmpfs"),
        outcome("runner_on_ok", changed=True),
        task("wsltune.go.go_tmpfs", "another"),
        task("", "between"),
        task("verify"),
        task("verify", "Measure", "wsltune.go.go_benchmark"),
        task("verify", "decide"),
        task("", "Take back what this run changed, because it made Go slower"),
        task("go_tmpfs", "as before"),
    ):
        told.take(event)
    told.end_step()
    assert recorder.lines == [
        f"> {onboard_story.OBSERVE}",
        f"ok {onboard_story.OBSERVE}",
        f"> {onboard_story.LEVERS}",
        f"ok {onboard_story.LEVERS}",
        f"> {onboard_story.STEPS['go_tmpfs']}",
        f"changed {onboard_story.STEPS['go_tmpfs']}",
        f"> {onboard_story.CHECK_ONLY}",
        f"ok {onboard_story.STEPS['verify']}",
        f"> {onboard_story.TAKE_BACK}",
        f"ok {onboard_story.TAKE_BACK}",
    ]


def test_a_trial_before_a_role_takes_nothing_back() -> None:
    told, recorder = story()
    for event in (task("wsltune.go.verify", "Make a folder for the reports"), task("wsltune.go.go_tmpfs")):
        told.take(event)
    told.end_step()
    assert recorder.lines[-1] == f"ok {onboard_story.STEPS['go_tmpfs']}"


def test_the_step_that_takes_back_is_known_by_its_title() -> None:
    text = (ROOT / "playbooks/parts/measured.yml").read_text(encoding="utf-8")
    assert "- name: Take back what " in text


def test_every_role_of_the_main_job_has_its_words() -> None:
    files = [ROOT / "playbooks/site.yml", *(ROOT / "playbooks/parts").glob("*.yml")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    named = set(re.findall(r"name: wsltune\.go\.(\w+)", text))
    # The role that plans is part of the look.
    assert named == {*onboard_story.STEPS, onboard_story.REPORT, "site"}


def test_a_role_that_the_plan_skips_has_its_step_all_the_same() -> None:
    text = (ROOT / "playbooks/parts/roles.yml").read_text(encoding="utf-8")
    titles = re.findall(r'name: "(Role .+)"', text)
    assert len(titles) == 3
    told, recorder = story()
    for title in titles:
        told.take(task("", title))
    told.end_step()
    steps = [onboard_story.STEPS[title.split(":")[0].removeprefix("Role ")] for title in titles]
    assert recorder.lines == [line for step in steps for line in (f"> {step}", f"ok {step}")]


def test_a_step_that_failed_stays_so_while_it_is_reported() -> None:
    told, recorder = story()
    for event in (task("verify"), outcome("runner_on_failed", msg="slower"), task("wsltune.go.report")):
        told.take(event)
    told.end_step()
    assert recorder.lines[-1] == f"failed {onboard_story.CHECK_ONLY}"


def played(*events: dict[str, Any]) -> str:
    shown = io.StringIO()
    told = onboard_story.Story(onboard_display.PlainDisplay(shown), io.StringIO())
    for event in events:
        told.take(event)
    told.end_step()
    return shown.getvalue()


def done(action: str, **result: Any) -> dict[str, Any]:
    event = outcome("runner_on_ok", **result)
    event["event_data"]["task_action"] = action
    return event


@pytest.mark.parametrize(
    ("role", "path", "action", "result", "shown"),
    [
        ("go_tmpfs", "", "ansible.builtin.include_role", {}, ""),
        ("go_env", "", "set_fact", {}, ""),
        ("go_tmpfs", "", "wsltune.go.go_tmpfs", {}, "Set up the place of Go's temporary files: ok (0 s)\n"),
        ("go_toolchain", "", "debug", {"changed": True}, "See that there is a Go: changed (0 s)\n"),
        ("verify", "levers.yml", "wsltune.go.go_levers", {"experiments": []}, ""),
        (
            "verify",
            "levers.yml",
            "wsltune.go.go_levers",
            {"experiments": [{}]},
            "Try which tunings make Go faster here: ok (0 s)\n",
        ),
    ],
)
def test_a_step_without_work_is_not_shown(role: str, path: str, action: str, result: Any, shown: str) -> None:
    assert played(task(role, path, action), done(action, **result)) == shown


def test_a_step_that_takes_a_while_says_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(onboard_display.time, "monotonic", lambda: now)
    shown = io.StringIO()
    display = onboard_display.PlainDisplay(shown)
    step = onboard_display.Step("See that there is a Go", started=1000.0, task="Install Go by apt")
    display.begin(step)
    for second in range(48):
        now = 1000.0 + second
        display.tick(step, None)
    assert shown.getvalue().splitlines() == [
        "See that there is a Go ...",
        "  Install Go by apt: 22 s so far",
        "  Install Go by apt: 42 s so far",
    ]


def test_an_interrupt_says_what_has_changed() -> None:
    told, _recorder = story()
    told.take(task("go_tmpfs"))
    told.take(outcome("runner_on_ok", changed=True))
    told.end_step()
    assert told.changed == ["Set up the place of Go's temporary files"]
    said = onboard_run.interrupted(Options(), told.changed)
    assert said.startswith("Interrupted. Changed by then: Set up the place of Go's temporary files. To go on, run ")
    assert "onboard.sh rollback to restore" in said
    assert onboard_run.interrupted(Options(), told.changed, "Give Go its settings").startswith(
        "Interrupted. Changed by then: Set up the place of Go's temporary files. "
        "Under way, and perhaps half done: Give Go its settings. To go on, run "
    )
    half = onboard_run.interrupted(Options(), [], "Give Go its settings")
    assert half.startswith("Interrupted. Under way, and perhaps half done: Give Go its settings. To go on, run ")
    back = onboard_run.interrupted(Options(), [], onboard_story.TAKE_BACK)
    assert back.startswith(f"Interrupted. Under way, and perhaps half done: {onboard_story.TAKE_BACK}. To go on, run ")
    measuring = onboard_run.interrupted(Options(), [], "Measure Go before and after, check and report")
    assert measuring.startswith("Interrupted, with nothing changed: ")
    for options, changed in ((Options(), []), (Options(check=True), ["x"]), (Options(command="doctor"), ["x"])):
        assert onboard_run.interrupted(options, changed).startswith("Interrupted, with nothing changed: ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(), ""),
        (Options(check=True, benchmark=False), " --check --no-benchmark"),
        (Options(command="bench", against="a b", fail_if_slower=True), " bench --against 'a b' --fail-if-slower"),
        (Options(extra=["-e", '{"a": 1}']), " -- -e '{\"a\": 1}'"),
    ],
)
def test_an_interrupt_names_what_can_be_typed_from_here(
    options: Options, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f": run {ROOT}/onboard.sh{words} again to finish." in onboard_run.interrupted(options, [])
    monkeypatch.chdir(ROOT)
    assert f": run ./onboard.sh{words} again to finish." in onboard_run.interrupted(options, [])


def test_an_interrupted_rollback_is_not_told_to_tune(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(ROOT)
    for name in ("leave_places_of_others", "settle_temporary_folder", "check_room"):
        monkeypatch.setattr(onboard_run, name, lambda: None)
    # As Ctrl-C at the question or at sudo's.
    monkeypatch.setattr(onboard_run, "become", interrupt)
    assert onboard_run.main(["rollback"], onboard_main.__doc__ or "") == onboard_options.INTERRUPTED
    assert capsys.readouterr().err == "\nInterrupted: run ./onboard.sh rollback again to finish.\n"


ROOT_DISK = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
TMP = "21 20 0:30 / /tmp rw - tmpfs tmpfs rw\n"
OWN = "22 20 0:31 / /var/cache/gotmp rw - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("mounts", "on_wsl", "has_go", "options", "said", "unsaid"),
    [
        (
            ROOT_DISK,
            False,
            True,
            Options(),
            ["if that makes Go faster", "for /tmp", "tries which"],
            ["WSL", "installs"],
        ),
        (ROOT_DISK + TMP, False, True, Options(), ["/tmp is in memory already"], ["one line in /etc/fstab"]),
        (ROOT_DISK + TMP.replace("rw -", "rw,noexec -"), False, True, Options(), ["one line in"], ["already"]),
        (ROOT_DISK, True, False, Options(), ["Windows", "installs the distribution's"], []),
        (ROOT_DISK, False, True, Options(benchmark=False), ["does not measure"], ["tries which", "if that makes"]),
        (ROOT_DISK + OWN, False, True, Options(), ["an earlier run put", "/var/cache/gotmp"], ["one line in"]),
        (ROOT_DISK, False, True, Options(extra=["-e", "verify_budget_minutes=7"]), ["up to 7 minutes"], ["3 minutes"]),
    ],
)
def test_the_prompt_promises_what_happens_here(
    mounts: str,
    on_wsl: bool,
    has_go: bool,
    options: Options,
    said: list[str],
    unsaid: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    text = onboard_run.describe(options, mounts, on_wsl, has_go)
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []
    assert all(len(line) <= 130 for line in text.splitlines())


LINE = "wsltune /tmp tmpfs size=1G,comment=wsltune 0 0\n"


@pytest.mark.parametrize(
    ("mounts", "starts", "options", "said"),
    [
        (ROOT_DISK + TMP.replace("tmpfs tmpfs", "tmpfs wsltune"), LINE, Options(), "compares it with the disk"),
        (ROOT_DISK, LINE, Options(), "otherwise its line in /etc/fstab goes again"),
        (ROOT_DISK, LINE, Options(extra=["-e", "wsltune_levers={}"]), "one line in /etc/fstab for /tmp"),
        (ROOT_DISK, "/dev/sdb1 /tmp ext4 defaults 0 0\n", Options(), "one line in /etc/fstab for /tmp"),
    ],
)
def test_the_prompt_says_what_becomes_of_an_earlier_tmp(
    mounts: str, starts: str, options: Options, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    text = onboard_run.describe(options, mounts, False, True, starts)
    assert said in text
    assert ("an earlier run put /tmp" in text) == ("one line in" not in text)


def test_a_full_disk_is_named_before_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 3 << 20

    monkeypatch.setattr(onboard_run.shutil, "disk_usage", lambda _place: Usage)
    with pytest.raises(onboard_options.Stop, match=r"the disk is full: .* has 3 MB free"):
        onboard_run.check_room()


@pytest.mark.usefixtures("no_run")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["docter"], "unknown command 'docter' (did you mean doctor?)"),
        (["doctor", "--check"], "doctor changes nothing"),
        (["rollback", "--no-benchmark"], "rollback measures nothing"),
        (["doctor", "--no-benchmark"], "doctor measures nothing"),
        (["--", "-e", "go_tmpfs_sise=1G"], "nothing reads the variable go_tmpfs_sise (did you mean go_tmpfs_size?)"),
        (["--", "-e", '{"verify_module": ["/x"]}'], "nothing reads the variable verify_module (did you mean verify_m"),
        (["--", "--extra-vars=wsl_x=1"], "nothing reads the variable wsl_x"),
        (["--", "-e", "metrics_directry=/srv"], "nothing reads the variable metrics_directry (did you mean metrics_di"),
    ],
)
def test_what_would_have_no_effect_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert onboard_run.main(arguments, onboard_main.__doc__ or "") == onboard_options.USAGE
    assert said in capsys.readouterr().err


def test_settings_of_the_readme_and_of_others_are_taken() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    settings = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert len(settings) > 8
    parse(["--", "-e", json.dumps(dict.fromkeys(settings, 1))])
    parse(["--", "-e", "ansible_port=2 http_proxy=x", "-e", "@vars.yml", "-e", "{not json", "-e"])
    for given in (["-e", "wsltune_levers={}"], ["-ewsltune_user=eve verify_seed=1"]):
        parse(["--", *given])


@pytest.mark.parametrize(
    ("files", "place", "inside", "module"),
    [
        (["ws/go.work", "ws/a/go.mod"], "ws", True, None),
        (["ws/go.work"], "ws/docs/deep", True, None),
        (["ws/go.work", "ws/a/go.mod"], "ws/a/cmd/app", True, "ws/a"),
        (["m/go.mod"], "m/cmd/app", True, "m"),
        (["m/go.mod"], ".", False, None),
        (["m/go.mod/x", "m/go.work/x"], "m", False, None),
    ],
)
def test_which_folder_is_of_a_module_or_a_go_work(
    files: list[str], place: str, inside: bool, module: str | None, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    assert onboard_answers.in_go_module(tmp_path / place) is inside
    assert onboard_answers.go_module(tmp_path / place) == (tmp_path / module if module else None)


def test_the_readme_has_what_a_newcomer_asks_first() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    start = text[text.index("\n## Start\n") : text.index("\n## Find the cause\n")]
    commands = re.findall(r"(?m)^    (.+)$", start)
    # The way from nothing; the project's own tests come last, and it says whom they are for.
    assert commands[0].startswith("git clone ") and commands[2] == "./onboard.sh"
    assert commands[-1] == "./test.sh" and "of interest only if you change it" in start
    example = next(command for command in commands if "verify_modules" in command)
    given = parse(shlex.split(example)[1:]).extra
    assert json.loads(given[1])["verify_modules"][0].startswith("/")
    for told in (r"250 MB", r"500 MB", r"about a minute", r"such as in a script,\s+it never asks", r"Debian 13,"):
        assert re.search(told, start), told


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        (["-e", "verify_budget_minutes=1.5 verify_seed=1"], 1.5),
        (["-e", '{"verify_budget_minutes": 7}'], 7.0),
        (["-e", '{"verify_budget_minutes": "7"}'], 7.0),
        (["-e", "verify_budget_minutes='{{ 2 * 3 }}'"], 0.0),
        (["-e", "@vars.yml"], 0.0),
    ],
)
def test_the_minutes_for_measuring_that_were_given(given: list[str], minutes: float) -> None:
    assert parse(["--", *given]).budget_minutes == minutes


@pytest.mark.parametrize("given", ["1.2.3", ".", "5min", "three"])
def test_minutes_that_are_no_number_are_one_sentence(given: str) -> None:
    with pytest.raises(onboard_options.Stop, match=f"verify_budget_minutes is '{re.escape(given)}': give") as stopped:
        parse(["--", "-e", f"verify_budget_minutes={given}"])
    assert stopped.value.code == onboard_options.USAGE


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_drift_ends_with_the_exit_code_of_its_report(code: int, tmp_path: Path) -> None:
    report = tmp_path / "drift.json"
    report.write_text(json.dumps({"exit_code": code, "hosts": []}), encoding="utf-8")
    told, _recorder = story(command="drift")
    data = {"wsltune_status": "in_state", "wsltune_report": str(report)}
    told.take(outcome("runner_on_ok", ansible_stats={"data": data}))
    assert told.drift_code() == code


def test_drift_names_the_command_that_can_be_typed_here(capsys: pytest.CaptureFixture[str]) -> None:
    told, _recorder = story(command="drift")
    told.summaries["localhost"] = (
        "gone: x\n    do: run site.yml, which makes it again\n    do: y, then run\n    site.yml, z"
    )
    told.tell("./onboard.sh -- -e a=1")
    said = capsys.readouterr().out
    assert "do: run ./onboard.sh -- -e a=1, which makes it again\n" in said
    assert "then run\n    ./onboard.sh -- -e a=1, z" in said
    told.tell("./onboard.sh --")
    assert "do: run ./onboard.sh, which" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "words"), [([], ""), (["doctor"], " doctor")])
def test_who_reads_the_first_lines_alone_gets_no_traceback(arguments: list[str], words: str) -> None:
    """As of ./onboard.sh doctor | head -3."""
    program = (
        "import sys; from onboard import run\n"
        "for name in ('leave_places_of_others', 'settle_temporary_folder', 'check_room'): setattr(run, name, int)\n"
        "run.become = lambda *_: None\n"
        "run.run = lambda *_: print('x' * 100000, flush=True)\n"
        "sys.exit(run.main(sys.argv[1:], 'USAGE'))\n"
    )
    program = program.replace("'USAGE'", repr(onboard_main.__doc__))
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == onboard_options.INTERRUPTED
    assert done.stderr == (
        f"onboard.sh: nobody reads on what it prints, so it stopped: run ./onboard.sh{words} again to finish.\n"
    )


def test_drift_without_a_report_is_no_answer() -> None:
    told, _recorder = story(command="drift")
    assert told.drift_code() == onboard_options.FAILED


@pytest.mark.usefixtures("no_run")
@pytest.mark.parametrize(
    "arguments", [["drift", "--check"], ["drift", "--no-benchmark"], ["drift", "--", "-e", "go_x=1"]]
)
def test_a_wrong_option_of_drift_is_no_answer_about_drift(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert onboard_run.main(arguments, onboard_main.__doc__ or "") == onboard_options.FAILED
    assert capsys.readouterr().err


SUDO = """#!/bin/bash
# As {kind} asks for a password.
while [[ $1 == -* ]]; do
    case $1 in
        -p) prompt=$2; shift ;;
        -u) shift ;;
    esac
    shift
done
printf '{said}' "$prompt" >&2
read -r password
[ "$password" = secret ] || exit 1
touch "${{0%/*}}/accepted"
exec "$@"
"""


@pytest.mark.parametrize(("kind", "said"), [("sudo", "%s"), ("sudo-rs 0.2.13", "[sudo: %s] Password: ")])
def test_a_password_is_given_to_each_kind_of_sudo(tmp_path: Path, kind: str, said: str) -> None:
    """Ubuntu has had sudo-rs since 25.10."""
    (tmp_path / "sudo").write_text(SUDO.format(kind=kind, said=said))
    (tmp_path / "sudo").chmod(0o755)
    (tmp_path / "password").write_text("secret\n")
    task = {"ansible.builtin.command": "echo as root", "become": True}
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    given = [
        "-i",
        "localhost,",
        "-c",
        "local",
        "--become-password-file",
        f"{tmp_path}/password",
        f"{tmp_path}/play.yml",
    ]
    command = [sys.executable, "-I", str(ROOT / "onboard/playbook.py"), *given]
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        # Who is root already needs no sudo.
        "ANSIBLE_BECOME_ALLOW_SAME_USER": "true",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and (tmp_path / "accepted").exists(), done.stdout + done.stderr


@pytest.mark.parametrize(
    "said", ["joe is not in the sudoers file.", "sudo-rs: I'm sorry joe. I'm afraid I can't do that"]
)
@pytest.mark.parametrize("way", ["onboard", "scripts"])
def test_who_may_not_use_sudo_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, way: str
) -> None:
    """As if the password had been another one."""
    (tmp_path / "sudo").write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 1\n')
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    if way == "onboard":
        asked: list[str] = []
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        monkeypatch.setattr(onboard_sudo.getpass, "getpass", lambda question: asked.append(question) or "secret")
        with pytest.raises(onboard_options.Stop, match=r"did not let this user become root: .*joe"):
            onboard_sudo.become(parse([]), terminal=True)
        assert len(asked) == 1
        return
    # As somebody else, because root needs no sudo.
    function = re.search(r"(?ms)^need_root\(\) \{$.*?^\}$", (ROOT / "scripts/venv.sh").read_text(encoding="utf-8"))
    assert function
    text = function[0].replace("EUID", "1000").replace("[[ -t 0 ]]", "true").replace("id -un", "echo joe")
    script = f'sudo_password=; fail() {{ echo "$*"; exit 3; }}; say() {{ echo "$*"; }}; {text}; need_root It'
    done = subprocess.run(["bash", "-c", script], input="a\nb\nc\n", capture_output=True, text=True, check=False)
    assert done.returncode == 3 and said in done.stdout and "try again" not in done.stdout, done.stdout + done.stderr


def test_drift_without_sudo_looks_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(onboard_sudo.shutil, "which", lambda _name: None)
    assert onboard_sudo.become(parse(["drift"]), terminal=True) == onboard_sudo.Root(is_there=False)


@pytest.mark.parametrize("word", ["docter", "rolback", "surgeon"])
def test_a_wrong_command_costs_no_installation(word: str, tmp_path: Path) -> None:
    # Without python3 and apt in PATH, an installation would fail in another way.
    done = subprocess.run(
        ["bash", str(ROOT / "onboard.sh"), word],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == onboard_options.USAGE
    assert f"unknown command '{word}'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_command_to_run_again_can_be_added_to() -> None:
    assert onboard_play.again_command(Options()).endswith("onboard.sh --")
    options = Options(benchmark=False, check=True, extra=["--check", "-e", "a=b c"])
    assert onboard_play.again_command(options).endswith("onboard.sh --no-benchmark -- -e 'a=b c'")
    options = Options(check=True, extra=["-CD", "--chec", "-e", "a=b"])
    assert onboard_play.again_command(options).endswith("onboard.sh -- -e a=b")


@pytest.mark.parametrize(
    ("argument", "is_check"),
    [("-C", True), ("-CD", True), ("-vvC", True), ("--check", True), ("--che", True), ("-D", False), ("--diff", False)],
)
def test_a_look_is_one_however_ansible_is_told(argument: str, is_check: bool) -> None:
    assert parse(["--", argument]).check is is_check
    # Ansible agrees.
    from ansible.cli.playbook import PlaybookCLI

    cli = PlaybookCLI(["ansible-playbook", "site.yml", argument])
    cli.init_parser()
    assert cli.parser.parse_args(["site.yml", argument]).check is is_check


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            outcome("runner_on_failed", msg="Task failed: Module failed: no\nroom left."),
            "no room left (in 'Mount it').",
        ),
        (
            outcome("runner_on_failed", msg="The filter plugin 'wsltune.go.x' failed: size is 'much': give a number"),
            "size is 'much': give a number (in 'Mount it').",
        ),
        (outcome("runner_on_failed", results=[{"ok": 1}, {"failed": True, "msg": "x"}]), "x (in 'Mount it')."),
        (outcome("runner_on_failed", argument_errors=["a is no b", "c is no d"]), "a is no b; c is no d."),
        (outcome("runner_on_failed", "x\n[ERROR]: Task failed: gone\ny", censored="hidden"), "gone (in 'Mount it')."),
        (outcome("runner_on_failed"), "no reason was given (in 'Mount it')."),
    ],
)
def test_a_failure_is_one_sentence(event: dict[str, Any], text: str) -> None:
    assert onboard_story.failure(event) == f"box: {text}"


def test_the_last_failure_of_a_host_counts_and_an_ignored_one_does_not() -> None:
    told, _recorder = story()
    told.take(outcome("runner_on_failed", msg="first"))
    ignored = outcome("runner_on_failed", msg="ignored")
    ignored["event_data"]["ignore_errors"] = True
    told.take(outcome("runner_on_failed", msg="the rescue's word"))
    told.take(ignored)
    assert list(told.failures.values()) == ["box: the rescue's word (in 'Mount it')."]


def test_an_error_outside_a_task_and_its_place() -> None:
    told, _recorder = story()
    for line in ("[ERROR]: YAML parsing failed: no end.", "Origin: /x/site.yml:3:1", "noise"):
        told.take({"event": "verbose", "stdout": line})
    assert told.errors == ["YAML parsing failed: no end, in /x/site.yml:3:1."]
    assert not told.usage
    told.take({"event": "verbose", "stdout": "ansible-playbook: error: unrecognized arguments: --nonsense"})
    assert told.usage


@pytest.mark.parametrize("data", ["faster", {"box": "faster"}])
def test_the_summary_of_a_host(data: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told, _recorder = story()
    told.take(outcome("runner_on_ok", ansible_stats={"data": {"wsltune_summary": data}, "per_host": True}))
    told.tell()
    assert capsys.readouterr().out == "\nfaster\n\n"


def test_progress_of_the_benchmark(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    progress = onboard_display.ProgressFile(path)
    assert progress.read() is None
    for broken in ("", "{", "[]", "{}", '{"seconds_left": "x"}', '{"seconds_left": null}'):
        path.write_text(broken, encoding="utf-8")
        assert progress.read() is None
    told = {"phase": "measure", "scenario": "edit", "round": 3, "rounds": 12, "seconds_left": 90.2}
    path.write_text(json.dumps(told), encoding="utf-8")
    assert progress.read() == onboard_display.Progress("edit: round 3 of 12, at most 1 min 30 s left", 0.25)
    long_ago = time.time() - 60
    os.utime(path, (long_ago, long_ago))
    assert progress.read() == onboard_display.Progress("edit: round 3 of 12, at most 30 s left", 0.25)
    path.write_text(json.dumps({**told, "candidates": 4}), encoding="utf-8")
    assert "round 3 of 12 with 4 levers" in progress.read().text
    path.write_text(json.dumps({**told, "seconds_left": 0}), encoding="utf-8")
    assert progress.read() == onboard_display.Progress("edit: round 3 of 12, finishing this round", 0.25)
    path.write_text(json.dumps({"phase": "prepare", "scenario": "", "seconds_left": 5}), encoding="utf-8")
    assert progress.read() == onboard_display.Progress("getting ready, at most 5 s left", 0.0)


def test_plain_benchmark_lines_come_at_most_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr(onboard_display.time, "monotonic", lambda: now)
    display = onboard_display.PlainDisplay()
    for second in range(25):
        now = 1000.0 + second
        display.tick(None, onboard_display.Progress(f"round {second}", 0.1))
    assert capsys.readouterr().out.split("\n") == [
        "  benchmark round 0",
        "  benchmark round 10",
        "  benchmark round 20",
        "",
    ]


@pytest.mark.parametrize("manager", ["apt-get", "dpkg", "dnf", "rpm", "zypper", "pacman", "apk"])
def test_descendants_without_the_package_manager(manager: str, tmp_path: Path) -> None:
    (tmp_path / manager).symlink_to("/bin/sleep")
    script = f"{tmp_path}/{manager} 30 & sleep 30 & echo ready; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        shell.stdout.readline()
        time.sleep(0.3)
        process = onboard_play.processes()
        every = {pid: process.running()[pid][1] for pid in onboard_play.children(shell.pid)}
        below = onboard_play.descendants(shell.pid)
        try:
            assert len(every) == 2
            assert [onboard_play.name_of(pid) for pid in below] == ["sleep"]
            ((pid, start),) = below.items()
            assert process.is_running(pid, start)
            # Another process that came to have the number of this one.
            assert not process.is_running(pid, 1)
        finally:
            onboard_sudo.Root().kill([*every, shell.pid], signal.SIGKILL)
    until = time.monotonic() + 5
    while any(process.is_running(*child) for child in every.items()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(process.is_running(*child) for child in every.items()) and shell.returncode is not None


@pytest.mark.parametrize("name", ["runtime", "oldest", "test"])
def test_a_lock_has_hashes_for_everything_and_names_no_host(name: str) -> None:
    text = (ROOT / f"requirements/{name}.lock").read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.findall(r"^[a-z0-9][^\n]*==[^\n]*\n(?:    --hash=sha256:[0-9a-f]{64}[^\n]*\n)*", text, re.MULTILINE)
    assert len(entries) > 5
    assert [entry for entry in entries if "--hash" not in entry] == []


@pytest.mark.parametrize(("hosts", "expected"), [(["a"], {"status": "ok"}), (["a", "b"], {"a": {}, "b": {}})])
def test_what_the_doctor_found_as_json(tmp_path: Path, hosts: list[str], expected: dict[str, Any]) -> None:
    found, _recorder = story()
    for host in hosts:
        report = tmp_path / f"{host}.json"
        report.write_text('{"status": "ok"}')
        event = outcome("runner_on_ok", ansible_stats={"data": {"wsltune_report": str(report)}})
        event["event_data"]["host"] = host
        found.take(event)
    assert set(json.loads(found.findings())) == set(expected)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link of another account's")
@pytest.mark.parametrize("name", ["go.mod", "go.work"])
def test_a_link_that_somebody_puts_into_tmp_stops_nobody_who_starts_below_it(tmp_path: Path, name: str) -> None:
    """With fs.protected_symlinks nobody, not even root, may follow it."""
    shared = tmp_path / "shared"
    (shared / "own").mkdir(parents=True)
    shared.chmod(0o1777)
    (shared / name).symlink_to("/etc/passwd")
    os.chown(shared / name, 4711, 4711, follow_symlinks=False)
    assert not onboard_answers.in_go_module(shared / "own")
    assert onboard_answers.go_module(shared / "own") is None


@pytest.mark.parametrize("name", ["go.mod", "go.work"])
@pytest.mark.parametrize("mode", [0o1777, 0o755])
def test_what_anybody_can_make_a_module_is_nobodys_to_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, mode: int
) -> None:
    """Whoever starts the doctor in /var/tmp would run tests that another account put there."""
    shared = tmp_path / "shared"
    own = shared / "own"
    own.mkdir(parents=True)
    (shared / name).touch()
    shared.chmod(mode)
    monkeypatch.chdir(own)
    is_own = mode == 0o755
    assert onboard_answers.in_go_module(own) is is_own
    assert onboard_answers.go_module(own) == (shared if is_own and name == "go.mod" else None)
    assert onboard_answers.everybodys_module(own) == ("" if is_own else str(shared))
    (own / "go.mod").touch()
    assert onboard_answers.in_go_module(own) and onboard_answers.go_module(own) == own
    assert onboard_answers.everybodys_module(own) == ""


def test_bench_says_why_it_measures_no_module_of_everybodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "go.mod").touch()
    tmp_path.chmod(0o1777)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(onboard_options.Stop, match="so that its Go module may be anybody's"):
        onboard_play.bench_variables(onboard_options.Options(command="bench"))


@pytest.mark.parametrize("asked", ["go_module", "in_go_module", "lacks_container_file"])
def test_what_somebody_puts_into_tmp_keeps_nobody_waiting_who_starts_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """Such as a go.mod or a folder that a FUSE file system of theirs shows, and never says what is in it."""
    (tmp_path / "main.go").touch()
    stat, names, scan = os.stat, os.listdir, os.scandir

    def look_at(path: Any, **how: Any) -> os.stat_result:
        if str(path).endswith("/go.mod"):
            time.sleep(15)
        return stat(path, **how)

    def late(look: Any, path: Any) -> Any:
        if str(path).startswith(str(tmp_path)):
            time.sleep(15)
        return look(path)

    monkeypatch.setattr(os, "stat", look_at)
    # Which of the two pathlib takes depends on Python's version.
    monkeypatch.setattr(os, "listdir", functools.partial(late, names))
    monkeypatch.setattr(os, "scandir", functools.partial(late, scan))
    began = time.monotonic()
    assert not getattr(onboard_answers, asked)(tmp_path)
    assert time.monotonic() - began < 10


def test_an_image_is_proposed_for_a_program_without_a_containerfile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "my shop/shop"
    (module / "cmd/shop").mkdir(parents=True)
    (module / "deploy").mkdir()
    (module.parent / ".git").mkdir()
    monkeypatch.chdir(module / "cmd")
    assert onboard_play.propose() == []
    (module / "go.mod").write_text("module example.com/shop\n")
    assert onboard_play.propose() == [], "a library needs none"
    (module / "cmd/shop/main.go").write_text("package main\n")
    before = sorted(tmp_path.rglob("*"))
    [sentence] = onboard_play.propose()
    # Of NAME=VALUE, Ansible would take the value up to the blank.
    words = shlex.split(sentence.partition(" (writes")[0])
    assert words[-3:-1] == ["playbooks/ci_image.yml", "-e"]
    assert json.loads(words[-1]) == {"ci_image_project": str(module)}
    assert sorted(tmp_path.rglob("*")) == before
    for place in (module / "Containerfile", module / "deploy/shop.Dockerfile", module.parent / "dockerfile.dev"):
        place.touch()
        assert onboard_play.propose() == [], place
        place.unlink()
    (tmp_path / "Dockerfile").touch()
    assert onboard_play.propose() == [sentence], "that one lies outside of the repository"
    named = module.parent / "{{ lookup('pipe', 'id') }}"
    module.rename(named)
    monkeypatch.chdir(named)
    [sentence] = onboard_play.propose()
    words = shlex.split(sentence.partition(" (writes")[0])
    assert json.loads(words[-1]) == {"ci_image_project": {"__ansible_unsafe": str(named)}}, "a name and no template"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees more than others")
def test_root_lists_no_folder_that_a_link_in_another_accounts_module_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path
    while place != place.parent and not place.stat().st_mode & 0o001:
        place.chmod(0o755)
        place = place.parent
    module, secret = tmp_path / "hers", tmp_path / "secret"
    for folder in (module, secret):
        folder.mkdir()
    for path in (module / "go.mod", module / "main.go"):
        path.touch()
    secret.chmod(0o700)
    (secret / "Containerfile").touch()
    (module / "deploy").symlink_to(secret)
    os.chown(module, 4711, 4711)
    monkeypatch.chdir(module)
    assert len(onboard_play.propose()) == 1, "root looked into the folder that the link leads to"
    (module / "Containerfile").touch()
    assert onboard_play.propose() == []


def test_what_bench_measures_and_compares_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "shop"
    (module / "price").mkdir(parents=True)
    (module / "go.mod").write_text("module example.com/shop\n")
    monkeypatch.chdir(module / "price")

    def variables(*arguments: str) -> dict[str, Any]:
        return onboard_play.bench_variables(parse(["bench", *arguments]))

    assert variables() == {"verify_modules": [str(module)]}
    # A file that is not there yet is the first run of a job.
    here = str(module / "price" / "old.json")
    assert variables("--against", "old.json")["verify_against_file"] == here
    with pytest.raises(onboard_options.Stop, match="'mian' is neither a file nor a Git revision"):
        variables("--against", "mian")
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        with pytest.raises(onboard_options.Stop, match="'main' is not a file, and no git is installed"):
            variables("--against", "main")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", "-b", "main", module], check=True)
    subprocess.run(["git", *identity, "-C", module, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    assert variables("--against=main")["verify_against_revision"] == "main"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(onboard_options.Stop, match="no Go module here"):
        variables()
    assert variables("--", "-e", '{"verify_modules": ["/elsewhere"]}') == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--against", "main"],
        ["doctor", "--fail-if-slower"],
        ["bench", "--fail-if-slower"],
        ["bench", "--against"],
        ["bench", "--check"],
        ["bench", "--no-benchmark"],
    ],
)
def test_what_belongs_to_bench_is_refused_elsewhere(arguments: list[str]) -> None:
    with pytest.raises(onboard_options.Stop) as stopped:
        parse(arguments)
    assert stopped.value.code == onboard_options.USAGE


@pytest.mark.parametrize(
    ("status", "code", "gate"), [("fine", 0, 0), ("slower", 0, 5), ("unknown", 0, 6), ("nothing", 6, 6), ("", 0, 0)]
)
def test_how_bench_ends(status: str, code: int, gate: int) -> None:
    assert onboard_run.exit_code(parse(["bench"]), {"fine", status}) == code
    assert onboard_run.exit_code(parse(["bench", "--against", "main", "--fail-if-slower"]), {"fine", status}) == gate


def test_what_is_found_on_each_machine_is_kept() -> None:
    told, _recorder = story()
    for status in ("unknown", "slower", "fine"):
        told.take(outcome("runner_on_ok", ansible_stats={"data": {"wsltune_status": status}}))
    assert told.statuses == {"unknown", "slower", "fine"}


@pytest.mark.parametrize("command", ["doctor", "bench"])
def test_what_only_looks_needs_no_root(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(onboard_sudo.shutil, "which", lambda _name: None)
    assert onboard_sudo.become(parse([command]), terminal=False) == onboard_sudo.Root()


def test_the_doctor_needs_no_root_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(onboard_sudo.shutil, "which", lambda _name: None)
    assert parse(["doctor"]).command == "doctor"
    assert onboard_sudo.become(parse(["doctor"]), terminal=False) == onboard_sudo.Root()
    with pytest.raises(onboard_options.Stop):
        onboard_sudo.become(parse([]), terminal=False)


@pytest.mark.parametrize(("status", "critical"), [("critical", True), ("warning", False), ("ok", False)])
def test_the_doctors_status_is_kept_for_the_exit_code(status: str, critical: bool) -> None:
    told, _recorder = story()
    data = {"wsltune_summary": "Nothing", "wsltune_status": status}
    told.take(outcome("runner_on_ok", ansible_stats={"data": data}))
    assert ("critical" in told.statuses, told.summaries) == (critical, {"box": "Nothing"})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("", []),
        ("n", []),
        ("NO", []),
        ("y", ["/a", "/b"]),
        ("2", ["/b"]),
        ("2, 1 2", ["/b", "/a"]),
        ("3", None),
        ("0", None),
        ("x", None),
        ("1 x", None),
    ],
)
def test_which_projects_an_answer_chooses(answer: str, expected: list[str] | None) -> None:
    assert onboard_projects.chosen(answer, ["/a", "/b"]) == expected


def test_projects_are_offered_only_where_there_are_some(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    answers = iter(["maybe", "1"])
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    monkeypatch.setattr(onboard_projects, "projects_to_copy", lambda: ["/mnt/c/shop", "/mnt/c/api"])
    options = Options()
    onboard_projects.ask_for_projects(options)
    assert options.projects == ["/mnt/c/shop"]
    assert "  2  /mnt/c/api" in capsys.readouterr().out
    for other in (
        Options(command="rollback"),
        Options(extra=["-e", "workspace_projects=[]"]),
    ):
        onboard_projects.ask_for_projects(other)
        assert other.projects == []
    monkeypatch.setattr(onboard_projects, "projects_to_copy", list)
    onboard_projects.ask_for_projects(Options())
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_roots_log_lies_where_nobody_else_can_lead_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sudo -E, XDG_STATE_HOME is a user's; what is named like a log elsewhere stays."""
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for number in range(25):
        (elsewhere / f"onboard-{number:02d}-1.log").touch()
    state.mkdir()
    (state / "wsltune").symlink_to(elsewhere)
    os.chown(state, 4711, 4711)
    entry = SimpleNamespace(pw_dir=str(tmp_path / "root"))
    monkeypatch.setattr(onboard_run, "pwd", SimpleNamespace(getpwuid=lambda _uid: entry))
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    path, log = onboard_run.open_log()
    log.close()
    assert path.parent == tmp_path / "root" / ".local/state/wsltune"
    assert len(list(elsewhere.iterdir())) == 25
    (state / "wsltune").unlink()
    os.chown(state, 0, 0)
    path, log = onboard_run.open_log()
    log.close()
    assert path.parent == state / "wsltune"


def arguments_of(options: Options, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the arguments that ansible-playbook would be started with."""
    lines: list[str] = []

    class Config:
        def __init__(self, cmdline: str, **_more: Any) -> None:
            lines.append(cmdline)
            self.command = ["ansible-playbook"]

        def prepare(self) -> None:
            pass

    played = SimpleNamespace(RunnerConfig=Config, Runner=lambda config, event_handler: None)
    monkeypatch.setitem(sys.modules, "ansible_runner", played)
    onboard_play.Play(options, onboard_sudo.Root(), folder, folder / "progress")
    return shlex.split(lines[0])


@pytest.mark.parametrize("at_terminal", [False, True])
def test_drift_is_judged_by_the_levers_that_a_run_from_there_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_terminal: bool
) -> None:
    """Otherwise the terminal that ansible-runner makes would count, and a job be judged by a person's levers."""
    for command in ("site", "drift"):
        options = parse([command])
        options.at_terminal = at_terminal
        arguments = arguments_of(options, tmp_path, monkeypatch)
        assert json.loads(arguments[1]).get("wsltune_at_terminal") is at_terminal, command


@pytest.mark.parametrize(
    ("arguments", "keyboard", "screen", "sits_there"),
    [
        ([], True, True, True),
        ([], True, False, False),
        (["drift"], True, False, False),
        (["drift", "--json"], True, False, True),
        (["drift", "--json"], False, False, False),
        (["drift"], False, True, False),
    ],
)
def test_a_person_who_has_json_go_to_a_program_is_still_at_the_terminal(
    arguments: list[str], keyboard: bool, screen: bool, sits_there: bool
) -> None:
    assert onboard_run.is_at_terminal(parse(arguments), keyboard, screen) is sits_there


@pytest.mark.parametrize("command", ["site", "doctor", "bench"])
def test_what_a_folder_is_called_is_no_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Ansible would run what is in it, as whoever started onboard.sh there."""
    made = tmp_path / "made"
    module = tmp_path / "{{ lookup('pipe', 'touch made') }}{% raw %}"
    module.mkdir()
    for name in ("go.mod", "main.go"):
        (module / name).touch()
    monkeypatch.chdir(module)
    options = parse([command])
    options.projects = [str(module)]
    arguments = arguments_of(options, tmp_path, monkeypatch)
    book = tmp_path / "book.yml"
    names = ("verify_modules", "verify_proposals", "doctor_modules", "workspace_projects")
    shown = {"ansible.builtin.debug": {"msg": "{{ query('ansible.builtin.vars', item, default='') }}"}, "loop": names}
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [shown]}]))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run([program, *arguments, str(book)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and "lookup('pipe'" in done.stdout, done.stdout + done.stderr
    assert not made.exists()


def test_ansible_runs_no_plugin_of_the_folder_that_a_run_is_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as /tmp, where any account can put one, or a project that a team shares."""
    for name in ("action", "cache", "callback", "connection", "filter", "lookup", "shell", "strategy", "vars"):
        (tmp_path / f"{name}_plugins").mkdir()
        (tmp_path / f"{name}_plugins" / "sh.py").write_text(f"open({str(tmp_path / 'made')!r}, 'a').write('{name}')\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    monkeypatch.setattr(onboard_play, "PLAYBOOKS", tmp_path / "own")
    task = {"ansible.builtin.command": {"argv": ["true"]}}
    (tmp_path / "own" / "doctor.yml").write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
    )
    options = parse(["doctor"])
    play = onboard_play.Play(options, onboard_sudo.Root(), tmp_path / "private", tmp_path / "progress")
    play.thread.start()
    play.thread.join(60)
    said = [play.events.get()["stdout"] for _number in range(play.events.qsize())]
    assert (play.runner.rc, play.trouble) == (0, ""), said
    assert not (tmp_path / "made").exists()


def test_who_takes_all_terminals_of_the_machine_stops_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ansible-runner makes one for each run, and any account can have 4096."""

    def taken() -> NoReturn:
        raise OSError("out of pty devices")

    for name in ("forkpty", "openpty"):
        monkeypatch.setattr(os, name, taken)
    monkeypatch.setattr(onboard_play, "PLAYBOOKS", tmp_path)
    task = {"ansible.builtin.command": {"argv": ["true"]}}
    (tmp_path / "doctor.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    options = parse(["doctor"])
    play = onboard_play.Play(options, onboard_sudo.Root(), tmp_path / "private", tmp_path / "progress")
    play.thread.start()
    play.thread.join(60)
    said = [play.events.get()["event"] for _number in range(play.events.qsize())]
    assert (play.runner.rc, play.trouble) == (0, "") and "runner_on_ok" in said, said
    with pytest.raises(onboard_options.Stop, match="no terminal is free in which sudo could ask"):
        onboard_play.Play(options, onboard_sudo.Root("secret"), tmp_path / "private", tmp_path / "progress")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_writes_nothing_below_the_home_of_another_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sudo -E; Ansible leaves its reports and its own files there, and follows links."""
    hers, roots, shared = (tmp_path / name for name in ("hers", "roots", "shared"))
    for folder in (hers, roots, shared):
        folder.mkdir()
    os.chown(hers, 4711, 4711)
    shared.chmod(0o1777)
    names = ("HOME", "XDG_STATE_HOME", "TMPDIR")
    for name in names:
        monkeypatch.setenv(name, str(hers))
    onboard_run.leave_places_of_others()
    assert [os.environ.get(name) for name in names] == [pwd.getpwuid(0).pw_dir, None, None]
    for name, folder in zip(names, (roots, roots / "not there yet", shared)):
        monkeypatch.setenv(name, str(folder))
    onboard_run.leave_places_of_others()
    assert [os.environ.get(name) for name in names] == [str(roots), str(roots / "not there yet"), str(shared)]
    shared.chmod(0o777)
    onboard_run.leave_places_of_others()
    assert "TMPDIR" not in os.environ


@pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")
def test_a_mount_point_with_the_end_of_a_line_in_it_stops_no_run(tmp_path: Path) -> None:
    place = tmp_path / "a\rb"
    place.mkdir()

    def there() -> str:
        assert process.LIBRARY.unshare(0x20000) == 0
        assert process.LIBRARY.mount(b"none", b"/", None, 0x4000 | 1 << 18, None) == 0
        assert process.LIBRARY.mount(b"eve", os.fsencode(place), b"tmpfs", 0, None) == 0
        return onboard_run.describe_here(parse([]))

    assert "tmp" in become.ask(None, there, always=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_ansible_runs_nothing_of_another_account_as_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sudo -E, a user's environment names modules and plugins, and where Ansible keeps what it runs."""
    hers, roots = (tmp_path / name for name in ("hers", "roots"))
    for folder in (hers, roots):
        (folder / "library").mkdir(parents=True)
    os.chown(hers, 4711, 4711)
    given = {
        "ANSIBLE_HOME": str(hers / "not there yet"),
        "ANSIBLE_LIBRARY": f"{roots}:{hers}",
        "ANSIBLE_CALLBACK_PLUGINS": "library",
        "ANSIBLE_ROLES_PATH": str(roots),
        "ANSIBLE_LOCAL_TEMP": "/tmp/not there yet",
        "ANSIBLE_FORKS": "5",
        # Where somebody may still put them.
        "ANSIBLE_FILTER_PLUGINS": "~nobody there/filters",
        "ANSIBLE_LOOKUP_PLUGINS": "later",
        "ANSIBLE_STRATEGY": "linear",
        "ANSIBLE_INVENTORY": "one,two",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(hers)
    onboard_run.leave_places_of_others()
    assert {name for name in given if name in os.environ} == {
        *("ANSIBLE_ROLES_PATH", "ANSIBLE_FORKS", "ANSIBLE_STRATEGY", "ANSIBLE_INVENTORY"),
    }
    monkeypatch.setenv("ANSIBLE_LOOKUP_PLUGINS", "later")
    monkeypatch.chdir(roots)
    onboard_run.leave_places_of_others()
    assert os.environ["ANSIBLE_LOOKUP_PLUGINS"] == "later"


def test_a_repository_that_keeps_git_waiting_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any account of a team can put a pipe into a folder that the team shares."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "go.mod").touch()
    (tmp_path / ".git/config").unlink()
    os.mkfifo(tmp_path / ".git/config")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(onboard_play, "GIT", 1.0)
    with pytest.raises(onboard_options.Stop, match="git gave no answer about 'main' in 1 seconds"):
        onboard_play.bench_variables(parse(["bench", "--against", "main"]))


def test_git_asks_no_program_for_a_commit_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root in a repository of whoever called sudo: its settings may be another account's, where a team shares it."""
    module, commit, ran = tmp_path / "module", "1" * 40, tmp_path / "ran"
    subprocess.run(["git", "init", "--quiet", str(module)], check=True)
    settings = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": str(tmp_path),
        "remote.origin.uploadpack": f"touch {ran};",
    }
    for name, value in settings.items():
        subprocess.run(["git", "-C", str(module), "config", name, value], check=True)
    (module / "go.mod").touch()
    monkeypatch.chdir(module)
    with pytest.raises(onboard_options.Stop, match="neither a file nor a Git revision"):
        onboard_play.bench_variables(parse(["bench", "--against", commit]))
    assert not ran.exists()


def test_where_tmp_is_full_nothing_is_made_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be another account's, and root would write where that one leads it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "full"), os.getcwd()])
    with pytest.raises(onboard_options.Stop, match="the disk is full"):
        onboard_run.settle_temporary_folder()
    assert tempfile.tempdir in (None, "/") and Path.cwd() == tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else can write in the root folder")
def test_ansible_makes_nothing_in_the_current_folder_where_tmp_is_full(tmp_path: Path) -> None:
    code = f"""
import os, runpy, sys, tempfile
settle = runpy.run_path({str(ROOT / "onboard/playbook.py")!r}, run_name="playbook")["settle_temporary_folder"]
tempfile.tempdir = None
tempfile._candidate_tempdir_list = lambda: [os.path.join(os.getcwd(), "full"), os.getcwd()]
settle()
print(tempfile.gettempdir(), os.getcwd())
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["/", str(tmp_path)]
