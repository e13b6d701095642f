# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ratios of many machines as one: a random-effects meta-analysis of their logarithms.

Machines differ in more than chance, so their ratios scatter around the pooled one with a variance of their own, tau².
It is estimated as Paule and Mandel do (DerSimonian and Kacker 2007, doi:10.1016/j.cct.2006.04.004), which needs no
distribution; the interval is the one of Hartung and Knapp (2001, doi:10.1002/sim.791), which counts that tau² is itself
estimated, and is never narrower than without it (Röver et al. 2015, doi:10.1186/s12874-015-0091-1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

LEAST_ERROR = 0.001
"""An interval of no width says that the clock is too coarse, not that there is no doubt."""
LARGEST = 1e6
"""A ratio beyond this, or below its inverse, is none that a machine has: a host may say what it likes."""
ALPHAS = (1e-9, 0.5)
"""What the level of an interval can be."""
FEWEST = 3
"""Two machines cannot show how much machines differ, so up to here tau² counts as zero."""


class Effect(NamedTuple):
    """The logarithm of one machine's ratio and the variance of its error."""

    value: float
    variance: float


class Pooled(NamedTuple):
    """The ratio of all machines with its interval; C(tau2) is the variance between machines on the log scale."""

    machines: int
    ratio: float
    low: float
    high: float
    tau2: float


def read_interval(ratio: float, low: float | None, high: float | None, alpha: float = 0.05) -> Effect | None:
    """Return the effect that an interval at C(1 - alpha) stands for; None where an end is unknown, or no ratio."""
    if low is None or high is None or not all(isinstance(number, (int, float)) for number in (ratio, low, high, alpha)):
        return None
    if not 1 / LARGEST < low <= ratio <= high < LARGEST or not ALPHAS[0] <= alpha <= ALPHAS[1]:
        return None
    error = (math.log(high) - math.log(low)) / (2 * NormalDist().inv_cdf(1 - alpha / 2))
    return Effect(math.log(ratio), max(error, LEAST_ERROR) ** 2)


def pool(effects: Sequence[Effect], level: float = 0.95) -> Pooled:
    """Return the pooled ratio of at least one machine."""
    if not effects:
        raise ValueError("a pooled ratio needs at least one machine")
    tau2 = estimate_tau2(effects) if len(effects) >= FEWEST else 0.0
    mean, error = combine(effects, tau2)
    if len(effects) < FEWEST:
        quantile = NormalDist().inv_cdf((1 + level) / 2)
    else:
        error *= math.sqrt(max(1.0, scatter(effects, tau2)))
        quantile = t_quantile((1 + level) / 2, len(effects) - 1)
    low, high = mean - quantile * error, mean + quantile * error
    return Pooled(len(effects), math.exp(mean), math.exp(low), math.exp(high), tau2)


def combine(effects: Sequence[Effect], tau2: float) -> tuple[float, float]:
    """Return the mean weighted by the inverse variances, and its standard error."""
    weights = [1 / (effect.variance + tau2) for effect in effects]
    total = math.fsum(weights)
    mean = math.fsum(weight * effect.value for weight, effect in zip(weights, effects)) / total
    return mean, math.sqrt(1 / total)


def scatter(effects: Sequence[Effect], tau2: float) -> float:
    """Return how far the effects lie from their mean, in units of what is expected with C(tau2): 1 where it fits."""
    mean = combine(effects, tau2)[0]
    squares = ((effect.value - mean) ** 2 / (effect.variance + tau2) for effect in effects)
    return math.fsum(squares) / (len(effects) - 1)


def estimate_tau2(effects: Sequence[Effect]) -> float:
    """Return the variance between machines with which the effects scatter as expected; zero where they do without."""
    if scatter(effects, 0.0) <= 1.0:
        return 0.0
    high = max((effect.value - effects[0].value) ** 2 for effect in effects) + 1e-12
    # The scatter falls with tau², so there is one solution.
    return _halve(lambda tau2: scatter(effects, tau2) > 1.0, high, 1e-15)


def t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile, above a half, of Student's t distribution."""
    return _halve(lambda value: t_probability(value, freedom) < probability, 1.0, 1e-13)


def _halve(is_below: Callable[[float], bool], high: float, precision: float) -> float:
    """Return where C(is_below) turns false, above zero; the search begins below C(high), doubled as often as needed."""
    low = 0.0
    while is_below(high):
        high *= 2
    for _step in range(200):
        middle = (low + high) / 2
        if is_below(middle):
            low = middle
        else:
            high = middle
        if high - low <= precision * high:
            break
    return (low + high) / 2


def t_probability(value: float, freedom: int) -> float:
    """Return the probability of at most C(value), which is not negative: the finite series of whole degrees of freedom.

    Abramowitz and Stegun 26.7.3 and 26.7.4.
    """
    angle = math.atan2(value, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2 == 1
    term = total = 0.0
    if freedom > 1:
        term = total = cosine if odd else 1.0
        for k in range(3 if odd else 2, freedom - 1, 2):
            term *= cosine**2 * (k - 1) / k
            total += term
    if odd:
        inside = (angle + sine * total) * 2 / math.pi
    else:
        inside = sine * total
    return (1 + inside) / 2
