"""Gradients of tasks on what they share: how far they agree, and how they become one.

An aggregator takes the gradients of a step's tasks as the rows of a matrix (tasks, parameters), the primary task's
first and each times its weight γ_k, and returns the one that is descended (parameters,). TorchJD's aggregators are of
the same kind, so that all of them can be used. Shared is what the encoder has, the table among it; a head that several
tasks answer by has the sum of their gradients.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

Aggregator = Callable[[Tensor], Tensor]

TORCHJD: dict[str, Callable[[Any, int], Aggregator]] = {  # of a number of tasks, at their authors' settings
    "AlignedMTL": lambda aggregation, tasks: aggregation.AlignedMTL(),  # Senushkin et al. 2023
    "CAGrad": lambda aggregation, tasks: aggregation.CAGrad(c=0.5),  # Liu et al. 2021
    "MGDA": lambda aggregation, tasks: aggregation.MGDA(),  # Désidéri 2012
    "NashMTL": lambda aggregation, tasks: aggregation.NashMTL(tasks),  # Navon et al. 2022
    "PCGrad": lambda aggregation, tasks: aggregation.PCGrad(),  # Yu et al. 2020
    "UPGrad": lambda aggregation, tasks: aggregation.UPGrad(),  # Quinton and Rey 2024
}


def total(gradients: Tensor) -> Tensor:
    """Sum of all gradients, equation (3): what training without an aggregator does."""
    return gradients.sum(0)


def gate(gradients: Tensor) -> Tensor:
    """Sum of the primary gradient and of those that do not point away from it, ⟨g_0, g_k⟩ ≥ 0 (Du et al. 2018)."""
    is_kept = gradients @ gradients[0] >= 0
    is_kept[0] = True
    return is_kept.to(gradients) @ gradients


def project(gradients: Tensor) -> Tensor:
    """Sum of all gradients, without what points away from the primary one.

    g_k with ⟨g_0, g_k⟩ < 0 becomes g_k − ⟨g_0, g_k⟩ / ‖g_0‖² · g_0. PCGrad (Yu et al. 2020) does so for every pair of
    tasks; here the primary gradient itself stays as it is, and auxiliary ones may oppose each other.
    """
    primary = gradients[0]
    against = (gradients[1:] @ primary).clamp_max(0)  # (K,)
    squared = (primary @ primary).clamp_min(torch.finfo(primary.dtype).tiny)
    return gradients.sum(0) - against.sum() / squared * primary


class Learned:
    """g_0 + Σ_k w_k g_k with w = K · softmax(v), where v_k grows by `rate` times the cosine of g_k and g each step.

    g is the gradient of the primary loss on held-out examples: tasks whose gradients agree with it come to count more
    (as in Lin et al. 2019 and Dery et al. 2021). It has a state, v, and so is for one run; where the number of tasks
    changes it begins anew.
    """

    def __init__(self, rate: float = 0.01) -> None:
        self.rate = rate
        self.values: Tensor | None = None  # v (K,), zeros before the first step
        self.look: Callable[[], Tensor] | None = None  # gives g (parameters,) at each step; `fit` sets it

    def __call__(self, gradients: Tensor) -> Tensor:
        """Return the weighted sum, after a step of the weights; raises ValueError without held-out examples."""
        if self.look is None:
            raise ValueError("Learned compares with a gradient on held-out examples: set `look`, as `fit` does")
        agreement = cosine_similarity(gradients[1:], self.look()[None], dim=1)  # (K,)
        if self.values is None or len(self.values) != len(agreement):  # other tasks than before
            self.values = torch.zeros_like(agreement)
        self.values = self.values + self.rate * agreement
        return gradients[0] + len(agreement) * self.values.softmax(0) @ gradients[1:]


AGGREGATORS: dict[str, Callable[[], Aggregator]] = {
    "sum": lambda: total,
    "gate": lambda: gate,
    "projection": lambda: project,
    "learned": Learned,
}


def aggregator(name: str, tasks: int) -> Aggregator:
    """Return a new aggregator for a number of tasks, one of `AGGREGATORS` or of `TORCHJD`.

    NashMTL is for steps that train all of these tasks, so for weights that all stay above ε.

    Raises ValueError for another name, and ModuleNotFoundError that says how to install TorchJD where it is needed.
    """
    if name in AGGREGATORS:
        return AGGREGATORS[name]()
    if name not in TORCHJD:
        raise ValueError(f"unknown aggregator {name!r}; known: {', '.join([*AGGREGATORS, *TORCHJD])}")
    try:
        from torchjd import aggregation  # optional: an extra
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"aggregator {name} needs TorchJD: pip install 'mt2st[gradients]'") from error
    found = TORCHJD[name](aggregation, tasks)

    def quietly(gradients: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not DPP")  # of cvxpy to NashMTL's authors, not to its users
            return found(gradients)

    return quietly


def cosines(gradients: Tensor) -> Tensor:
    """Cosines of the first gradient with each of the others, (K,); 0 where one is zero."""
    return cosine_similarity(gradients[1:], gradients[:1], dim=1)


def take(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Return the gradient that parameters have collected as one vector, and take it from them."""
    parts = [p.new_zeros(p.numel()) if p.grad is None else p.grad.to_dense().flatten() for p in parameters]
    for parameter in parameters:
        parameter.grad = None
    return torch.cat(parts)


def put(parameters: Sequence[nn.Parameter], gradient: Tensor) -> None:
    """Give parameters their parts of one gradient; the inverse of `take`."""
    parts = gradient.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)


def cosine(one: Tensor, other: Tensor, parameters: Sequence[Tensor]) -> float:
    """Cosine of the gradients of two losses, scalars, on some parameters; 0 counts where one does not reach them."""
    first, second = (flat(loss, parameters) for loss in (one, other))
    return float(cosine_similarity(first, second, dim=0))


def flat(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return the gradient of a loss as one vector; the losses may share a graph."""
    parts = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([part.to_dense().flatten() for part in parts])
