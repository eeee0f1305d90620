from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.experiments.strategies import STRATEGIES
from mt2st.report import tables
from mt2st.report.figures import replication as figures_replication
from mt2st.report.figures.replication import FALL, RISE
from mt2st.schedules import SINGLE_TASK

Make = Callable[..., Record]


def line_of(axes: Axes, label: str) -> Line2D:
    """Return the one line with this label."""
    (found,) = (line for line in axes.get_lines() if line.get_label() == label)
    return found


# --- by embedding


def test_every_accuracy_by_embedding_is_drawn_with_its_interval_hollow_and_filled() -> None:
    rows = [
        {"embedding": e, "arm": arm, "source": source, "accuracy": value, "accuracy low": value - 3,
         "accuracy high": value + 3, "hidden": 32 * (k + 1), "n": 10 - k}
        for k, e in enumerate(("CBOW", "SkipGram"))
        for j, source in enumerate(("paper", "logs", "ours"))
        for arm, value in (("original", 50.0 + k + j), ("update", 60.0 + k + j))
    ]  # fmt: skip
    axes = figures_replication.by_embedding(pd.DataFrame(rows)).axes[0]
    points = [line for line in axes.get_lines() if line.get_marker() not in ("", "None", None)]
    drawn = {(line.get_ydata()[0], line.get_markerfacecolor() == "white") for line in points}
    assert drawn == {(row["accuracy"], row["arm"] == "original") for row in rows}
    ends = [tuple(line.get_ydata()) for line in axes.get_lines() if len(line.get_ydata()) == 2]
    for row in rows:
        assert (row["accuracy low"], row["accuracy high"]) in ends
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "as printed", "its released logs", "ours, protocol released",
    ]  # fmt: skip
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "CBOW\nours: hidden 32, n = 10", "SkipGram\nours: hidden 64, n = 9",
    ]  # fmt: skip


# --- the walk

WALK = pd.DataFrame(
    {
        "step": ["original", "table trainable", "learning rate 0.001"],
        "accuracy": [50.0, 46.0, 58.5],
        "low": [48.0, 45.0, 56.0],
        "high": [52.0, 47.0, 61.0],
        "change": [np.nan, -4.0, 12.5],
        "change low": [np.nan, -6.0, 9.5],
        "change high": [np.nan, -2.0, 15.5],
    }
)


def test_bars_of_the_walk_lead_from_each_accuracy_to_the_next() -> None:
    axes = figures_replication.walk(WALK, "CBOW").axes[0]
    ends = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in axes.patches]
    np.testing.assert_allclose(ends, [(0, 50), (50, 46), (46, 58.5)])
    colours = [bar.get_facecolor()[:3] for bar in axes.patches]
    assert colours == [to_rgb("grey"), pytest.approx(FALL), pytest.approx(RISE)]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "original", "table\ntrainable", "learning\nrate 0.001",
    ]  # fmt: skip


def test_numbers_over_the_walk_are_level_and_changes_with_their_intervals() -> None:
    axes = figures_replication.walk(WALK, "CBOW").axes[0]
    said = [text.get_text() for text in axes.texts]
    assert said == ["50.0", "-4.0\n[-6.0, -2.0]", "+12.5\n[+9.5, +15.5]"]
    assert axes.get_title() == "CBOW: one change at a time"
    (segments,) = (c.get_segments() for c in axes.collections)
    np.testing.assert_allclose([s[:, 1] for s in segments], WALK[["low", "high"]])


def test_what_neither_of_the_papers_arms_has_is_shaded_and_its_level_drawn() -> None:
    longer = pd.concat([WALK, WALK[2:].assign(step="batches of 64")], ignore_index=True)
    axes = figures_replication.walk(longer, "CBOW").axes[0]
    shaded = axes.patches[-1]
    assert shaded.get_label() == "in neither of the paper's arms"
    assert (shaded.get_x(), shaded.get_x() + shaded.get_width()) == (2.5, 3.5)
    cells = tables.paper_cells()
    printed = cells[(cells["embedding"] == "CBOW") & (cells["setting"] != "original")]["accuracy"].mean()
    line = line_of(axes, f"“update” as printed, {printed:.1f}")
    assert set(line.get_ydata()) == {printed}


def test_a_walk_of_one_seed_has_numbers_without_intervals() -> None:
    nothing = WALK.assign(**dict.fromkeys(("low", "high", "change low", "change high"), np.nan))
    axes = figures_replication.walk(nothing, "CBOW").axes[0]
    assert [text.get_text() for text in axes.texts] == ["50.0", "-4.0", "+12.5"]


# --- controls


def test_controls_are_drawn_from_top_to_bottom_with_their_intervals() -> None:
    frame = pd.DataFrame(
        {
            "auxiliary": ["original", "original", "update0", "update0"],
            "kind": ["single task", "single task, 30 epochs", "the loss itself", "shuffled rows"],
            "difference": [np.nan, 0.5, -1.0, 2.0],
            "difference low": [np.nan, -0.5, -2.0, 1.0],
            "difference high": [np.nan, 1.5, 0.0, 3.0],
        }
    )
    axes = figures_replication.controls(frame).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["update0: shuffled rows", "update0: the loss itself", "single task, 30 epochs"]
    dots = {line.get_ydata()[0]: line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "o"}
    assert dots == {0: 2.0, 1: -1.0, 2: 0.5}
    bars = [line for line in axes.get_lines() if line.get_marker() == "None"][:-1]  # the last is the line at 0
    assert {line.get_ydata()[0]: list(line.get_xdata()) for line in bars} == {0: [1, 3], 1: [-2, 0], 2: [-0.5, 1.5]}


# --- time to a target


def single_runs(make: Make, reached: Sequence[int | None], epochs: int = 4) -> list[Record]:
    """Return single-task runs that reach 0.7 at the end of an epoch, or never; an epoch takes a second."""
    records = []
    for seed, at in enumerate(reached):
        accuracy = [0.8 if at is not None and t >= at - 1 else 0.5 for t in range(epochs)]
        run = Run("CBOW", "single", (), SINGLE_TASK, seed, Configuration(epochs=epochs))
        records.append(make(run, validation_accuracy=accuracy))
    return records


def test_curves_are_the_share_of_runs_that_are_not_there_yet(known_record: Make) -> None:
    records = single_runs(known_record, [1, 2, 2, 4])
    panels = figures_replication.survival(records, [0.7, 0.4]).axes
    assert [panel.get_title() for panel in panels] == ["validation accuracy ≥ 0.7", "validation accuracy ≥ 0.4", "", ""]
    curve = line_of(panels[0], "single-task")
    assert curve.get_xdata().tolist() == [0, 1, 2, 4]
    assert curve.get_ydata().tolist() == pytest.approx([1, 0.75, 0.25, 0])
    assert line_of(panels[1], "single-task").get_ydata().tolist() == [1, 0]
    operations = line_of(panels[2], "single-task")
    assert operations.get_xdata().tolist() == pytest.approx([0, 1e-7, 2e-7, 4e-7])
    assert panels[2].get_xlabel() == "10⁹ operations of matrix products"


def test_a_tick_on_the_curve_is_a_run_that_stopped(known_record: Make) -> None:
    records = single_runs(known_record, [1, 2, 4, 4]) + single_runs(known_record, [None], epochs=2)
    panel = figures_replication.survival(records, [0.7]).axes[0]
    (ticks,) = (line for line in panel.get_lines() if line.get_marker() == "|")
    assert (ticks.get_xdata().tolist(), ticks.get_ydata().tolist()) == ([2], [pytest.approx(0.6)])
    assert line_of(panel, "single-task").get_ydata().tolist() == pytest.approx([1, 0.8, 0.6, 0])


def test_a_curve_ends_where_more_runs_have_stopped_than_are_in_training(known_record: Make) -> None:
    stopped = single_runs(known_record, [None] * 3, epochs=2)
    panel = figures_replication.survival(single_runs(known_record, [1, 4]) + stopped, [0.7]).axes[0]
    curve = line_of(panel, "single-task")
    assert curve.get_xdata().tolist() == [0, 1, 2]  # and not to 0 with the only run that is left at 4
    assert curve.get_ydata().tolist() == pytest.approx([1, 0.8, 0.8])


# --- other tasks


def test_scores_elsewhere_have_a_panel_a_task() -> None:
    rows = [
        {"task": task, "measure": measure, "table": arm, "score": score, "low": score - 1, "high": score + 2}
        for task, measure, level in [("imdb", "accuracy", 80.0), ("ud-ewt", "accuracy", 90.0), ("wnut-17", "f1", 20.0)]
        for arm, score in zip(("untouched", *STRATEGIES), level + np.arange(5), strict=True)
    ]
    figure = figures_replication.downstream(pd.DataFrame(rows))
    shown = {panel.get_title(): panel for panel in figure.axes if panel.get_visible()}
    assert {title: panel.get_ylabel() for title, panel in shown.items()} == {
        "imdb": "accuracy (%)", "ud-ewt": "accuracy (%)", "wnut-17": "span F1 (%)",
    }  # fmt: skip
    panel = shown["wnut-17"]
    dots = [line for line in panel.get_lines() if line.get_marker() == "o"]
    assert [dot.get_ydata()[0] for dot in dots] == [20, 21, 22, 23, 24]
    assert [to_rgb(dot.get_color()) for dot in dots][1:] == [to_rgb(row.colour) for row in STRATEGIES.values()]
    ends = [bars.get_segments()[0][:, 1].tolist() for bars in panel.collections]
    assert ends == [[level - 1, level + 2] for level in (20, 21, 22, 23, 24)]
    labels = [label.get_text() for label in panel.get_xticklabels()]
    assert labels == ["untouched", "single-\ntask", "multi-\ntask", "Diminish", "Switch"]
