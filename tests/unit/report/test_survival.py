import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from mt2st.report.survival import logrank, restricted_mean, restricted_mean_ratio, survival_curve
from mt2st.statistics import BCA_FROM

# Remission in weeks of leukaemia patients, Miller (1997), data set `aml` of R's package survival.
MAINTAINED = [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0]
OTHERS = [5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]


def runs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return times, with ties, and who reached the target, for n runs of different length."""
    generator = np.random.default_rng(seed)
    times, stops = generator.integers(1, 15, n), generator.integers(4, 20, n)
    return np.minimum(times, stops).astype(float), times <= stops


def test_curve_is_the_one_in_the_manual_of_r() -> None:
    curve = survival_curve(*MAINTAINED).set_index("time")["share"]
    expected = {0: 1, 9: 0.909, 13: 0.818, 18: 0.716, 23: 0.614, 28: 0.614, 31: 0.491, 34: 0.368, 48: 0.184, 161: 0.184}
    assert curve[list(expected)].tolist() == pytest.approx(list(expected.values()), abs=5e-4)


@pytest.mark.parametrize("seed", range(5))
def test_curve_and_band_are_those_of_statsmodels_standard_errors(seed: int) -> None:
    times, reached = runs(20, seed)
    expected = SurvfuncRight(times, reached)
    curve = survival_curve(times, reached, confidence=0.9).set_index("time").loc[expected.surv_times]
    assert curve["share"].to_numpy() == pytest.approx(expected.surv_prob)
    inside = (expected.surv_prob > 0) & (expected.surv_prob < 1)
    share, error = expected.surv_prob[inside], expected.surv_prob_se[inside]
    half = stats.norm.ppf(0.95) * error / (share * -np.log(share))  # of log(−log share)
    assert curve["low"][inside].to_numpy() == pytest.approx(share ** np.exp(half))
    assert curve["high"][inside].to_numpy() == pytest.approx(share ** np.exp(-half))


def test_curve_without_censoring_is_the_share_still_waiting() -> None:
    curve = survival_curve([3, 1, 2, 2], [True] * 4)
    assert curve["time"].tolist() == [0, 1, 2, 3]
    assert curve["share"].tolist() == pytest.approx([1, 0.75, 0.25, 0])
    assert curve["low"].isna().tolist() == [False, False, False, True]


def test_curve_of_runs_that_all_fail_stays_at_one() -> None:
    curve = survival_curve([2.0, 3.0], [False, False])
    assert curve["share"].tolist() == [1, 1, 1]
    assert curve["low"].isna().tolist() == [False, True, True]


def test_restricted_mean_by_hand() -> None:
    # 1 up to time 1, 3/4 up to 2, 1/2 up to 3, 1/4 from there, as one of two runs at time 3 stopped without.
    assert restricted_mean([1, 2, 3, 3], [1, 1, 0, 1], horizon=3) == pytest.approx(1 + 0.75 + 0.5)
    assert restricted_mean([1, 2, 3, 3], [1, 1, 0, 1], horizon=2.5) == pytest.approx(1 + 0.75 + 0.25)
    assert restricted_mean([1, 2, 3, 5], [1, 0, 1, 1], horizon=4) == pytest.approx(1 + 0.75 + 0.75 + 0.375)


@pytest.mark.parametrize("seed", range(5))
def test_restricted_mean_is_the_area_under_the_curve(seed: int) -> None:
    times, reached = runs(12, seed)
    curve = survival_curve(times, reached)
    edges = np.append(curve["time"], np.inf).clip(max=9.5)
    assert restricted_mean(times, reached, 9.5) == pytest.approx((curve["share"] * np.diff(edges)).sum())


def test_restricted_mean_without_censoring_is_the_mean() -> None:
    times = np.random.default_rng(0).exponential(size=9)
    assert restricted_mean(times, [True] * 9, horizon=1000) == pytest.approx(times.mean())
    assert restricted_mean(times, [True] * 9, horizon=0.5) == pytest.approx(np.minimum(times, 0.5).mean())


def test_runs_that_fail_count_as_the_horizon() -> None:
    assert restricted_mean([5, 5], [False, False], horizon=5) == 5
    assert restricted_mean([2, 5], [True, False], horizon=5) == 3.5


def test_a_horizon_beyond_what_was_watched_is_refused() -> None:
    with pytest.raises(ValueError, match="at most that, not 6"):
        restricted_mean([5, 5], [True, False], horizon=6)
    with pytest.raises(ValueError, match="at most that, not 6"):
        restricted_mean_ratio([5, 5], [True, True], [4, 5], [True, False], horizon=6)
    with pytest.raises(ValueError, match="positive time, got 0"):
        restricted_mean([5], [True], horizon=0)


def test_ratio_and_jackknife_by_hand() -> None:
    a, b = np.array([2.0, 3, 7]), np.array([4.0, 3, 8])
    ratio = restricted_mean_ratio(a, [1, 1, 1], b, [1, 1, 1], horizon=100)
    full = math.log(12 / 15)
    pseudo = [3 * full - 2 * math.log(left) for left in (10 / 11, 9 / 12, 5 / 7)]
    half = 4.302652729911275 * np.std(pseudo, ddof=1) / math.sqrt(3)
    assert ratio.mean == pytest.approx(0.8)
    assert (ratio.low, ratio.high) == pytest.approx((0.8 * math.exp(-half), 0.8 * math.exp(half)))
    assert (ratio.n, ratio.method) == (3, "jackknife t")


def test_ratio_of_many_pairs_is_bootstrapped_by_pairs() -> None:
    generator = np.random.default_rng(0)
    b, noise = generator.lognormal(1, 0.5, size=25), generator.normal(0, 0.02, 25)
    a = 0.7 * b * np.exp(noise)
    every = np.ones(25, dtype=bool)
    paired = restricted_mean_ratio(a, every, b, every, horizon=100)
    mixed = restricted_mean_ratio(a, every, np.roll(b, 1), every, horizon=100)
    assert paired.method == "BCa"
    assert paired.mean == pytest.approx(a.sum() / b.sum()) == mixed.mean
    assert paired.low < 0.7 < paired.high
    assert paired.high - paired.low < 0.03 < mixed.high - mixed.low
    assert paired == restricted_mean_ratio(a, every, b, every, horizon=100)


@pytest.mark.parametrize("n", [BCA_FROM - 1, BCA_FROM])
def test_ratio_is_the_inverse_the_other_way_round_also_with_censoring(n: int) -> None:
    a, b = runs(n, 1), runs(n, 2)
    forth, back = (restricted_mean_ratio(*x, *y, horizon=6, confidence=0.9) for x, y in ((a, b), (b, a)))
    assert forth.mean == pytest.approx(restricted_mean(*a, 6) / restricted_mean(*b, 6))
    assert (1 / back.high, 1 / back.low) == pytest.approx((forth.low, forth.high))


def test_ratio_against_an_arm_that_never_reaches_the_target() -> None:
    ratio = restricted_mean_ratio([2, 3, 4], [1, 1, 1], [10, 10, 10], [0, 0, 0], horizon=10)
    assert ratio.mean == pytest.approx(0.3)
    assert ratio.low < 0.3 < ratio.high < 1


@pytest.mark.parametrize(("horizon", "reached"), [(5, [0, 0]), (4, [1, 1])])
def test_nothing_is_said_where_no_run_reaches_the_target_in_time(horizon: float, reached: list[int]) -> None:
    ratio = restricted_mean_ratio([5, 6], reached, [7, 5], reached, horizon)
    assert np.isnan([ratio.mean, ratio.low, ratio.high]).all()
    assert ratio.n == 2


def test_ratio_of_one_pair_says_nothing_about_the_spread() -> None:
    ratio = restricted_mean_ratio([1], [1], [2], [1], horizon=3)
    assert ratio.mean == pytest.approx(0.5)
    assert math.isnan(ratio.low)


def test_pairs_need_equal_lengths() -> None:
    with pytest.raises(ValueError, match="got 1 and 2"):
        restricted_mean_ratio([1], [1], [1, 2], [1, 1], horizon=1)


def test_logrank_is_that_of_r_and_of_statsmodels() -> None:
    p = logrank(*MAINTAINED, *OTHERS)
    assert p == pytest.approx(0.0653, abs=5e-5)  # survdiff(Surv(time, status) ~ x, data = aml)
    times, reached = (np.concatenate(pair) for pair in zip(MAINTAINED, OTHERS, strict=True))
    assert p == pytest.approx(survdiff(times, reached, [0] * 11 + [1] * 12)[1])


def test_logrank_is_missing_where_there_is_nothing_to_compare() -> None:
    assert math.isnan(logrank([2, 3], [0, 0], [3, 4], [0, 0]))
    assert math.isnan(logrank([2, 2], [1, 1], [2, 2], [1, 1]))


@pytest.mark.parametrize(
    ("times", "reached", "message"),
    [
        ([], [], "at least one run"),
        ([1.0, 2.0], [True], "got 2 and 1"),
        ([0.0], [True], "positive"),
        ([math.nan], [False], "time at which it stopped"),
        ([1.0], [math.nan], "true or false"),
        ([1.0], [2], "true or false"),
    ],
)
def test_bad_runs_are_refused(times: list[float], reached: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        survival_curve(times, reached)
    with pytest.raises(ValueError, match=message):
        restricted_mean(times, reached, 1)
    with pytest.raises(ValueError, match=message):
        logrank(times, reached, [1.0], [True])
