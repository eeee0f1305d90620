"""Pictures of data and of the framework, drawn from the objects themselves."""

from collections import Counter
from collections.abc import Sequence
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from mt2st.data import lexicons
from mt2st.data.dataset import Dataset
from mt2st.data.tags.taggings import CASES, case_of
from mt2st.data.vectors import EmbeddingTable
from mt2st.models import Model
from mt2st.schedules import Schedule
from mt2st.tasks import LabelledTask, Task


def text_statistics(dataset: Dataset) -> Figure:
    """Show examples of each class, lengths of labelled sentences, letter case and mark-up of the background."""
    figure, axes = plt.subplots(1, 4, figsize=(13, 2.8))
    counts = pd.DataFrame(dataset.counts())
    counts.plot.bar(ax=axes[0], rot=0, title="labelled sentences")
    for label, name in enumerate(dataset.classes):
        lengths = [len(t) for t, y in zip(dataset.train.texts, dataset.train.labels, strict=True) if y == label]
        sns.kdeplot(lengths, ax=axes[1], label=name, cut=0)
    axes[1].set(title="length of training sentences", xlabel="tokens", ylabel="")
    axes[1].legend()
    cases = Counter(case_of(word) for sentence in dataset.background.tokens for word in sentence)
    axes[2].barh(CASES, [cases[name] for name in CASES])
    axes[2].set(title="true-casing: background tokens", xscale="log")
    for name, tags in dataset.background.tags.items():
        axes[3].bar(name, 100 * np.mean([tag != "O" for sentence in tags for tag in sentence]), color="C0")
    axes[3].set(title="tokens inside a span, %")
    return figure


def marked_sentences(dataset: Dataset, rows: Sequence[int]) -> str:
    """Return background sentences as HTML: link anchors underlined, emphasis bold."""
    lines = []
    for row in rows:
        words = [escape(word) for word in dataset.background.tokens[row]]
        for i, (link, emphasis) in enumerate(
            zip(
                dataset.background.tags["hyperlink"][row],
                dataset.background.tags["emphasis"][row],
                strict=True,
            )
        ):
            words[i] = f"<u style='color:#0173b2'>{words[i]}</u>" if link != "O" else words[i]
            words[i] = f"<b>{words[i]}</b>" if emphasis != "O" else words[i]
        lines.append(f"<p>{' '.join(words)}</p>")
    return "\n".join(lines)


def coverage(dataset: Dataset, table: EmbeddingTable) -> pd.DataFrame:
    """Return how much of each text and lexicon is in the vocabulary of a table, in percent."""
    questions, pairs = lexicons.analogies(table), lexicons.correlated_pairs(table)
    sets = {f"{name} tokens": table.coverage(getattr(dataset, name).texts) for name in ("train", "validation", "test")}
    sets |= {"analogy questions": questions.coverage, "correlated pairs": pairs.coverage}
    sets |= {name: lexicons.similarities(table, name).coverage for name in lexicons.SIMILARITIES}
    rows = pd.Series({name: round(100 * share, 1) for name, share in sets.items()}, name="% in vocabulary")
    return rows.to_frame()


def framework(model: Model, primary: LabelledTask, auxiliaries: Sequence[Task], schedule: Schedule) -> Figure:
    """Figure 1: the framework with the shapes of a real model, its tasks and their weights over time.

    Tasks on text stand behind the encoder, losses on the table below the table.
    """
    figure, axes = plt.subplots(figsize=(11, 4.6))
    axes.axis("off")
    axes.set(xlim=(0, 11), ylim=(0, 4.6))
    encoder, (rows, width) = type(model.encoder).__name__, model.table.shape
    _box(axes, 0.1, 2.6, 1.5, "sentence\n(batch, time)", "#eeeeee")
    _box(axes, 2.1, 2.6, 1.9, f"embedding table\n{rows:,} × {width}", "#cfe3f3")
    _box(axes, 4.5, 2.6, 1.9, f"{encoder}\nstates of {model.encoder.size}", "#cfe3f3")
    for start, end in [(1.6, 2.1), (4.0, 4.5)]:
        _arrow(axes, (start, 3.05), (end, 3.05))
    labels = {primary.name: "primary\nweight 1"}
    for k, task in enumerate(auxiliaries):
        labels[task.name] = f"auxiliary\nγ = {_weights_text(schedule, k, len(auxiliaries))}"
    on_text = [task for task in [primary, *auxiliaries] if task.name in model.heads]
    on_table = [task for task in auxiliaries if task.name not in model.heads]
    for i, task in enumerate(on_text):
        y = 3.6 - 1.15 * i
        _box(axes, 7.0, y, 1.6, task.name, "#f6d9b8" if task is primary else "#d9ead3")
        _arrow(axes, (6.4, 3.05), (7.0, y + 0.45))
        axes.text(8.75, y + 0.45, labels[task.name], va="center", fontsize=9)
    for i, task in enumerate(on_table):
        x = 0.6 + 2.4 * i
        _box(axes, x, 0.9, 1.6, task.name, "#d9ead3")
        _arrow(axes, (3.05, 2.6), (x + 0.8, 1.8))
        axes.text(x + 0.8, 0.75, labels[task.name], ha="center", va="top", fontsize=9)
    axes.set_title(f"shared: table and {encoder}, {sum(p.numel() for p in model.encoder.parameters()):,} parameters")
    return figure


def _weights_text(schedule: Schedule, k: int, tasks: int) -> str:
    """γ_k at epochs 0, 5, 15 and 24."""
    return ", ".join(f"{float(schedule.weights(t).expand(tasks)[k]):.2f}" for t in (0, 5, 15, 24))


def _box(axes: Axes, x: float, y: float, width: float, text: str, colour: str) -> None:
    axes.add_patch(FancyBboxPatch((x, y), width, 0.9, boxstyle="round,pad=0.02", facecolor=colour, edgecolor="#555555"))
    axes.text(x + width / 2, y + 0.45, text, ha="center", va="center", fontsize=9)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "->", "color": "#555555"})
