"""Adadelta for an embedding table, of which a batch touches few rows (Zeiler 2012)."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


class RowAdadelta(torch.optim.Optimizer):
    """Adadelta that touches only the rows of a sparse gradient and gives the values of the dense one.

    In a step without gradient a row of the dense Adadelta does not move and its two accumulators only decay by ρ. So
    each row's decay is made up for, as ρ to the number of steps it was left out, when the row is next touched. This is
    exact, up to rounding, and costs as much as the rows of the batch, not as the table.

    Args:
        params: tables (V, d) of embeddings with `sparse=True`.
        lr: factor of the update; 1 in Zeiler's paper.
        rho: decay of both accumulators.
        eps: added under both roots.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6) -> None:
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the rows that have a gradient; a table without one counts no step, as in PyTorch's own optimisers.

        Raises ValueError for a gradient that is not sparse.
        """
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is None:
                    continue
                if not table.grad.is_sparse:
                    raise ValueError("the gradient is dense: give the embedding sparse=True, or use torch's Adadelta")
                self._update(table, group["lr"], group["rho"], group["eps"])

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
