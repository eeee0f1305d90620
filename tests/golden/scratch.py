"""A place where the golden notebooks are executed: smoke runs freshly trained, and committed records."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


ROOT = Path(__file__).resolve().parents[2]
RECORD = "imdb"  # profile whose committed record the notebooks 06 to 08 read
STUDY = "relations"  # and that of 09 and 10


@contextmanager
def scratch_project(folder: Path, seeds: int = 2) -> Iterator[None]:
    """Point results, figures and record into `folder` for the time being, and make the smoke record there."""
    settings = {
        "MT2ST_OUTPUT": str(folder),
        "JUPYTER_PLATFORM_DIRS": "1",
        "OMP_NUM_THREADS": "1",
    }
    for file in (f"recorded/{RECORD}.parquet", f"recorded/pairs-{STUDY}.parquet", f"tuned/{RECORD}.csv"):
        (folder / "data" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "data" / file, folder / "data" / file)
    before = os.environ.copy()
    os.environ |= settings
    os.environ.pop("MT2ST_DATA_MIRROR", None)
    try:
        from mt2st.experiments import batch, execution, plans as experiments, profiles

        profile = profiles.find_profile("smoke")
        for strategy in profiles.STRATEGIES:
            for embedding in profile.embeddings:
                execution.complete(experiments.plan(profile, strategy, embedding, seeds), profile.name, "cpu")
        batch.record(profile, seeds)
        yield
    finally:
        os.environ.clear()
        os.environ |= before
