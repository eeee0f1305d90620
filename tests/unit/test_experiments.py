from dataclasses import replace
from pathlib import Path

import nltk
import pytest

from mt2st import execution, experiments, profiles
from mt2st.data import wiki
from mt2st.embeddings import EMBEDDINGS, TRAINED, MissingData
from mt2st.experiments import GROUPS, SETTINGS, TABLES
from mt2st.profiles import PROFILES, STRATEGIES
from mt2st.runs import Configuration
from mt2st.schedules import SINGLE_TASK, Constant, Switch
from mt2st.training import EPSILON

WIKI = PROFILES["wiki"]


def test_the_single_task_arm_has_one_run_a_seed() -> None:
    planned = experiments.plan(WIKI, "single", "CBOW", seeds=3)
    assert [(run.setting, run.seed, run.auxiliaries) for run in planned] == [("original", s, ()) for s in range(3)]
    assert {run.schedule for run in planned} == {SINGLE_TASK}


@pytest.mark.parametrize("strategy", ["mtl", "diminish", "switch"])
def test_another_arm_has_each_update_loss_alone_with_each_seed(strategy: str) -> None:
    planned = experiments.plan(WIKI, strategy, "SkipGram", seeds=2)
    assert [(run.auxiliaries, run.seed) for run in planned] == [
        ((f"update{k}",), seed) for k in range(4) for seed in range(2)
    ]
    assert {(run.strategy, run.embedding, run.vectors) for run in planned} == {(strategy, "SkipGram", "")}


def test_the_whole_grid_of_trained_embeddings_is_156_different_runs() -> None:
    planned = [
        run
        for strategy in STRATEGIES
        for embedding in TRAINED
        for run in experiments.plan(WIKI, strategy, embedding, 3)
    ]
    assert len(planned) == 4 * 3 * (1 + 3 * 4) == 156
    assert len({run.hash for run in planned}) == 156


def test_every_arm_has_the_same_configuration() -> None:
    assert {run.configuration for s in STRATEGIES for run in experiments.plan(WIKI, s, "CBOW", 2)} == {
        WIKI.configuration
    }
    assert WIKI.configuration == Configuration(data_version=wiki.PARSER_VERSION)


def test_glove_runs_carry_the_name_of_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "glove.twitter.27B.25d.txt").write_text("the" + " 0.5" * 25 + "\n")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))
    planned = experiments.plan(WIKI, "single", "GloveTwitter", 1)
    assert planned[0].vectors == "glove.twitter.27B.25d.txt"


@pytest.mark.usefixtures("home")
def test_glove_without_its_file_is_missing_data() -> None:
    with pytest.raises(MissingData, match="mt2st data fetch glove-twitter-100"):
        experiments.plan(WIKI, "single", "GloveTwitter", 1)


def test_other_settings_and_another_schedule_can_be_given() -> None:
    planned = experiments.plan(WIKI, "switch", "CBOW", 1, settings=["casing", "hyperlink"], schedule=Switch(3))
    assert [run.setting for run in planned] == ["casing", "hyperlink"]
    assert {run.schedule for run in planned} == {Switch(3)}


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown strategy 'both'; known: single, mtl, diminish, switch"):
        experiments.plan(WIKI, "both", "CBOW", 1)
    with pytest.raises(ValueError, match="unknown embedding 'cbow'; known: CBOW, SkipGram, "):
        experiments.plan(WIKI, "single", "cbow", 1)
    with pytest.raises(ValueError, match="unknown profile 'news'; known: wiki, imdb, imdb-full, "):
        profiles.find_profile("news")


@pytest.mark.parametrize("name", ["wiki", "smoke"])
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


@pytest.mark.parametrize("name", [name for name in PROFILES if name not in ("wiki", "smoke")])
@pytest.mark.usefixtures("home")
def test_a_profile_whose_data_are_missing_says_how_to_get_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(MissingData, match=f"run `mt2st data fetch {name}`"):
        execution.load_dataset(PROFILES[name].configuration, 0)


def test_the_names_are_the_papers() -> None:
    assert SETTINGS == ("original", "update0", "update1", "update2", "update3")
    assert WIKI.embeddings == EMBEDDINGS
    assert TABLES == {1: "mtl", 2: "diminish", 3: "switch"}


def test_there_is_one_notebook_a_strategy(home: Path) -> None:
    assert [group.strategy for group in GROUPS] == list(STRATEGIES)
    assert [group.number for group in GROUPS] == ["01", "02", "03", "04"]
    for group in GROUPS:
        assert (home / "notebooks" / f"{group.notebook}.ipynb").is_file()


def test_profiles_do_not_share_their_schedules() -> None:
    other = replace(WIKI, name="other", schedules=WIKI.schedules | {"switch": Switch(3)})
    assert WIKI.schedules["switch"] == Switch(15)
    assert other.schedules["switch"] == Switch(3)
