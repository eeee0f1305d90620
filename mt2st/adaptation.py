"""What training adapts to while it runs. So far: when to stop."""

from collections.abc import Sequence
from dataclasses import dataclass


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
