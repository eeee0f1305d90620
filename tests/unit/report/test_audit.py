from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from mt2st.data.vectors import EMBEDDINGS
from mt2st.experiments import released
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.experiments.strategies import UPDATES
from mt2st.report import audit, tables
from mt2st.schedules import SINGLE_TASK, Constant

Make = Callable[..., Record]
SETTINGS = ("original", *UPDATES)
CONFIGURATION = Configuration(data="imdb", hidden=32, epochs=3)
LARGE = replace(CONFIGURATION, hidden=256)
ACCURACIES = {  # of the walk's steps, by seed
    "original": (0.48, 0.50, 0.46, 0.52, 0.49, 0.47),
    "table trainable": (0.50, 0.51, 0.49, 0.52, 0.52, 0.50),
    "learning rate 0.001": (0.57, 0.59, 0.60, 0.55, 0.58, 0.61),
    "batches of 64": (0.66, 0.68, 0.69, 0.65, 0.67, 0.70),
    "gradient of UPDATE 0–3": (0.67, 0.67, 0.68, 0.66, 0.67, 0.69),
}


def run_of(strategy: str, setting: str = "original", seed: int = 0, embedding: str = "CBOW") -> Run:
    """Return a run of the grid."""
    names = () if strategy == "single" else (setting,)
    return Run(embedding, strategy, names, Constant(1.0) if names else SINGLE_TASK, seed, CONFIGURATION)


def walked(make: Make, embedding: str = "CBOW", configuration: Configuration = CONFIGURATION) -> list[Record]:
    """Return the records of all steps with `ACCURACIES`."""
    return [
        make(step.run(released.conditions(configuration), embedding, "", seed), accuracy, "released")
        for step in released.STEPS
        for seed, accuracy in enumerate(ACCURACIES[step.name])
    ]


# --- cells


def test_every_printed_cell_has_a_row_in_the_papers_order(known_record: Make) -> None:
    cells = audit.cells([known_record(run_of("single"))])
    printed = tables.paper_cells()
    for column, name in [("table", "table"), ("embedding", "embedding"), ("setting", "setting"), ("accuracy", "paper")]:
        assert cells[name].tolist() == printed[column].tolist()
    numbered = cells[cells["setting"].isin(SETTINGS)]
    places = list(zip(numbered["table"], numbered["embedding"], numbered["setting"], strict=True))
    assert sorted(places) == sorted((n, e, s) for n in (1, 2, 3) for e in EMBEDDINGS for s in SETTINGS)
    extra = cells[~cells["setting"].isin(SETTINGS)]
    assert extra[["table", "embedding", "as printed", "paper"]].to_numpy().tolist() == [[2, "SkipGram", "update", 68]]


def test_a_cell_stands_beside_the_papers_number_and_all_released_logs(known_record: Make) -> None:
    cells = audit.cells([known_record(run_of("single"))]).set_index(["table", "embedding", "setting"])
    shown = {place: cells.loc[place, ["paper", "logs"]].tolist() for place in cells.index}
    assert shown[1, "GloveTwitter", "update3"] == [73, "69, 73"]
    assert shown[3, "CBOW", "original"] == [49, "47"]
    assert shown[1, "CBOW", "update0"] == [69, "–"]


def test_controlled_cells_are_means_of_the_arms_own_runs(known_record: Make) -> None:
    values = (0.70, 0.72, 0.77)
    records = [known_record(run_of("switch", "update2", seed), a) for seed, a in enumerate(values)]
    records += [known_record(run_of("single", seed=seed), 0.6) for seed in range(2)]
    cells = audit.cells(records).set_index(["table", "embedding", "setting"])
    row = cells.loc[3, "CBOW", "update2"]
    expected = stats.ttest_1samp([70, 72, 77], 0).confidence_interval(0.95)
    assert row["controlled n"] == 3
    assert row[["controlled", "controlled low", "controlled high"]].tolist() == pytest.approx(
        [73, expected.low, expected.high]
    )
    assert cells.xs(("CBOW", "original"), level=(1, 2))["controlled"].tolist() == pytest.approx([60] * 3)
    assert cells["controlled n"].gt(0).sum() == 4
    assert cells["released n"].eq(0).all()
    assert cells["released"].isna().all()


def test_released_cells_are_those_of_the_steps_and_not_of_runs_with_terms(known_record: Make) -> None:
    terms = released.cells(CONFIGURATION, "CBOW", seed=0).values()
    ends = walked(known_record)
    records = [*ends, *(known_record(run, 0.99, "released") for run in terms)]
    cells = audit.cells(records)
    of_cbow = cells[cells["embedding"] == "CBOW"]
    is_original = of_cbow["setting"] == "original"
    assert (is_original.sum(), (~is_original).sum()) == (3, 12)
    for rows, name in [(of_cbow[is_original], "original"), (of_cbow[~is_original], "learning rate 0.001")]:
        assert rows["released"].tolist() == pytest.approx([100 * np.mean(ACCURACIES[name])] * len(rows))
        assert (rows["released n"] == 6).all()
    assert (cells.loc[cells["embedding"] != "CBOW", "released n"] == 0).all()


def test_cells_say_the_hidden_size_of_each_protocol(known_record: Make) -> None:
    large = released.UPDATE.run(released.conditions(LARGE), "GloveTwitter", "", 0)
    cells = audit.cells([known_record(run_of("single"), 0.7), known_record(large, 0.75, "released")])
    assert cells.groupby("embedding")["controlled hidden"].first().to_dict() == dict.fromkeys(EMBEDDINGS, 0) | {
        "CBOW": 32
    }
    released_at = cells.groupby("embedding")["released hidden"].first().to_dict()
    assert released_at == dict.fromkeys(EMBEDDINGS, 0) | {"GloveTwitter": 256}
    assert cells["released"].dropna().tolist() == pytest.approx([75] * 12)
    assert set(cells.loc[cells["released"].notna(), "embedding"]) == {"GloveTwitter"}


def test_by_embedding_stand_paper_logs_and_ours(known_record: Make) -> None:
    of_cbow, of_glove = (walked(known_record, name) for name in ("CBOW", "GloveTwitter"))
    frame = audit.by_embedding(of_cbow + of_glove[:6])
    found = frame.set_index(["embedding", "arm", "source"])
    assert len(frame) == 5 * 2 * 3
    cells = tables.paper_cells()
    of_cbow = cells[cells["embedding"] == "CBOW"]
    is_original = of_cbow["setting"] == "original"
    assert found.loc[("CBOW", "original", "paper"), "accuracy"] == of_cbow[is_original]["accuracy"].mean()
    assert found.loc[("CBOW", "update", "paper"), "accuracy"] == of_cbow[~is_original]["accuracy"].mean()
    assert found.loc[("CBOW", "original", "logs"), "accuracy"] == pytest.approx(np.mean([50, 52, 47]), abs=0.5)
    assert np.isnan(found.loc[("SkipGram", "original", "logs"), "accuracy"])
    low, high = found.loc[("CBOW", "original", "paper"), ["accuracy low", "accuracy high"]]
    assert (high - low) / 2 == pytest.approx(100 * 1.96 * np.sqrt(0.49 * 0.51 / 250))
    for arm, step in (("original", "original"), ("update", "learning rate 0.001")):
        ours = found.loc[("CBOW", arm, "ours")]
        interval = stats.ttest_1samp(100 * np.array(ACCURACIES[step]), 0).confidence_interval(0.95)
        assert (ours["accuracy"], ours["n"], ours["hidden"]) == (pytest.approx(100 * np.mean(ACCURACIES[step])), 6, 32)
        assert (ours["accuracy low"], ours["accuracy high"]) == pytest.approx((interval.low, interval.high))
    assert found.loc[("GloveTwitter", "original", "ours"), "n"] == 6
    assert np.isnan(found.loc[("GloveTwitter", "update", "ours"), "accuracy"])


def test_cells_for_readers_say_n_and_have_no_nan(known_record: Make) -> None:
    records = [known_record(run_of("mtl", "update1", seed), a) for seed, a in enumerate((0.6, 0.7))]
    shown = audit.readable(audit.cells([*records, known_record(run_of("single"), 0.5)]))
    assert shown.columns.tolist() == [
        "table", "embedding", "as printed", "paper", "logs", "ours, released", "ours, controlled",
    ]  # fmt: skip
    first = shown.iloc[[0, 1, 2]]
    half = stats.t.ppf(0.975, 1) * 5
    expected = ["50.0 n=1, hidden 32", "–", f"65.0 [{65 - half:.1f}, {65 + half:.1f}] n=2, hidden 32"]
    assert first["ours, controlled"].tolist() == expected
    assert (shown["ours, released"] == "–").all()


# --- the walk


def test_every_step_is_known_and_a_cell_with_terms_is_none(known_record: Make) -> None:
    for record in walked(known_record)[::6]:
        step = audit.step_of(record)
        assert step is not None
        assert known_record(step.run(record.run.configuration, "CBOW", "", 0)).run == record.run
    for run in released.cells(CONFIGURATION, "CBOW", seed=0).values():
        assert audit.step_of(known_record(run)) is None


def test_changes_of_the_walk_add_up_to_the_difference(known_record: Make) -> None:
    walk = audit.walk(walked(known_record), "CBOW")
    assert walk["step"].tolist() == list(ACCURACIES)
    assert walk["accuracy"].tolist() == pytest.approx([100 * np.mean(a) for a in ACCURACIES.values()])
    total = 100 * (np.mean(ACCURACIES["gradient of UPDATE 0–3"]) - np.mean(ACCURACIES["original"]))
    assert walk["change"].sum() == pytest.approx(total)


def test_a_change_is_paired_by_seed_and_corrected_over_the_walk(known_record: Make) -> None:
    walk = audit.walk(walked(known_record), "CBOW")
    values = list(ACCURACIES.values())
    for k in range(1, len(values)):
        row, differences = walk.iloc[k], 100 * np.subtract(values[k], values[k - 1])
        expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
        assert row["change"] == pytest.approx(differences.mean())
        assert (row["change low"], row["change high"]) == pytest.approx((expected.low, expected.high))
    assert walk["p"].isna().tolist() == [True, False, False, False, False]
    assert walk["p"].tolist()[2:4] == [2 / 2**6, 2 / 2**6]  # all six seeds gain
    assert walk["p after Holm"].tolist()[1:] == pytest.approx(multipletests(walk["p"][1:], method="holm")[1])
    assert walk["p after Holm"][2] == pytest.approx(4 * 2 / 2**6)


def test_a_seed_without_all_steps_is_left_out_of_the_walk(known_record: Make) -> None:
    records = walked(known_record)
    records = [r for r in records if not (r.run.seed == 1 and audit.step_of(r) == released.BATCHES)]
    walk = audit.walk(records, "CBOW")
    assert walk["n"].tolist() == [5] * 5
    kept = [0, 2, 3, 4, 5]
    assert walk["accuracy"].tolist() == pytest.approx([100 * np.mean(np.take(a, kept)) for a in ACCURACIES.values()])


def test_the_walk_is_of_one_embedding(known_record: Make) -> None:
    wrong = [replace(record, scores={"accuracy": 0.0}) for record in walked(known_record, "SkipGram")]
    walk = audit.walk([*wrong, *walked(known_record)], "CBOW")
    assert walk["accuracy"].tolist() == pytest.approx([100 * np.mean(a) for a in ACCURACIES.values()])


def test_the_walk_in_words_tells_the_released_codes_changes_from_ours(known_record: Make) -> None:
    said = audit.walk_in_words(audit.walk(walked(known_record), "CBOW"), "CBOW")
    theirs, ours = said.split("Beyond them, in neither of its arms: ")
    assert "On CBOW (hidden size 32) “original” reaches 48.7% and “update” 58.3% (n = 6)" in theirs
    assert "table trainable +2.0 [" in theirs
    assert "learning rate 0.001 +7.7 [" in theirs
    assert ours.startswith("batches of 64 +9.2 [")
    assert "gradient of UPDATE 0–3 -0.2 [" in ours


def test_a_walk_of_one_seed_has_no_intervals(known_record: Make) -> None:
    walk = audit.walk([r for r in walked(known_record) if r.run.seed == 0], "CBOW")
    assert walk["change"].sum() == pytest.approx(19)
    assert walk[["low", "change low"]].isna().all(axis=None)


# --- terms without gradient


def with_terms(make: Make, accuracy: float, added: float) -> list[Record]:
    """Return plain cross-entropy and the cells with their terms, which differ by so much."""
    plain = make(released.UPDATE.run(released.conditions(CONFIGURATION), "CBOW", "", 0), experiment="released")
    shifted = {"train_accuracy": (0.5, 0.5 + accuracy, 0.5), "loss": (1, 1, 1 + added)}
    unique = dict.fromkeys(released.cells(CONFIGURATION, "CBOW", seed=0).values())
    return [plain, *(make(run, experiment="released", **(shifted if run.auxiliaries else {})) for run in unique)]


def test_every_update_cell_is_compared_with_plain_cross_entropy(known_record: Make) -> None:
    found = audit.without_gradient(with_terms(known_record, accuracy=0.0, added=-8.0))
    assert list(zip(found["table"], found["setting"], strict=True)) == [(n, s) for n in (1, 2, 3) for s in UPDATES]
    analogy, similarity = "released-analogy", "released-similarity"
    by_update = ["none", similarity, analogy, f"{analogy}+{similarity}"]
    assert found["terms"].tolist() == by_update + by_update + [analogy] * 4
    assert (found[["accuracy differs by", "primary loss differs by"]] == 0).all(axis=None)
    assert found["added to the loss"].tolist() == [0, 8, 8, 8, 0, 8, 8, 8, 8, 8, 8, 8]


def test_terms_that_changed_the_training_would_show(known_record: Make) -> None:
    found = audit.without_gradient(with_terms(known_record, accuracy=-0.25, added=1.0))
    assert found["accuracy differs by"].tolist() == [0, 0.25, 0.25, 0.25, 0, *[0.25] * 7]
    records = with_terms(known_record, 0.0, 0.0)
    moved = known_record(records[-1].run, experiment="released", primary_loss=(1.0, 0.5, 1.0))
    found = audit.without_gradient([*records[:-1], moved])
    assert found["primary loss differs by"].tolist()[-4:] == [0.5] * 4  # Switch has the same term in all settings


# --- controls


def controlled(make: Make) -> list[Record]:
    """Return update1 and its controls on three seeds; the grid has a fourth seed and another embedding."""
    longer = replace(run_of("single"), configuration=replace(CONFIGURATION, epochs=30))
    made = {
        "grid": [(run_of("single"), (0.60, 0.62, 0.61, 0.99)), (run_of("mtl", "update1"), (0.63, 0.66, 0.65, 0.99))],
        "control": [
            (run_of("mtl", "update1-shuffled"), (0.64, 0.66, 0.66)),
            (run_of("mtl", "update1-noise"), (0.58, 0.60, 0.60)),
            (replace(run_of("mtl", "update1"), schedule=Constant(0.3)), (0.60, 0.63, 0.60)),
            (longer, (0.61, 0.63, 0.60)),
        ],
    }
    records = [
        make(replace(run, seed=seed), accuracy, experiment)
        for experiment, groups in made.items()
        for run, accuracies in groups
        for seed, accuracy in enumerate(accuracies)
    ]
    return [*records, make(run_of("mtl", "update1", 0, "SkipGram"), 0.0), make(run_of("switch", "update1"), 0.0)]


def test_controls_stand_beside_the_loss_they_control(known_record: Make) -> None:
    table = audit.controls(controlled(known_record))
    assert list(zip(table["auxiliary"], table["kind"], table["n"], strict=True)) == [
        ("original", "single task", 4),
        ("original", "single task, 30 epochs", 3),
        ("update1", "the loss itself", 4),
        ("update1", "shuffled rows", 3),
        ("update1", "noise of equal norm", 3),
        ("update1", "tuned constant weight", 3),
    ]
    assert table["seconds"].tolist() == [3, 30, 3, 3, 3, 3]


def test_controls_differ_from_single_task_by_seed(known_record: Make) -> None:
    table = audit.controls(list(reversed(controlled(known_record)))).set_index("kind")
    differences = {
        "single task, 30 epochs": (1, 1, -1),
        "the loss itself": (3, 4, 4, 0),
        "shuffled rows": (4, 4, 5),
        "noise of equal norm": (-2, -2, -1),
        "tuned constant weight": (0, 1, -1),
    }
    for kind, values in differences.items():
        row = table.loc[kind]
        assert row["difference"] == pytest.approx(np.mean(values))
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert row[["difference low", "difference high"]].tolist() == pytest.approx([expected.low, expected.high])
    assert np.isnan(table.loc["single task", "difference"])
    tested = table["p"].dropna()
    assert len(tested) == 5
    assert table.loc[tested.index, "p after Holm"].tolist() == pytest.approx(multipletests(tested, method="holm")[1])


def test_without_controls_there_is_no_table(known_record: Make) -> None:
    assert audit.controls([known_record(run_of("single"))]).empty


# --- words


def both_protocols(make: Make) -> list[Record]:
    """Return the walk, the released protocol with its terms, and every arm under equal conditions."""
    records = [*walked(make), *with_terms(make, 0.0, -8.0)[1:]]
    for strategy in ("mtl", "diminish", "switch"):
        records += [make(run_of(strategy, setting), 0.71) for setting in UPDATES]
    return [*records, make(run_of("single"), 0.70)]


def test_conclusions_give_protocol_value_and_difference(known_record: Make) -> None:
    records = both_protocols(known_record)
    lines = audit.conclusions(records, "CBOW").splitlines()
    where = "(means over 15 cells of Tables I–III)"
    printed = tables.paper_cells()
    update = printed[(printed["embedding"] == "CBOW") & (printed["setting"] != "original")]["accuracy"].mean()
    assert lines[:4] == [
        f"the paper: original 49.0%, update {update:.1f}%, difference {update - 49:+.1f} points {where}",
        f"protocol released: original 48.7%, update 58.3%, difference +9.7 points {where}",
        f"protocol controlled: original 70.0%, update 71.0%, difference +1.0 points {where}",
        "terms of the released code: shift the total loss by up to 8.0 and the training accuracy by up to 0.0 points "
        "in 12 cells",
    ]
    assert lines[4].startswith("CBOW, table trainable: +2.0 [")
    assert lines[4].endswith("] points, n = 6")
    assert lines[6].endswith("points, n = 6; in neither of the paper's arms")
    assert len(lines) == 4 + 4 + 1
    rest = update - 100 * np.mean(ACCURACIES["learning rate 0.001"])
    assert lines[-1] == (
        f"CBOW: the paper's update is {rest:+.1f} points from ours at the end of its steps, unexplained"
    )


def test_the_gap_is_said_beside_the_logs_and_step_by_step(known_record: Make) -> None:
    records = both_protocols(known_record)
    beside, gap, steps, rest = audit.gap_in_words(records, "CBOW").splitlines()
    found = audit.by_embedding(records).set_index(["embedding", "arm", "source"])["accuracy"]
    ours, paper = (found["CBOW", "update", source] - found["CBOW", "update", "logs"] for source in ("ours", "paper"))
    assert f"our “update” is {ours:+.1f} to {ours:+.1f} points from its released logs on one trained" in beside
    assert beside.endswith(f"what the paper prints is {paper:+.1f} to {paper:+.1f} points from them.")
    assert gap.startswith("From “original” to “update” the paper has +")
    assert steps == audit.walk_in_words(audit.walk(records, "CBOW"), "CBOW")
    assert rest.startswith("CBOW: the paper's update is ")
    assert rest.endswith("unexplained.")
    assert audit.gap_in_words([], "CBOW") == ""
