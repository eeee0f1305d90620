import numpy as np
import pytest
from sklearn.metrics import classification_report, f1_score

from mt2st.metrics import Evaluation, classification_scores, micro_f1, span_f1, tag_counts

NAMES = ["accuracy"] + [f"{a}_{s}" for a in ("macro", "weighted") for s in ("precision", "recall", "f1")]
TAGS = ("O", "B-PER", "I-PER")
WORD_TAGS = ("DET", "NOUN", "VERB")


def tagged(targets: list[int], predictions: list[int], lengths: list[int]) -> Evaluation:
    return Evaluation(0.0, np.array(targets), np.array(predictions), np.array(lengths))


SIX = tagged([1, 2, 0, 0, 1, 1], [1, 0, 0, 2, 1, 2], [3, 3])


# --- Classes


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


@pytest.mark.parametrize("classes", [2, 5])
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


# --- Tags


def test_accuracy_is_the_share_of_right_predictions() -> None:
    assert SIX.accuracy == pytest.approx(3 / 6)


def test_f1_is_of_tags_other_than_outside_token_by_token() -> None:
    counts = tag_counts(SIX, TAGS)
    assert counts.tolist() == [[1, 1, 2], [1, 3, 2]]
    expected = f1_score(SIX.targets, SIX.predictions, labels=[1, 2], average="micro")
    assert micro_f1(counts.sum(0)) == pytest.approx(expected)


def test_without_an_outside_tag_f1_is_the_accuracy() -> None:
    counts = tag_counts(SIX, WORD_TAGS)
    assert counts[:, 1:].tolist() == [[3, 3], [3, 3]]
    assert micro_f1(counts.sum(0)) == pytest.approx(SIX.accuracy)


def test_f1_of_nothing_is_zero() -> None:
    assert micro_f1(np.array([[0, 0, 0], [1, 1, 1]])).tolist() == [0, 1]


def test_a_sentence_without_answers_counts_nothing() -> None:
    found = tagged([1, 2, 1], [1, 0, 1], [0, 2, 0, 1, 0])
    assert tag_counts(found, TAGS).tolist() == [[0, 0, 0], [1, 1, 2], [0, 0, 0], [1, 1, 1], [0, 0, 0]]
    assert span_f1(found, TAGS) == pytest.approx(1 / 2)


# --- Spans

SPAN_TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def spans(tags: np.ndarray) -> set[tuple[int, int, str]]:
    """Begin, end and type of the spans of a sentence whose tags are IOB2."""
    found, names = [], [SPAN_TAGS[tag] for tag in tags] + ["O"]
    for i, name in enumerate(names):
        if name.startswith("B-"):
            end = next(j for j in range(i + 1, len(names)) if names[j] != f"I-{name[2:]}")
            found.append((i, end, name[2:]))
    return set(found)


def random_tags(rng: np.random.Generator, length: int) -> np.ndarray:
    """Draw IOB2 tags: a span goes on only after its beginning."""
    tags: list[int] = []
    for _ in range(length):
        allowed = [0, 1, 3] + ([before + before % 2] if (before := tags[-1] if tags else 0) else [])
        tags.append(int(rng.choice(allowed)))
    return np.array(tags)


def test_spans_count_as_a_whole() -> None:
    rng, lengths = np.random.default_rng(0), [7, 1, 12, 30]
    gold = [random_tags(rng, n) for n in lengths]
    found = [np.where(rng.random(len(tags)) < 0.7, tags, random_tags(rng, len(tags))) for tags in gold]
    for tags in found:  # what lost its beginning is outside
        for i, tag in enumerate(tags):
            if tag in (2, 4) and (i == 0 or tags[i - 1] not in (tag, tag - 1)):
                tags[i] = 0
    pairs = [(spans(one), spans(other)) for one, other in zip(gold, found, strict=True)]
    right = sum(len(one & other) for one, other in pairs)
    wanted, said = (sum(len(pair[side]) for pair in pairs) for side in (0, 1))
    assert 0 < right < min(wanted, said)
    evaluation = Evaluation(0.0, np.concatenate(gold), np.concatenate(found), np.array(lengths))
    assert span_f1(evaluation, SPAN_TAGS) == pytest.approx(2 * right / (wanted + said))


def test_spans_end_with_their_sentence() -> None:
    # Read as one sentence, the gold span would go on into the third word.
    assert span_f1(tagged([1, 2, 2], [1, 2, 0], [2, 1]), TAGS) == 1
    assert span_f1(tagged([1, 2, 1, 2], [1, 2, 1, 0], [2, 2]), TAGS) == pytest.approx(1 / 2)
    assert span_f1(tagged([0, 0], [0, 0], [1, 1]), TAGS) == 0
