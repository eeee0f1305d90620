from dataclasses import fields, replace

import nltk
import pytest

from mt2st import paths
from mt2st.data.files.errors import MissingData
from mt2st.data.vectors import EMBEDDINGS
from mt2st.experiments import execution, profiles
from mt2st.experiments.auxiliaries import UPDATES
from mt2st.experiments.profiles import ARMS, PROFILES, STRATEGIES
from mt2st.experiments.runs import Configuration
from mt2st.schedules import SINGLE_TASK, Constant, Switch
from mt2st.training import EPSILON

WIKI = PROFILES["wiki"]


def test_there_are_13_arms_single_task_and_each_strategy_with_each_loss() -> None:
    assert STRATEGIES == ("single", "mtl", "diminish", "switch")
    assert ARMS[0] == ("single", "original")
    assert ARMS[1:] == tuple((strategy, f"update{k}") for strategy in STRATEGIES[1:] for k in range(4))
    assert len(UPDATES) == 4


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_has_a_schedule_for_each_strategy_and_known_embeddings(name: str) -> None:
    profile = PROFILES[name]
    assert tuple(profile.schedules) == STRATEGIES
    assert profile.schedules["single"] == SINGLE_TASK
    assert set(profile.embeddings) <= set(EMBEDDINGS)
    assert profile.configuration.epsilon == EPSILON


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_are_under_controlled_conditions_with_a_trainable_table(name: str) -> None:
    conditions = PROFILES[name].configuration
    assert (conditions.protocol, conditions.trainable, conditions.evaluate_table) == ("controlled", True, False)
    assert min(conditions.train, conditions.validation, conditions.test) > 0


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_has_notebooks_that_are_there_and_the_audit_with_the_papers_own_task_alone(name: str) -> None:
    numbers = set(PROFILES[name].notebooks)
    known = {file.name[:2] for file in paths.notebooks().glob("[0-9]*.ipynb")}
    assert numbers <= known
    assert bool(numbers & {"06", "08"}) == (name == "imdb")
    assert len(numbers) == len(PROFILES[name].notebooks)


def test_trials_are_under_the_conditions_of_their_profile_on_other_data() -> None:
    for profile in PROFILES.values():
        if profile.trials is None:
            continue
        tried, reported = profile.trials.configuration, profile.configuration
        assert (tried.data, reported.data) == ("imdb-tuning", "imdb")
        assert tried.train == reported.train
        differing = {
            field.name for field in fields(Configuration) if getattr(tried, field.name) != getattr(reported, field.name)
        }
        assert differing == {"data", "validation", "test"}
        assert profile.trials.embedding in profile.embeddings
    assert [name for name, profile in PROFILES.items() if profile.trials] == ["imdb"]


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=f"unknown profile 'news'; known: {', '.join(PROFILES)}$"):
        profiles.find_profile("news")


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_found_by_its_name(name: str) -> None:
    assert profiles.find_profile(name) is PROFILES[name]
    assert PROFILES[name].name == name


def test_diminish_and_switch_end_auxiliary_training_after_15_and_16_of_25_epochs() -> None:
    assert WIKI.configuration.epochs == 25
    assert WIKI.configuration.epsilon == EPSILON
    computed = {
        name: sum(float(WIKI.schedules[name].weights(t)[0]) >= EPSILON for t in range(25))
        for name in ("mtl", "diminish", "switch")
    }
    assert computed == {"mtl": 25, "diminish": 16, "switch": 15}  # exp(−0.3 · 15) = 0.0111, exp(−0.3 · 16) = 0.0082
    assert WIKI.schedules["mtl"] == Constant(1.0)


@pytest.mark.parametrize("name", ["diminish", "switch"])
def test_auxiliary_training_ends_within_the_small_profile_too(name: str) -> None:
    profile = PROFILES["smoke"]
    last = profile.configuration.epochs - 1
    assert float(profile.schedules[name].weights(0)[0]) == 1
    assert float(profile.schedules[name].weights(last)[0]) < EPSILON


def test_the_small_profile_is_the_same_data_in_a_smaller_model() -> None:
    small, whole = PROFILES["smoke"].configuration, WIKI.configuration
    assert (small.data, small.data_version) == (whole.data, whole.data_version)
    assert small.train < whole.train
    assert small.hidden < whole.hidden


def test_five_epochs_of_all_reviews_fade_and_switch_in_proportion_to_25() -> None:
    whole = PROFILES["imdb-full"]
    assert whole.configuration.epochs == 5
    for epoch in range(5):
        assert whole.schedules["diminish"].weights(epoch)[0] == pytest.approx(
            float(WIKI.schedules["diminish"].weights(5 * epoch)[0])
        )
        assert whole.schedules["switch"].weights(epoch)[0] == WIKI.schedules["switch"].weights(5 * epoch)[0]


@pytest.mark.parametrize("name", [name for name in PROFILES if name not in ("wiki", "smoke", "relations")])
@pytest.mark.usefixtures("home")
def test_a_profile_whose_data_are_missing_says_how_to_get_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(MissingData, match=f"run `mt2st data fetch {name}`"):
        execution.load_dataset(PROFILES[name].configuration, 0)


def test_profiles_do_not_share_their_schedules() -> None:
    other = replace(WIKI, name="other", schedules=WIKI.schedules | {"switch": Switch(3)})
    assert WIKI.schedules["switch"] == Switch(15)
    assert other.schedules["switch"] == Switch(3)
