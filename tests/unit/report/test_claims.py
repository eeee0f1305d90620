from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from mt2st.data.vectors import TRAINED
from mt2st.experiments import plans as experiments
from mt2st.experiments import profiles, released
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.experiments.strategies import STRATEGIES, UPDATES
from mt2st.report import claims, tables
from mt2st.schedules import SINGLE_TASK

Make = Callable[..., Record]
SEEDS = 6
NOISE = (0.004, -0.004, 0.002, -0.002, 0.001, -0.001)  # of a seed, not the same for all strategies
SMOKE = profiles.PROFILES["smoke"]  # six epochs, T_switch = 3
ON_IMDB = replace(SMOKE, configuration=replace(SMOKE.configuration, data="imdb-disjoint"), paper_sample="imdb")
PAPER = {"single": 0.482, "mtl": 0.68, "diminish": 0.71, "switch": 0.77}
LEVEL = dict.fromkeys(STRATEGIES, 0.7)
RISING = (0.50, 0.55, 0.60, 0.65, 0.70, 0.75)


def grid_of(
    make: Make,
    accuracy: Mapping[str, float] = LEVEL,
    seconds: Mapping[str, float] | None = None,
    seeds: int = SEEDS,
    curves: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> list[Record]:
    """Return a grid on one embedding whose strategies have these accuracies, seconds an epoch and curves."""
    records = []
    for k, strategy in enumerate(STRATEGIES):
        for run in experiments.plan(SMOKE, strategy, "CBOW", seeds):
            noise = NOISE[(run.seed + k) % SEEDS]
            spent = (seconds or {}).get(strategy, 1.0) * (1 + 5 * noise)
            given = {"validation_accuracy": RISING, "cpu_seconds": spent} | dict((curves or {}).get(strategy, {}))
            records.append(make(run, accuracy[strategy] + noise, **given))
    return records


def table_of(records: Sequence[Record], profile: Profile = ON_IMDB) -> pd.DataFrame:
    return claims.judged(profile, records).set_index("id")


@pytest.fixture(scope="module")
def as_in_the_paper(known_record: Make) -> pd.DataFrame:
    """Claims of runs that have the paper's accuracies and save as much time as it says."""
    seconds = {"single": 10.0, "mtl": 3.8, "diminish": 3.0, "switch": 3.2}
    return table_of(grid_of(known_record, PAPER, seconds))


@pytest.fixture(scope="module")
def all_alike(known_record: Make) -> pd.DataFrame:
    """Claims of runs in which no strategy differs from another but by noise."""
    return table_of(grid_of(known_record))


# --- accuracy


def test_runs_with_the_papers_numbers_reproduce_its_levels_and_gains(as_in_the_paper: pd.DataFrame) -> None:
    for name, paper in zip(("A1", "A2", "A3", "A4"), PAPER.values(), strict=True):
        row = as_in_the_paper.loc[name]
        assert row["paper"] == pytest.approx(100 * paper)
        assert row["ours"] == pytest.approx(100 * paper, abs=1e-9)
        assert row["verdict"] == "compatible"
    gains = as_in_the_paper.loc[["G1", "G2", "G3", "G4", "G5"]]
    cells = tables.paper_cells()
    of = cells[cells["setting"] != "original"].groupby("strategy")["accuracy"].mean()
    of["single"] = cells[cells["setting"] == "original"]["accuracy"].mean()
    pairs = [("mtl", "single"), ("diminish", "single"), ("switch", "single"), ("diminish", "mtl"), ("switch", "mtl")]
    assert gains["paper"].tolist() == pytest.approx([of[one] - of[other] for one, other in pairs])
    assert of["switch"] - of["single"] == pytest.approx(22.7, abs=0.1)  # not 28.8, that of its best cell
    assert gains["ours"].tolist() == pytest.approx([19.8, 22.8, 28.8, 3.0, 9.0])
    assert gains["p after Holm"].min() > 0.05  # six seeds and 16 tests cannot be significant
    assert gains["verdict"].tolist() == ["not of this size", *["inconclusive"] * 4]


def test_more_seeds_reproduce_gains(known_record: Make) -> None:
    table = table_of(grid_of(known_record, PAPER, seeds=12))
    assert (table.loc[["G1", "G2", "G3", "G4", "G5"], "p after Holm"] < 0.05).all()
    assert table.loc[["G1", "G2", "G3", "G4", "G5"], "verdict"].tolist() == [
        "smaller effect", "smaller effect", "reproduced", "reproduced", "reproduced",
    ]  # fmt: skip


def test_strategies_without_effect_are_equal_within_a_point(all_alike: pd.DataFrame) -> None:
    assert (all_alike.loc[["A1", "A4"], "verdict"] == "another level").all()
    assert (all_alike.loc[["A2", "A3"], "verdict"] == "compatible").all()  # 68 and 71 of 70
    gains = all_alike.loc[["G1", "G2", "G3", "G4", "G5"]]
    assert gains["ours"].tolist() == pytest.approx([0] * 5, abs=1e-9)
    assert (gains["verdict"] == "less than 1 point").all()
    assert (gains["equivalence"] < 0.05).all()


def test_a_loss_where_the_paper_has_a_gain_is_an_opposite_effect(known_record: Make) -> None:
    accuracy = {"single": 0.7, "mtl": 0.65, "diminish": 0.6, "switch": 0.7}
    table = table_of(grid_of(known_record, accuracy, seeds=12))
    assert table.loc["G2", "ours"] == pytest.approx(-10)
    assert table.loc[["G1", "G2", "G4"], "verdict"].tolist() == ["opposite effect"] * 3


def test_an_interval_that_holds_both_is_inconclusive(known_record: Make) -> None:
    records = grid_of(known_record)
    shift = np.array([4, -3, 6, -2, 5, -3]) / 100  # a mean of about one point, give or take four
    moved = [
        replace(r, scores=r.scores | {"accuracy": 0.7 + shift[r.run.seed]}) if r.run.strategy == "diminish" else r
        for r in records
    ]
    row = table_of(moved).loc["G4"]
    assert row["low"] < 0 < row["paper"] < row["high"]
    assert row["verdict"] == "inconclusive"


def test_gains_are_paired_by_seed(known_record: Make) -> None:
    accuracy = PAPER | {"mtl": 0.49}
    row = table_of(grid_of(known_record, accuracy)).loc["G1"]
    noise = np.array(NOISE)
    differences = 100 * (0.49 + np.roll(noise, -1) - 0.482 - noise)
    test = stats.ttest_1samp(differences, 0)
    interval = test.confidence_interval(0.95)
    assert (row["ours"], row["n"]) == (pytest.approx(differences.mean()), SEEDS)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    flips = np.array(np.meshgrid(*[(-1, 1)] * SEEDS)).reshape(SEEDS, -1)
    means = differences @ flips / SEEDS
    assert row["p"] == pytest.approx((np.abs(means) >= abs(differences.mean()) - 1e-9).mean())


def test_levels_on_another_task_are_not_compared(known_record: Make) -> None:
    table = table_of(grid_of(known_record, PAPER), SMOKE)
    levels = table.loc[["A1", "A2", "A3", "A4"]]
    assert (levels["verdict"] == "another task").all()
    assert table.loc["G1", "verdict"] == "inconclusive"  # of differences the direction alone can
    assert table_of(grid_of(known_record, PAPER), ON_IMDB).loc["G1", "verdict"] == "not of this size"


def test_released_logs_are_means_of_their_cells(all_alike: pd.DataFrame) -> None:
    def logs(strategy: str) -> float:
        file = pd.read_csv(tables.paths.data() / "paper" / "released_logs.csv")
        cells = file[(file["strategy"] == strategy) & file["setting"].isin(UPDATES)]
        cells = cells[~cells["embedding"].str.contains("block")]
        return 100 * cells.groupby(["embedding", "setting"])["test_accuracy"].mean().mean()

    original = np.mean([50, 52, 47, 48, 47, 51])
    assert all_alike.loc["A1", "released logs"] == f"{original:.0f}"
    for name, strategy in [("A2", "mtl"), ("A3", "diminish"), ("A4", "switch")]:
        assert all_alike.loc[name, "released logs"] == f"{logs(strategy):.0f}"
    assert all_alike.loc["G1", "released logs"] == f"{logs('mtl') - original:+.0f}"
    assert all_alike.loc["G5", "released logs"] == f"{logs('switch') - logs('mtl'):+.0f}"


def test_the_text_of_a_level_says_what_the_tables_give(all_alike: pd.DataFrame) -> None:
    assert all_alike.loc["A1", "claim"] == "original has a test accuracy of 48%"
    switch = "Switch has a test accuracy of 77% (mean of its cells in the tables: 71%)"
    assert all_alike.loc["A4", "claim"] == switch


# --- time


def test_the_papers_savings_are_reproduced_with_enough_seeds(known_record: Make) -> None:
    seconds = {"single": 10.0, "mtl": 3.8, "diminish": 3.0, "switch": 3.2}
    table = table_of(grid_of(known_record, PAPER, seconds, seeds=12))
    for strategy, saved in [("d", -70.0), ("s", -68.0)]:
        row = table.loc[f"T1{strategy}1"]
        assert (row["paper"], row["ours"]) == (-67, pytest.approx(saved, abs=0.1))
        assert row["verdict"] == "decided by construction"
        assert np.isnan(row["p"])
        assert table.loc[f"T2{strategy}1", "verdict"] == "reproduced"  # 3.0 and 3.2 against 3.8
    assert table.loc["T1d1", "ours"] < table.loc["T1d1", "high"] < -67


def test_time_claims_are_geometric_means_over_seeds(as_in_the_paper: pd.DataFrame) -> None:
    noise = np.array(NOISE)
    ratios = 3.0 * (1 + 5 * np.roll(noise, -2)) / (10 * (1 + 5 * noise))
    interval = stats.ttest_1samp(np.log(ratios), 0).confidence_interval(0.95)
    row = as_in_the_paper.loc["T1d1"]
    assert row["ours"] == pytest.approx(100 * (stats.gmean(ratios) - 1))
    assert (row["low"], row["high"]) == pytest.approx(
        (100 * (np.exp(interval.low) - 1), 100 * (np.exp(interval.high) - 1))
    )
    assert 0 < row["detectable"] < 5


def test_equal_times_are_not_the_papers_savings(all_alike: pd.DataFrame) -> None:
    times = all_alike[all_alike.index.str.startswith("T")]
    assert len(times) == 2 * 2 * 2
    decided = times.index.isin(["T1d1", "T1s1"])
    assert (times.loc[decided, "verdict"] == "decided by construction").all()
    assert (times.loc[~decided, "verdict"] == "not of this size").all()
    assert sorted(times["paper"].unique()) == [-67, -13]


def test_time_to_the_target_counts_the_epochs_before_it(known_record: Make) -> None:
    early = {"validation_accuracy": (0.5, 0.75, 0.75, 0.75, 0.75, 0.75)}
    table = table_of(grid_of(known_record, curves={"diminish": early}))
    assert "(0.750), in seconds" in table.loc["T1d2", "claim"]
    assert table.loc["T1d2", "ours"] == pytest.approx(100 * (2 / 6 - 1), abs=2)
    assert table.loc["T1s2", "ours"] == pytest.approx(0, abs=2)  # at the horizon, which is the single-task arm's end
    assert table.loc["T1d1", "ours"] == pytest.approx(0, abs=2)  # all epochs, as before


def test_verdicts_on_time_are_those_of_the_table(known_record: Make) -> None:
    records = grid_of(known_record, seconds={"single": 10.0, "mtl": 1.0, "diminish": 3.0, "switch": 5.0})
    shown, table = claims.time_verdicts(records), table_of(records)
    times = table[table.index.str.startswith("T")]
    assert shown["claim"].tolist() == times["claim"].tolist()
    assert shown["verdict"].tolist()[::2][:2] == ["decided by construction"] * 2
    first = times.iloc[0]
    assert shown.loc[0, "paper"] == "-67%"
    assert shown.loc[0, "ours"] == f"-70 [{first['low']:+.0f}, {first['high']:+.0f}] %"


# --- curves


CURVES = {
    "single": {"validation_loss": (5, 4, 3, 3, 4, 5), "primary_loss": (6, 5, 4, 3, 2, 1)},
    "mtl": {"validation_accuracy": (0.5, 0.5, 0.5, 0.6, 0.7, 0.8), "primary_loss": (1, 1, 1, 1, 1, 1)},
    "diminish": {"validation_accuracy": (0.5, 0.5, 0.5, 0.5, 0.5, 0.5)},
    "switch": {"loss": (9, 8, 7, 2, 1, 0), "primary_loss": (5, 4, 3, 1, 0.5, 0.2)},
}


def test_curves_that_do_what_the_paper_says(known_record: Make) -> None:
    rows = table_of(grid_of(known_record, curves=CURVES, seeds=12)).loc[["F5a", "F5b", "F7", "F10", "F10p"]]
    assert rows["ours"].tolist() == pytest.approx([5 - 3, 1 - 4, 100 * (0.8 - 0.5), (2 - 7) - (7 - 8), (1 - 3) + 1])
    assert rows["verdict"].tolist() == ["reproduced"] * 3 + ["decided by construction", "reproduced"]
    assert rows["unit"].tolist() == ["nats", "nats", "points", "loss", "nats"]
    assert rows["paper"].isna().all()


def test_what_every_arm_does_is_not_specific(known_record: Make) -> None:
    curves = dict.fromkeys(STRATEGIES, CURVES["single"])
    rows = table_of(grid_of(known_record, curves=curves, seeds=12)).loc[["F5a", "F5b", "F7"]]
    assert rows["verdict"].tolist() == ["not specific"] * 3  # the validation accuracy of all rises too
    assert rows["rule"].tolist() == ["every arm does, each with an interval that excludes 0"] * 3


def test_curves_that_do_the_opposite(known_record: Make) -> None:
    curves = {
        "single": {"validation_loss": (5, 4, 3, 3, 2, 1), "primary_loss": (1, 1, 1, 1, 1, 2)},
        "mtl": {"validation_accuracy": (0.5, 0.6, 0.7, 0.8, 0.7, 0.6)},
        "switch": {"loss": (9, 8, 7, 8, 1, 0), "primary_loss": (5, 3, 1, 1, 1, 1)},
    }
    rows = table_of(grid_of(known_record, curves=curves, seeds=12)).loc[["F5a", "F5b", "F7", "F10p"]]
    assert (rows["verdict"] == "opposite effect").all()


# --- runs beside the grid


def walked(
    make: Make, original: float, update: float, embeddings: Sequence[str] = ("CBOW", "SkipGram")
) -> list[Record]:
    """Return the two ends of the released code's tables."""
    return [
        make(step.run(released.conditions(Configuration(epochs=1)), embedding, "", seed),
             accuracy + NOISE[seed] * sign, "released")
        for step, accuracy, sign in [(released.ORIGINAL, original, 1), (released.UPDATE, update, -1)]
        for embedding in embeddings
        for seed in range(4)
    ]  # fmt: skip


def test_the_released_gap_is_measured_for_trained_vectors_and_for_glove_apart(known_record: Make) -> None:
    records = walked(known_record, 0.48, 0.70, TRAINED) + walked(known_record, 0.60, 0.50, ["GloveTwitter"])
    table = table_of(grid_of(known_record) + records)
    printed = tables.paper_cells()
    for name, gap, embeddings in (("R1", 22, TRAINED), ("R1g", -10, ["GloveTwitter"])):
        row = table.loc[name]
        differences = gap - 200 * np.array(NOISE[:4])
        interval = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
        assert (row["ours"], row["low"], row["high"], row["n"]) == pytest.approx(
            (differences.mean(), interval.low, interval.high, 4)
        )
        cells = printed[printed["embedding"].isin(embeddings)].groupby(printed["setting"] == "original")["accuracy"]
        assert row["paper"] == pytest.approx(cells.mean()[False] - cells.mean()[True])
    assert table.loc["R1", "verdict"] == "inconclusive"  # four seeds cannot show an effect
    assert (table.loc["R1", "released logs"], table.loc["R1g", "released logs"]) == ("+5", "+22")


@pytest.mark.parametrize(("update", "verdict"), [(0.75, "inconclusive"), (0.50, "not of this size")])
def test_the_released_gap_has_a_verdict_both_ways(known_record: Make, update: float, verdict: str) -> None:
    table = table_of(grid_of(known_record, seeds=2) + walked(known_record, 0.48, update))
    assert table.loc["R1", "verdict"] == verdict


def test_an_embedding_with_one_end_only_is_left_out_of_the_gap(known_record: Make) -> None:
    lonely = [r for r in walked(known_record, 0.9, 0.9, ["CBOWFastText"]) if not r.run.configuration.trainable]
    row = table_of(grid_of(known_record, seeds=2) + walked(known_record, 0.48, 0.70) + lonely).loc["R1"]
    assert row["ours"] == pytest.approx(22)


def elsewhere(make: Make, gain: Mapping[str, float], random: float = 0.3, seeds: int = SEEDS) -> list[Record]:
    """Return tables scored on six other tasks, with a gain in points by strategy; random vectors score `random`."""
    tasks = ("imdb", "sentence_polarity", "ud-ewt", "treebank", "uner-ewt", "wnut-17")
    configuration = Configuration(epochs=1, evaluate_table=1)
    records = []
    for k, strategy in enumerate(STRATEGIES):
        for seed in range(seeds):
            made = make(Run("CBOW", strategy, (), SINGLE_TASK, seed, configuration), 0.5, "downstream")
            score = 0.6 + gain.get(strategy, 0.0) / 100 + NOISE[(seed + k) % SEEDS]
            scores = {task: {"accuracy": score, "coverage": 1.0} for task in tasks}
            floor = {task: {"accuracy": random, "coverage": 1.0} for task in tasks}
            records.append(replace(made, scores=made.scores | {"downstream": scores, "random": floor}))
    return records


def test_tables_elsewhere_are_compared_with_the_single_task_table(known_record: Make) -> None:
    gains = {"diminish": 2.0, "switch": -2.0}
    records = grid_of(known_record, seeds=2) + elsewhere(known_record, gains, seeds=12)
    rows = table_of(records)
    rows = rows[rows.index.str.startswith("D-")]
    assert rows.index.tolist() == [f"D-{task}-{s}" for task in ("sentiment", "pos", "ner") for s in ("d", "s")]
    assert rows["ours"].tolist() == pytest.approx([2, -2] * 3)
    assert rows["verdict"].tolist() == ["reproduced", "opposite effect"] * 3


def test_where_random_vectors_do_as_well_nothing_is_measured(known_record: Make) -> None:
    records = grid_of(known_record, seeds=2) + elsewhere(known_record, {"diminish": 2.0}, random=0.6)
    rows = table_of(records)
    rows = rows[rows.index.str.startswith("D-")]
    assert (rows["verdict"] == "not measurable").all()
    assert (rows["rule"] == "a table of random vectors does as well").all()


def test_missing_experiments_are_said_to_be_missing(all_alike: pd.DataFrame) -> None:
    missing = all_alike[all_alike["verdict"] == "not measured in this profile"]
    expected = ["R1", "R1g", *(f"D-{task}-{s}" for task in ("sentiment", "pos", "ner") for s in ("d", "s"))]
    assert missing.index.tolist() == expected
    assert (missing["n"] == 0).all()
    assert missing[["ours", "low", "high", "p", "p after Holm", "equivalence", "detectable"]].isna().all(axis=None)


# --- the table


def test_p_is_corrected_over_all_claims_that_have_a_test(as_in_the_paper: pd.DataFrame) -> None:
    tested = as_in_the_paper["p"].dropna()
    assert len(tested) == 6 + 5 + 4  # what is decided by construction is not tested
    expected = multipletests(tested, method="holm")[1]
    assert as_in_the_paper.loc[tested.index, "p after Holm"].tolist() == pytest.approx(expected)
    assert as_in_the_paper["p after Holm"].notna().sum() == len(tested)


def test_ids_are_unique_and_columns_are_known(all_alike: pd.DataFrame) -> None:
    assert all_alike.index.is_unique
    assert all_alike.columns.tolist() == [
        "claim", "verdict", "where", "unit", "paper", "released logs", "ours", "low", "high", "n", "test", "p",
        "p after Holm", "equivalence", "detectable", "rule",
    ]  # fmt: skip
    assert all_alike["claim"].is_unique


def test_one_seed_proves_nothing(known_record: Make) -> None:
    table = table_of(grid_of(known_record, PAPER, seeds=1))
    measured = table[table["n"] > 0]
    assert set(measured["verdict"]) == {"inconclusive", "decided by construction"}
    assert measured[["low", "high"]].isna().all(axis=None)


# --- for readers

FOUND = pd.DataFrame(
    [
        ["more", "less than 1 point", "points", 28.8, "+10", 12.345, 9.876, 14.8, 10, 0.0123, 3.14159, "a rule"],
        ["some", "inconclusive", "nats", np.nan, "–", -0.456, -1.0, 0.088, 10, 1.0, 0.5, "another"],
        ["one", "inconclusive", "points", 3.0, "–", 2.0, np.nan, np.nan, 1, np.nan, np.nan, "one pair"],
        ["none", "not measured", "points", np.nan, "none", np.nan, np.nan, np.nan, 0, np.nan, np.nan, "no runs"],
    ],
    columns=["claim", "verdict", "unit", "paper", "released logs", "ours", "low", "high", "n", "p after Holm",
             "detectable", "rule"],
)  # fmt: skip


def test_claims_for_readers_show_nan_as_a_dash() -> None:
    assert claims.readable(FOUND).to_numpy().tolist() == [
        ["more", "less than 1 point", "points", "28.8", "+10", "12.3 [9.9, 14.8]", 10, "0.012", "3.14", "a rule"],
        ["some", "inconclusive", "nats", "–", "–", "-0.46 [-1.00, 0.09]", 10, "1.000", "0.50", "another"],
        ["one", "inconclusive", "points", "3.00", "–", "2.00", 1, "–", "–", "one pair"],
        ["none", "not measured", "points", "–", "none", "–", 0, "–", "–", "no runs"],
    ]
