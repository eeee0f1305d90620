import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gensim.models import KeyedVectors
from nltk.tokenize.destructive import NLTKWordTokenizer

from mt2st import classifier as train
from mt2st.classifier import Classifier, Options
from mt2st.data.files.errors import MissingData
from mt2st.data.texts import own as user_table
from mt2st.data.texts import wiki
from mt2st.models import Model
from mt2st.schedules import SINGLE_TASK, Constant, Diminish, Schedule, Switch
from mt2st.tasks import SentenceTask, Task
from mt2st.training import Evaluation

OUTPUTS = {
    "curves.csv", "curves.png", "metrics.json", "model.json", "model.safetensors", "predictions.csv", "vectors.txt",
}  # fmt: skip
PER_CLASS = 60


def write_texts(file: Path) -> Path:
    """Write short real sentences on people and places, labelled by topic."""
    frame = wiki.sentences()
    frame = frame[frame["tokens"].map(len).between(6, 20)]
    rows = pd.concat([frame[frame["topic"] == topic].head(PER_CLASS) for topic in ("person", "place")])
    pd.DataFrame({"text": rows["tokens"].map(" ".join), "label": rows["topic"]}).to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def options(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Options:
    """Return options for a training that takes next to no time and learns a little."""
    folder = tmp_path_factory.mktemp("texts")
    return Options(
        data=write_texts(folder / "sentences.csv"),
        text="text",
        label="label",
        out=folder / "model",
        embedding="CBOW",
        strategy="switch",
        auxiliary=("casing",),
        t_switch=1,
        epochs=8,
        dimensions=8,
        hidden=16,
        batch_size=16,
        learning_rate=0.01,
        device="cpu",
    )


@pytest.fixture(scope="module")
def trained(options: Options) -> dict[str, float]:
    """Train once and return the test metrics."""
    return train.train(options)


@pytest.fixture
def metrics(options: Options, trained: dict[str, float]) -> dict[str, Any]:
    return json.loads((options.out / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture
def predictions(options: Options, trained: dict[str, float]) -> pd.DataFrame:
    return pd.read_csv(options.out / "predictions.csv", keep_default_na=False)


@pytest.mark.usefixtures("trained")
def test_all_outputs_are_written(options: Options) -> None:
    assert {file.name for file in options.out.iterdir()} == OUTPUTS
    assert (options.out / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_predictions_and_metrics_agree(
    predictions: pd.DataFrame, metrics: dict[str, Any], trained: dict[str, float]
) -> None:
    assert len(predictions) == round(0.2 * 2 * PER_CLASS)
    accuracy = (predictions["label"] == predictions["prediction"]).mean()
    assert metrics["test"]["accuracy"] == pytest.approx(accuracy)
    assert metrics["test"] == trained


def test_predictions_are_on_the_test_part_in_its_order(options: Options, predictions: pd.DataFrame) -> None:
    dataset = user_table.load(options.data, "text", "label", options.seed)
    assert predictions["text"].tolist() == [" ".join(text) for text in dataset.test.texts]
    assert predictions["label"].tolist() == [dataset.classes[i] for i in dataset.test.labels]


def test_metrics_say_how_the_model_was_made(options: Options, metrics: dict[str, Any]) -> None:
    assert metrics["counts"]["train"] == {"person": 42, "place": 42}
    assert metrics["options"]["strategy"] == "switch"
    assert metrics["options"]["auxiliary"] == ["casing"]
    assert metrics["options"]["data"] == str(options.data)
    assert 0 < metrics["coverage"] < 1
    assert metrics["environment"]["device"].startswith("cpu")


def test_curves_have_a_row_an_epoch_with_every_task(metrics: dict[str, Any], options: Options) -> None:
    curves = pd.read_csv(options.out / "curves.csv")
    assert curves["epoch"].tolist() == list(range(8))
    assert curves["weight.casing"].tolist() == [1] + [0] * 7
    assert curves["examples"].tolist() == [84] * 8
    assert metrics["best_epoch"] == int(curves["validation_accuracy"].argmax())
    assert metrics["train_seconds"] == pytest.approx(curves["train_seconds"].sum())


@pytest.mark.usefixtures("trained")
def test_gensim_reads_the_trained_vectors(options: Options) -> None:
    vectors = KeyedVectors.load_word2vec_format(options.out / "vectors.txt")
    classifier = Classifier(options.out)
    assert tuple(vectors.index_to_key) == classifier.table.words[2:]
    np.testing.assert_allclose(vectors.vectors, classifier.table.vectors[2:], rtol=1e-5)


@pytest.mark.usefixtures("trained")
def test_the_vectors_were_trained_further_with_the_model(options: Options, tmp_path: Path) -> None:
    dataset = user_table.load(options.data, "text", "label", options.seed)
    before = train._vectors(dataset, options)
    after = Classifier(options.out).table
    assert before.words == after.words
    assert not np.allclose(before.vectors[2:], after.vectors[2:])
    assert not after.vectors[0].any()  # padding stays as it is


def test_the_classifier_predicts_from_raw_texts_what_was_predicted_after_training(
    options: Options, predictions: pd.DataFrame
) -> None:
    tokenizer = NLTKWordTokenizer()
    raw = {
        " ".join(tokenizer.tokenize(text)).lower(): text
        for text in user_table.read(options.data, "text", "label")["text"]
    }
    texts = [raw[text] for text in predictions["text"]]
    assert Classifier(options.out).predict(texts) == predictions["prediction"].tolist()
    assert set(predictions["prediction"]) == {"person", "place"}
    assert any(text != text.lower() for text in texts)


def test_the_classifier_takes_texts_of_any_length_and_unknown_words(
    options: Options, trained: dict[str, float]
) -> None:
    classifier = Classifier(options.out)
    assert set(classifier.predict(["word " * 500, "qwxyz", "!"])) <= {"person", "place"}


def test_the_classifier_lower_cases_and_cuts_texts_as_in_training(
    options: Options, trained: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[SentenceTask] = []

    def watch(model: Model, task: SentenceTask) -> Evaluation:
        tasks.append(task)
        return Evaluation(0.0, np.array([0]), np.array([1]))

    classifier = Classifier(options.out)
    monkeypatch.setattr(train, "evaluate", watch)
    assert classifier.predict(["The City, OF " + "the " * 200]) == ["place"]
    words = ["the", "city", ",", "of"] + ["the"] * (options.max_tokens - 4)
    assert tasks[0].sentences[0].tolist() == classifier.table.encode(words).tolist()
    assert classifier.table.index["the"] in tasks[0].sentences[0]


@pytest.mark.usefixtures("trained")
def test_training_again_gives_the_same_model(options: Options, tmp_path: Path) -> None:
    train.train(replace(options, out=tmp_path / "again"))
    for name in ("model.safetensors", "vectors.txt", "predictions.csv", "model.json"):
        assert (tmp_path / "again" / name).read_bytes() == (options.out / name).read_bytes()


@pytest.mark.usefixtures("trained")
def test_another_seed_gives_another_split(options: Options, tmp_path: Path) -> None:
    train.train(replace(options, out=tmp_path / "other", seed=1, epochs=1))
    first, second = (pd.read_csv(folder / "predictions.csv") for folder in (options.out, tmp_path / "other"))
    assert set(first["text"]) != set(second["text"])


def test_training_sees_validation_examples_and_never_test_examples(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def stop(model: Model, primary: SentenceTask, others: list[Task], schedule: Schedule, **wanted: Any) -> None:
        given.update(wanted, primary=primary)
        raise InterruptedError

    monkeypatch.setattr(train, "fit", stop)
    with pytest.raises(InterruptedError):
        train.train(replace(options, out=tmp_path / "model"))
    dataset = user_table.load(options.data, "text", "label", options.seed)
    table = train._vectors(dataset, options)
    for task, part in [(given["primary"], dataset.train), (given["validation"], dataset.validation)]:
        assert [s.tolist() for s in task.sentences] == [table.encode(text).tolist() for text in part.texts]
    assert (given["epochs"], given["batch_size"], given["seed"]) == (8, 16, 0)
    assert given["optimizer"].param_groups[0]["lr"] == 0.01


@pytest.mark.parametrize(
    ("strategy", "weights"),
    [("single", None), ("mtl", [0.5, 0.5]), ("diminish", [0.5, 0.5 * np.exp(-2)]), ("switch", [0.5, 0])],
)
def test_every_strategy_trains_with_its_weights(
    options: Options, tmp_path: Path, strategy: str, weights: list[float] | None
) -> None:
    result = train.train(replace(options, out=tmp_path / "model", strategy=strategy, epochs=2, gamma0=0.5, eta=2.0))
    assert 0 <= result["accuracy"] <= 1
    curves = pd.read_csv(tmp_path / "model" / "curves.csv")
    if weights is None:
        assert not [name for name in curves if name.startswith("weight.")]
    else:
        assert curves["weight.casing"].tolist() == pytest.approx(weights)


def test_several_auxiliary_tasks_can_be_trained_and_are_not_kept_with_the_model(
    options: Options, tmp_path: Path
) -> None:
    names = ("casing", "frequency", "language-model")
    train.train(replace(options, out=tmp_path / "model", auxiliary=names, strategy="mtl", epochs=2))
    curves = pd.read_csv(tmp_path / "model" / "curves.csv")
    assert (curves[[f"loss.{name}" for name in names]] > 0).all(axis=None)
    assert set(Classifier(tmp_path / "model").model.heads) == {"primary"}


def test_glove_vectors_of_all_words_are_taken_from_the_mirror(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = user_table.load(options.data, "text", "label", 0)
    words = sorted({word for part in (dataset.train, dataset.test) for text in part.texts for word in text})
    lines = [f"{word} {i}.5 1.0 2.0" for i, word in enumerate([*words, "unheard-of"])]
    (tmp_path / "glove.twitter.3d.txt").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))
    train.train(replace(options, out=tmp_path / "model", embedding="GloveTwitter", epochs=1))
    read = KeyedVectors.load_word2vec_format(tmp_path / "model" / "vectors.txt")
    assert read.index_to_key == words
    assert json.loads((tmp_path / "model" / "metrics.json").read_text())["coverage"] == 1


@pytest.mark.usefixtures("home")
def test_glove_that_is_not_here_says_how_to_get_it(options: Options, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="run `mt2st data fetch glove-twitter-100`"):
        train.train(replace(options, out=tmp_path / "model", embedding="GloveTwitter"))
    assert not (tmp_path / "model").exists()


@pytest.mark.usefixtures("trained")
def test_a_trained_model_is_not_overwritten(options: Options) -> None:
    before = (options.out / "metrics.json").read_bytes()
    with pytest.raises(ValueError, match="already holds a trained model; choose another folder with --out"):
        train.train(options)
    assert (options.out / "metrics.json").read_bytes() == before


def test_a_folder_that_a_broken_training_left_is_used(options: Options, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{")
    train.train(replace(options, out=tmp_path, epochs=1))
    assert {file.name for file in tmp_path.iterdir()} == OUTPUTS
    assert Classifier(tmp_path).classes == ("person", "place")


@pytest.mark.parametrize("name", ["train.csv", "my.reviews.csv", "casing.csv", "values.csv", "two words.csv"])
def test_any_name_of_the_data_file_will_do(options: Options, tmp_path: Path, name: str) -> None:
    train.train(replace(options, data=write_texts(tmp_path / name), out=tmp_path / "model", epochs=1))
    assert set(Classifier(tmp_path / "model").predict(["He was born in 1809 ."])) <= {"person", "place"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"embedding": "ELMo"}, "unknown embedding 'ELMo'; known: CBOW, SkipGram, "),
        ({"auxiliary": ("casing", "update9")}, "unknown auxiliary task 'update9'; known: update0, update1, "),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"dimensions": 0}, "dimensions must be at least 1, got 0"),
        ({"hidden": -1}, "hidden must be at least 1, got -1"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        ({"dropout": float("nan")}, "dropout must be at least 0 and below 1, got nan"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0, got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0, got nan"),
    ],
)
def test_options_that_cannot_be_are_refused(options: Options, change: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        replace(options, **change)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"strategy": "both"}, "unknown strategy 'both'; known: single, mtl, diminish, switch"),
        ({"t_switch": -1}, "t_switch must be finite and at least 0, got -1"),
        ({"strategy": "mtl", "gamma0": -1.0}, "gamma must be finite and at least 0, got -1"),
        ({"strategy": "diminish", "nu": 0.0}, "nu must be finite and above 0, got 0"),
        ({"device": "tpu"}, "device 'tpu' cannot be used"),
        ({"label": "topic"}, r"has no column 'topic' \(--label\); it has: text, label"),
        ({"auxiliary": ("hyperlink",)}, "'hyperlink' needs marked-up text, which this data set does not have"),
        ({"auxiliary": ("update0",)}, "'update0': 0 rows of its lexicon are in the vocabulary, at least 2 are needed"),
    ],
)
def test_faults_are_found_before_anything_is_written(
    options: Options, tmp_path: Path, change: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        train.train(replace(options, out=tmp_path / "model", **change))
    assert not (tmp_path / "model").exists()


def test_the_embedding_may_be_written_in_any_case(options: Options) -> None:
    assert replace(options, embedding="skipgramfasttext").embedding == "SkipGramFastText"


@pytest.mark.parametrize(
    ("strategy", "schedule"),
    [
        ("single", SINGLE_TASK),
        ("mtl", Constant(0.7)),
        ("diminish", Diminish(0.7, 0.3, 1.0)),
        ("switch", Switch(1, 0.7)),
    ],
)
def test_the_schedule_of_each_strategy(options: Options, strategy: str, schedule: Constant | Diminish | Switch) -> None:
    assert replace(options, strategy=strategy, gamma0=0.7).schedule == schedule


def test_the_defaults_are_those_of_the_reproduction() -> None:
    default = Options(Path("x.csv"), "text", "label", Path("out"))
    assert (default.embedding, default.strategy, default.auxiliary) == ("SkipGram", "switch", ("update0",))
    assert default.schedule == Switch(15)
    assert (default.epochs, default.hidden, default.eta, default.nu) == (25, 128, 0.3, 1.0)
