"""Spanish beside English, drawn: names in test, and how well the table aligns words."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mt2st.experiments.languages import COMPARED, SINGLE, UNTOUCHED
from mt2st.report.figures.crossing import STYLES
from mt2st.report.figures.drawing import interval_row
from mt2st.report.languages import OF_TABLE, SCORE

WAYS = {UNTOUCHED: ("#949494", "D")} | {way: STYLES[way][:2] for way in (SINGLE, *COMPARED)}  # colour and marker


def by_arm(frame: pd.DataFrame) -> Figure:
    """Draw `report.languages.by_arm`: F1 of names and alignment error, with 95% intervals, a row a set of tasks."""
    figure, (names, links) = plt.subplots(1, 2, figsize=(9.6, 3.6), sharey=True)
    _rows(names, frame[frame["way"] != UNTOUCHED], SCORE)
    _rows(links, frame, OF_TABLE["alignment_error"])
    names.set_xlabel(f"test {SCORE} (%)")
    links.set_xlabel(f"{OF_TABLE['alignment_error']} (%), lower is better")
    marks = [
        plt.Line2D([], [], color=colour, marker=marker, linestyle="", label=way)
        for way, (colour, marker) in WAYS.items()
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(WAYS), fontsize=8)
    return figure


def _rows(axes: Axes, frame: pd.DataFrame, name: str) -> None:
    """Draw a column of the frame: a row a set of tasks, a mark a way."""
    tasks = list(dict.fromkeys(frame["auxiliary tasks"]))
    for y, of in enumerate(tasks):
        rows = frame[frame["auxiliary tasks"] == of].set_index("way")
        ways = [way for way in WAYS if way in rows.index]
        for k, way in enumerate(ways):
            values = [rows.loc[way, column] for column in (name, f"{name} low", f"{name} high")]
            at = y + 0.2 * (k - (len(ways) - 1) / 2)
            interval_row(axes, at, values, *WAYS[way])
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
