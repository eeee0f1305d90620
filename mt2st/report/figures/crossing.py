"""The crossing drawn: accuracy and differences by number of labels."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mt2st.experiments import recipe
from mt2st.experiments.baselines import MEAN_VECTOR, PERCEPTRON, TFIDF, TFIDF_POOLED, UNIGRAM
from mt2st.experiments.crossing import SCORES, Crossing
from mt2st.experiments.strategies import SINGLE, STAYING
from mt2st.report.crossing import NETWORKS
from mt2st.report.summary import FROM_SINGLE, FROM_STAYING

STYLES = {
    SINGLE: ("#222222", "o", "-"),
    STAYING: ("#de8f05", "s", "--"),
    "Switch": ("#0173b2", "^", ":"),
    "auxiliary tasks first": ("#029e73", "v", "-."),
    "post-training": ("#cc78bc", "D", "-"),
    recipe.NAME: ("#d55e00", "P", "--"),
    TFIDF: ("#949494", "x", ":"),
    TFIDF_POOLED: ("#949494", "+", "--"),
    MEAN_VECTOR: ("#949494", "1", "-"),
    UNIGRAM: ("#949494", "x", ":"),
    PERCEPTRON: ("#949494", "+", "--"),
}
SPREAD = 0.05  # by which the ways at one number of labels stand apart, as a share of that number


def by_size(frame: pd.DataFrame, crossing: Crossing) -> Figure:
    """Draw `report.crossing.by_size`: the score, and points from single-task and from multi-task learning.

    Bars are 95% intervals; those of linear baselines are left out.
    """
    score = SCORES[crossing.score]
    figure, (level, single, staying) = plt.subplots(1, 3, figsize=(12.5, 4.6), width_ratios=(1.25, 1, 1))
    _lines(level, frame, list(STYLES), score)
    _lines(single, frame, [way for way in NETWORKS if way != SINGLE], FROM_SINGLE)
    _lines(staying, frame, [way for way in NETWORKS if way not in (SINGLE, STAYING)], FROM_STAYING)
    level.set(ylabel=f"test {score} (%)", title=score)
    single.set(ylabel="points", title="difference from single-task learning")
    staying.set(ylabel="points", title="difference from staying with both")
    for axes in (single, staying):
        axes.axhline(0, color="black", linewidth=1)
    for axes in (level, single, staying):
        axes.set_xlabel(crossing.unit)
    figure.legend(*level.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _lines(axes: Axes, frame: pd.DataFrame, ways: list[str], name: str) -> None:
    """Draw a column of the frame for some ways, a little apart from each other."""
    shown = [way for way in ways if way in set(frame["way"])]
    for k, way in enumerate(shown):
        rows = frame[frame["way"] == way]
        colour, marker, line = STYLES[way]
        x = rows["labels"] * (1 + SPREAD * (k - (len(shown) - 1) / 2))
        axes.plot(x, rows[name], color=colour, marker=marker, linestyle=line, markersize=5, linewidth=1.3, label=way)
        if way in NETWORKS:
            axes.vlines(x, rows[f"{name} low"], rows[f"{name} high"], color=colour, linewidth=1)
    sizes = sorted(frame["labels"].unique())
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
