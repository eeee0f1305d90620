"""Ways to share parameters, on records whose accuracies are known."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats

from mt2st.architectures import ARCHITECTURES
from mt2st.experiments import sharing as plan
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Record
from mt2st.models import BiLSTM
from mt2st.report import page, sharing
from mt2st.report.exhibits import Evidence
from mt2st.report.figures import sharing as pictures
from mt2st.tasks import SentenceTask, TokenTask

Make = Callable[..., Record]
PROFILE = replace(PROFILES["wiki"], configuration=replace(PROFILES["wiki"].configuration, epochs=2))
NOISE = np.array([0.01, -0.01, 0.02])
GAIN = {"levels": 0.05, "experts": -0.1}
PARAMETERS = {"shared": 1_000, "attended": 1_200, "cyclic": 1_300, "experts": 3_000, "fusion": 2_600}
PARAMETERS |= {"interactive": 1_100, "levels": 2_500, "private": 4_000}


@pytest.fixture
def records(known_record: Make) -> list[Record]:
    """Three seeds: gains by architecture, two points more with auxiliary tasks; others take twice the time."""
    made = []
    for experiment, planned in (("sampling", plan.beside(PROFILE, 3)), ("sharing", plan.plan(PROFILE, 3))):
        for run in planned:
            architecture = run.configuration.architecture
            accuracy = 0.6 + GAIN.get(architecture, 0.0) + 0.02 * bool(run.auxiliaries)
            accuracy += NOISE[run.seed] if architecture != "shared" else 0
            record = known_record(run, accuracy, experiment, cpu_seconds=1.0 if architecture == "shared" else 2.0)
            scores = record.scores | {"parameters": PARAMETERS[architecture]}
            made.append(replace(record, scores=scores, tasks=record.tasks.assign(batches=1)))
    return made


def test_architectures_differ_from_hard_sharing_and_from_themselves_alone(records: list[Record]) -> None:
    table = sharing.by_architecture(sharing.compared(PROFILE, records))
    assert len(table) == 8 * 3 + 1
    rows = table.set_index(["architecture", "way"])
    found, gains = rows.loc["levels", "Switch"], 5 + 100 * NOISE
    half = stats.t.ppf(0.975, 2) * gains.std(ddof=1) * np.sqrt(1 / 3 + 1 / 3)  # a quarter of the articles is tested
    assert found[["from shared", "from shared low", "from shared high"]].tolist() == pytest.approx(
        [gains.mean(), gains.mean() - half, gains.mean() + half]
    )
    assert found[["from single-task", "parameters"]].tolist() == pytest.approx([2, 2.5])
    assert found[["time", "time low", "time high"]].tolist() == pytest.approx([2, 2, 2])
    assert rows.loc[("shared", "single-task"), ["from single-task", "from shared", "time"]].isna().all()
    assert np.isnan(rows.loc[("private", "multi-task, adversary"), "from shared"])  # there is none to compare with
    assert rows.loc[("private", "multi-task, adversary"), "from single-task"] == pytest.approx(2)


def test_times_are_paired_by_the_seeds_that_both_have(records: list[Record]) -> None:
    fewer = [r for r in records if r.run.seed < 2 or r.run.configuration.architecture != "shared"]
    rows = sharing.by_architecture(fewer).set_index(["architecture", "way"])
    found = rows.loc["levels", "Switch"]
    assert (found["n"], rows.loc[("shared", "Switch"), "n"]) == (3, 2)
    assert found[["time", "time low", "time high"]].tolist() == pytest.approx([2, 2, 2])


def test_what_was_made_for_other_experiments_and_is_no_hard_sharing_is_left_out(
    records: list[Record], known_record: Make
) -> None:
    other = known_record(replace(records[0].run, seed=99), 0.1, "sampling")
    assert len(sharing.compared(PROFILE, [other, *records])) == len(records)
    assert sharing.compared(PROFILE, records[:9]) == []  # none of the architectures has been run


def test_parts_say_whose_losses_reach_them() -> None:
    texts = [torch.tensor([2, 3, 4]), torch.tensor([5, 6, 7, 8])]
    topic = SentenceTask("topic", texts, torch.tensor([0, 1]), ["a", "b"])
    tags = TokenTask("tags", texts, [text % 2 for text in texts], ["even", "odd"])
    found = {}
    for name in ("levels", "private", "fusion"):
        torch.manual_seed(0)
        model = ARCHITECTURES[name].build(partial(BiLSTM, hidden=5), torch.randn(9, 6), [topic, tags])
        found[name] = sharing.reach(model, [topic, tags]).set_index("part")
        assert all(parameter.grad is None for parameter in model.parameters())
    assert found["levels"]["reached by"].to_dict() == {
        "encoder": "topic, tags",
        "heads": "topic, tags: each its own",
        "upper": "topic",
    }
    assert found["fusion"].loc["heads", "reached by"] == "topic, tags"  # what tags predict feeds the topic
    assert found["private"].loc["private", "reached by"] == "topic, tags: each its own"
    lstm = 2 * 4 * 5 * (6 + 5 + 2)  # both directions: four gates of inputs, states and two biases
    assert found["levels"].loc["encoder", "parameters"] == pytest.approx(lstm / 1_000)
    assert found["private"].loc["private", "parameters"] == pytest.approx(2 * lstm / 1_000)


def test_words_and_picture_follow_the_table(records: list[Record]) -> None:
    table = sharing.by_architecture(sharing.compared(PROFILE, records))
    first, second = sharing.conclusions(table).splitlines()
    assert first.startswith("Against hard sharing ")
    assert " of 21 arms did better and " in first
    assert "to +5.7 [" in first
    assert second.startswith("Against one task alone in the same architecture ")
    (axes,) = pictures.by_architecture(table).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == list(PARAMETERS)
    assert len(axes.get_lines()) == 2 * len(table)


def test_the_documents_have_the_words_and_the_table(records: list[Record]) -> None:
    evidence = Evidence(
        PROFILE, [replace(r, experiment="crossing") if r.experiment == "sampling" else r for r in records]
    )
    assert page.WORDS["sharing"](evidence).startswith("Against hard sharing")
    block = page.tables_block(evidence, page.TABLES["architectures"])
    assert "| levels | Switch | 3 | 2 |" in block
    assert "| shared | multi-task | 3 | 1 |" in block
