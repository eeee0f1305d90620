"""Records of a study that nobody ran: six tasks whose curves, features and gains are drawn at random."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from mt2st.data.tags.description import DATA
from mt2st.experiments.pairs import CONFIGURATION, READINGS
from mt2st.experiments.runs import Record, Run
from mt2st.schedules import SINGLE_TASK, Constant

TASKS = ("pos", "chunks", "ner", "senses", "frames", "links")
SPANS = TASKS[2:]
STEPS = 1000


def records(seed: int = 0, seeds: int = 1) -> list[Record]:
    """Return each task alone and all pairs; in validation a pair has a tenth of the counts more or less than alone.

    Of every run there are as many as `seeds`, each with outcomes of its own.
    """
    rng = np.random.default_rng(seed)
    counts = {task: rng.integers(5, 20, size=40) for task in TASKS}
    made = []
    for of in range(seeds):
        made += [_record((task,), rng, {task: counts[task]}, of) for task in TASKS]
        made += [_record(pair, rng, {task: counts[task] + rng.integers(-2, 3) for task in pair}, of) for pair in PAIRS]
    return made


PAIRS = list(combinations(TASKS, 2))


def run_of(corpora: Sequence[str], vocabulary: Sequence[str] = TASKS, steps: int = STEPS, seed: int = 0) -> Run:
    """Return the run on one task or a pair, of `steps` a task."""
    configuration = replace(
        CONFIGURATION, data=corpora[0], vocabulary=tuple(vocabulary), steps=len(corpora) * steps // READINGS
    )
    strategy, schedule = ("single", SINGLE_TASK) if len(corpora) == 1 else ("mtl", Constant(1.0))
    return Run("SkipGram", strategy, tuple(corpora[1:]), schedule, seed, configuration)


def task_rows(f1: dict[str, Sequence[float]]) -> pd.DataFrame:
    """Return the frame of a record's tasks with some F1 in validation, a value a reading."""
    return pd.DataFrame(
        [
            {"epoch": t, "task": task, "role": "auxiliary" if k else "primary", "validation_f1": values[t]}
            for k, (task, values) in enumerate(f1.items())
            for t in range(len(values))
        ]
    )


def _record(corpora: tuple[str, ...], rng: np.random.Generator, right: dict[str, np.ndarray], seed: int) -> Record:
    by_task = {task: _scores(task, rng, of_task) for task, of_task in right.items()}
    if len(corpora) == 1:
        found = dict(zip(DATA, rng.uniform(1, 9, len(DATA)), strict=True)) | {"label kurtosis": rng.normal()}
        described: dict[str, object] = {"features": found}
    else:
        described = {"label information": rng.random()}
    shares = np.arange(1, READINGS + 1) / READINGS
    tasks = task_rows({task: by_task[task]["validation"]["f1"] * shares for task in corpora})
    epochs = pd.DataFrame({"epoch": range(READINGS)})
    if len(corpora) == 2:
        epochs["cosine"] = rng.uniform(-1, 1, READINGS)
    made_with = {"device": "cpu: made up", "table": "made up"}
    return Record(run_of(corpora, seed=seed), epochs, tasks, {"by_task": by_task} | described, made_with, "pairs")


def _scores(task: str, rng: np.random.Generator, right: np.ndarray) -> dict[str, Any]:
    """Make up scores; of 20 tags found and 20 to be found in each sentence some are right."""
    f1 = float(right.mean() / 20)
    falling = 3 - 0.4 * np.log(np.arange(1, 1001) + rng.uniform(1, 9)) + rng.normal(0, 0.02, 1000)
    span = {"span_f1": f1 / 2} if task in SPANS else {}
    return {
        "curve": falling.tolist(),
        "validation": {"f1": f1, "accuracy": f1, "loss": 1.0} | span,
        "test": {"f1": float(f1 + rng.normal(0, 0.05)), "accuracy": f1, "loss": 1.0} | span,
        "counts": [right.tolist(), [20] * 40, [20] * 40],
    }


def corpora_of(record: Record) -> tuple[str, ...]:
    """Return the tasks of a run."""
    return (record.run.configuration.data, *record.run.auxiliaries)


def of_corpora(made: Sequence[Record]) -> list[Record]:
    """Return the records of three tasks under names of corpora; "uner-ewt" has no task of the published study."""
    names = {"pos": "ud-ewt", "chunks": "conll2000", "ner": "uner-ewt"}
    return [_renamed(record, names) for record in made if set(corpora_of(record)) <= set(names)]


def _renamed(record: Record, names: dict[str, str]) -> Record:
    tasks = record.tasks.assign(task=record.tasks["task"].map(names))
    by_task = {names[task]: scores for task, scores in record.scores["by_task"].items()}
    run = run_of([names[task] for task in corpora_of(record)], seed=record.run.seed)
    return replace(record, run=run, tasks=tasks, scores=record.scores | {"by_task": by_task})
