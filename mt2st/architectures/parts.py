"""What architectures are put together from: encoders without a table, and states of several of them as one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mt2st.models import Encoder, Encoding, MakeEncoder


@dataclass
class Width:
    """What a task's head has to know of the states it is to read, see `models.SharedEncoder`."""

    size: int
    one_way: int
    dropout: nn.Dropout
    table: Tensor

    @classmethod
    def of(cls, *encoders: Encoder, table: Tensor) -> "Width":
        """Width of the states of some encoders one after the other.

        Those of several have no half that has not seen the words to come.
        """
        one_way = encoders[0].one_way if len(encoders) == 1 else 0
        return cls(sum(encoder.size for encoder in encoders), one_way, encoders[0].dropout, table)

    def __call__(self, words: Tensor, lengths: Tensor) -> Encoding:
        """Encode nothing: this is a description."""
        raise TypeError("a width has no states")


def on_vectors(make: MakeEncoder, size: int) -> Encoder:
    """Return an encoder of vectors (batch, time, size) by `states`, without a table of its own."""
    encoder = make(torch.zeros(2, size))
    del encoder.embedding
    return encoder


@dataclass(frozen=True)
class Joined:
    """States of several encoders, one after the other."""

    parts: Sequence[Encoding]

    @property
    def tokens(self) -> Tensor:
        """The states at each word, (batch, time, Σ size)."""
        return torch.cat([part.tokens for part in self.parts], dim=-1)

    @property
    def sentence(self) -> Tensor:
        """The states of each sentence, (batch, Σ size)."""
        return torch.cat([part.sentence for part in self.parts], dim=-1)


@dataclass(frozen=True)
class Mixture:
    """States of several encoders of one size, averaged by weights (batch, encoders)."""

    parts: Sequence[Encoding]
    weights: Tensor

    @property
    def tokens(self) -> Tensor:
        """The states at each word, (batch, time, size)."""
        return torch.einsum("be,ebts->bts", self.weights, torch.stack([part.tokens for part in self.parts]))

    @property
    def sentence(self) -> Tensor:
        """The state of each sentence, (batch, size)."""
        return torch.einsum("be,ebs->bs", self.weights, torch.stack([part.sentence for part in self.parts]))
