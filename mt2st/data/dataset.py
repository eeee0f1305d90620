"""What every data source delivers: labelled examples in three parts, and background text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

Tokens = Sequence[str]


@dataclass(frozen=True)
class Examples:
    """Labelled texts: lower-cased tokens and class indices (N,).

    `features` are what comes with the tokens of each text, an array (tokens, F), if anything does, and `modality` is
    their name: tasks on one modality share what reads it (architecture "multimodal").

    Raises ValueError where features are not one array a text with a row a token, all of one width.
    """

    texts: Sequence[Tokens]
    labels: np.ndarray
    features: Sequence[np.ndarray] = ()
    modality: str = "features"

    def __post_init__(self) -> None:
        if not len(self.features):
            return
        if len(self.features) != len(self.texts):
            raise ValueError(f"{len(self.texts)} texts but {self.modality} of {len(self.features)}")
        width = self.features[0].shape[-1]
        for i, (text, array) in enumerate(zip(self.texts, self.features, strict=True)):
            if array.shape != (len(text), width):
                raise ValueError(
                    f"text {i} has {len(text)} tokens, its {self.modality} must be ({len(text)}, {width}), "
                    f"got {array.shape}"
                )

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | np.ndarray) -> "Examples":
        """Return some of them, by index."""
        features = [self.features[i] for i in rows] if len(self.features) else ()
        return Examples([self.texts[i] for i in rows], np.asarray(self.labels)[rows], features, self.modality)

    def is_like(self, other: "Examples") -> bool:
        """Whether both have features of one modality, or neither has any."""
        both = bool(len(self.features)), bool(len(other.features))
        return both == (False, False) or (all(both) and self.modality == other.modality)


@dataclass(frozen=True)
class Related:
    """Texts with the classes of another task, which are for training alone."""

    examples: Examples
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Background:
    """Sentences to train word vectors and auxiliary tasks on; never from validation or test articles.

    `tokens` keep their case. `tags` holds an IOB2 tag for every token of every sentence, by the name of the tagging,
    `related` labelled texts by the name of their task. `unlabelled` are texts without labels that are like the
    examples; None where they are not told apart from the rest.
    """

    tokens: Sequence[Tokens]
    tags: dict[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    related: Mapping[str, Related] = field(default_factory=dict)
    unlabelled: Sequence[Tokens] | None = None


@dataclass(frozen=True)
class Sizes:
    """How many examples each part of a primary task gets: of each class in the topic task, in all elsewhere."""

    train: int
    validation: int
    test: int

    @property
    def total(self) -> int:
        """Examples of all three parts."""
        return self.train + self.validation + self.test


@dataclass(frozen=True)
class Dataset:
    """A primary task in three parts, background text for everything else, and the files all of it was read from.

    Raises ValueError where one part has features and another not.
    """

    name: str
    classes: tuple[str, ...]
    train: Examples
    validation: Examples
    test: Examples
    background: Background
    files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        for part in ("validation", "test"):
            if len(held_out := getattr(self, part)) and not held_out.is_like(self.train):
                raise ValueError(
                    f"{self.name}: the examples of train and {part} need features of one modality, or none"
                )

    def counts(self) -> dict[str, dict[str, int]]:
        """Examples of each class in each part."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            name: {self.classes[label]: n for label, n in sorted(Counter(part.labels.tolist()).items())}
            for name, part in parts.items()
        }

    def sentences(self) -> list[list[str]]:
        """Return the background text as word vectors are trained on it, lower-cased."""
        return lower_cased(self.background.tokens)

    def words(self) -> set[str]:
        """Return all words of the three parts and of the background, lower-cased."""
        labelled = [text for part in (self.train, self.validation, self.test) for text in part.texts]
        return {word for text in (*self.sentences(), *labelled) for word in text}

    def pooled(self) -> "Dataset | None":
        """Return the same with the related texts that have its classes among its own to train on; None without any.

        Those with other features than its own, or with none where these have some, are left out.
        """
        same = {
            name: one
            for name, one in self.background.related.items()
            if set(one.classes) == set(self.classes) and one.examples.is_like(self.train)
        }
        if not same:
            return None
        texts, labels, features = list(self.train.texts), list(self.train.labels), list(self.train.features)
        for one in same.values():
            texts += one.examples.texts
            labels += [self.classes.index(one.classes[label]) for label in one.examples.labels]
            features += one.examples.features
        others = {name: one for name, one in self.background.related.items() if name not in same}
        background = replace(self.background, related=others)
        train = replace(self.train, texts=texts, labels=np.array(labels), features=features)
        return replace(self, train=train, background=background)


def lower_cased(texts: Sequence[Tokens]) -> list[list[str]]:
    """Return texts with their tokens in lower case."""
    return [[word.lower() for word in text] for text in texts]


def pieces(texts: Sequence[Tokens], size: int) -> list[Tokens]:
    """Cut texts into pieces of at most `size` tokens."""
    return [text[start : start + size] for text in texts for start in range(0, len(text), size)]


def stratified_split(labels: np.ndarray, seed: int, sizes: Sizes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return disjoint rows of `labels` (N,) for training, validation and test, drawn by `seed`.

    Each part has the classes in the proportions of `labels`; validation and test are empty where their size is 0.
    Raises ValueError if there are fewer rows than are asked for.
    """
    if sizes.total > len(labels):
        raise ValueError(f"train, validation and test are {sizes.total} examples together, there are {len(labels)}")
    rest, second, third = np.arange(len(labels)), np.arange(0), np.arange(0)
    if sizes.test:
        kept = sizes.train + sizes.validation
        rest, third = train_test_split(rest, train_size=kept, test_size=sizes.test, random_state=seed, stratify=labels)
    if sizes.validation or sizes.train < len(rest):
        held_out = sizes.validation or len(rest) - sizes.train
        rest, second = train_test_split(
            rest, train_size=sizes.train, test_size=held_out, random_state=seed, stratify=labels[rest]
        )
    return rest, second[: sizes.validation], third
