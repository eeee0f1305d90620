"""Hierarchical feature fusion: what tasks on words predict feeds the tasks on sentences (Hashimoto et al. 2017)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from mt2st.architectures.parts import Width, on_vectors
from mt2st.models import Encoder, Heads, LinearHead, MakeEncoder, Model
from mt2st.tasks import Task

LABEL_SIZE = 8  # of the vectors of tags


class Fusion(Model):
    """An encoder whose states tasks on words read, and one above it that reads what these predict as well.

    For each word the upper encoder sees its vector, its lower state, and for every task on words the mean of the
    vectors of its tags, weighed by their predicted probabilities: Σ_tag p(tag) e_tag. So the loss of a task on
    sentences reaches the heads of tasks on words, and these help it as far as they are right.

    Args:
        encoder: the lower one, with the table.
        upper: the upper one.
        labels: vectors of tags by task on words, as maps from probabilities.
        heads: by task.
        low: names of the tasks on words.
    """

    def __init__(
        self,
        encoder: Encoder,
        upper: Encoder,
        labels: Mapping[str, nn.Module],
        heads: Mapping[str, nn.Module],
        low: Iterable[str],
    ) -> None:
        super().__init__(encoder, heads)
        self.upper, self.labels, self.low = upper, Heads(labels), frozenset(low)

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks; a task on words without tags, such as a language model, feeds nothing."""
        encoder = make(table)
        low = Width.of(encoder, table=encoder.table)
        heads = {task.name: head for task in tasks if task.level == "words" and (head := task.head(low)) is not None}
        labels = {
            name: nn.Linear(head.linear.out_features, LABEL_SIZE, bias=False)
            for name, head in heads.items()
            if isinstance(head, LinearHead)
        }
        upper = on_vectors(make, table.shape[1] + encoder.size + LABEL_SIZE * len(labels))
        high = Width.of(upper, table=encoder.table)
        above = [task for task in tasks if task.level != "words"]  # those on the table read neither
        heads |= {task.name: head for task in above if (head := task.head(high)) is not None}
        return cls(encoder, upper, labels, heads, [task.name for task in tasks if task.level == "words"])

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return the lower states for a task on words, the upper ones for all others."""
        words, lengths = inputs
        vectors = self.encoder.dropout(self.encoder.embedding(words))  # (batch, time, d)
        lower = self.encoder.states(vectors, lengths)
        if task in self.low:
            return lower
        predicted = [self.labels[name](self.heads[name](lower).softmax(-1)) for name in self.labels]
        return self.upper.states(torch.cat([vectors, lower.tokens, *predicted], dim=-1), lengths)

    def shared(self) -> list[nn.Parameter]:
        """Return the lower encoder's parameters; the upper one's too where no task is on words."""
        return [*self.encoder.parameters(), *(() if self.low else self.upper.parameters())]
