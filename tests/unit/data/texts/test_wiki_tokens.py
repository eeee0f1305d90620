from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mt2st.data.tags.tagged import SequenceData
from mt2st.data.texts import wiki, wiki_tokens

Loader = Callable[[str], SequenceData]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Loader:
    """Tag two sentences in each of 30 articles, all alike but for their first word."""
    rows = [
        (f"{topic}{i}", topic, [f"{topic}{i}", *tokens], [0, *links], [0] * (len(tokens) + 1))
        for topic in wiki.TOPICS
        for i in range(10)
        for tokens, links in [
            (["The", "NASA", "of", "iPhone", "4"], [0, 1, 1, 0, 1]),
            (["the", "cat", "A", "U.S.", "the"], [1, 0, 0, 0, 0]),
        ]
    ]
    frame = pd.DataFrame(rows, columns=["article", "topic", "tokens", "hyperlink", "emphasis"])
    monkeypatch.setattr(wiki, "sentences", lambda: frame)
    return wiki_tokens.load


def test_the_split_is_by_article(load: Loader) -> None:
    data = load("wiki-hyperlink")
    articles = [{sentence[0] for sentence in part.sentences} for part in (data.train, data.validation, data.test)]
    assert list(map(len, articles)) == [3 * 6, 3 * 2, 3 * 2]  # of ten, round(2.5) and a fifth
    assert not articles[0] & articles[1] and not articles[0] & articles[2] and not articles[1] & articles[2]
    assert load("wiki-hyperlink").train.sentences == data.train.sentences


def test_links_are_spans(load: Loader) -> None:
    data = load("wiki-hyperlink")
    assert data.train.tags[0] == ["O", "O", "B-link", "I-link", "O", "B-link"]
    assert data.is_span


def test_casing_is_asked_of_lower_cased_words(load: Loader) -> None:
    data = load("wiki-casing")
    assert data.train.sentences[0][1:] == ["the", "nasa", "of", "iphone", "4"]
    assert data.train.tags[0][1:] == ["Capitalised", "UPPER", "lower", "mixed", "none"]
    assert data.train.tags[1][1:] == ["lower", "lower", "Capitalised", "UPPER", "lower"]


def test_frequency_is_the_logarithm_of_the_count_in_training(load: Loader) -> None:
    data = load("wiki-frequency")
    # 18 articles: "The" 18 times, "the" 36 times, an article's own name twice; names of test articles never.
    assert data.train.tags[1] == ["00", *[f"{int(np.log(n)):02}" for n in (36, 18, 18, 18, 36)]]
    assert data.test.tags[0][0] == "00"


def test_the_next_word_is_named_if_it_is_frequent(load: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiki_tokens, "FREQUENT", 1)
    data = load("wiki-next")
    assert data.train.tags[0] == ["the", *["<other>"] * 4, "</s>"]
    assert data.classes == ("</s>", "<other>", "the")
