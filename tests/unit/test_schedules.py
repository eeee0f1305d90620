import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mt2st.schedules import (
    SINGLE_TASK,
    AuxiliaryFirst,
    Branches,
    Constant,
    Diminish,
    DiminishUntil,
    Feedback,
    FeedbackDiminish,
    FeedbackSwitch,
    Floor,
    Linear,
    PostTraining,
    RandomWeights,
    Restart,
    Schedule,
    Slopes,
    Squared,
    Switch,
    Transition,
    from_dict,
)
from mt2st.schedules.base import Parameter

KINDS = [Constant, Diminish, Squared, Switch, DiminishUntil, Linear, Floor, AuxiliaryFirst, PostTraining, Transition]


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_subnormal=False)


PARAMETERS = {
    "gamma": numbers(0, 100),
    "gamma0": numbers(0, 100),
    "eta": numbers(0, 5),
    "nu": numbers(0.01, 3),
    "alpha": numbers(0, 1),
    "t_switch": numbers(0, 30),
    "t_end": numbers(0.1, 30),
    "gamma1": numbers(0.01, 1),
    "learning_rate": numbers(0.01, 1),
    "freeze": numbers(0, 0.9),
    "own_layers": st.booleans(),
}


@st.composite
def schedules(draw: st.DrawFn, kinds: Sequence[type[Schedule]] = KINDS) -> Schedule:
    """Draw a schedule whose parameters are numbers or have one value for each of some tasks."""
    kind, tasks = draw(st.sampled_from(kinds)), draw(st.integers(0, 4))
    parameters = {}
    for field in dataclasses.fields(kind):
        value = numbers(1, 100) if (kind, field.name) == (Floor, "gamma0") else PARAMETERS[field.name]
        if field.type is int:
            value = st.integers(0, 30)
        several = st.lists(value, min_size=tasks, max_size=tasks) if field.type == Parameter else st.nothing()
        parameters[field.name] = draw(value | several)
    return kind(**parameters)


# --- Properties of all


@given(schedules(), st.lists(numbers(0, 50), min_size=2, max_size=6).map(sorted))
def test_weights_are_finite_and_never_negative_nor_rising(schedule: Schedule, epochs: list[float]) -> None:
    weights = torch.stack([schedule.weights(t) for t in epochs])
    assert weights.dtype == torch.float64
    assert torch.isfinite(weights).all()
    assert (weights >= 0).all()
    assert (weights.diff(dim=0) <= 1e-12).all()  # but for rounding


@given(schedules(), numbers(0, 50))
def test_a_schedule_is_rebuilt_from_json(schedule: Schedule, t: float) -> None:
    again = from_dict(json.loads(json.dumps(schedule.to_dict())))
    assert again == schedule
    assert hash(again) == hash(schedule)
    assert torch.equal(again.weights(t), schedule.weights(t))


@given(schedules(), numbers(0, 50))
def test_parameters_of_each_task_are_those_of_a_schedule_of_its_own(schedule: Schedule, t: float) -> None:
    values = {f.name: getattr(schedule, f.name) for f in dataclasses.fields(schedule) if f.type == Parameter}
    fixed = dataclasses.asdict(schedule).keys() - values.keys()
    tasks = max(map(len, values.values())) if all(values.values()) else 0
    assert schedule.weights(t).shape == (tasks,)  # one number for all is one weight
    for k in range(tasks):
        of_k = {name: of_task[k if len(of_task) > 1 else 0] for name, of_task in values.items()}
        own = type(schedule)(**of_k, **{name: getattr(schedule, name) for name in fixed})
        torch.testing.assert_close(own.weights(t)[0], schedule.weights(t)[k], rtol=1e-14, atol=0)


@given(schedules(), numbers(-50, -1e-9))
def test_negative_epochs_are_refused(schedule: Schedule, t: float) -> None:
    with pytest.raises(ValueError, match="epoch t must be at least 0"):
        schedule.weights(t)


# --- Each kind


def test_constant_is_the_same_in_every_epoch() -> None:
    assert [Constant([0.5, 2.0]).weights(t).tolist() for t in (0, 24, 1000)] == [[0.5, 2.0]] * 3


@pytest.mark.parametrize(
    ("gamma0", "eta", "nu", "t", "expected"),
    [
        (1.0, 0.3, 1.0, 0, 1.0),
        (1.0, 0.3, 1.0, 1, 0.7408182206817179),  # e^-0.3
        (2.0, 0.5, 2.0, 3, 0.022217993076484612),  # 2 e^-4.5
        (1.0, 1.0, 0.5, 4, 0.1353352832366127),  # e^-2
        (0.5, 0.0, 1.0, 7, 0.5),
        (0.0, 0.3, 1.0, 0, 0.0),
    ],
)
def test_diminish_is_equation_2(gamma0: float, eta: float, nu: float, t: int, expected: float) -> None:
    assert Diminish(gamma0, eta, nu).weights(t).item() == pytest.approx(expected, rel=1e-14)


def test_default_diminish_falls_below_one_percent_in_epoch_16() -> None:
    assert next(t for t in range(25) if Diminish().weights(t).item() < 0.01) == 16


@pytest.mark.parametrize(("alpha", "t", "expected"), [(0.5, 3, 0.125), (0.9, 2, 0.81), (1.0, 9, 1.0), (0.3, 0, 1.0)])
def test_geometric_is_equation_11(alpha: float, t: int, expected: float) -> None:
    assert Diminish.geometric(alpha).weights(t).item() == pytest.approx(expected, rel=1e-14)
    assert Diminish.geometric(alpha, 3.0).weights(t).item() == pytest.approx(3 * expected, rel=1e-14)


def test_geometric_takes_one_rate_per_task() -> None:
    assert Diminish.geometric([0.5, 0.1], [1.0, 2.0]).weights(2).tolist() == pytest.approx([0.25, 0.02])


def test_squared_is_what_squaring_alpha_after_every_epoch_gives() -> None:
    alpha = 0.95
    for t in range(12):
        assert Squared(0.95, 2.0).weights(t).item() == pytest.approx(2 * alpha, rel=1e-12)
        alpha **= 2


def test_squared_falls_below_one_percent_in_epoch_7_and_to_nothing_in_epoch_14() -> None:
    weights = [Squared().weights(t).item() for t in range(25)]
    assert weights[6] == pytest.approx(0.03752, abs=5e-6)  # 0.95^64 by hand: e^(−64 · 0.0512933) = e^−3.28277
    assert next(t for t, weight in enumerate(weights) if weight < 0.01) == 7
    assert 0 < weights[13] < 1e-182  # e^−420.2
    assert weights[14:] == [0.0] * 11  # e^−840.4 is below the smallest double, and no error


@pytest.mark.parametrize("t", [1022, 1023, 1024, 1e6])
def test_squared_goes_on_where_its_exponent_is_no_number_any_more(t: float) -> None:
    largest = math.nextafter(1.0, 0.0)
    assert Squared([0.0, 0.95, largest, 1.0], 2.0).weights(t).tolist() == [0.0, 0.0, 0.0, 2.0]


@pytest.mark.parametrize(("t", "expected"), [(0, 1.0), (14, 1.0), (14.99, 1.0), (15, 0.0), (15.5, 0.0), (16, 0.0)])
def test_switch_ends_exactly_at_t_switch(t: float, expected: float) -> None:
    assert Switch(15).weights(t).tolist() == [expected]


def test_switch_has_one_time_and_weight_per_task() -> None:
    schedule = Switch([1, 3], [0.5, 2.0])
    assert [schedule.weights(t).tolist() for t in range(4)] == [[0.5, 2.0], [0.0, 2.0], [0.0, 2.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("t", "expected"),
    [(0, 2.0), (1, 2 * 0.6065306597126334), (9.99, 2 * math.exp(-4.995)), (10, 0.0), (24, 0.0)],  # e^-0.5
)
def test_diminish_until_decays_up_to_t_switch_and_is_0_from_there_on(t: float, expected: float) -> None:
    assert DiminishUntil(10, gamma0=2.0, eta=0.5).weights(t).item() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("both", "one"),
    [
        (DiminishUntil(15, gamma0=0.7, eta=0.0), Switch(15, 0.7)),
        (DiminishUntil(25, 0.7, 0.3, 2.0), Diminish(0.7, 0.3, 2.0)),
        (DiminishUntil(25, 0.7, 0.0), Constant(0.7)),
        (DiminishUntil(0), Constant(0.0)),
    ],
)
def test_diminish_until_has_the_strategies_at_its_ends(both: Schedule, one: Schedule) -> None:
    assert [both.weights(t).item() for t in range(25)] == [one.weights(t).item() for t in range(25)]


def test_diminish_until_has_one_time_and_rate_per_task() -> None:
    schedule = DiminishUntil([1, 3], [1.0, 2.0], [0.0, math.log(2)])
    assert [schedule.weights(t).tolist() for t in range(4)] == [
        pytest.approx(row, rel=1e-14) for row in ([1.0, 2.0], [0.0, 1.0], [0.0, 0.5], [0.0, 0.0])
    ]


@pytest.mark.parametrize(("t", "expected"), [(0, 2.0), (5, 1.0), (9, 0.2), (10, 0.0), (24, 0.0)])
def test_linear_falls_to_nothing(t: float, expected: float) -> None:
    assert Linear(10, 2.0).weights(t).item() == pytest.approx(expected)


@pytest.mark.parametrize(("t", "expected"), [(0, 0.2), (5, 0.2 / math.sqrt(2)), (10, 0.1), (24, 0.1)])
def test_floor_halves_and_stays(t: float, expected: float) -> None:
    assert Floor(10).weights(t).item() == pytest.approx(expected)


def test_phases_say_which_tasks_wait_and_when_training_begins_anew() -> None:
    first, after = AuxiliaryFirst(2, [1.0, 0.5]), PostTraining(2, 0.7, learning_rate=0.1)
    assert [first.weights(t).tolist() for t in range(4)] == [[1.0, 0.5], [1.0, 0.5], [0.0, 0.0], [0.0, 0.0]]
    assert [first.primary(t) for t in range(4)] == [0.0, 0.0, 1.0, 1.0]
    assert [first.restart(t) for t in range(4)] == [None, None, Restart(), None]
    assert [after.weights(t).item() for t in range(4)] == pytest.approx([0.7, 0.7, 0.0, 0.0])
    assert [after.primary(t) for t in range(4)] == [1.0] * 4
    assert [after.restart(t) for t in range(4)] == [None, None, Restart(0.1, from_best=True), None]
    eased = Transition(2, learning_rate=0.3, freeze=0.5)
    assert [eased.weights(t).item() for t in range(4)] == [1.0, 1.0, 0.0, 0.0]
    assert [eased.restart(t) for t in range(4)] == [None, None, Restart(0.3, fresh=False, freeze=0.5), None]
    assert AuxiliaryFirst(0).restart(0) is None
    assert {Switch(2).restart(t) for t in range(4)} == {None}


def test_diminish_by_validation_decays_with_the_epochs_that_did_not_pay() -> None:
    schedule, seen = FeedbackDiminish(2.0, [0.5, 0.1]), [0.5, 0.6, 0.6, 0.4, 0.7, 0.65]  # the third, fourth and sixth
    idle = [0, 0, 0, 1, 2, 2, 3]
    found = torch.stack([schedule.informed(t, Feedback(seen)) for t in range(7)])
    expected = [[2 * math.exp(-eta * s) for eta in (0.5, 0.1)] for s in idle]
    assert found.tolist() == [pytest.approx(row) for row in expected]
    assert schedule.weights(5).tolist() == [2.0]
    early, late = (schedule.informed(3, Feedback(values)).tolist() for values in (seen[:3], seen))
    assert early == late  # what is to come is not used
    said = [schedule.reason(t, Feedback(seen)) for t in range(7)]
    assert [t for t, reason in enumerate(said) if reason] == [3, 4, 6]
    assert said[3] == "not above 0.600 in validation: largest weight 1.8"


def test_switch_by_validation_ends_once_no_epoch_has_paid_for_a_while() -> None:
    schedule = FeedbackSwitch(patience=2, gamma=[1.0, 0.5])
    seen = [0.5, 0.4, 0.6, 0.6, 0.5, 0.9]  # idle: the second; the fourth and fifth
    found = [schedule.informed(t, Feedback(seen)).tolist() for t in range(7)]
    said = [schedule.reason(t, Feedback(seen)) for t in range(7)]
    assert said == ["", "", "", "", "", "not above 0.600 in validation for 2 epochs: switch", ""]
    assert found == [[1.0, 0.5]] * 5 + [[0.0, 0.0]] * 2  # and stays off, though the sixth epoch is better
    assert schedule.weights(20).tolist() == [1.0, 0.5]
    with pytest.raises(ValueError, match="patience must be at least 1, got 0"):
        FeedbackSwitch(patience=0)


def test_other_schedules_do_not_look_at_what_was_seen() -> None:
    assert Diminish(1.0, 0.3).informed(4, Feedback([0.1, 0.2])) == Diminish(1.0, 0.3).weights(4)
    assert Diminish(1.0, 0.3).reason(4, Feedback([0.1, 0.2])) == ""


def test_tasks_stay_whose_loss_falls_faster_than_the_primary_one() -> None:
    schedule = Slopes(1, 4, gamma=[1.0, 0.5, 2.0])
    primary, flat, steep, equal = [9.0, 1.0, 0.9, 0.85, 0.1], [0.7, 0.6, 0.58, 0.57, 0.1], [1, 0.9, 0.5, 0.4, 9], []
    equal = [2 * loss for loss in primary]
    seen = Feedback([], [primary, flat, steep, equal], ["topic", "flat", "steep", "equal"])
    slopes = [stats.linregress(range(3), np.log(losses[1:4])).slope for losses in seen.losses]
    assert slopes[2] < slopes[0] < slopes[1]
    assert [schedule.informed(t, seen).tolist() for t in (0, 3)] == [[1.0, 0.5, 2.0]] * 2
    for t in (4, 9):
        assert schedule.informed(t, seen).tolist()[:2] == [0.0, 0.5]
    assert [t for t in range(9) if schedule.reason(t, seen)] == [4]
    said = schedule.reason(4, seen)
    changes = [math.expm1(slope) for slope in slopes]
    assert f"topic {changes[0]:+.1%}; flat {changes[1]:+.1%}, ends; steep {changes[2]:+.1%}, stays" in said
    generous = Slopes(1, 4, ratio=slopes[1] / slopes[0] - 0.01)
    assert generous.informed(4, seen).tolist() == [1.0, 1.0, 1.0]
    assert Slopes(1, 4, ratio=slopes[1] / slopes[0] + 0.01).informed(4, seen).tolist()[0] == 0.0


@pytest.mark.parametrize("loss", [-0.1, 0.0, math.nan])
def test_slopes_are_of_losses_above_zero(loss: float) -> None:
    seen = Feedback([], [[1.0, 0.9, 0.8], [1.0, loss, 0.5]], ["topic", "other"])
    assert Slopes(0, 3).settled == 3
    for ask in (Slopes(0, 3).informed, Slopes(0, 3).reason):
        with pytest.raises(ValueError, match="losses above 0 in epochs 0 to 2; those of other are not"):
            ask(3, seen)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"since": 2, "until": 3}, "two epochs, since at least 0 and until at least since \\+ 2, got 2, 3"),
        ({"since": -1, "until": 3}, "got -1, 3"),
        ({"since": 0, "until": 3, "ratio": -1.0}, "ratio must be finite and at least 0, got -1.0"),
    ],
)
def test_slopes_that_cannot_be_taken_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Slopes(**parameters)


def test_branches_train_each_task_in_turn_and_then_the_primary_one_alone() -> None:
    schedule = Branches(2, interval=2, rounds=2, gamma=[1.0, 0.5])
    none, first, second = [0.0, 0.0], [1.0, 0.0], [0.0, 0.5]
    assert [schedule.weights(t).tolist() for t in range(6)] == [none, none, first, first, second, second]
    assert [schedule.weights(t).tolist() for t in range(6, 12)] == [schedule.weights(t).tolist() for t in range(6)]
    assert schedule.t_switch == 12
    assert [schedule.weights(t).tolist() for t in (12, 14, 99)] == [none] * 3
    begun = {t: found.branch for t in range(30) if (found := schedule.restart(t))}
    assert begun == {0: "fork", 2: "fork", 4: "fork", 6: "merge", 8: "fork", 10: "fork", 12: "merge"}
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        Branches(2, rounds=0)
    with pytest.raises(ValueError, match="gamma must have one value, or one a task: 3 for 2 tasks"):
        Branches(2, gamma=[1.0, 1.0, 1.0])


def test_random_weights_are_others_in_every_epoch_and_repeat() -> None:
    schedule = RandomWeights(3, seed=1)
    weights = torch.stack([schedule.weights(t) for t in range(500)])
    torch.testing.assert_close(weights.sum(1), torch.full((500,), 3.0, dtype=torch.float64))
    assert len({tuple(row) for row in weights.tolist()}) == 500
    assert weights.mean(0).tolist() == pytest.approx([1.0] * 3, abs=0.1)
    assert torch.equal(schedule.weights(7), RandomWeights(3, seed=1).weights(7))
    assert not torch.equal(schedule.weights(7), RandomWeights(3, seed=2).weights(7))


def test_scalars_broadcast_against_sequences() -> None:
    weights = Diminish([1.0, 2.0, 4.0], 1.0, 1.0).weights(1)
    assert weights.tolist() == pytest.approx([math.exp(-1), 2 * math.exp(-1), 4 * math.exp(-1)])
    assert Squared([0.5, 0.1], 2.0).weights(1).tolist() == pytest.approx([0.5, 0.02])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Constant(-0.1), "gamma must be finite and at least 0, got -0.1"),
        (lambda: Constant([1.0, math.nan]), "gamma must be finite"),
        (lambda: Constant(math.inf), "gamma must be finite"),
        (lambda: Diminish(gamma0=-1.0), "gamma0 must be finite and at least 0"),
        (lambda: Diminish(eta=-0.3), "eta must be finite and at least 0"),
        (lambda: Diminish(eta=[0.3, math.inf]), "eta must be finite"),
        (lambda: Diminish(nu=0.0), "nu must be finite and above 0, got 0"),
        (lambda: Diminish(nu=math.nan), "nu must be finite and above 0"),
        (lambda: Diminish.geometric(0.0), "alpha must be finite and above 0"),
        (lambda: Diminish.geometric([0.5, 1.5]), "alpha must be at most 1, got 1.5"),
        (lambda: Diminish.geometric(0.5, -1.0), "gamma0 must be"),
        (lambda: Squared(-0.1), "alpha must be finite and at least 0, got -0.1"),
        (lambda: Squared([0.5, 1.01]), "alpha must be at most 1, got 1.01"),
        (lambda: Squared(0.5, -1.0), "gamma0 must be finite and at least 0"),
        (lambda: Squared([0.5, 0.6], [1.0, 1.0, 1.0]), "alpha has 2, gamma0 has 3"),
        (lambda: Switch(-1), "t_switch must be finite and at least 0"),
        (lambda: Switch(3, [1.0, -2.0]), "gamma must be finite and at least 0, got -2"),
        (lambda: DiminishUntil(-1), "t_switch must be finite and at least 0"),
        (lambda: DiminishUntil(math.inf), "t_switch must be finite"),
        (lambda: DiminishUntil(5, nu=0.0), "nu must be finite and above 0"),
        (lambda: DiminishUntil([1, 2], eta=[0.1, 0.2, 0.3]), "t_switch has 2, eta has 3"),
        (lambda: Diminish([1.0, 1.0], [0.1, 0.2, 0.3]), "gamma0 has 2, eta has 3"),
        (lambda: Switch([1, 2], [1.0, 1.0, 1.0]), "t_switch has 2, gamma has 3"),
        (lambda: Linear(0), "t_end must be finite and above 0"),
        (lambda: Floor(10, 0.2, 0.0), "gamma1 must be finite and above 0"),
        (lambda: AuxiliaryFirst(2.5), "t_switch must be a whole number of epochs, at least 0, got 2.5"),
        (lambda: PostTraining(-1), "t_switch must be a whole number"),
        (lambda: PostTraining(5, learning_rate=0.0), "learning_rate must be above 0 and at most 1, got 0"),
        (lambda: Transition(5, learning_rate=2.0), "learning_rate must be above 0 and at most 1, got 2"),
        (lambda: Transition(5, freeze=1.0), "freeze must be at least 0 and below 1, got 1"),
        (lambda: RandomWeights(0), "tasks must be at least 1, got 0"),
    ],
)
def test_bad_parameters_are_named(build: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_base_class_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Schedule().weights(0)


def test_to_dict_is_plain_values() -> None:
    assert Diminish([1, 2], 0.5).to_dict() == {"kind": "Diminish", "gamma0": [1.0, 2.0], "eta": [0.5], "nu": [1.0]}
    assert Squared(0.95, [10.24, 3.3]).to_dict() == {"kind": "Squared", "alpha": [0.95], "gamma0": [10.24, 3.3]}
    assert Switch(15).to_dict() == {"kind": "Switch", "t_switch": [15.0], "gamma": [1.0]}
    assert SINGLE_TASK.to_dict() == {"kind": "Constant", "gamma": []}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"kind": "Cosine"},
            "unknown schedule 'Cosine'; known: Constant, Diminish, Squared, Switch, Dim",
        ),
        ({"kind": "Schedule"}, "unknown schedule 'Schedule'"),
        ({"gamma": [1.0]}, "unknown schedule None"),
        ({"kind": "Constant", "alpha": [1.0]}, "Constant cannot take .*alpha"),
        ({"kind": "Squared", "alpha": [2.0]}, "alpha must be at most 1, got 2"),
        ({"kind": "Switch"}, "Switch cannot take .*t_switch"),
        ({"kind": "Constant", "gamma": [-1.0]}, "gamma must be finite and at least 0"),
    ],
)
def test_from_dict_refuses_what_it_does_not_know(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_dict(values)


def test_schedules_compare_by_their_parameters() -> None:
    assert Constant(1) == Constant([1.0]) == Constant((1.0,))
    assert hash(Constant(1)) == hash(Constant([1.0]))
    assert Diminish(1.0, 0.3, 1.0) == Diminish()
    assert Diminish() != Diminish(eta=0.4)
    assert Constant(1.0) != Switch(1.0)
    assert Constant([1.0]) != Constant([1.0, 1.0])
    assert len({Switch(15), Switch([15.0]), Switch(15, 1.0), Switch(16)}) == 2


def test_schedules_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Switch(15).t_switch = (16.0,)  # type: ignore[misc]
