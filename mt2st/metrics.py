"""Scores of predictions, by scikit-learn and seqeval."""

from collections.abc import Sequence

import numpy as np
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

SCORES = ("precision", "recall", "f1")
AVERAGES = ("macro", "weighted")


def classification_scores(targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Accuracy and macro and weighted precision, recall and F1, the columns of the paper's tables.

    A class that is never predicted has precision 0.
    """
    scores = {"accuracy": float(accuracy_score(targets, predictions))}
    for average in AVERAGES:
        values = precision_recall_fscore_support(targets, predictions, average=average, zero_division=0)
        scores |= {f"{average}_{name}": float(value) for name, value in zip(SCORES, values, strict=False)}
    return scores


def span_f1(gold: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """Micro-averaged F1 of whole spans in IOB2 tags of sentences, strict: a span counts if type and both ends agree.

    0 where there are no spans.
    """
    return float(f1_score(gold, found, mode="strict", scheme=IOB2, zero_division=0))
