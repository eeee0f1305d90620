"""Weights that are functions of the epoch alone: the paper's, and others beside them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mt2st.schedules.base import Parameter, Schedule, per_task


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
        alphas = per_task("alpha", alpha, is_positive=True)
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
        if max(largest := per_task("alpha", self.alpha), default=0) > 1:
            raise ValueError(f"alpha must be at most 1, got {max(largest):g}")

    def _weights(self, t: float) -> Tensor:
        alpha, gamma0 = (torch.tensor(p, dtype=torch.float64) for p in (self.alpha, self.gamma0))
        return gamma0 * alpha ** (2.0 ** min(t, 1023.0))  # 2^1024 is no double; all powers are 0 or 1 long before


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


SINGLE_TASK = Constant([])
