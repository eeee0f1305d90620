import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

from mt2st.data.lexicons import Lexicon
from mt2st.data.texts import imdb
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import released
from mt2st.experiments.released import SWITCH_TERMS, TERMS
from mt2st.experiments.released_terms import ANALOGY, SIMILARITY, ReleasedTerm, analogy_term, similarity_term
from mt2st.experiments.runs import Configuration
from mt2st.history import History
from mt2st.models import BiLSTM, Model
from mt2st.schedules import SINGLE_TASK, Constant, Schedule, Squared, Switch
from mt2st.tasks import SentenceTask, Task
from mt2st.training import fit

SIZES = [3 + i % 140 for i in range(1000)]  # words a review; some have none, some more than are read
HERE = Configuration(data="imdb", hidden=32, dropout=0.3, weight_decay=0.1)


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Make up the sample of 1,000 reviews: the first word names the review, and one review is empty."""
    tokens = [[f"review{i}", *["word"] * (size - 1)] for i, size in enumerate(SIZES)]
    tokens[7] = []
    frame = pd.DataFrame({"tokens": tokens, "label": np.arange(1000) % 2})
    prepare = imdb.Preprocessing(frozenset(), None, (tmp_path / "stopwords.zip",))
    monkeypatch.setattr(imdb, "sample", lambda: frame)
    monkeypatch.setattr(imdb, "locate", lambda: tmp_path / "IMDB Dataset.csv")
    monkeypatch.setattr(imdb, "preprocessing", lambda: prepare)
    return frame


# --- Data


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize("seed", [0, 3])
def test_reviews_are_split_as_by_train_test_split_of_seed_42_and_on(seed: int) -> None:
    dataset = released.load("imdb", seed, 750, 250)
    train, test = train_test_split(np.arange(1000), test_size=0.25, random_state=42 + seed)  # as in the released code
    for part, rows in [(dataset.train, train), (dataset.test, test)]:
        assert [text[0] for text in part.texts] == [f"review{i}" if i != 7 else "[PAD]" for i in rows]
        assert part.labels.tolist() == [i % 2 for i in rows]
    assert len(dataset.validation) == 0


def test_disjoint_samples_are_all_split_as_the_released_code_splits_its_own(
    sample: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(imdb, "disjoint_sample", lambda number: asked.append(number) or sample)
    datasets = [released.load("imdb-disjoint", seed, 750, 250) for seed in (0, 3)]
    assert asked == [0, 3]
    first = released.load("imdb", 0, 750, 250)
    for dataset in datasets:
        assert dataset.train.texts == first.train.texts
        assert dataset.test.labels.tolist() == first.test.labels.tolist()
    with pytest.raises(ValueError, match="for the data sets imdb and imdb-disjoint, got 'wiki'"):
        released.load("wiki", 0, 750, 250)


def test_reviews_are_filled_up_to_100_tokens_with_a_word_that_is_read(sample: pd.DataFrame) -> None:
    dataset = released.load("imdb", 0, 750, 250)
    rows = train_test_split(np.arange(1000), test_size=0.25, random_state=42)[0]
    for text, i in zip(dataset.train.texts, rows, strict=True):
        own = sample["tokens"][i][:100]
        assert list(text) == own + ["[PAD]"] * (100 - len(own))


@pytest.mark.usefixtures("sample")
def test_vectors_are_trained_on_all_reviews_those_of_the_test_included() -> None:
    tokens = released.load("imdb", 0, 750, 250).background.tokens
    assert {text[0] for text in tokens if text[0] != "word"} == {f"review{i}" for i in range(1000) if i != 7}
    assert sum(map(len, tokens)) == sum(SIZES) - SIZES[7]
    assert max(map(len, tokens)) == 100
    assert not any("[PAD]" in text for text in tokens)


@pytest.mark.usefixtures("sample")
def test_the_data_set_names_the_files_it_was_read_from() -> None:
    assert [file.name for file in released.load("imdb", 0, 750, 250).files] == ["IMDB Dataset.csv", "stopwords.zip"]


def test_words_without_a_vector_get_rows_of_zeros_in_alphabetical_order(toy_table: EmbeddingTable) -> None:
    table = released.with_every_word(toy_table, {"film", "zebra", "[PAD]", "ant", "good"})
    assert table.words == (*toy_table.words, "[PAD]", "ant", "zebra")
    assert np.array_equal(table.vectors[:6], toy_table.vectors)
    assert table.vectors[6:].tolist() == [[0, 0]] * 3
    assert table.vectors.dtype == np.float32
    assert table.encode(["zebra", "film", "[PAD]", "unheard"]).tolist() == [8, 2, 6, 1]
    assert (table.source, table.files) == (toy_table.source, toy_table.files)
    assert toy_table.words[-1] == "day"  # the one given is as it was


def test_a_table_that_has_every_word_stays_as_it_is(toy_table: EmbeddingTable) -> None:
    table = released.with_every_word(toy_table, {"film", "good"})
    assert table.words == toy_table.words
    assert table.checksum == toy_table.checksum


# --- Terms


def test_terms_are_those_of_the_released_code() -> None:
    assert TERMS == {
        "update0": {},
        "update1": {"released-similarity": 33.0},
        "update2": {"released-analogy": 0.1024},
        "update3": {"released-analogy": 10.24, "released-similarity": 3.3},
    }
    assert SWITCH_TERMS == {"released-analogy": 10.24}


def test_cells_are_the_12_update_cells_with_their_terms_and_weights() -> None:
    cells = released.cells(HERE, "CBOW", seed=4)
    analogy, similarity, both = ("released-analogy",), ("released-similarity",), (ANALOGY, SIMILARITY)
    expected: dict[tuple[str, str], tuple[tuple[str, ...], Schedule]] = {
        ("mtl", "update0"): ((), SINGLE_TASK),
        ("mtl", "update1"): (similarity, Constant(33.0)),
        ("mtl", "update2"): (analogy, Constant(0.1024)),
        ("mtl", "update3"): (both, Constant([10.24, 3.3])),
        ("diminish", "update0"): ((), SINGLE_TASK),
        ("diminish", "update1"): (similarity, Squared(0.95, 33.0)),
        ("diminish", "update2"): (analogy, Squared(0.95, 0.1024)),
        ("diminish", "update3"): (both, Squared([0.95, 1.0], [10.24, 3.3])),
    } | {("switch", f"update{k}"): (analogy, Switch(15, 10.24)) for k in range(4)}
    assert {place: (run.auxiliaries, run.schedule) for place, run in cells.items()} == expected
    assert {(run.embedding, run.vectors, run.seed) for run in cells.values()} == {("CBOW", "", 4)}
    assert all(run.strategy == strategy for (strategy, _), run in cells.items())


def test_cells_have_the_conditions_of_update() -> None:
    (update,) = released.plan(HERE, "CBOW", "", 1, [released.UPDATE])
    assert {run.configuration for run in released.cells(HERE, "CBOW", seed=0).values()} == {update.configuration}


# --- Steps


def test_the_conditions_are_those_of_the_released_code() -> None:
    conditions = released.conditions(HERE)
    assert conditions == Configuration(
        data="imdb",
        train=750,
        validation=0,
        test=250,
        hidden=32,  # the caller's
        dropout=0.0,
        weight_decay=0.0,
        epsilon=0.0,  # a term of any weight is computed
        protocol="released",
    )
    assert conditions.epochs == 25


def test_original_and_update_take_all_reviews_as_one_batch() -> None:
    original, update = released.plan(HERE, "SkipGram", "", 1, [released.ORIGINAL, released.UPDATE])
    assert (original.configuration.trainable, original.configuration.learning_rate) == (False, 0.05)
    assert (update.configuration.trainable, update.configuration.learning_rate) == (True, 0.001)
    assert original.configuration.batch_size == update.configuration.batch_size == 750
    for run in (original, update):
        assert (run.strategy, run.auxiliaries, run.schedule) == ("single", (), SINGLE_TASK)


def test_each_step_of_the_walk_changes_one_thing() -> None:
    def parts(step: released.Step) -> tuple[object, ...]:
        return step.trainable, step.learning_rate, step.batch_size, step.auxiliaries

    walk = [parts(step) for step in released.STEPS]
    changes = [[a != b for a, b in zip(one, other, strict=True)] for one, other in itertools.pairwise(walk)]
    assert changes == [
        [True, False, False, False],
        [False, True, False, False],
        [False, False, True, False],
        [False, False, False, True],
    ]
    assert released.STEPS[0] is released.ORIGINAL
    assert released.STEPS[2] is released.UPDATE
    last = released.GRADIENT.run(HERE, "CBOW", "", 0)
    assert (last.strategy, last.schedule) == ("mtl", Constant(1.0))
    assert last.auxiliaries == ("update0", "update1", "update2", "update3")


def test_steps_are_planned_seed_by_seed() -> None:
    planned = released.plan(HERE, "GloveTwitter", "glove.txt", 2, released.STEPS)
    assert [run.seed for run in planned] == [0] * 5 + [1] * 5
    assert {(run.embedding, run.vectors) for run in planned} == {("GloveTwitter", "glove.txt")}
    assert len({run.hash for run in planned}) == 10


# --- The terms train nothing

QUESTIONS = torch.tensor([[2, 3, 4, 5], [6, 7, 8, 9], [3, 5, 7, 9]])
PAIRS = Lexicon(torch.tensor([[2, 3], [4, 6], [7, 9], [5, 8]]), torch.tensor([1.0, 4.0, 2.0, 9.0]), 4)
VALUES = {
    ANALOGY: lambda table: analogy_term(table, [QUESTIONS]),
    SIMILARITY: lambda table: similarity_term(table, [PAIRS]),
}


def _task() -> SentenceTask:
    generator = torch.Generator().manual_seed(0)
    sentences = [torch.randint(2, 12, (5,), generator=generator) for _ in range(12)]
    return SentenceTask("sentiment", sentences, torch.arange(12) % 2, ["negative", "positive"])


def _model() -> Model:
    torch.manual_seed(1)
    encoder = BiLSTM(torch.randn(12, 4), hidden=4)
    head = _task().head(encoder)
    assert head is not None
    return Model(encoder, {"sentiment": head})


def _trained(names: Sequence[str], schedule: Schedule) -> tuple[Model, Tensor, History]:
    """Train three epochs of one batch; return the model, the table's last gradient and the history."""
    model = _model()
    terms: list[Task] = [ReleasedTerm(name, VALUES[name]) for name in names]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0, fused=True)
    history = fit(
        model,
        _task(),
        terms,
        schedule,
        optimizer=optimizer,
        epochs=3,
        batch_size=750,
        epsilon=0.0,
    )
    gradient = model.table.grad
    assert gradient is not None
    return model, gradient, history


@pytest.mark.parametrize("strategy", ["mtl", "diminish", "switch"])
@pytest.mark.parametrize("setting", ["update0", "update1", "update2", "update3"])
def test_a_cell_trains_as_without_its_terms_whatever_its_loss_says(strategy: str, setting: str) -> None:
    cell = released.cells(HERE, "CBOW", seed=0)[strategy, setting]
    alone, gradient, expected = _trained([], SINGLE_TASK)
    model, with_terms, history = _trained(cell.auxiliaries, cell.schedule)
    assert torch.equal(with_terms, gradient)
    assert gradient.abs().sum() > 0
    for (name, value), other in zip(model.named_parameters(), alone.parameters(), strict=True):
        assert torch.equal(value, other), name
    assert not torch.equal(alone.table, _model().table)  # three epochs have moved it
    assert history.frame()["primary_loss"].tolist() == expected.frame()["primary_loss"].tolist()
    added = history.frame()["loss"] - expected.frame()["loss"]
    if not cell.auxiliaries:
        assert added.tolist() == [0, 0, 0]
        return
    terms = history.task_frame().query("role == 'auxiliary'")
    total = (terms["weight"] * terms["loss"]).groupby(terms["epoch"]).sum()
    assert added.tolist() == pytest.approx(total.tolist(), rel=1e-4)
    assert added.abs().min() > 0.01
