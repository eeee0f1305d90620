"""Learning curves for the page: small enough to stand in it, and drawn by its script, `templates/curves.js`."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES

SCALE = 1000  # curves are whole thousandths: three digits take less room than a decimal fraction
QUANTITIES = {
    "accuracy": ("train_accuracy", "validation_accuracy"),
    "loss of the primary task": ("primary_loss", "validation_loss"),
    "loss with auxiliary terms": ("loss",),
}
PANELS = {
    "train_accuracy": "training accuracy",
    "validation_accuracy": "validation accuracy",
    "primary_loss": "training loss of the primary task",
    "validation_loss": "validation loss of the primary task",
    "loss": "training loss with auxiliary terms, L_primary + Σ γ_k L_k",
}


def compact(records: Sequence[Record]) -> dict[str, Any]:
    """Return the curves of the grid's runs as plain JSON values; {} where there are no runs.

    `quantities` names what can be shown, each with its panels: a column of `Record.history` and a title. `strategies`
    have how they are named and drawn. Each of `runs` has the `embedding`, `strategy` and `setting` as positions in the
    lists of these, its `seed` and learning `rate`, and `curves`: a list of values by epoch for each panel, in
    thousandths (`scale`), null where there is none.
    """
    if not records:
        return {}
    names = {
        "embeddings": list(dict.fromkeys(record.run.embedding for record in records)),
        "strategies": [name for name in STRATEGIES if name in {record.run.strategy for record in records}],
        "settings": sorted({record.run.setting for record in records}),
    }
    panels = [column for columns in QUANTITIES.values() for column in columns]
    return names | {
        "scale": SCALE,
        "quantities": [
            {"name": name, "panels": [{"curve": panels.index(column), "title": PANELS[column]} for column in columns]}
            for name, columns in QUANTITIES.items()
        ],
        "strategies": [_drawn(name) for name in names["strategies"]],
        "runs": [
            {
                "embedding": names["embeddings"].index(record.run.embedding),
                "strategy": names["strategies"].index(record.run.strategy),
                "setting": names["settings"].index(record.run.setting),
                "seed": record.run.seed,
                "rate": record.run.configuration.learning_rate,
                "curves": [_thousandths(record.history[column]) for column in panels],
            }
            for record in records
        ],
    }


def _drawn(name: str) -> dict[str, str]:
    """Return how a strategy is named and drawn."""
    strategy = STRATEGIES[name]
    return {"label": strategy.label, "colour": strategy.colour, "line": strategy.linestyle}


def _thousandths(values: "pd.Series[float]") -> list[int | None]:
    return [None if pd.isna(value) else round(SCALE * value) for value in values]
