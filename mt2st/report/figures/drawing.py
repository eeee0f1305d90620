"""What figures share: rows of estimates with intervals, texts beside them, and learning rates in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PAPERS_DATA = ("imdb", "imdb-disjoint")  # samples of 1,000 reviews: only there the paper's levels are shown


def is_papers_task(frame: pd.DataFrame) -> bool:
    """Whether a frame's runs are on the paper's task, so that levels can be compared."""
    return set(frame["data"]) <= set(PAPERS_DATA)


def width(k: int, of: int) -> float:
    """Return the width of the k-th of several lines: where they coincide, the earlier ones show beside the later."""
    return 1.4 + 0.9 * (of - 1 - k)


def rates_in_words(frame: pd.DataFrame) -> str:
    """Name the learning rates of a frame's runs: the most common one, and settings with another; "" where all agree."""
    counts = frame["learning_rate"].value_counts()
    if len(counts) < 2:
        return ""
    others = frame[frame["learning_rate"] != counts.index[0]]
    named = [f"{', '.join(sorted(set(of['setting'])))} {rate:g}" for rate, of in others.groupby("learning_rate")]
    return f"learning rate, tuned for each arm: {counts.index[0]:g}, but {'; '.join(named)}"


def interval_row(
    axes: Axes, y: float, values: Sequence[float], colour: object, marker: str = "o", small: bool = False
) -> None:
    """Draw an estimate with its bounds, (mean, low, high), as a dot on a line; without bounds the dot alone."""
    mean, low, high = values
    axes.plot([low, high], [y, y], color=colour, linewidth=1.2 if small else 2.2, solid_capstyle="butt")
    axes.plot(mean, y, marker, color=colour, markersize=4 if small else 7, markerfacecolor="white" if small else colour)


def mark_rows(
    axes: Axes, frame: pd.DataFrame, rows: str, value: str, styles: Mapping[str, tuple[Any, str]], spread: float
) -> None:
    """Draw a column of a frame with its bounds: a row for each entry of the column `rows`, a mark for each way.

    `styles` are colour and marker by way, in the order in which the marks of a row stand, `spread` rows apart.
    """
    names = list(dict.fromkeys(frame[rows]))
    for y, name in enumerate(names):
        of_name = frame[frame[rows] == name].set_index("way")
        for k, (way, style) in enumerate(styles.items()):
            if way in of_name.index:
                values = [of_name.loc[way, column] for column in (value, f"{value} low", f"{value} high")]
                interval_row(axes, y + spread * (k - (len(styles) - 1) / 2), values, *style)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)


def legend_of_marks(figure: Figure, styles: Mapping[str, tuple[Any, str]], **line: Any) -> None:
    """Say below a figure which mark is which way."""
    marks = [plt.Line2D([], [], color=colour, marker=one, label=way, **line) for way, (colour, one) in styles.items()]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), fontsize=8)


def text_column(
    axes: Axes, texts: Sequence[str], positions: Sequence[float] | np.ndarray, x: float, title: str
) -> None:
    """Write texts in a column to the right of a panel, x as a share of its width, under a title."""
    for text, y in zip(texts, positions, strict=True):
        axes.text(x, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8)
    axes.text(x, 1.01, title, transform=axes.transAxes, va="bottom", fontsize=8, fontweight="bold")
