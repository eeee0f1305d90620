"""What a training leaves: a row an epoch, a row an epoch and task, and the best states of its model."""

import copy
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mt2st.models import Model
from mt2st.tasks import Outcome

PRIMARY, AUXILIARY = "primary", "auxiliary"


@dataclass(frozen=True)
class Checkpoint:
    """Parameters of a model as they were after an epoch."""

    epoch: int
    state: dict[str, Tensor]

    @classmethod
    def of(cls, epoch: int, model: Model) -> "Checkpoint":
        """Copy the parameters of a model."""
        return cls(epoch, copy.deepcopy(model.state_dict()))


@dataclass
class History:
    """What happened in each epoch, and in which one the model was kept.

    `epochs` has a row an epoch: the total loss, the norm of the primary gradient, counts of work, and seconds. `tasks`
    has a row an epoch and task: its role, weight, trained batches, mean training loss and accuracy, its loss on a fixed
    batch (`probe`, of auxiliary tasks, also where they are no longer trained), and its scores on held-out examples
    (`validation_…`); with an aggregator, of auxiliary tasks also how their gradients stand to the primary one: mean
    `cosine`, the share of steps in which it is negative (`conflicts`), and the mean ratio of norms, γ_k‖g_k‖ / ‖g_0‖
    (`size`); with a balance, of all tasks the mean factor that it puts on top of their weight (`balance`).
    `steps` has each task's loss of every step, NaN where it was not trained. `decisions` has what the schedule decided
    by what it had seen: the epoch before which, and why, in words.

    A phase is a run of epochs that train the same tasks. `checkpoints` has the best epoch of each phase by name, "phase
    1", …, and the "last" epoch of all, `accuracies` what the best ones scored, by number; nothing where the last
    epoch is the one to keep.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    tasks: list[dict[str, float | str]] = field(default_factory=list)
    steps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    decisions: list[tuple[int, str]] = field(default_factory=list)
    best_epoch: int = -1
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    accuracies: dict[int, float] = field(default_factory=dict)

    def offer(self, epoch: int, phase: int, accuracy: float, model: Model) -> None:
        """Keep a copy of the model if its accuracy is the best of its phase so far, and note the best epoch of all."""
        if accuracy > max(self.accuracies.values(), default=-1.0):
            self.best_epoch = epoch
        if accuracy > self.accuracies.get(phase, -1.0):
            self.accuracies[phase] = accuracy
            self.checkpoints[f"phase {phase}"] = Checkpoint.of(epoch, model)

    def frame(self) -> pd.DataFrame:
        """One row an epoch, see `with_primary`."""
        return with_primary(self.epoch_frame(), self.task_frame())

    def epoch_frame(self) -> pd.DataFrame:
        """Return `epochs` as a frame."""
        return pd.DataFrame(self.epochs)

    def task_frame(self) -> pd.DataFrame:
        """Return `tasks` as a frame."""
        return pd.DataFrame(self.tasks)

    @property
    def best(self) -> Checkpoint:
        """The checkpoint of the best epoch so far."""
        return next(found for found in self.checkpoints.values() if found.epoch == self.best_epoch)

    @property
    def train_seconds(self) -> float:
        """Seconds spent training, with what it takes to begin phases and merge branches; evaluation apart."""
        return sum(epoch["train_seconds"] for epoch in self.epochs)


def with_primary(epochs: pd.DataFrame, tasks: pd.DataFrame) -> pd.DataFrame:
    """Return epochs with the columns of the primary task beside them; its loss is `primary_loss`, the total `loss`."""
    if not len(tasks):
        return epochs
    primary = tasks[tasks["role"] == PRIMARY].drop(
        columns=["task", "role", "weight", "batches", "probe"], errors="ignore"
    )
    return epochs.merge(primary.rename(columns={"loss": "primary_loss"}), on="epoch")


class Tally:
    """Sums over the steps of an epoch that train one task; they stay on the device until the epoch is over."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.at: list[int] = []  # their steps
        self.loss: Tensor | float = 0.0
        self.right: Tensor | float = 0.0
        self.answers: Tensor | float = 0.0
        self.stands: list[Tensor] = []  # cosine and size of its gradient to the primary one, (2,) a step
        self.factors: list[float] = []  # of a balance

    def add(self, step: int, loss: Tensor, outcome: Outcome) -> None:
        """Count the outcome of one batch."""
        self.losses.append(loss)
        self.at.append(step)
        self.loss = self.loss + loss
        if outcome.right is not None and outcome.answers is not None:
            self.right, self.answers = self.right + outcome.right, self.answers + outcome.answers

    def means(self) -> dict[str, float]:
        """Return the mean loss and accuracy; nothing for a task that was not trained."""
        if not self.at:
            return {}
        found = {"loss": float(self.loss) / len(self.at)}
        if float(self.answers):
            found["train_accuracy"] = float(self.right) / float(self.answers)
        if self.stands:
            cosine, size = torch.stack(self.stands).T  # each (steps,)
            found |= {"cosine": float(cosine.mean()), "conflicts": float((cosine < 0).float().mean())}
            found["size"] = float(size.mean())
        if self.factors:
            found["balance"] = float(np.mean(self.factors))
        return found

    def by_step(self, steps: int) -> list[float]:
        """Return the loss of every step, NaN where the task was not trained."""
        losses = np.full(steps, np.nan)
        if self.at:
            losses[self.at] = torch.stack(self.losses).cpu().numpy()
        return losses.tolist()
