"""Small tagged corpora in the place of real ones, and what a task has of its sentences."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

from mt2st.data import sources
from mt2st.data.files.text import read_text
from mt2st.data.sources import Source
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData, in_three_parts
from mt2st.tasks import TextTask, TokenTask

WORDS = ("red", "green", "blue", "one", "two", "three", ".")
KINDS = {**dict.fromkeys(WORDS[:3], "ADJ"), **dict.fromkeys(WORDS[3:6], "NUM"), ".": "PUNCT"}
TAGS: dict[str, Callable[[str], str]] = {
    "colours": lambda word: "B-COL" if word in WORDS[:3] else "O",
    "kinds": KINDS.__getitem__,
}


def corpus(name: str, file: Path) -> SequenceData:
    """Return random sentences of `WORDS`, each word with its tag of one of `TAGS`."""
    parts = []
    for seed, size in ((0, 60), (1, 30), (2, 30)):
        rng = np.random.default_rng(seed)
        sentences = [rng.choice(WORDS, rng.integers(2, 8)).tolist() for _ in range(size)]
        parts.append(TaggedText(sentences, [[TAGS[name](word) for word in sentence] for sentence in sentences]))
    return in_three_parts(name, parts, name == "colours", (file,))


def source(data: SequenceData) -> Source:
    """Return the row of a corpus among the data sets."""
    return Source(
        data.name, "made up", "tags", "-", "-", lambda: data.files, lambda: data.files[0], read_text, lambda: data
    )


def register(setitem: Callable[[dict[str, Source], str, Source], None], *corpora: SequenceData) -> None:
    """Put corpora among the data sets, by `monkeypatch.setitem`."""
    for data in corpora:
        setitem(sources.SOURCES, data.name, source(data))
    sources.load_tags.cache_clear()


def sentences_of(task: TextTask) -> list[list[int]]:
    """Rows of the table, one list a sentence."""
    return _by_sentence(task, task.words)


def tags_of(task: TokenTask) -> list[list[str]]:
    """Tags, one list a sentence."""
    return [[task.classes[tag] for tag in tags] for tags in _by_sentence(task, task.tags)]


def _by_sentence(task: TextTask, values: Tensor) -> list[list[int]]:
    return [part.tolist() for part in values.split(task.lengths.tolist())]
