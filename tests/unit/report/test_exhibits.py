"""The list of exhibits: what of it can be shown, and that a new row is all a new exhibit needs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from mt2st import paths
from mt2st.experiments import plans as experiments
from mt2st.experiments import profiles, released
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.experiments.strategies import STRATEGIES, Strategy
from mt2st.report import audit, claims, figures, page, timing
from mt2st.report.exhibits import EXHIBITS, Evidence, Exhibit, of_strategy
from mt2st.schedules import SINGLE_TASK, Constant

Make = Callable[..., Record]
Grid = Callable[[Profile, Sequence[str], int], list[Record]]
SMOKE = profiles.PROFILES["smoke"]
NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
OF_PAPER = ["table_1", "table_2", "table_3", *(f"figure_{n:02d}" for n in range(2, 12))]
OF_GRID = [
    "claims",
    "schedules",
    *OF_PAPER,
    "accuracy_by_strategy",
    "time_by_strategy",
    "choices",
    "kept_epochs",
    "time_to_target",
    "convergence",
]
OF_PAIRS = ["single_tasks", "pairs", "relatedness", "prediction", "by_budget", "gains", "curves"]


def grid(make: Make, seeds: int = 2) -> list[Record]:
    return [
        make(run, 0.6 + run.seed / 100, validation_accuracy=0.7, cpu_seconds=1.0 + run.seed)
        for strategy in STRATEGIES
        for run in experiments.plan(SMOKE, strategy, "CBOW", seeds)
    ]


def further(make: Make) -> dict[str, list[Record]]:
    """Return a few records of each experiment on the paper's task beside the grid."""
    base = released.conditions(SMOKE.configuration)
    shuffled = Run("CBOW", "mtl", ("update0-shuffled",), Constant(1.0), 0, SMOKE.configuration)
    pooled = replace(SMOKE.configuration, readout="max")
    scores = {
        "downstream": {"imdb": {"accuracy": 0.8, "coverage": 1.0}},
        "intrinsic": [{"set": "a", "measure": "spearman", "score": 0.5, "covered": 3, "total": 4}],
    }
    scheduled = [make(run, 0.5 + run.seed / 10, "schedule-grid") for run in experiments.schedule_grid(SMOKE, 2)]
    elsewhere = [
        make(Run("CBOW", strategy, (), SINGLE_TASK, 0, Configuration(epochs=epochs)), 0.5, "downstream")
        for strategy, epochs in [("single", 0), ("single", 1), ("switch", 1)]
    ]
    cells = released.cells(SMOKE.configuration, "CBOW", 0)
    return {
        "released": [
            *(make(step.run(base, "CBOW", "", 0), 0.5 + k / 10, "released") for k, step in enumerate(released.STEPS)),
            make(cells["mtl", "update1"], 0.5, "released"),
        ],
        "readout": [make(Run("CBOW", "single", (), SINGLE_TASK, 0, pooled), 0.6, "readout")],
        "control": [make(replace(shuffled, seed=seed), 0.6, "control") for seed in range(2)],
        "schedule-grid": scheduled,
        "downstream": [replace(record, scores=record.scores | scores) for record in elsewhere],
    }


@pytest.fixture(scope="module")
def evidence(known_record: Make) -> Evidence:
    some = further(known_record)
    return Evidence(SMOKE, [*grid(known_record), *some["released"], *some["control"], *some["readout"]])


def names(evidence: Evidence) -> list[str]:
    return [exhibit.name for exhibit in evidence.exhibits]


def test_names_are_those_of_the_rows_and_notebooks_are_there() -> None:
    numbers = {paths.notebook_key(file.stem) for file in NOTEBOOKS.glob("*.ipynb")}
    for name, exhibit in EXHIBITS.items():
        assert exhibit.name == name
        assert exhibit.table or exhibit.figure
        assert exhibit.notebook in numbers


def test_the_papers_exhibits_are_numbered_and_name_their_strategy() -> None:
    assert set(OF_PAPER) <= set(EXHIBITS)
    titles = [EXHIBITS[name].title for name in ("figure_06", "figure_09", "figure_11", "table_3")]
    assert titles == [
        "Figure 6. multi-task: training loss",
        "Figure 9. Diminish: validation accuracy",
        "Figure 11. Switch: validation accuracy",
        "Table III: MT2ST Switch",
    ]


# --- what can be shown


def test_exhibits_are_those_whose_runs_are_there(known_record: Make, evidence: Evidence, study: Evidence) -> None:
    assert set(names(evidence)) == {
        *OF_GRID,
        "audit",
        "by_embedding",
        "walk",
        "without_gradient",
        "controls",
        "readouts",
    }
    assert names(Evidence(SMOKE, further(known_record)["downstream"])) == ["downstream", "intrinsic"]
    assert names(Evidence(SMOKE, further(known_record)["schedule-grid"])) == ["schedule_grid"]
    assert names(study) == OF_PAIRS
    assert names(Evidence(SMOKE, [])) == []


@pytest.mark.parametrize(
    ("kept", "left"),
    [({"single"}, ["figure_05"]), ({"single", "mtl"}, ["table_1", "figure_05", "figure_06", "figure_07"])],
)
def test_exhibits_without_their_strategies_are_left_out(known_record: Make, kept: set[str], left: list[str]) -> None:
    some = [record for record in grid(known_record, 1) if record.run.strategy in kept]
    assert names(Evidence(SMOKE, some)) == left


def test_the_runs_behind_an_exhibit_are_those_that_it_shows(known_record: Make, evidence: Evidence) -> None:
    def arms(name: str) -> set[tuple[str, str]]:
        return {(r.experiment, r.run.strategy) for r in evidence.behind(EXHIBITS[name])}

    assert len(evidence.behind(EXHIBITS["figure_03"])) == len(evidence.grid)
    assert len(evidence.behind(EXHIBITS["table_2"])) == 2 + 2 * 4
    assert arms("table_2") == {("grid", "single"), ("grid", "diminish")}
    assert arms("figure_05") == {("grid", "single")}
    assert arms("controls") == {("control", "mtl"), ("grid", "single"), ("grid", "mtl")}
    assert len(evidence.behind(EXHIBITS["walk"])) == len(released.STEPS)
    assert len(evidence.behind(EXHIBITS["audit"])) == len(evidence.grid) + len(evidence.of("released"))
    assert not evidence.behind(EXHIBITS["schedules"])


def test_strategies_without_a_seed_in_common_are_not_compared(known_record: Make) -> None:
    apart = [r for r in grid(known_record) if (r.run.strategy == "switch") == (r.run.seed == 1)]
    left = set(OF_GRID) - {
        "claims",
        "schedules",
        "figure_04",
        "accuracy_by_strategy",
        "time_by_strategy",
        "time_to_target",
        "convergence",
        "choices",
        "kept_epochs",
    }
    assert set(names(Evidence(SMOKE, apart))) == left


# --- tables and figures


def test_tables_are_those_of_their_modules_and_made_once(evidence: Evidence) -> None:
    expected = {
        "claims": claims.judged(SMOKE, evidence.records),
        "audit": audit.cells(evidence.records),
        "walk": audit.walk(evidence.records, "CBOW"),
        "time_to_target": timing.costs(evidence.grid, [0.7, 0.65, 0.70, 0.75]),
    }
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(evidence.table(name), frame)
        assert evidence.table(name) is evidence.table(name)


def test_claims_and_audit_are_shown_as_text_and_the_rest_as_it_is(evidence: Evidence) -> None:
    assert EXHIBITS["claims"].shown is claims.readable
    assert EXHIBITS["audit"].shown is audit.readable
    walk = evidence.table("walk")
    assert EXHIBITS["walk"].shown(walk) is walk


def test_every_exhibit_is_drawn_from_the_evidence(evidence: Evidence) -> None:
    for exhibit in evidence.exhibits:
        if exhibit.figure:
            drawn = exhibit.figure(evidence)
            assert any(len(axes.get_lines()) for axes in drawn.axes)
            plt.close(drawn)


def test_exhibits_of_a_study_are_made(study: Evidence) -> None:
    drawn = {exhibit.name: exhibit.figure(study) for exhibit in study.exhibits if exhibit.figure}
    assert list(drawn) == ["by_budget", "gains", "curves"]
    assert [len(study.table(name)) for name in ("single_tasks", "pairs", "by_budget")] == [6, 30, 10]


@pytest.mark.parametrize("name", ["claims", "table_2", "walk"])
def test_written_tables_read_back(evidence: Evidence, name: str, tmp_path: Path) -> None:
    exhibit, frame = replace(EXHIBITS[name], figure=None), evidence.table(name)
    page.write(exhibit, evidence, tmp_path)
    read = pd.read_csv(tmp_path / f"{name}.csv")
    assert read.columns.tolist() == frame.columns.tolist()
    numbers = frame.select_dtypes("number").columns
    np.testing.assert_allclose(read[numbers], frame[numbers].astype(float), rtol=1e-5, atol=1e-12)
    text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith(f"{exhibit.title}\n\n| ")
    assert text.count("\n| ") == 2 + len(frame)
    assert "nan" not in text
    assert (tmp_path / f"{name}.tex").exists() == (name == "table_2")


def test_latex_has_a_row_a_cell_and_the_title(evidence: Evidence, tmp_path: Path) -> None:
    page.write(EXHIBITS["table_3"], evidence, tmp_path)
    latex = (tmp_path / "table_3.tex").read_text(encoding="utf-8")
    assert latex.count("switch &") == 25
    assert r"\caption{Table III: MT2ST Switch}" in latex
    assert "accuracy mean" in latex


# --- new rows


def draw_nothing(evidence: Evidence) -> Figure:
    return plt.figure(figsize=(1, 1))


def test_an_exhibit_needs_one_row(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = Exhibit(
        "made_up", "An exhibit that was made up", "05", "control", note="A note on it.",
        table=lambda e: pd.DataFrame({"runs": [len(e.of("control"))]}), figure=draw_nothing,
        shown=lambda table: table.assign(runs="two"),
    )  # fmt: skip
    monkeypatch.setitem(EXHIBITS, "made_up", made_up)
    some = Evidence(SMOKE, evidence.records)
    assert names(some)[-1] == "made_up"
    folder = paths.figures("smoke")
    page.write(made_up, some, folder)
    assert (folder / "made_up.csv").read_text() == "runs\n2\n"
    assert (folder / "made_up.md").read_text().endswith("| runs |\n| --- |\n| two |\n")
    assert {file.name for file in folder.iterdir()} == {f"made_up.{s}" for s in ("csv", "md", "png", "pdf")}
    text = page.write_page(some).read_text(encoding="utf-8")
    table, _, picture = text.partition('<h3 id="table-made_up">An exhibit that was made up</h3>')[2].partition(
        "<figure"
    )
    assert "<td>two</td>" in table
    assert "A note on it." in table
    assert 'id="made_up"' in picture
    assert "<figcaption>An exhibit that was made up</figcaption>" in picture


def test_a_strategy_needs_one_row(grid_of: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Strategy("own", "Own <strategy>", Constant, lambda epochs: {"gamma": 0.5}, "#123456", ":")
    monkeypatch.setitem(STRATEGIES, "own", own)
    for row in of_strategy(own):
        monkeypatch.setitem(EXHIBITS, row.name, row)
    monkeypatch.setattr(figures, "save", lambda figure, file: figure.savefig(file.with_suffix(".png"), dpi=15))
    records = grid_of(SMOKE, ["CBOW"], 2)
    assert {record.run.strategy for record in records} == set(STRATEGIES)
    some = Evidence(SMOKE, records)
    assert set(names(some)) == {*OF_GRID, "table_own", "losses_own", "accuracies_own"}
    for name in ("table_own", "losses_own", "accuracy_by_strategy", "time_by_strategy", "time_to_target"):
        page.write(EXHIBITS[name], some, paths.figures("smoke"))
    read = pd.read_csv(paths.figures("smoke") / "table_own.csv").set_index(["embedding", "setting"])
    assert read["seeds"].sum() == 10
    assert read[["paper_accuracy", "released_accuracy"]].isna().all(axis=None)
    assert some.table("time_to_target")["strategy"].tolist() == [*STRATEGIES] * 4
    text = page.write_page(some).read_text(encoding="utf-8")
    assert "<td>Own &lt;strategy&gt;</td>" in text
    assert "own: ours" in text
    assert "Own &lt;strategy&gt;: training loss" in text
    assert "nan" not in text.partition("Figures</h2>")[0]
