"""Schedules of several phases, which begin anew: transfer, post-training, an eased switch, and branches."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mt2st.schedules.base import Parameter, Restart, Schedule
from mt2st.schedules.fixed import Constant


@dataclass(frozen=True)
class AuxiliaryFirst(Schedule):
    """The auxiliary tasks alone for t < T_switch, then the primary task alone with a fresh optimiser.

    Transfer by pre-training, the other end of what multi-task learning is compared with (Weller et al. 2022).
    """

    t_switch: int
    gamma: Parameter = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_switch(self.t_switch)

    def primary(self, t: float) -> float:
        """Return 0 while the auxiliary tasks are trained, 1 from T_switch on."""
        return float(t >= self.t_switch)

    def restart(self, t: int) -> Restart | None:
        """Begin anew at T_switch."""
        return Restart() if t == self.t_switch and t else None

    def _weights(self, t: float) -> Tensor:
        return torch.tensor(self.gamma, dtype=torch.float64) * (t < self.t_switch)


@dataclass(frozen=True)
class PostTraining(Schedule):
    """All tasks for t < T_switch; then, from the best of these epochs, the primary task alone at a lower rate.

    Which epoch is best validation says: `fit` needs held-out examples for it, and to keep the best.

    Args:
        t_switch: T_switch, in whole epochs.
        gamma: γ_k until then.
        learning_rate: factor on the learning rate from then on.
    """

    t_switch: int
    gamma: Parameter = 1.0
    learning_rate: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_switch(self.t_switch)
        _check_factor(self.learning_rate)

    def restart(self, t: int) -> Restart | None:
        """Begin anew at T_switch, from the best epoch."""
        return Restart(self.learning_rate, from_best=True) if t == self.t_switch and t else None

    def _weights(self, t: float) -> Tensor:
        return torch.tensor(self.gamma, dtype=torch.float64) * (t < self.t_switch)


@dataclass(frozen=True)
class Transition(Schedule):
    """All tasks for t < T_switch, then the primary task alone, eased in the ways that the paper names (section III-A).

    It gives no formulas for them. Training goes on from the last epoch with the optimiser's state, which is what tells
    it from `PostTraining`.

    Args:
        t_switch: T_switch, in whole epochs.
        gamma: γ_k until then.
        learning_rate: factor on the learning rate from then on.
        freeze: share of the dimensions of the embedding table that stay as they are from then on.
        own_layers: whether the primary task's layers of its own are trained from then on (`models.OwnLayer`), which
            its head has to have (`models.LinearHead.add_own_layer`).
    """

    t_switch: int
    gamma: Parameter = 1.0
    learning_rate: float = 1.0
    freeze: float = 0.0
    own_layers: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_switch(self.t_switch)
        _check_factor(self.learning_rate)
        if not 0 <= self.freeze < 1:
            raise ValueError(f"freeze must be at least 0 and below 1, got {self.freeze}")

    def restart(self, t: int) -> Restart | None:
        """Ease the transition at T_switch."""
        if not t or t != self.t_switch:
            return None
        return Restart(self.learning_rate, fresh=False, freeze=self.freeze, own_layers=self.own_layers)

    def _weights(self, t: float) -> Tensor:
        return torch.tensor(self.gamma, dtype=torch.float64) * (t < self.t_switch)


@dataclass(frozen=True)
class Branches(Schedule):
    """Rounds of branches that part from one model and become one again, then the primary task alone.

    In each round the primary task is trained alone for some epochs, then with each auxiliary task from where the round
    began; the branches are merged by validation (`branching.Fork`). This is ForkMerge (Jiang et al. 2023) with
    branches one after the other, so that epochs count all work, and with an end on one task, which it has not.

    Args:
        tasks: K, how many auxiliary tasks there are.
        interval: epochs of a branch.
        rounds: of K + 1 branches each.
        gamma: γ_k in a task's own branch.
    """

    NEEDS_VALIDATION = True

    tasks: int
    interval: int = 2
    rounds: int = 2
    gamma: Parameter = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("tasks", "interval", "rounds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if len(weights := Constant(self.gamma).weights(0)) not in (1, self.tasks):
            raise ValueError(f"gamma must have one value, or one a task: {len(weights)} for {self.tasks} tasks")

    @property
    def t_switch(self) -> int:
        """Epoch from which on the primary task is trained alone."""
        return self.rounds * (self.tasks + 1) * self.interval

    def restart(self, t: int) -> Restart | None:
        """Begin a branch, or all anew from the merged ones."""
        if t > self.t_switch or t % self.interval:
            return None
        return Restart(branch="fork" if not t or t // self.interval % (self.tasks + 1) else "merge")

    def _weights(self, t: float) -> Tensor:
        branch = int(t // self.interval) % (self.tasks + 1) if t < self.t_switch else 0
        is_own = torch.arange(1, self.tasks + 1) == branch
        return torch.tensor(self.gamma, dtype=torch.float64) * is_own


def _check_switch(t_switch: int) -> None:
    if t_switch < 0 or t_switch != int(t_switch):
        raise ValueError(f"t_switch must be a whole number of epochs, at least 0, got {t_switch}")


def _check_factor(learning_rate: float) -> None:
    if not 0 < learning_rate <= 1:
        raise ValueError(f"learning_rate must be above 0 and at most 1, got {learning_rate}")
