from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.report import downstream
from mt2st.schedules import SINGLE_TASK

Make = Callable[..., Record]
GAINS = {  # over the untouched table in points, by seed; the same on every task
    "untouched": (0.0, 0.0, 0.0, 0.0),
    "single": (1.0, 2.0, 1.5, 2.5),
    "mtl": (1.0, 1.0, -1.0, 2.0),
    "diminish": (3.0, 4.0, 3.0, 5.0),
    "switch": (0.5, 2.0, 1.0, 2.0),
}
LEVELS = {"imdb": 80, "sentence_polarity": 70, "ud-ewt": 88, "treebank": 91, "uner-ewt": 40, "wnut-17": 12}
ARMS = list(GAINS)  # random vectors are made up in one test alone
SPANS = ("uner-ewt", "wnut-17")
SETS = [("analogies, total", "accuracy", 0.2, 19_544), ("wordsim353", "spearman", 0.4, 353)]


def record(make: Make, arm: str, seed: int, gain: float, levels: Mapping[str, int] = LEVELS) -> Record:
    """Return a record of a table whose scores are the tasks' levels plus a gain in points."""
    untouched = arm == "untouched"
    configuration = Configuration(epochs=0 if untouched else 2, evaluate_table=1)
    made = make(Run("CBOW", "single" if untouched else arm, (), SINGLE_TASK, seed, configuration), 0.5, "downstream")
    scores = {
        task: {"f1" if task in SPANS else "accuracy": (level + gain) / 100, "coverage": 0.9 + seed / 100}
        for task, level in levels.items()
    }
    intrinsic = [
        {"set": name, "measure": measure, "score": score + gain / 100, "covered": 100 + seed, "total": total}
        for name, measure, score, total in SETS
    ]
    return replace(made, scores=made.scores | {"downstream": scores, "intrinsic": intrinsic})


@pytest.fixture(scope="module")
def records(known_record: Make) -> list[Record]:
    return [record(known_record, arm, seed, gain) for arm in GAINS for seed, gain in enumerate(GAINS[arm])]


def test_an_arm_is_no_training_or_a_strategy() -> None:
    assert downstream.arms() == ["random", *GAINS]


def test_random_vectors_are_a_table_of_their_own_that_nothing_is_compared_with(known_record: Make) -> None:
    made = [record(known_record, "untouched", seed, 0.0) for seed in range(2)]
    made = [replace(r, scores=r.scores | {"random": {"imdb": {"accuracy": 0.5, "coverage": 0.9}}}) for r in made]
    learnt = [record(known_record, arm, seed, 1.0) for arm in ("single", "mtl") for seed in range(2)]
    table = downstream.comparisons([*made, *learnt])
    floor = table[table["table"] == "random"]
    assert floor[["task", "n", "score"]].to_numpy().tolist() == [["imdb", 2, 50.0]]
    assert floor[[column for column in table.columns if column.startswith(("−", "p "))]].isna().all(axis=None)


def test_scores_name_arm_task_and_measure(records: Sequence[Record]) -> None:
    frame = downstream.scores(records)
    assert len(frame) == 5 * 4 * 6
    assert set(frame.loc[frame["task"].isin(SPANS), "measure"]) == {"f1"}
    assert set(frame.loc[~frame["task"].isin(SPANS), "measure"]) == {"accuracy"}
    row = frame[(frame["arm"] == "diminish") & (frame["seed"] == 1) & (frame["task"] == "treebank")].iloc[0]
    assert (row["score"], row["coverage"]) == pytest.approx((0.95, 0.91))


def test_a_group_of_tasks_is_averaged_by_seed(records: Sequence[Record]) -> None:
    means = downstream.by_seed(records, "ner")
    assert means.index.tolist() == [0, 1, 2, 3]
    for arm, gains in GAINS.items():
        assert means[arm].tolist() == pytest.approx([(26 + gain) / 100 for gain in gains])


def test_a_seed_that_an_arm_lacks_is_left_out(records: Sequence[Record]) -> None:
    some = [r for r in records if (r.run.strategy, r.run.seed) != ("switch", 2)]
    assert downstream.by_seed(some, "pos").index.tolist() == [0, 1, 3]
    assert set(downstream.comparisons(some)["n"]) == {3}


def test_the_table_has_a_row_a_task_and_table(records: Sequence[Record]) -> None:
    table = downstream.comparisons(records)
    assert list(zip(table["task"], table["table"], strict=True)) == [(task, arm) for task in LEVELS for arm in ARMS]
    for row in table.itertuples():
        values = [LEVELS[row.task] + gain for gain in GAINS[row.table]]
        assert row.score == pytest.approx(np.mean(values))
        assert row.coverage == pytest.approx(91.5)
        if row.table != "untouched":
            expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
            assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


def test_tables_are_compared_with_untouched_and_single_task_by_seed(records: Sequence[Record]) -> None:
    table = downstream.comparisons(records)
    for reference, arms in [("untouched", ARMS[1:]), ("single", ARMS[2:])]:
        compared = table[table[f"− {reference}"].notna()]
        assert set(compared["table"]) == set(arms)
        for arm in arms:
            values = np.subtract(GAINS[arm], GAINS[reference])
            expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
            row = compared[compared["table"] == arm].iloc[0]
            ends = row[[f"− {reference} low", f"− {reference} high"]].tolist()
            assert row[f"− {reference}"] == pytest.approx(values.mean())
            assert ends == pytest.approx([expected.low, expected.high])
    assert table.loc[table["table"] == "diminish", "p single"].tolist() == [2 / 2**4] * 6


def test_p_is_corrected_over_the_rows_with_the_same_reference(records: Sequence[Record]) -> None:
    table = downstream.comparisons(records)
    for reference, rows in [("untouched", 24), ("single", 18)]:
        p = table[f"p {reference}"].dropna()
        assert len(p) == rows
        adjusted = table.loc[p.index, f"p {reference} after Holm"]
        assert adjusted.tolist() == pytest.approx(multipletests(p, method="holm")[1])


def test_intrinsic_scores_are_means_over_seeds(records: Sequence[Record]) -> None:
    frame = downstream.intrinsic(records)
    assert frame.columns.tolist() == ["set", "measure", "covered", "total", *ARMS]
    assert frame[["set", "measure", "total"]].to_numpy().tolist() == [[s, m, n] for s, m, _, n in SETS]
    assert frame["covered"].tolist() == [101.5, 101.5]
    for arm, gains in GAINS.items():
        assert frame[arm].tolist() == pytest.approx([score + np.mean(gains) / 100 for _, _, score, _ in SETS])


def test_a_set_without_covered_rows_is_missing_and_not_0(records: Sequence[Record]) -> None:
    def without(record: Record) -> Record:
        rows = [row | ({"score": np.nan} if row["set"] == "wordsim353" else {}) for row in record.scores["intrinsic"]]
        return replace(record, scores=record.scores | {"intrinsic": rows})

    frame = downstream.intrinsic([without(r) for r in records])
    assert frame["set"].tolist() == ["analogies, total", "wordsim353"]
    assert frame.loc[1, list(ARMS)].isna().all()


def test_conclusions_compare_each_strategy_with_single_task(records: Sequence[Record]) -> None:
    lines = downstream.conclusions(records).splitlines()
    assert len(lines) == 9
    values = np.subtract(GAINS["diminish"], GAINS["single"])
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert lines[1] == (
        f"sentiment: table of diminish +2.0 [{low:+.1f}, {high:+.1f}] points against that of single-task learning, "
        "n = 4 seeds, p = 1.000 after Holm"  # 9 comparisons, the smallest p of each is 0.125
    )
    assert lines[8].startswith("named entity recognition: table of switch -0.4 [")
