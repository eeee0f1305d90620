import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import normalized_mutual_info_score

from mt2st.data.tags.columns import TaggedText
from mt2st.relations import measures


def text(*tokens: str) -> TaggedText:
    """One sentence of word/label."""
    return TaggedText([[t.split("/")[0] for t in tokens]], [[t.split("/")[1] for t in tokens]])


def test_kurtosis_is_that_of_label_frequencies() -> None:
    few = text(*["a/X"] * 6, "a/Y", "a/Z", "b/W")
    assert measures.label_kurtosis(few) == pytest.approx(stats.kurtosis([6 / 9, 1 / 9, 1 / 9, 1 / 9]))


def test_label_information_of_words_with_one_label_each_is_that_of_the_two_clusterings() -> None:
    one = text("a/X", "A/X", "b/Y", "c/Y", "d/Z", "only/Z")
    other = text("a/P", "a/P", "a/P", "b/P", "c/Q", "d/Q", "else/R")
    # "a" counts twice, as in the first corpus; "only" and "else" are not shared.
    expected = normalized_mutual_info_score(["X", "X", "Y", "Y", "Z"], ["P", "P", "P", "Q", "Q"])
    assert measures.label_information(one, other) == pytest.approx(expected)
    assert measures.label_information(other, one) == pytest.approx(expected)


def test_labels_of_a_word_are_taken_as_independent() -> None:
    both = text("a/X", "a/Y")
    assert measures.label_information(both, both) == pytest.approx(0, abs=1e-12)
    assert measures.label_information(text("a/X", "b/Y"), text("a/P", "b/Q")) == pytest.approx(1)
    assert measures.label_information(text("a/X"), text("a/P")) == 0


def test_corpora_without_a_common_word_are_refused() -> None:
    with pytest.raises(ValueError, match="no word in common"):
        measures.label_information(text("a/X"), text("b/X"))


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
