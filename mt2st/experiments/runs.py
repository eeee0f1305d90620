"""A run: everything that determines a result, and the record it leaves in its folder (`mt2st.experiments.store`)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mt2st import schedules
from mt2st.experiments import store as folders
from mt2st.experiments.store import Parameters
from mt2st.schedules import Schedule

VERSION = 2  # raise when the same parameters come to give other results: old run folders are then not used again


@dataclass(frozen=True)
class Configuration:
    """The conditions of a run that are not its arm's own: equal for all arms, or tuned for each with equal effort.

    `train`, `validation` and `test` count the sentences of each class (wiki) or all reviews (imdb). `protocol` is
    "controlled", or "released" for what the paper's released code does with its data (`released`). A table that is not
    `trainable` keeps its vectors. With `evaluate_table` the learned table is scored on other tasks afterwards.
    """

    data: str = "wiki"
    data_version: int = 1
    train: int = 250
    validation: int = 100
    test: int = 200
    dimensions: int = 100
    hidden: int = 48
    dropout: float = 0.3
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 64
    epochs: int = 25
    epsilon: float = 0.01
    protocol: str = "controlled"
    trainable: bool = True
    evaluate_table: bool = False


@dataclass(frozen=True)
class Run(Parameters):
    """One training run.

    `strategy` is "single", "mtl", "diminish" or "switch"; `vectors` names the file of pretrained vectors, if any;
    `seed` sets the split by article, the word vectors, the initial values and the order of batches.
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

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, from which `from_dict` rebuilds the run."""
        return {
            "version": VERSION,
            "embedding": self.embedding,
            "vectors": self.vectors,
            "strategy": self.strategy,
            "auxiliaries": list(self.auxiliaries),
            "schedule": self.schedule.to_dict(),
            "seed": self.seed,
            "configuration": asdict(self.configuration),
        }

    def __str__(self) -> str:
        return f"{self.strategy}, {self.embedding}, {self.setting}, seed {self.seed}"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Run":
        """Inverse of `to_dict`."""
        return cls(
            embedding=values["embedding"],
            vectors=values["vectors"],
            strategy=values["strategy"],
            auxiliaries=tuple(values["auxiliaries"]),
            schedule=schedules.from_dict(values["schedule"]),
            seed=values["seed"],
            configuration=Configuration(**values["configuration"]),
        )


@dataclass(frozen=True)
class Record:
    """What a finished run leaves: its history by epoch, its test scores and predictions, and its environment.

    `experiment` names what the run was made for: the "grid" of the paper's tables, or one of `experiments.FURTHER`.
    """

    run: Run
    history: pd.DataFrame
    scores: dict[str, Any]
    environment: dict[str, Any] = field(default_factory=dict)
    experiment: str = "grid"

    @property
    def seconds(self) -> "pd.Series[float]":
        """Seconds of training by epoch, evaluation apart: the processor's for a run made on one, else the clock's.

        Other work on a machine stretches the seconds of its clock, and not by the same factor for every arm.
        """
        clock = "cpu_seconds" if self.environment["device"].startswith("cpu") else "train_seconds"
        return self.history[clock]


def save(record: Record, profile: str) -> None:
    """Write a record to its run folder."""
    folders.write(record.run, profile, record.history, record.scores, record.environment)


def load(run: Run, profile: str) -> Record:
    """Read the record of a finished run."""
    return Record(run, *folders.read(run, profile))


def pack(records: Iterable[Record], file: Path) -> None:
    """Write records in compact form: one parquet row a run."""
    rows = (folders.as_row(r.run, r.history, r.scores, r.environment) | {"experiment": r.experiment} for r in records)
    folders.pack(rows, file)


def unpack(file: Path) -> list[Record]:
    """Read records that `pack` wrote; raises FileNotFoundError that says how to make them."""
    records = []
    for row in folders.unpack(file, f"mt2st reproduce --profile {file.stem}"):
        run, history, scores, environment = folders.from_row(row)
        records.append(Record(Run.from_dict(run), history, scores, environment, row["experiment"]))
    return records


def of(records: Iterable[Record], experiment: str) -> list[Record]:
    """Return the records that were made for one experiment."""
    return [record for record in records if record.experiment == experiment]


def count_by_experiment(records: Iterable[Record]) -> dict[str, int]:
    """Number of records made for each experiment."""
    return dict(Counter(record.experiment for record in records))


def score_frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: its place in the grid, its test scores and its seconds of training (`Record.seconds`)."""
    rows = [
        _place(record.run)
        | {k: v for k, v in record.scores.items() if isinstance(v, float | int)}
        | {"train_seconds": record.seconds.sum(), "epochs": len(record.history)}
        for record in records
    ]
    return pd.DataFrame(
        rows, columns=None if rows else ["strategy", "embedding", "setting", "seed", "accuracy", "train_seconds"]
    )


def history_frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row an epoch of a run, with the same columns for all tasks: see `fit` for what they hold.

    The primary task's loss is `primary_loss`; the first auxiliary task's loss, weight and loss on a fixed batch are
    `auxiliary_loss`, `auxiliary_weight` and `auxiliary_probe`. Seconds of training (`Record.seconds`) are `seconds`.
    """
    frames = []
    for record in records:
        auxiliaries = record.run.auxiliaries
        names = {
            f"{kind}.{name}": f"auxiliary_{kind}" for name in auxiliaries[:1] for kind in ("loss", "weight", "probe")
        }
        names |= {
            column: "primary_loss"
            for column in record.history.columns
            if column.startswith("loss.") and column.removeprefix("loss.") not in auxiliaries
        }
        frames.append(record.history.rename(columns=names).assign(seconds=record.seconds, **_place(record.run)))
    return pd.concat(frames, ignore_index=True)


def _place(run: Run) -> dict[str, Any]:
    """Where a run stands in the grid of an experiment."""
    return {"strategy": run.strategy, "embedding": run.embedding, "setting": run.setting, "seed": run.seed}
