"""Five token tasks on Wikipedia text that need no download: hyperlink, emphasis, casing, frequency, next word.

They tag the sentences of `wiki.sentences`, split by article with a fixed seed: a quarter of the articles of each topic
for test, a fifth for validation, the rest for training.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData, in_three_parts
from mt2st.data.tags.taggings import case_of, frequency_bin, marks_to_iob2
from mt2st.data.texts import wiki

SEED = 0
FREQUENT = 100  # words that the next-word task tells apart
OTHER, END = "<other>", "</s>"

Tagging = Callable[[pd.DataFrame, pd.DataFrame], list[list[str]]]  # sentences and those of training → tags


def hyperlink(part: pd.DataFrame, train: pd.DataFrame) -> list[list[str]]:
    """IOB2: is the word part of a link's anchor? Neighbouring anchors without a word between are one span."""
    return [marks_to_iob2(marks, wiki.SPANS["hyperlink"]) for marks in part["hyperlink"]]


def emphasis(part: pd.DataFrame, train: pd.DataFrame) -> list[list[str]]:
    """IOB2: is the word bold or italic?"""
    return [marks_to_iob2(marks, wiki.SPANS["emphasis"]) for marks in part["emphasis"]]


def casing(part: pd.DataFrame, train: pd.DataFrame) -> list[list[str]]:
    """How was the word, given in lower case, written (`case_of`)?"""
    return [[case_of(token) for token in tokens] for tokens in part["tokens"]]


def frequency(part: pd.DataFrame, train: pd.DataFrame) -> list[list[str]]:
    """How frequent is the word in training text (`frequency_bin`)?"""
    counts = Counter(token for tokens in train["tokens"] for token in tokens)
    return [[frequency_bin(counts[token]) for token in tokens] for tokens in part["tokens"]]


def next_word(part: pd.DataFrame, train: pd.DataFrame) -> list[list[str]]:
    """Which word comes next: one of the `FREQUENT` most frequent in training text, lower-cased, `OTHER` or `END`.

    Language modelling as tagging, as in Rei (2017), forwards only and with few words. To a model that reads the whole
    sentence the answer is in the question.
    """
    counts = Counter(token.lower() for tokens in train["tokens"] for token in tokens)
    known = {word for word, _ in counts.most_common(FREQUENT)}
    return [
        [token.lower() if token.lower() in known else OTHER for token in tokens[1:]] + [END]
        for tokens in part["tokens"]
    ]


TAGGINGS: dict[str, Tagging] = {
    "wiki-hyperlink": hyperlink,
    "wiki-emphasis": emphasis,
    "wiki-casing": casing,
    "wiki-frequency": frequency,
    "wiki-next": next_word,
}


def load(name: str) -> SequenceData:
    """Return one of `TAGGINGS`. Words are as they are written, but lower-cased for "wiki-casing"."""
    frame = wiki.sentences()
    part_of = frame["article"].map(wiki.split_articles(frame, np.random.default_rng(SEED)))
    train, *others = (frame[part_of == part] for part in ("train", "validation", "test"))
    parts = []
    for part in (train, *others):
        sentences = [list(map(str.lower, tokens) if name == "wiki-casing" else tokens) for tokens in part["tokens"]]
        parts.append(TaggedText(sentences, TAGGINGS[name](part, train)))
    data = in_three_parts(name, parts, name in ("wiki-hyperlink", "wiki-emphasis"), (wiki.dump(),))
    return replace(data, is_prediction=name == "wiki-next")
