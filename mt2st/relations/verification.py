"""What a task of one's own does gain from others: trained alone and with each of them, over a few seeds."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from tqdm.auto import tqdm

from mt2st.data.tags.tagged import SequenceData, apart
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import environment, execution, pairs
from mt2st.experiments.assembly import assemble
from mt2st.experiments.labelled import tagged_task
from mt2st.experiments.pairs import CONFIGURATION
from mt2st.experiments.runs import Run
from mt2st.relations import gains
from mt2st.schedules import SINGLE_TASK, Constant

STEPS = pairs.STEPS // 10  # batches of the task alone, twice as many with another one


def batches(others: int, seeds: int) -> int:
    """Return how many batches `measured` trains in all, with some number of other tasks."""
    return seeds * STEPS * (1 + 2 * others)


def measured(main: SequenceData, others: Sequence[SequenceData], seeds: int, device: str = "auto") -> pd.DataFrame:
    """Return what the main task gains from each other one: a row each, with its name as `aux`.

    As in the study, with a tenth of its batches: the main task alone and with one other, from the same word vectors,
    both read at the last step, seed by seed. `gain` is the mean over seeds in percent of validation F1 alone, `low` and
    `high` its 95% t interval, `sign` that of `gains.sign`, `f1` the mean F1 alone. Sentences that another task has for
    training are left out of the main task's validation part.

    Raises ValueError where none is left, and as `execution.shared_table`.
    """
    environment.make_deterministic()
    main = apart(main, others)
    if not len(main.validation):
        raise ValueError(f"{main.name}: other tasks have all its validation sentences for training; give them apart")
    alone: list[float] = []
    with_other: dict[str, list[float]] = {other.name: [] for other in others}
    with tqdm(total=batches(len(others), seeds), desc="alone and together", unit="batch") as bar:
        for seed in range(seeds):
            table = execution.shared_table([main, *others], "SkipGram", CONFIGURATION, seed)
            alone.append(_f1(main, None, table, seed, device))
            bar.update(STEPS)
            for other in others:
                with_other[other.name].append(_f1(main, other, table, seed, device))
                bar.update(2 * STEPS)
    single = pd.Series(alone)
    rows = []
    for name, f1 in with_other.items():
        found = gains.interval(gains.relative_gain(pd.Series(f1).to_numpy(), single.to_numpy()).tolist())
        sign = gains.sign(found, single.mean() < gains.FLOOR)
        rows.append({"aux": name, "gain": found.mean, "low": found.low, "high": found.high, "sign": sign})
    return pd.DataFrame(rows).assign(f1=single.mean(), seeds=seeds)


def _f1(main: SequenceData, other: SequenceData | None, table: EmbeddingTable, seed: int, device: str) -> float:
    """Train the main task, alone or with another; return its F1 of tags in validation at the end."""
    tasks, schedule = (2, Constant(1.0)) if other else (1, SINGLE_TASK)
    configuration = replace(CONFIGURATION, data=main.name, epochs=1, steps=tasks * STEPS)
    others = [tagged_task(other, "train", table, configuration)] if other else []
    assembled = assemble(main, table, others, configuration, seed, environment.choose_device(device))
    # Only the main task is scored, so the run names no other one: those of a run are read from the registry.
    run = Run("SkipGram", "mtl" if other else "single", (), schedule, seed, configuration)
    history = execution.train(run, assembled, main, table)
    frame = history.task_frame()
    return float(frame.loc[frame["task"] == main.name, "validation_f1"].iloc[-1])
