"""Records that nobody ran, for everything that is shown."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from relations.made_up import records as pairs_made_up

from mt2st.experiments import plans
from mt2st.experiments.baselines import BASELINES
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record, Run
from mt2st.experiments.strategies import STRATEGIES
from mt2st.history import AUXILIARY, PRIMARY
from mt2st.relations import predictor, results
from mt2st.report.exhibits import EXHIBITS, Evidence
from mt2st.report.tables import SCORE_COLUMNS

EPOCHS = {"gradient_norm": 1.0, "loss": 1.0, "train_seconds": 1.0, "cpu_seconds": 1.0}
OF_PRIMARY = {"primary_loss": 1.0, "train_accuracy": 0.5, "validation_loss": 1.0, "validation_accuracy": 0.5}
MACHINE = {"device": "cpu: made up", "platform": "none", "python": "3.11", "packages": {"torch": "2.0"}}


@pytest.fixture(scope="session")
def known_record() -> Callable[..., Record]:
    """Return a function that makes up a record of which every number is known, see `_known_record`."""
    return _known_record


@pytest.fixture(scope="session")
def grid_of() -> Callable[[Profile, Sequence[str], int], list[Record]]:
    """Return a function that makes up the records of all strategies on some embeddings and seeds, at random."""

    def make(profile: Profile, embeddings: Sequence[str], seeds: int) -> list[Record]:
        return [
            _random_record(run)
            for strategy in STRATEGIES
            for embedding in embeddings
            for run in plans.plan(profile, strategy, embedding, seeds)
        ]

    return make


@pytest.fixture
def study(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Evidence:
    """Return the made-up records of a study of pairs, from which gains are predicted in few repeats."""
    monkeypatch.setattr(results, "PERMUTATIONS", 9)
    monkeypatch.setattr(predictor, "PERMUTATIONS", 9)
    quick = replace(EXHIBITS["prediction"], table=lambda e: results.prediction(e.pairs, repeats=3))
    monkeypatch.setitem(EXHIBITS, "prediction", quick)
    return Evidence(profile, pairs_made_up())


def _known_record(
    run: Run, accuracy: float = 0.5, experiment: str = "grid", flops: int = 10, **columns: float | Sequence[float]
) -> Record:
    """Make up a record whose `Record.history` has the given columns, with one value an epoch or one for all.

    Where nothing is given, losses are 1, accuracies 0.5, and an epoch takes a second and 100 operations; each
    auxiliary task takes `flops` more. The epoch with the best accuracy in validation is kept; the accuracy is that of
    all checkpoints, and of the baselines where the run has a single task.
    """
    assert columns.keys() <= EPOCHS.keys() | OF_PRIMARY.keys()
    numbers = range(run.configuration.epochs)
    epochs = pd.DataFrame({"epoch": numbers} | {name: columns.get(name, value) for name, value in EPOCHS.items()})
    own = {name: columns.get(name, value) for name, value in OF_PRIMARY.items()}
    own["loss"] = own.pop("primary_loss")
    tasks = [pd.DataFrame({"epoch": numbers, "task": "sentiment", "role": PRIMARY, "weight": 1.0} | own)]
    for name in run.auxiliaries:
        weights = [float(run.schedule.weights(t)[0]) for t in numbers]
        row = {"epoch": numbers, "task": name, "role": AUXILIARY, "weight": weights, "loss": 1.0, "probe": 1.0}
        tasks.append(pd.DataFrame(row))
    scores = {"accuracy": accuracy, "flops": {"sentiment": 100} | dict.fromkeys(run.auxiliaries, flops)}
    scores |= dict.fromkeys(SCORE_COLUMNS, accuracy)
    scores |= {"best_epoch": 0, "predictions": run.hash, "checkpoints": _checkpoints(run, accuracy)}
    if not run.auxiliaries:
        scores["baselines"] = dict.fromkeys(BASELINES, accuracy)
    frame = pd.concat(tasks, ignore_index=True) if len(tasks) > 1 else tasks[0]
    return Record(run, epochs, frame, scores, MACHINE, experiment)


def _checkpoints(run: Run, accuracy: float) -> dict[str, dict[str, float]]:
    """The first epoch of each phase of a run, and its last epoch; all with the same accuracy."""
    numbers = range(run.configuration.epochs)
    is_trained = [bool((run.schedule.weights(t) >= run.configuration.epsilon).any()) for t in numbers]
    starts = [t for t in numbers if not t or is_trained[t] != is_trained[t - 1]]
    named = {f"phase {k}": t for k, t in enumerate(starts, start=1)} | {"last": max(numbers, default=-1)}
    return {name: {"epoch": t, "accuracy": accuracy} for name, t in named.items()}


def _random_record(run: Run) -> Record:
    """Make up a record whose numbers are random, but fixed by the run."""
    rng, n = np.random.default_rng(int(run.hash, 16)), run.configuration.epochs
    record = _known_record(run, rng.uniform(0.4, 0.6), **{name: rng.random(n) for name in (*EPOCHS, *OF_PRIMARY)})
    tasks, is_auxiliary = record.tasks, record.tasks["role"] == AUXILIARY
    computed = tasks["weight"] >= run.configuration.epsilon
    tasks["loss"] = tasks["loss"].where(~is_auxiliary, rng.random(len(tasks))).where(computed)
    if is_auxiliary.any():
        tasks["probe"] = tasks["probe"].where(~is_auxiliary, rng.random(len(tasks)))
    record.epochs["loss"] = (tasks["weight"] * tasks["loss"]).groupby(tasks["epoch"]).sum()
    record.scores.update({name: rng.uniform(0.4, 0.6) for name in SCORE_COLUMNS})
    return record
