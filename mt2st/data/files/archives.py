"""Texts inside zip and tar archives."""

import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mt2st.data.files.errors import UNREADABLE


def matching(archive: Path, pattern: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield each file of a .zip or .tar archive, the latter plain or packed, in whose path `pattern` is found.

    Yields the match and the file's text, which is UTF-8. Raises ValueError naming an archive that is damaged.
    """
    name = "it"
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                for name in packed.namelist():
                    if match := re.search(pattern, name):
                        yield match, packed.read(name).decode("utf-8")
        else:
            with tarfile.open(archive) as tape:
                for member in tape:
                    name = member.name
                    if (match := re.search(pattern, name)) and (stream := tape.extractfile(member)):
                        yield match, stream.read().decode("utf-8")
    except UNREADABLE as error:
        raise ValueError(f"{archive}: {name} cannot be read ({error}); delete it and fetch it again") from error


def texts(archive: Path, pattern: str, expected: int) -> dict[str, str]:
    """Return the texts of `matching` by path, sorted; raises ValueError if they are not as many as expected."""
    found = {match.string: text for match, text in matching(archive, pattern)}
    if len(found) != expected:
        raise ValueError(f"{archive}: {len(found)} files, {expected} expected; delete it and fetch it again")
    return dict(sorted(found.items()))
