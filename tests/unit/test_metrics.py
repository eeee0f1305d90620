import numpy as np
import pytest
from sklearn.metrics import classification_report

from mt2st.metrics import classification_scores

NAMES = ["accuracy"] + [f"{a}_{s}" for a in ("macro", "weighted") for s in ("precision", "recall", "f1")]


def test_scores_by_hand() -> None:
    # Class 0: 2 of 3 found, 2 of 2 predictions right. Class 1: 1 of 1 found, 1 of 2 predictions right.
    scores = classification_scores(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    expected = {
        "accuracy": 3 / 4,
        "macro_precision": (1 + 1 / 2) / 2,
        "macro_recall": (2 / 3 + 1) / 2,
        "macro_f1": (4 / 5 + 2 / 3) / 2,
        "weighted_precision": (3 * 1 + 1 / 2) / 4,
        "weighted_recall": (3 * 2 / 3 + 1) / 4,
        "weighted_f1": (3 * 4 / 5 + 2 / 3) / 4,
    }
    assert scores == pytest.approx(expected)
    assert list(scores) == NAMES


def test_a_class_never_predicted_has_precision_zero() -> None:
    scores = classification_scores(np.array([0, 0, 1, 2]), np.array([0, 0, 0, 0]))
    assert scores["macro_precision"] == pytest.approx(1 / 6)
    assert scores["macro_recall"] == pytest.approx(1 / 3)
    assert scores["weighted_precision"] == pytest.approx(1 / 4)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_scores_are_those_of_the_classification_report(classes: int) -> None:
    generator = np.random.default_rng(classes)
    targets = generator.integers(classes, size=60)
    predictions = np.where(generator.random(60) < 0.5, targets, generator.integers(classes, size=60))
    report = classification_report(targets, predictions, output_dict=True, zero_division=0)
    expected = {"accuracy": report["accuracy"]}
    for average in ("macro", "weighted"):
        for ours, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            expected[f"{average}_{ours}"] = report[f"{average} avg"][theirs]
    assert classification_scores(targets, predictions) == pytest.approx(expected, rel=1e-12)


def test_perfect_predictions_score_one() -> None:
    targets = np.array([0, 1, 2, 1])
    assert set(classification_scores(targets, targets).values()) == {1.0}
