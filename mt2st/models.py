"""The shared encoder, equation (1): an embedding table and one BiLSTM, with a small head for each task."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

PADDING, UNKNOWN = 0, 1  # the first two rows of every embedding table


@dataclass(frozen=True)
class Encoded:
    """What the encoder makes of a batch: the states of both directions, each in the order it reads."""

    ahead: Tensor  # (batch, time, hidden), first word first
    behind: Tensor  # (batch, time, hidden), last word first
    lengths: Tensor  # (batch,)

    @property
    def tokens(self) -> Tensor:
        """Both directions' states at each word, (batch, time, 2 · hidden)."""
        return torch.cat([self.ahead, _reorder(self.behind, _reversal(self.lengths, self.behind.shape[1]))], dim=-1)

    @property
    def sentence(self) -> Tensor:
        """Each direction's state after it has read the whole sentence, (batch, 2 · hidden)."""
        last = (self.lengths - 1)[:, None]  # (batch, 1)
        return torch.cat([_reorder(self.ahead, last), _reorder(self.behind, last)], dim=-1).squeeze(1)


class Encoder(nn.Module):
    """Emb = Encoder(X; θ), equation (1), with a trainable table and a bidirectional LSTM of one layer.

    The two directions are two LSTMs over right-padded batches; the second reads each sentence reversed within its own
    length. Both so meet padding only after their last word, which makes the result that of packed sequences without
    their cost (they run at half the speed of a padded LSTM on a CPU).

    Args:
        table: (V, d) initial vectors; row 0 is padding and stays as it is, row 1 stands for unknown words.
        hidden: size of each direction's state.
        dropout: probability with which the LSTMs' inputs, and in the heads their states, are dropped in training.
    """

    def __init__(self, table: Tensor, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(table.clone(), freeze=False, padding_idx=PADDING)
        self.forwards = nn.LSTM(table.shape[1], hidden, batch_first=True)
        self.backwards = nn.LSTM(table.shape[1], hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)

    @property
    def table(self) -> Tensor:
        """The embedding table (V, d), the parameter that losses on the table train."""
        return self.embedding.weight

    @property
    def hidden(self) -> int:
        """Size of one direction's state."""
        return self.forwards.hidden_size

    def forward(self, words: Tensor, lengths: Tensor) -> Encoded:
        """Encode words (batch, time) of the given lengths (batch,), each at least 1."""
        x = self.dropout(self.embedding(words))  # (batch, time, d)
        ahead, _ = self.forwards(x)
        behind, _ = self.backwards(_reorder(x, _reversal(lengths, words.shape[1])))
        return Encoded(ahead, behind, lengths)


def _reversal(lengths: Tensor, time: int) -> Tensor:
    """Positions (batch, time) that reverse each sentence within its length and leave padding where it is."""
    position = torch.arange(time, device=lengths.device)
    mirrored = lengths[:, None] - 1 - position
    return torch.where(mirrored >= 0, mirrored, position)


def _reorder(x: Tensor, position: Tensor) -> Tensor:
    """Take x (batch, time, n) at position (batch, time') along time."""
    return x.gather(1, position[:, :, None].expand(-1, -1, x.shape[2]))


class SentenceHead(nn.Module):
    """Logits (batch, classes) from the sentence states."""

    def __init__(self, encoder: Encoder, classes: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(encoder.dropout.p)
        self.linear = nn.Linear(2 * encoder.hidden, classes)

    def forward(self, encoded: Encoded) -> Tensor:
        """Return logits, shape (batch, classes)."""
        return self.linear(self.dropout(encoded.sentence))


class TokenHead(nn.Module):
    """Logits (batch, time, classes) from the token states."""

    def __init__(self, encoder: Encoder, classes: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(encoder.dropout.p)
        self.linear = nn.Linear(2 * encoder.hidden, classes)

    def forward(self, encoded: Encoded) -> Tensor:
        """Return logits, shape (batch, time, classes)."""
        return self.linear(self.dropout(encoded.tokens))


class ForwardTokenHead(nn.Module):
    """Logits (batch, time, classes) from the forward states alone, which have not seen the words to come."""

    def __init__(self, encoder: Encoder, classes: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(encoder.dropout.p)
        self.linear = nn.Linear(encoder.hidden, classes)

    def forward(self, encoded: Encoded) -> Tensor:
        """Return logits, shape (batch, time, classes)."""
        return self.linear(self.dropout(encoded.ahead))


class LanguageModelHead(nn.Module):
    """Next word from the forward states and previous word from the backward states, one shared adaptive softmax.

    Neither direction has seen the word it predicts. The adaptive softmax (Grave et al. 2017) needs word ids in order
    of falling frequency, which is how every embedding table here is sorted.
    """

    def __init__(self, encoder: Encoder, vocabulary: int) -> None:
        super().__init__()
        if vocabulary < 8:
            raise ValueError(f"language modelling needs a vocabulary of at least 8 rows, got {vocabulary}")
        self.dropout = nn.Dropout(encoder.dropout.p)
        if encoder.hidden < 4:
            raise ValueError(f"language modelling needs at least 4 hidden units, got {encoder.hidden}")
        cutoffs = sorted({max(1, vocabulary // 16), max(2, vocabulary // 4)})
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(encoder.hidden, vocabulary, cutoffs, div_value=2.0)

    def forward(self, encoded: Encoded, words: Tensor) -> Tensor:
        """Mean negative log-likelihood of words (batch, time), over both directions and without padding."""
        ahead, behind = self.dropout(encoded.tokens).chunk(2, dim=-1)  # each (batch, time, hidden)
        pair = words[:, 1:] != PADDING  # (batch, time - 1): neighbouring words, padding is on the right
        states = torch.cat([ahead[:, :-1][pair], behind[:, 1:][pair]])  # (2 · pairs, hidden)
        targets = torch.cat([words[:, 1:][pair], words[:, :-1][pair]])
        return self.softmax(states, targets).loss


class Model(nn.Module):
    """One shared encoder and a head for each task that has one (hard parameter sharing)."""

    def __init__(self, encoder: Encoder, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(heads)
