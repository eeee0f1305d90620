"""Where records are kept: a folder a run on this machine, and one compact file a profile.

A folder is named by the run's hash and holds `run.json`, `epochs.parquet`, `tasks.parquet`, `scores.json`,
`environment.json` and then `done`, which is written last and has the checksums of the others: a folder without it is an
attempt that was cut off, and is made anew; so is one whose files are not as they were written.
"""

import hashlib
import json
import shutil
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import pandas as pd
from filelock import FileLock

from mt2st import paths
from mt2st.data.files.writing import flush, replacing, set_aside, write_text
from mt2st.experiments.runs import Record, Run

FILES = ("epochs.parquet", "tasks.parquet", "run.json", "scores.json", "environment.json")


def folder(run: Run, profile: str) -> Path:
    """Folder of a run under the results of a profile."""
    return paths.results(profile) / "runs" / run.hash


def is_done(run: Run, profile: str) -> bool:
    """Whether a run has been made to its end and can be read."""
    return not damage(run, profile)


def damage(run: Run, profile: str) -> str:
    """Say what keeps the record of a run from being read, or nothing."""
    at = folder(run, profile)
    try:
        written = json.loads((at / "done").read_text(encoding="utf-8"))
        altered = [name for name, digest in written.items() if _digest(at / name) != digest]
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is not there"
    except (OSError, ValueError, AttributeError):
        return "done cannot be read"
    if len(written) < len(FILES):
        return "done is not complete"
    return f"{', '.join(altered)} altered" if altered else ""


def lock(run: Run, profile: str) -> FileLock:
    """Lock that one process holds while it makes the run; the system frees it if the process dies."""
    file = Path(f"{folder(run, profile)}.lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(file)


def save(record: Record, profile: str) -> None:
    """Write a record to its folder, `done` last, when all else is on the disk.

    What stands there was cut off, and is deleted, or finished and damaged since: that is set aside with a warning.
    """
    to = folder(record.run, profile)
    if (to / "done").exists() and (found := damage(record.run, profile)):
        aside = set_aside(to)
        warnings.warn(f"{to} is damaged ({found}): it is kept as {aside.name}, and was made again", stacklevel=2)
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    record.epochs.to_parquet(to / "epochs.parquet")
    record.tasks.to_parquet(to / "tasks.parquet")
    parts = {"run": record.run.to_dict(), "scores": record.scores, "environment": record.environment}
    for name, values in parts.items():
        (to / f"{name}.json").write_text(json.dumps(values, indent=1), encoding="utf-8")
    for name in FILES:
        flush(to / name)
    write_text(to / "done", json.dumps({name: _digest(to / name) for name in FILES}, indent=1))


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
    with replacing(file) as part:
        pd.DataFrame(rows).to_parquet(part, compression="zstd")


def unpack(file: Path) -> list[Record]:
    """Read records that `pack` wrote.

    Raises FileNotFoundError that says how to make them, ValueError where the file is damaged.
    """
    if not file.exists():
        raise FileNotFoundError(f"{file} is not there: make it with `mt2st reproduce --profile {file.stem}`")
    try:
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
    except (OSError, ValueError, KeyError, TypeError) as error:  # Arrow's errors are of the first three
        raise ValueError(
            f"{file} cannot be read ({error}): get it back with `git checkout -- {file}`, or delete it and make it "
            f"with `mt2st reproduce --profile {file.stem}`"
        ) from error


@lru_cache(maxsize=2)
def recorded(file: Path) -> Mapping[str, Record]:
    """Return the records of a compact file by the hash of their run; nothing where there is none.

    A record is left out if its run would have another hash today, since it would have another result too.
    """
    if not file.exists():
        return {}
    hashes = pd.read_parquet(file, columns=["hash"])["hash"]
    pairs = zip(hashes, unpack(file), strict=True)
    return {written: record for written, record in pairs if record.run.hash == written}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
