"""NLTK's own data packages: where their archives are, and how to get them with NLTK's downloader."""

import zipfile
from pathlib import Path

import nltk

from mt2st import paths
from mt2st.data.download import first_intact


def use_nltk_data() -> None:
    """Let NLTK look into the mirror and the download folder first."""
    mirror = paths.mirror()
    for folder in [paths.downloads() / "nltk_data", *([mirror / "nltk_data"] if mirror else [])]:
        if str(folder) not in nltk.data.path:
            nltk.data.path.insert(0, str(folder))


def locate(name: str) -> Path:
    """Return the zip archive of a corpus: in the mirror, the downloads or another folder of `nltk.data.path`.

    Raises MissingData with the command that gets it; DamagedData if all there is was cut off.
    """
    use_nltk_data()
    files = [Path(folder, "corpora", f"{name}.zip") for folder in nltk.data.path]
    needs = f"needs NLTK's {name}: run `mt2st data fetch {name}`"
    return first_intact(filter(Path.exists, files), zipfile.is_zipfile, needs, name)


def fetch(name: str) -> Path:
    """Download a corpus with NLTK's own downloader, which checks its checksum; raises ConnectionError."""
    folder = paths.downloads() / "nltk_data"
    if not nltk.download(name, download_dir=str(folder), quiet=True):
        raise ConnectionError(
            f"NLTK's {name} could not be downloaded; check the network and try again, or put {name}.zip into "
            f"{folder / 'corpora'}"
        )
    return locate(name)
