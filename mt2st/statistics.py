"""Intervals and paired tests. Every number a notebook or table gives with an uncertainty comes from here.

The unit is the seed (or the split): values are independent of each other, and a pair shares its seed.

Which interval, measured on 10,000 samples from a normal and from an exponential distribution, as the share of nominal
95% intervals of the mean that hold the true mean:

| n | t, normal | BCa, normal | t, exponential | BCa, exponential |
| --- | --- | --- | --- | --- |
| 3 | 0.95 | 0.73 | 0.89 | 0.68 |
| 5 | 0.95 | 0.83 | 0.88 | 0.80 |
| 10 | 0.95 | 0.90 | 0.90 | 0.88 |
| 20 | 0.95 | 0.93 | 0.92 | 0.91 |

A bootstrap of few values only reshuffles them and comes out narrow, so below `BCA_FROM` = 20 pairs the interval of a
paired comparison is Student's t, whose wide tails (4.3 standard errors at n = 3) pay for the small n. From 20 on it is
BCa, which assumes no normal distribution, follows the skew of the values and never leaves their range. Intervals of one
arm's mean (`mean_interval`) are t throughout. `Interval.method` names the one used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

Values = Sequence[float] | np.ndarray

BCA_FROM = 20  # pairs
RESAMPLES = 9_999
SIGN_FLIPS = 100_000  # all of them up to 16 pairs, a random sample beyond


@dataclass(frozen=True)
class Interval:
    """A mean (or another estimate) and its confidence interval, closed.

    low and high are NaN where one value says nothing about the spread. `method` is "t", "BCa", or "none" where there is
    nothing to estimate.
    """

    mean: float
    low: float
    high: float
    n: int
    method: str = "t"

    def columns(self, name: str) -> dict[str, float]:
        """Return the estimate and its bounds as columns of a table: `name`, `name low` and `name high`."""
        return {name: self.mean, f"{name} low": self.low, f"{name} high": self.high}


NOTHING = Interval(np.nan, np.nan, np.nan, 0, "none")


def as_text(mean: float, low: float, high: float, number: str = ".1f") -> str:
    """Write an estimate and its interval for readers, "70.6 [69.2, 72.0]": without bounds that are NaN, "–" if it is.

    `number` is the format of each, such as "+.1f" for differences.
    """
    if np.isnan(mean):
        return "–"
    return f"{mean:{number}}" if np.isnan(low) else f"{mean:{number}} [{low:{number}}, {high:{number}}]"


def p_as_text(p: float) -> str:
    """Write a p-value for readers, "p = 0.012"; none is 0."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


@dataclass(frozen=True)
class PairedComparison:
    """Mean difference or ratio of paired values with interval and sign-flip p."""

    interval: Interval
    p: float


def mean_interval(values: Values, confidence: float = 0.95) -> Interval:
    """Mean with Student's t interval over independent values, one a seed.

    Raises ValueError if there are no values, one is not finite, or confidence is not between 0 and 1.
    """
    check_confidence(confidence)
    x = _numbers(values)
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, np.nan, np.nan, 1)
    half = stats.t.ppf((1 + confidence) / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return Interval(mean, mean - float(half), mean + float(half), len(x))


def bootstrap_interval(values: Values, confidence: float = 0.95) -> Interval:
    """Mean with bias-corrected and accelerated (BCa) bootstrap interval, Efron 1987, by SciPy.

    9,999 resamples, the same ones every time; equal values give the point itself. Below about 20 values the interval is
    too narrow (see the module's table). Raises ValueError as `mean_interval`.
    """
    check_confidence(confidence)
    x = _numbers(values)
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, np.nan, np.nan, 1, "BCa")
    if (x == x[0]).all():
        return Interval(mean, mean, mean, len(x), "BCa")
    result = stats.bootstrap((x,), np.mean, confidence_level=confidence, n_resamples=RESAMPLES, rng=0)
    low, high = result.confidence_interval
    return Interval(mean, float(low), float(high), len(x), "BCa")


def paired_difference(a: Values, b: Values, confidence: float = 0.95) -> PairedComparison:
    """Mean of a − b over pairs, with interval and the two-sided sign-flip permutation test.

    The interval is t below 20 pairs and BCa from there on; the module's table gives the coverage of both.

    The test asks how often the mean would be as far from 0 if a and b of each pair were swapped at random. Up to 16
    pairs all 2^n swaps are counted and p is exact: n pairs can give no p below 2 / 2^n, 0.25 for three seeds. Beyond,
    100,000 random swaps (the same ones every time) give no p below 2 / 100,001.

    Means that differ by less than a billionth of the values count as ties, as they do with exact numbers.

    Raises ValueError if a and b differ in length or are empty, or one value is not finite.
    """
    difference = np.subtract(*_pairs(a, b))
    if len(difference) < BCA_FROM:
        interval = mean_interval(difference, confidence)
    else:
        interval = bootstrap_interval(difference, confidence)
    if len(difference) == 1:
        return PairedComparison(interval, 1.0)
    test = stats.permutation_test(
        (difference,), _rounded_mean, permutation_type="samples", n_resamples=SIGN_FLIPS, rng=0, vectorized=True
    )
    return PairedComparison(interval, float(test.pvalue))


def resampled_difference(a: Values, b: Values, test_share: float, confidence: float = 0.95) -> Interval:
    """Mean of a − b over random splits of the same examples, with the corrected interval of Nadeau and Bengio (2003).

    Splits share examples, so that their scores depend on each other, and an interval for independent values would be
    too narrow: here the variance of the mean is (1/n + test / train) · s², with n − 1 degrees of freedom.

    Args:
        a, b: scores, a pair a split.
        test_share: examples to test by examples to train of a split; 0 where test examples are others in every split.
        confidence: of the interval.

    Raises ValueError as `paired_difference`, and for a share below 0.
    """
    check_confidence(confidence)
    difference = np.subtract(*_pairs(a, b))
    if not test_share >= 0:
        raise ValueError(f"test_share must be at least 0, got {test_share}")
    mean, n = float(difference.mean()), len(difference)
    if n == 1:
        return Interval(mean, np.nan, np.nan, 1)
    error = difference.std(ddof=1) * np.sqrt(1 / n + test_share)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * error)
    return Interval(mean, mean - half, mean + half, n, "corrected t")


def _rounded_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean to nine digits of the largest value: sums of the same numbers in another order are then equal."""
    largest = np.abs(values).max(axis=axis) if values.size else np.zeros(())
    unit = np.where(largest > 0, largest, 1.0) * 1e-9
    return np.round(values.mean(axis=axis) / unit) * unit


def equivalence(a: Values, b: Values, margin: float) -> float:
    """Return p of the hypothesis that the mean of a − b over pairs is `margin` or more from 0, either way.

    Two one-sided t tests (Schuirmann 1987), by statsmodels: where p is at most 0.05 the 90% interval lies within the
    margin, and the two are equal for its purpose. NaN for a single pair. Raises ValueError as `paired_difference`, and
    unless the margin is above 0.
    """
    x, y = _pairs(a, b)
    if not margin > 0:
        raise ValueError(f"a margin is above 0, got {margin}")
    if len(x) < 2:
        return np.nan
    if (x - y == (x - y)[0]).all():  # no spread, no t
        return 0.0 if abs((x - y)[0]) < margin else 1.0
    return float(ttost_paired(x, y, -margin, margin)[0])


def ratio_interval(a: Values, b: Values, confidence: float = 0.95) -> PairedComparison:
    """Geometric mean of the paired ratios a / b with interval and sign-flip test, for positive values such as seconds.

    This is `paired_difference` of the logarithms, with mean and bounds taken back by exp. Not the ratio of means: every
    pair counts the same however slow its machine was, a / b is the inverse of b / a, and swapping a pair turns the sign
    of its log ratio, which is what the test needs. No effect is a ratio of 1.

    Raises ValueError as `paired_difference`, and if a value is not positive.
    """
    x, y = _pairs(a, b)
    if not ((x > 0).all() and (y > 0).all()):
        raise ValueError("a ratio needs positive values, some are zero or negative")
    logs = paired_difference(np.log(x), np.log(y), confidence)
    mean, low, high = np.exp([logs.interval.mean, logs.interval.low, logs.interval.high]).tolist()
    return replace(logs, interval=replace(logs.interval, mean=mean, low=low, high=high))


def holm(p_values: Values) -> np.ndarray:
    """Holm's step-down adjustment (1979) of the p-values of one table, by statsmodels, in their order.

    NaN marks a claim without a test: it stays NaN and does not count. Raises ValueError if p is not within [0, 1].
    """
    p = np.asarray(p_values, dtype=float)
    tested = ~np.isnan(p)
    if ((p[tested] < 0) | (p[tested] > 1)).any():
        raise ValueError(f"p-values lie between 0 and 1, got {p[tested].tolist()}")
    adjusted = p.copy()
    if tested.any():
        adjusted[tested] = multipletests(p[tested], method="holm")[1]
    return adjusted


def detectable_difference(differences_or_sd: Values | float, n: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """Smallest true mean difference that a two-sided paired t test of n pairs finds with the given power.

    In the units of the values. t² of such a test has the noncentral F distribution, which SciPy computes where the
    power solver of statsmodels 0.15 stops at wrong values (n = 3 at alpha = 0.01); elsewhere both agree.

    NaN for fewer than two pairs, or fewer than two differences to take the spread from. The sign-flip test has less
    power at small n, and none at alpha = 0.05 below 6 pairs: with 5 its smallest p is 0.0625.

    Args:
        differences_or_sd: paired differences of a pilot, or their standard deviation.
        n: pairs the test will have.
        power: share of true differences of this size that the test finds.
        alpha: level of the test.

    Raises ValueError if the standard deviation is negative, or not 0 < alpha < power < 1.
    """
    if not 0 < alpha < power < 1:
        raise ValueError(f"need 0 < alpha < power < 1, got alpha = {alpha} and power = {power}")
    sd = _standard_deviation(differences_or_sd)
    if n < 2:
        return np.nan
    critical = stats.f.isf(alpha, 1, n - 1)

    def excess(effect: float) -> float:
        return float(stats.ncf.sf(critical, 1, n - 1, n * effect**2)) - power

    above = 1.0
    while excess(above) < 0:
        above *= 2
    return sd * float(brentq(excess, 0, above))


def _standard_deviation(differences_or_sd: Values | float) -> float:
    """Return the given standard deviation, or that of the given differences (NaN for a single one)."""
    x = np.asarray(differences_or_sd, dtype=float)
    if x.ndim:
        return float(_numbers(x).std(ddof=1)) if len(x) > 1 else np.nan
    if x < 0:
        raise ValueError(f"a standard deviation cannot be negative, got {x}")
    return float(x)


def check_confidence(confidence: float) -> None:
    """Raise ValueError unless confidence lies between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1 (0.95 for 95%), got {confidence}")


def _numbers(values: Values) -> np.ndarray:
    """Return values as floats, at least one and all finite."""
    x = np.asarray(values, dtype=float)
    if not len(x):
        raise ValueError("need at least one value")
    if not np.isfinite(x).all():
        raise ValueError("need finite numbers, some values are missing (NaN) or infinite")
    return x


def _pairs(a: Values, b: Values) -> tuple[np.ndarray, np.ndarray]:
    """Return both as floats of one length."""
    if len(a) != len(b):
        raise ValueError(f"pairs need equal lengths, got {len(a)} and {len(b)}")
    return _numbers(a), _numbers(b)
