from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from relations.made_up import PAIRS, STEPS, TASKS, records
from scipy import stats

from mt2st.relations import analysis, features, measures, results, study
from mt2st.relations.joint import JointRecord
from mt2st.relations.predictor import Predictor
from mt2st.report.figures import paper as figures
from mt2st.report.figures import relations as figures_relations


@pytest.fixture(scope="module")
def made() -> list[JointRecord]:
    return records()


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw less often; the numbers of draws are not what is tested."""
    monkeypatch.setattr(results, "PERMUTATIONS", 9)
    monkeypatch.setattr(measures, "RELABELLINGS", 99)


def test_task_features_are_of_the_single_task_runs(made: list[JointRecord]) -> None:
    frame = results.task_features(made)
    assert list(frame.index) == list(TASKS)
    assert list(frame.columns) == [*features.DATA, *features.CURVE]
    assert frame.loc["ner", "OOV rate"] == made[2].scores["ner"]["features"]["OOV rate"]
    curve = pd.Series(made[2].scores["ner"]["curve"], index=np.arange(1.0, STEPS + 1), name="ner")
    expected = features.curve_features(curve)
    np.testing.assert_allclose(frame.loc["ner", list(features.CURVE)].to_numpy(float), expected)
    beginning = results.task_features(made, 0.25).loc["ner", list(features.CURVE)].to_numpy(float)
    np.testing.assert_allclose(beginning, features.curve_features(curve[:250]))


def test_pairs_show_gains_in_validation_in_test_and_of_spans(made: list[JointRecord]) -> None:
    frame = results.pairs(made).set_index(["main", "aux"])
    assert len(frame) == 30
    pair = next(r for r in made if r.run.corpora == ("pos", "ner")).scores
    alone = {r.run.corpora[0]: r.scores[r.run.corpora[0]] for r in made[: len(TASKS)]}
    row = frame.loc[("ner", "pos")]
    f1 = {part: pair["ner"][part]["f1"] / alone["ner"][part]["f1"] for part in ("validation", "test")}
    assert row["gain"] == pytest.approx(100 * (f1["validation"] - 1))
    assert row["test"] == pytest.approx(100 * (f1["test"] - 1))
    assert row["spans"] == pytest.approx(100 * (f1["validation"] - 1))
    assert row["low"] <= row["gain"] <= row["high"]
    assert frame.loc["pos", "spans"].isna().all()
    np.testing.assert_allclose(frame["averaged"], frame["gain"])  # F1 of all runs grows in proportion to the steps


def test_relatedness_ranks_what_was_measured_of_data_and_gradients(made: list[JointRecord]) -> None:
    frame = results.relatedness(made).set_index("measure")
    assert len(frame) == 7
    gains = analysis.of_pairs(study.gains(made))
    cosines = {r.run.corpora: r.history["cosine"].mean() for r in made if len(r.run.corpora) == 2}
    values = [cosines.get((main, aux), cosines.get((aux, main))) for main, aux in gains.index]
    assert frame.loc["gradient cosine, mean", "rho"] == pytest.approx(stats.spearmanr(values, gains).statistic)
    entropies = [made[TASKS.index(aux)].scores[aux]["features"]["label entropy"] for _, aux in gains.index]
    assert frame.loc["label entropy of aux", "rho"] == pytest.approx(stats.spearmanr(entropies, gains).statistic)


def test_prediction_has_each_set_of_features_under_each_division(made: list[JointRecord]) -> None:
    frame = results.prediction(made, repeats=3)
    assert frame["held out"].unique().tolist() == list(results.DIVISIONS.values())
    assert frame.groupby("held out").size().tolist() == [6, 6, 6]
    assert frame["p"].notna().tolist() == [name == results.ALL for name in frame["features"]]
    gains = analysis.of_pairs(study.gains(made))
    losses = frame.loc[(frame["features"] == "always no gain") & (frame["held out"] == results.DIVISIONS["task"])]
    assert losses["accuracy"].item() == f"{(gains <= 0).mean():.3f}"


def test_the_budget_table_reads_the_same_runs_earlier(made: list[JointRecord]) -> None:
    frame = results.by_budget(made)
    assert frame["share of the budget"].tolist() == pytest.approx(np.arange(1, 11) / 10)
    # F1 of all runs grows in proportion to the steps, so that gains are those of the end from the beginning on.
    assert frame["rho"].tolist() == pytest.approx([1] * 10)
    assert frame["same sign"].tolist() == [1] * 10
    assert frame["pairs"].tolist() == [30] * 10
    assert frame["gains"].tolist() == [(analysis.of_pairs(study.gains(made)) > 0).sum()] * 10
    assert frame["f1"].iloc[-1] == pytest.approx(
        np.mean([r.scores[t]["validation"]["f1"] for r in made[:6] for t in r.scores])
    )


def test_single_tasks_show_spans_where_there_are_any(made: list[JointRecord]) -> None:
    frame = results.single_tasks(made)
    assert list(frame.index) == list(TASKS)
    assert frame["span F1, test"].notna().tolist() == [False, False, True, True, True, True]
    assert frame.loc["pos", "F1, validation"] == made[0].scores["pos"]["validation"]["f1"]


def test_conclusions_count_gains(made: list[JointRecord]) -> None:
    found = results.pairs(made)
    lines = results.conclusions(made).splitlines()
    assert lines[0].startswith(f"{(found['gain'] > 0).sum()} of 30 ordered pairs gain; the interval")
    helped = analysis.by_task(study.gains(made))["as main"]["gains"]
    assert "100% of the pairs have the sign of the end (rho = 1.00); with F1 averaged over the" in lines[2]
    assert lines[2].endswith(f"{(found['gain'] > 0).sum()} gain")
    most = [task for task in TASKS if helped[task] == helped.max()]
    assert lines[3].endswith(f"gains from most others: {', '.join(most)} ({helped.max()})")


def test_gains_stand_beside_those_published_for_such_tasks(made: list[JointRecord]) -> None:
    corpora = {"pos": "ud-ewt", "chunks": "conll2000", "ner": "uner-ewt"}  # names are not in the published study
    few = [renamed(record, corpora) for record in made if set(record.run.corpora) <= set(corpora)]
    frame = results.pairs(few).set_index(["main", "aux"])
    published = frame["published"].dropna().to_dict()
    assert published == {("ud-ewt", "conll2000"): 2.87, ("conll2000", "ud-ewt"): -0.45}
    alike = sum((frame.loc[pair, "gain"] > 0) == (gain > 0) for pair, gain in published.items())
    assert results.conclusions(few).splitlines()[4].startswith(f"{alike} of 2 gains published")
    assert results.relatedness(few)["measure"].iloc[-1] == "published gain"


def renamed(record: JointRecord, names: dict[str, str]) -> JointRecord:
    """Return a record with other names of its tasks."""
    run = replace(record.run, corpora=tuple(names[task] for task in record.run.corpora))
    history = record.history.assign(task=record.history["task"].map(names))
    return replace(record, run=run, history=history, scores={names[t]: s for t, s in record.scores.items()})


def test_every_table_has_a_title(made: list[JointRecord]) -> None:
    assert list(results.tables(made)) == list(results.TITLES)


def test_every_figure_is_drawn(made: list[JointRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, file: drawn.append(file.name))
    figures_relations.draw(made, tmp_path)
    assert drawn == [*figures_relations.TITLES, "by_budget"]
    assert len(PAIRS) == 15


def test_averaged_gains_are_of_the_readings_of_the_second_half(made: list[JointRecord]) -> None:
    alone = made[0].history.assign(f1=[0.1] * 5 + [0.2, 0.4, 0.2, 0.4, 0.3])
    changed = [replace(made[0], history=alone), *made[1:]]
    pair = next(r for r in made if r.run.corpora == ("pos", "chunks")).history
    shared = pair.loc[(pair["task"] == "pos") & (pair["step"] > 500), "f1"]
    expected = 100 * (shared.mean() / 0.3 - 1)
    assert results.averaged_gains(changed)["pos", "chunks"] == pytest.approx(expected)
    assert Predictor.of(changed).gains["pos", "chunks"] == pytest.approx(expected)


def test_gains_that_are_not_defined_are_no_losses(made: list[JointRecord]) -> None:
    late = [r for r in made if r.run.corpora != ("pos",)]
    pos = made[0].history.assign(f1=[0.0, 0.0, *made[0].history["f1"][2:]])
    frame = results.by_budget([replace(made[0], history=pos), *late])
    assert frame["pairs"].tolist() == [25, 25, *[30] * 8]  # five pairs have "pos" as their main task
    assert frame["same sign"].tolist() == [1] * 10
