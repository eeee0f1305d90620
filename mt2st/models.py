"""Encoders, which all tasks share, equation (1), and a small head for each task.

An encoder is an embedding table with states on top of it. One of your own is a subclass of `Encoder` that sets `size`
and defines `states`, and works for sentence, token and table tasks alike; `Bag` is the shortest example. Anything else
that keeps to `SharedEncoder` does as well.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import torch
from torch import Tensor, nn

PADDING, UNKNOWN = 0, 1  # the first two rows of every embedding table

View = Literal["sentence", "tokens", "ahead"]


class Encoding(Protocol):
    """What heads read of an encoded batch; `Encoded` is one."""

    @property
    def tokens(self) -> Tensor:
        """The state at each word, (batch, time, size)."""

    @property
    def sentence(self) -> Tensor:
        """One state for each sentence, (batch, size)."""


class SharedEncoder(Protocol):
    """What the tasks of this package ask of an encoder, which is an `nn.Module`.

    Tasks of your own may ask for other things, and for none of these: `fit` itself asks for nothing but parameters.

    Attributes:
        size: of a state.
        one_way: size of a state that has not seen the words to come. Where it is above 0 the encoding has such states
            as `ahead`, (batch, time, one_way), and its `tokens` are those followed by states that have not seen the
            words before; 0 where there are none. Tasks that predict the next word refuse an encoder with 0.
        dropout: which heads apply to states too.
        table: the embedding table (V, d), which losses on the table train; rows 0 and 1 are padding and unknown words.
    """

    size: int
    one_way: int
    dropout: nn.Dropout

    @property
    def table(self) -> Tensor:
        """The embedding table (V, d)."""

    def __call__(self, words: Tensor, lengths: Tensor) -> Encoding:
        """Encode words (batch, time), rows of the table padded on the right, of the given lengths (batch,)."""


class HasHead(Protocol):
    """A task, as far as a model is concerned."""

    @property
    def name(self) -> str:
        """By which its head is found."""

    def head(self, encoder: Any) -> nn.Module | None:
        """Return a new head on top of an encoder, or None."""


@dataclass(frozen=True)
class Encoded:
    """What an encoder makes of a batch of sentences: a state at each word, and their readout for the sentence."""

    states: Tensor  # (batch, time, size); padding on the right has states of no meaning
    lengths: Tensor  # (batch,)
    readout: str

    @property
    def tokens(self) -> Tensor:
        """The state at each word, (batch, time, size)."""
        return self.states

    @property
    def sentence(self) -> Tensor:
        """The mean or the maximum of the states of a sentence's words, (batch, size)."""
        states = self.tokens
        padding = torch.arange(states.shape[1], device=states.device) >= self.lengths[:, None]  # (batch, time)
        if self.readout == "max":
            return states.masked_fill(padding[:, :, None], -torch.inf).amax(dim=1)
        return states.masked_fill(padding[:, :, None], 0).sum(dim=1) / self.lengths[:, None]


@dataclass(frozen=True)
class EncodedTwoWays(Encoded):
    """States of two directions, each in the order it reads; `states` are those of the forward one.

    The readout "last" takes each direction's state after it has read the whole sentence.
    """

    behind: Tensor  # (batch, time, hidden), last word first

    @property
    def ahead(self) -> Tensor:
        """The forward states, first word first, which have not seen the words to come: (batch, time, hidden)."""
        return self.states

    @property
    def tokens(self) -> Tensor:
        """Both directions' states at each word, (batch, time, 2 · hidden)."""
        return torch.cat([self.ahead, _reorder(self.behind, _reversal(self.lengths, self.behind.shape[1]))], dim=-1)

    @property
    def sentence(self) -> Tensor:
        """The readout of the sentence, (batch, 2 · hidden)."""
        if self.readout != "last":
            return super().sentence
        last = (self.lengths - 1)[:, None]  # (batch, 1)
        return torch.cat([_reorder(self.ahead, last), _reorder(self.behind, last)], dim=-1).squeeze(1)


class Encoder(nn.Module):
    """A trainable table of vectors with states on top of it.

    Args:
        table: (V, d) initial vectors; row 0 is padding and stays as it is, row 1 stands for unknown words.
        hidden: size of a hidden state.
        dropout: probability with which vectors, and in the heads states, are dropped in training.
        readout: how a sentence's states become one, one of `READOUTS`; the first of them by default.

    Raises ValueError for a readout that the encoder does not have.
    """

    READOUTS: ClassVar[tuple[str, ...]] = ("mean", "max")
    size: int  # of a state, (batch, time, size)
    one_way: int = 0  # size of a state that has not seen the words to come, of `EncodedTwoWays`; 0 where there is none

    def __init__(self, table: Tensor, hidden: int, dropout: float = 0.0, readout: str = "") -> None:
        super().__init__()
        self.readout = readout or self.READOUTS[0]
        if self.readout not in self.READOUTS:
            raise ValueError(f"{type(self).__name__} has no readout {readout!r}; it has: {', '.join(self.READOUTS)}")
        self.embedding = nn.Embedding.from_pretrained(table.clone(), freeze=False, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)

    @property
    def table(self) -> Tensor:
        """The embedding table (V, d), the parameter that losses on the table train."""
        return self.embedding.weight

    def forward(self, words: Tensor, lengths: Tensor) -> Encoded:
        """Encode words (batch, time) of the given lengths (batch,), each at least 1."""
        return self.states(self.vectors(words), lengths)

    def vectors(self, words: Tensor) -> Tensor:
        """Return the vectors of words (batch, time), some of their values dropped in training: (batch, time, d)."""
        vectors: Tensor = self.dropout(self.embedding(words))
        return vectors

    def states(self, vectors: Tensor, lengths: Tensor) -> Encoded:
        """Return the states of vectors (batch, time, d), right-padded sentences of the given lengths (batch,)."""
        raise TypeError(f"{type(self).__name__} is abstract: define `states`")


class Recurrent(Encoder):
    """Two recurrent networks of one layer, one for each direction.

    They are two networks over right-padded batches; the second reads each sentence reversed within its own length. Both
    so meet padding only after their last word, which makes the result that of packed sequences without their cost (they
    run at half the speed of a padded LSTM on a CPU).
    """

    READOUTS = ("last", "mean", "max")
    cell: ClassVar[type[nn.LSTM] | type[nn.GRU]]

    def __init__(self, table: Tensor, hidden: int, dropout: float = 0.0, readout: str = "") -> None:
        super().__init__(table, hidden, dropout, readout)
        self.forwards = self.cell(table.shape[1], hidden, batch_first=True)
        self.backwards = self.cell(table.shape[1], hidden, batch_first=True)
        self.size, self.one_way = 2 * hidden, hidden

    def states(self, vectors: Tensor, lengths: Tensor) -> Encoded:
        """Return the states of both directions."""
        ahead, _ = self.forwards(vectors)
        behind, _ = self.backwards(_reorder(vectors, _reversal(lengths, vectors.shape[1])))
        return EncodedTwoWays(ahead, lengths, self.readout, behind)


class BiLSTM(Recurrent):
    """Emb = Encoder(X; θ), equation (1): the paper's bidirectional LSTM."""

    cell = nn.LSTM


class GRU(Recurrent):
    """Bidirectional gated recurrent units (Cho et al. 2014): three quarters of an LSTM's parameters."""

    cell = nn.GRU


class Bag(Encoder):
    """Words without their order: a word's state is its vector. With a linear head on their mean, the honest floor."""

    def __init__(self, table: Tensor, hidden: int = 0, dropout: float = 0.0, readout: str = "") -> None:
        super().__init__(table, hidden, dropout, readout)
        self.size = table.shape[1]

    def states(self, vectors: Tensor, lengths: Tensor) -> Encoded:
        """Return the vectors themselves."""
        return Encoded(vectors, lengths, self.readout)


ENCODERS: dict[str, type[Encoder]] = {"bilstm": BiLSTM, "gru": GRU, "bag": Bag}
MakeEncoder = Callable[[Tensor], Encoder]  # from a table (V, d)


def _reversal(lengths: Tensor, time: int) -> Tensor:
    """Positions (batch, time) that reverse each sentence within its length and leave padding where it is."""
    position = torch.arange(time, device=lengths.device)
    mirrored = lengths[:, None] - 1 - position
    return torch.where(mirrored >= 0, mirrored, position)


def _reorder(x: Tensor, position: Tensor) -> Tensor:
    """Take x (batch, time, n) at position (batch, time') along time."""
    return x.gather(1, position[:, :, None].expand(-1, -1, x.shape[2]))


class OwnLayer(nn.Module):
    """A layer of one task's own on top of what it shares: h + B tanh(A h).

    The paper has "dedicated layers for each task, activated during the single-task learning phase" in Switch, and says
    no more. Here B begins as 0, so that the layer changes nothing before it is trained, and it is not trained before
    `Model.train_own_layers`.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(size, size), nn.Linear(size, size)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)
        self.requires_grad_(False)

    def forward(self, states: Tensor) -> Tensor:
        """Return states (…, size) of the task's own."""
        return states + self.second(self.first(states).tanh())


class LinearHead(nn.Module):
    """Logits of classes from one view of the states.

    Args:
        encoder: what the states come from.
        classes: number of classes.
        view: "sentence" for one answer a sentence, "tokens" for one a word, "ahead" for one a word from states that
            have not seen the words to come.

    Raises ValueError for "ahead" where the encoder has no such states.
    """

    def __init__(self, encoder: SharedEncoder, classes: int, view: View) -> None:
        super().__init__()
        self.view = view
        self.dropout = nn.Dropout(encoder.dropout.p)
        self.size = _one_way(encoder) if view == "ahead" else encoder.size
        self.linear = nn.Linear(self.size, classes)
        self.own: nn.Module = nn.Identity()

    def add_own_layer(self) -> None:
        """Put a layer of the task's own before the logits, see `OwnLayer`."""
        self.own = OwnLayer(self.size)

    def forward(self, encoded: Encoding) -> Tensor:
        """Return logits, (batch, classes) or (batch, time, classes)."""
        return self.linear(self.dropout(self.own(getattr(encoded, self.view))))


class LanguageModelHead(nn.Module):
    """Next word from the forward states and previous word from the backward states, one shared adaptive softmax.

    Neither direction has seen the word it predicts. The adaptive softmax (Grave et al. 2017) needs word ids in order
    of falling frequency, which is how every embedding table here is sorted.

    Raises ValueError for an encoder without such states, and for too few of them or too few words.
    """

    def __init__(self, encoder: SharedEncoder, vocabulary: int) -> None:
        super().__init__()
        hidden = _one_way(encoder)
        if vocabulary < 8:
            raise ValueError(f"language modelling needs a vocabulary of at least 8 rows, got {vocabulary}")
        if hidden < 4:
            raise ValueError(f"language modelling needs at least 4 hidden units, got {hidden}")
        self.dropout = nn.Dropout(encoder.dropout.p)
        cutoffs = sorted({max(1, vocabulary // 16), max(2, vocabulary // 4)})
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(hidden, vocabulary, cutoffs, div_value=2.0)

    def forward(self, encoded: Encoding, words: Tensor) -> Tensor:
        """Mean negative log-likelihood of words (batch, time), over both directions and without padding."""
        ahead, behind = self.dropout(encoded.tokens).chunk(2, dim=-1)  # each (batch, time, hidden)
        pair = words[:, 1:] != PADDING  # (batch, time - 1): neighbouring words, padding is on the right
        states = torch.cat([ahead[:, :-1][pair], behind[:, 1:][pair]])  # (2 · pairs, hidden)
        targets = torch.cat([words[:, 1:][pair], words[:, :-1][pair]])
        return self.softmax(states, targets).loss


class BagOfWordsHead(nn.Module):
    """The words of a sentence, in any order, from its one state: a softmax over the most frequent rows of the table.

    The decoder of a sequence autoencoder (Dai and Le 2015) without its recurrence, which costs a hundredth.
    """

    def __init__(self, encoder: SharedEncoder, vocabulary: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(encoder.dropout.p)
        self.linear = nn.Linear(encoder.size, vocabulary)

    def forward(self, encoded: Encoding, words: Tensor) -> Tensor:
        """Mean negative log-likelihood of words (batch, time), padding, unknown and less frequent ones left out."""
        logs = self.linear(self.dropout(encoded.sentence)).log_softmax(-1)  # (batch, vocabulary)
        known = (words > UNKNOWN) & (words < self.linear.out_features)  # (batch, time)
        likelihood = logs.gather(1, words.where(known, 0)) * known
        return -likelihood.sum() / known.sum().clamp_min(1)


def _one_way(encoder: SharedEncoder) -> int:
    """Size of a state that has not seen the words to come; raises ValueError where there is none."""
    if not encoder.one_way:
        raise ValueError(
            f"{type(encoder).__name__} has no states that have not seen the words to come, which a task needs that "
            "is to predict them; take bilstm or gru"
        )
    return encoder.one_way


class Heads(nn.Module):
    """A head for each task by its name, which may be anything: names within an `nn.ModuleDict` may have no dot in them,
    nor be those of its own methods, such as "type".
    """

    def __init__(self, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.names = tuple(heads)
        self.layers = nn.ModuleList(heads.values())

    def __getitem__(self, task: str) -> nn.Module:
        if task not in self.names:
            raise ValueError(f"the model has no head for task {task!r}; it has: {', '.join(self.names)}")
        return self.layers[self.names.index(task)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)


def heads_of(tasks: Iterable[HasHead], encoder: Any) -> dict[str, nn.Module]:
    """Return a new head on top of an encoder for each of the tasks that has one, by the task's name.

    Raises ValueError as `check_answered`.
    """
    tasks = list(tasks)
    heads = {task.name: head for task in tasks if (head := task.head(encoder)) is not None}
    check_answered(tasks, heads)
    return heads


def check_answered(tasks: Iterable[HasHead], heads: Mapping[str, nn.Module]) -> None:
    """Raise ValueError for a task that another is to answer (`tasks.LabelledTask.answered_as`) which has no head."""
    for task in tasks:
        if (other := getattr(task, "answered_as", "")) and other not in heads:
            having = ", ".join(heads)
            raise ValueError(
                f"task {task.name!r} is to be answered by {other!r}, which has no head; these have: {having}"
            )


class Model(nn.Module):
    """One shared encoder and a head for each task that has one (hard parameter sharing)."""

    READS_FEATURES: ClassVar[bool] = False  # whether `encode` takes what comes with words, see `tasks.Features`

    def __init__(self, encoder: nn.Module, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.encoder: Any = encoder
        self.heads = Heads(heads)

    @classmethod
    def of(cls, encoder: nn.Module, tasks: Iterable[HasHead]) -> Self:
        """Return a model with a new head for each of the tasks that has one."""
        return cls(encoder, heads_of(tasks, encoder))

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Any]) -> Self:
        """Return a new model for some tasks, of encoders as `make` gives them for a table (V, d)."""
        return cls.of(make(table), tasks)

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return what the encoder makes of a task's inputs; all tasks have the same encoder here."""
        return self.encoder(*inputs)

    def forward(self, task: str, *inputs: Tensor) -> Tensor:
        """Return what a task's head makes of its inputs, such as logits."""
        return self.heads[task](self.encode(task, *inputs))

    def train_own_layers(self, task: str) -> None:
        """Train from now on what a task's head has as layers of its own; raises ValueError where it has none."""
        layers = [layer for layer in self.heads[task].modules() if isinstance(layer, OwnLayer)]
        if not layers:
            raise ValueError(
                f"own_layers: the head of task {task!r} has no layer of its own to train; give it one before training "
                f"with `model.heads[{task!r}].add_own_layer()`, or set own_layers in the configuration of the run"
            )
        for layer in layers:
            layer.requires_grad_(True)

    def shared(self) -> list[nn.Parameter]:
        """Return the parameters that all tasks share."""
        return list(self.encoder.parameters())

    @property
    def table(self) -> Tensor:
        """The embedding table (V, d)."""
        table: Tensor = self.encoder.table
        return table

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device
