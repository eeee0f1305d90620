"""Train on a user's own texts with any strategy, and use the model again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from nltk.tokenize.destructive import NLTKWordTokenizer
from safetensors.torch import load_file, save_file

from mt2st.data import vectors as embeddings
from mt2st.data.dataset import Dataset
from mt2st.data.texts import own as user_table
from mt2st.data.vectors import EMBEDDINGS, SPECIAL, EmbeddingTable
from mt2st.experiments import auxiliaries, environment
from mt2st.experiments.execution import assemble, sentence_task
from mt2st.metrics import classification_scores
from mt2st.models import UNKNOWN, Encoder, Model
from mt2st.report.figures import paper as figures
from mt2st.schedules import SINGLE_TASK, Constant, Diminish, Schedule, Switch
from mt2st.tasks import SentenceTask, as_targets
from mt2st.training import Evaluation, History, evaluate, fit


@dataclass(frozen=True)
class Options:
    """What `mt2st train` can be told; defaults are those of the paper's reproduction, at the paper's model size."""

    data: Path
    text: str
    label: str
    out: Path
    embedding: str = "SkipGram"
    strategy: str = "switch"
    auxiliary: tuple[str, ...] = ("update0",)
    epochs: int = 25
    t_switch: int = 15
    gamma0: float = 1.0
    eta: float = 0.3
    nu: float = 1.0
    dimensions: int = 100
    hidden: int = 128
    dropout: float = 0.3
    learning_rate: float = 1e-3
    batch_size: int = 64
    max_tokens: int = 100
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("epochs", "dimensions", "hidden", "batch_size", "max_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        known = {name.lower(): name for name in EMBEDDINGS}
        if self.embedding.lower() not in known:
            raise ValueError(f"unknown embedding {self.embedding!r}; known: {', '.join(EMBEDDINGS)}")
        object.__setattr__(self, "embedding", known[self.embedding.lower()])
        for name in self.auxiliary:
            if name not in auxiliaries.BUILDERS:
                raise ValueError(f"unknown auxiliary task {name!r}; known: {', '.join(auxiliaries.BUILDERS)}")

    @property
    def schedule(self) -> Schedule:
        """Schedule of the strategy; raises ValueError for an unknown one."""
        match self.strategy:
            case "single":
                return SINGLE_TASK
            case "mtl":
                return Constant(self.gamma0)
            case "diminish":
                return Diminish(self.gamma0, self.eta, self.nu)
            case "switch":
                return Switch(self.t_switch, self.gamma0)
        raise ValueError(f"unknown strategy {self.strategy!r}; known: single, mtl, diminish, switch")


def train(options: Options) -> dict[str, float]:
    """Train and test on a user's file, and write model, vectors, metrics and curves to `options.out`.

    Returns the test metrics. Raises ValueError or FileNotFoundError for any fault of the input, before training.
    """
    schedule = options.schedule
    names = () if options.strategy == "single" else options.auxiliary
    if (options.out / "metrics.json").exists():
        raise ValueError(f"{options.out} already holds a trained model; choose another folder with --out")
    device = environment.choose_device(options.device)
    environment.make_deterministic(threads=torch.get_num_threads())
    dataset = user_table.load(options.data, options.text, options.label, options.seed, options.max_tokens)
    table = _vectors(dataset, options)
    model, primary, others = assemble(dataset, table, names, options.hidden, options.dropout, options.seed, device)
    history = fit(
        model,
        primary,
        others,
        schedule,
        validation=sentence_task(dataset, "validation", table),
        optimizer=torch.optim.Adam(model.parameters(), lr=options.learning_rate, fused=True),
        epochs=options.epochs,
        batch_size=options.batch_size,
        seed=options.seed,
        progress=True,
    )
    result = evaluate(model, sentence_task(dataset, "test", table))
    metrics = classification_scores(result.targets, result.predictions)
    _write(options, dataset, table, model, history, result, metrics)
    return metrics


def _vectors(dataset: Dataset, options: Options) -> EmbeddingTable:
    """Word vectors trained on the training texts alone, or GloVe's for all words of the data set."""
    sentences = [[word.lower() for word in text] for text in dataset.background.tokens]
    wanted = {
        word for part in (dataset.train, dataset.validation, dataset.test) for text in part.texts for word in text
    }
    return embeddings.load(options.embedding, sentences, wanted, options.dimensions, options.seed)


def _write(
    options: Options,
    dataset: Dataset,
    table: EmbeddingTable,
    model: Model,
    history: History,
    result: Evaluation,
    metrics: dict[str, float],
) -> None:
    """Write all results; `metrics.json` last, so that its presence says the folder is complete."""
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    primary = dataset.name
    state = {
        name: value.contiguous().cpu()
        for name, value in model.state_dict().items()
        if name.startswith(("encoder.", f"heads.{primary}."))
    }
    save_file(state, out / "model.safetensors")
    description = {
        "task": primary,
        "classes": dataset.classes,
        "hidden": options.hidden,
        "max_tokens": options.max_tokens,
        "words": table.words[len(SPECIAL) :],
    }
    (out / "model.json").write_text(json.dumps(description), encoding="utf-8")
    table.save_word2vec(out / "vectors.txt", model.encoder.table.detach().cpu().numpy())
    curves = history.frame()
    curves.to_csv(out / "curves.csv", index=False)
    names = np.array(dataset.classes)
    predictions = {"text": [" ".join(text) for text in dataset.test.texts], "label": names[result.targets]}
    pd.DataFrame(predictions | {"prediction": names[result.predictions]}).to_csv(out / "predictions.csv", index=False)
    _draw_curves(curves, out / "curves.png")
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}
    everything = {
        "test": metrics,
        "best_epoch": history.best_epoch,
        "train_seconds": history.train_seconds,
        "counts": dataset.counts(),
        "coverage": table.coverage(dataset.test.texts),
        "options": settings,
        "environment": environment.describe(model.encoder.table.device),
    }
    (out / "metrics.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")


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
        vectors = state["encoder.embedding.weight"].numpy()
        self.table = EmbeddingTable((*SPECIAL, *described["words"]), vectors, str(folder))
        self.classes, self.max_tokens = tuple(described["classes"]), described["max_tokens"]
        self.task = described["task"]
        encoder = Encoder(torch.from_numpy(vectors), described["hidden"])
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
