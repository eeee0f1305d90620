import pytest

from mt2st.experiments import parameters
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.strategies import STRATEGIES, Strategy
from mt2st.schedules import Constant

GOOD = {"profile": "smoke", "embedding": "SkipGram", "seeds": 2, "device": "cpu"}


def test_good_values_become_parameters() -> None:
    checked = parameters.validate(GOOD)
    assert checked.profile is PROFILES["smoke"]
    assert (checked.embedding, checked.seeds, checked.device) == ("SkipGram", 2, "cpu")


def test_a_profile_alone_is_enough() -> None:
    checked = parameters.validate({"profile": "wiki"})
    assert (checked.profile.name, checked.embedding, checked.seeds, checked.device) == ("wiki", "CBOW", 1, "auto")


@pytest.mark.parametrize(
    "given",
    [
        {"gamma0": 0.5, "eta": 0.3, "nu": 2.0},
        {"eta": 1},
        {"t_switch": 15, "gamma0": 0.5},
        {"embedding": "GloveTwitter"},
    ],
)
def test_the_parameters_of_schedules_are_known(given: dict[str, object]) -> None:
    assert parameters.validate(GOOD | given).profile.name == "smoke"


def test_parameters_are_those_all_notebooks_share_and_those_of_the_strategies() -> None:
    assert parameters.known() == {
        **{"profile": str, "embedding": str, "seeds": int, "device": str},
        **{"gamma0": float, "eta": float, "nu": float, "t_switch": int},
    }


def test_a_strategy_of_ones_own_brings_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Strategy("own", "own", Constant, lambda epochs: {"slope": 1 / epochs}, "black")
    monkeypatch.setitem(STRATEGIES, "own", own)
    assert parameters.known()["slope"] is float
    assert parameters.validate(GOOD | {"slope": 0.5}).seeds == 2


@pytest.mark.parametrize("name", ["learning_rate", "seed", "Seeds"])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    known = "profile, embedding, seeds, device, gamma0, eta, nu, t_switch"
    with pytest.raises(ValueError, match=f"unknown parameter '{name}'; known: {known}"):
        parameters.validate(GOOD | {name: 1})


@pytest.mark.parametrize("value", ["1e-4", "0.3"])
def test_a_number_that_yaml_left_a_string_is_refused_with_how_to_write_it(value: str) -> None:
    with pytest.raises(TypeError, match=rf"parameter eta must be float, got '{value}' \(in YAML write 1\.0e-4, not"):
        parameters.validate(GOOD | {"eta": value})


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"seeds": "3"}, "parameter seeds must be int, got '3'"),
        ({"seeds": 3.0}, "parameter seeds must be int, got 3.0"),
        ({"seeds": True}, "parameter seeds must be int, got True"),
        ({"t_switch": 1.5}, "parameter t_switch must be int, got 1.5"),
        ({"gamma0": True}, "parameter gamma0 must be float, got True"),
        ({"gamma0": [1.0]}, r"parameter gamma0 must be float, got \[1.0\]"),
        ({"embedding": ["CBOW"]}, r"parameter embedding must be str, got \['CBOW'\]"),
        ({"profile": 1}, "parameter profile must be str, got 1"),
        ({"device": 0}, "parameter device must be str, got 0"),
    ],
)
def test_a_value_of_another_type_is_refused(given: dict[str, object], fault: str) -> None:
    with pytest.raises(TypeError, match=f"^{fault}$"):
        parameters.validate(GOOD | given)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"seeds": 0}, "parameter seeds must be at least 1, got 0"),
        ({"seeds": -1}, "parameter seeds must be at least 1, got -1"),
        ({"embedding": "cbow"}, "unknown embedding 'cbow'; known: CBOW, "),
        ({"profile": "news"}, "unknown profile 'news'; known: wiki, "),
    ],
)
def test_a_value_that_cannot_be_is_refused(given: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parameters.validate(GOOD | given)


def test_what_is_no_plain_value_or_not_public_is_no_parameter() -> None:
    others = {"parameters": parameters, "print": print, "_": "text", "__name__": "__main__", "In": ["x"], "Out": {}}
    assert parameters.validate(GOOD | others).seeds == 2


def test_globals_without_a_profile_are_refused() -> None:
    with pytest.raises(ValueError, match="parameter profile is missing"):
        parameters.validate({"seeds": 1})
