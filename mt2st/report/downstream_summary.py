"""What the learned tables are worth elsewhere: scores of the runs whose tables were evaluated on other tasks."""

from collections.abc import Sequence

import pandas as pd

from mt2st.experiments import downstream
from mt2st.experiments.runs import Record, Run
from mt2st.statistics import as_text, holm, mean_interval, paired_difference

GROUPS = {"sentiment": "sentiment", "pos": "part-of-speech tagging", "ner": "named entity recognition"}
UNTOUCHED = "untouched"
RANDOM = "random"
ARMS = (RANDOM, UNTOUCHED, "single", "mtl", "diminish", "switch")


def arm_of(run: Run) -> str:
    """Return the strategy that made a table; "untouched" where nothing was trained."""
    return run.strategy if run.configuration.epochs else UNTOUCHED


def scores(records: Sequence[Record]) -> pd.DataFrame:
    """One row a table and task: arm, seed, task, measure ("accuracy" or "f1"), score and coverage of test tokens.

    The arm "random" is the floor: a table of random vectors.
    """
    return pd.DataFrame(
        [
            {"arm": arm, "seed": record.run.seed, "task": task, "coverage": values["coverage"]}
            | {"measure": measure, "score": values[measure]}
            for record in records
            for arm, by_task in [
                (arm_of(record.run), record.scores["downstream"]),
                (RANDOM, record.scores.get("random", {})),
            ]
            for task, values in by_task.items()
            for measure in ("accuracy", "f1")
            if measure in values
        ]
    )


def by_seed(records: Sequence[Record], group: str) -> pd.DataFrame:
    """Mean score over a group's tasks, for each seed (rows) and arm (columns)."""
    frame = scores(records)
    chosen = frame[frame["task"].isin(downstream.GROUPS[group])]
    return chosen.pivot_table(index="seed", columns="arm", values="score").dropna()


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a task and arm, in percent: score with 95% interval, and differences from two other tables.

    Differences from the untouched and from the single-task table are in points and paired by seed; p is the exact
    sign-flip test, and p after Holm counts all rows that are compared with the same table.
    """
    frame = scores(records)
    rows = []
    for task in downstream.TASKS:
        of_task = frame[frame["task"] == task]
        wide = 100 * of_task.pivot_table(index="seed", columns="arm", values="score").dropna()
        for arm in (arm for arm in ARMS if arm in wide.columns):
            level = mean_interval(wide[arm].to_numpy())
            row: dict[str, object] = {"task": task, "measure": of_task["measure"].iloc[0], "table": arm, "n": level.n}
            row |= {"coverage": 100 * of_task["coverage"].mean()}
            row |= {"score": level.mean, "low": level.low, "high": level.high}
            for reference in (UNTOUCHED, "single"):
                if ARMS.index(arm) <= ARMS.index(reference) or reference not in wide.columns:
                    continue
                found = paired_difference(wide[arm].to_numpy(), wide[reference].to_numpy())
                row |= found.interval.columns(f"− {reference}") | {f"p {reference}": found.p}
            rows.append(row)
    result = pd.DataFrame(rows)
    for reference in (UNTOUCHED, "single"):
        result[f"p {reference} after Holm"] = holm(result[f"p {reference}"].to_numpy())
    return result


def intrinsic(records: Sequence[Record]) -> pd.DataFrame:
    """Mean intrinsic scores over seeds by set (rows) and arm (columns), with the mean rows covered and the total."""
    frame = pd.DataFrame(
        [
            {"arm": arm_of(record.run), "seed": record.run.seed} | row
            for record in records
            for row in record.scores["intrinsic"]
        ]
    )
    means = frame.pivot_table(index=["set", "measure"], columns="arm", values="score", sort=False)
    rows = frame.groupby(["set", "measure"], sort=False).agg({"covered": "mean", "total": "first"})
    return pd.concat([rows, means[[arm for arm in ARMS if arm in means.columns]]], axis=1).reset_index()


def conclusions(records: Sequence[Record]) -> str:
    """Say for each group of tasks how each strategy's table compares with the single-task one, p before Holm."""
    lines = []
    for group, name in GROUPS.items():
        means = 100 * by_seed(records, group)
        for arm in (arm for arm in ARMS[3:] if arm in means.columns):
            found = paired_difference(means[arm].to_numpy(), means["single"].to_numpy())
            interval = found.interval
            lines.append(
                f"{name}: table of {arm} {as_text(interval.mean, interval.low, interval.high, '+.1f')} points against "
                f"that of single-task learning, n = {interval.n} seeds, p = {found.p:.3f}"
            )
    return "\n".join(lines)
