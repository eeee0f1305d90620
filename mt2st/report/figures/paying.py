"""Arms where labels are few: differences from single-task learning with their intervals."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mt2st.experiments.recipe import NAME as RECIPE
from mt2st.experiments.strategies import SINGLE
from mt2st.report import tables
from mt2st.report.figures.drawing import interval_row, text_column
from mt2st.report.paying import ALL_TASKS

COLOURS = {"baseline": "#56b4e9", "one": "#de8f05", ALL_TASKS: "#0173b2", RECIPE: "#029e73"}
MARKERS = {"baseline": "s", "one": "o", ALL_TASKS: "D", RECIPE: "*"}


def differences(frame: pd.DataFrame) -> Figure:
    """Draw `report.paying.arms`: points of test accuracy from single-task learning, an arm a row, the best on top."""
    rows = frame[frame["way"] != SINGLE].sort_values("difference", ascending=False, ignore_index=True)
    single = frame[frame["way"] == SINGLE]
    figure, axes = plt.subplots(figsize=(8.6, 0.24 * len(rows) + 1.2))
    for y, row in rows.iterrows():
        kind = _kind(row)
        values = [row["difference"], row["difference low"], row["difference high"]]
        interval_row(axes, float(y), values, COLOURS[kind], MARKERS[kind], small=kind == "one")
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(rows)), [_name(row) for _, row in rows.iterrows()], fontsize=8)
    axes.set_ylim(len(rows) - 0.3, -0.7)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"points from single-task learning, {tables.intervals(single, 'accuracy')[0]}%")
    text_column(axes, tables.intervals(rows, "difference", "+.1f"), range(len(rows)), 1.02, "95% interval")
    text_column(axes, [f"{n:.0f}" for n in rows["n"]], range(len(rows)), 1.31, "seeds")
    return figure


def _kind(row: "pd.Series[float]") -> str:
    if row["way"] == RECIPE:
        return RECIPE
    return "baseline" if not row["tasks"] else ALL_TASKS if row["tasks"] == ALL_TASKS else "one"


def _name(row: "pd.Series[float]") -> str:
    """Name a row: a baseline by itself, an arm by its tasks and the way they are weighed."""
    return str(row["way"]) if not row["tasks"] or row["way"] == RECIPE else f"{row['tasks']}, {row['way']}"
