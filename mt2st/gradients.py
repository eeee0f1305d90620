"""Gradients of tasks on what they share."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity


def cosine(one: Tensor, other: Tensor, parameters: Sequence[Tensor]) -> float:
    """Cosine of the gradients of two losses, scalars, on some parameters; 0 counts where one does not reach them."""
    first, second = (
        torch.cat([part.flatten() for part in torch.autograd.grad(loss, parameters, materialize_grads=True)])
        for loss in (one, other)
    )
    return float(cosine_similarity(first, second, dim=0))
