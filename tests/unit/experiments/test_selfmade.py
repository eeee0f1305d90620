"""Labels made by a rule and by a linear teacher."""

from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import nltk
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mt2st.data import lexicons
from mt2st.data.dataset import Background, Dataset
from mt2st.data.files.errors import MissingData
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData, in_three_parts
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import auxiliaries, baselines, selfmade
from mt2st.experiments.runs import Configuration
from mt2st.tasks import AutoencoderTask, SentenceTask

PENALTIES = (0.1, 1, 10, 100)
OPINIONS = {"good": 1, "fine": 1, "bad": -1, "poor": -1, "envious": 0}


@pytest.fixture
def opinions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicons, "opinions", lambda: OPINIONS)


def with_background(dataset: Dataset, *texts: str) -> Dataset:
    return replace(dataset, background=Background([text.split() for text in texts]))


@pytest.mark.usefixtures("opinions")
def test_opinion_words_label_a_text_and_leave_it(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    texts = "Good plot fine cast", "bad poor envious score", "good bad plot", "good film", "good fine"
    found = selfmade.by_opinions(with_background(toy_dataset, *texts), toy_table)
    assert found.classes == ("negative", "positive")
    assert found.examples.texts == [["plot", "cast"], ["score"]]  # one word is not clear, and opinions alone no text
    assert found.examples.labels.tolist() == [1, 0]


@pytest.mark.usefixtures("opinions")
def test_text_without_opinions_is_refused(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    with pytest.raises(ValueError, match="no text that opinion words label"):
        selfmade.by_opinions(with_background(toy_dataset, "good fine film", "plot"), toy_table)


def vectors_of(dataset: Dataset) -> EmbeddingTable:
    """Return random vectors of 300 words."""
    words = sorted({word for text in dataset.train.texts for word in text})[:300]
    return EmbeddingTable.of(words, np.random.default_rng(0).normal(size=(300, 10)).astype(np.float32), "random")


def test_the_teacher_is_scikit_learns_and_labels_the_surer_half(small_topic: Dataset) -> None:
    table = vectors_of(small_topic)
    found = selfmade.by_teacher(small_topic, table)
    texts = [[word.lower() for word in text] for text in small_topic.background.tokens]
    features = [
        baselines.mean_vectors(t, table) for t in (small_topic.train.texts, small_topic.validation.texts, texts)
    ]
    models = [LogisticRegression(C=c, max_iter=2000).fit(features[0], small_topic.train.labels) for c in PENALTIES]
    teacher = max(models, key=lambda model: model.score(features[1], small_topic.validation.labels))
    sure = teacher.predict_proba(features[2]).max(1)
    assert len(found.examples) == (len(texts) + 1) // 2
    at = np.argsort(-sure, kind="stable")[: len(found.examples)]
    assert found.examples.texts == [texts[i] for i in at]
    assert found.examples.labels.tolist() == teacher.predict(features[2])[at].tolist()
    assert found.classes == small_topic.classes


def test_the_teacher_labels_texts_without_labels_alone_where_they_are_told_apart(small_topic: Dataset) -> None:
    table, texts = vectors_of(small_topic), small_topic.background.tokens[:9]
    apart = replace(small_topic, background=replace(small_topic.background, unlabelled=texts))
    found = selfmade.by_teacher(apart, table).examples.texts
    assert len(found) == 5
    assert all(text in [[word.lower() for word in one] for one in texts] for text in found)
    with pytest.raises(ValueError, match="'pseudo-labels' needs text without labels"):
        selfmade.by_teacher(replace(apart, background=replace(apart.background, unlabelled=())), table)


def test_two_teachers_vote_by_their_mean_probability(small_topic: Dataset) -> None:
    table = vectors_of(small_topic)
    found = selfmade.by_vote(small_topic, table)
    texts = [[word.lower() for word in text] for text in small_topic.background.tokens]
    said = []
    for features in (baselines.tfidf_features(small_topic), baselines.mean_vector_features(table)):
        parts = [features(part.texts) for part in (small_topic.train, small_topic.validation)]
        tried = [LogisticRegression(C=c, max_iter=2000).fit(parts[0], small_topic.train.labels) for c in PENALTIES]
        best = max(tried, key=lambda model: model.score(parts[1], small_topic.validation.labels))
        said.append(best.predict_proba(features(texts)))
    probability = (said[0] + said[1]) / 2
    at = np.argsort(-probability.max(1), kind="stable")[: (len(texts) + 1) // 2]
    assert found.examples.texts == [texts[i] for i in at]
    assert found.examples.labels.tolist() == probability[at].argmax(1).tolist()
    assert found.examples.labels.tolist() != selfmade.by_teacher(small_topic, table).examples.labels.tolist()


def tagged_fruit() -> SequenceData:
    """Return a corpus of two words with a tag each, and sentences without tags."""
    train = TaggedText(
        [["an", "apple"], ["a", "pear"], ["a", "walk"], ["to", "walk"]] * 5, [["D", "N"]] * 15 + [["T", "V"]] * 5
    )
    corpus = in_three_parts("fruit", (train, train, train), False, ())
    return replace(corpus, untagged=[["a", "pear"], ["to", "stroll"], ["an", "apple", "apple"], ["zz", "yy"], ["a"]])


def test_the_tagger_is_nltks_perceptron_and_tags_what_has_no_tags() -> None:
    corpus = tagged_fruit()
    found = selfmade.by_tagger(corpus)
    assert [list(text) for text in found.train.sentences] == corpus.untagged
    assert [list(tags) for tags in found.train.tags][:4] == [["D", "N"], ["D", "V"], ["D", "N", "N"], ["D", "N"]]
    assert (found.classes, found.test) == (corpus.classes, corpus.test)


def test_without_sentences_there_is_nothing_to_tag() -> None:
    with pytest.raises(ValueError, match="'pseudo-tags' needs sentences without tags, which fruit does not have"):
        selfmade.by_tagger(replace(tagged_fruit(), untagged=()))


def test_without_text_there_is_nothing_to_label(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    with pytest.raises(ValueError, match="needs text without labels"):
        selfmade.by_teacher(with_background(toy_dataset), toy_table)


@pytest.mark.usefixtures("opinions")
def test_pooled_labels_are_answered_by_the_primary_tasks_head(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    dataset = with_background(toy_dataset, "good plot fine cast", "bad poor score")
    own, pooled = (auxiliaries.build(n, dataset, toy_table, Configuration()) for n in ("lexicon", "lexicon-pooled"))
    assert type(own) is SentenceTask
    assert isinstance(pooled, SentenceTask)
    assert pooled.answered_as == dataset.name
    stars = replace(dataset, classes=("one star", "two stars"))
    with pytest.raises(ValueError, match=r"'lexicon-pooled' has classes .*negative.*, the primary task .*one star"):
        auxiliaries.build("lexicon-pooled", stars, toy_table, Configuration())


def test_the_autoencoder_reads_the_background(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    dataset = with_background(toy_dataset, "A b", "c")
    task = auxiliaries.build("autoencoder", dataset, toy_table, Configuration())
    assert isinstance(task, AutoencoderTask)
    assert len(task) == 2
    assert task.vocabulary == len(toy_table.words)


def test_the_lexicon_is_read_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "opinion_lexicon.zip"
    with ZipFile(file, "w") as archive:
        archive.writestr("opinion_lexicon/positive-words.txt", "; about\n\ngood\nenvious\n")
        archive.writestr("opinion_lexicon/negative-words.txt", ";\nbad\nenvious\n")
    monkeypatch.setattr(lexicons, "locate_opinions", lambda: file)
    with pytest.raises(ValueError, match=r"opinion_lexicon.zip has 3 words, 6,786 expected"):
        lexicons.opinions()
    monkeypatch.setattr(lexicons, "OPINION_WORDS", 3)
    assert lexicons.opinions() == {"good": 1, "bad": -1, "envious": 0}


@pytest.mark.usefixtures("home")
def test_a_missing_lexicon_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(MissingData, match="run `mt2st data fetch opinion-lexicon`"):
        lexicons.opinions()
