"""Records that nobody ran, for what keeps, plans and reads them."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mt2st.experiments.runs import Record, Run
from mt2st.history import AUXILIARY, PRIMARY


@pytest.fixture(scope="session")
def record_of() -> Callable[[Run], Record]:
    """Return a function that makes up the record of a run, always the same one for the same run."""
    return _record_of


def _record_of(run: Run) -> Record:
    """Make up a record with the columns of a real one, its values random but fixed by the run."""
    rng, n = np.random.default_rng(int(run.hash, 16)), run.configuration.epochs
    of_primary = {"loss": rng.random(n), "train_accuracy": rng.random(n)}
    if run.configuration.validation:
        of_primary |= {"validation_loss": rng.random(n), "validation_accuracy": rng.random(n)}
    tasks = [pd.DataFrame({"epoch": range(n), "task": "topic", "role": PRIMARY, "weight": 1.0} | of_primary)]
    total = of_primary["loss"].copy()
    for k, name in enumerate(run.auxiliaries):
        weights = np.array([run.schedule.weights(t).expand(len(run.auxiliaries))[k].item() for t in range(n)])
        losses = np.where(weights >= run.configuration.epsilon, rng.random(n), np.nan)
        total += np.nan_to_num(weights * losses)
        own = {"weight": weights, "loss": losses, "probe": rng.random(n)}
        tasks.append(pd.DataFrame({"epoch": range(n), "task": name, "role": AUXILIARY} | own))
    epochs = pd.DataFrame(
        {
            "epoch": range(n),
            "loss": total,
            "gradient_norm": rng.random(n),
            **{"examples": 180, "tokens": 4351, "steps": 12},
            "train_seconds": rng.uniform(1, 2, n),
            "cpu_seconds": rng.uniform(0.9, 1, n),
            "evaluation_seconds": rng.random(n),
        }
    )
    best = int(np.argmax(of_primary.get("validation_accuracy", range(n)))) if n else -1
    scores = {"best_epoch": best, "flops": {"topic": 4_000_000} | dict.fromkeys(run.auxiliaries, 9_000)}
    scores |= {"accuracy": rng.uniform(0.4, 0.6), "predictions": "012", "targets": "012"}
    machine = {"device": "cpu: made up", "python": "3.11", "packages": {"torch": "2.0"}, "seed": run.seed}
    frame = pd.concat(tasks, ignore_index=True).sort_values("epoch", kind="stable", ignore_index=True)
    return Record(run, epochs, frame, scores, machine)
