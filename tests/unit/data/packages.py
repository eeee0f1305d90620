"""NLTK's packages made small, for tests of what is read from them."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile


def put_package(mirror: Path, name: str, members: Mapping[str, str], kind: str = "corpora") -> Path:
    """Write an archive where NLTK has its packages."""
    archive = mirror / "nltk_data" / kind / f"{name}.zip"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(archive, "w") as packed:
        for member, text in members.items():
            packed.writestr(f"{name}/{member}", text)
    return archive
