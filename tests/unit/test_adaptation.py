import math

import pytest

from mt2st.adaptation import CheckConvergence


def after_each_epoch(check: CheckConvergence, norms: list[float]) -> list[bool]:
    return [check(norms[: epoch + 1]) for epoch in range(len(norms))]


def test_converges_in_the_first_epoch_below_the_tolerance() -> None:
    assert after_each_epoch(CheckConvergence(0.5), [2.0, 0.6, 0.5, 0.49]) == [False, False, False, True]


def test_patience_asks_for_epochs_in_a_row() -> None:
    norms = [0.5, 0.5, 1.5, 0.5, 0.5, 0.5, 0.5]
    expected = [False, False, False, False, False, True, True]
    assert after_each_epoch(CheckConvergence(1.0, patience=3), norms) == expected


def test_a_gradient_that_is_no_number_has_not_converged() -> None:
    norms = [0.5, math.nan, 0.5, 0.5]
    assert after_each_epoch(CheckConvergence(1.0, patience=2), norms) == [False, False, False, True]


@pytest.mark.parametrize("tolerance", [0.0, -1.0, math.nan])
def test_tolerance_must_be_positive(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance must be above 0"):
        CheckConvergence(tolerance)


def test_patience_must_be_at_least_one() -> None:
    with pytest.raises(ValueError, match="patience must be at least 1, got 0"):
        CheckConvergence(1.0, patience=0)
