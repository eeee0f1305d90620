import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from relations.made_up import run_of, task_rows

from mt2st import paths
from mt2st.experiments import batch, store
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Record
from mt2st.relations import study

TASKS = ("pos", "ner", "chunks")
F1 = {
    ("pos",): {"pos": 0.8},
    ("ner",): {"ner": 0.5},
    ("chunks",): {"chunks": 0.0},
    ("pos", "ner"): {"pos": 0.9, "ner": 0.4},
    ("pos", "chunks"): {"pos": 0.8, "chunks": 0.1},
    ("ner", "chunks"): {"ner": 0.75, "chunks": 0.2},
}


def record(corpora: tuple[str, ...], counts: dict[str, list[list[int]]] | None = None) -> Record:
    """Make up a record with the scores above, 0.1 more in test."""
    by_task = {
        task: {
            "validation": {"f1": f1, "accuracy": f1},
            "test": {"f1": f1 + 0.1},
            "curve": [2.0, 1.0, math.nan, 0.5],
            "counts": (counts or {}).get(task, [[1], [1], [1]]),
        }
        for task, f1 in F1[corpora].items()
    }
    tasks = task_rows({task: [0.1, 0.2] for task in corpora})
    return Record(run_of(corpora, TASKS, steps=40), pd.DataFrame({"epoch": [0, 1]}), tasks, {"by_task": by_task})


@pytest.mark.usefixtures("home")
def test_the_recorded_pairs_of_a_profile_are_read() -> None:
    store.pack([replace(record(corpora), experiment="pairs") for corpora in F1], paths.recorded("wiki"))
    assert list(study.alone(study.recorded(PROFILES["wiki"]))) == list(TASKS)


def test_a_profile_without_study_says_which_command_makes_one() -> None:
    having = ("wiki", "relations", "text-relations")
    advice = " or ".join(f"`mt2st reproduce --profile {name} --notebooks 10`" for name in having)
    with pytest.raises(ValueError, match=f"^profile smoke has no study of pairs of tasks; {advice} makes one$"):
        study.recorded(PROFILES["smoke"])
    for name in having:
        assert batch.chosen_notebooks(PROFILES[name], ["10"]) == ["10"]  # it is not refused


@pytest.mark.usefixtures("home")
def test_a_record_without_pairs_says_which_command_adds_them() -> None:
    store.pack([replace(record(("pos",)), experiment="grid")], paths.recorded("wiki"))
    with pytest.raises(FileNotFoundError, match=r"make them with `mt2st reproduce --profile wiki --notebooks 10`$"):
        study.recorded(PROFILES["wiki"])


def test_runs_are_found_by_task_in_order_of_seeds() -> None:
    made = [replace(record(corpora), run=replace(record(corpora).run, seed=seed)) for seed in (2, 0) for corpora in F1]
    assert study.seeds(made) == [0, 2]
    found = {task: [r.run.seed for r in runs] for task, runs in study.alone(made).items()}
    assert found == {task: [0, 2] for task in TASKS}
    shared = study.together(made)
    assert len(shared) == 6
    assert [r.run.seed for r in shared["ner", "pos"]] == [0, 2]
    assert shared["ner", "pos"] == shared["pos", "ner"]


def test_a_curve_is_the_mean_over_seeds_by_the_last_step_of_each_mean() -> None:
    one = record(("pos",))
    other = replace(one, scores={"by_task": {"pos": {"curve": [4.0, 3.0, math.nan, 0.5]}}})
    curve = study.curve([one, other])
    assert curve.index.tolist() == [10, 20, 30, 40]
    assert curve.tolist()[:2] == [3.0, 2.0]


def test_readings_are_by_share_of_the_run() -> None:
    assert study.by_share(record(("pos", "ner")), "ner").to_dict() == {0.5: 0.1, 1.0: 0.2}


def test_readings_of_a_task_on_whole_texts_are_its_accuracy() -> None:
    made = record(("pos", "ner"))
    of_texts = made.tasks.rename(columns={"validation_f1": "validation_accuracy"})
    assert study.by_share(replace(made, tasks=of_texts), "ner").to_dict() == {0.5: 0.1, 1.0: 0.2}
    both = of_texts.assign(validation_f1=np.where(of_texts["task"] == "pos", 0.7, np.nan))
    assert study.by_share(replace(made, tasks=both), "ner").to_dict() == {0.5: 0.1, 1.0: 0.2}
    assert study.by_share(replace(made, tasks=both), "pos").to_dict() == {0.5: 0.7, 1.0: 0.7}
