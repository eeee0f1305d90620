"""Agreement of gradients, on records whose accuracies and cosines are known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mt2st.experiments import agreement as plan
from mt2st.experiments import paying
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Record
from mt2st.report import agreement, page
from mt2st.report.exhibits import Evidence
from mt2st.report.figures import agreement as pictures
from mt2st.statistics import holm, mean_interval, paired_difference

Make = Callable[..., Record]
PROFILE = replace(PROFILES["imdb-semi"], configuration=replace(PROFILES["imdb-semi"].configuration, epochs=5))
SEEDS = 3
NOISE = np.array([0.0, 0.01, 0.03])
GAIN = {"sum": 0.0, "gate": 0.02, "MGDA": -0.05}


def with_stands(record: Record) -> Record:
    """Let the k-th auxiliary task have the cosine k / 10 less a tenth of the epoch, plus the seed in hundredths."""
    tasks = record.tasks.copy()
    rank = tasks["task"].map({name: k for k, name in enumerate(record.run.auxiliaries)})
    tasks["cosine"] = rank / 10 - tasks["epoch"] / 10 + record.run.seed / 100
    tasks["conflicts"], tasks["size"] = (tasks["cosine"] < 0).astype(float), 2.0
    return replace(record, tasks=tasks)


@pytest.fixture
def records(known_record: Make) -> list[Record]:
    made = []
    for run in plan.plan(PROFILE, SEEDS):
        name = run.configuration.aggregator or run.configuration.balance
        accuracy = 0.8 + GAIN.get(name, 0.0) + (NOISE[run.seed] if name != "sum" else 0)
        made.append(with_stands(known_record(run, accuracy, cpu_seconds=1.0 if name == "sum" else 3.0)))
    return made


@pytest.fixture
def single(known_record: Make) -> list[Record]:
    return [known_record(run, 0.75) for run in paying.arms(PROFILE, SEEDS) if not run.auxiliaries]


def test_aggregators_differ_from_the_sum_and_from_single_task_paired_by_seed(
    records: list[Record], single: list[Record]
) -> None:
    table = agreement.by_aggregator(records, single)
    assert table["accuracy"].is_monotonic_decreasing
    rows = table.set_index("aggregator")
    assert len(rows) == 13
    values = 2 + 100 * NOISE
    expected = mean_interval(values)
    gate = rows.loc["gate"]
    assert gate[["difference", "difference low", "difference high"]].tolist() == pytest.approx(
        [expected.mean, expected.low, expected.high]
    )
    assert gate["from single-task"] == pytest.approx(5 + expected.mean)
    assert gate[["time", "time low", "time high"]].tolist() == pytest.approx([3, 3, 3])
    ps = [
        paired_difference(100 * NOISE + 100 * GAIN.get(name, 0), np.zeros(3)).p for name in rows.index if name != "sum"
    ]
    assert rows["p after Holm"].drop("sum").tolist() == pytest.approx(list(holm(np.array(ps))))
    assert rows.loc["sum", ["difference", "time", "p after Holm"]].isna().all()
    assert rows.loc["sum", "from single-task"] == pytest.approx(5)


def test_agreement_is_that_of_runs_which_sum_over_epochs_and_then_seeds(records: list[Record]) -> None:
    rows = agreement.by_task(records).set_index(["tasks", "task"])
    assert [name for name, _ in rows.index] == ["all three"] * 3 + ["heads of their own"] * 4 + ["UPDATE 0–3"] * 4
    for tasks, names in (("all three", paying.ALL), ("UPDATE 0–3", ("update0", "update1", "update2", "update3"))):
        for k, name in enumerate(names):
            row = rows.loc[tasks, name]
            by_seed = k / 10 - 0.2 + np.arange(3) / 100  # the mean epoch is 2
            found = mean_interval(by_seed)
            assert row[["cosine", "cosine low", "cosine high"]].tolist() == pytest.approx(
                [found.mean, found.low, found.high]
            )
            assert row["cosine, first fifth"] == pytest.approx(k / 10 + 0.01)
            assert row["cosine, last fifth"] == pytest.approx(k / 10 - 0.4 + 0.01)
            assert row["size"] == 2
    assert rows.loc[("all three", paying.ALL[0]), "conflicts"] == pytest.approx(80)  # all but epoch 0, in every seed


def test_cosines_by_epoch_are_drawn_by_set_with_the_mean_and_each_seed(records: list[Record]) -> None:
    frame = agreement.by_epoch(records)
    assert len(frame) == 5 * 3 * (3 + 4 + 4)
    figure = pictures.cosines(frame)
    assert [axes.get_title() for axes in figure.axes] == ["all three", "heads of their own", "UPDATE 0–3"]
    zero, mean, *seeds = figure.axes[0].get_lines()[:5]
    assert list(zero.get_ydata()) == [0, 0]
    assert mean.get_label() == paying.ALL[0]
    assert mean.get_ydata() == pytest.approx([0.01 - t / 10 for t in range(5)])
    for seed, line in enumerate(seeds):
        assert line.get_ydata() == pytest.approx([seed / 100 - t / 10 for t in range(5)])


def test_the_picture_of_aggregators_has_a_row_for_each_but_the_sum(records: list[Record], single: list[Record]) -> None:
    table = agreement.by_aggregator(records, single)
    axes = pictures.aggregators(table).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == table["aggregator"].drop(
        table.index[table["aggregator"] == "sum"]
    ).tolist()
    assert "80.0" in axes.get_xlabel()


def test_words_count_what_is_better_and_worse(records: list[Record], single: list[Record]) -> None:
    table = agreement.by_aggregator(records, single)
    said = agreement.conclusions(table, agreement.by_task(records)).splitlines()
    better = (table["difference low"] > 0).sum()
    assert said[0].startswith(
        f"Of 12 ways to combine gradients or balance losses {better} did better than the plain sum "
    )
    assert "the best in test, gate, is +3.3 [" in said[0]
    assert ", but n is 3: the widest interval is 3.8 points to a side; " in said[0]
    assert "a mean cosine of -0.19 to +0.01 to the primary one and conflict with it in " in said[1]
    assert said[2].endswith("within ±0.19000, and a norm of 2.00 to 2.00 times that of the primary gradient.")
    assert agreement.readable(table)["time relative to the sum"].iloc[0] == "3.00 [3.00, 3.00]"
    assert agreement.tasks_readable(agreement.by_task(records))["size"].iloc[0] == "2.00 [2.00, 2.00]"


def test_the_documents_have_the_words_and_both_tables(
    records: list[Record], single: list[Record], known_record: Make
) -> None:
    made = [replace(record, experiment="agreement") for record in records]
    made += [known_record(run, 0.75, "paying") for run in paying.arms(PROFILE, SEEDS)]
    blocks = page.blocks(Evidence(PROFILE, made))
    table = agreement.by_aggregator(records, single)
    said = agreement.conclusions(table, agreement.by_task(records)).splitlines()
    assert blocks["agreement:imdb-semi"].splitlines() == [f"- {line}" for line in said]
    assert "| gate | 3 | 83.3 [" in blocks["gradients:imdb-semi"]
    assert "| UPDATE 0–3 | update3 | 3 | +0.11000 [" in blocks["gradients:imdb-semi"]
