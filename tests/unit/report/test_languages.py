"""Spanish beside English, on records whose scores are known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mt2st.experiments import languages as plan
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Record
from mt2st.report import languages, page
from mt2st.report.exhibits import Evidence
from mt2st.report.figures import languages as pictures
from mt2st.statistics import holm, paired_difference

Make = Callable[..., Record]
PROFILE = PROFILES["names-crossing"]
NOISE = np.array([0.01, -0.01, 0.02])
GAINS = {("English names", "multi-task"): 0.06, ("English names", "Switch"): 0.05, ("translations", "Switch"): -0.02}


@pytest.fixture
def records(known_record: Make) -> list[Record]:
    labels = {names: label for label, names in plan.AUXILIARIES.items()}
    made = []
    for run in plan.plan(PROFILE, 3):
        place = labels.get(run.auxiliaries, "none"), run.strategy
        f1 = 0.3 + GAINS.get(place, 0.0) + (NOISE[run.seed] if run.auxiliaries else 0)
        linked = "translations" in run.auxiliaries and run.strategy == "multi-task"
        scores = {
            "span_f1": f1,
            "translation": 0.02 if linked else 0.0,
            "translation_rotated": 0.05,
            "alignment_error": 0.55 if linked else 0.7,
        }
        made.append(replace(known_record(run, 0.9, "languages"), scores=scores))
    return made


def test_arms_differ_from_spanish_alone_and_from_staying_paired_by_seed(records: list[Record]) -> None:
    table = languages.by_arm(records)
    assert len(table) == 2 + 2 * len(plan.AUXILIARIES)
    arms = table.set_index(["auxiliary tasks", "way"])
    values = 6 + 100 * NOISE
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    row = arms.loc["English names", "multi-task"]
    assert row[["n", "F1 of names"]].tolist() == pytest.approx([3, 30 + values.mean()])
    found = row[["from single-task", "from single-task low", "from single-task high"]]
    assert found.tolist() == pytest.approx([values.mean(), interval.low, interval.high])
    assert np.isnan(row["from multi-task"])
    assert arms.loc["translations", "Switch"]["from multi-task"] == pytest.approx(-2)
    assert arms.loc["translations", "multi-task"]["alignment error rate"] == pytest.approx(55)
    assert np.isnan(arms.loc["none", "before training"]["F1 of names"])
    assert arms.loc["none", "before training"]["alignment error rate"] == pytest.approx(70)


def test_p_is_corrected_over_all_differences(records: list[Record]) -> None:
    columns = ["p from single-task after Holm", "p from multi-task after Holm"]
    corrected = languages.by_arm(records)[columns].to_numpy().ravel()
    count = 3 * len(plan.AUXILIARIES)
    assert np.isfinite(corrected).sum() == count
    smallest = paired_difference(np.array([0.1, 0.2, 0.3]), np.zeros(3)).p
    assert np.nanmin(corrected) == holm(np.full(count, smallest)).min()


def test_words_say_what_english_gives_and_what_ending_does(records: list[Record]) -> None:
    names, ends, words = languages.conclusions(languages.by_arm(records)).splitlines()
    assert names.startswith("F1 of Spanish names: English names +6.7 [")
    assert names.endswith("points from Spanish names alone, which have 30.0% (n = 3).")
    assert "English names -1.0 [-1.0, -1.0], translations -2.0 [-2.0, -2.0]" in ends
    assert words.startswith(
        "Alignment error rate: 70.0% before training, lowest after it 55.0% (translations, multi-task). Held-out"
    )
    assert "Spanish words: 0.0% before training, highest after it 2.0% (translations, multi-task); after a" in words
    assert words.endswith("rotation 5.0% before training, highest after it 5.0% (none, single-task).")


def test_the_picture_has_a_row_for_each_set_of_tasks(records: list[Record]) -> None:
    names, links = pictures.by_arm(languages.by_arm(records)).axes
    labels = [text.get_text() for text in names.get_yticklabels()]
    assert labels == ["none", *plan.AUXILIARIES]
    assert links.get_xlabel() == "alignment error rate (%), lower is better"


def test_the_documents_have_the_words_and_the_table(records: list[Record]) -> None:
    blocks = page.blocks(Evidence(PROFILE, records))
    assert blocks["languages:names-crossing"].startswith("- F1 of Spanish names: English names +6.7 [")
    assert "| English names | Switch | 3 | 35.7 [" in blocks["translations:names-crossing"]
