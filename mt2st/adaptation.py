"""What training adapts to while it runs. So far: when to stop."""

from dataclasses import dataclass


@dataclass
class CheckConvergence:
    """CheckConvergence(∇L_primary) of Algorithms 1 and 2: has the primary task's gradient become small?

    The paper names the check but does not define it. Here it holds once the norm of the primary gradient, averaged
    over an epoch, has been below `tolerance` for `patience` epochs in a row.
    """

    tolerance: float
    patience: int = 1
    _below: int = 0

    def __post_init__(self) -> None:
        if not self.tolerance > 0:
            raise ValueError(f"tolerance must be above 0, got {self.tolerance}")
        if self.patience < 1:
            raise ValueError(f"patience must be at least 1, got {self.patience}")

    def __call__(self, gradient_norm: float) -> bool:
        """Take the next epoch's mean gradient norm and say whether training has converged."""
        self._below = self._below + 1 if gradient_norm < self.tolerance else 0
        return self._below >= self.patience
