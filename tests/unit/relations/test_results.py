from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from relations.made_up import STEPS, TASKS, records, run_of, task_rows
from scipy import stats

from mt2st.data.tags.description import DATA
from mt2st.experiments.runs import Record
from mt2st.relations import analysis, features, measures, results, study
from mt2st.relations.predictor import Predictor


def corpora_of(record: Record) -> tuple[str, ...]:
    """Return the tasks of a run."""
    return (record.run.configuration.data, *record.run.auxiliaries)


@pytest.fixture(scope="module")
def made() -> list[Record]:
    return records()


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
    assert row["low"] <= row["gain"] <= row["high"]
    assert frame.loc["pos", "spans"].isna().all()
    np.testing.assert_allclose(frame["averaged"], frame["gain"])  # F1 of all runs grows in proportion to the steps


def test_relatedness_ranks_what_was_measured_of_data_and_gradients(made: list[Record]) -> None:
    frame = results.relatedness(made).set_index("measure")
    assert len(frame) == 7
    gains = analysis.of_pairs(study.gains(made))
    cosines = {corpora_of(r): r.epochs["cosine"].mean() for r in made if r.run.auxiliaries}
    values = [cosines.get((main, aux), cosines.get((aux, main))) for main, aux in gains.index]
    assert frame.loc["gradient cosine, mean", "rho"] == pytest.approx(stats.spearmanr(values, gains).statistic)
    entropies = [made[TASKS.index(aux)].scores["features"]["label entropy"] for _, aux in gains.index]
    assert frame.loc["label entropy of aux", "rho"] == pytest.approx(stats.spearmanr(entropies, gains).statistic)


def test_prediction_has_each_set_of_features_under_each_division(made: list[Record]) -> None:
    frame = results.prediction(made, repeats=3)
    assert frame["held out"].unique().tolist() == list(results.DIVISIONS.values())
    assert frame.groupby("held out").size().tolist() == [6, 6, 6]
    assert frame["p"].notna().tolist() == [name == results.ALL for name in frame["features"]]
    gains = analysis.of_pairs(study.gains(made))
    losses = frame.loc[(frame["features"] == "always no gain") & (frame["held out"] == results.DIVISIONS["task"])]
    assert losses["accuracy"].item() == f"{(gains <= 0).mean():.3f}"


def test_the_budget_table_reads_the_same_runs_earlier(made: list[Record]) -> None:
    frame = results.by_budget(made)
    assert frame["share of the budget"].tolist() == pytest.approx(np.arange(1, 11) / 10)
    # F1 of all runs grows in proportion to the steps, so that gains are those of the end from the beginning on.
    assert frame["rho"].tolist() == pytest.approx([1] * 10)
    assert frame["same sign"].tolist() == [1] * 10
    assert frame["pairs"].tolist() == [30] * 10
    assert frame["gains"].tolist() == [(analysis.of_pairs(study.gains(made)) > 0).sum()] * 10
    assert frame["f1"].iloc[-1] == pytest.approx(
        np.mean([f1["validation"]["f1"] for r in made[:6] for f1 in r.scores["by_task"].values()])
    )


def test_single_tasks_show_spans_where_there_are_any(made: list[Record]) -> None:
    frame = results.single_tasks(made)
    assert list(frame.index) == list(TASKS)
    assert frame["span F1, test"].notna().tolist() == [False, False, True, True, True, True]
    assert frame.loc["pos", "F1, validation"] == made[0].scores["by_task"]["pos"]["validation"]["f1"]


def test_conclusions_count_gains(made: list[Record]) -> None:
    found = results.pairs(made)
    lines = results.conclusions(made).splitlines()
    assert lines[0].startswith(f"{(found['gain'] > 0).sum()} of 30 ordered pairs gain; the interval")
    helped = analysis.by_task(study.gains(made))["as main"]["gains"]
    assert "100% of the pairs have the sign of the end (rho = 1.00); with F1 averaged over the" in lines[2]
    assert lines[2].endswith(f"{(found['gain'] > 0).sum()} gain")
    most = [task for task in TASKS if helped[task] == helped.max()]
    assert lines[3].endswith(f"gains from most others: {', '.join(most)} ({helped.max()})")


def test_gains_stand_beside_those_published_for_such_tasks(made: list[Record]) -> None:
    corpora = {"pos": "ud-ewt", "chunks": "conll2000", "ner": "uner-ewt"}  # names are not in the published study
    few = [renamed(record, corpora) for record in made if set(corpora_of(record)) <= set(corpora)]
    frame = results.pairs(few).set_index(["main", "aux"])
    published = frame["published"].dropna().to_dict()
    assert published == {("ud-ewt", "conll2000"): 2.87, ("conll2000", "ud-ewt"): -0.45}
    alike = sum((frame.loc[pair, "gain"] > 0) == (gain > 0) for pair, gain in published.items())
    assert results.conclusions(few).splitlines()[4].startswith(f"{alike} of 2 gains published")
    assert results.relatedness(few)["measure"].iloc[-1] == "published gain"


def renamed(record: Record, names: dict[str, str]) -> Record:
    """Return a record with other names of its tasks."""
    tasks = record.tasks.assign(task=record.tasks["task"].map(names))
    by_task = {names[task]: scores for task, scores in record.scores["by_task"].items()}
    run = run_of([names[task] for task in corpora_of(record)])
    return replace(record, run=run, tasks=tasks, scores=record.scores | {"by_task": by_task})


def test_averaged_gains_are_of_the_readings_of_the_second_half(made: list[Record]) -> None:
    alone = task_rows({"pos": [0.1] * 5 + [0.2, 0.4, 0.2, 0.4, 0.3]})
    changed = [replace(made[0], tasks=alone), *made[1:]]
    pair = next(r for r in made if corpora_of(r) == ("pos", "chunks")).tasks
    shared = pair.loc[(pair["task"] == "pos") & (pair["epoch"] >= 5), "validation_f1"]
    expected = 100 * (shared.mean() / 0.3 - 1)
    assert results.averaged_gains(changed)["pos", "chunks"] == pytest.approx(expected)
    assert Predictor.of(changed).gains["pos", "chunks"] == pytest.approx(expected)


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
