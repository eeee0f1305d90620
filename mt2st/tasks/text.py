"""Tasks on sentences: classes of sentences and of words, neighbours of words, and the words of a text."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mt2st.metrics import Evaluation, micro_f1, tag_counts
from mt2st.models import PADDING, BagOfWordsHead, LanguageModelHead, LinearHead, Model, SharedEncoder
from mt2st.tasks.base import IGNORED, Batch, LabelledTask, Task
from mt2st.tasks.features import Features

POOL = 16  # batches that are sorted by length together


class TextTask(Task):
    """Shared by tasks over sentences, kept one after the other: a batch is gathered without a loop over words.

    Args:
        name: name of the task.
        sentences: rows of the embedding table, one tensor a sentence.
        with_replacement: batches are of sentences drawn at random, in place of a pass over all of them.
        features: what comes with each word, which architecture "multimodal" reads.

    Raises ValueError if there are no sentences, one has no words, or another number of rows of features.
    """

    def __init__(
        self,
        name: str,
        sentences: Sequence[Tensor],
        with_replacement: bool = False,
        features: Features | None = None,
    ) -> None:
        if not len(sentences):
            raise ValueError(f"task {name!r} has no sentences")
        self.name, self.with_replacement, self.features = name, with_replacement, features
        self.lengths = torch.tensor([len(sentence) for sentence in sentences])  # (S,)
        if int(self.lengths.min()) < 1:
            raise ValueError(f"task {name!r}: sentence {int(self.lengths.argmin())} has no words")
        if features and not torch.equal(features.lengths, self.lengths):
            raise ValueError(f"task {name!r}: {_mismatch(features, self.lengths)}")
        self.starts = self.lengths.cumsum(0) - self.lengths  # (S,) where each sentence begins
        self.words = torch.cat(list(sentences))  # (N,)

    def __len__(self) -> int:
        return len(self.lengths)

    def examples(self) -> int:
        """Say how many sentences there are."""
        return len(self)

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield words (B, T), lengths (B,), features (B, T, F) if any, and what `_targets` adds, see `Task.batches`."""
        if generator is not None and self.with_replacement:
            drawn = torch.randint(len(self), (-(-len(self) // size) * size,), generator=generator)
            for rows in length_sorted(self.lengths[drawn], size, generator):
                yield self._batch(drawn[rows])
        else:
            yield from map(self._batch, length_sorted(self.lengths, size, generator))

    def counts(self, batch: Batch) -> dict[str, int]:
        """Count sentences and words."""
        return {"examples": len(batch[0]), "tokens": int(batch[1].sum())}

    def order(self, size: int) -> Tensor:
        """Which sentence stands where in `batches(size, None)`, (S,): they are sorted by length."""
        return torch.cat(list(length_sorted(self.lengths, size, None)))

    def _batch(self, rows: Tensor) -> Batch:
        beside = [self._gathered(self.features.values, rows, 0).float()] if self.features else []
        return self._gathered(self.words, rows, PADDING), self.lengths[rows], *beside, *self._targets(rows)

    def _gathered(self, values: Tensor, rows: Tensor, padding: int) -> Tensor:
        """Return some sentences' entries of values (N, …), one a word: (B, T, …), padded on the right."""
        lengths = self.lengths[rows]
        time = torch.arange(int(lengths.max()))
        inside = time < lengths[:, None]  # (B, T)
        position = torch.where(inside, self.starts[rows][:, None] + time, 0)
        return torch.where(inside.reshape(*inside.shape, *[1] * (values.dim() - 1)), values[position], padding)

    def _targets(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Targets of some sentences, if there are any beside the words."""
        return ()


class SentenceTask(TextTask, LabelledTask):
    """Classify sentences (or reviews): targets (S,) are class indices.

    With `balanced`, classes count alike in the loss, however many examples each has: w_c = S / (C · S_c), and 0 for a
    class without any. For `with_replacement` and `features` see `TextTask`, for `answered_as` `LabelledTask`.

    Raises ValueError as `TextTask`, for another number of targets, and for fewer than two classes.
    """

    def __init__(
        self,
        name: str,
        sentences: Sequence[Tensor],
        targets: Tensor,
        classes: Sequence[str],
        *,
        balanced: bool = False,
        with_replacement: bool = False,
        features: Features | None = None,
        answered_as: str = "",
    ) -> None:
        super().__init__(name, sentences, with_replacement, features)
        self.targets, self.classes, self.answered_as = targets, _checked(name, classes), answered_as
        if len(sentences) != len(targets):
            raise ValueError(f"task {name!r}: {len(sentences)} sentences but {len(targets)} targets")
        if balanced:
            counts = torch.bincount(targets, minlength=len(classes))
            self.class_weights = torch.where(counts > 0, len(targets) / (len(classes) * counts.clamp_min(1)), 0.0)

    def head(self, encoder: SharedEncoder) -> nn.Module | None:
        """Return a linear layer on the sentence states; None where another task's answers."""
        return None if self.answered_as else LinearHead(encoder, len(self.classes), "sentence")

    def _targets(self, rows: Tensor) -> tuple[Tensor, ...]:
        return (self.targets[rows],)


class TokenTask(TextTask, LabelledTask):
    """Classify every word: one tensor of class indices a sentence.

    Args:
        name, sentences, with_replacement, features: see `TextTask`.
        targets: class indices, one tensor a sentence.
        classes: the tags.
        by_sentence: average the loss over the words of each sentence first, as Bingel and Søgaard (2017) do, in place
            of over all words.
        ahead: read states that have not seen the words to come, for tags that tell them.
        answered_as: see `LabelledTask`.

    Raises ValueError as `SentenceTask`, and for a sentence with another number of tags than words.
    """

    level = "words"

    def __init__(
        self,
        name: str,
        sentences: Sequence[Tensor],
        targets: Sequence[Tensor],
        classes: Sequence[str],
        *,
        with_replacement: bool = False,
        by_sentence: bool = False,
        ahead: bool = False,
        features: Features | None = None,
        answered_as: str = "",
    ) -> None:
        super().__init__(name, sentences, with_replacement, features)
        self.classes, self.by_sentence, self.ahead = _checked(name, classes), by_sentence, ahead
        self.answered_as = answered_as
        if len(sentences) != len(targets):
            raise ValueError(f"task {name!r}: {len(sentences)} sentences but {len(targets)} targets")
        for i, (sentence, tags) in enumerate(zip(sentences, targets, strict=True)):
            if len(sentence) != len(tags):
                raise ValueError(f"task {name!r}: sentence {i} has {len(sentence)} words but {len(tags)} tags")
        self.tags = torch.cat(list(targets))  # (N,)

    def head(self, encoder: SharedEncoder) -> nn.Module | None:
        """Return a linear layer on the states of words; None where another task's answers."""
        return None if self.answered_as else LinearHead(encoder, len(self.classes), "ahead" if self.ahead else "tokens")

    def mean_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy over words, or over the words of each sentence and then over sentences."""
        if not self.by_sentence:
            return super().mean_loss(logits, targets)
        by_word = cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")  # (B, T)
        return (by_word.sum(1) / (targets != IGNORED).sum(1).clamp_min(1)).mean()

    def terms(self, targets: Tensor) -> int:
        """Number of words, or of sentences."""
        return len(targets) if self.by_sentence else super().terms(targets)

    def scores(self, evaluation: Evaluation) -> dict[str, float]:
        """Return accuracy and F1 of tags other than "O", see `micro_f1`."""
        f1 = micro_f1(tag_counts(evaluation, self.classes).sum(0))
        return {"accuracy": evaluation.accuracy, "f1": float(f1)}

    def _targets(self, rows: Tensor) -> tuple[Tensor, ...]:
        return (self._gathered(self.tags, rows, IGNORED),)


class LanguageModelTask(TextTask):
    """Predict each word's neighbours, see `LanguageModelHead`.

    Sentences of one word are left out. Raises ValueError where none has two.
    """

    level = "words"

    def __init__(self, name: str, sentences: Sequence[Tensor], vocabulary: int) -> None:
        longer = [sentence for sentence in sentences if len(sentence) > 1]
        if not longer:
            raise ValueError(f"task {name!r} has no sentence of two words or more: give longer texts")
        super().__init__(name, longer)
        self.vocabulary = vocabulary

    def head(self, encoder: SharedEncoder) -> nn.Module:
        """Return an adaptive softmax over the vocabulary."""
        return LanguageModelHead(encoder, self.vocabulary)

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Mean negative log-likelihood of the next and the previous word."""
        words, lengths = batch
        return model.heads[self.name](model.encode(self.name, words, lengths), words)


class AutoencoderTask(TextTask):
    """Say which words a text has from its one state, see `BagOfWordsHead`; of the table's rows the first `frequent`.

    Raises ValueError as `TextTask`.
    """

    def __init__(self, name: str, sentences: Sequence[Tensor], vocabulary: int, frequent: int = 5_000) -> None:
        super().__init__(name, sentences)
        self.vocabulary = min(vocabulary, frequent)

    def head(self, encoder: SharedEncoder) -> nn.Module:
        """Return a softmax over the most frequent words."""
        return BagOfWordsHead(encoder, self.vocabulary)

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Mean negative log-likelihood of the texts' own words."""
        words, lengths = batch
        return model.heads[self.name](model.encode(self.name, words, lengths), words)


def _mismatch(features: Features, lengths: Tensor) -> str:
    """Say where features are not as long as their texts."""
    if len(features.lengths) != len(lengths):
        return f"{len(lengths)} sentences but {features.name} of {len(features.lengths)}"
    at = int((features.lengths != lengths).nonzero()[0])
    return f"sentence {at} has {int(lengths[at])} words but {int(features.lengths[at])} rows of {features.name}"


def _checked(name: str, classes: Sequence[str]) -> tuple[str, ...]:
    if len(classes) < 2:
        raise ValueError(f"task {name!r} has {len(classes)} class(es), at least 2 are needed")
    return tuple(classes)


def length_sorted(lengths: Tensor, size: int, generator: torch.Generator | None) -> Iterator[Tensor]:
    """Yield index batches of similar length that cover every example once, so that padding costs next to nothing.

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


def as_targets(labels: Sequence[int]) -> Tensor:
    """Class indices as the tensor that cross_entropy wants."""
    return torch.from_numpy(np.asarray(labels, dtype=np.int64))
