"""Tagged corpora for sequence labelling, all behind `load`: parts of speech and named entities.

Sentences keep their case and the splits are the published ones, so a short sentence ("Thanks .") may stand in two of
them.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import conllu
import nltk
from conllu.exceptions import ParseException
from nltk.corpus.reader import BracketParseCorpusReader
from nltk.corpus.util import LazyCorpusLoader
from nltk.data import ZipFilePathPointer

from mt2st import paths
from mt2st.data import upstream
from mt2st.data.columns import OUTSIDE, TaggedText, lines_of, read_columns
from mt2st.data.imdb import use_nltk_data
from mt2st.data.upstream import GitHubFile
from mt2st.embeddings import MissingData

UD = "UniversalDependencies/UD_English-EWT", "15d613d8447b3478787d4c278730a1e48a945efb"
UNER = "UniversalNER/UNER_English-EWT", "8ed072de2fd24022cc62458997fe96a8fe191ea4"
WNUT = "leondz/emerging_entities_17", "e52a2d2a71ac1a051ca2d532eef28653c5c02603"
# Training, validation and test of each corpus.
FILES = {
    "ud-ewt": (
        GitHubFile(*UD, "en_ewt-ud-train.conllu", "3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b"),
        GitHubFile(*UD, "en_ewt-ud-dev.conllu", "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6"),
        GitHubFile(*UD, "en_ewt-ud-test.conllu", "e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd"),
    ),
    "uner-ewt": (
        GitHubFile(*UNER, "en_ewt-ud-train.iob2", None),  # checked by `UNER_TRAIN`
        GitHubFile(*UNER, "en_ewt-ud-dev.iob2", "0cafd881cf31d39897b6d588420fab8fbbe4423d271725c59921ac9dd49c0713"),
        GitHubFile(*UNER, "en_ewt-ud-test.iob2", "821ad826d5f503ac03b4edc3fbc2174f21fbb005ec25863caf2051c434616d6e"),
    ),
    "wnut-17": (
        GitHubFile(*WNUT, "wnut17train.conll", "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5"),
        GitHubFile(*WNUT, "emerging.dev.conll", "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8"),
        GitHubFile(
            *WNUT, "emerging.test.annotated", "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0"
        ),
    ),
}
FIRST_COMMIT = "en_ewt-ud-train.first-commit-2022-12-02.iob2"
# What en_ewt-ud-train.stats of the same commit says of the released training file.
UNER_TRAIN = {"sentences": 12_543, "tokens": 204_579, "LOC": 2_712, "ORG": 1_436, "PER": 2_874}
ENTITIES = ("LOC", "ORG", "PER")
TREEBANK_FILES = 199
ESCAPED = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}"}


@dataclass(frozen=True)
class SequenceData:
    """A tagged corpus in three parts."""

    name: str
    train: TaggedText
    validation: TaggedText
    test: TaggedText
    classes: tuple[str, ...]  # all tags, "O" first where there are spans
    is_span: bool  # tags are IOB2 and mark spans
    files: tuple[Path, ...]  # what was read

    def counts(self) -> dict[str, dict[str, int]]:
        """Sentences and tokens of each part, and its spans by type."""
        return {part: self._counts(getattr(self, part)) for part in ("train", "validation", "test")}

    def _counts(self, part: TaggedText) -> dict[str, int]:
        return {"sentences": len(part), "tokens": part.tokens} | (spans(part) if self.is_span else {})


@lru_cache
def load(name: str) -> SequenceData:
    """Return one of `CORPORA`.

    "ud-ewt": universal parts of speech of UD English EWT; words are the syntactic ones ("do", "n't"), so the lines of
    multiword tokens and of empty nodes are left out.

    "treebank": NLTK's tenth of the Penn Treebank with its own 45 tags (so that it does not depend on whether a mapping
    to universal tags is here), the first 80% of its 199 files for training, the next 10% for validation, the last 10%
    for test. Traces (-NONE-), which nobody wrote, are left out; brackets are written as such.

    "uner-ewt": persons, places and organisations in the same text as "ud-ewt". Where the released training file is not
    here but `FIRST_COMMIT` is, its annotation of December 2022 is read; it has a fourth type, OTH, and 540 tags "B-O",
    which both become O, and 17 names less than the release. `files` says which it was.

    "wnut-17": six types of emerging entities in posts and comments (Derczynski et al. 2017).

    Raises ValueError for an unknown name or a damaged file, MissingData with what to do where a file is not here.
    """
    if name not in CORPORA:
        raise ValueError(f"unknown tagged corpus {name!r}; known: {', '.join(CORPORA)}")
    return CORPORA[name]()


def spans(part: TaggedText) -> dict[str, int]:
    """Count the spans of each type in IOB2 tags, sorted by type."""
    kinds = Counter(tag[2:] for tags in part.tags for tag in tags if tag.startswith("B-"))
    return dict(sorted(kinds.items()))


def locate(name: str) -> tuple[Path, ...]:
    """Return the files of a corpus on this machine; raises MissingData with what to do."""
    if name == "treebank":
        return (_root(_treebank()),)
    older = {"en_ewt-ud-train.iob2": (FIRST_COMMIT,)}
    return tuple(upstream.locate(name, file.name, *older.get(file.name, ())) for file in FILES[name])


def fetch(name: str) -> Path:
    """Download a corpus and return its training file; raises ConnectionError that says what else can be done."""
    if name == "treebank":
        return _fetch_treebank()
    train, *_ = upstream.fetch(name, FILES[name])
    if name == "uner-ewt" and (found := _counts_of_uner(train)) != UNER_TRAIN:
        train.unlink()
        raise ConnectionError(f"{train.name} is not the released file: {found} in it, not {UNER_TRAIN}; try again")
    return train


def _ud_ewt() -> SequenceData:
    return _in_three_parts("ud-ewt", _read_conllu, is_span=False)


def _uner_ewt() -> SequenceData:
    return _in_three_parts("uner-ewt", _read_uner, is_span=True)


def _wnut_17() -> SequenceData:
    return _in_three_parts("wnut-17", lambda file: read_columns(file, 0, 1, iob2=True), is_span=True)


def _in_three_parts(name: str, read: Callable[[Path], TaggedText], is_span: bool) -> SequenceData:
    """Read a corpus that has a file for each part."""
    files = locate(name)
    train, validation, test = map(read, files)
    return SequenceData(name, train, validation, test, _classes(train, validation, test), is_span, files)


def _treebank_pos() -> SequenceData:
    corpus = _treebank()
    files = (_root(corpus),)
    names = sorted(corpus.fileids())
    if len(names) != TREEBANK_FILES:
        raise ValueError(f"{files[0]}: {len(names)} files, {TREEBANK_FILES} expected; fetch it again")
    first, second = round(0.8 * len(names)), round(0.9 * len(names))
    train, validation, test = (
        _written(corpus.tagged_sents(part)) for part in (names[:first], names[first:second], names[second:])
    )
    return SequenceData("treebank", train, validation, test, _classes(train, validation, test), False, files)


CORPORA: dict[str, Callable[[], SequenceData]] = {
    "ud-ewt": _ud_ewt,
    "treebank": _treebank_pos,
    "uner-ewt": _uner_ewt,
    "wnut-17": _wnut_17,
}


def _classes(*parts: TaggedText) -> tuple[str, ...]:
    """All tags, sorted, "O" first."""
    found = {tag for part in parts for tags in part.tags for tag in tags}
    return tuple(sorted(found, key=lambda tag: (tag != OUTSIDE, tag)))


def _read_conllu(file: Path) -> TaggedText:
    """Read words and universal tags of CoNLL-U; raises ValueError naming the line where a bad sentence begins."""
    sentences, tags = [], []
    start = 1
    for block in "\n".join(lines_of(file)).split("\n\n"):
        try:
            parsed = conllu.parse(block, fields=("id", "form", "lemma", "upos"))
        except ParseException as error:
            raise ValueError(f"{file}: the sentence at line {start} is not CoNLL-U: {error}") from error
        for sentence in parsed:
            words = [token for token in sentence if isinstance(token["id"], int)]  # 1-2 and 1.1 are tuples
            if not all(token.get("upos") for token in words):
                raise ValueError(f"{file}: the sentence at line {start} is not CoNLL-U: a word has no fourth column")
            sentences.append([token["form"] for token in words])
            tags.append([token["upos"] for token in words])
        start += block.count("\n") + 2
    return TaggedText(sentences, tags)


def _read_uner(file: Path) -> TaggedText:
    """Read the three types of a UNER file; whatever else is marked is outside."""
    text = read_columns(file, 1, 2, number_column=0, iob2=True)
    return TaggedText(text.sentences, [[tag if tag[2:] in ENTITIES else OUTSIDE for tag in tags] for tags in text.tags])


def _counts_of_uner(file: Path) -> dict[str, int]:
    part = _read_uner(file)
    return {"sentences": len(part), "tokens": part.tokens} | spans(part)


def _treebank() -> BracketParseCorpusReader:
    """Return NLTK's reader; raises MissingData. Not NLTK's own instance, which remembers where it looked."""
    use_nltk_data()
    corpus = LazyCorpusLoader("treebank/combined", BracketParseCorpusReader, r"wsj_\d+\.mrg", encoding="ascii")
    try:
        corpus.fileids()
    except LookupError as error:
        raise MissingData(
            "needs NLTK's treebank: run `mt2st data fetch treebank`, or put treebank.zip into "
            f"{paths.downloads() / 'nltk_data' / 'corpora'}"
        ) from error
    return corpus


def _root(corpus: BracketParseCorpusReader) -> Path:
    """Return the archive or the folder that a corpus is read from."""
    root = corpus.root
    return Path(root.zipfile.filename if isinstance(root, ZipFilePathPointer) else root)


def _written(tagged: list[list[tuple[str, str]]]) -> TaggedText:
    """Leave traces out and write tokens as they were printed."""
    kept = [[(_unescaped(word), tag) for word, tag in sentence if tag != "-NONE-"] for sentence in tagged]
    return TaggedText(
        [[word for word, _ in sentence] for sentence in kept], [[tag for _, tag in sentence] for sentence in kept]
    )


def _unescaped(word: str) -> str:
    return ESCAPED.get(word, word.replace("\\/", "/").replace("\\*", "*"))


def _fetch_treebank() -> Path:
    """Download with NLTK's own downloader."""
    folder = paths.downloads() / "nltk_data"
    if not nltk.download("treebank", download_dir=str(folder), quiet=True):
        raise ConnectionError(
            "NLTK's treebank could not be downloaded; check the network and try again, or put treebank.zip into "
            f"{folder / 'corpora'}"
        )
    return _root(_treebank())
