"""What schedules decided by what they had seen, and the accuracies that they decided on."""

from collections.abc import Sequence

import pandas as pd

from mt2st.experiments.runs import Record
from mt2st.history import PRIMARY


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a decision: the way that took it, seed, the epoch before which, counted from 1, and why, in words."""
    rows = [
        {"way": record.run.strategy, "seed": record.run.seed, "epoch": epoch + 1, "decision": reason}
        for record in _deciding(records)
        for epoch, reason in record.scores["decisions"]
    ]
    return pd.DataFrame(rows, columns=["way", "seed", "epoch", "decision"])


def curves(records: Sequence[Record]) -> pd.DataFrame:
    """One row an epoch, counted from 1, of the runs with decisions: validation accuracy in percent by way and seed."""
    frames = []
    for record in _deciding(records):
        primary = record.tasks[record.tasks["role"] == PRIMARY]
        frame = pd.DataFrame({"epoch": primary["epoch"] + 1, "accuracy": 100 * primary["validation_accuracy"]})
        frames.append(frame.assign(way=record.run.strategy, seed=record.run.seed))
    return pd.concat(frames, ignore_index=True)


def _deciding(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.scores.get("decisions")]
