import math

import numpy as np
import pandas as pd
import pytest
from relations.made_up import TASKS, corpora_of, records
from scipy import stats

from mt2st.relations import measures
from mt2st.relations.gains import counted
from mt2st.relations.predictor import Predictor


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


def test_relatedness_ranks_what_was_measured_of_data_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "RELABELLINGS", 99)
    made = records()
    frame = measures.relatedness(made).set_index("measure")
    assert len(frame) == 8
    gain = counted(made)
    cosines = {corpora_of(r): r.epochs["cosine"].mean() for r in made if r.run.auxiliaries}
    values = [cosines.get((main, aux), cosines.get((aux, main))) for main, aux in gain.index]
    assert frame.loc["gradient cosine, mean", "rho"] == pytest.approx(stats.spearmanr(values, gain).statistic)
    entropies = [made[TASKS.index(aux)].scores["features"]["label entropy"] for _, aux in gain.index]
    assert frame.loc["label entropy of aux", "rho"] == pytest.approx(stats.spearmanr(entropies, gain).statistic)
    assert frame["p"].isna().tolist() == (frame.index == measures.PREDICTOR).tolist()
    predicted = Predictor.of(made).held_out["p"]
    assert frame.loc[measures.PREDICTOR, "rho"] == pytest.approx(stats.spearmanr(predicted, gain).statistic)


def test_a_measure_with_one_value_ranks_nothing(gains: pd.Series) -> None:
    (row,) = measures.ranking({"constant": gains * 0}, gains).to_dict("records")
    assert math.isnan(row["rho"]) and math.isnan(row["p"])
    assert row["AUC"] == 0.5


def test_words_name_the_measures_that_rank_better_than_chance_and_correct_for_their_number() -> None:
    rows = [("entropy", 20, 0.6, 0.01, 0.8), ("kurtosis", 20, -0.2, 0.4, 0.4), ("cosine", 20, 0.5, 0.04, 0.7)]
    rows.append((measures.PREDICTOR, 20, 0.9, math.nan, 0.9))
    frame = pd.DataFrame(rows, columns=["measure", "n", "rho", "p", "AUC"])
    assert measures.in_words(frame) == (
        "Measures that rank the 20 gains better than with the tasks' names swapped at random, by p < 0.05: 2 of 3, "
        "entropy (rho = +0.60, p = 0.010, after Holm 0.030); "
        "cosine (rho = +0.50, p = 0.040, after Holm 0.080)."
    )
    assert measures.in_words(frame[1:2]).endswith("swapped at random, by p < 0.05: 0 of 1.")
    assert measures.in_words(frame[:0]) == ""
