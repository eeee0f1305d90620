from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from gensim.models import KeyedVectors
from gensim.test.utils import datapath
from scipy import stats

from mt2st.data import lexicons
from mt2st.data.files.errors import MissingData
from mt2st.data.vectors import EmbeddingTable

FILES = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}
FAMILY = ("boy", "girl", "brother", "sister", "he", "she")
CAPITALS = ("athens", "greece", "baghdad", "iraq", "bangkok", "thailand", "beijing", "china")


def table_of(words: list[str]) -> EmbeddingTable:
    """Return a table with random vectors."""
    return EmbeddingTable.of(words, np.random.default_rng(0).normal(size=(len(words), 10)), "random")


def pairs_of(name: str) -> pd.DataFrame:
    """Read a similarity file without the library."""
    return pd.read_csv(datapath(FILES[name]), sep="\t", comment="#", names=["a", "b", "score"])


@pytest.fixture(scope="module")
def everything() -> EmbeddingTable:
    """Return a table of every word in the three files."""
    words = Path(datapath("questions-words.txt")).read_text(encoding="utf-8").lower().split()
    for name in FILES:
        frame = pairs_of(name)
        words += [*frame["a"].str.lower(), *frame["b"].str.lower()]
    return table_of(sorted(set(words)))


@pytest.fixture(scope="module")
def half(everything: EmbeddingTable) -> EmbeddingTable:
    """Return a table of every other word."""
    return table_of(list(everything.words[2::2]))


def as_gensim(table: EmbeddingTable) -> KeyedVectors:
    """Return the same words and vectors as gensim's own class."""
    vectors = KeyedVectors(table.vectors.shape[1])
    vectors.add_vectors(list(table.words[2:]), table.vectors[2:])
    return vectors


def test_all_19544_google_analogies_are_read_of_which_8869_are_semantic(everything: EmbeddingTable) -> None:
    questions = lexicons.analogies(everything)
    assert questions.rows.shape == (19544, 4)
    assert questions.total == 19544
    assert questions.coverage == 1
    assert int(torch.count_nonzero(questions.values)) == 8869


def test_analogies_point_at_their_words(everything: EmbeddingTable) -> None:
    rows = lexicons.analogies(everything).rows
    assert [everything.words[i] for i in rows[0].tolist()] == ["athens", "greece", "baghdad", "iraq"]
    assert [everything.words[i] for i in rows[-1].tolist()] == ["write", "writes", "work", "works"]


def test_analogies_with_an_unknown_word_are_left_out_as_gensim_does() -> None:
    table = table_of([*CAPITALS, *FAMILY])
    questions = lexicons.analogies(table)
    _, sections = as_gensim(table).evaluate_word_analogies(datapath("questions-words.txt"))
    kept = [section for section in sections if section["section"] != "Total accuracy"]
    assert len(questions.rows) == sum(len(s["correct"]) + len(s["incorrect"]) for s in kept) > 0
    assert questions.coverage == len(questions.rows) / 19544


def test_family_is_semantic_and_grammar_is_not() -> None:
    family = lexicons.analogies(table_of(["boy", "girl", "brother", "sister"]))
    grammar = lexicons.analogies(table_of(["amazing", "amazingly", "calm", "calmly"]))
    torch.testing.assert_close(family.values, torch.tensor([True, True]))
    torch.testing.assert_close(grammar.values, torch.tensor([False, False]))


def test_the_14_sections_are_the_questions_in_the_order_of_the_file(everything: EmbeddingTable) -> None:
    sections = lexicons.analogy_sections(everything)
    assert {name: len(rows) for name, rows in sections.items()} == {  # Mikolov et al. (2013), counted in their file
        "capital-common-countries": 506,
        "capital-world": 4524,
        "currency": 866,
        "city-in-state": 2467,
        "family": 506,
        "gram1-adjective-to-adverb": 992,
        "gram2-opposite": 812,
        "gram3-comparative": 1332,
        "gram4-superlative": 1122,
        "gram5-present-participle": 1056,
        "gram6-nationality-adjective": 1599,
        "gram7-past-tense": 1560,
        "gram8-plural": 1332,
        "gram9-plural-verbs": 870,
    }
    assert torch.equal(torch.cat(list(sections.values())), lexicons.analogies(everything).rows)


def test_sections_have_as_many_known_questions_as_gensim_finds() -> None:
    table = table_of([*CAPITALS, *FAMILY])
    sections = lexicons.analogy_sections(table)
    _, found = as_gensim(table).evaluate_word_analogies(datapath("questions-words.txt"))
    expected = {s["section"]: len(s["correct"]) + len(s["incorrect"]) for s in found if s["section"][0].islower()}
    assert {name: len(rows) for name, rows in sections.items()} == expected
    assert {name for name, n in expected.items() if n} == {"capital-common-countries", "capital-world", "family"}
    assert sections["currency"].shape == (0, 4)


def test_a_vocabulary_without_any_question_gives_an_empty_lexicon() -> None:
    questions = lexicons.analogies(table_of(["nothing"]))
    assert questions.rows.shape == (0, 4)
    assert questions.coverage == 0


@pytest.mark.parametrize(("name", "size", "first"), [("wordsim353", 353, 6.77), ("simlex999", 999, 1.58)])
def test_similarity_sets_are_whole(everything: EmbeddingTable, name: str, size: int, first: float) -> None:
    pairs = lexicons.similarities(everything, name)
    assert pairs.rows.shape == (size, 2)
    assert pairs.total == size
    expected = torch.tensor(pairs_of(name)["score"].to_numpy(), dtype=torch.float32)
    torch.testing.assert_close(pairs.values, expected)
    assert expected[0].item() == pytest.approx(first)


@pytest.mark.parametrize("name", FILES)
def test_similarities_give_gensims_own_rank_correlation_and_coverage(half: EmbeddingTable, name: str) -> None:
    pairs = lexicons.similarities(half, name)
    first, second = (half.vectors[pairs.rows[:, i]] for i in (0, 1))
    cosine = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    _, spearman, unknown = as_gensim(half).evaluate_word_pairs(datapath(FILES[name]))
    assert stats.spearmanr(cosine, pairs.values).statistic == pytest.approx(spearman[0], abs=1e-6)
    assert 100 * (1 - pairs.coverage) == pytest.approx(unknown)


def test_an_unknown_similarity_set_is_refused_with_the_known_ones(half: EmbeddingTable) -> None:
    with pytest.raises(ValueError, match=r"unknown similarity set 'men'; known: wordsim353, simlex999"):
        lexicons.similarities(half, "men")


def test_correlated_pairs_are_different_words_that_people_score_at_least_5(everything: EmbeddingTable) -> None:
    frame = pd.concat([pairs_of("wordsim353"), pairs_of("simlex999")])
    expected = frame[(frame["score"] >= 5) & (frame["a"] != frame["b"])]
    pairs = lexicons.correlated_pairs(everything)
    assert pairs.total == 353 + 999
    words = [tuple(everything.words[i] for i in row) for row in pairs.rows.tolist()]
    assert words == list(zip(expected["a"].str.lower(), expected["b"].str.lower(), strict=True))
    assert ("tiger", "tiger") in set(zip(frame["a"], frame["b"], strict=True))
    assert ("tiger", "tiger") not in words
    torch.testing.assert_close(pairs.values, torch.tensor(expected["score"].to_numpy(), dtype=torch.float32))


@pytest.mark.parametrize("line", ["one two", "one\ttwo\tthree"])
def test_a_broken_similarity_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: EmbeddingTable, line: str
) -> None:
    (tmp_path / "simlex999.txt").write_text(f"# comment\nold\tnew\t1.5\n{line}\n")
    monkeypatch.setattr(lexicons, "datapath", lambda file: str(tmp_path / file))
    with pytest.raises(ValueError, match=r"simlex999\.txt:3: expected word, word and score"):
        lexicons.similarities(half, "simlex999")


def test_a_broken_analogy_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: EmbeddingTable) -> None:
    (tmp_path / "questions-words.txt").write_text(": capitals\nAthens Greece Baghdad\n")
    monkeypatch.setattr(lexicons, "datapath", lambda file: str(tmp_path / file))
    with pytest.raises(ValueError, match=r"questions-words\.txt:2: an analogy has four words, this line has 3"):
        lexicons.analogies(half)


# --- the 13 sets that come with the paper's code


@pytest.fixture
def sets(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a mirror with 13 small sets, one of them separated by spaces."""
    folder = tmp_path / "mirror" / "wordsim"
    folder.mkdir(parents=True)
    for name in lexicons.WORD_SIMILARITIES:
        (folder / f"{name}.txt").write_text("Boy\tgirl\t3.5\nboy\tunheard\t1\n")
    (folder / "EN-MEN-TR-3k.txt").write_text("he she 50.0\n")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(folder.parent))
    return folder


def test_there_are_13_sets_each_with_its_checksum() -> None:
    files = lexicons.WORD_SIMILARITIES
    assert len(files) == len({file.known for file in files.values()}) == 13
    assert files["EN-MC-30"].url.endswith("/1ef738546ae1ac4515d9bd1056738c90f91a1ec5/en/EN-MC-30.txt")


@pytest.mark.usefixtures("sets")
def test_sets_are_read_lower_cased_with_tabs_or_spaces() -> None:
    sets = lexicons.word_similarity_sets()
    assert list(sets) == list(lexicons.WORD_SIMILARITIES)
    assert sets["EN-RG-65"] == [("boy", "girl", 3.5), ("boy", "unheard", 1.0)]
    assert sets["EN-MEN-TR-3k"] == [("he", "she", 50.0)]


@pytest.mark.usefixtures("sets")
def test_sets_are_resolved_to_rows_of_a_table() -> None:
    resolved = lexicons.word_similarities(table_of(list(FAMILY)))
    assert resolved["EN-RG-65"].rows.tolist() == [[2, 3]]
    torch.testing.assert_close(resolved["EN-RG-65"].values, torch.tensor([3.5]))
    assert resolved["EN-RG-65"].coverage == 0.5
    assert resolved["EN-MEN-TR-3k"].rows.tolist() == [[6, 7]]


@pytest.mark.parametrize("line", ["boy girl", "boy girl 3 4", "boy girl much", "boy girl nan", ""])
def test_a_broken_line_of_a_set_is_named(sets: Path, line: str) -> None:
    (sets / "EN-YP-130.txt").write_text(f"boy girl 1\n{line}\nhe she 2\n")
    with pytest.raises(ValueError, match=r"EN-YP-130\.txt:2: expected two words and a score"):
        lexicons.word_similarity_sets()


def test_an_empty_set_is_refused(sets: Path) -> None:
    (sets / "EN-YP-130.txt").write_text("")
    with pytest.raises(ValueError, match=r"EN-YP-130\.txt is empty"):
        lexicons.word_similarity_sets()


def test_all_sets_have_to_be_here(sets: Path) -> None:
    assert [file.parent for file in lexicons.locate_word_similarities()] == [sets] * 13
    (sets / "EN-YP-130.txt").unlink()
    with pytest.raises(MissingData, match=r"`mt2st data fetch wordsim`.* EN-YP-130\.txt"):
        lexicons.locate_word_similarities()
