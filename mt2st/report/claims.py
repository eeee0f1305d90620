"""The paper's claims, each with its number, ours, a test and a verdict."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from mt2st.data.vectors import GLOVE, TRAINED
from mt2st.experiments import released, runs
from mt2st.experiments.downstream import GROUPS
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import ORIGINAL, STRATEGIES, label
from mt2st.report import audit, downstream, summary, tables, timing, verdicts
from mt2st.report.verdicts import MARGIN, NOT_MEASURED, OTHER_TASK, SOME, Verdict
from mt2st.statistics import (
    NOTHING,
    Interval,
    PairedComparison,
    Values,
    as_text,
    detectable_difference,
    equivalence,
    holm,
    mean_interval,
    paired_difference,
    ratio_interval,
)

UPDATED = ("mtl", "diminish", "switch")  # the paper's strategies with auxiliary tasks
WHERE = {
    "time": "abstract",
    "level": "Section IV",
    "gain": "Tables I–III, mean of the cells",
    "original": "mean of Table I",
    "group 1": "Section IV, first group; Figure 5",
    "group 2": "Section IV, second group; Figures 6, 7",
    "group 4": "Section IV, fourth group; Figures 10, 11",
    "tables": "Tables I–III",
    "conclusion": "Section V",
}


@dataclass(frozen=True)
class Claim:
    """One claim and what was found; `estimate` is None where the profile has no runs for it.

    `claimed` is the effect that the verdict is about, see `verdicts.of_effect`; NaN where `given` is the verdict.
    """

    name: str
    text: str
    where: str
    unit: str
    paper: float
    released: str
    estimate: Interval | None
    test: str = "–"
    p: float = np.nan
    claimed: float = np.nan
    equivalence: float = np.nan
    given: Verdict | None = None
    detectable: float = np.nan

    def verdict(self, p: float) -> Verdict:
        """Judge by the corrected p."""
        if self.estimate is None:
            return NOT_MEASURED
        return self.given or verdicts.of_effect(self.claimed, self.estimate, p, self.equivalence)


def judged(profile: Profile, records: Sequence[Record]) -> pd.DataFrame:
    """One row a claim: paper, released logs, ours with 95% interval and n, test, p, p after Holm over all, verdict.

    The unit of every test is the seed. `equivalence` is the p of the test of equivalence within `verdicts.MARGIN`
    points. `detectable` is the difference that n pairs would find in 80% of studies, in the unit of the row. `verdict`
    and the `rule` that gave it are those of `verdicts`. `released logs` are means over those cells of Tables I–III that
    the logs report.
    """
    claims = list(_claims(profile, records))
    corrected = holm([c.p for c in claims])
    found = [c.verdict(p) for c, p in zip(claims, corrected, strict=True)]
    return pd.DataFrame(
        [
            {"id": c.name, "claim": c.text, "verdict": judgement.word}
            | {"where": c.where, "unit": c.unit, "paper": c.paper, "released logs": c.released}
            | {"ours": e.mean, "low": e.low, "high": e.high, "n": e.n, "test": c.test, "p": c.p, "p after Holm": p}
            | {"equivalence": c.equivalence, "detectable": c.detectable, "rule": judgement.rule}
            for c, p, judgement in zip(claims, corrected, found, strict=True)
            for e in [c.estimate or NOTHING]
        ]
    )


def readable(found: pd.DataFrame) -> pd.DataFrame:
    """Return `judged` with numbers as text."""
    return pd.DataFrame(
        {
            "claim": found["claim"],
            "verdict": found["verdict"],
            "unit": found["unit"],
            "paper": [_number(value) for value in found["paper"]],
            "released logs": found["released logs"],
            "ours": [as_text(row.ours, row.low, row.high, _format(row.ours)) for row in found.itertuples()],
            "n": found["n"],
            "p after Holm": [as_text(p, np.nan, np.nan, ".3f") for p in found["p after Holm"]],
            "detectable with n": [_number(value) for value in found["detectable"]],
            "rule": found["rule"],
        }
    )


def _number(value: float) -> str:
    return as_text(value, np.nan, np.nan, _format(value))


def _format(value: float) -> str:
    """One decimal from 10 on and two below."""
    return ".1f" if abs(value) >= 10 else ".2f"


def time_verdicts(records: Sequence[Record]) -> pd.DataFrame:
    """Claims about training time alone, p corrected over them: the verdict, the paper's value, and ours."""
    claims = list(_time(records))
    return pd.DataFrame(
        [
            {"claim": c.text, "verdict": c.verdict(p).word, "paper": f"{c.paper:+.0f}%"}
            | {"ours": f"{as_text(e.mean, e.low, e.high, '+.0f')} %", "n": e.n}
            for c, p in zip(claims, holm([c.p for c in claims]), strict=True)
            if (e := c.estimate)
        ]
    )


def _claims(profile: Profile, records: Sequence[Record]) -> Iterator[Claim]:
    """All claims, in the order of the paper."""
    grid = runs.of(records, "grid")
    yield from _time(grid)
    yield from _levels(profile, grid)
    yield from _gains(grid) if profile.paper_sample else map(_by_direction, _gains(grid))
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
    more = verdicts.by_construction("in all epochs the arm computes what single-task learning does, and more")
    for reference, paper in (("single", -67.0), ("mtl", -13.0)):
        against = label(reference)
        for strategy in ("diminish", "switch"):
            for k, (measure, means) in enumerate(measures.items()):
                is_decided = reference == "single" and not k
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
                    np.nan if is_decided else ratio.p,
                    paper,
                    given=more if is_decided else None,
                    detectable=100 * (1 - float(np.exp(-detectable_difference(logs, len(logs))))),
                )


def _levels(profile: Profile, grid: Sequence[Record]) -> Iterator[Claim]:
    """Test accuracies in the text; comparable on the paper's own task only."""
    accuracy = 100 * summary.by_seed(runs.score_frame(grid), "accuracy")
    for k, strategy in enumerate(("single", *UPDATED), start=1):
        name = ORIGINAL if strategy == "single" else label(strategy)
        paper = 100 * STRATEGIES[strategy].paper_accuracy
        interval = mean_interval(accuracy[strategy].to_numpy())
        printed = "" if strategy == "single" else f" (mean of its cells in the tables: {tables.printed(strategy):.0f}%)"
        yield Claim(
            f"A{k}",
            f"{name} has a test accuracy of {paper:.0f}%{printed}",
            WHERE["original"] if strategy == "single" else WHERE["level"],
            "% accuracy",
            paper,
            f"{_logs(strategy):.0f}",
            interval,
            given=verdicts.of_level(paper, interval) if profile.paper_sample else OTHER_TASK,
        )


@lru_cache
def _logs(*strategies: str) -> float:
    """Mean of the test accuracies in percent that the released logs report for the cells of some strategies."""
    return float(np.mean([_logged(tables.cells_of(strategy)) for strategy in strategies]))


def _logged(cells: pd.DataFrame) -> float:
    """Mean of the test accuracies in percent that the released logs report for some cells."""
    logs = [tables.released_accuracy(c.strategy, c.embedding, c.setting) for c in cells.itertuples()]
    return 100 * float(np.nanmean(logs))


def _gains(grid: Sequence[Record]) -> Iterator[Claim]:
    """Gains of one strategy over another, paired by seed, under equal conditions; of means over the tables' cells.

    The paper's 77% for Switch is its best cell, and its mean 71%: means are compared with means.
    """
    accuracy = 100 * summary.by_seed(runs.score_frame(grid), "accuracy")
    pairs = [("mtl", "single"), ("diminish", "single"), ("switch", "single"), ("diminish", "mtl"), ("switch", "mtl")]
    for k, (strategy, reference) in enumerate(pairs, start=1):
        paper = tables.printed(strategy) - tables.printed(reference)
        against = ORIGINAL if reference == "single" else label(reference)
        yield _difference(
            f"G{k}",
            f"{label(strategy)} has a higher test accuracy than {against}",
            WHERE["gain"],
            "points",
            paper,
            accuracy[strategy].to_numpy(),
            accuracy[reference].to_numpy(),
            f"{_logs(strategy) - _logs(reference):+.0f}",
        )


def _by_direction(claim: Claim) -> Claim:
    """Return a claim of which only the direction is judged: points on another task are of another size."""
    return replace(claim, claimed=float(np.copysign(SOME, claim.claimed)))


def _released(records: Sequence[Record]) -> Iterator[Claim]:
    """The gap of the tables under the released code's own conditions: update against original.

    GloVe stands apart: its gap has another size, and its 25 dimensions here are fewer than the paper's 100.
    """
    rows = [
        {"seed": r.run.seed, "embedding": r.run.embedding, "step": step.name, "accuracy": 100 * r.scores["accuracy"]}
        for r in records
        if (step := audit.step_of(r)) in (released.ORIGINAL, released.UPDATE)
    ]
    frame = pd.DataFrame(rows, columns=["seed", "embedding", "step", "accuracy"])
    for name, embeddings, which in (("R1", TRAINED, "trained vectors"), ("R1g", (GLOVE,), "GloVe vectors")):
        cells = tables.paper_cells()
        cells = cells[cells["embedding"].isin(embeddings)]
        is_update = cells["setting"] != ORIGINAL
        paper = float(cells[is_update]["accuracy"].mean() - cells[~is_update]["accuracy"].mean())
        logs = f"{_logged(cells[is_update]) - _logged(cells[~is_update]):+.0f}"
        text = f"update is above original under the released code's conditions, without auxiliary gradient: {which}"
        found = frame[frame["embedding"].isin(embeddings)]
        if found["step"].nunique() < 2:
            yield Claim(name, text, WHERE["tables"], "points", paper, logs, None)
            continue
        means = summary.by_seed(found, "accuracy", arms="step")
        update, original = means[released.UPDATE.name], means[released.ORIGINAL.name]
        yield _difference(name, text, WHERE["tables"], "points", paper, update, original, logs)


def _curves(grid: Sequence[Record]) -> Iterator[Claim]:
    """What the paper says of Figures 5, 7, 10 and 11; what all arms do is not said of one of them."""
    frame = runs.history_frame(grid)
    last = int(frame["epoch"].max())
    middle = last // 2

    def at(strategy: str, column: str, epoch: int) -> np.ndarray:
        chosen = frame[(frame["strategy"] == strategy) & (frame["epoch"] == epoch)]
        means = chosen.groupby(["seed", "embedding"])[column].mean().groupby(level="seed").mean()
        return means.to_numpy()

    for name, strategy, column, direction, text, where, unit in (
        ("F5a", "single", "validation_loss", SOME,
         "original overfits: validation loss rises from the middle epoch to the last", "group 1", "nats"),
        ("F5b", "single", "primary_loss", -SOME,
         "original overfits: training loss falls from the middle epoch to the last", "group 1", "nats"),
        ("F7", "mtl", "validation_accuracy", SOME,
         "multi-task improves steadily: validation accuracy rises from the middle epoch to the last", "group 2",
         "points"),
    ):  # fmt: skip
        scale = 100 if unit == "points" else 1
        changes = {s: (scale * at(s, column, last), scale * at(s, column, middle)) for s in STRATEGIES}
        claim = _difference(name, text, WHERE[where], unit, direction, *changes[strategy])
        others = [s for s in STRATEGIES if s != strategy and _goes(direction, *changes[s])]
        if _goes(direction, *changes[strategy]) and len(others) == len(STRATEGIES) - 1:
            claim = replace(claim, given=verdicts.not_specific("every arm does, each with an interval that excludes 0"))
        yield claim
    switch = frame[frame["strategy"] == "switch"]
    step = int(switch.loc[switch["auxiliary_weight"] == 0, "epoch"].min())
    # Auxiliary losses are no cross-entropies, so the total has no unit.
    for name, column, what, unit in (("F10", "loss", "total", "loss"), ("F10p", "primary_loss", "primary", "nats")):
        claim = _difference(
            name, f"a step down in the {what} loss at T_switch: it falls by more than in the epoch before",
            WHERE["group 4"], unit, -SOME,
            at("switch", column, step) - at("switch", column, step - 1),
            at("switch", column, step - 1) - at("switch", column, step - 2),
        )  # fmt: skip
        dropped = verdicts.by_construction("at T_switch the total loses its auxiliary terms")
        yield replace(claim, given=dropped, p=np.nan) if what == "total" else claim


def _goes(direction: float, after: Values, before: Values) -> bool:
    """Whether the 95% interval of a change lies on one side of 0."""
    interval = paired_difference(after, before).interval
    return bool(interval.low > 0 if direction > 0 else interval.high < 0)


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
            claim = _difference(
                key, text, WHERE["conclusion"], "points", SOME, means[strategy].to_numpy(), means["single"].to_numpy()
            )
            if not downstream.is_measurable(means):
                claim = replace(claim, given=verdicts.not_measurable("a table of random vectors does as well"))
            yield claim


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
        paper,
        equivalence(a, b, MARGIN) if unit == "points" else np.nan,
        detectable=detectable_difference(differences, len(differences)),
    )


def _scaled(interval: Interval, scale: Callable[[float], float]) -> Interval:
    return Interval(scale(interval.mean), scale(interval.low), scale(interval.high), interval.n, interval.method)
