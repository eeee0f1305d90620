"""Samples with few labels, on a mirror whose reviews say their own numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mt2st.data.dataset import Examples, Related, Sizes
from mt2st.data.texts import imdb, imdb_semi, nltk_sets

SENTENCES = Related(Examples([["a", "fine", "one"], ["dull"]], np.array([1, 0])), imdb.CLASSES)
SIZES = Sizes(600, 150, 3000)


@pytest.fixture(autouse=True)
def sentences(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sentences stand for the 10,662 of the polarity corpus."""
    monkeypatch.setattr(nltk_sets, "related", lambda name: {nltk_sets.POLARITY: SENTENCES}[name])
    monkeypatch.setattr(imdb_semi.nltk_packages, "locate", lambda name: mirror / f"{name}.zip")


def names(texts: list[list[str]]) -> set[str]:
    return {text[-1] for text in texts}


def test_samples_share_no_labelled_review_and_no_part_has_the_reviews_of_another() -> None:
    labelled = []
    for seed in (0, 1, imdb_semi.DEVELOPMENT):
        dataset = imdb_semi.load(seed, SIZES)
        parts = [names(part.texts) for part in (dataset.train, dataset.validation, dataset.test)]
        assert [len(part) for part in parts] == [600, 150, 3000]
        assert len(set.union(*parts)) == 3750
        labelled.append(set.union(*parts))
        background = names(dataset.background.tokens)
        assert parts[0] <= background
        assert background.isdisjoint(parts[1] | parts[2])
        assert len(background) == 600 + imdb_semi.UNLABELLED
    assert len(set.union(*labelled)) == 3 * 3750


def test_labels_are_those_of_the_reviews() -> None:
    frame = imdb.rest()
    label = {tokens[-1]: label for tokens, label in zip(frame["tokens"], frame["label"], strict=True)}
    dataset = imdb_semi.load(2, SIZES)
    for part in (dataset.train, dataset.validation, dataset.test):
        assert part.labels.tolist() == [label[text[-1]] for text in part.texts]
    assert dataset.background.related["polarity"] == SENTENCES


def test_stars_are_a_finer_label_of_the_reviews_to_train_on(mirror: Path, reviews: pd.DataFrame) -> None:
    dataset = imdb_semi.load(1, SIZES)
    stars = dataset.background.related["stars"]
    assert stars.examples.texts == dataset.train.texts
    assert stars.classes == ("1", "2", "3", "4", "7", "8", "9", "10")
    found = [int(stars.classes[label]) for label in stars.examples.labels]
    assert found == [reviews["rating"][int(text[-1].removeprefix("no"))] for text in dataset.train.texts]
    assert set(found) == {2, 3, 9, 10}
    (mirror / imdb.INDEX).unlink()
    imdb.rest_stars.cache_clear()
    assert set(imdb_semi.load(1, SIZES).background.related) == {"polarity"}


def test_more_labels_keep_the_reviews_to_test_on() -> None:
    few, many = imdb_semi.load(0, SIZES), imdb_semi.load(0, Sizes(5000, 150, 3000))
    assert names(few.test.texts) == names(many.test.texts)
    assert names(few.train.texts) < names(many.train.texts)
    assert names(many.background.tokens).isdisjoint(names(many.test.texts))


@pytest.mark.parametrize(("seed", "sizes"), [(40, SIZES), (0, Sizes(30_000, 150, 3000))])
def test_more_than_there_are_are_refused(seed: int, sizes: Sizes) -> None:
    with pytest.raises(ValueError, match=f"sample {seed} of {sizes.total:,} is asked for"):
        imdb_semi.load(seed, sizes)
