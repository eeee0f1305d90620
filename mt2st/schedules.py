"""γ_k(t): how much each auxiliary task counts in epoch t.

Epochs are counted t = 0, 1, …, so that γ_k(0) = γ_k0 in (2) and `Switch(15)` trains exactly 15 epochs with its
auxiliary tasks, as the paper's released code does. (The paper's Algorithm 2 counts from 1 and would stop one earlier.)
`fit` takes anything with `weights(t)`, see `WeightSchedule`. A `Schedule` is one that can be part of a recorded run: a
value, which has no state, compares by its parameters and travels as a dict.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

Parameter = float | Sequence[float]


def _per_task(name: str, value: Parameter, low: float, *, open_low: bool = False) -> tuple[float, ...]:
    """Return `value` as a tuple, each entry finite and at least (or above) `low`; raise ValueError naming it."""
    if isinstance(value, str):
        raise ValueError(f"{name} must be a number or a sequence of numbers, got {value!r}")
    values = (float(value),) if isinstance(value, int | float) else tuple(float(v) for v in value)
    for v in values:
        if not math.isfinite(v) or v < low or (open_low and v == low):
            bound = f"above {low:g}" if open_low else f"at least {low:g}"
            raise ValueError(f"{name} must be finite and {bound}, got {v:g}")
    return values


def _same_length(**parameters: tuple[float, ...]) -> None:
    """Raise ValueError unless all parameters have one length or length one (which broadcasts)."""
    lengths = {name: len(values) for name, values in parameters.items() if len(values) != 1}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ValueError(f"one value a task is needed, but {listed}")


class WeightSchedule(Protocol):
    """What `fit` asks of a schedule."""

    def weights(self, t: float) -> Tensor | Sequence[float] | float:
        """Return γ(t) ≥ 0 for epoch t: one weight a task, or one for all; the same for the same t."""


@dataclass(frozen=True)
class Schedule:
    """One weight γ_k(t) ≥ 0 for each auxiliary task k.

    Parameters are scalars, which hold for every task, or sequences, one value a task.
    """

    def weights(self, t: float) -> Tensor:
        """Return γ(t), shape (K,) in float64; K = 1 where all parameters are scalars (it broadcasts).

        Raises ValueError if `t` is negative.
        """
        if not t >= 0:
            raise ValueError(f"epoch t must be at least 0, got {t}")
        return self._weights(float(t))

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", _per_task("gamma", self.gamma, 0))

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

    gamma0: Parameter = 1.0
    eta: Parameter = 0.3
    nu: Parameter = 1.0

    def __post_init__(self) -> None:
        gamma0 = _per_task("gamma0", self.gamma0, 0)
        eta = _per_task("eta", self.eta, 0)
        nu = _per_task("nu", self.nu, 0, open_low=True)
        _same_length(gamma0=gamma0, eta=eta, nu=nu)
        for name, values in [("gamma0", gamma0), ("eta", eta), ("nu", nu)]:
            object.__setattr__(self, name, values)

    @classmethod
    def geometric(cls, alpha: Parameter, gamma0: Parameter = 1.0) -> "Diminish":
        """γ_k(t) = γ_k0 · α_k^t, equation (11): (2) with η = −ln α and ν = 1. Needs 0 < α ≤ 1."""
        alphas = _per_task("alpha", alpha, 0, open_low=True)
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
        alpha, gamma0 = _per_task("alpha", self.alpha, 0), _per_task("gamma0", self.gamma0, 0)
        if max(alpha, default=0) > 1:
            raise ValueError(f"alpha must be at most 1, got {max(alpha):g}")
        _same_length(alpha=alpha, gamma0=gamma0)
        for name, values in [("alpha", alpha), ("gamma0", gamma0)]:
            object.__setattr__(self, name, values)

    def _weights(self, t: float) -> Tensor:
        alpha, gamma0 = (torch.tensor(p, dtype=torch.float64) for p in (self.alpha, self.gamma0))
        return gamma0 * alpha ** (2.0**t)


@dataclass(frozen=True)
class Switch(Schedule):
    """γ_k(t) = γ_k for t < T_switch and 0 from there on, equations (4), (5) and (10); the paper has γ_k = 1."""

    t_switch: Parameter
    gamma: Parameter = 1.0

    def __post_init__(self) -> None:
        t_switch = _per_task("t_switch", self.t_switch, 0)
        gamma = _per_task("gamma", self.gamma, 0)
        _same_length(t_switch=t_switch, gamma=gamma)
        object.__setattr__(self, "t_switch", t_switch)
        object.__setattr__(self, "gamma", gamma)

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

    t_switch: Parameter
    gamma0: Parameter = 1.0
    eta: Parameter = 0.3
    nu: Parameter = 1.0

    def __post_init__(self) -> None:
        t_switch = _per_task("t_switch", self.t_switch, 0)
        gamma0 = _per_task("gamma0", self.gamma0, 0)
        eta = _per_task("eta", self.eta, 0)
        nu = _per_task("nu", self.nu, 0, open_low=True)
        _same_length(t_switch=t_switch, gamma0=gamma0, eta=eta, nu=nu)
        for name, values in [("t_switch", t_switch), ("gamma0", gamma0), ("eta", eta), ("nu", nu)]:
            object.__setattr__(self, name, values)

    def _weights(self, t: float) -> Tensor:
        return Diminish(self.gamma0, self.eta, self.nu).weights(t) * Switch(self.t_switch).weights(t)


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
