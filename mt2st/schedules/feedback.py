"""Schedules that decide by what the run has seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mt2st.schedules.base import Feedback, Parameter, Schedule
from mt2st.schedules.fixed import Diminish


@dataclass(frozen=True)
class FeedbackDiminish(Schedule):
    """γ_k(t) = γ_k0 · exp(−η_k · s(t)): weights decay with the epochs s(t) that did not pay, not with time.

    s(t) counts the epochs before t after which validation accuracy was not above all earlier ones. As long as joint
    training pays the weights stay as they are; `Diminish` with ν = 1 is what is left where it never does.
    """

    NEEDS_VALIDATION = True

    gamma0: Parameter = 1.0
    eta: Parameter = 0.3

    def informed(self, t: int, seen: Feedback) -> Tensor:
        """Return γ(t) after these validation accuracies."""
        return Diminish(self.gamma0, self.eta).weights(sum(_without_gain(seen.validation[:t])))

    def reason(self, t: int, seen: Feedback) -> str:
        """Say which accuracy the last epoch did not surpass."""
        if not t or not _without_gain(seen.validation[:t])[-1]:
            return ""
        largest = self.informed(t, seen).max()
        return f"not above {max(seen.validation[: t - 1]):.3f} in validation: largest weight {largest:.2g}"

    def _weights(self, t: float) -> Tensor:
        return torch.tensor(self.gamma0, dtype=torch.float64)  # as long as every epoch pays


@dataclass(frozen=True)
class FeedbackSwitch(Schedule):
    """γ_k until joint training has not paid for `patience` epochs in a row, and 0 from there on: T_switch is found.

    An epoch pays that raises validation accuracy above all earlier ones.
    """

    NEEDS_VALIDATION = True

    patience: int = 3
    gamma: Parameter = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patience < 1:
            raise ValueError(f"patience must be at least 1, got {self.patience}")

    def informed(self, t: int, seen: Feedback) -> Tensor:
        """Return γ(t) after these validation accuracies."""
        switch = self._switch(seen.validation[:t])
        return self.weights(t) if switch is None else 0 * self.weights(t)

    def reason(self, t: int, seen: Feedback) -> str:
        """Say at the switch for how long joint training has not paid."""
        if self._switch(seen.validation[:t]) != t:
            return ""
        return f"not above {max(seen.validation[:t]):.3f} in validation for {self.patience} epochs: switch"

    def _switch(self, validation: Sequence[float]) -> int | None:
        """T_switch, as far as these accuracies decide it."""
        idle = 0
        for t, without in enumerate(_without_gain(validation)):
            idle = idle + 1 if without else 0
            if idle == self.patience:
                return t + 1
        return None

    def _weights(self, t: float) -> Tensor:
        return torch.tensor(self.gamma, dtype=torch.float64)  # as long as it pays


@dataclass(frozen=True)
class Slopes(Schedule):
    """γ_k to the end for auxiliary tasks that still learn when the primary task has begun to flatten, 0 for others.

    At `until` the slope of a task is the one of the least-squares line through the logarithm of its mean training loss
    in epochs `since`, …, `until` − 1: its relative change an epoch. A task stays whose loss falls at least `ratio`
    times as fast as the primary task's. In Bingel and Søgaard (2017) the slopes at 10 to 30% of a training, there of
    each task alone, tell gains best: main tasks gain that flatten early, from auxiliary tasks that do not.

    `informed` raises ValueError for a loss that is not above 0, or of a task that was not trained, in these epochs.

    Args:
        since, until: epochs, at least two of them.
        gamma: γ_k of the tasks that stay, and of all before.
        ratio: how fast a loss has to fall, relative to the primary one.
    """

    POSITIVE = frozenset({"gamma"})

    since: int
    until: int
    gamma: Parameter = 1.0
    ratio: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.since <= self.until - 2:
            raise ValueError(
                f"slopes need two epochs, since at least 0 and until at least since + 2, got {self.since}, {self.until}"
            )
        if not (math.isfinite(self.ratio) and self.ratio >= 0):
            raise ValueError(f"ratio must be finite and at least 0, got {self.ratio}")

    def informed(self, t: int, seen: Feedback) -> Tensor:
        """Return γ(t) after these losses."""
        if t < self.until:
            return self.weights(t)
        first, *others = self._slopes(seen)
        return self.weights(t) * torch.tensor([slope <= self.ratio * first for slope in others], dtype=torch.float64)

    def reason(self, t: int, seen: Feedback) -> str:
        """Say of each task how its loss changes and what follows."""
        if t != self.until:
            return ""
        first, *others = self._slopes(seen)
        said = [
            f"{task} {math.expm1(slope):+.1%}, {'stays' if slope <= self.ratio * first else 'ends'}"
            for task, slope in zip(seen.tasks[1:], others, strict=True)
        ]
        return f"change of the loss by epoch: {seen.tasks[0]} {math.expm1(first):+.1%}; {'; '.join(said)}"

    @property
    def settled(self) -> int:
        """The epoch at which it decides."""
        return self.until

    def _slopes(self, seen: Feedback) -> list[float]:
        """Change of the logarithm of each task's loss by epoch."""
        losses = np.array([of_task[self.since : self.until] for of_task in seen.losses])  # (tasks, epochs)
        if not (np.isfinite(losses) & (losses > 0)).all():
            worst = seen.tasks[int((~(losses > 0)).any(axis=1).argmax())]
            raise ValueError(
                f"slopes are of losses above 0 in epochs {self.since} to {self.until - 1}; those of {worst} are "
                "not, or it was not trained"
            )
        logs = np.log(losses)
        slopes: list[float] = np.polyfit(np.arange(logs.shape[1]), logs.T, 1)[0].tolist()
        return slopes

    def _weights(self, t: float) -> Tensor:
        return torch.tensor(self.gamma, dtype=torch.float64)  # of all, until it is decided


def _without_gain(validation: Sequence[float]) -> list[bool]:
    """Say of each epoch whether its accuracy is not above those of all earlier ones."""
    return [accuracy <= max(validation[:t], default=-math.inf) for t, accuracy in enumerate(validation)]
