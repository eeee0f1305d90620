"""Labelled texts as corpora, so that tasks on texts can be paired as tasks on words are: a thousand to train on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mt2st.data.dataset import Examples, Sizes, Tokens, stratified_split
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.texts import imdb, nltk_sets, wiki

TRAIN, HELD_OUT = 1_000, 2_000  # texts to train on, and at most to validate and to test on


def of_nltk(name: str, package: str) -> SequenceData:
    """Return one of `nltk_sets.CORPORA` under a name; raises ValueError and MissingData as `nltk_sets.load`."""
    files = nltk_sets.files(package)
    frame = nltk_sets.texts(package, files[0])
    return _drawn(name, frame["tokens"], frame["label"].to_numpy(), nltk_sets.CORPORA[package].classes, files)


def of_imdb() -> SequenceData:
    """Return sentiment of IMDB's reviews; raises ValueError and MissingData as `imdb.rest`."""
    reviews = imdb.rest()
    files = imdb.locate(), *imdb.preprocessing().files
    return _drawn("imdb-1k", reviews["tokens"], reviews["label"].to_numpy(), imdb.CLASSES, files)


def topics() -> SequenceData:
    """Return topics of Wikipedia's sentences, as many of each of the three; parts have no article in common."""
    dataset = wiki.load(0, Sizes(TRAIN // 3, TRAIN // 3, TRAIN // 3))
    parts = dataset.train, dataset.validation, dataset.test
    return _corpus("topics-1k", parts, dataset.classes, dataset.files)


def _drawn(
    name: str, texts: Sequence[Tokens], labels: np.ndarray, classes: tuple[str, ...], files: tuple[Path, ...]
) -> SequenceData:
    """Return a corpus whose parts are drawn, always alike, in proportion to the labels (N,) of the texts.

    Texts are their first 100 tokens.
    """
    held_out = min(HELD_OUT, (len(texts) - TRAIN) // 2)
    every = Examples([text[: imdb.LONGEST] or ["."] for text in texts], labels)
    rows = stratified_split(labels, 0, Sizes(TRAIN, held_out, held_out))
    return _corpus(name, [every.take(part) for part in rows], classes, files)


def _corpus(name: str, parts: Sequence[Examples], classes: tuple[str, ...], files: tuple[Path, ...]) -> SequenceData:
    """Give every token of a text the text's label."""
    train, validation, test = (
        TaggedText(part.texts, [[classes[i]] * len(text) for text, i in zip(part.texts, part.labels, strict=True)])
        for part in parts
    )
    return SequenceData(name, train, validation, test, classes, False, files, of_texts=True)
