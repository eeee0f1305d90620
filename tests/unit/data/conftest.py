"""Fixtures for data sources: a mirror with reviews made up in the format of the real files."""

import shutil
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import nltk
import numpy as np
import pandas as pd
import pytest

from mt2st.data import sources
from mt2st.data.texts import imdb, imdb_full, nltk_sets


class Quiet(SimpleHTTPRequestHandler):
    """Serve files and say nothing."""

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder on this machine; yields it and its address."""
    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def unanswered() -> str:
    """Return an address at which nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


STOP_WORDS = ["the", "a", "was", "i", "it", "and"]
WORDS = ["good", "bad", "film", "plot", "actor", "scene"]


@pytest.fixture(scope="session")
def reviews() -> pd.DataFrame:
    """Return 50,000 different short reviews of both kinds, in the columns of the CSV and of its index."""
    rng = np.random.default_rng(0)
    kinds = rng.permutation(np.repeat(np.arange(4), 12_500))
    words = rng.choice(WORDS, (50_000, 3))
    return pd.DataFrame(
        {
            "review": [f"The {a}, {b}.<br /><br />I {c} No{i}" for i, (a, b, c) in enumerate(words)],
            "sentiment": np.array(["negative", "positive"])[kinds % 2],
            "split": np.array(["train", "test"])[kinds // 2],
            "label": np.array(["neg", "pos"])[kinds % 2],
            "id": np.arange(50_000),
            "rating": np.array([2, 9])[kinds % 2] + np.arange(50_000) % 2,
        }
    )


@pytest.fixture(scope="session")
def written(reviews: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write stop words, the CSV of reviews and its index, once for all tests."""
    folder = tmp_path_factory.mktemp("written")
    corpora = folder / "nltk_data" / "corpora"
    corpora.mkdir(parents=True)
    with ZipFile(corpora / "stopwords.zip", "w") as archive:
        archive.writestr("stopwords/english", "\n".join(STOP_WORDS))
    reviews[["review", "sentiment"]].to_csv(folder / "IMDB Dataset.csv", index=False)
    index = reviews[["split", "label", "id", "rating"]]
    index.to_csv(folder / imdb.INDEX, sep="\t", index=False, compression={"method": "xz", "preset": 0})
    return folder


@pytest.fixture
def mirror(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a mirror with stop words, the CSV of reviews and its index; no downloads and nothing in the cache."""
    folder = tmp_path / "mirror"
    shutil.copytree(written, folder)
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(folder))
    monkeypatch.setenv("MT2ST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MT2ST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(nltk.data, "path", [])
    for function in (imdb.sample, imdb.rest_stars, imdb_full.reviews, nltk_sets.texts):
        function.cache_clear()
    return folder


@pytest.fixture
def empty_mirror(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make an empty mirror and an empty cache, beside an empty project folder."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(folder))
    monkeypatch.setenv("MT2ST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(nltk.data, "path", [])
    sources.load_tags.cache_clear()
    yield folder
    sources.load_tags.cache_clear()
