import numpy as np
import pandas as pd
import pytest
from relations.made_up import records
from relations.test_results import with_f1
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler

from mt2st.relations import features, gains, predictor, results
from mt2st.relations.predictor import Predictor, Skill


@pytest.fixture(scope="module")
def known() -> Predictor:
    return Predictor.of(records())


def test_a_held_out_probability_comes_from_pairs_without_either_task(known: Predictor) -> None:
    of_pairs = features.pair_features(known.tasks).loc[known.gains.index]
    others = [pair for pair in of_pairs.index if not {"pos", "ner"} & set(pair)]
    assert len(others) == 12
    scaler = MinMaxScaler().fit(of_pairs.loc[others].to_numpy())
    model = LogisticRegression(solver="liblinear", random_state=0)
    model.fit(scaler.transform(of_pairs.loc[others].to_numpy()), known.gains[others] > 0)
    row = scaler.transform(of_pairs.loc[[("pos", "ner")]].to_numpy())
    assert known.held_out.loc[("pos", "ner"), "p"] == pytest.approx(model.predict_proba(row)[0, 1])
    assert known.held_out["gain"].tolist() == (known.gains > 0).tolist()
    assert (known.steps, len(known.gains)) == (625, 30)


def test_the_probability_of_a_recorded_pair_is_that_of_the_model_on_all(known: Predictor) -> None:
    of_pairs = features.pair_features(known.tasks).loc[known.gains.index]
    scaler = MinMaxScaler().fit(of_pairs.to_numpy())
    model = LogisticRegression(solver="liblinear", random_state=0).fit(scaler.transform(of_pairs), known.gains > 0)
    expected = model.predict_proba(scaler.transform(of_pairs.loc[[("ner", "links")]].to_numpy()))[0, 1]
    assert known.probability(known.tasks.loc["ner"], known.tasks.loc["links"]) == pytest.approx(expected)


def test_calibration_is_what_became_of_the_most_similar_pairs() -> None:
    gains = pd.Series(1.0, pd.MultiIndex.from_product([["m"], map(str, range(40))], names=["main", "aux"]))
    fixed = Predictor(pd.DataFrame(), gains, 1)
    p = np.linspace(0, 1, 40)
    fixed.__dict__["held_out"] = pd.DataFrame({"p": p, "gain": p > 0.75}, index=gains.index)
    found = fixed.calibration(1.0)
    interval = binomtest(10, 20).proportion_ci(method="wilson")
    assert found == {"gained": 0.5, "low": interval.low, "high": interval.high, "n": 20}


def test_where_all_other_pairs_gain_so_does_a_held_out_one(known: Predictor) -> None:
    every = Predictor(known.tasks, known.gains.abs() + 1, known.steps)
    assert every.held_out["p"].tolist() == [1.0] * 30
    assert every.probability(known.tasks.loc["pos"], known.tasks.loc["ner"]) == 1


def test_the_target_is_the_mean_gain_over_seeds() -> None:
    made = records(seeds=3)
    known = Predictor.of(made)
    pd.testing.assert_series_equal(known.gains, gains.by_seed(made).mean(axis=1))
    assert known.steps == 625
    assert known.share == (known.gains > 0).mean()
    np.testing.assert_allclose(known.tasks.astype(float), results.task_features(made, 0.625).astype(float))


def test_a_probe_is_no_longer_than_a_recorded_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "PROBE", 4_000)
    assert Predictor.of(records()).steps == 1_000


def test_main_tasks_that_score_next_to_nothing_are_known_as_auxiliary_ones_alone() -> None:
    made = records()
    known = Predictor.of([with_f1(made[0], "pos", 0.05), *made[1:]])
    assert len(known.gains) == 25
    assert "pos" not in known.gains.index.get_level_values("main")
    of_pairs = features.pair_features(known.tasks).loc[known.gains.index]
    others = [pair for pair in of_pairs.index if not {"ner", "chunks"} & set(pair)]
    assert ("links", "pos") in others
    assert ("pos", "links") not in others


def test_skill_is_the_error_of_the_held_out_probabilities_beside_that_of_a_constant(
    known: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor, "PERMUTATIONS", 19)
    skill = Predictor(known.tasks, known.gains, known.steps).skill
    gain = (known.gains > 0).astype(float)
    assert skill.error == pytest.approx(((known.held_out["p"] - gain) ** 2).mean())
    assert skill.constant == pytest.approx(gain.mean() * (1 - gain.mean()))
    assert 1 / 20 <= skill.p <= 1


def test_what_features_tell_has_a_small_p_and_no_task_with_another_name_does_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predictor, "PERMUTATIONS", 39)
    names = [f"task {k}" for k in range(8)]
    tasks = pd.DataFrame({"size": np.arange(1.0, 9.0), "noise": [2.0, 7, 1, 8, 2, 8, 1, 8]}, index=names)
    pairs = features.pair_features(tasks)
    larger = pd.Series(np.where(pairs["aux", "size"] > pairs["main", "size"], 1.0, -1.0), pairs.index)
    skill = Predictor(tasks, larger, 1).skill
    assert skill.error < skill.constant == 0.25
    assert skill.p == 1 / 40
    assert skill.is_known


@pytest.mark.parametrize(
    ("skill", "is_known"),
    [(Skill(0.2, 0.25, 0.01), True), (Skill(0.2, 0.25, 0.06), False), (Skill(0.26, 0.25, 0.01), False)],
)
def test_a_model_is_trusted_that_beats_a_constant_by_more_than_chance(skill: Skill, is_known: bool) -> None:
    assert skill.is_known == is_known
    assert f"{skill.error:.3f}, that of a constant (the share of pairs that gain): 0.250; p = " in str(skill)


def test_where_no_pair_is_left_to_learn_from_nothing_is_known() -> None:
    tasks = pd.DataFrame({"size": [1.0, 2.0, 3.0]}, index=["a", "b", "c"])
    pairs = pd.MultiIndex.from_tuples([(m, x) for m in "abc" for x in "abc" if m != x], names=["main", "aux"])
    few = Predictor(tasks, pd.Series([1.0, -1, 1, -1, 1, -1], pairs), 1)
    assert few.held_out["p"].tolist() == [0.5] * 6
