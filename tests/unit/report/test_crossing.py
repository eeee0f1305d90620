"""The crossing, on records whose accuracies are known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mt2st.experiments import crossing as plan
from mt2st.experiments.baselines import MAJORITY, PERCEPTRON, TFIDF, UNIGRAM
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Record
from mt2st.report import crossing, page, summary
from mt2st.report.exhibits import Evidence
from mt2st.report.figures import crossing as pictures
from mt2st.statistics import holm, paired_difference

Make = Callable[..., Record]
PROFILE = PROFILES["imdb-crossing"]
CROSSING = plan.CROSSINGS["imdb-crossing"]
SEEDS = 3
NOISE = np.array([0.01, -0.01, 0.02])
SMALL = {"multi-task": 0.08, "Switch": 0.05}  # gains where labels are few
LARGE = {"post-training": 0.06}  # where they are many


@pytest.fixture
def records(known_record: Make) -> list[Record]:
    made = []
    for run in plan.plan(PROFILE, SEEDS):
        size = run.configuration.train
        gains = SMALL if size <= 600 else LARGE
        gain = gains.get(run.strategy, 0.0) + (NOISE[run.seed] if run.auxiliaries else 0)
        record = known_record(run, 0.6 + gain)
        if not run.auxiliaries:
            baselines = {MAJORITY: 0.5, TFIDF: 0.7 if size < 20_000 else 0.6 + NOISE[run.seed]}
            record = replace(record, scores=record.scores | {"baselines": baselines})
        made.append(record)
    return made


def test_ways_differ_from_single_task_and_from_staying_paired_by_seed(records: list[Record]) -> None:
    table = crossing.by_size(records, CROSSING)
    assert len(table) == 5 * (1 + len(plan.COMPARED) + 1)
    rows = table.set_index(["labels", "way"])
    values = 8 + 100 * NOISE
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    staying = rows.loc[200, "multi-task"]
    assert staying[["n", "accuracy"]].tolist() == pytest.approx([3, 60 + values.mean()])
    bounds = staying[["from single-task", "from single-task low", "from single-task high"]]
    assert bounds.tolist() == pytest.approx([values.mean(), interval.low, interval.high])
    assert np.isnan(staying["from multi-task"])
    switch = rows.loc[600, "Switch"][["from multi-task", "from multi-task low", "from multi-task high"]]
    assert switch.tolist() == pytest.approx([-3, -3, -3])
    assert rows.loc[20_000, "post-training"]["from multi-task"] == pytest.approx(6)
    assert rows.loc[200, TFIDF]["from single-task"] == pytest.approx(10)
    assert np.isnan(rows.loc[200, TFIDF]["from multi-task"])
    assert rows.loc[200, "single-task"][["from single-task", "from multi-task"]].isna().all()
    assert rows.loc[200, "single-task"]["from best baseline"] == pytest.approx(-10)
    assert rows.loc[600, "Switch"]["from best baseline"] == pytest.approx(-10 + values.mean() - 3)
    assert np.isnan(rows.loc[200, TFIDF]["from best baseline"])


def test_the_best_baseline_is_that_of_the_number_of_labels(records: list[Record]) -> None:
    more = {200: 0.72, 600: 0.69}  # of another baseline, above TF-IDF and below it
    scored = [
        replace(r, scores=r.scores | {"baselines": r.scores["baselines"] | {"mean": more[r.run.configuration.train]}})
        if "baselines" in r.scores and r.run.configuration.train in more
        else r
        for r in records
    ]
    rows = crossing.by_size(scored, CROSSING).set_index(["labels", "way"])
    found = rows.xs("single-task", level="way")["from best baseline"]
    assert found.loc[[200, 600, 2_000]].tolist() == pytest.approx([-12, -10, -10])


def test_p_is_corrected_over_all_differences(records: list[Record]) -> None:
    table = crossing.by_size(records, CROSSING)
    columns = [f"p from {reference} after Holm" for reference in ("single-task", "multi-task", "best baseline")]
    corrected = table[columns].to_numpy().ravel()
    ways = len(plan.COMPARED)
    count = 5 * ((ways + 1) + (ways - 1) + (ways + 1))  # ways and TF-IDF; ways from staying; all from TF-IDF
    assert np.isfinite(corrected).sum() == count
    smallest = paired_difference(np.array([0.1, 0.2, 0.3]), np.zeros(3)).p
    assert np.nanmin(corrected) == holm(np.full(count, smallest)).min()


def test_words_say_where_staying_and_ending_pay(records: list[Record]) -> None:
    staying, ends, linear = crossing.conclusions(crossing.by_size(records, CROSSING), CROSSING).splitlines()
    few = crossing.by_size(records, CROSSING).set_index(["labels", "way"]).loc[(200, "multi-task")]
    bounds = f"[{few['from single-task low']:+.1f}, {few['from single-task high']:+.1f}]"
    count = (
        (crossing.by_size(records, CROSSING)["from single-task low"][lambda low: low > 0]).count() - 4
    )  # TF-IDF apart
    assert staying.startswith(
        f"In {count} of 20 cases, a way with a number of labels, the interval of the difference from single-task "
        "learning is above 0, in 0 below it."
    )
    assert f"Staying with both tasks is +8.7 {bounds} with 200, +8.7 {bounds} with 600, +0.7 [" in staying
    assert staying.endswith(" with 20,000 labelled reviews from it, in points.")
    assert ends.endswith(
        "with 2,000 (post-training, +6.0 [+6.0, +6.0]), 5,000 (post-training, +6.0 [+6.0, +6.0]), "
        "20,000 (post-training, +6.0 [+6.0, +6.0]) labelled reviews, and worse, by one below 0, with 200 (auxiliary "
        "tasks first, -8.0 [-8.0, -8.0]), 600 (auxiliary tasks first, -8.0 [-8.0, -8.0]) labelled reviews."
    )
    assert "with 200 (TF-IDF + logistic regression, +10.0 [+10.0, +10.0]), 600 (" in linear
    assert "20,000" not in linear


def test_words_say_where_nothing_pays(known_record: Make) -> None:
    records = [known_record(run, 0.7) for run in plan.plan(PROFILE, 2)]
    assert crossing.conclusions(crossing.by_size(records, CROSSING), CROSSING).splitlines()[1:] == [
        "Ending on one task is better than staying, by an interval above 0, with no number of labelled reviews, "
        "and worse, by one below 0, with no number of labelled reviews.",
        "A linear baseline is better than single-task learning, by an interval above 0, with no number of labelled "
        "reviews.",
    ]


def test_the_picture_has_a_line_for_each_way_and_number_of_labels(records: list[Record]) -> None:
    table = crossing.by_size(records, CROSSING)
    level, single, staying = pictures.by_size(table, CROSSING).axes
    assert [line.get_label() for line in level.get_lines()] == ["single-task", *plan.COMPARED, TFIDF]
    drawn = level.get_lines()[0].get_ydata()
    assert drawn == pytest.approx(table.loc[table["way"] == "single-task", "accuracy"].to_numpy())
    assert len(single.get_lines()) == len(plan.COMPARED) + 1  # and the line at 0
    assert len(staying.get_lines()) == len(plan.COMPARED)
    assert {axes.get_xlabel() for axes in (level, single, staying)} == {"labelled reviews"}
    assert [text.get_text() for text in level.get_xticklabels()] == ["200", "600", "2,000", "5,000", "20,000"]


def test_the_table_reads_as_text(records: list[Record]) -> None:
    shown = crossing.readable(crossing.by_size(records, CROSSING))
    assert shown["labels"].iloc[0] == "200"
    assert shown.loc[1, "from single-task (points)"].startswith("+8.7 [")
    assert shown.loc[0, "from single-task (points)"] == "–"


def test_the_recipe_stands_beside_the_ways(known_record: Make) -> None:
    tagged, profile = plan.CROSSINGS["pos-crossing"], PROFILES["pos-crossing"]
    accuracies = {"single-task": 0.6, "multi-task": 0.65, "recipe": 0.72}
    records = []
    for run in plan.plan(profile, 2):
        record = known_record(run, accuracies.get(run.strategy, 0.6))
        baselines = {} if run.auxiliaries else {"baselines": {PERCEPTRON: 0.7, UNIGRAM: 0.5}}
        records.append(replace(record, scores=record.scores | baselines))
    table = crossing.by_size(records, tagged)
    row = table.set_index(["labels", "way"]).loc[(100, "recipe")]
    assert row[["from single-task", "from multi-task", "from best baseline"]].tolist() == pytest.approx([12, 7, 2])
    assert table[table["labels"] == 100]["way"].tolist() == [
        "single-task",
        *plan.COMPARED,
        "recipe",
        PERCEPTRON,
        UNIGRAM,
    ]
    said = crossing.conclusions(table, tagged).splitlines()
    assert " of 20 cases, a way with a number of labels, " in said[0]  # without the recipe
    assert said[3].startswith("With 100, 300, 1,000, 3,000 and 10,000 tagged sentences the recipe, chosen on film ")
    assert "tuned here, is +12.0 [+12.0, +12.0], +12.0 [" in said[3]
    assert " from staying with both tasks; and +2.0 [+2.0, +2.0], " in said[3]
    assert said[3].endswith("A step of it has 3 batches, one of single-task learning 1 and one with both tasks 2.")
    level, single, staying = pictures.by_size(table, tagged).axes
    drawn = [[line.get_label() for line in axes.get_lines()] for axes in (level, single, staying)]
    assert [labels.count("recipe") for labels in drawn] == [1, 1, 1]


def test_a_crossing_in_short_has_its_fewest_and_its_most_labels(records: list[Record]) -> None:
    table = crossing.by_size(records, CROSSING)
    few, many = crossing.at_both_ends({"imdb-crossing": table, "digits": table}).to_dict("records")
    assert (few["task"], few["labels"], few["n"]) == (crossing.TITLES["imdb-crossing"], "200", 3)
    assert (many["task"], many["labels"], many["n"]) == ("", "20,000", 3)
    rows = table.set_index(["labels", "way"])
    for shown, size in ((few, 200), (many, 20_000)):
        assert shown["both − one task"] == summary.points(rows.loc[(size, "multi-task")], "from single-task")
        assert shown["Switch − both"] == summary.points(rows.loc[(size, "Switch")], "from multi-task")
        assert shown["recipe − one task"] == shown["recipe − best baseline"] == "–"
    assert few["one task − best baseline"] == "-10.0 [-10.0, -10.0]"
    assert few["Switch − both"] == "-3.0 [-3.0, -3.0]"


def test_names_are_compared_by_the_f1_of_spans(known_record: Make) -> None:
    tagged, profile = plan.CROSSINGS["names-crossing"], PROFILES["names-crossing"]
    records = [known_record(run, 0.9) for run in plan.plan(profile, 2)]
    f1 = {"single-task": 0.3, "multi-task": 0.35}
    scored = [replace(r, scores=r.scores | {"span_f1": f1.get(r.run.strategy, 0.4)}) for r in records]
    table = crossing.by_size(scored, tagged)
    assert table.set_index(["labels", "way"]).loc[(300, "multi-task"), "F1 of names"] == pytest.approx(35)
    assert table.set_index(["labels", "way"]).loc[(300, "multi-task"), "from single-task"] == pytest.approx(5)
    assert crossing.readable(table).loc[0, "F1 of names (%)"] == "30.0 [30.0, 30.0]"
    assert pictures.by_size(table, tagged).axes[0].get_ylabel() == "test F1 of names (%)"


def test_the_documents_have_the_words_and_the_table(records: list[Record]) -> None:
    made = [replace(record, experiment="crossing") for record in records]
    blocks = page.blocks(Evidence(PROFILE, made))
    said = crossing.conclusions(crossing.by_size(records, CROSSING), CROSSING).splitlines()
    assert blocks["crossing:imdb-crossing"].splitlines() == [f"- {line}" for line in said]
    assert "| 20,000 | post-training | 3 | 66.7 [" in blocks["sizes:imdb-crossing"]
    assert blocks.keys() == {"crossing:imdb-crossing", "sizes:imdb-crossing"}
