"""Primary tasks from NLTK's corpora: film reviews and their sentences (Pang and Lee 2004, 2005), and questions.

`movie_reviews` are whole reviews, preprocessed as IMDB's; `sentence_polarity`, `subjectivity` and `qc`, questions by
what they ask for (Li and Roth 2002), are single sentences, their tokens as they come but lower-cased. Splits are our
own: sentences of one review, and reviews of one film, can stand in different parts.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from nltk.corpus.reader import (
    CategorizedPlaintextCorpusReader,
    CategorizedSentencesCorpusReader,
    StringCategoryCorpusReader,
)
from nltk.data import ZipFilePathPointer
from tqdm.auto import tqdm

from mt2st.data.dataset import Background, Dataset, Examples, Related, Sizes, pieces, stratified_split
from mt2st.data.files import nltk_packages
from mt2st.data.texts import imdb

POLARITY = "sentence_polarity"
VERSION = 1  # raise when the tokens change; run hashes follow
SEMI_VERSION = 2  # the same of `load_semi`


@dataclass(frozen=True)
class Corpus:
    """One of NLTK's corpora as a task; its `categories` are in the order of `classes`."""

    task: str
    classes: tuple[str, ...]
    categories: tuple[str, ...]
    sizes: tuple[int, ...]  # texts of each class
    read: Callable[[ZipFilePathPointer, str], list[str]]  # texts of a category


def _reviews(root: ZipFilePathPointer, category: str) -> list[str]:
    reader = CategorizedPlaintextCorpusReader(root, r"(neg|pos)/.*\.txt", cat_pattern=r"(neg|pos)/.*", encoding="ascii")
    return [reader.raw(file) for file in reader.fileids(category)]


def _polarity(root: ZipFilePathPointer, category: str) -> list[str]:
    pattern = r"rt-polarity\.(neg|pos)"
    reader = CategorizedSentencesCorpusReader(root, pattern, cat_pattern=pattern, encoding="utf-8")
    return [" ".join(tokens) for tokens in reader.sents(categories=category)]


def _subjectivity(root: ZipFilePathPointer, category: str) -> list[str]:
    categories = {"plot.tok.gt9.5000": ["obj"], "quote.tok.gt9.5000": ["subj"]}
    reader = CategorizedSentencesCorpusReader(root, list(categories), cat_map=categories, encoding="latin-1")
    return [" ".join(tokens) for tokens in reader.sents(categories=category)]


def _questions(root: ZipFilePathPointer, category: str) -> list[str]:
    reader = StringCategoryCorpusReader(root, ["train.txt", "test.txt"], encoding="latin-1")
    return [question for kind, question in reader.tuples() if kind.partition(":")[0] == category]


KINDS = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")  # abbreviation, description, entity, human, location, number
CORPORA = {
    "movie_reviews": Corpus("sentiment", imdb.CLASSES, ("neg", "pos"), (1000, 1000), _reviews),
    "sentence_polarity": Corpus("sentiment", imdb.CLASSES, ("neg", "pos"), (5331, 5331), _polarity),
    "subjectivity": Corpus("subjectivity", ("objective", "subjective"), ("obj", "subj"), (5000, 5000), _subjectivity),
    "qc": Corpus("question", KINDS, KINDS, (95, 1300, 1344, 1288, 916, 1009), _questions),
}


def read(name: str, file: Path) -> pd.DataFrame:
    """Read a corpus from NLTK's archive of it: columns review (the text) and label (index of the class).

    Raises DamagedData if the archive cannot be read, and ValueError if it does not hold as many texts as published;
    both name the file and the command that gets it anew.
    """
    corpus = CORPORA[name]
    with nltk_packages.opened(file, name, f"{name}/") as root:
        found = [corpus.read(root, category) for category in corpus.categories]
    sizes = tuple(len(of_class) for of_class in found)
    if sizes != corpus.sizes:
        raise ValueError(
            f"{file}: {sizes} texts of {corpus.classes}, {corpus.sizes} expected: delete it and run `mt2st data fetch "
            f"{name}`"
        )
    labels = np.repeat(np.arange(len(found)), sizes)
    return pd.DataFrame({"review": [text for of_class in found for text in of_class], "label": labels})


@lru_cache(maxsize=3)
def texts(name: str, file: Path) -> pd.DataFrame:
    """Return the texts of a corpus that differ in what a model reads, their first 100 tokens: columns tokens and label.

    Of equal ones the first is kept; standard error says how many were left out (5 of `movie_reviews`, else none).
    """
    if name == "movie_reviews":
        frame = imdb.preprocess(name, (file,), lambda: read(name, file))
    else:
        frame = read(name, file)
        frame["tokens"] = [[sys.intern(word) for word in text.lower().split()] for text in frame.pop("review")]
    repeated = frame["tokens"].map(lambda tokens: tuple(tokens[: imdb.LONGEST])).duplicated()
    if repeated.any():
        tqdm.write(f"{name}: {repeated.sum()} repeated texts left out", file=sys.stderr)
    return frame[~repeated].reset_index(drop=True)


def load(name: str, seed: int, sizes: Sizes) -> Dataset:
    """Return one of `CORPORA` as a primary task; its parts are drawn by `seed`, stratified, without a common text.

    Examples are the first 100 tokens. Raises ValueError if the corpus has fewer texts than asked for, and MissingData
    with the command that gets it.
    """
    frame = texts(name, nltk_packages.locate(name))
    labels = frame["label"].to_numpy()
    parts = stratified_split(labels, seed, sizes)
    return imdb.assemble(CORPORA[name].task, CORPORA[name].classes, frame["tokens"], labels, parts, files(name))


def files(name: str) -> tuple[Path, ...]:
    """Return what a corpus is read from: its archive, and what preprocesses reviews; raises MissingData."""
    return nltk_packages.locate(name), *(imdb.preprocessing().files if name == "movie_reviews" else ())


def load_semi(name: str, seed: int, sizes: Sizes) -> Dataset:
    """Return one of `CORPORA` as `load` does, with all other texts of it as text without labels in the background.

    Related texts are the sentences of "polarity" (Pang and Lee 2005) but for those to validate or test on, which
    `subjectivity` may share with them. Raises ValueError and MissingData as `load`.
    """
    found = load(name, seed, sizes)
    frame = texts(name, nltk_packages.locate(name))
    labelled = np.concatenate(stratified_split(frame["label"].to_numpy(), seed, sizes))
    rest = [frame["tokens"][i] for i in np.setdiff1d(np.arange(len(frame)), labelled)]
    held_out = {tuple(text) for part in (found.validation, found.test) for text in part.texts}
    sentences = related(POLARITY)
    rows = [i for i, text in enumerate(sentences.examples.texts) if tuple(text) not in held_out]
    kept = sentences.examples.take(rows)
    unlabelled = pieces(rest, imdb.LONGEST)
    text, polarity = [*found.background.tokens, *unlabelled], {"polarity": Related(kept, sentences.classes)}
    background = Background(text, related=polarity, unlabelled=unlabelled)
    return replace(found, background=background, files=(*found.files, nltk_packages.locate(POLARITY)))


def related(name: str) -> Related:
    """Return all texts of one of `CORPORA` as another task's training texts: their first 100 tokens; see `load`."""
    frame = texts(name, nltk_packages.locate(name))
    tokens = [text[: imdb.LONGEST] or ["."] for text in frame["tokens"]]
    return Related(Examples(tokens, frame["label"].to_numpy()), CORPORA[name].classes)
