from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.experiments.strategies import STRATEGIES
from mt2st.report import tables, timing
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
    assert [text.get_text() for text in axes.texts] == ["+10.0"] * 6 + ["chance"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "as printed", "its released logs", "ours, protocol released",
    ]  # fmt: skip
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "CBOW\nhidden 32, n = 10", "SkipGram\nhidden 64, n = 9",
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
    np.testing.assert_allclose(ends, [(50, 46), (46, 58.5)])
    colours = [bar.get_facecolor()[:3] for bar in axes.patches]
    assert colours == [pytest.approx(FALL), pytest.approx(RISE)]
    assert [bar.get_hatch() for bar in axes.patches] == ["///", ""]
    low, high = axes.get_ylim()
    assert low < 45
    assert high > 61
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "original", "table\ntrainable", "learning\nrate 0.001",
    ]  # fmt: skip


def test_numbers_over_the_walk_are_level_and_changes_with_their_intervals() -> None:
    axes = figures_replication.walk(WALK, "CBOW").axes[0]
    said = [text.get_text() for text in axes.texts]
    assert said == ["50.0", "-4.0\n[-6.0, -2.0]", "+12.5\n[+9.5, +15.5]"]
    assert axes.get_title().startswith("CBOW: one change at a time")
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
    axes = figures_replication.controls(frame, "learning rate 0.1").axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["single task, 30 epochs", "update0: the loss itself", "update0: shuffled rows"]
    dots = [line for line in axes.get_lines() if line.get_marker() != "None"]
    assert [dot.get_xdata()[0] for dot in dots] == [0.5, -1.0, 2.0]
    assert [dot.get_ydata()[0] for dot in dots] == sorted(dot.get_ydata()[0] for dot in dots)
    assert len({dot.get_marker() for dot in dots}) == 3  # kinds are not told apart by colour alone
    bars = [line for line in axes.get_lines() if line.get_marker() == "None"][:-1]  # the last is the line at 0
    assert [list(line.get_xdata()) for line in bars] == [[-0.5, 1.5], [-2, 0], [1, 3]]
    assert [text.get_text() for text in axes.texts][:3] == [
        "+0.5 [-0.5, +1.5]",
        "-1.0 [-2.0, +0.0]",
        "+2.0 [+1.0, +3.0]",
    ]
    assert axes.get_xlabel().endswith("\nlearning rate 0.1")


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
    assert [panel.get_title() for panel in panels] == ["validation accuracy ≥ 0.7", "validation accuracy ≥ 0.4"]
    curve = line_of(panels[0], "single-task")
    assert curve.get_xdata().tolist() == [0, 1, 2, 4]
    assert curve.get_ydata().tolist() == pytest.approx([1, 0.75, 0.25, 0])
    assert line_of(panels[1], "single-task").get_ydata().tolist() == [1, 0]


def test_a_target_that_hardly_a_run_reaches_has_no_panel(known_record: Make) -> None:
    panels = figures_replication.survival(single_runs(known_record, [1, 2]), [0.7, 0.9]).axes
    assert [panel.get_title() for panel in panels] == ["validation accuracy ≥ 0.7"]
    never = figures_replication.survival(single_runs(known_record, [None]), [0.7, 0.9]).axes
    assert len(never) == 1  # one is left to say so


def test_costs_against_single_task_stand_under_the_curves(known_record: Make) -> None:
    singles = single_runs(known_record, [1, 1, 2])
    doubled = [
        known_record(replace(record.run, strategy=name), validation_accuracy=record.history["validation_accuracy"],
                     cpu_seconds=2.0)
        for name in ("mtl", "switch")
        for record in singles
    ]  # fmt: skip
    _, below = figures_replication.survival([*singles, *doubled], [0.7]).axes
    assert [text.get_text() for text in below.get_yticklabels()] == ["multi-task", "Switch"]
    dots = [line.get_xdata()[0] for line in below.get_lines() if line.get_marker() == "o"]
    costs = timing.costs([*singles, *doubled], [0.7]).set_index("strategy").loc[["mtl", "switch"]]
    ratios = costs[[f"{unit} / single" for unit in timing.UNITS]].to_numpy().flatten()
    np.testing.assert_allclose(dots, 100 * (ratios - 1), atol=1e-9)
    assert dots[0] == pytest.approx(100)


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


def test_scores_elsewhere_are_differences_from_two_tables() -> None:
    rows = []
    for task, measure, level, step in [
        ("imdb", "accuracy", 80.0, 1),
        ("ud-ewt", "f1", 20.0, 2),
        ("none", "f1", 0.0, 0),
    ]:
        for k, arm in enumerate(("random", "untouched", *STRATEGIES)):
            row = {"task": task, "measure": measure, "table": arm, "score": level + step * k}
            for reference, first in (("untouched", 2), ("single", 3)):
                value = float(k) if k >= first else np.nan
                row |= {f"− {reference}": value, f"− {reference} low": value - 1, f"− {reference} high": value + 2}
            rows.append(row)
    untouched, single = figures_replication.downstream(pd.DataFrame(rows)).axes
    labels = [label.get_text() for label in untouched.get_yticklabels()]
    assert labels == [  # a task on which all tables score the same is left out
        "imdb, accuracy (%)\nuntouched 81.0\nrandom 80.0", "ud-ewt, span F1 (%)\nuntouched 22.0\nrandom 20.0",
    ]  # fmt: skip
    for panel, strategies in ((untouched, list(STRATEGIES)), (single, list(STRATEGIES)[1:])):
        dots = [line for line in panel.get_lines() if line.get_marker() != "None"]
        first = 6 - len(strategies)
        assert [dot.get_xdata()[0] for dot in dots] == [*range(first, 6)] * 2
        assert [to_rgb(dot.get_color()) for dot in dots] == [to_rgb(STRATEGIES[s].colour) for s in strategies] * 2
        ends = [line for line in panel.get_lines() if line.get_marker() == "None" and len(line.get_ydata()) == 2]
        assert [list(line.get_xdata()) for line in ends[: len(strategies)]] == [[k - 1, k + 2] for k in range(first, 6)]
