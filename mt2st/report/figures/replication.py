"""Figures of the replication: the walk from "original" to "update", time to a target, and tables on other tasks."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from mt2st.experiments import released
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES, Strategy, label
from mt2st.report import audit, timing
from mt2st.report.downstream import RANDOM, UNTOUCHED
from mt2st.report.figures import strategies_of, style_of
from mt2st.report.figures.drawing import interval_row, text_column
from mt2st.report.verdicts import MARGIN
from mt2st.statistics import as_text

RISE, FALL = sns.color_palette("colorblind")[0], sns.color_palette("colorblind")[1]
NEITHER = "in neither of the paper's arms"
FEW = 0.1  # of the runs of a strategy
MARKERS = {"-": "o", "--": "s", "-.": "D", ":": "^"}  # beside the colours, by the line of a strategy


def walk(frame: pd.DataFrame, embedding: str) -> Figure:
    """Waterfall of `audit.walk`: from "original", a dot, each bar is a single change; intervals are of the levels.

    What neither of the paper's arms has is shaded, and the level of its "update" drawn. Accuracies begin at chance, so
    that a change of a few points can be seen.
    """
    figure, axes = plt.subplots(figsize=(8.2, 3.8))
    position = np.arange(len(frame))
    level, printed = frame["accuracy"].to_numpy(), audit.printed_update(embedding)
    change = np.diff(level)
    colours = [RISE if c > 0 else FALL for c in change]
    hatches = ["" if c > 0 else "///" for c in change]
    axes.bar(position[1:], change, bottom=level[:-1], color=colours, hatch=hatches, alpha=0.8, edgecolor="white")
    for x, height in zip(position, level[:-1], strict=False):
        axes.plot([x, x + 1], [height, height], color="dimgrey", linewidth=0.8)
    halves = [level - frame["low"], frame["high"] - level]
    axes.errorbar(position, level, yerr=halves, fmt="ko", capsize=4, markersize=4)
    top = np.nanmax([frame["high"].max(), level.max(), printed])
    for x, row in frame.reset_index(drop=True).iterrows():
        text = f"{row['accuracy']:.1f}" if x == 0 else f"{row['change']:+.1f}"
        if x and row["change low"] == row["change low"]:
            text += f"\n[{row['change low']:+.1f}, {row['change high']:+.1f}]"
        axes.annotate(text, (x, top + 1), ha="center", va="bottom")
    ours = [x for x, name in enumerate(frame["step"]) if name in {step.name for step in released.OURS}]
    if ours:
        axes.axvspan(min(ours) - 0.5, max(ours) + 0.5, color="grey", alpha=0.15, label=NEITHER, zorder=0)
    for height, name, style in ((printed, f"“update” as printed, {printed:.1f}", "--"), (50, "chance", ":")):
        axes.axhline(height, color="black", linestyle=style, linewidth=1, label=name)
    axes.set_xticks(position, [name.replace(" ", "\n", 1) for name in frame["step"]])
    bottom = np.nanmin([frame["low"].min(), level.min(), 50])
    axes.set(ylabel="test accuracy (%)", ylim=(bottom - 2, top + 6), xlim=(-0.6, len(frame) - 0.4))
    axes.set_title(f"{embedding}: one change at a time; dots: accuracy, 95% t interval over seeds", fontsize="medium")
    axes.grid(axis="x", visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    return figure


SOURCES = {"paper": ("o", "as printed"), "logs": ("s", "its released logs"), "ours": ("D", "ours, protocol released")}


def by_embedding(frame: pd.DataFrame) -> Figure:
    """Accuracies of `audit.by_embedding`: from "original" (hollow) to "update" (filled), by embedding and source.

    The number above each pair is their difference in points.
    """
    figure, axes = plt.subplots(figsize=(9, 3.8))
    embeddings = list(dict.fromkeys(frame["embedding"]))
    palette = dict(zip(SOURCES, sns.color_palette("colorblind", len(SOURCES)), strict=True))
    for k, (source, (marker, name)) in enumerate(SOURCES.items()):
        for x, embedding in enumerate(embeddings):
            of = frame[(frame["embedding"] == embedding) & (frame["source"] == source)].set_index("arm")
            at = x + 0.25 * (k - 1)
            if not of["accuracy"].isna().any():
                gained = of.loc["update", "accuracy"] - of.loc["original", "accuracy"]
                top = of[["accuracy", "accuracy high"]].max(axis=None)
                axes.annotate(f"{gained:+.1f}", (at, top + 0.6), ha="center", va="bottom", fontsize=8,
                              color=palette[source])  # fmt: skip
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
    axes.annotate("chance", (len(embeddings) - 1.5, 50), ha="center", va="bottom", fontsize="small")
    axes.set_xticks(range(len(embeddings)), [_conditions(frame, embedding) for embedding in embeddings])
    axes.set(ylabel="test accuracy (%)", xlabel="embedding; hidden size and seeds of ours")
    axes.set_xlim(-0.55, len(embeddings) - 0.45)
    axes.set_ylim(min(35, frame["accuracy low"].min() - 1), 88)
    axes.set_title(
        "From “original” (hollow) to “update” (filled), in points; neither arm of the code has an auxiliary gradient\n"
        "Bars: 95% intervals over 250 reviews for the paper and its logs, over seeds for ours",
        fontsize="medium",
    )
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left", ncols=3)
    return figure


def _conditions(frame: pd.DataFrame, embedding: str) -> str:
    """Name an embedding, and under it the hidden size and the seeds of ours, which are not the same for all."""
    ours = frame[(frame["embedding"] == embedding) & (frame["source"] == "ours")].iloc[0]
    return f"{embedding}\nhidden {ours['hidden']:.0f}, n = {ours['n']:.0f}"


def controls(frame: pd.DataFrame, rates: str = "") -> Figure:
    """Differences of `audit.controls` from single-task learning, in points, with 95% intervals.

    Args:
        rates: the arms' learning rates in words, where they differ (`drawing.rates_in_words`).
    """
    shown = frame[frame["difference"].notna()]
    kinds = list(dict.fromkeys(shown["kind"]))
    looks = dict(zip(kinds, zip(sns.color_palette("colorblind", len(kinds)), "osD^v<>pX", strict=False), strict=True))
    position = np.arange(len(shown)) + 0.6 * ((shown["auxiliary"] != shown["auxiliary"].shift()).cumsum() - 1)
    figure, axes = plt.subplots(figsize=(8.2, 0.24 * (position.max() + 1) + 1.3))
    for y, row in zip(position, shown.to_dict("records"), strict=True):
        colour, marker = looks[row["kind"]]
        interval_row(axes, y, [row["difference"], row["difference low"], row["difference high"]], colour, marker)
    axes.axvline(0, color="black", linewidth=1)
    axes.axvspan(-MARGIN, MARGIN, color="grey", alpha=0.15, linewidth=0, zorder=0)
    names = [f"{row.auxiliary}: {row.kind}" if row.auxiliary != "original" else row.kind for row in shown.itertuples()]
    axes.set_yticks(position, names)
    axes.set_ylim(position.max() + 0.7, -0.7)
    label = f"difference from single-task in accuracy (points; shaded: less than {MARGIN:g})"
    axes.set_xlabel(f"{label}\n{rates}" if rates else label)
    axes.grid(axis="y", visible=False)
    bounds = shown[["difference", "difference low", "difference high"]]
    texts = [as_text(mean, low, high, "+.1f") for mean, low, high in (bounds.round(1) + 0.0).to_numpy()]
    text_column(axes, texts, position, 1.02, "95% interval")
    return figure


def survival(records: Sequence[Record], targets: Sequence[float]) -> Figure:
    """How soon runs reach each validation accuracy, by strategy, and what that costs against single-task learning.

    Above, Kaplan–Meier curves: the share of runs still below the target, by seconds. A tick is a run that stops without
    it. A curve ends where more of the runs without it have stopped than are still in training: from there on each of
    the few left would count for several.

    Below, the cost to the target of each strategy relative to single-task learning, in percent and paired by seed, with
    95% intervals (`timing.costs`): filled in seconds, hollow in operations of matrix products.

    A target that fewer than `FEW` of each strategy's runs reach is left out: its curves would be flat.
    """
    times = {target: timing.to_target(records, target) for target in dict.fromkeys(targets)}
    shown = [t for t, of in times.items() if of.groupby("strategy")["reached"].mean().max() >= FEW] or list(times)[:1]
    compared = set(timing.REFERENCES) <= set(times[shown[0]]["strategy"])
    figure, grid = plt.subplots(1 + compared, len(shown), figsize=(max(6.4, 3 * len(shown)), 3.2 + 2.2 * compared),
                                sharey="row", squeeze=False, height_ratios=[3, 2][: 1 + compared])  # fmt: skip
    for panel, target in zip(grid[0], shown, strict=True):
        of = times[target]
        for strategy in strategies_of(of):
            runs = of[of["strategy"] == strategy.name]
            _survival_curve(panel, runs["seconds"].to_numpy(), runs["reached"].to_numpy(), strategy)
        panel.set(xlabel="seconds of training", xlim=(0, None), ylim=(0, 1.02))
        panel.set_title(f"validation accuracy ≥ {target:.3g}")
    grid[0, 0].set_ylabel("share of runs not there yet")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    if compared:
        costs = timing.costs(records, shown)
        for panel, target in zip(grid[1], shown, strict=True):
            _relative_costs(panel, costs[(costs["target"] == target) & (costs["strategy"] != "single")])
    return figure


def _relative_costs(panel: Axes, costs: pd.DataFrame) -> None:
    """Draw the costs of each strategy against single-task learning, in percent: a dot an unit, seconds filled."""
    for y, row in enumerate(costs.to_dict("records")):
        for shift, unit in zip((-0.17, 0.17), timing.UNITS, strict=True):
            name = f"{unit} / single"
            percent = [100 * (row[column] - 1) for column in (name, f"{name} low", f"{name} high")]
            interval_row(panel, y + shift, percent, STRATEGIES[row["strategy"]].colour, small=unit != "seconds")
    panel.axvline(0, color="black", linewidth=1)
    panel.set_yticks(range(len(costs)), [label(name) for name in costs["strategy"]])
    panel.set_ylim(len(costs) - 0.4, -0.6)
    panel.set_xlabel("cost against single-task (%)\nfilled: seconds; hollow: operations", fontsize=8)
    panel.grid(axis="y", visible=False)


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
    """Differences of `downstream.comparisons` by task, in points with 95% intervals: what each learned table changes.

    On the left from the untouched table, on the right from that of single-task learning. Under a task's name are the
    scores of the untouched table and of random vectors: where these do as well, nothing is measured. A task on which
    all tables score the same is left out.
    """
    spread = frame.groupby("task")["score"].agg(lambda scores: scores.max() - scores.min())
    tasks = [task for task in dict.fromkeys(frame["task"]) if spread[task] > 0]
    figure, panels = plt.subplots(1, 2, figsize=(9.6, 0.75 * len(tasks) + 1.4), sharey=True)
    for panel, reference in zip(panels, (UNTOUCHED, "single"), strict=True):
        name = f"− {reference}"
        for y, task in enumerate(tasks):
            rows = frame[(frame["task"] == task) & frame[name].notna()]
            shifts = np.linspace(-0.3, 0.3, len(STRATEGIES))
            for shift, strategy in zip(shifts, STRATEGIES.values(), strict=True):
                for row in rows[rows["table"] == strategy.name].to_dict("records"):
                    values = row[name], row[f"{name} low"], row[f"{name} high"]
                    interval_row(panel, y + shift, values, strategy.colour, MARKERS[strategy.linestyle])
        panel.axvline(0, color="black", linewidth=1)
        panel.set_xlabel(f"difference from the {label(reference)} table (points)")
        panel.grid(axis="y", visible=False)
    panels[0].set_yticks(range(len(tasks)), [_levels(frame, task) for task in tasks], fontsize=8)
    panels[0].set_ylim(len(tasks) - 0.5, -0.5)
    handles = [Line2D([], [], color=s.colour, marker=MARKERS[s.linestyle], label=s.label) for s in STRATEGIES.values()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def _levels(frame: pd.DataFrame, task: str) -> str:
    """Name a task, and under it what the untouched table and random vectors score."""
    rows = frame[frame["task"] == task].set_index("table")
    unit = "span F1" if rows["measure"].iloc[0] == "f1" else "accuracy"
    levels = [f"{name} {rows.loc[name, 'score']:.1f}" for name in (UNTOUCHED, RANDOM) if name in rows.index]
    return "\n".join([f"{task}, {unit} (%)", *levels])
