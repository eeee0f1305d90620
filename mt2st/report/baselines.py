"""What a primary task gives without any neural network: is it neither trivial nor hopeless?"""

import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mt2st.data.dataset import Dataset


def baselines(dataset: Dataset) -> dict[str, float]:
    """Test accuracy of the majority class and of logistic regression on TF-IDF (scikit-learn's defaults)."""
    tfidf = make_pipeline(
        TfidfVectorizer(tokenizer=list, token_pattern=None, lowercase=False),
        LogisticRegression(max_iter=1000),
    )
    models = {
        "majority class": DummyClassifier(strategy="most_frequent"),
        "TF-IDF + logistic regression": tfidf,
    }
    return {
        name: float(model.fit(dataset.train.texts, dataset.train.labels).score(dataset.test.texts, dataset.test.labels))
        for name, model in models.items()
    }


def compare(datasets: list[Dataset], single_task: list[float]) -> pd.DataFrame:
    """Test accuracies of baselines and of recorded single-task runs, one row a split and their mean."""
    frame = pd.DataFrame([baselines(dataset) for dataset in datasets])
    frame["single-task BiLSTM"] = single_task
    frame.index = pd.Index([f"split {i}" for i in range(len(frame))])
    frame.loc["mean"] = frame.mean()
    return frame
