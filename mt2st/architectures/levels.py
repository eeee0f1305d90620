"""Supervision at different levels: tasks on words low, tasks on sentences high (Søgaard and Goldberg 2016)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from mt2st.architectures.parts import Width, on_vectors
from mt2st.models import Encoder, Encoding, MakeEncoder, Model, check_answered
from mt2st.tasks import Task


class Levels(Model):
    """Two encoders, one above the other; the upper one reads the lower one's states, and the vectors past it.

    Tasks on words have their heads on the lower one, which the upper one's tasks train too. The connection past it
    (Hashimoto et al. 2017) lets these do without what the tasks on words need.

    Args:
        encoder: the lower one, with the table.
        upper: the upper one, of vectors and states.
        heads: by task.
        low: names of the tasks on words.
    """

    def __init__(self, encoder: Encoder, upper: Encoder, heads: Mapping[str, nn.Module], low: Iterable[str]) -> None:
        super().__init__(encoder, heads)
        self.upper, self.low = upper, frozenset(low)

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks; raises ValueError as `models.check_answered`."""
        encoder = make(table)
        upper = on_vectors(make, table.shape[1] + encoder.size)
        low = [task.name for task in tasks if task.level == "words"]
        below, above = (Width.of(one, table=encoder.table) for one in (encoder, upper))
        made = {task.name: task.head(above if task.level == "sentence" else below) for task in tasks}
        heads = {name: head for name, head in made.items() if head is not None}
        check_answered(tasks, heads)
        return cls(encoder, upper, heads, low)

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return the lower states for a task on words, the upper ones for all others."""
        words, lengths = inputs
        vectors = self.encoder.vectors(words)
        lower = self.encoder.states(vectors, lengths)
        if task in self.low:
            return lower
        further = self.further(lower)  # before lower.tokens: the backward pass adds in the order of the recorded runs
        return self.upper.states(torch.cat([vectors, lower.tokens, *further], dim=-1), lengths)

    def further(self, lower: Encoding) -> list[Tensor]:
        """Return what else the upper encoder reads of each word, (batch, time, size) each: nothing here."""
        return []

    def shared(self) -> list[nn.Parameter]:
        """Return the lower encoder's parameters; the upper one's too where no task is on words."""
        return [*self.encoder.parameters(), *(() if self.low else self.upper.parameters())]
