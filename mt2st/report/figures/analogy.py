"""One analogy in two dimensions, and how its loss moves the four vectors."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mt2st.losses import analogy_loss

VECTOR, PREDICTED = "#0173b2", "#d55e00"
QUESTION = torch.tensor([[0, 1, 2, 3]])


def moves(words: Sequence[str], before: Tensor, after: Tensor) -> Figure:
    """Draw four vectors before a step (left, with an arrow to where each goes) and after it.

    UPDATE 0 is 1 − the cosine of the angle, seen from the origin, between w4 (dot) and w2 − w1 + w3 (star).

    Args:
        words: "w1 is to w2 as w3 is to w4".
        before, after: (4, 2), rows in the order of the words.
    """
    figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True)
    sides = [-1 if x > 0 else 1 for x in (after - before)[:, 0].tolist()]  # names stand where no arrow goes
    for panel, table, name in zip(panels, (before, after), ("before", "after"), strict=True):
        _four(panel, words, table, sides)
        panel.set_title(f"{name}: loss {float(analogy_loss(table, QUESTION)):.3f}")
        panel.set_aspect("equal")
    for (x, y), (to_x, to_y) in zip(before.tolist(), after.tolist(), strict=True):
        arrow = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
        panels[0].annotate("", (to_x, to_y), (x, y), arrowprops=arrow, zorder=4)
    return figure


def _four(axes: Axes, words: Sequence[str], table: Tensor, sides: Sequence[int]) -> None:
    """Draw the vectors as dots, where the answer is expected as a star, and the angle between it and w4."""
    e1, e2, e3, e4 = table
    expected = e2 - e1 + e3
    for start, end in ((e1, e2), (e3, expected)):
        axes.plot(*torch.stack([start, end]).T.tolist(), color="grey", linestyle="--", linewidth=1)
    for end, colour in ((e4, VECTOR), (expected, PREDICTED)):
        axes.plot([0, float(end[0])], [0, float(end[1])], color=colour, linewidth=1, alpha=0.6)
    axes.plot(0, 0, "+", color="black")
    axes.plot(*table.T.tolist(), "o", color=VECTOR)
    axes.plot(*expected.tolist(), "*", markersize=13, color=PREDICTED)
    named = zip([*words, f"{words[1]} − {words[0]} + {words[2]}"], [*table, expected], [*sides, 1], strict=True)
    for name, end, side in named:
        towards = "left" if side > 0 else "right"
        axes.annotate(name, end.tolist(), (10 * side, 2), textcoords="offset points", ha=towards, va="center")
    axes.margins(0.3, 0.2)
