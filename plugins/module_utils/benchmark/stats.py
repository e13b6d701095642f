# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statistics for comparing benchmark runs: numbers in, a verdict with its doubt out.

Everything here makes no assumption about how run times are distributed: medians, order
statistics and the Mann-Whitney U test, as benchstat uses them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    """Return the middle value, or the mean of the two in the middle; raise ValueError without values."""
    if not values:
        raise ValueError("a median needs at least one value")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2.0


def median_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the median and its confidence interval by order statistics; too few values have infinite ends."""
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
    """Return the geometric mean; raise ValueError without values or with one that is not above zero."""
    if not values or min(values) <= 0:
        raise ValueError("a geometric mean needs values above zero")
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def find_outliers(values: Sequence[float], limit: float = OUTLIER_LIMIT) -> list[int]:
    """Return the positions of values that lie far from the median, measured by the median absolute deviation."""
    if len(values) < 3:
        return []
    center = median(values)
    spread = median([abs(value - center) for value in values])
    return [index for index, value in enumerate(values) if abs(value - center) > limit * spread]


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


Sizes = tuple[tuple[int, int], ...]
"""How many runs there are on both sides, for each stratum."""


def _is_exact(sizes: Sizes, ties: Sequence[int]) -> bool:
    return not any(ties) and max(map(max, sizes)) <= EXACT_UP_TO


def _count_pairs(sizes: Sizes) -> int:
    return sum(n1 * n2 for n1, n2 in sizes)


def _p_value(u: float, sizes: Sizes, ties: Sequence[int], exact: bool) -> float:
    u = min(u, _count_pairs(sizes) - u)
    if exact:
        orders = math.prod(math.comb(n1 + n2, n1) for n1, n2 in sizes)
        return min(1.0, 2.0 * sum(_count_u(sizes)[: int(u) + 1]) / orders)
    variance = sum(
        n1 * n2 / 12.0 * ((n1 + n2 + 1) - tied / ((n1 + n2) * (n1 + n2 - 1.0))) for (n1, n2), tied in zip(sizes, ties)
    )
    if variance <= 0:
        return 1.0
    distance = max(0.0, _count_pairs(sizes) / 2.0 - u - 0.5)
    return min(1.0, math.erfc(distance / math.sqrt(2.0 * variance)))


@lru_cache(maxsize=256)
def _count_u(sizes: Sizes) -> list[int]:
    """Count the orders that give U = 0, 1, ... up to the middle: products of Gaussian binomial coefficients.

    U of several strata is the sum of theirs.
    """
    top = _count_pairs(sizes) // 2
    counts = [1] + [0] * top
    for size, other in sizes:
        smaller, larger = min(size, other), max(size, other)
        for step in range(1, smaller + 1):
            for u in range(top, larger + step - 1, -1):
                counts[u] -= counts[u - larger - step]
            for u in range(step, top + 1):
                counts[u] += counts[u - step]
    return counts


@lru_cache(maxsize=4096)
def _find_critical_u(sizes: Sizes, exact: bool, alpha: float) -> int:
    """Return the largest U that is significant at alpha, -1 when none is. Ties are left out: they only lower p."""
    low, high = -1, _count_pairs(sizes) // 2
    while low < high:
        middle = (low + high + 1) // 2
        if _p_value(middle, sizes, [0] * len(sizes), exact) < alpha:
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
    return compare_strata([(before, after)], alpha)


def compare_strata(strata: Sequence[tuple[Sequence[float], Sequence[float]]], alpha: float = 0.05) -> Comparison:
    """Compare two things in several scenarios at once, where each pair of series has times of its own height.

    The statistic is the sum of the U of each pair (van Elteren, 1960, with equal weights), so runs of different
    scenarios are never ranked against each other. The ratio is the geometric mean of those of the pairs, and the
    interval holds the common factors that this test does not notice.
    """
    if not strata or not all(before and after for before, after in strata):
        raise ValueError("a comparison needs at least one run on each side")
    every = [value for pair in strata for values in pair for value in values]
    if any(math.isnan(value) or value < 0 for value in every):
        raise ValueError("run times must be numbers of at least zero")
    ratios = [_divide(median(after), median(before)) for before, after in strata]
    ratio = geomean(ratios) if len(ratios) > 1 and min(ratios) > 0 else ratios[0]
    statistics = [_u_statistic(after, before) for before, after in strata]
    ties = [tied for _u, tied in statistics]
    sizes = tuple((min(len(before), len(after)), max(len(before), len(after))) for before, after in strata)
    exact = _is_exact(sizes, ties)
    p = _p_value(sum(u for u, _tied in statistics), sizes, ties, exact)
    n1, n2 = (sum(len(pair[side]) for pair in strata) for side in (0, 1))
    fewest = min(map(min, sizes))
    warnings: list[str] = []
    interval = (0.0, math.inf)
    if fewest < MIN_RUNS:
        warnings.append(f"{fewest} runs on a side are too few for a verdict, {MIN_RUNS} are needed")
        return Comparison(ratio, interval, p, TOO_FEW, n1, n2, alpha, tuple(warnings))
    pairs = sorted(_divide(b, a) for before, after in strata for a in before for b in after)
    critical = _find_critical_u(sizes, exact, alpha)
    if critical >= 0:
        interval = (pairs[critical], pairs[len(pairs) - 1 - critical])
    else:
        warnings.append(f"{fewest} runs on a side cannot reach the level of {alpha:.2g}")
    verdict = NO_DIFFERENCE
    if p < alpha:
        if interval[1] < 1.0:
            verdict = FASTER
        elif interval[0] > 1.0:
            verdict = SLOWER
    for name, side in (("before", 0), ("after", 1)):
        for pair in strata:
            far = len(find_outliers(pair[side]))
            if far:
                warnings.append(f"{far} of {len(pair[side])} runs {name} lie far from the others")
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
        """Return the level at which runs may be judged now; None when this is no moment to look."""
        each = self.alpha / max(1, self.comparisons)
        interim = each * self.interim_share / len(self.looks)
        if last:
            return each - interim * sum(1 for look in self.looks if look < runs)
        return interim if runs in self.looks else None

    def decided(self, comparison: Comparison, negligible: float = 0.01) -> bool:
        """Return whether more runs could hardly change the verdict; to stop at "no difference" costs no error."""
        if comparison.verdict in (FASTER, SLOWER):
            return True
        low, high = comparison.interval
        return comparison.verdict == NO_DIFFERENCE and low > 1 - negligible and high < 1 + negligible


class Screening(NamedTuple):
    """How many of many candidates go on, round by round, so that the few that lead get the runs.

    After each round the worse half leaves, as in successive halving (Karnin, Koren, Somekh, ICML 2013), but never so
    many that fewer than `leaders` stay, and only as far as the time makes it necessary. A candidate that goes on keeps
    its runs. It is compared with baseline and control together, because a group that all others are compared with
    earns more runs than each of them (Dunnett, 1955).

    To leave costs no error: who left without a verdict is not kept. The level of the others (StoppingRule) is divided
    by all candidates that started, so by the union bound the probability that any of those without an effect gets a
    verdict is at most what it would be had all of them gone on to the end.
    """

    leaders: int = 3
    runs: int = MIN_RUNS + 2
    """How many runs each of the leaders shall have at the end."""

    def cost(self, candidates: int, rounds: int = 0, least: int = MIN_RUNS) -> int:
        """Return how many runs it takes until the leaders of C(candidates) have C(least), after C(rounds) rounds."""
        runs, left = 0, candidates
        for _round in range(rounds, least):
            runs += left + 2
            left = self.halved(left)
        return runs

    def halved(self, candidates: int) -> int:
        """Return how many stay where half of them leave."""
        return min(candidates, max(self.leaders, (candidates + 1) // 2))

    def staying(self, candidates: int, rounds: int, affordable: float) -> int:
        """Return how many candidates go on after C(rounds) rounds when there is time for C(affordable) more runs."""
        for stay in range(candidates, self.halved(candidates), -1):
            if stay + 2 + self.cost(self.halved(stay), rounds + 1, self.runs) <= affordable:
                return stay
        return self.halved(candidates)


def choose_best(scores: Mapping[str, float], count: int) -> list[str]:
    """Return the names of the C(count) lowest scores, in the order in which they are given."""
    chosen = sorted(scores, key=lambda name: scores[name])[:count]
    return [name for name in scores if name in chosen]
