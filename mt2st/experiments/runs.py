"""A run: everything that determines a result, and the record that it leaves."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from mt2st import schedules
from mt2st.history import AUXILIARY, with_primary
from mt2st.schedules import Schedule

PROTOCOLS = ("controlled", "released", "study")
VERSION = 3  # raise when the same parameters come to give other results: old run folders are then not used again


def changed_from_default(values: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that are not at their default, as plain JSON values.

    A new field with a default so changes no hash and no record that was made before it. What a default means may then
    not change: a default that should be another is another field.
    """
    given = {f.name: getattr(values, f.name) for f in fields(values) if getattr(values, f.name) != f.default}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


@dataclass(frozen=True)
class Configuration:
    """The conditions of a run that are not its arm's own: equal for all arms, or tuned for each with equal effort.

    Args:
        data: source of the primary task, see `data.sources`.
        data_version: of that source; of `vocabulary` the sum, so that a new version of any of its corpora counts.
        train, validation, test: sentences of each class (wiki) or texts in all; not of a tagged corpus.
        sentences: of a tagged corpus to train on, and a quarter as many to validate, drawn by the seed; 0 for all.
        vocabulary: tagged corpora on whose text word vectors are trained; none for the text of the data itself.
        words: most frequent words in the table; 0 for all.
        max_tokens: words of a sentence that are read, of tagged corpora and of texts of your own; 0 for all.
        dimensions: of trained vectors.
        min_count: how often a word has to occur to get a vector.
        encoder: one of `models.ENCODERS`.
        architecture: one of `architectures.ARCHITECTURES`, how tasks share encoders.
        readout: how an encoder's states become one for a sentence; its own default if empty.
        hidden: size of a hidden state, of one direction.
        dropout: of vectors and states.
        own_layers: heads have a layer of their own, which is not trained before a schedule says so (`models.OwnLayer`).
        trainable: False keeps the vectors of the table as they are.
        optimizer: one of `optimizers.OPTIMIZERS`.
        learning_rate, weight_decay: its settings.
        sampling: one of `sampling.SAMPLINGS`, which tasks a step trains.
        weigh: what the schedule weighs, "losses" or "draws", see `training.fit`.
        aggregator: one of `gradients.AGGREGATORS` or of TorchJD's, what becomes of the tasks' gradients on what they
            share; empty to sum them without a look at each.
        balance: one of `balancing.SCALARIZERS`, which weighs losses on top of the schedule; empty for none.
        batch_size: sentences in a batch.
        balanced: classes of a task on sentences count alike in its loss, however many examples each has.
        epochs: at most; 0 for none.
        patience: epochs without a better one after which training ends, see `training.fit`; 0 for no such end.
        steps: of an epoch; 0 for one pass over the primary task.
        epsilon: smallest weight for which an auxiliary task is computed.
        protocol: "controlled"; "released" for what the paper's released code does with its data (`released`); "study"
            for what Bingel and Søgaard (2017) do with tagged corpora (`pairs`).
        evaluate_table: version of the scores of the learned table on other tasks; 0 for none.
        evaluate_translation: whether the learned table is scored on translations, see `bilingual`.
    """

    data: str = "wiki"
    data_version: int = 1
    train: int = 250
    validation: int = 100
    test: int = 200
    sentences: int = 0
    vocabulary: tuple[str, ...] = ()
    words: int = 0
    max_tokens: int = 0
    dimensions: int = 100
    min_count: int = 5
    encoder: str = "bilstm"
    architecture: str = "shared"
    readout: str = ""
    hidden: int = 48
    dropout: float = 0.3
    own_layers: bool = False
    trainable: bool = True
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    sampling: str = "together"
    weigh: Literal["losses", "draws"] = "losses"
    aggregator: str = ""
    balance: str = ""
    batch_size: int = 64
    balanced: bool = False
    epochs: int = 25
    patience: int = 0
    steps: int = 0
    epsilon: float = 0.01
    protocol: str = "controlled"
    evaluate_table: int = 0
    evaluate_translation: bool = False

    def __post_init__(self) -> None:
        for name in ("dimensions", "min_count", "hidden", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")
        if self.weigh not in ("losses", "draws"):
            raise ValueError(f"weigh must be losses or draws, got {self.weigh!r}")
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"unknown protocol {self.protocol!r}; known: {', '.join(PROTOCOLS)}")


@dataclass(frozen=True)
class Run:
    """One training run.

    `strategy` is one of `strategies.STRATEGIES`; `vectors` names the file of pretrained vectors, if any; `seed` sets
    the split, the word vectors, the initial values and the order of batches.
    """

    embedding: str
    strategy: str
    auxiliaries: tuple[str, ...]
    schedule: Schedule
    seed: int
    configuration: Configuration
    vectors: str = ""

    @property
    def setting(self) -> str:
        """Row of the paper's tables: "original" without auxiliary tasks, else their names."""
        return "+".join(self.auxiliaries) or "original"

    @cached_property
    def hash(self) -> str:
        """Name of the run: SHA-256 of all parameters, shortened."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, from which `from_dict` rebuilds the run."""
        own = {"schedule": self.schedule.to_dict(), "configuration": changed_from_default(self.configuration)}
        return {"version": VERSION} | changed_from_default(self) | own

    def __str__(self) -> str:
        return f"{self.configuration.data}, {self.strategy}, {self.embedding}, {self.setting}, seed {self.seed}"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Run":
        """Inverse of `to_dict`."""
        configuration = values["configuration"]
        tuples = {name: tuple(value) for name, value in configuration.items() if isinstance(value, list)}
        given = {name: value for name, value in values.items() if name != "version"} | {
            "auxiliaries": tuple(values["auxiliaries"]),
            "schedule": schedules.from_dict(values["schedule"]),
            "configuration": Configuration(**configuration | tuples),
        }
        return cls(**given)


@dataclass(frozen=True)
class Record:
    """What a finished run leaves: its history, its scores and predictions, and its environment.

    `epochs` and `tasks` are those of `history.History`. `scores` has the `best_epoch`, the operations of an epoch by
    task (`flops`), and the primary task's test scores; of protocol "study" it has scores by task, see `execution`.
    `experiment` names what the run was made for, one of `plans.EXPERIMENTS`.
    """

    run: Run
    epochs: pd.DataFrame
    tasks: pd.DataFrame
    scores: dict[str, Any]
    environment: dict[str, Any] = field(default_factory=dict)
    experiment: str = "grid"

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an epoch, with the primary task's losses and accuracies (`history.with_primary`)."""
        return with_primary(self.epochs, self.tasks)

    @property
    def seconds(self) -> "pd.Series[float]":
        """Seconds of training by epoch, evaluation apart: the processor's for a run made on one, else the clock's.

        Other work on a machine stretches the seconds of its clock, and not by the same factor for every arm.
        """
        clock = "cpu_seconds" if self.environment["device"].startswith("cpu") else "train_seconds"
        return self.epochs[clock]


def of(records: Iterable[Record], experiment: str) -> list[Record]:
    """Return the records that were made for one experiment."""
    return [record for record in records if record.experiment == experiment]


def score_frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: its place in the grid, its test scores and its seconds of training (`Record.seconds`).

    `data` is the source of its primary task; `learning_rate` is tuned, so that arms may differ in it. Runs of a single
    task have the test accuracies of baselines on their data too, by name.
    """
    rows = [
        _place(record.run)
        | _conditions(record.run)
        | {k: v for k, v in record.scores.items() if isinstance(v, float | int)}
        | record.scores.get("baselines", {})
        | {"train_seconds": record.seconds.sum(), "epochs": len(record.epochs)}
        for record in records
    ]
    return pd.DataFrame(
        rows, columns=None if rows else ["strategy", "embedding", "setting", "seed", "accuracy", "train_seconds"]
    )


def history_frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row an epoch of a run: see `training.fit` for what it holds.

    `loss` is the total, `primary_loss` the primary task's, `auxiliary_loss` what all auxiliary tasks add to it,
    Σ γ_k L_k, and `auxiliary_weight` the largest γ_k, NaN without any. `seconds` are those of training. `data` and
    `learning_rate` are as of `score_frame`.
    """
    frames = []
    for record in records:
        auxiliaries = record.tasks[record.tasks["role"] == AUXILIARY]
        added = (auxiliaries["weight"] * auxiliaries["loss"].fillna(0)).groupby(auxiliaries["epoch"]).sum()
        largest = auxiliaries.groupby("epoch")["weight"].max()
        epochs = record.history["epoch"]
        frames.append(
            record.history.assign(
                auxiliary_loss=epochs.map(added),
                auxiliary_weight=epochs.map(largest),
                seconds=record.seconds.to_numpy(),
                **_place(record.run),
                **_conditions(record.run),
            )
        )
    return pd.concat(frames, ignore_index=True)


def task_frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row an epoch and task of a run: its role, weight, loss and loss on a fixed batch (`probe`)."""
    return pd.concat([record.tasks.assign(**_place(record.run)) for record in records], ignore_index=True)


def _place(run: Run) -> dict[str, Any]:
    """Where a run stands in the grid of an experiment."""
    return {"strategy": run.strategy, "embedding": run.embedding, "setting": run.setting, "seed": run.seed}


def _conditions(run: Run) -> dict[str, Any]:
    """Of a run's conditions those that readers of a figure have to know."""
    return {"data": run.configuration.data, "learning_rate": run.configuration.learning_rate}
