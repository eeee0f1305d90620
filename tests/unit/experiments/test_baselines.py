import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from nltk.tag import PerceptronTagger
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from mt2st.data.dataset import Dataset, Examples
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import in_three_parts
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import baselines
from mt2st.experiments.baselines import MAJORITY, MEAN_VECTOR, PERCEPTRON, TFIDF, UNIGRAM


@pytest.fixture
def vectors(small_topic: Dataset) -> EmbeddingTable:
    """Random vectors of most words of the topic task."""
    words = sorted({word for text in small_topic.train.texts for word in text})[:300]
    return EmbeddingTable.of(words, np.random.default_rng(0).normal(size=(len(words), 10)).astype(np.float32), "random")


def test_the_majority_class_of_three_balanced_classes_is_right_in_a_third(
    small_topic: Dataset, vectors: EmbeddingTable
) -> None:
    assert baselines.baselines(small_topic, vectors)[MAJORITY] == pytest.approx(1 / 3)


def test_the_majority_is_that_of_the_training_part(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    train = Examples([["a"], ["b"], ["c"]], np.array([1, 1, 0]))
    found = baselines.baselines(replace(toy_dataset, train=train), toy_table)
    assert found[MAJORITY] == pytest.approx(1 / 3)  # one of three test examples is of class 1


def test_one_telling_word_is_enough_for_linear_models(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    found = baselines.baselines(toy_dataset, toy_table)
    assert found[TFIDF] == 1
    assert found[MEAN_VECTOR] == 1


def _best(small_topic: Dataset, train: np.ndarray, validation: np.ndarray, test: np.ndarray) -> float:
    """Test accuracy of the regression that is best on validation, the smallest C of equals."""
    scores = []
    for c in (0.1, 1, 10, 100):
        model = LogisticRegression(C=c, max_iter=2000).fit(train, small_topic.train.labels)
        labels = small_topic.validation.labels, small_topic.test.labels
        scores.append(((model.predict(validation) == labels[0]).mean(), (model.predict(test) == labels[1]).mean()))
    return scores[int(np.argmax([score[0] for score in scores]))][1]


def test_the_linear_model_is_scikit_learns_on_the_same_tokens(small_topic: Dataset, vectors: EmbeddingTable) -> None:
    parts = [[" ".join(t) for t in getattr(small_topic, part).texts] for part in ("train", "validation", "test")]
    vectorizer = TfidfVectorizer(lowercase=False, token_pattern=r"\S+", sublinear_tf=True).fit(parts[0])
    expected = _best(small_topic, *map(vectorizer.transform, parts))
    assert baselines.baselines(small_topic, vectors)[TFIDF] == pytest.approx(expected)
    assert expected > 0.4


def test_mean_vectors_are_those_of_the_table(small_topic: Dataset, vectors: EmbeddingTable) -> None:
    by_word = dict(zip(vectors.words, vectors.vectors, strict=True))
    parts = [
        np.stack([np.mean([by_word.get(word, by_word["<unk>"]) for word in text], axis=0) for text in part.texts])
        for part in (small_topic.train, small_topic.validation, small_topic.test)
    ]
    assert baselines.baselines(small_topic, vectors)[MEAN_VECTOR] == pytest.approx(_best(small_topic, *parts))


def test_test_texts_are_not_learnt_from(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    swapped = replace(toy_dataset, test=Examples(toy_dataset.test.texts, 1 - toy_dataset.test.labels))
    found = baselines.baselines(swapped, toy_table)
    assert (found[TFIDF], found[MEAN_VECTOR]) == (0, 0)


def test_the_comparison_has_a_row_a_split_and_their_mean() -> None:
    frame = baselines.compare([{MAJORITY: 0.25, TFIDF: 1.0}, {MAJORITY: 0.5, TFIDF: 0.5}], [0.5, 0.7])
    assert frame.index.tolist() == ["split 0", "split 1", "mean"]
    assert frame["single-task BiLSTM"].tolist() == [0.5, 0.7, pytest.approx(0.6)]
    assert frame[TFIDF].tolist() == [1, 0.5, 0.75]
    assert frame[MAJORITY].tolist() == [0.25, 0.5, 0.375]


def test_taggers_are_nltks_on_the_same_sentences() -> None:
    rng = np.random.default_rng(0)
    words = ["the", "The", "dog", "barks", "loudly", "a", "cat", "sleeps"]
    kinds = dict(zip(words, ["D", "D", "N", "V", "R", "D", "N", "V"], strict=True))

    def text(sentences: int) -> TaggedText:
        drawn = [rng.choice(words, 5).tolist() for _ in range(sentences)]
        return TaggedText(drawn, [[kinds[word] for word in one] for one in drawn])

    train, test = text(30), text(10)
    test = TaggedText([*test.sentences, ["The", "birds", "sing"]], [*test.tags, ["D", "N", "V"]])
    corpus = in_three_parts("kinds", (train, text(5), test), False, ())
    found = baselines.tag_baselines(corpus, seed=3)
    by_word = {word.lower(): kind for word, kind in kinds.items()}
    most = Counter(tag for tags in train.tags for tag in tags).most_common(1)[0][0]
    right = [
        by_word.get(word.lower(), most) == tag
        for sentence, tags in zip(test.sentences, test.tags, strict=True)
        for word, tag in zip(sentence, tags, strict=True)
    ]
    assert found[UNIGRAM] == pytest.approx(np.mean(right))
    tagger = PerceptronTagger(load=False)
    random.seed(3)
    tagger.train([list(zip(*pair, strict=True)) for pair in zip(train.sentences, train.tags, strict=True)])
    gold = [list(zip(*pair, strict=True)) for pair in zip(test.sentences, test.tags, strict=True)]
    assert found[PERCEPTRON] == pytest.approx(tagger.accuracy(gold))
    assert found == baselines.tag_baselines(corpus, seed=3)


def test_taggers_of_spans_are_scored_by_whole_spans() -> None:
    train = TaggedText([["Ann", "Lee", "sang"], ["Ann", "sang"]] * 5, [["B-P", "I-P", "O"], ["B-P", "O"]] * 5)
    test = TaggedText([["Ann", "Lee", "Ann", "sang"]], [["B-P", "I-P", "B-P", "O"]])
    corpus = in_three_parts("names", (train, train, test), True, ())
    assert baselines.tag_baselines(corpus, seed=0)[UNIGRAM] == 1
    longer = TaggedText(test.sentences, [["B-P", "I-P", "I-P", "O"]])  # one name, of which two are said
    assert baselines.tag_baselines(replace(corpus, test=longer), seed=0)[UNIGRAM] == 0
    half = TaggedText([["Ann", "Bob", "sang"]], [["B-P", "B-P", "O"]])  # an unknown word has the tag of most words
    often = TaggedText([*train.sentences, ["it", "rains", "and", "rains", "again"]], [*train.tags, ["O"] * 5])
    corpus = in_three_parts("names", (often, train, half), True, ())
    assert baselines.tag_baselines(corpus, seed=0)[UNIGRAM] == pytest.approx(2 / 3)
