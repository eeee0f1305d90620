import itertools
import math

import numpy as np
import pytest
from scipy import stats

from mt2st.statistics import mean_interval, paired_difference


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
    assert difference.smallest_p == smallest
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
