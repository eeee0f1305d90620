"""Files of public GitHub repositories at a pinned commit: found on this machine, or downloaded and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mt2st import paths
from mt2st.data.files import download
from mt2st.data.files.errors import MissingData

HOST = "https://raw.githubusercontent.com"
SUFFIXES = ("", ".xz", ".gz")


@dataclass(frozen=True)
class GitHubFile:
    """One file of a repository "owner/name" at a commit; `sha256` is None where it is checked by what it holds."""

    repository: str
    commit: str
    path: str
    sha256: str | None

    @property
    def name(self) -> str:
        """Name without folder, by which a file is found on this machine."""
        return Path(self.path).name

    @property
    def url(self) -> str:
        """Address of the bytes."""
        return f"{HOST}/{self.repository}/{self.commit}/{self.path}"


def find(*names: str) -> Path | None:
    """Return the first file that has one of `names`, plain, .xz or .gz: in the mirror, else among the downloads.

    The order of `names` counts more than that of the folders.
    """
    for name in names:
        for folder in filter(None, (paths.mirror(), paths.downloads())):
            for suffix in SUFFIXES:
                if found := sorted(folder.rglob(name + suffix)):
                    return found[0]
    return None


def locate(name: str, *file_names: str) -> Path:
    """Return the first of the files that is here, see `find`; raises MissingData that says how to get `name`."""
    if found := find(*file_names):
        return found
    raise MissingData(
        f"needs {name}: run `mt2st data fetch {name}`, or put {file_names[0]} (or .xz or .gz) into "
        f"{paths.downloads()} or a folder named by MT2ST_DATA_MIRROR"
    )


def fetch(name: str, files: Sequence[GitHubFile]) -> list[Path]:
    """Download files into the folder `name` of the downloads; files that are there already are only checked.

    Raises ConnectionError that names the address and says what else can be done.
    """
    folder = paths.downloads() / name
    return [
        download.fetch(
            file.url,
            folder / file.name,
            file.sha256 and f"sha256:{file.sha256}",
            f"check the network and try again, or put {file.name} into {paths.downloads()}",
        )
        for file in files
    ]
