"""A place where the golden notebooks are executed: empty results, and the smoke runs freshly trained there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_project(folder: Path, seeds: int = 2) -> Iterator[None]:
    """Point results, figures and record into `folder` for the time being, and make the smoke record there."""
    settings = {
        "MT2ST_OUTPUT": str(folder),
        "JUPYTER_PLATFORM_DIRS": "1",
        "OMP_NUM_THREADS": "1",
    }
    before = os.environ.copy()
    os.environ |= settings
    os.environ.pop("MT2ST_DATA_MIRROR", None)
    try:
        from mt2st import batch, execution, experiments, profiles

        profile = profiles.find_profile("smoke")
        for strategy in profiles.STRATEGIES:
            for embedding in profile.embeddings:
                execution.complete(experiments.plan(profile, strategy, embedding, seeds), profile.name, "cpu")
        batch.record(profile, seeds)
        yield
    finally:
        os.environ.clear()
        os.environ |= before
