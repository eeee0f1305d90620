"""Ways to share parameters, drawn: accuracy of each alone, together and ending on one."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mt2st.report.figures.drawing import interval_row, text_column

MARKERS = ("o", "s", "^", "D")


def by_architecture(frame: pd.DataFrame) -> Figure:
    """Draw `report.sharing.by_architecture`: accuracies with 95% intervals, a row an architecture, a mark a way."""
    names, ways = list(dict.fromkeys(frame["architecture"])), list(dict.fromkeys(frame["way"]))
    palette = sns.color_palette("colorblind")
    figure, axes = plt.subplots(figsize=(7.4, 0.62 * len(names) + 1.4))
    for y, name in enumerate(names):
        of_name = frame[frame["architecture"] == name].set_index("way")
        for k, way in enumerate(ways):
            if way in of_name.index:
                row = of_name.loc[way]
                values = [row["accuracy"], row["accuracy low"], row["accuracy high"]]
                at = y + 0.17 * (k - (len(ways) - 1) / 2)
                interval_row(axes, at, values, palette[k], MARKERS[k])
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("test accuracy (%)")
    parameters = frame.groupby("architecture", sort=False)["parameters"].max()
    text_column(axes, [f"{parameters[name]:,.0f}" for name in names], range(len(names)), 1.02, "thousand parameters")
    marks = [plt.Line2D([], [], color=palette[k], marker=MARKERS[k], label=way) for k, way in enumerate(ways)]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(ways), fontsize=8)
    return figure
