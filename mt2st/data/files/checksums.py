"""Checksums of files, computed once: a file with the same path, size and time of change is not read again."""

import hashlib
import json
import os
from pathlib import Path

from filelock import FileLock

from mt2st import paths


def digest(file: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file as hexadecimal digits, remembered in `checksums.json` of the cache folder.

    `algorithm` is one that hashlib knows. Raises FileNotFoundError if the file is not there.
    """
    status = file.stat()
    key = f"{algorithm} {status.st_size} {status.st_mtime_ns} {file.resolve()}"
    memory = paths.cache() / "checksums.json"
    with FileLock(f"{memory}.lock"):
        known = _read(memory)
    if key not in known:
        with file.open("rb") as stream:  # outside the lock: others need not wait for a large file
            found = hashlib.file_digest(stream, algorithm).hexdigest()
        with FileLock(f"{memory}.lock"):
            known = _read(memory) | {key: found}
            part = memory.with_suffix(f".{os.getpid()}.part")
            part.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
            part.replace(memory)
    return known[key]


def matches(file: Path, checksum: str) -> bool:
    """Whether a file has a checksum such as "md5:7c2a…"."""
    algorithm, _, expected = checksum.partition(":")
    return digest(file, algorithm) == expected.lower()


def _read(memory: Path) -> dict[str, str]:
    known: dict[str, str] = json.loads(memory.read_text(encoding="utf-8")) if memory.exists() else {}
    return known
