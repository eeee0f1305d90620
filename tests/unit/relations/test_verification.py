from pathlib import Path

import numpy as np
import pytest
from relations.files import COLOURS, NUMBERS, write
from scipy import stats

from mt2st.data.tags.tagged import SequenceData
from mt2st.relations import gains, probes, verification

F1 = {None: (0.5, 0.4, 0.5), "better": (0.6, 0.48, 0.6), "like": (0.5, 0.44, 0.45)}


@pytest.fixture
def tasks(tmp_path: Path) -> list[SequenceData]:
    """Return a task on colours and two others, on other sentences each."""
    files = [("main", COLOURS), ("better", NUMBERS), ("like", (".",))]
    return [probes.read_own(write(tmp_path / name, tagged, seed=k)) for k, (name, tagged) in enumerate(files)]


def test_the_measured_gain_is_paired_by_seed_and_has_the_t_interval(
    tasks: list[SequenceData], monkeypatch: pytest.MonkeyPatch
) -> None:
    def f1(main: SequenceData, other: SequenceData | None, table: object, seed: int, device: str) -> float:
        return F1[Path(other.name).name if other else None][seed]

    monkeypatch.setattr(verification, "_f1", f1)
    main, *others = tasks
    better, like = verification.measured(main, others, seeds=3).to_dict("records")
    assert (better["gain"], better["sign"]) == (pytest.approx(20), gains.GAIN)
    low, high = stats.t.interval(0.95, 2, loc=0, scale=stats.sem([0, 10, -10]))
    assert (like["gain"], like["low"], like["high"]) == pytest.approx((0, low, high), abs=1e-9)
    assert (like["sign"], like["seeds"], like["f1"]) == (gains.UNCLEAR, 3, pytest.approx(1.4 / 3))
    one = verification.measured(main, others, seeds=1).to_dict("records")[0]
    assert (one["gain"], one["sign"]) == (pytest.approx(20), gains.UNCLEAR)
    assert np.isnan(one["low"])


def test_tasks_are_trained_alone_and_together(tasks: list[SequenceData], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "STEPS", 60)
    main, other, _ = tasks
    (row,) = verification.measured(main, [other], seeds=2, device="cpu").to_dict("records")
    assert row["f1"] > 0.9  # one word tells the tag
    assert abs(row["gain"]) < 15
    assert row["low"] <= row["gain"] <= row["high"]


def test_the_cost_counts_every_batch() -> None:
    assert verification.STEPS == 2_500
    assert verification.batches(others=2, seeds=3) == 3 * (2_500 + 2 * 5_000)


def test_sentences_that_another_task_trains_on_are_not_scored(
    tasks: list[SequenceData], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = tasks[0]
    scored = []
    monkeypatch.setattr(verification, "_f1", lambda main, *_: scored.append(len(main.validation)) or 0.5)
    every = [*main.train.sentences, *main.validation.sentences, *main.test.sentences]
    train = type(main.train)(every[:-1], [["O"] * len(sentence) for sentence in every[:-1]])
    other = type(main)("same", train, main.validation, main.test, ("O",), False, ())
    with pytest.raises(ValueError, match="other tasks have all its validation sentences for training"):
        verification.measured(main, [other], seeds=1)
    verification.measured(main, [tasks[1]], seeds=1)
    assert scored
    assert min(scored) > 0
