from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from relations.made_up import STEPS, TASKS, corpora_of, of_corpora, records, task_rows
from scipy import stats

from mt2st.data.tags.description import DATA
from mt2st.experiments.runs import Record
from mt2st.relations import features, gains, measures, results
from mt2st.relations.gains import FLOOR, LOW


@pytest.fixture(scope="module")
def made() -> list[Record]:
    return records()


@pytest.fixture(scope="module")
def seeded() -> list[Record]:
    """Return the runs of three seeds."""
    return records(seeds=3)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw less often; the numbers of draws are not what is tested."""
    monkeypatch.setattr(results, "PERMUTATIONS", 9)
    monkeypatch.setattr(measures, "RELABELLINGS", 99)


def test_task_features_are_of_the_single_task_runs(made: list[Record]) -> None:
    frame = results.task_features(made)
    assert list(frame.index) == list(TASKS)
    assert list(frame.columns) == [*DATA, *features.CURVE]
    assert frame.loc["ner", "OOV rate"] == made[2].scores["features"]["OOV rate"]
    curve = pd.Series(made[2].scores["by_task"]["ner"]["curve"], index=np.arange(1.0, STEPS + 1), name="ner")
    expected = features.curve_features(curve)
    np.testing.assert_allclose(frame.loc["ner", list(features.CURVE)].to_numpy(float), expected)
    beginning = results.task_features(made, 0.25).loc["ner", list(features.CURVE)].to_numpy(float)
    np.testing.assert_allclose(beginning, features.curve_features(curve[:250]))


def test_features_of_curves_are_those_of_the_mean_over_seeds(seeded: list[Record]) -> None:
    curves = np.mean([r.scores["by_task"]["ner"]["curve"] for r in seeded if corpora_of(r) == ("ner",)], axis=0)
    expected = features.curve_features(pd.Series(curves, index=np.arange(1.0, STEPS + 1), name="ner"))
    found = results.task_features(seeded).loc["ner", list(features.CURVE)].to_numpy(float)
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(results.curves(seeded)["ner"], curves)


def test_pairs_show_gains_in_validation_in_test_and_of_spans(made: list[Record]) -> None:
    frame = results.pairs(made).set_index(["main", "aux"])
    assert len(frame) == 30
    pair = next(r for r in made if corpora_of(r) == ("pos", "ner")).scores["by_task"]
    alone = {corpora_of(r)[0]: r.scores["by_task"][corpora_of(r)[0]] for r in made[: len(TASKS)]}
    row = frame.loc[("ner", "pos")]
    f1 = {part: pair["ner"][part]["f1"] / alone["ner"][part]["f1"] for part in ("validation", "test")}
    assert row["gain"] == pytest.approx(100 * (f1["validation"] - 1))
    assert row["test"] == pytest.approx(100 * (f1["test"] - 1))
    assert row["spans"] == pytest.approx(100 * (f1["validation"] - 1))
    assert row["sentences low"] <= row["gain"] <= row["sentences high"]
    assert frame[["low", "high"]].isna().all(axis=None)  # one seed
    assert frame.loc["pos", "spans"].isna().all()
    np.testing.assert_allclose(frame["averaged"], frame["gain"])  # F1 of all runs grows in proportion to the steps


def test_pairs_of_several_seeds_are_means_with_t_intervals(seeded: list[Record]) -> None:
    frame = results.pairs(seeded).set_index(["main", "aux"])
    by_seed = [results.pairs([r for r in seeded if r.run.seed == seed]).set_index(["main", "aux"]) for seed in range(3)]
    for column in ("gain", "averaged", "test"):
        np.testing.assert_allclose(frame[column], np.mean([of[column] for of in by_seed], axis=0))
    found = [of.loc[("ner", "pos"), "gain"] for of in by_seed]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(found), scale=stats.sem(found))
    assert (frame.loc[("ner", "pos"), "low"], frame.loc[("ner", "pos"), "high"]) == pytest.approx((low, high))


def test_prediction_has_each_set_of_features_under_each_division(made: list[Record]) -> None:
    frame = results.prediction(made, repeats=3)
    assert frame["held out"].unique().tolist() == list(results.DIVISIONS.values())
    assert frame.groupby("held out").size().tolist() == [6, 6, 6]
    tested = frame["features"].eq(results.ALL) & frame["held out"].ne(results.DIVISIONS["pair"])
    assert frame["p"].notna().tolist() == tested.tolist()
    losses = frame.loc[(frame["features"] == "always no gain") & (frame["held out"] == results.DIVISIONS["task"])]
    assert losses["accuracy"].item() == pytest.approx((gains.counted(made) <= 0).mean())


def test_what_is_predicted_is_the_sign_of_the_mean_gain(seeded: list[Record]) -> None:
    mean = gains.by_seed(seeded).mean(axis=1)
    assert (mean > 0).mean() != (gains.by_seed(seeded)[0] > 0).mean()
    frame = results.prediction(seeded, repeats=1).set_index(["held out", "features"])["accuracy"]
    assert frame[results.DIVISIONS["main"], "always gain"] == pytest.approx((mean > 0).mean())


def test_main_tasks_that_score_next_to_nothing_do_not_count(made: list[Record]) -> None:
    low = [with_f1(r, "pos", FLOOR / 2) if corpora_of(r) == ("pos",) else r for r in made]
    frame = results.pairs(low).set_index("main")
    assert (frame.loc["pos", "sign"] == LOW).all()
    assert LOW not in set(frame.drop("pos")["sign"])
    assert len(gains.counted(low)) == 25
    assert results.by_budget(low)["pairs"].tolist() == [25] * 10
    assert set(measures.relatedness(low)["n"]) == {25}
    predicted = results.prediction(low, repeats=1).set_index(["held out", "features"])["accuracy"]
    assert predicted[results.DIVISIONS["task"], "always gain"] == pytest.approx(
        np.mean([g > 0 for (main, aux), g in gains.counted(low).items() for _ in range(2)])
    )
    none = [with_f1(r, task, 0.0) for r in made for task in corpora_of(r)[:1] if len(corpora_of(r)) == 1]
    assert results.prediction(none + made[len(TASKS) :]).empty
    assert measures.relatedness(none + made[len(TASKS) :]).empty


def with_f1(record: Record, task: str, f1: float) -> Record:
    """Return a record in which a task has another F1 at the end."""
    scores = record.scores["by_task"]
    changed = scores[task] | {"validation": scores[task]["validation"] | {"f1": f1}}
    return replace(record, scores=record.scores | {"by_task": scores | {task: changed}})


def test_the_budget_table_reads_the_same_runs_earlier(made: list[Record]) -> None:
    frame = results.by_budget(made)
    assert frame["share of the budget"].tolist() == pytest.approx(np.arange(1, 11) / 10)
    # F1 of all runs grows in proportion to the steps, so that gains are those of the end from the beginning on.
    assert frame["rho"].tolist() == pytest.approx([1] * 10)
    assert frame["same sign"].tolist() == [1] * 10
    assert frame["pairs"].tolist() == [30] * 10
    assert frame["gains"].tolist() == [(gains.counted(made) > 0).sum()] * 10
    assert frame["f1"].iloc[-1] == pytest.approx(
        np.mean([f1["validation"]["f1"] for r in made[:6] for f1 in r.scores["by_task"].values()])
    )


def test_single_tasks_show_spans_where_there_are_any(made: list[Record]) -> None:
    frame = results.single_tasks(made)
    assert list(frame.index) == list(TASKS)
    assert frame["span F1, test"].notna().tolist() == [False, False, True, True, True, True]
    assert frame.loc["pos", "F1, validation"] == made[0].scores["by_task"]["pos"]["validation"]["f1"]


def test_single_tasks_have_means_and_intervals_over_seeds(seeded: list[Record]) -> None:
    f1 = [r.scores["by_task"]["ner"]["test"]["f1"] for r in seeded if corpora_of(r) == ("ner",)]
    assert results.single_tasks(seeded).loc["ner", "F1, test"] == pytest.approx(np.mean(f1))
    changed = [with_f1(r, "ner", 0.1 * r.run.seed + 0.3) if corpora_of(r) == ("ner",) else r for r in seeded]
    row = results.single_tasks(changed).loc["ner"]
    low, high = stats.t.interval(0.95, 2, loc=0.4, scale=0.1 / np.sqrt(3))
    assert (row["F1, validation"], row["F1 low"], row["F1 high"]) == pytest.approx((0.4, low, high))


def test_gains_stand_beside_those_published_for_such_tasks(made: list[Record]) -> None:
    few = of_corpora(made)
    published = results.pairs(few).set_index(["main", "aux"])["published"].dropna().to_dict()
    assert published == {("ud-ewt", "conll2000"): 2.87, ("conll2000", "ud-ewt"): -0.45}
    assert measures.relatedness(few)["measure"].iloc[-1] == "published gain"


def test_gains_that_are_not_defined_are_no_losses(made: list[Record]) -> None:
    pos = task_rows({"pos": [0.0, 0.0, *made[0].tasks["validation_f1"][2:]]})
    frame = results.by_budget([replace(made[0], tasks=pos), *made[1:]])
    assert frame["pairs"].tolist() == [25, 25, *[30] * 8]  # five pairs have "pos" as their main task
    assert frame["same sign"].tolist() == [1] * 10


def test_intervals_of_the_budget_hold_the_values_and_close_at_the_end(made: list[Record]) -> None:
    frame, bounds = results.by_budget(made), results.budget_intervals(made)
    assert bounds.iloc[-1].tolist() == pytest.approx([1, 1, 1, 1])
    for name in ("same sign", "rho"):
        low, high = bounds[f"{name} low"], bounds[f"{name} high"]
        assert (low <= frame[name] + 1e-9).all()
        assert (high >= frame[name] - 1e-9).all()


def test_agreement_is_the_share_of_signs_and_spearmans_correlation() -> None:
    gains, end = np.array([1.0, -2.0, 3.0, np.nan, 0.5]), np.array([2.0, 1.0, 2.5, 1.0, -1.0])
    same, rho = results._agreement(gains, end)
    kept = ~np.isnan(gains)
    assert same == pytest.approx(2 / 4)
    assert rho == pytest.approx(stats.spearmanr(gains[kept], end[kept]).statistic)
    assert np.isnan(results._agreement(gains[:1], end[:1])).all()
