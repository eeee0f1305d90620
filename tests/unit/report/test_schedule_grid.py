from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mt2st.experiments import plans, profiles
from mt2st.experiments.runs import Record, Run
from mt2st.report import schedule_grid
from mt2st.schedules import Switch

Make = Callable[..., Record]
SMOKE = profiles.PROFILES["smoke"]
PROFILE = replace(SMOKE, configuration=replace(SMOKE.configuration, epochs=25))
SINGLE = (0.70, 0.72, 0.68)  # test accuracies by seed
GAINS = (0.01, 0.03, 0.02)  # of the cell η = 0.1, T_switch = 10; the others have none


def accuracy_of(run: Run) -> float:
    values = run.schedule.to_dict()
    return SINGLE[run.seed] + GAINS[run.seed] * (values["eta"] == [0.1] and values["t_switch"] == [10.0])


@pytest.fixture
def records(known_record: Make) -> list[Record]:
    return [known_record(run, accuracy_of(run), "schedule-grid") for run in plans.schedule_grid(PROFILE, 3)]


def test_single_task_learning_comes_first_and_each_cell_differs_from_it_by_seed(records: list[Record]) -> None:
    frame = schedule_grid.cells(records)
    assert len(frame) == 21
    first, cell = frame.iloc[0], frame.set_index(["eta", "T_switch"]).loc[0.1, 10.0]
    assert (first["eta"], first["T_switch"], first["n"], first["accuracy"]) == (0, 0, 3, pytest.approx(70))
    assert np.isnan(first["difference"])
    low, high = stats.t.interval(0.95, 2, loc=2, scale=stats.sem([1, 3, 2]))
    found = cell[["accuracy", "difference", "difference low", "difference high", "p", "p after Holm"]]
    assert found.tolist() == pytest.approx([72, 2, low, high, 0.25, 1])  # 2 of the 8 signs are as far from 0
    others = frame[(frame["T_switch"] > 0) & (frame["difference"] < 1)]
    assert len(others) == 19
    assert set(others["difference"]) == {0.0}


def test_epochs_whose_weight_is_below_epsilon_are_not_auxiliary(records: list[Record]) -> None:
    counts = schedule_grid.cells(records).groupby("eta")["auxiliary epochs"].agg(list).to_dict()
    assert counts == {
        0.0: [0, 5, 10, 15, 20, 25],
        0.1: [5, 10, 15, 20, 25],
        0.3: [5, 10, 15, 16, 16],  # e^(−0.3 · 16) = 0.008
        1.0: [5, 5, 5, 5, 5],  # e^−5 = 0.007
    }


def test_a_seed_that_a_cell_has_not_is_left_out(records: list[Record]) -> None:
    frame = schedule_grid.cells(records[:-1])
    assert set(frame["n"]) == {2}
    assert frame["accuracy"].iloc[0] == pytest.approx(71)


def test_for_readers_numbers_are_text_and_single_task_has_no_difference(records: list[Record]) -> None:
    shown = schedule_grid.readable(schedule_grid.cells(records))
    assert shown.iloc[0].tolist() == ["0", "0", 0, 3, "70.0 [65.0, 75.0]", "–", "–"]
    assert shown.loc[(shown["η"] == "0.1") & (shown["T_switch"] == "10"), "difference (points)"].tolist() == [
        "+2.0 [-0.5, +4.5]"
    ]


def test_conclusions_count_a_training_once_and_say_what_could_be_seen(records: list[Record]) -> None:
    said = schedule_grid.conclusions(records)
    assert "reaches 70.0 [65.0, 75.0]% (n = 3)" in said
    assert "The 15 different trainings of the grid are +0.0 to +2.0 points from it; the number of 95% intervals" in said
    assert "that exclude 0 is 0, and the smallest p" in said
    assert "With 3 seeds no p falls below 0.25" in said
    alone = schedule_grid.conclusions([record for record in records if record.run.seed == 0])
    assert alone.endswith("are +0.0 to +1.0 points from it; one seed gives no interval.")


def test_without_runs_it_is_said_how_to_make_them() -> None:
    with pytest.raises(ValueError, match="make them with `mt2st reproduce --profile imdb --notebooks start`"):
        schedule_grid.cells([])


def test_a_run_of_another_schedule_is_no_cell(records: list[Record]) -> None:
    other = replace(records[0], run=replace(records[0].run, schedule=Switch(5)))
    with pytest.raises(ValueError, match="has the schedule Switch"):
        schedule_grid.place(other)
