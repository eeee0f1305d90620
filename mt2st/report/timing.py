"""Time and compute to a target: how soon an arm reaches a validation accuracy, in seconds and in operations.

A run that never reaches the target is censored at its end. The unit of every test is the seed: times are averaged over
a seed's embeddings and settings first.

Seconds are `Record.seconds`. Operations are those of matrix products (`compute.epoch_flops`): no machine changes them,
but what an auxiliary loss does element by element does not count, which for UPDATE 0 and UPDATE 3 is all they do.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from mt2st.adaptation import CheckConvergence
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES
from mt2st.report import summary
from mt2st.statistics import NOTHING, Interval, PairedComparison, ratio_interval

FIXED_TARGETS = (0.65, 0.70, 0.75)
UNITS = ("seconds", "operations")
REFERENCES = ("single", "mtl")
FRACTIONS = (0.75, 0.5, 0.25)  # of the first epoch's gradient norm


def best_mean(records: Sequence[Record]) -> float:
    """Best validation accuracy by epoch of the single-task arm, averaged over its runs: the target it sets itself."""
    histories = [r.history.set_index("epoch")["validation_accuracy"] for r in records if r.run.strategy == "single"]
    return float(pd.concat(histories, axis=1).mean(axis=1).max())


def targets(records: Sequence[Record]) -> list[float]:
    """Validation accuracies to reach: the single-task arm's best mean, and the fixed ones."""
    return [best_mean(records), *FIXED_TARGETS]


def spent(record: Record) -> pd.DataFrame:
    """Return what a run has spent by the end of each epoch: training seconds and floating-point operations.

    Operations are `compute.epoch_flops` of each task in the epochs that compute it.
    """
    tasks, flops = record.tasks, record.scores["flops"]
    computed = tasks["weight"] >= record.run.configuration.epsilon
    operations = (tasks["task"].map(flops) * computed).groupby(tasks["epoch"]).sum()
    return pd.DataFrame({"seconds": record.seconds.to_numpy(), "operations": operations.to_numpy(float)}).cumsum()


def primary_costs_alike(records: Sequence[Record]) -> bool:
    """Whether the primary task's operations are the same in all runs of a seed and embedding, whatever the arm."""
    found: dict[tuple[int, str], set[int]] = {}
    for record in records:
        operations = sum(n for task, n in record.scores["flops"].items() if task not in record.run.auxiliaries)
        found.setdefault((record.run.seed, record.run.embedding), set()).add(operations)
    return all(len(operations) == 1 for operations in found.values())


def to_target(records: Sequence[Record], target: float) -> pd.DataFrame:
    """One row a run: seconds and operations to the first epoch whose validation accuracy is at least `target`.

    `reached` says whether there is one; otherwise they are all that the run spent, and censored. What a run spent in
    all its epochs is in the columns `all seconds` and `all operations`.
    """
    return pd.DataFrame([_up_to(record, record.history["validation_accuracy"] >= target) for record in records])


def _up_to(record: Record, holds: Sequence[bool]) -> dict[str, object]:
    """Return what a run spends up to the first epoch in which something holds, as a row of `to_target`."""
    costs, run = spent(record), record.run
    hits = np.flatnonzero(holds)
    at = int(hits[0]) if len(hits) else len(costs) - 1
    return (
        {"strategy": run.strategy, "embedding": run.embedding, "setting": run.setting, "seed": run.seed}
        | {"reached": bool(len(hits)), "epochs": at + 1}
        | {unit: float(costs[unit].iloc[at]) for unit in UNITS}
        | {f"all {unit}": float(costs[unit].iloc[-1]) for unit in UNITS}
    )


def to_convergence(records: Sequence[Record], fraction: float) -> pd.DataFrame:
    """One row a run, as of `to_target`: what it spends until the paper's CheckConvergence stops it.

    The paper does not define it. Here the mean norm of the primary gradient has to be below a fraction of the first
    epoch's for two epochs in a row. `below best` is how much validation accuracy the stopped run is short of its best.
    """
    rows = []
    for record in records:
        norms = record.epochs["gradient_norm"].tolist()
        check = CheckConvergence(fraction * norms[0], patience=2)
        row = _up_to(record, [check(norms[: epoch + 1]) for epoch in range(len(norms))])
        accuracy = record.history["validation_accuracy"]
        rows.append(row | {"below best": float(accuracy.max() - accuracy[: row["epochs"]].max())})
    return pd.DataFrame(rows)


def convergence(records: Sequence[Record]) -> pd.DataFrame:
    """Cost until `to_convergence` stops a run, by fraction and strategy, with ratios to single and multi-task learning.

    `stopped` is the share of runs that are stopped before their last epoch; `below best` is in points.
    """
    rows = []
    for fraction in FRACTIONS:
        found = to_convergence(records, fraction)
        means = summary.by_seed(found, "seconds")
        for strategy in (s for s in STRATEGIES if s in means.columns):
            of = found[found["strategy"] == strategy]
            row: dict[str, object] = {"fraction": fraction, "strategy": strategy, "stopped": of["reached"].mean()}
            row |= {"epochs": of["epochs"].mean(), "below best": 100 * of["below best"].mean()}
            row["seconds"] = float(means[strategy].mean())
            for reference in REFERENCES:
                row |= _ratio(f"/ {reference}", None if strategy == reference else compare(means, strategy, reference))
            rows.append(row)
    return pd.DataFrame(rows)


def relative_seconds(records: Sequence[Record], reference: Sequence[Record]) -> Interval:
    """Return how many times as long an arm trains in all its epochs as another one: `Record.seconds`, paired by seed.

    A geometric mean with its 95% interval over the seeds that both have. Raises ValueError where they share none.
    """
    seconds, others = ({r.run.seed: float(r.seconds.sum()) for r in some} for some in (records, reference))
    shared = sorted(seconds.keys() & others.keys())
    return ratio_interval([seconds[seed] for seed in shared], [others[seed] for seed in shared]).interval


def horizons(times: pd.DataFrame, unit: str) -> "pd.Series[float]":
    """Return for each run of `to_target` the least that any run with its seed and embedding spends in all its epochs.

    Up to there nothing is censored. One horizon for all would cut runs short that were made while the machine was slow.
    """
    return times.groupby(["seed", "embedding"])[f"all {unit}"].transform("min")


def horizon(records: Sequence[Record], unit: str) -> float:
    """Return the mean of the `horizons` over seeds and embeddings: the cost of an arm that never gets to a target."""
    times = to_target(records, np.inf)
    return float(times.assign(limit=horizons(times, unit)).groupby(["seed", "embedding"])["limit"].first().mean())


def by_seed(times: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Mean cost to the target, or to the horizon where that comes first, by seed and strategy (`summary.by_seed`)."""
    return summary.by_seed(times.assign(cost=np.minimum(times[unit], horizons(times, unit))), "cost")


def whole_training(times: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Mean cost of all epochs by seed and strategy (`summary.by_seed`); `times` is `to_target` for any target."""
    return summary.by_seed(times, f"all {unit}")


def compare(means: pd.DataFrame, strategy: str, reference: str) -> PairedComparison:
    """Ratio of one strategy's cost to another's, paired by seed: geometric mean with t interval on the log scale."""
    return ratio_interval(means[strategy].to_numpy(), means[reference].to_numpy())


def costs(records: Sequence[Record], targets: Sequence[float]) -> pd.DataFrame:
    """Costs to each target by strategy: share of runs that reach it, mean cost, ratios to single-task and multi-task.

    Costs are means up to the horizon: a run that needs longer counts as the horizon, so that failures draw a ratio
    towards 1. There is no ratio where no run of either arm gets there sooner. `operations` are in units of 10⁹.
    """
    rows = []
    for target in targets:
        times = to_target(records, target)
        means = {unit: by_seed(times, unit) for unit in UNITS}
        sooner = {
            unit: set(times.loc[times["reached"] & (times[unit] < horizons(times, unit)), "strategy"]) for unit in UNITS
        }
        for strategy in (s for s in STRATEGIES if s in means["seconds"].columns):
            row: dict[str, object] = {"target": target, "strategy": strategy}
            row["reached"] = float(times.loc[times["strategy"] == strategy, "reached"].mean())
            row["seconds"] = float(means["seconds"][strategy].mean())
            row["operations"] = float(means["operations"][strategy].mean()) / 1e9
            for unit, reference in product(UNITS, REFERENCES):
                found = compare(means[unit], strategy, reference) if {strategy, reference} & sooner[unit] else None
                row |= _ratio(f"{unit} / {reference}", None if strategy == reference else found)
            rows.append(row)
    return pd.DataFrame(rows)


def whole_costs(records: Sequence[Record], unit: str) -> pd.DataFrame:
    """Cost of all epochs by strategy, with ratios to single-task and multi-task learning; see `costs`.

    The column of `unit` says "10⁹" where it is in operations.
    """
    name, scale = ("10⁹ operations", 1e9) if unit == "operations" else (unit, 1.0)
    means = whole_training(to_target(records, np.inf), unit)
    rows = []
    for strategy in (s for s in STRATEGIES if s in means.columns):
        row: dict[str, object] = {"strategy": strategy, "n": len(means), name: float(means[strategy].mean()) / scale}
        for reference in REFERENCES:
            row |= _ratio(f"/ {reference}", None if strategy == reference else compare(means, strategy, reference))
        rows.append(row)
    return pd.DataFrame(rows)


def _ratio(name: str, found: PairedComparison | None) -> dict[str, float]:
    """Columns of a ratio: itself, its interval and p; NaN where there is none."""
    if found is None:
        return NOTHING.columns(name) | {f"{name} p": np.nan}
    return found.interval.columns(name) | {f"{name} p": found.p}
