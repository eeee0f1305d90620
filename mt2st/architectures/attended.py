"""Soft sharing: each task attends to its own part of the shared states (Liu et al. 2019, MTAN)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor, nn

from mt2st.architectures.parts import Width
from mt2st.models import Encoder, Encoding, Heads, MakeEncoder, Model, heads_of
from mt2st.tasks import Task


class Attended(Model):
    """One encoder, and for each task a mask on its states, σ(A h) ⊙ h, that depends on the states themselves.

    MTAN has a mask on each layer of a deep network; here there is one layer, and one mask.

    Args:
        encoder: the shared one.
        masks: by task.
        heads: by task.
    """

    def __init__(self, encoder: Encoder, masks: Mapping[str, nn.Module], heads: Mapping[str, nn.Module]) -> None:
        super().__init__(encoder, heads)
        self.masks = Heads(masks)

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks.

        Raises ValueError for one that needs states which have not seen the words to come: the mask has.
        """
        encoder = make(table)
        width = Width(encoder.size, 0, encoder.dropout, encoder.table)
        heads = heads_of(tasks, width)
        masked = [task.name for task in tasks if task.level != "table" and task.name in heads]
        return cls(encoder, {name: nn.Linear(encoder.size, encoder.size) for name in masked}, heads)

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return the shared states under the task's mask."""
        return Masked(self.encoder(*inputs), self.masks[task])


@dataclass(frozen=True)
class Masked:
    """States of which a task reads as much as its mask lets through."""

    encoded: Encoding
    mask: nn.Module

    @property
    def tokens(self) -> Tensor:
        """The states at each word, (batch, time, size)."""
        return self._masked(self.encoded.tokens)

    @property
    def sentence(self) -> Tensor:
        """The state of each sentence, (batch, size)."""
        return self._masked(self.encoded.sentence)

    def _masked(self, states: Tensor) -> Tensor:
        return self.mask(states).sigmoid() * states
