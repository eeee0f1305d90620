"""Which tasks a step trains: all of them together, or one that is drawn.

A schedule's weights γ_k(t) say how much a task's loss counts. Where one task is drawn for each step they can also say
how often it is drawn, its loss counting fully (`fit(weigh="draws")`). In expectation the gradient is then the same but
for a factor; a task of small weight takes few steps in place of small ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import ClassVar

import torch
from torch import Tensor

from mt2st.tasks import Batch, Task, endless

Step = list[tuple[int, Batch]]  # the tasks that are trained, 0 for the primary one, each with its batch


class Sampling(ABC):
    """Says for every step of a training run which tasks it trains, on which batches.

    `BY_COUNT` is whether it draws tasks by how much they count.

    Args:
        tasks: the primary task, then the auxiliary ones.
        size: examples in a batch.
        epochs: of the run.
        steps: of an epoch; None is one pass over the primary task.
        seed: of what is drawn.
    """

    BY_COUNT: ClassVar[bool] = False

    def __init__(self, tasks: Sequence[Task], size: int, epochs: int, steps: int | None, seed: int) -> None:
        self.tasks, self.size, self.epochs, self.steps, self.seed = tasks, size, epochs, steps, seed
        self.start()

    @abstractmethod
    def start(self) -> None:
        """Set up what the epochs go on with."""

    @abstractmethod
    def epoch(self, active: Sequence[int], counts: Sequence[float]) -> Iterator[Step]:
        """Yield the steps of the next epoch.

        Args:
            active: the tasks that count in it, by index, at least one.
            counts: how much each of all tasks counts in what is drawn; 1 where weights are of the losses.
        """


class Together(Sampling):
    """Each step trains all active tasks, equation (3).

    The primary task sees the same batches whatever the auxiliaries are: each task has a generator of its own.
    """

    def start(self) -> None:
        """Begin an endless stream of batches for each task."""
        generators = [torch.Generator().manual_seed(self.seed + k) for k in range(len(self.tasks))]
        self.primary = generators[0]
        self.streams = [endless(task, self.size, g) for task, g in zip(self.tasks, generators, strict=True)]

    def epoch(self, active: Sequence[int], counts: Sequence[float]) -> Iterator[Step]:
        """Yield one pass over the primary task, or so many steps of it, each with the next batch of the others."""
        whole = self.tasks[0].batches(self.size, self.primary)
        for batch in whole if self.steps is None else islice(self.streams[0], self.steps):
            yield [(k, next(self.streams[k]) if k else batch) for k in active]


class Uniform(Sampling):
    """Each step trains one task, drawn uniformly from all of them, as in the study of Bingel and Søgaard (2017).

    All steps are drawn beforehand, so that a task that is drawn while it does not count gives its step to the first
    that does; `Equal` draws from those that count. One generator draws tasks and batches; without `steps`, an epoch has
    as many as the primary task has batches.
    """

    def start(self) -> None:
        """Draw the tasks of all steps."""
        generator = torch.Generator().manual_seed(self.seed)
        steps = self.steps or sum(1 for _ in self.tasks[0].batches(self.size, None))
        drawn = torch.randint(len(self.tasks), (self.epochs * steps,), generator=generator)
        self.drawn = iter(drawn.split(steps))
        self.streams = [endless(task, self.size, generator) for task in self.tasks]

    def epoch(self, active: Sequence[int], counts: Sequence[float]) -> Iterator[Step]:
        """Yield the next steps, each with a batch of one task."""
        for k in next(self.drawn).tolist():
            k = k if k in active else active[0]
            yield [(k, next(self.streams[k]))]


class Drawn(Sampling):
    """Each step trains one of the tasks that count, task k with probability ∝ c_k |D_k|^a.

    |D_k| is the number of the task's examples, c_k how much it counts. Without `steps` an epoch has as many of them as
    `Together` trains batches: those of the primary task times the tasks that count.
    """

    BY_COUNT = True

    def start(self) -> None:
        """Begin an endless stream of batches for each task."""
        generators = [torch.Generator().manual_seed(self.seed + k) for k in range(len(self.tasks) + 1)]
        self.generator = generators.pop()
        self.streams = [endless(task, self.size, g) for task, g in zip(self.tasks, generators, strict=True)]
        self.sizes = torch.tensor([task.examples() for task in self.tasks], dtype=torch.float64)
        self.whole = sum(1 for _ in self.tasks[0].batches(self.size, None)) if self.steps is None else self.steps
        self.begun = 0  # epochs

    @abstractmethod
    def exponent(self, epoch: int) -> float:
        """Return a in epoch 0, 1, …: 1 draws in proportion to the examples, 0 all tasks alike."""

    def shares(self, epoch: int, active: Sequence[int], counts: Sequence[float]) -> Tensor:
        """Return the probabilities of all tasks (K + 1,), 0 for those that do not count."""
        drawn = torch.zeros(len(self.tasks), dtype=torch.float64)
        drawn[list(active)] = (self.sizes ** self.exponent(epoch) * torch.tensor(counts, dtype=torch.float64))[
            list(active)
        ]
        return drawn / drawn.sum()

    def epoch(self, active: Sequence[int], counts: Sequence[float]) -> Iterator[Step]:
        """Yield the next steps, each with the next batch of one task."""
        shares = self.shares(self.begun, active, counts)
        steps = self.whole * (len(active) if self.steps is None else 1)
        self.begun += 1
        for k in torch.multinomial(shares, steps, replacement=True, generator=self.generator).tolist():
            yield [(k, next(self.streams[k]))]


class Proportional(Drawn):
    """Tasks by their examples, p_k ∝ |D_k| (Sanh et al. 2019)."""

    def exponent(self, epoch: int) -> float:
        """Return 1."""
        return 1.0


class Equal(Drawn):
    """All tasks alike, whatever their size: task-oriented sampling."""

    def exponent(self, epoch: int) -> float:
        """Return 0."""
        return 0.0


class Tempered(Drawn):
    """p_k ∝ |D_k|^(1/τ) with τ = 5: between the two (Arivazhagan et al. 2019)."""

    TEMPERATURE = 5.0

    def exponent(self, epoch: int) -> float:
        """Return 1/τ."""
        return 1 / self.TEMPERATURE


class Annealed(Drawn):
    """p_k ∝ |D_k|^α with α = 1 − 0.8 · e / (E − 1) in epoch e = 0, …, E − 1 (Stickland and Murray 2019).

    They count epochs from 1. It begins in proportion to the examples and ends close to equal shares.
    """

    def exponent(self, epoch: int) -> float:
        """Return α."""
        return 1 - 0.8 * epoch / max(1, self.epochs - 1)


class Warming(Drawn):
    """p_k ∝ |D_k|^(1/τ) where τ rises in a line from 1 to 5 over the first half of the epochs (Wang et al. 2020).

    τ = min(τ_m, τ_0 + (τ_m − τ_0) · e / M) in epoch e = 0, 1, … with a warm-up of M; they count epochs from 1.
    """

    FIRST, LAST, WARM_UP = 1.0, 5.0, 0.5

    def exponent(self, epoch: int) -> float:
        """Return 1/τ."""
        progress = min(1.0, epoch / max(1.0, self.WARM_UP * self.epochs))
        return 1 / (self.FIRST + (self.LAST - self.FIRST) * progress)


SAMPLINGS: dict[str, type[Sampling]] = {
    "together": Together,
    "uniform": Uniform,
    "proportional": Proportional,
    "equal": Equal,
    "tempered": Tempered,
    "annealed": Annealed,
    "warming": Warming,
}
