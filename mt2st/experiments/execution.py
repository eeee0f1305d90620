"""One run from its parameters to its record: data → tasks → fit → scores."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from mt2st import gradients, paths
from mt2st.balancing import Balance
from mt2st.data import sources, translations, vectors
from mt2st.data.dataset import Dataset, Sizes
from mt2st.data.tags import description
from mt2st.data.tags.tagged import SequenceData, apart, sampled
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import bilingual, compute, downstream, environment, released, store
from mt2st.experiments.assembly import Assembled, assemble
from mt2st.experiments.auxiliaries import POOLED
from mt2st.experiments.baselines import baselines, tag_baselines
from mt2st.experiments.labelled import Data, labelled_task
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.history import History
from mt2st.metrics import classification_scores, micro_f1, span_f1, tag_counts
from mt2st.optimizers import OPTIMIZERS
from mt2st.sampling import SAMPLINGS
from mt2st.training import evaluate, fit

CURVE = 1000  # points of a recorded curve of training losses
COMPARED = 256  # sentences on which gradients of two tasks are compared


def complete(
    wanted: Iterable[Run], profile: str, device: str = "auto", fresh: bool = False, progress: bool = True
) -> list[Record]:
    """Return the records of the wanted runs, in order.

    A run that was made on this machine is read, or else, unless `fresh`, from the profile's compact record; what is in
    neither is made. Each finished run is kept at once, so an interruption loses the current run only.
    """
    wanted = list(wanted)
    recorded = {} if fresh else store.recorded(paths.find_recorded(profile))
    records = []
    for run in tqdm(wanted, desc=f"{profile} runs", unit="run", disable=not progress):
        if run.hash in recorded and not store.is_done(run, profile):
            records.append(recorded[run.hash])
        else:
            make(run, profile, device)
            records.append(store.load(run, profile))
    return records


def make(run: Run, profile: str, device: str = "auto") -> None:
    """Make a run unless it is done; two processes that want the same one do not both make it: one waits."""
    with store.lock(run, profile):
        if not store.is_done(run, profile):
            store.save(execute(run, environment.choose_device(device)), profile)


def execute(run: Run, device: torch.device) -> Record:
    """Train and test one run.

    The same run gives identical histories (but for seconds) and predictions on the same machine. With another number of
    threads or another processor sums are rounded differently: the first steps agree up to rounding, later ones may not.
    """
    environment.make_deterministic()
    configuration = run.configuration
    data, table = prepare(data_of(configuration), run.embedding, run.vectors, run.seed)
    assembled = assemble(data, table, run.auxiliaries, configuration, run.seed, device)
    history = train(run, assembled, data, table) if configuration.epochs else History()
    scores: dict[str, Any] = {"best_epoch": history.best_epoch}
    scores["parameters"] = sum(p.numel() for p in assembled.model.parameters()) - assembled.model.table.numel()
    if history.decisions:
        scores["decisions"] = [list(decision) for decision in history.decisions]
    if configuration.protocol == "study":
        scores |= _study_scores(assembled, history, run, table)
    else:
        scores["flops"] = compute.epoch_flops(
            assembled.model, assembled.primary, assembled.auxiliaries, configuration.batch_size
        )
        if len(data.test):
            scores |= _test(assembled, data, table, configuration)
            scores |= _test_checkpoints(assembled, history, data, table, configuration)
        if len(data.test) and len(data.validation) and not run.auxiliaries:
            scores["baselines"] = baselines(data, table) if isinstance(data, Dataset) else tag_baselines(data, run.seed)
    if configuration.evaluate_table:
        scores |= _evaluate_table(assembled, table, run)
    if configuration.evaluate_translation:
        scores |= bilingual.scores(table, assembled.model.table.detach().cpu().numpy())
    made_with = environment.describe(device) | {
        "seed": run.seed,
        "data": environment.checksums([*_files(data, run), *table.files]),
        "table": table.checksum,
    }
    return Record(run, history.epoch_frame(), history.task_frame(), scores, made_with)


def train(run: Run, assembled: Assembled, data: Data, table: EmbeddingTable, progress: bool = False) -> History:
    """Train what was assembled for a run.

    Raises ValueError for an unknown optimizer, sampling, aggregator or balance, and as `fit`.
    """
    configuration = run.configuration
    for kind, known in (("optimizer", OPTIMIZERS), ("sampling", SAMPLINGS)):
        if (name := getattr(configuration, kind)) not in known:
            raise ValueError(f"unknown {kind} {name!r}; known: {', '.join(known)}")
    is_study = configuration.protocol == "study"
    validation = [labelled_task(data, "validation", table, configuration)] if len(data.validation) else []
    if is_study:
        validation += [
            labelled_task(d, "validation", table, configuration) for d in _tagged(run.auxiliaries, configuration)
        ]
    model, tasks = assembled.model, 1 + len(assembled.auxiliaries)
    return fit(
        model,
        assembled.primary,
        assembled.auxiliaries,
        run.schedule,
        validation=validation,
        optimizer=OPTIMIZERS[configuration.optimizer](model, configuration.learning_rate, configuration.weight_decay),
        sampling=SAMPLINGS[configuration.sampling],
        weigh=configuration.weigh,
        aggregator=gradients.aggregator(configuration.aggregator, tasks) if configuration.aggregator else None,
        balance=Balance.named(configuration.balance, tasks) if configuration.balance else None,
        epochs=configuration.epochs,
        steps=configuration.steps or None,
        batch_size=configuration.batch_size,
        seed=run.seed,
        epsilon=configuration.epsilon,
        keep="last" if is_study else "best",
        patience=configuration.patience or None,
        measure=(lambda t: _gradient_cosine(assembled, (t + 1) * configuration.steps - 1)) if is_study else None,
        progress=progress,
    )


def _test(assembled: Assembled, data: Data, table: EmbeddingTable, configuration: Configuration) -> dict[str, Any]:
    """Scores and predictions on the test set, which nothing else reads."""
    result = evaluate(assembled.model, labelled_task(data, "test", table, configuration))
    scores = classification_scores(result.targets, result.predictions) | {"test_loss": result.loss}
    if not isinstance(data, Dataset):  # tokens are too many to keep what is said of each
        spans = {"span_f1": span_f1(result, data.classes)} if data.is_span else {}
        return scores | spans | {"coverage": table.coverage(data.test.sentences)}
    return scores | {
        "coverage": table.coverage(data.test.texts),
        "predictions": "".join(map(str, result.predictions)),
        "targets": "".join(map(str, result.targets)),
    }


def _test_checkpoints(
    assembled: Assembled, history: History, data: Data, table: EmbeddingTable, configuration: Configuration
) -> dict[str, Any]:
    """Scores and predictions at the last epoch and at the best one of each phase; leaves the model as it was."""
    found = {}
    kept = copy.deepcopy(assembled.model.state_dict())
    for name, checkpoint in history.checkpoints.items():
        assembled.model.load_state_dict(checkpoint.state)
        scores = _test(assembled, data, table, configuration)
        found[name] = {"epoch": checkpoint.epoch} | {
            k: scores[k] for k in ("accuracy", "test_loss", "predictions") if k in scores
        }
    assembled.model.load_state_dict(kept)
    return {"checkpoints": found}


def _study_scores(assembled: Assembled, history: History, run: Run, table: EmbeddingTable) -> dict[str, Any]:
    """Scores by task of a run on tagged corpora, and what describes them.

    `by_task` has for each task `curve`, the mean training losses of a thousandth of the run each (nan where the task
    was not drawn), scores of the last step in `validation` and `test`, and `counts` of the validation sentences, see
    `tag_counts`. Beside it stand the `features` of one corpus, or the `label information` of two.
    """
    corpora = _tagged((run.configuration.data, *run.auxiliaries), run.configuration)
    by_task: dict[str, Any] = {}
    for data in corpora:
        by_task[data.name] = {"curve": curve(history.steps[data.name])}
        for part in ("validation", "test"):
            task = labelled_task(data, part, table, run.configuration)
            found = evaluate(assembled.model, task)
            counts = tag_counts(found, data.classes)
            scores = {"loss": found.loss, "accuracy": found.accuracy, "f1": float(micro_f1(counts.sum(0)))}
            if data.is_span:
                scores["span_f1"] = span_f1(found, data.classes)
            by_task[data.name][part] = scores
            if part == "validation":
                by_task[data.name]["counts"] = counts.T.tolist()
    return {"by_task": by_task} | describe(corpora, table)


def describe(corpora: list[SequenceData], table: EmbeddingTable) -> dict[str, Any]:
    """Return the data features and label kurtosis of one corpus, or the label information of two."""
    if len(corpora) == 1:
        (corpus,) = corpora
        found = description.data_features(corpus.train, corpus.test, set(table.index)).to_dict()
        return {"features": found | {"label kurtosis": description.label_kurtosis(corpus.train)}}
    one, other = corpora
    return {"label information": description.label_information(one.train, other.train)}


def _gradient_cosine(assembled: Assembled, seed: int) -> dict[str, float]:
    """Cosine of two tasks' gradients on what they share but the table, each of the loss on random sentences."""
    if not assembled.auxiliaries:
        return {}
    model = assembled.model
    shared = [parameter for parameter in model.shared() if parameter is not model.table]
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for task in (assembled.primary, *assembled.auxiliaries):
        batch = next(task.batches(COMPARED, generator))
        losses.append(task.loss(model, tuple(part.to(model.device) for part in batch)))
    one, other = losses
    return {"cosine": gradients.cosine(one, other, shared)}


def curve(losses: Sequence[float]) -> list[float]:
    """Mean losses of a thousandth of the steps each, nan where there are none."""
    blocks = np.array_split(np.array(losses), min(CURVE, len(losses)))
    return [float(np.nanmean(block)) if np.isfinite(block).any() else float("nan") for block in blocks]


def _evaluate_table(assembled: Assembled, table: EmbeddingTable, run: Run) -> dict[str, Any]:
    """Scores of the learned table on other tasks, and by itself; beside an untouched table those of random vectors."""
    learned = assembled.model.table.detach().cpu().numpy()
    scores: dict[str, Any] = {
        "downstream": {task: downstream.evaluate_table(table, learned, task, run.seed) for task in downstream.TASKS},
        "intrinsic": downstream.intrinsic(table, learned).to_dict("records"),
    }
    if not run.configuration.epochs:
        floor = np.random.default_rng(run.seed).standard_normal(learned.shape).astype(np.float32)
        scores["random"] = {task: downstream.evaluate_table(table, floor, task, run.seed) for task in downstream.TASKS}
    return scores


def data_of(configuration: Configuration) -> Configuration:
    """Keep of a configuration what data and word vectors depend on, so that runs of all arms share them."""
    kept = (
        *("data", "data_version", "train", "validation", "test", "sentences", "vocabulary", "words"),
        *("dimensions", "min_count", "protocol"),
    )
    return replace(Configuration(), **{name: getattr(configuration, name) for name in kept})


@lru_cache(maxsize=16)
def prepare(configuration: Configuration, embedding: str, pretrained: str, seed: int) -> tuple[Data, EmbeddingTable]:
    """Return the data of a split and the embedding table for it; `pretrained` is in the key of the cache.

    A tagged corpus, or one with others beside it as `vocabulary`, trains its vectors on the training text of all.
    """
    data = load_data(configuration, seed)
    if isinstance(data, SequenceData):
        corpora = _tagged(configuration.vocabulary or (configuration.data,), configuration)
        return data, shared_table(corpora, embedding, configuration, seed)
    sentences, wanted = data.sentences(), data.words()
    every = configuration.protocol == "released"
    found = vectors.load(embedding, sentences, wanted, configuration.dimensions, seed, configuration.min_count, every)
    return data, released.with_every_word(found, wanted) if every else found


def shared_table(
    corpora: Iterable[SequenceData], embedding: str, configuration: Configuration, seed: int
) -> EmbeddingTable:
    """Return vectors of the most frequent words of corpora's training text; a sentence of several counts once."""
    every = (tuple(map(str.lower, sentence)) for corpus in corpora for sentence in corpus.train.sentences)
    text = list(dict.fromkeys(every))
    wanted = {word for sentence in text for word in sentence}
    table = vectors.load(embedding, text, wanted, configuration.dimensions, seed, configuration.min_count)
    return table.most_frequent(configuration.words) if configuration.words else table


def load_data(configuration: Configuration, seed: int) -> Data:
    """Return the data a configuration names; raises ValueError if there is none of that name under its protocol."""
    sizes = Sizes(configuration.train, configuration.validation, configuration.test)
    if configuration.protocol == "released":
        return released.load(configuration.data, seed, sizes.train, sizes.test)
    if sources.find(configuration.data).kind == "tags":
        (corpus,) = _tagged([configuration.data], configuration)
        return sampled(corpus, configuration.sentences, seed) if configuration.sentences else corpus
    return sources.load_texts(configuration.data, seed, sizes)


def _tagged(names: Iterable[str], configuration: Configuration) -> list[SequenceData]:
    """Return tagged corpora; those of a study without held-out sentences that another of its corpora trains on."""
    return [_apart(name, tuple(other for other in configuration.vocabulary if other != name)) for name in names]


@lru_cache
def _apart(name: str, others: tuple[str, ...]) -> SequenceData:
    return apart(sources.load_tags(name), map(sources.load_tags, others))


def _files(data: Data, run: Run) -> list[Any]:
    """Return the files that a run's data was read from."""
    names = [*run.configuration.vocabulary, *(name.removesuffix(POOLED) for name in run.auxiliaries)]
    others = [sources.load_tags(name) for name in dict.fromkeys(names) if name in sources.SOURCES]
    bilingual_files = translations.locate() if run.configuration.evaluate_translation else ()
    return [*(file for one in (data, *others) for file in one.files), *bilingual_files]
