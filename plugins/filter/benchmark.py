# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import comparability, conclusion, summaries
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import report as bench_report
from ansible_collections.wsltune.go.plugins.module_utils.linux import text
from ansible_collections.wsltune.go.plugins.plugin_utils.later import Later


def _of_experiment(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(experiment: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(experiment, Mapping) or not {"variants", "scenarios"} <= set(experiment):
            raise AnsibleFilterError(
                f"{name}: the input is no experiment: pass what wsltune.go.go_benchmark returns as `experiment`."
            )
        return function(experiment, *args, **kwargs)

    return apply


def _shown(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose result a terminal shows as it is: whoever is root on a host decides what it returns."""

    @functools.wraps(function)
    def apply(*args: Any, **kwargs: Any) -> Any:
        return text.printable(function(*args, **kwargs))

    return apply


class FilterModule:
    """What an experiment of go_benchmark says, for people and for other tools."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "bench_summary": _of_experiment("bench_summary", summaries.summarise),
            "bench_conclusion": _shown(conclusion.conclude),
            "bench_go_format": _of_experiment("bench_go_format", _shown(bench_report.write_go_format)),
            "bench_hyperfine": _of_experiment("bench_hyperfine", bench_report.make_hyperfine),
            "bench_in_sequence": _of_experiment("bench_in_sequence", comparability.join_in_sequence),
            "bench_headline": bench_report.write_headline,
            "bench_text": bench_report.write_text,
            "bench_trust": bench_report.describe_trust,
            "bench_plot": bench_report.plot_runs,
            "bench_plot_gains": bench_report.plot_gains,
            "bench_what_helps": bench_report.say_what_helps,
            "bench_refusal": bench_report.explain_refusal,
            "bench_measurement": bench_report.choose_measurement,
            "bench_size": bench_report.write_size,
            "bench_seconds": bench_report.write_seconds,
            "bench_change": summaries.write_percent,
            "bench_interval": bench_report.write_interval,
            "bench_sequence_text": _shown(bench_report.write_sequence),
            "bench_levers_result": _shown(bench_report.read_levers_result),
            "bench_gate": _shown(Later("benchmark.gate", "judge")),
            "bench_levers_record": bench_report.select_levers_record,
        }
