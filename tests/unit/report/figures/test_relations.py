import numpy as np
import pandas as pd

from mt2st.relations.gains import GAIN, LOSS, LOW, UNCLEAR
from mt2st.report.figures import relations as figures_relations

TASKS = ["POS", "CHU"]


def test_the_heat_map_says_every_gain_and_is_white_at_0() -> None:
    gains = pd.DataFrame([[np.nan, 4.9], [-0.5, np.nan]], index=TASKS, columns=TASKS)
    axes = figures_relations.heat_map(gains).axes[0]
    assert [text.get_text() for text in axes.texts] == ["4.9", "-0.5"]
    assert [label.get_text() for label in axes.get_yticklabels()] == TASKS
    low, high = axes.collections[0].get_clim()
    assert low == -high


def test_the_heat_map_tells_signs_by_weight_and_greys_what_scores_too_little() -> None:
    tasks = ["POS", "CHU", "HYP"]
    gains = pd.DataFrame([[np.nan, 4.9, 1.0], [-0.5, np.nan, 0.1], [900.0, np.nan, np.nan]], index=tasks, columns=tasks)
    signs = pd.DataFrame([[None, GAIN, UNCLEAR], [LOSS, None, UNCLEAR], [LOW, LOW, None]], index=tasks, columns=tasks)
    axes = figures_relations.heat_map(gains, signs).axes[0]
    shown = [(text.get_text(), text.get_fontweight(), text.get_color() == "dimgrey") for text in axes.texts]
    assert shown == [
        ("4.9", "bold", False), ("1.0", "normal", False), ("-0.5", "bold", False), ("0.1", "normal", False),
        ("900.0", "normal", True), ("–", "normal", True),
    ]  # fmt: skip
    assert axes.collections[0].get_clim()[1] == 4.9  # grey ones do not set the colours
    assert [patch.get_xy() for patch in axes.patches] == [(0, 2), (1, 2)]


def test_every_curve_has_its_fit() -> None:
    iterations = np.arange(10, 1001, 10)
    losses = pd.DataFrame({task: 4 - scale * np.log(iterations + 20) for task, scale in (("POS", 0.4), ("CHU", 0.5))})
    figure = figures_relations.curves(losses.set_axis(iterations))
    shown = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title().partition(",")[0] for panel in shown] == ["POS\na = -0.40", "CHU\na = -0.50"]
    for panel in shown:
        loss, fit = (line.get_ydata() for line in panel.get_lines())
        np.testing.assert_allclose(fit, loss, atol=1e-4)


def test_the_budget_is_shown_in_percent_with_the_end_at_100() -> None:
    frame = pd.DataFrame(
        {"share of the budget": [0.2, 0.5, 1.0], "f1": [0.3, 0.4, 0.5], "same sign": [0.6, 0.7, 1.0],
         "rho": [0.1, -0.2, 1.0]}
    )  # fmt: skip
    intervals = pd.DataFrame(
        {"same sign low": [0.5, 0.6, 1], "same sign high": [0.7, 0.8, 1], "rho low": [-0.1, -0.5, 1],
         "rho high": [0.2, 0.1, 1]}
    )  # fmt: skip
    scores, agreement = figures_relations.by_budget(frame, intervals).axes
    assert scores.get_lines()[0].get_xydata().tolist() == [[20, 0.3], [50, 0.4], [100, 0.5]]
    lines = agreement.get_lines()[:2]
    assert [line.get_ydata().tolist() for line in lines] == [[0.6, 0.7], [0.1, -0.2]]  # without the end
    ends = [[part[:, 1].tolist() for part in bars.get_segments()] for bars in agreement.collections]
    assert ends == [[[0.5, 0.7], [0.6, 0.8]], [[-0.1, 0.2], [-0.5, 0.1]]]
    assert agreement.get_ylim()[0] < -0.5
    assert not figures_relations.by_budget(frame).axes[1].collections


def test_coefficients_stand_beside_the_published_ones_largest_on_top() -> None:
    frame = pd.DataFrame(
        {"coefficient": [-1.1, 0.9], "low": [-1.3, 0.5], "high": [-0.8, 1.4], "published": [0.434, 1.007]},
        index=pd.MultiIndex.from_tuples([("main", "gradient 70%"), ("main", "c")]),
    )
    axes = figures_relations.coefficients(frame).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c, main", "gradient 70%, main"]
    ours, published = (line.get_xdata().tolist() for line in axes.get_lines()[:2])
    assert (ours, published) == ([0.9, -1.1], [1.007, 0.434])
    np.testing.assert_allclose([s[:, 0] for s in axes.collections[0].get_segments()], [[0.5, 1.4], [-1.3, -0.8]])
