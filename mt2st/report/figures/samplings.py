"""Ways to draw tasks, drawn: the primary task's share by epoch, and differences from training all together."""

from typing import Literal

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mt2st.experiments.samplings import COMPARED, TOGETHER
from mt2st.report.figures.drawing import interval_row
from mt2st.report.samplings import FROM_TOGETHER

LINES: dict[str, Literal["-", "--"]] = {"losses": "-", "draws": "--"}  # by what the schedule acts on
MARKERS = {"losses": "o", "draws": "s"}


def by_sampling(frame: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """Draw `report.samplings.shares`, a panel a way, and below them `by_sampling`: points from training together."""
    names = list(dict.fromkeys(shares["sampling"]))
    palette = dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True))
    figure, panels = plt.subplots(2, len(COMPARED), figsize=(4 * len(COMPARED), 6.4), sharey="row", sharex="row")
    for (above, below), way in zip(panels.T, COMPARED, strict=True):
        for (sampling, weigh), rows in shares[shares["way"] == way].groupby(["sampling", "weigh"], sort=False):
            label = sampling if weigh == "losses" else f"{sampling}, weighing draws"
            above.plot(rows["epoch"] + 1, rows["primary"], LINES[weigh], color=palette[sampling], label=label)
        above.set(title=way, xlabel="epoch")
        rows = frame[(frame["way"] == way) & (frame["sampling"] != TOGETHER)]
        for y, (_, row) in enumerate(rows.iterrows()):
            values = [row[FROM_TOGETHER], row[f"{FROM_TOGETHER} low"], row[f"{FROM_TOGETHER} high"]]
            interval_row(below, y, values, palette[row["sampling"]], MARKERS[row["weigh"]])
        below.axvline(0, color="black", linewidth=1)
        below.set(xlabel="points from training all together", yticks=[])
    panels[0][0].set_ylabel("batches of the primary task (%)")
    panels[1][0].set_ylabel("sampling, by colour")
    panels[1][0].invert_yaxis()
    handles, labels = panels[0][1].get_legend_handles_labels()
    marks = {"losses": "weights of losses", "draws": "weights of draws"}
    handles += [plt.Line2D([], [], color="black", marker=MARKERS[k], linestyle=LINES[k]) for k in marks]
    labels += list(marks.values())
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure
