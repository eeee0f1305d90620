"""The paper's claims, each with its number, ours, a test and a verdict."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from mt2st.experiments import released, runs
from mt2st.experiments.downstream import GROUPS
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import ORIGINAL, STRATEGIES, label
from mt2st.report import audit, downstream, summary, tables, timing
from mt2st.statistics import (
    NOTHING,
    Interval,
    PairedComparison,
    Values,
    as_text,
    detectable_difference,
    holm,
    mean_interval,
    paired_difference,
    ratio_interval,
    verdict,
)

NOT_MEASURED = "not measured in this profile"
OTHER_TASK = "another task, not comparable"
UPDATED = ("mtl", "diminish", "switch")  # the paper's strategies with auxiliary tasks
SOME = 1e-9  # stands for "a gain" where the paper gives no number: any amount above none
WHERE = {
    "time": "abstract",
    "level": "Section IV",
    "gain": "Section IV; original: mean of Table I",
    "original": "mean of Table I",
    "group 1": "Section IV, first group; Figure 5",
    "group 2": "Section IV, second group; Figures 6, 7",
    "group 4": "Section IV, fourth group; Figures 10, 11",
    "tables": "Tables I–III",
    "conclusion": "Section V",
}


@dataclass(frozen=True)
class Claim:
    """One claim and what was found; `estimate` is None where the profile has no runs for it."""

    name: str
    text: str
    where: str
    unit: str
    paper: float
    released: str
    estimate: Interval | None
    test: str = "–"
    p: float = np.nan
    verdict: str = NOT_MEASURED
    detectable: float = np.nan


def verdicts(profile: Profile, records: Sequence[Record]) -> pd.DataFrame:
    """One row a claim: paper, released logs, ours with 95% interval and n, test, p, p after Holm over all, verdict.

    The unit of every test is the seed. `detectable` is the difference that n pairs would find in 80% of studies, in the
    unit of the row; a claim is "inconclusive" where the interval holds both its value and no effect, "not reproduced"
    where the whole interval falls short of it (`statistics.verdict`). A level, such as an accuracy, is "reproduced" if
    the interval holds the paper's, and compared on the paper's own task only. `released logs` are means over those
    cells of Tables I–III that the logs report.
    """
    claims = list(_claims(profile, records))
    frame = pd.DataFrame(
        [
            {
                "id": c.name,
                "claim": c.text,
                "where": c.where,
                "unit": c.unit,
                "paper": c.paper,
                "released logs": c.released,
            }
            | {"ours": e.mean, "low": e.low, "high": e.high, "n": e.n, "test": c.test, "p": c.p}
            | {"detectable": c.detectable, "verdict": c.verdict}
            for c in claims
            for e in [c.estimate or NOTHING]
        ]
    )
    frame.insert(frame.columns.get_loc("p") + 1, "p after Holm", holm(frame["p"].to_numpy()))
    return frame


def readable(found: pd.DataFrame) -> pd.DataFrame:
    """Return `verdicts` with numbers as text."""
    return pd.DataFrame(
        {
            "claim": found["claim"],
            "unit": found["unit"],
            "paper": [_number(value) for value in found["paper"]],
            "released logs": found["released logs"],
            "ours": [as_text(row.ours, row.low, row.high, _format(row.ours)) for row in found.itertuples()],
            "n": found["n"],
            "p after Holm": [as_text(p, np.nan, np.nan, ".3f") for p in found["p after Holm"]],
            "detectable with n": [_number(value) for value in found["detectable"]],
            "verdict": found["verdict"],
        }
    )


def _number(value: float) -> str:
    return as_text(value, np.nan, np.nan, _format(value))


def _format(value: float) -> str:
    """One decimal from 10 on and two below."""
    return ".1f" if abs(value) >= 10 else ".2f"


def time_verdicts(records: Sequence[Record]) -> pd.DataFrame:
    """Claims about training time alone: what was measured, the paper's value, ours, and the verdict."""
    return pd.DataFrame(
        [
            {"claim": c.text, "paper": f"{c.paper:+.0f}%", "ours": f"{as_text(e.mean, e.low, e.high, '+.0f')} %"}
            | {"n": e.n, "verdict": c.verdict}
            for c in _time(records)
            if (e := c.estimate)
        ]
    )


def _claims(profile: Profile, records: Sequence[Record]) -> Iterator[Claim]:
    """All claims, in the order of the paper."""
    grid = runs.of(records, "grid")
    yield from _time(grid)
    yield from _levels(profile, grid)
    yield from _gains(grid)
    yield from _released(runs.of(records, "released"))
    yield from _curves(grid)
    yield from _elsewhere(runs.of(records, "downstream"))


def _time(grid: Sequence[Record]) -> Iterator[Claim]:
    """−67% against single-task and −13% against multi-task learning: what time the paper means it does not say.

    So both of its strategies stand against both references, in seconds for all epochs and up to a validation accuracy.
    Operations, which notebook 07 shows beside them, would be the same claims tested twice.
    """
    target = timing.best_mean(grid)
    times = timing.to_target(grid, target)
    to_target = f"up to the single-task arm's best mean validation accuracy ({target:.3f})"
    measures = {
        "for all epochs, in seconds": timing.whole_training(times, "seconds"),
        f"{to_target}, in seconds": timing.by_seed(times, "seconds"),
    }
    for reference, paper in (("single", -67.0), ("mtl", -13.0)):
        against = label(reference)
        for strategy in ("diminish", "switch"):
            for k, (measure, means) in enumerate(measures.items()):
                ratio = ratio_interval(means[strategy].to_numpy(), means[reference].to_numpy())
                logs = np.log(means[strategy] / means[reference]).to_numpy()
                change = _scaled(ratio.interval, lambda r: 100 * (r - 1))
                yield Claim(
                    f"T{1 if reference == 'single' else 2}{strategy[0]}{k + 1}",
                    f"{label(strategy)} trains in less time than {against} learning: {measure}",
                    WHERE["time"],
                    "% of time",
                    paper,
                    "no times",
                    change,
                    "sign-flip of log ratios",
                    ratio.p,
                    verdict(paper, change),
                    100 * (1 - float(np.exp(-detectable_difference(logs, len(logs))))),
                )


def _levels(profile: Profile, grid: Sequence[Record]) -> Iterator[Claim]:
    """Test accuracies in the text; comparable on the paper's own task only."""
    accuracy = 100 * summary.by_seed(runs.score_frame(grid), "accuracy")
    for k, strategy in enumerate(("single", *UPDATED), start=1):
        name = ORIGINAL if strategy == "single" else label(strategy)
        paper = 100 * STRATEGIES[strategy].paper_accuracy
        interval = mean_interval(accuracy[strategy].to_numpy())
        printed = "" if strategy == "single" else f" (mean of its cells in the tables: {_printed(strategy):.0f}%)"
        yield Claim(
            f"A{k}",
            f"{name} has a test accuracy of {paper:.0f}%{printed}",
            WHERE["original"] if strategy == "single" else WHERE["level"],
            "% accuracy",
            paper,
            f"{_logs(strategy):.0f}",
            interval,
            verdict=_level_verdict(paper, interval) if profile.configuration.data == "imdb-disjoint" else OTHER_TASK,
        )


def _level_verdict(paper: float, interval: Interval) -> str:
    """Say whether the interval of a level holds the paper's."""
    if np.isnan(interval.low):
        return "inconclusive"
    return "reproduced" if interval.low <= paper <= interval.high else "not reproduced"


def _printed(*strategies: str) -> float:
    """Mean of the accuracies in percent that Tables I–III print for some strategies."""
    return float(np.mean([_cells_of(strategy)["accuracy"].mean() for strategy in strategies]))


@lru_cache
def _logs(*strategies: str) -> float:
    """Mean of the test accuracies in percent that the released logs report for the cells of some strategies."""
    means = [
        np.nanmean([tables.released_accuracy(c.strategy, c.embedding, c.setting) for c in _cells_of(s).itertuples()])
        for s in strategies
    ]
    return 100 * float(np.mean(means))


def _cells_of(strategy: str) -> pd.DataFrame:
    """Cells of Tables I–III of a strategy: its update settings, or "original" in all three for single-task learning."""
    cells = tables.paper_cells()
    is_original = cells["setting"] == ORIGINAL
    return cells[is_original] if strategy == "single" else cells[~is_original & (cells["strategy"] == strategy)]


def _gains(grid: Sequence[Record]) -> Iterator[Claim]:
    """Gains of one strategy over another, paired by seed, under equal conditions."""
    accuracy = 100 * summary.by_seed(runs.score_frame(grid), "accuracy")
    pairs = [("mtl", "single"), ("diminish", "single"), ("switch", "single"), ("diminish", "mtl"), ("switch", "mtl")]
    for k, (strategy, reference) in enumerate(pairs, start=1):
        paper = 100 * (STRATEGIES[strategy].paper_accuracy - STRATEGIES[reference].paper_accuracy)
        against = ORIGINAL if reference == "single" else label(reference)
        yield _difference(
            f"G{k}",
            f"{label(strategy)} has a higher test accuracy than {against}",
            WHERE["gain"] if reference == "single" else WHERE["level"],
            "points",
            paper,
            accuracy[strategy].to_numpy(),
            accuracy[reference].to_numpy(),
            f"{_logs(strategy) - _logs(reference):+.0f}",
        )


def _released(records: Sequence[Record]) -> Iterator[Claim]:
    """The gap of the tables under the released code's own conditions: update against original."""
    name = "R1"
    text = "update is above original under the released code's conditions (auxiliary terms without gradient)"
    paper, logs = _printed(*UPDATED) - _printed("single"), f"{_logs(*UPDATED) - _logs('single'):+.0f}"
    original, update = released.ORIGINAL.name, released.UPDATE.name
    rows = [
        {"seed": r.run.seed, "embedding": r.run.embedding, "step": step.name, "accuracy": 100 * r.scores["accuracy"]}
        for r in records
        if r.run.configuration.hidden == min(record.run.configuration.hidden for record in records)
        and (step := audit.step_of(r)) in (released.ORIGINAL, released.UPDATE)
    ]
    if {row["step"] for row in rows} != {original, update}:
        yield Claim(name, text, WHERE["tables"], "points", paper, logs, None)
        return
    means = summary.by_seed(pd.DataFrame(rows), "accuracy", arms="step")
    yield _difference(name, text, WHERE["tables"], "points", paper, means[update], means[original], logs)


def _curves(grid: Sequence[Record]) -> Iterator[Claim]:
    """What the paper says of Figures 5, 7, 10 and 11."""
    frame = runs.history_frame(grid)
    last = int(frame["epoch"].max())
    middle = last // 2

    def at(strategy: str, column: str, epoch: int) -> np.ndarray:
        chosen = frame[(frame["strategy"] == strategy) & (frame["epoch"] == epoch)]
        means = chosen.groupby(["seed", "embedding"])[column].mean().groupby(level="seed").mean()
        return means.to_numpy()

    yield _difference(
        "F5a", "original overfits: validation loss rises from the middle epoch to the last", WHERE["group 1"], "nats",
        SOME, at("single", "validation_loss", last), at("single", "validation_loss", middle),
    )  # fmt: skip
    yield _difference(
        "F5b", "original overfits: training loss falls from the middle epoch to the last", WHERE["group 1"], "nats",
        -SOME, at("single", "loss", last), at("single", "loss", middle),
    )  # fmt: skip
    yield _difference(
        "F7", "multi-task improves steadily: validation accuracy rises from the middle epoch to the last",
        WHERE["group 2"], "points", SOME,
        100 * at("mtl", "validation_accuracy", last), 100 * at("mtl", "validation_accuracy", middle),
    )  # fmt: skip
    switch = frame[frame["strategy"] == "switch"]
    step = int(switch.loc[switch["auxiliary_weight"] == 0, "epoch"].min())
    # Auxiliary losses are no cross-entropies, so the total has no unit.
    for name, column, what, unit in (("F10", "loss", "total", "loss"), ("F10p", "primary_loss", "primary", "nats")):
        yield _difference(
            name, f"a step down in the {what} loss at T_switch: it falls by more than in the epoch before",
            WHERE["group 4"], unit, -SOME,
            at("switch", column, step) - at("switch", column, step - 1),
            at("switch", column, step - 1) - at("switch", column, step - 2),
        )  # fmt: skip


def _elsewhere(records: Sequence[Record]) -> Iterator[Claim]:
    """Learned tables on other tasks, against the table of single-task learning."""
    for group in GROUPS:
        for strategy in ("diminish", "switch"):
            key = f"D-{group}-{strategy[0]}"
            text = f"{label(strategy)}'s table is better for {downstream.name_of(group)} than single-task's"
            if not records:
                yield Claim(key, text, WHERE["conclusion"], "points", np.nan, "none", None)
                continue
            means = 100 * downstream.by_seed(records, group)
            yield _difference(
                key, text, WHERE["conclusion"], "points", SOME, means[strategy].to_numpy(), means["single"].to_numpy()
            )


def _difference(
    name: str, text: str, where: str, unit: str, paper: float, a: Values, b: Values, logs: str = "–"
) -> Claim:
    """Return a claim about a − b, paired by seed; `paper` is SOME or −SOME where the paper gives a direction alone."""
    found: PairedComparison = paired_difference(np.asarray(a), np.asarray(b))
    differences = np.asarray(a) - np.asarray(b)
    return Claim(
        name,
        text,
        where,
        unit,
        np.nan if abs(paper) == SOME else paper,
        logs,
        found.interval,
        "sign-flip",
        found.p,
        verdict(paper, found.interval),
        detectable_difference(differences, len(differences)),
    )


def _scaled(interval: Interval, scale: Callable[[float], float]) -> Interval:
    return Interval(scale(interval.mean), scale(interval.low), scale(interval.high), interval.n, interval.method)
