from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.texts import corpora, imdb, nltk_sets, wiki


def texts(size: int) -> pd.DataFrame:
    """Return texts that begin with their number and class, two thirds positive; the first is empty, the next long."""
    labels = np.arange(size) % 3 > 0
    tokens = [[f"no{i}", "good" if positive else "bad"] for i, positive in enumerate(labels)]
    tokens[0], tokens[1] = [], [*tokens[1], *["more"] * 200]
    return pd.DataFrame({"tokens": tokens, "label": labels.astype(int)})


@pytest.fixture
def reviews(monkeypatch: pytest.MonkeyPatch) -> SequenceData:
    monkeypatch.setattr(imdb, "rest", lambda: texts(9_000))
    monkeypatch.setattr(imdb, "locate", lambda: Path("reviews.csv"))
    monkeypatch.setattr(imdb, "preprocessing", lambda: imdb.Preprocessing(frozenset(), None, (Path("words"),)))
    return corpora.of_imdb()


def parts(data: SequenceData) -> tuple[TaggedText, TaggedText, TaggedText]:
    return data.train, data.validation, data.test


def test_a_thousand_texts_are_for_training_and_twice_as_many_for_each_other_part(reviews: SequenceData) -> None:
    assert [len(part) for part in parts(reviews)] == [1_000, 2_000, 2_000]
    seen = [{" ".join(text) for text in part.sentences} for part in parts(reviews)]
    assert len(set.union(*seen)) == 5_000
    assert (reviews.name, reviews.classes, reviews.of_texts) == ("imdb-1k", ("negative", "positive"), True)
    assert reviews.files == (Path("reviews.csv"), Path("words"))


def test_every_token_has_the_label_of_its_text_and_classes_their_shares(reviews: SequenceData) -> None:
    word = {"good": "positive", "bad": "negative"}
    for part in parts(reviews):
        written = [(text, tags) for text, tags in zip(part.sentences, part.tags, strict=True) if text != ["."]]
        assert all(tags == [word[text[1]]] * len(text) for text, tags in written)
        shares = np.mean([tags[0] == "positive" for tags in part.tags])
        assert shares == pytest.approx(2 / 3, abs=1 / len(part))


def test_texts_are_always_drawn_alike_and_cut(monkeypatch: pytest.MonkeyPatch, reviews: SequenceData) -> None:
    assert corpora.of_imdb() == reviews
    monkeypatch.setattr(nltk_sets, "files", lambda name: (Path(f"{name}.zip"),))
    monkeypatch.setattr(nltk_sets, "texts", lambda name, file: texts(1_100))  # all of them are taken
    small = corpora.of_nltk("films-1k", "movie_reviews")
    assert (small.name, [len(part) for part in parts(small)]) == ("films-1k", [1_000, 50, 50])
    lengths = sorted(len(text) for part in parts(small) for text in part.sentences)
    assert lengths == [1, *[2] * 1_098, 100]
    assert ["."] in [text for part in parts(small) for text in part.sentences]


def test_topics_are_alike_in_number_and_share_no_article() -> None:
    data = corpora.topics()
    assert [len(part) for part in parts(data)] == [999] * 3
    for part in parts(data):
        assert pd.Series([tags[0] for tags in part.tags]).value_counts().to_dict() == dict.fromkeys(wiki.TOPICS, 333)
    frame = wiki.sentences()
    article = dict(
        zip(map(tuple, frame["tokens"].map(lambda words: map(str.lower, words))), frame["article"], strict=True)
    )
    of_parts = [{article[tuple(text)] for text in part.sentences} for part in parts(data)]
    assert not (of_parts[0] & of_parts[1] or of_parts[0] & of_parts[2] or of_parts[1] & of_parts[2])
