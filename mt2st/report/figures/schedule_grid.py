"""The grid of schedules as a heat map, and one of its cells at a time with sliders."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES
from mt2st.report import schedule_grid
from mt2st.report.figures import widgets
from mt2st.report.figures.paper import band
from mt2st.report.schedule_grid import SINGLE
from mt2st.statistics import as_text, mean_interval
from mt2st.training import EPSILON

if TYPE_CHECKING:
    from ipywidgets import VBox


def heat_map(frame: pd.DataFrame) -> Figure:
    """Differences of `schedule_grid.cells` from single-task learning with their intervals, η by T_switch.

    Colours span the widest interval, so that what lies within the noise looks pale.
    """
    single, others = frame[frame["T_switch"] == 0].iloc[0], frame[frame["T_switch"] > 0]
    etas, ends = sorted(others["eta"].unique()), sorted(others["T_switch"].unique())
    widest = others[["difference", "difference low", "difference high"]].abs().max().max()
    figure, axes = plt.subplots(figsize=(1.5 * len(ends) + 1.2, 0.62 * len(etas) + 1.4))
    differences = others.pivot_table(index="eta", columns="T_switch", values="difference").to_numpy()
    image = axes.imshow(differences, cmap="RdBu", vmin=-widest, vmax=widest, aspect="auto")
    for row in others.itertuples():
        low, high = others.loc[row.Index, ["difference low", "difference high"]]
        text = as_text(row.difference, low, high, "+.1f").replace(" [", "\n[", 1)
        shade = "white" if abs(row.difference) > 0.6 * widest else "black"
        x, y = ends.index(row.T_switch), etas.index(row.eta)
        axes.text(x, y, text, ha="center", va="center", fontsize="small", color=shade)
    last = others["epochs"].iloc[0]
    axes.set_xticks(range(len(ends)), [f"{t:g}: Diminish" if t >= last else f"{t:g}" for t in ends])
    axes.set_yticks(range(len(etas)), [f"{eta:g}" if eta else "0: Switch" for eta in etas])
    axes.grid(visible=False)
    level = as_text(single["accuracy"], single["accuracy low"], single["accuracy high"])
    axes.set(xlabel="T_switch: epoch from which on the weight is 0", ylabel="η: rate of decay")
    axes.set_title(f"Test accuracy, points from single-task learning ({level}%, n = {single['n']:.0f})")
    figure.colorbar(image, ax=axes, label="points")
    return figure


def cell(records: Sequence[Record], eta: float, t_switch: float) -> Figure:
    """Draw weight, validation accuracy and test accuracy of one cell beside single-task learning, by seed."""
    return _cell(schedule_grid.history(records), schedule_grid.accuracies(records), eta, t_switch)


def sliders(records: Sequence[Record], eta: float, t_switch: float) -> "VBox":
    """Return a slider for η and one for T_switch above the `cell` that they choose."""
    from ipywidgets import SelectionSlider  # of the extra `notebooks`

    history, accuracies = schedule_grid.history(records), schedule_grid.accuracies(records)
    etas, ends = (sorted({place[k] for place in accuracies.index if place != SINGLE}) for k in (0, 1))
    return widgets.follow(
        [
            SelectionSlider(options=[(f"{x:g}", x) for x in etas], value=eta, description="η"),
            SelectionSlider(options=[(f"{t:g}", t) for t in ends], value=t_switch, description="T_switch"),
        ],
        lambda eta, end: _cell(history, accuracies, eta, end),
    )


def _cell(history: pd.DataFrame, accuracies: pd.DataFrame, eta: float, t_switch: float) -> Figure:
    """Draw a cell; limits hold for all cells, so that only what changes moves."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.1), width_ratios=[1, 1.4, 1])
    mine = history[(history["eta"] == eta) & (history["T_switch"] == t_switch)]
    single = history[history["T_switch"] == 0]
    colour, reference = STRATEGIES["diminish"].colour, STRATEGIES["single"].colour
    weight = mine.groupby("epoch")["auxiliary_weight"].first()
    left.step(weight.index, weight, where="post", color=colour)
    left.axhline(EPSILON, color="grey", linestyle=":", label=f"ε = {EPSILON:g}: not computed below")
    left.set(xlabel="epoch t", ylabel="weight γ(t)", ylim=(-0.05, 1.1), title=f"η = {eta:g}, T_switch = {t_switch:g}")
    left.legend(loc="upper right", fontsize="small")
    band(middle, single, "validation_accuracy", "single-task", reference, "--")
    band(middle, mine, "validation_accuracy", "this cell", colour)
    limits = history["validation_accuracy"].min() - 0.01, history["validation_accuracy"].max() + 0.01
    middle.set(xlabel="epoch", ylabel="validation accuracy", ylim=limits, title="Mean and range over seeds")
    middle.legend(loc="lower right")
    _compared(right, accuracies, (eta, t_switch), (reference, colour))
    return figure


def _compared(axes: Axes, accuracies: pd.DataFrame, place: tuple[float, float], colours: tuple[str, str]) -> None:
    """Draw test accuracies of single-task learning and of a cell: seeds as lines, means with 95% intervals."""
    both = accuracies.loc[[SINGLE, place]].to_numpy()
    axes.plot([0.15, 0.85], both, color="grey", linewidth=0.8, marker=".", markersize=4, alpha=0.7)
    for x, (values, colour) in enumerate(zip(both, colours, strict=True)):
        level = mean_interval(values)
        axes.errorbar(x, level.mean, yerr=level.high - level.mean, fmt="o", capsize=4, color=colour)
    axes.set_xticks([0, 1], ["single-task", "this cell"])
    levels = [(values, mean_interval(values)) for values in accuracies.to_numpy()]
    ends = [end for values, level in levels for end in (*values, level.low, level.high)]
    axes.set(ylabel="test accuracy (%)", xlim=(-0.4, 1.4), ylim=(np.nanmin(ends) - 1, np.nanmax(ends) + 1))
    axes.set_title("Mean with 95% interval; a line a seed")
    axes.grid(axis="x", visible=False)
