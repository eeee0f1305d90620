"""Ways to share parameters, drawn: accuracy of each alone, together and ending on one."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mt2st.report.figures.drawing import legend_of_marks, mark_rows, text_column

MARKERS = ("o", "s", "^", "D")


def by_architecture(frame: pd.DataFrame) -> Figure:
    """Draw `report.sharing.by_architecture`: accuracies with 95% intervals, a row an architecture, a mark a way."""
    names, ways = list(dict.fromkeys(frame["architecture"])), list(dict.fromkeys(frame["way"]))
    styles = dict(zip(ways, zip(sns.color_palette("colorblind"), MARKERS, strict=False), strict=False))
    figure, axes = plt.subplots(figsize=(7.4, 0.62 * len(names) + 1.4))
    mark_rows(axes, frame, "architecture", "accuracy", styles, spread=0.17)
    axes.set_xlabel("test accuracy (%)")
    parameters = frame.groupby("architecture", sort=False)["parameters"].max()
    text_column(axes, [f"{parameters[name]:,.0f}" for name in names], range(len(names)), 1.02, "thousand parameters")
    legend_of_marks(figure, styles)
    return figure
