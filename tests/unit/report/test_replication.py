from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mt2st.experiments import plans as experiments
from mt2st.experiments import profiles, released
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.report import audit, claims, replication, timing
from mt2st.report import page as report
from mt2st.report.figures import paper as figures
from mt2st.report.figures.paper import Figure
from mt2st.schedules import SINGLE_TASK, Constant

Make = Callable[..., Record]
SMOKE = profiles.PROFILES["smoke"]


def grid_of(make: Make, seeds: int = 2) -> list[Record]:
    return [
        make(run, 0.6 + run.seed / 100, validation_accuracy=0.7, cpu_seconds=1.0 + run.seed)
        for strategy in profiles.STRATEGIES
        for run in experiments.plan(SMOKE, strategy, "CBOW", seeds)
    ]


def further_of(make: Make) -> dict[str, list[Record]]:
    """Return a few records of each experiment beside the grid."""
    base = released.conditions(SMOKE.configuration)
    shuffled = Run("CBOW", "mtl", ("update0-shuffled",), Constant(1.0), 0, SMOKE.configuration)
    configuration = Configuration(epochs=1, evaluate_table=True)
    scores = {
        "downstream": {"imdb": {"accuracy": 0.8, "coverage": 1.0}},
        "intrinsic": [{"set": "a", "measure": "spearman", "score": 0.5, "covered": 3, "total": 4}],
    }
    tables = [
        make(Run("CBOW", strategy, (), SINGLE_TASK, 0, replace(configuration, epochs=epochs)), 0.5, "downstream")
        for strategy, epochs in [("single", 0), ("single", 1), ("switch", 1)]
    ]
    cells = released.cells(SMOKE.configuration, "CBOW", 0)
    return {
        "released": [
            *(make(step.run(base, "CBOW", "", 0), 0.5 + k / 10, "released") for k, step in enumerate(released.STEPS)),
            make(cells["mtl", "update1"], 0.5, "released"),
        ],
        "control": [make(replace(shuffled, seed=seed), 0.6, "control") for seed in range(2)],
        "downstream": [replace(r, scores=r.scores | scores) for r in tables],
        "paper-size": [],
    }


@pytest.fixture(scope="module")
def records(known_record: Make) -> list[Record]:
    further = [record for group in further_of(known_record).values() for record in group]
    return [*grid_of(known_record), *(r for r in further if r.experiment != "downstream")]


@pytest.fixture(scope="module")
def made(records: list[Record]) -> dict[str, pd.DataFrame]:
    return replication.tables(SMOKE, records)


def test_the_first_target_is_the_single_task_arms_own(known_record: Make) -> None:
    assert replication.targets(grid_of(known_record)) == [0.7, 0.65, 0.70, 0.75]


def test_tables_are_those_of_their_modules(made: dict[str, pd.DataFrame], records: list[Record]) -> None:
    assert list(made) == ["claims", "audit", "walk", "without_gradient", "controls", "time_to_target"]
    grid = [record for record in records if record.experiment == "grid"]
    expected = {
        "claims": claims.table(SMOKE, records),
        "audit": audit.cells(records),
        "walk": audit.walk(records, "CBOW"),
        "without_gradient": audit.without_gradient(records),
        "controls": audit.controls(records),
        "time_to_target": timing.table(grid, replication.targets(grid)),
    }
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(made[name], frame)


def test_scores_elsewhere_have_two_tables(known_record: Make) -> None:
    found = replication.tables(SMOKE, further_of(known_record)["downstream"])
    assert list(found) == ["downstream", "intrinsic"]
    assert found["downstream"]["table"].tolist() == ["untouched", "single", "switch"]


@pytest.mark.parametrize("kept", [{"single"}, {"single", "mtl", "diminish"}])
def test_strategies_that_are_not_all_there_are_not_compared(
    known_record: Make, profile: Profile, kept: set[str]
) -> None:
    some = [record for record in grid_of(known_record, 1) if record.run.strategy in kept]
    assert replication.tables(profile, some) == {}
    assert replication.tables(profile, []) == {}


def test_strategies_without_a_seed_in_common_are_not_compared(known_record: Make, profile: Profile) -> None:
    apart = [r for r in grid_of(known_record) if (r.run.strategy == "switch") == (r.run.seed == 1)]
    assert {r.run.strategy for r in apart} == set(profiles.STRATEGIES)
    assert replication.tables(profile, apart) == {}


def test_written_tables_read_back(made: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    report.write_tables(made, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}.{s}" for name in made for s in ("csv", "md")}
    for name, frame in made.items():
        read = pd.read_csv(tmp_path / f"{name}.csv")
        assert read.columns.tolist() == frame.columns.tolist()
        number = frame.select_dtypes("number").columns
        np.testing.assert_allclose(read[number], frame[number].astype(float), rtol=1e-5, atol=1e-12)
        text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        assert text.startswith(f"{replication.TITLES[name]}\n\n| ")
        assert text.count("\n| ") == 2 + len(frame)
        assert "nan" not in text


def test_every_table_has_a_title_and_some_have_a_figure(
    made: dict[str, pd.DataFrame], records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(made) <= set(replication.TITLES)
    drawn: dict[str, Figure] = {}
    monkeypatch.setattr(figures, "save", lambda figure, file: drawn.update({file.name: figure}))
    replication.draw(made, records, tmp_path)
    assert set(drawn) == {"walk", "controls", "time_to_target"}
    assert set(drawn) <= set(replication.TITLES)
    assert drawn["walk"].axes[0].get_title() == "CBOW: one change at a time"
    assert len(drawn["time_to_target"].axes) == 2 * 4


# --- for readers

CLAIMS = pd.DataFrame(
    [
        ["more", "points", 28.8, "+10", 12.345, 9.876, 14.8, 10, 0.0123, 3.14159, "not reproduced"],
        ["some", "nats", np.nan, "–", -0.456, -1.0, 0.088, 10, 1.0, 0.5, "inconclusive"],
        ["one", "points", 3.0, "–", 2.0, np.nan, np.nan, 1, np.nan, np.nan, "inconclusive"],
        ["none", "points", np.nan, "none", np.nan, np.nan, np.nan, 0, np.nan, np.nan, "not measured in this profile"],
    ],
    columns=["claim", "unit", "paper", "released logs", "ours", "low", "high", "n", "p after Holm", "detectable",
             "verdict"],
)  # fmt: skip


def test_claims_for_readers_show_nan_as_a_dash() -> None:
    shown = replication.claims_for_readers(CLAIMS)
    assert shown.to_numpy().tolist() == [
        ["more", "points", "28.8", "+10", "12.3 [9.9, 14.8]", 10, "0.012", "3.14", "not reproduced"],
        ["some", "nats", "–", "–", "-0.46 [-1.00, 0.09]", 10, "1.000", "0.50", "inconclusive"],
        ["one", "points", "3.00", "–", "2.00", 1, "–", "–", "inconclusive"],
        ["none", "points", "–", "none", "–", 0, "–", "–", "not measured in this profile"],
    ]


def test_claims_and_audit_are_shown_as_text_and_the_rest_as_it_is(made: dict[str, pd.DataFrame]) -> None:
    pd.testing.assert_frame_equal(
        replication.for_readers("claims", made["claims"]), replication.claims_for_readers(made["claims"])
    )
    pd.testing.assert_frame_equal(replication.for_readers("audit", made["audit"]), audit.readable(made["audit"]))
    assert replication.for_readers("walk", made["walk"]) is made["walk"]
