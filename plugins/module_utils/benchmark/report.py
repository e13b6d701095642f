# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An experiment told to people and to other tools: the terminal, a plot, benchstat, hyperfine's scripts."""

from __future__ import annotations

import math
import os
import re
import shlex
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats, suite, summaries
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import CONTROL, Scenario
from ansible_collections.wsltune.go.plugins.module_utils.linux import text as linux_text

WIDTH = 80
LINES = 25
# What a scenario is for someone who has not read the documentation.
PLAIN_NAMES = {
    "test": "repeated tests",
    "edit": "tests after an edit",
    "cold": "tests with an empty build cache",
    "race": "tests with the race detector",
    "build": "builds after an edit",
    "bench": "Go's benchmarks",
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def write_seconds(value: float | None) -> str:
    """Write a time in seconds with the unit that fits, from ns to s; "?" where it is unknown."""
    if value is None:
        return "?"
    if 0 < value < 0.01:
        unit, factor = next(
            pair for pair in (("ms", 1e3), ("µs", 1e6), ("ns", 1e9)) if value * pair[1] >= 1 or pair[1] == 1e9
        )
        return f"{value * factor:.3g} {unit}"
    if value < 10:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def write_range(values: Sequence[float]) -> str:
    """Write the shortest and the longest of some times, with the unit once where both have the same: 1.38 to 1.42 s."""
    low, high = (write_seconds(end) for end in (min(values), max(values)))
    unit = high.rpartition(" ")[2]
    return f"{low.removesuffix(f' {unit}')} to {high}"


def write_size(value: float) -> str:
    """Write a number of bytes with the unit that fits, from B to GiB."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= 0.95 * factor:
            return f"{value / factor:.1f} {unit}"
    return f"{value:.0f} B"


def write_interval(comparison: dict[str, Any]) -> str:
    """Write the interval of a comparison as changes: -14.1 to -9.8 %."""
    if comparison["high"] is None:
        return "unknown"
    low, high = (_write_end(comparison[end]) for end in ("low", "high"))
    return f"{low} to {high} %"


def _write_end(ratio: float) -> str:
    """Write an end of an interval, with as many digits as it takes to see on which side of no change it lies."""
    texts = [summaries.write_percent(ratio, digits)[: -len(" %")] for digits in (1, 2, 3)]
    return next((text for text in texts if float(text)), texts[0])


def write_amount(ratio: float) -> str:
    """Write a ratio as people say it: 12 % less, 5 % more, half of it."""
    change = abs(ratio - 1) * 100
    digits = 0 if change >= 9.95 else 1
    return f"{change:.{digits}f} % {'less' if ratio < 1 else 'more'}"


def choose_plain_name(scenario: dict[str, Any]) -> str:
    """Return the words for a scenario; a user's own command keeps its name."""
    name: str = scenario["name"]
    return PLAIN_NAMES.get(name, name)


def write_headline(summary: dict[str, Any] | None, on_slower: str = "warn", why_not: str = "") -> str:
    """Say in the first sentence whether it helped."""
    if summary is None:
        if why_not.startswith(("Nothing to change", "Nothing was changed")):
            return f"{why_not.rstrip('.')}."
        return f"Whether Go is faster now was not measured{': ' + why_not.rstrip('.') if why_not else ''}."
    after = summary["variants"][1] if len(summary["variants"]) > 1 else ""
    compared = [scenario for scenario in summary["scenarios"] if after in scenario["comparisons"]]
    by_verdict: dict[str, list[str]] = {}
    for scenario in compared:
        comparison = scenario["comparisons"][after]
        by_verdict.setdefault(comparison["verdict"], []).append(
            f"{choose_plain_name(scenario)} take {write_amount(comparison['ratio'])} time"
            if comparison["verdict"] in (stats.FASTER, stats.SLOWER)
            else choose_plain_name(scenario)
        )
    same = by_verdict.get(stats.NO_DIFFERENCE, [])
    rest = f"; {join(same)} stay the same as far as can be told" if same else ""
    if summary["mixed"]:
        changed = by_verdict[stats.FASTER] + by_verdict[stats.SLOWER]
        return f"Mixed: {join(changed)}{rest}."
    if summary["verdict"] == stats.FASTER:
        return f"It helped: {join(by_verdict[stats.FASTER])}{rest}."
    if summary["verdict"] == stats.SLOWER:
        then = {
            "rollback": " The settings of this run are taken back.",
            "take_back": " /tmp is taken out of memory again.",
            "stays": " This run changed nothing, so what earlier runs set up stays until it is undone.",
            "fail": " This run counts as failed.",
        }.get(on_slower, " The settings are kept.")
        return f"It got slower: {join(by_verdict[stats.SLOWER])}{rest}.{then}"
    if summary["verdict"] == stats.NO_DIFFERENCE:
        limit = max(_estimate_resolution(scenario["comparisons"][after]) for scenario in compared)
        if limit > NOISY:
            return (
                f"Cannot tell for {join(same)}: the runs vary too much to see less than {limit:.0f} %. Close other "
                "programs and repeat."
            )
        return f"No clear difference in time for {join(same)}; more than {limit:.0f} % would have been seen."
    reasons = [scenario["reason"] for scenario in summary["scenarios"] if scenario["reason"]] + summary["warnings"]
    reasons += [warning for scenario in summary["scenarios"] for warning in scenario["warnings"]]
    return f"Whether it helped is not known: {reasons[0].rstrip('.') if reasons else 'nothing could be compared'}."


def _estimate_resolution(comparison: dict[str, Any]) -> float:
    """Return about how many percent of difference the runs of a comparison could tell from chance."""
    if comparison["high"] is None or not comparison["low"]:
        return 100.0
    high, ratio, low = (float(comparison[key]) for key in ("high", "ratio", "low"))
    return 100 * (max(high / ratio, ratio / low) - 1)


def is_noisy(summary: Mapping[str, Any]) -> bool:
    """Return whether nothing could be told because the runs vary too much."""
    after = summary["variants"][1]
    compared = [scenario["comparisons"][after] for scenario in summary["scenarios"] if after in scenario["comparisons"]]
    return bool(summary["verdict"] == stats.NO_DIFFERENCE and max(map(_estimate_resolution, compared)) > NOISY)


def join(parts: Sequence[str]) -> str:
    """Join parts of a sentence by commas, the last by "and"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def write_table(summary: dict[str, Any]) -> list[str]:
    """Write the table of the first two variants; no lines where no scenario has both."""
    before, after = summary["variants"][0], summary["variants"][1]
    rows = [("", "before", "after", "change", "95 % interval", "verdict")]
    for scenario in summary["scenarios"]:
        comparison = scenario["comparisons"].get(after)
        if comparison is None:
            continue
        medians = [write_seconds(scenario["variants"][name]["median"]) for name in (before, after)]
        cells = ["", "", "not compared"]
        if comparison.get("comparable", True):
            cells = [
                summaries.write_percent(comparison["ratio"]),
                write_interval(comparison),
                _write_verdict(comparison["verdict"]),
            ]
        rows.append((scenario["name"], *medians, *cells))
    if len(rows) == 1:
        return []
    return [f"{a:<9}{b:>10}{c:>10}{d:>10}   {e:<20}{f}".rstrip() for a, b, c, d, e, f in rows]


def _write_verdict(verdict: str) -> str:
    return "~ may be chance" if verdict == stats.NO_DIFFERENCE else verdict


# Above how many percent a difference must be to be seen, from where on the answer is the noise.
NOISY = 15
MOST_TICKS = 12
"""Of an axis; six or seven are what there is room for."""
NOTABLE_WRITES = 2**20


def write_p_value(p: float | None) -> str:
    """Write a p-value with two digits, or that it is below 0.0001, or unknown."""
    if p is None:
        return "p unknown"
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def write_spread(summary: dict[str, Any]) -> list[str]:
    """Say for each scenario that is compared how far its runs lie apart, how many they are, and what they worked."""
    before, after = summary["variants"][0], summary["variants"][1]
    lines = []
    for scenario in summary["scenarios"]:
        comparison = scenario["comparisons"].get(after)
        if comparison is None or not comparison.get("comparable", True):
            continue
        was, now = (scenario["variants"][name] for name in (before, after))
        ranges = [write_range(variant["times"]) for variant in (was, now)]
        counts = dict.fromkeys((comparison["n_before"], comparison["n_after"]))
        line = f"{scenario['name']}: {ranges[0]} before, {ranges[1]} after, n = {' and '.join(map(str, counts))}"
        line += f", {write_p_value(comparison['p'])}"
        work = [variant["user"] + variant["system"] for variant in (was, now)]
        # Waiting became less where the work of the processors did not.
        if work[0] and abs(work[1] / work[0] - 1) >= 0.02:
            line += f", processors {write_seconds(work[0])} and {write_seconds(work[1])}"
        lines.append(line + ".")
    return lines


def describe_disk_writes(summary: dict[str, Any]) -> str:
    """Say what one run writes to disks, of the first scenario compared; it does not depend on chance."""
    before, after = summary["variants"][0], summary["variants"][1]
    for scenario in summary["scenarios"]:
        if after in scenario["comparisons"]:
            was, now = (scenario["variants"][name]["bytes_written"] for name in (before, after))
            change = ""
            if was >= NOTABLE_WRITES:  # Of next to nothing a share says nothing.
                # Rounded to -100 % it would say that nothing is left.
                change = f" ({summaries.write_percent(max(now / was, 0.001) if now else 0.0)})"
            return f"Disk writes per {scenario['name']} run: {write_size(was)} before, {write_size(now)} after{change}."
    return ""


def describe_trust(summary: dict[str, Any]) -> str:
    """Say in words what the A/A control found, and the number of runs."""
    parts = []
    for scenario in summary["scenarios"]:
        control = scenario["control"]
        if control is None:
            continue
        parts.append(
            f"{summaries.write_percent(control['ratio'])} ({scenario['name']}, {control['n_before']} runs each)"
        )
    if not parts:
        return ""
    bad = any(
        scenario["control"] and scenario["control"]["verdict"] in ("faster", "slower")
        for scenario in summary["scenarios"]
    )
    far = "too much for chance, so what is not far beyond that has no verdict."
    end = far if bad else "no more than chance makes."
    return f"The same thing measured twice differs by {join(parts)}: {end}"


def write_text(
    summary: dict[str, Any] | None,
    title: str = "",
    changes: Sequence[str] = (),
    pending: Sequence[str] = (),
    undo: str = "",
    notes: Sequence[str] = (),
    report: str = "",
    on_slower: str = "warn",
    why_not: str = "",
    levers: Sequence[str] = (),
    again: str = "",
    check: bool = False,
    proposals: Sequence[str] = (),
    here: str = "",
) -> str:
    """Write the summary for a terminal: plain text of 80 columns.

    It has at most 25 lines, and a few more where a sentence would be cut otherwise. C(again) is the command that runs
    this again in the folder C(here), to which arguments can be added; C(proposals) are further next steps.
    In check mode (C(check)) nothing has happened that could be undone.
    """
    single = summary is not None and len(summary["variants"]) == 1
    first = describe_baseline(summary, why_not) if summary and single else write_headline(summary, on_slower, why_not)
    if check:
        changes, undo = [predict(change) for change in changes], ""
    head = [*([title] if title else []), *wrap(first)]
    measured: list[str] = []
    if summary is not None and len(summary["variants"]) > 1:
        rows = write_table(summary)
        if rows:
            measured += ["", *rows, "", *(line for sentence in write_spread(summary) for line in wrap(sentence))]
            measured += wrap(describe_disk_writes(summary))
            measured += wrap(describe_trust(summary))
            if summary["verdict"] != "unknown" and summaries.SEQUENTIAL not in summary["warnings"]:
                measured += wrap("Runs alternated in random order; fewer than 5 in 100 such verdicts are false.")
    meaning, doubts = _list_remarks(summary, first) if summary is not None else ([], [])
    remarks = [*meaning, *notes, *doubts]
    tail: list[str] = []
    following = choose_next(summary, first, again, check, bool(changes), here)
    for label, values in (
        ("Next", [*following, *proposals]),
        ("Undo", [undo] if undo else []),
        ("Report", [report] if report else []),
    ):
        tail += _label(label, values)
    room = LINES - len(head) - len(measured) - len(tail) - 1
    middle: list[str] = []
    sections = [
        ("Levers", list(levers)),
        (
            "Would" if check else "Changed",
            list(changes) or ["change nothing" if check else "nothing; it was so already"],
        ),
        ("Pending", list(pending)),
        ("Note", remarks),
    ]
    sections = [(label, values) for label, values in sections if values]
    for index, (label, values) in enumerate(sections):
        # Every later section keeps at least a line of its own.
        left = room - len(middle) - 2 * (len(sections) - index - 1)
        middle += _fit(label, values, left, "see the report" if report else "which -v shows")
    return "\n".join([*head, *measured, "", *middle, *tail]) + "\n"


# How a change that was made and one that would be made begin.
PREDICTIONS = {
    "wrote": "write",
    "was": "be",
    "made": "make",
    "took": "take",
    "set": "set",
    "put": "put",
    "unset": "unset",
    "left": "leave",
    "kept": "keep",
    "ran": "run",
    "unmounted": "unmount",
    "mounted": "mount",
    "copied": "copy",
    "moved": "move",
    "created": "create",
    "changed": "change",
    "deleted": "delete",
    "excluded": "exclude",
    "removed": "remove",
    "resized": "resize",
    "restored": "restore",
    "installed": "install",
    "added": "add",
    "remounted": "remount",
    "enabled": "enable",
    "disabled": "disable",
    "replaced": "replace",
    "masked": "mask",
    "unmasked": "unmask",
}


def predict(change: str) -> str:
    """Return a sentence about a change as one that would be made, to follow "Would:"."""
    verb, space, rest = change.removeprefix("would ").partition(" ")
    if verb in PREDICTIONS:
        return f"{PREDICTIONS[verb]}{space}{rest}"
    return change.removeprefix("would ")


def describe_baseline(summary: dict[str, Any], why_not: str) -> str:
    """Return what Go takes on a machine where nothing was changed, so that there is nothing to compare."""
    name = summary["variants"][0]
    times = [
        f"{write_seconds(scenario['variants'][name]['median'])} for {choose_plain_name(scenario)} "
        f"({scenario['variants'][name]['runs']} runs)"
        for scenario in summary["scenarios"]
        if name in scenario["variants"] and scenario["status"] == "measured"
    ]
    took = f" Go takes {join(times)} here." if times else ""
    return f"{(why_not or AS_IT_SHOULD_BE).rstrip('.')}.{took}"


def list_left_out(said: Iterable[str]) -> list[str]:
    """Return, of what is said of scenarios, which tests were left out of them, each once."""
    return list(dict.fromkeys(one for one in said if one.startswith((suite.WITHOUT, suite.LINKED))))


def list_left_out_of(experiments: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return which tests were left out of experiments, by the notes of their scenarios."""
    scenarios = (scenario for experiment in experiments for scenario in experiment["scenarios"])
    return list_left_out(note for scenario in scenarios for note in scenario.get("notes") or [])


def drop_advice(summary: dict[str, Any]) -> dict[str, Any]:
    """Return the summary of Go as it is without the advice to give more time: it gets a minute at most."""
    scenarios = [
        {**scenario, "reason": re.sub(r": run it again with -e verify_budget_minutes=.*", "", scenario["reason"] or "")}
        for scenario in summary["scenarios"]
    ]
    return {**summary, "scenarios": scenarios}


def _list_remarks(summary: dict[str, Any], first: str) -> tuple[list[str], list[str]]:
    """Return what the numbers stand for, such as without which test, and what speaks against them.

    C(first) is the first sentence, which says some of it.
    """
    named = [(f"{scenario['name']}: ", scenario) for scenario in summary["scenarios"]]
    warnings = [(name, warning) for name, scenario in named for warning in scenario["warnings"]]
    # What was left out of the code is so of every scenario, and said once.
    left_out = list_left_out(warning for _name, warning in warnings)
    meaning = [(name, scenario["reason"]) for name, scenario in named if scenario["reason"]]
    meaning += [("", warning) for warning in left_out]
    # What is wrong with a whole comparison weighs more than a run that lies apart.
    doubts = [("", warning) for warning in summary["warnings"]]
    doubts += [(name, warning) for name, warning in warnings if warning not in left_out]
    said = [[f"{name}{reason}" for name, reason in reasons if reason not in first] for reasons in (meaning, doubts)]
    return said[0], said[1]


def choose_next(
    summary: dict[str, Any] | None, first: str, again: str, check: bool, changed: bool, here: str = ""
) -> list[str]:
    """Return what a person can do next: every run ends with something to do. C(again) is a command for C(here)."""
    if not again:
        return []
    command = again.removesuffix(" --")
    if check:
        words = [word for word in again.split() if word not in ("--check", "-C")]
        return [f"{' '.join(words).removesuffix(' --')} (does it)"]
    reasons = [scenario["reason"] for scenario in summary["scenarios"] if scenario["reason"]] if summary else []
    # Each scenario asks for what it needs itself, and the largest is enough for all; levers say it in the headline.
    asked = [
        int(match[1]) for reason in (*reasons, first) if (match := re.search(r"-e verify_budget_minutes=(\d+)", reason))
    ]
    if asked:
        again = re.sub(r" -e verify_budget_minutes=[0-9.]+(?= |$)", "", again)
        return [f"{again} -e verify_budget_minutes={max(asked)}"]
    if first.startswith(NOT_TRIED):
        return [f"{command} (repeats it, once that is put right)"]
    busy = summary is not None and any(warning.startswith(summaries.WAS_BUSY) for warning in summary["warnings"])
    if busy:
        return [f"{command} (repeats it; first let the machine come to rest)"]
    if first.startswith(("Cannot tell", "Whether it helped is not known")):
        return [f"{command} (repeats it)"]
    if not changed and "onboard.sh" in command:
        # Elsewhere, only its whole path starts it.
        program = shlex.split(command)[0]
        program = shlex.quote(os.path.normpath(os.path.join(here, program)) if here else program)
        return [f"cd into your Go module and start {program} doctor there; it finds what makes that module slow"]
    return []


def wrap(sentence: str) -> list[str]:
    """Wrap a sentence at WIDTH columns."""
    # A number and its sign stay together.
    lines = textwrap.wrap(sentence.replace(" %", "\u00a0%"), WIDTH, break_on_hyphens=False)
    return [line.replace("\u00a0%", " %") for line in lines]


def _label(label: str, values: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for value in values:
        first = f"{label + ':':<10}" if not lines else " " * 10
        # Commands and paths stay whole, to be copied.
        whole = textwrap.wrap(
            " ".join(value.split()),
            WIDTH,
            initial_indent=first,
            subsequent_indent=" " * 10,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += whole
    return lines


def _fit(label: str, values: Sequence[str], room: int, where: str) -> list[str]:
    """Keep as many whole values as there is room for, and say how many more there are; the first is never cut."""
    # Each takes a line at the least, and a host may return any number of them.
    for shown in range(min(len(values), max(1, room)), 0, -1):
        more = [f"and {len(values) - shown} more, {where}"] if shown < len(values) else []
        lines = _label(label, [*values[:shown], *more])
        if len(lines) <= room:
            return lines
    more = [f"and {len(values) - 1} more, {where}"] if len(values) > 1 else []
    return _label(label, [values[0], *more])


SAME = "Nothing to compare: Go has the same settings before and after"


def explain_refusal(workload: Mapping[str, Any]) -> str:
    """Return what is wrong with the values for a benchmark, nothing where it can be run or is not wanted.

    C(workload) has C(benchmark), C(budget_minutes), C(modules), C(scenarios) and C(commands) of the role verify.
    """
    minutes, scenarios, modules = float(workload["budget_minutes"]), workload["scenarios"], workload["modules"]
    if not workload["benchmark"]:
        return ""
    # A text is a list of the names between its commas.
    named = [*filter(None, modules.split(","))] if isinstance(modules, str) else [str(module) for module in modules]
    relative = [module for module in named if not os.path.isabs(module)]
    if relative:
        # What ~ stands for is another folder for root, who starts the benchmark, than for the one it is made for.
        return f"verify_modules has '{relative[0]}': give the whole path of a Go module, such as /home/alice/src/shop."
    if minutes > 0 and (scenarios or workload["commands"]):
        return ""
    return (
        f"verify_budget_minutes is {minutes} and verify_scenarios {list(scenarios)}: give more than 0 minutes and at "
        "least one of test, edit, cold, race, build, bench, a command in verify_commands, or set verify_benchmark to "
        "false."
    )


def explain_no_measurement(case: Mapping[str, Any]) -> str:
    """Return why there is nothing to measure, in words; nothing when there is.

    C(case) has C(benchmark) and C(check_mode), C(before) and C(after) as variants, what the run changed as C(changes),
    as C(levers) what was decided about levers, or none where no lever was asked for, and as C(proof) what is known of a
    lever that came into force before, with what its verdict is to C(remember).
    """
    if not case["benchmark"]:
        return "that was left out (--no-benchmark, or verify_benchmark is false)"
    if case["check_mode"]:
        return "check mode runs no benchmark"
    if proves(case):
        return ""
    if case["levers"] is not None and not case["levers"]["kept"] and not case["changes"]:
        return explain_nothing_to_gain(case["levers"])
    return SAME if case["before"] == case["after"] else ""


def proves(case: Mapping[str, Any]) -> bool:
    """Return whether a lever is measured that came into force before this run."""
    return bool((case.get("proof") or {}).get("remember"))


AS_IT_SHOULD_BE = "Nothing to change: this machine is as it should be"


NO_EFFECT = "not tried: "
"""How the reason of a lever begins that has no effect here (levers.decide.NOT_TRIED, a wing above this one)."""
NOT_TRIED = "Nothing was changed, because no tuning could be tried"


def list_failures(levers: Mapping[str, Any]) -> list[str]:
    """Return why levers could not be tried that might have an effect, where that is so of all of them."""
    decisions = levers.get("decisions") or []
    if any(decision["tried"] for decision in decisions):
        return []
    reasons = [str(decision.get("reason", "")) for decision in decisions]
    known = [levers["failure"]] if levers.get("failure") else []
    return known + [reason for reason in reasons if not reason.startswith(NO_EFFECT)]


def explain_nothing_to_gain(levers: Mapping[str, Any]) -> str:
    """Return why no tuning changes anything here: none has an effect, or none of those that were tried helped."""
    decisions = levers.get("decisions") or []
    tried = [decision["lever"] for decision in decisions if decision["tried"]]
    if tried:
        return f"Nothing to change: {join(tried)} {'was' if len(tried) == 1 else 'were'} tried and did not help here"
    reasons = [
        str(decision["reason"])[len(NO_EFFECT) :]
        for decision in decisions
        if str(decision.get("reason", "")).startswith(NO_EFFECT)
    ]
    failed = list_failures(levers)
    if failed:
        return f"{NOT_TRIED}: {failed[0]}"
    return f"{AS_IT_SHOULD_BE}{', because ' + join(list(dict.fromkeys(reasons))[:2]) if reasons else ''}"


def wants_baseline(case: Mapping[str, Any]) -> bool:
    """Say whether Go is measured as it is: for a person who waits, where nothing was tried and nothing is compared."""
    levers = case["levers"]
    if proves(case) or case["changes"] or not case["benchmark"] or case["check_mode"]:
        return False
    if levers is None:
        return bool(case["before"] == case["after"])
    # What kept the levers from being tried keeps Go from being measured as well.
    if levers["kept"] or list_failures(levers):
        return False
    return not any(decision["tried"] for decision in levers.get("decisions") or [])


def choose_measurement(case: Mapping[str, Any]) -> str:
    """Return what is measured: C(measure) for before and after, C(baseline) for Go as it is, or nothing.

    C(case) is what L(explain_no_measurement) takes.
    """
    if not explain_no_measurement(case):
        return "measure"
    return "baseline" if wants_baseline(case) else ""


def choose_title(experiment: Mapping[str, Any], name: str) -> str:
    """Return the line above a summary: the machine and, where something was measured, the user."""
    return f"Go on {name} (user {linux_text.unbroken(experiment['user'])})" if experiment else f"Go on {name}"


def choose_page(experiment: Mapping[str, Any], levers: Mapping[str, Any], folder: str) -> str:
    """Return the path of the page that a summary points to: that of the experiment, else that of the levers."""
    if experiment:
        return f"{folder}/report.html"
    return f"{folder}/levers.html" if levers.get("experiments") else ""


def write_sequence(summary: dict[str, Any] | None, name: str, kept: str) -> str:
    """Return the summary of two measurements one after the other, or of the first, which is kept in a file."""
    if summary is None:
        return f"Measured and kept in {kept}. Change something, then run this again: it will be compared."
    return write_text(
        summary, title=f"Go on {name}, measured twice", changes=["what you changed between the two measurements"]
    )


def read_levers_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the roles take from a call of go_levers: nothing is kept and the reason is said where it failed."""
    failure = str(result.get("msg", "")) if "sentences" not in result else ""
    return {
        "kept": result.get("kept", []),
        "decisions": result.get("decisions", []),
        "sentences": result.get("sentences", [f"none could be tried: {failure}"]),
        "remembered": result.get("remembered"),
        **({"failure": failure} if failure else {}),
    }


def select_levers_record(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a call of go_levers that is worth keeping: the decisions and the runs behind them."""
    return {key: result[key] for key in ("decisions", "kept", "remembered", "experiments") if key in result}


def write_go_format(experiment: dict[str, Any], control: bool = False) -> str:
    """Write Go's benchmark format, one line per measured run; `benchstat -col /state` prints before beside after."""
    start = (experiment.get("fingerprints") or {}).get("start") or {}
    variants = (experiment.get("fingerprints") or {}).get("variants") or {}
    versions = {variant.get("go") for variant in variants.values() if variant.get("go")}
    config = {
        "goos": "linux",
        "goarch": ARCHITECTURES.get(start.get("machine", ""), start.get("machine")),
        "cpu": start.get("cpu_model"),
        "kernel": start.get("kernel"),
        # A value that differed between the states would tear the table in two.
        "toolchain": versions.pop() if len(versions) == 1 else None,
        "seed": experiment.get("seed"),
    }
    # benchstat compares with the column that comes first in the file.
    order = [*(variant["name"] for variant in experiment["variants"]), CONTROL]
    lines = ["# benchstat -col /state results.txt"]
    lines += [f"{key}: {value}" for key, value in config.items() if value not in (None, "")]
    for scenario in map(Scenario.from_json, experiment["scenarios"]):
        if scenario.status != "measured":
            continue
        for run in sorted(scenario.runs, key=lambda run: order.index(run.variant)):
            if run.round < 1 or (run.variant == CONTROL and not control):
                continue
            for name, value in (run.benchmarks or {}).items():
                lines.append(f"{_make_own_name(name)}/state={run.variant} 1 {value * 1e9:.6g} ns/op")
            if run.benchmarks:
                continue
            # The scenario comes last: a number after the last dash of a name would be read as GOMAXPROCS.
            lines.append(
                f"BenchmarkGoTest/state={run.variant}/scenario={scenario.name} 1"
                f" {run.wall * 1e9:.0f} ns/op {run.user * 1e9:.0f} user-ns/op {run.system * 1e9:.0f} sys-ns/op"
                f" {run.max_rss} peak-B/op {run.blocks_written * 512} written-B/op"
            )
    return "\n".join(lines) + "\n"


def _make_own_name(name: str) -> str:
    """Return the name of one of Go's benchmarks with its package in it, for what reads Go's format."""
    package, _dot, benchmark = name.rpartition(".Benchmark")
    # The number after the last dash is GOMAXPROCS.
    return f"Benchmark{re.sub(r'-[0-9]+$', '', benchmark)}/package={package}" if package else f"Benchmark{benchmark}"


def make_hyperfine(experiment: dict[str, Any]) -> dict[str, Any]:
    """Return the measured runs under the field names of hyperfine's JSON, for scripts that plot it."""
    results = []
    names = [variant["name"] for variant in experiment["variants"]]
    for scenario in map(Scenario.from_json, experiment["scenarios"]):
        columns = {
            key: scenario.times(key)
            for key in ("wall", "user", "system", "max_rss", "exit_code", "blocks_written", "benchmarks")
        }
        for name in [*names, CONTROL]:
            times = columns["wall"].get(name)
            if not times:
                continue
            mean = math.fsum(times) / len(times)
            spread = math.fsum((value - mean) ** 2 for value in times)
            results.append(
                {
                    "command": f"{scenario.name} {name}",
                    "mean": mean,
                    "stddev": math.sqrt(spread / (len(times) - 1)) if len(times) > 1 else None,
                    "median": stats.median(times),
                    "user": math.fsum(columns["user"][name]) / len(times),
                    "system": math.fsum(columns["system"][name]) / len(times),
                    "min": min(times),
                    "max": max(times),
                    "times": times,
                    "memory_usage_byte": columns["max_rss"][name],
                    "exit_codes": columns["exit_code"][name],
                    "parameters": {"scenario": scenario.name, "variant": name},
                    "wsltune": {
                        "command": scenario.command,
                        "user": columns["user"][name],
                        "system": columns["system"][name],
                        "blocks_written": columns["blocks_written"][name],
                        **({"benchmarks": columns["benchmarks"][name]} if any(columns["benchmarks"][name]) else {}),
                    },
                }
            )
    kept = {key: value for key, value in experiment.items() if key != "scenarios"}
    kept["summary"] = summaries.summarise(experiment)
    kept["scenarios"] = [
        {key: value for key, value in scenario.items() if key != "runs"} for scenario in experiment["scenarios"]
    ]
    return {"results": results, "wsltune": kept}


def plot_runs(
    scenario: dict[str, Any], names: Sequence[str], width: int = 480, left: int = 90, right: int = 20
) -> dict[str, Any]:
    """Place every run of a summarised scenario in a strip plot: pixels, rows from the top, round ticks."""
    shown = [name for name in [*names, CONTROL] if name in scenario["variants"]]
    left = max(left, 20 + 8 * max(map(len, shown)))
    every: list[float] = [value for name in shown for value in scenario["variants"][name]["times"]]
    low, high = min(every), max(every)
    margin = (high - low) * 0.06 or high * 0.05 or 1.0
    low, high = max(0.0, low - margin), high + margin
    scale = (width - left - right) / (high - low)

    def x(value: float) -> float:
        return round(left + (value - low) * scale, 1)

    rows = []
    for index, name in enumerate(shown):
        variant = scenario["variants"][name]
        rows.append(
            {
                "name": name,
                "shape": ("circle", "triangle", "square")[min(index, 2)] if name != CONTROL else "cross",
                "y": 34 + 56 * index,
                "median": x(variant["median"]),
                "median_text": write_seconds(variant["median"]),
                "low": x(variant["low"]) if variant["low"] is not None else left,
                "high": x(variant["high"]) if variant["high"] is not None else width - right,
                "points": [
                    # Runs in the order of their rounds from top to bottom, so that a drift shows as a slope.
                    {
                        "x": x(value),
                        "y": round(34 + 56 * index + spread, 1),
                        "round": number,
                        "text": write_seconds(value),
                    }
                    for number, (value, spread) in enumerate(
                        zip(variant["times"], _spread_rows(len(variant["times"]))), 1
                    )
                ],
            }
        )
    step, values = _list_ticks(low, high)
    digits = max(0, -math.floor(math.log10(step)))
    ticks = [{"x": x(tick), "text": f"{tick:.{digits}f}"} for tick in values]
    return {"width": width, "height": 34 + 56 * len(shown) + 12, "left": left, "rows": rows, "ticks": ticks}


def plot_gains(
    decisions: Sequence[Mapping[str, Any]], width: int = 480, left: int = 150, right: int = 20
) -> dict[str, Any]:
    """Place the change by each lever and its interval, in pixels; levers without an interval are left out.

    What reaches beyond the plot is cut, because one lever that harms must not flatten all others.
    """
    shown = [
        decision for decision in decisions if decision.get("ratio") is not None and decision.get("high") is not None
    ]
    if not shown:
        return {"rows": []}
    left = max(left, 20 + 8 * max(len(str(decision["lever"])) for decision in shown))
    ends = [100 * (float(decision[key]) - 1) for decision in shown for key in ("low", "high")]
    most = max(abs(end) for end in ends if end <= 0) if min(ends) < 0 else 5.0
    low, high = -max(5.0, most) * 1.05, min(max(5.0, *ends), max(15.0, most)) * 1.05
    scale = (width - left - right) / (high - low)

    def x(change: float) -> float:
        return round(left + (min(max(change, low), high) - low) * scale, 1)

    rows = []
    for index, decision in enumerate(shown):
        change, begin, end = (100 * (float(decision[key]) - 1) for key in ("ratio", "low", "high"))
        rows.append(
            {
                "name": decision["lever"],
                "kept": bool(decision["kept"]),
                "y": 24 + 34 * index,
                "x": x(change),
                "low": x(begin),
                "high": x(end),
                "text": f"{summaries.write_percent(decision['ratio'])} [{write_interval(dict(decision))}]",
            }
        )
    _step, ticks = _list_ticks(low, high)
    return {
        "width": width,
        "height": 34 + 34 * len(shown) + 6,
        "zero": x(0.0),
        "rows": rows,
        "ticks": [{"x": x(tick), "text": f"{tick:+.0f} %" if tick else "0"} for tick in ticks],
    }


def say_what_helps(decisions: Sequence[Mapping[str, Any]]) -> str:
    """Return the answer of a trial of levers in one sentence, also where nothing helps."""
    kept = [decision for decision in decisions if decision["kept"]]
    tried = [str(decision["lever"]) for decision in decisions if decision["tried"]]
    if kept:
        return f"Kept: {join([str(decision['lever']) for decision in kept])}."
    if tried:
        levers, with_it = (f"{len(tried)} levers were", "any") if len(tried) > 1 else (f"{tried[0]} was", "it")
        return f"Nothing helps here: {levers} tried, and Go is not clearly faster with {with_it}."
    return "Nothing was tried, for the reasons below."


def _spread_rows(count: int) -> list[float]:
    return [(index / max(1, count - 1) - 0.5) * 28 for index in range(count)]


def _list_ticks(low: float, high: float) -> tuple[float, list[float]]:
    """Return a round step and where its ticks lie.

    Not by adding it up: times that a host returns can be so large that the sum stays what it was.
    """
    step = _round_step((high - low) / 5)
    first = math.ceil(low / step)
    return step, [number * step for number in range(first, min(math.floor(high / step) + 1, first + MOST_TICKS))]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
