"""Agreement of gradients: how auxiliary ones stand to the primary one's, and what aggregators gain."""

from collections.abc import Sequence

import pandas as pd

from mt2st.experiments.agreement import SUM
from mt2st.experiments.paying import ALL
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import UPDATES
from mt2st.history import AUXILIARY
from mt2st.report import summary, tables, timing
from mt2st.statistics import as_text, mean_interval

MEASURES = ("cosine", "conflicts", "size")  # columns of `history.History.tasks`
SETS = {ALL: "all three", UPDATES: "UPDATE 0–3"}  # names for readers of sets of tasks; others are by heads of their own
OWN_HEADS = "heads of their own"


def by_aggregator(records: Sequence[Record], single: Sequence[Record]) -> pd.DataFrame:
    """One row an aggregator or balance, on all three tasks: test accuracy in percent, differences in points, its time.

    Differences are from the plain sum, with the exact sign-flip p and p after Holm over all rows, and from single-task
    learning; time is that of training relative to the sum, a geometric mean. All paired by seed, with 95% intervals.
    """
    by_name = _by_aggregator(records)
    values = {name: summary.score_by_seed(made) for name, made in by_name.items()}
    frame = summary.compared(values, SUM, "aggregator")
    alone = summary.score_by_seed(single)
    rows = []
    for name, made in by_name.items():
        found = summary.difference(values[name], alone)
        row = {column.replace("difference", "from single-task"): found[column] for column in found if column != "p"}
        if name != SUM:
            row |= timing.relative_seconds(made, by_name[SUM]).columns("time")
        rows.append(row)
    frame = pd.concat([frame, pd.DataFrame(rows)], axis="columns")
    return frame.sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)


def by_task(records: Sequence[Record]) -> pd.DataFrame:
    """One row a set of tasks and task: how its gradient stands to the primary one, while all are summed.

    Mean cosine, share of steps in which it is negative in percent, and mean ratio of norms, each over all epochs, with
    95% t intervals over seeds; and the cosine in the first and the last fifth of the epochs.
    """
    rows = []
    for (name, task), frame in _stands(records).groupby(["tasks", "task"], sort=False):
        by_seed = frame.groupby("seed")[list(MEASURES)].mean()
        row: dict[str, object] = {"tasks": name, "task": task, "n": len(by_seed)}
        row |= mean_interval(by_seed["cosine"].to_numpy()).columns("cosine")
        fifth = max(1, (frame["epoch"].max() + 1) // 5)
        row["cosine, first fifth"] = frame.loc[frame["epoch"] < fifth, "cosine"].mean()
        row["cosine, last fifth"] = frame.loc[frame["epoch"] > frame["epoch"].max() - fifth, "cosine"].mean()
        row |= mean_interval(100 * by_seed["conflicts"].to_numpy()).columns("conflicts")
        row |= mean_interval(by_seed["size"].to_numpy()).columns("size")
        rows.append(row)
    return pd.DataFrame(rows)


def by_epoch(records: Sequence[Record]) -> pd.DataFrame:
    """One row a set of tasks, task, seed and epoch: the mean cosine of the epoch's steps."""
    return _stands(records)[["tasks", "task", "seed", "epoch", "cosine"]].reset_index(drop=True)


def _by_aggregator(records: Sequence[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.run.auxiliaries == ALL:
            configuration = record.run.configuration
            found.setdefault(configuration.aggregator or configuration.balance, []).append(record)
    return found


def _stands(records: Sequence[Record]) -> pd.DataFrame:
    """Return rows of auxiliary tasks by epoch of the runs that sum all gradients."""
    frames = [
        record.tasks.assign(tasks=SETS.get(record.run.auxiliaries, OWN_HEADS), seed=record.run.seed)
        for record in records
        if record.run.configuration.aggregator == SUM
    ]
    found = pd.concat(frames, ignore_index=True)
    return found[found["role"] == AUXILIARY]


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `by_aggregator` with numbers as text."""
    return pd.DataFrame(
        {
            "aggregator": frame["aggregator"],
            "n": frame["n"],
            "accuracy (%)": tables.intervals(frame, "accuracy"),
            "difference from the sum (points)": tables.intervals(frame, "difference", "+.1f"),
            "p after Holm": tables.texts(frame["p after Holm"], ".3f"),
            "difference from single-task (points)": tables.intervals(frame, "from single-task", "+.1f"),
            "time relative to the sum": tables.intervals(frame, "time", ".2f"),
        }
    )


def tasks_readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `by_task` with numbers as text."""
    return pd.DataFrame(
        {
            "tasks": frame["tasks"],
            "task": frame["task"],
            "n": frame["n"],
            "cosine": tables.intervals(frame, "cosine", "+z.5f"),
            "first fifth": tables.texts(frame["cosine, first fifth"], "+z.5f"),
            "last fifth": tables.texts(frame["cosine, last fifth"], "+z.5f"),
            "steps in conflict (%)": tables.intervals(frame, "conflicts", ".0f"),
            "size": tables.intervals(frame, "size", ".2f"),
        }
    )


def conclusions(aggregators: pd.DataFrame, tasks: pd.DataFrame) -> str:
    """Say in words, a line each, what `by_aggregator` and `by_task` show."""
    others = aggregators[aggregators["aggregator"] != SUM]
    better, worse = others[others["difference low"] > 0], others[others["difference high"] < 0]
    best = others.iloc[0]
    points = as_text(best["difference"], best["difference low"], best["difference high"], "+.1f")
    widest = ((others["difference high"] - others["difference low"]) / 2).max()
    papers, ours = (tasks[tasks["tasks"] == name] for name in (SETS[UPDATES], SETS[ALL]))
    return "\n".join(
        [
            f"Of {len(others)} ways to combine gradients or balance losses {len(better)} did better than the plain sum "
            f"and {len(worse)} did worse by intervals that exclude 0, but n is {best['n']}: the widest interval is "
            f"{widest:.1f} points to a side; the best in test, {best['aggregator']}, is {points} points from it.",
            f"Gradients of the three tasks of notebook 11 have a mean cosine of {ours['cosine'].min():+.2f} to "
            f"{ours['cosine'].max():+.2f} to the primary one and conflict with it in {ours['conflicts'].min():.0f} to "
            f"{ours['conflicts'].max():.0f}% of the steps.",
            f"Those of the paper's UPDATE 0–3 have mean cosines within ±{papers['cosine'].abs().max():.5f}, and a "
            f"norm of {papers['size'].min():.2f} to {papers['size'].max():.2f} times that of the primary gradient.",
        ]
    )
