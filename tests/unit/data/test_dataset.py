from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from mt2st.data.dataset import Background, Dataset, Examples, Related, Sizes, stratified_split


def test_counts_give_examples_by_class_name_in_each_part(toy_dataset: Dataset) -> None:
    assert toy_dataset.counts() == {
        "train": {"negative": 2, "positive": 2},
        "validation": {"negative": 1, "positive": 1},
        "test": {"negative": 2, "positive": 1},
    }


def test_counts_leave_out_a_class_that_a_part_does_not_have() -> None:
    one, two = Examples([["a"]], np.array([1])), Examples([["a"], ["b"]], np.array([0, 1]))
    dataset = Dataset("letters", ("x", "y"), one, two, two, Background([]))
    assert dataset.counts()["train"] == {"y": 1}


def test_the_length_of_examples_is_their_number() -> None:
    assert len(Examples([["a", "b", "c"], ["d"]], np.array([0, 1]))) == 2


def test_related_texts_are_pooled_by_the_names_of_their_classes(toy_dataset: Dataset) -> None:
    swapped = Related(Examples([["x"], ["y"], ["z"]], np.array([0, 1, 1])), ("positive", "negative"))
    stars = Related(swapped.examples, ("one star", "two stars"))
    background = Background([["a"]], related={"swapped": swapped, "stars": stars})
    pooled = replace(toy_dataset, background=background).pooled()
    assert pooled is not None
    assert list(pooled.train.texts[-3:]) == [["x"], ["y"], ["z"]]
    assert pooled.train.labels.tolist() == [*toy_dataset.train.labels, 1, 0, 0]  # of classes negative, positive
    assert pooled.validation is toy_dataset.validation
    assert pooled.background == Background([["a"]], related={"stars": stars})
    assert pooled.pooled() is None


def test_features_are_an_array_a_text_with_a_row_a_token() -> None:
    texts, labels = [["a", "b"], ["c"]], np.array([0, 1])
    found = Examples(texts, labels, [np.ones((2, 3)), np.zeros((1, 3))], "gaze").take([1])
    assert (found.texts, found.modality, found.features[0].tolist()) == ([["c"]], "gaze", [[0, 0, 0]])
    with pytest.raises(ValueError, match="2 texts but gaze of 1"):
        Examples(texts, labels, [np.ones((2, 3))], "gaze")
    for wrong in (np.ones((2, 3)), np.ones((1, 2))):
        with pytest.raises(ValueError, match=r"text 1 has 1 tokens, its features must be \(1, 3\), got"):
            Examples(texts, labels, [np.ones((2, 3)), wrong])


def test_parts_and_pooled_texts_have_the_same_features(toy_dataset: Dataset) -> None:
    def having(examples: Examples, modality: str = "gaze") -> Examples:
        return replace(examples, features=[np.ones((len(text), 2)) for text in examples.texts], modality=modality)

    with pytest.raises(ValueError, match="toy: the examples of train and validation need features of one modality"):
        replace(toy_dataset, train=having(toy_dataset.train))
    parts = {part: having(getattr(toy_dataset, part)) for part in ("train", "validation", "test")}
    more = Examples([["x"], ["y"]], np.array([0, 1]))
    related = {"plain": Related(more, toy_dataset.classes), "seen": Related(having(more), toy_dataset.classes)}
    seen = replace(toy_dataset, background=Background([["a"]], related=related), **parts)
    pooled = seen.pooled()
    assert pooled is not None
    assert len(pooled.train) == len(toy_dataset.train) + 2
    assert len(pooled.train.features) == len(pooled.train)
    assert pooled.train.modality == "gaze"
    assert list(pooled.background.related) == ["plain"]


@given(
    classes=some.integers(2, 4),
    per_class=some.integers(4, 30),
    shares=some.tuples(*[some.floats(0.1, 0.3)] * 2),
    with_test=some.booleans(),
    seed=some.integers(0, 2**32 - 1),
)
def test_parts_are_disjoint_have_their_sizes_and_the_shares_of_the_classes(
    classes: int, per_class: int, shares: tuple[float, float], with_test: bool, seed: int
) -> None:
    labels = np.repeat(np.arange(classes), per_class)
    validation, test = (max(classes, round(share * len(labels))) for share in shares)
    sizes = Sizes(len(labels) - validation - test, validation, test if with_test else 0)
    parts = stratified_split(labels, seed, sizes)
    assert [len(part) for part in parts] == [sizes.train, sizes.validation, sizes.test]
    rows = np.concatenate(parts)
    assert len(set(rows.tolist())) == len(rows)
    assert set(rows.tolist()) <= set(range(len(labels)))
    for part in parts[:2] if with_test else ():
        counts = np.bincount(labels[part], minlength=classes)
        assert abs(counts - len(part) / classes).max() <= 2


def test_all_rows_can_be_split() -> None:
    labels = np.repeat([0, 1], [60, 40])
    train, validation, test = stratified_split(labels, 0, Sizes(50, 20, 30))
    assert sorted([*train, *validation, *test]) == list(range(100))
    assert [Counter(labels[part].tolist()) for part in (train, validation, test)] == [
        {0: 30, 1: 20}, {0: 12, 1: 8}, {0: 18, 1: 12},
    ]  # fmt: skip


@pytest.mark.parametrize(("train", "test"), [(100, 0), (80, 20), (40, 20)])
def test_without_validation_the_part_is_empty(train: int, test: int) -> None:
    labels = np.repeat([0, 1], 50)
    first, second, third = stratified_split(labels, 0, Sizes(train, 0, test))
    assert (len(first), len(second), len(third)) == (train, 0, test)
    assert labels[first].mean() == 0.5
    assert not set(first) & set(third)


def test_the_seed_alone_determines_a_split() -> None:
    labels = np.repeat([0, 1], 50)
    first, again, other = (stratified_split(labels, seed, Sizes(50, 20, 30))[0].tolist() for seed in (1, 1, 2))
    assert first == again
    assert set(first) != set(other)


def test_more_rows_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match="101 examples together, there are 100"):
        stratified_split(np.repeat([0, 1], 50), 0, Sizes(50, 20, 31))
