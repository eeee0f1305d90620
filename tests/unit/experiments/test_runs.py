import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from mt2st.experiments import released, runs
from mt2st.experiments.pairs import Study
from mt2st.experiments.profiles import PROFILES, Profile
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.schedules import SINGLE_TASK, Constant, Diminish, Schedule, Squared, Switch

RUN = Run("CBOW", "diminish", ("update0",), Diminish(1.0, 0.3, 1.0), 0, Configuration(data_version=3))
# `to_dict` of RUN with sorted keys, written by hand: what is at its default is left out
JSON = (
    '{"auxiliaries": ["update0"], "configuration": {"data_version": 3}, "embedding": "CBOW", "schedule": '
    '{"eta": [0.3], "gamma0": [1.0], "kind": "Diminish", "nu": [1.0]}, "seed": 0, "strategy": "diminish", "version": 3}'
)
# A value other than the default for every field of a configuration
CHANGED = {
    "data": "imdb", "data_version": 2, "train": 1, "validation": 0, "test": 0, "vocabulary": ("wiki-next", "ud-ewt"),
    "words": 9, "max_tokens": 30, "dimensions": 2, "encoder": "gru", "readout": "max", "hidden": 2, "dropout": 0.0,
    "trainable": False, "optimizer": "adadelta", "learning_rate": 1.0, "weight_decay": 0.1, "sampling": "uniform",
    "aggregator": "gate", "balance": "UW",
    "batch_size": 1, "epochs": 0, "steps": 5, "epsilon": 0.0, "protocol": "released", "evaluate_table": 2,
    "evaluate_translation": True,
    "min_count": 2,
    "balanced": True,
    "patience": 3,
    "own_layers": True,
    "sentences": 3,
    "architecture": "levels",
    "weigh": "draws",
}  # fmt: skip


@dataclass(frozen=True)
class Sloped(Schedule):
    """A schedule of a user's own, made as those of the package are."""

    until: Sequence[float] = (10.0,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "until", tuple(self.until))

    def _weights(self, t: float) -> torch.Tensor:
        return (1 - t / torch.tensor(self.until, dtype=torch.float64)).clamp_min(0)


# --- What names a run


def test_the_hash_is_the_sha256_of_the_sorted_parameters() -> None:
    assert hashlib.sha256(JSON.encode()).hexdigest()[:16] == RUN.hash
    assert RUN.hash == "fbc43d6c26a660f7"


def test_equal_runs_have_equal_hashes_however_their_schedule_is_written() -> None:
    assert replace(RUN, schedule=Diminish([1], [0.3], 1)).hash == RUN.hash


@pytest.mark.parametrize(
    "change",
    [
        {"embedding": "SkipGram"},
        {"strategy": "switch"},
        {"auxiliaries": ("update1",)},
        {"auxiliaries": ("update0", "update1")},
        {"auxiliaries": ()},
        {"schedule": Diminish(1.0, 0.3, 1.1)},
        {"schedule": Constant(1.0)},
        {"seed": 1},
        {"vectors": "glove.twitter.27B.100d.txt"},
        *({"configuration": replace(RUN.configuration, **{name: value})} for name, value in CHANGED.items()),
    ],
)
def test_the_hash_changes_with_every_field(change: dict[str, Any]) -> None:
    assert replace(RUN, **change).hash != RUN.hash


def test_the_hash_changes_with_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "VERSION", runs.VERSION + 1)
    assert replace(RUN, seed=0).hash != RUN.hash


def test_a_field_at_its_default_is_not_in_the_dict() -> None:
    assert {f.name for f in fields(Configuration)} == CHANGED.keys()
    for name, value in CHANGED.items():
        written = runs.changed_from_default(Configuration(**{name: value}))
        assert written == {name: list(value) if isinstance(value, tuple) else value}
    assert runs.changed_from_default(Configuration()) == {}
    assert "vectors" not in RUN.to_dict()
    assert replace(RUN, vectors="v.txt").to_dict()["vectors"] == "v.txt"


def test_a_new_field_with_a_default_changes_no_hash() -> None:
    @dataclass(frozen=True)
    class Longer(Configuration):
        layers: int = 1
        names: tuple[str, ...] = ()

    given = runs.changed_from_default(RUN.configuration)
    assert replace(RUN, configuration=Longer(**given)).hash == RUN.hash
    assert replace(RUN, configuration=Longer(**given, layers=2)).hash != RUN.hash


def test_a_value_without_a_default_is_always_in_the_dict() -> None:
    @dataclass
    class Values:
        needed: int
        made: list[int] = field(default_factory=list)

    assert runs.changed_from_default(Values(0)) == {"needed": 0, "made": []}


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        *[replace(RUN, schedule=s) for s in (SINGLE_TASK, Constant([1.0, 0.5]), Squared(), Switch(15), Sloped([2, 5]))],
        replace(RUN, auxiliaries=("update0", "casing"), vectors="v.txt", configuration=Configuration(**CHANGED)),
        *Study(("wiki-next", "wiki-casing"), steps=100).plan(seed=1),
        *released.cells(PROFILES["imdb"].configuration, "CBOW", seed=0).values(),
    ],
    ids=lambda run: f"{run.strategy}-{run.setting}-{type(run.schedule).__name__}",
)
def test_a_run_is_rebuilt_from_json(run: Run) -> None:
    rebuilt = Run.from_dict(json.loads(json.dumps(run.to_dict())))
    assert rebuilt == run
    assert rebuilt.hash == run.hash
    assert rebuilt.to_dict() == run.to_dict()


def test_the_setting_is_the_papers_name_of_the_row() -> None:
    assert replace(RUN, auxiliaries=()).setting == "original"
    assert RUN.setting == "update0"
    assert replace(RUN, auxiliaries=("update0", "casing")).setting == "update0+casing"


@pytest.mark.parametrize(
    ("name", "value"), [("dimensions", 0), ("hidden", 0), ("batch_size", -1), ("dropout", 1.0), ("dropout", -0.1)]
)
def test_values_that_cannot_be_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} .*{value}$"):
        Configuration(**{name: value})


# --- Frames of records


@pytest.fixture
def made(profile: Profile, record_of: Callable[[Run], Record]) -> list[Record]:
    """Make up the records of runs with none, one and two auxiliary tasks, the last one's weight 0 after two epochs."""
    single = replace(RUN, auxiliaries=(), strategy="single", schedule=SINGLE_TASK, configuration=profile.configuration)
    one = replace(single, auxiliaries=("update2",), strategy="mtl", schedule=Constant(0.5))
    two = replace(one, auxiliaries=("update3", "update1"), strategy="switch", schedule=Switch([9, 2], [0.5, 2.0]))
    return [record_of(run) for run in (single, one, two)]


def test_the_history_has_the_primary_tasks_columns_beside_the_total(made: list[Record]) -> None:
    record = made[2]
    primary = record.tasks[record.tasks["task"] == "topic"]
    assert record.history["loss"].tolist() == record.epochs["loss"].tolist()
    assert record.history["primary_loss"].tolist() == primary["loss"].tolist()
    for name in ("train_accuracy", "validation_loss", "validation_accuracy"):
        assert record.history[name].tolist() == primary[name].tolist()
    assert len(record.history) == len(record.epochs) == 6
    assert record.history is record.history  # merged once


def test_seconds_are_the_processors_unless_it_was_a_gpu_that_trained(made: list[Record]) -> None:
    on_gpu = replace(made[0], environment={"device": "cuda: made up"})
    assert made[0].seconds.tolist() == made[0].epochs["cpu_seconds"].tolist()
    assert on_gpu.seconds.tolist() == made[0].epochs["train_seconds"].tolist()


def test_records_are_told_apart_by_what_they_were_made_for(made: list[Record]) -> None:
    named = [replace(made[0], experiment=name) for name in ("control", "grid", "control")]
    assert runs.of(named, "control") == [named[0], named[2]]
    assert runs.of(named, "released") == []


def test_the_score_frame_has_a_row_a_run_with_place_scores_and_seconds(made: list[Record]) -> None:
    frame = runs.score_frame(made)
    assert list(frame[["strategy", "embedding", "setting", "seed"]].itertuples(index=False, name=None)) == [
        ("single", "CBOW", "original", 0),
        ("mtl", "CBOW", "update2", 0),
        ("switch", "CBOW", "update3+update1", 0),
    ]
    assert frame["accuracy"].tolist() == [record.scores["accuracy"] for record in made]
    assert frame["train_seconds"].tolist() == [pytest.approx(record.epochs["cpu_seconds"].sum()) for record in made]
    assert frame["epochs"].tolist() == [6, 6, 6]
    assert not {"predictions", "targets", "flops"} & set(frame.columns)


def test_the_score_frame_of_no_records_has_its_columns_too() -> None:
    assert {"strategy", "accuracy", "train_seconds"} < set(runs.score_frame([]).columns)


def test_the_history_frame_adds_up_what_auxiliary_tasks_add(made: list[Record]) -> None:
    frame = runs.history_frame(made)
    assert frame["setting"].tolist() == ["original"] * 6 + ["update2"] * 6 + ["update3+update1"] * 6
    assert frame["primary_loss"].tolist() == [v for record in made for v in record.history["primary_loss"]]
    assert frame["seconds"].tolist() == [v for record in made for v in record.epochs["cpu_seconds"]]
    assert frame.loc[:5, ["auxiliary_loss", "auxiliary_weight"]].isna().all(axis=None)
    added = (frame["loss"] - frame["primary_loss"])[6:]
    np.testing.assert_allclose(frame["auxiliary_loss"][6:], added)
    assert frame["auxiliary_weight"][6:].tolist() == [0.5] * 6 + [2.0] * 2 + [0.5] * 4


def test_the_task_frame_has_a_row_an_epoch_and_task(made: list[Record]) -> None:
    frame = runs.task_frame(made)
    assert frame.groupby(["setting", "task"]).size().to_dict() == {
        ("original", "topic"): 6,
        ("update2", "topic"): 6,
        ("update2", "update2"): 6,
        **{("update3+update1", task): 6 for task in ("topic", "update3", "update1")},
    }
    shown = frame[(frame["strategy"] == "switch") & (frame["task"] == "update1")]
    assert shown["weight"].tolist() == [2.0] * 2 + [0.0] * 4
    assert shown["loss"].isna().tolist() == [False] * 2 + [True] * 4
    pd.testing.assert_series_equal(shown["probe"], shown["probe"].dropna())
