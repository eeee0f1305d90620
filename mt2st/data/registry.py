"""The data sets by name: what they are, whether they are here, and how to get them."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nltk
import pooch
from gensim.test.utils import datapath

from mt2st import paths
from mt2st.data import imdb, lexicons, sequences, wiki
from mt2st.embeddings import MissingData, find_glove

IMDB_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
IMDB_MD5 = "md5:7c2ac02c03563afcf9b574c7e56c153a"  # as torchtext lists it


@dataclass(frozen=True)
class Source:
    """One data set: `locate` returns its file or raises MissingData, `fetch` gets it."""

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
    try:
        return Path(
            pooch.retrieve(
                IMDB_URL, IMDB_MD5, fname=imdb.ARCHIVE, path=paths.downloads(), progressbar=sys.stderr.isatty()
            )
        )
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"IMDB could not be downloaded ({error}); check the network and try again, or put `IMDB Dataset.csv` from "
            f"Kaggle into {paths.downloads()}"
        ) from error


def locate_stopwords() -> Path:
    """Return the folder or archive of NLTK's stop words; raises MissingData."""
    imdb.use_nltk_data()
    try:
        return Path(str(nltk.data.find("corpora/stopwords.zip")))
    except LookupError as error:
        raise MissingData("needs NLTK's stop words: run `mt2st data fetch stopwords`") from error


def fetch_stopwords() -> Path:
    """Download NLTK's stop words with NLTK's own downloader."""
    folder = paths.downloads() / "nltk_data"
    if not nltk.download("stopwords", download_dir=str(folder), quiet=True):
        raise ConnectionError(
            "NLTK's stop words could not be downloaded; check the network and try again, or put stopwords.zip into "
            f"{folder / 'corpora'}"
        )
    return locate_stopwords()


SOURCES = {
    source.name: source
    for source in (
        Source(
            "wiki",
            "106 Wikipedia articles inside the gensim package",
            "2 MB",
            "CC BY-SA 3.0 (text)",
            lambda: Path(datapath(wiki.DUMP)),
            lambda: Path(datapath(wiki.DUMP)),
        ),
        Source(
            "imdb",
            "50,000 film reviews with their sentiment",
            "80 MB",
            "cite Maas et al. 2011",
            imdb.locate,
            fetch_imdb,
        ),
        Source(
            "stopwords",
            "NLTK's stop words, for the paper's preprocessing",
            "24 kB",
            "public domain",
            locate_stopwords,
            fetch_stopwords,
        ),
        Source(
            "glove-twitter-100",
            "GloVe vectors of 1.2 million words from Twitter",
            "387 MB",
            "PDDL 1.0",
            find_glove,
            fetch_glove,
        ),
        Source(
            "ud-ewt",
            "parts of speech: UD English EWT",
            "18 MB",
            "CC BY-SA 4.0",
            lambda: sequences.locate("ud-ewt")[0],
            lambda: sequences.fetch("ud-ewt"),
        ),
        Source(
            "treebank",
            "parts of speech: NLTK's tenth of the Penn Treebank",
            "2 MB",
            "LDC, non-commercial",
            lambda: sequences.locate("treebank")[0],
            lambda: sequences.fetch("treebank"),
        ),
        Source(
            "uner-ewt",
            "named entities: Universal NER, English EWT",
            "6 MB",
            "CC BY-SA 4.0",
            lambda: sequences.locate("uner-ewt")[0],
            lambda: sequences.fetch("uner-ewt"),
        ),
        Source(
            "wnut-17",
            "named entities: emerging ones in posts and comments",
            "1 MB",
            "CC BY 4.0",
            lambda: sequences.locate("wnut-17")[0],
            lambda: sequences.fetch("wnut-17"),
        ),
        Source(
            "wordsim",
            "13 sets of word pairs with human similarity scores",
            "0.2 MB",
            "none stated",
            lexicons.locate_word_similarities,
            lexicons.fetch_word_similarities,
        ),
    )
}


def listing() -> str:
    """Return one line a data set: name, what it is, size, licence, and its file or the command that gets it."""
    lines = []
    for source in SOURCES.values():
        try:
            where = f"here: {source.locate()}"
        except MissingData:
            where = f"not here: mt2st data fetch {source.name}"
        lines.append(f"{source.name:20}{source.about:52}{source.size:8}{source.licence:22}{where}")
    return "\n".join(lines)


def fetch(name: str) -> Path:
    """Return the file of a data set, downloaded if it is not here; raises ValueError for an unknown name."""
    if name not in SOURCES:
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(SOURCES)}")
    try:
        return SOURCES[name].locate()
    except MissingData:
        print(f"fetching {name} ({SOURCES[name].size})", file=sys.stderr)
        return SOURCES[name].fetch()
