import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.sequences import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.models import PADDING, Encoder, Model, TokenHead
from mt2st.relations import tagging
from mt2st.relations.tagging import Sentences, Tagged
from mt2st.tasks import IGNORED

CLASSES = ("O", "B-PER", "I-PER")
TEXT = TaggedText(
    [["Ann", "Lee", "sleeps"], ["She", "does"], ["Here", "is", "Bo", "!", "?"]],
    [["B-PER", "I-PER", "O"], ["O", "O"], ["O", "O", "B-PER", "O", "O"]],
)
INDEX = {"ann": 2, "lee": 3, "sleeps": 4, "she": 5, "here": 6, "is": 7}


@pytest.fixture
def sentences() -> Sentences:
    return Sentences.of(TEXT, INDEX, CLASSES, longest=4)


def test_a_batch_has_the_sentences_asked_for(sentences: Sentences) -> None:
    words, lengths, tags = sentences.batch(torch.tensor([2, 0, 2]))
    assert words.tolist() == [[6, 7, 1, 1], [2, 3, 4, PADDING], [6, 7, 1, 1]]  # the fifth token is cut off
    assert lengths.tolist() == [4, 3, 4]
    assert tags.tolist() == [[0, 0, 1, 0], [1, 2, 0, IGNORED], [0, 0, 1, 0]]
    words, _, tags = sentences.batch(torch.tensor([1]))
    assert (words.tolist(), tags.tolist()) == ([[5, 1]], [[0, 0]])


def tagged(gold: list[int], found: list[int], classes: tuple[str, ...] = CLASSES) -> Tagged:
    return Tagged(0.0, np.array(gold), np.array(found), np.array([0, 3]), classes)


def test_f1_is_of_tags_other_than_outside_token_by_token() -> None:
    gold, found = [1, 2, 0, 0, 1, 1], [1, 0, 0, 2, 1, 2]
    assert tagged(gold, found).f1 == pytest.approx(f1_score(gold, found, labels=[1, 2], average="micro"))
    assert tagged(gold, found).counts.tolist() == [[1, 1, 2], [1, 3, 2]]
    assert tagged(gold, found).accuracy == pytest.approx(3 / 6)


def test_without_an_outside_tag_f1_is_the_accuracy() -> None:
    part = tagged([1, 2, 0, 0, 1, 1], [1, 0, 0, 2, 1, 2], ("DET", "NOUN", "VERB"))
    assert part.f1 == part.accuracy == pytest.approx(3 / 6)


def test_spans_count_as_a_whole() -> None:
    assert tagged([1, 2, 0, 1, 0, 1], [1, 0, 0, 1, 0, 1]).span_f1 == pytest.approx(2 / 3)  # two of three right


def test_f1_of_nothing_is_zero() -> None:
    assert tagging.micro_f1(np.array([[0, 0, 0], [1, 1, 1]])).tolist() == [0, 1]


@pytest.fixture
def model(sentences: Sentences) -> Model:
    torch.manual_seed(0)
    encoder = Encoder(torch.randn(8, 4), hidden=3)
    return Model(encoder, {"ner": TokenHead(encoder, len(CLASSES))})


@pytest.fixture
def task(sentences: Sentences) -> tagging.TaggingTask:
    return tagging.TaggingTask("ner", CLASSES, True, sentences, sentences, sentences)


def test_the_loss_is_the_mean_of_the_sentences_means(model: Model, task: tagging.TaggingTask) -> None:
    means = []
    for row in range(3):
        words, lengths, tags = task.train.batch(torch.tensor([row]))
        logits = model.heads["ner"](model.encoder(words, lengths))[0]
        means.append(torch.nn.functional.cross_entropy(logits, tags[0]).item())
    assert tagging.loss(model, task, task.train, torch.arange(3)).item() == pytest.approx(np.mean(means))
    assert tagging.evaluate(model, task, task.train).loss == pytest.approx(np.mean(means))


def test_evaluation_tags_every_token_in_its_place(
    model: Model, task: tagging.TaggingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tagging.evaluate(model, task, task.test)
    monkeypatch.setattr(tagging, "AT_ONCE", 1)
    assert tagging.evaluate(model, task, task.test).found.tolist() == whole.found.tolist()
    expected = []
    for row in range(3):
        words, lengths, _ = task.test.batch(torch.tensor([row]))
        expected += model.heads["ner"](model.encoder(words, lengths))[0].argmax(-1).tolist()
    assert whole.found.tolist() == expected
    assert whole.gold.tolist() == [1, 2, 0, 0, 0, 0, 0, 1, 0]
    assert whole.starts.tolist() == [0, 3, 5]


def test_a_corpus_becomes_a_task_over_the_words_of_a_table() -> None:
    table = EmbeddingTable.of(["she", "ann"], np.ones((2, 3), dtype=np.float32), "made up")
    task = tagging.as_task(SequenceData("ner", TEXT, TEXT, TEXT, CLASSES, True, ()), table, longest=30)
    assert task.train.words.tolist() == [3, 1, 1, 2, 1, 1, 1, 1, 1, 1]
    assert (task.name, task.classes, task.is_span) == ("ner", CLASSES, True)
