import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import curve_fit

from mt2st.data.tags.description import DATA
from mt2st.relations import features
from mt2st.relations.features import CURVE, ROLES

ITERATIONS = np.arange(10, 50_001, 10)


def curve_of(losses: np.ndarray) -> pd.Series:
    return pd.Series(losses, index=ITERATIONS, name="POS")


# --- curves


def test_the_fit_finds_the_parameters_of_a_curve_without_noise() -> None:
    a, c, d, b = -0.5, 0.25, 20.0, 3.0
    fit = features.fit_log_curve(curve_of(a * np.log(c * ITERATIONS + d) + b))
    scale = math.exp(b / a)  # the same curve with b = 0
    assert (fit.a, fit.c, fit.d) == (pytest.approx(a), pytest.approx(c * scale), pytest.approx(d * scale))
    np.testing.assert_allclose(fit(ITERATIONS), a * np.log(c * ITERATIONS + d) + b, atol=1e-9)


def test_the_fit_is_that_of_the_four_parameters_up_to_what_they_leave_open() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, len(ITERATIONS))
    losses = -0.5 * np.log(0.25 * ITERATIONS + 20) + 3 + noise

    def study(i: np.ndarray, a: float, b: float, c: float, d: float) -> np.ndarray:
        return a * np.log(c * i + d) + b

    bounds = [-np.inf, -np.inf, 0, 0], np.inf
    found = [curve_fit(study, ITERATIONS, losses, (-1, 1, c, 10), bounds=bounds)[0] for c in (0.1, 10)]
    fit = features.fit_log_curve(curve_of(losses))
    assert found[0][2] != pytest.approx(found[1][2], rel=0.1)  # c is wherever the search began
    for a, b, c, d in found:
        assert (a, c * math.exp(b / a), d / c) == (
            pytest.approx(fit.a, rel=1e-4), pytest.approx(fit.c, rel=1e-3), pytest.approx(fit.d / fit.c, rel=1e-2),
        )  # fmt: skip


def test_a_curve_that_falls_faster_than_the_logarithm_has_d_0() -> None:
    fit = features.fit_log_curve(curve_of(-0.4 * np.log(ITERATIONS - 5) + 5))
    assert fit.d == pytest.approx(0, abs=1e-6)
    assert np.isfinite(fit(ITERATIONS)).all()


def test_gradients_are_slopes_in_parts_of_a_run() -> None:
    share = ITERATIONS / ITERATIONS[-1]
    found = features.curve_features(curve_of(-np.log(share + 0.1) / 2))
    assert list(found.index) == list(CURVE)
    assert found.name == "POS"
    np.testing.assert_allclose(found.iloc[:5], [-0.5 / (place + 0.1) for place in (0.1, 0.2, 0.3, 0.5, 0.7)], rtol=0.05)
    window = (share >= 0.05) & (share <= 0.15)
    slope, _ = np.polyfit(share[window], -np.log(share[window] + 0.1) / 2, 1)
    assert found["gradient 10%"] == pytest.approx(slope)


@pytest.mark.parametrize("losses", [np.full(5000, 0.3), 1 + ITERATIONS / 1e5])
def test_a_loss_that_does_not_fall_is_named(losses: np.ndarray) -> None:
    with pytest.raises(ValueError, match="loss of POS does not fall"):
        features.fit_log_curve(curve_of(losses))


def test_a_loss_that_is_not_finite_or_too_short_is_named() -> None:
    with pytest.raises(ValueError, match="loss of POS is not finite everywhere"):
        features.curve_features(curve_of(np.where(ITERATIONS == 100, np.nan, 1.0)))
    with pytest.raises(ValueError, match="loss of POS: no two values around 10% of the run"):
        features.curve_features(pd.Series([3.0, 2.0, 1.0], index=[1, 5, 10], name="POS"))


# --- pairs


def test_a_pair_has_features_of_both_and_their_ratio() -> None:
    tasks = pd.DataFrame({"size": [10.0, 20.0, 40.0], "a": [-1.0, -2.0, -3.0]}, index=["POS", "CHU", "CCG"])
    pairs = features.pair_features(tasks)
    assert pairs.shape == (6, 6)
    assert [role for role, _ in pairs.columns] == [role for role in ROLES for _ in tasks]
    assert pairs.index.names == ["main", "aux"]
    assert pairs.loc[("CHU", "CCG")].tolist() == [20, -2, 40, -3, 0.5, pytest.approx(2 / 3)]


def test_fourteen_features_make_42_of_90_pairs() -> None:
    names = [*DATA, *CURVE]
    assert features.pair_features(pd.DataFrame(1.0, index=range(10), columns=names)).shape == (90, 42)


def test_a_feature_that_is_0_has_no_ratio() -> None:
    tasks = pd.DataFrame({"size": [1.0, 2.0], "OOV rate": [0.1, 0.0]}, index=["POS", "CHU"])
    with pytest.raises(ValueError, match="OOV rate of CHU is 0"):
        features.pair_features(tasks)
