"""One run from its parameters to its record: data → tasks → fit → scores."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import torch
from tqdm.auto import tqdm

from mt2st import auxiliaries, embeddings, environment, runs
from mt2st.data import imdb, imdb_full, nltk_sets, wiki
from mt2st.data.dataset import Dataset, Examples
from mt2st.embeddings import EmbeddingTable
from mt2st.metrics import classification_scores
from mt2st.models import Encoder, Model
from mt2st.runs import Configuration, Record, Run
from mt2st.tasks import SentenceTask, Task, as_targets
from mt2st.training import evaluate, fit

Assembled = tuple[Model, SentenceTask, list[Task]]


def complete(wanted: Iterable[Run], profile: str, device: str = "auto", progress: bool = True) -> list[Record]:
    """Return the records of the wanted runs, in order; runs that are not done yet are made first.

    Each finished run is kept at once, so an interruption loses the current run only. Two processes that want the same
    run do not both make it: one waits for the other.
    """
    records = []
    chosen = environment.choose_device(device)
    for run in tqdm(list(wanted), desc=f"{profile} runs", unit="run", disable=not progress):
        with runs.lock(run, profile):
            if not run.is_done(profile):
                runs.save(execute(run, chosen), profile)
        records.append(runs.load(run, profile))
    return records


def execute(run: Run, device: torch.device) -> Record:
    """Train and test one run. The same run gives identical histories (but for seconds) and predictions."""
    environment.make_deterministic()
    configuration = run.configuration
    dataset, table = prepare(configuration, run.embedding, run.vectors, run.seed)
    model, primary, others = build(run, dataset, table, device)
    history = fit(
        model,
        primary,
        others,
        run.schedule,
        validation=sentence_task(dataset, "validation", table),
        optimizer=torch.optim.Adam(model.parameters(), lr=configuration.learning_rate, fused=True),
        epochs=configuration.epochs,
        batch_size=configuration.batch_size,
        seed=run.seed,
        epsilon=configuration.epsilon,
    )
    result = evaluate(model, sentence_task(dataset, "test", table))
    scores = classification_scores(result.targets, result.predictions) | {
        "test_loss": result.loss,
        "best_epoch": history.best_epoch,
        "coverage": table.coverage(dataset.test.texts),
        "predictions": "".join(map(str, result.predictions)),
        "targets": "".join(map(str, result.targets)),
    }
    return Record(run, history.frame(), scores, environment.describe(device))


def build(run: Run, dataset: Dataset, table: EmbeddingTable, device: torch.device) -> Assembled:
    """Return the model, primary and auxiliary tasks of a run."""
    configuration = run.configuration
    return assemble(dataset, table, run.auxiliaries, configuration.hidden, configuration.dropout, run.seed, device)


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


@lru_cache(maxsize=8)
def prepare(configuration: Configuration, embedding: str, vectors: str, seed: int) -> tuple[Dataset, EmbeddingTable]:
    """Return the data set of a split and the embedding table for it; `vectors` is in the key of the cache."""
    dataset = load_dataset(configuration, seed)
    sentences = [[word.lower() for word in sentence] for sentence in dataset.background.tokens]
    labelled = [text for part in (dataset.train, dataset.validation, dataset.test) for text in part.texts]
    wanted = {word for text in [*sentences, *labelled] for word in text}
    return dataset, embeddings.load(embedding, sentences, wanted, configuration.dimensions, seed)


def load_dataset(configuration: Configuration, seed: int) -> Dataset:
    """Return the data set a configuration names; raises ValueError if there is none of that name."""
    sizes = (configuration.train, configuration.validation, configuration.test)
    match configuration.data:
        case "wiki":
            return wiki.load(seed, wiki.Sizes(*sizes))
        case "imdb":
            return imdb.load(seed, *sizes)
        case "imdb-full":
            return imdb_full.load(seed, *sizes)
        case name if name in nltk_sets.CORPORA:
            return nltk_sets.load(name, seed, *sizes)
    known = ", ".join(["wiki", "imdb", "imdb-full", *nltk_sets.CORPORA])
    raise ValueError(f"unknown data set {configuration.data!r}; known: {known}")


def sentence_task(dataset: Dataset, part: str, table: EmbeddingTable) -> SentenceTask:
    """Return the primary task on one part ("train", "validation" or "test") of a data set."""
    examples: Examples = getattr(dataset, part)
    sentences = [table.encode(text) for text in examples.texts]
    return SentenceTask(dataset.name, sentences, as_targets(np.asarray(examples.labels).tolist()), dataset.classes)
