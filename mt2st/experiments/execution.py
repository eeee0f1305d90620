"""One run from its parameters to its record: data → tasks → fit → scores."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from mt2st.data import vectors as embeddings
from mt2st.data.dataset import Dataset, Examples
from mt2st.data.texts import imdb, imdb_full, nltk_sets, wiki
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import auxiliaries, compute, downstream, environment, released, runs
from mt2st.experiments import store as folders
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.metrics import classification_scores
from mt2st.models import Encoder, Model
from mt2st.tasks import SentenceTask, Task, as_targets
from mt2st.training import History, evaluate, fit

Assembled = tuple[Model, SentenceTask, list[Task]]


def complete(wanted: Iterable[Run], profile: str, device: str = "auto", progress: bool = True) -> list[Record]:
    """Return the records of the wanted runs, in order; runs that are not done yet are made first.

    Each finished run is kept at once, so an interruption loses the current run only.
    """
    wanted = list(wanted)
    for run in tqdm(wanted, desc=f"{profile} runs", unit="run", disable=not progress):
        make(run, profile, device)
    return [runs.load(run, profile) for run in wanted]


def make(run: Run, profile: str, device: str = "auto") -> None:
    """Make a run unless it is done; two processes that want the same one do not both make it: one waits."""
    with folders.lock(run, profile):
        if not run.is_done(profile):
            runs.save(execute(run, environment.choose_device(device)), profile)


def execute(run: Run, device: torch.device) -> Record:
    """Train and test one run.

    The same run gives identical histories (but for seconds) and predictions on the same machine. With another number of
    threads or another processor sums are rounded differently: the first steps agree up to rounding, later ones may not.
    """
    environment.make_deterministic()
    configuration = run.configuration
    dataset, table = prepare(data_of(configuration), run.embedding, run.vectors, run.seed)
    model, primary, others = build(run, dataset, table, device)
    history = History()
    if configuration.epochs:
        history = fit(
            model,
            primary,
            others,
            run.schedule,
            validation=sentence_task(dataset, "validation", table) if len(dataset.validation) else None,
            optimizer=torch.optim.AdamW(
                model.parameters(), lr=configuration.learning_rate, weight_decay=configuration.weight_decay, fused=True
            ),
            epochs=configuration.epochs,
            batch_size=configuration.batch_size,
            seed=run.seed,
            epsilon=configuration.epsilon,
        )
    scores: dict[str, Any] = {
        "best_epoch": history.best_epoch,
        "flops": compute.epoch_flops(model, primary, others, configuration.batch_size),
    }
    if len(dataset.test):
        scores |= _test(model, dataset, table)
    if configuration.evaluate_table:
        scores |= _evaluate(model, table, run)
    made_with = environment.describe(device) | {
        "seed": run.seed,
        "data": environment.checksums([*dataset.files, *table.files]),
        "table": table.checksum,
    }
    return Record(run, history.frame(), scores, made_with)


def _test(model: Model, dataset: Dataset, table: EmbeddingTable) -> dict[str, Any]:
    """Scores and predictions on the test set, which nothing else reads."""
    result = evaluate(model, sentence_task(dataset, "test", table))
    return classification_scores(result.targets, result.predictions) | {
        "test_loss": result.loss,
        "coverage": table.coverage(dataset.test.texts),
        "predictions": "".join(map(str, result.predictions)),
        "targets": "".join(map(str, result.targets)),
    }


def _evaluate(model: Model, table: EmbeddingTable, run: Run) -> dict[str, Any]:
    """Scores of the learned table on other tasks, and by itself; beside an untouched table those of random vectors."""
    vectors = model.encoder.table.detach().cpu().numpy()
    scores: dict[str, Any] = {
        "downstream": {task: downstream.evaluate_table(table, vectors, task, run.seed) for task in downstream.TASKS},
        "intrinsic": downstream.intrinsic(table, vectors).to_dict("records"),
    }
    if not run.configuration.epochs:
        floor = np.random.default_rng(run.seed).standard_normal(vectors.shape).astype(np.float32)
        scores["random"] = {task: downstream.evaluate_table(table, floor, task, run.seed) for task in downstream.TASKS}
    return scores


def build(run: Run, dataset: Dataset, table: EmbeddingTable, device: torch.device) -> Assembled:
    """Return the model, primary and auxiliary tasks of a run."""
    configuration = run.configuration
    model, primary, others = assemble(
        dataset, table, run.auxiliaries, configuration.hidden, configuration.dropout, run.seed, device
    )
    model.encoder.table.requires_grad_(configuration.trainable)
    return model, primary, others


def assemble(
    dataset: Dataset,
    table: EmbeddingTable,
    names: Sequence[str],
    hidden: int,
    dropout: float,
    seed: int,
    device: torch.device,
) -> Assembled:
    """Return a new model whose initial values `seed` sets, the primary task, and the auxiliary tasks `names`."""
    primary = sentence_task(dataset, "train", table)
    others = [auxiliaries.build(name, dataset, table) for name in names]
    torch.manual_seed(seed)
    encoder = Encoder(torch.from_numpy(table.vectors), hidden, dropout)
    heads = {task.name: head for task in [primary, *others] if (head := task.head(encoder)) is not None}
    return Model(encoder, heads).to(device), primary, others


def data_of(configuration: Configuration) -> Configuration:
    """Keep of a configuration what data and word vectors depend on, so that runs of all arms share them."""
    kept = ("data", "data_version", "train", "validation", "test", "dimensions", "protocol")
    return replace(Configuration(), **{name: getattr(configuration, name) for name in kept})


@lru_cache(maxsize=16)
def prepare(configuration: Configuration, embedding: str, vectors: str, seed: int) -> tuple[Dataset, EmbeddingTable]:
    """Return the data set of a split and the embedding table for it; `vectors` is in the key of the cache."""
    dataset = load_dataset(configuration, seed)
    sentences = [[word.lower() for word in sentence] for sentence in dataset.background.tokens]
    labelled = [text for part in (dataset.train, dataset.validation, dataset.test) for text in part.texts]
    wanted = {word for text in [*sentences, *labelled] for word in text}
    table = embeddings.load(embedding, sentences, wanted, configuration.dimensions, seed)
    return dataset, released.with_every_word(table, wanted) if configuration.protocol == "released" else table


def load_dataset(configuration: Configuration, seed: int) -> Dataset:
    """Return the data set a configuration names; raises ValueError if there is none of that name."""
    sizes = (configuration.train, configuration.validation, configuration.test)
    match configuration.data, configuration.protocol:
        case "wiki", "controlled":
            return wiki.load(seed, wiki.Sizes(*sizes))
        case "imdb", "controlled":
            return imdb.load(seed, *sizes)
        case "imdb", "released":
            return released.load(seed, configuration.train, configuration.test)
        case "imdb-tuning", "controlled":
            return imdb.load(seed, *sizes, tuning=True)
        case "imdb-full", "controlled":
            return imdb_full.load(seed, *sizes)
        case name, "controlled" if name in nltk_sets.CORPORA:
            return nltk_sets.load(name, seed, *sizes)
    known = ", ".join(["wiki", "imdb", "imdb-tuning", "imdb-full", *nltk_sets.CORPORA])
    raise ValueError(
        f"no data set {configuration.data!r} under protocol {configuration.protocol!r}; known: {known} "
        "(controlled), imdb (released)"
    )


def sentence_task(dataset: Dataset, part: str, table: EmbeddingTable) -> SentenceTask:
    """Return the primary task on one part ("train", "validation" or "test") of a data set."""
    examples: Examples = getattr(dataset, part)
    sentences = [table.encode(text) for text in examples.texts]
    return SentenceTask(dataset.name, sentences, as_targets(np.asarray(examples.labels).tolist()), dataset.classes)
