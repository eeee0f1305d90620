"""What a study of pairs found, from its records alone: gains, features, what ranks and what predicts the gains."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from mt2st.data.sources import SOURCES
from mt2st.data.tags.description import DATA
from mt2st.experiments.pairs import steps_of
from mt2st.experiments.runs import Record
from mt2st.relations import analysis, features, measures, published, study
from mt2st.relations.analysis import By
from mt2st.statistics import as_text

ALL = "all features"
PERMUTATIONS = 199
RESAMPLES = 500  # of main tasks
TAILS = (0.025, 0.975)
DIVISIONS: dict[By, str] = {
    "pair": "pairs at random, as the study",
    "main": "main tasks held out",
    "task": "a task left out",
}


def task_features(records: Sequence[Record], share: float = 1.0) -> pd.DataFrame:
    """Return the 14 features of each task (rows) from its single-task run, the curve's from its first `share`."""
    rows = {}
    for task, record in study.alone(records).items():
        curve = study.curve(record).rename(task)
        beginning = curve[curve.index <= share * steps_of(record.run)]
        rows[task] = pd.concat([pd.Series(record.scores["features"]), features.curve_features(beginning)])
    return pd.DataFrame(rows).T[[*DATA, *features.CURVE]].rename_axis("task")


def curves(records: Sequence[Record]) -> pd.DataFrame:
    """Training losses of the tasks alone: a row a step, a column each task."""
    return pd.DataFrame({task: study.curve(record) for task, record in study.alone(records).items()})


def single_tasks(records: Sequence[Record]) -> pd.DataFrame:
    """Scores of each task alone (rows): F1 and accuracy of tags, and F1 of spans, in validation and test."""
    rows = {
        task: {
            f"{name}, {part}": study.scores_of(record, task)[part].get(measure, np.nan)
            for part in ("validation", "test")
            for measure, name in (("f1", "F1"), ("accuracy", "accuracy"), ("span_f1", "span F1"))
        }
        for task, record in study.alone(records).items()
    }
    return pd.DataFrame(rows).T


def pairs(records: Sequence[Record]) -> pd.DataFrame:
    """One row an ordered pair: relative gains in percent in validation, with interval, and in test, and of spans.

    `gain` and its bounds are `study.gain_intervals`; `averaged` is the gain in validation F1 averaged over the readings
    of the second half of the batches, which depends less on where training stops; `published` is the gain of Bingel
    and Søgaard (2017) between such tasks, not always on the same corpora, NaN where they have none; `test` is the gain
    in F1 of tags in test, `spans` that in F1 of whole spans in validation where the main task marks spans.
    """
    frame = study.gain_intervals(records).set_index(["main", "aux"])
    frame["averaged"] = averaged_gains(records)
    frame["published"] = _published(frame.index)
    frame["test"] = analysis.of_pairs(study.gains(records, "test"))
    frame["spans"] = analysis.of_pairs(study.gains(records, measure="span_f1"))
    return frame.sort_index().reset_index()


def averaged_gains(records: Sequence[Record]) -> "pd.Series[float]":
    """Relative gains in percent of validation F1 averaged over the readings of the second half, by (main, aux).

    F1 moves up and down from reading to reading, and what the main task alone happens to score at the end shifts its
    gains from all others; an average of readings depends less on that.
    """
    alone = {task: _late(record, task) for task, record in study.alone(records).items()}
    shared = pd.Series({pair: _late(record, pair[0]) for pair, record in study.together(records).items()})
    shared = shared.rename_axis(["main", "aux"])
    single = shared.index.get_level_values("main").map(alone)
    return pd.Series(study.relative_gain(shared.to_numpy(), single.to_numpy()), shared.index)


def _late(record: Record, task: str) -> float:
    """Mean validation F1 of a task over the readings of the second half of its run."""
    f1 = _by_share(record, task)
    return float(f1[f1.index > 0.5].mean())


def _published(pairs: pd.MultiIndex) -> "pd.Series[float]":
    """Published gains by pairs of corpora, NaN where the study has no such tasks."""
    tasks = {name: source.task for name, source in SOURCES.items()}
    kinds = pd.MultiIndex.from_tuples([(tasks.get(main), tasks.get(aux)) for main, aux in pairs])
    return analysis.of_pairs(published.figure_1()).reindex(kinds).set_axis(pairs)


def defined_gains(records: Sequence[Record]) -> "pd.Series[float]":
    """Return gains by (main, aux) among the tasks that have any: one that scores nothing alone is left out."""
    gains = study.gains(records)
    scoring = gains.index[gains.notna().any(axis=1)]
    return analysis.of_pairs(gains.loc[scoring, scoring])


def relatedness(records: Sequence[Record]) -> pd.DataFrame:
    """Score each measure of relatedness by how well it ranks the gains, see `measures.ranking`.

    The gains that were published for such tasks stand last, where there are any.
    Gradient cosines are measured while the pair trains, after the first tenth or on average: unlike the others they
    cost the run whose gain they are to tell.
    """
    gains = defined_gains(records)
    tasks = pd.DataFrame({task: record.scores["features"] for task, record in study.alone(records).items()}).T
    pairs = study.together(records)
    by_pair = pd.DataFrame(
        {
            pair: {
                "label information": pairs[pair].scores["label information"],
                "gradient cosine, begin": pairs[pair].epochs["cosine"].iloc[0],
                "gradient cosine, mean": pairs[pair].epochs["cosine"].mean(),
            }
            for pair in gains.index
        }
    ).T
    values = {
        f"{name} of {role}": pd.Series(tasks.loc[gains.index.get_level_values(role), name].to_numpy(), gains.index)
        for name in ("label entropy", "label kurtosis")
        for role in ("aux", "main")
    } | {name: pd.Series(column.to_numpy(), gains.index) for name, column in by_pair.items()}
    earlier = _published(gains.index)
    return measures.ranking(values | ({"published gain": earlier} if earlier.notna().any() else {}), gains)


def prediction(records: Sequence[Record], repeats: int = 100) -> pd.DataFrame:
    """How well logistic regression predicts a gain, by set of features and by how pairs are held out.

    See `analysis.table`; `p`, for all features, is that of swapping the tasks' names (`analysis.permutation_test`).
    """
    gains = defined_gains(records)
    of_pairs = features.pair_features(task_features(records)).loc[gains.index]
    is_data = of_pairs.columns.get_level_values("feature").isin(DATA)
    sets = {
        ALL: of_pairs,
        "data features": of_pairs.loc[:, is_data],
        "curve features": of_pairs.loc[:, ~is_data],
    }
    sets["names of the tasks"] = analysis.task_names(gains.index)
    rows = []
    for by, division in DIVISIONS.items():
        table = analysis.table(sets, gains, by, repeats)
        for name, row in table.iterrows():
            p = np.nan
            if name == ALL:
                p = analysis.permutation_test(of_pairs, gains, by, "tasks", PERMUTATIONS)["p"]
            shown = {
                title: as_text(row[score], row[f"{score} low"], row[f"{score} high"], ".3f")
                for score, title in (("accuracy", "accuracy"), ("f1", "F1 of gain"))
            }
            rows.append({"held out": division, "features": name} | shown | {"p": p})
    return pd.DataFrame(rows)


def by_budget(records: Sequence[Record]) -> pd.DataFrame:
    """What more batches change: gains read at each tenth of the budget, of the same runs.

    Counted are the pairs with a gain that is defined, which it is not before the main task alone scores: `pairs` is how
    many there are, `gains` how many gain, and `same sign` the share that agrees with the end. `rho` is Spearman's
    correlation with the gains at the end, `f1` the mean of the single tasks.
    """
    single, gains = _readings(records)
    end = gains.iloc[-1]
    both = gains.notna() & end.notna()
    return pd.DataFrame(
        {
            "share of the budget": gains.index,
            "f1": single.mean(axis=1).to_numpy(),
            "pairs": gains.notna().sum(axis=1).to_numpy(),
            "gains": (gains > 0).sum(axis=1).to_numpy(),
            "same sign": (((gains > 0) == (end > 0)) & both).sum(axis=1).to_numpy() / both.sum(axis=1).to_numpy(),
            "rho": [row.corr(end, method="spearman") for _, row in gains.iterrows()],
        }
    )


def budget_intervals(records: Sequence[Record]) -> pd.DataFrame:
    """Bounds of `same sign` and `rho` of `by_budget`, a row a share: 95% of resamples of the main tasks.

    The gains of one main task share its run alone, so that it is drawn with all of them. NaN where no gain is defined.
    """
    _, gains = _readings(records)
    mains = gains.columns.get_level_values(0)
    columns = [np.flatnonzero(mains == main) for main in dict.fromkeys(mains)]
    rng = np.random.default_rng(0)
    tasks = rng.integers(len(columns), size=(RESAMPLES, len(columns)))
    drawn = [np.concatenate([columns[k] for k in chosen]) for chosen in tasks]
    rows = []
    for _, row in gains.iterrows():
        pairs_of = [(row.to_numpy()[chosen], gains.iloc[-1].to_numpy()[chosen]) for chosen in drawn]
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


def _readings(records: Sequence[Record]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """F1 of the tasks alone, and gains of ordered pairs (main, aux), both at each tenth of the budget (rows)."""
    single = pd.DataFrame({task: _by_share(record, task) for task, record in study.alone(records).items()})
    gains = {
        (main, aux): study.relative_gain(_by_share(record, main), single[main])
        for (main, aux), record in study.together(records).items()
    }
    return single, pd.DataFrame(gains)


def _by_share(record: Record, task: str) -> "pd.Series[float]":
    """F1 of a task in validation by share of its run; evaluations are equally spaced but for rounding to a step."""
    f1 = record.tasks.loc[record.tasks["task"] == task, "validation_f1"]
    return f1.set_axis(np.arange(1, len(f1) + 1) / len(f1))


def conclusions(records: Sequence[Record]) -> str:
    """Say how many pairs gain, for how many the interval excludes 0, and which tasks help and profit most.

    Pairs are those with a gain that is defined; the main task alone scores something. Where some of them are among the
    published ones, say how far these came again.
    """
    found = pairs(records).dropna(subset="gain")
    tasks = analysis.by_task(study.gains(records))
    helps, profits = tasks["as aux"]["gains"], tasks["as main"]["gains"]
    gain, in_test = found["gain"] > 0, found["test"] > 0
    before, averaged = by_budget(records).iloc[-2], (found["averaged"] > 0).sum()
    lines = [
        f"{gain.sum()} of {len(found)} ordered pairs gain; the interval over validation sentences is above 0 for "
        f"{(found['low'] > 0).sum()} and below 0 for {(found['high'] < 0).sum()}",
        f"in test {in_test.sum()} gain; {(gain == in_test).sum()} pairs have the same sign in both",
        f"F1 moves from reading to reading: at nine tenths of the batches {before['same sign']:.0%} of the pairs have "
        f"the sign of the end (rho = {before['rho']:.2f}); with F1 averaged over the second half {averaged} gain",
        f"helps most others: {_most(helps)}; gains from most others: {_most(profits)}",
    ]
    both = found.dropna(subset="published")
    if len(both):
        alike = ((both["gain"] > 0) == (both["published"] > 0)).sum()
        rho = both["gain"].corr(both["published"], method="spearman")
        lines.append(f"{alike} of {len(both)} gains published for such tasks have the same sign here; rho = {rho:.2f}")
    return "\n".join(lines)


def _most(counts: "pd.Series[int]") -> str:
    """Name all tasks with the highest count, and it."""
    return f"{', '.join(counts.index[counts == counts.max()])} ({counts.max()})"
