from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from experiments import made_up
from experiments.made_up import sentences_of, tags_of
from torch import Tensor

from mt2st import losses
from mt2st.data import lexicons, sources, translations
from mt2st.data.dataset import Background, Dataset, Examples
from mt2st.data.files.errors import MissingData
from mt2st.data.lexicons import Lexicon
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import auxiliaries, execution
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.released_terms import ReleasedTerm, analogy_term, similarity_term
from mt2st.experiments.runs import Configuration
from mt2st.experiments.strategies import UPDATES
from mt2st.losses import misalignment_loss
from mt2st.models import BiLSTM, Model
from mt2st.tasks import LanguageModelTask, NoiseTask, SkipGramTask, TableTask, Task, TokenTask

WORDS = (
    *("athens", "greece", "baghdad", "iraq", "amazing", "amazingly", "apparent", "apparently"),
    *("tiger", "cat", "king", "cabbage", "smart", "intelligent", "old", "new", "the"),
)
SENTENCES = [
    ["The", "king", "of", "GREECE", ",", "old", "King"],
    ["the", "iPhone", "of", "the", "tiger"],
    ["Smart", "cat", "the", "the"],
]
TAGS = {
    "hyperlink": [["O", "B-link", "O", "B-link", "I-link", "O", "O"], ["O"] * 5, ["B-link", "O", "O", "O"]],
    "emphasis": [["O"] * 7, ["B-emphasis", "I-emphasis", "O", "O", "O"], ["O"] * 4],
}


def _table() -> EmbeddingTable:
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 6)).astype(np.float32)
    return EmbeddingTable.of(WORDS, vectors, "test")


def _dataset(marked_up: bool = True) -> Dataset:
    nothing = Examples([], np.array([], dtype=np.int64))
    return Dataset("small", ("a", "b"), nothing, nothing, nothing, Background(SENTENCES, TAGS if marked_up else {}))


def _build(name: str, dataset: Dataset | None = None, table: EmbeddingTable | None = None) -> Task:
    return auxiliaries.build(name, dataset or _dataset(), table or _table(), Configuration())


@pytest.fixture
def wordsim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a mirror with small similarity sets, each of three pairs in the vocabulary and one that is not."""
    (tmp_path / "wordsim").mkdir()
    pairs = "tiger\tcat\t7\nking\tcabbage\t{}\nold\tnew\t2\nold\tunheard\t9\n"
    for k, name in enumerate(lexicons.WORD_SIMILARITIES):
        (tmp_path / "wordsim" / f"{name}.txt").write_text(pairs.format(k))
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))


def _model(name: str) -> tuple[Model, Task]:
    task = _build(name)
    torch.manual_seed(0)
    encoder = BiLSTM(torch.from_numpy(_table().vectors), hidden=16)
    head = task.head(encoder)
    return Model(encoder, {} if head is None else {name: head}), task


def _table_columns(name: str) -> tuple[Tensor, ...]:
    task = _build(name)
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
    torch.testing.assert_close(task.loss(model, batch), function(model.table, *batch))


@pytest.fixture
def bilingual(monkeypatch: pytest.MonkeyPatch) -> Lexicon:
    """Let some rows of the table translate others."""
    pairs = Lexicon(torch.tensor([[2, 3], [4, 5], [2, 6]]), torch.ones(3), 3)
    monkeypatch.setattr(translations, "lexicon", lambda table, held_out: pairs)
    return pairs


@pytest.mark.usefixtures("bilingual")
@pytest.mark.parametrize("name", [name for name in auxiliaries.AUXILIARIES if not name.startswith("released-")])
def test_every_task_is_finite_and_trains_the_table(name: str) -> None:
    model, task = _model(name)
    assert task.name == name
    for _ in range(2):  # skip-gram's contexts begin as 0: the first step moves them alone
        loss = task.loss(model, next(task.batches(64, None)))
        loss.backward()
        assert loss.isfinite()
        torch.optim.SGD(model.parameters(), lr=0.01).step()
    gradient = model.table.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0
    assert (gradient[0] == 0).all()


def test_the_papers_updates_have_their_controls_and_every_task_says_what_it_is() -> None:
    controls = {f"update{k}-{control}" for k in range(4) for control in ("shuffled", "noise")}
    assert set(UPDATES) | controls < set(auxiliaries.AUXILIARIES)
    assert {name: row.name for name, row in auxiliaries.AUXILIARIES.items() if row.about} == {
        name: name for name in auxiliaries.AUXILIARIES
    }


@pytest.mark.parametrize("name", UPDATES)
def test_shuffled_rows_have_the_last_words_of_one_another(name: str) -> None:
    real, shuffled = (_build(n) for n in (name, f"{name}-shuffled"))
    assert isinstance(real, TableTask)
    assert isinstance(shuffled, TableTask)
    rows, moved = real.columns[0], shuffled.columns[0]
    assert torch.equal(rows[:, :-1], moved[:, :-1])
    assert sorted(rows[:, -1].tolist()) == sorted(moved[:, -1].tolist())
    assert shuffled.function is real.function
    for values, kept in zip(real.columns[1:], shuffled.columns[1:], strict=True):
        assert torch.equal(values, kept)
    again = _build(f"{name}-shuffled")
    assert isinstance(again, TableTask)
    assert torch.equal(again.columns[0], moved)


def test_of_all_questions_shuffling_leaves_next_to_none_true() -> None:
    words = sorted({word for section in lexicons._analogy_sections().values() for row in section for word in row})
    table = EmbeddingTable.of(words, np.ones((len(words), 2), dtype=np.float32), "all")
    real, shuffled = (_build(name, table=table) for name in ("update0", "update0-shuffled"))
    assert isinstance(real, TableTask)
    assert isinstance(shuffled, TableTask)
    right = real.columns[0][:, -1] == shuffled.columns[0][:, -1]
    assert len(right) == 19544
    assert right.double().mean() < 0.01  # the most frequent last words are those of 3% of the questions


@pytest.mark.parametrize("name", UPDATES)
def test_noise_stands_in_for_the_loss_on_the_same_rows(name: str) -> None:
    model, noise = _model(f"{name}-noise")
    real = _build(name)
    assert isinstance(noise, NoiseTask)
    assert isinstance(real, TableTask)
    assert all(torch.equal(a, b) for a, b in zip(noise.columns, real.columns, strict=True))
    *columns, seed = next(noise.batches(64, None))
    value = real.loss(model, tuple(columns))
    (expected,) = torch.autograd.grad(value, model.table)
    loss = noise.loss(model, (*columns, seed))
    (gradient,) = torch.autograd.grad(loss, model.table)
    assert loss.item() == value.item()
    assert gradient.norm().item() == pytest.approx(expected.norm().item(), rel=1e-5)
    assert not torch.allclose(gradient, expected)


@pytest.mark.usefixtures("wordsim")
def test_the_released_similarity_term_is_that_of_the_13_sets() -> None:
    model, task = _model("released-similarity")
    sets = list(lexicons.word_similarities(_table()).values())
    assert [pairs.coverage for pairs in sets] == [0.75] * 13
    assert task.loss(model, ()).item() == similarity_term(model.table.detach(), sets).item() != 0


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
    expected = analogy_term(model.table.detach(), sections)
    assert task.loss(model, ()).item() == expected.item()
    assert expected.item() != pytest.approx(analogy_term(model.table.detach(), sections[::-1]).item())


def test_the_released_similarity_term_needs_its_sets(home: Path) -> None:
    with pytest.raises(MissingData, match="run `mt2st data fetch wordsim`"):
        _build("released-similarity")


# --- Tasks on text


def test_text_tasks_read_lower_cased_background() -> None:
    row = {word: i + 2 for i, word in enumerate(WORDS)}
    expected = [
        [row["the"], row["king"], 1, row["greece"], 1, row["old"], row["king"]],
        [row["the"], 1, 1, row["the"], row["tiger"]],
        [row["smart"], row["cat"], row["the"], row["the"]],
    ]
    for name in ("hyperlink", "casing", "frequency", "language-model"):
        task = _build(name)
        assert isinstance(task, TokenTask | LanguageModelTask)
        assert sentences_of(task) == expected


@pytest.mark.parametrize("name", ["hyperlink", "emphasis"])
def test_span_tasks_have_the_marks_of_the_text(name: str) -> None:
    task = _build(name)
    assert isinstance(task, TokenTask)
    assert tags_of(task) == TAGS[name]
    with pytest.raises(ValueError, match=f"'{name}' needs marked-up text"):
        _build(name, _dataset(marked_up=False))


def test_casing_is_the_case_of_every_word() -> None:
    task = _build("casing")
    assert isinstance(task, TokenTask)
    assert tags_of(task)[0] == ["Capitalised", "lower", "lower", "UPPER", "none", "lower", "Capitalised"]
    assert tags_of(task)[1] == ["lower", "mixed", "lower", "lower", "lower"]


def test_frequency_is_that_of_each_word_in_the_background_as_it_is_written() -> None:
    task = _build("frequency")
    assert isinstance(task, TokenTask)
    # "the" occurs 4 times and "of" twice: ln 4 = 1.4, ln 2 = 0.7.
    assert tags_of(task)[1] == ["01", "00", "00", "01", "00"]
    assert task.classes == ("00", "01")


def test_language_model_has_the_whole_vocabulary() -> None:
    task = _build("language-model")
    assert isinstance(task, LanguageModelTask)
    assert task.vocabulary == len(WORDS) + 2


# --- Tagged corpora


@pytest.fixture
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SequenceData]:
    """Register a made-up corpus."""
    data = made_up.corpus("colours", tmp_path / "colours.conll")
    made_up.register(monkeypatch.setitem, data)
    yield data
    sources.load_tags.cache_clear()


def test_a_tagged_corpus_is_a_task_by_its_name_on_its_own_training_text(colours: SequenceData) -> None:
    table = EmbeddingTable.of(made_up.WORDS, np.ones((7, 2), dtype=np.float32), "all")
    task = auxiliaries.build("colours", _dataset(), table, Configuration(max_tokens=3))
    assert isinstance(task, TokenTask)
    assert tags_of(task) == [tags[:3] for tags in colours.train.tags]
    assert sentences_of(task) == [[table.index[word] for word in words[:3]] for words in colours.train.sentences]
    assert {*auxiliaries.AUXILIARIES, "colours", "ud-ewt", "wiki-next"} <= set(auxiliaries.names())
    assert not {"wiki", "wordsim", "bingel2017"} & set(auxiliaries.names())


def test_a_tagged_corpus_is_answered_by_the_primary_tasks_head_where_its_tags_are_the_same(
    colours: SequenceData,
) -> None:
    table = EmbeddingTable.of(made_up.WORDS, np.ones((7, 2), dtype=np.float32), "all")
    primary = replace(colours, name="shades", untagged=colours.train.sentences[:4])
    more, taught = (
        auxiliaries.build(name, primary, table, Configuration()) for name in ("colours-pooled", "pseudo-tags-pooled")
    )
    assert isinstance(more, TokenTask) and isinstance(taught, TokenTask)
    assert [(task.name, task.answered_as) for task in (more, taught)] == [
        ("colours-pooled", "shades"),
        ("pseudo-tags-pooled", "shades"),
    ]
    assert (tags_of(more), len(taught)) == ([*map(list, colours.train.tags)], 4)
    own = auxiliaries.build("pseudo-tags", primary, table, Configuration())
    assert isinstance(own, TokenTask) and not own.answered_as
    other = replace(primary, classes=("O", "B-X"))
    with pytest.raises(ValueError, match=r"'colours-pooled' has classes .*, the primary task \('O', 'B-X'\)"):
        auxiliaries.build("colours-pooled", other, table, Configuration())


def test_background_text_of_a_tagged_corpus_is_what_it_trains_on_and_what_has_no_tags(colours: SequenceData) -> None:
    table = EmbeddingTable.of(made_up.WORDS, np.ones((7, 2), dtype=np.float32), "all")
    corpus = replace(colours, untagged=[["red", "one"]])
    task = auxiliaries.build("casing", corpus, table, Configuration())
    assert isinstance(task, TokenTask)
    text = [*colours.train.sentences, ["red", "one"]]
    assert sentences_of(task) == [table.encode(sentence).tolist() for sentence in text]
    assert isinstance(auxiliaries.build("skip-gram", corpus, table, Configuration()), SkipGramTask)
    with pytest.raises(ValueError, match="'hyperlink' needs marked-up text"):
        auxiliaries.build("hyperlink", corpus, table, Configuration())


def test_translations_are_update_1_on_a_bilingual_lexicon(bilingual: Lexicon) -> None:
    table = _table()
    task = auxiliaries.build("translations", _dataset(), table, Configuration())
    assert isinstance(task, TableTask)
    vectors = torch.from_numpy(table.vectors)
    expected = misalignment_loss(vectors, bilingual.rows, target_table=vectors)
    torch.testing.assert_close(task.function(vectors, *task.columns), expected)


# --- Faults


def test_unknown_tasks_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'update4'; known: update0, update1, .*language-model, .*ud-ewt, "):
        _build("update4")


def test_a_vocabulary_without_lexicon_words_is_refused() -> None:
    table = EmbeddingTable.of(["xyzzy", "plugh"], np.ones((2, 3), dtype=np.float32), "test")
    with pytest.raises(ValueError, match="'update0': 0 rows of its lexicon"):
        _build("update0", table=table)


# --- Real text


@pytest.fixture(scope="module")
def real() -> tuple[Dataset, EmbeddingTable]:
    """Return the data of the small profile, with its vectors."""
    data, table = execution.prepare(execution.data_of(PROFILES["smoke"].configuration), "CBOW", "", 0)
    assert isinstance(data, Dataset)
    return data, table


@pytest.mark.usefixtures("wordsim", "bilingual")
@pytest.mark.parametrize("name", auxiliaries.AUXILIARIES)
def test_every_task_is_built_on_real_text(name: str, real: tuple[Dataset, EmbeddingTable]) -> None:
    data, table = real
    torch.manual_seed(0)
    encoder = BiLSTM(torch.from_numpy(table.vectors), hidden=4)
    task = auxiliaries.build(name, data, table, Configuration())
    head = task.head(encoder)
    loss = task.loss(Model(encoder, {} if head is None else {name: head}), next(task.batches(8, None)))
    assert task.name == name
    assert loss.isfinite()
