"""Train on a user's own texts with any strategy, and use the model again."""

import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mt2st.data import vectors
from mt2st.data.dataset import Dataset, lower_cased
from mt2st.data.files.writing import replacing, write_text
from mt2st.data.texts.own import tokenize
from mt2st.data.vectors import EMBEDDINGS, SPECIAL, EmbeddingTable
from mt2st.experiments import auxiliaries, environment, execution
from mt2st.experiments.assembly import Assembled, assemble
from mt2st.experiments.auxiliaries import AUXILIARIES
from mt2st.experiments.baselines import baselines
from mt2st.experiments.labelled import labelled_task
from mt2st.experiments.rules import is_rule
from mt2st.experiments.runs import Configuration, Run
from mt2st.history import History
from mt2st.metrics import Evaluation, classification_scores
from mt2st.models import ENCODERS, UNKNOWN, Model, OwnLayer
from mt2st.optimizers import OPTIMIZERS
from mt2st.report import figures
from mt2st.tasks import SentenceTask, as_targets
from mt2st.training import evaluate

DEFAULTS = Configuration(data="own", hidden=128, min_count=1, patience=10)
BATCH = 256  # texts that are classified together
SHOWN = 10  # numbers of texts in a warning
LONG = 1_000  # tokens of a text from which on time is worth a word


@dataclass(frozen=True)
class Training:
    """What a training on a user's texts begins with; `prepare` makes it, `train` does it."""

    dataset: Dataset
    run: Run
    out: Path
    table: EmbeddingTable
    assembled: Assembled

    def facts(self) -> dict[str, Any]:
        """Say what there is to learn from, by plain values.

        `counts` of examples by part and class; `repeated`, test texts that are in training or validation too; `cut`,
        the longest text that is read in tokens, how many are longer, and their share of tokens that is not read;
        `vocabulary`, words with a vector, and `coverage`, the share of tokens that they are; `lexicons`, the rows of
        each auxiliary task on the table whose words have vectors, and how many there are.
        """
        parts = {name: getattr(self.dataset, name) for name in ("train", "validation", "test")}
        lengths = np.array([len(text) for part in parts.values() for text in part.texts])
        longest = self.run.configuration.max_tokens or int(lengths.max())
        seen = {tuple(text) for name in ("train", "validation") for text in parts[name].texts}
        return {
            "counts": self.dataset.counts(),
            "repeated": sum(tuple(text) in seen for text in parts["test"].texts),
            "cut": {
                "tokens": longest,
                "texts": int((lengths > longest).sum()),
                "share": float((lengths - longest).clip(0).sum() / lengths.sum()),
            },
            "vocabulary": len(self.table.words) - len(SPECIAL),
            "coverage": {name: self.table.coverage(part.texts) for name, part in parts.items()},
            "lexicons": _lexicons(self.run, self.table),
        }


def prepare(dataset: Dataset, run: Run, out: Path, device: str = "auto") -> Training:
    """Train word vectors, or read them, and build the model and its tasks.

    Args:
        dataset: texts and classes, such as those of `own.load`.
        run: strategy, auxiliary tasks, seed and conditions; `DEFAULTS` are a configuration to begin with. Where it
            names a file of `vectors`, they are read in place of training the run's embedding.
        out: folder to write, without a model yet.
        device: "auto", "cpu", "cuda", …

    Raises ValueError or FileNotFoundError for any fault of the input.
    """
    configuration = run.configuration
    check(run, dataset.background.related)
    if (out / "metrics.json").exists():
        raise ValueError(f"{out} already holds a trained model; choose another folder with --out")
    chosen = environment.choose_device(device)
    environment.make_deterministic(threads=torch.get_num_threads())
    table = _vectors(dataset, run)
    _check_lexicons(run, table)
    assembled = assemble(dataset, table, run.auxiliaries, configuration, run.seed, chosen)
    return Training(dataset, run, out, table, assembled)


def train(training: Training, progress: bool = True) -> dict[str, Any]:
    """Train and test, and write model, vectors, metrics and curves to the folder of the training.

    Returns what is in its `metrics.json`: `test` metrics, those of `baselines` on the same split, and how they were
    made. Raises OSError, before it trains, where the folder cannot be written.
    """
    out, run, dataset, table = training.out, training.run, training.dataset, training.table
    try:
        write_text(out / "run.json", json.dumps(run.to_dict(), indent=1))
    except OSError as error:
        raise OSError(f"{out} cannot be written ({error.strerror}); choose another folder with --out") from error
    history = execution.train(run, training.assembled, dataset, table, progress=progress)
    model = training.assembled.model
    result = evaluate(model, labelled_task(dataset, "test", table, run.configuration))
    metrics = {
        "test": classification_scores(result.targets, result.predictions),
        "baselines": baselines(dataset, table),
        "best_epoch": history.best_epoch,
        "validation_accuracy": float(history.frame()["validation_accuracy"][history.best_epoch]),
        "epochs": len(history.epochs),
        "train_seconds": history.train_seconds,
        **training.facts(),
        "files": list(map(str, dataset.files)),
        "run": run.to_dict() | {"configuration": asdict(run.configuration)},
        "environment": environment.describe(model.device),
    }
    save(model, dataset, table, run.configuration, out)
    _write(training, history, result)
    write_text(out / "metrics.json", json.dumps(metrics, indent=1))  # last: it says that the folder is complete
    return metrics


def describe(facts: dict[str, Any]) -> str:
    """Return the facts of a training in words, a line each."""
    classes = {name: sum(by_class.values()) for name, by_class in facts["counts"].items()}
    balance = ", ".join(f"{name} {count}" for name, count in facts["counts"]["train"].items())
    lines = [
        "texts: " + ", ".join(f"{count:,} for {part}" for part, count in classes.items()),
        f"classes in training: {balance}",
        f"vocabulary: {facts['vocabulary']:,} words have a vector, {facts['coverage']['train']:.1%} of the words in "
        f"training and {facts['coverage']['test']:.1%} in test (--min-count, --vectors)",
    ]
    cut = facts["cut"]
    if cut["texts"]:
        lines.append(
            f"cut: {cut['texts']:,} texts are longer than {cut['tokens']} tokens; {cut['share']:.1%} of all tokens are "
            "not read (--max-tokens; 0 reads all)"
        )
    elif cut["tokens"] > LONG:
        lines.append(f"long: the longest text has {cut['tokens']:,} tokens; to read less is faster (--max-tokens)")
    if facts["repeated"]:
        lines.append(f"repeated: {facts['repeated']:,} test texts are in training or validation too")
    lines += [
        f"{name}: {rows['here']:,} of {rows['all']:,} rows of its lexicon, which is English, have vectors"
        for name, rows in facts["lexicons"].items()
    ]
    return "\n".join(lines)


def results(metrics: dict[str, Any]) -> str:
    """Return the test accuracy beside those of the baselines on the same split, as a table in plain text."""
    run = metrics["run"]
    own = " + ".join([run["strategy"], *run["auxiliaries"]])
    rows = {own: metrics["test"]["accuracy"]} | metrics["baselines"]
    width = max(map(len, rows))
    n = sum(metrics["counts"]["test"].values())
    return "\n".join(
        [
            f"{'':{width}}  test accuracy (n = {n})",
            *(f"{name:{width}}  {accuracy:.3f}" for name, accuracy in rows.items()),
            f"macro F1 of {own}: {metrics['test']['macro_f1']:.3f}; best epoch {metrics['best_epoch'] + 1} of "
            f"{metrics['epochs']}",
        ]
    )


def check(run: Run, related: Iterable[str] = ()) -> None:
    """Raise ValueError for what cannot be trained on any data that has these `related` tasks, or cannot be saved."""
    configuration = run.configuration
    for kind, registry in (("encoder", ENCODERS), ("optimizer", OPTIMIZERS)):
        if (name := getattr(configuration, kind)) not in registry:
            raise ValueError(f"unknown {kind} {name!r}; known: {', '.join(registry)}")
    readouts = ENCODERS[configuration.encoder].READOUTS
    if configuration.readout and configuration.readout not in readouts:
        raise ValueError(
            f"encoder {configuration.encoder!r} has no readout {configuration.readout!r}; it has: {', '.join(readouts)}"
        )
    if configuration.architecture != "shared" or configuration.own_layers:
        raise ValueError("a model is saved with architecture 'shared' and without own_layers alone; leave them out")
    if configuration.epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {configuration.epochs}")
    for name in ("max_tokens", "patience"):
        if getattr(configuration, name) < 0:
            raise ValueError(f"{name} must be at least 0, got {getattr(configuration, name)}")
    if not 0 < configuration.learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be above 0 and finite, got {configuration.learning_rate}")
    if not run.vectors and run.embedding not in EMBEDDINGS:
        raise ValueError(f"unknown embedding {run.embedding!r}; known: {', '.join(EMBEDDINGS)}")
    known = [*related, *auxiliaries.names()]
    for name in run.auxiliaries:
        if not is_rule(name) and name not in known and name.removesuffix(auxiliaries.POOLED) not in known:
            raise ValueError(f"unknown auxiliary task {name!r}; known: {', '.join(known)}")


def _lexicons(run: Run, table: EmbeddingTable) -> dict[str, dict[str, int]]:
    """Return for each auxiliary task with a lexicon how many of its rows have vectors, and how many there are."""
    found = {name: row.lexicon(table) for name in run.auxiliaries if (row := AUXILIARIES.get(name)) and row.lexicon}
    return {name: {"here": len(lexicon.rows), "all": lexicon.total} for name, lexicon in found.items()}


def _check_lexicons(run: Run, table: EmbeddingTable) -> None:
    for name, rows in _lexicons(run, table).items():
        if rows["here"] < 2:
            raise ValueError(
                f"auxiliary task {name!r}: {rows['here']} of {rows['all']:,} rows of its lexicon, which is English, "
                "have vectors, at least 2 are needed: give more text, --vectors of more words, another --auxiliary, or "
                "train without: --strategy single"
            )


def _vectors(dataset: Dataset, run: Run) -> EmbeddingTable:
    """Word vectors trained on the background text; or those of a file, or GloVe's, for all words of the data."""
    if run.vectors:
        return vectors.read_text_vectors(Path(run.vectors), dataset.words())
    dimensions, min_count = run.configuration.dimensions, run.configuration.min_count
    return vectors.load(run.embedding, dataset.sentences(), dataset.words(), dimensions, run.seed, min_count)


def _write(training: Training, history: History, result: Evaluation) -> None:
    """Write vectors, curves and predictions."""
    out, dataset = training.out, training.dataset
    training.table.save_word2vec(out / "vectors.txt", training.assembled.model.table.detach().cpu().numpy())
    names = np.array(dataset.classes)
    predictions = {"text": [" ".join(text) for text in dataset.test.texts], "label": names[result.targets]}
    curves = history.frame()
    frames = {
        "curves": curves,
        "tasks": history.task_frame(),
        "predictions": pd.DataFrame(predictions | {"prediction": names[result.predictions]}),
    }
    for name, frame in frames.items():
        with replacing(out / f"{name}.csv") as part:
            frame.to_csv(part, index=False)
    _draw_curves(curves, out / "curves.png")


def save(
    model: Model, dataset: Dataset, table: EmbeddingTable, configuration: Configuration, folder: str | Path
) -> None:
    """Write a trained model so that `Classifier` reads it: the encoder and the head of the data set's task.

    Args:
        model: trained by `fit`, of one encoder for all tasks (`models.Model`), without layers of a task's own.
        dataset: whose classes it knows.
        table: whose words are the rows of its embedding table.
        configuration: what the encoder was built with: `encoder`, `readout`, `hidden`, `max_tokens`.
        folder: where to write `model.safetensors` and `model.json`.

    Raises ValueError for an architecture or an encoder that `Classifier` could not build again.
    """
    if type(model) is not Model or any(isinstance(layer, OwnLayer) for layer in model.modules()):
        raise ValueError(
            f"only hard sharing without layers of a task's own can be saved so far, this is a {type(model).__name__}; "
            "keep its state_dict() and assemble it again"
        )
    kind = ENCODERS.get(configuration.encoder)
    if type(model.encoder) is not kind:
        raise ValueError(
            f"the encoder is a {type(model.encoder).__name__}, but encoder {configuration.encoder!r} of the "
            f"configuration is {kind and kind.__name__}: put it into models.ENCODERS and name it there"
        )
    parts = {"encoder": model.encoder, "head": model.heads[dataset.name]}
    state = {
        f"{part}.{name}": value.contiguous().cpu()
        for part, module in parts.items()
        for name, value in module.state_dict().items()
    }
    with replacing(Path(folder) / "model.safetensors") as part:
        save_file(state, part)
    description = {
        "task": dataset.name,
        "classes": dataset.classes,
        **{name: getattr(configuration, name) for name in ("encoder", "readout", "hidden", "max_tokens")},
        "words": table.words[len(SPECIAL) :],
    }
    write_text(Path(folder) / "model.json", json.dumps(description))


def _draw_curves(curves: pd.DataFrame, file: Path) -> None:
    """Draw loss and accuracy by epoch."""
    figures.use_style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    left.plot(curves["epoch"], curves["loss"], label="training, all tasks")
    left.plot(curves["epoch"], curves["validation_loss"], "--", label="validation")
    right.plot(curves["epoch"], curves["train_accuracy"], label="training")
    right.plot(curves["epoch"], curves["validation_accuracy"], "--", label="validation")
    left.set(xlabel="epoch", ylabel="loss")
    right.set(xlabel="epoch", ylabel="accuracy")
    left.legend(), right.legend()
    with replacing(file) as part:
        figure.savefig(part)
    plt.close(figure)


class Classifier:
    """A trained model, ready to classify texts.

    Args:
        folder: the `--out` folder of `mt2st train`, or one that `save` wrote.

    Raises FileNotFoundError where there is no model, ValueError where it cannot be read.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        for name in ("model.json", "model.safetensors"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"no model in {folder}: {name} is not there; give the --out of `mt2st train`")
        try:
            described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            self._build(described, load_file(folder / "model.safetensors"), str(folder))
        except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"the model in {folder} cannot be read ({reason}): train it again") from error

    def _build(self, described: dict[str, Any], state: dict[str, torch.Tensor], source: str) -> None:
        rows = state["encoder.embedding.weight"].numpy()
        self.table = EmbeddingTable((*SPECIAL, *described["words"]), rows, source)
        if len(self.table.words) != len(rows):
            raise ValueError(f"{len(self.table.words)} words but {len(rows)} vectors")
        self.classes, self.max_tokens = tuple(described["classes"]), described["max_tokens"] or None
        self.task = described["task"]
        build = ENCODERS[described["encoder"]]
        encoder = build(torch.from_numpy(rows), described["hidden"], readout=described["readout"])
        self.model = Model.of(encoder, [self._task([torch.ones(1, dtype=torch.long)])])
        for part, module in {"encoder": self.model.encoder, "head": self.model.heads[self.task]}.items():
            within = f"{part}."
            module.load_state_dict({k.removeprefix(within): v for k, v in state.items() if k.startswith(within)})

    def predict(self, texts: Sequence[str]) -> list[str]:
        """Return the class of each text: the most probable one, see `probabilities`."""
        return [self.classes[i] for i in self.probabilities(texts).argmax(axis=1)]

    def table_of(self, texts: Sequence[str]) -> pd.DataFrame:
        """Return a row a text: its number from 1, its class, and the probability of each class."""
        found = self.probabilities(texts)
        columns = {"row": range(1, len(found) + 1), "prediction": [self.classes[i] for i in found.argmax(axis=1)]}
        return pd.DataFrame(columns | {f"p({name})": found[:, i] for i, name in enumerate(self.classes)})

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of each class, in the order of `classes`: (N, classes).

        Warns of texts that are cut since the model reads so many tokens only, and of empty ones, which count as one
        unknown word. Raises TypeError for anything but a list of strings.
        """
        if isinstance(texts, str):
            raise TypeError(f"give a list of texts, such as [{texts[:40]!r}], not a string")
        tokens = lower_cased([tokenize(text) for text in _strings(texts)])
        longest = self.max_tokens or max(map(len, tokens), default=0)
        long = [i for i, words in enumerate(tokens) if len(words) > longest]
        _warn(long, len(tokens), f"longer than the {longest} tokens that the model reads; the rest is left out")
        _warn([i for i, words in enumerate(tokens) if not words], len(tokens), "empty; taken for an unknown word")
        if not tokens:
            return np.zeros((0, len(self.classes)))
        task = self._task([self.table.encode(w[:longest]) if w else torch.tensor([UNKNOWN]) for w in tokens])
        self.model.eval()
        with torch.no_grad():
            parts = [task.logits(self.model, batch).softmax(-1) for batch in task.batches(BATCH, None)]
        return torch.cat(parts)[torch.argsort(task.order(BATCH))].numpy()

    def _task(self, rows: Sequence[torch.Tensor]) -> SentenceTask:
        """Return texts as a task; their targets mean nothing."""
        return SentenceTask(self.task, rows, as_targets([0] * len(rows)), self.classes)


def _strings(texts: Sequence[str]) -> Sequence[str]:
    """Return the texts; raises TypeError for one that is not a string."""
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {i + 1} is a {type(text).__name__}, not a string: {text!r:.40}")
    return texts


def _warn(found: Sequence[int], total: int, what: str) -> None:
    """Warn of some texts, by their numbers."""
    if found:
        rows = ", ".join(str(i + 1) for i in found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
        warnings.warn(f"{len(found)} of {total} texts are {what} (row {rows})", stacklevel=3)
