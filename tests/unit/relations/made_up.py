"""Records of a study that nobody ran: six tasks whose curves, features and gains are drawn at random."""

from itertools import combinations

import numpy as np
import pandas as pd

from mt2st.relations.features import DATA
from mt2st.relations.joint import JointRecord, JointRun, Settings

TASKS = ("pos", "chunks", "ner", "senses", "frames", "links")
SPANS = TASKS[2:]
STEPS = 1000
SETTINGS = Settings(dimensions=8, hidden=6, batch_size=8)


def records(seed: int = 0) -> list[JointRecord]:
    """Return each task alone and all pairs; in validation a pair has a tenth of the counts more or less than alone."""
    rng = np.random.default_rng(seed)
    counts = {task: rng.integers(5, 20, size=40) for task in TASKS}
    alone = [_record((task,), rng, {task: counts[task]}) for task in TASKS]
    pairs = [_record(pair, rng, {task: counts[task] + rng.integers(-2, 3) for task in pair}) for pair in PAIRS]
    return alone + pairs


PAIRS = list(combinations(TASKS, 2))


def _record(corpora: tuple[str, ...], rng: np.random.Generator, right: dict[str, np.ndarray]) -> JointRecord:
    scores = {task: _scores(task, rng, of_task) for task, of_task in right.items()}
    if len(corpora) == 1:
        features = dict(zip(DATA, rng.uniform(1, 9, len(DATA)), strict=True)) | {"label kurtosis": rng.normal()}
        scores[corpora[0]]["features"] = features
    else:
        information = rng.random()
        for values in scores.values():
            values["label information"] = information
    rows = [
        {"step": step, "task": task, "f1": scores[task]["validation"]["f1"] * step / STEPS}
        | ({"cosine": rng.uniform(-1, 1)} if len(corpora) == 2 else {})
        for step in range(100, STEPS + 1, 100)
        for task in corpora
    ]
    run = JointRun(corpora, TASKS, STEPS * len(corpora), 0, SETTINGS)
    return JointRecord(run, pd.DataFrame(rows), scores, {"device": "cpu: made up", "table": "made up"})


def _scores(task: str, rng: np.random.Generator, right: np.ndarray) -> dict[str, object]:
    """Make up scores; of 20 tags found and 20 to be found in each sentence some are right."""
    f1 = float(right.mean() / 20)
    falling = 3 - 0.4 * np.log(np.arange(1, 1001) + rng.uniform(1, 9)) + rng.normal(0, 0.02, 1000)
    span = {"span_f1": f1 / 2} if task in SPANS else {}
    return {
        "curve": falling.tolist(),
        "validation": {"f1": f1, "accuracy": f1, "loss": 1.0} | span,
        "test": {"f1": float(f1 + rng.normal(0, 0.05)), "accuracy": f1, "loss": 1.0} | span,
        "counts": [right.tolist(), [20] * 40, [20] * 40],
    }
