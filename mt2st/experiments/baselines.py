"""What a primary task gives without training a neural network: is it neither trivial nor hopeless?"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from mt2st.data.dataset import Dataset, Tokens
from mt2st.data.vectors import EmbeddingTable

INVERSE_PENALTIES = (0.1, 1.0, 10.0, 100.0)  # C of logistic regression; the best on validation is tested
MAJORITY, TFIDF, MEAN_VECTOR = "majority class", "TF-IDF + logistic regression", "mean vector + logistic regression"
BASELINES = (MAJORITY, TFIDF, MEAN_VECTOR)

Features = Callable[[Sequence[Tokens]], np.ndarray]


def baselines(dataset: Dataset, table: EmbeddingTable) -> dict[str, float]:
    """Return test accuracies by name, each learnt from the training part alone.

    The majority class; logistic regression on TF-IDF (with 1 + ln tf), and on the mean vector of a text's words in
    `table`, which a network begins with. The penalty of the regressions is chosen on validation.
    """
    train, test = dataset.train, dataset.test
    vectorizer = TfidfVectorizer(tokenizer=list, token_pattern=None, lowercase=False, sublinear_tf=True)
    vectorizer.fit(train.texts)
    majority = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(train), 1)), train.labels)
    return {
        MAJORITY: float(majority.score(np.zeros((len(test), 1)), test.labels)),
        TFIDF: _regression(dataset, vectorizer.transform),
        MEAN_VECTOR: _regression(dataset, lambda texts: _means(texts, table)),
    }


def _regression(dataset: Dataset, features: Features) -> float:
    """Test accuracy of logistic regression, with the penalty that is best on validation (the strongest of equals)."""
    train, validation, test = (features(part.texts) for part in (dataset.train, dataset.validation, dataset.test))
    models = [LogisticRegression(C=c, max_iter=2000).fit(train, dataset.train.labels) for c in INVERSE_PENALTIES]
    best = max(models, key=lambda model: model.score(validation, dataset.validation.labels))
    return float(best.score(test, dataset.test.labels))


def _means(texts: Sequence[Tokens], table: EmbeddingTable) -> np.ndarray:
    """Mean vectors of the texts' words, unknown ones as the table's row for them: (N, d)."""
    rows = (table.encode(text).numpy() for text in texts)
    return np.stack([table.vectors[at].mean(0) if len(at) else np.zeros(table.vectors.shape[1]) for at in rows])


def compare(splits: Sequence[dict[str, float]], single_task: Sequence[float]) -> pd.DataFrame:
    """Test accuracies of baselines and of single-task runs, one row a split and their mean."""
    frame = pd.DataFrame(splits)
    frame["single-task BiLSTM"] = single_task
    frame.index = pd.Index([f"split {i}" for i in range(len(frame))])
    frame.loc["mean"] = frame.mean()
    return frame
