"""The data sets by name: what they are, whether they are here, and how to get them."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mt2st import paths
from mt2st.data import lexicons
from mt2st.data.files import download, nltk_packages
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.tags import sequences
from mt2st.data.texts import imdb, imdb_full, wiki
from mt2st.data.vectors import find_glove
from mt2st.relations import published


@dataclass(frozen=True)
class Source:
    """One data set: `locate` returns its file or raises MissingData, `fetch` gets it, `size` bytes."""

    name: str
    about: str
    size: str
    licence: str
    locate: Callable[[], Path]
    fetch: Callable[[], Path]


def fetch_glove() -> Path:
    """Download glove-twitter-100 with gensim's downloader, which checks its MD5.

    Raises ConnectionError that says what else can be done where the download fails.
    """
    import gensim.downloader  # asks for its folder on import

    gensim.downloader.BASE_DIR = gensim.downloader.base_dir = str(paths.downloads())
    paths.downloads().mkdir(parents=True, exist_ok=True)
    try:
        return Path(gensim.downloader.load("glove-twitter-100", return_path=True))
    except Exception as error:  # gensim raises plain Exception for a wrong checksum, ValueError without a network
        raise ConnectionError(
            f"glove-twitter-100 could not be downloaded ({error}); check the network and try again, or put "
            f"glove.twitter.27B.100d.txt from https://nlp.stanford.edu/projects/glove/ into {paths.downloads()}"
        ) from error


def fetch_imdb() -> Path:
    """Download the Stanford archive, checked by its MD5; raises ConnectionError that says what else can be done."""
    return download.fetch(
        imdb.ARCHIVE_URL,
        paths.downloads() / imdb.ARCHIVE,
        imdb.ARCHIVE_MD5,
        f"check the network, or put {imdb.ARCHIVE} from Stanford (for the profile imdb also `IMDB Dataset.csv` from "
        f"Kaggle) into {paths.downloads()}",
    )


def _of_nltk(name: str, about: str, size: str, licence: str) -> Source:
    """Source of one of NLTK's own packages."""
    return Source(name, about, size, licence, partial(nltk_packages.locate, name), partial(nltk_packages.fetch, name))


def _tagged(name: str, about: str, size: str, licence: str) -> Source:
    """Source of one of the tagged corpora."""
    return Source(name, about, size, licence, lambda: sequences.locate(name)[0], partial(sequences.fetch, name))


IMDB_LICENCE = "none stated; cite Maas et al. 2011"
SOURCES = {
    source.name: source
    for source in (
        Source(
            "wiki",
            "106 Wikipedia articles inside the gensim package",
            "2 MB",
            "CC BY-SA 3.0 (text)",
            wiki.dump,
            wiki.dump,
        ),
        Source("imdb", "50,000 film reviews with their sentiment", "80 MB", IMDB_LICENCE, imdb.locate, fetch_imdb),
        Source("imdb-full", "the same, with the standard split", "80 MB", IMDB_LICENCE, imdb_full.locate, fetch_imdb),
        _of_nltk("stopwords", "NLTK's stop words, for all film reviews", "34 kB", "none stated"),
        _of_nltk("movie_reviews", "2,000 film reviews with their sentiment", "4 MB", "CC BY 4.0"),
        _of_nltk("sentence_polarity", "10,662 sentences of film reviews, sentiment", "490 kB", "CC BY 4.0"),
        _of_nltk("subjectivity", "10,000 sentences, subjective or objective", "522 kB", "CC BY 4.0"),
        Source(
            "glove-twitter-100",
            "GloVe vectors of 1.2 million words from Twitter",
            "387 MB",
            "PDDL 1.0",
            find_glove,
            fetch_glove,
        ),
        _tagged("ud-ewt", "parts of speech: UD English EWT", "18 MB", "CC BY-SA 4.0"),
        _tagged("treebank", "parts of speech: NLTK's tenth of the Penn Treebank", "2 MB", "LDC, non-commercial"),
        _tagged("uner-ewt", "named entities: Universal NER, English EWT", "6 MB", "CC BY-SA 4.0"),
        _tagged("wnut-17", "named entities: emerging ones in posts and comments", "1 MB", "CC BY 4.0"),
        _tagged("brown", "parts of speech: Brown corpus, universal tags", "3 MB", "non-commercial"),
        _tagged("conll2000", "chunks: CoNLL-2000", "0.8 MB", "none stated"),
        _of_nltk("conll2002", "named entities: CoNLL-2002, Spanish and Dutch", "2 MB", "research on CoNLL-2002"),
        _tagged("semcor", "supersenses: SemCor 3.0", "4 MB", "Princeton WordNet's"),
        _tagged("streusle", "supersenses and multiword expressions: STREUSLE", "3 MB", "CC BY-SA 4.0"),
        _tagged("framenet", "frames: FrameNet 1.7 full text", "100 MB", "CC BY 3.0"),
        _tagged("scienceie", "keyphrases: ScienceIE 2017", "5 MB", "none stated"),
        _tagged("compression", "sentence compression: Google; put it here yourself", "-", "as is"),
        _tagged("ccgbank", "CCG categories: CCGbank; put it here yourself", "-", "LDC2005T13"),
        Source(
            "wordsim",
            "13 sets of word pairs with human similarity scores",
            "0.2 MB",
            "none stated",
            lexicons.locate_word_similarities,
            lexicons.fetch_word_similarities,
        ),
        Source(
            "bingel2017",
            "training logs of ten tasks and their pairs",
            "14 MB",
            "GPL-3.0",
            published.locate,
            published.fetch,
        ),
    )
}


def listing() -> str:
    """Return a heading and one line a data set: name, what it is, size, licence, whether it is here, its command."""
    rows = [("name", "what", "size", "licence", "here", "command")]
    rows += [
        (name, source.about, source.size, source.licence, _state(source), f"mt2st data fetch {name}")
        for name, source in SOURCES.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", "The command prints where a set is; first it gets one that is not here or damaged."])


def _state(source: Source) -> str:
    """Whether a data set is on this machine, in one word."""
    try:
        source.locate()
    except DamagedData:
        return "damaged"
    except MissingData:
        return "no"
    return "yes"


def fetch(name: str) -> Path:
    """Return the file of a data set, downloaded if it is not here; raises ValueError for an unknown name."""
    if name not in SOURCES:
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(SOURCES)}")
    try:
        return SOURCES[name].locate()
    except MissingData:
        print(f"fetching {name} ({SOURCES[name].size})", file=sys.stderr)
        return SOURCES[name].fetch()
