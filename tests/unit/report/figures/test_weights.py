import matplotlib.pyplot as plt
import numpy as np
import pytest

from mt2st.experiments.strategies import STRATEGIES
from mt2st.report.figures import weights as figures
from mt2st.schedules import Constant, Diminish, Switch


def test_curves_of_schedules() -> None:
    axes = figures.weights({"fading": Diminish(2.0, 0.5, 1.0), "plain": Constant(0.7), "cut": Switch(10)}, 20).axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    fading, plain, cut = lines["fading"], lines["plain"], lines["cut"]
    np.testing.assert_allclose(fading.get_ydata(), 2 * np.exp(-0.5 * fading.get_xdata()))
    assert set(plain.get_ydata()) == {0.7}
    assert {bool(y) == (x < 10) for x, y in zip(cut.get_xdata(), cut.get_ydata(), strict=True)} == {True}


@pytest.mark.parametrize(
    ("parameters", "title"), [((1.0, 0.3, 1.0), "not computed from epoch 16"), ((1.0, 0.0, 1.0), "always computed")]
)
def test_a_curve_of_diminish_says_where_the_task_is_dropped(parameters: tuple[float, float, float], title: str) -> None:
    assert figures.diminish_curve(*parameters).axes[0].get_title() == title


def test_the_picture_follows_the_sliders() -> None:
    *sliders, picture = figures.diminish_sliders(1.0, 0.3, 1.0).children
    assert [slider.value for slider in sliders] == [1.0, 0.3, 1.0]
    before = bytes(picture.value)
    assert before.startswith(b"\x89PNG")
    sliders[1].value = 0.6
    assert bytes(picture.value).startswith(b"\x89PNG")
    assert bytes(picture.value) != before
    assert plt.get_fignums() == []


def test_the_weight_of_every_strategy_is_drawn_by_epoch() -> None:
    axes = figures.strategies(25).axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert [text.get_text() for text in axes.texts] == [row.label for row in STRATEGIES.values()]
    t = lines["Diminish"].get_xdata()
    np.testing.assert_allclose(lines["Diminish"].get_ydata(), np.exp(-0.3 * t))
    assert lines["Switch"].get_ydata().tolist() == (t < 15).astype(float).tolist()
    assert set(lines["multi-task"].get_ydata()) == {1.0}
    assert set(lines["single-task"].get_ydata()) == {0.0}
