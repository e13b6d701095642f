# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import collections
import importlib.util
import itertools
import json
import math
import random
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats


def simulation():
    path = Path(__file__).parents[5] / "benchmarks" / "stats.py"
    spec = importlib.util.spec_from_file_location("wsltune_benchmark_stats", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def random_case(rng, ties):
    sizes = rng.choice([(1, 9), (5, 12), (6, 70)])
    n1, n2 = rng.randint(*sizes), rng.randint(*sizes)
    shift = rng.choice([0, 0, 1, 3, 10])

    def draw(by):
        value = rng.gauss(100 + by, 3)
        return float(round(value / 2)) if ties else value

    return [draw(0) for _time in range(n1)], [draw(shift) for _time in range(n2)]


def test_p_equals_scipy_on_1000_random_cases():
    mannwhitneyu = pytest.importorskip("scipy.stats").mannwhitneyu
    rng = random.Random(20261123)
    kinds = {"exact": 0, "normal": 0, "ties": 0}
    for number in range(1000):
        before, after = random_case(rng, ties=number % 2 == 1)
        if len(set(before + after)) == 1:
            assert stats.compare(before, after).p == 1.0
            continue
        ties = len(set(before + after)) < len(before + after)
        exact = not ties and max(len(before), len(after)) <= 50
        expected = mannwhitneyu(before, after, method="exact" if exact else "asymptotic").pvalue
        assert stats.compare(before, after).p == pytest.approx(expected, rel=1e-9), (before, after)
        kinds["ties" if ties else "exact" if exact else "normal"] += 1
    assert min(kinds.values()) > 50, kinds


def test_verdict_p_and_interval_agree_on_random_cases():
    rng = random.Random(7)
    seen = set()
    for number in range(2000):
        before, after = random_case(rng, ties=number % 2 == 1)
        alpha = rng.choice([0.05, 0.025, 0.0025])
        found = stats.compare(before, after, alpha)
        low, high = found.interval
        seen.add(found.verdict)
        if min(len(before), len(after)) < 6:
            assert found.verdict == "too few runs"
            assert (low, high) == (0.0, math.inf)
            continue
        clear = high < 1 or low > 1
        assert (found.verdict in ("faster", "slower")) == clear
        if clear:
            assert found.p < alpha
            assert found.verdict == ("faster" if found.ratio < 1 else "slower")
        if len(set(before + after)) == len(before + after):
            assert clear == (found.p < alpha)
    assert seen == {"faster", "slower", "~", "too few runs"}


def test_compare_is_symmetric():
    rng = random.Random(3)
    before, after = [rng.gauss(10, 1) for _time in range(9)], [rng.gauss(9, 1) for _time in range(12)]
    one, other = stats.compare(before, after), stats.compare(after, before)
    assert one.p == other.p
    assert one.ratio == pytest.approx(1 / other.ratio)
    assert one.interval[0] == pytest.approx(1 / other.interval[1])


def test_interval_covers_the_true_ratio():
    rng = random.Random(11)
    hits = 0
    for _case in range(1000):
        before = [math.exp(rng.gauss(0, 0.1)) for _time in range(10)]
        after = [0.8 * math.exp(rng.gauss(0, 0.1)) for _time in range(10)]
        low, high = stats.compare(before, after).interval
        hits += low <= 0.8 <= high
    assert 940 <= hits <= 985


def test_six_separated_runs_are_what_benchstat_says():
    found = stats.compare([10, 11, 12, 13, 14, 15], [1, 2, 3, 4, 5, 6])
    assert found.verdict == "faster"
    assert found.p == pytest.approx(0.0021645021645021645)


def benchstats_pairs():
    """Real series with what benchstat says of them; benchmarks/benchstat.py made it."""
    return json.loads((Path(__file__).parent / "data" / "benchstat.json").read_text(encoding="utf-8"))


def test_of_real_runs_benchstat_says_the_same():
    pairs = benchstats_pairs()
    assert len(pairs) >= 50
    for pair in pairs:
        found = stats.compare(pair["before"], pair["after"])
        assert found.p == pytest.approx(float(pair["p"]), abs=0.00051), pair
        called = {"~": "~", "-": "faster", "+": "slower"}[pair["difference"][0]]
        assert found.verdict == called, pair


def test_five_runs_are_too_few_however_clear():
    found = stats.compare([10, 11, 12, 13, 14], [1, 2, 3, 4, 5, 6])
    assert found.verdict == "too few runs"
    assert "6 are needed" in found.warnings[0]


@pytest.mark.parametrize(("before", "after"), [([], [1.0]), ([1.0], []), ([math.nan] * 6, [1.0] * 6), ([-1.0], [1.0])])
def test_nonsense_is_refused(before, after):
    with pytest.raises(ValueError, match=r"at least one run on each side|numbers of at least zero"):
        stats.compare(before, after)


def test_zeros_do_not_divide():
    assert stats.compare([0.0] * 6, [0.0] * 6).ratio == 1.0
    found = stats.compare([0.0] * 6, [5.0 + n for n in range(6)])
    assert (found.ratio, found.verdict) == (math.inf, "slower")


# count: the orders of benchstat's interval at 95 %, and what it really covers
ORDERS = {5: (0, 5, 0.96875), 6: (1, 6, 0.96875), 9: (2, 8, 0.9609375), 10: (2, 9, 0.978515625)}


@pytest.mark.parametrize("count", ORDERS)
def test_median_interval_takes_benchstats_order_statistics(count):
    low, high, confidence = ORDERS[count]
    values = [float(n) for n in range(1, count + 1)]
    found = stats.median_interval(values[::-1])
    assert found.low == (low if low else -math.inf)
    assert found.high == (high if high <= count else math.inf)
    assert found.confidence == confidence
    assert found.center == stats.median(values)


def test_median_of_even_and_odd():
    assert stats.median([3, 1, 2]) == 2
    assert stats.median([4, 1, 3, 2]) == 2.5


def test_outliers_are_found_by_position():
    assert stats.find_outliers([1.0, 1.1, 0.9, 9.0, 1.05, 0.95]) == [3]
    assert stats.find_outliers([1.0, 1.1, 0.9, 1.2, 1.05, 0.95]) == []
    assert stats.compare([1.0, 1.1, 0.9, 9.0, 1.05, 0.95], [1.0] * 6).warnings[0].startswith("1 of 6 runs before")


def test_geomean():
    assert stats.geomean([0.5, 2.0]) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="values above zero"):
        stats.geomean([1.0, 0.0])


@pytest.mark.parametrize("comparisons", [1, 2, 4, 7])
@pytest.mark.parametrize("end", range(6, 40))
def test_the_levels_of_all_looks_never_spend_more_than_allowed(comparisons, end):
    rule = stats.StoppingRule(comparisons=comparisons)
    spent = sum(rule.level(runs) or 0 for runs in range(1, end)) + rule.level(end, last=True)
    assert spent * comparisons <= 0.05 + 1e-12
    assert rule.level(end, last=True) > 0


def test_a_look_may_stop_at_six_runs_with_two_scenarios():
    rule = stats.StoppingRule(comparisons=2)
    found = stats.compare([10, 11, 12, 13, 14, 15], [1, 2, 3, 4, 5, 6], rule.level(6))
    assert rule.decided(found)


def test_no_difference_is_clear_only_when_the_interval_is_narrow():
    rule = stats.StoppingRule()
    steady = [1 + n / 10000 for n in range(10)]
    assert rule.decided(stats.compare(steady, steady[::-1], 0.005))
    shaky = [1 + n / 50 for n in range(10)]
    assert not rule.decided(stats.compare(shaky, shaky[::-1], 0.005))


def test_false_verdicts_stay_at_five_percent_in_200_comparisons():
    simulated = simulation()
    assert simulated.false_verdicts(200) <= 10
    assert simulated.false_verdicts(200, first_seed=1000, scenarios=("test", "edit", "race", "cold"), budget=3600) <= 10


def test_a_true_difference_of_ten_percent_is_found_within_the_default_budget():
    simulated = simulation()
    assert simulated.found(100, 0.9)[0] >= 95
    assert simulated.found(100, 1.1)[0] >= 95


def test_looking_often_without_the_rule_would_err_more(monkeypatch):
    simulated = simulation()
    monkeypatch.setattr(stats.StoppingRule, "level", lambda self, runs, last=False: 0.05)
    assert simulated.false_verdicts(200) > 20


def test_p_of_two_strata_is_that_of_all_their_orders():
    rng = random.Random(5)
    strata = [([rng.random() for _run in range(6)], [rng.random() + 0.4 for _run in range(6)]) for _pair in range(2)]
    each = []
    for before, after in strata:
        merged = before + after
        ranks = {value: sorted(merged).index(value) + 1 for value in merged}
        observed = sum(ranks[value] for value in after)
        each.append((observed, [sum(one) for one in itertools.combinations(range(1, 13), 6)]))
    observed = sum(one for one, _sums in each)
    counts = collections.Counter(each[0][1])
    other = collections.Counter(each[1][1])
    middle = 2 * 6 * 13 / 2
    extreme = sum(
        counts[a] * other[b] for a in counts for b in other if abs(a + b - middle) >= abs(observed - middle) - 1e-9
    )
    expected = extreme / math.comb(12, 6) ** 2
    assert stats.compare_strata(strata).p == pytest.approx(expected, rel=1e-9)


def test_one_stratum_is_the_plain_comparison():
    rng = random.Random(6)
    for number in range(200):
        before, after = random_case(rng, ties=number % 2 == 1)
        assert stats.compare_strata([(before, after)], 0.01) == stats.compare(before, after, 0.01)


def test_several_scenarios_together_see_what_one_cannot():
    # Of 72 pairs each, 10 speak against it: too many in one scenario, few enough in two.
    before = [1.0 + step / 1000 for step in range(12)]
    after = [0.9 + step / 1000 for step in range(4)] + [1.0025, 1.0045]
    one = stats.compare(before, after, 0.0014)
    strata = [(before, after), ([50 * value for value in before], [50 * value for value in after])]
    together = stats.compare_strata(strata, 0.0014)
    assert (one.verdict, together.verdict) == (stats.NO_DIFFERENCE, stats.FASTER)
    assert together.ratio == pytest.approx(one.ratio) and together.interval[1] < 1 <= one.interval[1]


def test_screening_lets_as_many_stay_as_there_is_time_for():
    screening = stats.Screening(leaders=3, runs=8)
    # Rounds of 12, 6, 3, 3, ... candidates, each with baseline and control.
    assert screening.cost(12, 0, 6) == 14 + 8 + 4 * 5
    assert screening.cost(2, 0, 6) == 6 * 4
    assert screening.staying(12, 1, 1000) == 12
    assert screening.staying(12, 1, 0) == 6
    assert screening.staying(6, 2, 0) == screening.staying(3, 3, 0) == 3
    between = screening.staying(12, 1, 45)
    assert 6 < between < 12
    assert between + 2 + screening.cost(screening.halved(between), 2, 8) <= 45


def test_the_best_are_named_in_their_order():
    assert stats.choose_best({"a": 0.1, "b": -0.2, "c": -0.1}, 2) == ["b", "c"]
