"""What each task gains from each other one, over seeds: mean, interval and sign.

A gain is 100 · (pair − single) / single of two runs of the same seed, as Figure 1 of Bingel and Søgaard (2017), who had
one run each. Here the gain of a pair is the mean over seeds, with Student's 95% t interval.

A pair has a sign only where that interval excludes 0. That all seeds agree is too little: without any effect three of
them do so for a quarter of the pairs, where an interval excludes 0 for a twentieth. With one seed there is no interval,
and no pair has a sign. Nor has a main task that scores an F1 below `FLOOR` alone: next to nothing can double.

Seeds differ in word vectors, initial values and batches, not in the sentences that are trained on and scored. So the
interval says what another training would change; `sentence_intervals` says what other validation sentences would.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mt2st.experiments.runs import Record
from mt2st.metrics import micro_f1
from mt2st.relations import study
from mt2st.statistics import NOTHING, Interval, mean_interval

Score = Callable[[Record, str], float]  # what a run scores on one of its tasks

FLOOR = 0.1  # F1 alone below which nothing is said of what a main task gains
GAIN, LOSS, UNCLEAR, LOW = "gain", "loss", "unclear", "scores too little alone"
CONFIDENCE = 0.95
RESAMPLES = 2_000


def last(part: str = "validation", measure: str = "f1") -> Score:
    """Return the score of the last step: "f1" of tags token by token, which the study read in validation, "accuracy",
    or "span_f1" where all tags mark spans (NaN elsewhere).
    """
    return lambda record, task: study.scores_of(record, task)[part].get(measure, np.nan)


F1 = last()


def averaged(record: Record, task: str) -> float:
    """Validation F1 averaged over the readings of the second half of a run, which depends less on where it stops."""
    f1 = study.by_share(record, task)
    return float(f1[f1.index > 0.5].mean())


def relative_gain(shared: np.ndarray, single: np.ndarray) -> np.ndarray:
    """Return 100 · (shared − single) / single, in percent, NaN where the single task scores 0."""
    return 100 * (shared / np.where(np.greater(single, 0), single, np.nan) - 1)


def by_seed(records: Iterable[Record], score: Score = F1) -> pd.DataFrame:
    """Relative gains in percent: a row an ordered pair (main, aux), a column a seed.

    Both runs of a gain have the same seed. NaN where one of the two, the score, or anything to compare with (a
    single-task score of 0) is missing; rows are all pairs of different tasks.
    """
    records = list(records)
    singles = {task: {r.run.seed: score(r, task) for r in runs} for task, runs in study.alone(records).items()}
    seeds = sorted({record.run.seed for record in records})
    pairs = pd.MultiIndex.from_tuples([(m, a) for m in singles for a in singles if m != a], names=["main", "aux"])
    found = pd.DataFrame(np.nan, index=pairs, columns=pd.Index(seeds, name="seed"))
    for (main, aux), runs in study.together(records).items():
        for record in runs if (main, aux) in found.index else ():
            single = singles[main].get(record.run.seed, np.nan)
            found.loc[(main, aux), record.run.seed] = relative_gain(np.array(score(record, main)), np.array(single))
    return found


def mean(records: Iterable[Record], score: Score = F1) -> "pd.Series[float]":
    """Return the mean gain over the seeds that have one, in percent, by (main, aux); NaN where none has."""
    return by_seed(records, score).mean(axis="columns")


def table(records: Iterable[Record], score: Score = F1) -> pd.DataFrame:
    """Return `mean` with main tasks as rows and auxiliary ones as columns, NaN on the diagonal."""
    return _wide(mean(records, score))


def signs(records: Sequence[Record]) -> pd.DataFrame:
    """Return the signs of `summary` with main tasks as rows and auxiliary ones as columns."""
    return _wide(summary(records)["sign"])


def _wide(by_pair: pd.Series) -> pd.DataFrame:
    tasks = by_pair.index.get_level_values("main").unique()
    wide = by_pair.rename("value").reset_index().pivot(index="main", columns="aux", values="value")  # noqa: PD010
    return wide.reindex(index=tasks, columns=tasks.rename("aux"))


def f1_alone(records: Iterable[Record]) -> pd.DataFrame:
    """Validation F1 of the last step of the tasks alone: a row a task, a column a seed."""
    rows = {task: {r.run.seed: F1(r, task) for r in runs} for task, runs in study.alone(records).items()}
    return pd.DataFrame(rows).T.rename_axis("task")


def too_low(records: Iterable[Record]) -> list[str]:
    """Return the tasks whose mean F1 alone is below `FLOOR`: as main tasks they are not counted."""
    f1 = f1_alone(records).mean(axis="columns")
    return f1.index[~(f1 >= FLOOR)].tolist()


def interval(values: Sequence[float]) -> Interval:
    """Return mean and 95% t interval of the gains of a pair by seed, without those that are NaN.

    The bounds are NaN for one gain, everything is for none.
    """
    present = np.asarray(values, dtype=float)
    present = present[~np.isnan(present)]
    return mean_interval(present, CONFIDENCE) if len(present) else NOTHING


def sign(found: Interval, is_low: bool = False) -> str:
    """Say whether a pair gains: `GAIN` or `LOSS` where the interval excludes 0, else `UNCLEAR`; `LOW` if so told."""
    if is_low:
        return LOW
    return GAIN if found.low > 0 else LOSS if found.high < 0 else UNCLEAR


def summary(records: Sequence[Record]) -> pd.DataFrame:
    """One row an ordered pair (main, aux): `gain`, its interval `low` and `high`, number of `seeds`, and its `sign`."""
    low = too_low(records)
    rows = {}
    for (main, aux), values in by_seed(records).iterrows():
        found = interval(values)
        rows[main, aux] = {"gain": found.mean, "low": found.low, "high": found.high, "seeds": found.n} | {
            "sign": sign(found, main in low)
        }
    return _of_pairs(rows)


def _of_pairs(rows: Mapping[tuple[str, str], Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows.values()), pd.MultiIndex.from_tuples(rows, names=["main", "aux"]))


def counted(records: Sequence[Record]) -> "pd.Series[float]":
    """Return `mean` of the pairs that count: there is a gain, and the main task scores at least `FLOOR` alone.

    A task below it stays as an auxiliary one.
    """
    found = mean(records).dropna()
    return found[~found.index.get_level_values("main").isin(too_low(records))]


def agreement(records: Sequence[Record]) -> tuple[float, float]:
    """How far two seeds agree on the pairs that count: share with the same sign, and Spearman's rho.

    Both are means over pairs of seeds, NaN for one seed: no measure can be expected to rank gains of another training
    better than these are ranked by themselves.
    """
    found = by_seed(records).loc[counted(records).index]
    signs, rhos = [], []
    for k, one in enumerate(found):
        for other in found.columns[k + 1 :]:
            both = found[[one, other]].dropna()
            signs.append(((both[one] > 0) == (both[other] > 0)).mean())
            rhos.append(both[one].corr(both[other], method="spearman"))
    return (float(np.mean(signs)), float(np.mean(rhos))) if signs else (np.nan, np.nan)


def sentence_intervals(records: Sequence[Record]) -> pd.DataFrame:
    """How far a gain depends on which sentences are in validation: `low` and `high` by (main, aux), in percent.

    Sentences are resampled for all runs of a pair together, and the mean gain over seeds taken anew: percentiles of
    2,000 resamples. NaN where a single task has an F1 of 0.
    """
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    singles, pairs = study.alone(records), study.together(records)
    rows = {}
    for main, runs in singles.items():
        counts = {record.run.seed: _counts(record, main) for record in runs}
        sentences = len(next(iter(counts.values())))
        drawn = np.random.default_rng(0).multinomial(sentences, [1 / sentences] * sentences, RESAMPLES)
        f1 = {seed: micro_f1(drawn @ of_seed) for seed, of_seed in counts.items()}
        for aux in (aux for of, aux in pairs if of == main):
            shared = {record.run.seed: micro_f1(drawn @ _counts(record, main)) for record in pairs[main, aux]}
            found = [relative_gain(shared[seed], f1[seed]) for seed in shared.keys() & f1.keys()]
            rows[main, aux] = np.quantile(np.mean(found, axis=0), tails) if found else (np.nan, np.nan)
    return _of_pairs({pair: dict(zip(("low", "high"), bounds, strict=True)) for pair, bounds in rows.items()})


def _counts(record: Record, task: str) -> np.ndarray:
    """Counts of the validation sentences of a task, (S, 3), see `metrics.tag_counts`."""
    return np.array(study.scores_of(record, task)["counts"]).T
