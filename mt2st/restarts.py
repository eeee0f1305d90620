"""How a phase of training begins anew: learning rate, parameters and what stays as it is."""

from collections.abc import Callable, Sequence

import torch

from mt2st.adaptation import Frozen
from mt2st.branching import Fork, Score
from mt2st.history import History
from mt2st.models import Model
from mt2st.schedules import Restart
from mt2st.tasks import Task


class Restarts:
    """Does what a schedule's `Restart`s say, to one training.

    Args:
        model: that is trained.
        primary: its task that counts.
        optimizer: over its parameters; learning rates are relative to those it begins with.
        batch_size: of the batches by which the relevance of dimensions is found.
        score: of the model as it is on held-out examples, by which branches are merged.
    """

    def __init__(
        self,
        model: Model,
        primary: Task,
        optimizer: torch.optim.Optimizer,
        batch_size: int,
        score: Callable[[], Score],
    ) -> None:
        self.model, self.primary, self.optimizer, self.batch_size = model, primary, optimizer, batch_size
        self.score = score
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.fork: Fork | None = None
        self.frozen: Frozen | None = None

    def begin(self, restart: Restart, history: History, tasks: Sequence[str]) -> str:
        """Begin a phase; say in words what was decided on the way, nothing where nothing was.

        Args:
            restart: how.
            history: of the epochs so far, with the best one.
            tasks: names of the primary and the auxiliary tasks, for the words.

        Raises ValueError where there is no best epoch to go back to, where the branches that are to be merged are not
        as many as the tasks, and where the primary task's head has no layer of its own to train.
        """
        said = ""
        if restart.from_best:
            if not history.checkpoints:
                raise ValueError(
                    "post-training begins at the best epoch, and there is none: give `validation` examples of "
                    f'{self.primary.name}, and leave keep="best"'
                )
            self.model.load_state_dict(history.best.state)
        if restart.branch == "fork":
            if self.fork is None:
                self.fork = Fork(self.model)
            else:
                self.fork.back()
        elif restart.branch == "merge":
            if self.fork is None or len(self.fork.ends) + 1 != len(tasks):
                parted = 0 if self.fork is None else len(self.fork.ends) + 1
                raise ValueError(f"{parted} branches are to be merged, but there are {len(tasks)} tasks: one for each")
            counts = self.fork.merge(self.score)
            said = "merged: " + ", ".join(f"{count:.0%} {task}" for count, task in zip(counts, tasks, strict=True))
        if restart.fresh:
            self.optimizer.state.clear()
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = restart.learning_rate * rate
        if restart.freeze:
            self.frozen = Frozen.least_relevant(
                self.model, self.primary, restart.freeze, self.batch_size, self.optimizer
            )
        if restart.own_layers:
            self.model.train_own_layers(self.primary.name)
        return said
