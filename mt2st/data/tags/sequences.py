"""Tagged corpora for sequence labelling, all behind `load`, each with its task in the study of task relations."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from mt2st.data.files import nltk_packages
from mt2st.data.tags import (
    ccgbank,
    compression,
    english_web,
    framenet,
    nltk_tagged,
    scienceie,
    semcor,
    streusle,
    wiki_tokens,
)
from mt2st.data.tags.tagged import SequenceData, spans
from mt2st.data.texts import wiki

__all__ = ["CORPORA", "TASKS", "Corpus", "SequenceData", "fetch", "load", "locate", "spans"]

# Corpus → task. The codes up to STR are those of Bingel and Søgaard (2017); the others have none there.
TASKS = {
    "ccgbank": "CCG",
    "conll2000": "CHU",
    "compression": "COM",
    "framenet": "FNT",
    "ud-ewt": "POS",
    "treebank": "POS",
    "brown": "POS",
    "wiki-hyperlink": "HYP",
    "scienceie": "KEY",
    "streusle-mwe": "MWE",
    "semcor": "SEM",
    "streusle": "STR",
    "uner-ewt": "NER",
    "wnut-17": "NER",
    "conll2002-esp": "NER",
    "conll2002-ned": "NER",
    "wiki-emphasis": "EMPHASIS",
    "wiki-casing": "CASING",
    "wiki-frequency": "FREQUENCY",
    "wiki-next": "NEXT",
}


@dataclass(frozen=True)
class Corpus:
    """How one corpus is read, where its files are, and how to get them."""

    load: Callable[[], SequenceData]
    locate: Callable[[], tuple[Path, ...]]
    fetch: Callable[[], Path]


def _on_the_web(name: str) -> Corpus:
    module = english_web
    return Corpus(partial(module.load, name), partial(module.locate, name), partial(module.fetch, name))


def _of_nltk(load: Callable[[], SequenceData], package: str) -> Corpus:
    return Corpus(load, lambda: (nltk_packages.locate(package),), partial(nltk_packages.fetch, package))


def _of_streusle(name: str) -> Corpus:
    return Corpus(partial(streusle.load, name), streusle.locate, streusle.fetch)


def _of_wiki(name: str) -> Corpus:
    return Corpus(partial(wiki_tokens.load, name), lambda: (wiki.dump(),), wiki.dump)


CORPORA = {
    "ud-ewt": _on_the_web("ud-ewt"),
    "treebank": Corpus(nltk_tagged.treebank, nltk_tagged.locate_treebank, nltk_tagged.fetch_treebank),
    "uner-ewt": _on_the_web("uner-ewt"),
    "wnut-17": _on_the_web("wnut-17"),
    "brown": Corpus(nltk_tagged.brown, nltk_tagged.locate_brown, nltk_tagged.fetch_brown),
    "conll2000": _of_nltk(nltk_tagged.chunks, "conll2000"),
    "conll2002-esp": _of_nltk(partial(nltk_tagged.entities, "esp"), "conll2002"),
    "conll2002-ned": _of_nltk(partial(nltk_tagged.entities, "ned"), "conll2002"),
    "semcor": _of_nltk(semcor.load, "semcor"),
    "streusle-mwe": _of_streusle("streusle-mwe"),
    "streusle": _of_streusle("streusle"),
    "framenet": Corpus(framenet.load, lambda: (framenet.locate(),), framenet.fetch),
    "scienceie": Corpus(scienceie.load, lambda: (scienceie.locate(),), scienceie.fetch),
    **{name: _of_wiki(name) for name in wiki_tokens.TASKS},
    "compression": Corpus(compression.load, compression.locate, lambda: compression.locate()[0]),
    "ccgbank": Corpus(ccgbank.load, ccgbank.locate, lambda: ccgbank.locate()[0]),
}


@lru_cache
def load(name: str) -> SequenceData:
    """Return one of `CORPORA`.

    Sentences keep their case, but for "wiki-casing". Splits are the published ones where there are any; what each
    corpus is and what was decided about it stands with its reader:

    "ud-ewt": universal parts of speech of UD English EWT. "uner-ewt": persons, places and organisations in the same
    text. "wnut-17": six types of emerging entities in posts and comments. See `english_web.load`.

    "treebank": NLTK's tenth of the Penn Treebank with its own 45 tags (so that it does not depend on whether a mapping
    to universal tags is here), the first 80% of its 199 files for training, the next 10% for validation, the last 10%
    for test. Traces (-NONE-), which nobody wrote, are left out; brackets are written as such.

    "brown", "conll2000", "conll2002-esp", "conll2002-ned": `nltk_tagged`; "semcor": `semcor.load`; "streusle-mwe",
    "streusle": `streusle.load`; "framenet": `framenet.load`; "scienceie": `scienceie.load`; "wiki-…": `wiki_tokens`;
    "compression" and "ccgbank", for who has them: `compression.load`, `ccgbank.load`.

    Raises ValueError for an unknown name or a damaged file, MissingData with what to do where a file is not here.
    """
    return _known(name).load()


def locate(name: str) -> tuple[Path, ...]:
    """Return the files of a corpus on this machine; raises MissingData with what to do."""
    return _known(name).locate()


def fetch(name: str) -> Path:
    """Download a corpus and return its training file; raises ConnectionError that says what else can be done.

    Raises MissingData for a corpus that users must get themselves.
    """
    return _known(name).fetch()


def _known(name: str) -> Corpus:
    if name not in CORPORA:
        raise ValueError(f"unknown tagged corpus {name!r}; known: {', '.join(CORPORA)}")
    return CORPORA[name]
