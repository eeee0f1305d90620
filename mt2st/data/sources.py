"""All data sets by name: what they are, whether they are here, how to get them and how to load them."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from mt2st import paths
from mt2st.data import bingel2017, lexicons, translations, vectors
from mt2st.data.dataset import Dataset, Sizes
from mt2st.data.files import archives, nltk_packages
from mt2st.data.files.download import Check, put_aside
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.files.text import read_text
from mt2st.data.tags import (
    ccgbank,
    compression,
    english_web,
    framenet,
    nltk_tagged,
    scienceie,
    semcor,
    streusle,
)
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.texts import corpora, digits, imdb, imdb_crossing, imdb_full, imdb_semi, nltk_sets, wiki, wiki_tokens

Kind = Literal["texts", "tags", "vectors", "lexicon", "logs", "package"]
Locate = Callable[[], tuple[Path, ...]]
Fetch = Callable[[], Path]
LoadTags = Callable[[], SequenceData]


@dataclass(frozen=True)
class Source:
    """One data set.

    `locate` returns its files on this machine, the main one first, or raises MissingData with what to do; it reads no
    more than their beginnings, or computes a checksum once. `fetch` gets them and returns the main one; it raises
    ConnectionError, or MissingData for what users must get themselves. `check` raises ValueError or DamagedData for a
    file of `locate` that is damaged: by its checksum where one is known, else by reading it.

    `load` of texts takes a seed and `Sizes` and gives a `Dataset`, that of tags takes nothing and gives a
    `SequenceData`; data of the other kinds is read by modules of its own.
    """

    name: str
    about: str
    kind: Kind
    size: str
    licence: str
    locate: Locate
    fetch: Fetch
    check: Check
    load: Callable[..., Any] | None = None
    version: int = 1  # raised where the same files come to give other texts or tags; hashes of runs follow
    task: str = ""  # what is tagged; the codes CCG to STR are those of Bingel and Søgaard (2017)
    tested: float = 0.0  # share of its texts that a seed tests on, where every seed divides the same ones anew


def _one(locate: Callable[[], Path]) -> Locate:
    """Return a function that gives the only file of a data set as a tuple."""
    return lambda: (locate(),)


def _package(name: str) -> tuple[Locate, Fetch, Check]:
    """How one of NLTK's packages is found, fetched and checked."""
    return _one(partial(nltk_packages.locate, name)), partial(nltk_packages.fetch, name), archives.check


def _on_the_web(name: str) -> tuple[Locate, Fetch, Check, LoadTags]:
    """How one of the corpora of `english_web` is found, fetched, checked and loaded."""
    return (
        partial(english_web.locate, name),
        partial(english_web.fetch, name),
        partial(english_web.check, name),
        partial(english_web.load, name),
    )


def _of_wiki(name: str) -> tuple[Locate, Fetch, Check, LoadTags, int]:
    """How Wikipedia's text is found, checked and tagged."""
    return _one(wiki.dump), wiki.dump, read_text, partial(wiki_tokens.load, name), wiki.PARSER_VERSION


def _whole(name: str, package: str, task: str) -> tuple[LoadTags, int, str]:
    """How texts of one of NLTK's packages are loaded as a corpus, and what their labels say."""
    return partial(corpora.of_nltk, name, package), nltk_sets.VERSION, task


WIKI, CONLL2002 = "CC BY-SA 3.0 (text)", "research on CoNLL-2002"
IMDB = "none stated; cite Maas et al. 2011"
# A row is two lines: what a data set is, and what does it.
# fmt: off
ROWS = (
    Source("wiki", "106 Wikipedia articles inside the gensim package", "texts", "2 MB", WIKI,
           _one(wiki.dump), wiki.dump, read_text, wiki.load, wiki.PARSER_VERSION, tested=wiki.TESTED),
    Source("imdb", "film reviews with their sentiment: the paper's 1,000", "texts", "80 MB", IMDB,
           _one(imdb.locate), imdb.fetch, imdb.check, imdb.load, imdb.PREPROCESSING_VERSION),
    Source("imdb-disjoint", "1,000 of them, others for every seed", "texts", "80 MB", IMDB,
           _one(imdb.locate), imdb.fetch, imdb.check, imdb.load_disjoint, imdb.PREPROCESSING_VERSION),
    Source("imdb-tuning", "1,000 of them on which settings are chosen", "texts", "80 MB", IMDB,
           _one(imdb.locate), imdb.fetch, imdb.check, partial(imdb.load, tuning=True), imdb.PREPROCESSING_VERSION),
    Source("imdb-semi", "600 of them with labels, 20,000 without", "texts", "80 MB", IMDB,
           _one(imdb.locate), imdb.fetch, imdb.check, imdb_semi.load, imdb.PREPROCESSING_VERSION),
    Source("imdb-crossing", "200 to 20,000 of them, others for every seed", "texts", "80 MB", IMDB,
           _one(imdb.locate), imdb.fetch, imdb.check, imdb_crossing.load, imdb.PREPROCESSING_VERSION),
    Source("imdb-full", "all of them, with the standard split", "texts", "80 MB", IMDB,
           imdb_full.files, imdb.fetch, imdb_full.check, imdb_full.load, imdb.PREPROCESSING_VERSION),
    Source("digits", "1,797 handwritten digits and number words, a toy", "texts", "57 kB", "CC BY 4.0",
           _one(digits.file), digits.file, read_text, digits.load, tested=digits.TESTED),
    Source("movie_reviews", "2,000 film reviews with their sentiment", "texts", "4 MB", "CC BY 4.0",
           *_package("movie_reviews"), partial(nltk_sets.load, "movie_reviews"), nltk_sets.VERSION),
    Source("sentence_polarity", "10,662 sentences of film reviews, sentiment", "texts", "490 kB", "CC BY 4.0",
           *_package("sentence_polarity"), partial(nltk_sets.load, "sentence_polarity"), nltk_sets.VERSION),
    Source("subjectivity", "10,000 sentences, subjective or objective", "texts", "522 kB", "CC BY 4.0",
           *_package("subjectivity"), partial(nltk_sets.load, "subjectivity"), nltk_sets.VERSION),
    Source("qc", "5,952 questions by what they ask for", "texts", "125 kB", "none stated",
           *_package("qc"), partial(nltk_sets.load, "qc"), nltk_sets.VERSION),
    Source("movie_reviews-semi", "these reviews, a part of them with labels", "texts", "4 MB", "CC BY 4.0",
           *_package("movie_reviews"), partial(nltk_sets.load_semi, "movie_reviews"), nltk_sets.SEMI_VERSION),
    Source("subjectivity-semi", "these sentences, a part of them with labels", "texts", "522 kB", "CC BY 4.0",
           *_package("subjectivity"), partial(nltk_sets.load_semi, "subjectivity"), nltk_sets.SEMI_VERSION),
    Source("ud-ewt", "parts of speech: UD English EWT", "tags", "18 MB", "CC BY-SA 4.0",
           *_on_the_web("ud-ewt"), task="POS"),
    Source("treebank", "parts of speech: NLTK's tenth of the Penn Treebank", "tags", "2 MB", "LDC, non-commercial",
           *_package("treebank"), nltk_tagged.treebank, task="POS"),
    Source("uner-ewt", "named entities: Universal NER, English EWT", "tags", "6 MB", "CC BY-SA 4.0",
           *_on_the_web("uner-ewt"), task="NER"),
    Source("wnut-17", "named entities: emerging ones in posts and comments", "tags", "1 MB", "CC BY 4.0",
           *_on_the_web("wnut-17"), task="NER"),
    Source("brown", "parts of speech: Brown corpus, universal tags", "tags", "3 MB", "non-commercial",
           nltk_tagged.locate_brown, nltk_tagged.fetch_brown, archives.check, nltk_tagged.brown, task="POS"),
    Source("conll2000", "chunks: CoNLL-2000", "tags", "0.8 MB", "none stated",
           *_package("conll2000"), nltk_tagged.chunks, task="CHU"),
    Source("conll2002-esp", "named entities: CoNLL-2002, Spanish", "tags", "2 MB", CONLL2002,
           *_package("conll2002"), partial(nltk_tagged.entities, "esp"), task="NER"),
    Source("conll2002-ned", "named entities: CoNLL-2002, Dutch", "tags", "2 MB", CONLL2002,
           *_package("conll2002"), partial(nltk_tagged.entities, "ned"), task="NER"),
    Source("semcor", "supersenses: SemCor 3.0", "tags", "4 MB", "Princeton WordNet's",
           *_package("semcor"), semcor.load, semcor.VERSION, task="SEM"),
    Source("streusle-mwe", "multiword expressions: STREUSLE", "tags", "3 MB", "CC BY-SA 4.0",
           streusle.locate, streusle.fetch, streusle.check, partial(streusle.load, "streusle-mwe"), task="MWE"),
    Source("streusle", "supersenses: STREUSLE", "tags", "3 MB", "CC BY-SA 4.0",
           streusle.locate, streusle.fetch, streusle.check, partial(streusle.load, "streusle"), task="STR"),
    Source("framenet", "frames: FrameNet 1.7 full text", "tags", "100 MB", "CC BY 3.0",
           _one(framenet.locate), framenet.fetch, archives.check, framenet.load, task="FNT"),
    Source("scienceie", "keyphrases: ScienceIE 2017", "tags", "5 MB", "none stated",
           _one(scienceie.locate), scienceie.fetch, scienceie.check, scienceie.load, task="KEY"),
    Source("wiki-hyperlink", "link anchors: Wikipedia", "tags", "2 MB", WIKI,
           *_of_wiki("wiki-hyperlink"), task="HYP"),
    Source("wiki-emphasis", "bold and italics: Wikipedia", "tags", "2 MB", WIKI,
           *_of_wiki("wiki-emphasis"), task="EMPHASIS"),
    Source("wiki-casing", "letter case: Wikipedia", "tags", "2 MB", WIKI,
           *_of_wiki("wiki-casing"), task="CASING"),
    Source("wiki-frequency", "frequency of words: Wikipedia", "tags", "2 MB", WIKI,
           *_of_wiki("wiki-frequency"), task="FREQUENCY"),
    Source("wiki-next", "the next word: Wikipedia", "tags", "2 MB", WIKI,
           *_of_wiki("wiki-next"), task="NEXT"),
    Source("imdb-1k", "sentiment of 1,000 whole texts: IMDB", "tags", "80 MB", IMDB,
           _one(imdb.locate), imdb.fetch, imdb.check, corpora.of_imdb, imdb.PREPROCESSING_VERSION, "SENTIMENT"),
    Source("films-1k", "sentiment of 1,000 whole texts: film reviews", "tags", "4 MB", "CC BY 4.0",
           *_package("movie_reviews"), *_whole("films-1k", "movie_reviews", "SENTIMENT")),
    Source("polarity-1k", "sentiment of 1,000 whole sentences", "tags", "490 kB", "CC BY 4.0",
           *_package("sentence_polarity"), *_whole("polarity-1k", "sentence_polarity", "SENTIMENT")),
    Source("subjectivity-1k", "1,000 whole sentences, subjective or objective", "tags", "522 kB", "CC BY 4.0",
           *_package("subjectivity"), *_whole("subjectivity-1k", "subjectivity", "SUBJECTIVITY")),
    Source("questions-1k", "1,000 whole questions by what they ask for", "tags", "125 kB", "none stated",
           *_package("qc"), *_whole("questions-1k", "qc", "QUESTION")),
    Source("topics-1k", "topics of 999 whole sentences: Wikipedia", "tags", "2 MB", WIKI,
           _one(wiki.dump), wiki.dump, read_text, corpora.topics, wiki.PARSER_VERSION, "TOPIC"),
    Source("compression", "sentence compression: Google; put it here yourself", "tags", "-", "as is",
           compression.locate, lambda: compression.locate()[0], compression.check, compression.load, task="COM"),
    Source("ccgbank", "CCG categories: CCGbank; put it here yourself", "tags", "-", "LDC2005T13",
           ccgbank.locate, lambda: ccgbank.locate()[0], ccgbank.read, ccgbank.load, task="CCG"),
    Source("glove-twitter-100", "GloVe vectors of 1.2 million words from Twitter", "vectors", "387 MB", "PDDL 1.0",
           _one(vectors.find_glove), vectors.fetch_glove, vectors.check_text_vectors),
    Source("wordsim", "13 sets of word pairs with human similarity scores", "lexicon", "0.2 MB", "none stated",
           lexicons.locate_word_similarities, lexicons.fetch_word_similarities, lexicons.check_word_similarities),
    Source("opinion-lexicon", "6,789 English words, good or bad (Hu and Liu 2004)", "lexicon", "25 kB", "CC BY 4.0",
           _one(lexicons.locate_opinions), lexicons.fetch_opinions, lexicons.check_opinions),
    Source("en-es", "English words in Spanish; aligned sentences", "lexicon", "2 MB", "CC BY-NC 4.0",
           translations.locate, translations.fetch, translations.check),
    Source("bingel2017", "training logs of ten tasks and their pairs", "logs", "14 MB", "GPL-3.0",
           _one(bingel2017.locate), bingel2017.fetch, bingel2017.unpack),
    Source("stopwords", "NLTK's stop words, for all film reviews", "package", "34 kB", "none stated",
           *_package("stopwords")),
    Source("conll2002", "NLTK's CoNLL-2002, for both languages", "package", "2 MB", CONLL2002,
           *_package("conll2002")),
)
# fmt: on
SOURCES = {source.name: source for source in ROWS}


def find(name: str) -> Source:
    """Return the row of a data set; raises ValueError that lists the known names."""
    if name not in SOURCES:
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(SOURCES)}")
    return SOURCES[name]


def load_texts(name: str, seed: int, sizes: Sizes) -> Dataset:
    """Return a primary task, split by `seed` into parts of the sizes asked for.

    Raises ValueError for an unknown name, one of another kind, and sizes that the data set does not allow; MissingData
    with what to do where a file is not here.
    """
    dataset: Dataset = _loader(name, "texts")(seed, sizes)
    return dataset


@lru_cache
def load_tags(name: str) -> SequenceData:
    """Return a tagged corpus; its reader says what it is and what was decided about it.

    Sentences keep their case, but for "wiki-casing". Splits are the published ones where there are any. Raises
    ValueError for an unknown name, one of another kind, and a damaged file; MissingData with what to do where a file is
    not here.
    """
    corpus: SequenceData = _loader(name, "tags")()
    return corpus


def _loader(name: str, kind: Kind) -> Callable[..., Any]:
    source = find(name)
    if source.kind != kind or source.load is None:
        known = ", ".join(other.name for other in SOURCES.values() if other.kind == kind)
        raise ValueError(f"{name} is of the kind {source.kind!r}, not {kind!r}; of that kind are: {known}")
    return source.load


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
    """Return the main file of a data set, downloaded if it is not here or damaged.

    What is here is checked to its end. A damaged download is set aside, with a line on standard error, and got anew.

    Raises ValueError for an unknown name, and for a damaged file that is not among the downloads and that would be
    found before them; ConnectionError where a download fails.
    """
    source = find(name)
    try:
        while fault := _fault(source):
            file, reason = fault
            if not file.resolve().is_relative_to(paths.downloads().resolve()):
                raise ValueError(f"{reason}; replace or remove {file}: it is found before the downloads")
            put_aside(file, reason)
        return source.locate()[0]
    except MissingData:
        print(f"fetching {name} ({source.size})", file=sys.stderr)
        return source.fetch()


def _fault(source: Source) -> tuple[Path, str] | None:
    """Return the first damaged file of a data set and what is wrong with it; raises MissingData."""
    for file in source.locate():
        try:
            source.check(file)
        except (ValueError, DamagedData) as error:
            return file, str(error)
    return None
