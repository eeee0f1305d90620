"""Shared and private states, with an adversary that keeps tasks out of the shared ones (Liu et al. 2017)."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from mt2st.architectures.parts import Joined, Width, on_vectors
from mt2st.models import Encoder, Encoding, Heads, MakeEncoder, Model, SharedEncoder, check_answered
from mt2st.tasks import SentenceTask, Task, TextTask

ADVERSARY = "adversary"


class SharedPrivate(Model):
    """One encoder for all tasks and one for each; a head reads the states of both.

    They share the table. A task without an encoder of its own, such as `Adversary`, reads the shared states alone.

    Args:
        encoder: the shared one, with the table.
        private: an encoder of vectors for each task.
        heads: by task.
    """

    def __init__(self, encoder: Encoder, private: Mapping[str, Encoder], heads: Mapping[str, nn.Module]) -> None:
        super().__init__(encoder, heads)
        self.private = Heads(private)

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks.

        Raises ValueError for one that needs states which have not seen the words to come, and as
        `models.check_answered`.
        """
        encoder, private, heads = make(table), {}, {}
        for task in tasks:
            if isinstance(task, Adversary):
                heads[task.name] = task.head(encoder)
                continue
            if task.level == "table":  # it reads no states
                if (head := task.head(encoder)) is not None:
                    heads[task.name] = head
                continue
            own = on_vectors(make, table.shape[1])
            head = task.head(Width.of(encoder, own, table=encoder.table))
            if head is not None:  # pooled texts are answered by another task's
                heads[task.name], private[task.name] = head, own
        check_answered(tasks, heads)
        return cls(encoder, private, heads)

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return the shared states, followed by the task's own where it has some."""
        words, lengths = inputs
        vectors = self.encoder.vectors(words)
        common = self.encoder.states(vectors, lengths)
        if task not in self.private.names:
            return common
        return Joined([common, self.private[task].states(vectors, lengths)])  # type: ignore[operator]


class _Reversed(torch.autograd.Function):
    """The identity whose gradient is turned around (Ganin and Lempitsky 2015)."""

    @staticmethod
    def forward(ctx: Any, states: Tensor) -> Tensor:
        """Return the states."""
        return states.view_as(states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the gradient with its sign changed."""
        return -gradients[0]


class ReversingHead(nn.Module):
    """Logits of tasks from the shared states of a sentence; these learn what makes the tasks hard to tell."""

    def __init__(self, encoder: SharedEncoder, tasks: int) -> None:
        super().__init__()
        self.linear = nn.Linear(encoder.size, tasks)

    def forward(self, encoded: Encoding) -> Tensor:
        """Return logits, (batch, tasks)."""
        return self.linear(_Reversed.apply(encoded.sentence))


class Adversary(SentenceTask):
    """Which task is a text of? The head learns to tell, and what it reads learns that it cannot.

    Its weight γ(t) is the λ of Liu et al. (2017). Needs no labels: any text of a task will do.

    Args:
        name: name of the task.
        tasks: whose texts are told apart, all of which count alike; at least two.

    Raises ValueError for a task with features: texts are told apart by their words.
    """

    def __init__(self, name: str, tasks: Sequence[TextTask]) -> None:
        if having := [task.name for task in tasks if task.features]:
            raise ValueError(f"{name} tells texts apart by their words alone: {', '.join(having)} has features")
        texts = [list(task.words.split(task.lengths.tolist())) for task in tasks]
        targets = torch.cat([torch.full((len(of_task),), k) for k, of_task in enumerate(texts)])
        sentences = [text for of_task in texts for text in of_task]
        super().__init__(name, sentences, targets, [task.name for task in tasks], balanced=True)

    def head(self, encoder: SharedEncoder) -> nn.Module:
        """Return a linear layer behind a reversal of gradients."""
        return ReversingHead(encoder, len(self.classes))
