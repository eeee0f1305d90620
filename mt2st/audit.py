"""The audit: every cell of Tables I–III beside its released log and ours, and the walk from "original" to "update"."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mt2st import released, runs, tables
from mt2st.experiments import TABLES
from mt2st.profiles import ORIGINAL, STRATEGIES
from mt2st.released import STEPS, Step
from mt2st.runs import Record
from mt2st.statistics import Interval, holm, mean_interval, paired_difference

NAN = Interval(np.nan, np.nan, np.nan, 0, "none")


def cells(records: Sequence[Record]) -> pd.DataFrame:
    """One row a cell of Tables I–III as printed, GloVe cells once for each hidden size; accuracies in percent.

    Columns `paper`; `logs`, all accuracies its released logs report for the cell; `released` and `controlled`, our
    means under the two protocols with bounds of the 95% t interval and n. Under protocol `released` all update cells of
    an embedding are one run a seed, since their terms have no gradient (`released.cells`).
    """
    by_protocol = {
        "released": _accuracies(runs.of(records, "released")),
        "controlled": _accuracies([*runs.of(records, "grid"), *runs.of(records, "paper-size")]),
    }
    sizes = sorted({size for values in by_protocol.values() for _, _, _, size in values})
    rows = []
    for printed in tables.paper_cells().itertuples():
        for size in sizes:
            ours = {
                "released": _released_cell(by_protocol["released"], printed.embedding, printed.setting, size),
                "controlled": _controlled_cell(by_protocol["controlled"], printed, size),
            }
            if size != sizes[0] and not any(interval.n for interval in ours.values()):
                continue  # only GloVe is run at a second size
            rows.append(
                {"table": printed.table, "embedding": printed.embedding, "setting": printed.setting}
                | {"as printed": printed.label_as_printed, "paper": float(printed.accuracy)}
                | {"logs": tables.released_logs(printed.strategy, printed.embedding, printed.setting), "hidden": size}
                | {f"{name}{suffix}": value for name, i in ours.items() for suffix, value in _columns(i)}
            )
    return pd.DataFrame(rows)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `cells` with our means, intervals and n as text."""
    shown = frame[["table", "embedding", "as printed", "paper", "logs", "hidden"]].copy()
    for protocol in ("released", "controlled"):
        columns = [frame[f"{protocol}{suffix}"] for suffix in ("", " low", " high", " n")]
        shown[f"ours, {protocol}"] = [
            "–" if not n else f"{mean:.1f} [{low:.1f}, {high:.1f}] n={n}"
            for mean, low, high, n in zip(*columns, strict=True)
        ]
    return shown


Cell = tuple[str, str, str, int]  # strategy, embedding, setting (under protocol released: the step), hidden size


def _accuracies(records: Sequence[Record]) -> dict[Cell, list[float]]:
    """Test accuracies in percent by cell, in the order of seeds."""
    found: dict[Cell, list[float]] = {}
    for record in sorted(records, key=lambda r: r.run.seed):
        run, configuration = record.run, record.run.configuration
        step = step_of(record) if configuration.protocol == "released" else None
        setting = step.name if step else run.setting
        cell = (run.strategy, run.embedding, setting, configuration.hidden)
        found.setdefault(cell, []).append(100 * record.scores["accuracy"])
    return found


def step_of(record: Record) -> Step | None:
    """Return the step of the walk that a run under protocol `released` belongs to; None for a cell with its terms."""
    run, configuration = record.run, record.run.configuration
    for step in STEPS:
        if run == step.run(configuration, run.embedding, run.vectors, run.seed):
            return step
    return None


def _released_cell(values: dict[Cell, list[float]], embedding: str, setting: str, size: int) -> Interval:
    step = released.ORIGINAL if setting == ORIGINAL else released.UPDATE
    return _interval(values.get(("single", embedding, step.name, size), []))


def _controlled_cell(values: dict[Cell, list[float]], printed: "pd.Series[str]", size: int) -> Interval:
    strategy = "single" if printed.setting == ORIGINAL else printed.strategy
    return _interval(values.get((strategy, printed.embedding, printed.setting, size), []))


def _interval(values: Sequence[float]) -> Interval:
    return mean_interval(values) if values else NAN


def _columns(interval: Interval) -> list[tuple[str, float]]:
    return [("", interval.mean), (" low", interval.low), (" high", interval.high), (" n", interval.n)]


def walk(records: Sequence[Record], embedding: str) -> pd.DataFrame:
    """The walk from "original" to "update", one change a row; accuracies in percent, changes in points.

    `change` is the mean difference from the row above, paired by seed, with its 95% interval, the exact sign-flip p and
    p after Holm over the rows. The changes add up to the difference between last and first row. The row "terms without
    gradient" is the change that the released code's auxiliary terms make: none, see `released.cells`.
    """
    by_step = {step: values for step in STEPS if (values := _of_step(runs.of(records, "released"), step, embedding))}
    rows: list[dict[str, object]] = []
    previous: list[float] = []
    for step, values in by_step.items():
        level = mean_interval(values)
        row = {"step": step.name, "n": level.n, "accuracy": level.mean, "low": level.low, "high": level.high}
        if previous:
            change = paired_difference(values, previous)
            row |= {"change": change.interval.mean, "change low": change.interval.low}
            row |= {"change high": change.interval.high, "p": change.p}
        rows.append(row)
        previous = values
    frame = pd.DataFrame(rows)
    if "p" in frame:
        frame["p after Holm"] = holm(frame["p"].to_numpy())
    return frame


def _of_step(records: Sequence[Record], step: Step, embedding: str) -> list[float]:
    """Test accuracies in percent of one step at the smallest hidden size, in the order of seeds."""
    found = [r for r in records if r.run.embedding == embedding and step_of(r) == step]
    size = min((r.run.configuration.hidden for r in found), default=0)
    found = [r for r in found if r.run.configuration.hidden == size]
    return [100 * r.scores["accuracy"] for r in sorted(found, key=lambda r: r.run.seed)]


def without_gradient(records: Sequence[Record]) -> pd.DataFrame:
    """How far the released code's update cells stray from plain cross-entropy, whose terms change the loss alone.

    One row a cell of the embedding that was run with its terms: the largest difference in training accuracy and in the
    primary loss over all epochs (both 0 where the term has no gradient), and the most the terms add to the loss.
    """
    every = runs.of(records, "released")
    with_terms = [r for r in every if r.run.strategy in STRATEGIES[1:] and step_of(r) is None]
    rows = []
    for record in with_terms:
        run = record.run
        (plain,) = (
            r
            for r in every
            if step_of(r) == released.UPDATE
            and (r.run.embedding, r.run.seed) == (run.embedding, run.seed)
            and r.run.configuration == run.configuration
        )
        ours, theirs = record.history, plain.history
        rows.append(
            {
                "table": {name: number for number, name in TABLES.items()}[run.strategy],
                "terms": run.setting,
                "accuracy differs by": float((ours["train_accuracy"] - theirs["train_accuracy"]).abs().max()),
                "primary loss differs by": float((ours["loss.sentiment"] - theirs["loss.sentiment"]).abs().max()),
                "added to the loss": float((ours["loss"] - ours["loss.sentiment"]).abs().max()),
            }
        )
    return pd.DataFrame(rows)


def controls(records: Sequence[Record]) -> pd.DataFrame:
    """What else could explain a gain: accuracies in percent on one embedding, differences in points, paired by seed.

    Each UPDATE loss in multi-task learning and what stands beside it, against single-task learning with the same seeds.
    Seconds of training are means; `epochs` tells the control "equal time" from the others.
    """
    control = runs.of(records, "control")
    if not control:
        return pd.DataFrame()
    embedding = control[0].run.embedding
    grid = [r for r in runs.of(records, "grid") if r.run.embedding == embedding and r.run.strategy in ("single", "mtl")]
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in sorted([*grid, *control], key=lambda r: r.run.seed):
        groups.setdefault((record.run.setting, _kind(record)), []).append(record)
    reference = [100 * r.scores["accuracy"] for r in groups[ORIGINAL, "single task"]]
    rows = []
    for (setting, kind), group in groups.items():
        values = [100 * r.scores["accuracy"] for r in group]
        level = mean_interval(values)
        row = {"auxiliary": setting.partition("-")[0], "kind": kind, "n": level.n, "accuracy": level.mean}
        row |= {"low": level.low, "high": level.high}
        row["seconds"] = float(np.mean([r.history["train_seconds"].sum() for r in group]))
        if kind != "single task":
            difference = paired_difference(values, reference[: len(values)])
            row |= {"difference": difference.interval.mean, "difference low": difference.interval.low}
            row |= {"difference high": difference.interval.high, "p": difference.p}
        rows.append(row)
    frame = pd.DataFrame(rows).sort_values("auxiliary", kind="stable", ignore_index=True)
    frame["p after Holm"] = holm(frame["p"].to_numpy())
    return frame


def _kind(record: Record) -> str:
    """What a run of the table of controls is."""
    run = record.run
    if run.strategy == "single":
        return "single task, longer" if record.experiment == "control" else "single task"
    for suffix, kind in (("-shuffled", "shuffled rows"), ("-noise", "noise of equal norm")):
        if run.setting.endswith(suffix):
            return kind
    return "tuned constant weight" if record.experiment == "control" else "the loss itself"


def conclusions(records: Sequence[Record], embedding: str) -> str:
    """Say what was found: protocol, value, difference."""
    frame, changes = cells(records), walk(records, embedding)
    frame = frame[frame["hidden"] == frame["hidden"].min()]
    is_original = frame["setting"] == ORIGINAL
    lines = []
    for protocol in ("released", "controlled"):
        original, update = frame.loc[is_original, protocol].mean(), frame.loc[~is_original, protocol].mean()
        lines.append(
            f"protocol {protocol}: original {original:.1f}%, update {update:.1f}%, difference {update - original:+.1f} "
            "points (means over the cells of Tables I–III)"
        )
    paper = frame.loc[~is_original, "paper"].mean() - frame.loc[is_original, "paper"].mean()
    lines.append(f"the paper's cells: difference {paper:+.1f} points")
    terms = without_gradient(records)
    lines.append(
        f"terms of the released code: add up to {terms['added to the loss'].max():.1f} to the loss, change training "
        f"accuracy by {terms['accuracy differs by'].max():.1f} in {len(terms)} cells"
    )
    for row in changes.iloc[1:].itertuples():
        low, high = changes.loc[row.Index, ["change low", "change high"]]
        lines.append(f"{embedding}, {row.step}: {row.change:+.1f} points [{low:+.1f}, {high:+.1f}], n = {row.n}")
    return "\n".join(lines)
