"""Spanish beside English: names in test, and what the table knows of translations."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from mt2st.experiments.languages import AUXILIARIES, COMPARED, UNTOUCHED
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import SINGLE, STAYING
from mt2st.report import summary, tables
from mt2st.report.summary import FROM_SINGLE, FROM_STAYING, points

SCORE = "F1 of names"
OF_TABLE = {  # as recorded, and for readers
    "translation": "translations found",
    "translation_rotated": "found after a rotation",
    "alignment_error": "alignment error rate",
}


def by_arm(records: Sequence[Record]) -> pd.DataFrame:
    """One row a set of auxiliary tasks and way: F1 of names in test and scores of the table, all in percent.

    Differences of F1, in points, are from Spanish names alone and from the same tasks to the end; paired by seed with
    95% intervals, and p of the exact sign-flip test after Holm over all of them. Scores of the table are those of
    `experiments.bilingual`.
    """
    labels = {names: label for label, names in AUXILIARIES.items()} | {(): "none"}
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((labels[record.run.auxiliaries], record.run.strategy), []).append(record)
    f1 = {place: summary.score_by_seed(made, "span_f1") for place, made in groups.items()}
    rows = []
    for (tasks, way), made in groups.items():
        place = tasks, way
        trained = way != UNTOUCHED
        row: dict[str, object] = {"auxiliary tasks": tasks, "way": way, "n": len(made)}
        row |= summary.level(f1[place], SCORE) if trained else {}
        for recorded, name in OF_TABLE.items():
            row |= summary.level(summary.score_by_seed(made, recorded), name)
        references = {FROM_SINGLE: ("none", SINGLE), FROM_STAYING: (tasks, STAYING)}
        asked = {name: f1[one] for name, one in references.items() if trained and one != place and one in f1}
        rows.append(row | summary.differences(f1[place], asked, summary.share_tested(records)))
    return summary.corrected(pd.DataFrame(rows), [FROM_SINGLE, FROM_STAYING])


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `by_arm` with numbers as text."""
    shown = {
        "auxiliary tasks": frame["auxiliary tasks"],
        "way": frame["way"],
        "n": frame["n"],
        f"{SCORE} (%)": tables.intervals(frame, SCORE),
    }
    for name in (FROM_SINGLE, FROM_STAYING):
        shown[f"{name} (points)"] = tables.intervals(frame, name, "+.1f")
    shown[f"p {FROM_SINGLE} after Holm"] = tables.texts(frame[f"p {FROM_SINGLE} after Holm"], ".3f")
    for name in OF_TABLE.values():
        shown[f"{name} (%)"] = tables.intervals(frame, name)
    return pd.DataFrame(shown)


def conclusions(frame: pd.DataFrame) -> str:
    """Say in words, a line a question, what `by_arm` shows; intervals are not corrected for their number."""
    alone, staying = frame[frame["way"] == SINGLE].iloc[0], frame[frame["way"] == STAYING]
    ends = frame[frame["way"].isin(COMPARED) & (frame["way"] != STAYING)]
    helped = [f"{row['auxiliary tasks']} {points(row, FROM_SINGLE)}" for _, row in staying.iterrows()]
    ended = [f"{row['auxiliary tasks']} {points(row, FROM_STAYING)}" for _, row in ends.iterrows()]
    found, rotated, error = OF_TABLE.values()
    return "\n".join(
        [
            f"F1 of Spanish names: {', '.join(helped)} points from Spanish names alone, which have {alone[SCORE]:.1f}% "
            f"(n = {alone['n']}).",
            f"Ending on Spanish names with Switch in place of staying with all tasks: {', '.join(ended)} points.",
            f"Alignment error rate: {_extremes(frame, error, 'lowest')}. Held-out English words with a translation "
            f"among their ten nearest Spanish words: {_extremes(frame, found, 'highest')}; after a rotation "
            f"{_extremes(frame, rotated, 'highest')}.",
        ]
    )


def _extremes(frame: pd.DataFrame, name: str, kind: Literal["lowest", "highest"]) -> str:
    """Say a score of the table before training, and the best that any arm has after it."""
    before, trained = frame[frame["way"] == UNTOUCHED].iloc[0], frame[frame["way"] != UNTOUCHED]
    best = trained.loc[trained[name].idxmin() if kind == "lowest" else trained[name].idxmax()]
    arm = f"{best['auxiliary tasks']}, {best['way']}"
    return f"{before[name]:.1f}% before training, {kind} after it {best[name]:.1f}% ({arm})"
