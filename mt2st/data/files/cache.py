"""What is made once and then read from the cache folder, also where several processes want it at the same time."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pandas as pd
from filelock import FileLock

from mt2st import paths
from mt2st.data.files.errors import UNREADABLE
from mt2st.data.files.writing import replacing, set_aside

Content = TypeVar("Content")


def load(name: str, make: Callable[[Path], object], read: Callable[[Path], Content]) -> Content:
    """Return what `read` gives of the file `name` of the cache folder; if it is not there, `make` writes it first.

    One process makes it while the others wait. `name` must change with whatever the file depends on. A file that cannot
    be read is set aside with a warning, and made again.
    """
    file = paths.cache() / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        if file.exists():
            try:
                return read(file)
            except (*UNREADABLE, ValueError, KeyError) as error:
                aside = set_aside(file)
                warnings.warn(f"{file} is damaged ({error}): it is kept as {aside.name}, and made again", stacklevel=2)
        for left in file.parent.glob(f".{file.stem}-*{file.suffix}"):  # by a process that was killed
            left.unlink()
        with replacing(file) as part:
            make(part)
        return read(file)


def frame(name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the frame that `make` gives; made once, then read from the file `name`.parquet of the cache folder."""
    return load(
        f"{name}.parquet",
        lambda part: make().to_parquet(part, index=False, write_page_checksum=True),
        lambda file: pd.read_parquet(file, page_checksum_verification=True),
    )
