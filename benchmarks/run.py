"""Speed beside what it is compared with, all in one run on one machine; writes benchmarks/README.md.

`python benchmarks/run.py` takes about ten minutes on two cores; leave the machine alone meanwhile.
"""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mt2st import gradients
from mt2st.balancing import SCALARIZERS, Balance
from mt2st.experiments import batch, environment, pairs, profiles
from mt2st.losses import analogy_accuracy_loss, analogy_loss, element_spearman_loss, misalignment_loss
from mt2st.models import BiLSTM, Model
from mt2st.optimizers import OPTIMIZERS
from mt2st.report.tables import to_markdown
from mt2st.sampling import Uniform
from mt2st.schedules import SINGLE_TASK, Constant
from mt2st.tasks import SentenceTask, TableTask, TokenTask
from mt2st.training import fit

REVIEWS, TOKENS, DIMENSIONS, HIDDEN, BATCH, WORDS = 750, 100, 100, 256, 64, 20_000
TAGGED_WORDS = 30_000
REPEATS, STEPS = 3, 200
COMBINED = 10  # steps on four tasks

Row = dict[str, str]


def main() -> None:
    """Run all benchmarks and write their table."""
    torch.set_num_threads(1)  # as every process of a batch has
    rows = [*epoch_against_products(), *tagging_step(), *combinations(), *workers()]
    text = f"""# Benchmarks

Written by `make benchmarks`. Each line compares two things measured in turn in the same run; times are medians of
{REPEATS} repetitions (the batch of notebooks: one). Machine: {environment.describe(torch.device("cpu"))["device"]},
{os.cpu_count()} cores, one thread a process, {platform.system()}, torch {torch.__version__}.

Paper size: {REVIEWS} reviews of {TOKENS} tokens, table {WORDS:,} × {DIMENSIONS}, hidden {HIDDEN}, batches of {BATCH}.
"Plain products" are the matrix products of that epoch's BiLSTM, forward and backward, one by one in the shapes and the
order they have there, and nothing else. The training epoch adds everything: look-up, dropout, gates, head, loss,
gradient norm, Adam on all rows of the table.

Tagging: steps of the study of task relations, 32 sentences of up to 30 tokens, hidden 100, {TAGGED_WORDS:,} × 100. The
bare pass is forward and backward of both LSTMs alone on a batch of that size; the step adds gathering the batch,
look-up, head, loss, and Adadelta with the touched rows of the table. "Dense" updates all rows by PyTorch's Adadelta.

Combinations: an epoch of {COMBINED} steps on four tasks, 64 texts of {TOKENS} tokens each, hidden 32, table {WORDS:,} ×
{DIMENSIONS}, with every aggregator of gradients and balance of losses against neither.

{to_markdown(pd.DataFrame(rows))}"""
    Path(__file__).with_name("README.md").write_text(text, encoding="utf-8")
    print(text)


def epoch_against_products() -> list[Row]:
    """One training epoch at paper size against its matrix products, and with the four UPDATE losses against without."""
    alone, together, products = [], [], []
    for _ in range(REPEATS):  # in turn, so that a change of the machine's speed hits all three
        products.append(seconds(plain_products))
        alone.append(epoch_seconds(with_updates=False))
        together.append(epoch_seconds(with_updates=True))
    a, t, p = statistics.median(alone), statistics.median(together), statistics.median(products)
    return [
        row("training epoch", a, "its plain products", p, a / p, "at most 1.3"),
        row("epoch with UPDATE 0–3", t, "the same without", a, t / a, "at most 1.15"),
    ]


def tagging_step() -> list[Row]:
    """A whole training step of the study against the bare pass through its LSTMs, and against a dense optimiser."""
    task, model = tagging_model()
    _, other = tagging_model()
    settings = pairs.CONFIGURATION
    ours = OPTIMIZERS[settings.optimizer](model, settings.learning_rate, 0.0)
    dense = torch.optim.Adadelta(other.parameters(), settings.learning_rate, rho=0.95, eps=1e-6, foreach=True)
    generator = torch.Generator().manual_seed(0)

    def steps(model: Model, optimizer: torch.optim.Optimizer) -> None:
        fit(model, task, [], SINGLE_TASK, optimizer=optimizer, sampling=Uniform, epochs=1, steps=STEPS,
            batch_size=settings.batch_size)  # fmt: skip

    def bare() -> None:
        for _ in range(STEPS):
            words = next(task.batches(settings.batch_size, generator))[0]
            x = torch.randn(*words.shape, settings.dimensions, requires_grad=True)
            encoder = model.encoder
            (encoder.forwards(x)[0].sum() + encoder.backwards(x)[0].sum()).backward()

    works = {"step": lambda: steps(model, ours), "dense": lambda: steps(other, dense), "bare": bare}
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(REPEATS):
        for name, work in works.items():
            taken[name].append(seconds(work))
    s, d, b = (statistics.median(taken[name]) for name in works)
    return [
        row(f"{STEPS} steps of tagging", s, "the bare pass through its LSTMs", b, s / b, "at most 1.5"),
        row(f"{STEPS} steps of tagging, dense", d, "with rows that are touched", s, d / s, "–"),
    ]


def combinations() -> list[Row]:
    """An epoch on four tasks with every aggregator and balance, against neither."""
    fits: dict[str, Callable[[], dict[str, Any]]] = {
        "neither": dict,
        **{
            name: lambda name=name: {"aggregator": gradients.aggregator(name, 4)}
            for name in (*gradients.AGGREGATORS, *gradients.TORCHJD)
        },
        **{name: lambda name=name: {"balance": Balance.named(name, 4)} for name in SCALARIZERS},
    }
    taken: dict[str, list[float]] = {name: [] for name in fits}
    for _ in range(REPEATS):
        for name, settings in fits.items():
            taken[name].append(combined_seconds(settings()))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    plain = medians.pop("neither")
    return [
        row(f"epoch on four tasks, {name}", s, "the plain sum", plain, s / plain, "–") for name, s in medians.items()
    ]


def combined_seconds(settings: dict[str, Any]) -> float:
    """Seconds of an epoch on four tasks of as many texts, after one to warm up."""
    generator = torch.Generator().manual_seed(0)
    tasks = []
    for name in ("primary", "first", "second", "third"):
        words = torch.randint(2, WORDS, (64 * COMBINED, TOKENS), generator=generator)
        tasks.append(SentenceTask(name, list(words), words[:, 0] % 2, ("negative", "positive")))
    model = Model.of(BiLSTM(torch.randn(WORDS, DIMENSIONS, generator=generator), 32, dropout=0.3), tasks)
    if isinstance(settings.get("aggregator"), gradients.Learned):
        settings["validation"] = tasks[:1]  # whose batches it looks at
    history = fit(model, tasks[0], tasks[1:], Constant(1.0), epochs=2, **settings)
    return history.epochs[1]["train_seconds"]


def tagging_model() -> tuple[TokenTask, Model]:
    """Make up a task of 17 tags whose words are as skewed as text, and a model for it."""
    rng, size = np.random.default_rng(0), 3000
    lengths = rng.integers(5, 31, size)
    words = torch.from_numpy(2 + rng.zipf(1.3, int(lengths.sum())) % (TAGGED_WORDS - 2)).split(lengths.tolist())
    tags = [sentence % 17 for sentence in words]
    classes = tuple(map(str, range(17)))
    task = TokenTask("tags", words, tags, classes, with_replacement=True, by_sentence=True)
    encoder = BiLSTM(torch.randn(TAGGED_WORDS, 100), pairs.CONFIGURATION.hidden)
    return task, Model(encoder, {"tags": task.head(encoder)})


def workers() -> list[Row]:
    """Run a batch of eight notebooks and 20 runs with one worker and with two."""
    profile = profiles.find_profile("wiki")
    taken = {number: batch_seconds(profile, number) for number in (1, 2)}
    return [
        row(
            "batch of 8 notebooks, 2 workers",
            taken[2],
            "the same, 1 worker",
            taken[1],
            taken[1] / taken[2],
            "at least 1.7",
        )
    ]


def batch_seconds(profile: profiles.Profile, workers: int) -> float:
    """Seconds for notebooks 01 and 02 on all embeddings, nothing done before but parsing and word vectors."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MT2ST_OUTPUT"] = folder
        started = time.perf_counter()
        batch.reproduce(profile, seeds=1, workers=workers, notebooks=["01", "02"])
        return time.perf_counter() - started


def row(what: str, value: float, beside: str, other: float, ratio: float, wanted: str) -> Row:
    """Format one comparison."""
    return {
        "measured": what,
        "seconds": f"{value:.2f}",
        "beside": beside,
        "seconds ": f"{other:.2f}",
        "ratio": f"{ratio:.2f}",
        "aim": wanted,
    }


def seconds(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def plain_products() -> None:
    """Matrix products of a BiLSTM epoch at paper size: 2 directions × (3 over all words + 3 for the recurrence)."""
    for size in [BATCH] * (REVIEWS // BATCH) + [REVIEWS % BATCH]:
        words, gates = torch.randn(size * TOKENS, DIMENSIONS), torch.randn(size * TOKENS, 4 * HIDDEN)
        states, state, gate = (
            torch.randn(size * TOKENS, HIDDEN),
            torch.randn(size, HIDDEN),
            torch.randn(size, 4 * HIDDEN),
        )
        w_in, w_state = torch.randn(4 * HIDDEN, DIMENSIONS), torch.randn(4 * HIDDEN, HIDDEN)
        for _ in range(2):
            words @ w_in.T
            for _ in range(TOKENS):
                state @ w_state.T
            for _ in range(TOKENS):
                gate @ w_state
            gates.T @ states, gates.T @ words, gates @ w_in


def epoch_seconds(with_updates: bool) -> float:
    """Seconds of the second of two training epochs at paper size, as `fit` records them."""
    generator = torch.Generator().manual_seed(0)

    def rows(*shape: int) -> Tensor:
        return torch.randint(2, WORDS, shape, generator=generator)

    sentences, labels = list(rows(REVIEWS, TOKENS)), rows(REVIEWS) % 2
    primary = SentenceTask("sentiment", sentences, labels, ("negative", "positive"))
    held_out = SentenceTask("sentiment", sentences[:8], labels[:8], ("negative", "positive"))
    questions = rows(2000, 4)
    updates = [
        TableTask("update0", analogy_loss, [questions]),
        TableTask("update1", misalignment_loss, [questions]),
        TableTask("update2", analogy_accuracy_loss, [questions, questions[:, 0] % 2 == 0]),
        TableTask("update3", element_spearman_loss, [rows(500, 2)]),
    ]
    encoder = BiLSTM(torch.randn(WORDS, DIMENSIONS, generator=generator), HIDDEN, dropout=0.3)
    model = Model(encoder, {"sentiment": primary.head(encoder)})
    schedule = Constant(1.0) if with_updates else SINGLE_TASK
    history = fit(model, primary, updates if with_updates else [], schedule, validation=[held_out], epochs=2)
    return history.epochs[1]["train_seconds"]


if __name__ == "__main__":
    main()
