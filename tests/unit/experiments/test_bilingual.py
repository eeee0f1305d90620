"""Scores of a table on translations, on a lexicon and sentences made up here."""

import numpy as np
import pytest
import torch

from mt2st.data import translations
from mt2st.data.lexicons import Lexicon
from mt2st.data.translations import Aligned
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import bilingual

WORDS = ("cat", "dog", "moon", "gato", "perro", "luna", "can")
VECTORS = np.array([[1, 0], [0, 1], [-1, 0.2], [1, 0.1], [0.2, 1], [1, -0.2], [0.1, 1]], dtype=np.float32)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> EmbeddingTable:
    """Return a table of both languages, whose lexicon holds out all but "moon"."""
    found = EmbeddingTable.of(WORDS, VECTORS, "made up")
    row = found.index

    def lexicon(table: EmbeddingTable, held_out: bool) -> Lexicon:
        pairs = [("cat", "gato"), ("dog", "perro"), ("dog", "can")] if held_out else [("moon", "luna")]
        rows = torch.tensor([[row[e], row[s]] for e, s in pairs])
        return Lexicon(rows, torch.ones(len(rows)), len(rows))

    monkeypatch.setattr(translations, "lexicon", lexicon)
    monkeypatch.setattr(translations, "to_learn", lambda table: lexicon(table, held_out=False))
    return found


def test_a_word_is_found_if_a_translation_is_among_the_nearest(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bilingual, "NEAREST", 1)
    assert bilingual.scores(table, table.vectors)["translation"] == 1
    swapped = table.vectors.copy()
    swapped[[table.index["gato"], table.index["luna"]]] = swapped[[table.index["luna"], table.index["gato"]]]
    swapped[table.index["luna"]] = [1, 0]  # a candidate though "moon" is not asked
    assert bilingual.scores(table, swapped)["translation"] == 0.5
    assert bilingual.scores(table, 3 * table.vectors)["translation"] == 1  # lengths do not count
    monkeypatch.setattr(bilingual, "NEAREST", 2)
    assert bilingual.scores(table, swapped)["translation"] == 1


def test_a_rotation_is_learnt_from_the_other_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    english = rng.normal(size=(60, 5)).astype(np.float32)
    turned = english @ np.linalg.qr(rng.normal(size=(5, 5)))[0].astype(np.float32)
    found = EmbeddingTable.of([f"{side}{k}" for side in "es" for k in range(60)], np.concatenate([english, turned]), "")
    rows = torch.tensor([[found.index[f"e{k}"], found.index[f"s{k}"]] for k in range(60)])
    monkeypatch.setattr(
        translations,
        "lexicon",
        lambda table, held_out: Lexicon(rows[:20] if held_out else rows[20:], torch.ones(20), 20),
    )
    monkeypatch.setattr(translations, "to_learn", lambda table: Lexicon(rows[20:], torch.ones(40), 40))
    monkeypatch.setattr(bilingual, "NEAREST", 1)
    scores = bilingual.scores(found, found.vectors)
    assert scores["translation_rotated"] == 1
    assert scores["translation"] < 0.3


def test_alignment_error_is_one_less_the_share_of_links_found(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = frozenset({(0, 0), (1, 1), (2, 2)})
    sentences = [
        Aligned(("cat", "dog", "zzz"), ("gato", "perro", "luna"), links),
        Aligned(("zzz",), ("luna",), frozenset({(0, 0)})),
    ]
    monkeypatch.setattr(translations, "aligned", lambda: sentences)
    # 2 links are found and right, 4 are there: 1 − (2 + 2) / (2 + 4)
    assert bilingual.scores(table, table.vectors)["alignment_error"] == pytest.approx(1 / 3)
    crossed = table.vectors[[*range(2), 3, 2, *range(4, len(table.vectors))]]  # cat and dog the other way round
    assert bilingual.scores(table, crossed)["alignment_error"] == 1


@pytest.fixture(autouse=True)
def no_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Align a word with another, so that there is something to count."""
    monkeypatch.setattr(translations, "aligned", lambda: [Aligned(("cat",), ("gato",), frozenset({(0, 0)}))])
