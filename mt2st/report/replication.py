"""What notebooks 05–08 show, as files: claims, the audit, time to target and other tasks, each where it was run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mt2st.experiments import runs
from mt2st.experiments.plans import WALKED
from mt2st.experiments.profiles import STRATEGIES, Profile
from mt2st.experiments.runs import Record
from mt2st.report import audit, claims, downstream_summary, timing
from mt2st.report.figures import paper as figures
from mt2st.report.figures import replication as figures_replication
from mt2st.statistics import as_text

TITLES = {
    "claims": "The paper's claims, each tested with the seed as the unit; 95% intervals in brackets; a run that does "
    "not reach a validation accuracy counts with all its epochs",
    "audit": "Every cell of Tables I–III: paper, released logs, and ours under both protocols (accuracy in percent)",
    "walk": "From “original” to “update”, one change at a time (accuracy in percent)",
    "without_gradient": "The released code's terms: what they add to the loss, and what they change in training",
    "controls": "What else could explain a gain (accuracy in percent, differences from single-task in points)",
    "time_to_target": "Seconds and 10⁹ operations to a validation accuracy, or for all epochs where it is not reached",
    "downstream": "The learned tables on other tasks (percent)",
    "intrinsic": "The learned tables by themselves",
}


def targets(records: Sequence[Record]) -> list[float]:
    """Validation accuracies to reach: the single-task arm's best mean, and the fixed ones."""
    return [timing.best_mean(records), *timing.FIXED_TARGETS]


def tables(profile: Profile, records: Sequence[Record]) -> dict[str, pd.DataFrame]:
    """Return by name every table whose runs are among the records."""
    grid = runs.of(records, "grid")
    found: dict[str, pd.DataFrame] = {}
    if _can_compare(grid):
        found["claims"] = claims.table(profile, records)
        found["time_to_target"] = timing.table(grid, targets(grid))
    if runs.of(records, "released"):
        found["audit"] = audit.cells(records)
        found["walk"] = audit.walk(records, WALKED[0])
        found["without_gradient"] = audit.without_gradient(records)
    if runs.of(records, "control"):
        found["controls"] = audit.controls(records)
    if elsewhere := runs.of(records, "downstream"):
        found["downstream"] = downstream_summary.table(elsewhere)
        found["intrinsic"] = downstream_summary.intrinsic(elsewhere)
    return {name: found[name] for name in TITLES if name in found}


def _can_compare(grid: Sequence[Record]) -> bool:
    """Whether all strategies have been run on some embedding with the same seed."""
    strategies: dict[tuple[str, int], set[str]] = {}
    for record in grid:
        strategies.setdefault((record.run.embedding, record.run.seed), set()).add(record.run.strategy)
    return set(STRATEGIES) in strategies.values()


def for_readers(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return one of `tables` as it is shown: claims and audit with their numbers as text, the others as they are."""
    return {"claims": claims_for_readers, "audit": audit.readable}.get(name, lambda table: table)(frame)


def draw(made: dict[str, pd.DataFrame], records: Sequence[Record], folder: Path) -> None:
    """Draw the figure of each table that has one, as png and pdf."""
    pictures: dict[str, Figure] = {}
    if "walk" in made:
        pictures["walk"] = figures_replication.walk(made["walk"], WALKED[0])
    if "controls" in made:
        pictures["controls"] = figures_replication.controls(made["controls"])
    if "time_to_target" in made:
        grid = runs.of(records, "grid")
        pictures["time_to_target"] = figures_replication.survival(grid, targets(grid))
    if "downstream" in made:
        pictures["downstream"] = figures_replication.downstream(made["downstream"])
    for name, picture in pictures.items():
        figures.save(picture, folder / name)


def claims_for_readers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of claims with numbers formatted for people."""
    return pd.DataFrame(
        {
            "claim": table["claim"],
            "unit": table["unit"],
            "paper": [_number(value) for value in table["paper"]],
            "released logs": table["released logs"],
            "ours": [as_text(row.ours, row.low, row.high, _format(row.ours)) for row in table.itertuples()],
            "n": table["n"],
            "p after Holm": ["–" if np.isnan(p) else f"{p:.3f}" for p in table["p after Holm"]],
            "detectable with n": [_number(value) for value in table["detectable"]],
            "verdict": table["verdict"],
        }
    )


def _number(value: float) -> str:
    return as_text(value, np.nan, np.nan, _format(value))


def _format(value: float) -> str:
    """One decimal from 10 on and two below."""
    return ".1f" if abs(value) >= 10 else ".2f"
