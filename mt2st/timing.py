"""Time and compute to a target: how soon an arm reaches a validation accuracy, in seconds and in operations.

A run that never reaches the target is censored at its end. The unit of every test is the seed: times are averaged over
a seed's embeddings and settings first.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mt2st.embeddings import EMBEDDINGS
from mt2st.profiles import STRATEGIES
from mt2st.runs import Record
from mt2st.statistics import PairedComparison, ratio_interval

FIXED_TARGETS = (0.65, 0.70, 0.75)
UNITS = ("seconds", "operations")


def best_mean(records: Sequence[Record]) -> float:
    """Best validation accuracy by epoch of the single-task arm, averaged over its runs: the target it sets itself."""
    histories = [r.history.set_index("epoch")["validation_accuracy"] for r in records if r.run.strategy == "single"]
    return float(pd.concat(histories, axis=1).mean(axis=1).max())


def costs(record: Record) -> pd.DataFrame:
    """Return what a run has spent by the end of each epoch: training seconds and floating-point operations.

    Operations are `compute.epoch_flops` of the primary task and of each auxiliary task in the epochs that compute it.
    """
    history, flops, epsilon = record.history, record.scores["flops"], record.run.configuration.epsilon
    auxiliaries = record.run.auxiliaries
    operations = pd.Series(float(sum(n for task, n in flops.items() if task not in auxiliaries)), history.index)
    for task in auxiliaries:
        operations += flops[task] * (history[f"weight.{task}"] >= epsilon)
    return pd.DataFrame({"seconds": history["train_seconds"].cumsum(), "operations": operations.cumsum()})


def to_target(records: Sequence[Record], target: float) -> pd.DataFrame:
    """One row a run: seconds and operations to the first epoch whose validation accuracy is at least `target`.

    `reached` says whether there is one; otherwise they are all that the run spent, and censored.
    """
    rows = []
    for record in records:
        spent = costs(record)
        hits = np.flatnonzero(record.history["validation_accuracy"] >= target)
        at = int(hits[0]) if len(hits) else len(spent) - 1
        run = record.run
        rows.append(
            {"strategy": run.strategy, "embedding": run.embedding, "setting": run.setting, "seed": run.seed}
            | {"reached": bool(len(hits)), "epochs": at + 1}
            | {unit: float(spent[unit].iloc[at]) for unit in UNITS}
        )
    return pd.DataFrame(rows)


def horizon(records: Sequence[Record], unit: str) -> float:
    """Return the least that any run spends in all its epochs: up to there nothing is censored."""
    return min(float(costs(record)[unit].iloc[-1]) for record in records)


def by_seed(times: pd.DataFrame, unit: str, limit: float) -> pd.DataFrame:
    """Mean cost to the target, or to `limit` where that comes first, for each seed (rows) and strategy.

    Settings are averaged within an embedding first, as in `summary.by_seed`; embeddings and seeds that not all
    strategies have are left out.
    """
    capped = times.assign(cost=times[unit].clip(upper=limit))
    per_strategy = capped.groupby("embedding")["strategy"].nunique()
    complete = [e for e in EMBEDDINGS if per_strategy.get(e, 0) == capped["strategy"].nunique()]
    cells = capped[capped["embedding"].isin(complete)].groupby(["seed", "strategy", "embedding"])["cost"].mean()
    frame = cells.groupby(["seed", "strategy"]).mean().reset_index()
    return frame.pivot_table(index="seed", columns="strategy", values="cost").dropna()


def compare(means: pd.DataFrame, strategy: str, reference: str) -> PairedComparison:
    """Ratio of one strategy's cost to another's, paired by seed: geometric mean with t interval on the log scale."""
    return ratio_interval(means[strategy].to_numpy(), means[reference].to_numpy())


def table(records: Sequence[Record], targets: Sequence[float]) -> pd.DataFrame:
    """Costs to each target by strategy: share of runs that reach it, mean cost, ratios to single-task and multi-task.

    Costs are means up to the horizon: a run that needs longer counts as the horizon, so that failures draw a ratio
    towards 1. `operations` are in units of 10⁹.
    """
    limits = {unit: horizon(records, unit) for unit in UNITS}
    rows = []
    for target in targets:
        times = to_target(records, target)
        means = {unit: by_seed(times, unit, limits[unit]) for unit in UNITS}
        for strategy in (s for s in STRATEGIES if s in means["seconds"].columns):
            row: dict[str, object] = {"target": target, "strategy": strategy}
            row["reached"] = float(times.loc[times["strategy"] == strategy, "reached"].mean())
            row["seconds"] = float(means["seconds"][strategy].mean())
            row["operations"] = float(means["operations"][strategy].mean()) / 1e9
            for unit in UNITS:
                for reference in ("single", "mtl"):
                    if reference == strategy or reference not in means[unit].columns:
                        continue
                    found = compare(means[unit], strategy, reference)
                    name = f"{unit} / {reference}"
                    row |= {name: found.interval.mean, f"{name} low": found.interval.low}
                    row |= {f"{name} high": found.interval.high, f"{name} p": found.p}
            rows.append(row)
    return pd.DataFrame(rows)


def whole_training(records: Sequence[Record], unit: str) -> pd.DataFrame:
    """Mean cost of all epochs for each seed (rows) and strategy."""
    return by_seed(to_target(records, np.inf), unit, np.inf)


def whole_table(records: Sequence[Record], unit: str) -> pd.DataFrame:
    """Cost of all epochs by strategy, with ratios to single-task and multi-task learning; see `table`."""
    means = whole_training(records, unit)
    rows = []
    for strategy in (s for s in STRATEGIES if s in means.columns):
        row: dict[str, object] = {"strategy": strategy, "n": len(means), unit: float(means[strategy].mean())}
        for reference in ("single", "mtl"):
            if reference != strategy and reference in means.columns:
                found = compare(means, strategy, reference)
                row |= {f"/ {reference}": found.interval.mean, f"/ {reference} low": found.interval.low}
                row |= {f"/ {reference} high": found.interval.high}
        rows.append(row)
    return pd.DataFrame(rows)
