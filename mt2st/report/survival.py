"""Time to a target when some runs never reach it: survival curves, restricted means and their ratio.

A run gives a positive time (seconds, steps, epochs) and whether it reached the target at that time; a run that did not
is given the time at which it stopped, and is censored there. Leaving such runs out, or taking their last time for the
time to the target, would favour the arm that fails more often.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from mt2st.statistics import BCA_FROM, Interval, Values, check_confidence, mean_interval, paired_bootstrap


def survival_curve(times: Values, reached: Values, confidence: float = 0.95) -> pd.DataFrame:
    """Kaplan–Meier estimate: share of runs that have not reached the target by each time, by SciPy.

    One row for 0 and one for each distinct time, with columns `time`, `share` (from this time until the next: plot as
    steps with where="post"), `low` and `high` (pointwise log-log interval by Greenwood's variance, NaN where that is
    undefined: before the first run reaches the target, and once all have).

    Args:
        times: (n,) positive times.
        reached: (n,) whether the target was reached then; False for a run that stopped without.
        confidence: between 0 and 1.

    Raises ValueError if lengths differ, there are no runs, a time is not positive, or `reached` is not true or false.
    """
    check_confidence(confidence)
    curve = stats.ecdf(_censored(*_runs(times, reached))).sf
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
        band = curve.confidence_interval(confidence, method="log-log")
    # Before any training no run has reached the target.
    return pd.DataFrame(
        {
            "time": np.append(0.0, curve.quantiles),
            "share": np.append(1.0, curve.probabilities),
            "low": np.append(1.0, band.low.probabilities),
            "high": np.append(1.0, band.high.probabilities),
        }
    )


def restricted_mean(times: Values, reached: Values, horizon: float) -> float:
    """Mean time to the target or to the horizon, whichever comes first: the area under the curve up to the horizon.

    In the units of the times. A run that does not reach the target within the horizon counts as the horizon. Without
    censoring this is the mean of min(time, horizon).

    Raises ValueError as `survival_curve`, and if the horizon is not positive or lies past the last time although a run
    stopped there without reaching the target: the curve is unknown from there on.
    """
    t, r = _runs(times, reached)
    _check_horizon(t, r, horizon)
    return float(_area(t, r, horizon))


def restricted_mean_ratio(
    a_times: Values,
    a_reached: Values,
    b_times: Values,
    b_reached: Values,
    horizon: float,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Restricted mean of a over that of b, with an interval over pairs: position i of a and b shares a seed.

    Below 1 means that a gets to the target in less time. The ratio is one of time spent within the horizon, not of
    times to the target: a run that fails counts as the horizon, however much longer it would have taken. So failures
    draw the ratio towards 1. If only b fails, a is at least as much faster as the ratio says; if no run of a reaches
    the target, the ratio says how much of the horizon b saves, and nothing about how slow a is. If no run of either
    arm reaches the target before the horizon, there is nothing to compare and all numbers are NaN. Give the shares
    that reached the target beside it, and choose the horizon before looking at the times.

    From 20 pairs on the interval is BCa over resampled pairs. Below, it is t on the jackknife pseudo-values of the log
    ratio, because BCa is too narrow. Nominal 95% intervals held the true ratio in this share of 3,000 simulations
    (log-normal times, 5% of a and 28% of b beyond the horizon):

    | n | jackknife t | BCa |
    | --- | --- | --- |
    | 3 | 0.95 | 0.72 |
    | 5 | 0.95 | 0.84 |
    | 10 | 0.95 | 0.91 |
    | 20 | 0.95 | 0.93 |

    Args:
        a_times, a_reached: (n,) runs of one arm, as in `survival_curve`.
        b_times, b_reached: (n,) runs of the other with the same seeds.
        horizon: in the units of the times.
        confidence: between 0 and 1.
        seed: of the resamples.

    Raises ValueError as `restricted_mean` for each arm, and if the arms differ in length.
    """
    arms = (*_runs(a_times, a_reached), *_runs(b_times, b_reached))
    n = len(arms[0])
    if n != len(arms[2]):
        raise ValueError(f"pairs need equal lengths, got {n} and {len(arms[2])}")
    for times, reached in (arms[:2], arms[2:]):
        _check_horizon(times, reached, horizon)
    if not any((reached & (times < horizon)).any() for times, reached in (arms[:2], arms[2:])):
        return Interval(np.nan, np.nan, np.nan, n, "none")

    def log_ratio(a: np.ndarray, a_done: np.ndarray, b: np.ndarray, b_done: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.log(_area(a, a_done, horizon)) - np.log(_area(b, b_done, horizon))

    if n >= BCA_FROM:
        logs = paired_bootstrap(arms, log_ratio, confidence, seed)
    else:
        logs = _jackknife(arms, log_ratio, confidence)
    mean, low, high = np.exp([logs.mean, logs.low, logs.high]).tolist()
    return Interval(mean, low, high, n, logs.method)


def logrank(a_times: Values, a_reached: Values, b_times: Values, b_reached: Values) -> float:
    """Two-sided p of the log-rank test that both arms get to the target alike, by SciPy.

    It uses all runs, censored ones too, and takes the arms as independent: with runs paired by seed it tends to give
    too large a p. The p is from a normal approximation, rough below about 10 runs an arm. NaN where the arms leave
    nothing to compare: no run reaches the target, or all do at one time.

    Raises ValueError as `survival_curve`.
    """
    arms = [_censored(*_runs(a_times, a_reached)), _censored(*_runs(b_times, b_reached))]
    with np.errstate(invalid="ignore"):
        return float(stats.logrank(*arms).pvalue)


def _runs(times: Values, reached: Values) -> tuple[np.ndarray, np.ndarray]:
    """Return times as floats and reached as booleans, checked."""
    t, r = np.asarray(times, dtype=float), np.asarray(reached)
    if len(t) != len(r):
        raise ValueError(f"each run needs a time and whether it reached the target, got {len(t)} and {len(r)}")
    if not len(t):
        raise ValueError("time to a target needs at least one run")
    if not (np.isfinite(t) & (t > 0)).all():
        raise ValueError("times are positive; a run that did not reach the target has the time at which it stopped")
    if not np.isin(r, (0, 1)).all():
        raise ValueError("reached is true or false for each run")
    return t, r.astype(bool)


def _check_horizon(times: np.ndarray, reached: np.ndarray, horizon: float) -> None:
    """Raise ValueError where the curve does not go as far as the horizon."""
    if not (np.isfinite(horizon) and horizon > 0):
        raise ValueError(f"the horizon is a positive time, got {horizon}")
    last = times.max()
    if horizon > last and not reached[times == last].all():
        raise ValueError(
            f"a run stopped at {last:g} without the target: choose a horizon of at most that, not {horizon:g}"
        )


def _censored(times: np.ndarray, reached: np.ndarray) -> stats.CensoredData:
    return stats.CensoredData(uncensored=times[reached], right=times[~reached])


def _area(times: np.ndarray, reached: np.ndarray, horizon: float) -> np.ndarray:
    """Area under the Kaplan–Meier curve up to the horizon, over the last axis; a curve that ends before is held flat.

    Own arithmetic because a bootstrap needs it for ten thousand resamples at once. Only they, and the samples of the
    jackknife, can end before the horizon.
    """
    order = np.lexsort((~reached, times))  # who reaches the target at a time was at risk with who stops at it
    t = np.minimum(np.take_along_axis(times, order, axis=-1), horizon)
    at_risk = np.arange(t.shape[-1], 0, -1)
    share = np.cumprod(1 - np.take_along_axis(reached, order, axis=-1) / at_risk, axis=-1)
    before = np.concatenate([np.ones_like(share[..., :1]), share], axis=-1)
    return (before * np.diff(t, prepend=0, append=horizon)).sum(axis=-1)


def _jackknife(arms: tuple[np.ndarray, ...], statistic: Callable[..., np.ndarray], confidence: float) -> Interval:
    """t interval on the jackknife pseudo-values n·θ − (n − 1)·θ(without i), about θ itself (Tukey 1958)."""
    theta, n = float(statistic(*arms)), len(arms[0])
    if n == 1:
        return Interval(theta, np.nan, np.nan, 1, "jackknife t")
    others = np.array([np.delete(np.arange(n), i) for i in range(n)])
    pseudo = n * theta - (n - 1) * statistic(*(values[others] for values in arms))
    around = mean_interval(pseudo, confidence)
    half = around.high - around.mean
    return Interval(theta, theta - half, theta + half, n, "jackknife t")
