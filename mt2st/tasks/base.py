"""What `fit` needs to know of a task: its head, its batches and its loss."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mt2st.metrics import Evaluation
from mt2st.models import Model, SharedEncoder

# What a task and its encoder agree on: tensors whose first dimension is the examples. Of a task that is evaluated the
# last one holds the targets, the others are the inputs of the encoder.
Batch = tuple[Tensor, ...]

IGNORED = -100  # target of padding, the default `ignore_index` of cross_entropy


@dataclass(frozen=True)
class Outcome:
    """What a model makes of a batch: the loss, a scalar, and of a task with classes how many answers were right."""

    loss: Tensor
    right: Tensor | None = None  # a scalar
    answers: Tensor | None = None  # how many there were, a scalar


class Task(ABC):
    """What `fit` needs to know of a task, primary or auxiliary."""

    name: str
    level: Literal["words", "sentence", "table"] = "sentence"  # what it reads, by which `architectures` place it

    def head(self, encoder: SharedEncoder) -> nn.Module | None:
        """Return a new head on top of `encoder`; None where the task looks at the embedding table alone."""
        return None

    @abstractmethod
    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield every example once in batches of `size`, in random order, or in a fixed one if `generator` is None."""

    @abstractmethod
    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Mean loss over a batch, a scalar."""

    def outcome(self, model: Model, batch: Batch) -> Outcome:
        """Return the loss of a batch, and what else the same pass through the model gives."""
        return Outcome(self.loss(model, batch))

    def examples(self) -> int:
        """Say how many there are in one pass."""
        return sum(len(batch[0]) for batch in self.batches(1_024, None))

    def counts(self, batch: Batch) -> dict[str, int]:
        """Say how much work a batch is, to compare budgets."""
        return {"examples": len(batch[0])}


class LabelledTask(Task):
    """A task with classes to predict, which can be evaluated and so be the primary task.

    Subclasses set `name` and `classes` and define `head` and `batches`. Batches are the inputs of the encoder, then the
    targets: class indices, `IGNORED` where there is no answer to give.

    With `answered_as`, the name of a task with the same classes in the same order, there is no head: that task's
    answers, as if the examples were pooled with its own. Unlike pooled examples they have a weight of their own, so
    that training can end without them.
    """

    classes: tuple[str, ...]
    answered_as: str = ""
    class_weights: Tensor | None = None  # (classes,) how much an example of each class counts in the loss

    def logits(self, model: Model, batch: Batch) -> Tensor:
        """Scores of the classes, (batch, classes) or (batch, time, classes)."""
        return model(self.answered_as or self.name, *batch[:-1])

    def outcome(self, model: Model, batch: Batch) -> Outcome:
        """Return the loss of a batch and how many of its answers are right."""
        logits, targets = self.logits(model, batch), batch[-1]
        return Outcome(
            self.mean_loss(logits, targets), (logits.argmax(-1) == targets).sum(), (targets != IGNORED).sum()
        )

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Mean cross-entropy, see `mean_loss`."""
        return self.outcome(model, batch).loss

    def mean_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of logits (…, classes) and targets (…) over all answers, weighted by class if so set."""
        weight = None if self.class_weights is None else self.class_weights.to(logits.device)
        return cross_entropy(logits.flatten(0, -2), targets.flatten(), weight, ignore_index=IGNORED)

    def terms(self, targets: Tensor) -> int:
        """Number of terms that `mean_loss` is a mean of."""
        return int((targets != IGNORED).sum())

    def order(self, size: int) -> Tensor:
        """Which example stands where in `batches(size, None)`, (N,): as they were given, by default."""
        return torch.arange(sum(len(batch[0]) for batch in self.batches(size, None)))

    def scores(self, evaluation: Evaluation) -> dict[str, float]:
        """Return what is recorded of predictions on held-out examples."""
        return {"accuracy": evaluation.accuracy}


def endless(task: Task, size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Yield a task's batches again and again, newly shuffled each time."""
    while True:
        yield from task.batches(size, generator)
