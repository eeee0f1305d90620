"""A user's own texts: CSV, TSV or JSON lines -> `Dataset`. Errors say what is wrong, where, and how to mend it."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from nltk.tokenize.destructive import NLTKWordTokenizer

from mt2st.data.dataset import (
    Background,
    Dataset,
    Examples,
    Related,
    Sizes,
    Tokens,
    lower_cased,
    pieces,
    stratified_split,
)
from mt2st.data.files.text import COMPRESSED, read_text

VALIDATION, TEST = 0.1, 0.2  # shares of all examples
FEWEST = 10  # examples of a class in a file that is split, so that each part gets one
PIECE = 100  # tokens at most of a piece of background text
SEPARATORS = {".csv": ",;\t", ".tsv": "\t"}  # the first by which the header has the columns asked for
TOKENIZER = NLTKWordTokenizer()


def tokenize(text: str) -> list[str]:
    """Return the tokens of a text, by NLTK's tokeniser for English, as they are written."""
    tokens: list[str] = TOKENIZER.tokenize(text)
    return tokens


def load(
    file: Path,
    text: str,
    label: str,
    *,
    validation: Path | None = None,
    test: Path | None = None,
    seed: int = 0,
    related: Mapping[str, Related] | None = None,
    unlabelled: Sequence[Tokens] = (),
) -> Dataset:
    """Return a user's labelled texts in three parts; see `read` for the files.

    Without files of their own 20% of the texts are the test part, and an eighth of the others the validation part,
    drawn by `seed` with the classes in their proportions. Tokens are NLTK's, lower-cased in the three parts; the
    background is all of the training texts in pieces, with the `related` texts of other tasks (`read_related`) and the
    `unlabelled` ones, which it has as whole texts too.

    Raises ValueError as `read`, for fewer than two classes, for a class with too few examples to be split, and for one
    that the training part does not have.
    """
    files = {part: one for part, one in (("train", file), ("validation", validation), ("test", test)) if one}
    frames = {part: read(one, text, label) for part, one in files.items()}
    counts = Counter(frames["train"]["label"])
    _check_classes(file, label, counts, 1 if validation and test else FEWEST)
    classes = tuple(sorted(counts))
    for part, one in files.items():
        _check_known(one, label, frames[part]["label"], classes)
    rows = pd.concat(frames, names=["part"]).reset_index("part")
    tokens = [tokenize(one) for one in rows["text"]]
    labels = rows["label"].map(classes.index).to_numpy()
    parts = _split(rows["part"].to_numpy(), labels, seed)
    first, second, third = (Examples(lower_cased([tokens[i] for i in part]), labels[part]) for part in parts)
    others = [text for one in (related or {}).values() for text in one.examples.texts]
    training = [tokens[i] for i in parts[0]]
    text_in_pieces = pieces([*training, *others, *unlabelled], PIECE)
    background = Background(text_in_pieces, related=related or {}, unlabelled=unlabelled)
    return Dataset("primary", classes, first, second, third, background, tuple(files.values()))


def _split(part: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of training, validation and test: the latter two are split off "train" unless they are in `part`."""
    train, validation, test = (np.flatnonzero(part == name) for name in ("train", "validation", "test"))
    tested = 0 if len(test) else math.ceil(TEST * len(train))
    validated = 0 if len(validation) else math.ceil(VALIDATION / (1 - TEST) * (len(train) - tested))
    sizes = Sizes(len(train) - tested - validated, validated, tested)
    first, second, third = (train[rows] for rows in stratified_split(labels[train], seed, sizes))
    return first, second if validated else validation, third if tested else test


def read(file: Path, text: str, label: str) -> pd.DataFrame:
    """Return the columns "text" and "label" of a file, as strings without blanks around them; see `read_columns`.

    Raises ValueError as `read_columns`, and for a row in which one of them is empty.
    """
    frame = read_columns(file, {"--text": text, "--label": label}).set_axis(["text", "label"], axis=1)
    for column, name in [("text", text), ("label", label)]:
        empty = np.flatnonzero(frame[column] == "")
        if len(empty):
            raise ValueError(f"{file}: row {empty[0] + 1} has an empty {name!r} ({len(empty)} in all); fill or drop it")
    return frame


def read_related(file: Path, text: str, label: str) -> Related:
    """Return the labelled texts of a file, see `read`, as those of another task; ValueError for a single class."""
    frame = read(file, text, label)
    counts = Counter(frame["label"])
    _check_classes(file, label, counts, 1)
    classes = tuple(sorted(counts))
    tokens = lower_cased([tokenize(one) for one in frame["text"]])
    return Related(Examples(tokens, frame["label"].map(classes.index).to_numpy()), classes)


def read_texts(file: Path, text: str) -> list[str]:
    """Return the texts of a file to classify: a column as of `read_columns`, or the lines of a `.txt` file."""
    if _suffix(file) == ".txt":
        if not file.is_file():
            raise FileNotFoundError(f"{file} is not there; give the path of a .txt, .csv, .tsv or .jsonl file")
        lines = read_text(file).removesuffix("\n")
        if not lines:
            raise ValueError(f"{file} is empty; it needs a text a line")
        return lines.split("\n")
    if not text:
        raise ValueError(f"{file}: which column has the texts? give --text")
    return read_columns(file, {"--text": text})[text].tolist()


def tokenized(file: Path, text: str) -> list[list[str]]:
    """Return the tokens of texts without labels, see `read_texts`; empty ones are left out."""
    found = [tokenize(one) for one in read_texts(file, text)]
    return [tokens for tokens in found if tokens]


def read_columns(file: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return some columns of a `.csv`, `.tsv` or `.jsonl` file, as strings without blanks around them.

    The file is UTF-8, or UTF-16 with a byte-order mark, and plain or packed (.gz, .xz, .bz2). A `.csv` file may have
    semicolons or tabs in place of commas.

    Args:
        file: where the texts are.
        columns: names of the columns, by the option that gives each, for messages.

    Raises FileNotFoundError, or ValueError that says what is wrong, where, and how to mend it: unknown suffix, bad
    encoding, broken line, no rows, a column that is not there or there twice.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file} is not there; give the path of a .csv, .tsv or .jsonl file")
    suffix = _suffix(file)
    if suffix in SEPARATORS:
        frame = _read_separated(file, SEPARATORS[suffix], columns)
    elif suffix == ".jsonl":
        frame = _read_json_lines(file, columns)
    else:
        raise ValueError(f"{file}: unknown file type {suffix!r}; give a .csv, .tsv or .jsonl file, plain or .gz")
    if not len(frame):
        raise ValueError(f"{file} has no rows; it needs {' and '.join(map(repr, columns.values()))} in every row")
    for column in frame:
        zeros = np.flatnonzero(frame[column].str.contains("\0", regex=False))
        if len(zeros):
            raise ValueError(f"{file}: row {zeros[0] + 1} has a character of zero in {column!r}; take it out")
    return frame


def _suffix(file: Path) -> str:
    """Return what kind of file it is, packed or not."""
    name = file.name.lower()
    for packed in COMPRESSED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def _read_separated(file: Path, separators: str, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read rows of cells; a cell in double quotes may hold separators, line ends and doubled quotes."""
    csv.field_size_limit(1 << 30)  # a text may be longer than the 131,072 characters that are the default
    content = read_text(file)
    separator = next((s for s in separators if {*columns.values()} <= {*_header(content, s)}), separators[0])
    header = _header(content, separator)
    if not header:
        return pd.DataFrame()
    for option, column in columns.items():
        if (times := header.count(column)) != 1:
            problem = "has no column" if not times else f"has {times} columns"
            known = ", ".join(map(_short, header))
            raise ValueError(f"{file} {problem} {column!r} ({option}); it has: {known}")
    at = [header.index(column) for column in columns.values()]
    reader, rows, number = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True), [], 1
    mend = "put texts that contain the separator or quotes in double quotes, and double the quotes in them"
    try:
        for cells in reader:
            if cells and len(cells) != len(header):
                raise ValueError(f"{file}:{number}: {len(cells)} cells, the header has {len(header)}; {mend}")
            if cells:
                rows.append([cells[i].strip() for i in at])
            number = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{file}:{number}: {error} (in the row that begins here); {mend}") from error
    return pd.DataFrame(rows[1:], columns=list(columns.values()), dtype=object)


def _header(content: str, separator: str) -> list[str]:
    """Return the cells of the first line that is not empty; none where it cannot be read."""
    try:
        cells = next(filter(None, csv.reader(io.StringIO(content, newline=""), delimiter=separator)), [])
    except csv.Error:
        cells = []
    return [cell.strip() for cell in cells]


def _read_json_lines(file: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read an object a line; what a row does not have is empty."""
    rows = []
    lines = read_text(file).split("\n")  # splitlines would also split inside strings
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", error)
            raise ValueError(f"{file}:{number}: not JSON ({reason}); write one object a line") from error
        if not isinstance(row, dict):
            raise ValueError(f'{file}:{number}: expected an object like {{"text": …}}, got {line[:40]!r}')
        for column in columns.values():
            if isinstance(row.get(column), dict | list):
                raise ValueError(f"{file}:{number}: {column!r} is a {type(row[column]).__name__}, expected a string")
        rows.append(row)
    known = dict.fromkeys(key for row in rows for key in row)
    for option, column in columns.items():
        if rows and column not in known:
            raise ValueError(f"{file} has no column {column!r} ({option}); it has: {', '.join(map(_short, known))}")
    values = [["" if row.get(c) is None else str(row[c]).strip() for c in columns.values()] for row in rows]
    return pd.DataFrame(values, columns=list(columns.values()), dtype=object)


def _check_classes(file: Path, label: str, counts: Counter[str], fewest: int) -> None:
    if len(counts) < 2:
        raise ValueError(
            f"{file}: column {label!r} has one class only, {_short(next(iter(counts)))!r}; at least two are needed"
        )
    name, seldom = min(counts.items(), key=lambda item: item[1])
    if seldom < fewest:
        raise ValueError(
            f"{file}: class {_short(name)!r} of column {label!r} has {seldom} example(s), at least {fewest} are needed "
            f"({len(counts)} classes in all); add examples, merge classes or choose another label column"
        )


def _check_known(file: Path, label: str, found: "pd.Series[str]", classes: tuple[str, ...]) -> None:
    unknown = np.flatnonzero(~found.isin(classes))
    if len(unknown):
        raise ValueError(
            f"{file}: row {unknown[0] + 1} has the class {_short(found.iloc[unknown[0]])!r} in {label!r}, which the "
            f"training texts do not have ({len(unknown)} in all); they have: {', '.join(map(_short, classes))}"
        )


def _short(name: str) -> str:
    """Cut a label that is no label, such as a whole text, for a message."""
    return name if len(name) <= 40 else f"{name[:39]}…"
