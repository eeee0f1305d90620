"""STREUSLE: multiword expressions and supersenses of English web reviews (Schneider and Smith 2015; version 4.7.1)."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conllu import TokenList

from mt2st.data.files import github as upstream
from mt2st.data.files.github import GitHubFile
from mt2st.data.files.text import read_text
from mt2st.data.tags.columns import OUTSIDE, TaggedText
from mt2st.data.tags.english_web import conllu_sentences
from mt2st.data.tags.tagged import SequenceData, in_three_parts, tag_run

STREUSLE = "nert-nlp/streusle", "9eb4fa91fce7edc28dcfb3761a81dbbd473de9a9"
FILES = (
    GitHubFile(
        *STREUSLE, "train/streusle.ud_train.vis", "6337bdcc1e358e05134203973e1e96c5807d298a59e5b82558d9d8895bf962b5"
    ),
    GitHubFile(
        *STREUSLE, "dev/streusle.ud_dev.conllulex", "ef5e72648b9c3673abeb15c4641a68f849e1d652bad3a6b15cca73124b1e5d46"
    ),
    GitHubFile(
        *STREUSLE, "test/streusle.ud_test.conllulex", "7d159c49a015214944eab3acbfe7b0aefaa112e0928500a3dada7a4cc1048a18"
    ),
)
CONLLULEX_TRAIN = "streusle.ud_train.conllulex"
# The 19 columns of CONLLULEX.md, beginning with the ten of CoNLL-U.
COLUMNS = (
    *("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"),
    *("smwe", "lexcat", "lexlemma", "ss", "ss2", "wmwe", "wcat", "wlemma", "lextag"),
)
# A word of the .vis notation; "~" may itself be a word, as nothing is escaped.
WORD = re.compile(
    r"(?P<joiner>^| [_~]?|[_~])(?P<form>~(?=\|)|[^_~|\s]+)"
    r"(?:\|(?P<category>[A-Z]+(?:\.[A-Za-z]+)*)(?:-(?P<supersense>[^_~\s]+))?)?(?P<gap>(?:[_~](?=\s))?)"
)


@dataclass(frozen=True)
class Expression:
    """A strong lexical expression: a word, or several that need not stand together; `supersense` "" for none."""

    words: tuple[int, ...]  # indices in the sentence, ascending
    supersense: str


@dataclass(frozen=True)
class Sentence:
    """Words and the expressions they form; every word is in one."""

    words: list[str]
    expressions: list[Expression]


def load(name: str) -> SequenceData:
    """Return "streusle-mwe" or "streusle", two taggings of the same sentences.

    "streusle-mwe": strong multiword expressions, one type, "MWE".

    "streusle": supersenses of nouns (n.…), verbs (v.…) and adpositions (p.…) on all strong expressions, of one word or
    several. Of the two labels of an adposition the first is taken, its role in the scene; the marks `$ (a possessive
    slot of an idiom) and ?? (unintelligible) are no supersenses and are outside.

    Both are IOB2, which has no gaps: of a discontinuous expression ("turned it over") every unbroken piece is a span of
    its own and the words between keep their tags. Weak expressions are not marked.

    The split is the published one, that of UD English EWT. Training sentences come from `CONLLULEX_TRAIN` where it is
    here, else from the .vis file, whose notation says the same (`read_vis`).

    Raises ValueError naming file and line for a damaged file, and MissingData with what to do.
    """
    files = locate()
    tagging = _multiwords if name == "streusle-mwe" else _supersenses
    parts = [_tagged(read_vis(file) if ".vis" in file.name else read_conllulex(file), tagging) for file in files]
    return in_three_parts(name, parts, True, files)


def locate() -> tuple[Path, ...]:
    """Return training, validation and test file; raises MissingData: both taggings are fetched as "streusle"."""
    train, *others = (file.name for file in FILES)
    return (
        upstream.find(CONLLULEX_TRAIN) or upstream.locate("streusle", train),
        *(upstream.locate("streusle", other) for other in others),
    )


def fetch() -> Path:
    """Download the corpus and return its training file; raises ConnectionError."""
    return upstream.fetch("streusle", FILES)[0]


def check(file: Path) -> None:
    """Raise ValueError unless a file is as released; `CONLLULEX_TRAIN` need only be readable."""
    upstream.check(FILES, file, read_conllulex)


def read_conllulex(file: Path) -> list[Sentence]:
    """Read the 19 columns of CoNLL-U-Lex.

    Raises ValueError naming the line where a sentence begins that lacks columns, or the sentence in which a word inside
    an expression has a supersense.
    """
    return [_of_columns(words, file) for words in conllu_sentences(file, COLUMNS, "lextag")]


def _of_columns(tokens: TokenList, file: Path) -> Sentence:
    groups: dict[str, list[int]] = defaultdict(list)
    for i, token in enumerate(tokens):
        groups[f"word {i}" if token["smwe"] == "_" else token["smwe"].partition(":")[0]].append(i)
    words = [token["form"] for token in tokens]
    firsts = {group[0] for group in groups.values()}
    if any(token["ss"] != "_" and i not in firsts for i, token in enumerate(tokens)):
        raise ValueError(f"{file}: a word inside an expression has a supersense: {' '.join(words)!r}")
    return Sentence(words, [Expression(tuple(group), _known(tokens[group[0]]["ss"])) for group in groups.values()])


def read_vis(file: Path) -> list[Sentence]:
    """Read the lines "sentence id TAB words" of a .vis file.

    Words of a strong expression are joined by "_", with "had_ a routine _surgery" around a gap, those of a weak one by
    "~"; after the last word of each strong expression stands "|", its category and, after "-", its supersense.

    Raises ValueError naming file and line of a line in another notation.
    """
    sentences = []
    for number, line in enumerate(read_text(file).removesuffix("\n").split("\n"), start=1):
        try:
            _, text = line.split("\t")
            sentences.append(_of_line(text))
        except ValueError as error:
            raise ValueError(f"{file}:{number}: not a line of a .vis file ({error}); fetch it again") from error
    return sentences


def _of_line(text: str) -> Sentence:
    """Words and expressions of the notation."""
    words: list[str] = []
    expressions: list[Expression] = []
    open_group: list[int] = []  # the expression we are in
    waiting: list[int] = []  # the expression in whose gap we are
    position = 0
    while position < len(text):
        if not (found := WORD.match(text, position)):
            raise ValueError(f"no word at character {position + 1}")
        if found["joiner"] == " _":
            open_group, waiting = waiting, open_group
        if ("_" in found["joiner"]) != bool(open_group):
            raise ValueError(f"{found['form']!r} continues no expression, or the one before it does not end")
        open_group.append(len(words))
        words.append(found["form"])
        if found["category"]:
            expressions.append(Expression(tuple(open_group), _known(found["supersense"] or "")))
            open_group = []
        if found["gap"] == "_":
            if waiting or not open_group:
                raise ValueError(f"the gap after {found['form']!r} is in no expression or in another gap")
            open_group, waiting = [], open_group
        position = found.end()
    if not words or open_group or waiting:
        raise ValueError("it is empty or an expression does not end")
    return Sentence(words, expressions)


def _known(supersense: str) -> str:
    """Return the supersense of a noun or verb, or the role of an adposition; "" for anything else."""
    role = supersense.partition(":")[0]
    return role if role.startswith(("n.", "v.", "p.")) else ""


def _multiwords(expression: Expression) -> str:
    return "MWE" if len(expression.words) > 1 else ""


def _supersenses(expression: Expression) -> str:
    return expression.supersense


def _tagged(sentences: list[Sentence], kind_of: Callable[[Expression], str]) -> TaggedText:
    """Tag the expressions that have a kind."""
    all_tags = []
    for sentence in sentences:
        tags = [OUTSIDE] * len(sentence.words)
        for expression in sentence.expressions:
            if kind := kind_of(expression):
                tag_run(tags, expression.words, kind)
        all_tags.append(tags)
    return TaggedText([sentence.words for sentence in sentences], all_tags)
