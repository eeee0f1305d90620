"""Figures of weights γ(t): of any schedules, of every strategy, and of Diminish with sliders."""

from itertools import cycle
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mt2st.experiments.strategies import STRATEGIES
from mt2st.report.figures import style_of, widgets
from mt2st.report.figures.drawing import width
from mt2st.schedules import Diminish, Schedule
from mt2st.training import EPSILON

if TYPE_CHECKING:
    from ipywidgets import VBox


def weights(schedules: dict[str, Schedule], epochs: int = 25) -> Figure:
    """Curves γ(t) of some schedules, by name."""
    figure, axes = plt.subplots(figsize=(5.2, 3))
    t, styles = np.linspace(0, epochs, 400), cycle(("-", "--", "-.", ":"))
    for name, schedule in schedules.items():
        axes.plot(t, [float(schedule.weights(x)[0]) for x in t], label=name, linestyle=next(styles))
    axes.axhline(EPSILON, color="grey", linestyle=":", label=f"ε = {EPSILON:g}")
    axes.set(xlabel="epoch t", ylabel="γ(t)")
    axes.legend()
    return figure


def strategies(epochs: int) -> Figure:
    """Draw γ(t) of every strategy with its defaults for a run of so many epochs.

    Where lines coincide, the wider lies below. A line is named where it falls through half of its height, and at its
    right end where it does not fall.
    """
    figure, axes = plt.subplots(figsize=(6.4, 2.8))
    t = np.linspace(0, epochs, 1001)
    for k, strategy in enumerate(STRATEGIES.values()):
        schedule = strategy.schedule(epochs)
        values = np.array([float(w.max()) if len(w := schedule.weights(x)) else 0.0 for x in t])
        axes.plot(t, values, **style_of(strategy), linewidth=width(k, len(STRATEGIES)))
        falls = np.flatnonzero(values < values.max() / 2)
        at, height = (t[falls[0]], values.max() / 2) if len(falls) else (t[-1], values[-1])
        axes.annotate(
            strategy.label, (at, height), xytext=(7, 0), textcoords="offset points", va="center",
            color=strategy.colour, fontweight="bold",
        )  # fmt: skip
    axes.set(
        xlabel="epoch t",
        ylabel="weight γ(t) of the auxiliary tasks",
        ylim=(-0.05, 1.12),
        xlim=(-0.04 * epochs, 1.25 * epochs),
    )
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
