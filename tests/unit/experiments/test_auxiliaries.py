import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mt2st import losses
from mt2st.data import lexicons
from mt2st.data.dataset import Background, Dataset, Examples
from mt2st.data.files.errors import MissingData
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import auxiliaries
from mt2st.experiments.released_terms import ReleasedTerm, analogy_term, similarity_term
from mt2st.models import Encoder, Model
from mt2st.tasks import LanguageModelTask, NoiseTask, TableTask, TokenTask

WORDS = (
    *("athens", "greece", "baghdad", "iraq", "amazing", "amazingly", "apparent", "apparently"),
    *("tiger", "cat", "king", "cabbage", "smart", "intelligent", "old", "new", "the"),
)
SENTENCES = [
    ["The", "king", "of", "GREECE", ",", "old", "King"],
    ["the", "iPhone", "of", "the", "tiger"],
    ["Smart", "cat", "the", "the"],
]
LINKS = [np.array([0, 1, 0, 1, 0, 0, 1]), np.array([0, 1, 0, 0, 0]), np.array([0, 1, 0, 0])]


def _table() -> EmbeddingTable:
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 6)).astype(np.float32)
    return EmbeddingTable.of(WORDS, vectors, "test")


def _dataset(marked_up: bool = True) -> Dataset:
    nothing = Examples([], np.array([], dtype=np.int64))
    tags = {"hyperlink": LINKS, "emphasis": [1 - link for link in LINKS]} if marked_up else {}
    classes = {"hyperlink": ("plain", "link"), "emphasis": ("plain", "emphasis")} if marked_up else {}
    return Dataset("small", ("a", "b"), nothing, nothing, nothing, Background(SENTENCES, tags, classes))


@pytest.fixture
def wordsim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a mirror with small similarity sets, each of three pairs in the vocabulary and one that is not."""
    (tmp_path / "wordsim").mkdir()
    pairs = "tiger\tcat\t7\nking\tcabbage\t{}\nold\tnew\t2\nold\tunheard\t9\n"
    for k, name in enumerate(lexicons.WORD_SIMILARITIES):
        (tmp_path / "wordsim" / f"{name}.txt").write_text(pairs.format(k))
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))


def _model(name: str) -> tuple[Model, auxiliaries.Task]:
    task = auxiliaries.build(name, _dataset(), _table())
    torch.manual_seed(0)
    encoder = Encoder(torch.from_numpy(_table().vectors), hidden=16)
    head = task.head(encoder)
    return Model(encoder, {} if head is None else {name: head}), task


def _table_columns(name: str) -> tuple[Tensor, ...]:
    task = auxiliaries.build(name, _dataset(), _table())
    assert isinstance(task, TableTask)
    return task.columns


def _in_words(rows: Tensor) -> set[tuple[str, ...]]:
    return {tuple(_table().words[i] for i in row) for row in rows.tolist()}


SEMANTIC = {("athens", "greece", "baghdad", "iraq"), ("baghdad", "iraq", "athens", "greece")}
SYNTACTIC = {
    ("amazing", "amazingly", "apparent", "apparently"),
    ("apparent", "apparently", "amazing", "amazingly"),
}


@pytest.mark.parametrize("name", ["update0", "update1", "update2"])
def test_analogy_tasks_have_the_questions_in_the_vocabulary(name: str) -> None:
    questions = _table_columns(name)[0]
    assert _in_words(questions) == SEMANTIC | SYNTACTIC


def test_update2_knows_which_questions_are_semantic() -> None:
    questions, is_semantic = _table_columns("update2")
    assert is_semantic.dtype == torch.bool
    assert _in_words(questions[is_semantic]) == SEMANTIC
    assert _in_words(questions[~is_semantic]) == SYNTACTIC


def test_update3_has_correlated_words() -> None:
    # 7.35, 9.2 and 1.58, 0.23 of 10
    assert _in_words(_table_columns("update3")[0]) == {("tiger", "cat"), ("smart", "intelligent")}


def test_similarity_has_wordsims_pairs_and_scores() -> None:
    pairs, scores = _table_columns("similarity")
    words = [tuple(_table().words[i] for i in row) for row in pairs.tolist()]
    found = dict(zip(words, scores.tolist(), strict=True))
    assert found == pytest.approx({("tiger", "cat"): 7.35, ("tiger", "tiger"): 10.0, ("king", "cabbage"): 0.23})


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("update0", losses.analogy_loss),
        ("update1", losses.misalignment_loss),
        ("update2", losses.analogy_accuracy_loss),
        ("update3", losses.element_spearman_loss),
        ("similarity", losses.spearman_loss),
    ],
)
def test_table_tasks_have_their_loss(name: str, function: Callable[..., Tensor]) -> None:
    model, task = _model(name)
    batch = next(task.batches(64, None))
    torch.testing.assert_close(task.loss(model, batch), function(model.encoder.table, *batch))


@pytest.mark.parametrize("name", [name for name in auxiliaries.BUILDERS if not name.startswith("released-")])
def test_every_task_is_finite_and_trains_the_table(name: str) -> None:
    model, task = _model(name)
    assert task.name == name
    loss = task.loss(model, next(task.batches(64, None)))
    loss.backward()
    assert loss.isfinite()
    gradient = model.encoder.table.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0
    assert (gradient[0] == 0).all()


def test_the_papers_updates_are_known_and_each_has_its_controls() -> None:
    assert auxiliaries.UPDATES == ("update0", "update1", "update2", "update3")
    controls = {f"update{k}-{control}" for k in range(4) for control in ("shuffled", "noise")}
    assert set(auxiliaries.UPDATES) | controls < set(auxiliaries.BUILDERS)


@pytest.mark.parametrize("name", auxiliaries.UPDATES)
def test_shuffled_rows_have_the_last_words_of_one_another(name: str) -> None:
    real, shuffled = (auxiliaries.build(n, _dataset(), _table()) for n in (name, f"{name}-shuffled"))
    assert isinstance(real, TableTask)
    assert isinstance(shuffled, TableTask)
    rows, moved = real.columns[0], shuffled.columns[0]
    assert torch.equal(rows[:, :-1], moved[:, :-1])
    assert sorted(rows[:, -1].tolist()) == sorted(moved[:, -1].tolist())
    assert shuffled.function is real.function
    for values, kept in zip(real.columns[1:], shuffled.columns[1:], strict=True):
        assert torch.equal(values, kept)
    again = auxiliaries.build(f"{name}-shuffled", _dataset(), _table())
    assert isinstance(again, TableTask)
    assert torch.equal(again.columns[0], moved)


def test_of_all_questions_shuffling_leaves_next_to_none_true() -> None:
    words = sorted({word for section in lexicons._analogy_sections().values() for row in section for word in row})
    table = EmbeddingTable.of(words, np.ones((len(words), 2), dtype=np.float32), "all")
    real, shuffled = (auxiliaries.build(name, _dataset(), table) for name in ("update0", "update0-shuffled"))
    assert isinstance(real, TableTask)
    assert isinstance(shuffled, TableTask)
    right = real.columns[0][:, -1] == shuffled.columns[0][:, -1]
    assert len(right) == 19544
    assert right.double().mean() < 0.01  # the most frequent last words are those of 3% of the questions


@pytest.mark.parametrize("name", auxiliaries.UPDATES)
def test_noise_stands_in_for_the_loss_on_the_same_rows(name: str) -> None:
    model, noise = _model(f"{name}-noise")
    real = auxiliaries.build(name, _dataset(), _table())
    assert isinstance(noise, NoiseTask)
    assert isinstance(real, TableTask)
    assert all(torch.equal(a, b) for a, b in zip(noise.columns, real.columns, strict=True))
    *columns, seed = next(noise.batches(64, None))
    value = real.loss(model, tuple(columns))
    (expected,) = torch.autograd.grad(value, model.encoder.table)
    loss = noise.loss(model, (*columns, seed))
    (gradient,) = torch.autograd.grad(loss, model.encoder.table)
    assert loss.item() == value.item()
    assert gradient.norm().item() == pytest.approx(expected.norm().item(), rel=1e-5)
    assert not torch.allclose(gradient, expected)


@pytest.mark.usefixtures("wordsim")
def test_the_released_similarity_term_is_that_of_the_13_sets() -> None:
    model, task = _model("released-similarity")
    sets = list(lexicons.word_similarities(_table()).values())
    assert [pairs.coverage for pairs in sets] == [0.75] * 13
    assert task.loss(model, ()).item() == similarity_term(model.encoder.table.detach(), sets).item() != 0


@pytest.mark.usefixtures("wordsim")
@pytest.mark.parametrize("name", ["released-analogy", "released-similarity"])
def test_released_terms_have_a_value_one_batch_and_no_gradient(name: str) -> None:
    model, task = _model(name)
    assert isinstance(task, ReleasedTerm)
    assert task.name == name
    (batch,) = task.batches(64, torch.Generator())
    loss = task.loss(model, batch)
    assert loss.shape == ()
    assert loss.isfinite()
    assert not loss.requires_grad


def test_the_released_analogy_term_is_that_of_the_sections_in_their_order() -> None:
    model, task = _model("released-analogy")
    questions = _table_columns("update0")[0]  # of common capitals, capitals of the world, and adverbs
    sections = [questions[:2], questions[2:3], questions[3:]]
    assert [_in_words(section) for section in sections] == [SEMANTIC, SEMANTIC & _in_words(questions[:1]), SYNTACTIC]
    expected = analogy_term(model.encoder.table.detach(), sections)
    assert task.loss(model, ()).item() == expected.item()
    assert expected.item() != pytest.approx(analogy_term(model.encoder.table.detach(), sections[::-1]).item())


def test_the_released_similarity_term_needs_its_sets(home: Path) -> None:
    with pytest.raises(MissingData, match="run `mt2st data fetch wordsim`"):
        auxiliaries.build("released-similarity", _dataset(), _table())


def test_text_tasks_read_lower_cased_background() -> None:
    row = {word: i + 2 for i, word in enumerate(WORDS)}
    expected = [
        [row["the"], row["king"], 1, row["greece"], 1, row["old"], row["king"]],
        [row["the"], 1, 1, row["the"], row["tiger"]],
        [row["smart"], row["cat"], row["the"], row["the"]],
    ]
    for name in ("hyperlink", "casing", "frequency", "language-model"):
        task = auxiliaries.build(name, _dataset(), _table())
        assert isinstance(task, TokenTask | LanguageModelTask)
        assert [sentence.tolist() for sentence in task.sentences] == expected


@pytest.mark.parametrize("name", ["hyperlink", "emphasis"])
def test_span_tasks_have_the_marked_words(name: str) -> None:
    task = auxiliaries.build(name, _dataset(), _table())
    assert isinstance(task, TokenTask)
    expected = LINKS if name == "hyperlink" else [1 - link for link in LINKS]
    assert [target.tolist() for target in task.targets] == [link.tolist() for link in expected]
    assert task.classes == ("plain", "link" if name == "hyperlink" else "emphasis")
    with pytest.raises(ValueError, match=f"'{name}' needs marked-up text, which this data set does not have"):
        auxiliaries.build(name, _dataset(marked_up=False), _table())


def test_casing_is_the_case_of_every_word() -> None:
    task = auxiliaries.build("casing", _dataset(), _table())
    assert isinstance(task, TokenTask)
    named = [[task.classes[i] for i in target] for target in task.targets]
    assert named[0] == ["Capitalised", "lower", "lower", "UPPER", "caseless", "lower", "Capitalised"]
    assert named[1] == ["lower", "miXed", "lower", "lower", "lower"]


@pytest.mark.parametrize(
    ("word", "case"),
    [
        *[("cat", "lower"), ("3rd", "lower"), ("é", "lower"), ("Paris", "Capitalised"), ("I", "Capitalised")],
        *[("Élan", "Capitalised"), ("NATO", "UPPER"), ("B2B", "UPPER"), ("iPhone", "miXed"), ("McDonald", "miXed")],
        *[("1984", "caseless"), ("...", "caseless"), ("", "caseless")],
    ],
)
def test_case_of(word: str, case: str) -> None:
    assert auxiliaries.CASES[auxiliaries.case_of(word)] == case


def test_frequency_bins_have_equal_width_in_log_frequency() -> None:
    counts = {2: 1, 3: 2, 4: 3, 5: 7, 6: 20, 7: 63, 8: 64}
    sentence = torch.cat([torch.full((n,), word) for word, n in counts.items()])
    bins = auxiliaries.frequency_bins([sentence[:50], sentence[50:]], vocabulary=10)
    # Width log(64) / 6 = log 2: a bin for each power of two, and the most frequent word in the last.
    expected = {word: min(5, int(math.log2(n + 1e-9))) for word, n in counts.items()}
    assert [bins[word].item() for word in counts] == [0, 1, 1, 2, 4, 5, 5] == list(expected.values())
    assert bins.shape == (10,)
    assert bins[[0, 1, 9]].tolist() == [0, 0, 0]  # words that do not occur


def test_frequency_task_predicts_the_bin_of_each_word() -> None:
    task = auxiliaries.build("frequency", _dataset(), _table())
    assert isinstance(task, TokenTask)
    # 16 words: "the" occurs 5 times, unknown words 4 times, "king" twice, all others once.
    bins = {5: 5, 4: int(6 * math.log(4) / math.log(5)), 2: int(6 * math.log(2) / math.log(5)), 1: 0}
    assert task.targets[0].tolist() == [bins[5], bins[2], bins[4], bins[1], bins[4], bins[1], bins[2]]
    assert len(task.classes) == 6


def test_language_model_has_the_whole_vocabulary() -> None:
    task = auxiliaries.build("language-model", _dataset(), _table())
    assert isinstance(task, LanguageModelTask)
    assert task.vocabulary == len(WORDS) + 2


def test_unknown_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown auxiliary task 'update4'; known: update0, update1"):
        auxiliaries.build("update4", _dataset(), _table())


def test_a_vocabulary_without_lexicon_words_is_refused() -> None:
    table = EmbeddingTable.of(["xyzzy", "plugh"], np.ones((2, 3), dtype=np.float32), "test")
    with pytest.raises(ValueError, match="'update0': 0 rows of its lexicon are in the vocabulary"):
        auxiliaries.build("update0", _dataset(), table)
