"""The curves in the page: the values that its script draws, against those of the records."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from mt2st.experiments import profiles
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES
from mt2st.report import curves

Make = Callable[..., Record]


@pytest.fixture(scope="module")
def records(grid_of: Callable[[Profile, Sequence[str], int], list[Record]]) -> list[Record]:
    """Return made-up records of all strategies on two embeddings and two seeds."""
    return grid_of(profiles.PROFILES["smoke"], ["CBOW", "SkipGram"], 2)


def test_every_curve_is_that_of_its_run_in_thousandths(records: list[Record]) -> None:
    data = curves.compact(records)
    columns = ["train_accuracy", "validation_accuracy", "primary_loss", "validation_loss", "loss"]
    assert len(data["runs"]) == len(records)
    for shown, record in zip(data["runs"], records, strict=True):
        place = [data["embeddings"][shown["embedding"]], data["settings"][shown["setting"]]]
        assert place == [record.run.embedding, record.run.setting]
        assert data["strategies"][shown["strategy"]]["label"] == STRATEGIES[record.run.strategy].label
        assert (shown["seed"], shown["rate"]) == (record.run.seed, record.run.configuration.learning_rate)
        for column, curve in zip(columns, shown["curves"], strict=True):
            np.testing.assert_allclose(np.array(curve) / data["scale"], record.history[column], atol=0.0005)


def test_panels_name_the_curve_that_they_draw(records: list[Record]) -> None:
    quantities = {q["name"]: q["panels"] for q in curves.compact(records)["quantities"]}
    assert quantities["accuracy"] == [
        {"curve": 0, "title": "training accuracy"}, {"curve": 1, "title": "validation accuracy"},
    ]  # fmt: skip
    assert [panel["curve"] for panel in quantities["loss of the primary task"]] == [2, 3]
    assert [panel["curve"] for panel in quantities["loss with auxiliary terms"]] == [4]


def test_an_epoch_without_a_value_is_null(records: list[Record]) -> None:
    record = records[0]
    gap = replace(record, epochs=record.epochs.assign(loss=[np.nan, *record.epochs["loss"][1:]]))
    (run,) = json.loads(json.dumps(curves.compact([gap]), allow_nan=False))["runs"]
    assert run["curves"][4][0] is None
    assert None not in run["curves"][4][1:]


def test_runs_of_different_length_keep_their_own(known_record: Make, records: list[Record]) -> None:
    run = records[0].run
    short = replace(run, configuration=replace(run.configuration, epochs=2))
    found = curves.compact([known_record(run), known_record(short)])["runs"]
    assert [len(of["curves"][0]) for of in found] == [run.configuration.epochs, 2]


def test_without_runs_there_is_nothing_to_draw() -> None:
    assert curves.compact([]) == {}
