"""What every tagged corpus becomes: three parts, their tags, and how spans turn into tags."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from nltk.tokenize.destructive import NLTKWordTokenizer

from mt2st.data.tags.columns import OUTSIDE, TaggedText

Item = TypeVar("Item")
TOKENIZER = NLTKWordTokenizer()


@dataclass(frozen=True)
class SequenceData:
    """A tagged corpus in three parts."""

    name: str
    train: TaggedText
    validation: TaggedText
    test: TaggedText
    classes: tuple[str, ...]  # all tags, "O" first where there are spans
    is_span: bool  # tags are IOB2 and mark spans
    files: tuple[Path, ...]  # what was read
    is_prediction: bool = False  # tags say what comes next, so that a model may read no further than the token
    untagged: Sequence[Sequence[str]] = ()  # further sentences, without their tags
    of_texts: bool = False  # all tokens of a text have its label, which the text is to be given as a whole

    def counts(self) -> dict[str, dict[str, int]]:
        """Sentences and tokens of each part, and its spans by type."""
        return {part: self._counts(getattr(self, part)) for part in ("train", "validation", "test")}

    def _counts(self, part: TaggedText) -> dict[str, int]:
        return {"sentences": len(part), "tokens": part.tokens} | (spans(part) if self.is_span else {})


def in_three_parts(name: str, parts: Sequence[TaggedText], is_span: bool, files: tuple[Path, ...]) -> SequenceData:
    """Return a corpus from its training, validation and test parts; its classes are all their tags, sorted."""
    train, validation, test = parts
    found = {tag for part in parts for tags in part.tags for tag in tags}
    classes = tuple(sorted(found, key=lambda tag: (tag != OUTSIDE, tag)))
    return SequenceData(name, train, validation, test, classes, is_span, files)


def apart(corpus: SequenceData, others: Iterable[SequenceData]) -> SequenceData:
    """Return a corpus whose validation and test parts have no sentence that other corpora have for training.

    Sentences are the same where their tokens are, in any case: FrameNet and CoNLL-2000 share articles of one newspaper.
    """
    seen = {_key(sentence) for other in others for sentence in other.train.sentences}

    def unseen(part: TaggedText) -> TaggedText:
        kept = [i for i, sentence in enumerate(part.sentences) if _key(sentence) not in seen]
        return TaggedText([part.sentences[i] for i in kept], [part.tags[i] for i in kept])

    return replace(corpus, validation=unseen(corpus.validation), test=unseen(corpus.test))


def sampled(corpus: SequenceData, sentences: int, seed: int) -> SequenceData:
    """Return a corpus with some of its sentences to train on, drawn by the seed, and a quarter as many to validate.

    What it leaves out of the training part is `untagged`. A larger sample of the same seed has the smaller one in it.
    Raises ValueError where there are not so many.
    """
    rng = np.random.default_rng(seed)
    orders = {part: rng.permutation(len(getattr(corpus, part))) for part in ("train", "validation")}

    def first(part: str, size: int) -> TaggedText:
        text: TaggedText = getattr(corpus, part)
        if size > len(text):
            raise ValueError(f"{corpus.name} has {len(text):,} sentences for {part}, {size:,} are asked for")
        rows = orders[part][:size]
        return TaggedText([text.sentences[i] for i in rows], [text.tags[i] for i in rows])

    validation = min(max(1, sentences // 4), len(corpus.validation))
    return replace(
        corpus,
        train=first("train", sentences),
        validation=first("validation", validation),
        untagged=[corpus.train.sentences[i] for i in orders["train"][sentences:]],
    )


def _key(sentence: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(str.lower, sentence))


def spans(part: TaggedText) -> dict[str, int]:
    """Count the spans of each type in IOB2 tags, sorted by type."""
    kinds = Counter(tag[2:] for tags in part.tags for tag in tags if tag.startswith("B-"))
    return dict(sorted(kinds.items()))


def split_in_order(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item], Sequence[Item]]:
    """Return the first 80%, the next 10% and the last 10% of documents in the order given."""
    first, second = round(0.8 * len(items)), round(0.9 * len(items))
    return items[:first], items[first:second], items[second:]


def tag_run(tags: list[str], tokens: Iterable[int], kind: str) -> None:
    """Tag some tokens, by index in order, as a span of type `kind`.

    IOB2 has no gaps: each unbroken run of the tokens becomes a span of its own, and what stands between them keeps its
    tag.
    """
    before = None
    for token in tokens:
        tags[token] = f"I-{kind}" if before == token - 1 else f"B-{kind}"
        before = token


def tag_characters(text: str, marked: Iterable[tuple[int, int, str]]) -> tuple[list[str], list[str]]:
    """Return the tokens of a sentence and an IOB2 tag of each.

    NLTK's tokeniser makes the tokens. A stretch text[start:end] of type `kind` becomes a span of all tokens that it
    shares a character with. Where two stretches share a token the one with more characters is kept, of equal ones the
    first.

    Args:
        text: a sentence.
        marked: start, end and type, in characters.
    """
    places = list(TOKENIZER.span_tokenize(text))
    tags = [OUTSIDE] * len(places)
    for start, end, kind in sorted(marked, key=lambda mark: mark[0] - mark[1]):
        touched = [i for i, (first, last) in enumerate(places) if first < end and start < last]
        if touched and all(tags[i] == OUTSIDE for i in touched):
            tag_run(tags, touched, kind)
    return [text[first:last] for first, last in places], tags
