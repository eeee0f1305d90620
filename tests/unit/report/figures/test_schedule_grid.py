from collections.abc import Callable
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mt2st.experiments import plans, profiles
from mt2st.experiments.runs import Record
from mt2st.report import schedule_grid
from mt2st.report.figures import schedule_grid as figures

SMOKE = profiles.PROFILES["smoke"]
PROFILE = replace(SMOKE, configuration=replace(SMOKE.configuration, epochs=25))


@pytest.fixture(scope="module")
def records(known_record: Callable[..., Record]) -> list[Record]:
    """Return a grid whose accuracies grow by half a point an auxiliary epoch at most, by what its place is in it."""
    planned = plans.schedule_grid(PROFILE, 3)
    return [
        known_record(
            run, 0.7 + (k // 3) / 1000 + (k * 7 % 5) / 100, "schedule-grid", validation_accuracy=0.5 + k // 3 / 100
        )
        for k, run in enumerate(planned)
    ]


def line_of(axes: Axes, label: str) -> Line2D:
    (found,) = (line for line in axes.get_lines() if line.get_label() == label)
    return found


def test_the_heat_map_prints_every_difference_where_its_colour_is(records: list[Record]) -> None:
    frame = schedule_grid.cells(records)
    axes = figures.heat_map(frame).axes[0]
    (image,) = axes.get_images()
    shown = np.asarray(image.get_array())
    assert shown.shape == (4, 5)
    for text in axes.texts:
        x, y = map(round, text.get_position())
        assert text.get_text().startswith(f"{shown[y, x]:+.1f}\n[")
    assert len(axes.texts) == 20
    cell = frame.set_index(["eta", "T_switch"]).loc[0.3, 10.0]
    assert shown[2, 1] == pytest.approx(cell["difference"])
    bounds = frame[["difference low", "difference high"]].abs().max().max()
    assert image.get_clim() == (-bounds, bounds)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0: Switch", "0.1", "0.3", "1"]
    assert axes.get_xticklabels()[-1].get_text() == "25: Diminish"


def test_a_cell_stands_beside_single_task_learning(records: list[Record]) -> None:
    left, middle, right = figures.cell(records, eta=0.1, t_switch=10.0).axes
    weight = left.get_lines()[0].get_ydata()
    np.testing.assert_allclose(weight[:10], np.exp(-0.1 * np.arange(10)))
    assert set(weight[10:]) == {0.0}
    assert set(line_of(middle, "single-task").get_ydata()) == {0.5}
    assert line_of(middle, "this cell").get_ydata() == pytest.approx([0.57] * 25)  # the eighth cell
    of_seeds = [line.get_ydata().tolist() for line in right.get_lines() if len(line.get_xdata()) == 2][:3]
    expected = schedule_grid.accuracies(records).loc[[(0.0, 0.0), (0.1, 10.0)]].to_numpy().T
    np.testing.assert_allclose(of_seeds, expected)


def test_limits_are_those_of_all_cells(records: list[Record]) -> None:
    one, other = (figures.cell(records, eta, 5.0) for eta in (0.0, 1.0))
    assert [axes.get_ylim() for axes in one.axes] == [axes.get_ylim() for axes in other.axes]


def test_sliders_choose_among_the_cells_that_were_run(records: list[Record]) -> None:
    eta, t_switch, picture = figures.sliders(records, eta=0.3, t_switch=15.0).children
    assert (eta.value, t_switch.value) == (0.3, 15.0)
    assert [value for _, value in eta.options] == [0.0, 0.1, 0.3, 1.0]
    assert [value for _, value in t_switch.options] == [5.0, 10.0, 15.0, 20.0, 25.0]
    before = bytes(picture.value)
    assert before.startswith(b"\x89PNG")
    t_switch.value = 20.0
    assert bytes(picture.value).startswith(b"\x89PNG")
    assert bytes(picture.value) != before
    assert plt.get_fignums() == []
