"""Skip-gram on the embedding table, as an auxiliary task (Mikolov et al. 2013)."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from mt2st.models import UNKNOWN, Model, SharedEncoder
from mt2st.tasks.base import Batch, Task


class SkipGramTask(Task):
    """Which words stand near a word? By its row of the table, against words drawn at random.

    −log σ(v_w · u_c) − Σ_n log σ(−v_w · u_n), a mean over words w of the text: c is a random word at most `window` away
    in the same text, and each of `negatives` words n is drawn with probability ∝ frequency^0.75. Unlike in gensim,
    frequent words are not left out, and Adam takes the steps.

    Args:
        name: name of the task.
        texts: rows of the table, one tensor a text. Unknown words are skipped; texts need two known ones.
        size: words in a batch.
        window: the largest distance of a context word, unknown words not counted.
        negatives: words drawn at random for each.

    Raises ValueError if no text has two known words.
    """

    level = "table"

    def __init__(
        self, name: str, texts: Sequence[Tensor], size: int = 512, window: int = 5, negatives: int = 5
    ) -> None:
        self.name, self.size, self.window, self.negatives = name, size, window, negatives
        kept = [text[text > UNKNOWN] for text in texts]
        kept = [text for text in kept if len(text) > 1]
        if not kept:
            raise ValueError(f"task {name!r} has no text with two known words")
        lengths = torch.tensor([len(text) for text in kept])
        self.words = torch.cat(kept)  # (N,)
        self.ends = lengths.cumsum(0).repeat_interleave(lengths)  # (N,) where each word's text ends
        self.starts = self.ends - lengths.repeat_interleave(lengths)
        self.frequency = torch.bincount(self.words).double() ** 0.75  # by row of the table

    def head(self, encoder: SharedEncoder) -> nn.Module:
        """Return a second table, of words as context, which begins as 0 as in word2vec."""
        return nn.Embedding.from_pretrained(torch.zeros_like(encoder.table), freeze=False)

    def examples(self) -> int:
        """Say how many words there are."""
        return len(self.words)

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield (words (B,), contexts (B,), negatives (B, n)): each word of the text once, in batches of `self.size`.

        `size`, which counts sentences, does not apply.
        """
        generator = generator or torch.Generator().manual_seed(0)
        for at in torch.randperm(len(self.words), generator=generator).split(self.size):
            drawn = torch.multinomial(
                self.frequency, len(at) * self.negatives, replacement=True, generator=generator
            ).view(len(at), self.negatives)
            yield self.words[at], self.words[self._near(at, generator)], drawn

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Return the mean loss over the words of a batch."""
        words, contexts, negatives = batch
        second = model.heads[self.name]
        vectors = model.table[words]  # (B, d)
        near = (vectors * second(contexts)).sum(1)  # (B,)
        far = (second(negatives) @ vectors[:, :, None]).squeeze(2)  # (B, n)
        return -(logsigmoid(near) + logsigmoid(-far).sum(1)).mean()

    def _near(self, at: Tensor, generator: torch.Generator) -> Tensor:
        """Draw for each position one of the others within the window of its text, all alike."""
        low = torch.maximum(at - self.window, self.starts[at])
        others = torch.minimum(at + self.window, self.ends[at] - 1) - low  # how many, the position itself left out
        drawn = low + (torch.rand(len(at), generator=generator) * others).long()
        return drawn + (drawn >= at)  # it is stepped over
