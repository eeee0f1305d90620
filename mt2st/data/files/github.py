"""Files of public GitHub repositories at a pinned commit: found on this machine, or downloaded and checked."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mt2st import paths
from mt2st.data.files import download
from mt2st.data.files.download import Check
from mt2st.data.files.errors import MissingData
from mt2st.data.files.text import BLOCK, opened_bytes

HOST = "https://raw.githubusercontent.com"
SUFFIXES = ("", ".xz", ".gz")


@dataclass(frozen=True)
class GitHubFile:
    """One file of a repository "owner/name" at a commit, by its SHA-256 or by a check of what it holds."""

    repository: str
    commit: str
    path: str
    known: str | Check

    @property
    def name(self) -> str:
        """Name without folder, by which a file is found on this machine."""
        return Path(self.path).name

    @property
    def url(self) -> str:
        """Address of the bytes."""
        return f"{HOST}/{self.repository}/{self.commit}/{self.path}"

    def check(self, file: Path) -> None:
        """Raise ValueError unless a file, plain or compressed, is this one."""
        if not isinstance(self.known, str):
            self.known(file)
            return
        with opened_bytes(file) as stream:
            digest = hashlib.sha256()
            while block := stream.read(BLOCK):
                digest.update(block)
        if digest.hexdigest() != self.known:
            raise ValueError(f"{file} does not have the SHA-256 {self.known} of {self.repository} at {self.commit}")


def check(files: Iterable[GitHubFile], file: Path, otherwise: Check) -> None:
    """Raise ValueError unless a file is the one of `files` that has its name; if none has, `otherwise` checks it."""
    name = file.name.removesuffix(".xz").removesuffix(".gz")
    known = next((one.check for one in files if one.name == name), otherwise)
    known(file)


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
            f"sha256:{file.known}" if isinstance(file.known, str) else file.known,
            f"check the network and try again, or put {file.name} into {paths.downloads()}",
        )
        for file in files
    ]
