"""Checksums of files, computed once: a file with the same path, size and time of change is not read again."""

import hashlib
import json
import warnings
from pathlib import Path

from filelock import FileLock

from mt2st import paths
from mt2st.data.files.writing import set_aside, write_text


def digest(file: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file as hexadecimal digits, remembered in `checksums.json` of the cache folder.

    `algorithm` is one that hashlib knows. Raises FileNotFoundError if the file is not there.
    """
    with FileLock(f"{_memory()}.lock"):
        known = _read()
    return known.get(_key(file, algorithm)) or _compute(file, algorithm)


def matches(file: Path, checksum: str) -> bool:
    """Whether a file has a checksum such as "md5:7c2a…"; before it says no it computes what it remembered anew."""
    algorithm, _, expected = checksum.partition(":")
    return digest(file, algorithm) == expected.lower() or _compute(file, algorithm) == expected.lower()


def _compute(file: Path, algorithm: str) -> str:
    """Compute a checksum and remember it."""
    key = _key(file, algorithm)
    with file.open("rb") as stream:  # outside the lock: others need not wait for a large file
        found = hashlib.file_digest(stream, algorithm).hexdigest()
    with FileLock(f"{_memory()}.lock"):
        write_text(_memory(), json.dumps(_read() | {key: found}, indent=1, sort_keys=True))
    return found


def _key(file: Path, algorithm: str) -> str:
    status = file.stat()
    return f"{algorithm} {status.st_size} {status.st_mtime_ns} {file.resolve()}"


def _memory() -> Path:
    return paths.cache() / "checksums.json"


def _read() -> dict[str, str]:
    """Return what is remembered; what cannot be read is set aside with a warning."""
    memory = _memory()
    if not memory.exists():
        return {}
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
        if isinstance(known, dict):
            return known
        reason = "not an object"
    except ValueError as error:  # not JSON, or not UTF-8
        reason = str(error)
    aside = set_aside(memory)
    warnings.warn(f"{memory} is damaged ({reason}): it is kept as {aside.name}, and begun anew", stacklevel=2)
    return {}
