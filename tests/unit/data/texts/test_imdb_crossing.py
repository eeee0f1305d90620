"""Training sets of all sizes, on a mirror whose reviews say their own numbers."""

from pathlib import Path

import numpy as np
import pytest

from mt2st.data.dataset import Examples, Related, Sizes
from mt2st.data.texts import imdb, imdb_crossing, nltk_sets

COUNT = 5_000
SENTENCES = Related(Examples([["sentence", f"s{i}"] for i in range(COUNT)], np.arange(COUNT) % 2), imdb.CLASSES)
SIZES = Sizes(600, 150, 3000)


@pytest.fixture(autouse=True)
def sentences(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk_sets, "related", lambda name: {nltk_sets.POLARITY: SENTENCES}[name])
    monkeypatch.setattr(imdb_crossing.nltk_packages, "locate", lambda name: mirror / f"{name}.zip")


def names(texts: list[list[str]]) -> set[str]:
    return {text[-1] for text in texts}


def test_a_larger_training_set_has_the_smaller_ones_and_the_same_reviews_to_test() -> None:
    few, many = imdb_crossing.load(0, SIZES), imdb_crossing.load(0, Sizes(20_000, 750, 3000))
    assert few.test.texts == many.test.texts
    assert few.validation.texts == many.validation.texts[:150]
    assert few.train.texts == many.train.texts[:600]
    parts = [names(part.texts) for part in (many.train, many.validation, many.test)]
    assert [len(part) for part in parts] == [20_000, 750, 3000]
    assert len(set.union(*parts)) == 23_750


def test_samples_share_no_review_to_validate_or_test_on() -> None:
    held_out = []
    for seed in range(11):
        dataset = imdb_crossing.load(seed, Sizes(3_750, 750, 3000))
        held_out.append(names(dataset.test.texts) | names(dataset.validation.texts))
    assert len(set.union(*held_out)) == 11 * 3_750
    first, second = (names(imdb_crossing.load(seed, Sizes(3_750, 750, 3000)).train.texts) for seed in (0, 1))
    assert first.isdisjoint(second)


def test_labels_are_those_of_reviews_and_sentences() -> None:
    frame = imdb.rest()
    label = {tokens[-1]: label for tokens, label in zip(frame["tokens"], frame["label"], strict=True)}
    dataset = imdb_crossing.load(2, SIZES)
    for part in (dataset.train, dataset.validation, dataset.test):
        assert part.labels.tolist() == [label[text[-1]] for text in part.texts]
    related = dataset.background.related["polarity"]
    assert [int(text[-1][1:]) % 2 for text in related.examples.texts] == related.examples.labels.tolist()


def test_every_seed_draws_2000_sentences_and_the_background_is_all_text_to_train_on() -> None:
    drawn = []
    for seed in range(2):
        dataset = imdb_crossing.load(seed, SIZES)
        drawn.append(names(dataset.background.related["polarity"].examples.texts))
        assert len(drawn[-1]) == 2_000
        assert names(dataset.background.tokens) == names(dataset.train.texts) | drawn[-1]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("seed", "sizes"), [(12, SIZES), (0, Sizes(600, 800, 3000)), (0, Sizes(60_000, 150, 3000)), (40, SIZES)]
)
def test_more_than_there_are_are_refused(seed: int, sizes: Sizes) -> None:
    with pytest.raises(ValueError, match=f"sample {seed} of {sizes.total:,} is asked for"):
        imdb_crossing.load(seed, sizes)
