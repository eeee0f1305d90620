import math

import pytest

from mt2st.report import verdicts
from mt2st.report.verdicts import SOME, of_effect, of_level
from mt2st.statistics import Interval

NAN = math.nan


def interval(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, 10)


@pytest.mark.parametrize(
    ("low", "high", "p", "equivalence", "expected"),
    [
        (15, 25, 0.01, NAN, "reproduced"),  # holds the claimed 20
        (22, 25, 0.01, NAN, "reproduced"),  # all of it beyond
        (15, 20, 0.05, NAN, "reproduced"),  # bounds belong to the interval, and 0.05 to what is small
        (15, 25, 0.06, NAN, "inconclusive"),  # not after correction
        (2, 8, 0.01, NAN, "smaller effect"),
        (2, 8, 0.06, NAN, "not of this size"),
        (0.1, 0.4, 0.01, 0.001, "smaller effect"),  # an effect that is shown is none to neglect
        (-8, -2, 0.01, NAN, "opposite effect"),
        (-8, -2, 0.2, NAN, "excluded"),
        (-0.5, 0.4, 0.9, 0.01, "less than 1 point"),
        (-0.5, 0.4, 0.9, 0.05, "less than 1 point"),
        (-2, 1.5, 0.9, 0.2, "not of this size"),
        (-2, 21, 0.2, 0.9, "inconclusive"),
        (0, 20, 0.05, NAN, "inconclusive"),  # 0 belongs to the interval
    ],
)
def test_verdict_on_a_gain_and_mirrored_on_a_saving(
    low: float, high: float, p: float, equivalence: float, expected: str
) -> None:
    assert of_effect(20, interval(low, high), p, equivalence).word == expected
    assert of_effect(-20, interval(-high, -low), p, equivalence).word == expected


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (1, 2, 0.01, "reproduced"),
        (1, 2, 0.2, "inconclusive"),
        (-2, -1, 0.01, "opposite effect"),
        (-2, -1, 0.2, "inconclusive"),  # no size was claimed that it could fall short of
        (-1, 1, 0.9, "inconclusive"),
    ],
)
def test_verdict_on_a_direction_alone(low: float, high: float, p: float, expected: str) -> None:
    assert of_effect(SOME, interval(low, high), p).word == expected
    assert of_effect(-SOME, interval(-high, -low), p).word == expected


def test_a_single_pair_is_inconclusive() -> None:
    assert of_effect(20, Interval(20, NAN, NAN, 1), 1.0).word == "inconclusive"


@pytest.mark.parametrize("claimed", [0.0, NAN, math.inf])
def test_a_claim_needs_an_effect(claimed: float) -> None:
    with pytest.raises(ValueError, match="other than no effect"):
        of_effect(claimed, interval(1, 2), 0.01)


def test_the_rule_is_named() -> None:
    assert of_effect(20, interval(2, 8), 0.0123).rule == (
        "the interval excludes 0, corrected p = 0.012; all of the interval falls short of the claim"
    )
    assert (
        of_effect(20, interval(-0.5, 0.4), 0.9, 0.01).rule == "a difference of 1 point or more is rejected, p = 0.010"
    )
    assert of_effect(20, interval(22, 25), 0.0004).rule == "the interval excludes 0, corrected p < 0.001"
    assert of_effect(20, interval(-0.5, 0.4), 0.9, 0.0001).rule.endswith("is rejected, p < 0.001")
    assert verdicts.by_construction("for a reason") == verdicts.Verdict("decided by construction", "for a reason")


@pytest.mark.parametrize(
    ("paper", "mean", "half", "expected"),
    [
        (77, 72.0, 0.0, "compatible"),  # 1.96 · √(0.77 · 0.23 / 250) is 5.2 points
        (77, 71.6, 0.0, "another level"),
        (77, 71.0, 4.0, "compatible"),  # together 6.6
        (77, 83.0, 4.0, "compatible"),
        (48.2, 70.6, 1.4, "another level"),
        (77, 77.0, NAN, "inconclusive"),
    ],
)
def test_levels_are_compared_with_the_sampling_error_of_the_papers_test_set(
    paper: float, mean: float, half: float, expected: str
) -> None:
    assert of_level(paper, Interval(mean, mean - half, mean + half, 10)).word == expected
