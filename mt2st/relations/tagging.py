"""Tagged corpora as tensors, random batches of them, and how well tags are predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from mt2st.data.tags.columns import OUTSIDE, TaggedText
from mt2st.data.tags.sequences import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.metrics import span_f1
from mt2st.models import PADDING, Encoder, ForwardTokenHead, Model, TokenHead
from mt2st.tasks import IGNORED

AT_ONCE = 256  # sentences, where nothing is trained


@dataclass(frozen=True)
class Sentences:
    """Sentences of one part of a corpus, one after the other: a batch is gathered without a loop over tokens."""

    words: Tensor  # (N,) rows of the table
    tags: Tensor  # (N,) class indices
    starts: Tensor  # (S,) where each sentence begins
    lengths: Tensor  # (S,)

    @classmethod
    def of(cls, text: TaggedText, index: Mapping[str, int], classes: Sequence[str], longest: int) -> "Sentences":
        """Encode lower-cased words and tags of the first `longest` tokens of each sentence."""
        rows = {tag: i for i, tag in enumerate(classes)}
        lengths = torch.tensor([min(len(sentence), longest) for sentence in text.sentences])
        words = [index.get(word.lower(), 1) for sentence in text.sentences for word in sentence[:longest]]
        tags = [rows[tag] for of_sentence in text.tags for tag in of_sentence[:longest]]
        return cls(torch.tensor(words), torch.tensor(tags), lengths.cumsum(0) - lengths, lengths)

    def __len__(self) -> int:
        return len(self.starts)

    def to(self, device: torch.device) -> "Sentences":
        """Return the same on a device."""
        return Sentences(*(x.to(device) for x in (self.words, self.tags, self.starts, self.lengths)))

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return words (B, T), lengths (B,) and tags (B, T) of some sentences, padded on the right."""
        lengths = self.lengths[rows]
        time = torch.arange(int(lengths.max()), device=rows.device)
        inside = time < lengths[:, None]  # (B, T)
        position = torch.where(inside, self.starts[rows][:, None] + time, 0)
        return (
            torch.where(inside, self.words[position], PADDING),
            lengths,
            torch.where(inside, self.tags[position], IGNORED),
        )


@dataclass(frozen=True)
class TaggingTask:
    """A corpus as a task of the study."""

    name: str
    classes: tuple[str, ...]
    is_span: bool
    train: Sentences
    validation: Sentences
    test: Sentences
    is_prediction: bool = False  # see `SequenceData`

    def head(self, encoder: Encoder) -> nn.Module:
        """Return a dense layer on the states of both directions, or of the forward one where tags say what comes."""
        return (ForwardTokenHead if self.is_prediction else TokenHead)(encoder, len(self.classes))

    def to(self, device: torch.device) -> "TaggingTask":
        """Return the same on a device."""
        train, validation, test = (part.to(device) for part in (self.train, self.validation, self.test))
        return replace(self, train=train, validation=validation, test=test)


@dataclass(frozen=True)
class Tagged:
    """Predictions on one part of a corpus, and the mean loss."""

    loss: float
    gold: np.ndarray  # (N,) class indices
    found: np.ndarray  # (N,)
    starts: np.ndarray  # (S,)
    classes: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """Share of tokens with the right tag."""
        return float((self.gold == self.found).mean())

    @property
    def counts(self) -> np.ndarray:
        """Tokens of each sentence, (S, 3): rightly tagged, tagged, and to be tagged; "O" is no tag."""
        outside = self.classes.index(OUTSIDE) if OUTSIDE in self.classes else -1
        is_found, is_gold = self.found != outside, self.gold != outside
        columns = np.stack([(self.gold == self.found) & is_gold, is_found, is_gold], axis=1)  # (N, 3)
        return np.add.reduceat(columns.astype(np.int64), self.starts, axis=0)

    @property
    def f1(self) -> float:
        """Micro-averaged F1 of tags other than "O", token by token, as in the study; the accuracy where all are."""
        return float(micro_f1(self.counts.sum(0)))

    @property
    def span_f1(self) -> float:
        """Micro-averaged F1 of whole spans, by seqeval in strict IOB2."""
        names = np.array(self.classes)
        gold, found = (np.split(names[tags], self.starts[1:]) for tags in (self.gold, self.found))
        return span_f1([part.tolist() for part in gold], [part.tolist() for part in found])


def micro_f1(counts: np.ndarray) -> np.ndarray:
    """F1 = 2 · right / (tagged + to be tagged) of counts (…, 3) as in `Tagged.counts`; 0 where there is nothing."""
    right, found, gold = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    return 2 * right / np.maximum(found + gold, 1)


def loss(model: Model, task: TaggingTask, part: Sentences, rows: Tensor) -> Tensor:
    """Cross-entropy, averaged over the tokens of each sentence and then over sentences, as in the study's code."""
    words, lengths, tags = part.batch(rows)
    logits = model.heads[task.name](model.encoder(words, lengths))  # (B, T, classes)
    return _by_sentence(logits, tags, lengths).mean()


def _by_sentence(logits: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
    """Mean cross-entropy of the tokens of each sentence, (B,)."""
    by_token = nn.functional.cross_entropy(logits.transpose(1, 2), tags, ignore_index=IGNORED, reduction="none")
    return by_token.sum(1) / lengths


@torch.no_grad()
def evaluate(model: Model, task: TaggingTask, part: Sentences) -> Tagged:
    """Tag all sentences of a part."""
    model.eval()
    found = torch.empty_like(part.tags)
    losses = []
    for rows in part.lengths.argsort(stable=True).split(AT_ONCE):
        words, lengths, tags = part.batch(rows)
        logits = model.heads[task.name](model.encoder(words, lengths))  # (B, T, classes)
        losses.append(_by_sentence(logits, tags, lengths))
        inside = tags != IGNORED  # (B, T)
        position = part.starts[rows][:, None] + torch.arange(words.shape[1], device=rows.device)
        found[position[inside]] = logits.argmax(-1)[inside]
    model.train()
    gold, predicted, starts = (x.cpu().numpy() for x in (part.tags, found, part.starts))
    return Tagged(float(torch.cat(losses).mean()), gold, predicted, starts, task.classes)


def as_task(data: SequenceData, table: EmbeddingTable, longest: int) -> TaggingTask:
    """Return a corpus as a task over the words of a table."""
    train, validation, test = (
        Sentences.of(part, table.index, data.classes, longest) for part in (data.train, data.validation, data.test)
    )
    return TaggingTask(data.name, data.classes, data.is_span, train, validation, test, data.is_prediction)
