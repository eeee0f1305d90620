"""Where records are kept: a folder a run on this machine, and one compact file a profile.

A folder is named by the run's hash and holds `run.json`, `epochs.parquet`, `tasks.parquet`, `scores.json`,
`environment.json` and then `done`, which is written last: a folder without it is an attempt that was cut off, and is
made anew.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from filelock import FileLock

from mt2st import paths
from mt2st.experiments.runs import Record, Run


def folder(run: Run, profile: str) -> Path:
    """Folder of a run under the results of a profile."""
    return paths.results(profile) / "runs" / run.hash


def is_done(run: Run, profile: str) -> bool:
    """Whether a run has been made to its end and can be read."""
    return (folder(run, profile) / "done").exists()


def lock(run: Run, profile: str) -> FileLock:
    """Lock that one process holds while it makes the run; the system frees it if the process dies."""
    file = Path(f"{folder(run, profile)}.lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(file)


def save(record: Record, profile: str) -> None:
    """Write a record to its folder, `done` last."""
    to = folder(record.run, profile)
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    (to / "run.json").write_text(json.dumps(record.run.to_dict(), indent=1))
    record.epochs.to_parquet(to / "epochs.parquet")
    record.tasks.to_parquet(to / "tasks.parquet")
    (to / "scores.json").write_text(json.dumps(record.scores))
    (to / "environment.json").write_text(json.dumps(record.environment, indent=1))
    (to / "done").touch()


def load(run: Run, profile: str) -> Record:
    """Read the record of a run that is done."""
    at = folder(run, profile)
    return Record(
        run,
        pd.read_parquet(at / "epochs.parquet"),
        pd.read_parquet(at / "tasks.parquet"),
        json.loads((at / "scores.json").read_text()),
        json.loads((at / "environment.json").read_text()),
    )


def pack(records: Iterable[Record], file: Path) -> None:
    """Write records in compact form: one parquet row a run."""
    rows = [
        {
            "hash": record.run.hash,
            "experiment": record.experiment,
            "run": json.dumps(record.run.to_dict()),
            "epochs": json.dumps(record.epochs.to_dict("list")),
            "tasks": json.dumps(record.tasks.to_dict("list")),
            "scores": json.dumps(record.scores),
            "environment": json.dumps(record.environment),
        }
        for record in records
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    pd.DataFrame(rows).to_parquet(part, compression="zstd")
    part.replace(file)


def unpack(file: Path) -> list[Record]:
    """Read records that `pack` wrote; raises FileNotFoundError that says how to make them."""
    if not file.exists():
        raise FileNotFoundError(f"{file} is not there: make it with `mt2st reproduce --profile {file.stem}`")
    return [
        Record(
            Run.from_dict(json.loads(row["run"])),
            pd.DataFrame(json.loads(row["epochs"])),
            pd.DataFrame(json.loads(row["tasks"])),
            json.loads(row["scores"]),
            json.loads(row["environment"]),
            row["experiment"],
        )
        for row in pd.read_parquet(file).to_dict("records")
    ]
