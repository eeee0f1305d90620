"""What training adapts to while it runs: when to stop, and which dimensions of the embedding to leave as they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mt2st.models import Model
from mt2st.tasks import Task


@dataclass(frozen=True)
class CheckConvergence:
    """CheckConvergence(∇L_primary) of Algorithms 1 and 2: has the primary task's gradient become small?

    The paper names the check but does not define it. Here it holds once the norm of the primary gradient, averaged
    over an epoch, has been below `tolerance` for `patience` epochs in a row.
    """

    tolerance: float
    patience: int = 1

    def __post_init__(self) -> None:
        if not self.tolerance > 0:
            raise ValueError(f"tolerance must be above 0, got {self.tolerance}")
        if self.patience < 1:
            raise ValueError(f"patience must be at least 1, got {self.patience}")

    def __call__(self, gradient_norms: Sequence[float]) -> bool:
        """Say whether training has converged, given the mean gradient norm of every epoch so far."""
        latest = gradient_norms[-self.patience :]
        return len(latest) == self.patience and all(norm < self.tolerance for norm in latest)


def relevance(model: Model, task: Task, batch_size: int) -> Tensor:
    """First-order Taylor importance of each dimension j of the embedding table for a task, (d,), at least 0.

    |Σ_v θ_vj ∂L/∂θ_vj|, with L the mean loss over all batches, without dropout: how much the loss would change if the
    dimension were scaled a little (as Molchanov et al. 2017 do for channels). The paper speaks of the relevance
    of dimensions without defining it. The model stays as it is, without gradients.
    """
    model.eval()  # without dropout; cuDNN has no backward pass of an LSTM then
    total, batches = torch.zeros(model.table.shape[1], device=model.device), 0
    for batch in task.batches(batch_size, None):
        with torch.backends.cudnn.flags(enabled=False):
            loss = task.loss(model, tuple(part.to(model.device) for part in batch))
            (gradient,) = torch.autograd.grad(loss, model.table)
        total += (gradient.to_dense() * model.table.detach()).sum(0)
        batches += 1
    return (total / batches).abs()


class Frozen:
    """Some dimensions of the embedding table that stay as they are, and so does what the optimiser knows of them.

    Args:
        model: whose table it is.
        dimensions: which of its columns.
        optimizer: of the model. Its state that has the shape of the table is kept too, as far as there is one.
    """

    def __init__(self, model: Model, dimensions: Tensor, optimizer: torch.optim.Optimizer) -> None:
        table = model.table
        states = [value for value in optimizer.state[table].values() if isinstance(value, Tensor)]
        tensors = [table.detach(), *(state for state in states if state.shape == table.shape)]
        self.dimensions = dimensions
        self.kept = [(tensor, tensor[:, dimensions].clone()) for tensor in tensors]

    @classmethod
    def least_relevant(
        cls, model: Model, task: Task, share: float, batch_size: int, optimizer: torch.optim.Optimizer
    ) -> "Frozen":
        """Freeze a share of the dimensions, rounded down: those that are least relevant to a task."""
        order = relevance(model, task, batch_size).argsort()
        return cls(model, order[: int(share * len(order))], optimizer)

    def restore(self) -> None:
        """Undo what a step has done to them."""
        for tensor, values in self.kept:
            tensor[:, self.dimensions] = values
