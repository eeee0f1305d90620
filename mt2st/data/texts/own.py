"""A user's own labelled texts: CSV, TSV or JSON lines -> `Dataset`. Errors say what is wrong and how to mend it."""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from nltk.tokenize.destructive import NLTKWordTokenizer

from mt2st.data.dataset import Background, Dataset, Examples, Sizes, pieces, stratified_split

VALIDATION, TEST = 0.1, 0.2  # shares of all examples
FEWEST = 10  # examples of a class, so that each part gets one


def read(file: Path, text: str, label: str) -> pd.DataFrame:
    """Return the columns "text" and "label" of a `.csv`, `.tsv` or `.jsonl` file, as strings.

    Raises FileNotFoundError, or ValueError that says what is wrong, where, and how to mend it: unknown suffix, bad
    encoding, broken line, no rows, missing column, empty cell, fewer than two classes, a class with too few examples.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file} is not there; give the path of a .csv, .tsv or .jsonl file")
    _check_encoding(file)
    match file.suffix.lower():
        case ".csv" | ".tsv":
            frame = _read_separated(file, "," if file.suffix.lower() == ".csv" else "\t")
        case ".jsonl":
            frame = _read_json_lines(file)
        case suffix:
            raise ValueError(f"{file}: unknown file type {suffix!r}; give a .csv, .tsv or .jsonl file")
    if not len(frame):
        raise ValueError(f"{file} has no rows; it needs a column of texts and a column of labels")
    for option, column in [("--text", text), ("--label", label)]:
        if column not in frame.columns:
            raise ValueError(
                f"{file} has no column {column!r} ({option}); it has: {', '.join(map(str, frame.columns))}"
            )
    frame = pd.DataFrame({"text": frame[text].map(str).str.strip(), "label": frame[label].map(str).str.strip()})
    for column, name in [("text", text), ("label", label)]:
        empty = np.flatnonzero(frame[column] == "")
        if len(empty):
            raise ValueError(f"{file}: row {empty[0] + 1} has an empty {name!r} ({len(empty)} in all); fill or drop it")
    _check_classes(file, label, Counter(frame["label"]))
    return frame


def load(file: Path, text: str, label: str, seed: int, max_tokens: int = 100) -> Dataset:
    """Split a user's texts into 70% training, 10% validation and 20% test, stratified by class; see `read`.

    Texts are tokenised by NLTK, lower-cased and cut after `max_tokens`; the background is all of the training texts, in
    pieces of at most `max_tokens`.
    """
    frame = read(file, text, label)
    classes = tuple(sorted(frame["label"].unique()))
    labels = frame["label"].map({name: i for i, name in enumerate(classes)}).to_numpy()
    tokenizer = NLTKWordTokenizer()
    tokens = [tokenizer.tokenize(one) for one in frame["text"]]
    test = math.ceil(TEST * len(frame))
    validation = math.ceil(VALIDATION / (1 - TEST) * (len(frame) - test))
    parts = stratified_split(labels, seed, Sizes(len(frame) - test - validation, validation, test))
    lower = [[word.lower() for word in one[:max_tokens]] for one in tokens]
    first, second, third = (Examples([lower[i] for i in rows], labels[rows]) for rows in parts)
    background = Background(pieces([tokens[i] for i in parts[0]], max_tokens))
    return Dataset("primary", classes, first, second, third, background, (file,))


def _check_encoding(file: Path) -> None:
    """Raise ValueError naming the first line that is not UTF-8."""
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{file}:{number}: not UTF-8 (byte {line[error.start]:#04x}); "
                    f"convert it: iconv -f LATIN1 -t UTF-8 {file.name} > utf8-{file.name}"
                ) from error


def _read_separated(file: Path, separator: str) -> pd.DataFrame:
    try:
        frame = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise ValueError(f"{file}: {reason}; put texts that contain the separator in double quotes") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes a column without a name for an index
        raise ValueError(
            f"{file}:2: more cells than the header has; put texts that contain the separator in double quotes"
        )
    return frame


def _read_json_lines(file: Path) -> pd.DataFrame:
    rows = []
    lines = file.read_text(encoding="utf-8-sig").split("\n")  # splitlines would also split inside strings
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{file}:{number}: not JSON ({error.msg}); write one object a line") from error
        if not isinstance(row, dict):
            raise ValueError(f'{file}:{number}: expected an object like {{"text": …}}, got {line[:40]!r}')
        rows.append(row)
    frame = pd.DataFrame(rows, dtype=object)
    return frame.where(frame.notna(), "")


def _check_classes(file: Path, label: str, counts: Counter[str]) -> None:
    if len(counts) < 2:
        raise ValueError(
            f"{file}: column {label!r} has one class only, {_short(next(iter(counts)))!r}; at least two are needed"
        )
    name, fewest = min(counts.items(), key=lambda item: item[1])
    name = _short(name)
    if fewest < FEWEST:
        raise ValueError(
            f"{file}: class {name!r} of column {label!r} has {fewest} example(s), at least {FEWEST} are needed "
            f"({len(counts)} classes in all); add examples, merge classes or choose another label column"
        )


def _short(name: str) -> str:
    """Cut a label that is no label, such as a whole text, for a message."""
    return name if len(name) <= 40 else f"{name[:39]}…"
