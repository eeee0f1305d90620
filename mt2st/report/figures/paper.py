"""Figures 2–11 of the paper from recorded runs. Each function takes a frame of runs and returns a figure.

`history` is of `runs.history_frame`, one row an epoch of a run, and `scores` of `runs.score_frame`. Lines are means
over seeds, bands run from the smallest to the largest seed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mt2st.data.vectors import EMBEDDINGS, GLOVE
from mt2st.experiments.strategies import STRATEGIES, UPDATES
from mt2st.report import tables
from mt2st.report.figures import strategies_of, style_of, widgets
from mt2st.report.summary import by_strategy
from mt2st.schedules import Diminish, Schedule
from mt2st.training import AUXILIARY, EPSILON, PRIMARY

if TYPE_CHECKING:
    from ipywidgets import VBox

EMBEDDING_COLOURS = dict(zip(EMBEDDINGS, sns.color_palette("deep", 5), strict=True))
NEEDS_GLOVE = "needs glove-twitter-100"


def band(axes: Axes, frame: pd.DataFrame, y: str, label: str, colour: object, linestyle: str = "-") -> None:
    """Draw the mean of `y` over seeds for each epoch, and the range from smallest to largest."""
    grouped = frame.groupby("epoch")
    axes.plot(grouped[y].mean(), label=label, color=colour, linewidth=1.6, linestyle=linestyle)
    low, high = grouped[y].min(), grouped[y].max()
    axes.fill_between(low.index, low, high, color=colour, alpha=0.1, linewidth=0)


def diminish(history: pd.DataFrame) -> Figure:
    """Figure 2: recorded weights γ_k(t) of each strategy, and what the auxiliary tasks add to the training loss."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    for strategy in (s for s in strategies_of(history) if s.name != "single"):
        by_epoch = history[history["strategy"] == strategy.name].groupby("epoch")
        weight = by_epoch["auxiliary_weight"].first()
        left.step(weight.index, weight, where="post", **style_of(strategy))
        right.plot(by_epoch["auxiliary_loss"].mean(), **style_of(strategy))
    left.axhline(EPSILON, color="grey", linestyle=":", label=f"ε = {EPSILON:g}: not computed below")
    left.set(xlabel="epoch t", ylabel="weight γ_k(t)", title="Auxiliary weight")
    right.set(xlabel="epoch t", ylabel="γ·L_aux", title="Auxiliary part of the loss, mean over all runs")
    left.legend(), right.legend()
    return figure


def convergence(history: pd.DataFrame) -> Figure:
    """Figure 3: validation accuracy by epoch and by seconds of training, mean over embeddings, settings and seeds."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
    runs = history.sort_values("epoch").copy()
    keys = ["strategy", "embedding", "setting", "seed"]
    runs["seconds"] = runs.groupby(keys)["seconds"].cumsum()
    for strategy in strategies_of(runs):
        by_epoch = runs[runs["strategy"] == strategy.name].groupby("epoch")
        for panel, x in zip(axes, ("epoch", "seconds"), strict=True):
            panel.plot(by_epoch[x].mean(), by_epoch["validation_accuracy"].mean(), **style_of(strategy))
    axes[0].set(xlabel="epoch", ylabel="validation accuracy", title="By epoch")
    axes[1].set(xlabel="mean seconds of training", title="By training time")
    axes[0].legend()
    return figure


def switching(tasks: pd.DataFrame) -> Figure:
    """Figure 4: path of training in the plane of primary and auxiliary loss, multi-task beside Switch.

    The auxiliary loss is measured on one fixed batch after each epoch, also where it is no longer trained.

    Args:
        tasks: of `runs.task_frame`.
    """
    figure, axes = plt.subplots(1, len(UPDATES), figsize=(12, 3.2), sharex=True)
    for panel, setting in zip(axes, UPDATES, strict=True):
        for strategy in (STRATEGIES["mtl"], STRATEGIES["switch"]):
            runs = tasks[(tasks["strategy"] == strategy.name) & (tasks["setting"] == setting)]
            loss = runs[runs["role"] == PRIMARY].groupby("epoch")["loss"].mean()
            auxiliary = runs[runs["role"] == AUXILIARY].groupby("epoch")[["probe", "weight"]].mean()
            panel.plot(loss, auxiliary["probe"], marker=".", markersize=4, **style_of(strategy))
            if strategy.name == "switch" and (auxiliary["weight"] == 0).any():
                last = auxiliary.index[auxiliary["weight"] > 0][-1]
                panel.plot(loss[last], auxiliary.loc[last, "probe"], "o", color="red", label="T_switch")
        panel.set(xlabel="primary training loss", title=setting)
        panel.invert_xaxis()
    axes[0].set_ylabel("auxiliary loss on a fixed batch")
    axes[0].legend()
    return figure


def original(history: pd.DataFrame) -> Figure:
    """Figure 5: loss and accuracy of the single-task ("original") runs by epoch, training and validation."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    single = history[history["strategy"] == "single"]
    for embedding, runs in single.groupby("embedding", sort=False):
        colour = EMBEDDING_COLOURS[embedding]
        band(left, runs, "loss", f"{embedding}, training", colour)
        band(left, runs, "validation_loss", f"{embedding}, validation", colour, linestyle="--")
        band(right, runs, "train_accuracy", f"{embedding}, training", colour)
        band(right, runs, "validation_accuracy", f"{embedding}, validation", colour, linestyle="--")
    left.set(xlabel="epoch", ylabel="loss", title="Loss")
    right.set(xlabel="epoch", ylabel="accuracy", title="Accuracy")
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center", fontsize=7)
    return figure


def losses(history: pd.DataFrame, strategy: str, embeddings: Sequence[str] = EMBEDDINGS) -> Figure:
    """Figures 6, 8 and 10: total training loss L_primary + Σ γ_k L_k by epoch."""
    return _by_embedding(history, strategy, embeddings, "loss", "training loss")


def accuracies(history: pd.DataFrame, strategy: str, embeddings: Sequence[str] = EMBEDDINGS) -> Figure:
    """Figures 7, 9 and 11: validation accuracy by epoch; diamonds are the paper's final test accuracies on IMDB."""
    return _by_embedding(history, strategy, embeddings, "validation_accuracy", "validation accuracy")


def _by_embedding(history: pd.DataFrame, strategy: str, embeddings: Sequence[str], column: str, label: str) -> Figure:
    """One panel an embedding, one line a setting, single-task ("original") dotted; the switch epoch is marked."""
    width = min(3, len(embeddings))
    height = -(-len(embeddings) // width)
    figure, grid = plt.subplots(
        height, width, figsize=(3.6 * width + 1.2, 2.7 * height), sharex=True, sharey=True, squeeze=False
    )
    for panel, embedding in zip(grid.flat, embeddings, strict=False):
        runs = history[history["embedding"] == embedding]
        single = runs[runs["strategy"] == "single"]
        if len(single):
            band(panel, single, column, "original", "black", linestyle=":")
        _settings_panel(panel, runs[runs["strategy"] == strategy], strategy, embedding, column)
        panel.set(title=embedding, ylabel=label if panel in grid[:, 0] else "")
    for panel in grid.flat[len(embeddings) :]:
        panel.set_visible(False)
    for panel in grid[-1]:
        panel.set_xlabel("epoch")
    for panel in grid.flat[max(0, len(embeddings) - width) : len(embeddings)]:
        panel.tick_params(labelbottom=True)
    handles = {text: h for panel in grid.flat for h, text in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right center")
    return figure


def _settings_panel(panel: Axes, runs: pd.DataFrame, strategy: str, embedding: str, column: str) -> None:
    """Draw the four settings of one embedding."""
    if not len(runs):
        reason = NEEDS_GLOVE if embedding == GLOVE else "not run"
        panel.text(0.5, 0.5, reason, ha="center", va="center", transform=panel.transAxes, color="grey")
        return
    settings = STRATEGIES[strategy].settings
    for setting, colour in zip(settings, sns.color_palette("Dark2", len(settings)), strict=True):
        band(panel, runs[runs["setting"] == setting], column, setting, colour)
        if column == "validation_accuracy" and STRATEGIES[strategy].table:
            panel.plot(
                runs["epoch"].max() + 1.5, tables.paper_accuracy(strategy, embedding, setting), "D", markersize=4,
                color=colour, markerfacecolor="none", label="paper, test (IMDB)" if setting == settings[-1] else None,
            )  # fmt: skip
    if strategy == "switch":
        switched = runs.loc[runs["auxiliary_weight"] == 0, "epoch"].min()
        if not np.isnan(switched):
            panel.axvline(switched - 0.5, color="red", linewidth=1, label="T_switch")


def accuracy_by_strategy(scores: pd.DataFrame) -> Figure:
    """Test accuracy by strategy: mean over embeddings and settings for each seed, with the t interval over seeds."""
    summary = by_strategy(scores)
    figure, axes = plt.subplots(figsize=(5.2, 3.2))
    position = np.arange(len(summary))
    errors = [summary["accuracy"] - summary["low"], summary["high"] - summary["accuracy"]]
    axes.bar(position, summary["accuracy"], color=[STRATEGIES[s].colour for s in summary.index], alpha=0.8)
    axes.errorbar(
        position,
        summary["accuracy"],
        yerr=errors,
        fmt="none",
        color="black",
        capsize=4,
        label="95% t interval",
    )
    axes.plot(position, summary["paper"], "D", color="black", markerfacecolor="none", label="paper (IMDB)")
    axes.set_xticks(position, [STRATEGIES[s].label for s in summary.index])
    axes.set(ylabel="test accuracy", ylim=(0, 1))
    axes.grid(axis="x", visible=False)
    axes.legend()
    return figure


def time_by_strategy(scores: pd.DataFrame) -> Figure:
    """Seconds of training by strategy, every run a dot, evaluation not counted."""
    figure, axes = plt.subplots(figsize=(5.2, 3.2))
    strategies = strategies_of(scores)
    names = [strategy.name for strategy in strategies]
    np.random.seed(0)  # noqa: NPY002  # seaborn's jitter draws from the global generator
    sns.stripplot(scores, x="strategy", y="train_seconds", order=names, hue="strategy", hue_order=names,
                  palette=[strategy.colour for strategy in strategies], size=3, alpha=0.6, ax=axes,
                  legend=False)  # fmt: skip
    means = scores.groupby("strategy")["train_seconds"].mean()[names]
    axes.plot(range(len(names)), means, "_", color="black", markersize=30, label="mean")
    axes.set_xticks(range(len(names)), [strategy.label for strategy in strategies])
    axes.set(xlabel="", ylabel="seconds of training", ylim=(0, None))
    axes.legend()
    return figure


def weights(schedules: dict[str, Schedule], epochs: int = 25) -> Figure:
    """Curves γ(t) of some schedules, by name."""
    figure, axes = plt.subplots(figsize=(5.2, 3))
    t = np.linspace(0, epochs, 400)
    for name, schedule in schedules.items():
        axes.plot(t, [float(schedule.weights(x)[0]) for x in t], label=name)
    axes.axhline(EPSILON, color="grey", linestyle=":", label=f"ε = {EPSILON:g}")
    axes.set(xlabel="epoch t", ylabel="γ(t)")
    axes.legend()
    return figure


def strategies(epochs: int) -> Figure:
    """Draw γ(t) of every strategy with its defaults for a run of so many epochs."""
    figure, axes = plt.subplots(figsize=(6.4, 2.6))
    t = np.linspace(0, epochs, 1001)
    for strategy in STRATEGIES.values():
        schedule = strategy.schedule(epochs)
        values = [float(w.max()) if len(w := schedule.weights(x)) else 0.0 for x in t]
        axes.plot(t, values, **style_of(strategy))
    axes.set(xlabel="epoch t", ylabel="weight γ(t)", ylim=(-0.05, 1.1))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="auxiliary tasks in")
    return figure


def diminish_curve(gamma0: float, eta: float, nu: float) -> Figure:
    """Draw γ(t) = γ0·exp(−η t^ν), titled with the epoch in which the task is dropped."""
    schedule = Diminish(gamma0, eta, nu)
    figure = weights({f"γ0 = {gamma0:g}, η = {eta:g}, ν = {nu:g}": schedule})
    dropped = next((t for t in range(1000) if float(schedule.weights(t)[0]) < EPSILON), None)
    figure.axes[0].set_title("always computed" if dropped is None else f"not computed from epoch {dropped}")
    return figure


def diminish_sliders(gamma0: float, eta: float, nu: float) -> "VBox":
    """Return a slider for each parameter above a `diminish_curve` that follows them."""
    from ipywidgets import FloatSlider  # of the extra `notebooks`

    return widgets.follow(
        [
            FloatSlider(gamma0, min=0, max=2, step=0.1, description="γ0"),
            FloatSlider(eta, min=0, max=2, step=0.05, description="η"),
            FloatSlider(nu, min=0.25, max=3, step=0.25, description="ν"),
        ],
        diminish_curve,
    )


def at_epochs(history: pd.DataFrame, column: str, strategy: str) -> pd.DataFrame:
    """Return the rounded numbers a figure by epoch shows: means over seeds at every fifth epoch and the last."""
    runs = history[history["strategy"] == strategy]
    last = int(runs["epoch"].max())
    kept = runs[(runs["epoch"] % 5 == 0) | (runs["epoch"] == last)]
    return kept.pivot_table(index=["embedding", "setting"], columns="epoch", values=column, sort=False).round(2)
