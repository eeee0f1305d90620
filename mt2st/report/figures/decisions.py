"""Decisions of schedules drawn over the accuracies that they were taken by."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure


def over_curves(decisions: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Draw `report.decisions`: a panel a way, a line a seed, a mark on the epoch that a decision comes before."""
    ways = list(dict.fromkeys(decisions["way"]))
    figure, panels = plt.subplots(1, len(ways), figsize=(3.4 * len(ways), 3.4), sharey=True, squeeze=False)
    palette = sns.color_palette("colorblind")
    for axes, way in zip(panels[0], ways, strict=True):
        for seed, curve in curves[curves["way"] == way].groupby("seed"):
            by_epoch = curve.set_index("epoch")["accuracy"]
            colour = palette[int(seed) % len(palette)]
            axes.plot(by_epoch.index, by_epoch, color=colour, linewidth=0.8, alpha=0.7)
            at = decisions.loc[(decisions["way"] == way) & (decisions["seed"] == seed), "epoch"]
            axes.plot(at, by_epoch[at], "D", color=colour, markersize=4, label=f"seed {seed}")
        axes.set(title=way, xlabel="epoch")
    panels[0][0].set_ylabel("validation accuracy (%)")
    panels[0][-1].legend(fontsize=8)
    return figure
