# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pooled ratio equals what R's metafor computes.

The expected numbers are those of metafor's rma() for the nine laboratories of DerSimonian and Kacker, as
statsmodels keeps them in statsmodels/stats/tests/results/results_meta.py: exk1_metafor (PM), exk1_dl_hksj (DL with
knha) and exk1_fe.
"""

from __future__ import annotations

import math
import random

import pytest
import scipy.stats

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import pool

VALUES = [61.0, 61.4, 62.21, 62.3, 62.34, 62.6, 62.7, 62.84, 65.9]
VARIANCES = [0.2025, 1.21, 0.09, 0.2025, 0.3844, 0.5625, 0.0676, 0.0225, 1.8225]
LABORATORIES = [pool.Effect(value, variance) for value, variance in zip(VALUES, VARIANCES)]


def test_tau2_is_the_one_of_paule_and_mandel():
    assert pool.estimate_tau2(LABORATORIES) == pytest.approx(0.705395309224248, rel=1e-9)


def test_the_mean_and_its_error_are_metafors():
    mean, error = pool.combine(LABORATORIES, pool.estimate_tau2(LABORATORIES))
    assert mean == pytest.approx(62.4076199113286, rel=1e-11)
    assert error == pytest.approx(0.338030602684471, rel=1e-9)
    mean, error = pool.combine(LABORATORIES, 0.0)
    assert (mean, error) == pytest.approx((62.5833970939982, 0.107845705498231), rel=1e-11)


def test_the_interval_of_hartung_and_knapp_is_metafors():
    tau2 = 0.288049246973751  # DerSimonian and Laird's, with which metafor computed these
    mean, error = pool.combine(LABORATORIES, tau2)
    error *= math.sqrt(pool.scatter(LABORATORIES, tau2))
    assert error == pytest.approx(0.29477605699879, rel=1e-11)
    width = pool.t_quantile(0.975, 8) * error
    assert (mean - width, mean + width) == pytest.approx((61.710383798052, 63.0698934108488), rel=1e-11)


def test_the_whole_is_made_of_these_parts():
    effects = [pool.Effect(value - 62, variance) for value, variance in zip(VALUES, VARIANCES)]
    found = pool.pool(effects)
    # With the tau² of Paule and Mandel the scatter is 1 by definition.
    width = scipy.stats.t.ppf(0.975, 8) * 0.338030602684471
    ends = [0.4076199113286, 0.4076199113286 - width, 0.4076199113286 + width]
    assert [math.log(one) for one in (found.ratio, found.low, found.high)] == pytest.approx(ends, rel=1e-9)
    assert found.machines == 9 and found.tau2 == pytest.approx(0.705395309224248)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 8, 29, 100, 999, 4999])
@pytest.mark.parametrize("probability", [0.6, 0.9, 0.975, 0.9995])
def test_students_t_is_scipys(freedom, probability):
    assert pool.t_quantile(probability, freedom) == pytest.approx(scipy.stats.t.ppf(probability, freedom), rel=1e-9)


def test_machines_that_agree_too_well_make_no_narrower_interval():
    same = [pool.Effect(0.0, 0.0004)] * 5
    found = pool.pool(same)
    assert found.tau2 == 0 and math.log(found.high) == pytest.approx(
        scipy.stats.t.ppf(0.975, 4) * math.sqrt(0.0004 / 5)
    )


def test_one_machine_has_its_own_interval():
    effect = pool.read_interval(0.9, 0.8, 1.0125)
    assert pool.pool([effect])[:4] == pytest.approx((1, 0.9, 0.8, 1.0125))


def test_an_interval_at_another_level_has_the_same_error():
    wide = pool.read_interval(1.0, math.exp(-2.5758293 * 0.02), math.exp(2.5758293 * 0.02), alpha=0.01)
    assert wide.variance == pytest.approx(0.0004, rel=1e-6)


@pytest.mark.parametrize("ends", [(None, 1.1), (0.9, None), (0.0, 1.1), (0.9, math.inf), (1.05, 1.1)])
def test_what_has_no_interval_is_no_effect(ends):
    assert pool.read_interval(1.0, *ends) is None


def test_the_interval_holds_the_true_ratio_as_often_as_it_says():
    chance = random.Random(14)
    inside = 0
    for _ in range(600):
        effects = []
        for _ in range(10):
            error = chance.uniform(0.01, 0.05)
            effects.append(pool.Effect(chance.gauss(0.1, 0.04) + chance.gauss(0, error), error**2))
        found = pool.pool(effects)
        inside += found.low <= math.exp(0.1) <= found.high
    assert 0.93 <= inside / 600 <= 0.985


def test_nothing_is_no_pooled_ratio():
    with pytest.raises(ValueError, match="at least one"):
        pool.pool([])


@pytest.mark.parametrize(
    "interval",
    [
        (0.9, 0.8, 1.0, 1.0),
        (0.9, 0.8, 1.0, 5),
        (0.9, 0.8, 1.0, 1e-300),
        (0.9, 0.8, 1.0, "x"),
        (1e300, 1e-300, 1e307, 0.05),
        (math.nan, math.nan, math.nan, 0.05),
        ("0.9", 0.8, 1.0, 0.05),
    ],
)
def test_numbers_that_no_machine_has_are_not_pooled(interval):
    assert pool.read_interval(*interval) is None


def test_the_furthest_that_are_pooled_have_a_result():
    alphas = [end for end in pool.ALPHAS for _one in range(3)]
    far = [pool.read_interval(1.0, 1.1 / pool.LARGEST, 0.9 * pool.LARGEST, alpha) for alpha in alphas]
    ends = [pool.read_interval(ratio, ratio, ratio) for ratio in (1.1 / pool.LARGEST, 0.9 * pool.LARGEST)]
    for effects in (far[:1], far, far[3:], ends, ends * 2, [*far, *ends]):
        assert 0 < pool.pool(effects).high < math.inf
