"""Every arm against single-task learning, on numbers that are known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mt2st.report import arms, summary

SEEDS = 4


def scores() -> pd.DataFrame:
    """Return runs on one embedding: update0 gains 1, 2, 3 and 4 points, update1 loses 2; both take twice the time."""
    rows = []
    for seed in range(SEEDS):
        base = {"embedding": "CBOW", "seed": seed, "data": "wiki"}
        rows += [
            base | {"strategy": "single", "setting": "original", "accuracy": 0.5 + seed / 100, "train_seconds": 3.0}
            | {"learning_rate": 0.001},
            base | {"strategy": "mtl", "setting": "update0", "accuracy": 0.51 + seed / 50, "train_seconds": 6.0}
            | {"learning_rate": 0.001},
            base | {"strategy": "mtl", "setting": "update1", "accuracy": 0.48 + seed / 100, "train_seconds": 6.0}
            | {"learning_rate": 0.003},
        ]  # fmt: skip
    return pd.DataFrame(rows)


def test_differences_are_paired_by_seed_with_students_interval() -> None:
    rows = arms.against_single(scores()).set_index("setting")
    assert rows.index.tolist() == [arms.MEAN, "update0", "update1"]
    gains = np.array([1.0, 2.0, 3.0, 4.0])
    found = rows.loc["update0"]
    assert found["accuracy"] == pytest.approx(2.5)
    low, high = stats.t.interval(0.95, SEEDS - 1, loc=2.5, scale=stats.sem(gains))
    assert (found["accuracy low"], found["accuracy high"]) == (pytest.approx(low), pytest.approx(high))
    assert rows.loc["update1", ["accuracy", "accuracy low", "accuracy high"]].tolist() == pytest.approx([-2, -2, -2])
    assert rows["time"].tolist() == pytest.approx([100, 100, 100])
    assert rows["n"].tolist() == [SEEDS] * 3
    assert rows["rates"].tolist() == [(0.001, 0.003), (0.001,), (0.003,)]


def test_a_strategys_own_row_is_that_of_the_summary() -> None:
    row = arms.against_single(scores()).iloc[0]
    expected = summary.by_strategy(scores()).loc["mtl"]
    assert row["accuracy"] == pytest.approx(100 * expected["difference"])
    assert row["accuracy low"] == pytest.approx(100 * expected["difference_low"])
    assert row["time"] == pytest.approx(100 * (expected["time_ratio"] - 1))


def test_a_strategy_with_one_setting_has_one_row() -> None:
    one = scores()[lambda frame: frame["setting"] != "update1"]
    assert arms.against_single(one)["setting"].tolist() == [arms.MEAN]


def test_without_single_task_runs_nothing_is_compared() -> None:
    with pytest.raises(ValueError, match="no single-task runs"):
        arms.against_single(scores()[lambda frame: frame["strategy"] != "single"])
