"""A task: a name, a head, batches and a loss. `fit` treats all tasks alike, whatever they look at."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from mt2st.models import PADDING, Encoder, LanguageModelHead, Model, SentenceHead, TokenHead

Batch = tuple[Tensor, ...]  # first dimension of each: examples

IGNORED = -100  # target of padding, the default `ignore_index` of cross_entropy
POOL = 16  # batches that are sorted by length together


class Task(ABC):
    """What `fit` needs to know of a task, primary or auxiliary."""

    name: str

    def head(self, encoder: Encoder) -> nn.Module | None:
        """Return a new head on top of `encoder`; None where the task looks at the embedding table alone."""
        return None

    @abstractmethod
    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield every example once in batches of `size`, in random order, or in order if `generator` is None."""

    @abstractmethod
    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Mean loss over a batch, a scalar."""


class TableTask(Task):
    """A loss on the embedding table (UPDATE 0–3), computed on a few rows of a lexicon at a time.

    Args:
        name: name of the task.
        loss: function of the table (V, d) and the columns of a batch.
        columns: tensors of equal length, one entry a lexicon row: questions (N, 4), or pairs (N, 2) and scores (N,).
        size: lexicon rows in a batch.
    """

    def __init__(self, name: str, loss: Callable[..., Tensor], columns: Sequence[Tensor], size: int = 32) -> None:
        self.name, self.function, self.columns, self.size = name, loss, tuple(columns), size
        if size < 2:
            raise ValueError(f"auxiliary task {name!r}: size must be at least 2, got {size}")
        if len(self.columns[0]) < 2:
            raise ValueError(
                f"auxiliary task {name!r}: {len(self.columns[0])} rows of its lexicon are in the vocabulary, "
                "at least 2 are needed; use a larger text or another auxiliary task"
            )

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield batches of `self.size` lexicon rows; `size`, which counts sentences, does not apply."""
        n = len(self.columns[0])
        order = torch.arange(n) if generator is None else torch.randperm(n, generator=generator)
        batches = list(order.split(self.size))
        if len(batches) > 1 and len(batches[-1]) == 1:  # a rank correlation needs two
            batches[-2:] = [torch.cat(batches[-2:])]
        for rows in batches:
            yield tuple(column[rows] for column in self.columns)

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Return the loss of the table on a batch of lexicon rows."""
        return self.function(model.encoder.table, *batch)


class NoiseTask(TableTask):
    """A control for a loss on the table: in place of its gradient, noise of the same norm on the same rows.

    Its value is that of the loss itself. What it gains beside the loss, the loss's direction did not cause.
    """

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield the loss's batches, each with a seed of its noise (1,)."""
        for columns in super().batches(size, generator):
            yield (*columns, torch.randint(2**31, (1,), generator=generator or torch.Generator().manual_seed(0)))

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Return the value of the loss, with the gradient of the noise."""
        *columns, seed = batch
        table = model.encoder.table
        value = self.function(table, *columns)
        if not torch.is_grad_enabled():
            return value
        (gradient,) = torch.autograd.grad(value, table)
        noise = torch.randn(gradient.shape, generator=torch.Generator().manual_seed(int(seed))).to(gradient)
        noise *= (gradient != 0).any(dim=1, keepdim=True)
        noise *= gradient.norm() / noise.norm().clamp_min(1e-12)
        push = (table * noise).sum()
        return value.detach() + push - push.detach()


class _TextTask(Task):
    """Shared by tasks over sentences: batches of similar length, so that padding costs next to nothing."""

    def __init__(self, name: str, sentences: Sequence[Tensor], targets: Sequence[Tensor] | Tensor) -> None:
        if not len(sentences):
            raise ValueError(f"task {name!r} has no sentences")
        if len(sentences) != len(targets):
            raise ValueError(f"task {name!r}: {len(sentences)} sentences but {len(targets)} targets")
        self.name, self.sentences, self.targets = name, sentences, targets
        self.lengths = torch.tensor([len(s) for s in sentences])
        if int(self.lengths.min()) < 1:
            raise ValueError(f"task {name!r}: sentence {int(self.lengths.argmin())} has no words")

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield (words (B, T), lengths (B,), targets), see `Task.batches`."""
        for rows in length_sorted(self.lengths, size, generator):
            words = pad_sequence([self.sentences[i] for i in rows], batch_first=True, padding_value=PADDING)
            yield words, self.lengths[rows], self._targets(rows)

    @abstractmethod
    def _targets(self, rows: Tensor) -> Tensor:
        """Targets of some sentences, padded where there is one a word."""


class LabelledTask(_TextTask):
    """A task with classes to predict, which can be evaluated and so be the primary task."""

    def __init__(
        self,
        name: str,
        sentences: Sequence[Tensor],
        targets: Sequence[Tensor] | Tensor,
        classes: Sequence[str],
    ) -> None:
        super().__init__(name, sentences, targets)
        self.classes = tuple(classes)
        if len(self.classes) < 2:
            raise ValueError(f"task {name!r} has {len(self.classes)} class(es), at least 2 are needed")

    def logits(self, model: Model, batch: Batch) -> Tensor:
        """Scores of the classes, (batch, classes) or (batch, time, classes)."""
        words, lengths, _ = batch
        return model.heads[self.name](model.encoder(words, lengths))

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Mean cross-entropy over examples, or over words without padding."""
        return labelled_loss(self.logits(model, batch), batch[2])


def labelled_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of logits (…, classes) and targets (…), padding ignored."""
    return cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=IGNORED)


class SentenceTask(LabelledTask):
    """Classify sentences (or reviews): targets (N,) are class indices."""

    targets: Tensor

    def head(self, encoder: Encoder) -> nn.Module:
        """Return a linear layer on the sentence states."""
        return SentenceHead(encoder, len(self.classes))

    def _targets(self, rows: Tensor) -> Tensor:
        return self.targets[rows]


class TokenTask(LabelledTask):
    """Classify every word: one tensor of class indices a sentence."""

    def __init__(
        self, name: str, sentences: Sequence[Tensor], targets: Sequence[Tensor], classes: Sequence[str]
    ) -> None:
        super().__init__(name, sentences, targets, classes)
        for i, (sentence, tags) in enumerate(zip(sentences, targets, strict=True)):
            if len(sentence) != len(tags):
                raise ValueError(f"task {name!r}: sentence {i} has {len(sentence)} words but {len(tags)} tags")

    def head(self, encoder: Encoder) -> nn.Module:
        """Return a linear layer on the token states."""
        return TokenHead(encoder, len(self.classes))

    def _targets(self, rows: Tensor) -> Tensor:
        return pad_sequence([self.targets[i] for i in rows], batch_first=True, padding_value=IGNORED)


class LanguageModelTask(_TextTask):
    """Predict each word's neighbours, see `LanguageModelHead`. Sentences need at least two words."""

    def __init__(self, name: str, sentences: Sequence[Tensor], vocabulary: int) -> None:
        kept = [s for s in sentences if len(s) > 1]
        super().__init__(name, kept, kept)
        self.vocabulary = vocabulary

    def head(self, encoder: Encoder) -> nn.Module:
        """Return an adaptive softmax over the vocabulary."""
        return LanguageModelHead(encoder, self.vocabulary)

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Mean negative log-likelihood of the next and the previous word."""
        words, lengths, _ = batch
        return model.heads[self.name](model.encoder(words, lengths), words)

    def _targets(self, rows: Tensor) -> Tensor:
        return rows  # the words are their own targets


def length_sorted(lengths: Tensor, size: int, generator: torch.Generator | None) -> Iterator[Tensor]:
    """Yield index batches of similar length that cover every example once.

    Examples are shuffled, sorted by length within pools of 16 batches, and the batches shuffled again. With
    `generator` None all examples are sorted at once and nothing is random.
    """
    if generator is None:
        yield from torch.argsort(lengths, stable=True).split(size)
        return
    batches: list[Tensor] = []
    for pool in torch.randperm(len(lengths), generator=generator).split(size * POOL):
        batches += pool[torch.argsort(lengths[pool], stable=True)].split(size)
    for i in torch.randperm(len(batches), generator=generator).tolist():
        yield batches[i]


def endless(task: Task, size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Yield a task's batches again and again, newly shuffled each time."""
    while True:
        yield from task.batches(size, generator)


def as_targets(labels: Sequence[int]) -> Tensor:
    """Class indices as the tensor that cross_entropy wants."""
    return torch.from_numpy(np.asarray(labels, dtype=np.int64))
