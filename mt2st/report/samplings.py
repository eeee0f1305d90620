"""Ways to draw tasks: how often each is trained, and what comes of it."""

from collections.abc import Sequence

import pandas as pd

from mt2st.experiments.runs import Record
from mt2st.experiments.samplings import TOGETHER
from mt2st.experiments.strategies import SINGLE
from mt2st.history import PRIMARY
from mt2st.report import summary, tables
from mt2st.report.summary import FROM_SINGLE, points

FROM_TOGETHER = "from together"


def by_sampling(records: Sequence[Record]) -> pd.DataFrame:
    """One row a way, sampling and form: accuracy in test in percent, and differences in points.

    `weigh` is what the schedule acts on; `primary` the share of all trained batches that are the primary task's, in
    percent, a mean over runs. Differences are from single-task learning, and from the same way with all tasks trained
    together; paired by seed with 95% intervals, and p of the exact sign-flip test after Holm over all of them
    (`summary.differences`).
    """
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        groups.setdefault(_place(record), []).append(record)
    values = {place: summary.score_by_seed(made) for place, made in groups.items()}
    alone = next(value for place, value in values.items() if place[0] == SINGLE)
    tested = summary.share_tested(records)
    rows = []
    for (way, sampling, weigh), made in groups.items():
        accuracies = values[way, sampling, weigh]
        row = {"way": way, "sampling": sampling, "weigh": weigh, **summary.level(accuracies)}
        row["primary"] = 100 * pd.Series([_primary_share(record) for record in made]).mean()
        if way != SINGLE:
            references = {FROM_SINGLE: alone, FROM_TOGETHER: values[way, TOGETHER, "losses"]}
            others = {name: reference for name, reference in references.items() if reference is not accuracies}
            row |= summary.differences(accuracies, others, tested)
        rows.append(row)
    return summary.corrected(pd.DataFrame(rows), [FROM_SINGLE, FROM_TOGETHER])


def shares(records: Sequence[Record]) -> pd.DataFrame:
    """One row a way, sampling, form and epoch: the primary task's share of the trained batches in percent, a mean."""
    frames = []
    for record in (r for r in records if r.run.auxiliaries):
        batches = record.tasks.pivot_table(index="epoch", columns="role", values="batches", aggfunc="sum")
        share = 100 * batches[PRIMARY] / batches.sum(axis=1)
        way, sampling, weigh = _place(record)
        frames.append(share.rename("primary").reset_index().assign(way=way, sampling=sampling, weigh=weigh))
    keys = ["way", "sampling", "weigh", "epoch"]
    return pd.concat(frames, ignore_index=True).groupby(keys, sort=False)["primary"].mean().reset_index()


def _place(record: Record) -> tuple[str, str, str]:
    configuration = record.run.configuration
    return record.run.strategy, configuration.sampling, configuration.weigh


def _primary_share(record: Record) -> float:
    batches = record.tasks.groupby("role")["batches"].sum()
    return float(batches[PRIMARY] / batches.sum())


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `by_sampling` with numbers as text."""
    return pd.DataFrame(
        {
            "way": frame["way"],
            "sampling": frame["sampling"],
            "the schedule acts on": frame["weigh"],
            "n": frame["n"],
            "batches of the primary task (%)": tables.texts(frame["primary"]),
            "accuracy (%)": tables.intervals(frame, "accuracy"),
            "from single-task (points)": tables.intervals(frame, FROM_SINGLE, "+.1f"),
            "from together (points)": tables.intervals(frame, FROM_TOGETHER, "+.1f"),
            "p from together after Holm": tables.texts(frame[f"p {FROM_TOGETHER} after Holm"], ".3f"),
        }
    )


def conclusions(frame: pd.DataFrame) -> str:
    """Say in words, a line each, what `by_sampling` shows; intervals are not corrected for their number."""
    drawn = frame[(frame["way"] != SINGLE) & (frame["sampling"] != TOGETHER)]
    above, below = (drawn[f"{FROM_TOGETHER} low"] > 0).sum(), (drawn[f"{FROM_TOGETHER} high"] < 0).sum()
    best, worst = drawn.loc[drawn[FROM_TOGETHER].idxmax()], drawn.loc[drawn[FROM_TOGETHER].idxmin()]
    joint = frame[frame["way"] != SINGLE]
    gain, loss = (joint[f"{FROM_SINGLE} low"] > 0).sum(), (joint[f"{FROM_SINGLE} high"] < 0).sum()
    lines = [
        f"Of {len(drawn)} arms that draw tasks {above} did better than training all together and {below} did worse, by "
        f"intervals that exclude 0 (n = {drawn['n'].max()}): from {points(worst, FROM_TOGETHER)} "
        f"({_name(worst)}) to {points(best, FROM_TOGETHER)} ({_name(best)}) points.",
        f"Of all {len(joint)} arms with auxiliary tasks {gain} did better than single-task learning and {loss} did "
        "worse.",
    ]
    both = drawn.pivot_table(index=["way", "sampling"], columns="weigh", values="accuracy").dropna()
    if len(both):
        change = both["draws"] - both["losses"]
        lines.append(
            f"Where the schedule acts on how often a task is drawn in place of its loss, accuracy changes by "
            f"{change.min():+.1f} to {change.max():+.1f} points (n = {drawn['n'].max()})."
        )
    return "\n".join(lines)


def _name(row: "pd.Series[float]") -> str:
    form = ", weighing draws" if row["weigh"] == "draws" else ""
    return f"{row['way']}, {row['sampling']}{form}"
