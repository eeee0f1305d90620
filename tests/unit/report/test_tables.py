import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mt2st.data.vectors import EMBEDDINGS, TRAINED
from mt2st.experiments import runs
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES, UPDATES, Strategy
from mt2st.report import tables
from mt2st.report.tables import COLUMNS, SCORE_COLUMNS
from mt2st.schedules import Constant
from mt2st.statistics import mean_interval

Grid = Callable[[Profile, list[str], int], list[Record]]
SETTINGS = ("original", *UPDATES)
TABLES = [row.name for row in STRATEGIES.values() if row.table]
CELLS = [(embedding, setting) for embedding in EMBEDDINGS for setting in SETTINGS]


@pytest.fixture
def scores(grid_of: Grid, profile: Profile) -> pd.DataFrame:
    """Return the scores of all strategies on two embeddings and three seeds."""
    return runs.score_frame(grid_of(profile, ["CBOW", "SkipGram"], 3))


@pytest.mark.parametrize("strategy", TABLES)
def test_a_table_has_5_embeddings_by_5_settings_in_the_papers_order(scores: pd.DataFrame, strategy: str) -> None:
    table = tables.accuracies(strategy, scores)
    assert list(zip(table["embedding"], table["setting"], strict=True)) == CELLS
    assert table["strategy"].unique().tolist() == [strategy]


def test_the_columns_are_those_of_the_paper_and_ours() -> None:
    assert COLUMNS == [
        "strategy", "embedding", "setting", "seeds", "accuracy_mean", "accuracy_low", "accuracy_high",
        "macro_precision", "macro_recall", "macro_f1", "weighted_precision", "weighted_recall", "weighted_f1",
        "train_seconds", "paper_accuracy", "released_accuracy", "note",
    ]  # fmt: skip


def test_a_cell_is_the_mean_over_seeds_with_its_interval(scores: pd.DataFrame) -> None:
    cell = scores[(scores["strategy"] == "diminish") & (scores["embedding"] == "SkipGram")]
    cell = cell[cell["setting"] == "update2"]
    row = tables.accuracies("diminish", scores).iloc[CELLS.index(("SkipGram", "update2"))]
    interval = mean_interval(cell["accuracy"].to_numpy())
    assert row["seeds"] == len(cell) == 3
    assert row["accuracy_mean"] == pytest.approx(cell["accuracy"].mean())
    assert (row["accuracy_low"], row["accuracy_high"]) == (interval.low, interval.high)
    assert row["train_seconds"] == pytest.approx(cell["train_seconds"].mean())
    for name in SCORE_COLUMNS:
        assert row[name] == pytest.approx(cell[name].mean())
    assert row["note"] == ""


def test_original_is_single_task_in_all_three_tables(scores: pd.DataFrame) -> None:
    single = scores[(scores["strategy"] == "single") & (scores["embedding"] == "CBOW")]["accuracy"].mean()
    for strategy in TABLES:
        row = tables.accuracies(strategy, scores).iloc[0]
        assert row["setting"] == "original"
        assert row["accuracy_mean"] == pytest.approx(single)


def test_intervals_end_at_0_and_1() -> None:
    row = dict.fromkeys(SCORE_COLUMNS, 0.5) | {"strategy": "mtl", "embedding": "CBOW", "setting": "update0"}
    frame = pd.DataFrame([row | {"accuracy": a, "train_seconds": 1.0} for a in (0.01, 0.99)])
    found = tables.accuracies("mtl", frame, ["CBOW"]).iloc[1]
    assert (found["accuracy_low"], found["accuracy_mean"], found["accuracy_high"]) == (0, 0.5, 1)


def test_one_seed_has_no_interval(grid_of: Grid, profile: Profile) -> None:
    row = tables.accuracies("mtl", runs.score_frame(grid_of(profile, ["CBOW"], 1)), ["CBOW"]).iloc[2]
    assert row["seeds"] == 1
    assert np.isnan([row["accuracy_low"], row["accuracy_high"]]).all()
    assert 0.4 < row["accuracy_mean"] < 0.6


def test_rows_without_runs_say_why(scores: pd.DataFrame) -> None:
    table = tables.accuracies("switch", scores)
    notes = table.groupby("embedding", sort=False)["note"].unique().map(list).to_dict()
    assert notes == {
        "CBOW": [""],
        "SkipGram": [""],
        "CBOWFastText": ["not run"],
        "SkipGramFastText": ["not run"],
        "GloveTwitter": ["needs glove-twitter-100: mt2st data fetch glove-twitter-100"],
    }
    empty = table[table["note"] != ""]
    assert (empty["seeds"] == 0).all()
    assert empty[["accuracy_mean", *SCORE_COLUMNS, "train_seconds"]].isna().all(axis=None)


def test_glove_rows_that_were_run_have_no_note(scores: pd.DataFrame) -> None:
    table = tables.accuracies("mtl", scores.assign(embedding="GloveTwitter"), ["GloveTwitter"])
    assert table["note"].tolist() == [""] * 5
    assert (table["seeds"] > 0).all()


@pytest.mark.parametrize(
    ("strategy", "embedding", "setting", "accuracy"),
    [
        ("mtl", "CBOW", "original", 0.49),
        ("mtl", "CBOW", "update3", 0.71),
        ("mtl", "SkipGram", "update1", 0.74),
        ("mtl", "GloveTwitter", "update3", 0.73),
        ("diminish", "SkipGram", "update3", 0.77),
        ("diminish", "CBOWFastText", "original", 0.45),
        ("switch", "SkipGramFastText", "update0", 0.68),
        ("switch", "GloveTwitter", "update3", 0.77),
    ],
)
def test_the_papers_accuracies_are_as_printed(strategy: str, embedding: str, setting: str, accuracy: float) -> None:
    assert tables.paper_accuracy(strategy, embedding, setting) == pytest.approx(accuracy)


@pytest.mark.parametrize("strategy", TABLES)
def test_the_paper_prints_all_25_cells(strategy: str, paper_folder: Path) -> None:
    printed = pd.read_csv(paper_folder / "tables.csv")
    printed = printed[(printed["strategy"] == strategy) & printed["setting"].isin(SETTINGS)]
    assert sorted(zip(printed["embedding"], printed["setting"], strict=True)) == sorted(CELLS)
    for row in printed.itertuples():
        assert tables.paper_accuracy(strategy, row.embedding, row.setting) == row.accuracy / 100


def test_the_papers_mean_single_task_accuracy_is_that_of_table_1() -> None:
    originals = [tables.paper_accuracy("mtl", embedding, "original") for embedding in EMBEDDINGS]
    assert STRATEGIES["single"].paper_accuracy == pytest.approx(np.mean(originals))


@pytest.mark.parametrize(
    ("strategy", "embedding", "setting", "accuracy"),
    [("mtl", "CBOW", "update2", 0.55), ("diminish", "SkipGram", "update0", 0.55), ("switch", "CBOW", "original", 0.47)],
)
def test_accuracies_of_the_released_logs(strategy: str, embedding: str, setting: str, accuracy: float) -> None:
    assert tables.released_accuracy(strategy, embedding, setting) == accuracy


@pytest.mark.parametrize(
    ("strategy", "embedding", "setting"),
    [("mtl", "CBOW", "update0"), ("mtl", "SkipGram", "original"), ("single", "CBOW", "original")],
)
def test_a_cell_that_the_logs_do_not_have_is_missing(strategy: str, embedding: str, setting: str) -> None:
    assert np.isnan(tables.released_accuracy(strategy, embedding, setting))


def test_printed_cells_are_75_and_one_without_number() -> None:
    cells = tables.paper_cells()
    is_numbered = cells["setting"].isin(SETTINGS)
    assert is_numbered.sum() == 75
    extra = cells[~is_numbered].iloc[0]
    assert (extra["table"], extra["embedding"], extra["label_as_printed"]) == (2, "SkipGram", "update")
    assert len(cells) == 76


@pytest.mark.parametrize(
    ("strategy", "embedding", "setting", "said"),
    [
        ("mtl", "GloveTwitter", "update0", "72, 68"),
        ("diminish", "GloveTwitter", "update3", "67, 76"),
        ("switch", "CBOW", "update3", "55"),
        ("mtl", "CBOW", "update0", "–"),
        ("single", "CBOW", "original", "–"),
    ],
)
def test_every_report_of_the_released_logs_is_given(strategy: str, embedding: str, setting: str, said: str) -> None:
    assert tables.released_logs(strategy, embedding, setting) == said


def test_an_accuracy_that_the_logs_report_twice_is_a_mean() -> None:
    assert tables.released_accuracy("diminish", "GloveTwitter", "update3") == pytest.approx((0.67 + 0.76) / 2)


def test_the_compact_table_puts_three_tables_side_by_side(scores: pd.DataFrame) -> None:
    compact = tables.compact(scores)
    strategies = [f"{s}: {what}" for s in ("mtl", "diminish", "switch") for what in ("paper", "released logs", "ours")]
    assert compact.columns.tolist() == ["embedding", "setting", *strategies]
    assert len(compact) == 25
    row = compact.iloc[CELLS.index(("CBOW", "update2"))]
    assert (row["mtl: paper"], row["mtl: released logs"]) == ("71", "55")
    full = tables.accuracies("mtl", scores).iloc[CELLS.index(("CBOW", "update2"))]
    mean, low, high = (100 * full[f"accuracy_{name}"] for name in ("mean", "low", "high"))
    assert row["mtl: ours"] == f"{mean:.1f} [{low:.0f}, {high:.0f}]"


def test_the_compact_table_says_what_is_missing(scores: pd.DataFrame) -> None:
    compact = tables.compact(scores).set_index(["embedding", "setting"])
    assert compact.loc[("GloveTwitter", "update0"), "switch: ours"] == "needs glove-twitter-100"
    assert compact.loc[("CBOWFastText", "update0"), "switch: ours"] == "not run"
    assert compact.loc[("CBOW", "update0"), "mtl: released logs"] == "–"


def test_a_strategy_with_settings_of_its_own_follows(
    grid_of: Grid, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Strategy("own", "Own", Constant, lambda epochs: {"gamma": 1.0}, "black", settings=("update0", "casing"))
    monkeypatch.setitem(STRATEGIES, "own", own)
    scores = runs.score_frame(grid_of(profile, ["CBOW"], 1))
    assert tables.accuracies("own", scores, ["CBOW"])["setting"].tolist() == ["original", "update0", "casing"]
    compact = tables.compact(scores, ["CBOW"]).set_index("setting")
    assert compact.index.tolist() == [*SETTINGS, "casing"]
    assert (compact["own: ours"] == "–").tolist() == [False, False, True, True, True, False]
    assert (compact["mtl: ours"] == "–").tolist() == [False] * 5 + [True]


def test_the_compact_table_of_one_seed_has_no_brackets(grid_of: Grid, profile: Profile) -> None:
    compact = tables.compact(runs.score_frame(grid_of(profile, ["CBOW"], 1)), ["CBOW"])
    assert compact["mtl: ours"].str.fullmatch(r"\d\d\.\d").all()


def test_markdown_rounds_and_shows_missing_values_as_a_dash() -> None:
    frame = pd.DataFrame({"a": ["x", "y"], "b": [0.12345, np.nan], "n": [3, 0]})
    assert tables.to_markdown(frame) == "| a | b | n |\n| --- | --- | --- |\n| x | 0.123 | 3 |\n| y | – | 0 |\n"
    assert "| x | 0.1 | 3 |" in tables.to_markdown(frame, decimals=1)


def test_all_trained_embeddings_can_be_in_a_table(grid_of: Grid, profile: Profile) -> None:
    table = tables.accuracies("mtl", runs.score_frame(grid_of(profile, list(TRAINED), 1)))
    assert (table.loc[table["embedding"] != "GloveTwitter", "seeds"] == 1).all()


def test_a_table_shows_the_embeddings_asked_for_only(scores: pd.DataFrame) -> None:
    assert tables.accuracies("mtl", scores, ["SkipGram"])["embedding"].tolist() == ["SkipGram"] * 5


def test_runs_with_other_settings_are_in_no_row(grid_of: Grid, profile: Profile) -> None:
    records = grid_of(profile, ["CBOW"], 1)
    other = replace(records[-1], run=replace(records[-1].run, auxiliaries=("update0", "update1")))
    assert tables.accuracies("switch", runs.score_frame([other]), ["CBOW"])["seeds"].tolist() == [0] * 5


# --- for notebooks


def test_an_estimate_and_its_bounds_are_one_column_and_a_counting_index_is_hidden() -> None:
    frame = pd.DataFrame({"way": ["a", "b"], "gain": [1.0, 2.0], "gain low": [0.5, np.nan], "gain high": [1.5, np.nan]})
    shown = tables.shown(frame.assign(p=[0.25, np.nan]), decimals=1)
    assert shown.columns.tolist() == ["way", "gain", "p"]
    text = shown.to_html()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text)
    assert cells == ["a", "1.0 [0.5, 1.5]", "0.2", "b", "2.0", "–"]
    assert "<th id" not in text.partition("<tbody>")[2]
    assert "<th" in tables.shown(frame.set_index("way")).to_html().partition("<tbody>")[2]


def test_a_table_for_notebooks_is_the_same_each_time() -> None:
    frame = pd.DataFrame({"a": [1.0]})
    assert tables.shown(frame).to_html() == tables.shown(frame).to_html()
