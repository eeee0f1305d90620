"""Figures of the replication: the walk from "original" to "update", time to a target, and tables on other tasks."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from mt2st.experiments import released
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES, Strategy, label
from mt2st.report import audit, timing
from mt2st.report.downstream import RANDOM, UNTOUCHED
from mt2st.report.figures import strategies_of, style_of

RISE, FALL, LEVEL = sns.color_palette("colorblind")[2], sns.color_palette("colorblind")[3], "grey"
UNIT_NAMES = {"seconds": "seconds of training", "operations": "10⁹ operations of matrix products"}


def walk(frame: pd.DataFrame, embedding: str) -> Figure:
    """Waterfall of `audit.walk`: the first bar is "original", each further one a single change, its interval on top.

    What neither of the paper's arms has is shaded, and the level of its "update" drawn.
    """
    figure, axes = plt.subplots(figsize=(7.5, 3.4))
    position = np.arange(len(frame))
    level = frame["accuracy"].to_numpy()
    change = np.diff(level, prepend=0)
    bottom = np.concatenate([[0], level[:-1]])
    colours = [LEVEL, *(RISE if c > 0 else FALL for c in change[1:])]
    axes.bar(position, change, bottom=bottom, color=colours, alpha=0.8)
    halves = [level - frame["low"], frame["high"] - level]
    axes.errorbar(position, level, yerr=halves, fmt="k.", capsize=4, label="accuracy with 95% t interval over seeds")
    for x, row in frame.reset_index(drop=True).iterrows():
        text = f"{row['accuracy']:.1f}" if x == 0 else f"{row['change']:+.1f}"
        if x and row["change low"] == row["change low"]:
            text += f"\n[{row['change low']:+.1f}, {row['change high']:+.1f}]"
        axes.annotate(text, (x, 98), ha="center", va="top")
    ours = [x for x, name in enumerate(frame["step"]) if name in {step.name for step in released.OURS}]
    if ours:
        axes.axvspan(min(ours) - 0.5, max(ours) + 0.5, color="grey", alpha=0.15, label="in neither of the paper's arms")
    printed = audit.printed_update(embedding)
    axes.axhline(printed, color="black", linestyle="--", linewidth=1, label=f"“update” as printed, {printed:.1f}")
    axes.axhline(50, color="black", linestyle=":", linewidth=1, label="chance")
    axes.set_xticks(position, [name.replace(" ", "\n", 1) for name in frame["step"]])
    axes.set(ylabel="test accuracy (%)", ylim=(0, 100), title=f"{embedding}: one change at a time")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="lower right", fontsize="small")
    return figure


SOURCES = {"paper": ("o", "as printed"), "logs": ("s", "its released logs"), "ours": ("D", "ours, protocol released")}


def by_embedding(frame: pd.DataFrame) -> Figure:
    """Accuracies of `audit.by_embedding`: from "original" (hollow) to "update" (filled), by embedding and source."""
    figure, axes = plt.subplots(figsize=(9, 3.8))
    embeddings = list(dict.fromkeys(frame["embedding"]))
    palette = dict(zip(SOURCES, sns.color_palette("colorblind", len(SOURCES)), strict=True))
    for k, (source, (marker, name)) in enumerate(SOURCES.items()):
        for x, embedding in enumerate(embeddings):
            of = frame[(frame["embedding"] == embedding) & (frame["source"] == source)].set_index("arm")
            at = x + 0.25 * (k - 1)
            axes.plot([at, at], of["accuracy"], color=palette[source], linewidth=3, alpha=0.4, zorder=1)
            for shift, (arm, row) in zip((-0.03, 0.03), of.iterrows(), strict=True):
                filled = palette[source] if arm == "update" else "white"
                ends = [row["accuracy low"], row["accuracy high"]]
                axes.plot([at + shift] * 2, ends, color=palette[source], linewidth=1, zorder=2)
                named = name if arm == "update" and not x else None
                axes.plot(
                    at + shift, row["accuracy"], marker, color=palette[source], markerfacecolor=filled, label=named
                )
    axes.axhline(50, color="black", linestyle=":", linewidth=1)
    axes.annotate("chance", (len(embeddings) - 0.55, 50), ha="right", va="bottom", fontsize="small")
    axes.set_xticks(range(len(embeddings)), [_conditions(frame, embedding) for embedding in embeddings])
    axes.set(ylabel="test accuracy (%)", xlim=(-0.55, len(embeddings) - 0.45), ylim=(35, 88))
    axes.set_title(
        "From “original” (hollow) to “update” (filled): neither of the code's arms has an auxiliary gradient"
    )
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left", ncols=3)
    return figure


def _conditions(frame: pd.DataFrame, embedding: str) -> str:
    """Name an embedding, and under it the hidden size and the seeds of ours, which are not the same for all."""
    ours = frame[(frame["embedding"] == embedding) & (frame["source"] == "ours")].iloc[0]
    return f"{embedding}\nours: hidden {ours['hidden']:.0f}, n = {ours['n']:.0f}"


def controls(frame: pd.DataFrame) -> Figure:
    """Differences of `audit.controls` from single-task learning, in points, with 95% intervals."""
    shown = frame[frame["difference"].notna()].iloc[::-1]
    figure, axes = plt.subplots(figsize=(6.5, 0.28 * len(shown) + 1))
    position = np.arange(len(shown))
    kinds = sorted(shown["kind"].unique())
    palette = dict(zip(kinds, sns.color_palette("colorblind", len(kinds)), strict=True))
    for y, row in zip(position, shown.itertuples(), strict=True):
        ends = shown.loc[row.Index, ["difference low", "difference high"]]
        axes.plot(ends, [y, y], color=palette[row.kind])
        axes.plot(row.difference, y, "o", color=palette[row.kind])
    axes.axvline(0, color="black", linewidth=1)
    names = [f"{row.auxiliary}: {row.kind}" if row.auxiliary != "original" else row.kind for row in shown.itertuples()]
    axes.set_yticks(position, names)
    axes.set(xlabel="difference from single-task in accuracy (points)")
    axes.grid(axis="y", visible=False)
    return figure


def survival(records: Sequence[Record], targets: Sequence[float]) -> Figure:
    """Kaplan–Meier curves by strategy: share of runs still below each target, by seconds and by operations.

    A tick is a run that stops without the target. A curve ends where more of the runs without it have stopped than are
    still in training: from there on each of the few left would count for several.
    """
    figure, grid = plt.subplots(len(timing.UNITS), len(targets), figsize=(3.1 * len(targets), 5.2), sharey=True,
                                sharex="row", squeeze=False)  # fmt: skip
    for column, target in enumerate(targets):
        times = timing.to_target(records, target).assign(operations=lambda frame: frame["operations"] / 1e9)
        for row, unit in enumerate(timing.UNITS):
            panel = grid[row, column]
            for strategy in strategies_of(times):
                runs = times[times["strategy"] == strategy.name]
                _survival_curve(panel, runs[unit].to_numpy(), runs["reached"].to_numpy(), strategy)
            panel.set(xlabel=UNIT_NAMES[unit], xlim=(0, None), ylim=(0, 1.02))
        grid[0, column].set_title(f"validation accuracy ≥ {target:.3g}")
    for panel in grid[:, 0]:
        panel.set_ylabel("share of runs not there yet")
    grid[0, 0].legend(loc="lower left")
    return figure


def _survival_curve(panel: Axes, times: np.ndarray, reached: np.ndarray, strategy: Strategy) -> None:
    """Draw the curve of one strategy, from 1 before any training, with its ticks."""
    curve = stats.ecdf(stats.CensoredData(uncensored=times[reached], right=times[~reached])).sf
    at, share = np.append(0.0, curve.quantiles), np.append(1.0, curve.probabilities)
    stops = np.sort(times[~reached])
    enough = len(times) - np.sort(times).searchsorted(at) >= stops.searchsorted(at)
    at, share = at[enough], share[enough]
    stops = stops[stops <= at[-1]]
    panel.step(at, share, where="post", **style_of(strategy))
    panel.plot(stops, share[at.searchsorted(stops, side="right") - 1], "|", color=strategy.colour, markersize=5)


def downstream(frame: pd.DataFrame) -> Figure:
    """Scores of `downstream.comparisons` by task and table, with 95% intervals."""
    tasks = list(dict.fromkeys(frame["task"]))
    figure, grid = plt.subplots(2, (len(tasks) + 1) // 2, figsize=(10, 5))
    colours = {RANDOM: "silver", UNTOUCHED: "grey"} | {s.name: s.colour for s in STRATEGIES.values()}
    for panel, task in zip(grid.T.flat, tasks, strict=False):
        rows = frame[frame["task"] == task]
        for x, row in enumerate(rows.itertuples()):
            halves = [[row.score - row.low], [row.high - row.score]]
            panel.errorbar(x, row.score, yerr=halves, fmt="o", capsize=4, color=colours[row.table])
        names = [label(arm).replace("-", "-\n") for arm in rows["table"]]
        panel.set_xticks(range(len(rows)), names, fontsize=7)
        unit = "span F1 (%)" if rows["measure"].iloc[0] == "f1" else "accuracy (%)"
        panel.set(title=task, ylabel=unit, xlim=(-0.5, len(rows) - 0.5))
        panel.grid(axis="x", visible=False)
    for panel in grid.T.flat[len(tasks) :]:
        panel.set_visible(False)
    return figure
