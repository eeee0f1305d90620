"""Five token tasks on Wikipedia text that need no download: hyperlink, emphasis, casing, frequency, next word.

They tag the sentences of `wiki.sentences`, split by article with a fixed seed: a quarter of the articles of each topic
for test, a fifth for validation, the rest for training.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from mt2st.data.tags.columns import OUTSIDE, TaggedText
from mt2st.data.tags.tagged import SequenceData, in_three_parts
from mt2st.data.texts import wiki

SEED = 0
FREQUENT = 100  # words that the next-word task tells apart
OTHER, END = "<other>", "</s>"

Tagging = Callable[[pd.DataFrame], TaggedText]


def hyperlink(_: pd.DataFrame) -> Tagging:
    """IOB2: is the word part of a link's anchor? Neighbouring anchors without a word between are one span."""
    return lambda part: TaggedText(_sentences(part), [_inside(marks, "link") for marks in part["hyperlink"]])


def emphasis(_: pd.DataFrame) -> Tagging:
    """IOB2: is the word bold or italic?"""
    return lambda part: TaggedText(_sentences(part), [_inside(marks, "emphasis") for marks in part["emphasis"]])


def casing(_: pd.DataFrame) -> Tagging:
    """How was the word, given in lower case, written (`case_of`)?"""
    return lambda part: TaggedText(
        [[token.lower() for token in tokens] for tokens in part["tokens"]],
        [[case_of(token) for token in tokens] for tokens in part["tokens"]],
    )


def frequency(train: pd.DataFrame) -> Tagging:
    """How frequent is the word in training text: int(ln n), as in Plank et al. (2016); "00" where it is not there.

    Ours differs: the paper does not give the base of the logarithm, nor the bin of unseen words.
    """
    counts = Counter(token for tokens in train["tokens"] for token in tokens)
    return lambda part: TaggedText(
        _sentences(part),
        [[f"{int(math.log(max(1, counts[token]))):02}" for token in tokens] for tokens in part["tokens"]],
    )


def next_word(train: pd.DataFrame) -> Tagging:
    """Which word comes next: one of the `FREQUENT` most frequent in training text, lower-cased, `OTHER` or `END`.

    Language modelling as tagging, as in Rei (2017), forwards only and with few words. To a model that reads the whole
    sentence the answer is in the question.
    """
    counts = Counter(token.lower() for tokens in train["tokens"] for token in tokens)
    known = {word for word, _ in counts.most_common(FREQUENT)}

    def following(tokens: list[str]) -> list[str]:
        return [token.lower() if token.lower() in known else OTHER for token in tokens[1:]] + [END]

    return lambda part: TaggedText(_sentences(part), [following(list(tokens)) for tokens in part["tokens"]])


TASKS: dict[str, Callable[[pd.DataFrame], Tagging]] = {
    "wiki-hyperlink": hyperlink,
    "wiki-emphasis": emphasis,
    "wiki-casing": casing,
    "wiki-frequency": frequency,
    "wiki-next": next_word,
}


def load(name: str) -> SequenceData:
    """Return one of `TASKS`; what it counts, it counts in training text."""
    frame = wiki.sentences()
    part_of = frame["article"].map(wiki.split_articles(frame, np.random.default_rng(SEED)))
    parts = [frame[part_of == part] for part in ("train", "validation", "test")]
    tagging = TASKS[name](parts[0])
    data = in_three_parts(name, list(map(tagging, parts)), name in ("wiki-hyperlink", "wiki-emphasis"), (wiki.dump(),))
    return replace(data, is_prediction=name == "wiki-next")


def case_of(token: str) -> str:
    """Case of a token's letters: none, lower, Capitalised (also one capital alone), UPPER or mixed."""
    letters = "".join(filter(str.isalpha, token))
    if not letters:
        return "none"
    if letters == letters.lower():
        return "lower"
    if letters[0] != letters[0].lower() and letters[1:] == letters[1:].lower():
        return "Capitalised"
    return "UPPER" if letters == letters.upper() else "mixed"


def _inside(marks: list[int], kind: str) -> list[str]:
    """IOB2 tags of 0 and 1."""
    before = [0, *marks[:-1]]
    return [OUTSIDE if not mark else f"{'I' if last else 'B'}-{kind}" for last, mark in zip(before, marks, strict=True)]


def _sentences(part: pd.DataFrame) -> list[list[str]]:
    return list(map(list, part["tokens"]))
