"""Tagged corpora of NLTK: Penn Treebank and Brown (parts of speech), CoNLL-2000 (chunks), CoNLL-2002 (entities)."""

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from nltk.corpus.reader import BracketParseCorpusReader
from nltk.tag import str2tuple

from mt2st.data.files import archives, nltk_packages
from mt2st.data.tags.columns import DOCUMENT, TaggedText, parse_columns
from mt2st.data.tags.tagged import SequenceData, apart, in_three_parts, split_in_order

TREEBANK_FILES, BROWN_FILES = 199, 500
ESCAPED = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}"}
# A sentence that begins inside a name: each Spanish file was cut once after a full stop of one ("S. Sebastián").
CUT_NAME = re.compile(r"(?<=\n\n)(\S+ \S+) I-")


def treebank() -> SequenceData:
    """Return NLTK's tenth of the Penn Treebank, tagged with its parts of speech.

    Tags are its own 45, which need no mapping that may not be here. The first 80% of its 199 files are for training,
    the next 10% for validation, the last 10% for test. Traces (-NONE-), which nobody wrote, are left out; brackets are
    written as such.

    Raises DamagedData where files are missing or broken, and MissingData, both with the command that gets it.
    """
    archive = nltk_packages.locate("treebank")
    with nltk_packages.opened(archive, "treebank", "treebank/combined/") as root:
        corpus = BracketParseCorpusReader(root, r"wsj_\d+\.mrg", encoding="ascii")
        names = sorted(corpus.fileids())
        if len(names) != TREEBANK_FILES:
            raise ValueError(f"{len(names)} files, {TREEBANK_FILES} expected")
        parts = [_written(corpus.tagged_sents(part)) for part in split_in_order(names)]
    return in_three_parts("treebank", parts, False, (archive,))


def _written(tagged: list[list[tuple[str, str]]]) -> TaggedText:
    """Leave traces out and write tokens as they were printed."""
    kept = [[(_unescaped(word), tag) for word, tag in sentence if tag != "-NONE-"] for sentence in tagged]
    return TaggedText(
        [[word for word, _ in sentence] for sentence in kept], [[tag for _, tag in sentence] for sentence in kept]
    )


def _unescaped(word: str) -> str:
    return ESCAPED.get(word, word.replace("\\/", "/").replace("\\*", "*"))


def brown() -> SequenceData:
    """Return the Brown corpus with the 12 universal tags, split by file in each of its 15 genres.

    Its own 472 tags are mapped by NLTK's table `en-brown.map` (Petrov et al. 2012), the label set of the study's POS.
    In each genre the first 80% of the files are for training, the next 10% for validation, the last 10% for test.

    Raises ValueError naming file and line for a token without a tag and for a tag that the table does not have.
    """
    archive, table = files = locate_brown()
    rows = [line.split("\t") for line in _text(table, "universal_tagset/en-brown.map").splitlines() if line.strip()]
    if any(len(row) != 2 for row in rows):
        raise ValueError(f"{table}: en-brown.map has lines without two columns; delete it and fetch it again")
    universal = dict(rows)
    texts = archives.texts(archive, r"^brown/c[a-z]\d\d$", BROWN_FILES)
    genres = [list(names) for _, names in groupby(texts, key=lambda name: name[:-2])]
    parts = []
    for of_genres in zip(*map(split_in_order, genres), strict=True):
        part = {name: texts[name] for names in of_genres for name in names}
        parts.append(_of_brown(archive, table, part, universal))
    return in_three_parts("brown", parts, False, files)


def _of_brown(archive: Path, table: Path, texts: Mapping[str, str], universal: Mapping[str, str]) -> TaggedText:
    """Read files of Brown by name: a sentence a line, tokens as word/tag."""
    sentences, tags = [], []
    for name, text in texts.items():
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            pairs = [str2tuple(token) for token in line.split()]
            for word, tag in pairs:
                if not word or tag not in universal:
                    raise ValueError(
                        f"{archive}: {name}:{number}: {word!r} has no tag of Brown that {table} maps, but {tag!r}"
                    )
            sentences.append([word for word, _ in pairs])
            tags.append([universal[tag] for _, tag in pairs])
    return TaggedText(sentences, tags)


def locate_brown() -> tuple[Path, ...]:
    """Return the archives of the corpus and of the mapping of its tags; raises MissingData."""
    return nltk_packages.locate("brown"), nltk_packages.locate("universal_tagset", "taggers", command="brown")


def fetch_brown() -> Path:
    """Download both archives with NLTK's own downloader; raises ConnectionError."""
    nltk_packages.fetch("universal_tagset", "taggers")
    return nltk_packages.fetch("brown")


def chunks() -> SequenceData:
    """Return CoNLL-2000's chunks in IOB2 (Tjong Kim Sang and Buchholz 2000).

    The shared task has no validation part: it is the last tenth of the training sentences.
    """
    archive = nltk_packages.locate("conll2000")
    train, test = (_columns_of(archive, f"conll2000/{part}.txt") for part in ("train", "test"))
    cut = round(0.9 * len(train))
    parts = [
        TaggedText(train.sentences[:cut], train.tags[:cut]),
        TaggedText(train.sentences[cut:], train.tags[cut:]),
        test,
    ]
    return in_three_parts("conll2000", parts, True, (archive,))


def entities(language: str) -> SequenceData:
    """Return CoNLL-2002's named entities in Spanish ("esp") or Dutch ("ned") (Tjong Kim Sang 2002).

    The marks between Dutch articles, -DOCSTART-, are left out; they stand at the beginning of a sentence. In each
    Spanish file one sentence begins inside a name, with I-X, which is read as B-X.

    Sentences that the training part has too are left out of the others, unlike in published numbers: they are 28% of
    the Spanish sentences to validate and 21% of those to test on, most of them datelines and the like.
    """
    archive = nltk_packages.locate("conll2002")
    parts = [_columns_of(archive, f"conll2002/{language}.{part}") for part in ("train", "testa", "testb")]
    corpus = in_three_parts(f"conll2002-{language}", parts, True, (archive,))
    return apart(corpus, [corpus])


def _columns_of(archive: Path, member: str) -> TaggedText:
    """Read word, part of speech and IOB2 tag, separated by blanks."""
    text = CUT_NAME.sub(r"\1 B-", _text(archive, member), count=1)
    found = parse_columns(text, f"{archive}: {member}", 0, 2, iob2=True, separator=" ")
    kept = [
        [(word, tag) for word, tag in zip(*pair, strict=True) if word != DOCUMENT]
        for pair in zip(found.sentences, found.tags, strict=True)
    ]
    return TaggedText([[word for word, _ in pairs] for pairs in kept], [[tag for _, tag in pairs] for pairs in kept])


def _text(archive: Path, member: str) -> str:
    return archives.texts(archive, f"^{re.escape(member)}$", 1)[member]
