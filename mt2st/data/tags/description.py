"""Numbers that describe tagged text: its size, its words and its labels, and the labels of two texts together."""

from collections import Counter
from collections.abc import Set
from itertools import chain

import numpy as np
import pandas as pd
from scipy import sparse, stats
from scipy.spatial.distance import jensenshannon
from sklearn.feature_extraction.text import CountVectorizer

from mt2st.data.tags.columns import TaggedText

DATA = ("size", "labels", "tokens/types", "OOV rate", "label entropy", "Frobenius norm", "JSD")


def data_features(train: TaggedText, test: TaggedText, known: Set[str]) -> pd.Series:
    """Return the seven features `DATA` of a task that come from its text and labels (Bingel and Søgaard 2017).

    - size: sentences in training.
    - labels: number of different tags in training.
    - tokens/types: tokens in training by different words.
    - OOV rate: share of the tokens in training that are not in `known`, neither as written nor in lower case.
    - label entropy: of the tags in training, in nats.
    - Frobenius norm: sqrt(Σ X²), X the count of each word in each sentence of training.
    - JSD: Jensen–Shannon divergence of the words in training and test, in nats: 0 for the same distribution, ln 2
      for no word in common. Words count as they are written.

    Ours differs in JSD: the released analysis computes it from indices of words in training and of *labels* on the
    development set, which a variable assigned twice puts in the place of its words.

    Raises ValueError for a text without tokens.
    """
    if not train.tokens or not test.tokens:
        raise ValueError("training and test text need at least one token each")
    counter = CountVectorizer(analyzer=list).fit(chain(train.sentences, test.sentences))  # a sentence is its tokens
    counts = counter.transform(train.sentences)
    in_train, in_test = counts.sum(axis=0).A1, counter.transform(test.sentences).sum(axis=0).A1
    words = counter.get_feature_names_out()
    unknown = np.array([word not in known and word.lower() not in known for word in words])
    labels = Counter(chain.from_iterable(train.tags))
    values = (
        len(train),
        len(labels),
        train.tokens / np.count_nonzero(in_train),
        in_train[unknown].sum() / train.tokens,
        stats.entropy(list(labels.values())),
        sparse.linalg.norm(counts),
        jensenshannon(in_train, in_test) ** 2,  # scipy gives its root, the distance
    )
    return pd.Series(values, index=list(DATA), dtype=float)


def label_kurtosis(text: TaggedText) -> float:
    """Return the excess kurtosis (Fisher) of the frequencies of the labels (Martínez Alonso and Plank 2017).

    It is high where a few labels are far more frequent than the others, and NaN where all are equally frequent.
    """
    _, counts = np.unique(np.concatenate([np.asarray(tags) for tags in text.tags]), return_counts=True)
    return float(stats.kurtosis(counts / counts.sum()))


def label_information(one: TaggedText, other: TaggedText) -> float:
    """Return the normalised mutual information, 0 to 1, of the labels that two texts give to the words they share.

    After Schröder and Biemann (2020), who compare the label clusters of two data sets; here a cluster is what a text
    gives a label to, word by word and without case: a word counts as often as in the text where it is rarer, and its
    labels in either text are taken as independent given the word. I(A; B) · 2 / (H(A) + H(B)).

    Raises ValueError where the texts have no word in common.
    """
    first, second = _counts(one), _counts(other)
    shared = sorted(set(first.index) & set(second.index))
    if not shared:
        raise ValueError("the two corpora have no word in common")
    first, second = first.loc[shared], second.loc[shared]
    weight = np.minimum(first.sum(axis=1), second.sum(axis=1)).to_numpy()
    by_word = [(frame.to_numpy() / frame.to_numpy().sum(1, keepdims=True)) for frame in (first, second)]
    joint = (by_word[0] * weight[:, None]).T @ by_word[1]  # (labels of one, labels of other)
    entropies = stats.entropy(joint.sum(1)) + stats.entropy(joint.sum(0))
    information = entropies - stats.entropy(joint, axis=None)  # I(A; B) = H(A) + H(B) − H(A, B)
    return float(2 * information / entropies) if entropies else 0.0


def _counts(text: TaggedText) -> pd.DataFrame:
    """How often each lower-cased word (rows) has each label (columns)."""
    words = pd.Series([word.lower() for sentence in text.sentences for word in sentence])
    return pd.crosstab(words, pd.Series([tag for tags in text.tags for tag in tags]))
