"""Measures that are to say beforehand how well two tasks go together, and how well they rank the measured gains."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import roc_auc_score

from mt2st.data.tags.columns import TaggedText

RELABELLINGS = 9_999


def label_kurtosis(text: TaggedText) -> float:
    """Excess kurtosis (Fisher) of the frequencies of the labels (Martínez Alonso and Plank 2017).

    High where a few labels are far more frequent than the others; NaN where all labels are equally frequent.
    """
    _, counts = np.unique(np.concatenate([np.asarray(tags) for tags in text.tags]), return_counts=True)
    return float(stats.kurtosis(counts / counts.sum()))


def label_information(one: TaggedText, other: TaggedText) -> float:
    """Normalised mutual information of the labels that two corpora give to the words they share, 0 to 1.

    After Schröder and Biemann (2020), who compare the label clusters of two data sets; here a cluster is what a corpus
    gives a label to, word by word and without case: a word counts as often as in the corpus where it is rarer, and its
    labels in either corpus are taken as independent given the word. I(A; B) · 2 / (H(A) + H(B)).

    Raises ValueError where the corpora have no word in common.
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


def ranking(measures: Mapping[str, "pd.Series[float]"], gains: "pd.Series[float]") -> pd.DataFrame:
    """How well each measure ranks gains of ordered pairs (index main, aux): one row a measure.

    `rho` is Spearman's, `p` how often tasks given each other's names at random rank as well or better, in size
    (Mantel's test: pairs share tasks, so that they are not independent), and `AUC` the probability that a pair with a
    gain has a higher value than one without.
    """
    rows = []
    for name, values in measures.items():
        both = pd.DataFrame({"value": values, "gain": gains}).dropna()
        rho, p = _mantel(both)
        auc = roc_auc_score(both["gain"] > 0, both["value"]) if 0 < (both["gain"] > 0).mean() < 1 else np.nan
        rows.append({"measure": name, "n": len(both), "rho": rho, "p": p, "AUC": auc})
    return pd.DataFrame(rows)


def _mantel(both: pd.DataFrame) -> tuple[float, float]:
    """Spearman's rho of two columns over ordered pairs, and its p from renaming the tasks of the first at random."""
    tasks = sorted(set(both.index.get_level_values("main")) | set(both.index.get_level_values("aux")))
    value, gain = (_matrix(column, tasks) for _, column in both.rank().items())
    observed = _correlation(value, gain)
    rng = np.random.default_rng(0)
    orders = (rng.permutation(len(tasks)) for _ in range(RELABELLINGS))
    found = np.array([_correlation(value[np.ix_(order, order)], gain) for order in orders])
    return observed, float((1 + (np.abs(found) >= abs(observed) - 1e-12).sum()) / (1 + RELABELLINGS))


def _matrix(values: "pd.Series[float]", tasks: Sequence[str]) -> np.ndarray:
    """Values of ordered pairs, main tasks as rows, auxiliary ones as columns, NaN where there is none."""
    wide = values.rename("value").reset_index().pivot_table(index="main", columns="aux", values="value")
    return wide.reindex(index=tasks, columns=tasks).to_numpy()


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson correlation of the elements that both matrices have."""
    present = ~(np.isnan(one) | np.isnan(other))
    return float(np.corrcoef(one[present], other[present])[0, 1])
