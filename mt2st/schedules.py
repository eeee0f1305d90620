"""γ_k(t): how much each auxiliary task counts in epoch t.

Epochs are counted t = 0, 1, …, so that γ_k(0) = γ_k0 in (2) and `Switch(15)` trains exactly 15 epochs with its
auxiliary tasks, as the paper's released code does. (The paper's Algorithm 2 counts from 1 and would stop one earlier.)
`fit` takes anything with `weights(t)`, see `WeightSchedule`. A `Schedule` is one that can be part of a recorded run: a
value, which has no state, compares by its parameters and travels as a dict.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

Parameter = float | Sequence[float]


def _per_task(name: str, value: Parameter, is_positive: bool = False) -> tuple[float, ...]:
    """Return `value` as a tuple, each entry finite and at least 0, or above it; raise ValueError naming it."""
    if isinstance(value, str):
        raise ValueError(f"{name} must be a number or a sequence of numbers, got {value!r}")
    values = (float(value),) if isinstance(value, int | float) else tuple(float(v) for v in value)
    for v in values:
        if not math.isfinite(v) or v < 0 or (is_positive and not v):
            bound = "above 0" if is_positive else "at least 0"
            raise ValueError(f"{name} must be finite and {bound}, got {v:g}")
    return values


def _same_length(**parameters: tuple[float, ...]) -> None:
    """Raise ValueError unless all parameters have one length or length one (which broadcasts)."""
    lengths = {name: len(values) for name, values in parameters.items() if len(values) != 1}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ValueError(f"one value a task is needed, but {listed}")


class WeightSchedule(Protocol):
    """What `fit` asks of a schedule. One that is a `Schedule` can also say `primary` and `restart`."""

    def weights(self, t: float) -> Tensor | Sequence[float] | float:
        """Return γ(t) ≥ 0 for epoch t: one weight a task, or one for all; the same for the same t."""


@dataclass(frozen=True)
class Restart:
    """How a new phase of training begins.

    Args:
        learning_rate: factor on the learning rate that the run began with.
        from_best: go back to the best epoch so far, in place of going on from the last one.
        fresh: let the optimiser forget its state.
        freeze: share of the dimensions of the embedding table that stay as they are from now on, those least relevant
            to the primary task (`adaptation.Frozen`).
    """

    learning_rate: float = 1.0
    from_best: bool = False
    fresh: bool = True
    freeze: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """One weight γ_k(t) ≥ 0 for each auxiliary task k.

    A `Parameter` is a scalar, which holds for every task, or a sequence, one value a task; it is finite and at least 0,
    above 0 where it is among `POSITIVE`.
    """

    POSITIVE: ClassVar[frozenset[str]] = frozenset()
    NEEDS_VALIDATION: ClassVar[bool] = False

    def __post_init__(self) -> None:
        parameters = [field.name for field in fields(self) if field.type == Parameter]
        values = {name: _per_task(name, getattr(self, name), name in self.POSITIVE) for name in parameters}
        _same_length(**values)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def weights(self, t: float) -> Tensor:
        """Return γ(t), shape (K,) in float64; K = 1 where all parameters are scalars (it broadcasts).

        Raises ValueError if `t` is negative.
        """
        if not t >= 0:
            raise ValueError(f"epoch t must be at least 0, got {t}")
        return self._weights(float(t))

    def informed(self, t: int, validation: Sequence[float]) -> Tensor:
        """Return γ(t), as `weights`, for a run that has seen these validation accuracies of its primary task, by epoch.

        Only schedules that decide by them (`NEEDS_VALIDATION`) give other weights than `weights` does.
        """
        return self.weights(t)

    def primary(self, t: float) -> float:
        """Weight of the primary task in epoch t: 1, but where it waits for the auxiliary ones."""
        return 1.0

    def restart(self, t: int) -> Restart | None:
        """Say how training begins anew before epoch t; None where it goes on."""
        return None

    def _weights(self, t: float) -> Tensor:
        raise TypeError(f"{type(self).__name__} is abstract: define `_weights`, or use Constant, Diminish or Switch")

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as plain JSON values; `from_dict` is its inverse."""
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {"kind": type(self).__name__} | values


@dataclass(frozen=True)
class Constant(Schedule):
    """γ_k(t) = γ_k: plain multi-task learning. `Constant([])` has no task: single-task learning."""

    gamma: Parameter = 1.0

    def _weights(self, t: float) -> Tensor:
        return torch.tensor(self.gamma, dtype=torch.float64)


@dataclass(frozen=True)
class Diminish(Schedule):
    """γ_k(t) = γ_k0 · exp(−η_k · t^ν_k), equation (2).

    Args:
        gamma0: initial weight γ_k0 ≥ 0.
        eta: decay rate η_k ≥ 0, per epoch^ν.
        nu: curvature ν_k > 0.

    The paper gives no values for η and ν. Its released code multiplies by α and squares α each epoch, α^(2^t), which is
    neither (2) nor (11).
    """

    POSITIVE = frozenset({"nu"})

    gamma0: Parameter = 1.0
    eta: Parameter = 0.3
    nu: Parameter = 1.0

    @classmethod
    def geometric(cls, alpha: Parameter, gamma0: Parameter = 1.0) -> "Diminish":
        """γ_k(t) = γ_k0 · α_k^t, equation (11): (2) with η = −ln α and ν = 1. Needs 0 < α ≤ 1."""
        alphas = _per_task("alpha", alpha, is_positive=True)
        if max(alphas, default=0) > 1:
            raise ValueError(f"alpha must be at most 1, got {max(alphas):g}")
        return cls(gamma0, [-math.log(a) for a in alphas], 1.0)

    def _weights(self, t: float) -> Tensor:
        gamma0, eta, nu = (torch.tensor(p, dtype=torch.float64) for p in (self.gamma0, self.eta, self.nu))
        return gamma0 * torch.exp(-eta * t**nu)


@dataclass(frozen=True)
class Squared(Schedule):
    """γ_k(t) = γ_k0 · α_k^(2^t), what the released code does for Diminish: it squares α every epoch.

    That is neither (2) nor (11): from α = 0.95 it falls below 0.01 in epoch 7. Needs 0 ≤ α ≤ 1; α = 1 is constant.
    """

    alpha: Parameter = 0.95
    gamma0: Parameter = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if max(largest := _per_task("alpha", self.alpha), default=0) > 1:
            raise ValueError(f"alpha must be at most 1, got {max(largest):g}")

    def _weights(self, t: float) -> Tensor:
        alpha, gamma0 = (torch.tensor(p, dtype=torch.float64) for p in (self.alpha, self.gamma0))
        return gamma0 * alpha ** (2.0**t)


@dataclass(frozen=True)
class Switch(Schedule):
    """γ_k(t) = γ_k for t < T_switch and 0 from there on, equations (4), (5) and (10); the paper has γ_k = 1."""

    t_switch: Parameter
    gamma: Parameter = 1.0

    def _weights(self, t: float) -> Tensor:
        t_switch, gamma = (torch.tensor(p, dtype=torch.float64) for p in (self.t_switch, self.gamma))
        return gamma * (t < t_switch)


@dataclass(frozen=True)
class DiminishUntil(Schedule):
    """γ_k(t) = γ_k0 · exp(−η_k · t^ν_k) for t < T_switch and 0 from there on: (2) and (4) in one.

    η = 0 makes it `Switch`, a T_switch that no epoch reaches `Diminish`, both together plain multi-task learning, and
    T_switch = 0 single-task learning. The paper has the two strategies apart; between them lie all weights that fade
    and then end.
    """

    POSITIVE = frozenset({"nu"})

    t_switch: Parameter
    gamma0: Parameter = 1.0
    eta: Parameter = 0.3
    nu: Parameter = 1.0

    def _weights(self, t: float) -> Tensor:
        return Diminish(self.gamma0, self.eta, self.nu).weights(t) * Switch(self.t_switch).weights(t)


@dataclass(frozen=True)
class Linear(Schedule):
    """γ_k(t) = γ_k · (1 − t / T_end) for t < T_end and 0 from there on."""

    POSITIVE = frozenset({"t_end"})

    t_end: Parameter
    gamma: Parameter = 1.0

    def _weights(self, t: float) -> Tensor:
        t_end, gamma = (torch.tensor(p, dtype=torch.float64) for p in (self.t_end, self.gamma))
        return gamma * (1 - t / t_end).clamp_min(0)


@dataclass(frozen=True)
class Floor(Schedule):
    """γ_k(t) = γ_k0 · (γ_k1 / γ_k0)^min(t / T, 1): from γ_k0 exponentially to γ_k1 in epoch T, and no further.

    Chronopoulou et al. (2019) let an auxiliary language model decay from 0.2 to 0.1.
    """

    POSITIVE = frozenset({"t_end", "gamma0", "gamma1"})

    t_end: Parameter
    gamma0: Parameter = 0.2
    gamma1: Parameter = 0.1

    def _weights(self, t: float) -> Tensor:
        t_end, gamma0, gamma1 = (torch.tensor(p, dtype=torch.float64) for p in (self.t_end, self.gamma0, self.gamma1))
        return gamma0 * (gamma1 / gamma0) ** (t / t_end).clamp_max(1)


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
    """

    t_switch: int
    gamma: Parameter = 1.0
    learning_rate: float = 1.0
    freeze: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_switch(self.t_switch)
        _check_factor(self.learning_rate)
        if not 0 <= self.freeze < 1:
            raise ValueError(f"freeze must be at least 0 and below 1, got {self.freeze}")

    def restart(self, t: int) -> Restart | None:
        """Ease the transition at T_switch."""
        return Restart(self.learning_rate, fresh=False, freeze=self.freeze) if t == self.t_switch and t else None

    def _weights(self, t: float) -> Tensor:
        return torch.tensor(self.gamma, dtype=torch.float64) * (t < self.t_switch)


@dataclass(frozen=True)
class FeedbackDiminish(Schedule):
    """γ_k(t) = γ_k0 · exp(−η_k · s(t)): weights decay with the epochs s(t) that did not pay, not with time.

    s(t) counts the epochs before t after which validation accuracy was not above all earlier ones. As long as joint
    training pays the weights stay as they are; `Diminish` with ν = 1 is what is left where it never does.
    """

    NEEDS_VALIDATION = True

    gamma0: Parameter = 1.0
    eta: Parameter = 0.3

    def informed(self, t: int, validation: Sequence[float]) -> Tensor:
        """Return γ(t) after these validation accuracies."""
        return Diminish(self.gamma0, self.eta).weights(sum(_without_gain(validation[:t])))

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

    def informed(self, t: int, validation: Sequence[float]) -> Tensor:
        """Return γ(t) after these validation accuracies."""
        idle = 0
        for without in _without_gain(validation[:t]):
            idle = idle + 1 if without else 0
            if idle == self.patience:
                return 0 * self.weights(t)
        return self.weights(t)

    def _weights(self, t: float) -> Tensor:
        return torch.tensor(self.gamma, dtype=torch.float64)  # as long as it pays


def _without_gain(validation: Sequence[float]) -> list[bool]:
    """Say of each epoch whether its accuracy is not above those of all earlier ones."""
    return [accuracy <= max(validation[:t], default=-math.inf) for t, accuracy in enumerate(validation)]


@dataclass(frozen=True)
class RandomWeights(Schedule):
    """γ_k(t) = K · softmax of K normal numbers, others in every epoch (Lin et al. 2022, there in every step).

    A control for every way to set weights. Args: `tasks`, how many there are; `seed` of the numbers.
    """

    tasks: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tasks < 1:
            raise ValueError(f"tasks must be at least 1, got {self.tasks}")

    def _weights(self, t: float) -> Tensor:
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + int(t))
        return self.tasks * torch.randn(self.tasks, generator=generator, dtype=torch.float64).softmax(0)


def _check_switch(t_switch: int) -> None:
    if t_switch < 0 or t_switch != int(t_switch):
        raise ValueError(f"t_switch must be a whole number of epochs, at least 0, got {t_switch}")


def _check_factor(learning_rate: float) -> None:
    if not 0 < learning_rate <= 1:
        raise ValueError(f"learning_rate must be above 0 and at most 1, got {learning_rate}")


SINGLE_TASK = Constant([])


def from_dict(values: dict[str, Any]) -> Schedule:
    """Rebuild a schedule from `Schedule.to_dict()`, one of your own too; ValueError on an unknown kind or parameter."""
    kinds = {kind.__name__: kind for kind in _kinds(Schedule)}
    parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k != "kind"}
    kind = kinds.get(str(values.get("kind")))
    if kind is None:
        raise ValueError(f"unknown schedule {values.get('kind')!r}; known: {', '.join(kinds)}")
    try:
        return kind(**parameters)
    except TypeError as error:
        raise ValueError(f"{kind.__name__} cannot take {parameters}: {error}") from error


def _kinds(base: type[Schedule]) -> list[type[Schedule]]:
    """Return all subclasses, wherever they are defined."""
    return [kind for child in base.__subclasses__() for kind in (child, *_kinds(child))]
