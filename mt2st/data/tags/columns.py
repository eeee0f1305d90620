"""Sentences with a tag for every token, and the column format of the CoNLL shared tasks they are written in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mt2st.data.files.text import read_text

OUTSIDE = "O"
DOCUMENT = "-DOCSTART-"


@dataclass(frozen=True)
class TaggedText:
    """Sentences as they are written, and one tag for each of their tokens."""

    sentences: Sequence[Sequence[str]]
    tags: Sequence[Sequence[str]]

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def tokens(self) -> int:
        """Number of all tokens."""
        return sum(map(len, self.sentences))


def read_columns(
    file: Path, token_column: int, tag_column: int, number_column: int | None = None, iob2: bool = False
) -> TaggedText:
    """Read the columns, separated by tabs, of a plain, .xz or .gz file, see `parse_columns`."""
    return parse_columns(read_text(file), str(file), token_column, tag_column, number_column, iob2)


def parse_columns(
    text: str,
    where: str,
    token_column: int,
    tag_column: int,
    number_column: int | None = None,
    iob2: bool = False,
    separator: str = "\t",
) -> TaggedText:
    """Read text with one token a line and a blank line after every sentence.

    Lines that begin with "# " and have no separator after it are comments. Columns count from 0.

    Args:
        text: what a file holds.
        where: its name, for messages.
        token_column: column of the token.
        tag_column: column of the tag. Lines may have further columns, and not all the same number.
        number_column: column of the token's number within its sentence, 1, 2, …, where there is one.
        iob2: tags are IOB2: B-X begins a span of type X, I-X continues one, O is outside.
        separator: what stands between columns, a tab or a blank.

    Raises ValueError naming file and line for a line with too few columns, an empty token or tag, a number out of turn
    (a blank line is missing), a tag that is not IOB2, and an end without a blank line (the file was cut off).
    """
    sentences: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for number, line in enumerate(ended_lines(text, where), start=1):
        if not line.strip():
            if sentences[-1]:
                sentences.append([])
                tags.append([])
            continue
        if line.startswith("# ") and separator not in line[2:]:
            continue
        cells = line.split(separator)
        if problem := _problem(cells, token_column, tag_column, number_column, tags[-1], iob2):
            raise ValueError(f"{where}:{number}: {problem}")
        sentences[-1].append(cells[token_column])
        tags[-1].append(cells[tag_column])
    return TaggedText(sentences[:-1], tags[:-1])  # the last ones are empty: the file ends with a blank line


def read_own(file: Path) -> TaggedText:
    """Read a user's own file: a token a line, its tag in the last column, a blank line between sentences.

    Columns are separated by tabs, or by one or more blanks where the first line has no tab, as in CoNLL-2003; every
    line has as many. Lines that begin with -DOCSTART- are left out, and so are lines that begin with "# " and have no
    tab where tabs separate.

    Raises ValueError as `read_text`, and naming file and line that does not have the columns of the first, for a file
    of another format saying which it seems to be.
    """
    sentences: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    columns, has_tabs = 0, False
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if not line.strip():
            if sentences[-1]:
                sentences.append([])
                tags.append([])
            continue
        if line.startswith(DOCUMENT) or (line.startswith("# ") and "\t" not in line and (has_tabs or not columns)):
            continue
        has_tabs = has_tabs if columns else "\t" in line
        cells = line.rstrip("\t ").split("\t") if has_tabs else [cell for cell in line.split(" ") if cell]
        if other := _other_format(file, line, cells, columns):
            raise ValueError(f"{file}:{number}: {other}; give a token and its tag a line, separated by a tab or blanks")
        columns = len(cells)
        sentences[-1].append(cells[0])
        tags[-1].append(cells[-1])
    if not sentences[-1]:
        del sentences[-1], tags[-1]
    return TaggedText(sentences, tags)


def _other_format(file: Path, line: str, cells: list[str], columns: int) -> str:
    """Say what a line seems to be if it does not have so many columns (0 for the first line), or nothing."""
    if not columns:
        if file.suffix in (".json", ".jsonl") or re.match(r"\s*[{\[]\s*[\"{\[]", line):
            return "this is JSON"
        if file.suffix == ".csv" or (len(cells) == 1 and re.search("[,;]", line)):
            return "this is CSV"
        if len(cells) == 10 and cells[0].isdecimal():
            return "this is CoNLL-U, whose first column is a number"
    if len(cells) < 2:
        return "one column"
    if columns and len(cells) != columns:
        return f"{len(cells)} columns, the lines before have {columns}"
    return "" if cells[0].strip() and cells[-1].strip() else "empty token or tag"


def ended_lines(text: str, where: str) -> list[str]:
    """Return the lines of text whose last sentence ends with a blank line; raises ValueError where it does not.

    Lines end with "\\n" alone: tokens may hold other separators that Unicode knows.
    """
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 2 or lines[-1].strip():
        raise ValueError(f"{where}:{len(lines)}: no blank line after the last sentence: cut off? fetch it again")
    return lines


def _problem(
    cells: list[str], token_column: int, tag_column: int, number_column: int | None, before: list[str], iob2: bool
) -> str:
    """Say what is wrong with a line after the tags `before` of its sentence, or nothing."""
    needed = max(token_column, tag_column) + 1
    if len(cells) < needed:
        return f"{len(cells)} column(s), at least {needed} expected"
    if not cells[token_column].strip() or not cells[tag_column].strip():
        return "empty token or tag"
    if number_column is not None and cells[number_column] != str(len(before) + 1):
        return (
            f"token {len(before) + 1} of the sentence is numbered {cells[number_column]!r}; "
            "is the blank line after a sentence missing?"
        )
    if iob2 and not follows(before[-1] if before else OUTSIDE, cells[tag_column]):
        return f"tag {cells[tag_column]!r} after {before[-1] if before else 'the beginning'!r} is not IOB2"
    return ""


def follows(previous: str, tag: str) -> bool:
    """Whether `tag` may stand after `previous` in IOB2: I-X only after B-X or I-X."""
    position, _, kind = tag.partition("-")
    match position:
        case "O":
            return tag == OUTSIDE
        case "B":
            return bool(kind)
        case "I":
            return bool(kind) and previous in (f"B-{kind}", f"I-{kind}")
    return False
