from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, cross_val_score, permutation_test_score

from mt2st.data.tags.description import DATA
from mt2st.relations import analysis
from mt2st.relations.analysis import LOGISTIC
from mt2st.relations.features import CURVE

TASKS = ["CCG", "CHU", "COM", "FNT", "POS", "HYP", "KEY", "MWE", "SEM", "STR"]
PAIRS = pd.MultiIndex.from_tuples(list(permutations(TASKS, 2)), names=["main", "aux"])
COLUMNS = pd.MultiIndex.from_product([["main", "aux"], ["a", "c"]], names=["role", "feature"])


@pytest.fixture
def x() -> pd.DataFrame:
    """Return features of 90 pairs that tell nothing."""
    return pd.DataFrame(np.random.default_rng(0).normal(size=(90, 4)), index=PAIRS, columns=COLUMNS)


@pytest.fixture
def gains() -> pd.Series:
    """Return 40 gains and 50 losses: as many as the study has."""
    return pd.Series(np.random.default_rng(1).permutation([1.0] * 40 + [-1.0] * 50), index=PAIRS)


def test_gains_of_pairs_are_those_of_the_table() -> None:
    table = pd.DataFrame([[np.nan, 2.0], [-1.0, np.nan]], index=["POS", "CHU"], columns=["POS", "CHU"])
    assert analysis.of_pairs(table).to_dict() == {("POS", "CHU"): 2.0, ("CHU", "POS"): -1.0}


def test_by_task_tells_helping_from_being_helped() -> None:
    names = ["A", "B", "C"]
    table = pd.DataFrame([[np.nan, 2, 4], [-1, np.nan, 5], [-3, -9, np.nan]], index=names, columns=names)
    found = analysis.by_task(table)
    assert found["as aux", "gains"].tolist() == [0, 1, 2]
    assert found["as main", "gains"].tolist() == [2, 1, 0]
    assert found["as aux", "mean"].tolist() == [-2, -3.5, 4.5]
    assert found["as main", "median"].tolist() == [3, 2, -6]


# --- splits


def test_folds_of_pairs_test_every_pair_once_and_depend_on_the_seed() -> None:
    parts = analysis.splits(PAIRS, "pair")
    assert len(parts) == 5
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(90))
    assert all(len(test) == 18 and not set(train) & set(test) for train, test in parts)
    first, same, other = (analysis.splits(PAIRS, "pair", seed)[0][1].tolist() for seed in (0, 0, 1))
    assert first == same != other


def test_a_main_task_that_is_left_out_is_none_in_training() -> None:
    parts = analysis.splits(PAIRS, "main")
    assert [(len(train), len(test)) for train, test in parts] == [(81, 9)] * 10
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(90))
    main = PAIRS.get_level_values("main").to_numpy()
    for task, (train, test) in zip(sorted(TASKS), parts, strict=True):
        assert set(main[test]) == {task}
        assert task not in set(main[train])


def test_a_task_that_is_left_out_is_on_no_side_of_a_pair_in_training() -> None:
    parts = analysis.splits(PAIRS, "task")
    assert [(len(train), len(test)) for train, test in parts] == [(72, 18)] * 10
    for task, (train, test) in zip(sorted(TASKS), parts, strict=True):
        assert not any(task in PAIRS[place] for place in train)
        assert all(task in PAIRS[place] for place in test)


def test_another_way_to_split_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown by='fold'; known: pair, main, task"):
        analysis.splits(PAIRS, "fold")  # type: ignore[arg-type]


# --- scores


def test_scores_are_those_of_scikit_learn(x: pd.DataFrame, gains: pd.Series) -> None:
    found = analysis.scores(x, gains, "pair", repeats=2)
    for seed, row in found.iterrows():
        folds = KFold(5, shuffle=True, random_state=seed)
        for measure, scoring in {"accuracy": "accuracy", "f1 of folds": "f1"}.items():
            expected = cross_val_score(LOGISTIC, x.to_numpy(), gains > 0, cv=folds, scoring=scoring).mean()
            assert row[measure] == pytest.approx(expected)


def test_the_majority_baseline_of_table_3_is_two_classifiers(x: pd.DataFrame, gains: pd.Series) -> None:
    found = analysis.table({"x": x}, gains, "pair", repeats=2)
    assert found.loc["always no gain", "accuracy"] == pytest.approx(
        analysis.TABLE_3.loc["majority", "accuracy"], abs=6e-4
    )
    assert found.loc["always gain", "f1"] == pytest.approx(analysis.TABLE_3.loc["majority", "f1"], abs=6e-4)
    assert found.loc["always no gain", "f1"] == 0
    assert list(found.index) == ["always no gain", "always gain", "x"]
    assert list(found.columns) == ["accuracy", "f1", "f1 of folds"]
    assert found.loc["x", "accuracy"] == pytest.approx(analysis.scores(x, gains, "pair", repeats=2)["accuracy"].mean())


def test_names_of_tasks_predict_what_depends_on_the_main_task_alone(gains: pd.Series) -> None:
    of_main = pd.Series([1.0 if main < "F" else -1.0 for main, _ in PAIRS], index=PAIRS)
    names = analysis.task_names(PAIRS)
    assert names.shape == (90, 20)
    assert analysis.scores(names, of_main, "pair", repeats=1)["accuracy"].item() == 1
    assert len(analysis.scores(names, of_main, "main", repeats=5)) == 1
    assert analysis.scores(names, of_main, "main")["accuracy"].item() == pytest.approx(0.7)  # seven never gain


def test_leaving_tasks_out_has_no_chance_in_it(x: pd.DataFrame, gains: pd.Series) -> None:
    assert len(analysis.scores(x, gains, "task")) == 1


def test_rows_may_be_in_another_order_but_not_others(x: pd.DataFrame, gains: pd.Series) -> None:
    expected = analysis.scores(x, gains, "task")
    pd.testing.assert_frame_equal(analysis.scores(x.iloc[::-1], gains, "task"), expected)
    with pytest.raises(ValueError, match="of different pairs"):
        analysis.scores(x.iloc[1:], gains, "pair")


# --- permutations and coefficients


def test_permuted_labels_are_those_of_scikit_learn_in_law(x: pd.DataFrame, gains: pd.Series) -> None:
    found = analysis.permutation_test(x, gains, "pair", "labels", permutations=40)
    folds = KFold(5, shuffle=True, random_state=0)
    score, chance, p = permutation_test_score(
        LOGISTIC, x.to_numpy(), gains > 0, cv=folds, n_permutations=40, random_state=0
    )
    assert found["accuracy"] == pytest.approx(score)
    assert found["mean"] == pytest.approx(chance.mean(), abs=0.05)
    assert found["p"] == pytest.approx(p, abs=0.2)


def test_what_depends_on_the_main_task_alone_is_no_surprise_once_tasks_swap_names() -> None:
    of_main = pd.Series([1.0 if main < "F" else -1.0 for main, _ in PAIRS], index=PAIRS)
    names = analysis.task_names(PAIRS).filter(like="main")
    assert analysis.permutation_test(names, of_main, "pair", "labels", permutations=19)["p"] == 1 / 20
    assert analysis.permutation_test(names, of_main, "pair", "tasks", permutations=19)["p"] == 1


def test_renamed_pairs_keep_rows_and_columns_together() -> None:
    places = analysis.renamed(PAIRS, np.random.default_rng(0))
    assert sorted(places) == list(range(90))
    other = {main: PAIRS[place][0] for (main, _), place in zip(PAIRS, places, strict=True)}
    assert [PAIRS[place] for place in places] == [(other[main], other[aux]) for main, aux in PAIRS]


def test_tasks_that_are_auxiliary_ones_alone_swap_names_among_each_other() -> None:
    few = PAIRS[~PAIRS.get_level_values("main").isin(["POS", "CHU", "SEM"])]
    for seed in range(5):
        places = analysis.renamed(few, np.random.default_rng(seed))
        assert sorted(places) == list(range(len(few)))


def test_coefficients_find_the_feature_that_counts_and_name_the_published_ones(x: pd.DataFrame) -> None:
    found = analysis.coefficients(x, x["main", "c"])
    assert found.index[0] == ("main", "c")
    first = found.iloc[0]
    assert first["low"] <= first["coefficient"] <= first["high"]
    assert first["low"] > 0
    assert found["published"].to_dict() == {
        ("main", "a"): 0.027, ("main", "c"): 1.007, ("aux", "a"): -0.297, ("aux", "c"): -0.174,
    }  # fmt: skip
    assert list(analysis.PUBLISHED_COEFFICIENTS) == [*DATA, *CURVE]


def test_where_training_has_one_outcome_that_is_what_is_said() -> None:
    pairs = pd.MultiIndex.from_product([["a", "b"], ["c", "d"]], names=["main", "aux"])
    gains = pd.Series([1.0, 1.0, -1.0, -1.0], pairs)
    found = analysis.scores(pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}, pairs), gains, "main", repeats=1)
    assert found["accuracy"].item() == 0  # the pairs of "b" are all that is known when those of "a" are tested


def test_where_training_has_nothing_nothing_is_said() -> None:
    nothing = analysis.fitted(LOGISTIC, np.empty((0, 2)), np.empty(0, dtype=bool))
    assert nothing.predict_proba(np.zeros((1, 2))).tolist() == [[0.5, 0.5]]
    features, _, _ = analysis.scaled(np.ones((1, 2)), (np.array([], dtype=int), np.array([0])))
    assert features.shape == (0, 2)
