"""What the runs say by strategy: accuracy, time, and differences from single-task training, paired by seed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mt2st.data import sources
from mt2st.experiments.baselines import BASELINES, TFIDF
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import SINGLE, STAYING, STRATEGIES, label
from mt2st.statistics import as_text, holm, mean_interval, paired_difference, ratio_interval, resampled_difference

FROM_SINGLE, FROM_STAYING = f"from {SINGLE}", f"from {STAYING}"  # columns of differences
# Of `readable`: single-task training is not compared with itself.
OF_SINGLE = {"difference from single-task (points)": "–", "exact p": "–", "time relative to single-task": "1"}


def by_seed(frame: pd.DataFrame, value: str, arms: str = "strategy") -> pd.DataFrame:
    """Mean of the column `value` for each seed (rows) and arm (columns), arms being named by another column.

    Settings are averaged within an embedding first, so that the single-task arm with its one setting counts the same;
    an embedding that not all arms have with a seed is left out of that seed.

    Raises ValueError where no embedding and seed has all arms.
    """
    cells = frame.pivot_table(index=["seed", "embedding"], columns=arms, values=value).dropna()
    if not len(cells):
        raise ValueError(f"no embedding and seed has runs of every {arms}: run the missing ones first")
    return cells.groupby(level="seed").mean()


def level(values: "pd.Series[float]", name: str = "accuracy") -> dict[str, float]:
    """Columns of a row on values by seed: n, and their mean, as `name`, with the bounds of its 95% t interval."""
    found = mean_interval(values.to_numpy())
    return {"n": found.n} | found.columns(name)


def difference(values: "pd.Series[float]", reference: "pd.Series[float]") -> dict[str, float]:
    """Columns of a row that compares values with a reference, paired by the seeds that both have (the index).

    `difference` with the bounds of its 95% interval, and `p` of the exact sign-flip test.
    """
    shared = values.index.intersection(reference.index)
    found = paired_difference(values[shared].to_numpy(), reference[shared].to_numpy())
    return found.interval.columns("difference") | {"p": found.p}


def compared(values: "Mapping[str, pd.Series[float]]", reference: str, name: str) -> pd.DataFrame:
    """One row an arm, called by the column `name`: its `level`, and its `difference` from one of the arms.

    `values` are those of each arm by seed. p after Holm is over all rows.
    """
    rows = []
    for arm, of_arm in values.items():
        row = {name: arm, **level(of_arm)}
        rows.append(row if arm == reference else {**row, **difference(of_arm, values[reference])})
    frame = pd.DataFrame(rows)
    frame["p after Holm"] = holm(frame["p"].to_numpy())
    return frame


def differences(
    values: "pd.Series[float]", references: "Mapping[str, pd.Series[float]]", tested: float
) -> dict[str, float]:
    """Columns of a row that compares values with several references, as `difference`, called by their names.

    p of the reference called "from x" is "p from x", see `corrected`.

    Where every seed divides the same texts anew and tests on the share `tested` of them, seeds are not independent:
    there is no p, and intervals are those of Nadeau and Bengio (2003), whose test / train is tested / (1 − tested), the
    share being that of its test texts which a seed has in common with another one on average.
    """
    row: dict[str, float] = {}
    for name, reference in references.items():
        found = difference(values, reference)
        if tested:
            shared = values.index.intersection(reference.index)
            interval = resampled_difference(values[shared], reference[shared], tested / (1 - tested))
            found = interval.columns("difference") | {"p": np.nan}
        row |= {column.replace("difference", name): found[column] for column in found if column != "p"}
        row[f"p {name}"] = found["p"]
    return row


def share_tested(records: Sequence[Record]) -> float:
    """Share of its texts that a seed tests on where every seed divides the same ones anew, else 0; of the first run."""
    return sources.find(records[0].run.configuration.data).tested


def corrected(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return rows of `differences` with p after Holm over all of them, "p from x after Holm", in place of p."""
    columns = [f"p {name}" for name in names]
    frame[columns] = holm(frame[columns].to_numpy().ravel()).reshape(-1, len(columns))
    return frame.rename(columns={column: f"{column} after Holm" for column in columns})


def points(row: "pd.Series[Any]", name: str, form: str = "+.1f") -> str:
    """Say a difference in points with its interval: the columns `name`, and with low and high after it."""
    return as_text(row[name], row[f"{name} low"], row[f"{name} high"], form)


def score_by_seed(records: Iterable[Record], name: str = "accuracy") -> "pd.Series[float]":
    """A score of an arm's runs in percent, by seed: its test accuracy, or another by name."""
    return pd.Series({r.run.seed: 100 * r.scores[name] for r in records}, dtype=float).sort_index()


def by_strategy(scores: pd.DataFrame) -> pd.DataFrame:
    """Accuracy with its interval, seconds of training, and both against single-task, by strategy.

    The unit is the seed: n is the number of seeds. `p` is the exact sign-flip test of the accuracy difference, which
    cannot fall below 2 / 2^n. `time_ratio` is the geometric mean over seeds of seconds relative to single-task.
    """
    accuracies, seconds = by_seed(scores, "accuracy"), by_seed(scores, "train_seconds")
    rows = {}
    for strategy in (s for s in STRATEGIES if s in accuracies.columns):
        accuracy = mean_interval(accuracies[strategy].to_numpy())
        rows[strategy] = {
            "n": accuracy.n,
            "accuracy": accuracy.mean,
            "low": accuracy.low,
            "high": accuracy.high,
            "paper": STRATEGIES[strategy].paper_accuracy,
            "train_seconds": seconds[strategy].mean(),
        }
        if "single" not in accuracies.columns:
            continue
        difference = paired_difference(accuracies[strategy].to_numpy(), accuracies["single"].to_numpy())
        ratio = ratio_interval(seconds[strategy].to_numpy(), seconds["single"].to_numpy()).interval
        rows[strategy] |= {
            "difference": difference.interval.mean,
            "difference_low": difference.interval.low,
            "difference_high": difference.interval.high,
            "p": difference.p,
            "time_ratio": ratio.mean,
            "time_ratio_low": ratio.low,
            "time_ratio_high": ratio.high,
        }
    return pd.DataFrame(rows).T.astype({"n": int})


def baselines(scores: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each baseline with its interval, and against single-task, paired by seed; means over embeddings."""
    single = scores[scores["strategy"] == "single"]
    rows = {}
    for name in (n for n in BASELINES if n in single.columns):
        means = single.groupby("seed")[[name, "accuracy"]].mean()
        accuracy = mean_interval(means[name].to_numpy())
        difference = paired_difference(means[name].to_numpy(), means["accuracy"].to_numpy())
        rows[name] = {
            "accuracy": accuracy.mean,
            "low": accuracy.low,
            "high": accuracy.high,
            "difference": difference.interval.mean,
            "difference_low": difference.interval.low,
            "difference_high": difference.interval.high,
            "p": difference.p,
        }
    return pd.DataFrame(rows).T


def readable(scores: pd.DataFrame) -> pd.DataFrame:
    """Return `by_strategy` and below it `baselines` with numbers as text; empty without single-task training."""
    try:
        rows = by_strategy(scores)
    except ValueError:  # strategies that were run on no embedding and seed together
        return pd.DataFrame()
    if "single" not in rows.index:
        return pd.DataFrame()
    shown = [
        {
            "strategy": label(row.Index),
            "paper, IMDB (%)": as_text(100 * row.paper, np.nan, np.nan, ".0f"),
            **_against_single(row),
            "seconds of training": f"{row.train_seconds:.1f}",
            "time relative to single-task": as_text(row.time_ratio, row.time_ratio_low, row.time_ratio_high, ".2f"),
        }
        | (OF_SINGLE if row.Index == "single" else {})
        for row in rows.itertuples()
    ]
    return pd.DataFrame(
        [*shown, *({"strategy": row.Index} | _against_single(row) for row in baselines(scores).itertuples())]
    ).fillna("–")


def _against_single(row: Any) -> dict[str, str]:
    """Accuracy, difference from single-task and its p, as text."""
    differences = (100 * row.difference, 100 * row.difference_low, 100 * row.difference_high)
    return {
        "ours (%)": as_text(100 * row.accuracy, 100 * row.low, 100 * row.high),
        "difference from single-task (points)": as_text(*differences),
        "exact p": f"{row.p:.3f}",
    }


def answer(scores: pd.DataFrame) -> str:
    """Say what strategies with auxiliary tasks gain over single-task learning, what they cost, and beside what."""
    rows = by_strategy(scores)
    single, others = rows.loc["single"], rows.drop("single")
    reached = ", ".join(f"{label(name)} {100 * row['accuracy']:.1f}%" for name, row in others.iterrows())
    low, high = 100 * others["difference_low"].min(), 100 * others["difference_high"].max()
    apart = (
        f"the 95% intervals of their differences from the one task alone lie between {low:+.1f} and {high:+.1f} points"
    )
    if below := [label(name) for name, row in others.iterrows() if row["difference_high"] < 0]:
        apart += f", those of {' and '.join(below)} below 0 before a correction for their number"
    ratios = 100 * (others.drop("mtl", errors="ignore")[["time_ratio", "time_ratio_low", "time_ratio_high"]] - 1)
    times = " and ".join(
        f"{label(name)} takes {as_text(r[0], r[1], r[2], '+.0f')}%"
        for name, r in zip(ratios.index, ratios.to_numpy(), strict=True)
    )
    linear = baselines(scores)
    beside = ""
    if TFIDF in linear.index:
        beside = f" Logistic regression on TF-IDF reaches {100 * linear.loc[TFIDF, 'accuracy']:.1f}% on the same texts."
    return (
        "With equal data, budget and tuning effort training on the one task alone reaches "
        f"{100 * single['accuracy']:.1f}% test accuracy, "
        f"{reached} (n = {int(single['n'])}); {'one seed gives no interval' if np.isnan(low) else apart}. For the same "
        f"epochs {times} training time against single-task learning (the paper: −67%).{beside}"
    )


def switch_step(history: pd.DataFrame) -> pd.DataFrame:
    """Loss in the last epoch with the auxiliary task and in the first without, total and primary, mean over seeds."""
    runs = history[history["strategy"] == "switch"]
    at = runs.loc[runs["auxiliary_weight"] == 0, "epoch"].min()
    if not at > 0:
        raise ValueError("no run has epochs both with and without its auxiliary task: choose 0 < T_switch < epochs")
    columns = {"total": "loss", "primary": "primary_loss"}
    means = runs.groupby(["embedding", "setting", "epoch"], sort=False)[list(columns.values())].mean()
    rows: dict[str, pd.Series] = {}
    for name, column in columns.items():
        before, after = (means[column].xs(epoch, level="epoch") for epoch in (at - 1, at))
        rows |= {f"{name} before": before, f"{name} after": after, f"{name} change": after - before}
    return pd.DataFrame(rows)


def conclusions(scores: pd.DataFrame) -> str:
    """Say in words what `by_strategy` found: a line a strategy on accuracy, one on time against the paper's claims."""
    rows = by_strategy(scores)
    if "single" not in rows.index:
        return "no single-task runs to compare with"
    lines = []
    for strategy in (s for s in rows.index if s != "single"):
        row = rows.loc[strategy]
        low, high = 100 * row["difference_low"], 100 * row["difference_high"]
        difference = as_text(100 * row["difference"], low, high, "+.1f")
        if row["n"] == 1:
            lines.append(f"{strategy}: accuracy {difference} points; one seed gives no interval")
            continue
        if row["difference_low"] > 0:
            found = "above single-task: the interval excludes 0"
        elif row["difference_high"] < 0:
            found = "below single-task: the interval excludes 0"
        else:
            found = "not distinguishable from single-task: the interval includes 0"
        lines.append(
            f"{strategy}: accuracy {difference} points, n = {int(row['n'])} seeds, "
            f"p = {row['p']:.2f} (smallest possible {2 / 2 ** row['n']:.2g}); {found}"
        )
    for strategy in (s for s in ("diminish", "switch") if s in rows.index and "mtl" in rows.index):
        single = 100 * (rows.loc[strategy, "time_ratio"] - 1)
        multi = 100 * (rows.loc[strategy, "time_ratio"] / rows.loc["mtl", "time_ratio"] - 1)
        lines.append(
            f"{strategy}: training time {single:+.0f}% against single-task (paper: −67%), "
            f"{multi:+.0f}% against multi-task (paper: −13%), for the same number of epochs"
        )
    return "\n".join(lines)
