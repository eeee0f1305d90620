import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mt2st.relations import measures


@pytest.fixture
def gains() -> pd.Series:
    names = list("pqrst")
    pairs = pd.MultiIndex.from_tuples([(m, a) for m in names for a in names if m != a], names=["main", "aux"])
    return pd.Series(np.random.default_rng(0).normal(size=len(pairs)), pairs)


def test_a_measure_that_orders_gains_ranks_them_perfectly(gains: pd.Series, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "RELABELLINGS", 299)
    (row, turned) = measures.ranking({"same": np.exp(gains), "turned": -gains}, gains).to_dict("records")
    assert (row["measure"], row["n"]) == ("same", 20)
    assert row["rho"] == pytest.approx(1)
    assert row["AUC"] == 1
    assert row["p"] < 0.05  # 5! = 120 orders of the names, the right one among them
    assert (turned["rho"], turned["AUC"], turned["p"]) == (pytest.approx(-1), 0, row["p"])


def test_ranking_agrees_with_scipy_and_leaves_out_missing_values(gains: pd.Series) -> None:
    noisy = gains + np.random.default_rng(1).normal(size=len(gains))
    noisy.iloc[3] = math.nan
    (row,) = measures.ranking({"noisy": noisy}, gains).to_dict("records")
    assert row["n"] == 19
    assert row["rho"] == pytest.approx(stats.spearmanr(noisy, gains, nan_policy="omit").statistic)
