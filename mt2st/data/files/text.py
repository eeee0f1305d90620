"""Text files in UTF-8, plain or compressed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import smart_open

from mt2st.data.files.errors import UNREADABLE


@contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    """Open a plain, .gz, .xz or .bz2 file for reading.

    Raises ValueError naming the file where it is damaged or not UTF-8, also where this shows only while it is read.
    """
    try:
        with smart_open.open(file, encoding="utf-8") as stream:
            yield stream
    except UNREADABLE as error:
        raise ValueError(f"{file} cannot be read ({error}); fetch it again") from error


def read_text(file: Path) -> str:
    """Return all text of a file; raises ValueError as `opened` does."""
    with opened(file) as stream:
        return stream.read()
