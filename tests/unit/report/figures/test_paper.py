from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from scipy import stats

from mt2st.experiments import profiles, runs
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES, UPDATES, Strategy, label
from mt2st.report import tables
from mt2st.report.figures import paper as figures
from mt2st.schedules import Constant, Schedule
from mt2st.training import EPSILON

WITH_AUXILIARIES = ("mtl", "diminish", "switch")
PAIR = ("CBOW", "SkipGram")


@pytest.fixture(scope="module")
def records(grid_of: Callable[[Profile, Sequence[str], int], list[Record]]) -> list[Record]:
    """Return made-up records of all strategies on two embeddings and two seeds."""
    return grid_of(profiles.PROFILES["smoke"], PAIR, 2)


@pytest.fixture(scope="module")
def history(records: list[Record]) -> pd.DataFrame:
    return runs.history_frame(records)


@pytest.fixture(scope="module")
def tasks(records: list[Record]) -> pd.DataFrame:
    return runs.task_frame(records)


@pytest.fixture(scope="module")
def schedules(records: list[Record]) -> dict[str, Schedule]:
    return {record.run.strategy: record.run.schedule for record in records}


def line_of(axes: Axes, label: str) -> Line2D:
    """Return the one line with this label."""
    found = [line for line in axes.get_lines() if line.get_label() == label]
    assert len(found) == 1
    return found[0]


def mean_of(frame: pd.DataFrame, column: str, **where: str) -> np.ndarray:
    """Return the mean of a column by epoch among the rows where some columns have some values."""
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return np.array([frame[frame["epoch"] == t][column].mean() for t in sorted(frame["epoch"].unique())])


@pytest.mark.parametrize(("strategy", "embedding"), [(s, e) for s in WITH_AUXILIARIES for e in PAIR])
def test_loss_lines_are_the_means_over_seeds(history: pd.DataFrame, strategy: str, embedding: str) -> None:
    panels = figures.losses(history, strategy).axes
    row = panels[PAIR.index(embedding) * len(UPDATES) :]
    assert row[0].get_ylabel() == f"{embedding}\ntraining loss"
    for panel, setting in zip(row[: len(UPDATES)], UPDATES, strict=True):
        expected = mean_of(history, "loss", strategy=strategy, embedding=embedding, setting=setting)
        np.testing.assert_allclose(line_of(panel, setting).get_ydata(), expected)
        np.testing.assert_array_equal(line_of(panel, setting).get_xdata(), range(len(expected)))


@pytest.mark.parametrize("strategy", WITH_AUXILIARIES)
def test_accuracy_lines_are_the_means_over_seeds(history: pd.DataFrame, strategy: str) -> None:
    panels = figures.accuracies(history, strategy, ["SkipGram"]).axes
    assert [panel.get_title() for panel in panels] == list(UPDATES)
    for panel, setting in zip(panels, UPDATES, strict=True):
        expected = mean_of(history, "validation_accuracy", strategy=strategy, embedding="SkipGram", setting=setting)
        np.testing.assert_allclose(line_of(panel, setting).get_ydata(), expected)


def test_single_task_training_is_in_every_panel_for_comparison(history: pd.DataFrame) -> None:
    expected = mean_of(history, "validation_accuracy", strategy="single", embedding="CBOW")
    for panel in figures.accuracies(history, "diminish", ["CBOW"]).axes:
        np.testing.assert_allclose(line_of(panel, "original").get_ydata(), expected)


def test_bands_run_from_the_smallest_to_the_largest_seed(history: pd.DataFrame) -> None:
    panels = figures.losses(history, "mtl", ["CBOW"]).axes
    cell = history[history["strategy"].isin(["single", "mtl"]) & (history["embedding"] == "CBOW")]
    for panel, setting in zip(panels, UPDATES, strict=True):
        bands = [c for c in panel.collections if isinstance(c, PolyCollection)]
        assert [len(drawn.get_facecolor()) for drawn in bands] == [0, 1]  # one area, and the edges of "original"
        for name, drawn in zip(("original", setting), bands, strict=True):
            loss = cell[cell["setting"] == name].groupby("epoch")["loss"]
            corners = {(round(x), round(float(y), 9)) for x, y in drawn.get_paths()[0].vertices}
            wanted = {(t, round(v, 9)) for edge in (loss.min(), loss.max()) for t, v in edge.items()}
            assert corners == wanted


def test_diamonds_are_the_papers_test_accuracies(history: pd.DataFrame) -> None:
    panels = figures.accuracies(history.assign(data="imdb"), "switch", ["CBOW"]).axes
    diamonds = [line for panel in panels for line in panel.get_lines() if line.get_marker() == "D"]
    drawn = [line.get_ydata()[0] for line in diamonds]
    assert drawn == [tables.paper_accuracy("switch", "CBOW", setting) for setting in UPDATES]
    assert drawn == pytest.approx([0.68, 0.70, 0.71, 0.74])


def test_losses_and_other_tasks_have_no_diamonds(history: pd.DataFrame) -> None:
    on_imdb = history.assign(data="imdb")
    for figure in (figures.losses(on_imdb, "switch", ["CBOW"]), figures.accuracies(history, "switch", ["CBOW"])):
        assert {line.get_marker() for panel in figure.axes for line in panel.get_lines()} == {"None"}


def test_the_switch_is_marked_between_the_last_epoch_with_and_the_first_without(
    history: pd.DataFrame, schedules: dict[str, Schedule]
) -> None:
    panel = figures.losses(history, "switch", ["CBOW"]).axes[0]
    (t_switch,) = schedules["switch"].t_switch
    assert list(line_of(panel, "T_switch").get_xdata()) == [t_switch - 0.5] * 2
    others = figures.losses(history, "diminish", ["CBOW"]).axes[0]
    assert "T_switch" not in {line.get_label() for line in others.get_lines()}


def test_what_was_not_run_has_no_panel(history: pd.DataFrame) -> None:
    panels = figures.losses(history, "mtl").axes
    labels = [panel.get_ylabel() for panel in panels if panel.get_ylabel()]
    assert labels == [f"{embedding}\ntraining loss" for embedding in PAIR]
    assert len(panels) == len(PAIR) * len(UPDATES)
    assert all(len(panel.get_lines()) for panel in panels)


def test_a_learning_rate_is_named_where_it_is_not_that_of_single_task(history: pd.DataFrame) -> None:
    rates = history["learning_rate"].where(history["setting"] != "update3", 0.02)
    panels = figures.accuracies(history.assign(learning_rate=rates), "switch", ["CBOW"]).axes
    assert [panel.get_title() for panel in panels] == [*UPDATES[:3], "update3\nlearning rate 0.02 (original: 0.005)"]
    figure = figures.convergence(history.assign(learning_rate=rates))
    assert figure._supxlabel.get_text() == "learning rate, tuned for each arm: 0.005, but update3 0.02"
    assert figures.convergence(history)._supxlabel is None


def test_the_legend_names_what_every_panel_has(history: pd.DataFrame) -> None:
    figure = figures.accuracies(history.assign(data="imdb"), "switch")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["original", "Switch with the auxiliary task", "paper, test (IMDB)", "T_switch"]


def test_figure_2_shows_the_recorded_weights_and_what_the_auxiliary_tasks_add(
    history: pd.DataFrame, schedules: dict[str, Schedule]
) -> None:
    left, right = figures.diminish(history).axes
    epochs = sorted(history["epoch"].unique())
    for strategy in WITH_AUXILIARIES:
        weights = [float(schedules[strategy].weights(t)[0]) for t in epochs]
        np.testing.assert_allclose(line_of(left, label(strategy)).get_ydata(), weights)
        cell = history[history["strategy"] == strategy]
        added = mean_of(cell.assign(added=cell["loss"] - cell["primary_loss"]), "added")
        drawn = line_of(right, label(strategy)).get_ydata()
        below = np.array(weights) < EPSILON  # not computed: nothing is added
        np.testing.assert_allclose(drawn, added, atol=1e-9)
        np.testing.assert_allclose(drawn[below], 0)
    assert list(line_of(left, "ε = 0.01: not computed below").get_ydata()) == [EPSILON] * 2


def test_figure_3_shows_accuracy_by_epoch_and_by_summed_seconds(history: pd.DataFrame) -> None:
    by_epoch, by_time = figures.convergence(history).axes[:2]
    for strategy in STRATEGIES:
        expected = mean_of(history, "validation_accuracy", strategy=strategy)
        for panel in (by_epoch, by_time):
            np.testing.assert_allclose(line_of(panel, label(strategy)).get_ydata(), expected)
        seconds = np.cumsum(mean_of(history, "seconds", strategy=strategy))
        np.testing.assert_allclose(line_of(by_time, label(strategy)).get_xdata(), seconds)


def test_figure_3_shows_differences_from_single_task_paired_by_seed(history: pd.DataFrame) -> None:
    panels = figures.convergence(history).axes[2:]
    assert [panel.get_title() for panel in panels] == [f"{label(s)} − single-task" for s in WITH_AUXILIARIES]
    means = history.pivot_table(index=["strategy", "epoch"], columns="seed", values="validation_accuracy")
    for panel, strategy in zip(panels, WITH_AUXILIARIES, strict=True):
        differences = 100 * (means.loc[strategy] - means.loc["single"])
        line, (shade,) = panel.get_lines()[-1], panel.collections
        np.testing.assert_allclose(line.get_ydata(), differences.mean(axis=1))
        half = stats.t.ppf(0.975, 1) * differences.std(axis=1) / np.sqrt(2)
        highest = max(y for _, y in shade.get_paths()[0].vertices)
        assert highest == pytest.approx((differences.mean(axis=1) + half).max())


def test_figure_3_without_single_task_has_levels_alone(history: pd.DataFrame) -> None:
    assert len(figures.convergence(history[history["strategy"] == "diminish"]).axes) == 2


@pytest.mark.parametrize(("k", "setting"), enumerate(UPDATES))
def test_figure_4_shows_primary_loss_against_the_probe(tasks: pd.DataFrame, k: int, setting: str) -> None:
    panel = figures.switching(tasks).axes[k]
    assert panel.get_title() == setting
    for strategy in ("mtl", "switch"):
        line = line_of(panel, label(strategy))
        where = {"strategy": strategy, "setting": setting}
        np.testing.assert_allclose(line.get_xdata(), mean_of(tasks, "loss", role="primary", **where))
        np.testing.assert_allclose(line.get_ydata(), mean_of(tasks, "probe", role="auxiliary", **where))


def test_settings_that_were_not_run_have_no_panel(history: pd.DataFrame, tasks: pd.DataFrame) -> None:
    wanted = ["original", "update1"]
    assert len(figures.switching(tasks[tasks["setting"].isin(wanted)]).axes) == 1
    panels = figures.losses(history[history["setting"].isin(wanted)], "switch", ["CBOW"]).axes
    assert [panel.get_title() for panel in panels] == ["update1"]


def test_figure_4_marks_the_last_epoch_before_the_switch(tasks: pd.DataFrame, schedules: dict[str, Schedule]) -> None:
    panel = figures.switching(tasks).axes[0]
    last = int(schedules["switch"].t_switch[0]) - 1
    marked, path = line_of(panel, "T_switch"), line_of(panel, label("switch"))
    assert marked.get_xdata()[0] == pytest.approx(path.get_xdata()[last])
    assert marked.get_ydata()[0] == pytest.approx(path.get_ydata()[last])


@pytest.mark.parametrize(("k", "embedding"), enumerate(PAIR))
def test_figure_5_shows_single_task_loss_and_accuracy(history: pd.DataFrame, k: int, embedding: str) -> None:
    panels = figures.original(history).axes
    for panel, names in [
        (panels[k], ("loss", "validation_loss")),
        (panels[k + len(PAIR)], ("train_accuracy", "validation_accuracy")),
    ]:
        assert panel.get_title().startswith(f"{embedding}: ")
        for part, column in zip(("training", "validation"), names, strict=True):
            expected = mean_of(history, column, strategy="single", embedding=embedding)
            np.testing.assert_allclose(line_of(panel, part).get_ydata(), expected)


def test_figure_5_of_one_embedding_is_two_panels(history: pd.DataFrame) -> None:
    panels = figures.original(history[history["embedding"] == "CBOW"]).axes
    assert [panel.get_title() for panel in panels] == ["CBOW: loss", "CBOW: accuracy"]


def test_each_strategy_has_its_line(history: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Strategy("own", "Own", Constant, lambda epochs: {"gamma": 0.5}, "#123456", "--")
    monkeypatch.setitem(STRATEGIES, "own", own)
    more = pd.concat([history, history[history["strategy"] == "mtl"].assign(strategy="own")])
    for panel in [*figures.diminish(more).axes, *figures.convergence(more).axes[:2]]:
        line = line_of(panel, "Own")
        assert (line.get_color(), line.get_linestyle()) == ("#123456", "--")
    panel = figures.accuracies(more, "own", ["CBOW"]).axes[0]
    assert line_of(panel, "update0").get_ydata() == pytest.approx(
        line_of(figures.accuracies(more, "mtl", ["CBOW"]).axes[0], "update0").get_ydata()
    )
    assert "D" not in {line.get_marker() for line in panel.get_lines()}  # the paper has no number for it


def test_numbers_at_epochs_are_rounded_means_over_seeds(history: pd.DataFrame) -> None:
    shown = figures.at_epochs(history, "loss", "mtl")
    last = int(history["epoch"].max())
    assert shown.columns.tolist() == sorted({*range(0, last + 1, 5), last})
    assert shown.index.tolist() == [(embedding, setting) for embedding in PAIR for setting in UPDATES]
    expected = mean_of(history, "loss", strategy="mtl", embedding="CBOW", setting="update1")
    assert shown.loc[("CBOW", "update1"), 5] == pytest.approx(expected[5], abs=0.005)
