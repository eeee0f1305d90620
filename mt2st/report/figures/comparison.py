"""Every arm against single-task learning: differences in accuracy and time with their intervals."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mt2st.experiments.strategies import STRATEGIES
from mt2st.report import tables
from mt2st.report.arms import MEAN, against_single
from mt2st.report.figures.drawing import interval_row, is_papers_task, text_column
from mt2st.report.verdicts import MARGIN
from mt2st.statistics import as_text

PAPERS = [name for name, row in STRATEGIES.items() if row.table]  # strategies with a table in the paper
PAPERS_SAVING = {"diminish": -67.0, "switch": -67.0}  # percent of single-task training time, as its abstract claims


def accuracy_by_strategy(scores: pd.DataFrame) -> Figure:
    """Differences of every strategy and setting from single-task learning in test accuracy, in points.

    Paired by seed, with 95% intervals (`arms.against_single`); shaded is what counts as no difference. On the paper's
    own task the difference between the means of its tables' cells stands beside each strategy.
    """
    rows = against_single(scores)
    claimed = {}
    if is_papers_task(scores):
        claimed = {name: tables.printed(name) - tables.printed("single") for name in PAPERS}
    figure = _forest(rows, "accuracy", claimed, "+.1f")
    axes = figure.axes[0]
    axes.axvspan(-MARGIN, MARGIN, color="grey", alpha=0.15, linewidth=0, zorder=0)
    axes.set_xlabel(f"difference from single-task in test accuracy (points; shaded: less than {MARGIN:g})")
    return figure


def time_by_strategy(scores: pd.DataFrame) -> Figure:
    """Training time of every strategy and setting against single-task learning, for the same number of epochs.

    In percent: the geometric mean of ratios paired by seed, less 1, with 95% intervals; evaluation not counted. The
    saving that the paper claims stands beside its strategies: it is a claim about every task.
    """
    figure = _forest(against_single(scores), "time", PAPERS_SAVING, "+.0f")
    figure.axes[0].set_xlabel("training time against single-task (%)")
    return figure


def _forest(rows: pd.DataFrame, column: str, claimed: dict[str, float], number: str) -> Figure:
    """Draw a row an arm, the first on top: filled for a strategy, hollow for its settings, numbers to the right."""
    position = _positions(rows)
    figure, axes = plt.subplots(figsize=(8.2, 0.24 * (position.max() + 1) + 1.1))
    for y, row in zip(position, rows.to_dict("records"), strict=True):
        values = [row[column], row[f"{column} low"], row[f"{column} high"]]
        strategy = STRATEGIES[row["strategy"]]
        interval_row(axes, y, values, strategy.colour, small=row["setting"] != MEAN)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(position, _names(rows), fontsize=8)
    axes.set_ylim(position.max() + 0.7, -0.7)
    axes.grid(axis="y", visible=False)
    bounds = rows[[column, f"{column} low", f"{column} high"]]
    rounded = bounds.round(int(number[-2])) + 0.0  # without the sign of a 0
    texts = [as_text(mean, low, high, number) for mean, low, high in rounded.to_numpy()]
    text_column(axes, texts, position, 1.02, f"n = {rows['n'].min()} seeds\n95% interval")
    shown = [claimed.get(row.strategy, np.nan) if row.setting == MEAN else np.nan for row in rows.itertuples()]
    if not np.isnan(shown).all():
        texts = ["" if np.isnan(value) else f"{value:{number}}" for value in shown]
        text_column(axes, texts, position, 1.32, "paper\nclaims")
    return figure


def _positions(rows: pd.DataFrame) -> np.ndarray:
    """Heights of rows, with room before each strategy but the first."""
    starts = (rows["setting"] == MEAN).cumsum() - 1
    return np.arange(len(rows)) + 0.5 * starts.to_numpy()


def _names(rows: pd.DataFrame) -> Sequence[str]:
    """Name each row, with its learning rate where arms differ in it."""
    settings = rows[rows["setting"] != MEAN]
    differ = len({rate for rates in settings["rates"] for rate in rates}) > 1
    names = []
    for row in rows.itertuples():
        if row.setting == MEAN:
            names.append(f"{STRATEGIES[row.strategy].label}, {MEAN}")
        else:
            rates = ", ".join(f"{rate:g}" for rate in row.rates)
            names.append(f"{row.setting}, learning rate {rates}" if differ else row.setting)
    return names
