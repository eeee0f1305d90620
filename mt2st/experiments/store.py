"""Folders that keep what was run, named by the hash of everything that determines the result.

A folder holds `run.json`, `history.parquet`, `scores.json`, `environment.json` and then `done`, which is written last:
a folder without it is an attempt that was cut off, and is made anew.
"""

import hashlib
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from mt2st import paths


class Parameters(ABC):
    """Everything that determines a result."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, which name the folder."""

    @property
    def hash(self) -> str:
        """Name of the folder: SHA-256 of all parameters, shortened."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]

    def folder(self, profile: str) -> Path:
        """Folder under the results of a profile."""
        return paths.results(profile) / "runs" / self.hash

    def is_done(self, profile: str) -> bool:
        """Whether it has been run to the end and can be read."""
        return (self.folder(profile) / "done").exists()


def lock(run: Parameters, profile: str) -> FileLock:
    """Lock that one process holds while it makes the run; the system frees it if the process dies."""
    folder = run.folder(profile)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(f"{folder}.lock")


def write(
    run: Parameters, profile: str, history: pd.DataFrame, scores: dict[str, Any], environment: dict[str, Any]
) -> None:
    """Write what a run left to its folder, `done` last."""
    folder = run.folder(profile)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(run.to_dict(), indent=1))
    history.to_parquet(folder / "history.parquet")
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "environment.json").write_text(json.dumps(environment, indent=1))
    (folder / "done").touch()


def read(run: Parameters, profile: str) -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Return history, scores and environment of a run that is done."""
    folder = run.folder(profile)
    return (
        pd.read_parquet(folder / "history.parquet"),
        json.loads((folder / "scores.json").read_text()),
        json.loads((folder / "environment.json").read_text()),
    )


Row = dict[str, str]  # a run in compact form: its hash, and JSON of its parameters and of what it left


def as_row(run: Parameters, history: pd.DataFrame, scores: dict[str, Any], environment: dict[str, Any]) -> Row:
    """Return a run and what it left as one row of a compact record."""
    return {
        "hash": run.hash,
        "run": json.dumps(run.to_dict()),
        "history": json.dumps(history.to_dict("list")),
        "scores": json.dumps(scores),
        "environment": json.dumps(environment),
    }


def pack(rows: Iterable[Row], file: Path) -> None:
    """Write a compact record: one parquet row a run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    pd.DataFrame(list(rows)).to_parquet(part, compression="zstd")
    part.replace(file)


def unpack(file: Path, command: str) -> Iterator[Row]:
    """Give the rows that `pack` wrote; raises FileNotFoundError that names the command that makes them."""
    if not file.exists():
        raise FileNotFoundError(f"{file} is not there: make it with `{command}`")
    yield from pd.read_parquet(file).to_dict("records")


def from_row(row: Row) -> tuple[dict[str, Any], pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Inverse of `as_row`: parameters, history, scores and environment."""
    history = pd.DataFrame(json.loads(row["history"]))
    return json.loads(row["run"]), history, json.loads(row["scores"]), json.loads(row["environment"])
