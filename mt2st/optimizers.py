"""Optimisers by name, and Adadelta for an embedding table, of which a batch touches few rows (Zeiler 2012)."""

from collections.abc import Callable

import torch
from torch import Tensor

from mt2st.models import Model


class RowAdadelta(torch.optim.Adadelta):
    """Adadelta that touches only the rows of a sparse gradient and gives the values of the dense one.

    In a step without gradient a row of the dense Adadelta does not move and its two accumulators only decay by ρ. So
    each row's decay is made up for, as ρ to the number of steps it was left out, when the row is next touched. This is
    exact, up to rounding, and costs as much as the rows of the batch, not as the table. Parameters with a dense
    gradient are PyTorch's to update. A table without a gradient counts no step, as in PyTorch's own optimisers.

    Args as of `torch.optim.Adadelta`; a table (V, d) has a sparse gradient where its embedding has `sparse=True`.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update the rows of sparse gradients, and all parameters that have a dense one.

        Returns the loss that `closure` gives, which is called first and computes the gradients; None without one.
        """
        loss = torch.enable_grad()(closure)() if closure else None
        sparse: list[tuple[Tensor, Tensor]] = []
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is None:
                    continue
                state = self.state[table]
                if "square_avg" in state:  # PyTorch's, of a gradient that was dense: losses on the table give such
                    table.grad = table.grad.to_dense()
                elif state and not table.grad.is_sparse:
                    table.grad = table.grad.to_sparse(1)
                if table.grad.is_sparse:
                    self._update(table, group["lr"], group["rho"], group["eps"])
                    sparse.append((table, table.grad))
                    table.grad = None  # PyTorch's own step refuses it
        super().step()
        for table, gradient in sparse:
            table.grad = gradient
        return loss

    def _update(self, table: Tensor, lr: float, rho: float, eps: float) -> None:
        state = self.state[table]
        if not state:
            state |= {"step": 0, "square": torch.zeros_like(table), "change": torch.zeros_like(table)}
            state["last"] = torch.zeros(len(table), dtype=torch.long, device=table.device)
        state["step"] += 1
        gradient = table.grad.coalesce()  # type: ignore[union-attr]
        rows, values = gradient.indices()[0], gradient.values()  # (U,), (U, d)
        missed = state["step"] - 1 - state["last"][rows]
        decay = (rho ** missed.to(values.dtype))[:, None]  # (U, 1)
        square = state["square"][rows].mul_(decay).mul_(rho).addcmul_(values, values, value=1 - rho)
        change = state["change"][rows].mul_(decay)
        update = (change + eps).sqrt_().div_((square + eps).sqrt_()).mul_(values)
        change.mul_(rho).addcmul_(update, update, value=1 - rho)
        state["square"][rows] = square
        state["change"][rows] = change
        state["last"][rows] = state["step"]
        table.index_add_(0, rows, update, alpha=-lr)


def _adamw(model: Model, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay; without decay it is Adam, as in the paper's released code."""
    return torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)


def _adadelta(model: Model, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """Adadelta, row by row for the table, with ρ = 0.95 and ε = 1e-6 as in Zeiler's paper; it has no weight decay."""
    if weight_decay:
        raise ValueError(
            f"adadelta has no weight decay, got {weight_decay}: rows that are not touched would need it too"
        )
    model.encoder.embedding.sparse = True
    return RowAdadelta(model.parameters(), lr=learning_rate, rho=0.95, eps=1e-6, foreach=True)


OPTIMIZERS: dict[str, Callable[[Model, float, float], torch.optim.Optimizer]] = {
    "adamw": _adamw,
    "adadelta": _adadelta,
}
