# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import report as bench_report
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule


def _of_experiment(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(experiment: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(experiment, Mapping) or not {"variants", "scenarios"} <= set(experiment):
            raise AnsibleFilterError(
                f"{name}: the input is no experiment: pass what wsltune.go.go_benchmark returns as `experiment`."
            )
        return function(experiment, *args, **kwargs)

    return apply


class FilterModule:
    """What an experiment of go_benchmark says, for people and for other tools."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "bench_summary": _of_experiment("bench_summary", schedule.summarise),
            "bench_go_format": _of_experiment("bench_go_format", bench_report.go_format),
            "bench_hyperfine": _of_experiment("bench_hyperfine", bench_report.hyperfine),
            "bench_in_sequence": _of_experiment("bench_in_sequence", schedule.in_sequence),
            "bench_headline": bench_report.headline,
            "bench_text": bench_report.text,
            "bench_trust": bench_report.trust,
            "bench_plot": bench_report.plot,
            "bench_why_not": bench_report.explain_no_measurement,
            "bench_wants_baseline": bench_report.wants_baseline,
            "bench_size": bench_report.size,
            "bench_title": bench_report.choose_title,
            "bench_page": bench_report.choose_page,
            "bench_sequence_text": bench_report.write_sequence,
            "bench_levers_result": bench_report.read_levers_result,
            "bench_levers_record": bench_report.select_levers_record,
        }
