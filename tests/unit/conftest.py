"""Fixtures for all unit tests: folders of their own, the parsed text once a session, and runs that need no training."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock

from mt2st import paths
from mt2st.data.dataset import Background, Dataset, Examples
from mt2st.data.texts import wiki
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import plans as experiments
from mt2st.experiments import profiles
from mt2st.experiments.auxiliaries import BUILDERS, UPDATES
from mt2st.experiments.downstream import TASKS
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record, Run

mpl.use("Agg")

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
    return wiki.load(0, wiki.Sizes(40, 20, 20))


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
        "hyperlink": [np.array([0, 1, 1, 0, 0]), np.array([0, 1, 0, 0, 0])],
        "emphasis": [np.array([0, 0, 1, 0, 0]), np.array([0, 0, 0, 0, 0])],
    }
    classes = dict.fromkeys(tags, ("outside", "inside"))
    return Dataset("toy", ("negative", "positive"), train, validation, test, Background(tokens, tags, classes))


@pytest.fixture
def toy_table() -> EmbeddingTable:
    """Return vectors of length 2 for some words of `toy_dataset`."""
    return EmbeddingTable.of(["film", "good", "bad", "day"], np.arange(8, dtype=np.float32).reshape(4, 2), "toy")


@pytest.fixture
def profile() -> Profile:
    """Return the small profile."""
    return profiles.PROFILES["smoke"]


@pytest.fixture(scope="session")
def record_of() -> Callable[[Run], Record]:
    """Return a function that makes up the record of a run, always the same one for the same run."""
    return _record_of


@pytest.fixture(scope="session")
def grid_of() -> Callable[[Profile, Sequence[str], int], list[Record]]:
    """Return a function that makes up the records of all strategies on some embeddings and seeds."""

    def make(profile: Profile, embeddings: Sequence[str], seeds: int) -> list[Record]:
        return [
            _record_of(run)
            for strategy in profiles.STRATEGIES
            for embedding in embeddings
            for run in experiments.plan(profile, strategy, embedding, seeds)
        ]

    return make


@pytest.fixture(scope="session")
def known_record() -> Callable[..., Record]:
    """Return a function that makes up a record of which every number is known, see `_known_record`."""
    return _known_record


@pytest.fixture
def tuned() -> pd.DataFrame:
    """Write the table of trials of profile imdb: another learning rate for each arm, another γ for each loss."""
    settings = {"kind": "settings", "gamma": 1.0, "dropout": 0.5, "weight_decay": 0.01, "chosen": True}
    rows = [
        settings | {"strategy": strategy, "setting": setting, "learning_rate": (k + 1) / 1000}
        for k, (strategy, setting) in enumerate(profiles.ARMS)
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


def _record_of(run: Run) -> Record:
    """Make up a record with the columns of a real one, its values random but fixed by the run."""
    assert set(run.auxiliaries) <= set(BUILDERS)
    rng, other = np.random.default_rng(int(run.hash, 16)), np.random.default_rng(int(run.hash[:8], 16))
    history = pd.DataFrame([_epoch_of(run, t, rng, other) for t in range(run.configuration.epochs)])
    scores = {"best_epoch": _best_epoch(history), "flops": {"topic": 4_000_000} | dict.fromkeys(run.auxiliaries, 9_000)}
    if run.configuration.test:
        scores |= {
            f"{average}_{score}": rng.uniform(0.4, 0.6)
            for average in ("macro", "weighted")
            for score in ("precision", "recall", "f1")
        }
        scores |= {"accuracy": rng.uniform(0.4, 0.6), "test_loss": rng.random(), "coverage": 0.8}
        scores |= {"predictions": "012", "targets": "012"}
    if run.configuration.evaluate_table:
        scores |= {
            "downstream": {task: {"accuracy": rng.random(), "coverage": 0.7} for task in TASKS},
            "intrinsic": [
                {"set": "EN-RG-65", "measure": "spearman", "score": rng.random(), "covered": 9, "total": 65},
            ],
        }
    machine = {"device": "cpu: made up", "platform": "none", "python": "3.11", "packages": {"torch": "2.0"}}
    machine |= {"seed": run.seed, "data": {"made-up.txt": "0" * 64}, "table": "1" * 64}
    return Record(run, history, scores, machine)


def _epoch_of(run: Run, t: int, rng: np.random.Generator, other: np.random.Generator) -> dict[str, float]:
    """Make up one row of a history."""
    gammas = run.schedule.weights(t).expand(len(run.auxiliaries)).tolist()
    weights = dict(zip(run.auxiliaries, gammas, strict=True))
    row = {"epoch": t, "loss.topic": rng.random(), "gradient_norm": rng.random()}
    active = {name: weight for name, weight in weights.items() if weight >= run.configuration.epsilon}
    row |= {f"loss.{name}": rng.random() for name in active}
    row["loss"] = row["loss.topic"] + sum(weight * row[f"loss.{name}"] for name, weight in active.items())
    row |= {"train_accuracy": rng.random(), "steps": 12, "examples": 180, "tokens": 4351}
    row |= {f"weight.{name}": weight for name, weight in weights.items()}
    row |= {f"probe.{name}": rng.random() for name in weights}
    if run.configuration.validation:
        row |= {"validation_loss": rng.random(), "validation_accuracy": rng.random()}
    row |= {"train_seconds": rng.uniform(1, 2), "cpu_seconds": other.uniform(0.9, 1)}
    return row | {"evaluation_seconds": rng.random()}


def _best_epoch(history: pd.DataFrame) -> int:
    """Epoch whose parameters a run keeps: the best in validation, else the last; -1 if there is none."""
    if "validation_accuracy" in history:
        return int(history["validation_accuracy"].argmax())
    return len(history) - 1


def _known_record(
    run: Run, accuracy: float = 0.5, experiment: str = "grid", flops: int = 10, **columns: float | Sequence[float]
) -> Record:
    """Make up a record whose history has the given columns, with one value an epoch or one for all.

    Where nothing is given, losses are 1, accuracies 0.5, and an epoch takes a second and 100 operations; each
    auxiliary task takes `flops` more.
    """
    epochs = range(run.configuration.epochs)
    constant = dict.fromkeys(("loss", "loss.sentiment", "validation_loss", "train_seconds", "cpu_seconds"), 1.0)
    constant |= dict.fromkeys(("train_accuracy", "validation_accuracy"), 0.5)
    weights = {f"weight.{name}": [float(run.schedule.weights(t)[0]) for t in epochs] for name in run.auxiliaries}
    history = pd.DataFrame({"epoch": epochs} | constant | weights | columns)
    scores = {"accuracy": accuracy, "flops": {"sentiment": 100} | dict.fromkeys(run.auxiliaries, flops)}
    return Record(run, history, scores, {"device": "cpu: made up"}, experiment)
