"""English from the web: parts of speech (UD) and named entities (Universal NER, WNUT 2017), from public repositories.

Sentences keep their case and the splits are the published ones, so a short sentence ("Thanks .") may stand in two of
them.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import conllu
from conllu import TokenList
from conllu.exceptions import ParseException

from mt2st.data.files import github as upstream
from mt2st.data.files.errors import reason
from mt2st.data.files.github import GitHubFile
from mt2st.data.files.text import read_text
from mt2st.data.tags.columns import OUTSIDE, TaggedText, ended_lines, read_columns
from mt2st.data.tags.tagged import SequenceData, in_three_parts, spans

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
        GitHubFile(*UNER, "en_ewt-ud-train.iob2", lambda file: _check_uner(file)),
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


def load(name: str) -> SequenceData:
    """Return one of `FILES`; raises ValueError for a damaged file, MissingData where a file is not here.

    "ud-ewt": universal parts of speech of UD English EWT. Words are the syntactic ones ("do", "n't"), so the lines of
    multiword tokens and of empty nodes are left out.

    "wnut-17": six types of emerging entities in posts and comments.

    "uner-ewt": persons, places and organisations in the text of "ud-ewt". Where the released training file is not here
    but `FIRST_COMMIT` is, its annotation of December 2022 is read; it has a fourth type, OTH, and 540 tags "B-O", which
    both become O, and 17 names less than the release. `files` says which it was.
    """
    readers: dict[str, Callable[[Path], TaggedText]] = {
        "ud-ewt": _read_parts_of_speech,
        "uner-ewt": _read_uner,
        "wnut-17": lambda file: read_columns(file, 0, 1, iob2=True),
    }
    files = locate(name)
    return in_three_parts(name, [readers[name](file) for file in files], name != "ud-ewt", files)


def locate(name: str) -> tuple[Path, ...]:
    """Return the files of a corpus on this machine; raises MissingData with what to do."""
    older = {"en_ewt-ud-train.iob2": (FIRST_COMMIT,)}
    return tuple(upstream.locate(name, file.name, *older.get(file.name, ())) for file in FILES[name])


def fetch(name: str) -> Path:
    """Download a corpus and return its training file; raises ConnectionError that says what else can be done."""
    return upstream.fetch(name, FILES[name])[0]


def check(name: str, file: Path) -> None:
    """Raise ValueError unless a file of a corpus is as released; `FIRST_COMMIT` need only be readable."""
    upstream.check(FILES[name], file, _read_uner)


def conllu_sentences(file: Path, columns: Sequence[str], needed: str) -> Iterator[TokenList]:
    """Read the words of each sentence of CoNLL-U; lines of multiword tokens (1-2) and empty nodes (1.1) are left out.

    `columns` are names for the first columns. Raises ValueError naming the line where a sentence begins that is not
    CoNLL-U or has a word with nothing in the column `needed`.
    """
    start = 1
    for block in "\n".join(ended_lines(read_text(file), str(file))).split("\n\n"):
        try:
            parsed = conllu.parse(block, fields=columns)
        except (ParseException, ValueError) as error:
            raise ValueError(f"{file}: the sentence at line {start} is not CoNLL-U: {reason(error)}") from error
        for sentence in parsed:
            words = TokenList([token for token in sentence if isinstance(token["id"], int)])  # 1-2 and 1.1 are tuples
            if not all(token.get(needed) for token in words):
                number = columns.index(needed) + 1
                raise ValueError(
                    f"{file}: the sentence at line {start} is not CoNLL-U: a word has nothing in column {number}"
                )
            yield words
        start += block.count("\n") + 2


def _read_parts_of_speech(file: Path) -> TaggedText:
    """Read words and universal tags."""
    sentences = list(conllu_sentences(file, ("id", "form", "lemma", "upos"), "upos"))
    return TaggedText(
        [[word["form"] for word in words] for words in sentences],
        [[word["upos"] for word in words] for words in sentences],
    )


def _read_uner(file: Path) -> TaggedText:
    """Read the three types of a UNER file; whatever else is marked is outside."""
    text = read_columns(file, 1, 2, number_column=0, iob2=True)
    return TaggedText(text.sentences, [[tag if tag[2:] in ENTITIES else OUTSIDE for tag in tags] for tags in text.tags])


def _check_uner(file: Path) -> None:
    """Raise ValueError unless a file has the counts of the released training file."""
    part = _read_uner(file)
    if (found := {"sentences": len(part), "tokens": part.tokens} | spans(part)) != UNER_TRAIN:
        raise ValueError(f"{file} is not the released file: {found} in it, not {UNER_TRAIN}")
