import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from relations.made_up import run_of, task_rows
from scipy import stats

from mt2st.experiments.runs import Record
from mt2st.relations import gains
from mt2st.relations.gains import GAIN, LOSS, LOW, UNCLEAR
from mt2st.statistics import Interval

TASKS = ("pos", "ner", "links")
# F1 by run, a value a seed. Gains of pos from ner are 10, 20 and 30%, from links -1, 1 and 0%; ner loses a fifth, from
# links all of a tenth; links scores next to nothing alone, and nothing at all with one of the seeds.
F1 = {
    ("pos",): {"pos": (0.5, 0.5, 0.6)},
    ("ner",): {"ner": (0.4, 0.5, 0.5)},
    ("links",): {"links": (0.02, 0.0, 0.05)},
    ("pos", "ner"): {"pos": (0.55, 0.6, 0.78), "ner": (0.32, 0.4, 0.4)},
    ("pos", "links"): {"pos": (0.495, 0.505, 0.6), "links": (0.04, 0.03, 0.05)},
    ("ner", "links"): {"ner": (0.36, 0.45, 0.45), "links": (0.04, 0.03, 0.1)},
}


def record(f1: Mapping[str, float], seed: int = 0, counts: Mapping[str, list[list[int]]] | None = None) -> Record:
    """Make up a record with some F1 by task, 0.1 more in test, a half of it in the first reading."""
    by_task = {
        task: {
            "validation": {"f1": value, "accuracy": value},
            "test": {"f1": value + 0.1},
            "counts": (counts or {}).get(task, [[1], [1], [1]]),
        }
        for task, value in f1.items()
    }
    tasks = task_rows({task: [value / 2, value] for task, value in f1.items()})
    run = run_of(tuple(f1), TASKS, seed=seed)
    return Record(run, pd.DataFrame({"epoch": [0, 1]}), tasks, {"by_task": by_task})


def records(seeds: int = 3) -> list[Record]:
    """Make up the records of the first seeds."""
    return [
        record({task: values[seed] for task, values in of_run.items()}, seed)
        for seed in range(seeds)
        for of_run in F1.values()
    ]


def test_a_gain_is_relative_to_the_single_task_of_the_same_seed() -> None:
    found = gains.by_seed(records())
    assert found.columns.tolist() == [0, 1, 2]
    assert len(found) == 6
    assert found.loc[("pos", "ner")].tolist() == pytest.approx([10, 20, 30])
    assert found.loc[("ner", "pos")].tolist() == pytest.approx([-20, -20, -20])
    assert found.loc[("links", "ner")].tolist() == pytest.approx([100, math.nan, 100], nan_ok=True)


def test_one_unlucky_single_run_does_not_decide_the_gains_of_the_other_seeds() -> None:
    unlucky = [record({"pos": 0.25}), *records()[1:]]
    found = gains.by_seed(unlucky)
    assert found.loc[("pos", "ner")].tolist() == pytest.approx([120, 20, 30])
    assert gains.summary(unlucky).loc[("pos", "ner"), "sign"] == UNCLEAR


def test_the_gain_of_a_pair_has_the_t_interval_over_seeds() -> None:
    row = gains.summary(records()).loc[("pos", "ner")]
    expected = stats.t.interval(0.95, 2, loc=20, scale=stats.sem([10, 20, 30]))
    assert (row["gain"], row["low"], row["high"]) == pytest.approx((20, *expected))
    assert expected[0] < 0  # all three seeds gain, and still the interval has 0
    assert (row["seeds"], row["sign"]) == (3, UNCLEAR)


def test_signs_are_those_of_intervals_without_0_and_of_main_tasks_that_score() -> None:
    signs = gains.summary(records())["sign"].to_dict()
    assert signs == {
        ("pos", "ner"): UNCLEAR, ("pos", "links"): UNCLEAR, ("ner", "pos"): LOSS, ("ner", "links"): LOSS,
        ("links", "pos"): LOW, ("links", "ner"): LOW,
    }  # fmt: skip
    assert gains.too_low(records()) == ["links"]
    assert gains.f1_alone(records()).loc["pos"].tolist() == [0.5, 0.5, 0.6]
    table = gains.signs(records())
    assert table.loc["ner", "pos"] == LOSS
    assert pd.isna(table.loc["ner", "ner"])


@pytest.mark.parametrize(
    ("low", "high", "sign"),
    [(0.1, 3, GAIN), (-3, -0.1, LOSS), (-1, 2, UNCLEAR), (0, 2, UNCLEAR), (math.nan, math.nan, UNCLEAR)],
)
def test_a_sign_is_told_where_the_interval_excludes_0(low: float, high: float, sign: str) -> None:
    assert gains.sign(Interval(1.0, low, high, 3)) == sign
    assert gains.sign(Interval(1.0, low, high, 3), is_low=True) == LOW


def test_one_seed_has_gains_without_intervals_or_signs() -> None:
    found = gains.summary(records(1))
    assert found.loc[("pos", "ner"), "gain"] == pytest.approx(10)
    assert found[["low", "high"]].isna().all(axis=None)
    assert set(found["sign"]) == {UNCLEAR, LOW}
    assert all(map(math.isnan, gains.agreement(records(1))))


def test_a_seed_that_lacks_a_run_is_left_out_of_its_pairs_alone() -> None:
    partly = [r for r in records() if not (r.run.seed == 2 and tuple(r.scores["by_task"]) == ("pos", "ner"))]
    row = gains.summary(partly).loc[("pos", "ner")]
    assert (row["gain"], row["seeds"]) == (pytest.approx(15), 2)
    assert gains.summary(partly).loc[("ner", "links"), "seeds"] == 3
    none = [r for r in records() if tuple(r.scores["by_task"]) != ("pos", "ner")]
    assert math.isnan(gains.summary(none).loc[("pos", "ner"), "gain"])
    assert ("pos", "ner") not in gains.counted(none)


def test_the_table_has_means_over_seeds_in_order_of_the_tasks() -> None:
    table = gains.table(records())
    assert list(table.index) == list(table.columns) == list(TASKS)
    assert table.loc["pos", "ner"] == pytest.approx(20)
    assert table.loc["pos", "links"] == pytest.approx(0)
    assert np.isnan(np.diag(table)).all()
    assert gains.table(records(), gains.last("test")).loc["pos", "ner"] == pytest.approx(
        100 * np.mean([0.65 / 0.6, 0.7 / 0.6, 0.88 / 0.7]) - 100
    )
    assert gains.table(records(), gains.last(measure="span_f1")).isna().all(axis=None)


def test_pairs_count_whose_main_task_scores_alone() -> None:
    assert gains.counted(records()).index.tolist() == [
        ("pos", "ner"),
        ("pos", "links"),
        ("ner", "pos"),
        ("ner", "links"),
    ]


def test_seeds_agree_as_far_as_their_signs_and_ranks_do() -> None:
    # Gains by seed: pos, ner 10 20 30; pos, links -1 1 0; ner -20 and -10 each time.
    same, rho = gains.agreement(records())
    assert same == pytest.approx(np.mean([3 / 4, 1, 3 / 4]))  # of pos from links: loss, gain, none
    assert rho == pytest.approx(1)


def test_averaged_f1_is_of_the_readings_of_the_second_half() -> None:
    tasks = task_rows({"pos": [0.1] * 5 + [0.2, 0.4, 0.2, 0.4, 0.3]})
    assert gains.averaged(replace(record({"pos": 0.3}), tasks=tasks), "pos") == pytest.approx(0.3)


def test_intervals_over_sentences_resample_them_for_all_seeds_together() -> None:
    alone = [[8, 2, 5, 9] * 25, [10] * 100, [10] * 100]  # rightly tagged, tagged and to be tagged, by sentence
    better = [[count + 1 for count in alone[0]], *alone[1:]]
    made = [
        record(dict.fromkeys(tasks, 0.5), seed, dict.fromkeys(tasks, counts))
        for seed in range(2)
        for tasks, counts in {("pos",): alone, ("ner",): alone, ("pos", "ner"): better}.items()
    ]
    frame = gains.sentence_intervals(made)
    assert frame.index.tolist() == [("pos", "ner"), ("ner", "pos")]
    draws = np.random.default_rng(1).choice([8, 2, 5, 9], (20_000, 100)).mean(1)
    assert frame["low"].tolist() == pytest.approx([100 * np.quantile(1 / draws, 0.025)] * 2, rel=0.03)
    assert frame["high"].tolist() == pytest.approx([100 * np.quantile(1 / draws, 0.975)] * 2, rel=0.03)
