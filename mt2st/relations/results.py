"""What a study of pairs found, from its records alone: gains, features, what ranks and what predicts the gains."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from mt2st.data.sources import SOURCES
from mt2st.data.tags.description import DATA
from mt2st.experiments.pairs import steps_of
from mt2st.experiments.runs import Record
from mt2st.relations import analysis, features, gains, published, study
from mt2st.relations.analysis import By
from mt2st.statistics import mean_interval

ALL = "all features"
PERMUTATIONS = 199
RESAMPLES = 500  # of main tasks
TAILS = (0.025, 0.975)
DIVISIONS: dict[By, str] = {
    "pair": "pairs at random, as the study",
    "main": "a main task left out",
    "task": "a task left out on both sides",
}


def task_features(records: Sequence[Record], share: float = 1.0) -> pd.DataFrame:
    """Return the 14 features of each task (rows) from its single-task runs, the curve's from its first `share`.

    Curves are means over seeds; text and labels are the same for all.
    """
    rows = {}
    for task, runs in study.alone(records).items():
        curve = study.curve(runs).rename(task)
        beginning = curve[curve.index <= share * steps_of(runs[0].run)]
        rows[task] = pd.concat([pd.Series(runs[0].scores["features"]), features.curve_features(beginning)])
    return pd.DataFrame(rows).T[[*DATA, *features.CURVE]].rename_axis("task")


def curves(records: Sequence[Record]) -> pd.DataFrame:
    """Training losses of the tasks alone, mean over seeds: a row a step, a column each task."""
    return pd.DataFrame({task: study.curve(runs) for task, runs in study.alone(records).items()})


def single_tasks(records: Sequence[Record]) -> pd.DataFrame:
    """Scores of each task alone (rows): F1 and accuracy of tags, and F1 of spans, in validation and test.

    Means over seeds; `F1 low` and `F1 high` are the 95% t interval of F1 in validation, NaN with one seed.
    """
    rows = {}
    for task, runs in study.alone(records).items():
        f1 = mean_interval([gains.F1(run, task) for run in runs])
        rows[task] = {"F1 low": f1.low, "F1 high": f1.high} | {
            f"{name}, {part}": float(np.mean([gains.last(part, measure)(run, task) for run in runs]))
            for part in ("validation", "test")
            for measure, name in (("f1", "F1"), ("accuracy", "accuracy"), ("span_f1", "span F1"))
        }
    frame = pd.DataFrame(rows).T
    return frame[["F1, validation", *(name for name in frame if name != "F1, validation")]]


def pairs(records: Sequence[Record]) -> pd.DataFrame:
    """One row an ordered pair: relative gains in percent in validation, with interval and sign, in test, and of spans.

    `gain`, its interval over seeds and its sign are those of `gains.summary`, the bounds of `sentences low` and
    `sentences high` those of `gains.sentence_intervals`; `averaged` is the gain in validation F1 averaged over the
    readings of the second half of the batches, which depends less on where training stops; `published` is the gain of
    Bingel and Søgaard (2017) between such tasks, not always on the same corpora, NaN where they have none; `test` is
    the gain in F1 of tags in test, `spans` that in F1 of whole spans in validation where the main task marks spans. All
    are means over seeds.
    """
    frame = gains.summary(records).join(gains.sentence_intervals(records).add_prefix("sentences "))
    frame["averaged"] = gains.mean(records, gains.averaged)
    frame["published"] = published_gains(frame.index)
    frame["test"] = gains.mean(records, gains.last("test"))
    frame["spans"] = gains.mean(records, gains.last(measure="span_f1"))
    return frame.sort_index().reset_index()


def published_gains(pairs: pd.MultiIndex) -> "pd.Series[float]":
    """Return published gains by pairs of corpora, NaN where the study has no such tasks."""
    tasks = {name: source.task for name, source in SOURCES.items()}
    kinds = pd.MultiIndex.from_tuples([(tasks.get(main), tasks.get(aux)) for main, aux in pairs])
    return analysis.of_pairs(published.figure_1()).reindex(kinds).set_axis(pairs)


def prediction(records: Sequence[Record], repeats: int = 100) -> pd.DataFrame:
    """How well logistic regression tells whether a pair's mean gain over seeds is above 0, by what it knows.

    One row a way to hold pairs out and a set of features, see `analysis.table`; pairs are `gains.counted`. `p`, for all
    features where tasks are left out, is that of swapping the tasks' names (`analysis.permutation_test`); with pairs
    held out at random it would depend on how they are divided.
    """
    gain = gains.counted(records)
    if gain.index.get_level_values("main").nunique() < 2 or len(gain) < analysis.FOLDS:  # nothing is left to learn from
        return pd.DataFrame(columns=["held out", "features", "accuracy", "F1 of gain", "p"])
    of_pairs = features.pair_features(task_features(records)).loc[gain.index]
    is_data = of_pairs.columns.get_level_values("feature").isin(DATA)
    sets = {
        ALL: of_pairs,
        "data features": of_pairs.loc[:, is_data],
        "curve features": of_pairs.loc[:, ~is_data],
    }
    sets["names of the tasks"] = analysis.task_names(gain.index)
    rows = []
    for by, division in DIVISIONS.items():
        for name, row in analysis.table(sets, gain, by, repeats).iterrows():
            p = np.nan
            if name == ALL and by != "pair":
                p = analysis.permutation_test(of_pairs, gain, by, "tasks", PERMUTATIONS)["p"]
            found = {"accuracy": row["accuracy"], "F1 of gain": row["f1"], "p": p}
            rows.append({"held out": division, "features": name} | found)
    return pd.DataFrame(rows)


def by_budget(records: Sequence[Record]) -> pd.DataFrame:
    """What more batches change: gains, means over seeds, read at each tenth of the budget, of the same runs.

    Of the pairs that count at the end (`gains.counted`) those are taken whose gain is defined, which it is not before
    the main task alone scores: `pairs` is how many there are, `gains` how many gain, and `same sign` the share that
    agrees with the end. `rho` is Spearman's correlation with the gains at the end, `f1` the mean of the single tasks.
    """
    f1, by_share = _readings(records)
    end = by_share.iloc[-1]
    both = by_share.notna() & end.notna()
    return pd.DataFrame(
        {
            "share of the budget": by_share.index,
            "f1": f1.to_numpy(),
            "pairs": by_share.notna().sum(axis=1).to_numpy(),
            "gains": (by_share > 0).sum(axis=1).to_numpy(),
            "same sign": (((by_share > 0) == (end > 0)) & both).sum(axis=1).to_numpy() / both.sum(axis=1).to_numpy(),
            "rho": [row.corr(end, method="spearman") for _, row in by_share.iterrows()],
        }
    )


def budget_intervals(records: Sequence[Record]) -> pd.DataFrame:
    """Bounds of `same sign` and `rho` of `by_budget`, a row a share: 95% of resamples of the main tasks.

    The gains of one main task share its run alone, so that it is drawn with all of them. NaN where no gain is defined.
    """
    _, by_share = _readings(records)
    mains = by_share.columns.get_level_values(0)
    columns = [np.flatnonzero(mains == main) for main in dict.fromkeys(mains)]
    rng = np.random.default_rng(0)
    tasks = rng.integers(len(columns), size=(RESAMPLES, len(columns)))
    drawn = [np.concatenate([columns[k] for k in chosen]) for chosen in tasks]
    rows = []
    for _, row in by_share.iterrows():
        pairs_of = [(row.to_numpy()[chosen], by_share.iloc[-1].to_numpy()[chosen]) for chosen in drawn]
        found = np.array([_agreement(*values) for values in pairs_of])
        low, high = (np.full(2, np.nan),) * 2 if np.isnan(found).all() else np.nanquantile(found, TAILS, axis=0)
        rows.append({"same sign low": low[0], "same sign high": high[0], "rho low": low[1], "rho high": high[1]})
    return pd.DataFrame(rows)


def _agreement(gains: np.ndarray, end: np.ndarray) -> tuple[float, float]:
    """Share of the same sign, and Spearman's correlation, among gains that are defined in both."""
    both = ~np.isnan(gains) & ~np.isnan(end)
    if len(set(gains[both])) < 2 or len(set(end[both])) < 2:
        return np.nan, np.nan
    rank, last = rankdata(gains[both]), rankdata(end[both])
    return float(((gains > 0) == (end > 0))[both].mean()), float(np.corrcoef(rank, last)[0, 1])


def _readings(records: Sequence[Record]) -> tuple["pd.Series[float]", pd.DataFrame]:
    """Mean F1 of the tasks alone, and gains of the pairs that count at the end (columns), by share of the budget."""
    counted = gains.counted(records).index
    shares = study.by_share(records[0], records[0].run.configuration.data).index
    rows = [gains.mean(records, _reading(k)).loc[counted] for k in range(len(shares))]
    single = [[study.by_share(run, task) for run in runs] for task, runs in study.alone(records).items()]
    f1 = np.mean([np.mean(of_seeds, axis=0) for of_seeds in single], axis=0)
    return pd.Series(f1, index=shares), pd.DataFrame(rows).set_axis(shares)


def _reading(k: int) -> gains.Score:
    """Return the score of a reading in validation, by its number."""
    return lambda record, task: float(study.by_share(record, task).iloc[k])
