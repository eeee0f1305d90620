"""Agreement of gradients drawn: cosines by epoch, and what aggregators gain."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mt2st.experiments.agreement import SUM
from mt2st.report import tables
from mt2st.report.figures.drawing import interval_row, text_column

LINES = ("-", "--", "-.", ":")


def cosines(frame: pd.DataFrame) -> Figure:
    """Draw `report.agreement.by_epoch`: a panel a set of tasks, a line a task, thick for the mean, thin for a seed."""
    names = list(frame["tasks"].unique())
    figure, panels = plt.subplots(1, len(names), figsize=(4.2 * len(names), 3.6), sharey=True, squeeze=False)
    palette = sns.color_palette("colorblind")
    for axes, name in zip(panels[0], names, strict=True):
        axes.axhline(0, color="black", linewidth=0.8)
        for k, (task, rows) in enumerate(frame[frame["tasks"] == name].groupby("task", sort=False)):
            mean = rows.groupby("epoch")["cosine"].mean()
            axes.plot(mean.index + 1, mean, color=palette[k], linestyle=LINES[k % 4], linewidth=2, label=task)
            for _, of_seed in rows.groupby("seed"):
                axes.plot(of_seed["epoch"] + 1, of_seed["cosine"], color=palette[k], linewidth=0.5, alpha=0.6)
        axes.set(title=name, xlabel="epoch")
        axes.legend(fontsize=8)
    panels[0][0].set_ylabel("cosine to the primary gradient")
    return figure


def aggregators(frame: pd.DataFrame) -> Figure:
    """Draw `report.agreement.by_aggregator`: points of test accuracy from the plain sum, an aggregator a row."""
    rows = frame[frame["aggregator"] != SUM].reset_index(drop=True)
    reference = frame[frame["aggregator"] == SUM]
    figure, axes = plt.subplots(figsize=(7.2, 0.3 * len(rows) + 1.2))
    for y, row in rows.iterrows():
        interval_row(axes, float(y), [row["difference"], row["difference low"], row["difference high"]], "#0173b2")
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(rows)), rows["aggregator"])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"points from the plain sum of gradients, {tables.intervals(reference, 'accuracy')[0]}%")
    text_column(axes, tables.intervals(rows, "difference", "+.1f"), range(len(rows)), 1.02, "95% interval")
    text_column(axes, tables.intervals(rows, "time", ".2f"), range(len(rows)), 1.33, "time relative to it")
    return figure
