import numpy as np
import pandas as pd

from mt2st.report.figures import relations as figures_relations

TASKS = ["POS", "CHU"]


def test_the_heat_map_says_every_gain_and_is_white_at_0() -> None:
    gains = pd.DataFrame([[np.nan, 4.9], [-0.5, np.nan]], index=TASKS, columns=TASKS)
    axes = figures_relations.heat_map(gains).axes[0]
    assert [text.get_text() for text in axes.texts] == ["4.9", "-0.5"]
    assert [label.get_text() for label in axes.get_yticklabels()] == TASKS
    low, high = axes.collections[0].get_clim()
    assert low == -high


def test_gains_whose_interval_has_0_in_it_are_in_brackets() -> None:
    gains = pd.DataFrame([[np.nan, 4.9], [-0.04, np.nan]], index=TASKS, columns=TASKS)
    intervals = pd.DataFrame({"main": TASKS, "aux": TASKS[::-1], "low": [0.1, -1.0], "high": [9.0, 2.0]})
    axes = figures_relations.heat_map(gains, intervals).axes[0]
    assert [text.get_text() for text in axes.texts] == ["4.9", "(0.0)"]


def test_a_main_task_without_gains_has_no_row_and_is_named() -> None:
    gains = pd.DataFrame([[np.nan, 4.9], [np.nan, np.nan]], index=TASKS, columns=TASKS)
    figure = figures_relations.heat_map(gains)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["POS"]
    assert figure._supxlabel.get_text() == "no gain is defined for CHU: its F1 alone is 0"


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
