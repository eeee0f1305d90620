"""Would other choices give another answer? Strategies against single-task learning under other conditions."""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from mt2st.experiments import runs, strategies
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES, label
from mt2st.report import summary, tables
from mt2st.schedules import Schedule, Transition
from mt2st.statistics import holm

AS_GRID = "as in the grid"
LAST = "last epoch in place of the best on validation, as the paper does"
ALONE = "best epoch of those without auxiliary task"
FIRST = "first embedding, settings of each arm"
MATCHED = "first embedding, settings of single-task learning"
PAPER_SAMPLE = "first embedding, the paper's own 1,000 reviews, split anew by each seed"

Values = dict[str, "pd.Series[float]"]  # accuracy in percent by strategy, of each seed


def choices(records: Sequence[Record]) -> pd.DataFrame:
    """One row a choice and strategy: accuracy in percent, and its difference from single-task learning in points.

    Both have 95% intervals, differences are paired by seed, with the exact sign-flip p and p after Holm over all rows.
    Single-task learning is under the same choice, but for `ALONE`, where all of its epochs count.
    """
    rows = []
    for choice, values in _choices(records):
        reference = values["single"]
        for strategy, accuracies in values.items():
            row: dict[str, object] = {"choice": choice, "strategy": strategy, **summary.level(accuracies)}
            if strategy != "single":
                row |= summary.difference(accuracies, reference)
            rows.append(row)
    frame = pd.DataFrame(rows)
    frame["p after Holm"] = holm(frame["p"].to_numpy())
    return frame


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `choices` with numbers as text."""
    return pd.DataFrame(
        {
            "choice": frame["choice"],
            "strategy": [label(strategy) for strategy in frame["strategy"]],
            "n": frame["n"],
            "accuracy (%)": tables.intervals(frame, "accuracy"),
            "difference from single-task (points)": tables.intervals(frame, "difference", "+.1f"),
            "p after Holm": tables.texts(frame["p after Holm"], ".3f"),
        }
    )


def _choices(records: Sequence[Record]) -> Iterator[tuple[str, Values]]:
    grid, matched, sample = (runs.of(records, name) for name in ("grid", "matched", "paper-sample"))
    yield AS_GRID, _by_strategy(grid, _best)
    yield LAST, _by_strategy(grid, _last)
    after = _by_strategy(grid, _alone)
    yield ALONE, {"single": _by_strategy(grid, _best)["single"]} | {s: after[s] for s in after if s != "single"}
    if matched:
        first = [r for r in grid if r.run.embedding == matched[0].run.embedding]
        yield FIRST, _by_strategy(first, _best)
        replaced = {_arm(record): record for record in matched}
        yield MATCHED, _by_strategy([replaced.get(_arm(record), record) for record in first], _best)
    if sample:
        yield PAPER_SAMPLE, _by_strategy(sample, _best)


def _arm(record: Record) -> tuple[str, str, int]:
    return record.run.strategy, record.run.setting, record.run.seed


def _best(record: Record) -> float | None:
    return float(record.scores["accuracy"])


def _last(record: Record) -> float | None:
    return float(record.scores["checkpoints"]["last"]["accuracy"])


def _alone(record: Record) -> float | None:
    """Test accuracy at the best epoch after the auxiliary tasks; None where they never end."""
    phases = [name for name in record.scores["checkpoints"] if name.startswith("phase")]  # in their order
    return float(record.scores["checkpoints"][phases[-1]]["accuracy"]) if len(phases) > 1 else None


def _by_strategy(records: Sequence[Record], accuracy: Callable[[Record], float | None]) -> Values:
    """Mean accuracy in percent of a strategy by seed, settings and embeddings counting alike (`summary.by_seed`)."""
    rows = [
        {"strategy": r.run.strategy, "embedding": r.run.embedding, "seed": r.run.seed, "accuracy": 100 * value}
        for r in records
        if (value := accuracy(r)) is not None
    ]
    if not rows:
        return {}
    means = summary.by_seed(pd.DataFrame(rows), "accuracy")
    return {strategy: means[strategy] for strategy in STRATEGIES if strategy in means}


def kept_epochs(grid: Sequence[Record]) -> pd.DataFrame:
    """For each strategy whose auxiliary tasks end: how often the epoch that is kept still had them.

    One row a strategy: `runs`, those whose best epoch on validation comes `before` the auxiliary tasks end, and those
    that predict the test set exactly `as multi-task` learning with the same embedding, auxiliary task and seed.
    """
    multi_task = {
        (r.run.embedding, r.run.setting, r.run.seed): r.scores["predictions"] for r in grid if r.run.strategy == "mtl"
    }
    rows = []
    for strategy in STRATEGIES:
        ending = [r for r in grid if r.run.strategy == strategy and _alone(r) is not None]
        if not ending:
            continue
        before = [r for r in ending if r.scores["best_epoch"] == r.scores["checkpoints"]["phase 1"]["epoch"]]
        same = [
            r for r in ending if multi_task.get((r.run.embedding, r.run.setting, r.run.seed)) == r.scores["predictions"]
        ]
        rows.append({"strategy": strategy, "runs": len(ending), "before": len(before), "as multi-task": len(same)})
    return pd.DataFrame(rows, columns=["strategy", "runs", "before", "as multi-task"])


def transitions(records: Sequence[Record]) -> pd.DataFrame:
    """One row a way to ease the switch: accuracy in percent, and its difference from Switch as it is in points.

    With 95% intervals, paired by seed, the exact sign-flip p and p after Holm over all rows.
    """
    named: dict[Schedule, str] = {
        schedule: name for r in records for name, schedule in strategies.transitions(_t_switch(r)).items()
    }
    by_way: dict[str, list[Record]] = {}
    for record in records:
        by_way.setdefault(named[record.run.schedule], []).append(record)
    values = {name: summary.score_by_seed(made) for name, made in by_way.items()}
    return summary.compared(values, strategies.AS_IT_IS, "transition")


def _t_switch(record: Record) -> int:
    assert isinstance(record.run.schedule, Transition)
    return record.run.schedule.t_switch


def conclusions(records: Sequence[Record]) -> str:
    """Say which differences from single-task learning are shown under any choice, and which epochs are kept."""
    frame = choices(records).dropna(subset=["difference"])
    shown = frame[frame["p after Holm"] <= 0.05]
    lines = [
        "differences from single-task learning that are shown (p after Holm at most 0.05): "
        f"{len(shown)} of {len(frame)}",
        *(f"{row.choice}, {label(row.strategy)}: {row.difference:+.1f} points" for row in shown.itertuples()),
    ]
    for row in kept_epochs(runs.of(records, "grid")).to_dict("records"):
        share = row["before"] / row["runs"]
        lines.append(
            f"{label(row['strategy'])}: {row['before']} of {row['runs']} runs ({share:.0%}) kept an epoch in which the "
            f"auxiliary task was still trained; {row['as multi-task']} predicted exactly as multi-task learning"
        )
    return "\n".join(lines)
