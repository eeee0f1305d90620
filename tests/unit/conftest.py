"""Fixtures for all unit tests: folders of their own, the parsed text once a session, and small data."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock
from hypothesis import settings

from mt2st import paths
from mt2st.data.dataset import Background, Dataset, Examples, Sizes
from mt2st.data.texts import wiki
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import profiles, strategies
from mt2st.experiments.profiles import Profile
from mt2st.experiments.strategies import UPDATES

mpl.use("Agg")
settings.register_profile("tests", max_examples=50, deadline=None, derandomize=True)
settings.load_profile("tests")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for the session and all its workers, begun with the checkout's parsed text where there is one."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker has a folder in the session's
    folder = base / "shared-cache"
    folder.mkdir(exist_ok=True)
    name = f"wiki-sentences-{wiki.PARSER_VERSION}.parquet"
    with FileLock(folder / "copy.lock"):
        if not (folder / name).exists() and (ROOT / "data" / "cache" / name).exists():
            part = folder / f"{name}.copy"
            shutil.copy(ROOT / "data" / "cache" / name, part)
            part.replace(folder / name)
    torch.set_num_threads(1)  # models are tiny, and other workers want the other processors
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MT2ST_CACHE", str(folder))
        for name in ("MT2ST_HOME", "MT2ST_DATA_MIRROR"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(autouse=True)
def own_folders(
    shared_cache: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Give each test its own results, figures and records, no mirror, and close what it draws."""
    folder = tmp_path_factory.mktemp("outputs")
    monkeypatch.setenv("MT2ST_OUTPUT", str(folder))
    monkeypatch.setenv("MT2ST_CACHE", str(shared_cache))
    monkeypatch.setenv("GENSIM_DATA_DIR", str(folder / "gensim-data"))
    yield
    plt.close("all")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up a project folder without GloVe vectors and without README, with the paper's tables and the notebooks."""
    folder = tmp_path / "home"
    shutil.copytree(ROOT / "data" / "paper", folder / "data" / "paper")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv("MT2ST_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def small_topic(shared_cache: Path) -> Dataset:
    """Return the topic task on a few real sentences."""
    return wiki.load(0, Sizes(40, 20, 20))


@pytest.fixture(scope="session")
def made_up_reviews() -> pd.DataFrame:
    """Return 120 reviews, of which one word tells whether they are positive: columns review and sentiment."""
    rng = np.random.default_rng(0)
    words = {"positive": ["good", "great"], "negative": ["bad", "awful"]}
    rows = [
        {"review": f"The {rng.choice(['film', 'plot', 'cast'])} was {rng.choice(words[label])} !", "sentiment": label}
        for label in ("positive", "negative") * 60
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def toy_dataset() -> Dataset:
    """Return two classes that one word tells apart, and background text with both kinds of mark-up."""
    first = [["good", "film"], ["bad", "film"], ["good", "day"], ["bad", "day"]]
    second = [["good", "plot"], ["bad", "plot"], ["bad", "end"]]
    train = Examples(first, np.array([1, 0, 1, 0]))
    validation = Examples(second[:2], np.array([1, 0]))
    test = Examples(second, np.array([1, 0, 0]))
    tokens = [["The", "Paris", "film", "<b>", "."], ["A", "NATO", "day", "macOS", "!"]]
    tags = {
        "hyperlink": [["O", "B-link", "I-link", "O", "O"], ["O", "B-link", "O", "O", "O"]],
        "emphasis": [["O", "O", "B-emphasis", "O", "O"], ["O"] * 5],
    }
    return Dataset("toy", ("negative", "positive"), train, validation, test, Background(tokens, tags))


@pytest.fixture
def toy_table() -> EmbeddingTable:
    """Return vectors of length 2 for some words of `toy_dataset`."""
    return EmbeddingTable.of(["film", "good", "bad", "day"], np.arange(8, dtype=np.float32).reshape(4, 2), "toy")


@pytest.fixture
def profile() -> Profile:
    """Return the small profile."""
    return profiles.PROFILES["smoke"]


@pytest.fixture
def tuned() -> pd.DataFrame:
    """Write the table of trials of profile imdb: another learning rate for each arm, another γ for each loss."""
    settings = {"kind": "settings", "gamma": 1.0, "dropout": 0.5, "weight_decay": 0.01, "chosen": True}
    rows = [
        settings | {"strategy": strategy, "setting": setting, "learning_rate": (k + 1) / 1000}
        for k, (strategy, setting) in enumerate(strategies.arms())
    ]
    rows += [row | {"learning_rate": 9.0, "chosen": False} for row in rows]
    rows += [
        settings | {"kind": "constant weight", "strategy": "mtl", "setting": setting, "gamma": (k + 1) / 10}
        for k, setting in enumerate(UPDATES)
    ]
    table = pd.DataFrame(rows)
    paths.tuned("imdb").parent.mkdir(parents=True)
    table.to_csv(paths.tuned("imdb"), index=False)
    return table


@pytest.fixture
def paper_folder() -> Path:
    """Return the folder of the paper's tables."""
    return paths.data() / "paper"
