"""The one way in which files come into being: written beside, flushed to disk, then put in place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Give a path to write to; what was written there takes the place of `file` when the block ends.

    Nobody reads half a file, and a block that fails leaves `file` as it was. The path is the writer's own, in the same
    folder and with the suffix of `file`, so that two writers of one file do not meet; the last one's stays.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.stem}-{uuid4().hex}{file.suffix}")
    try:
        yield part
        flush(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def write_text(file: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with replacing(file) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def flush(file: Path) -> None:
    """Wait until what was written is on the disk, so that it outlives a loss of power."""
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def set_aside(file: Path) -> Path:
    """Give a damaged file or folder another name, `NAME.damaged`, `NAME.damaged-2`, …, and return it."""
    number, aside = 1, file.with_name(f"{file.name}.damaged")
    while aside.exists():
        number += 1
        aside = file.with_name(f"{file.name}.damaged-{number}")
    return file.rename(aside)
