"""Figures of gains between tasks: their heat map, learning curves with their fits, and coefficients."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mt2st.relations.features import fit_log_curve
from mt2st.relations.gains import GAIN, LOSS, LOW

OURS, PUBLISHED = sns.color_palette("colorblind")[0], sns.color_palette("colorblind")[1]


def heat_map(gains: pd.DataFrame, signs: pd.DataFrame | None = None) -> Figure:
    """Gains in percent of F1, rows main tasks, columns auxiliary ones, as Figure 1 of Bingel and Søgaard (2017).

    Colours are centred at 0 and logarithmic beyond 1%, so that few large gains do not pale the others.

    Args:
        gains: percent.
        signs: of the same pairs, see `relations.gains`: those that can be told are in bold, and main tasks that score
            too little for one are grey. None where nothing is known of them.
    """
    figure, axes = plt.subplots(figsize=(7.5, 5.5))
    is_low = (signs == LOW) if signs is not None else gains.isna() & False
    is_told = signs.isin([GAIN, LOSS]) if signs is not None else is_low
    coloured = gains.mask(is_low)
    limit = np.nanmax([1, *coloured.abs().to_numpy().ravel()])
    norm = SymLogNorm(1, vmin=-limit, vmax=limit)
    sns.heatmap(coloured, ax=axes, cmap="RdBu", linewidths=0.5, norm=norm, cbar_kws={"label": "gain (% of F1 alone)"})
    ticks = sorted([0, *(sign * tick for tick in (1, 10, 100) if tick <= limit for sign in (-1, 1))])
    scale = axes.collections[0].colorbar
    assert scale is not None
    scale.set_ticks(ticks, labels=[f"{tick:+d}" if tick else "0" for tick in ticks])
    axes.set_facecolor("whitesmoke")
    for row, column in np.argwhere((gains.notna() | is_low).to_numpy()):
        gain, low = gains.iloc[row, column], is_low.iloc[row, column]
        if low:
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor="lightgrey", edgecolor="white", linewidth=0.5))
        is_dark = not low and abs(norm(gain) - 0.5) > 0.3
        axes.text(
            column + 0.5, row + 0.5, "–" if np.isnan(gain) else f"{gain:.1f}", ha="center", va="center", fontsize=8,
            color="dimgrey" if low else "white" if is_dark else "black",
            fontweight="bold" if is_told.iloc[row, column] else "normal",
        )  # fmt: skip
    axes.set(xlabel="auxiliary task", ylabel="main task")
    axes.xaxis.set_ticks_position("top")
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0)
    axes.set_xticklabels(axes.get_xticklabels(), rotation=30, ha="left", rotation_mode="anchor")
    axes.set_yticklabels(axes.get_yticklabels(), rotation=0)
    axes.grid(visible=False)
    return figure


def curves(losses: pd.DataFrame) -> Figure:
    """Training losses of each task alone and the fit a·ln(c·i + d).

    Args:
        losses: iterations as index, a column each task.
    """
    columns = 5
    rows = -(-losses.shape[1] // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(10, 2.3 * rows), sharex=True, squeeze=False)
    for panel, task in zip(grid.flat, losses, strict=False):
        fit = fit_log_curve(losses[task])
        panel.plot(losses.index / 1000, losses[task], color="silver", linewidth=0.6, label="training loss")
        panel.plot(losses.index / 1000, fit(losses.index.to_numpy(float)), color=OURS, linewidth=1.4, label="fit")
        panel.set_title(f"{task}\na = {fit.a:.2f}, c = {fit.c:.1e}", fontsize=8)
        panel.set_ylim(bottom=0)
    for panel in grid.flat[losses.shape[1] :]:
        panel.set_visible(False)
    for panel in grid[-1]:
        panel.set_xlabel("1,000 iterations")
    for panel in grid[:, 0]:
        panel.set_ylabel("loss")
    grid[0, 0].legend(fontsize=7)
    return figure


def by_budget(frame: pd.DataFrame, intervals: pd.DataFrame | None = None) -> Figure:
    """How the tasks alone, and the signs and ranks of gains, change with the share of the batches.

    The end, which agrees with itself, is left out of the agreement.

    Args:
        frame: as of `results.by_budget`.
        intervals: as of `results.budget_intervals`: drawn where they are given.
    """
    share, before = 100 * frame["share of the budget"], frame.index[:-1]
    figure, (scores, agreement) = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True)
    scores.plot(share, frame["f1"], "o-", color=OURS)
    scores.set(xlabel="% of the batches", ylabel="F1 alone, mean of tasks", ylim=(0, 1))
    looks = {"same sign": ("o-", OURS, "same sign of gain as at the end"),
             "rho": ("D--", PUBLISHED, "rank correlation with the end")}  # fmt: skip
    lowest = frame["rho"].min()
    for shift, (name, (style, colour, text)) in zip((-0.6, 0.6), looks.items(), strict=True):
        agreement.plot(share[before] + shift, frame.loc[before, name], style, color=colour, markersize=5, label=text)
        if intervals is not None:
            bounds = intervals.loc[before, [f"{name} low", f"{name} high"]]
            agreement.vlines(share[before] + shift, *bounds.to_numpy().T, color=colour, linewidth=1)
            lowest = np.nanmin([lowest, bounds.min(axis=None)])
    agreement.axhline(0.5, color="black", linewidth=1, linestyle=":", label="same sign by chance")
    agreement.set(xlabel="% of the batches", ylabel="agreement of gains", ylim=(min(0, lowest) - 0.05, 1.05))
    if intervals is not None:
        agreement.set_title("95% intervals: main tasks resampled", fontsize=8)
    figure.legend(*agreement.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def coefficients(frame: pd.DataFrame) -> Figure:
    """Coefficients of `analysis.coefficients`, largest on top, with the middle 95% of fits, beside the published."""
    shown = frame.iloc[::-1]
    position = np.arange(len(shown))
    figure, axes = plt.subplots(figsize=(6.5, 0.24 * len(shown) + 1))
    axes.hlines(position, shown["low"], shown["high"], color=OURS)
    axes.plot(shown["coefficient"], position, "o", color=OURS, label="these features (95% of fits)")
    axes.plot(shown["published"], position, "D", color=PUBLISHED, markersize=4, label="published, 42 features")
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(position, [f"{feature}, {role}" for role, feature in shown.index])
    axes.set(xlabel="coefficient (features scaled to [0, 1])", ylim=(-0.7, len(shown) - 0.3))
    axes.grid(axis="y", visible=False)
    axes.legend(loc="best", fontsize=7)
    return figure
