"""Arms where labels are few, on records whose accuracies are known."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mt2st.experiments import paying as plan
from mt2st.experiments import recipe
from mt2st.experiments.baselines import MAJORITY, MEAN_VECTOR, TFIDF
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Record
from mt2st.report import page, paying
from mt2st.report.exhibits import Evidence
from mt2st.report.figures import paying as pictures
from mt2st.statistics import holm, mean_interval, paired_difference, resampled_difference

Make = Callable[..., Record]
SEEDS = 3
NOISE = np.array([0.01, -0.02, 0.04])
BASELINES = {MAJORITY: 0.99, TFIDF: 0.72, MEAN_VECTOR: 0.79}
GAIN = {"multi-task": 0.1, "Diminish": 0.04, "Switch": 0.05, recipe.NAME: 0.12}
PROFILE = replace(PROFILES["imdb-semi"], configuration=replace(PROFILES["imdb-semi"].configuration, epochs=2))


@pytest.fixture
def records(known_record: Make) -> list[Record]:
    """Return all arms of three seeds: single-task at 70%, others above it by `GAIN` and noise, in twice the time."""
    made = []
    for run in plan.arms(PROFILE, SEEDS):
        if not run.auxiliaries:
            record = known_record(run, 0.7, cpu_seconds=2.0)
            made.append(replace(record, scores=record.scores | {"baselines": BASELINES}))
        else:
            is_of_all = run.auxiliaries == plan.ALL or run.strategy == recipe.NAME
            gain = GAIN.get(run.strategy, 0.0) if is_of_all else 0.02
            made.append(known_record(run, 0.7 + gain + NOISE[run.seed], cpu_seconds=4.0))
    return made


def test_arms_differ_from_single_task_learning_and_from_the_best_baseline_by_seed(records: list[Record]) -> None:
    table = paying.arms(records)
    assert table["way"].tolist()[:3] == [MEAN_VECTOR, TFIDF, "single-task"]
    assert table["accuracy"].iloc[3:].is_monotonic_decreasing
    assert len(table) == 3 + len(plan.WAYS) + 4 + 2 * len(plan.ALONE)
    rows = table.set_index(["way", "tasks"])
    values = 10 + 100 * NOISE
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    staying = rows.loc["multi-task", "all three"]
    assert staying[["n", "accuracy"]].tolist() == pytest.approx([3, 80 + 100 * NOISE.mean()])
    assert staying[["difference", "difference low", "difference high"]].tolist() == pytest.approx(
        [values.mean(), interval.low, interval.high]
    )
    assert staying["from baseline"] == pytest.approx(1 + 100 * NOISE.mean())
    assert staying[["time", "time low", "time high"]].tolist() == pytest.approx([2, 2, 2])
    assert staying["p"] == paired_difference(70 + values, np.full(3, 70.0)).p
    one_seed = rows.loc[("Switch", plan.SLOW)]
    assert one_seed[["n", "difference"]].tolist() == pytest.approx([1, 2 + 100 * NOISE[0]])
    assert one_seed[["difference low", "p", "p after Holm"]].isna().all()
    assert table["p after Holm"].notna().sum() == len(table) - 1 - 2  # single-task learning, and those with one seed
    assert table["p after Holm"].tolist() == pytest.approx(list(holm(table["p"])), nan_ok=True)
    assert rows.loc["multi-task", "update1"]["difference"] == pytest.approx(2 + 100 * NOISE.mean())
    assert rows.loc[TFIDF, ""][["difference", "from baseline"]].tolist() == pytest.approx([2, -7])
    assert np.isnan(rows.loc[MEAN_VECTOR, ""]["from baseline"])
    assert np.isnan(rows.loc["single-task", ""]["difference"])


def test_ending_on_one_task_is_compared_with_staying(records: list[Record]) -> None:
    ends = paying.endings(records).set_index("way")
    assert set(ends.index) == {*plan.WAYS, plan.RANDOM, plan.BRANCHES, plan.TUNED}
    assert ends.loc["Switch", ["difference", "difference low", "difference high"]].tolist() == pytest.approx([-5] * 3)
    assert np.isnan(ends.loc["multi-task", "difference"])


def test_the_time_to_single_tasks_accuracy_is_that_to_the_first_epoch_that_has_it(known_record: Make) -> None:
    found = []
    for run in plan.arms(PROFILE, SEEDS):
        rising = (0.75, 0.7) if not run.auxiliaries else (0.72, 0.9) if run.strategy == "multi-task" else (0.5, 0.6)
        seconds = 2.0 * (1 + run.seed) * (1 if not run.auxiliaries else 3)
        found.append(known_record(run, 0.7, validation_accuracy=rising, cpu_seconds=seconds))
    table = paying.times(found).set_index(["share", "way", "tasks"])
    assert table["validation accuracy"].unique() == pytest.approx([71.25, 75])
    alone, staying = table.loc[(1.0, "single-task", "")], table.loc[(1.0, "multi-task", "all three")]
    assert alone[["n", "reached", "seconds"]].tolist() == pytest.approx([3, 1, 4])
    assert np.isnan(alone["/ single-task"])
    assert staying[["reached", "seconds", "/ single-task"]].tolist() == pytest.approx([1, 24, 6])  # two epochs
    assert table.loc[(0.95, "multi-task", "all three"), "/ single-task"] == pytest.approx(3)  # one is enough
    never = table.loc[(0.95, "Switch", "all three")]
    assert never[["reached", "/ single-task", "/ multi-task"]].tolist() == pytest.approx([0, 6, 2])


def test_the_best_candidate_comes_first(known_record: Make) -> None:
    accuracy: Mapping[str, float] = {"multi-task": 0.8, "Switch": 0.85}
    made = [
        known_record(
            run, accuracy.get(run.strategy, 0.7) + 0.001 * run.seed + 0.01 * (run.configuration.encoder == "bag")
        )
        for run in plan.candidates(PROFILE, 0)
    ]
    table = paying.choice(made)
    assert len(table) == 2 * (1 + (len(plan.TASKS) - 1) * len(plan.TRIED))
    first = table.iloc[0]
    assert (first["encoder"], first["way"]) == ("bag", "Switch")
    assert first[["sample 10", "sample 11", "mean"]].tolist() == pytest.approx([87.0, 87.1, 87.05])
    assert paying.choice_as_text(table).iloc[0].tolist()[-2:] == ["87.0", "87.1"]


def test_what_is_said_follows_from_the_table(records: list[Record]) -> None:
    said = paying.conclusions(records)
    assert said.startswith(
        "Single-task learning reaches 70.0 [70.0, 70.0]% (n = 3); 2 of 34 arms with auxiliary tasks and more than"
    )
    assert "0 of them with p < 0.05 after Holm's correction over 36 comparisons, which takes at least 11 seeds" in said
    assert "0 of 12 other ways to weigh them did better and 12 did worse by intervals" in said
    assert "differences are -10.0 to -5.0 points" in said
    assert "On the seeds that arms share (n = 3) polarity with multi-task gains most of one task alone, +3.0 [" in said
    assert "all three tasks throughout +11.0 [+3.5, +18.5], the recipe +13.0 [+5.5, +20.5]; the paper's" in said
    assert "takes 2.00 [2.00, 2.00] times its seconds of training, the recipe 2.00 [2.00, 2.00] (n = 3; 100% of" in said
    assert said.endswith(f"from the best linear baseline, {MEAN_VECTOR}.")


def test_arms_are_drawn_by_their_difference(records: list[Record]) -> None:
    table = paying.arms(records)
    axes = pictures.differences(table).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert len(names) == len(table) - 1
    assert names[0] == recipe.NAME
    assert "all three, multi-task" in names
    assert "update1, Switch" in names
    dots = [line.get_xdata()[0] for line in axes.get_lines() if len(line.get_xdata()) == 1]
    assert dots == sorted(table["difference"].dropna(), reverse=True)


def test_the_recipe_is_one_of_the_candidates_on_other_samples() -> None:
    tried = {replace(run, seed=0, strategy=recipe.NAME) for run in plan.candidates(PROFILE, 0)}
    assert plan.chosen(PROFILE.configuration, 0) in tried
    assert {run.seed for run in plan.candidates(PROFILE, 0)}.isdisjoint(range(plan.DEVELOPMENT))


def test_readers_see_numbers_as_text(records: list[Record]) -> None:
    shown = paying.readable(paying.arms(records)).set_index("way")
    assert shown.loc["single-task"].tolist()[1:4] == [3, "70.0 [70.0, 70.0]", "–"]
    assert shown.loc[TFIDF, "difference from the best baseline (points)"] == "-7.0 [-7.0, -7.0]"


def test_the_page_and_the_documents_say_what_was_found(records: list[Record]) -> None:
    evidence = Evidence(PROFILE, [replace(record, experiment="paying") for record in records])
    said = paying.conclusions(records).splitlines()
    assert page.findings(evidence) == said
    blocks = page.blocks(evidence)
    assert blocks["paying:imdb-semi"].splitlines() == [f"- {line}" for line in said]
    assert "| recipe | polarity-pooled + pseudo-labels-pooled | 3 | 83.0 [" in blocks["arms:imdb-semi"]
    assert "Ending on one task against staying" in blocks["arms:imdb-semi"]


def test_elsewhere_differences_are_corrected_for_splits_that_share_examples(known_record: Make) -> None:
    made = []
    for run in plan.elsewhere(PROFILE, SEEDS):
        film = run.configuration.data == "movie_reviews-semi"
        if run.auxiliaries:
            made.append(known_record(run, (0.8 if film else 0.6) + NOISE[run.seed]))
        else:
            record = known_record(run, 0.7)
            made.append(replace(record, scores=record.scores | {"baselines": BASELINES}))
    table = paying.elsewhere(made)
    assert len(table) == 3 * 4
    assert table.groupby("data", sort=False)["labels"].first().tolist() == [600, 600, 2_000]
    rows = table.set_index(["data", "way"])
    values, baseline = 80 + 100 * NOISE, np.full(3, 79.0)
    expected = resampled_difference(values, baseline, 600 / 750)
    found = rows.loc["movie_reviews-semi", recipe.NAME]
    assert found[["from baseline", "from baseline low", "from baseline high"]].tolist() == pytest.approx(
        [expected.mean, expected.low, expected.high]
    )
    assert found["from single-task"] == pytest.approx(10 + 100 * NOISE.mean())
    assert rows.loc["subjectivity-semi", TFIDF]["from baseline"] == pytest.approx(-7)
    assert np.isnan(rows.loc["subjectivity-semi", MEAN_VECTOR]["from baseline"])
    of_its_own = rows.loc["imdb-semi", recipe.NAME]  # whose seeds test on others: no correction
    plain = mean_interval(-10 + 100 * NOISE)
    assert of_its_own[["from single-task low", "from single-task high"]].tolist() == pytest.approx(
        [plain.low, plain.high]
    )
    first, second, third = paying.elsewhere_in_words(table).splitlines()
    said = "On movie_reviews-semi with 600 labels, which it was not chosen on, the recipe reaches 81.0 ["
    assert first.startswith(said)
    assert f"from the best linear baseline, {MEAN_VECTOR}." in second
    assert third.startswith("On imdb-semi with 2,000 labels")


def test_constant_weights_are_compared_on_the_samples_for_choices(known_record: Make) -> None:
    accuracy = {0.03: 0.7, 0.1: 0.72, 0.3: 0.74, 3.0: 0.6}
    tried = [
        known_record(run, accuracy[float(run.schedule.weights(0))] + 0.001 * run.seed)
        for run in plan.constant_weights(PROFILE, 5)
    ]
    others = [known_record(run, 0.73 if run.strategy == "multi-task" else 0.99) for run in plan.candidates(PROFILE, 5)]
    table = paying.by_weight(tried, others)
    assert table["weight"].tolist() == [0.03, 0.1, 0.3, 1.0, 3.0]
    assert table["sample 10"].tolist() == pytest.approx([71, 73, 75, 73, 61])
    assert table["mean"].tolist() == pytest.approx([71.05, 73.05, 75.05, 73, 61.05])
    shown = paying.choice_as_text(table)
    assert shown["weight"].tolist() == ["0.03", "0.1", "0.3", "1", "3"]
    assert shown["sample 10"].tolist() == ["71.0", "73.0", "75.0", "73.0", "61.0"]
