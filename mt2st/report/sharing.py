"""Ways to share parameters: what each costs, and what comes of it."""

from collections.abc import Sequence

import pandas as pd

from mt2st.experiments import runs
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record
from mt2st.experiments.sharing import SHARED, beside
from mt2st.experiments.strategies import SINGLE
from mt2st.models import Model
from mt2st.report import summary, tables, timing
from mt2st.report.summary import FROM_SINGLE, points
from mt2st.tasks import Task

FROM_SHARED = "from shared"


def compared(profile: Profile, records: Sequence[Record]) -> list[Record]:
    """Return the runs of all architectures, those of hard sharing among them, which were made for other experiments."""
    made = runs.of(records, "sharing")
    seeds = 1 + max((record.run.seed for record in made), default=-1)
    hashes = {run.hash for run in beside(profile, seeds)}
    return [*{r.run.hash: r for r in records if r.run.hash in hashes}.values(), *made]


def by_architecture(records: Sequence[Record]) -> pd.DataFrame:
    """One row an architecture and way: parameters, training time, accuracy in test in percent, differences in points.

    `parameters` are all but the table's, in thousands; `time` is that of all epochs relative to hard sharing in the
    same way (`timing.relative_seconds`). Differences are from one task alone in the same architecture, and from hard
    sharing in the same way; paired by seed with 95% intervals, and p of the exact sign-flip test after Holm over all of
    them (`summary.differences`).
    """
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(records, key=lambda record: record.run.seed):
        groups.setdefault((record.run.configuration.architecture, record.run.strategy), []).append(record)
    values = {place: summary.score_by_seed(made) for place, made in groups.items()}
    tested = summary.share_tested(records)
    rows = []
    for (architecture, way), made in groups.items():
        place = architecture, way
        row: dict[str, object] = {"architecture": architecture, "way": way, **summary.level(values[place])}
        row["parameters"] = made[0].scores["parameters"] / 1_000
        if architecture != SHARED and (SHARED, way) in groups:
            row |= timing.relative_seconds(made, groups[SHARED, way]).columns("time")
        references = {FROM_SINGLE: (architecture, SINGLE), FROM_SHARED: (SHARED, way)}
        others = {name: values[one] for name, one in references.items() if one != place and one in values}
        rows.append(row | summary.differences(values[place], others, tested))
    return summary.corrected(pd.DataFrame(rows), [FROM_SINGLE, FROM_SHARED])


def reach(model: Model, tasks: Sequence[Task]) -> pd.DataFrame:
    """One row a part of a model: its parameters in thousands, and which tasks' losses have a gradient on it, by name.

    Parts are the modules that `model` is made of, the table apart; those that it has one of for each task stand
    together. The losses are of a first batch; the model is left without gradients.
    """
    reached: dict[str, set[str]] = {name: set() for name, _ in model.named_parameters()}
    for task in tasks:
        model.zero_grad()
        task.loss(model, next(task.batches(64, None))).backward()
        for name, parameter in model.named_parameters():
            if parameter.grad is not None and parameter.grad.any():
                reached[name].add(task.name)
    model.zero_grad()
    rows = []
    for part, module in model.named_children():
        inside = {f"{part}.{name}": p for name, p in module.named_parameters() if p is not model.table}
        apart = all(len(reached[name]) < 2 for name in inside)
        names = [task.name for task in tasks if any(task.name in reached[name] for name in inside)]
        said = f"{', '.join(names)}: each its own" if apart and len(names) > 1 else ", ".join(names)
        rows.append({"part": part, "parameters": sum(p.numel() for p in inside.values()) / 1_000, "reached by": said})
    return pd.DataFrame(rows)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `by_architecture` with numbers as text."""
    return pd.DataFrame(
        {
            "architecture": frame["architecture"],
            "way": frame["way"],
            "n": frame["n"],
            "parameters without the table (thousands)": tables.texts(frame["parameters"], ",.0f"),
            "time relative to shared": tables.intervals(frame, "time", ".2f"),
            "accuracy (%)": tables.intervals(frame, "accuracy"),
            "from single-task (points)": tables.intervals(frame, FROM_SINGLE, "+.1f"),
            "from shared (points)": tables.intervals(frame, FROM_SHARED, "+.1f"),
            "p from shared after Holm": tables.texts(frame[f"p {FROM_SHARED} after Holm"], ".3f"),
        }
    )


def conclusions(frame: pd.DataFrame) -> str:
    """Say in words, a line each, what `by_architecture` shows; intervals are not corrected for their number."""
    others, joint = frame[frame["architecture"] != SHARED], frame[frame["way"] != SINGLE]
    lines = []
    alone = "one task alone in the same architecture"
    for rows, name, what in ((others, FROM_SHARED, "hard sharing"), (joint, FROM_SINGLE, alone)):
        rows = rows.dropna(subset=[name])
        above, below = (rows[f"{name} low"] > 0).sum(), (rows[f"{name} high"] < 0).sum()
        best, worst = rows.loc[rows[name].idxmax()], rows.loc[rows[name].idxmin()]
        lines.append(
            f"Against {what} {above} of {len(rows)} arms did better and {below} did worse, by intervals that exclude 0 "
            f"(n = {rows['n'].max()}): from {points(worst, name)} ({worst['architecture']}, {worst['way']}) to "
            f"{points(best, name)} ({best['architecture']}, {best['way']}) points."
        )
    return "\n".join(lines)
