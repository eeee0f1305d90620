"""One file from the network: with a progress bar, resumed where it was cut off, and checked."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import requests
from filelock import FileLock
from tqdm.auto import tqdm

from mt2st.data.files import checksums
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.files.writing import set_aside

Check = Callable[[Path], object]  # raises ValueError for a file that is damaged or another

BLOCK = 1 << 16  # bytes
CONNECT, READ = 10.0, 60.0  # seconds without an answer


def fetch(url: str, file: Path, known: str | Check, otherwise: str = "check the network") -> Path:
    """Return `file`, checked, downloaded from `url` unless it is there already.

    Bytes arrive in `file.part`, which an interruption leaves behind for the next call to go on with (HTTP Range; from
    the start where the server does not support it), and which becomes `file` once it has been checked.

    Args:
        url: address, http or https.
        file: where to put it; what is there and damaged is set aside.
        known: algorithm and digits of the checksum, such as "md5:7c2a…" or "sha256:…"; where there is no lasting one, a
            function that reads a file and raises ValueError if it is not the right one.
        otherwise: what a user can do where the download fails, for the message.

    Raises ConnectionError if the file could not be downloaded, or if what was downloaded is not the right file: then
    the part is deleted.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    with FileLock(f"{file}.lock"):
        if file.exists():
            if not (fault := _fault(file, known)):
                return file
            put_aside(file, fault)
        if not (isinstance(known, str) and part.exists() and checksums.matches(part, known)):  # killed before renamed
            try:
                _download(url, part)
            except requests.RequestException as error:
                kept = f"; the same command goes on after {part.stat().st_size:,} bytes" if part.exists() else ""
                raise ConnectionError(f"{file.name} could not be downloaded ({error}){kept}; {otherwise}") from error
        if fault := _fault(part, known):
            part.unlink()
            raise ConnectionError(
                f"{file.name} could not be downloaded: what {url} sent is not what it should be and was deleted "
                f"({fault}); try again; {otherwise}"
            )
        part.replace(file)
    return file


def _fault(file: Path, known: str | Check) -> str:
    """Say what is wrong with a file, naming it, or nothing."""
    if isinstance(known, str):
        return "" if checksums.matches(file, known) else f"{file} does not have the checksum {known}"
    try:
        known(file)
    except (ValueError, DamagedData) as error:
        return str(error)
    return ""


def put_aside(file: Path, fault: str) -> None:
    """Set a damaged download aside and say so on standard error; `fault` names the file."""
    print(f"{fault}\n{file.name} is kept as {set_aside(file)}", file=sys.stderr)


def first_intact(files: Iterable[Path], is_intact: Callable[[Path], bool], needs: str, name: str) -> Path:
    """Return the first of the files that is intact.

    Raises MissingData with the message `needs` if there is no file at all, and DamagedData, which names the file and
    the command `mt2st data fetch NAME`, if there are damaged ones only.
    """
    damaged: list[Path] = []
    for file in files:
        if is_intact(file):
            return file
        damaged.append(file)
    if damaged:
        raise DamagedData(f"{damaged[0]} is cut off or altered: run `mt2st data fetch {name}`, which gets it anew")
    raise MissingData(needs)


def _download(url: str, part: Path) -> None:
    """Append to `part` the bytes it lacks, or write it anew where the server sends everything."""
    with _request(url, part.stat().st_size if part.exists() else 0) as response:
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        start = part.stat().st_size if resumed else 0
        left = response.headers.get("Content-Length")
        with (
            part.open("ab" if resumed else "wb") as out,
            tqdm(
                desc=part.stem,
                total=None if left is None else start + int(left),
                initial=start,
                unit="B",
                unit_scale=True,
                disable=None,  # no bar where standard error is not a terminal
            ) as bar,
        ):
            for block in response.iter_content(BLOCK):
                out.write(block)
                bar.update(len(block))


def _request(url: str, start: int) -> requests.Response:
    """Ask for the bytes from `start` on, or for all of them if the server has no such bytes."""
    headers = {"Accept-Encoding": "identity"}  # the bytes of the file, which positions and checksum count
    if start:
        headers["Range"] = f"bytes={start}-"
    response = requests.get(url, headers=headers, stream=True, timeout=(CONNECT, READ))
    if start and response.status_code == requests.codes.requested_range_not_satisfiable:
        response.close()
        return _request(url, 0)
    return response
