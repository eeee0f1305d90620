"""The grid of schedules: what a decay rate η and a last epoch T_switch of the auxiliary weight do to accuracy."""

from collections.abc import Sequence

import pandas as pd

from mt2st.experiments import runs
from mt2st.experiments.runs import Record
from mt2st.history import AUXILIARY
from mt2st.report import summary, tables
from mt2st.schedules import DiminishUntil
from mt2st.statistics import detectable_difference, holm

CELL = ["eta", "T_switch"]  # columns that name a cell
SINGLE = (0.0, 0.0)  # the cell without auxiliary epochs: single-task learning


def place(record: Record) -> tuple[float, float]:
    """Return η and T_switch of a run of the grid."""
    schedule = record.run.schedule
    if not isinstance(schedule, DiminishUntil):
        raise ValueError(f"run {record.run.hash} has the schedule {schedule}, no run of the grid of schedules has")
    values = schedule.to_dict()
    return values["eta"][0], values["t_switch"][0]


def history(records: Sequence[Record]) -> pd.DataFrame:
    """One row an epoch of a run, see `runs.history_frame`, with its cell."""
    return pd.concat(
        [runs.history_frame([record]).assign(**dict(zip(CELL, place(record), strict=True))) for record in records],
        ignore_index=True,
    )


def accuracies(records: Sequence[Record]) -> pd.DataFrame:
    """Test accuracies in percent by cell (rows) and seed (columns); a seed that not all cells have is left out."""
    rows = [
        dict(zip(CELL, place(r), strict=True), seed=r.run.seed, accuracy=100 * r.scores["accuracy"]) for r in records
    ]
    return pd.DataFrame(rows).pivot_table(index=CELL, columns="seed", values="accuracy").dropna(axis=1)


def cells(records: Sequence[Record]) -> pd.DataFrame:
    """One row a cell, single-task first: accuracies in percent, differences from it in points, paired by seed.

    With 95% t intervals over seeds, the exact sign-flip p and p after Holm over all cells. `auxiliary epochs` counts
    those in which the auxiliary task was computed, its weight not being below ε: cells of one η that have the same
    number are one training.

    Raises ValueError that says how to make the runs where there are none.
    """
    if not records:
        raise ValueError(
            "there are no runs of the experiment schedule-grid: make them with `mt2st reproduce --profile imdb "
            "--notebooks start`"
        )
    by_seed = accuracies(records)
    computed = {place(record): _auxiliary_epochs(record) for record in records}
    epochs = records[0].run.configuration.epochs
    rows = []
    for (eta, end), values in by_seed.iterrows():
        row = {"eta": eta, "T_switch": end, "epochs": epochs, "auxiliary epochs": computed[eta, end]}
        row |= summary.level(values)
        rows.append(row if (eta, end) == SINGLE else row | summary.difference(values, by_seed.loc[SINGLE]))
    frame = pd.DataFrame(rows)
    frame["p after Holm"] = holm(frame["p"].to_numpy())
    return frame


def _auxiliary_epochs(record: Record) -> int:
    weights = record.tasks.loc[record.tasks["role"] == AUXILIARY, "weight"]
    return int((weights >= record.run.configuration.epsilon).sum())


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `cells` with numbers as text."""
    return pd.DataFrame(
        {
            "η": tables.texts(frame["eta"], "g"),
            "T_switch": tables.texts(frame["T_switch"], "g"),
            "auxiliary epochs": frame["auxiliary epochs"],
            "n": frame["n"],
            "accuracy (%)": tables.intervals(frame, "accuracy"),
            "difference (points)": tables.intervals(frame, "difference", "+.1f"),
            "exact p": tables.texts(frame["p"], ".2f"),
        }
    )


def conclusions(records: Sequence[Record]) -> str:
    """Say in words how far the cells are from single-task learning, and what so few seeds could have shown."""
    frame, by_seed = cells(records), accuracies(records)
    single = frame[frame["T_switch"] == 0].iloc[0]
    others = frame[frame["T_switch"] > 0].drop_duplicates(["eta", "auxiliary epochs"])
    lowest, highest = others["difference"].min(), others["difference"].max()
    apart = ((others["difference low"] > 0) | (others["difference high"] < 0)).sum()
    n = int(single["n"])
    said = (
        f"Single-task learning reaches {tables.intervals(single.to_frame().T, 'accuracy')[0]}% (n = {n}). The "
        f"{len(others)} different trainings of the grid are {lowest:+.1f} to {highest:+.1f} points from it"
    )
    if n == 1:
        return f"{said}; one seed gives no interval."
    spread = (by_seed - by_seed.loc[SINGLE]).drop(index=SINGLE).std(axis=1, ddof=1).median()
    return (
        f"{said}; the number of 95% intervals that exclude 0 is {apart}, and the smallest p after Holm is "
        f"{others['p after Holm'].min():.2f}.\n"
        f"With {n} seeds no p falls below {2 / 2**n:.2g}, and a t test would find a true difference of "
        f"{detectable_difference(spread, n):.1f} points in four of five tries: smaller ones this grid cannot show."
    )
