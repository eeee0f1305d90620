"""What a primary task gives without training a neural network: is it neither trivial nor hopeless?"""

import random
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from nltk.tag import DefaultTagger, PerceptronTagger, UnigramTagger
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from mt2st.data.dataset import Dataset, Tokens
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.metrics import Evaluation, span_f1

INVERSE_PENALTIES = (0.1, 1.0, 10.0, 100.0)  # C of logistic regression; the best on validation is tested
MAJORITY, TFIDF, MEAN_VECTOR = "majority class", "TF-IDF + logistic regression", "mean vector + logistic regression"
BASELINES = (MAJORITY, TFIDF, MEAN_VECTOR)
UNIGRAM, PERCEPTRON = "most frequent tag of the word", "averaged perceptron"
TFIDF_POOLED = f"{TFIDF}, related texts pooled in"

Vectorise = Callable[[Sequence[Tokens]], np.ndarray]


def baselines(dataset: Dataset, table: EmbeddingTable) -> dict[str, float]:
    """Return test accuracies by name, each learnt from the training part alone.

    The majority class; logistic regression on TF-IDF (with 1 + ln tf), and on the mean vector of a text's words in
    `table`, which a network begins with; TF-IDF also with related texts pooled in, where some have the same classes.
    The penalty of the regressions is chosen on validation.
    """
    pooled = dataset.pooled()
    train, test = dataset.train, dataset.test
    majority = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(train), 1)), train.labels)
    return {
        MAJORITY: float(majority.score(np.zeros((len(test), 1)), test.labels)),
        TFIDF: _accuracy(dataset, tfidf_features(dataset)),
        MEAN_VECTOR: _accuracy(dataset, mean_vector_features(table)),
        **({TFIDF_POOLED: _accuracy(pooled, tfidf_features(pooled))} if pooled else {}),
    }


def tfidf_features(dataset: Dataset) -> Vectorise:
    """Return what gives TF-IDF of texts, with the words and their idf in the training part."""
    vectorizer = TfidfVectorizer(tokenizer=list, token_pattern=None, lowercase=False, sublinear_tf=True)
    transform: Vectorise = vectorizer.fit(dataset.train.texts).transform
    return transform


def regression(dataset: Dataset, features: Vectorise) -> LogisticRegression:
    """Return logistic regression on the training part, with the penalty that is best on validation (the strongest of
    equals).
    """
    train, validation = features(dataset.train.texts), features(dataset.validation.texts)
    models = [LogisticRegression(C=c, max_iter=2000).fit(train, dataset.train.labels) for c in INVERSE_PENALTIES]
    return max(models, key=lambda model: model.score(validation, dataset.validation.labels))


def _accuracy(dataset: Dataset, features: Vectorise) -> float:
    """Test accuracy of `regression`."""
    return float(regression(dataset, features).score(features(dataset.test.texts), dataset.test.labels))


def mean_vector_features(table: EmbeddingTable) -> Vectorise:
    """Return what gives the mean vectors of texts."""
    return lambda texts: mean_vectors(texts, table)


def mean_vectors(texts: Sequence[Tokens], table: EmbeddingTable) -> np.ndarray:
    """Mean vectors of the texts' words, unknown ones as the table's row for them: (texts, d)."""
    rows = (table.encode(text).numpy() for text in texts)
    return np.stack([table.vectors[at].mean(0) if len(at) else np.zeros(table.vectors.shape[1]) for at in rows])


def tag_baselines(data: SequenceData, seed: int) -> dict[str, float]:
    """Test scores of taggers that are no neural network, learnt from the training part alone.

    The score is the accuracy over all tokens, or where tags mark spans the F1 of whole spans (`metrics.span_f1`).
    The most frequent tag of each word, of unknown ones that of all words; and NLTK's averaged perceptron
    (Collins 2002), which sees letters, neighbours and the tags before, with words in the case they are written in.
    """
    sentences = _tagged(data)
    default = Counter(tag for tags in data.train.tags for tag in tags).most_common(1)[0][0]
    unigram = UnigramTagger(
        [[(word.lower(), tag) for word, tag in one] for one in sentences], backoff=DefaultTagger(default)
    )
    texts = [list(sentence) for sentence in data.test.sentences]
    said = {
        UNIGRAM: [unigram.tag(list(map(str.lower, text))) for text in texts],
        PERCEPTRON: list(map(perceptron(data, seed).tag, texts)),
    }
    index = {tag: k for k, tag in enumerate(data.classes)}
    lengths = np.array([len(text) for text in texts])
    gold = np.array([index[tag] for tags in data.test.tags for tag in tags])
    scores = {}
    for name, found in said.items():
        predictions = np.array([index[tag] for one in found for _, tag in one])
        evaluation = Evaluation(np.nan, gold, predictions, lengths)
        scores[name] = span_f1(evaluation, data.classes) if data.is_span else evaluation.accuracy
    return scores


def perceptron(data: SequenceData, seed: int) -> PerceptronTagger:
    """Return NLTK's averaged perceptron (Collins 2002), learnt from the training part."""
    tagger = PerceptronTagger(load=False)
    random.seed(seed)  # NLTK shuffles sentences by it
    tagger.train(_tagged(data))
    return tagger


def _tagged(data: SequenceData) -> list[list[tuple[str, str]]]:
    """Sentences to train on as pairs of word and tag."""
    return [list(zip(*pair, strict=True)) for pair in zip(data.train.sentences, data.train.tags, strict=True)]


def compare(splits: Sequence[dict[str, float]], single_task: Sequence[float]) -> pd.DataFrame:
    """Test accuracies of baselines and of single-task runs, one row a split and their mean."""
    frame = pd.DataFrame(splits)
    frame["single-task BiLSTM"] = single_task
    frame.index = pd.Index([f"split {i}" for i in range(len(frame))])
    frame.loc["mean"] = frame.mean()
    return frame
