"""Digits beside number words."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from mt2st.data import sources
from mt2st.data.dataset import Dataset, Sizes
from mt2st.data.texts import digits

SIZES = Sizes(600, 150, 500)


@pytest.fixture(scope="module")
def data() -> Dataset:
    found: Dataset = sources.load_texts("digits", 3, SIZES)
    return found


def test_a_pair_is_a_word_and_the_rows_of_an_image_and_its_label_says_whether_they_belong(data: Dataset) -> None:
    images, labels = load_digits(return_X_y=True)
    name_of = {image.tobytes(): digits.NAMES[label] for image, label in zip(images / 16, labels, strict=True)}
    for part in (data.train, data.validation, data.test):
        for text, label, features in zip(part.texts, part.labels, part.features, strict=True):
            assert text[1:] == ["<row>"] * 8
            assert features.shape == (9, 8)
            assert not features[0].any()
            assert (name_of[features[1:].tobytes()] == text[0]) == label
    assert [len(part) for part in (data.train, data.validation, data.test)] == [600, 150, 500]
    assert np.mean(data.train.labels) == pytest.approx(0.5, abs=0.06)


def test_images_to_be_named_are_others_and_no_two_pairs_share_one(data: Dataset) -> None:
    related = data.background.related["image"]
    assert related.classes == digits.NAMES
    parts = [data.train, data.validation, data.test]
    seen = [image[1:].tobytes() for part in parts for image in part.features]
    seen += [image.tobytes() for image in related.examples.features]
    assert len(seen) == len(set(seen)) == 1_750
    images, labels = load_digits(return_X_y=True)
    label_of = {image.tobytes(): label for image, label in zip(images / 16, labels, strict=True)}
    for image, label in zip(related.examples.features, related.examples.labels, strict=True):
        assert label_of[image.tobytes()] == label


def test_seeds_repeat_and_differ_and_a_larger_sample_has_the_smaller_one(data: Dataset) -> None:
    again = digits.load(3, SIZES)
    assert again.train.texts == data.train.texts
    np.testing.assert_array_equal(np.stack(again.test.features), np.stack(data.test.features))
    smaller = digits.load(3, Sizes(200, 50, 500))
    np.testing.assert_array_equal(np.stack(smaller.train.features), np.stack(data.train.features[:200]))
    np.testing.assert_array_equal(np.stack(smaller.validation.features), np.stack(data.validation.features[-50:]))
    assert digits.load(4, SIZES).train.texts != data.train.texts


def test_more_pairs_than_images_are_refused() -> None:
    with pytest.raises(ValueError, match="1,797 images make 1,297 pairs, 1,500 are asked for"):
        digits.load(0, Sizes(800, 200, 500))
