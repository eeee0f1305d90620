"""The audit: every cell of Tables I–III beside its released log and ours, and the walk from "original" to "update"."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mt2st.data.vectors import TRAINED
from mt2st.experiments import released, runs
from mt2st.experiments.auxiliaries import NOISE, SHUFFLED
from mt2st.experiments.plans import LONGER
from mt2st.experiments.released import STEPS, Step
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import ORIGINAL, STRATEGIES
from mt2st.report import summary, tables
from mt2st.report.verdicts import REVIEWS
from mt2st.statistics import NOTHING, Interval, as_text, holm, mean_interval, paired_difference

SINGLE, UPDATE = "single task", "update"


def cells(records: Sequence[Record]) -> pd.DataFrame:
    """One row a cell of Tables I–III as printed; accuracies in percent.

    Columns `paper`; `logs`, all accuracies its released logs report for the cell; `released` and `controlled`, our
    means under the two protocols with bounds of the 95% t interval, n, and the hidden size they were run at. Under
    protocol `released` all update cells of an embedding are one run a seed, since their terms have no gradient
    (`released.cells`). That of Table II which is printed without a number has no counterpart under protocol
    `controlled`.
    """
    by_protocol = {"released": runs.of(records, "released"), "controlled": runs.of(records, "grid")}
    values = {protocol: _accuracies(found) for protocol, found in by_protocol.items()}
    rows = []
    for printed in tables.paper_cells().itertuples():
        row = {"table": printed.table, "embedding": printed.embedding, "setting": printed.setting}
        row |= {"as printed": printed.label_as_printed, "paper": float(printed.accuracy)}
        row["logs"] = tables.released_logs(printed.strategy, printed.embedding, printed.setting)
        ours = {
            "released": _released_cell(values["released"], printed.embedding, printed.setting),
            "controlled": _controlled_cell(values["controlled"], printed),
        }
        for protocol, interval in ours.items():
            row |= interval.columns(protocol) | {f"{protocol} n": interval.n}
            row[f"{protocol} hidden"] = _hidden(by_protocol[protocol], printed.embedding)
        rows.append(row)
    return pd.DataFrame(rows)


def _hidden(records: Sequence[Record], embedding: str) -> int:
    """The hidden size of the runs on an embedding; 0 where there are none."""
    return max((r.run.configuration.hidden for r in records if r.run.embedding == embedding), default=0)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `cells` with our means, intervals and n as text."""
    shown = frame[["table", "embedding", "as printed", "paper", "logs"]].copy()
    for protocol in ("released", "controlled"):
        found = zip(tables.intervals(frame, protocol), frame[f"{protocol} n"], frame[f"{protocol} hidden"], strict=True)
        shown[f"ours, {protocol}"] = [f"{text} n={n}, hidden {size}" if n else text for text, n, size in found]
    return shown


def by_embedding(records: Sequence[Record]) -> pd.DataFrame:
    """Accuracy in percent of "original" and "update" by embedding: as printed, in the released logs, and ours.

    Ours is protocol `released`, with the 95% t interval over seeds. The others are means over the cells of Tables
    I–III, all on one test set of 250 reviews: their bounds are its sampling error, which averaging over cells does not
    lower.
    """
    printed = tables.paper_cells()
    found = runs.of(records, "released")
    ours = _accuracies(found)
    rows: list[dict[str, object]] = []
    for embedding, cells in printed.groupby("embedding", sort=False):
        for arm, of_arm in (
            (ORIGINAL, cells[cells["setting"] == ORIGINAL]),
            (UPDATE, cells[cells["setting"] != ORIGINAL]),
        ):
            logs = [100 * tables.released_accuracy(c.strategy, c.embedding, c.setting) for c in of_arm.itertuples()]
            interval = _released_cell(ours, str(embedding), arm)
            means = {"paper": float(of_arm["accuracy"].mean()), "logs": _mean(logs)}
            place = {"embedding": embedding, "arm": arm}
            rows += [place | {"source": s, "accuracy": m} | _sampling_error(m) for s, m in means.items()]
            row = place | {"source": "ours", "hidden": _hidden(found, str(embedding)), "n": interval.n}
            rows.append(row | interval.columns("accuracy"))
    return pd.DataFrame(rows)


def printed_update(embedding: str) -> float:
    """Mean accuracy in percent of an embedding's update cells in Tables I–III."""
    cells = tables.paper_cells()
    return float(cells[(cells["embedding"] == embedding) & (cells["setting"] != ORIGINAL)]["accuracy"].mean())


def _sampling_error(percent: float) -> dict[str, float]:
    """Bounds of an accuracy that was measured on one test set of 250 reviews."""
    half = 100 * 1.96 * np.sqrt(percent / 100 * (1 - percent / 100) / REVIEWS)
    return {"accuracy low": percent - half, "accuracy high": percent + half}


def _mean(values: Sequence[float]) -> float:
    """Mean of the values that are there; NaN of none."""
    there = [value for value in values if not np.isnan(value)]
    return float(np.mean(there)) if there else np.nan


Cell = tuple[str, str, str]  # strategy, embedding, setting (under protocol released: the step)


def _accuracies(records: Sequence[Record]) -> dict[Cell, list[float]]:
    """Test accuracies in percent by cell, in the order of seeds."""
    found: dict[Cell, list[float]] = {}
    for record in sorted(records, key=lambda r: r.run.seed):
        run = record.run
        step = step_of(record) if run.configuration.protocol == "released" else None
        cell = (run.strategy, run.embedding, step.name if step else run.setting)
        found.setdefault(cell, []).append(100 * record.scores["accuracy"])
    return found


def step_of(record: Record) -> Step | None:
    """Return the step of the walk that a run under protocol `released` belongs to; None for a cell with its terms."""
    run, configuration = record.run, record.run.configuration
    for step in STEPS:
        if run == step.run(configuration, run.embedding, run.vectors, run.seed):
            return step
    return None


def _released_cell(values: dict[Cell, list[float]], embedding: str, setting: str) -> Interval:
    step = released.ORIGINAL if setting == ORIGINAL else released.UPDATE
    return _interval(values.get(("single", embedding, step.name), []))


def _controlled_cell(values: dict[Cell, list[float]], printed: "pd.Series[str]") -> Interval:
    strategy = "single" if printed.setting == ORIGINAL else printed.strategy
    return _interval(values.get((strategy, printed.embedding, printed.setting), []))


def _interval(values: Sequence[float]) -> Interval:
    return mean_interval(values) if values else NOTHING


def walk(records: Sequence[Record], embedding: str) -> pd.DataFrame:
    """The walk from "original" to "update", one change a row; accuracies in percent, changes in points.

    `change` is the mean difference from the row above, paired by seed, with its 95% interval, the exact sign-flip p and
    p after Holm over the rows. Seeds that have not been run at every step are left out, so that the changes add up to
    the difference between last and first row. What the released code's auxiliary terms change is no step: nothing, see
    `without_gradient`.
    """
    found = runs.of(records, "released")
    by_step = {step: values for step in STEPS if len(values := _of_step(found, step, embedding))}
    accuracy = pd.DataFrame({step.name: values for step, values in by_step.items()}).dropna()
    rows: list[dict[str, object]] = []
    for position, name in enumerate(accuracy.columns):
        level = mean_interval(accuracy[name].to_numpy())
        row = {
            "step": name,
            "hidden": _hidden(found, embedding),
            "n": level.n,
            "accuracy": level.mean,
            "low": level.low,
            "high": level.high,
        }
        if position:
            change = paired_difference(accuracy[name].to_numpy(), accuracy.iloc[:, position - 1].to_numpy())
            row |= change.interval.columns("change") | {"p": change.p}
        rows.append(row)
    frame = pd.DataFrame(rows)
    if "p" in frame:
        frame["p after Holm"] = holm(frame["p"].to_numpy())
    return frame


def _of_step(records: Sequence[Record], step: Step, embedding: str) -> "pd.Series[float]":
    """Test accuracies in percent of one step, by seed."""
    return summary.score_by_seed([r for r in records if r.run.embedding == embedding and step_of(r) == step])


def without_gradient(records: Sequence[Record]) -> pd.DataFrame:
    """How far the released code's update cells stray from plain cross-entropy, whose terms change the loss alone.

    One row a cell of Tables I–III that was run with its terms (cells with the same terms are one run): the largest
    differences in training accuracy and in the primary loss over all epochs, 0 where the terms have no gradient, and
    the most by which the terms shift the total loss in an epoch, up or down.
    """
    by_run = {record.run.hash: record for record in runs.of(records, "released")}
    rows = []
    for plain in (r for r in by_run.values() if step_of(r) == released.UPDATE):
        run = plain.run
        for (strategy, setting), cell in released.cells(run.configuration, run.embedding, run.seed).items():
            if cell.hash not in by_run:
                continue
            with_terms, without = by_run[cell.hash].history, plain.history
            accuracies = with_terms["train_accuracy"] - without["train_accuracy"]
            losses = with_terms["primary_loss"] - without["primary_loss"]
            rows.append(
                {"table": STRATEGIES[strategy].table, "setting": setting, "terms": "+".join(cell.auxiliaries) or "none"}
                | {"accuracy differs by": float(accuracies.abs().max())}
                | {"primary loss differs by": float(losses.abs().max())}
                | {"added to the loss": float((with_terms["loss"] - with_terms["primary_loss"]).abs().max())}
            )
    return pd.DataFrame(rows)


def controls(records: Sequence[Record]) -> pd.DataFrame:
    """What else could explain a gain: accuracies in percent on one embedding, differences in points, paired by seed.

    Each UPDATE loss in multi-task learning and what stands beside it, against single-task learning with the same seeds,
    with the exact sign-flip p and p after Holm over the rows. `seconds` of training (`Record.seconds`) are means; those
    of "single task" with more epochs are meant to be no fewer than those of any other row.
    """
    control = runs.of(records, "control")
    if not control:
        return pd.DataFrame()
    embedding = control[0].run.embedding
    grid = [r for r in runs.of(records, "grid") if r.run.embedding == embedding and r.run.strategy in ("single", "mtl")]
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in [*grid, *control]:
        groups.setdefault((record.run.setting.partition("-")[0], _kind(record)), []).append(record)
    reference = summary.score_by_seed(groups[ORIGINAL, SINGLE])
    rows = []
    for (auxiliary, kind), group in groups.items():
        values = summary.score_by_seed(group)
        row: dict[str, object] = {"auxiliary": auxiliary, "kind": kind, **summary.level(values)}
        row["seconds"] = float(np.mean([r.seconds.sum() for r in group]))
        if kind != SINGLE:
            row |= summary.difference(values, reference)
        rows.append(row)
    frame = pd.DataFrame(rows).sort_values("auxiliary", kind="stable", ignore_index=True)
    frame["p after Holm"] = holm(frame["p"].to_numpy())
    return frame


def _kind(record: Record) -> str:
    """What a run of the table of controls is."""
    run = record.run
    if run.strategy == "single":
        return f"{SINGLE}, {LONGER} epochs" if record.experiment == "control" else SINGLE
    for suffix, kind in ((SHUFFLED, "shuffled rows"), (NOISE, "noise of equal norm")):
        if run.setting.endswith(suffix):
            return kind
    return "tuned constant weight" if record.experiment == "control" else "the loss itself"


def walk_in_words(changes: pd.DataFrame, embedding: str) -> str:
    """Say in two sentences what a `walk` found: what the released code changes, and what neither of its arms has."""
    level = changes.set_index("step")["accuracy"]
    said = {
        row["step"]: f"{row['step']} {as_text(row['change'], row['change low'], row['change high'], '+.1f')}"
        for _, row in changes.iloc[1:].iterrows()
    }
    theirs = [said[step.name] for step in released.THEIRS if step.name in said]
    ours = [said[step.name] for step in released.OURS if step.name in said]
    return (
        f"On {embedding} (hidden size {changes['hidden'].iloc[0]}) “original” reaches "
        f"{level[released.ORIGINAL.name]:.1f}% and “update” "
        f"{level[released.UPDATE.name]:.1f}% (n = {changes['n'].iloc[0]}), and what the released code changes between "
        f"them has no auxiliary task in it: {', '.join(theirs)} points. Beyond them, in neither of its arms: "
        f"{', '.join(ours)} points."
    )


def _levels(records: Sequence[Record]) -> pd.DataFrame:
    """Means of "original" and "update" in percent (columns) in the paper and under both protocols (rows).

    They are over the cells that both protocols have, whose number is `cells`.
    """
    frame = cells(records).dropna(subset=["released", "controlled"])
    sources = ["paper", "released", "controlled"]
    is_original = frame["setting"] == ORIGINAL
    means = {"original": frame.loc[is_original, sources].mean(), "update": frame.loc[~is_original, sources].mean()}
    return pd.DataFrame(means).assign(cells=len(frame))


def _unexplained(changes: pd.DataFrame, embedding: str) -> list[str]:
    """Say how far the paper's update is from ours at the end of its steps; nothing where these were not taken."""
    theirs = changes[changes["step"] == released.UPDATE.name]["accuracy"]
    rest = printed_update(embedding) - theirs
    return [
        f"{embedding}: the paper's update is {r:+.1f} points from ours at the end of its steps, unexplained"
        for r in rest
    ]


def _beside_logs(frame: pd.DataFrame) -> list[str]:
    """Say how far our "update" and the paper's are from the released logs, on trained embeddings; nothing without."""
    of = frame[(frame["arm"] == UPDATE) & frame["embedding"].isin(TRAINED)]
    wide = of.pivot_table(index="embedding", columns="source", values="accuracy").dropna()
    if not {"ours", "logs", "paper"} <= set(wide):
        return []
    ours, paper = wide["ours"] - wide["logs"], wide["paper"] - wide["logs"]
    hidden = of.loc[of["source"] == "ours", "hidden"].iloc[0]
    embeddings = "one trained embedding" if len(wide) == 1 else f"{len(wide)} trained embeddings"
    return [
        f"Under the released code's conditions (hidden size {hidden:.0f}) our “update” is {ours.min():+.1f} to "
        f"{ours.max():+.1f} points from its released logs on {embeddings}; what the paper prints is "
        f"{paper.min():+.1f} to {paper.max():+.1f} points from them."
    ]


def gap_in_words(records: Sequence[Record], embedding: str) -> str:
    """Say, a line each, how large the paper's gap is, how much its code's conditions give here, and what stays open."""
    levels, changes = _levels(records), walk(records, embedding)
    lines = _beside_logs(by_embedding(records))
    if levels["cells"].iloc[0]:
        gaps = levels["update"] - levels["original"]
        lines.append(
            f"From “original” to “update” the paper has {gaps['paper']:+.1f} points (means over "
            f"{levels['cells'].iloc[0]} cells of Tables I–III); its released code's conditions give "
            f"{gaps['released']:+.1f} in our runs, equal ones with a gradient {gaps['controlled']:+.1f}."
        )
    if len(changes):
        lines += [walk_in_words(changes, embedding), *(f"{line}." for line in _unexplained(changes, embedding))]
    return "\n".join(lines)


def conclusions(records: Sequence[Record], embedding: str) -> str:
    """Say what was found: protocol, value, difference; and step by step on one embedding."""
    levels, changes = _levels(records), walk(records, embedding)
    names = {"paper": "the paper", "released": "protocol released", "controlled": "protocol controlled"}
    lines = []
    for source, name in names.items():
        original, update, count = levels.loc[source, ["original", "update", "cells"]]
        lines.append(
            f"{name}: original {original:.1f}%, update {update:.1f}%, difference {update - original:+.1f} points "
            f"(means over {count:.0f} cells of Tables I–III)"
        )
    terms = without_gradient(records)
    lines.append(
        f"terms of the released code: shift the total loss by up to {terms['added to the loss'].max():.1f} and the "
        f"training accuracy by up to {100 * terms['accuracy differs by'].max():.1f} points in {len(terms)} cells"
    )
    for row in changes.iloc[1:].itertuples():
        low, high = changes.loc[row.Index, ["change low", "change high"]]
        whose = "; in neither of the paper's arms" if row.step in {step.name for step in released.OURS} else ""
        lines.append(f"{embedding}, {row.step}: {as_text(row.change, low, high, '+.1f')} points, n = {row.n}{whose}")
    return "\n".join([*lines, *_unexplained(changes, embedding)])
