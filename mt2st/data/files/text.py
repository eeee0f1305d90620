"""Text files: UTF-8 or UTF-16, plain or compressed, and no larger than memory holds."""

import codecs
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

import pandas as pd
import smart_open

from mt2st.data.files.errors import UNREADABLE, reason

# Characters that a compressed file, or what is read of an archive, may unpack to: a few megabytes can unpack to more
# than memory holds. The largest read whole that is known to be sound, IMDB as CSV, has 66 million.
LARGEST = 1 << 29
LONGEST = 1 << 20  # characters of a line of a file that is read line by line
BLOCK = 1 << 20
COMPRESSED = (".gz", ".xz", ".bz2")


@contextmanager
def opened_bytes(file: Path) -> Iterator[BinaryIO]:
    """Open a plain, .gz, .xz or .bz2 file for reading what it unpacks to.

    Raises ValueError naming the file where it cannot be read, also where this shows only while it is read.
    """
    try:
        with smart_open.open(file, "rb") as stream:
            yield stream
    except UNREADABLE as error:
        raise ValueError(f"{file} cannot be read ({reason(error)})") from error


@contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    """Open a plain, .gz, .xz or .bz2 file for reading: UTF-8 with or without byte-order mark, or UTF-16 with it.

    Raises ValueError as `opened_bytes`, and naming file and line where it is not UTF-8.
    """
    with opened_bytes(file) as stream:
        encoding = "utf-16" if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
        stream.seek(0)
        try:
            with TextIOWrapper(stream, encoding) as text:
                yield text
        except UnicodeError as error:
            raise ValueError(_not_decoded(file, error)) from error


def read_text(file: Path) -> str:
    """Return all text of a file, its lines ended by "\\n"; raises ValueError as `opened` does.

    Raises ValueError also for a binary file, and for one that unpacks to more than `LARGEST` characters.
    """
    bound = max(LARGEST, file.stat().st_size if file.exists() else 0)  # a plain file is never refused
    blocks, size = [], 0
    with opened(file) as stream:
        while block := stream.read(BLOCK):
            blocks.append(block)
            size += len(block)
            if size > bound:
                raise ValueError(f"{file} unpacks to more than {bound:,} characters: damaged? else unpack it yourself")
    text = "".join(blocks)
    if (at := text.find("\0")) >= 0:
        raise ValueError(_binary(file, text.count("\n", 0, at) + 1))
    return text


def read_lines(file: Path) -> Iterator[str]:
    """Yield the lines of a file without their ends; raises ValueError as `opened` does.

    Raises ValueError also for a binary file, and for a line of more than `LONGEST` characters.
    """
    with opened(file) as stream:
        number = 0
        while line := stream.readline(LONGEST + 1):
            number += 1
            line = line.removesuffix("\n")
            if "\0" in line:
                raise ValueError(_binary(file, number))
            if len(line) > LONGEST:
                raise ValueError(f"{file}:{number}: a line of more than {LONGEST:,} characters: another format?")
            yield line


def read_table(file: Path, columns: Sequence[str], separator: str = ",") -> pd.DataFrame:
    """Return some columns of a table whose first line names them, as strings.

    Raises ValueError as `read_text`, and naming the file where its lines do not fit, a column is missing or a cell of
    those columns is empty.
    """
    try:
        frame = pd.read_csv(StringIO(read_text(file)), sep=separator, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{file} is not a table with the columns {', '.join(columns)} ({reason(error)})") from error
    if missing := [column for column in columns if column not in frame]:
        raise ValueError(f"{file} has no column {missing[0]!r}: another file? get it anew")
    empty = (frame[list(columns)] == "").any(axis=1) | frame[list(columns)].isna().any(axis=1)
    if empty.any():
        raise ValueError(f"{file}: row {int(empty.argmax()) + 1} has an empty cell: cut off or altered? get it anew")
    return frame[list(columns)]


def _binary(file: Path, number: int) -> str:
    return f"{file}:{number}: a byte of zero: not a text file, or UTF-16 without byte-order mark; give UTF-8"


def _not_decoded(file: Path, error: UnicodeError) -> str:
    """Say which line of a file is not UTF-8, and how to mend it."""
    if isinstance(error, UnicodeDecodeError) and error.encoding.startswith("utf-16"):
        return f"{file}: not the UTF-16 that its byte-order mark promises ({error.reason}); give UTF-8"
    decoder, number = codecs.getincrementaldecoder("utf-8")(), 1
    try:
        with opened_bytes(file) as stream:
            while block := stream.read(1 << 13):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as found:
                    number += found.object.count(b"\n", 0, found.start)
                    if b"\0" in found.object:
                        return _binary(file, number)
                    byte = f"byte {found.object[found.start]:#04x}"
                    return f"{file}:{number}: not UTF-8 ({byte}); {_mend(file)}; if it was downloaded, get it anew"
                number += block.count(b"\n")
    except ValueError:  # damaged further on
        pass
    return f"{file}:{number}: not UTF-8 ({reason(error)})"


def _mend(file: Path) -> str:
    name = file.name
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    unpack = "" if name == file.name else "unpack it and "
    return f"{unpack}convert it: iconv -f LATIN1 -t UTF-8 {name} > utf8-{name}"
