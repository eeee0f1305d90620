"""The committed records, and what is built from them once more in a folder of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest

from mt2st.experiments import profiles, store
from mt2st.report import figures
from mt2st.report.exhibits import Evidence

mpl.use("Agg")

ROOT = Path(__file__).resolve().parents[2]
PROFILES = (
    *("wiki", "imdb", "imdb-semi", "imdb-crossing", "pos-crossing", "names-crossing", "digits"),
    *("relations", "text-relations"),
)


@pytest.fixture(scope="session", autouse=True)
def committed_files() -> Iterator[None]:
    """Read the committed files alone: no mirror, and the table of trials of this checkout."""
    before = os.environ.copy()
    for name in ("MT2ST_HOME", "MT2ST_OUTPUT", "MT2ST_DATA_MIRROR"):
        os.environ.pop(name, None)
    figures.use_style()
    yield
    os.environ.clear()
    os.environ |= before


@pytest.fixture(scope="session", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in PROFILES])
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """Return each profile with its committed records."""
    return Evidence(
        profiles.PROFILES[request.param], store.unpack(ROOT / "data" / "recorded" / f"{request.param}.parquet")
    )
