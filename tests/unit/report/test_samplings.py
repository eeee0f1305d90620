"""Ways to draw tasks, on records whose accuracies and batches are known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mt2st.experiments import samplings as plan
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Record
from mt2st.report import page, samplings
from mt2st.report.exhibits import Evidence
from mt2st.report.figures import samplings as pictures

Make = Callable[..., Record]
PROFILE = replace(PROFILES["wiki"], configuration=replace(PROFILES["wiki"].configuration, epochs=4))
NOISE = np.array([0.01, -0.01, 0.02])
GAIN = {"equal": 0.05, "proportional": -0.1}


@pytest.fixture
def records(known_record: Make) -> list[Record]:
    """Three seeds: gains by sampling over training together, 1 point less for draws; a fifth of batches are primary."""
    made = []
    for run in plan.plan(PROFILE, 3):
        gain = GAIN.get(run.configuration.sampling, 0.0) - 0.01 * (run.configuration.weigh == "draws")
        noise = NOISE[run.seed] if run.configuration.sampling != "together" else 0.0
        record = known_record(run, 0.6 + gain + noise)
        batches = record.tasks["role"].map({"primary": 2, "auxiliary": 4}) + 2 * record.tasks["epoch"]
        made.append(replace(record, tasks=record.tasks.assign(batches=batches), experiment="sampling"))
    return made


def test_samplings_differ_from_training_together_and_from_single_task_by_seed(records: list[Record]) -> None:
    table = samplings.by_sampling(records)
    assert len(table) == 1 + 3 + 3 * 5 + 5
    rows = table.set_index(["way", "sampling", "weigh"])
    gains = 5 + 100 * NOISE
    half = stats.t.ppf(0.975, 2) * gains.std(ddof=1) * np.sqrt(1 / 3 + 1 / 3)  # a quarter of the articles is tested
    found = rows.loc["multi-task", "equal", "losses"]
    for name in ("from together", "from single-task"):
        assert found[[name, f"{name} low", f"{name} high"]].tolist() == pytest.approx(
            [gains.mean(), gains.mean() - half, gains.mean() + half]
        )
        assert np.isnan(found[f"p {name} after Holm"])
    assert rows.loc[("Diminish", "equal", "draws"), "from together"] == pytest.approx(gains.mean() - 1)
    assert np.isnan(rows.loc[("Switch", "together", "losses"), "from together"])
    assert rows.loc[("Switch", "together", "losses"), "from single-task"] == pytest.approx(0)
    assert rows.loc[("single-task", "together", "losses"), ["from single-task", "from together"]].isna().all()
    assert found["primary"] == pytest.approx(100 * (2 + 4 + 6 + 8) / (2 + 4 + 6 + 8 + 2 * (4 + 6 + 8 + 10)))
    assert rows.loc[("single-task", "together", "losses"), "primary"] == 100


def test_shares_are_those_of_each_epoch(records: list[Record]) -> None:
    table = samplings.shares(records)
    rows = table[(table["way"] == "Switch") & (table["sampling"] == "annealed")]
    expected = [100 * (2 + 2 * t) / (2 + 2 * t + 2 * (4 + 2 * t)) for t in range(4)]
    assert rows["primary"].tolist() == pytest.approx(expected)


def test_words_count_what_is_better_and_worse(records: list[Record]) -> None:
    table = samplings.by_sampling(records)
    drawn = table[(table["sampling"] != "together")]
    above, below = (drawn["from together low"] > 0).sum(), (drawn["from together high"] < 0).sum()
    first, second, third = samplings.conclusions(table).splitlines()
    assert first.startswith(
        f"Of 20 arms that draw tasks {above} did better than training all together and {below} did worse, by intervals "
        "that exclude 0 (n = 3): from -10.3 ["
    )
    assert "(Diminish, proportional, weighing draws) to +5.7 [" in first
    assert second.startswith("Of all 23 arms with auxiliary tasks ")
    assert third.endswith("accuracy changes by -1.0 to -1.0 points (n = 3).")


def test_the_picture_has_a_panel_a_way(records: list[Record]) -> None:
    table = samplings.by_sampling(records)
    axes = pictures.by_sampling(table, samplings.shares(records)).axes
    assert [one.get_title() for one in axes[:3]] == ["multi-task", "Diminish", "Switch"]
    assert [len(one.get_lines()) for one in axes[:3]] == [6, 11, 6]
    assert [len(one.get_lines()) for one in axes[3:]] == [2 * 5 + 1, 2 * 10 + 1, 2 * 5 + 1]


def test_the_documents_have_the_words_and_the_table(records: list[Record]) -> None:
    blocks = page.blocks(Evidence(PROFILE, records))
    assert blocks["sampling:wiki"].splitlines()[1].startswith("- Of all 23 arms")
    assert "| Diminish | equal | draws | 3 | " in blocks["samplings:wiki"]
