import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mt2st.data.files.errors import MissingData
from mt2st.data.tags import sequences
from mt2st.relations import study
from mt2st.relations.joint import JointRecord, JointRun, Settings
from mt2st.relations.study import Study

TASKS = ("pos", "ner", "chunks")
F1 = {
    ("pos",): {"pos": 0.8},
    ("ner",): {"ner": 0.5},
    ("chunks",): {"chunks": 0.0},
    ("pos", "ner"): {"pos": 0.9, "ner": 0.4},
    ("pos", "chunks"): {"pos": 0.8, "chunks": 0.1},
    ("ner", "chunks"): {"ner": 0.75, "chunks": 0.2},
}


def record(corpora: tuple[str, ...], counts: dict[str, list[list[int]]] | None = None) -> JointRecord:
    """Make up a record with the scores above, 0.1 more in test."""
    scores = {
        task: {
            "validation": {"f1": f1, "accuracy": f1},
            "test": {"f1": f1 + 0.1},
            "curve": [2.0, 1.0, math.nan, 0.5],
            "counts": (counts or {}).get(task, [[1], [1], [1]]),
        }
        for task, f1 in F1[corpora].items()
    }
    history = pd.DataFrame({"step": [5, 10], "task": corpora[0], "f1": [0.1, 0.2]})
    return JointRecord(JointRun(corpora, TASKS, 8, 0, Settings()), history, scores, {"device": "cpu: made up"})


def test_every_corpus_is_trained_alone_and_with_each_other_once_with_twice_the_batches() -> None:
    planned = Study(TASKS, steps=100, seed=3).plan()
    assert [(run.corpora, run.steps) for run in planned] == [
        *[((task,), 100) for task in TASKS],
        (("pos", "ner"), 200),
        (("pos", "chunks"), 200),
        (("ner", "chunks"), 200),
    ]
    assert {(run.vocabulary, run.seed) for run in planned} == {(TASKS, 3)}
    assert len({run.hash for run in planned}) == 6


def test_the_study_has_ten_times_nine_directed_pairs_in_its_published_size() -> None:
    planned = Study(tuple(map(str, range(10)))).plan()
    assert [run.steps for run in planned] == [25_000] * 10 + [50_000] * 45


def test_a_budget_is_a_share_of_the_batches() -> None:
    assert Study(TASKS).with_budget(0.25).steps == 6_250
    for wrong in (0, -1, math.nan):
        with pytest.raises(ValueError, match="must be a positive share of its batches"):
            Study(TASKS).with_budget(wrong)


def test_corpora_that_are_not_here_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(name: str) -> tuple[Path, ...]:
        if name != "pos":
            raise MissingData(f"needs {name}")
        return ()

    monkeypatch.setattr(sequences, "locate", locate)
    assert Study(TASKS).missing() == {"ner": "needs ner", "chunks": "needs chunks"}
    assert Study(("pos", "ner", "pos")).at_hand().corpora == ("pos", "pos")
    with pytest.raises(MissingData, match="at least two corpora: needs ner; needs chunks"):
        Study(TASKS).at_hand()


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


def test_records_are_packed_and_unpacked(tmp_path: Path) -> None:
    records = [record(("pos",)), record(("pos", "ner"))]
    study.pack(records, tmp_path / "new" / "pairs-wiki.parquet")
    unpacked = study.unpack(tmp_path / "new" / "pairs-wiki.parquet")
    assert [r.run for r in unpacked] == [r.run for r in records]
    pd.testing.assert_frame_equal(unpacked[1].history, records[1].history)
    assert unpacked[1].scores["ner"]["validation"] == {"f1": 0.4, "accuracy": 0.4}
    assert math.isnan(unpacked[0].scores["pos"]["curve"][2])
    with pytest.raises(FileNotFoundError, match="make it with `mt2st reproduce --profile imdb --notebooks 10`"):
        study.unpack(tmp_path / "pairs-imdb.parquet")


def test_a_curve_is_indexed_by_the_last_step_of_each_mean() -> None:
    curve = study.curve(record(("pos",)))
    assert curve.index.tolist() == [2, 4, 6, 8]
    assert curve.tolist()[:2] == [2.0, 1.0]
