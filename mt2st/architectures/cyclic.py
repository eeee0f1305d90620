"""Tasks in a ring: each reads what the one before it predicts, and the first what the last one does."""

from collections.abc import Sequence
from typing import Any, Self

from torch import Tensor, nn

from mt2st.architectures.interactive import TURNS, Interactive, Revised
from mt2st.architectures.parts import Width
from mt2st.models import Heads, LinearHead, MakeEncoder, heads_of
from mt2st.tasks import Task


class Cyclic(Interactive):
    """One encoder, whose states each task revises for itself by the answer of the task before it.

    The loop of cyclic multi-task learning (Zeng et al. 2020, as Chen, Zhang and Yang 2024 describe it): a task's output
    is a further input of the next lower one, and the last one's of the first. Tasks on sentences come first, those on
    words after them. The first turn begins with what the last task predicts from the states as they are; a task alone
    reads its own answer. Each turn revises the encoder's states anew, in place of those of the turn before.
    """

    update: Heads  # by task

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks; raises ValueError as `Interactive.build`."""
        encoder = make(table)
        ring = sorted(tasks, key=lambda task: task.level == "words")
        heads = heads_of(ring, Width(encoder.size, 0, encoder.dropout, encoder.table))
        sizes = {name: head.linear.out_features for name, head in heads.items() if isinstance(head, LinearHead)}
        before = dict(zip(sizes, [*list(sizes.values())[-1:], *list(sizes.values())[:-1]], strict=True))
        updates = {name: nn.Linear(encoder.size + size, encoder.size) for name, size in before.items()}
        return cls(encoder, Heads(updates), heads)

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return the task's own states in the last turn."""
        words, lengths = inputs
        encoded = self.encoder(words, lengths)
        plain = states = Revised(encoded.tokens, encoded.sentence)
        ring = self.answering
        if task not in ring:
            return plain
        before = ring[-1]
        for name in [*ring * (TURNS - 1), *ring[: ring.index(task) + 1]]:
            states = plain.revise(self.update[name], [self.answer(before, states, lengths)])
            before = name
        return states
