import math
import re
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
    advice = "`mt2st reproduce --profile wiki --notebooks 10` or `mt2st reproduce --profile relations --notebooks 10`"
    with pytest.raises(ValueError, match=f"^profile smoke has no study of pairs of tasks; {advice} makes one$"):
        study.recorded(PROFILES["smoke"])
    for name in re.findall(r"--profile (\w+)", advice):
        assert batch.chosen_notebooks(PROFILES[name], ["10"]) == ["10"]  # it is not refused


@pytest.mark.usefixtures("home")
def test_a_record_without_pairs_says_which_command_adds_them() -> None:
    store.pack([replace(record(("pos",)), experiment="grid")], paths.recorded("wiki"))
    with pytest.raises(FileNotFoundError, match=r"make them with `mt2st reproduce --profile wiki --notebooks 10`$"):
        study.recorded(PROFILES["wiki"])


def test_gains_are_relative_to_the_single_task() -> None:
    gains = study.gains([record(corpora) for corpora in F1])
    assert list(gains.index) == list(gains.columns) == list(TASKS)
    assert gains.loc["pos", "ner"] == pytest.approx(12.5)
    assert gains.loc["ner", "pos"] == pytest.approx(-20)
    assert gains.loc["ner", "chunks"] == pytest.approx(50)
    assert gains.loc["pos", "chunks"] == pytest.approx(0)
    assert gains.loc["chunks"].isna().all()  # nothing to compare with
    assert np.isnan(np.diag(gains)).all()


def test_gains_in_test_and_of_another_measure() -> None:
    records = [record(corpora) for corpora in F1]
    assert study.gains(records, "test").loc["chunks", "ner"] == pytest.approx(200)
    assert study.gains(records, measure="span_f1").isna().all(axis=None)


def test_intervals_of_gains_resample_sentences() -> None:
    alone = [[8, 2, 5, 9] * 25, [10] * 100, [10] * 100]  # rightly tagged, tagged and to be tagged, by sentence
    better = [[count + 1 for count in alone[0]], *alone[1:]]
    counts = {("pos",): alone, ("ner",): alone, ("pos", "ner"): better}
    frame = study.gain_intervals([record(corpora, dict.fromkeys(corpora, of)) for corpora, of in counts.items()])
    assert frame[["main", "aux"]].to_numpy().tolist() == [["pos", "ner"], ["ner", "pos"]]
    assert frame["gain"].tolist() == pytest.approx([100 * 1 / 6] * 2)
    draws = np.random.default_rng(1).choice([8, 2, 5, 9], (20_000, 100)).mean(1)
    assert frame["low"].tolist() == pytest.approx([100 * np.quantile(1 / draws, 0.025)] * 2, rel=0.03)
    assert frame["high"].tolist() == pytest.approx([100 * np.quantile(1 / draws, 0.975)] * 2, rel=0.03)


def test_a_curve_is_indexed_by_the_last_step_of_each_mean() -> None:
    curve = study.curve(record(("pos",)))
    assert curve.index.tolist() == [10, 20, 30, 40]
    assert curve.tolist()[:2] == [2.0, 1.0]
