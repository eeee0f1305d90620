"""Scores of predictions, by scikit-learn and seqeval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

SCORES = ("precision", "recall", "f1")
AVERAGES = ("macro", "weighted")
OUTSIDE = "O"  # the tag of words in no span


@dataclass(frozen=True)
class Evaluation:
    """Predictions on held-out examples, in the order they were given, and their mean loss.

    Of a token task there is an answer for each word, and they stand one sentence after the other.
    """

    loss: float
    targets: np.ndarray  # (N,) class indices
    predictions: np.ndarray  # (N,)
    lengths: np.ndarray  # (examples,) answers of each example

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return float((self.targets == self.predictions).mean())


def classification_scores(targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Accuracy and macro and weighted precision, recall and F1, the columns of the paper's tables.

    A class that is never predicted has precision 0.
    """
    scores = {"accuracy": float(accuracy_score(targets, predictions))}
    for average in AVERAGES:
        values = precision_recall_fscore_support(targets, predictions, average=average, zero_division=0)
        scores |= {f"{average}_{name}": float(value) for name, value in zip(SCORES, values, strict=False)}
    return scores


def tag_counts(found: Evaluation, classes: Sequence[str]) -> np.ndarray:
    """Tokens of each sentence, (S, 3): rightly tagged, tagged, and to be tagged; "O" is no tag."""
    outside = classes.index(OUTSIDE) if OUTSIDE in classes else -1
    is_found, is_gold = found.predictions != outside, found.targets != outside
    columns = np.stack([(found.targets == found.predictions) & is_gold, is_found, is_gold], axis=1)  # (N, 3)
    sums, ends = np.concatenate([np.zeros((1, 3), np.int64), columns.cumsum(axis=0)]), np.cumsum(found.lengths)
    return sums[ends] - sums[ends - found.lengths]


def micro_f1(counts: np.ndarray) -> np.ndarray:
    """F1 = 2 · right / (tagged + to be tagged) of counts (…, 3) as of `tag_counts`; 0 where there is nothing.

    Micro-averaged F1 of tags other than "O", token by token; the accuracy where there is no "O".
    """
    right, found, gold = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    return 2 * right / np.maximum(found + gold, 1)


def span_f1(found: Evaluation, classes: Sequence[str]) -> float:
    """Micro-averaged F1 of whole spans in IOB2 tags, strict: a span counts if type and both ends agree.

    0 where there are no spans.
    """
    names, ends = np.array(classes), np.cumsum(found.lengths)[:-1]
    gold, said = (
        [part.tolist() for part in np.split(names[tags], ends)] for tags in (found.targets, found.predictions)
    )
    return float(f1_score(gold, said, mode="strict", scheme=IOB2, zero_division=0))
