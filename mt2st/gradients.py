"""Gradients of tasks on what they share."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity


def cosine(one: Tensor, other: Tensor, parameters: Sequence[Tensor]) -> float:
    """Cosine of the gradients of two losses, scalars, on some parameters; 0 counts where one does not reach them."""
    first, second = (_flat(loss, parameters) for loss in (one, other))
    return float(cosine_similarity(first, second, dim=0))


def _flat(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return the gradient of a loss as one vector; the losses may share a graph."""
    parts = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([part.flatten() for part in parts])
