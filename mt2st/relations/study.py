"""The records of a study of pairs (`experiments.pairs`), by task and by seed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mt2st import paths
from mt2st.experiments import runs, store
from mt2st.experiments.pairs import steps_of
from mt2st.experiments.profiles import PROFILES, Profile
from mt2st.experiments.runs import Record


def recorded(profile: Profile) -> list[Record]:
    """Return the recorded runs of a profile's study, seed by seed.

    Raises ValueError for a profile that has none, FileNotFoundError where it has not been made; both say how to.
    """
    if not profile.study:
        having = [f"`mt2st reproduce --profile {name} --notebooks 10`" for name, row in PROFILES.items() if row.study]
        raise ValueError(f"profile {profile.name} has no study of pairs of tasks; {' or '.join(having)} makes one")
    found = runs.of(store.unpack(paths.find_recorded(profile.name)), "pairs")
    if not found:
        command = f"mt2st reproduce --profile {profile.name} --notebooks 10"
        raise FileNotFoundError(f"profile {profile.name} has no pairs in its record: make them with `{command}`")
    return found


def seeds(records: Iterable[Record]) -> list[int]:
    """Return the seeds of the runs, in order."""
    return sorted({record.run.seed for record in records})


def alone(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the runs on one task, by task: one a seed, in order of seeds."""
    found = defaultdict(list)
    for record in sorted(records, key=lambda record: record.run.seed):
        if not record.run.auxiliaries:
            found[record.run.configuration.data].append(record)
    return dict(found)


def together(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    """Return the runs of each ordered pair (main, aux), one a seed, in order of seeds; each run under both orders."""
    found = defaultdict(list)
    for record in sorted(records, key=lambda record: record.run.seed):
        if record.run.auxiliaries:
            one, other = record.run.configuration.data, record.run.auxiliaries[0]
            found[one, other].append(record)
            found[other, one].append(record)
    return dict(found)


def scores_of(record: Record, task: str) -> dict[str, Any]:
    """Return what a run scores on one of its tasks, see `execution._study_scores`."""
    return record.scores["by_task"][task]


def by_share(record: Record, task: str) -> "pd.Series[float]":
    """F1 of a task in validation by share of its run; evaluations are equally spaced but for rounding to a step.

    Of a task on whole texts that is the accuracy, as it has no "O".
    """
    of_task = record.tasks[record.tasks["task"] == task]
    f1 = of_task["validation_accuracy" if _is_of_texts(of_task) else "validation_f1"]
    return f1.set_axis(np.arange(1, len(f1) + 1) / len(f1))


def score_name(records: Iterable[Record]) -> str:
    """Name for readers what the tasks are scored by: "F1" of tags, "accuracy" of whole texts, or both."""
    singles = alone(records).values()
    return " or ".join(sorted({"accuracy" if _is_of_texts(made[0].tasks) else "F1" for made in singles}))


def _is_of_texts(rows: pd.DataFrame) -> bool:
    """Whether rows of `Record.tasks` are of a task on whole texts, which has no F1 of tags."""
    return "validation_f1" not in rows or bool(rows["validation_f1"].isna().all())


def curve(records: Sequence[Record]) -> "pd.Series[float]":
    """Training losses of a task alone by step, see `as_series`: the mean over its runs, which differ in their seed."""
    of_seeds = [scores_of(record, record.run.configuration.data)["curve"] for record in records]
    return as_series(np.mean(of_seeds, axis=0), steps_of(records[0].run))


def as_series(curve: Sequence[float] | np.ndarray, steps: int) -> "pd.Series[float]":
    """Return a recorded curve by step: each value is the mean loss of the steps up to its own since the one before."""
    return pd.Series(curve, index=np.linspace(0, steps, len(curve) + 1)[1:])
