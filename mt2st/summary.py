"""What the runs say by strategy: accuracy, time, and differences from single-task training, paired by seed."""

import pandas as pd

from mt2st.embeddings import EMBEDDINGS
from mt2st.profiles import STRATEGIES
from mt2st.statistics import mean_interval, paired_difference

# Section IV of the paper; it gives no such number for "original", so this is the mean of Table I's five rows.
PAPER_ACCURACY = {"single": 0.482, "mtl": 0.68, "diminish": 0.71, "switch": 0.77}


def by_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy and seconds for each seed (rows) and strategy, over the embeddings and seeds all strategies have.

    Settings are averaged within an embedding first, so that the single-task arm with its one setting counts the same.
    Raises ValueError where no embedding or no seed is common to all strategies.
    """
    per_strategy = scores.groupby("embedding")["strategy"].nunique()
    complete = [e for e in EMBEDDINGS if per_strategy.get(e, 0) == scores["strategy"].nunique()]
    cells = scores[scores["embedding"].isin(complete)].groupby(["seed", "strategy", "embedding"])
    means = cells[["accuracy", "train_seconds"]].mean().groupby(["seed", "strategy"]).mean()
    paired = (
        means.reset_index().pivot_table(index="seed", columns="strategy", values=["accuracy", "train_seconds"]).dropna()
    )
    if not len(paired):
        raise ValueError("no embedding and seed has runs of every strategy: run the missing ones first")
    return paired


def by_strategy(scores: pd.DataFrame) -> pd.DataFrame:
    """Accuracy with its interval, seconds of training, and both against single-task, by strategy.

    The unit is the seed: n is the number of seeds. `p` is the exact sign-flip test of the accuracy difference, which
    cannot fall below 2 / 2^n. `time_ratio` is the mean over seeds of seconds relative to single-task.
    """
    means = by_seed(scores)
    rows = {}
    for strategy in (s for s in STRATEGIES if s in means["accuracy"].columns):
        accuracy = mean_interval(means["accuracy"][strategy].to_numpy())
        rows[strategy] = {
            "n": accuracy.n,
            "accuracy": accuracy.mean,
            "low": accuracy.low,
            "high": accuracy.high,
            "paper": PAPER_ACCURACY[strategy],
            "train_seconds": means["train_seconds"][strategy].mean(),
        }
        if "single" not in means["accuracy"].columns:
            continue
        difference = paired_difference(means["accuracy"][strategy].tolist(), means["accuracy"]["single"].tolist())
        ratio = mean_interval((means["train_seconds"][strategy] / means["train_seconds"]["single"]).to_numpy())
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
        if row["n"] == 1:
            lines.append(f"{strategy}: accuracy {100 * row['difference']:+.1f} points; one seed gives no interval")
            continue
        if row["difference_low"] > 0:
            found = "above single-task: the interval excludes 0"
        elif row["difference_high"] < 0:
            found = "below single-task: the interval excludes 0"
        else:
            found = "not distinguishable from single-task: the interval includes 0"
        lines.append(
            f"{strategy}: accuracy {100 * row['difference']:+.1f} points "
            f"[{100 * row['difference_low']:+.1f}, {100 * row['difference_high']:+.1f}], n = {int(row['n'])} seeds, "
            f"p = {row['p']:.2f} (smallest possible {2 / 2 ** row['n']:.2g}); {found}"
        )
    for strategy in (s for s in ("diminish", "switch") if s in rows.index and "mtl" in rows.index):
        single = 100 * (rows.loc[strategy, "time_ratio"] - 1)
        multi = 100 * (rows.loc[strategy, "train_seconds"] / rows.loc["mtl", "train_seconds"] - 1)
        lines.append(
            f"{strategy}: training time {single:+.0f}% against single-task (paper: −67%), "
            f"{multi:+.0f}% against multi-task (paper: −13%), for the same number of epochs"
        )
    return "\n".join(lines)
