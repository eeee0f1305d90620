from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from mt2st.data.dataset import Dataset, Examples
from mt2st.report import baselines


def test_the_majority_class_of_three_balanced_classes_is_right_in_a_third(small_topic: Dataset) -> None:
    assert baselines.baselines(small_topic)["majority class"] == pytest.approx(1 / 3)


def test_the_majority_is_that_of_the_training_part(toy_dataset: Dataset) -> None:
    train = Examples([["a"], ["b"], ["c"]], np.array([1, 1, 0]))
    found = baselines.baselines(replace(toy_dataset, train=train))
    assert found["majority class"] == pytest.approx(1 / 3)  # one of three test examples is of class 1


def test_one_telling_word_is_enough_for_a_linear_model(toy_dataset: Dataset) -> None:
    assert baselines.baselines(toy_dataset)["TF-IDF + logistic regression"] == 1


def test_the_linear_model_is_scikit_learns_on_the_same_tokens(small_topic: Dataset) -> None:
    joined = {part: [" ".join(t) for t in getattr(small_topic, part).texts] for part in ("train", "test")}
    vectorizer = TfidfVectorizer(lowercase=False, token_pattern=r"\S+")
    model = LogisticRegression(max_iter=1000).fit(vectorizer.fit_transform(joined["train"]), small_topic.train.labels)
    expected = (model.predict(vectorizer.transform(joined["test"])) == small_topic.test.labels).mean()
    assert baselines.baselines(small_topic)["TF-IDF + logistic regression"] == pytest.approx(expected)
    assert expected > 0.4


def test_test_texts_are_not_learnt_from(toy_dataset: Dataset) -> None:
    swapped = replace(toy_dataset, test=Examples(toy_dataset.test.texts, 1 - toy_dataset.test.labels))
    assert baselines.baselines(swapped)["TF-IDF + logistic regression"] == 0


def test_the_comparison_has_a_row_a_split_and_their_mean(toy_dataset: Dataset) -> None:
    frame = baselines.compare([toy_dataset, toy_dataset], [0.5, 0.7])
    assert frame.index.tolist() == ["split 0", "split 1", "mean"]
    assert frame["single-task BiLSTM"].tolist() == [0.5, 0.7, pytest.approx(0.6)]
    assert frame["TF-IDF + logistic regression"].tolist() == [1, 1, 1]
    assert frame["majority class"].tolist() == [pytest.approx(2 / 3)] * 3
