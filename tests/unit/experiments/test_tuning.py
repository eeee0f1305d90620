from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from mt2st import paths
from mt2st.experiments import store, strategies, tuning
from mt2st.experiments.profiles import PROFILES, Profile, Trials
from mt2st.experiments.runs import Record, Run
from mt2st.schedules import Constant

IMDB, ARMS = PROFILES["imdb"], strategies.arms()
SMOKE = PROFILES["smoke"].configuration
Values = Callable[[Run], tuple[float, float]]


@pytest.fixture
def small() -> Profile:
    """Return a profile with 2 × 1 × 2 settings and two weights."""
    trials = Trials(
        SMOKE, "CBOW", learning_rates=(1e-3, 3e-3), dropouts=(0.3,), weight_decays=(0.0, 0.1), gammas=(0.1,)
    )
    return replace(PROFILES["smoke"], trials=trials)


def save(profile: Profile, values: Values) -> None:
    """Make up all trials; `values` gives validation accuracy and loss of the best epoch, which is the second."""
    for run in tuning.plan(profile):
        accuracy, loss = values(run)
        epochs = pd.DataFrame({"epoch": range(3), "loss": 1.0, "cpu_seconds": [1.0, 2.0, 3.0]})
        held_out = {"validation_accuracy": [0.0, accuracy, 0.0], "validation_loss": [-9.0, loss, -9.0]}
        tasks = pd.DataFrame({"epoch": range(3), "task": "topic", "role": "primary", "loss": 1.0} | held_out)
        store.save(Record(run, epochs, tasks, {"best_epoch": 1}, {"device": "cpu: made up"}), profile.name)


def chosen_of(table: pd.DataFrame, kind: str, strategy: str, setting: str) -> pd.Series:
    """Return the one chosen trial of an arm."""
    arm = table[(table["kind"] == kind) & (table["strategy"] == strategy) & (table["setting"] == setting)]
    (row,) = (row for _, row in arm[arm["chosen"]].iterrows())
    return row


# --- Planning


def test_every_arm_has_the_same_trials() -> None:
    tried: dict[tuple[str, str], set[tuple[float, ...]]] = {}
    count: Counter[tuple[str, str]] = Counter()
    for kind, run in tuning._trials(IMDB):
        if kind == "settings":
            arm, conditions = (run.strategy, run.setting), run.configuration
            tried.setdefault(arm, set()).add(tuple(getattr(conditions, name) for name in tuning.TUNED))
            count[arm] += 1
    grid = {(rate, dropout, decay) for rate in (1e-3, 3e-3) for dropout in (0.3, 0.5) for decay in (0.0, 0.01)}
    assert count == dict.fromkeys(ARMS, 8)
    assert tried == dict.fromkeys(ARMS, grid)


def test_trials_differ_in_what_is_tuned_alone_and_have_the_arms_schedule() -> None:
    for kind, run in tuning._trials(IMDB):
        assert tuning.untuned(run.configuration) == tuning.untuned(IMDB.trials.configuration)
        assert (run.seed, run.embedding, run.vectors) == (0, "CBOW", "")
        if kind == "settings":
            assert run.schedule == strategies.find(run.strategy).schedule(25)


def test_every_loss_has_the_same_weights_to_choose_from_one_among_them() -> None:
    gammas = [(run.setting, run.schedule) for kind, run in tuning._trials(IMDB) if kind == tuning.GAMMA]
    assert gammas == [(f"update{k}", Constant(gamma)) for k in range(4) for gamma in (0.03, 0.1, 0.3, 1.0, 3.0)]


def test_trials_are_on_other_reviews_than_any_reported_run() -> None:
    assert {run.configuration.data for run in tuning.plan(IMDB)} == {"imdb-tuning"}
    assert {run.configuration.test for run in tuning.plan(IMDB)} == {0}
    assert len(tuning.plan(IMDB)) == 13 * 8 + 4 * 5


def test_a_profile_without_trials_has_its_own_settings(profile: Profile) -> None:
    assert tuning.plan(profile) == []
    assert tuning.configuration(profile, "mtl", "update0") is profile.configuration
    assert tuning.effort(profile).empty


# --- Choosing


def test_the_trial_of_the_highest_validation_accuracy_is_chosen(small: Profile) -> None:
    def values(run: Run) -> tuple[float, float]:
        conditions = run.configuration
        best = (3e-3, 0.1) if run.strategy == "switch" else (1e-3, 0.1)
        return (0.8 if (conditions.learning_rate, conditions.weight_decay) == best else 0.7), 0.5

    save(small, values)
    table = tuning.choose(small)
    for strategy, setting in ARMS:
        row = chosen_of(table, "settings", strategy, setting)
        rate = 3e-3 if strategy == "switch" else 1e-3
        assert (row["validation_accuracy"], row["learning_rate"], row["weight_decay"]) == (0.8, rate, 0.1)
        assert tuning.configuration(small, strategy, setting) == replace(
            small.configuration, learning_rate=rate, dropout=0.3, weight_decay=0.1
        )


def test_of_equal_accuracies_the_lowest_validation_loss_is_chosen(small: Profile) -> None:
    # The lowest loss of all goes with the lowest accuracy, which comes first.
    losses = {(1e-3, 0.0): 0.1, (1e-3, 0.1): 0.6, (3e-3, 0.0): 0.5, (3e-3, 0.1): 0.7}

    def values(run: Run) -> tuple[float, float]:
        place = run.configuration.learning_rate, run.configuration.weight_decay
        return (0.6 if place == (1e-3, 0.0) else 0.75), losses[place]

    save(small, values)
    table = tuning.choose(small)
    assert {
        (row["learning_rate"], row["weight_decay"])
        for strategy, setting in ARMS
        for row in [chosen_of(table, "settings", strategy, setting)]
    } == {(3e-3, 0.0)}


def test_of_equal_trials_the_first_is_chosen(small: Profile) -> None:
    save(small, lambda run: (0.7, 0.5))
    tuning.choose(small)
    assert tuning.configuration(small, "single", "original") == replace(
        small.configuration, learning_rate=1e-3, dropout=0.3, weight_decay=0.0
    )


def test_the_constant_weight_is_chosen_apart_from_the_settings(small: Profile) -> None:
    def values(run: Run) -> tuple[float, float]:
        return (0.9 if run.setting == "update2" and run.schedule == Constant(0.1) else 0.7), 0.5

    save(small, values)
    tuning.choose(small)
    assert tuning.gamma(small, "update2") == 0.1
    assert tuning.gamma(small, "update0") == 0.1  # the first of two that are equal
    assert tuning.configuration(small, "mtl", "update2").learning_rate == 1e-3


def test_the_table_has_a_row_a_trial_with_what_it_reached_and_cost(small: Profile) -> None:
    save(small, lambda run: (0.7, 0.5))
    table = tuning.choose(small)
    assert list(table.columns) == [
        *("kind", "strategy", "setting", "gamma", "learning_rate", "dropout", "weight_decay"),
        *("validation_accuracy", "validation_loss", "train_seconds", "chosen"),
    ]
    assert len(table) == 13 * 4 + 4 * 2
    assert set(table["validation_accuracy"]) == {0.7}
    assert set(table["validation_loss"]) == {0.5}
    assert set(table["train_seconds"]) == {6.0}
    assert table["chosen"].sum() == 13 + 4
    assert set(table.loc[table["strategy"] == "single", "gamma"]) == {0.0}
    pd.testing.assert_frame_equal(pd.read_csv(paths.tuned("smoke")), table, check_dtype=False)


def test_effort_is_equal_and_says_what_was_chosen(small: Profile) -> None:
    save(small, lambda run: (0.7, run.configuration.weight_decay))
    tuning.choose(small)
    effort = tuning.effort(small)
    assert list(zip(effort["strategy"], effort["setting"], strict=True)) == ARMS
    assert effort["trials"].tolist() == [4] * 13
    assert effort["seconds"].tolist() == [24.0] * 13
    assert effort["weight_decay"].tolist() == [0.0] * 13


@pytest.mark.usefixtures("home")
def test_without_a_table_the_message_says_how_to_make_it(small: Profile) -> None:
    with pytest.raises(FileNotFoundError, match=r"smoke\.csv is not there: make it with `mt2st reproduce"):
        tuning.configuration(small, "single", "original")


@pytest.mark.usefixtures("tuned")
def test_every_arm_has_the_settings_of_its_own_row() -> None:
    rates = [tuning.configuration(IMDB, *arm).learning_rate for arm in ARMS]
    assert rates == [(k + 1) / 1000 for k in range(13)]
    assert [tuning.gamma(IMDB, f"update{k}") for k in range(4)] == [0.1, 0.2, 0.3, 0.4]
