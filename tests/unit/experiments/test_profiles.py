from dataclasses import fields

import nltk
import pytest

from mt2st import paths
from mt2st.data import sources
from mt2st.data.files.errors import MissingData
from mt2st.data.vectors import EMBEDDINGS
from mt2st.experiments import execution, profiles
from mt2st.experiments.crossing import CROSSINGS
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Configuration
from mt2st.training import EPSILON

WIKI = PROFILES["wiki"]


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_are_under_controlled_conditions_with_a_trainable_table_and_known_embeddings(name: str) -> None:
    conditions = PROFILES[name].configuration
    assert (conditions.protocol, conditions.trainable, conditions.evaluate_table) == ("controlled", True, 0)
    assert min(conditions.train, conditions.validation, conditions.test) > 0
    assert conditions.epsilon == EPSILON
    assert conditions.data_version == sources.find(conditions.data).version
    assert set(PROFILES[name].embeddings) <= set(EMBEDDINGS)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_has_the_notebooks_of_what_it_runs(name: str) -> None:
    profile = PROFILES[name]
    numbers = set(profile.notebooks)
    known = {paths.notebook_key(file.stem) for file in paths.notebooks().glob("[!.]*.ipynb")}
    assert numbers <= known
    assert bool(numbers & {"06", "08", "start"}) == (name == "imdb")  # about the paper's own task
    assert ("10" in numbers) == (profile.study is not None)
    assert bool(numbers & {"01", "05", "11", "12"}) == bool(profile.embeddings)
    assert bool(numbers & {"11", "13"}) == (name == "imdb-semi")
    assert ("12" in numbers) == (name in CROSSINGS)
    assert len(numbers) == len(profile.notebooks)


def test_trials_are_under_the_conditions_of_their_profile_on_other_data() -> None:
    for profile in PROFILES.values():
        if profile.trials is None:
            continue
        tried, reported = profile.trials.configuration, profile.configuration
        assert (tried.data, reported.data) == ("imdb-tuning", "imdb-disjoint")
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


def test_the_small_profile_is_the_same_data_in_a_smaller_model() -> None:
    small, whole = PROFILES["smoke"].configuration, WIKI.configuration
    assert (small.data, small.data_version) == (whole.data, whole.data_version)
    assert small.train < whole.train
    assert small.hidden < whole.hidden


@pytest.mark.parametrize("name", sorted(PROFILES.keys() - {"wiki", "smoke", "digits", "relations", "text-relations"}))
@pytest.mark.usefixtures("home")
def test_a_profile_whose_data_are_missing_says_how_to_get_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    others = {"pos-crossing": "ud-ewt", "names-crossing": "conll2002"}
    data = others.get(name) or name.removesuffix("-semi").removesuffix("-crossing")
    with pytest.raises(MissingData, match=f"run `mt2st data fetch {data}`"):
        execution.load_data(PROFILES[name].configuration, 0)
