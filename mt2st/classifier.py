"""Train on a user's own texts with any strategy, and use the model again."""

import json
from dataclasses import asdict
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from nltk.tokenize.destructive import NLTKWordTokenizer
from safetensors.torch import load_file, save_file

from mt2st.data import vectors
from mt2st.data.dataset import Dataset
from mt2st.data.texts import own
from mt2st.data.vectors import EMBEDDINGS, SPECIAL, EmbeddingTable
from mt2st.experiments import auxiliaries, environment, execution
from mt2st.experiments.assembly import Assembled, assemble
from mt2st.experiments.labelled import labelled_task
from mt2st.experiments.runs import Configuration, Run
from mt2st.metrics import Evaluation, classification_scores
from mt2st.models import ENCODERS, UNKNOWN, Model
from mt2st.report import figures
from mt2st.tasks import SentenceTask, as_targets
from mt2st.training import History, evaluate

DEFAULTS = Configuration(data="own", hidden=128, max_tokens=100)


def train(file: Path, text: str, label: str, run: Run, out: Path, device: str = "auto") -> dict[str, float]:
    """Train and test on a user's file, and write model, vectors, metrics and curves to `out`.

    Args:
        file: .csv, .tsv or .jsonl.
        text, label: its columns.
        run: strategy, auxiliary tasks, seed and conditions; `DEFAULTS` are a configuration to begin with.
        out: folder to write, without a model yet.
        device: "auto", "cpu", "cuda", …

    Returns the test metrics. Raises ValueError or FileNotFoundError for any fault of the input, before training.
    """
    configuration = run.configuration
    _check(run)
    if (out / "metrics.json").exists():
        raise ValueError(f"{out} already holds a trained model; choose another folder with --out")
    chosen = environment.choose_device(device)
    environment.make_deterministic(threads=torch.get_num_threads())
    dataset = own.load(file, text, label, run.seed, configuration.max_tokens)
    table = _vectors(dataset, run)
    assembled = assemble(dataset, table, run.auxiliaries, configuration, run.seed, chosen)
    history = execution.train(run, assembled, dataset, table, progress=True)
    result = evaluate(assembled.model, labelled_task(dataset, "test", table))
    metrics = classification_scores(result.targets, result.predictions)
    _write(out, run, file, dataset, table, assembled, history, result, metrics)
    return metrics


def _check(run: Run) -> None:
    """Raise ValueError for what cannot be trained, before files are read."""
    configuration = run.configuration
    for name in ("epochs", "max_tokens"):
        if getattr(configuration, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(configuration, name)}")
    if not configuration.learning_rate > 0:
        raise ValueError(f"learning_rate must be above 0, got {configuration.learning_rate}")
    if run.embedding not in EMBEDDINGS:
        raise ValueError(f"unknown embedding {run.embedding!r}; known: {', '.join(EMBEDDINGS)}")
    known = auxiliaries.names()
    for name in run.auxiliaries:
        if name not in known:
            raise ValueError(f"unknown auxiliary task {name!r}; known: {', '.join(known)}")


def _vectors(dataset: Dataset, run: Run) -> EmbeddingTable:
    """Word vectors trained on the training texts alone, or GloVe's for all words of the data set."""
    sentences = [[word.lower() for word in text] for text in dataset.background.tokens]
    parts = (dataset.train, dataset.validation, dataset.test)
    wanted = {word for part in parts for text in part.texts for word in text}
    return vectors.load(run.embedding, sentences, wanted, run.configuration.dimensions, run.seed)


def _write(
    out: Path,
    run: Run,
    file: Path,
    dataset: Dataset,
    table: EmbeddingTable,
    assembled: Assembled,
    history: History,
    result: Evaluation,
    metrics: dict[str, float],
) -> None:
    """Write all results; `metrics.json` last, so that its presence says the folder is complete."""
    out.mkdir(parents=True, exist_ok=True)
    _save_model(out, assembled.model, run.configuration, dataset, table)
    table.save_word2vec(out / "vectors.txt", assembled.model.table.detach().cpu().numpy())
    curves = history.frame()
    curves.to_csv(out / "curves.csv", index=False)
    history.task_frame().to_csv(out / "tasks.csv", index=False)
    names = np.array(dataset.classes)
    predictions = {"text": [" ".join(text) for text in dataset.test.texts], "label": names[result.targets]}
    pd.DataFrame(predictions | {"prediction": names[result.predictions]}).to_csv(out / "predictions.csv", index=False)
    _draw_curves(curves, out / "curves.png")
    everything = {
        "test": metrics,
        "best_epoch": history.best_epoch,
        "train_seconds": history.train_seconds,
        "counts": dataset.counts(),
        "coverage": table.coverage(dataset.test.texts),
        "file": str(file),
        "run": run.to_dict() | {"configuration": asdict(run.configuration)},
        "environment": environment.describe(assembled.model.device),
    }
    (out / "metrics.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")


def _save_model(out: Path, model: Model, configuration: Configuration, dataset: Dataset, table: EmbeddingTable) -> None:
    """Write the encoder and the primary task's head, and what is needed to build them again."""
    state = {
        name: value.contiguous().cpu()
        for name, value in model.state_dict().items()
        if name.startswith(("encoder.", f"heads.{dataset.name}."))
    }
    save_file(state, out / "model.safetensors")
    description = {
        "task": dataset.name,
        "classes": dataset.classes,
        "encoder": configuration.encoder,
        "readout": configuration.readout,
        "hidden": configuration.hidden,
        "max_tokens": configuration.max_tokens,
        "words": table.words[len(SPECIAL) :],
    }
    (out / "model.json").write_text(json.dumps(description), encoding="utf-8")


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
    figure.savefig(file)
    plt.close(figure)


class Classifier:
    """A model that `mt2st train` wrote, ready to classify texts.

    Args:
        folder: the `--out` folder of the training.
    """

    def __init__(self, folder: Path) -> None:
        described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        state = load_file(folder / "model.safetensors")
        rows = state["encoder.embedding.weight"].numpy()
        self.table = EmbeddingTable((*SPECIAL, *described["words"]), rows, str(folder))
        self.classes, self.max_tokens = tuple(described["classes"]), described["max_tokens"]
        self.task = described["task"]
        build = ENCODERS[described["encoder"]]
        encoder = build(torch.from_numpy(rows), described["hidden"], readout=described["readout"])
        probe = SentenceTask(self.task, [torch.ones(1, dtype=torch.long)], as_targets([0]), self.classes)
        self.model = Model(encoder, {self.task: probe.head(encoder)})
        self.model.load_state_dict(state)

    def predict(self, texts: list[str]) -> list[str]:
        """Return the class of each text; an empty text counts as one unknown word."""
        if not texts:
            return []
        tokenizer = NLTKWordTokenizer()
        rows = [self.table.encode(w.lower() for w in tokenizer.tokenize(text)[: self.max_tokens]) for text in texts]
        rows = [row if len(row) else torch.tensor([UNKNOWN]) for row in rows]
        task = SentenceTask(self.task, rows, as_targets([0] * len(rows)), self.classes)
        return [self.classes[i] for i in evaluate(self.model, task).predictions]
