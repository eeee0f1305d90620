import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score

from mt2st import execution, experiments, profiles, runs
from mt2st.models import Model
from mt2st.profiles import Profile
from mt2st.runs import Record, Run
from mt2st.schedules import Schedule, Switch
from mt2st.tasks import Task

CPU = torch.device("cpu")


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
def calls(record_of: Callable[[Run], Record], monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Replace training by made-up records, and return the list of runs that were asked for."""
    asked: list[Run] = []

    def execute(run: Run, device: torch.device) -> Record:
        asked.append(run)
        return record_of(run)

    monkeypatch.setattr(execution, "execute", execute)
    return asked


@pytest.mark.parametrize("strategy", ["single", "diminish"])
def test_the_same_run_gives_the_same_history_and_predictions_twice(profile: Profile, strategy: str) -> None:
    again = experiments.plan(profile, strategy, "CBOW", 1)[0]
    first, second = (execution.execute(again, CPU) for _ in range(2))
    pd.testing.assert_frame_equal(without_seconds(first.history), without_seconds(second.history), check_exact=True)
    assert len(first.history) == profile.configuration.epochs
    assert first.scores == second.scores


def test_training_sees_validation_examples_and_never_test_examples(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def stop(model: Model, primary: Task, others: list[Task], schedule: Schedule, **options: Any) -> None:
        given.update(options, primary=primary)
        raise InterruptedError

    monkeypatch.setattr(execution, "fit", stop)
    with pytest.raises(InterruptedError):
        execution.execute(run, CPU)
    dataset, table = execution.prepare(run.configuration, run.embedding, "", run.seed)
    for task, part in [(given["primary"], dataset.train), (given["validation"], dataset.validation)]:
        assert [s.tolist() for s in task.sentences] == [table.encode(text).tolist() for text in part.texts]
    assert (given["seed"], given["epochs"], given["epsilon"]) == (run.seed, 3, run.configuration.epsilon)
    assert given["optimizer"].param_groups[0]["lr"] == run.configuration.learning_rate


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


def test_arms_begin_with_the_same_values_and_batches(profile: Profile, run: Run) -> None:
    dataset, table = execution.prepare(profile.configuration, "CBOW", "", 0)
    models = [
        execution.build(replace(run, auxiliaries=names), dataset, table, CPU)[0]
        for names in ((), ("update0",), ("update3",))
    ]
    first, *others = (dict(model.named_parameters()) for model in models)
    for other in others:
        assert first.keys() == other.keys()  # losses on the table have no parameters of their own
        assert all(torch.equal(value, other[name]) for name, value in first.items())


def test_another_seed_gives_another_start_and_another_split(profile: Profile, run: Run) -> None:
    dataset, table = execution.prepare(profile.configuration, "CBOW", "", 0)
    starts = [execution.build(replace(run, seed=seed), dataset, table, CPU)[0] for seed in (0, 1, 1)]
    first, second, again = (model.encoder.forwards.weight_hh_l0 for model in starts)
    assert not torch.equal(first, second)
    assert torch.equal(second, again)
    assert execution.load_dataset(profile.configuration, 1).test.texts != dataset.test.texts


def test_the_table_is_trained_on_the_background_and_on_it_alone(profile: Profile) -> None:
    dataset, table = execution.prepare(profile.configuration, "CBOW", "", 0)
    counts = pd.Series([w.lower() for tokens in dataset.background.tokens for w in tokens]).value_counts()
    assert set(table.words[2:]) == set(counts.index[counts >= 5])
    assert table.vectors.shape == (len(table.words), profile.configuration.dimensions)


def test_the_primary_task_of_a_part_has_its_sentences_and_labels(profile: Profile) -> None:
    dataset, table = execution.prepare(profile.configuration, "CBOW", "", 0)
    task = execution.sentence_task(dataset, "validation", table)
    assert task.name == "topic"
    assert task.targets.tolist() == dataset.validation.labels.tolist()
    assert [len(s) for s in task.sentences] == [len(t) for t in dataset.validation.texts]


def test_an_unknown_data_set_is_refused(profile: Profile) -> None:
    with pytest.raises(
        ValueError,
        match="unknown data set 'news'; known: wiki, imdb, imdb-full, movie_",
    ):
        execution.load_dataset(replace(profile.configuration, data="news"), 0)


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
