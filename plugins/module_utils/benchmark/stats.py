# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statistics for comparing benchmark runs: numbers in, a verdict with its doubt out.

Everything here makes no assumption about how run times are distributed: medians, order
statistics and the Mann-Whitney U test, as benchstat uses them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

FASTER = "faster"
SLOWER = "slower"
NO_DIFFERENCE = "~"
TOO_FEW = "too few runs"

MIN_RUNS = 6
# Beyond this size on a side the U statistic is taken as normal; as benchstat does.
EXACT_UP_TO = 50
# |x - median| / MAD beyond which a run is an outlier: ten standard deviations of a normal distribution.
OUTLIER_LIMIT = 14.826


class Interval(NamedTuple):
    """A median and the order statistics that enclose the true one with `confidence`."""

    center: float
    low: float
    high: float
    confidence: float


class Comparison(NamedTuple):
    """What two series of runs say about each other. Below 1 `ratio` means that after takes less than before."""

    ratio: float
    interval: tuple[float, float]
    p: float
    verdict: str
    n_before: int
    n_after: int
    alpha: float = 0.05
    warnings: tuple[str, ...] = ()


def median(values: Sequence[float]) -> float:
    if not values:
        raise ValueError("a median needs at least one value")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2.0


def median_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The median and its confidence interval by order statistics; infinite ends when there are too few values."""
    ordered = sorted(values)
    count = len(ordered)
    low, high, reached = _median_orders(count, confidence)
    return Interval(
        center=median(ordered),
        low=ordered[low - 1] if low >= 1 else -math.inf,
        high=ordered[high - 1] if high <= count else math.inf,
        confidence=reached,
    )


@cache
def _median_orders(count: int, confidence: float) -> tuple[int, int, float]:
    # Between the k-th and the (k+1)-th value the true median lies with the binomial probability of k.
    # From the most probable gap outwards, the more probable neighbour first, the left one of two equals.
    weights = [math.comb(count, k) for k in range(count + 1)]
    total = 2**count
    low = math.ceil((count + 1) / 2) - 1
    high = low + 1
    inside = weights[low]
    while inside < confidence * total and (low > 0 or high <= count):
        left = weights[low - 1] if low > 0 else 0
        right = weights[high] if high <= count else 0
        if left >= right:
            low -= 1
            inside += left
        else:
            inside += right
            high += 1
    return low, high, inside / total


def geomean(values: Sequence[float]) -> float:
    if not values or min(values) <= 0:
        raise ValueError("a geometric mean needs values above zero")
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def outliers(values: Sequence[float], limit: float = OUTLIER_LIMIT) -> list[int]:
    """Positions of the values that lie far from the median, measured by the median absolute deviation."""
    if len(values) < 3:
        return []
    center = median(values)
    spread = median([abs(value - center) for value in values])
    return [index for index, value in enumerate(values) if abs(value - center) > limit * spread]


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of the Mann-Whitney U test: exact up to EXACT_UP_TO without ties, else normal with continuity.

    Equal to scipy.stats.mannwhitneyu by that method, except that samples of one single value give 1 and not nan.
    """
    u, ties = _u_statistic(first, second)
    n1, n2 = len(first), len(second)
    return _p_value(u, n1, n2, ties, _exact(n1, n2, ties))


def _u_statistic(first: Sequence[float], second: Sequence[float]) -> tuple[float, int]:
    merged = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum = 0.0
    ties = 0
    start = 0
    while start < len(merged):
        end = start
        while end < len(merged) and merged[end][0] == merged[start][0]:
            end += 1
        group = end - start
        ties += group**3 - group
        rank_sum += (start + end + 1) / 2.0 * sum(1 for index in range(start, end) if merged[index][1] == 0)
        start = end
    return rank_sum - len(first) * (len(first) + 1) / 2.0, ties


def _exact(n1: int, n2: int, ties: int) -> bool:
    return not ties and max(n1, n2) <= EXACT_UP_TO


def _p_value(u: float, n1: int, n2: int, ties: int, exact: bool) -> float:
    u = min(u, n1 * n2 - u)
    if exact:
        counts = _u_counts(min(n1, n2), max(n1, n2))
        return min(1.0, 2.0 * sum(counts[: int(u) + 1]) / math.comb(n1 + n2, n1))
    size = n1 + n2
    variance = n1 * n2 / 12.0 * ((size + 1) - ties / (size * (size - 1.0)))
    if variance <= 0:
        return 1.0
    distance = max(0.0, n1 * n2 / 2.0 - u - 0.5)
    return min(1.0, math.erfc(distance / math.sqrt(2.0 * variance)))


@lru_cache(maxsize=256)
def _u_counts(n1: int, n2: int) -> list[int]:
    """How many orders of two samples give U = 0, 1, ... up to the middle: the Gaussian binomial coefficients."""
    top = n1 * n2 // 2
    counts = [1] + [0] * top
    for step in range(1, n1 + 1):
        for u in range(top, n2 + step - 1, -1):
            counts[u] -= counts[u - n2 - step]
        for u in range(step, top + 1):
            counts[u] += counts[u - step]
    return counts


@lru_cache(maxsize=4096)
def _critical_u(n1: int, n2: int, exact: bool, alpha: float) -> int:
    """The largest U that is significant at alpha, -1 when none is. Ties are left out: they only lower p."""
    low, high = -1, n1 * n2 // 2
    while low < high:
        middle = (low + high + 1) // 2
        if _p_value(middle, n1, n2, 0, exact) < alpha:
            low = middle
        else:
            high = middle - 1
    return low


def compare(before: Sequence[float], after: Sequence[float], alpha: float = 0.05) -> Comparison:
    """Compare two series of run times.

    The interval holds every factor by which `before` could be multiplied without the U test noticing a
    difference from `after` at `alpha`; test and interval are therefore two views of one thing, and there is
    a verdict only when both say so.
    """
    n1, n2 = len(before), len(after)
    if not n1 or not n2:
        raise ValueError("a comparison needs at least one run on each side")
    if any(math.isnan(value) or value < 0 for value in list(before) + list(after)):
        raise ValueError("run times must be numbers of at least zero")
    ratio = _divide(median(after), median(before))
    u, ties = _u_statistic(after, before)
    exact = _exact(n1, n2, ties)
    p = _p_value(u, n1, n2, ties, exact)
    warnings: list[str] = []
    interval = (0.0, math.inf)
    if min(n1, n2) < MIN_RUNS:
        warnings.append(f"{min(n1, n2)} runs on a side are too few for a verdict, {MIN_RUNS} are needed")
        return Comparison(ratio, interval, p, TOO_FEW, n1, n2, alpha, tuple(warnings))
    pairs = sorted(_divide(b, a) for a in before for b in after)
    critical = _critical_u(min(n1, n2), max(n1, n2), exact, alpha)
    if critical >= 0:
        interval = (pairs[critical], pairs[len(pairs) - 1 - critical])
    else:
        warnings.append(f"{min(n1, n2)} runs on a side cannot reach the level of {alpha:.2g}")
    verdict = NO_DIFFERENCE
    if p < alpha:
        if interval[1] < 1.0:
            verdict = FASTER
        elif interval[0] > 1.0:
            verdict = SLOWER
    for name, values in (("before", before), ("after", after)):
        far = len(outliers(values))
        if far:
            warnings.append(f"{far} of {len(values)} runs {name} lie far from the others")
    return Comparison(ratio, interval, p, verdict, n1, n2, alpha, tuple(warnings))


def _divide(numerator: float, denominator: float) -> float:
    if denominator:
        return numerator / denominator
    return math.inf if numerator else 1.0


class StoppingRule(NamedTuple):
    """When the runs may be looked at, and what each look may cost of the error allowed.

    Whoever looks at growing data again and again finds a "difference" sooner or later. So the error that is
    allowed overall (`alpha`) is first divided by the number of comparisons, then spent: `interim_share` of it in
    equal parts on the looks before the last, what is left on the last one, whenever that comes. By the union
    bound the probability of any false verdict, over all looks and comparisons, stays at most `alpha`; nothing is
    assumed about how looks hang together. The interval at the level of a look is valid in the same sense.
    """

    comparisons: int = 1
    looks: tuple[int, ...] = (6, 8, 10, 14, 20)
    alpha: float = 0.05
    interim_share: float = 0.5

    def level(self, runs: int, last: bool = False) -> float | None:
        """The level at which runs may be judged now; None when this is no moment to look."""
        each = self.alpha / max(1, self.comparisons)
        interim = each * self.interim_share / len(self.looks)
        if last:
            return each - interim * sum(1 for look in self.looks if look < runs)
        return interim if runs in self.looks else None

    def decided(self, comparison: Comparison, negligible: float = 0.01) -> bool:
        """Whether more runs could hardly change what there is to say. Stopping at "no difference" costs no error."""
        if comparison.verdict in (FASTER, SLOWER):
            return True
        low, high = comparison.interval
        return comparison.verdict == NO_DIFFERENCE and low > 1 - negligible and high < 1 + negligible
