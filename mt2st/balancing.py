"""Weights that training finds from the losses themselves: TorchJD's scalarizers."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

SCALARIZERS: dict[str, Callable[[Any, int], nn.Module]] = {
    "DWA": lambda scalarization, tasks: scalarization.DWA(),  # Liu et al. 2019: what falls slowly counts more
    "FAMO": lambda scalarization, tasks: scalarization.FAMO(tasks),  # Liu et al. 2023: all fall at the same rate
    "UW": lambda scalarization, tasks: scalarization.UW(tasks),  # Kendall et al. 2018: by learned uncertainty
}


class Balance:
    """Weighs the losses of a step, γ_k L_k with the primary task's first, on top of the schedule.

    Args:
        scalarizer: makes one number of the losses (tasks,), such as those of `torchjd.scalarization`. It may learn by
            parameters that the optimiser trains too, by what a step did to its losses (`update`), or by epochs
            (`step`).
    """

    def __init__(self, scalarizer: nn.Module) -> None:
        self.scalarizer: Any = scalarizer
        self.learns_by_steps = hasattr(scalarizer, "update")

    @classmethod
    def named(cls, name: str, tasks: int) -> "Balance":
        """Return one of `SCALARIZERS` for a number of tasks, the primary one among them.

        Raises ValueError for an unknown name, and ModuleNotFoundError that says how to install TorchJD.
        """
        if name not in SCALARIZERS:
            raise ValueError(f"unknown balance {name!r}; known: {', '.join(SCALARIZERS)}")
        try:
            from torchjd import scalarization  # optional: an extra
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(f"balance {name} needs TorchJD: pip install 'mt2st[gradients]'") from error
        return cls(SCALARIZERS[name](scalarization, tasks))

    def to(self, device: torch.device) -> None:
        """Move what the scalarizer has, parameters and others, to the device of the losses."""
        self.scalarizer.to(device)

    def parameters(self) -> list[nn.Parameter]:
        """Return what the optimiser of the model is to train too."""
        return [] if self.learns_by_steps else list(self.scalarizer.parameters())

    def factors(self, losses: Sequence[Tensor]) -> list[float]:
        """Return by how much each loss counts: the derivative of the scalarizer by it, at these values.

        Its gradient by its own parameters is added to theirs.
        """
        values = torch.stack(list(losses)).detach().requires_grad_()  # (tasks,)
        self.scalarizer(values).backward()
        assert values.grad is not None
        factors: list[float] = values.grad.tolist()
        return factors

    def update(self, losses: Sequence[Tensor]) -> None:
        """Learn from the losses of the same batches after a step."""
        self.scalarizer.update(torch.stack(list(losses)))

    def end_epoch(self) -> None:
        """Learn from the epoch, where it does so."""
        if hasattr(self.scalarizer, "step"):
            self.scalarizer.step()
