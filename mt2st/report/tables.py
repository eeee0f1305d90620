"""Tables I–III from recorded runs, each row beside the paper's number and that of its released logs."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from mt2st import paths
from mt2st.data.vectors import EMBEDDINGS, FETCH_GLOVE, GLOVE
from mt2st.experiments.strategies import ORIGINAL, STRATEGIES
from mt2st.statistics import as_text, mean_interval

SCORE_COLUMNS = [f"{average}_{score}" for average in ("macro", "weighted") for score in ("precision", "recall", "f1")]
COLUMNS = [
    "strategy", "embedding", "setting", "seeds", "accuracy_mean", "accuracy_low", "accuracy_high", *SCORE_COLUMNS,
    "train_seconds", "paper_accuracy", "released_accuracy", "note",
]  # fmt: skip


def accuracies(strategy: str, scores: pd.DataFrame, embeddings: Sequence[str] = EMBEDDINGS) -> pd.DataFrame:
    """Return a strategy's table, such as Table I: one row for each embedding and setting.

    Settings are "original", which is single-task training under the same conditions as every other row, and the
    strategy's own, such as update0. Accuracies are shares; low and
    high bound the 95% t interval over seeds, clipped to [0, 1]. A row without runs says why in `note`.

    Args:
        strategy: any but "single".
        scores: `runs.score_frame` of recorded runs.
        embeddings: which embeddings to list.
    """
    rows = []
    for embedding in embeddings:
        for setting in (ORIGINAL, *STRATEGIES[strategy].settings):
            runs = scores[
                (scores["strategy"] == ("single" if setting == ORIGINAL else strategy))
                & (scores["embedding"] == embedding)
                & (scores["setting"] == setting)
            ]
            rows.append(
                {"strategy": strategy, "embedding": embedding, "setting": setting}
                | _summary(runs, embedding)
                | {
                    "paper_accuracy": paper_accuracy(strategy, embedding, setting),
                    "released_accuracy": released_accuracy(strategy, embedding, setting),
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _summary(runs: pd.DataFrame, embedding: str) -> dict[str, float | int | str]:
    """Mean scores of one cell, or a note why there are none."""
    if not len(runs):
        note = f"needs glove-twitter-100: {FETCH_GLOVE}" if embedding == GLOVE else "not run"
        return {"seeds": 0, "note": note}
    accuracy = mean_interval(runs["accuracy"].to_numpy())
    summary: dict[str, float | int | str] = {
        "seeds": len(runs),
        "accuracy_mean": accuracy.mean,
        "accuracy_low": float(np.clip(accuracy.low, 0, 1)),
        "accuracy_high": float(np.clip(accuracy.high, 0, 1)),
        "train_seconds": float(runs["train_seconds"].mean()),
        "note": "",
    }
    return summary | {name: float(runs[name].mean()) for name in SCORE_COLUMNS}


def paper_accuracy(strategy: str, embedding: str, setting: str) -> float:
    """Accuracy the paper prints for a cell, as a share; NaN where it prints none."""
    return _lookup(paper_cells(), "accuracy", strategy, embedding, setting) / 100


def released_accuracy(strategy: str, embedding: str, setting: str) -> float:
    """Test accuracy in the released logs for a cell, a mean where they report it twice; NaN where they do not."""
    return _lookup(_released(), "test_accuracy", strategy, embedding, setting)


@lru_cache
def paper_cells() -> pd.DataFrame:
    """Tables I–III as printed, one row a cell: table, strategy, embedding, setting, accuracy in percent and so on."""
    return pd.read_csv(paths.find_published("tables.csv"))


def cells_of(strategy: str) -> pd.DataFrame:
    """Cells of Tables I–III of a strategy: its update settings, or "original" in all three for single-task learning."""
    cells = paper_cells()
    is_original = cells["setting"] == ORIGINAL
    return cells[is_original] if strategy == "single" else cells[~is_original & (cells["strategy"] == strategy)]


def printed(*strategies: str) -> float:
    """Mean of the accuracies in percent that Tables I–III print for some strategies."""
    return float(np.mean([cells_of(strategy)["accuracy"].mean() for strategy in strategies]))


def released_logs(strategy: str, embedding: str, setting: str) -> str:
    """Every accuracy in percent that the released logs report for a cell, in their order; a dash for none."""
    return ", ".join(map(_percent, _cell_of(_released(), strategy, embedding, setting)["test_accuracy"])) or "–"


def _lookup(frame: pd.DataFrame, column: str, strategy: str, embedding: str, setting: str) -> float:
    found = _cell_of(frame, strategy, embedding, setting)
    return float(found[column].mean()) if len(found) else np.nan


def _cell_of(frame: pd.DataFrame, strategy: str, embedding: str, setting: str) -> pd.DataFrame:
    """Rows of one cell of Tables I–III."""
    return frame[(frame["strategy"] == strategy) & (frame["embedding"] == embedding) & (frame["setting"] == setting)]


@lru_cache
def _released() -> pd.DataFrame:
    """Test reports in the released logs."""
    return pd.read_csv(paths.find_published("released_logs.csv"))


def compact(scores: pd.DataFrame, embeddings: Sequence[str] = EMBEDDINGS) -> pd.DataFrame:
    """Tables I–III side by side, in percent: for each strategy the paper, its released logs, ours with its interval.

    Strategies that are not the paper's follow, where they have been run.
    """
    parts, run = [], set(scores["strategy"])
    for name, strategy in STRATEGIES.items():
        if name == "single" or not (strategy.table or name in run):
            continue
        full = accuracies(name, scores, embeddings).set_index(["embedding", "setting"])
        columns: dict[str, pd.Series | list[str]] = {}
        if strategy.table:
            columns[f"{name}: paper"] = full["paper_accuracy"].map(_percent)
            columns[f"{name}: released logs"] = [released_logs(name, *cell) for cell in full.index]
        columns[f"{name}: ours"] = full.apply(_ours, axis=1)
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, axis=1).fillna("–").reset_index()


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.0f}"


def _ours(row: pd.Series) -> str:
    if not row["seeds"]:
        return str(row["note"]).partition(":")[0]
    mean = f"{100 * row['accuracy_mean']:.1f}"
    if np.isnan(row["accuracy_low"]):
        return mean
    return f"{mean} [{100 * row['accuracy_low']:.0f}, {100 * row['accuracy_high']:.0f}]"


def intervals(frame: pd.DataFrame, name: str, number: str = ".1f") -> list[str]:
    """Write the columns of an estimate (`Interval.columns`) for readers, see `statistics.as_text`."""
    columns = [frame[f"{name}{suffix}"] for suffix in ("", " low", " high")]
    return [as_text(mean, low, high, number) for mean, low, high in zip(*columns, strict=True)]


def texts(values: "pd.Series[float]", number: str = ".1f") -> list[str]:
    """Write numbers for readers, a dash for NaN."""
    return [as_text(value, np.nan, np.nan, number) for value in values]


def merged(frame: pd.DataFrame, decimals: int = 2) -> pd.DataFrame:
    """Return a table with an estimate and its bounds, the columns `x`, `x low` and `x high`, as text in one column."""
    found = frame.copy()
    for name in [name for name in frame.columns if {f"{name} low", f"{name} high"} <= {*frame.columns}]:
        found[name] = intervals(frame, name, f".{decimals}f")
        found = found.drop(columns=[f"{name} low", f"{name} high"])
    return found


def shown(frame: pd.DataFrame, decimals: int = 2) -> Styler:
    """Return a table for notebooks, `merged`, with a dash for what is missing; an index that only counts is hidden."""
    styler = Styler(merged(frame, decimals), uuid="table", cell_ids=False, precision=decimals, na_rep="–")
    return styler.hide(axis="index") if isinstance(frame.index, pd.RangeIndex) else styler


def to_markdown(frame: pd.DataFrame, decimals: int = 3) -> str:
    """Format a frame as a Markdown table; floats rounded, missing values as a dash."""
    header = [str(column) for column in frame.columns]
    rows = [[_cell(value, decimals) for value in row] for row in frame.itertuples(index=False)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows]) + "\n"


def _cell(value: object, decimals: int) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.{decimals}f}"
    return str(value)
