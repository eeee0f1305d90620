"""Texts inside zip and tar archives."""

import re
import tarfile
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

from mt2st.data.files import text
from mt2st.data.files.errors import UNREADABLE, reason

Content = TypeVar("Content")


def matching(archive: Path, pattern: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield each file of a .zip or .tar archive, the latter plain or packed, in whose path `pattern` is found.

    Yields the match and the file's text, which is UTF-8. Raises ValueError naming an archive that is damaged, or whose
    files unpack to more than `text.LARGEST` bytes together.
    """
    left = text.LARGEST

    def read(stream: IO[bytes]) -> str:
        nonlocal left
        blocks = []
        while block := stream.read(text.BLOCK):
            blocks.append(block)
            left -= len(block)
            if left < 0:
                raise ValueError(f"with it the archive unpacks to more than {text.LARGEST:,} bytes")
        return b"".join(blocks).decode("utf-8")

    return _contents(archive, pattern, read)


def texts(archive: Path, pattern: str, expected: int) -> dict[str, str]:
    """Return the texts of `matching` by path, sorted; raises ValueError if they are not as many as expected."""
    found = {match.string: content for match, content in matching(archive, pattern)}
    if len(found) != expected:
        raise ValueError(f"{archive}: {len(found)} files, {expected} expected; delete it and fetch it again")
    return dict(sorted(found.items()))


def check(archive: Path) -> None:
    """Read an archive to its end; raises ValueError naming it and the file that does not have its checksum."""
    deque(_contents(archive, "", _drain), maxlen=0)


def _drain(stream: IO[bytes]) -> None:
    while stream.read(text.BLOCK):
        pass


def _contents(
    archive: Path, pattern: str, read: Callable[[IO[bytes]], Content]
) -> Iterator[tuple[re.Match[str], Content]]:
    """Yield the matches of paths, and what `read` gives of each file; raises ValueError naming what is damaged."""
    name = "it"
    try:
        for name, opened in _members(archive):
            if (match := re.search(pattern, name)) and (stream := opened()):
                with stream:
                    content = read(stream)
                yield match, content
    except FileNotFoundError:
        raise
    # The two last: a packing or encryption that is not known, and a file or link that is listed but not there.
    except (*UNREADABLE, ValueError, RuntimeError, LookupError) as error:
        raise ValueError(f"{archive}: {name} cannot be read ({reason(error)})") from error


def _members(archive: Path) -> Iterator[tuple[str, Callable[[], IO[bytes] | None]]]:
    """Yield the path of each file or folder, and what opens it (None for a folder)."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                yield name, partial(packed.open, name)
    else:
        with tarfile.open(archive) as tape:
            for member in tape:
                yield member.name, partial(tape.extractfile, member)
            if tape.fileobj:  # the checksum of a packed one stands at its very end
                while tape.fileobj.read(text.BLOCK):
                    pass
