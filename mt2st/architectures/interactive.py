"""Predictions that are fed back: tasks answer, read each other's answers, and answer again (He et al. 2019)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from mt2st.architectures.parts import Width
from mt2st.models import Encoded, Encoder, LinearHead, MakeEncoder, Model, heads_of
from mt2st.tasks import Task

TURNS = 2  # by which most such models are reported to converge (Chen, Zhang and Yang 2024)


@dataclass(frozen=True)
class Revised:
    """States of words, (batch, time, size), and of sentences, (batch, size)."""

    tokens: Tensor
    sentence: Tensor

    def revise(self, update: nn.Module, answers: Sequence["Revised"]) -> "Revised":
        """Return h + tanh(W [h; p]) of both, with the answers p beside them."""
        beside = [torch.cat([self.tokens, *(answer.tokens for answer in answers)], dim=-1)]
        beside += [torch.cat([self.sentence, *(answer.sentence for answer in answers)], dim=-1)]
        tokens, sentence = (update(states).tanh() for states in beside)
        return Revised(self.tokens + tokens, self.sentence + sentence)


class Interactive(Model):
    """One encoder, whose states all tasks revise together by what they have predicted, for some turns.

    In a turn every task predicts its classes from the states as they are, with the one head that it has. Each word then
    reads the probabilities at it of tasks on words and those of its sentence; a sentence reads its own and the mean of
    its words'. He et al. revise by a dense layer with a ReLU in place of the states; here it adds to them, so that
    nothing is lost where the others have nothing to say.

    A loss reaches the heads of all tasks, through their answers. So where a schedule drops a task, what its head says
    goes on to change, by what is of use to the others. In training answers pass their heads' dropout.

    Args:
        encoder: the shared one.
        update: from states and all answers to what is added to the states.
        heads: by task.
    """

    def __init__(self, encoder: Encoder, update: nn.Module, heads: Mapping[str, nn.Module]) -> None:
        super().__init__(encoder, heads)
        self.update = update
        self.answering = [name for name, head in heads.items() if isinstance(head, LinearHead)]

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks.

        Raises ValueError for one that needs states which have not seen the words to come: answers have.
        """
        encoder = make(table)
        heads = heads_of(tasks, Width(encoder.size, 0, encoder.dropout, encoder.table))
        answers = sum(head.linear.out_features for head in heads.values() if isinstance(head, LinearHead))
        return cls(encoder, nn.Linear(encoder.size + answers, encoder.size), heads)

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return the states after the last turn, which are the same for all tasks."""
        words, lengths = inputs
        encoded = self.encoder(words, lengths)
        states = Revised(encoded.tokens, encoded.sentence)
        for _ in range(TURNS):
            states = states.revise(self.update, [self.answer(name, states, lengths) for name in self.answering])
        return states

    def answer(self, task: str, states: Revised, lengths: Tensor) -> Revised:
        """Return a task's probabilities as words and as sentences read them."""
        probabilities = self.heads[task](states).softmax(-1)  # (batch, classes) or (batch, time, classes)
        if probabilities.dim() == 2:
            return Revised(probabilities[:, None].expand(-1, states.tokens.shape[1], -1), probabilities)
        return Revised(probabilities, Encoded(probabilities, lengths, "mean").sentence)

    def shared(self) -> list[nn.Parameter]:
        """Return the parameters of the encoder, of the revision and of the heads that answer."""
        answering = [p for name in self.answering for p in self.heads[name].parameters()]
        return [*self.encoder.parameters(), *self.update.parameters(), *answering]
