"""NLTK's own data packages: where their archives are, and how to get them with NLTK's downloader."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nltk
from nltk.data import ZipFilePathPointer

from mt2st import paths
from mt2st.data.files import archives
from mt2st.data.files.download import first_intact, put_aside
from mt2st.data.files.errors import UNREADABLE, DamagedData


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
    """Download a package with NLTK's own downloader, which checks its checksum; raises ConnectionError.

    What is there and damaged is set aside.
    """
    folder = paths.downloads() / "nltk_data"
    file = folder / kind / f"{name}.zip"
    if file.exists():
        try:
            archives.check(file)
        except ValueError as error:
            put_aside(file, str(error))
    try:
        is_done, reason = nltk.download(name, download_dir=str(folder), quiet=True), ""
    except Exception as error:  # what NLTK raises where a list of packages or a package is none
        is_done, reason = False, f" ({error})"
    if not is_done:
        raise ConnectionError(
            f"NLTK's {name} could not be downloaded{reason}; check the network and try again, or put {name}.zip into "
            f"{folder / kind}"
        )
    return locate(name, kind)


@contextmanager
def opened(archive: Path, name: str, folder: str) -> Iterator[ZipFilePathPointer]:
    """Give a folder inside the archive of a package, as NLTK's readers take it.

    Raises DamagedData naming the archive and the command `mt2st data fetch NAME` where it is damaged or does not have
    what is read from it.
    """
    use_nltk_data()  # NLTK's readers open files in the folders of `nltk.data.path` alone
    try:
        archives.check(archive)
        yield ZipFilePathPointer(str(archive), folder)
    except PermissionError:
        raise
    except (*UNREADABLE, ValueError, LookupError, AssertionError, RecursionError) as error:
        mend = f"delete it and run `mt2st data fetch {name}`"
        raise DamagedData(f"{archive} cannot be read ({error}): {mend}") from error
