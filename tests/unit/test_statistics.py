import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from mt2st.statistics import (
    BCA_FROM,
    Interval,
    as_text,
    bootstrap_interval,
    detectable_difference,
    equivalence,
    holm,
    mean_interval,
    paired_difference,
    ratio_interval,
)


def test_interval_of_three_values_by_hand() -> None:
    interval = mean_interval([1.0, 2.0, 3.0])
    half = 4.302652729911275 / math.sqrt(3)  # t quantile of 2 degrees of freedom times 1 / √3
    assert (interval.mean, interval.n) == (2.0, 3)
    assert (interval.low, interval.high) == pytest.approx((2 - half, 2 + half))


@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_interval_is_scipys(n: int, confidence: float) -> None:
    values = np.random.default_rng(n).normal(0.7, 0.05, n)
    expected = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    interval = mean_interval(values, confidence)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert interval.mean == pytest.approx(values.mean())


def test_interval_of_equal_values_has_no_width() -> None:
    interval = mean_interval([0.5, 0.5, 0.5])
    assert (interval.low, interval.mean, interval.high) == (0.5, 0.5, 0.5)


def test_one_value_says_nothing_about_the_spread() -> None:
    interval = mean_interval([0.4])
    assert (interval.mean, interval.n) == (0.4, 1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@pytest.mark.parametrize("interval", [mean_interval, bootstrap_interval])
def test_missing_values_and_percentages_are_refused(interval) -> None:
    with pytest.raises(ValueError, match="missing"):
        interval([1.0, math.nan])
    with pytest.raises(ValueError, match="infinite"):
        interval([1.0, math.inf])
    with pytest.raises(ValueError, match="got 95"):
        interval([1.0, 2.0], confidence=95)
    with pytest.raises(ValueError, match="got 95"):
        interval([1.0, 1.0], confidence=95)


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval([])
    with pytest.raises(ValueError, match="at least one value"):
        paired_difference([], [])


@pytest.mark.parametrize(
    "differences",
    [[1, 2, 3], [1, -2, 3], [2, 2, 2, 2], [1, -1, 1, -1], [0, 0, 3], [0, 0, 0], [5, 1, -4, 2, 8, -3], [-3, -1, -2]],
)
def test_p_is_that_of_all_sign_flips(differences: list[int]) -> None:
    observed = abs(sum(differences))
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    expected = sum(s >= observed for s in sums) / len(sums)
    b = [0.25 * i for i in range(len(differences))]
    a = [y + difference for y, difference in zip(b, differences, strict=True)]
    assert paired_difference(a, b).p == pytest.approx(expected, abs=1e-12)


def test_difference_has_the_interval_of_the_paired_t_test() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(0.7, 0.1, 8).tolist(), generator.normal(0.5, 0.1, 8).tolist()
    expected = stats.ttest_rel(a, b).confidence_interval(0.9)
    interval = paired_difference(a, b, confidence=0.9).interval
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert interval.mean == pytest.approx(np.mean(a) - np.mean(b))
    assert interval.n == 8


@pytest.mark.parametrize(("n", "smallest"), [(1, 1.0), (2, 0.5), (3, 0.25), (5, 0.0625), (10, 0.001953125)])
def test_smallest_p_is_reached_when_all_differences_agree(n: int, smallest: float) -> None:
    difference = paired_difference([i + 1.0 for i in range(n)], [0.0] * n)
    assert difference.p == pytest.approx(smallest)


def test_swapping_the_pairs_turns_the_sign() -> None:
    a, b = [0.7, 0.8, 0.6, 0.9], [0.5, 0.9, 0.4, 0.6]
    forth, back = paired_difference(a, b), paired_difference(b, a)
    assert back.interval.mean == pytest.approx(-forth.interval.mean)
    assert (back.interval.low, back.interval.high) == pytest.approx((-forth.interval.high, -forth.interval.low))
    assert back.p == pytest.approx(forth.p)


def test_pairs_need_equal_lengths() -> None:
    with pytest.raises(ValueError, match="got 2 and 3"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("n", [BCA_FROM - 1, BCA_FROM])
def test_the_interval_of_a_difference_is_t_for_few_pairs_and_bca_for_many(n: int) -> None:
    a = np.random.default_rng(n).exponential(size=n)
    interval = paired_difference(a, np.zeros(n)).interval
    expected = mean_interval(a) if n < BCA_FROM else bootstrap_interval(a)
    assert interval == expected
    assert interval.method == ("t" if n < BCA_FROM else "BCa")


def test_swapping_many_pairs_turns_the_bootstrap_round() -> None:
    a, b = np.random.default_rng(1).exponential(size=(2, BCA_FROM))
    forth, back = paired_difference(a, b).interval, paired_difference(b, a).interval
    assert forth.method == "BCa"
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))


def test_p_of_many_pairs_is_near_that_of_all_sign_flips() -> None:
    difference = np.random.default_rng(3).integers(-3, 8, 18)
    sums = np.zeros(1)
    for d in difference:
        sums = np.concatenate([sums + d, sums - d])
    exact = float((np.abs(sums) >= abs(difference.sum())).mean())
    found = paired_difference(difference, np.zeros(18))
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(exact / 100_000))
    assert found.p == paired_difference(difference, np.zeros(18)).p


def test_p_is_exact_up_to_16_pairs() -> None:
    found = paired_difference(np.ones(16), np.zeros(16))
    assert found.p == pytest.approx(2 / 2**16, rel=1e-12)


def test_means_that_differ_by_rounding_alone_are_ties() -> None:
    flips = np.array(np.meshgrid(*[(-1, 1)] * 6)).reshape(6, -1)
    for exact, given in (
        ([3, 3, 3, 6, 1, 2], [0.1 + 0.2, 0.3, 0.3, 0.6, 0.1, 0.2]),  # 0.1 + 0.2 is 0.30000000000000004
        ([1, 2, 3, -3, 3, -3], [0.1, 0.2, 0.3, -0.3, 0.1 + 0.2, -0.3]),
    ):
        counted = (np.abs(np.array(exact) @ flips) >= abs(sum(exact))).mean()
        assert paired_difference(given, [0.0] * 6).p == pytest.approx(counted, rel=1e-12)


def test_equivalence_is_two_one_sided_t_tests() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.2, 1, 12), rng.normal(0, 1, 12)
    for margin in (0.5, 1.0, 2.0):
        above = stats.ttest_1samp(a - b, -margin, alternative="greater").pvalue
        below = stats.ttest_1samp(a - b, margin, alternative="less").pvalue
        assert equivalence(a, b, margin) == pytest.approx(max(above, below))
        interval = mean_interval(a - b, 0.9)
        assert (equivalence(a, b, margin) <= 0.05) == (-margin < interval.low and interval.high < margin)


def test_equivalence_without_spread_or_pairs() -> None:
    assert equivalence([2.0, 3.0], [1.5, 2.5], 1.0) == 0
    assert equivalence([2.0, 3.0], [0.5, 1.5], 1.0) == 1
    assert np.isnan(equivalence([1.0], [2.0], 1.0))
    with pytest.raises(ValueError, match="a margin is above 0, got 0"):
        equivalence([1.0, 2.0], [1.0, 2.5], 0)


def test_bca_is_efrons_formula_over_every_resample() -> None:
    x = np.array([1.0, 2, 3, 4, 10])
    means = np.array(list(itertools.product(x, repeat=5))).mean(axis=1)
    below = ((means < x.mean()).mean() + (means <= x.mean()).mean()) / 2
    pull = x - x.mean()  # the jackknife's influence of each value on the mean
    z0, a = stats.norm.ppf(below), (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    z = z0 + stats.norm.ppf([0.05, 0.95])
    low, high = np.quantile(means, stats.norm.cdf(z0 + z / (1 - a * z)))
    interval = bootstrap_interval(x, confidence=0.9)
    assert (interval.mean, interval.n, interval.method) == (4.0, 5, "BCa")
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.21)  # means lie 0.2 apart
    assert interval.high - 4 > 4 - interval.low


def test_a_bootstrap_repeats_itself() -> None:
    x = np.random.default_rng(0).normal(size=30)
    assert bootstrap_interval(x) == bootstrap_interval(x)


def test_bootstrap_of_equal_values_is_the_point() -> None:
    assert bootstrap_interval([0.1, 0.1, 0.1]) == Interval(np.mean([0.1] * 3), *[np.mean([0.1] * 3)] * 2, 3, "BCa")
    twelve = paired_difference([0.75] * 12, [0.5] * 12).interval
    assert (twelve.low, twelve.mean, twelve.high) == (0.25, 0.25, 0.25)


def test_bootstrap_of_one_value_says_nothing_about_the_spread() -> None:
    interval = bootstrap_interval([0.4])
    assert (interval.mean, interval.n) == (0.4, 1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_a_bootstrap_of_three_values_is_far_too_narrow() -> None:
    samples = np.random.default_rng(0).normal(size=(300, 3))
    t, bca = ([f(x) for x in samples] for f in (mean_interval, bootstrap_interval))
    assert 0.91 < np.mean([i.low <= 0 <= i.high for i in t]) < 0.99
    assert 0.63 < np.mean([i.low <= 0 <= i.high for i in bca]) < 0.81


def test_ratio_by_hand() -> None:
    ratio = ratio_interval([2.0, 8.0], [1.0, 1.0])  # logarithms to base 2: 1 and 3, mean 2, standard error 1
    half = 12.706204736174707  # t quantile of 1 degree of freedom
    assert ratio.interval.mean == pytest.approx(4)
    assert (ratio.interval.low, ratio.interval.high) == pytest.approx((2 ** (2 - half), 2 ** (2 + half)))
    assert ratio.p == 0.5


@pytest.mark.parametrize("n", [4, BCA_FROM])
def test_ratio_is_the_inverse_the_other_way_round_and_has_no_unit(n: int) -> None:
    a, b = np.random.default_rng(n).lognormal(size=(2, n))
    forth, back, minutes = ratio_interval(a, b), ratio_interval(b, a), ratio_interval(a / 60, b / 60)
    assert forth.interval.mean == pytest.approx(stats.gmean(a) / stats.gmean(b))
    assert forth.interval.method == ("t" if n < BCA_FROM else "BCa")
    assert (1 / back.interval.high, 1 / back.interval.low) == pytest.approx((forth.interval.low, forth.interval.high))
    assert minutes.interval.high == pytest.approx(forth.interval.high, rel=1e-3)  # rounding breaks ties of resamples
    assert forth.p == back.p


def test_a_ratio_needs_positive_values() -> None:
    with pytest.raises(ValueError, match="positive"):
        ratio_interval([1.0, 2.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="got 1 and 2"):
        ratio_interval([1.0], [1.0, 2.0])


def test_holm_by_hand() -> None:
    # Smallest times 4, next times 3, then at least as much as the one before: .03 · 2 = .06 and .02 · 3 = .06.
    assert holm([0.01, 0.03, 0.02, 0.9]) == pytest.approx([0.04, 0.06, 0.06, 0.9])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])


def test_holm_does_not_count_claims_without_a_test() -> None:
    assert holm([0.01, math.nan, 0.04, 0.03]) == pytest.approx([0.03, math.nan, 0.06, 0.06], nan_ok=True)
    assert np.isnan(holm([math.nan, math.nan])).all()
    assert holm([]).shape == (0,)


def test_holm_keeps_the_order_and_never_lowers_p() -> None:
    p = np.random.default_rng(0).uniform(size=50) ** 3
    adjusted = holm(p)
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()
    assert (adjusted >= p).all()
    assert adjusted.max() <= 1


def test_holm_refuses_what_is_no_p() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, 1.5])


def test_detectable_difference_is_that_of_rs_power_t_test() -> None:
    # power.t.test(delta = .5, sd = 1, power = .8, type = "paired") gives n = 33.36713
    assert detectable_difference(1.0, 33.36713) == pytest.approx(0.5, abs=1e-7)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 100])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_a_detectable_difference_has_the_power_asked_for(n: int, alpha: float) -> None:
    difference = detectable_difference(2.0, n, 0.9, alpha)
    quantile = stats.t.isf(alpha / 2, n - 1)
    chi = stats.chi(n - 1, scale=1 / math.sqrt(n - 1))  # the estimated over the true standard deviation
    shift = math.sqrt(n) * difference / 2
    power = chi.expect(lambda s: stats.norm.sf(quantile * s - shift) + stats.norm.cdf(-quantile * s - shift))
    assert power == pytest.approx(0.9, abs=1e-5)


def test_detectable_difference_is_that_of_statsmodels_where_its_solver_converges() -> None:
    expected = TTestPower().solve_power(nobs=10, alpha=0.05, power=0.8, alternative="two-sided")
    assert detectable_difference(1.0, 10) == pytest.approx(expected, rel=1e-6)


def test_detectable_difference_takes_the_spread_of_a_pilot() -> None:
    pilot = [0.01, 0.04, -0.02]
    expected = np.std(pilot, ddof=1) * detectable_difference(1.0, 7)
    assert detectable_difference(pilot, 7) == pytest.approx(expected)
    assert detectable_difference(pd.Series(pilot, index=[4, 5, 6]), 7) == pytest.approx(expected)
    assert detectable_difference([0.1, 0.1], 7) == 0


def test_without_spread_no_difference_can_be_named() -> None:
    assert math.isnan(detectable_difference(1.0, 1))
    assert math.isnan(detectable_difference([0.3], 5))


def test_detectable_difference_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="negative"):
        detectable_difference(-1.0, 5)
    with pytest.raises(ValueError, match="power = 80"):
        detectable_difference(1.0, 5, power=80)
    with pytest.raises(ValueError, match="missing"):
        detectable_difference([0.1, math.nan], 5)


# --- For tables and readers


def test_an_interval_as_columns_of_a_table() -> None:
    columns = Interval(0.5, 0.25, 1.0, 3).columns("ratio")
    assert columns == {"ratio": 0.5, "ratio low": 0.25, "ratio high": 1.0}


def test_an_interval_as_text() -> None:
    assert as_text(70.64, 69.25, 72.06) == "70.6 [69.2, 72.1]"
    assert as_text(0.5, -1, 2, "+.2f") == "+0.50 [-1.00, +2.00]"
    assert as_text(0.5, np.nan, np.nan) == "0.5"
    assert as_text(np.nan, np.nan, np.nan) == "–"
