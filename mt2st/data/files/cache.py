"""What is made once and then read from the cache folder, also where several processes want it at the same time."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from filelock import FileLock

from mt2st import paths


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return the file `name` of the cache folder; if it is not there, `make` writes it first.

    One process makes it while the others wait. It is written under another name, so that nobody reads half a file and
    nothing is left in its place where `make` fails. `name` must change with whatever the file depends on.
    """
    file = paths.cache() / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        if not file.exists():
            part = file.with_suffix(".part")
            make(part)
            part.replace(file)
    return file


def frame(name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the frame that `make` gives; made once, then read from the file `name`.parquet of the cache folder."""
    return pd.read_parquet(made_once(f"{name}.parquet", lambda part: make().to_parquet(part, index=False)))
