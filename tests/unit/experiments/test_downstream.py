from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import nltk
import numpy as np
import pandas as pd
import pytest
import torch
from experiments.made_up import sentences_of, tags_of
from gensim.models import KeyedVectors
from gensim.test.utils import datapath
from scipy import stats

from mt2st.data import lexicons
from mt2st.data.dataset import Background, Dataset, Examples
from mt2st.data.files.errors import MissingData
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import downstream
from mt2st.experiments.downstream import evaluate_table, intrinsic
from mt2st.metrics import Evaluation
from mt2st.models import BiLSTM

WORDS = ["film", "plot", "good", "bad", "ada", "kyoto", "saw"]
# Words of the analogy file, of which some questions can be answered and some not.
FAMILY = ["boy", "girl", "brother", "sister", "he", "she", "calm", "calmly", "happy", "happily"]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    downstream.load.cache_clear()
    yield
    downstream.load.cache_clear()


@pytest.fixture
def table() -> EmbeddingTable:
    return EmbeddingTable.of(WORDS, np.random.default_rng(0).normal(size=(len(WORDS), 8)), "random")


@pytest.fixture
def sentiment(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Put a task in place of IMDB in which one word tells the class."""
    texts = [["Film", kind, noun] for kind in ("good", "bad") for noun in ("plot", "film", "x", "y")] * 10
    part = Examples(texts, np.array([int("good" in text) for text in texts]))
    data = Dataset("sentiment", ("negative", "positive"), part, part, part, Background([]))
    monkeypatch.setattr("mt2st.data.texts.imdb.others", lambda: data)
    return data


@pytest.fixture
def entities(monkeypatch: pytest.MonkeyPatch) -> SequenceData:
    """Put a task in place of WNUT-17 in which words tell the tags."""
    sentences = [["Ada", "Ada", "saw", "Kyoto"], ["film"], ["Kyoto", "bad"]] * 40
    tags = [["B-PER", "I-PER", "O", "B-LOC"], ["O"], ["B-LOC", "O"]] * 40
    part = TaggedText(sentences, tags)
    data = SequenceData("wnut-17", part, part, part, ("O", "B-LOC", "B-PER", "I-PER"), True, ())
    monkeypatch.setattr("mt2st.data.sources.load_tags", lambda name: data)
    return data


# --- other tasks


@pytest.mark.usefixtures("sentiment")
def test_a_task_that_the_table_tells_is_learnt_and_coverage_counts_tokens(table: EmbeddingTable) -> None:
    scores = evaluate_table(table, None, "imdb", seed=0)
    assert scores == {"accuracy": 1.0, "coverage": pytest.approx((2 * 3 + 2 * 2) / (4 * 3))}


@pytest.mark.usefixtures("entities")
def test_entities_are_scored_by_whole_spans(table: EmbeddingTable) -> None:
    assert evaluate_table(table, None, "wnut-17", seed=0, epochs=20) == {"f1": 1.0, "coverage": 1.0}


@pytest.mark.usefixtures("sentiment")
def test_a_table_in_which_the_words_are_alike_cannot_tell_them_apart(table: EmbeddingTable) -> None:
    vectors = table.vectors.copy()
    vectors[table.index["good"]] = vectors[table.index["bad"]]
    assert evaluate_table(table, vectors, "imdb", seed=0)["accuracy"] == 0.5


@pytest.mark.usefixtures("sentiment")
def test_given_vectors_take_the_place_of_the_tables_own(table: EmbeddingTable) -> None:
    vectors = np.random.default_rng(1).normal(size=table.vectors.shape).astype(np.float32)
    other = EmbeddingTable(table.words, vectors, "other")
    task = downstream.as_tasks(downstream.load("imdb"), table, seed=0)[0]
    first = downstream.train_on_frozen(vectors, task, task, seed=0, epochs=1).state_dict()
    assert evaluate_table(table, vectors, "imdb", 0, epochs=1) == evaluate_table(other, None, "imdb", 0, epochs=1)
    torch.testing.assert_close(
        first["encoder.embedding.weight"][1:], torch.from_numpy(downstream.standardised(vectors))[1:]
    )


@pytest.mark.usefixtures("sentiment")
def test_training_moves_encoder_and_head_but_not_the_table(table: EmbeddingTable) -> None:
    train, validation, _ = downstream.as_tasks(downstream.load("imdb"), table, seed=0)
    model = downstream.train_on_frozen(table.vectors, train, validation, seed=3, epochs=2)
    rows = torch.from_numpy(downstream.standardised(table.vectors))
    assert torch.equal(model.table, rows)
    assert not model.table.requires_grad
    torch.manual_seed(3)
    untrained = dict(BiLSTM(rows, downstream.HIDDEN, downstream.DROPOUT).named_parameters())
    moved = {name for name, value in model.encoder.named_parameters() if not torch.equal(value, untrained[name])}
    assert moved == set(untrained) - {"embedding.weight"}


def test_the_score_does_not_change_with_place_and_scale_of_the_table(sentiment: Dataset, table: EmbeddingTable) -> None:
    rows = downstream.standardised(table.vectors)
    moved = table.vectors * 1000 + 17
    np.testing.assert_allclose(downstream.standardised(moved)[1:], rows[1:], atol=1e-4)
    assert not rows[0].any()
    np.testing.assert_allclose(rows[2:].mean(0), 0, atol=1e-6)
    assert np.square(rows[2:]).mean() == pytest.approx(1)


def test_the_same_seed_gives_the_same_bits(sentiment: Dataset, table: EmbeddingTable) -> None:
    train, validation, _ = downstream.as_tasks(sentiment, table, seed=0)
    first, second, other = (
        downstream.train_on_frozen(table.vectors, train, validation, seed, epochs=1).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_training_and_validation_are_cut_to_a_sample_that_the_seed_sets(
    sentiment: Dataset, table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downstream, "VALIDATION", 5)
    train, validation, test = downstream.as_tasks(sentiment, table, seed=0, sentences=7)
    assert [len(task) for task in (train, validation, test)] == [7, 5, 80]

    def words(seed: int) -> list[list[int]]:
        return sentences_of(downstream.as_tasks(sentiment, table, seed, sentences=7)[0])

    assert words(0) == words(0) != words(1)


def test_words_are_lower_cased_and_unknown_ones_are_row_1(entities: SequenceData, table: EmbeddingTable) -> None:
    smaller = EmbeddingTable.of(["ada"], np.ones((1, 3)), "one word")
    task = downstream.as_tasks(entities, smaller, seed=0)[2]
    assert sentences_of(task)[:3] == [[2, 2, 1, 1], [1], [1, 1]]
    assert tags_of(task)[:3] == [["B-PER", "I-PER", "O", "B-LOC"], ["O"], ["B-LOC", "O"]]


def test_spans_are_scored_whole_and_other_tags_one_by_one(entities: SequenceData) -> None:
    targets, early = np.array([2, 3, 0, 1]), np.array([2, 0, 0, 1])  # the first span ends too early
    found = Evaluation(0.0, targets, early, np.array([4]))
    assert downstream.score(found, entities) == {"f1": pytest.approx(1 / 2)}
    assert downstream.score(found, replace(entities, is_span=False)) == {"accuracy": 3 / 4}


def test_an_unknown_task_is_refused_with_the_known_ones(table: EmbeddingTable) -> None:
    with pytest.raises(ValueError, match="unknown task 'ner'; known: imdb, sentence_polarity, ud-ewt, treebank, uner"):
        evaluate_table(table, None, "ner", seed=0)


@pytest.mark.parametrize("shape", [(7, 8), (9,)])
def test_vectors_that_do_not_fit_the_table_are_refused(table: EmbeddingTable, shape: tuple[int, ...]) -> None:
    for function in (lambda v: evaluate_table(table, v, "imdb", 0), lambda v: intrinsic(table, v)):
        with pytest.raises(ValueError, match=r"vectors must be \(9, d\), one row a word of the table; got"):
            function(np.zeros(shape))


@pytest.mark.usefixtures("sentiment")
@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_vectors_that_say_nothing_are_refused(table: EmbeddingTable, value: float) -> None:
    with pytest.raises(ValueError, match="all alike or not finite"):
        evaluate_table(table, np.full(table.vectors.shape, value), "imdb", 0)


# --- sentences of film reviews


def test_sentence_polarity_is_split_without_repetition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "nltk_data" / "corpora" / "sentence_polarity.zip"
    archive.parent.mkdir(parents=True)
    with ZipFile(archive, "w") as packed:
        packed.writestr("sentence_polarity/", "")
        for kind in ("neg", "pos"):
            lines = [f"{kind} film {i} .\n" for i in range(5331)]
            packed.writestr(f"sentence_polarity/rt-polarity.{kind}", "".join(lines))
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))
    monkeypatch.setattr(nltk.data, "path", [])
    data = downstream.load("sentence_polarity")
    parts = [{tuple(text) for text in part.texts} for part in (data.train, data.validation, data.test)]
    assert [len(part) for part in parts] == [8530, 1066, 1066]
    assert len(set.union(*parts)) == 10662
    for part in (data.train, data.validation, data.test):
        assert [data.classes[label][:3] for label in part.labels] == [text[0] for text in part.texts]
    downstream.load.cache_clear()
    assert downstream.load("sentence_polarity").test.texts == data.test.texts


@pytest.mark.usefixtures("home")
def test_missing_sentence_polarity_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(MissingData, match=r"run `mt2st data fetch sentence_polarity`"):
        downstream.load("sentence_polarity")


# --- the table by itself


@pytest.fixture
def family() -> EmbeddingTable:
    return EmbeddingTable.of(FAMILY, np.random.default_rng(0).normal(size=(len(FAMILY), 5)), "random")


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Lay out 13 similarity sets: one of five pairs known to `family`, one of a single one, and some without."""
    content = dict.fromkeys(lexicons.WORD_SIMILARITIES, "cat\tdog\t3\nboy\tcat\t1\n")
    content["EN-MEN-TR-3k"] = "boy girl 40\nHe she 50\ncalm happy 20\nboy calmly 1.5\nsister he 3\ncat dog 9\n"
    content["EN-MC-30"] = "boy girl 4\ncat girl 1\n"
    content["EN-RG-65"] = "boy girl 2\ncalm he 2\n"
    files = {name: tmp_path / f"{name}.txt" for name in content}
    for name, text in content.items():
        files[name].write_text(text)
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))
    return files


def as_gensim(table: EmbeddingTable, vectors: np.ndarray) -> KeyedVectors:
    result = KeyedVectors(vectors.shape[1])
    result.add_vectors(list(table.words[2:]), vectors[2:])
    return result


@pytest.fixture
def scored(sets: dict[str, Path]) -> Callable[[EmbeddingTable, np.ndarray], pd.DataFrame]:
    return lambda table, vectors: intrinsic(table, vectors).set_index("set")


def test_word_similarities_equal_scipys_and_gensims(
    family: EmbeddingTable, sets: dict[str, Path], scored: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    vectors = np.random.default_rng(1).normal(size=family.vectors.shape).astype(np.float32)
    row = scored(family, vectors).loc["EN-MEN-TR-3k"]
    pairs = [line.lower().split() for line in sets["EN-MEN-TR-3k"].read_text().splitlines()[:5]]
    cosines = []
    for a, b, _ in pairs:
        first, second = (vectors[family.index[word]] for word in (a, b))
        cosines.append(first @ second / np.linalg.norm(first) / np.linalg.norm(second))
    assert row["score"] == pytest.approx(stats.spearmanr(cosines, [float(p[2]) for p in pairs]).statistic)
    tabbed = tmp_path / "tabbed"
    tabbed.write_text(sets["EN-MEN-TR-3k"].read_text().replace(" ", "\t"))
    _, spearman, unknown = as_gensim(family, vectors).evaluate_word_pairs(str(tabbed))
    assert row["score"] == pytest.approx(spearman[0])
    assert 100 * (1 - row["covered"] / row["total"]) == pytest.approx(unknown)
    assert row[["measure", "covered", "total"]].tolist() == ["spearman", 5, 6]


def test_a_correlation_that_is_not_defined_is_nan(family: EmbeddingTable, scored: Callable[..., pd.DataFrame]) -> None:
    frame = scored(family, None)
    assert frame.loc[["EN-MC-30", "EN-RG-65", "EN-YP-130"], "covered"].tolist() == [1, 2, 0]
    assert frame.loc[["EN-MC-30", "EN-RG-65", "EN-YP-130"], "score"].isna().all()
    assert len(frame) == 3 + 13


def test_analogies_equal_gensims(family: EmbeddingTable, scored: Callable[..., pd.DataFrame]) -> None:
    vectors = family.vectors.copy()
    for i in range(2, len(vectors), 2):  # pairs differ alike, so that some questions get the right answer
        vectors[i + 1] = vectors[i] + 0.5 + vectors[i + 1]
    frame = scored(family, vectors)
    total, sections = as_gensim(family, vectors).evaluate_word_analogies(datapath("questions-words.txt"))
    right = {kind: [0, 0] for kind in ("semantic", "syntactic")}
    for section in sections[:-1]:
        tally = right["syntactic" if section["section"].startswith("gram") else "semantic"]
        tally[0] += len(section["correct"])
        tally[1] += len(section["correct"]) + len(section["incorrect"])
    assert 0 < total < 1
    assert frame.loc["analogies, total", "score"] == pytest.approx(total)
    for kind, (correct, covered) in right.items():
        assert frame.loc[f"analogies, {kind}", "covered"] == covered > 0
        assert frame.loc[f"analogies, {kind}", "score"] == pytest.approx(correct / covered)
    assert frame.loc["analogies, total", "measure"] == "accuracy"


def test_padding_and_unknown_words_are_no_answers(scored: Callable[..., pd.DataFrame]) -> None:
    # The only word left to answer with is on the far side: padding, whose cosine is 0, would be nearer.
    table = EmbeddingTable.of(["boy", "girl", "brother", "sister"], np.array([[1.0], [1.0], [1.0], [-1.0]]), "far")
    assert scored(table, None).loc["analogies, semantic", "score"] == 1


def test_a_table_without_any_analogy_has_no_accuracy(
    table: EmbeddingTable, scored: Callable[..., pd.DataFrame]
) -> None:
    rows = scored(table, None).iloc[:3]
    assert rows["covered"].tolist() == [0, 0, 0]
    assert rows["score"].isna().all()
    assert rows["total"].tolist() == [8869, 10675, 19544]


def test_the_totals_are_those_of_the_file() -> None:
    words = Path(datapath("questions-words.txt")).read_text(encoding="utf-8").lower().split()
    everything = sorted(set(words))
    questions = lexicons.analogies(EmbeddingTable.of(everything, np.zeros((len(everything), 1)), "all"))
    semantic = int(torch.count_nonzero(questions.values))
    counted = {"semantic": semantic, "syntactic": questions.total - semantic, "total": questions.total}
    assert counted == downstream.QUESTIONS
