import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from experiments import made_up
from experiments.made_up import sentences_of
from gensim.test.utils import datapath
from sklearn.metrics import accuracy_score

from mt2st import paths
from mt2st.data import sources, translations
from mt2st.data import vectors as embeddings
from mt2st.data.dataset import Background, Dataset, Examples, Sizes
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.texts import wiki
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import bilingual, downstream, environment, execution, pairs, plans, profiles, released, store
from mt2st.experiments.baselines import baselines, tag_baselines
from mt2st.experiments.pairs import Study
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.models import ENCODERS, Model
from mt2st.optimizers import OPTIMIZERS
from mt2st.relations import study
from mt2st.sampling import SAMPLINGS
from mt2st.schedules import SINGLE_TASK, Constant, Schedule, Switch
from mt2st.tasks import Task

CPU = torch.device("cpu")
SECONDS = ["train_seconds", "cpu_seconds", "evaluation_seconds"]
NOTHING = Examples([], np.array([], dtype=np.int64))
TOY = Run("CBOW", "single", (), SINGLE_TASK, 0, Configuration(hidden=4, batch_size=2, epochs=2, learning_rate=0.05))


def assert_same_training(one: Record, other: Record) -> None:
    """Compare bit for bit all but seconds, which differ from one execution to the next."""
    first, second = (record.epochs.drop(columns=SECONDS) for record in (one, other))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    pd.testing.assert_frame_equal(one.tasks, other.tasks, check_exact=True)
    assert json.dumps(one.scores) == json.dumps(other.scores)
    assert one.environment == other.environment


def of_task(record: Record, task: str) -> pd.DataFrame:
    """Return the rows of a task, one an epoch."""
    return record.tasks[record.tasks["task"] == task].reset_index(drop=True)


@pytest.fixture(scope="module")
def run() -> Run:
    """Return a small Switch run of three epochs whose last has no auxiliary task."""
    profile = profiles.PROFILES["smoke"]
    short = replace(profile, configuration=replace(profile.configuration, epochs=3))
    return plans.plan(short, "switch", "CBOW", 1, ["update0"], Switch(2))[0]


@pytest.fixture(scope="module")
def executed(run: Run) -> Record:
    """Return the run's record."""
    return execution.execute(run, CPU)


@pytest.fixture
def toy(toy_dataset: Dataset, toy_table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put the toy data set and table in place of the real ones; return a function that replaces parts of it."""

    def use(**parts: Examples) -> None:
        monkeypatch.setattr(execution, "prepare", lambda *given: (replace(toy_dataset, **parts), toy_table))

    use()
    return use


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Replace the evaluation of tables on other tasks by a list of the vectors that are given to it."""
    given: list[np.ndarray] = []

    def score(table: EmbeddingTable, vectors: np.ndarray, task: str, seed: int) -> dict[str, float]:
        given.append(vectors.copy())
        return {"accuracy": 0.5, "coverage": 0.7}

    monkeypatch.setattr(downstream, "evaluate_table", score)
    monkeypatch.setattr(downstream, "intrinsic", lambda table, vectors: pd.DataFrame([{"set": "s", "score": 0.1}]))
    return given


@pytest.fixture
def threads() -> Iterator[None]:
    """Give the process back the number of threads it had."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def calls(record_of: Callable[[Run], Record], monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Replace training by made-up records, and return the list of runs that were asked for."""
    asked: list[Run] = []

    def execute(run: Run, device: torch.device) -> Record:
        asked.append(run)
        return record_of(run)

    monkeypatch.setattr(execution, "execute", execute)
    return asked


# --- Levels of determinism


@pytest.mark.parametrize("strategy", ["single", "diminish"])
def test_the_same_run_gives_the_same_bits_twice(profile: Profile, strategy: str) -> None:
    short = replace(profile, configuration=replace(profile.configuration, epochs=3))
    again = plans.plan(short, strategy, "CBOW", 1)[0]
    records = []
    for state in range(2):
        torch.manual_seed(state)  # what was drawn before does not matter
        records.append(execution.execute(again, CPU))
    assert_same_training(*records)
    assert len(records[0].epochs) == 3


@pytest.mark.usefixtures("threads")
def test_with_other_threads_the_first_epoch_is_the_same_up_to_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    # Few but large products: threads that wait for one another are slow where the processors are busy.
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(50)]
    texts = Examples([rng.choice(words, 3).tolist() for _ in range(256)], np.arange(256) % 2)
    dataset = Dataset("toy", ("negative", "positive"), texts, NOTHING, NOTHING, Background([]))
    table = EmbeddingTable.of(words, rng.normal(size=(50, 100)), "random")
    monkeypatch.setattr(execution, "prepare", lambda *given: (dataset, table))
    conditions = replace(TOY.configuration, hidden=128, batch_size=128, epochs=1)
    make_deterministic, records = environment.make_deterministic, []
    for count in (1, 2):
        monkeypatch.setattr(environment, "make_deterministic", partial(make_deterministic, threads=count))
        records.append(execution.execute(replace(TOY, configuration=conditions), CPU))
    one, two = records
    assert [record.environment["threads"] for record in records] == [1, 2]
    assert one.environment["table"] == two.environment["table"]
    for name in ("loss", "gradient_norm"):
        assert two.epochs[name][0] == pytest.approx(one.epochs[name][0], rel=1e-4)


# --- One run


def test_training_sees_validation_examples_and_never_test_examples(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def stop(model: Model, primary: Task, others: list[Task], schedule: Schedule, **options: Any) -> None:
        given.update(options, primary=primary)
        raise InterruptedError

    monkeypatch.setattr(execution, "fit", stop)
    decayed = replace(run, configuration=replace(run.configuration, weight_decay=0.125))
    with pytest.raises(InterruptedError):
        execution.execute(decayed, CPU)
    dataset, table = execution.prepare(execution.data_of(run.configuration), run.embedding, "", run.seed)
    (validation,) = given["validation"]
    for task, part in [(given["primary"], dataset.train), (validation, dataset.validation)]:
        assert sentences_of(task) == [table.encode(text).tolist() for text in part.texts]
    assert (given["seed"], given["epochs"], given["epsilon"]) == (run.seed, 3, run.configuration.epsilon)
    (group,) = given["optimizer"].param_groups
    assert isinstance(given["optimizer"], torch.optim.AdamW)
    assert (group["lr"], group["weight_decay"]) == (run.configuration.learning_rate, 0.125)


def test_scores_come_from_the_recorded_predictions(run: Run, executed: Record) -> None:
    targets, predictions = (np.array(list(executed.scores[name])) for name in ("targets", "predictions"))
    assert executed.scores["accuracy"] == accuracy_score(targets, predictions)
    size = run.configuration.test
    assert executed.scores["targets"] == "0" * size + "1" * size + "2" * size


def test_the_best_epoch_is_the_first_with_the_highest_validation_accuracy(executed: Record) -> None:
    assert executed.scores["best_epoch"] == int(executed.history["validation_accuracy"].argmax())


def test_the_last_epoch_and_the_best_of_each_phase_are_tested_too(run: Run, executed: Record) -> None:
    found = executed.scores["checkpoints"]
    accuracy = executed.history["validation_accuracy"]
    assert {name: part["epoch"] for name, part in found.items()} == {
        "phase 1": int(accuracy[:2].argmax()), "phase 2": 2, "last": 2,
    }  # fmt: skip
    targets = np.array(list(executed.scores["targets"]))
    for part in found.values():
        assert part["accuracy"] == accuracy_score(targets, np.array(list(part["predictions"])))
    (kept,) = {part["predictions"] for part in found.values() if part["epoch"] == executed.scores["best_epoch"]}
    assert kept == executed.scores["predictions"]
    again = replace(run, configuration=replace(run.configuration, epochs=2))
    assert execution.execute(again, CPU).scores["checkpoints"]["phase 1"] == found["phase 1"]


def test_baselines_are_recorded_beside_runs_without_auxiliaries(run: Run, executed: Record) -> None:
    assert "baselines" not in executed.scores
    single = replace(run, strategy="single", auxiliaries=(), schedule=SINGLE_TASK)
    conditions = execution.data_of(run.configuration)
    expected = baselines(*execution.prepare(conditions, run.embedding, "", run.seed))
    assert execution.execute(single, CPU).scores["baselines"] == expected


def test_an_epoch_is_one_pass_over_all_training_sentences(run: Run, executed: Record) -> None:
    size = 3 * run.configuration.train
    assert executed.history["examples"].tolist() == [size] * 3
    assert executed.history["steps"].tolist() == [-(-size // run.configuration.batch_size)] * 3


def test_the_auxiliary_task_is_computed_until_the_switch(executed: Record) -> None:
    auxiliary = of_task(executed, "update0")
    assert auxiliary["weight"].tolist() == [1, 1, 0]
    assert auxiliary["loss"].isna().tolist() == [False, False, True]
    total = executed.history["primary_loss"] + auxiliary["loss"].fillna(0)
    np.testing.assert_allclose(executed.history["loss"], total, rtol=1e-6)


def test_the_environment_is_recorded(executed: Record) -> None:
    assert executed.environment["device"].startswith("cpu: ")
    assert torch.__version__.startswith(executed.environment["packages"]["torch"])  # its build may follow, "+cu130"


def test_seed_data_and_initial_table_are_recorded_by_their_checksums(run: Run, executed: Record) -> None:
    text = Path(datapath(wiki.DUMP))
    _, table = execution.prepare(execution.data_of(run.configuration), "CBOW", "", 0)
    assert executed.environment["seed"] == run.seed == 0
    assert executed.environment["data"] == {text.name: hashlib.sha256(text.read_bytes()).hexdigest()}
    assert executed.environment["table"] == hashlib.sha256(table.vectors.tobytes()).hexdigest()


def test_operations_of_an_epoch_are_recorded_by_task(run: Run, executed: Record) -> None:
    flops = executed.scores["flops"]
    assert list(flops) == ["topic", "update0"]
    assert flops["update0"] == 0  # cosines are no matrix products
    # Every word is read once at least: the input's products of two LSTMs, forward and backward.
    words, conditions = int(executed.epochs["tokens"][0]), run.configuration
    assert flops["topic"] > 3 * 2 * words * 2 * conditions.dimensions * 4 * conditions.hidden


# --- What a configuration can leave out


@pytest.mark.parametrize("trainable", [True, False])
def test_a_table_that_is_not_trainable_keeps_its_vectors(
    toy: Callable[..., None], toy_table: EmbeddingTable, scored: list[np.ndarray], trainable: bool
) -> None:
    conditions = replace(TOY.configuration, trainable=trainable, evaluate_table=1)
    record = execution.execute(replace(TOY, configuration=conditions), CPU)
    assert np.array_equal(scored[0], toy_table.vectors) == (not trainable)
    assert (scored[0][0] == 0).all()
    # Without a gradient of the input one product of three is saved there.
    free = execution.execute(TOY, CPU).scores["flops"]["toy"]
    assert (record.scores["flops"]["toy"] == free) == trainable
    assert record.scores["flops"]["toy"] <= free


def test_weight_decay_is_that_of_adamw(
    toy: Callable[..., None], toy_table: EmbeddingTable, scored: list[np.ndarray]
) -> None:
    conditions = replace(TOY.configuration, evaluate_table=1, epochs=1)
    for decay in (0.0, 1.0):
        execution.execute(replace(TOY, configuration=replace(conditions, weight_decay=decay)), CPU)
    plain, decayed = scored[0], scored[-1]
    # No training text has an unknown word: both of the two steps take lr · decay = 0.05 of row 1 and nothing else.
    assert np.array_equal(plain[1], toy_table.vectors[1])
    np.testing.assert_allclose(decayed[1], toy_table.vectors[1] * 0.95**2, rtol=1e-6)


def test_without_validation_the_last_epoch_is_tested(toy: Callable[..., None]) -> None:
    toy(validation=NOTHING)
    record = execution.execute(TOY, CPU)
    assert record.scores["best_epoch"] == 1
    assert "validation_accuracy" not in record.history
    assert 0 <= record.scores["accuracy"] <= 1


def test_without_a_test_set_there_is_nothing_to_score(toy: Callable[..., None]) -> None:
    toy(test=NOTHING)
    record = execution.execute(TOY, CPU)
    assert set(record.scores) == {"best_epoch", "flops", "parameters"}
    assert record.scores["best_epoch"] == int(record.history["validation_accuracy"].argmax())


def test_of_no_epochs_the_untouched_table_is_scored_beside_random_vectors(
    toy: Callable[..., None], toy_table: EmbeddingTable, scored: list[np.ndarray]
) -> None:
    conditions = replace(TOY.configuration, epochs=0, evaluate_table=1)
    record = execution.execute(replace(TOY, configuration=conditions), CPU)
    assert record.history.empty
    assert record.scores["best_epoch"] == -1
    n = len(downstream.TASKS)
    assert [np.array_equal(vectors, toy_table.vectors) for vectors in scored] == [True] * n + [False] * n
    assert list(record.scores["downstream"]) == list(record.scores["random"]) == list(downstream.TASKS)
    assert record.scores["intrinsic"] == [{"set": "s", "score": 0.1}]
    assert all(np.array_equal(vectors, scored[n]) for vectors in scored[n:])
    assert scored[n].std() == pytest.approx(1, abs=0.5)


def test_a_learned_table_is_scored_on_every_other_task_with_the_seed(
    toy: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(downstream, "intrinsic", lambda table, vectors: pd.DataFrame())
    monkeypatch.setattr(downstream, "evaluate_table", lambda table, vectors, task, seed: asked.append((task, seed)))
    conditions = replace(TOY.configuration, evaluate_table=1)
    record = execution.execute(replace(TOY, seed=3, configuration=conditions), CPU)
    assert asked == [(task, 3) for task in downstream.TASKS]
    assert "random" not in record.scores


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name, known in [("encoder", ENCODERS), ("optimizer", OPTIMIZERS), ("sampling", SAMPLINGS)]
        for value in known
    ],
)
def test_every_encoder_optimizer_and_sampling_trains_sentences_with_all_kinds_of_auxiliaries(
    name: str, value: str, toy: Callable[..., None]
) -> None:
    conditions = replace(TOY.configuration, **{name: value})
    multi = replace(TOY, strategy="mtl", auxiliaries=("casing", "hyperlink"), schedule=Constant(0.5))
    record = execution.execute(replace(multi, configuration=conditions), CPU)
    assert record.tasks.groupby("task").size().to_dict() == {"toy": 2, "casing": 2, "hyperlink": 2}
    assert record.epochs["loss"].notna().all()
    assert 0 <= record.scores["accuracy"] <= 1


@pytest.mark.parametrize(
    ("name", "fault"), [("optimizer", "'own'; known: adamw, adadelta"), ("sampling", "'own'; known: together, uniform")]
)
def test_an_unknown_optimizer_or_sampling_is_refused_with_the_known_ones(
    name: str, fault: str, toy: Callable[..., None]
) -> None:
    with pytest.raises(ValueError, match=fault):
        execution.execute(replace(TOY, configuration=replace(TOY.configuration, **{name: "own"})), CPU)


# --- Data


def test_another_seed_gives_another_split(profile: Profile) -> None:
    first, second, again = (execution.load_data(profile.configuration, seed).test for seed in (0, 1, 1))
    assert first.texts != second.texts
    assert second.texts == again.texts


def test_the_table_is_trained_on_the_background_and_on_it_alone(profile: Profile) -> None:
    dataset, table = execution.prepare(execution.data_of(profile.configuration), "CBOW", "", 0)
    counts = pd.Series([w.lower() for tokens in dataset.background.tokens for w in tokens]).value_counts()
    assert set(table.words[2:]) == set(counts.index[counts >= 5])
    assert table.vectors.shape == (len(table.words), profile.configuration.dimensions)


@pytest.mark.parametrize(
    ("data", "protocol", "fault"),
    [
        ("news", "controlled", "'news'; known: wiki, imdb, imdb-disjoint, imdb-tuning"),
        ("wordsim", "controlled", "wordsim is of the kind 'lexicon', not 'texts'"),
        ("imdb", "uncontrolled", "'uncontrolled'; known: controlled, released, study"),
        ("wiki", "released", "'released' .* 'wiki'"),
    ],
)
def test_an_unknown_data_set_or_protocol_is_refused(data: str, protocol: str, fault: str, profile: Profile) -> None:
    with pytest.raises(ValueError, match=fault):
        execution.load_data(replace(profile.configuration, data=data, protocol=protocol), 0)


@pytest.mark.parametrize(
    ("data", "protocol", "expected"),
    [
        ("imdb", "controlled", ("imdb", 7, Sizes(600, 150, 250))),
        ("imdb-tuning", "controlled", ("imdb-tuning", 7, Sizes(600, 150, 250))),
        ("imdb", "released", ("released", "imdb", 7, 600, 250)),
        ("imdb-disjoint", "released", ("released", "imdb-disjoint", 7, 600, 250)),
    ],
)
def test_the_paper_s_reviews_come_as_their_protocol_splits_them(
    data: str, protocol: str, expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(sources.find(data), load=lambda *given: (data, *given))
    monkeypatch.setitem(sources.SOURCES, data, row)
    monkeypatch.setattr(released, "load", lambda *given: ("released", *given))
    conditions = Configuration(data=data, protocol=protocol, train=600, validation=150, test=250)
    assert execution.load_data(conditions, 7) == expected


def test_under_the_released_protocol_every_word_has_a_row(
    toy_dataset: Dataset, toy_table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "load_data", lambda conditions, seed: toy_dataset)
    monkeypatch.setattr(embeddings, "load", lambda *given: toy_table)
    texts = [*toy_dataset.train.texts, *toy_dataset.validation.texts, *toy_dataset.test.texts]
    words = {word for text in texts for word in text}
    words |= {word.lower() for text in toy_dataset.background.tokens for word in text}
    for protocol in ("controlled", "released"):
        # The function beneath the cache: what is made up here is not for other tests.
        _, table = execution.prepare.__wrapped__(Configuration(protocol=protocol), "CBOW", "", 0)
        assert (set(table.words) >= words) == (protocol == "released")
    assert table.words[:6] == toy_table.words


def test_runs_that_differ_in_training_alone_share_data_and_vectors(profile: Profile) -> None:
    conditions = profile.configuration
    shared = execution.data_of(conditions)
    kept = {"data", "data_version", "train", "validation", "test", "sentences", "vocabulary", "words"}
    kept |= {"dimensions", "min_count", "protocol"}
    special: dict[str, Any] = {"protocol": "study", "vocabulary": ("wiki-next",), "trainable": False, "dropout": 0.5}
    special["weigh"] = "draws"
    for field in fields(Configuration):
        value = getattr(conditions, field.name)
        changed = special.get(field.name, value + "2" if isinstance(value, str) else value + 1 if value != () else ())
        other = execution.data_of(replace(conditions, **{field.name: changed}))
        assert (other != shared) == (field.name in kept), field.name
    first = execution.prepare(shared, "CBOW", "", 0)
    second = execution.prepare(execution.data_of(replace(conditions, learning_rate=9.0)), "CBOW", "", 0)
    assert first[0] is second[0]
    assert first[1] is second[1]


# --- Tagged corpora


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, SequenceData]]:
    """Register two made-up corpora: colours as spans, and the kind of each word."""
    (tmp_path / "made-up.conll").write_text("made up")
    made = {name: made_up.corpus(name, tmp_path / "made-up.conll") for name in made_up.TAGS}
    made_up.register(monkeypatch.setitem, *made.values())
    caches = execution.prepare, execution._apart, sources.load_tags
    for cached in caches:
        cached.cache_clear()
    yield made
    for cached in caches:
        cached.cache_clear()


def pair(*names: str, steps: int = 60) -> Run:
    """Return a run of a small study of the made-up corpora; of two its steps are twice as many."""
    run = Study(("colours", "kinds"), steps=steps).run(*names)
    return replace(run, configuration=replace(run.configuration, dimensions=8, hidden=6, batch_size=8, max_tokens=5))


@pytest.mark.usefixtures("corpora")
def test_a_pair_learns_both_tasks_and_says_how_it_went() -> None:
    record = execution.execute(pair("colours", "kinds", steps=200), CPU)
    assert set(record.scores["by_task"]) == {"colours", "kinds"}
    for scores in record.scores["by_task"].values():
        assert scores["test"]["f1"] == scores["test"]["accuracy"] == 1  # a word's tag is all there is to learn
        assert np.nanmean(scores["curve"][:20]) > 3 * np.nanmean(scores["curve"][-20:])
    assert record.scores["by_task"]["colours"]["test"]["span_f1"] == 1
    assert "span_f1" not in record.scores["by_task"]["kinds"]["test"]
    assert record.epochs["steps"].tolist() == [40] * 10
    assert record.tasks["task"].tolist() == ["colours", "kinds"] * 10
    assert record.tasks["validation_f1"].tolist()[-2:] == [1, 1]
    assert record.epochs["cosine"].between(-1, 1).all()
    assert record.scores["best_epoch"] == 9  # the last step is read
    assert record.environment["data"].keys() == {"made-up.conll"}


@pytest.mark.usefixtures("corpora")
def test_each_step_of_a_pair_draws_one_of_the_tasks() -> None:
    run = pair("colours", "kinds", steps=30)
    by_task = execution.execute(run, CPU).scores["by_task"]
    drawn = np.array([~np.isnan(by_task[task]["curve"]) for task in ("colours", "kinds")])  # a point a step
    assert (drawn.sum(0) == 1).all()
    assert drawn.shape[1] == pairs.steps_of(run) == 60
    assert 15 < drawn[0].sum() < 45


@pytest.mark.usefixtures("corpora")
def test_a_single_task_has_its_features_and_a_pair_its_label_information() -> None:
    alone = execution.execute(pair("kinds", steps=20), CPU)
    described = alone.scores["features"]
    assert (described["size"], described["labels"], described["OOV rate"]) == (60, 3, 0)
    assert "cosine" not in alone.epochs
    both = execution.execute(pair("colours", "kinds", steps=20), CPU)
    assert 0.5 < both.scores["label information"] < 1  # kinds say more than whether it is a colour
    assert "features" not in both.scores


@pytest.mark.usefixtures("corpora")
def test_counts_give_the_validation_f1() -> None:
    scores = execution.execute(pair("colours", steps=20), CPU).scores["by_task"]["colours"]
    right, found, gold = np.array(scores["counts"]).sum(1)
    assert scores["validation"]["f1"] == pytest.approx(2 * right / (found + gold))
    assert np.array(scores["counts"]).shape[0] == 3


def test_a_task_of_what_comes_next_learns_beside_another_without_the_backward_states(
    corpora: dict[str, SequenceData], monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up.register(monkeypatch.setitem, replace(corpora["kinds"], is_prediction=True))
    record = execution.execute(pair("colours", "kinds", steps=200), CPU)
    # A word's own tag: the forward states have seen the word.
    assert record.scores["by_task"]["kinds"]["test"]["f1"] == 1
    assert record.epochs["cosine"].between(-1, 1).all()


def test_a_task_on_whole_texts_is_paired_with_one_on_words(
    corpora: dict[str, SequenceData], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = corpora["kinds"]
    by_first = {  # the label of a text is the kind of its first word
        part: replace(text, tags=[[tags[0]] * len(tags) for tags in text.tags])
        for part in ("train", "validation", "test")
        for text in [getattr(made, part)]
    }
    made_up.register(monkeypatch.setitem, replace(made, of_texts=True, **by_first))  # type: ignore[arg-type]
    record = execution.execute(pair("colours", "kinds", steps=400), CPU)
    of_texts = record.scores["by_task"]["kinds"]
    assert of_texts["test"]["f1"] == of_texts["test"]["accuracy"] > 0.8
    assert (np.array(of_texts["counts"])[1:] == 1).all()  # one answer a text, and one is asked for
    assert study.by_share(record, "kinds").iloc[-1] == pytest.approx(of_texts["validation"]["f1"])
    assert record.scores["by_task"]["colours"]["test"]["f1"] == 1
    assert record.epochs["cosine"].between(-1, 1).all()


@pytest.mark.usefixtures("corpora")
def test_the_same_pair_gives_the_same_bits() -> None:
    one, again = (execution.execute(pair("colours", "kinds", steps=20), CPU) for _ in range(2))
    assert_same_training(one, again)


@pytest.mark.usefixtures("corpora")
def test_a_study_shares_one_table_of_its_most_frequent_words() -> None:
    run = pair("kinds")
    conditions = execution.data_of(replace(run.configuration, words=3))
    data, table = execution.prepare(conditions, "SkipGram", "", 0)
    assert data.name == "kinds"
    assert table.vectors.shape == (2 + 3, 8)
    # Both corpora have the same text, and a sentence counts once.
    both = execution.shared_table(map(sources.load_tags, ("colours", "kinds")), "SkipGram", conditions, 0)
    alone = execution.shared_table([sources.load_tags("kinds")], "SkipGram", conditions, 0)
    assert both.checksum == alone.checksum == table.checksum


@pytest.mark.usefixtures("corpora", "toy")
def test_a_tagged_corpus_is_an_auxiliary_of_a_sentence_task() -> None:
    run = replace(TOY, strategy="mtl", auxiliaries=("kinds",), schedule=Constant(1.0))
    record = execution.execute(replace(run, configuration=replace(TOY.configuration, epochs=1)), CPU)
    assert record.tasks["task"].tolist() == ["toy", "kinds"]
    assert record.tasks["loss"].notna().all()
    assert record.scores["flops"]["kinds"] > 0
    assert record.environment["data"].keys() == {"made-up.conll"}  # the toy data set has no files


def test_real_tags_are_an_auxiliary_of_real_sentences(profile: Profile) -> None:
    short = replace(profile, configuration=replace(profile.configuration, train=10, epochs=1))
    (run,) = plans.plan(short, "mtl", "CBOW", 1, ["wiki-next"])
    record = execution.execute(run, CPU)
    assert record.tasks["loss"].notna().tolist() == [True, True]
    assert list(record.scores["flops"]) == ["topic", "wiki-next"]


@pytest.mark.usefixtures("corpora")
def test_names_are_scored_as_spans_and_a_table_of_two_languages_on_translations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "span_f1", lambda evaluation, classes: 0.25)
    monkeypatch.setattr(
        bilingual, "scores", lambda table, vectors: {"moved": float(np.abs(vectors - table.vectors).max())}
    )
    lexicon = tmp_path / "en-es.dict"
    lexicon.write_text("gato @ cat\n")
    monkeypatch.setattr(translations, "locate", lambda: (lexicon,))
    conditions = replace(TOY.configuration, data="colours", dimensions=8, evaluate_translation=True)
    run = Run("SkipGram", "single", (), SINGLE_TASK, 0, conditions)
    record = execution.execute(run, CPU)
    assert record.scores["span_f1"] == 0.25
    assert record.scores["moved"] > 0  # the table as it is after training
    assert record.environment["data"].keys() == {"made-up.conll", "en-es.dict"}


def test_the_files_of_text_that_only_trains_word_vectors_are_recorded(
    corpora: dict[str, SequenceData], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.conll"
    other.write_text("other")
    made_up.register(monkeypatch.setitem, corpora["colours"], replace(corpora["kinds"], files=(other,)))
    conditions = replace(TOY.configuration, data="colours", vocabulary=("colours", "kinds"), dimensions=8)
    record = execution.execute(Run("SkipGram", "single", (), SINGLE_TASK, 0, conditions), CPU)
    assert record.environment["data"].keys() == {"made-up.conll", "other.conll"}


@pytest.mark.usefixtures("corpora")
def test_a_tagged_corpus_can_be_the_primary_task_of_a_strategy() -> None:
    conditions = replace(TOY.configuration, data="kinds", dimensions=8, max_tokens=3)
    run = Run("SkipGram", "switch", ("colours",), Switch(1), 0, conditions)
    record = execution.execute(run, CPU)
    assert of_task(record, "colours")["weight"].tolist() == [1, 0]
    assert record.scores["best_epoch"] == int(record.history["validation_accuracy"].argmax())
    assert not {"targets", "predictions"} & record.scores.keys()  # tokens are too many
    assert "baselines" not in record.scores
    alone = execution.execute(replace(run, auxiliaries=(), schedule=SINGLE_TASK), CPU)
    corpus = made_up.corpus("kinds", Path())
    assert alone.scores["baselines"] == tag_baselines(corpus, 0)
    assert "span_f1" not in alone.scores
    few = replace(run, configuration=replace(conditions, sentences=2))
    assert len(execution.load_data(few.configuration, 0).train) == 2


def test_a_curve_has_the_means_of_a_thousandth_of_the_steps_each() -> None:
    nan = float("nan")
    assert execution.curve([3.0, nan, 1.0]) == pytest.approx([3.0, nan, 1.0], nan_ok=True)
    losses = np.arange(2_500.0)
    losses[3:6] = nan
    found = execution.curve(losses.tolist())
    assert len(found) == execution.CURVE == 1_000
    assert found[:3] == pytest.approx([1, nan, 7], nan_ok=True)  # of 3, 3 and 3 steps
    assert found[-1] == pytest.approx(2_498.5)


# --- Many runs


def test_a_run_that_is_done_asks_for_no_device(profile: Profile, calls: list[Run]) -> None:
    (wanted,) = plans.plan(profile, "single", "CBOW", 1)
    execution.make(wanted, "smoke", "cpu")
    execution.make(wanted, "smoke", "tpu")
    assert calls == [wanted]
    assert store.is_done(wanted, "smoke")


def test_runs_that_are_done_are_not_made_again(profile: Profile, calls: list[Run]) -> None:
    wanted = plans.plan(profile, "mtl", "CBOW", 1)
    first = execution.complete(wanted, "smoke", "cpu", progress=False)
    assert calls == wanted
    second = execution.complete([*wanted, *wanted], "smoke", "cpu", progress=False)
    assert calls == wanted
    assert [record.run for record in second] == [*wanted, *wanted]
    assert_same_training(first[0], second[0])


def test_runs_of_the_compact_record_are_read_unless_they_are_wanted_fresh(
    profile: Profile, calls: list[Run], record_of: Callable[[Run], Record]
) -> None:
    wanted = plans.plan(profile, "mtl", "CBOW", 1)
    kept = [replace(record_of(run), scores={"accuracy": 0.25}) for run in wanted[:2]]
    store.pack(kept, paths.recorded("smoke"))
    records = execution.complete(wanted, "smoke", "cpu", progress=False)
    assert calls == wanted[2:]
    assert [record.scores["accuracy"] for record in records[:2]] == [0.25, 0.25]
    assert [record.run for record in records] == wanted
    fresh = execution.complete(wanted, "smoke", "cpu", fresh=True, progress=False)
    assert calls == [*wanted[2:], *wanted[:2]]
    assert fresh[0].scores == record_of(wanted[0]).scores
    assert execution.complete(wanted[:1], "smoke", progress=False)[0].scores == fresh[0].scores  # of this machine first


def test_an_interrupted_batch_goes_on_with_what_is_missing(
    profile: Profile, calls: list[Run], record_of: Callable[[Run], Record]
) -> None:
    wanted = plans.plan(profile, "mtl", "CBOW", 1)
    store.save(record_of(wanted[0]), "smoke")
    store.save(record_of(wanted[1]), "smoke")
    (store.folder(wanted[1], "smoke") / "done").unlink()  # cut off while it was written
    (store.folder(wanted[1], "smoke") / "scores.json").write_text("{")
    records = execution.complete(wanted, "smoke", "cpu", progress=False)
    assert calls == wanted[1:]
    assert [record.scores for record in records] == [record_of(run).scores for run in wanted]


def test_a_run_is_kept_before_the_next_one_fails(
    profile: Profile, record_of: Callable[[Run], Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = plans.plan(profile, "mtl", "CBOW", 1)

    def execute(run: Run, device: torch.device) -> Record:
        if run == wanted[1]:
            raise KeyboardInterrupt
        return record_of(run)

    monkeypatch.setattr(execution, "execute", execute)
    with pytest.raises(KeyboardInterrupt):
        execution.complete(wanted, "smoke", "cpu", progress=False)
    assert [store.is_done(run, "smoke") for run in wanted] == [True, False, False, False]


def test_results_that_were_deleted_are_made_again(profile: Profile, calls: list[Run]) -> None:
    wanted = plans.plan(profile, "single", "CBOW", 1)
    execution.complete(wanted, "smoke", "cpu", progress=False)
    shutil.rmtree(store.folder(wanted[0], "smoke"))
    execution.complete(wanted, "smoke", "cpu", progress=False)
    assert calls == wanted * 2


def test_a_device_that_is_not_there_is_refused_before_anything_is_run(profile: Profile, calls: list[Run]) -> None:
    with pytest.raises(ValueError, match="device 'tpu' cannot be used"):
        execution.complete(plans.plan(profile, "single", "CBOW", 1), "smoke", "tpu", progress=False)
    assert calls == []
