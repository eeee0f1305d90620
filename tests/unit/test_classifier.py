import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gensim.models import KeyedVectors
from nltk.tokenize.destructive import NLTKWordTokenizer

from mt2st import classifier
from mt2st.classifier import DEFAULTS, Classifier
from mt2st.data.files.errors import MissingData
from mt2st.data.texts import own, wiki
from mt2st.experiments import execution
from mt2st.experiments.labelled import labelled_task
from mt2st.experiments.runs import Configuration, Run
from mt2st.metrics import Evaluation
from mt2st.models import Model
from mt2st.schedules import SINGLE_TASK, Constant, Diminish, Schedule, Switch
from mt2st.tasks import SentenceTask, Task

OUTPUTS = {
    "curves.csv", "curves.png", "metrics.json", "model.json", "model.safetensors", "predictions.csv", "tasks.csv",
    "vectors.txt",
}  # fmt: skip
PER_CLASS = 60


def write_texts(file: Path) -> Path:
    """Write short real sentences on people and places, labelled by topic."""
    frame = wiki.sentences()
    frame = frame[frame["tokens"].map(len).between(6, 20)]
    rows = pd.concat([frame[frame["topic"] == topic].head(PER_CLASS) for topic in ("person", "place")])
    pd.DataFrame({"text": rows["tokens"].map(" ".join), "label": rows["topic"]}).to_csv(file, index=False)
    return file


@dataclass(frozen=True)
class Setup:
    """A training: file, run, and where its results go."""

    data: Path
    run: Run
    out: Path

    def train(self) -> dict[str, float]:
        """Train on the file's columns."""
        return classifier.train(self.data, "text", "label", self.run, self.out, device="cpu")

    def having(self, out: Path, **changes: Any) -> "Setup":
        """Return the same with other fields of the run or of its configuration."""
        conditions = {f.name for f in fields(Configuration)} & changes.keys()
        configuration = replace(self.run.configuration, **{name: changes.pop(name) for name in conditions})
        return replace(self, out=out, run=replace(self.run, configuration=configuration, **changes))


@pytest.fixture(scope="module")
def setup(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    """Return a training that takes next to no time and learns a little."""
    folder = tmp_path_factory.mktemp("texts")
    small = replace(DEFAULTS, epochs=8, dimensions=8, hidden=16, batch_size=16, learning_rate=0.01)
    run = Run("CBOW", "switch", ("casing",), Switch(1), 0, small)
    return Setup(write_texts(folder / "sentences.csv"), run, folder / "model")


@pytest.fixture(scope="module")
def trained(setup: Setup) -> dict[str, float]:
    """Train once and return the test metrics."""
    return setup.train()


@pytest.fixture
def metrics(setup: Setup, trained: dict[str, float]) -> dict[str, Any]:
    return json.loads((setup.out / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture
def predictions(setup: Setup, trained: dict[str, float]) -> pd.DataFrame:
    return pd.read_csv(setup.out / "predictions.csv", keep_default_na=False)


@pytest.mark.usefixtures("trained")
def test_all_outputs_are_written(setup: Setup) -> None:
    assert {file.name for file in setup.out.iterdir()} == OUTPUTS
    assert (setup.out / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_predictions_and_metrics_agree(
    predictions: pd.DataFrame, metrics: dict[str, Any], trained: dict[str, float]
) -> None:
    assert len(predictions) == round(0.2 * 2 * PER_CLASS)
    accuracy = (predictions["label"] == predictions["prediction"]).mean()
    assert metrics["test"]["accuracy"] == pytest.approx(accuracy)
    assert metrics["test"] == trained


def test_predictions_are_on_the_test_part_in_its_order(setup: Setup, predictions: pd.DataFrame) -> None:
    dataset = own.load(setup.data, "text", "label", setup.run.seed)
    assert predictions["text"].tolist() == [" ".join(text) for text in dataset.test.texts]
    assert predictions["label"].tolist() == [dataset.classes[i] for i in dataset.test.labels]


def test_metrics_say_how_the_model_was_made(setup: Setup, metrics: dict[str, Any]) -> None:
    assert metrics["counts"]["train"] == {"person": 42, "place": 42}
    assert metrics["run"]["strategy"] == "switch"
    assert metrics["run"]["auxiliaries"] == ["casing"]
    assert metrics["run"]["configuration"]["epochs"] == 8
    assert metrics["file"] == str(setup.data)
    assert 0 < metrics["coverage"] < 1
    assert metrics["environment"]["device"].startswith("cpu")


def test_curves_have_a_row_an_epoch_with_every_task(metrics: dict[str, Any], setup: Setup) -> None:
    curves = pd.read_csv(setup.out / "curves.csv")
    assert curves["epoch"].tolist() == list(range(8))
    tasks = pd.read_csv(setup.out / "tasks.csv").set_index("task")
    assert tasks.loc["casing", "weight"].tolist() == [1] + [0] * 7
    assert curves["examples"].tolist() == [84] * 8
    assert metrics["best_epoch"] == int(curves["validation_accuracy"].argmax())
    assert metrics["train_seconds"] == pytest.approx(curves["train_seconds"].sum())


@pytest.mark.usefixtures("trained")
def test_gensim_reads_the_trained_vectors(setup: Setup) -> None:
    vectors = KeyedVectors.load_word2vec_format(setup.out / "vectors.txt")
    model = Classifier(setup.out)
    assert tuple(vectors.index_to_key) == model.table.words[2:]
    np.testing.assert_allclose(vectors.vectors, model.table.vectors[2:], rtol=1e-5)


@pytest.mark.usefixtures("trained")
def test_the_vectors_were_trained_further_with_the_model(setup: Setup, tmp_path: Path) -> None:
    dataset = own.load(setup.data, "text", "label", setup.run.seed)
    before = classifier._vectors(dataset, setup.run)
    after = Classifier(setup.out).table
    assert before.words == after.words
    assert not np.allclose(before.vectors[2:], after.vectors[2:])
    assert not after.vectors[0].any()  # padding stays as it is


def test_the_classifier_predicts_from_raw_texts_what_was_predicted_after_training(
    setup: Setup, predictions: pd.DataFrame
) -> None:
    tokenizer = NLTKWordTokenizer()
    raw = {" ".join(tokenizer.tokenize(text)).lower(): text for text in own.read(setup.data, "text", "label")["text"]}
    texts = [raw[text] for text in predictions["text"]]
    assert Classifier(setup.out).predict(texts) == predictions["prediction"].tolist()
    assert set(predictions["prediction"]) == {"person", "place"}
    assert any(text != text.lower() for text in texts)


def test_the_classifier_takes_texts_of_any_length_and_unknown_words(setup: Setup, trained: dict[str, float]) -> None:
    model = Classifier(setup.out)
    assert set(model.predict(["word " * 500, "qwxyz", "!"])) <= {"person", "place"}


def test_the_classifier_lower_cases_and_cuts_texts_as_in_training(
    setup: Setup, trained: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[SentenceTask] = []

    def watch(model: Model, task: SentenceTask) -> Evaluation:
        tasks.append(task)
        return Evaluation(0.0, np.array([0]), np.array([1]), np.array([1]))

    model = Classifier(setup.out)
    monkeypatch.setattr(classifier, "evaluate", watch)
    assert model.predict(["The City, OF " + "the " * 200]) == ["place"]
    words = ["the", "city", ",", "of"] + ["the"] * (DEFAULTS.max_tokens - 4)
    assert tasks[0].words.tolist() == model.table.encode(words).tolist()
    assert model.table.index["the"] in tasks[0].words


@pytest.mark.usefixtures("trained")
def test_training_again_gives_the_same_model(setup: Setup, tmp_path: Path) -> None:
    setup.having(tmp_path / "again").train()
    for name in ("model.safetensors", "vectors.txt", "predictions.csv", "model.json"):
        assert (tmp_path / "again" / name).read_bytes() == (setup.out / name).read_bytes()


@pytest.mark.usefixtures("trained")
def test_another_seed_gives_another_split(setup: Setup, tmp_path: Path) -> None:
    setup.having(tmp_path / "other", seed=1, epochs=1).train()
    first, second = (pd.read_csv(folder / "predictions.csv") for folder in (setup.out, tmp_path / "other"))
    assert set(first["text"]) != set(second["text"])


def test_training_sees_validation_examples_and_never_test_examples(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def stop(model: Model, primary: SentenceTask, others: list[Task], schedule: Schedule, **wanted: Any) -> None:
        given.update(wanted, primary=primary)
        raise InterruptedError

    monkeypatch.setattr(execution, "fit", stop)
    with pytest.raises(InterruptedError):
        setup.having(tmp_path / "model").train()
    dataset = own.load(setup.data, "text", "label", setup.run.seed)
    table = classifier._vectors(dataset, setup.run)
    for task, part in [(given["primary"], "train"), (*given["validation"], "validation")]:
        assert task.words.tolist() == labelled_task(dataset, part, table).words.tolist()
    assert (given["epochs"], given["batch_size"], given["seed"]) == (8, 16, 0)
    assert given["optimizer"].param_groups[0]["lr"] == 0.01


@pytest.mark.parametrize(
    ("schedule", "weights"),
    [(Constant(0.5), [0.5, 0.5]), (Diminish(0.5, 2.0), [0.5, 0.5 * np.exp(-2)]), (Switch(1, 0.5), [0.5, 0])],
)
def test_every_schedule_trains_with_its_weights(
    setup: Setup, tmp_path: Path, schedule: Schedule, weights: list[float]
) -> None:
    result = setup.having(tmp_path / "model", schedule=schedule, epochs=2).train()
    assert 0 <= result["accuracy"] <= 1
    tasks = pd.read_csv(tmp_path / "model" / "tasks.csv").set_index("task")
    assert tasks.loc["casing", "weight"].tolist() == pytest.approx(weights)


@pytest.mark.parametrize(("encoder", "readout"), [("gru", "max"), ("bag", "mean")])
def test_any_encoder_is_trained_saved_and_used_again(setup: Setup, tmp_path: Path, encoder: str, readout: str) -> None:
    alone = {"auxiliaries": (), "schedule": SINGLE_TASK, "strategy": "single"}
    setup.having(tmp_path, encoder=encoder, readout=readout, epochs=2, **alone).train()
    predictions = pd.read_csv(tmp_path / "predictions.csv", keep_default_na=False)
    assert Classifier(tmp_path).predict(predictions["text"].tolist()) == predictions["prediction"].tolist()


def test_several_auxiliary_tasks_can_be_trained_and_are_not_kept_with_the_model(setup: Setup, tmp_path: Path) -> None:
    names = ("casing", "frequency", "language-model")
    setup.having(tmp_path / "model", auxiliaries=names, schedule=Constant(1.0), strategy="mtl", epochs=2).train()
    tasks = pd.read_csv(tmp_path / "model" / "tasks.csv")
    assert (tasks.loc[tasks["task"].isin(names), "loss"] > 0).sum() == 6
    assert set(Classifier(tmp_path / "model").model.heads) == {"primary"}


def test_glove_vectors_of_all_words_are_taken_from_the_mirror(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = own.load(setup.data, "text", "label", 0)
    words = sorted({word for part in (dataset.train, dataset.test) for text in part.texts for word in text})
    lines = [f"{word} {i}.5 1.0 2.0" for i, word in enumerate([*words, "unheard-of"])]
    (tmp_path / "glove.twitter.3d.txt").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))
    setup.having(tmp_path / "model", embedding="GloveTwitter", epochs=1).train()
    read = KeyedVectors.load_word2vec_format(tmp_path / "model" / "vectors.txt")
    assert read.index_to_key == words
    assert json.loads((tmp_path / "model" / "metrics.json").read_text())["coverage"] == 1


@pytest.mark.usefixtures("home")
def test_glove_that_is_not_here_says_how_to_get_it(setup: Setup, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="run `mt2st data fetch glove-twitter-100`"):
        setup.having(tmp_path / "model", embedding="GloveTwitter").train()
    assert not (tmp_path / "model").exists()


@pytest.mark.usefixtures("trained")
def test_a_trained_model_is_not_overwritten(setup: Setup) -> None:
    before = (setup.out / "metrics.json").read_bytes()
    with pytest.raises(ValueError, match="already holds a trained model; choose another folder with --out"):
        setup.train()
    assert (setup.out / "metrics.json").read_bytes() == before


def test_a_folder_that_a_broken_training_left_is_used(setup: Setup, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{")
    setup.having(tmp_path, epochs=1).train()
    assert {file.name for file in tmp_path.iterdir()} == OUTPUTS
    assert Classifier(tmp_path).classes == ("person", "place")


@pytest.mark.parametrize("name", ["train.csv", "my.reviews.csv", "casing.csv", "values.csv", "two words.csv"])
def test_any_name_of_the_data_file_will_do(setup: Setup, tmp_path: Path, name: str) -> None:
    replace(setup.having(tmp_path / "model", epochs=1), data=write_texts(tmp_path / name)).train()
    assert set(Classifier(tmp_path / "model").predict(["He was born in 1809 ."])) <= {"person", "place"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"embedding": "ELMo"}, "'ELMo'; known: CBOW, SkipGram, "),
        ({"auxiliaries": ("casing", "update9")}, "'update9'; known: update0, update1, "),
        ({"encoder": "transformer"}, "'transformer'; known: bilstm"),
        ({"readout": "first"}, "'first'; it has: last, mean, max"),
        ({"epochs": 0}, "epochs .* at least 1, got 0"),
        ({"dimensions": 0}, "dimensions .* at least 1, got 0"),
        ({"hidden": -1}, "hidden .* at least 1, got -1"),
        ({"batch_size": 0}, "batch_size .* at least 1, got 0"),
        ({"max_tokens": 0}, "max_tokens .* at least 1, got 0"),
        ({"dropout": 1.0}, "dropout .* below 1, got 1.0"),
        ({"dropout": float("nan")}, "dropout .* below 1, got nan"),
        ({"learning_rate": 0.0}, "learning_rate .* above 0, got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate .* above 0, got nan"),
        ({"auxiliaries": ("hyperlink",)}, "'hyperlink' needs marked-up text"),
        ({"auxiliaries": ("update0",)}, "'update0': 0 rows of its lexicon"),
        ({"encoder": "bag", "auxiliaries": ("language-model",)}, "Bag .*bilstm or gru"),
    ],
)
def test_faults_are_found_before_anything_is_written(
    setup: Setup, tmp_path: Path, change: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        setup.having(tmp_path / "model", **change).train()
    assert not (tmp_path / "model").exists()


def test_a_column_that_is_not_there_and_a_device_that_cannot_be_used_are_named(setup: Setup, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'topic' \(--label\); it has: text, label"):
        classifier.train(setup.data, "text", "topic", setup.run, tmp_path / "model")
    with pytest.raises(ValueError, match="device 'tpu'"):
        classifier.train(setup.data, "text", "label", setup.run, tmp_path / "model", device="tpu")
    assert not (tmp_path / "model").exists()
