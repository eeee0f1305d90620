import math

import pytest

from mt2st.experiments import strategies
from mt2st.experiments.strategies import STRATEGIES, UPDATES
from mt2st.schedules import SINGLE_TASK, Constant, Diminish, Schedule, Switch
from mt2st.training import EPSILON


def test_there_are_13_arms_single_task_and_each_strategy_with_each_loss() -> None:
    assert list(STRATEGIES) == ["single", "mtl", "diminish", "switch"]
    assert UPDATES == ("update0", "update1", "update2", "update3")
    first, *others = strategies.arms()
    assert first == ("single", "original")
    assert others == [(name, f"update{k}") for name in ("mtl", "diminish", "switch") for k in range(4)]


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        (25, {"diminish": Diminish(1.0, 0.3, 1.0), "switch": Switch(15)}),
        (5, {"diminish": Diminish(1.0, 1.5, 1.0), "switch": Switch(3)}),
    ],
)
def test_schedules_are_as_long_as_the_run(epochs: int, expected: dict[str, Schedule]) -> None:
    found = {name: row.schedule(epochs) for name, row in STRATEGIES.items()}
    assert found == {"single": SINGLE_TASK, "mtl": Constant(1.0)} | expected


@pytest.mark.parametrize(("epochs", "diminish", "switch"), [(25, 16, 15), (5, 4, 3), (6, 4, 3), (100, 62, 60)])
def test_auxiliary_training_ends_after_about_60_percent(epochs: int, diminish: int, switch: int) -> None:
    # exp(−0.3 · 15) = 0.0111 and exp(−0.3 · 16) = 0.0082 on either side of ε = 0.01
    computed = {
        name: sum(float(row.schedule(epochs).weights(t)[0]) >= EPSILON for t in range(epochs))
        for name, row in STRATEGIES.items()
        if name != "single"
    }
    assert computed == {"mtl": epochs, "diminish": diminish, "switch": switch}


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("mtl", {"gamma0": 0.5}, Constant(0.5)),
        ("diminish", {"nu": 2.0}, Diminish(1.0, 0.3, 2.0)),
        ("switch", {"t_switch": 7}, Switch(7)),
        ("switch", {"gamma0": 0.1}, Switch(15, 0.1)),
    ],
)
def test_parameters_replace_the_defaults(name: str, parameters: dict[str, float], expected: Schedule) -> None:
    assert strategies.find(name).schedule(25, **parameters) == expected


@pytest.mark.parametrize(
    ("name", "parameters", "fault"),
    [
        ("diminish", {"t_switch": 3, "beta": 1}, "diminish has no beta, t_switch; it has: gamma0, eta, nu"),
        ("single", {"gamma": 1.0}, "single has no gamma; it has: "),
    ],
)
def test_a_parameter_of_another_strategy_is_refused(name: str, parameters: dict[str, float], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        strategies.find(name).schedule(25, **parameters)


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    assert strategies.find("switch") is strategies.find("SWITCH") is STRATEGIES["switch"]
    assert strategies.find("Multi-Task") is STRATEGIES["mtl"]
    with pytest.raises(
        ValueError, match=r"'both'; known: single \(single-task\), mtl \(multi-task\), diminish, switch"
    ):
        strategies.find("both")


def test_what_is_no_strategy_is_labelled_by_its_own_name() -> None:
    assert [strategies.label(name) for name in ("mtl", "switch", "control")] == ["multi-task", "Switch", "control"]


def test_each_strategy_but_single_task_has_a_table_of_the_paper() -> None:
    assert [row.table for row in STRATEGIES.values()] == [0, 1, 2, 3]
    assert all(0 < row.paper_accuracy < 1 for row in STRATEGIES.values())
    own = strategies.Strategy("own", "own", Constant, lambda epochs: {}, "black")
    assert (own.notebook, own.table, math.isnan(own.paper_accuracy)) == ("", 0, True)
