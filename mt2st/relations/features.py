"""What describes a task before it is paired: the curve of its training loss, beside its text and labels.

Of the 14 features of a task in Table 2 of Bingel and Søgaard (2017) those of text and labels are
`mt2st.data.tags.description.DATA`; the others are here, and so are the 42 of an ordered pair of tasks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit
from scipy.stats import linregress

PERCENTS = (10, 20, 30, 50, 70)  # of the run
STRAIGHT = 100  # shift d / c in lengths of the curve, with which the fit is a line to within half a percent
WINDOW = 5  # percent of the run on either side, over which a gradient is taken
CURVE = (*(f"gradient {percent}%" for percent in PERCENTS), "a", "c")
ROLES = ("main", "aux", "main/aux")


@dataclass(frozen=True)
class LogCurve:
    """L(i) = a·ln(c·i + d), the loss at iteration i."""

    a: float
    c: float  # per iteration
    d: float

    def __call__(self, iterations: np.ndarray) -> np.ndarray:
        """Return the fitted loss at each iteration."""
        return self.a * np.log(self.c * iterations + self.d)


def fit_log_curve(curve: pd.Series) -> LogCurve:
    """Fit L(i) = a·ln(c·i + d) + b to a loss by least squares.

    Of the study's four parameters only three can be told apart: a·ln(c·i + d) + b is the same curve for c·k, d·k and
    b − a·ln k, whatever k, so a fit that starts elsewhere ends at another c. Here b = 0, which every curve can be
    written with: 1/c is then about the iteration at which the fit would reach 0. And d ≥ 0, for the fit to have a
    value from the first iteration on.

    Args:
        curve: losses, positive iterations as index, named after its task.

    Raises ValueError naming the curve that does not fall or that the fit does not converge for.
    """
    iterations, losses = curve.index.to_numpy(float), curve.to_numpy(float)
    if linregress(np.log(iterations), losses).slope >= 0:
        raise ValueError(f"loss of {curve.name} does not fall, so it has no a·ln(c·i + d); check its training")
    try:  # a·ln(i + d/c) + a·ln c, in which no parameter is many orders of magnitude from the others
        straight = np.log1p(STRAIGHT * iterations[-1])  # a loss that falls ever faster has no better fit than a line
        start = min(_lines(iterations, losses, np.linspace(0, straight, 50)))[1:]
        bounds = [-np.inf, 0, -np.inf], [0, straight, np.inf]
        (a, log_shift, level), _ = curve_fit(
            _shifted_log, iterations, losses, start, bounds=bounds, x_scale="jac", max_nfev=10_000
        )
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"loss of {curve.name}: the fit of a·ln(c·i + d) did not converge ({error})") from error
    c = np.exp(level / a)
    return LogCurve(float(a), float(c), float(c * np.expm1(log_shift)))


def _lines(iterations: np.ndarray, losses: np.ndarray, log_shifts: np.ndarray) -> Iterator[tuple[float, ...]]:
    """Give, for each shift, the squared error of the best line in ln(i + s), and its a, ln(1 + s) and level."""
    for log_shift in log_shifts:
        line = linregress(np.log(iterations + np.expm1(log_shift)), losses)
        error = np.square(_shifted_log(iterations, line.slope, log_shift, line.intercept) - losses).sum()
        yield error, min(line.slope, 0), log_shift, line.intercept


def _shifted_log(iterations: np.ndarray, a: float, log_shift: float, level: float) -> np.ndarray:
    """Return a·ln(i + s) + level with ln(1 + s) as parameter: s ranges from 0 to many iterations."""
    return a * np.log(iterations + np.expm1(log_shift)) + level


def curve_features(curve: pd.Series) -> pd.Series:
    """Return the features `CURVE` of a task: gradients of its training loss, and a and c of `fit_log_curve`.

    A gradient is the slope of the least-squares line through the losses within 5% of the run around its place, times
    the length of the run: the change of the loss in a whole run at that pace. Scaling by the length lets runs of
    different length be compared. The paper does not say how its gradients are taken from losses of single batches.

    Args:
        curve: losses of the whole run, iterations as index, named after its task.

    Raises ValueError, see `fit_log_curve`; for fewer than two losses in a window; and for losses that are not finite.
    """
    if not np.isfinite(curve).all():
        raise ValueError(f"loss of {curve.name} is not finite everywhere; check its training")
    share = curve.index.to_numpy(float) / curve.index[-1]
    gradients = []
    for percent in PERCENTS:
        inside = np.abs(share - percent / 100) <= WINDOW / 100
        if inside.sum() < 2:
            raise ValueError(f"loss of {curve.name}: no two values around {percent}% of the run; log more often")
        gradients.append(linregress(share[inside], curve.to_numpy()[inside]).slope)
    fit = fit_log_curve(curve)
    return pd.Series([*gradients, fit.a, fit.c], index=list(CURVE), name=curve.name)


def pair_features(tasks: pd.DataFrame) -> pd.DataFrame:
    """Return the features of each ordered pair of different tasks: of the main one, the auxiliary one, and their ratio.

    Args:
        tasks: a row each task, a column each feature; 14 features make 42.

    Returns rows (main, aux) and columns (role, feature), with the `ROLES` main, aux and main/aux. Raises ValueError
    naming a feature that is 0 for a task, because the ratio to it is undefined.
    """
    if len(zero := np.argwhere(tasks.to_numpy() == 0)):
        task, feature = tasks.index[zero[0, 0]], tasks.columns[zero[0, 1]]
        raise ValueError(f"{feature} of {task} is 0, and a ratio to it undefined; leave the feature or the task out")
    pairs = pd.MultiIndex.from_tuples(
        [(main, aux) for main in tasks.index for aux in tasks.index if main != aux], names=["main", "aux"]
    )
    main, aux = (tasks.loc[pairs.get_level_values(role)].set_axis(pairs) for role in ("main", "aux"))
    return pd.concat([main, aux, main / aux], axis="columns", keys=ROLES, names=["role", "feature"])
