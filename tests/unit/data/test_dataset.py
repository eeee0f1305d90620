import numpy as np

from mt2st.data.dataset import Background, Dataset, Examples


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
