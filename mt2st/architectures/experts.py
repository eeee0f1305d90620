"""Experts that all tasks have, and a gate for each task that says how much each counts (Ma et al. 2018)."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from torch import Tensor, nn

from mt2st.architectures.parts import Mixture, Width, on_vectors
from mt2st.models import Encoder, Heads, MakeEncoder, Model, heads_of
from mt2st.tasks import Task

EXPERTS = 3


class Experts(Model):
    """Several encoders of the same vectors; a task reads the mean of their states that its gate weighs.

    The gate is a softmax of a linear map of the mean vector of a sentence, so that each sentence has its own weights.

    Args:
        encoder: the first expert, with the table.
        others: the other ones.
        gates: by task.
        heads: by task.
    """

    def __init__(
        self,
        encoder: Encoder,
        others: Sequence[Encoder],
        gates: Mapping[str, nn.Module],
        heads: Mapping[str, nn.Module],
    ) -> None:
        super().__init__(encoder, heads)
        self.others, self.gates = nn.ModuleList(others), Heads(gates)

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks.

        Raises ValueError for one that needs states which have not seen the words to come.
        """
        encoder = make(table)
        others = [on_vectors(make, table.shape[1]) for _ in range(EXPERTS - 1)]
        width = Width(encoder.size, 0, encoder.dropout, encoder.table)
        heads = heads_of(tasks, width)
        gated = [task.name for task in tasks if task.level != "table" and task.name in heads]
        return cls(encoder, others, {name: nn.Linear(table.shape[1], EXPERTS) for name in gated}, heads)

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return the experts' states, weighed by the task's gate."""
        words, lengths = inputs
        vectors = self.encoder.vectors(words)
        mean = self.encoder.embedding(words).sum(1) / lengths[:, None]  # (batch, d), padding is a row of zeros
        states = [expert.states(vectors, lengths) for expert in (self.encoder, *self.others)]
        return Mixture(states, self.gates[task](mean).softmax(-1))

    def shared(self) -> list[nn.Parameter]:
        """Return the parameters of all experts."""
        return [*self.encoder.parameters(), *self.others.parameters()]
