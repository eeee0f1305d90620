"""What a schedule is: γ_k(t), how much each auxiliary task counts in epoch t, and how phases of training begin."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, Protocol

from torch import Tensor

Parameter = float | Sequence[float]


def per_task(name: str, value: Parameter, is_positive: bool = False) -> tuple[float, ...]:
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
        own_layers: the primary task's layers of its own are trained from now on (`models.OwnLayer`).
        branch: "fork" goes back to where the branches part, which is here the first time, and keeps what the last one
            came to; "merge" makes one model of them, from which others may part (`branching.Fork`).
    """

    learning_rate: float = 1.0
    from_best: bool = False
    fresh: bool = True
    freeze: float = 0.0
    own_layers: bool = False
    branch: Literal["", "fork", "merge"] = ""


@dataclass(frozen=True)
class Feedback:
    """What a run has seen before epoch t.

    Args:
        validation: accuracies of the primary task, by epoch.
        losses: mean training losses by task, the primary one first, each by epoch; NaN where it was not trained.
        tasks: names of these tasks.
    """

    validation: Sequence[float] = ()
    losses: Sequence[Sequence[float]] = ()
    tasks: Sequence[str] = ()


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
        values = {name: per_task(name, getattr(self, name), name in self.POSITIVE) for name in parameters}
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

    def informed(self, t: int, seen: Feedback) -> Tensor:
        """Return γ(t) for a run that has seen this.

        Only schedules that decide by it (`feedback`) give other weights than `weights` does. None looks at more than
        the epochs before t.
        """
        return self.weights(t)

    def reason(self, t: int, seen: Feedback) -> str:
        """Say in words what is decided before epoch t and why; nothing where nothing is."""
        return ""

    @property
    def settled(self) -> int:
        """The epoch from which on nothing is decided that `weights` does not foresee; patience waits for it."""
        return 0

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
