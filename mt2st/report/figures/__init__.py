"""Figures from frames of records; each function returns one. Here is what they share."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mt2st.data.files.writing import replacing
from mt2st.experiments.strategies import STRATEGIES, Strategy


def use_style() -> None:
    """Set the look of all figures."""
    sns.set_theme(context="paper", style="whitegrid", font_scale=1.0)
    mpl.rcParams |= {
        "figure.dpi": 110,
        "savefig.dpi": 160,
        "savefig.bbox": "tight",
        "figure.constrained_layout.use": True,
    }


def strategies_of(frame: pd.DataFrame) -> list[Strategy]:
    """Return the strategies that have runs in a frame."""
    return [strategy for strategy in STRATEGIES.values() if strategy.name in set(frame["strategy"])]


def style_of(strategy: Strategy) -> dict[str, Any]:
    """Return how a strategy's line is drawn and named."""
    return {"label": strategy.label, "color": strategy.colour, "linestyle": strategy.linestyle}


def save(figure: Figure, file: Path) -> list[Path]:
    """Write a figure as png and pdf, without time stamps, and close it."""
    files = [file.with_suffix(".png"), file.with_suffix(".pdf")]
    for name, metadata in zip(files, ({"Software": None}, {"CreationDate": None}), strict=True):
        with replacing(name) as part:
            figure.savefig(part, metadata=metadata)
    plt.close(figure)
    return files
