"""A place where the golden notebooks are executed, with smoke runs freshly trained."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SEEDS = 2
IGNORED = "nbval-ignore-output"
VARYING = "measured"  # tag of cells that show seconds, which no second training repeats
# OpenBLAS has other kernels, and so other roundings, for each generation of processors: word vectors would differ.
SAME_EVERYWHERE = {"OMP_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell"}


@contextmanager
def scratch_project(folder: Path) -> Iterator[None]:
    """Point results, figures and record into `folder` for the time being, and make the smoke record there."""
    before = os.environ.copy()
    os.environ |= {"MT2ST_OUTPUT": str(folder), "JUPYTER_PLATFORM_DIRS": "1"} | SAME_EVERYWHERE
    os.environ.pop("MT2ST_DATA_MIRROR", None)
    try:
        from mt2st.experiments import batch, execution, plans, profiles

        profile = profiles.find_profile("smoke")
        execution.complete(plans.grid(profile, SEEDS), profile.name, "cpu")
        batch.record(profile, SEEDS, profile.notebooks)
        yield
    finally:
        os.environ.clear()
        os.environ |= before
