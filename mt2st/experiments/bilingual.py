"""How well a table of two languages knows which words translate each other."""

import numpy as np
from nltk.translate.metrics import alignment_error_rate
from scipy.linalg import orthogonal_procrustes

from mt2st.data import translations
from mt2st.data.translations import Aligned
from mt2st.data.vectors import EmbeddingTable

NEAREST = 10  # words among which a translation counts as found


def scores(table: EmbeddingTable, vectors: np.ndarray) -> dict[str, float]:
    """Return how vectors (V, d) on the rows of a table do on held-out translations and on aligned sentences.

    `translation` is the `translation_accuracy` as they are, and `translation_rotated` that after the rotation of
    English rows that brings the pairs to learn closest (orthogonal Procrustes; Artetxe et al. 2016), which needs no
    auxiliary task. `alignment_error` is that of `alignment_error`.
    """
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    known = translations.to_learn(table).rows.numpy()
    rotation, _ = orthogonal_procrustes(unit[known[:, 0]], unit[known[:, 1]])
    return {
        "translation": translation_accuracy(table, unit, unit),
        "translation_rotated": translation_accuracy(table, unit @ rotation, unit),
        "alignment_error": alignment_error(table, unit),
    }


def translation_accuracy(table: EmbeddingTable, english: np.ndarray, spanish: np.ndarray) -> float:
    """Share of the held-out English words that have a translation among their `NEAREST` Spanish words (precision@10).

    Candidates are all Spanish words of the lexicon, held out or not, that are in the table with an English one, but for
    a word that is spelled as the one that is asked. Vectors of both languages (V, d) are on the table's rows and of
    length 1; nearest is by cosine. Raises MissingData where the lexicon is not here.
    """
    asked, others = (translations.lexicon(table, held_out).rows.numpy() for held_out in (True, False))
    candidates = np.unique(np.concatenate([asked[:, 1], others[:, 1]]))
    words = np.unique(asked[:, 0])
    cosine = english[words] @ spanish[candidates].T  # (words, candidates)
    cosine[words[:, None] == candidates] = -np.inf
    nearest = np.argsort(-cosine, axis=1)[:, :NEAREST]  # (words, NEAREST)
    right = set(map(tuple, asked.tolist()))
    found = [
        any((e, s) in right for s in of) for e, of in zip(words.tolist(), candidates[nearest].tolist(), strict=True)
    ]
    return float(np.mean(found))


def alignment_error(table: EmbeddingTable, unit: np.ndarray) -> float:
    """Alignment error rate over all aligned sentences (Och and Ney 2003; all links there are sure ones), by NLTK.

    Two words are linked where each is the other's nearest in the sentences, by cosine, of equally near ones the first;
    words without a row are not. Words that both languages spell alike have one row, and so are linked in any table.
    """
    found, gold = set(), set()
    for k, sentence in enumerate(translations.aligned()):
        found |= {(k, *link) for link in _links(sentence, table, unit)}
        gold |= {(k, *link) for link in sentence.links}
    return float(alignment_error_rate(gold, found))


def _links(sentence: Aligned, table: EmbeddingTable, unit: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of words that are each other's nearest."""
    places = [
        [i for i, word in enumerate(side) if word in table.index] for side in (sentence.english, sentence.spanish)
    ]
    if not all(places):
        return []
    rows = [
        [table.index[side[i]] for i in at]
        for side, at in zip((sentence.english, sentence.spanish), places, strict=True)
    ]
    cosine = unit[rows[0]] @ unit[rows[1]].T  # (English words, Spanish words)
    forth, back = cosine.argmax(1), cosine.argmax(0)
    return [(places[0][e], places[1][s]) for e, s in enumerate(forth) if back[s] == e]
