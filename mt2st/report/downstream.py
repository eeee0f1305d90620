"""What the learned tables are worth elsewhere: scores of the runs whose tables were evaluated on other tasks."""

from collections.abc import Sequence

import pandas as pd

from mt2st.experiments.downstream import GROUPS, TASKS
from mt2st.experiments.runs import Record, Run
from mt2st.experiments.strategies import STRATEGIES
from mt2st.statistics import as_text, holm, mean_interval, p_as_text, paired_difference

UNTOUCHED = "untouched"
RANDOM = "random"


def arms() -> list[str]:
    """Return what makes a table: nothing, no training, and every strategy."""
    return [RANDOM, UNTOUCHED, *STRATEGIES]


def name_of(group: str) -> str:
    """Return a group of tasks as readers know it."""
    return {"pos": "part-of-speech tagging", "ner": "named entity recognition"}.get(group, group)


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
    chosen = frame[frame["task"].isin(GROUPS[group])]
    return chosen.pivot_table(index="seed", columns="arm", values="score").dropna()


def comparisons(records: Sequence[Record]) -> pd.DataFrame:
    """One row a task and arm, in percent: score with 95% interval, and differences from two other tables.

    Differences from the untouched and from the single-task table are in points and paired by seed; p is the exact
    sign-flip test, and p after Holm counts all rows that are compared with the same table.
    """
    frame = scores(records)
    rows, order = [], arms()
    for task in TASKS:
        of_task = frame[frame["task"] == task]
        wide = 100 * of_task.pivot_table(index="seed", columns="arm", values="score").dropna()
        for arm in (arm for arm in order if arm in wide.columns):
            level = mean_interval(wide[arm].to_numpy())
            row: dict[str, object] = {"task": task, "measure": of_task["measure"].iloc[0], "table": arm, "n": level.n}
            row |= {"coverage": 100 * of_task["coverage"].mean()}
            row |= {"score": level.mean, "low": level.low, "high": level.high}
            for reference in (UNTOUCHED, "single"):
                if order.index(arm) <= order.index(reference) or reference not in wide.columns:
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
    return pd.concat([rows, means[[arm for arm in arms() if arm in means.columns]]], axis=1).reset_index()


def is_measurable(means: pd.DataFrame) -> bool:
    """Whether the single-task table is above one of random vectors, by an interval that excludes 0 (`by_seed`)."""
    return (
        RANDOM not in means or paired_difference(means["single"].to_numpy(), means[RANDOM].to_numpy()).interval.low > 0
    )


def conclusions(records: Sequence[Record]) -> str:
    """Say for each group of tasks how each strategy's table compares with the single-task one, p after Holm over all.

    Of groups in which a table of random vectors does as well that is said, and no more.
    """
    measured, lines = {}, []
    for group in GROUPS:
        means = 100 * by_seed(records, group)
        if is_measurable(means):
            for arm in (s for s in STRATEGIES if s != "single" and s in means.columns):
                measured[group, arm] = paired_difference(means[arm].to_numpy(), means["single"].to_numpy())
        else:
            lines.append(f"{name_of(group)}: not measurable, a table of random vectors does as well")
    corrected = holm([found.p for found in measured.values()])
    for ((group, arm), found), p in zip(measured.items(), corrected, strict=True):
        interval = found.interval
        points = as_text(interval.mean, interval.low, interval.high, "+.1f")
        lines.append(
            f"{name_of(group)}: table of {arm} {points} points against that of single-task learning, "
            f"n = {interval.n} seeds, {p_as_text(p)} after Holm"
        )
    return "\n".join(lines)
