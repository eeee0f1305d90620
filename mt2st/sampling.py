"""Which tasks a step trains: all of them together, or one that is drawn."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice

import torch

from mt2st.tasks import Batch, Task, endless

Step = list[tuple[int, Batch]]  # the tasks that are trained, 0 for the primary one, each with its batch


class Sampling(ABC):
    """Says for every step of a training run which tasks it trains, on which batches.

    Args:
        tasks: the primary task, then the auxiliary ones.
        size: examples in a batch.
        epochs: of the run.
        steps: of an epoch; None is one pass over the primary task.
        seed: of what is drawn.
    """

    def __init__(self, tasks: Sequence[Task], size: int, epochs: int, steps: int | None, seed: int) -> None:
        self.tasks, self.size, self.epochs, self.steps, self.seed = tasks, size, epochs, steps, seed
        self.start()

    @abstractmethod
    def start(self) -> None:
        """Set up what the epochs go on with."""

    @abstractmethod
    def epoch(self, active: Sequence[int]) -> Iterator[Step]:
        """Yield the steps of the next epoch; `active` are the tasks that count in it, by index, at least one."""


class Together(Sampling):
    """Each step trains all active tasks, equation (3).

    The primary task sees the same batches whatever the auxiliaries are: each task has a generator of its own.
    """

    def start(self) -> None:
        """Begin an endless stream of batches for each task."""
        generators = [torch.Generator().manual_seed(self.seed + k) for k in range(len(self.tasks))]
        self.primary = generators[0]
        self.streams = [endless(task, self.size, g) for task, g in zip(self.tasks, generators, strict=True)]

    def epoch(self, active: Sequence[int]) -> Iterator[Step]:
        """Yield one pass over the primary task, or so many steps of it, each with the next batch of the others."""
        whole = self.tasks[0].batches(self.size, self.primary)
        for batch in whole if self.steps is None else islice(self.streams[0], self.steps):
            yield [(k, next(self.streams[k]) if k else batch) for k in active]


class Uniform(Sampling):
    """Each step trains one task, drawn uniformly from all of them, as in Bingel and Søgaard (2017).

    A task that is drawn while it does not count gives its step to the first that does. One generator draws tasks and
    batches; without `steps`, an epoch has as many as the primary task has batches.
    """

    def start(self) -> None:
        """Draw the tasks of all steps."""
        generator = torch.Generator().manual_seed(self.seed)
        steps = self.steps or sum(1 for _ in self.tasks[0].batches(self.size, None))
        drawn = torch.randint(len(self.tasks), (self.epochs * steps,), generator=generator)
        self.drawn = iter(drawn.split(steps))
        self.streams = [endless(task, self.size, generator) for task in self.tasks]

    def epoch(self, active: Sequence[int]) -> Iterator[Step]:
        """Yield the next steps, each with a batch of one task."""
        for k in next(self.drawn).tolist():
            k = k if k in active else active[0]
            yield [(k, next(self.streams[k]))]


SAMPLINGS: dict[str, type[Sampling]] = {"together": Together, "uniform": Uniform}
