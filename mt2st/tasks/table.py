"""Tasks on the embedding table alone: losses on the rows of a lexicon, and a control for them."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from mt2st.models import Model
from mt2st.tasks.base import Batch, Task


class TableTask(Task):
    """A loss on the embedding table (UPDATE 0–3), computed on a few rows of a lexicon at a time.

    Args:
        name: name of the task.
        loss: function of the table (V, d) and the columns of a batch.
        columns: tensors of equal length, one entry a lexicon row: questions (N, 4), or pairs (N, 2) and scores (N,).
        size: lexicon rows in a batch.

    Raises ValueError for a size below 2, and for fewer than two lexicon rows: a rank correlation needs two.
    """

    level = "table"

    def __init__(self, name: str, loss: Callable[..., Tensor], columns: Sequence[Tensor], size: int = 32) -> None:
        self.name, self.function, self.columns, self.size = name, loss, tuple(columns), size
        if size < 2:
            raise ValueError(f"auxiliary task {name!r}: size must be at least 2, got {size}")
        if len(self.columns[0]) < 2:
            raise ValueError(
                f"auxiliary task {name!r}: {len(self.columns[0])} rows of its lexicon are in the vocabulary, "
                "at least 2 are needed; use a larger text or another auxiliary task"
            )

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield batches of `self.size` lexicon rows; `size`, which counts sentences, does not apply."""
        n = len(self.columns[0])
        order = torch.arange(n) if generator is None else torch.randperm(n, generator=generator)
        batches = list(order.split(self.size))
        if len(batches) > 1 and len(batches[-1]) == 1:  # a rank correlation needs two
            batches[-2:] = [torch.cat(batches[-2:])]
        for rows in batches:
            yield tuple(column[rows] for column in self.columns)

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Return the loss of the table on a batch of lexicon rows."""
        return self.function(model.table, *batch)


class NoiseTask(TableTask):
    """A control for a loss on the table: in place of its gradient, noise of the same norm on the same rows.

    Its value is that of the loss itself. What it gains beside the loss, the loss's direction did not cause.
    """

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield the loss's batches, each with a seed of its noise (1,)."""
        for columns in super().batches(size, generator):
            yield (*columns, torch.randint(2**31, (1,), generator=generator or torch.Generator().manual_seed(0)))

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Return the value of the loss, with the gradient of the noise."""
        *columns, seed = batch
        value = self.function(model.table, *columns)
        if not torch.is_grad_enabled():
            return value
        (gradient,) = torch.autograd.grad(value, model.table)
        noise = torch.randn(gradient.shape, generator=torch.Generator().manual_seed(int(seed))).to(gradient)
        noise *= (gradient != 0).any(dim=1, keepdim=True)
        noise *= gradient.norm() / noise.norm().clamp_min(1e-12)
        push = (model.table * noise).sum()
        return value.detach() + push - push.detach()
