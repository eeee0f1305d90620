"""Intervals and paired tests over seeds. Every number a notebook or table gives with an uncertainty comes from here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval; low and high are NaN where one value says nothing about the spread."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference of paired values with interval, exact p and the smallest p that n pairs can give."""

    interval: Interval
    p: float
    smallest_p: float


def mean_interval(values: Sequence[float] | np.ndarray, confidence: float = 0.95) -> Interval:
    """Mean with Student's t interval over independent values, one a seed.

    With the three seeds of a quick reproduction a bootstrap would only reshuffle three numbers and come out far too
    narrow; t pays for the small n with its wide tails (4.3 standard errors at n = 3).

    Raises ValueError if there are no values or one is NaN.
    """
    x = np.asarray(values, dtype=float)
    if not len(x):
        raise ValueError("an interval needs at least one value")
    if np.isnan(x).any():
        raise ValueError("an interval needs numbers, some values are missing (NaN)")
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, np.nan, np.nan, 1)
    half = stats.t.ppf((1 + confidence) / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return Interval(mean, mean - float(half), mean + float(half), len(x))


def paired_difference(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> PairedDifference:
    """Mean of a − b over pairs, with t interval and the exact two-sided sign-flip permutation test.

    n pairs can give no p below 2 / 2^n: 0.25 for three seeds.

    Raises ValueError if a and b differ in length or are empty.
    """
    if len(a) != len(b):
        raise ValueError(f"pairs need equal lengths, got {len(a)} and {len(b)}")
    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    interval = mean_interval(difference, confidence)
    if len(difference) == 1:
        return PairedDifference(interval, 1.0, 1.0)
    test = stats.permutation_test(
        (difference,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    return PairedDifference(interval, float(test.pvalue), 2.0 ** (1 - len(difference)))
