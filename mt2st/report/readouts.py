"""What the primary task gives without auxiliary tasks: baselines, encoders and their readouts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mt2st.experiments.baselines import BASELINES
from mt2st.experiments.runs import Record
from mt2st.models import ENCODERS
from mt2st.report import summary, tables
from mt2st.statistics import holm


def comparison(grid: Sequence[Record], others: Sequence[Record]) -> pd.DataFrame:
    """One row a way: test accuracy in percent, validation beside it, difference in test from the grid's encoder.

    All are on the embedding of `others`, the runs with other encoders and readouts; a baseline has no number for
    validation. With 95% intervals over seeds; differences, in points, are paired by seed, with the exact sign-flip p
    and p after Holm over the rows. Who chooses among them has to choose by validation.
    """
    alone = beside(grid, others)
    ways: dict[str, list[Record]] = {}
    for record in [*alone, *others]:
        ways.setdefault(_way(record), []).append(record)
    reference = summary.score_by_seed(alone)
    linear = 100 * pd.DataFrame({r.run.seed: r.scores["baselines"] for r in alone}).T
    rows = []
    for name in BASELINES:
        values = linear[name]
        rows.append({"way": name, **summary.level(values), **summary.difference(values, reference)})
    for name, records in ways.items():
        values = summary.score_by_seed(records)
        validation = float(np.mean([100 * r.history["validation_accuracy"].max() for r in records]))
        row = {"way": name, "validation": validation, **summary.level(values)}
        rows.append(row if records[0] is alone[0] else {**row, **summary.difference(values, reference)})
    frame = pd.DataFrame(rows)
    frame["p after Holm"] = holm(frame["p"].to_numpy())
    return frame


def beside(grid: Sequence[Record], others: Sequence[Record]) -> list[Record]:
    """Return the grid's runs of a single task on the embedding of `others`."""
    return [r for r in grid if r.run.embedding == others[0].run.embedding and not r.run.auxiliaries]


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `comparison` with numbers as text."""
    return pd.DataFrame(
        {
            "way": frame["way"],
            "n": frame["n"],
            "validation (%)": tables.texts(frame["validation"]),
            "test (%)": tables.intervals(frame, "accuracy"),
            "difference from the grid's (points)": tables.intervals(frame, "difference", "+.1f"),
            "p after Holm": tables.texts(frame["p after Holm"], ".3f"),
        }
    )


def _way(record: Record) -> str:
    """Encoder and readout of a run."""
    configuration = record.run.configuration
    return f"{configuration.encoder}, {configuration.readout or ENCODERS[configuration.encoder].READOUTS[0]}"
