from collections import Counter

import numpy as np
import pytest

from mt2st.data.dataset import Background, Dataset, Examples, stratified_split


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


def test_parts_of_a_split_are_disjoint_and_have_the_shares_of_the_classes() -> None:
    labels = np.repeat([0, 1], [60, 40])
    train, validation, test = stratified_split(labels, 0, 50, 20, 30)
    assert sorted([*train, *validation, *test]) == list(range(100))
    assert [Counter(labels[part].tolist()) for part in (train, validation, test)] == [
        {0: 30, 1: 20}, {0: 12, 1: 8}, {0: 18, 1: 12},
    ]  # fmt: skip


def test_a_split_may_leave_rows_out() -> None:
    parts = stratified_split(np.repeat([0, 1], 50), 0, 10, 4, 6)
    assert [len(part) for part in parts] == [10, 4, 6]
    assert len({row for part in parts for row in part}) == 20


def test_the_seed_alone_determines_a_split() -> None:
    labels = np.repeat([0, 1], 50)
    first, again, other = (stratified_split(labels, seed, 50, 20, 30)[0].tolist() for seed in (1, 1, 2))
    assert first == again
    assert set(first) != set(other)


def test_more_rows_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match="validation and test are 101 examples together, there are 100"):
        stratified_split(np.repeat([0, 1], 50), 0, 50, 20, 31)
