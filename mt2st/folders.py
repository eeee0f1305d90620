"""Folders that keep what was run, named by the hash of everything that determines the result.

A folder holds `run.json`, `history.parquet`, `scores.json`, `environment.json` and then `done`, which is written last:
a folder without it is an attempt that was cut off, and is made anew.
"""

import hashlib
import json
import shutil
from abc import ABC, abstractmethod
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
