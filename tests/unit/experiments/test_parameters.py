import math
import re
from typing import Any

import pytest

from mt2st.experiments import parameters
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.strategies import STRATEGIES, Strategy
from mt2st.schedules import Constant

GOOD = {"profile": "smoke", "embedding": "SkipGram", "seeds": 2, "device": "cpu"}
SHARED = {"profile": str, "embedding": str, "seeds": int, "device": str, "fresh": bool}


def test_good_values_become_parameters() -> None:
    checked = parameters.validate(GOOD, "single")
    assert checked.profile is PROFILES["smoke"]
    assert (checked.embedding, checked.seeds, checked.device) == ("SkipGram", 2, "cpu")


@pytest.mark.parametrize("strategy", ["", "switch"])
def test_a_profile_alone_is_enough(strategy: str) -> None:
    checked = parameters.validate({"profile": "wiki"}, strategy)
    assert (checked.profile.name, checked.embedding, checked.seeds, checked.device) == ("wiki", "CBOW", 1, "auto")


@pytest.mark.parametrize(
    ("strategy", "given"),
    [
        ("diminish", {"gamma0": 0.5, "eta": 0.3, "nu": 2.0}),
        ("diminish", {"eta": 1}),
        ("mtl", {"gamma0": 0}),
        ("switch", {"t_switch": 6, "gamma0": 0.5}),
        ("single", {"embedding": "GloveTwitter"}),
    ],
)
def test_the_parameters_of_schedules_are_known(strategy: str, given: dict[str, object]) -> None:
    assert parameters.validate(GOOD | given, strategy).profile.name == "smoke"


def test_a_notebook_has_the_shared_parameters_and_those_of_its_strategy_or_the_profile_alone() -> None:
    assert parameters.known("single") == SHARED
    assert parameters.known("mtl") == SHARED | {"gamma0": float}
    assert parameters.known("diminish") == SHARED | {"gamma0": float, "eta": float, "nu": float}
    assert parameters.known("switch") == SHARED | {"t_switch": int, "gamma0": float}
    assert parameters.known() == {"profile": str}


def test_a_strategy_of_ones_own_brings_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Strategy("own", "own", lambda slope: Constant(slope), lambda epochs: {"slope": 1 / epochs}, "black")
    monkeypatch.setitem(STRATEGIES, "own", own)
    assert parameters.known("own")["slope"] is float
    assert parameters.validate(GOOD | {"slope": 0.5}, "own").seeds == 2


@pytest.mark.parametrize("value", [1, None, [1]])
@pytest.mark.parametrize("name", ["learning_rate", "seed", "Seeds", "t_switch"])
def test_a_name_that_the_notebook_does_not_have_is_refused_with_those_it_has(name: str, value: object) -> None:
    known = "profile, embedding, seeds, device, fresh, gamma0"
    with pytest.raises(ValueError, match=rf"^unknown parameter '{name}'; this notebook has: {known} \(.*restart"):
        parameters.validate(GOOD | {name: value}, "mtl")


@pytest.mark.parametrize("name", ["embedding", "seeds", "device", "eta"])
def test_a_notebook_that_only_reads_has_the_profile_alone(name: str) -> None:
    with pytest.raises(ValueError, match=f"^unknown parameter '{name}'; this notebook has: profile \\("):
        parameters.validate({"profile": "smoke", name: (GOOD | {"eta": 0.3})[name]})


def test_the_cell_can_be_run_again_after_others_have_defined_names() -> None:
    namespace: dict[str, Any] = dict(GOOD)
    namespace["settings"] = parameters.validate(namespace, "diminish")
    namespace |= {"shapes": [(0.1, 1.0)], "rate": 0.1, "seeds": 1}
    assert parameters.validate(namespace, "diminish").seeds == 1
    with pytest.raises(TypeError, match=r"^parameter seeds must be int, got None$"):
        parameters.validate(namespace | {"seeds": None}, "diminish")


@pytest.mark.parametrize("value", ["1e-4", "0.3"])
def test_a_number_that_yaml_left_a_string_is_refused_with_how_to_write_it(value: str) -> None:
    with pytest.raises(TypeError, match=rf"parameter eta must be float, got '{value}' \(in YAML write 1\.0e-4, not"):
        parameters.validate(GOOD | {"eta": value}, "diminish")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"seeds": "3"}, "parameter seeds must be int, got '3'"),
        ({"seeds": 3.0}, "parameter seeds must be int, got 3.0"),
        ({"seeds": True}, "parameter seeds must be int, got True"),
        ({"seeds": None}, "parameter seeds must be int, got None"),
        ({"seeds": (1, 2)}, r"parameter seeds must be int, got \(1, 2\)"),
        ({"t_switch": 1.5}, "parameter t_switch must be int, got 1.5"),
        ({"gamma0": True}, "parameter gamma0 must be float, got True"),
        ({"gamma0": None}, "parameter gamma0 must be float, got None"),
        ({"gamma0": [1.0]}, r"parameter gamma0 must be float, got \[1.0\]"),
        ({"embedding": ["CBOW"]}, r"parameter embedding must be str, got \['CBOW'\]"),
        ({"profile": 1}, "parameter profile must be str, got 1"),
        ({"profile": None}, "parameter profile must be str, got None"),
        ({"device": 0}, "parameter device must be str, got 0"),
    ],
)
def test_a_value_of_another_type_is_refused(given: dict[str, object], fault: str) -> None:
    with pytest.raises(TypeError, match=f"^{fault}$"):
        parameters.validate(GOOD | given, "switch")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"seeds": 0}, "parameter seeds must be at least 1, got 0"),
        ({"seeds": -1}, "parameter seeds must be at least 1, got -1"),
        ({"embedding": "cbow"}, "unknown embedding 'cbow'; known: CBOW, "),
        ({"profile": "news"}, "unknown profile 'news'; known: wiki, "),
        ({"device": "gpuu"}, "device 'gpuu' cannot be used "),
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used "),
    ],
)
def test_a_value_that_cannot_be_is_refused(given: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}"):
        parameters.validate(GOOD | given, "single")


@pytest.mark.parametrize("t_switch", [7, 10_000_000])
def test_a_switch_after_the_last_epoch_is_refused_with_their_number(t_switch: int) -> None:
    fault = f"^parameter t_switch must be at most 6, the epochs of profile smoke, got {t_switch}$"
    with pytest.raises(ValueError, match=fault):
        parameters.validate(GOOD | {"t_switch": t_switch}, "switch")


@pytest.mark.parametrize(
    ("strategy", "given", "fault"),
    [
        ("diminish", {"eta": -1}, "parameters eta = -1 make no schedule: eta must be finite and at least 0, got -1"),
        ("diminish", {"nu": 0}, "parameters nu = 0 make no schedule: nu must be finite and above 0, got 0"),
        ("diminish", {"eta": math.nan}, "parameters eta = nan make no schedule: eta must be finite"),
        ("mtl", {"gamma0": math.inf}, "parameters gamma0 = inf make no schedule: gamma must be finite"),
        ("mtl", {"gamma0": 10**400}, f"parameters gamma0 = {10**400} make no schedule: int too large"),
        ("switch", {"gamma0": -0.5, "t_switch": 3}, "parameters gamma0 = -0.5, t_switch = 3 make no schedule: gamma"),
        ("switch", {"t_switch": -1}, "parameters t_switch = -1 make no schedule: t_switch must be finite and at least"),
    ],
)
def test_parameters_that_make_no_schedule_are_refused(strategy: str, given: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}"):
        parameters.validate(GOOD | given, strategy)


def test_what_is_no_plain_value_or_not_public_is_no_parameter() -> None:
    others = {"parameters": parameters, "print": print, "_": "text", "__name__": "__main__", "In": ["x"], "Out": {}}
    assert parameters.validate(GOOD | others, "single").seeds == 2


def test_globals_without_a_profile_are_refused() -> None:
    with pytest.raises(ValueError, match="parameter profile is missing"):
        parameters.validate({"seeds": 1}, "single")
