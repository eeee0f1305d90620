"""A strategy, an auxiliary task, an encoder, a data source and an exhibit, each made up here, from batch to page."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from mt2st import paths
from mt2st.data import sources
from mt2st.data.dataset import Dataset, Examples, Sizes
from mt2st.data.files.text import read_text
from mt2st.data.sources import Source
from mt2st.data.texts import wiki
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import batch, profiles, store
from mt2st.experiments.auxiliaries import AUXILIARIES, Auxiliary
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES, Strategy
from mt2st.models import ENCODERS, Encoded, Encoder
from mt2st.report import page
from mt2st.report.exhibits import EXHIBITS, Exhibit
from mt2st.schedules import Schedule
from mt2st.tasks import TableTask, Task


@dataclass(frozen=True)
class Late(Schedule):
    """Auxiliary tasks count from an epoch on, in place of up to one."""

    begin: tuple[float, ...] = (2.0,)

    def _weights(self, t: float) -> Tensor:
        return (t >= torch.tensor(self.begin)).double()


class Convolution(Encoder):
    """Three words beside each other."""

    def __init__(self, table: Tensor, hidden: int, dropout: float = 0.0, readout: str = "") -> None:
        super().__init__(table, hidden, dropout, readout)
        self.layer, self.size = nn.Conv1d(table.shape[1], hidden, 3, padding=1), hidden

    def states(self, vectors: Tensor, lengths: Tensor) -> Encoded:
        """Return the states of windows of three words."""
        states = self.layer(vectors.transpose(1, 2)).transpose(1, 2).relu()  # (batch, time, hidden)
        return Encoded(states, lengths, self.readout)


def shrink(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    """Return a loss that pulls vectors to zero."""
    rows = torch.arange(2, len(table.words))
    return TableTask(name, lambda vectors, chosen: vectors[chosen].square().mean(), [rows])


def colours(seed: int, sizes: Sizes) -> Dataset:
    """Return sentences with a warm or a cold colour."""
    rng = np.random.default_rng(seed)
    words = [["red", "orange"], ["blue", "green"]]

    def part(size: int) -> Examples:
        labels = rng.integers(0, 2, size)
        return Examples([["the", "wall", "is", str(rng.choice(words[y])), "."] for y in labels], labels)

    train, validation, test = part(sizes.train), part(sizes.validation), part(sizes.test)
    background = wiki.load(seed, Sizes(60, 40, 80)).background  # has the words of the analogies
    return Dataset("colours", ("warm", "cold"), train, validation, test, background)


class Here(Executor):
    """Does each job at once."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Return a future that is done."""
        future: Future[Any] = Future()
        future.set_result(work(*args, **kwargs))
        return future


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, shared_cache: None) -> Iterator[tuple[list[Record], str]]:
    """Put a row into each list, run a batch, and return its records and the page, then the exhibit's file."""
    rows: list[tuple[dict[str, Any], Any]] = [
        (STRATEGIES, Strategy("late", "Late", Late, lambda epochs: {"begin": (epochs // 2,)}, "#444444", "--",
                              settings=("shrink",))),
        (AUXILIARIES, Auxiliary("shrink", "vectors are pulled to zero", shrink)),
        (sources.SOURCES, Source("colours", "walls and their colours", "texts", "0 MB", "ours", tuple, tuple,
                                 read_text, colours)),
        (EXHIBITS, Exhibit("best_epochs", "Epochs that were kept", table=lambda e: pd.DataFrame(
            {"run": [str(r.run) for r in e.grid], "epoch": [r.scores["best_epoch"] for r in e.grid]}))),
    ]  # fmt: skip
    smoke = profiles.find_profile("smoke")
    configuration = replace(
        smoke.configuration,
        data="colours",
        data_version=1,
        encoder="convolution",
        epochs=4,
        train=200,
        learning_rate=0.02,
    )
    profile = replace(smoke, name="extended", configuration=configuration, notebooks=("05",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MT2ST_OUTPUT", str(tmp_path_factory.mktemp("extended")))
        for where, row in rows:
            patch.setitem(where, row.name, row)
        patch.setitem(ENCODERS, "convolution", Convolution)
        patch.setitem(profiles.PROFILES, profile.name, profile)
        patch.setattr(batch, "execute_notebooks", lambda *_: None)  # kernels know nothing of what is made up here
        batch.reproduce(profile, seeds=1, executor=Here())
        html = page.build(profile).read_text(encoding="utf-8")
        written = (paths.figures(profile.name) / "best_epochs.csv").read_text(encoding="utf-8")
        yield store.unpack(paths.recorded(profile.name)), html + written


def test_the_strategy_is_run_recorded_and_shown(made: tuple[list[Record], str]) -> None:
    records, html = made
    (late,) = [record for record in records if record.run.strategy == "late"]
    of_task = late.tasks[late.tasks["task"] == "shrink"]
    assert of_task["weight"].tolist() == [0, 0, 1, 1]
    assert of_task["loss"].notna().tolist() == [False, False, True, True]
    assert late.run.schedule == Late((2.0,))  # read back from the record
    assert len(records) == 14  # the paper's 13 arms and this one
    assert ">Late<" in html


def test_the_auxiliary_task_has_a_gradient(made: tuple[list[Record], str]) -> None:
    (late,) = [record for record in made[0] if record.run.strategy == "late"]
    probe = late.tasks.loc[late.tasks["task"] == "shrink", "probe"].tolist()
    assert probe[3] < probe[2] < probe[1]


def test_the_encoder_learns_the_source(made: tuple[list[Record], str]) -> None:
    records, _ = made
    assert {record.run.configuration.encoder for record in records} == {"convolution"}
    assert np.mean([record.scores["accuracy"] for record in records]) > 0.9  # one word tells the classes apart
    assert {record.run.configuration.data for record in records} == {"colours"}


def test_the_exhibit_is_on_the_page_and_in_its_folder(made: tuple[list[Record], str]) -> None:
    records, html = made
    assert "Epochs that were kept" in html
    assert html.endswith("".join(f'"{r.run}",{r.scores["best_epoch"]}\n' for r in records))
