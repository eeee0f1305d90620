"""Figures 2–11 of the paper from recorded runs. Each function takes a frame of runs and returns a figure.

`history` is of `runs.history_frame`, one row an epoch of a run. Lines are means over seeds; what the shading is stands
with each figure. What has no runs has no panel.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from mt2st.data.vectors import EMBEDDINGS
from mt2st.experiments.strategies import STRATEGIES, UPDATES, Strategy
from mt2st.history import AUXILIARY, PRIMARY
from mt2st.report import tables
from mt2st.report.figures import strategies_of, style_of
from mt2st.report.figures.drawing import is_papers_task, rates_in_words, width
from mt2st.statistics import mean_interval
from mt2st.training import EPSILON

TRAINING, VALIDATION = sns.color_palette("colorblind")[0], sns.color_palette("colorblind")[1]


def band(axes: Axes, frame: pd.DataFrame, y: str, label: str, colour: object, linestyle: str = "-") -> None:
    """Draw the mean of `y` over seeds for each epoch, and the range from smallest to largest; dotted, its edges alone.

    So no more than one area lies over another.
    """
    grouped = frame.groupby("epoch")
    axes.plot(grouped[y].mean(), label=label, color=colour, linewidth=1.6, linestyle=linestyle)
    low, high = grouped[y].min(), grouped[y].max()
    edge: dict[str, Any] = {"facecolor": "none", "edgecolor": colour, "linewidth": 0.4, "linestyle": ":"}
    area: dict[str, Any] = {"color": colour, "alpha": 0.18, "linewidth": 0}
    axes.fill_between(low.index, low, high, **(edge if linestyle == ":" else area))


def diminish(history: pd.DataFrame) -> Figure:
    """Figure 2: recorded weights γ_k(t) of each strategy, and what the auxiliary tasks add to the training loss.

    Shaded on the right: 95% t interval over seeds.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.4))
    with_auxiliaries = [s for s in strategies_of(history) if s.name != "single"]
    for k, strategy in enumerate(with_auxiliaries):
        runs = history[history["strategy"] == strategy.name]
        weight = runs.groupby("epoch")["auxiliary_weight"].first()
        look = style_of(strategy) | {"linewidth": width(k, len(with_auxiliaries))}
        left.step(weight.index, weight, where="post", **look)
        added = _by_epoch(runs, "auxiliary_loss")
        right.plot(runs.groupby("epoch")["auxiliary_loss"].mean(), **look)
        right.fill_between(added.index, added["low"], added["high"], color=strategy.colour, alpha=0.15, linewidth=0)
    left.axhline(EPSILON, color="grey", linestyle=":", label=f"ε = {EPSILON:g}: not computed below")
    left.annotate("not computed below ε", (weight.index[-1], EPSILON), xytext=(0, 5),
                  textcoords="offset points", ha="right", fontsize=7, color="dimgrey")  # fmt: skip
    left.set(xlabel="epoch t", ylabel="weight γ_k(t)", title="Auxiliary weight")
    right.set(xlabel="epoch t", ylabel="γ·L_aux", title="Auxiliary part of the loss, mean over all runs, 95% interval")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=len(with_auxiliaries),
                  handlelength=4)  # fmt: skip
    return figure


def _by_epoch(runs: pd.DataFrame, column: str) -> pd.DataFrame:
    """Mean of a column over a seed's runs by epoch, with its 95% t interval over seeds: mean, low, high."""
    seeds = runs.pivot_table(index="epoch", columns="seed", values=column).dropna(axis=1)
    intervals = [mean_interval(row) for row in seeds.to_numpy()]
    return pd.DataFrame([(i.mean, i.low, i.high) for i in intervals], seeds.index, ["mean", "low", "high"])


def convergence(history: pd.DataFrame) -> Figure:
    """Figure 3: validation accuracy by epoch and by seconds of training, mean over embeddings, settings and seeds.

    Below, where single-task learning is among the runs, the difference from it by epoch, paired by seed, with 95% t
    interval; its own interval is shaded above.
    """
    runs = history.sort_values("epoch").copy()
    keys = ["strategy", "embedding", "setting", "seed"]
    runs["seconds"] = runs.groupby(keys)["seconds"].cumsum()
    found = strategies_of(runs)
    others = [s for s in found if s.name != "single"]
    compared = others if len(others) < len(found) else []
    figure = plt.figure(figsize=(9.6, 5.8 if compared else 3.4))
    above, *below = figure.subfigures(
        1 + bool(compared), 1, height_ratios=(3, 2)[: 1 + bool(compared)], squeeze=False
    ).flat
    axes = above.subplots(1, 2, sharey=True)
    for strategy in found:
        of = runs[runs["strategy"] == strategy.name]
        by_epoch = of.groupby("epoch")
        for panel, x in zip(axes, ("epoch", "seconds"), strict=True):
            panel.plot(by_epoch[x].mean(), by_epoch["validation_accuracy"].mean(), **style_of(strategy), linewidth=1.8)
            if strategy.name == "single":
                shade = _by_epoch(of, "validation_accuracy")
                panel.fill_between(
                    by_epoch[x].mean(), shade["low"], shade["high"], color="black", alpha=0.1, linewidth=0
                )
    axes[0].set(xlabel="epoch", ylabel="validation accuracy", title="By epoch")
    axes[1].set(xlabel="mean seconds of training", title="By training time")
    axes[0].legend(loc="lower right")
    if below:
        _differences(below[0], runs, compared)
    if rates := rates_in_words(runs):
        figure.supxlabel(rates, fontsize=8)
    return figure


def _differences(figure: SubFigure, runs: pd.DataFrame, compared: Sequence[Strategy]) -> None:
    """Draw the difference of each strategy from single-task learning in validation accuracy, in points by epoch."""
    cells = runs.pivot_table(index=["epoch", "seed", "embedding"], columns="strategy", values="validation_accuracy")
    means = 100 * cells.dropna().groupby(level=["epoch", "seed"]).mean()
    panels = figure.subplots(1, len(compared), sharey=True, squeeze=False)[0]
    for panel, strategy in zip(panels, compared, strict=True):
        frame = (means[strategy.name] - means["single"]).rename("difference").reset_index()
        shown = _by_epoch(frame, "difference")
        panel.axhline(0, color="black", linewidth=1)
        panel.plot(shown["mean"], color=strategy.colour, linewidth=1.8)
        panel.fill_between(shown.index, shown["low"], shown["high"], color=strategy.colour, alpha=0.2, linewidth=0)
        panel.set_title(f"{strategy.label} − single-task", fontsize=9)
        panel.set(xlabel="epoch", ylabel="points, 95% interval" if panel is panels[0] else "")


def switching(tasks: pd.DataFrame) -> Figure:
    """Figure 4: path of training in the plane of primary and auxiliary loss, multi-task beside Switch.

    The auxiliary loss is measured on one fixed batch after each epoch, also where it is no longer trained. Each path
    ends in a cross: the 95% t intervals of both losses over seeds.

    Args:
        tasks: of `runs.task_frame`.
    """
    settings = [setting for setting in UPDATES if setting in set(tasks["setting"])]
    rows, columns = -(-len(settings) // 2), min(2, len(settings))
    figure, grid = plt.subplots(rows, columns, figsize=(4.8 * columns, 2.9 * rows + 0.6), sharex=True, squeeze=False)
    for panel in grid.flat[len(settings) :]:
        panel.remove()
    for panel, setting in zip(grid.flat, settings, strict=False):
        for strategy in (STRATEGIES["mtl"], STRATEGIES["switch"]):
            runs = tasks[(tasks["strategy"] == strategy.name) & (tasks["setting"] == setting)]
            if len(runs):
                _path(panel, runs, strategy)
        panel.set_title(setting)
        panel.margins(y=0.08)
    grid[0, 0].invert_xaxis()
    for panel in grid[-1]:
        panel.set_xlabel("primary training loss (training goes to the right)")
    for panel in grid[:, 0]:
        panel.set_ylabel("auxiliary loss on a fixed batch")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _path(panel: Axes, runs: pd.DataFrame, strategy: Strategy) -> None:
    """Draw the path of one strategy, the epoch of its switch, and the cross at its end."""
    primary, auxiliary = (runs[runs["role"] == role] for role in (PRIMARY, AUXILIARY))
    loss, probe = primary.groupby("epoch")["loss"].mean(), auxiliary.groupby("epoch")["probe"].mean()
    is_switch = strategy.name == "switch"
    panel.plot(loss, probe, marker="o" if is_switch else "s", markersize=2.5 if is_switch else 4.5,
               zorder=3 if is_switch else 2, **style_of(strategy))  # fmt: skip
    x, y = (_by_epoch(part, column).iloc[-1] for part, column in ((primary, "loss"), (auxiliary, "probe")))
    panel.plot([x["low"], x["high"]], [y["mean"]] * 2, color=strategy.colour, linewidth=1)
    panel.plot([x["mean"]] * 2, [y["low"], y["high"]], color=strategy.colour, linewidth=1)
    weight = auxiliary.groupby("epoch")["weight"].mean()
    if is_switch and (weight == 0).any():
        last = weight.index[weight > 0][-1]
        panel.plot(loss[last], probe[last], "D", color="black", markersize=6, zorder=4, label="T_switch")


def original(history: pd.DataFrame) -> Figure:
    """Figure 5: loss and accuracy of the single-task ("original") runs by epoch, training and validation.

    Shaded: from the smallest to the largest seed.
    """
    single = history[history["strategy"] == "single"]
    embeddings = list(dict.fromkeys(single["embedding"]))
    rows, columns = (2, len(embeddings)) if len(embeddings) > 1 else (1, 2)
    figure, grid = plt.subplots(
        rows, columns, figsize=(max(8.0, 2.3 * columns + 0.6), 2.5 * rows + 0.5), sharex=True, squeeze=False,
        sharey="row" if rows > 1 else False,
    )  # fmt: skip
    by_measure = grid if rows > 1 else grid.T
    for column, embedding in enumerate(embeddings):
        runs = single[single["embedding"] == embedding]
        parts = (("loss", "validation_loss"), ("train_accuracy", "validation_accuracy"))
        for panel, measure, names in zip(by_measure[:, column], ("loss", "accuracy"), parts, strict=True):
            band(panel, runs, names[0], "training", TRAINING)
            band(panel, runs, names[1], "validation", VALIDATION, linestyle="--")
            panel.set(title=f"{embedding}: {measure}", ylabel=measure if not column else "")
            panel.title.set_fontsize(9)
    for panel in grid[-1]:
        panel.set_xlabel("epoch")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def losses(history: pd.DataFrame, strategy: str, embeddings: Sequence[str] = EMBEDDINGS) -> Figure:
    """Figures 6, 8 and 10: total training loss L_primary + Σ γ_k L_k by epoch; see `_panels`."""
    return _panels(history, strategy, embeddings, "loss", "training loss")


def accuracies(history: pd.DataFrame, strategy: str, embeddings: Sequence[str] = EMBEDDINGS) -> Figure:
    """Figures 7, 9 and 11: validation accuracy by epoch; see `_panels`.

    On the paper's own task diamonds are its final test accuracies.
    """
    return _panels(history, strategy, embeddings, "validation_accuracy", "validation accuracy")


def _panels(history: pd.DataFrame, strategy: str, embeddings: Sequence[str], column: str, label: str) -> Figure:
    """A row an embedding that was run, a column a setting, single-task ("original") dotted; the switch is marked.

    The paper draws all settings of an embedding in one panel. Shaded, and between the dotted edges for "original": from
    the smallest to the largest seed.
    """
    row = STRATEGIES[strategy]
    arms = history[history["strategy"] == strategy]
    shown = [e for e in embeddings if e in set(arms["embedding"])]
    settings = list(dict.fromkeys(arms["setting"]))
    figure, grid = plt.subplots(
        len(shown), len(settings), figsize=(max(4.8, 2.3 * len(settings) + 0.6), 1.8 * len(shown) + 1.2),
        sharex=True, sharey=True if column == "validation_accuracy" else "col", squeeze=False,
    )  # fmt: skip
    for panels, embedding in zip(grid, shown, strict=True):
        runs = history[history["embedding"] == embedding]
        for panel, setting in zip(panels, settings, strict=True):
            single, arm = runs[runs["strategy"] == "single"], arms[arms["embedding"] == embedding]
            _panel(panel, single, arm[arm["setting"] == setting], row, setting, column)
        panels[0].set_ylabel(f"{embedding}\n{label}", fontsize=8)
    for panel, setting in zip(grid[0], settings, strict=True):
        panel.set_title(_with_rate(history, strategy, setting), fontsize=9)
    for panel in grid[-1]:
        panel.set_xlabel("epoch")
    handles = {text: h for panel in grid.flat for h, text in zip(*panel.get_legend_handles_labels(), strict=True)}
    names = dict.fromkeys(settings, f"{row.label} with the auxiliary task")
    named = {names.get(text, text): handle for text, handle in handles.items()}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=4)
    return figure


def _with_rate(history: pd.DataFrame, strategy: str, setting: str) -> str:
    """Name a setting, with its learning rate where single-task learning has another."""
    arm = history[(history["strategy"] == strategy) & (history["setting"] == setting)]
    rates = [sorted(set(of["learning_rate"])) for of in (arm, history[history["strategy"] == "single"])]
    if not all(rates) or rates[0] == rates[1]:
        return setting
    texts = [", ".join(f"{rate:g}" for rate in of) for of in rates]
    return f"{setting}\nlearning rate {texts[0]} (original: {texts[1]})"


def _panel(panel: Axes, single: pd.DataFrame, arm: pd.DataFrame, strategy: Strategy, setting: str, column: str) -> None:
    """Draw one setting of one embedding beside single-task learning."""
    if len(single):
        band(panel, single, column, "original", "black", linestyle=":")
    if not len(arm):
        return
    band(panel, arm, column, setting, strategy.colour)
    if column == "validation_accuracy" and strategy.table and is_papers_task(arm):
        printed = tables.paper_accuracy(strategy.name, str(arm["embedding"].iloc[0]), setting)
        panel.plot(arm["epoch"].max() + 1.5, printed, "D", markersize=5, color="black", markerfacecolor="none",
                   label="paper, test (IMDB)")  # fmt: skip
    switched = arm.loc[arm["auxiliary_weight"] == 0, "epoch"].min()
    if strategy.name == "switch" and not np.isnan(switched):
        panel.axvline(switched - 0.5, color="dimgrey", linewidth=1, linestyle="--", label="T_switch")


def at_epochs(history: pd.DataFrame, column: str, strategy: str) -> pd.DataFrame:
    """Return the rounded numbers a figure by epoch shows: means over seeds at every fifth epoch and the last."""
    runs = history[history["strategy"] == strategy]
    last = int(runs["epoch"].max())
    kept = runs[(runs["epoch"] % 5 == 0) | (runs["epoch"] == last)]
    return kept.pivot_table(index=["embedding", "setting"], columns="epoch", values=column, sort=False).round(2)
