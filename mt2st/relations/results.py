"""What a study of pairs found, from its records alone: gains, features, what ranks and what predicts the gains."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mt2st.relations import analysis, features, measures, study
from mt2st.relations.analysis import By
from mt2st.relations.joint import JointRecord
from mt2st.statistics import as_text

TITLES = {
    "single_tasks": "Each task alone",
    "pairs": "Relative gains in F1 of tags, percent: validation with an interval over its sentences, test, whole spans",
    "relatedness": "How measures of relatedness rank the gains",
    "prediction": "How well logistic regression predicts a gain",
    "by_budget": "What more batches would change",
}
ALL = "all features"
PERMUTATIONS = 199
DIVISIONS: dict[By, str] = {
    "pair": "pairs at random, as the study",
    "main": "main tasks held out",
    "task": "a task left out",
}


def task_features(records: Sequence[JointRecord], share: float = 1.0) -> pd.DataFrame:
    """Return the 14 features of each task (rows) from its single-task run, the curve's from its first `share`."""
    rows = {}
    for record in records:
        if len(record.run.corpora) == 1:
            (corpus,) = record.run.corpora
            curve = study.curve(record).rename(corpus)
            beginning = curve[curve.index <= share * record.run.steps]
            rows[corpus] = pd.concat([pd.Series(record.scores[corpus]["features"]), features.curve_features(beginning)])
    return pd.DataFrame(rows).T[[*features.DATA, *features.CURVE]].rename_axis("task")


def curves(records: Sequence[JointRecord]) -> pd.DataFrame:
    """Training losses of the tasks alone: a row a step, a column each task."""
    return pd.DataFrame({r.run.corpora[0]: study.curve(r) for r in records if len(r.run.corpora) == 1})


def single_tasks(records: Sequence[JointRecord]) -> pd.DataFrame:
    """Scores of each task alone (rows): F1 and accuracy of tags, and F1 of spans, in validation and test."""
    rows = {}
    for record in records:
        if len(record.run.corpora) == 1:
            (corpus,) = record.run.corpora
            scores = record.scores[corpus]
            rows[corpus] = {
                f"{name}, {part}": scores[part].get(measure, np.nan)
                for part in ("validation", "test")
                for measure, name in (("f1", "F1"), ("accuracy", "accuracy"), ("span_f1", "span F1"))
            }
    return pd.DataFrame(rows).T


def pairs(records: Sequence[JointRecord]) -> pd.DataFrame:
    """One row an ordered pair: relative gains in percent in validation, with interval, and in test, and of spans.

    `gain` and its bounds are `study.gain_intervals`; `test` is the gain in F1 of tags in test, `spans` that in F1 of
    whole spans in validation where the main task marks spans.
    """
    frame = study.gain_intervals(records).set_index(["main", "aux"])
    frame["test"] = analysis.of_pairs(study.gains(records, "test"))
    frame["spans"] = analysis.of_pairs(study.gains(records, measure="span_f1"))
    return frame.sort_index().reset_index()


def defined_gains(records: Sequence[JointRecord]) -> "pd.Series[float]":
    """Return gains by (main, aux) among the tasks that have any: one that scores nothing alone is left out."""
    gains = study.gains(records)
    scoring = gains.index[gains.notna().any(axis=1)]
    return analysis.of_pairs(gains.loc[scoring, scoring])


def relatedness(records: Sequence[JointRecord]) -> pd.DataFrame:
    """Score each measure of relatedness by how well it ranks the gains, see `measures.ranking`."""
    gains = defined_gains(records)
    tasks = pd.DataFrame(
        {c: r.scores[c]["features"] for r in records if len(r.run.corpora) == 1 for c in r.run.corpora}
    ).T
    aux, main = (gains.index.get_level_values(role) for role in ("aux", "main"))
    by_pair = {
        frozenset(r.run.corpora): {
            "label information": next(iter(r.scores.values()))["label information"],
            "gradient cosine, begin": r.history["cosine"].iloc[0],
            "gradient cosine, mean": r.history["cosine"].mean(),
        }
        for r in records
        if len(r.run.corpora) == 2
    }
    values = {
        f"{name} of {role}": pd.Series(tasks.loc[of, name].to_numpy(), gains.index)
        for name in ("label entropy", "label kurtosis")
        for role, of in (("aux", aux), ("main", main))
    } | {
        name: pd.Series([by_pair[frozenset(pair)][name] for pair in gains.index], gains.index)
        for name in ("label information", "gradient cosine, begin", "gradient cosine, mean")
    }
    return measures.ranking(values, gains)


def prediction(records: Sequence[JointRecord], repeats: int = 100) -> pd.DataFrame:
    """How well logistic regression predicts a gain, by set of features and by how pairs are held out.

    See `analysis.table`; `p`, for all features, is that of swapping the tasks' names (`analysis.permutation_test`).
    """
    gains = defined_gains(records)
    of_pairs = features.pair_features(task_features(records)).loc[gains.index]
    is_data = of_pairs.columns.get_level_values("feature").isin(features.DATA)
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
                p = analysis.permutation_test(of_pairs, gains, by, PERMUTATIONS).loc["tasks", "p"]
            shown = {
                title: as_text(row[score], row[f"{score} low"], row[f"{score} high"], ".3f")
                for score, title in (("accuracy", "accuracy"), ("f1", "F1 of gain"))
            }
            rows.append({"held out": division, "features": name} | shown | {"p": p})
    return pd.DataFrame(rows)


def by_budget(records: Sequence[JointRecord]) -> pd.DataFrame:
    """What more batches change: gains read at each tenth of the budget, of the same runs.

    `gains` counts the pairs that gain, `same sign` those that agree with the end, and `rho` is Spearman's correlation
    with the gains at the end. `f1` is the mean of the single tasks.
    """
    f1: dict[tuple[str, ...], pd.DataFrame] = {}
    for record in records:
        wide = record.history.pivot_table(index="step", columns="task", values="f1")
        f1[record.run.corpora] = wide.set_axis(np.arange(1, len(wide) + 1) / len(wide))
    singles = {corpora[0]: frame[corpora[0]] for corpora, frame in f1.items() if len(corpora) == 1}
    gains = {
        (main, next(t for t in pair if t != main)): 100 * (frame[main] / singles[main].replace(0, np.nan) - 1)
        for pair, frame in f1.items()
        if len(pair) == 2
        for main in pair
    }
    table = pd.DataFrame(gains)  # shares of the budget × ordered pairs
    end = table.iloc[-1]
    return pd.DataFrame(
        {
            "share of the budget": table.index,
            "f1": pd.DataFrame(singles).mean(axis=1).to_numpy(),
            "gains": (table > 0).sum(axis=1).to_numpy(),
            "same sign": ((table > 0) == (end > 0)).mean(axis=1).to_numpy(),
            "rho": [row.corr(end, method="spearman") for _, row in table.iterrows()],
        }
    )


def conclusions(records: Sequence[JointRecord]) -> str:
    """Say how many pairs gain, for how many the interval excludes 0, and which tasks help and profit most."""
    found = pairs(records)
    tasks = analysis.by_task(study.gains(records))
    helps, profits = tasks["as aux"]["gains"], tasks["as main"]["gains"]
    gain, in_test = found["gain"] > 0, found["test"] > 0
    return "\n".join(
        [
            f"{gain.sum()} of {len(found)} ordered pairs gain; the interval over validation sentences is above 0 for "
            f"{(found['low'] > 0).sum()} and below 0 for {(found['high'] < 0).sum()}",
            f"in test {in_test.sum()} gain; {(gain == in_test).sum()} pairs have the same sign in both",
            f"helps most others: {helps.idxmax()} ({helps.max()}); gains from most others: {profits.idxmax()} "
            f"({profits.max()})",
        ]
    )


def tables(records: Sequence[JointRecord]) -> dict[str, pd.DataFrame]:
    """Return the tables of `TITLES` by name."""
    return {
        "single_tasks": single_tasks(records).rename_axis("task").reset_index(),
        "pairs": pairs(records),
        "relatedness": relatedness(records),
        "prediction": prediction(records),
        "by_budget": by_budget(records),
    }
