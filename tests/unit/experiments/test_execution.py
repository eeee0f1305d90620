import hashlib
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
from gensim.test.utils import datapath
from sklearn.metrics import accuracy_score

from mt2st.data import sources
from mt2st.data import vectors as embeddings
from mt2st.data.dataset import Background, Dataset, Examples, Sizes
from mt2st.data.texts import wiki
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import downstream, environment, execution, profiles, released, runs
from mt2st.experiments import plans as experiments
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.models import Model
from mt2st.schedules import SINGLE_TASK, Schedule, Switch
from mt2st.tasks import Task

CPU = torch.device("cpu")
NOTHING = Examples([], np.array([], dtype=np.int64))
TOY = Run("CBOW", "single", (), SINGLE_TASK, 0, Configuration(hidden=4, batch_size=2, epochs=2, learning_rate=0.05))


def without_seconds(history: pd.DataFrame) -> pd.DataFrame:
    """Leave out the columns that differ from one execution to the next."""
    return history.drop(columns=[name for name in history.columns if name.endswith("_seconds")])


@pytest.fixture(scope="module")
def run() -> Run:
    """Return a small Switch run of three epochs whose last has no auxiliary task."""
    profile = profiles.PROFILES["smoke"]
    short = replace(profile, configuration=replace(profile.configuration, epochs=3))
    return experiments.plan(short, "switch", "CBOW", 1, ["update0"], Switch(2))[0]


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
    again = experiments.plan(short, strategy, "CBOW", 1)[0]
    records = []
    for state in range(2):
        torch.manual_seed(state)  # what was drawn before does not matter
        records.append(execution.execute(again, CPU))
    first, second = records
    pd.testing.assert_frame_equal(without_seconds(first.history), without_seconds(second.history), check_exact=True)
    assert len(first.history) == 3
    assert first.scores == second.scores
    assert first.environment == second.environment


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
        assert two.history[name][0] == pytest.approx(one.history[name][0], rel=1e-4)


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
    for task, part in [(given["primary"], dataset.train), (given["validation"], dataset.validation)]:
        assert [s.tolist() for s in task.sentences] == [table.encode(text).tolist() for text in part.texts]
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


def test_an_epoch_is_one_pass_over_all_training_sentences(run: Run, executed: Record) -> None:
    size = 3 * run.configuration.train
    assert executed.history["examples"].tolist() == [size] * 3
    assert executed.history["steps"].tolist() == [-(-size // run.configuration.batch_size)] * 3


def test_the_auxiliary_task_is_computed_until_the_switch(executed: Record) -> None:
    assert executed.history["weight.update0"].tolist() == [1, 1, 0]
    assert executed.history["loss.update0"].isna().tolist() == [False, False, True]
    total = executed.history["loss.topic"] + executed.history["loss.update0"].fillna(0)
    np.testing.assert_allclose(executed.history["loss"], total, rtol=1e-6)


def test_the_environment_is_recorded(executed: Record) -> None:
    assert executed.environment["device"].startswith("cpu: ")
    assert executed.environment["packages"]["torch"] == torch.__version__


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
    words, conditions = int(executed.history["tokens"][0]), run.configuration
    assert flops["topic"] > 3 * 2 * words * 2 * conditions.dimensions * 4 * conditions.hidden


# --- What a configuration can leave out


@pytest.mark.parametrize("trainable", [True, False])
def test_a_table_that_is_not_trainable_keeps_its_vectors(
    toy: Callable[..., None], toy_table: EmbeddingTable, scored: list[np.ndarray], trainable: bool
) -> None:
    conditions = replace(TOY.configuration, trainable=trainable, evaluate_table=True)
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
    conditions = replace(TOY.configuration, evaluate_table=True, epochs=1)
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
    assert set(record.scores) == {"best_epoch", "flops"}
    assert record.scores["best_epoch"] == int(record.history["validation_accuracy"].argmax())


def test_of_no_epochs_the_untouched_table_is_scored_beside_random_vectors(
    toy: Callable[..., None], toy_table: EmbeddingTable, scored: list[np.ndarray]
) -> None:
    conditions = replace(TOY.configuration, epochs=0, evaluate_table=True)
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
    conditions = replace(TOY.configuration, evaluate_table=True)
    record = execution.execute(replace(TOY, seed=3, configuration=conditions), CPU)
    assert asked == [(task, 3) for task in downstream.TASKS]
    assert "random" not in record.scores


# --- Data


def test_arms_begin_with_the_same_values_and_batches(profile: Profile, run: Run) -> None:
    dataset, table = execution.prepare(execution.data_of(profile.configuration), "CBOW", "", 0)
    models = [
        execution.build(replace(run, auxiliaries=names), dataset, table, CPU)[0]
        for names in ((), ("update0",), ("update3",))
    ]
    first, *others = (dict(model.named_parameters()) for model in models)
    for other in others:
        assert first.keys() == other.keys()  # losses on the table have no parameters of their own
        assert all(torch.equal(value, other[name]) for name, value in first.items())


def test_another_seed_gives_another_start_and_another_split(profile: Profile, run: Run) -> None:
    dataset, table = execution.prepare(execution.data_of(profile.configuration), "CBOW", "", 0)
    starts = [execution.build(replace(run, seed=seed), dataset, table, CPU)[0] for seed in (0, 1, 1)]
    first, second, again = (model.encoder.forwards.weight_hh_l0 for model in starts)
    assert not torch.equal(first, second)
    assert torch.equal(second, again)
    assert execution.load_dataset(profile.configuration, 1).test.texts != dataset.test.texts


def test_the_table_is_trained_on_the_background_and_on_it_alone(profile: Profile) -> None:
    dataset, table = execution.prepare(execution.data_of(profile.configuration), "CBOW", "", 0)
    counts = pd.Series([w.lower() for tokens in dataset.background.tokens for w in tokens]).value_counts()
    assert set(table.words[2:]) == set(counts.index[counts >= 5])
    assert table.vectors.shape == (len(table.words), profile.configuration.dimensions)


def test_the_primary_task_of_a_part_has_its_sentences_and_labels(profile: Profile) -> None:
    dataset, table = execution.prepare(execution.data_of(profile.configuration), "CBOW", "", 0)
    task = execution.sentence_task(dataset, "validation", table)
    assert task.name == "topic"
    assert task.targets.tolist() == dataset.validation.labels.tolist()
    assert [len(s) for s in task.sentences] == [len(t) for t in dataset.validation.texts]


@pytest.mark.parametrize(
    ("data", "protocol", "fault"),
    [
        ("news", "controlled", "'news'; known: wiki, imdb, imdb-tuning, imdb-full"),
        ("imdb", "uncontrolled", "protocol 'uncontrolled'"),
        ("wiki", "released", "'wiki' under protocol 'released'"),
    ],
)
def test_an_unknown_data_set_or_protocol_is_refused(data: str, protocol: str, fault: str, profile: Profile) -> None:
    with pytest.raises(ValueError, match=fault):
        execution.load_dataset(replace(profile.configuration, data=data, protocol=protocol), 0)


@pytest.mark.parametrize(
    ("data", "protocol", "expected"),
    [
        ("imdb", "controlled", ("imdb", 7, Sizes(600, 150, 250))),
        ("imdb-tuning", "controlled", ("imdb-tuning", 7, Sizes(600, 150, 250))),
        ("imdb", "released", ("released", 7, 600, 250)),
    ],
)
def test_the_paper_s_reviews_come_as_their_protocol_splits_them(
    data: str, protocol: str, expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(sources.find(data), load=lambda *given: (data, *given))
    monkeypatch.setitem(sources.SOURCES, data, row)
    monkeypatch.setattr(released, "load", lambda *given: ("released", *given))
    conditions = Configuration(data=data, protocol=protocol, train=600, validation=150, test=250)
    assert execution.load_dataset(conditions, 7) == expected


def test_under_the_released_protocol_every_word_has_a_row(
    toy_dataset: Dataset, toy_table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "load_dataset", lambda conditions, seed: toy_dataset)
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
    kept = {"data", "data_version", "train", "validation", "test", "dimensions", "protocol"}
    for field in fields(Configuration):
        value = getattr(conditions, field.name)
        changed = value + "2" if isinstance(value, str) else not value if isinstance(value, bool) else value + 1
        other = execution.data_of(replace(conditions, **{field.name: changed}))
        assert (other != shared) == (field.name in kept), field.name
    first = execution.prepare(shared, "CBOW", "", 0)
    second = execution.prepare(execution.data_of(replace(conditions, learning_rate=9.0)), "CBOW", "", 0)
    assert first[0] is second[0]
    assert first[1] is second[1]


# --- Many runs


def test_a_run_that_is_done_asks_for_no_device(profile: Profile, calls: list[Run]) -> None:
    (wanted,) = experiments.plan(profile, "single", "CBOW", 1)
    execution.make(wanted, "smoke", "cpu")
    execution.make(wanted, "smoke", "tpu")
    assert calls == [wanted]
    assert wanted.is_done("smoke")


def test_runs_that_are_done_are_not_made_again(profile: Profile, calls: list[Run]) -> None:
    wanted = experiments.plan(profile, "mtl", "CBOW", 1)
    first = execution.complete(wanted, "smoke", "cpu", progress=False)
    assert calls == wanted
    second = execution.complete([*wanted, *wanted], "smoke", "cpu", progress=False)
    assert calls == wanted
    assert [record.run for record in second] == [*wanted, *wanted]
    pd.testing.assert_frame_equal(first[0].history, second[0].history)


def test_an_interrupted_batch_goes_on_with_what_is_missing(
    profile: Profile, calls: list[Run], record_of: Callable[[Run], Record]
) -> None:
    wanted = experiments.plan(profile, "mtl", "CBOW", 1)
    runs.save(record_of(wanted[0]), "smoke")
    runs.save(record_of(wanted[1]), "smoke")
    (wanted[1].folder("smoke") / "done").unlink()  # cut off while it was written
    (wanted[1].folder("smoke") / "scores.json").write_text("{")
    records = execution.complete(wanted, "smoke", "cpu", progress=False)
    assert calls == wanted[1:]
    assert [record.scores for record in records] == [record_of(run).scores for run in wanted]


def test_a_run_is_kept_before_the_next_one_fails(
    profile: Profile, record_of: Callable[[Run], Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = experiments.plan(profile, "mtl", "CBOW", 1)

    def execute(run: Run, device: torch.device) -> Record:
        if run == wanted[1]:
            raise KeyboardInterrupt
        return record_of(run)

    monkeypatch.setattr(execution, "execute", execute)
    with pytest.raises(KeyboardInterrupt):
        execution.complete(wanted, "smoke", "cpu", progress=False)
    assert [run.is_done("smoke") for run in wanted] == [True, False, False, False]


def test_results_that_were_deleted_are_made_again(profile: Profile, calls: list[Run]) -> None:
    wanted = experiments.plan(profile, "single", "CBOW", 1)
    execution.complete(wanted, "smoke", "cpu", progress=False)
    shutil.rmtree(wanted[0].folder("smoke"))
    execution.complete(wanted, "smoke", "cpu", progress=False)
    assert calls == wanted * 2


def test_a_device_that_is_not_there_is_refused_before_anything_is_run(profile: Profile, calls: list[Run]) -> None:
    with pytest.raises(ValueError, match="device 'tpu' cannot be used"):
        execution.complete(experiments.plan(profile, "single", "CBOW", 1), "smoke", "tpu", progress=False)
    assert calls == []
