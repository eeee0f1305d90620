"""One BiLSTM trained on a task alone or on two by turns: hard parameter sharing as in Bingel and Søgaard's study.

Each step draws one of the tasks uniformly and a random batch of its training sentences; all parameters but the heads
are shared, and no task is the main one. As in the study: 32 sentences a batch, cut to 30 tokens, Adadelta, no dropout,
25,000 batches for one task and 50,000 for two. Different from the study: word vectors are trained on the corpora's own
training text, where it took GloVe's; hidden states have 100 units in each direction (its paper says 100, its released
code 50); Adadelta has Zeiler's learning rate of 1 and ε = 1e-6 (its released script has 0.1, and TensorFlow's 1e-8,
with which training is several times as slow); both tasks share one Adadelta's accumulators, where its code keeps some
for each.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mt2st.data import vectors as embeddings
from mt2st.data.tags import sequences
from mt2st.data.tags.sequences import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import environment
from mt2st.experiments import store as folders
from mt2st.experiments.store import Parameters
from mt2st.models import Encoder, Model
from mt2st.optimizers import RowAdadelta
from mt2st.relations import features, measures, tagging
from mt2st.relations.tagging import Tagged, TaggingTask

VERSION = 1  # raise when the same parameters come to give other results
CURVE = 1000  # points of a recorded curve of training losses
EVALUATIONS = 10  # in validation, equally spaced
COMPARED = 256  # sentences


@dataclass(frozen=True)
class Settings:
    """What all runs of a study share."""

    embedding: str = "SkipGram"
    dimensions: int = 100
    words: int = 30_000
    hidden: int = 100
    batch_size: int = 32
    longest: int = 30  # tokens of a sentence that are read
    learning_rate: float = 1.0
    rho: float = 0.95
    eps: float = 1e-6


@dataclass(frozen=True)
class JointRun(Parameters):
    """One training run on one corpus or several, by name; `vocabulary` are the corpora whose text trains vectors."""

    corpora: tuple[str, ...]
    vocabulary: tuple[str, ...]
    steps: int
    seed: int
    settings: Settings

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, from which `from_dict` rebuilds the run."""
        return asdict(self) | {"version": VERSION}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "JointRun":
        """Inverse of `to_dict`."""
        return cls(
            tuple(values["corpora"]),
            tuple(values["vocabulary"]),
            values["steps"],
            values["seed"],
            Settings(**values["settings"]),
        )

    def __str__(self) -> str:
        return f"{' + '.join(self.corpora)}, {self.steps} batches, seed {self.seed}"


@dataclass(frozen=True)
class JointRecord:
    """What a run leaves.

    `history` has a row a task and evaluation: step, task, loss, accuracy and f1 in validation, and for two tasks
    `cosine`, that of their gradients (`gradient_cosine`).
    `scores` has for each task `curve`, the mean training losses of a thousandth of the run each (nan where the task
    was not drawn), `validation` and `test` scores of the last step, `counts` of the validation sentences, and what
    describes the data: for one task its `features`, for two their `label information`.
    """

    run: JointRun
    history: pd.DataFrame
    scores: dict[str, dict[str, Any]]
    environment: dict[str, Any]


def make(run: JointRun, profile: str, device: str = "auto") -> None:
    """Make a run unless it is done; two processes that want the same one do not both make it: one waits."""
    with folders.lock(run, profile):
        if not run.is_done(profile):
            record = execute(run, environment.choose_device(device))
            folders.write(run, profile, record.history, record.scores, record.environment)


def execute(run: JointRun, device: torch.device) -> JointRecord:
    """Train on the corpora of a run, and test."""
    environment.make_deterministic()
    table = table_of(run.vocabulary, run.settings)
    tasks = [task_of(corpus, run.vocabulary, run.settings).to(device) for corpus in run.corpora]
    model, history, curves = train(tasks, table, run.settings, run.steps, run.seed)
    described = describe([sequences.load(corpus) for corpus in run.corpora], table)
    scores = {task.name: _scores(model, task) | {"curve": curves[task.name]} | described for task in tasks}
    files = [file for corpus in run.corpora for file in sequences.load(corpus).files]
    made_with = environment.describe(device) | {
        "seed": run.seed,
        "data": environment.checksums(files),
        "table": table.checksum,
    }
    return JointRecord(run, history, scores, made_with)


def describe(data: Sequence[SequenceData], table: EmbeddingTable) -> dict[str, Any]:
    """Return the data features and label kurtosis of one corpus, or the label information of two."""
    if len(data) == 1:
        (corpus,) = data
        found = features.data_features(corpus.train, corpus.test, set(table.index)).to_dict()
        return {"features": found | {"label kurtosis": measures.label_kurtosis(corpus.train)}}
    one, other = data
    return {"label information": measures.label_information(one.train, other.train)}


@lru_cache(maxsize=1)
def table_of(corpora: tuple[str, ...], settings: Settings) -> EmbeddingTable:
    """Return vectors trained on the training text of some corpora, without tags, for their most frequent words."""
    return train_table([sequences.load(corpus) for corpus in corpora], settings)


def train_table(data: Sequence[SequenceData], settings: Settings) -> EmbeddingTable:
    """Return vectors trained on the training text of some corpora; a sentence that several of them have counts once."""
    every = (tuple(map(str.lower, sentence)) for corpus in data for sentence in corpus.train.sentences)
    text = list(dict.fromkeys(every))
    return embeddings.train(settings.embedding, text, settings.dimensions).most_frequent(settings.words)


@lru_cache(maxsize=16)
def task_of(corpus: str, vocabulary: tuple[str, ...], settings: Settings) -> TaggingTask:
    """Return an encoded corpus, kept for the next run of the process."""
    return tagging.as_task(sequences.load(corpus), table_of(vocabulary, settings), settings.longest)


def train(
    tasks: Sequence[TaggingTask], table: EmbeddingTable, settings: Settings, steps: int, seed: int
) -> tuple[Model, pd.DataFrame, dict[str, list[float]]]:
    """Return the model after all steps, its history and the curve of each task; see `JointRecord`.

    Training runs on the device that the tasks are on. `seed` sets initial values, which task each step draws, and which
    sentences.
    """
    device = tasks[0].train.words.device
    torch.manual_seed(seed)
    encoder = Encoder(torch.from_numpy(table.vectors), settings.hidden)
    encoder.embedding.sparse = True
    model = Model(encoder, {task.name: task.head(encoder) for task in tasks}).to(device)
    optimizers = optimizers_of(model, settings)
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randint(len(tasks), (steps,), generator=generator).tolist()
    losses = np.full((len(tasks), steps), np.nan)
    evaluated = set(np.linspace(0, steps, EVALUATIONS + 1).round().astype(int)[1:].tolist())
    rows: list[dict[str, Any]] = []
    for step, drawn in enumerate(draws):
        task = tasks[drawn]
        batch = torch.randint(len(task.train), (settings.batch_size,), generator=generator).to(device)
        losses[drawn, step] = take_step(model, optimizers, task, batch)
        if step + 1 in evaluated:
            cosine = {"cosine": gradient_cosine(model, tasks, step)} if len(tasks) == 2 else {}
            rows += [_row(step + 1, t, tagging.evaluate(model, t, t.validation)) | cosine for t in tasks]
    return model, pd.DataFrame(rows), {task.name: _curve(of_task) for task, of_task in zip(tasks, losses, strict=True)}


def take_step(model: Model, optimizers: Sequence[torch.optim.Optimizer], task: TaggingTask, rows: Tensor) -> float:
    """Train on some sentences of a task, and return their loss before."""
    loss = tagging.loss(model, task, task.train, rows)
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    return loss.item()


def optimizers_of(model: Model, settings: Settings) -> list[torch.optim.Optimizer]:
    """Adadelta for all parameters, the table's row by row."""
    lr, rho, eps = settings.learning_rate, settings.rho, settings.eps
    table = model.encoder.table
    others = [parameter for parameter in model.parameters() if parameter is not table]
    return [RowAdadelta([table], lr, rho, eps), torch.optim.Adadelta(others, lr, rho, eps, foreach=True)]


def gradient_cosine(model: Model, tasks: Sequence[TaggingTask], seed: int) -> float:
    """Cosine of two tasks' gradients on the LSTMs, each of the loss on a random batch of `COMPARED` sentences."""
    shared = [*model.encoder.forwards.parameters(), *model.encoder.backwards.parameters()]
    generator = torch.Generator().manual_seed(seed)
    gradients: list[Tensor] = []
    for task in tasks:
        rows = torch.randint(len(task.train), (COMPARED,), generator=generator).to(shared[0].device)
        loss = tagging.loss(model, task, task.train, rows)
        parts = torch.autograd.grad(loss, shared, materialize_grads=True)  # 0 for the direction a task does not read
        gradients.append(torch.cat([part.flatten() for part in parts]))
    one, other = gradients
    return float(torch.nn.functional.cosine_similarity(one, other, dim=0))


def _row(step: int, task: TaggingTask, tagged: Tagged) -> dict[str, Any]:
    return {"step": step, "task": task.name, "loss": tagged.loss, "accuracy": tagged.accuracy, "f1": tagged.f1}


def _curve(losses: np.ndarray) -> list[float]:
    """Mean losses of a thousandth of the steps each, nan where there are none."""
    blocks = np.array_split(losses, min(CURVE, len(losses)))
    return [float(np.nanmean(block)) if np.isfinite(block).any() else float("nan") for block in blocks]


def _scores(model: Model, task: TaggingTask) -> dict[str, Any]:
    """Scores of the trained model on validation, which gains are read on, and on test, which nothing else reads."""
    found: dict[str, Any] = {}
    for name, part in (("validation", task.validation), ("test", task.test)):
        tagged = tagging.evaluate(model, task, part)
        found[name] = {"loss": tagged.loss, "accuracy": tagged.accuracy, "f1": tagged.f1}
        if task.is_span:
            found[name]["span_f1"] = tagged.span_f1
        if name == "validation":
            found["counts"] = tagged.counts.T.tolist()
    return found
