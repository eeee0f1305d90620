"""English words and their Spanish translations, and sentences of both languages whose words are aligned by hand.

Of MUSE's lexicon (Conneau et al. 2018) every fifth English word is held out, with all its pairs. A word that
both languages spell alike has one row in a table of both, so pairs of such words are left out.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from mt2st.data.files import archives
from mt2st.data.files import github as upstream
from mt2st.data.files.github import GitHubFile
from mt2st.data.files.text import read_text
from mt2st.data.lexicons import Lexicon
from mt2st.data.vectors import EmbeddingTable

MUSE = GitHubFile(
    "coezbek/hunalign-dict-muse",
    "0950a115b315cab94a16b65c4e80df630c7058b3",
    "dict/en-es.dict",
    "8acbdb92f4655881e096b60cc49ecd7e93c4e95db84093582bc6c1b07b3f37cc",
)
# 90 of the 100 sentences of the Golden Collection (INESC-ID), with their sure links alone.
ALIGNED = GitHubFile(
    "loganbrenningmeyer/binaryalign",
    "874d7efe48af4c2a4c982dd792abd4b524725e7b",
    "datasets/processed/train/en-es/es_golden.jsonl",
    "41f169f4eee52964845b637d4adfc8417ea5633f48cd1a73abd6e34e8c089cdf",
)
ARCHIVE, INSIDE = "word_alignments.tar", r"/train/en-es/es_golden\.jsonl$"  # in which they may be at hand
EVERY = 5  # one English word in so many is held out


@dataclass(frozen=True)
class Aligned:
    """An English sentence, its Spanish translation, and the links between their words, by index from 0."""

    english: tuple[str, ...]
    spanish: tuple[str, ...]
    links: frozenset[tuple[int, int]]


def locate() -> tuple[Path, ...]:
    """Return the lexicon and the aligned sentences; raises MissingData with what to do."""
    return locate_lexicon(), upstream.locate("en-es", ALIGNED.name, ARCHIVE)


def locate_lexicon() -> Path:
    """Return the lexicon; raises MissingData with what to do."""
    return upstream.locate("en-es", MUSE.name)


def fetch() -> Path:
    """Download both and return the lexicon; raises ConnectionError that says what else can be done."""
    return upstream.fetch("en-es", [MUSE, ALIGNED])[0]


def check(file: Path) -> None:
    """Raise ValueError unless a file is one of both."""
    upstream.check([MUSE, ALIGNED], file, archives.check)


@lru_cache(maxsize=2)
def _pairs(file: Path) -> list[tuple[str, str]]:
    """Read English words with their Spanish translations, lower-cased, but for those that are spelled alike.

    Raises ValueError naming file and line.
    """
    found: dict[tuple[str, str], None] = {}
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        spanish, at, english = line.lower().partition(" @ ")
        if not at:
            raise ValueError(f"{file}:{number}: expected two words with @ between them, got {line!r}; fetch it again")
        pair = english.strip(), spanish.strip()
        if pair[0] != pair[1]:
            found[pair] = None
    return list(found)


def lexicon(table: EmbeddingTable, held_out: bool) -> Lexicon:
    """Return rows (P, 2) of English words and their Spanish translations in a table: those held out, or all others.

    Values are 1. Raises MissingData with what to do where the lexicon is not here.
    """
    pairs = _pairs(locate_lexicon())
    apart = set(sorted({english for english, _ in pairs})[::EVERY])
    asked = [pair for pair in pairs if (pair[0] in apart) == held_out]
    rows = [[table.index[e], table.index[s]] for e, s in asked if e in table.index and s in table.index]
    return Lexicon(torch.tensor(rows, dtype=torch.long).reshape(-1, 2), torch.ones(len(rows)), len(asked))


def to_learn(table: EmbeddingTable) -> Lexicon:
    """Return the pairs that are not held out, see `lexicon`."""
    return lexicon(table, held_out=False)


def aligned() -> list[Aligned]:
    """Return the sentences, lower-cased; raises MissingData with what to do, ValueError naming a damaged line."""
    file = locate()[1]
    if ARCHIVE in file.name:
        (text,) = archives.texts(file, INSIDE, 1).values()
    else:
        text = read_text(file)
    return [_sentence(f"{file}:{number}", line) for number, line in enumerate(text.splitlines(), start=1)]


def _sentence(place: str, line: str) -> Aligned:
    try:
        found = json.loads(line)
        english, spanish = (tuple(map(str.lower, found[side])) for side in ("src_words", "tgt_words"))
        links = frozenset((int(e), int(s)) for e, s in found["alignment"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{place} is no sentence with its alignment; fetch it again") from error
    if not all(0 <= e < len(english) and 0 <= s < len(spanish) for e, s in links):
        raise ValueError(f"{place} aligns a word that its sentence does not have; fetch it again")
    return Aligned(english, spanish, links)


def mixed(texts: Sequence[Sequence[str]], table: EmbeddingTable, seed: int) -> list[list[str]]:
    """Return Spanish texts with half of the words that have a translation replaced by one of them, at random.

    Skip-gram on such text gives words and their translations the same neighbours (Gouws and Søgaard 2015). Only pairs
    of `to_learn` count.
    """
    english: dict[str, list[str]] = {}
    for e, s in to_learn(table).rows.tolist():
        english.setdefault(table.words[s], []).append(table.words[e])
    rng = random.Random(seed)

    def replaced(word: str) -> str:
        return rng.choice(english[word]) if word in english and rng.random() < 0.5 else word

    return [[replaced(word) for word in text] for text in texts]
