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

    The loop that Chen, Zhang and Yang (2024) call cyclic multi-task learning: a task's output is a further input of the
    next lower one, and the last one's of the first.

    Tasks on sentences come first, those on words after them. In the first turn the first task reads what the last one
    predicts from the plain states; a task alone reads its own answer.
    """

    update: Heads  # by task

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks; raises ValueError as `Interactive.build`."""
        encoder = make(table)
        ring = sorted(tasks, key=lambda task: task.level == "words")
        heads = heads_of(ring, Width(encoder.size, 0, encoder.dropout, encoder.table))
        answering = {name: head.linear.out_features for name, head in heads.items() if isinstance(head, LinearHead)}
        before = dict(zip(answering, list(answering.values())[-1:] + list(answering.values())[:-1], strict=True))
        updates = {name: nn.Linear(encoder.size + size, encoder.size) for name, size in before.items()}
        return cls(encoder, Heads(updates), heads)

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return the task's own states after the last turn."""
        words, lengths = inputs
        encoded = self.encoder(words, lengths)
        plain = Revised(encoded.tokens, encoded.sentence)
        if task not in self.answering:
            return plain
        answer = self.answer(self.answering[-1], plain, lengths)
        revised = {}
        for _ in range(TURNS):
            for name in self.answering:
                revised[name] = plain.revise(self.update[name], [answer])
                answer = self.answer(name, revised[name], lengths)
        return revised[task]
