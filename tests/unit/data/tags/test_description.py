import math

import pytest
from scipy import stats
from sklearn.metrics import normalized_mutual_info_score

from mt2st.data.tags import description
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.description import DATA

TRAIN = TaggedText([["The", "dog", "barks", "dog"], ["a", "Day"]], [["D", "N", "V", "N"], ["D", "N"]])


def test_data_features_are_counts_known_by_hand() -> None:
    test = TaggedText([["dog", "dog"]], [["N", "N"]])
    found = description.data_features(TRAIN, test, {"the", "dog", "day"})
    assert list(found.index) == list(DATA)
    assert found["size"] == 2
    assert found["labels"] == 3
    assert found["tokens/types"] == pytest.approx(6 / 5)
    assert found["OOV rate"] == pytest.approx(2 / 6)  # barks, a
    assert found["label entropy"] == pytest.approx(
        -(1 / 3 * math.log(1 / 3) + 1 / 2 * math.log(1 / 2) + 1 / 6 * math.log(1 / 6))
    )
    assert found["Frobenius norm"] == pytest.approx(math.sqrt(1 + 4 + 1 + 1 + 1))
    mixed = (1 / 3 + 1) / 2  # dog
    divergence = (1 / 3 * math.log((1 / 3) / mixed) + 4 / 6 * math.log(2)) / 2 + math.log(1 / mixed) / 2
    assert found["JSD"] == pytest.approx(divergence)


def test_divergence_is_0_of_a_text_from_itself_and_ln_2_without_a_common_word() -> None:
    assert description.data_features(TRAIN, TRAIN, set())["JSD"] == pytest.approx(0, abs=1e-12)
    other = TaggedText([["x"]], [["N"]])
    assert description.data_features(TRAIN, other, set())["JSD"] == pytest.approx(math.log(2))


def test_a_text_without_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="need at least one token"):
        description.data_features(TRAIN, TaggedText([], []), set())


def text(*tokens: str) -> TaggedText:
    """One sentence of word/label."""
    return TaggedText([[t.split("/")[0] for t in tokens]], [[t.split("/")[1] for t in tokens]])


def test_kurtosis_is_that_of_label_frequencies() -> None:
    few = text(*["a/X"] * 6, "a/Y", "a/Z", "b/W")
    assert description.label_kurtosis(few) == pytest.approx(stats.kurtosis([6 / 9, 1 / 9, 1 / 9, 1 / 9]))


def test_label_information_of_words_with_one_label_each_is_that_of_the_two_clusterings() -> None:
    one = text("a/X", "A/X", "b/Y", "c/Y", "d/Z", "only/Z")
    other = text("a/P", "a/P", "a/P", "b/P", "c/Q", "d/Q", "else/R")
    # "a" counts twice, as in the first corpus; "only" and "else" are not shared.
    expected = normalized_mutual_info_score(["X", "X", "Y", "Y", "Z"], ["P", "P", "P", "Q", "Q"])
    assert description.label_information(one, other) == pytest.approx(expected)
    assert description.label_information(other, one) == pytest.approx(expected)


def test_labels_of_a_word_are_taken_as_independent() -> None:
    both = text("a/X", "a/Y")
    assert description.label_information(both, both) == pytest.approx(0, abs=1e-12)
    assert description.label_information(text("a/X", "b/Y"), text("a/P", "b/Q")) == pytest.approx(1)
    assert description.label_information(text("a/X"), text("a/P")) == 0


def test_corpora_without_a_common_word_are_refused() -> None:
    with pytest.raises(ValueError, match="no word in common"):
        description.label_information(text("a/X"), text("b/X"))
