from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from mt2st.experiments import strategies
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.experiments.strategies import UPDATES
from mt2st.report import robustness
from mt2st.report.robustness import ALONE, AS_GRID, FIRST, LAST, MATCHED, PAPER_SAMPLE
from mt2st.schedules import SINGLE_TASK, Constant, Switch
from mt2st.statistics import mean_interval

Make = Callable[..., Record]
CONFIGURATION = Configuration(epochs=4)
SCHEDULES = {"single": SINGLE_TASK, "mtl": Constant(1.0), "switch": Switch(2)}
NOISE = (0.00, 0.02, -0.03)
# Test accuracies: of the epoch that is kept, of the last one, and of the best one without auxiliary task.
LEVELS = {"single": (0.70, 0.68, 0.70), "mtl": (0.71, 0.65, 0.0), "switch": (0.73, 0.69, 0.72)}


def record_of(make: Make, strategy: str, seed: int, embedding: str = "CBOW", experiment: str = "grid") -> Record:
    names = () if strategy == "single" else ("update1",)
    run = Run(embedding, strategy, names, SCHEDULES[strategy], seed, CONFIGURATION)
    noise = NOISE[seed] if strategy == "switch" else 0.0
    kept, last, alone = (level + noise for level in LEVELS[strategy])
    made = make(run, kept, experiment)
    checkpoints = {name: dict(found) for name, found in made.scores["checkpoints"].items()}
    checkpoints["last"]["accuracy"] = last
    if "phase 2" in checkpoints:
        checkpoints["phase 2"]["accuracy"] = alone
    return replace(made, scores=made.scores | {"checkpoints": checkpoints})


@pytest.fixture
def grid(known_record: Make) -> list[Record]:
    """Return three strategies on three seeds; Switch has what it gains over single-task and some noise."""
    return [record_of(known_record, strategy, seed) for strategy in SCHEDULES for seed in range(3)]


def rows_of(records: list[Record]) -> pd.DataFrame:
    return robustness.choices(records).set_index(["choice", "strategy"])


def test_strategies_are_compared_under_each_choice_of_the_epoch(grid: list[Record]) -> None:
    rows = rows_of(grid)
    assert [*dict.fromkeys(rows.index.get_level_values("choice"))] == [AS_GRID, LAST, ALONE]
    mean = 100 * np.mean(NOISE)
    assert rows["difference"].dropna().to_dict() == pytest.approx(
        {
            (AS_GRID, "mtl"): 1.0,
            (AS_GRID, "switch"): 3.0 + mean,
            (LAST, "mtl"): -3.0,
            (LAST, "switch"): 1.0 + mean,
            (ALONE, "switch"): 2.0 + mean,  # of single-task learning's best epoch
        }
    )
    assert rows.loc[(ALONE, "single"), "accuracy"] == pytest.approx(70)
    interval = stats.ttest_1samp(3 + 100 * np.array(NOISE), 0).confidence_interval(0.95)
    found = rows.loc[(AS_GRID, "switch"), ["difference low", "difference high"]]
    assert found.tolist() == pytest.approx([interval.low, interval.high])
    tested = rows["p"].dropna()
    assert rows.loc[tested.index, "p after Holm"].tolist() == pytest.approx(multipletests(tested, method="holm")[1])


def test_matched_settings_replace_those_of_the_first_embedding(grid: list[Record], known_record: Make) -> None:
    settings = replace(CONFIGURATION, learning_rate=0.5)
    matched = [
        known_record(replace(r.run, configuration=settings), 0.60, "matched") for r in grid if r.run.strategy == "mtl"
    ]
    elsewhere = [record_of(known_record, strategy, seed, "SkipGram") for strategy in SCHEDULES for seed in range(2)]
    moved = [replace(r, scores=r.scores | {"accuracy": 0.5}) for r in elsewhere]
    rows = rows_of([*grid, *matched, *moved])
    mean = 100 * np.mean(NOISE)
    assert rows.loc[(FIRST, "mtl"), "difference"] == pytest.approx(1)
    assert rows.loc[(MATCHED, "mtl"), "difference"] == pytest.approx(-10)
    assert rows.loc[(MATCHED, "switch"), "difference"] == pytest.approx(3 + mean)  # had these settings already
    assert rows.loc[(FIRST, "mtl"), "n"] == 3


def test_the_papers_sample_is_a_choice_of_its_own(grid: list[Record], known_record: Make) -> None:
    sample = [record_of(known_record, strategy, 0, experiment="paper-sample") for strategy in SCHEDULES]
    rows = rows_of([*grid, *sample])
    assert rows.loc[(PAPER_SAMPLE, "switch"), ["n", "difference"]].tolist() == pytest.approx([1, 3])
    assert np.isnan(rows.loc[(PAPER_SAMPLE, "switch"), "difference low"])
    shown = robustness.readable(robustness.choices([*grid, *sample]))
    assert shown.iloc[-1].tolist() == [PAPER_SAMPLE, "Switch", 1, "73.0", "+3.0", "1.000"]


def test_epochs_that_are_kept_from_before_the_switch_are_counted(grid: list[Record]) -> None:
    late = [
        replace(r, scores=r.scores | {"best_epoch": 2}) if r.run.strategy == "switch" and r.run.seed else r
        for r in grid
    ]
    of_mtl = next(r.scores["predictions"] for r in grid if r.run.strategy == "mtl" and r.run.seed == 0)
    same = [
        replace(r, scores=r.scores | {"predictions": of_mtl}) if r.run.strategy == "switch" and r.run.seed < 2 else r
        for r in late
    ]
    found = robustness.kept_epochs(same)
    assert found.to_dict("records") == [{"strategy": "switch", "runs": 3, "before": 1, "as multi-task": 1}]
    lines = robustness.conclusions(same).splitlines()
    assert lines[0] == "differences from single-task learning that are shown (p after Holm at most 0.05): 0 of 5"
    assert lines[1] == (
        "Switch: 1 of 3 runs (33%) kept an epoch in which the auxiliary task was still trained; 1 predicted exactly as "
        "multi-task learning"
    )


def test_ways_to_ease_the_switch_are_compared_with_it_as_it_is(known_record: Make) -> None:
    gains = {"Switch": 0.0, "0.3 times the learning rate": 0.02, "50% of the dimensions frozen": -0.01}
    gains |= {"a layer of the task's own": 0.01, "all three": 0.0}
    noise = np.array([0.0, 0.01, -0.01])
    schedules = strategies.transitions(15)
    records = [
        known_record(
            Run("CBOW", "switch", UPDATES, schedules[name], seed, Configuration()),
            0.7 + gain + (noise[seed] if name != "Switch" else 0),
        )
        for seed in range(3)
        for name, gain in gains.items()
    ]
    table = robustness.transitions(records).set_index("transition")
    assert table.index.tolist() == list(gains)
    for name in list(gains)[1:]:
        expected = mean_interval(100 * (gains[name] + noise))
        found = table.loc[name, ["difference", "difference low", "difference high"]].tolist()
        assert found == pytest.approx([expected.mean, expected.low, expected.high])
    assert table.loc["Switch", ["accuracy", "n"]].tolist() == pytest.approx([70, 3])
    assert table.loc["Switch", ["difference", "p"]].isna().all()
