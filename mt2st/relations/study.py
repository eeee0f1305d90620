"""Gains of tasks from each other, read from the records of a study of pairs (`experiments.pairs`)."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mt2st import paths
from mt2st.experiments import runs, store
from mt2st.experiments.pairs import steps_of
from mt2st.experiments.profiles import PROFILES, Profile
from mt2st.experiments.runs import Record
from mt2st.metrics import micro_f1

RESAMPLES = 2_000


def recorded(profile: Profile) -> list[Record]:
    """Return the recorded runs of a profile's study.

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


def alone(records: Iterable[Record]) -> dict[str, Record]:
    """Return the runs on one task, by task."""
    return {record.run.configuration.data: record for record in records if not record.run.auxiliaries}


def together(records: Iterable[Record]) -> dict[tuple[str, str], Record]:
    """Return the run of each ordered pair (main, aux), each run under both orders."""
    pairs = [
        (record.run.configuration.data, record.run.auxiliaries[0], record)
        for record in records
        if record.run.auxiliaries
    ]
    return {order: record for one, other, record in pairs for order in ((one, other), (other, one))}


def scores_of(record: Record, task: str) -> dict[str, Any]:
    """Return what a run scores on one of its tasks, see `execution._study_scores`."""
    return record.scores["by_task"][task]


def relative_gain(shared: np.ndarray, single: np.ndarray) -> np.ndarray:
    """Return 100 · (shared − single) / single, in percent, NaN where the single task scores 0."""
    return 100 * (shared / np.where(np.greater(single, 0), single, np.nan) - 1)


def gains(records: Sequence[Record], part: str = "validation", measure: str = "f1") -> pd.DataFrame:
    """Relative gain in percent of each task (rows, main) from each other one (columns, aux), as the study's Figure 1.

    100 · (pair − single) / single of a measure of the last step: "f1" of tags token by token, which the study read in
    validation, "accuracy", or "span_f1" where all tags mark spans. NaN on the diagonal, and where a run, a measure or
    anything to compare with (a single-task score of 0) is missing.
    """
    singles = {task: scores_of(record, task)[part].get(measure, np.nan) for task, record in alone(records).items()}
    tasks = list(singles)
    found = pd.DataFrame(np.nan, index=pd.Index(tasks, name="main"), columns=pd.Index(tasks, name="aux"))
    for (main, aux), record in together(records).items():
        found.loc[main, aux] = relative_gain(scores_of(record, main)[part].get(measure, np.nan), singles[main])
    return found


def gain_intervals(records: Sequence[Record], confidence: float = 0.95) -> pd.DataFrame:
    """One row a directed pair: relative gain in percent of validation F1, with a bootstrap interval over sentences.

    Sentences are resampled for both models together (percentiles of 2,000 resamples). The interval says how far the
    gain depends on which sentences are in the validation set; it does not hold what another seed of training would
    change, so that it is the least that should be doubted. NaN where the single task has an F1 of 0.
    """
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    pairs = together(records)
    rows = []
    for main, record in alone(records).items():
        single = _counts(record, main)
        drawn = np.random.default_rng(0).multinomial(len(single), [1 / len(single)] * len(single), RESAMPLES)
        for aux in (aux for of, aux in pairs if of == main):
            shared = _counts(pairs[main, aux], main)
            gain = relative_gain(micro_f1(shared.sum(0)), micro_f1(single.sum(0)))
            low, high = np.quantile(relative_gain(micro_f1(drawn @ shared), micro_f1(drawn @ single)), tails)
            rows.append({"main": main, "aux": aux, "gain": float(gain), "low": low, "high": high})
    return pd.DataFrame(rows)


def _counts(record: Record, task: str) -> np.ndarray:
    """Counts of the validation sentences of a task, (S, 3), see `metrics.tag_counts`."""
    return np.array(scores_of(record, task)["counts"]).T


def curve(record: Record) -> "pd.Series[float]":
    """Training losses of a single-task run by step, see `as_series`."""
    return as_series(scores_of(record, record.run.configuration.data)["curve"], steps_of(record.run))


def as_series(curve: Sequence[float], steps: int) -> "pd.Series[float]":
    """Return a recorded curve by step: each value is the mean loss of the steps up to its own since the one before."""
    return pd.Series(curve, index=np.linspace(0, steps, len(curve) + 1)[1:])
