"""Hierarchical feature fusion: what tasks on words predict feeds the tasks on sentences (Hashimoto et al. 2017)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from torch import Tensor, nn

from mt2st.architectures.levels import Levels
from mt2st.architectures.parts import Width, on_vectors
from mt2st.models import Encoder, Encoding, Heads, LinearHead, MakeEncoder, heads_of
from mt2st.tasks import Task

LABEL_SIZE = 8  # of the vectors of tags


class Fusion(Levels):
    """Two levels, of which the upper one reads what tasks on words predict as well.

    For each word the upper encoder sees its vector, its lower state, and for every task on words the mean of the
    vectors of its tags, weighed by their predicted probabilities: Σ_tag p(tag) e_tag. So the loss of a task on
    sentences reaches the heads of tasks on words, and these help it as far as they are right.

    Args:
        encoder, upper, heads, low: see `Levels`.
        labels: vectors of tags by task on words, as maps from probabilities.
    """

    def __init__(
        self,
        encoder: Encoder,
        upper: Encoder,
        heads: Mapping[str, nn.Module],
        low: Iterable[str],
        labels: Mapping[str, nn.Module],
    ) -> None:
        super().__init__(encoder, upper, heads, low)
        self.labels = Heads(labels)

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks; a task on words without tags, such as a language model, feeds nothing."""
        encoder = make(table)
        below = [task for task in tasks if task.level == "words"]
        heads = heads_of(below, Width.of(encoder, table=encoder.table))
        labels = {
            name: nn.Linear(head.linear.out_features, LABEL_SIZE, bias=False)
            for name, head in heads.items()
            if isinstance(head, LinearHead)
        }
        upper = on_vectors(make, table.shape[1] + encoder.size + LABEL_SIZE * len(labels))
        above = [task for task in tasks if task.level != "words"]  # those on the table read neither
        heads |= heads_of(above, Width.of(upper, table=encoder.table))
        return cls(encoder, upper, heads, [task.name for task in below], labels)

    def further(self, lower: Encoding) -> list[Tensor]:
        """Return the mean vectors of the predicted tags of each task on words, (batch, time, size)."""
        return [self.labels[name](self.heads[name](lower).softmax(-1)) for name in self.labels]
