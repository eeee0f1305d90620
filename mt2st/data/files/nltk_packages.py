"""NLTK's own data packages: where their archives are, and how to get them with NLTK's downloader."""

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import nltk

from mt2st import paths
from mt2st.data.files.download import first_intact
from mt2st.data.files.errors import DamagedData


def use_nltk_data() -> None:
    """Let NLTK look into the mirror and the download folder first."""
    mirror = paths.mirror()
    for folder in [paths.downloads() / "nltk_data", *([mirror / "nltk_data"] if mirror else [])]:
        if str(folder) not in nltk.data.path:
            nltk.data.path.insert(0, str(folder))


def locate(name: str, kind: str = "corpora", command: str = "") -> Path:
    """Return the zip archive of a package: in the mirror, the downloads or another folder of `nltk.data.path`.

    `kind` is NLTK's folder of such packages; `command` the data set that it is fetched with, if not by its own name.

    Raises MissingData with the command that gets it; DamagedData if all there is was cut off.
    """
    use_nltk_data()
    files = [Path(folder, kind, f"{name}.zip") for folder in nltk.data.path]
    command = command or name
    needs = f"needs NLTK's {name}: run `mt2st data fetch {command}`"
    return first_intact(filter(Path.exists, files), zipfile.is_zipfile, needs, command)


def fetch(name: str, kind: str = "corpora") -> Path:
    """Download a package with NLTK's own downloader, which checks its checksum; raises ConnectionError."""
    folder = paths.downloads() / "nltk_data"
    if not nltk.download(name, download_dir=str(folder), quiet=True):
        raise ConnectionError(
            f"NLTK's {name} could not be downloaded; check the network and try again, or put {name}.zip into "
            f"{folder / kind}"
        )
    return locate(name, kind)


def read_members(archive: Path, members: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Read the text, in UTF-8, of files of an archive; raises DamagedData naming both where one cannot be read."""
    member = "the archive"
    try:
        with zipfile.ZipFile(archive) as packed:
            for member in members:
                yield member, packed.read(member).decode("utf-8")
    except (OSError, KeyError, UnicodeDecodeError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedData(f"{archive}: {member} cannot be read ({error}): delete it and fetch it again") from error


def members(archive: Path, pattern: str, expected: int) -> list[str]:
    """Return the names in an archive that match a pattern, sorted; raises DamagedData if they are not as many."""
    with zipfile.ZipFile(archive) as packed:
        found = sorted(name for name in packed.namelist() if re.fullmatch(pattern, name))
    if len(found) != expected:
        raise DamagedData(f"{archive}: {len(found)} files, {expected} expected: delete it and fetch it again")
    return found
