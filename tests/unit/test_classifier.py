import json
import shutil
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from gensim.models import KeyedVectors
from gensim.test.utils import datapath
from nltk.tokenize.destructive import NLTKWordTokenizer

from mt2st import classifier
from mt2st.classifier import DEFAULTS, Classifier, Training
from mt2st.data import vectors
from mt2st.data.dataset import Dataset
from mt2st.data.files.errors import MissingData
from mt2st.data.texts import own, wiki
from mt2st.experiments import execution
from mt2st.experiments.assembly import assemble
from mt2st.experiments.labelled import labelled_task
from mt2st.experiments.runs import Configuration, Run
from mt2st.models import Model
from mt2st.schedules import SINGLE_TASK, Constant, Diminish, Schedule, Switch
from mt2st.tasks import SentenceTask, Task
from mt2st.training import evaluate, fit

OUTPUTS = {
    "curves.csv", "curves.png", "metrics.json", "model.json", "model.safetensors", "predictions.csv", "run.json",
    "tasks.csv", "vectors.txt",
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

    @property
    def dataset(self) -> Dataset:
        return own.load(self.data, "text", "label")

    def prepare(self) -> Training:
        return classifier.prepare(self.dataset, self.run, self.out, device="cpu")

    def train(self) -> dict[str, Any]:
        """Train on the file's columns."""
        return classifier.train(self.prepare())

    def having(self, out: Path, **changes: Any) -> "Setup":
        """Return the same with other fields of the run or of its configuration."""
        conditions = {f.name for f in fields(Configuration)} & changes.keys()
        configuration = replace(self.run.configuration, **{name: changes.pop(name) for name in conditions})
        return replace(self, out=out, run=replace(self.run, configuration=configuration, **changes))


@pytest.fixture(scope="module")
def setup(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    """Return a training that takes next to no time and learns a little."""
    folder = tmp_path_factory.mktemp("texts")
    small = replace(DEFAULTS, epochs=8, dimensions=8, hidden=16, max_tokens=100, batch_size=16, learning_rate=0.01)
    run = Run("CBOW", "switch", ("casing",), Switch(1), 0, small)
    return Setup(write_texts(folder / "sentences.csv"), run, folder / "model")


@pytest.fixture(scope="module")
def trained(setup: Setup) -> dict[str, Any]:
    """Train once and return the test metrics."""
    return setup.train()


@pytest.fixture
def metrics(setup: Setup, trained: dict[str, Any]) -> dict[str, Any]:
    return json.loads((setup.out / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture
def predictions(setup: Setup, trained: dict[str, Any]) -> pd.DataFrame:
    return pd.read_csv(setup.out / "predictions.csv", keep_default_na=False)


@pytest.mark.usefixtures("trained")
def test_all_outputs_are_written(setup: Setup) -> None:
    assert {file.name for file in setup.out.iterdir()} == OUTPUTS
    assert (setup.out / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_predictions_and_metrics_agree(
    predictions: pd.DataFrame, metrics: dict[str, Any], trained: dict[str, Any]
) -> None:
    assert len(predictions) == round(0.2 * 2 * PER_CLASS)
    accuracy = (predictions["label"] == predictions["prediction"]).mean()
    assert metrics["test"]["accuracy"] == pytest.approx(accuracy)
    assert metrics == json.loads(json.dumps(trained))


def test_predictions_are_on_the_test_part_in_its_order(setup: Setup, predictions: pd.DataFrame) -> None:
    dataset = setup.dataset
    assert predictions["text"].tolist() == [" ".join(text) for text in dataset.test.texts]
    assert predictions["label"].tolist() == [dataset.classes[i] for i in dataset.test.labels]


def test_metrics_say_how_the_model_was_made(setup: Setup, metrics: dict[str, Any]) -> None:
    assert metrics["counts"]["train"] == {"person": 42, "place": 42}
    assert metrics["run"]["strategy"] == "switch"
    assert metrics["run"]["auxiliaries"] == ["casing"]
    assert metrics["run"]["configuration"]["epochs"] == 8
    assert metrics["files"] == [str(setup.data)]
    assert 0 < metrics["coverage"]["test"] < metrics["coverage"]["train"] == 1
    assert metrics["environment"]["device"].startswith("cpu")


def test_curves_have_a_row_an_epoch_with_every_task(metrics: dict[str, Any], setup: Setup) -> None:
    curves = pd.read_csv(setup.out / "curves.csv")
    assert curves["epoch"].tolist() == list(range(metrics["epochs"]))
    tasks = pd.read_csv(setup.out / "tasks.csv").set_index("task")
    assert tasks.loc["casing", "weight"].tolist() == [1] + [0] * (metrics["epochs"] - 1)
    assert curves["examples"].tolist() == [84] * metrics["epochs"]
    assert metrics["best_epoch"] == int(curves["validation_accuracy"].argmax())
    assert metrics["train_seconds"] == pytest.approx(curves["train_seconds"].sum())


@pytest.mark.usefixtures("trained")
def test_gensim_reads_the_trained_vectors(setup: Setup) -> None:
    written = KeyedVectors.load_word2vec_format(setup.out / "vectors.txt")
    model = Classifier(setup.out)
    assert tuple(written.index_to_key) == model.table.words[2:]
    np.testing.assert_allclose(written.vectors, model.table.vectors[2:], rtol=1e-5)


@pytest.mark.usefixtures("trained")
def test_the_vectors_were_trained_further_with_the_model(setup: Setup, tmp_path: Path) -> None:
    dataset = setup.dataset
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
    model = Classifier(str(setup.out))
    assert model.predict(texts) == predictions["prediction"].tolist()
    found = model.probabilities(texts)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(texts)))
    assert [model.classes[i] for i in found.argmax(axis=1)] == predictions["prediction"].tolist()
    assert set(predictions["prediction"]) == {"person", "place"}
    assert any(text != text.lower() for text in texts)


def test_the_classifier_takes_unknown_words(setup: Setup, trained: dict[str, Any]) -> None:
    model = Classifier(setup.out)
    assert set(model.predict(["qwxyz", "!"])) <= {"person", "place"}
    assert model.predict([]) == []
    assert model.probabilities([]).shape == (0, 2)


def test_the_classifier_says_what_it_leaves_out(setup: Setup, trained: dict[str, Any]) -> None:
    model = Classifier(setup.out)
    with pytest.warns(UserWarning, match=r"1 of 2 texts are longer than the 100 tokens .* left out \(row 2\)"):
        cut = model.probabilities(["He was born .", "The city , " + "of " * 500])
    whole = model.probabilities(["He was born .", "The city , " + "of " * 97])
    np.testing.assert_allclose(cut, whole, rtol=1e-5)
    with pytest.warns(UserWarning, match=r"12 of 12 texts are empty; .* \(row 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …\)"):
        model.predict([""] * 12)


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ("good", r"give a list of texts, such as \['good'\], not a string"),
        (["good", None], "text 2 is a NoneType, not a string: None"),
        ([b"good"], "text 1 is a bytes, not a string"),
    ],
)
def test_the_classifier_refuses_what_is_no_list_of_texts(
    setup: Setup, trained: dict[str, Any], texts: Any, fault: str
) -> None:
    for method in (Classifier(setup.out).predict, Classifier(setup.out).probabilities):
        with pytest.raises(TypeError, match=fault):
            method(texts)


def test_probabilities_are_those_of_the_model_whatever_the_order(setup: Setup, trained: dict[str, Any]) -> None:
    model = Classifier(setup.out)
    texts = ["He was born in 1809 .", "The", "The city lies on the river .", "A city"] * 80  # more than a batch
    found = model.probabilities(texts)
    alone = np.concatenate([model.probabilities([text]) for text in texts[:4]])
    np.testing.assert_allclose(found, np.tile(alone, (80, 1)), atol=1e-6)
    table = model.table_of(texts[:4])
    assert table["row"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(table[["p(person)", "p(place)"]], alone, atol=1e-6)


def test_the_classifier_lower_cases_and_cuts_texts_as_in_training(setup: Setup, trained: dict[str, Any]) -> None:
    model = Classifier(setup.out)
    text = "The City, OF " + "the " * 200
    words = model.table.encode(["the", "city", ",", "of"] + ["the"] * 96)
    with torch.no_grad():
        expected = model.model("primary", words[None], torch.tensor([len(words)])).softmax(-1).numpy()
    with pytest.warns(UserWarning, match="longer"):
        np.testing.assert_allclose(model.probabilities([text]), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_model_that_is_not_there_is_named(setup: Setup, trained: dict[str, Any], tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(setup.out, tmp_path / "copy")
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"no model in {folder}: {name} is not there; give the --out"):
        Classifier(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.json", b"{"),
        ("model.json", b"[]"),
        ("model.json", b'{"words": []}'),
        ("model.safetensors", b""),
        ("model.safetensors", b"\xff" * 100),
    ],
)
def test_a_damaged_model_is_named(
    setup: Setup, trained: dict[str, Any], tmp_path: Path, name: str, content: bytes
) -> None:
    folder = shutil.copytree(setup.out, tmp_path / "copy")
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"the model in {folder} cannot be read \(.*\): train it again"):
        Classifier(folder)


def test_a_model_trained_through_python_is_saved_and_read_the_same_way(setup: Setup, tmp_path: Path) -> None:
    dataset = setup.dataset
    table = vectors.train("CBOW", [[w.lower() for w in t] for t in dataset.background.tokens], dimensions=8)
    configuration = Configuration(hidden=8, encoder="gru", readout="max")
    made = assemble(dataset, table, ["casing"], configuration)
    held_out = labelled_task(dataset, "validation", table)
    fit(made.model, made.primary, made.auxiliaries, Switch(1), validation=[held_out], epochs=3)
    classifier.save(made.model, dataset, table, configuration, tmp_path / "new" / "model")
    model = Classifier(tmp_path / "new" / "model")
    expected = evaluate(made.model, labelled_task(dataset, "test", table)).predictions
    with_blanks = [" ".join(text) for text in dataset.test.texts]
    assert [model.classes.index(name) for name in model.predict(with_blanks)] == expected.tolist()


def test_an_encoder_that_could_not_be_read_again_is_refused(setup: Setup, tmp_path: Path) -> None:
    training = setup.having(tmp_path, encoder="bag").prepare()
    with pytest.raises(ValueError, match=r"the encoder is a Bag, but encoder 'gru' .* is GRU: put it into models\.ENC"):
        classifier.save(training.assembled.model, training.dataset, training.table, Configuration(encoder="gru"), "x")


# --- What is said of the data


def test_facts_count_what_there_is(setup: Setup, tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    frame = pd.read_csv(setup.data)
    more = [{"text": "qwxyz " * 9, "label": "place"}]
    pd.concat([frame[:5], pd.DataFrame(more)]).to_csv(test, index=False)
    dataset = own.load(setup.data, "text", "label", test=test)
    run = setup.having(tmp_path, max_tokens=8, auxiliaries=("similarity", "casing"), min_count=1).run
    facts = classifier.prepare(dataset, run, tmp_path / "model").facts()
    lengths = [len(own.tokenize(text)) for text in [*frame["text"], *frame["text"][:5], "qwxyz " * 9]]
    assert facts["cut"]["texts"] == sum(n > 8 for n in lengths)
    assert facts["cut"]["share"] == pytest.approx(sum(max(0, n - 8) for n in lengths) / sum(lengths))
    assert facts["repeated"] == 5
    words = {word for text in dataset.train.texts for word in text}
    assert facts["vocabulary"] == len(words)
    known = [word in words for text in dataset.test.texts for word in text]
    assert facts["coverage"] == {"train": 1, "validation": pytest.approx(facts["coverage"]["validation"]),
                                 "test": pytest.approx(np.mean(known))}  # fmt: skip
    pairs = [line.lower().split("\t")[:2] for line in Path(datapath("wordsim353.tsv")).read_text().splitlines()[1:]]
    assert facts["lexicons"] == {"similarity": {"here": sum({*p} <= words for p in pairs if p), "all": 353}}
    said = classifier.describe(facts)
    assert f"{facts['lexicons']['similarity']['here']} of 353 rows of its lexicon, which is English" in said
    assert "repeated: 5 test texts are in training or validation too" in said
    assert "long:" not in said
    said = classifier.describe(facts | {"cut": {"tokens": 1_001, "texts": 0, "share": 0.0}})
    assert "long: the longest text has 1,001 tokens; to read less is faster (--max-tokens)" in said


def test_words_seldom_seen_have_vectors_unless_told_otherwise(setup: Setup, tmp_path: Path) -> None:
    every = setup.having(tmp_path, min_count=1).prepare()
    often = setup.having(tmp_path, min_count=5).prepare()
    counts = Counter(word for text in every.dataset.train.texts for word in text)
    assert every.facts()["vocabulary"] == len(counts)
    assert often.facts()["vocabulary"] == sum(n >= 5 for n in counts.values()) < len(counts) / 3


def test_baselines_stand_beside_the_result(metrics: dict[str, Any]) -> None:
    assert set(metrics["baselines"]) == {
        *("majority class", "TF-IDF + logistic regression", "mean vector + logistic regression"),
    }
    assert metrics["baselines"]["majority class"] == 0.5
    lines = classifier.results(metrics).splitlines()
    assert lines[0].endswith("test accuracy (n = 24)")
    assert [line.split("  ")[0].strip() for line in lines[1:5]] == ["switch + casing", *metrics["baselines"]]
    assert lines[1].endswith(f"  {metrics['test']['accuracy']:.3f}")


def test_balanced_classes_change_the_training(setup: Setup, tmp_path: Path) -> None:
    frame = pd.read_csv(setup.data)
    uneven = pd.concat([frame[frame["label"] == "person"], frame[frame["label"] == "place"][:12]])
    uneven.to_csv(tmp_path / "uneven.csv", index=False)
    there = replace(setup, data=tmp_path / "uneven.csv")
    tasks = [there.having(tmp_path, balanced=balanced).prepare().assembled.primary for balanced in (True, False)]
    rows = dict(zip(*np.unique(tasks[0].targets, return_counts=True), strict=True))
    assert tasks[0].class_weights.tolist() == pytest.approx([sum(rows.values()) / (2 * rows[i]) for i in (0, 1)])
    assert tasks[1].class_weights is None


def test_a_folder_that_cannot_be_written_is_found_before_training(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(execution, "fit", None)
    with pytest.raises(OSError, match=r"file/model cannot be written \(Not a directory\); choose another .* --out"):
        setup.having(tmp_path / "file" / "model").train()


@pytest.mark.usefixtures("trained")
def test_training_again_gives_the_same_model(setup: Setup, tmp_path: Path) -> None:
    setup.having(tmp_path / "again").train()
    for name in ("model.safetensors", "vectors.txt", "predictions.csv", "model.json"):
        assert (tmp_path / "again" / name).read_bytes() == (setup.out / name).read_bytes()


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
    dataset = setup.dataset
    table = classifier._vectors(dataset, setup.run)
    for task, part in [(given["primary"], "train"), (*given["validation"], "validation")]:
        assert task.words.tolist() == labelled_task(dataset, part, table, setup.run.configuration).words.tolist()
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
    assert 0 <= result["test"]["accuracy"] <= 1
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
    dataset = setup.dataset
    words = sorted({word for part in (dataset.train, dataset.test) for text in part.texts for word in text})
    lines = [f"{word} {i}.5 1.0 2.0" for i, word in enumerate([*words, "unheard-of"])]
    (tmp_path / "glove.twitter.3d.txt").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))
    setup.having(tmp_path / "model", embedding="GloveTwitter", epochs=1).train()
    read = KeyedVectors.load_word2vec_format(tmp_path / "model" / "vectors.txt")
    assert read.index_to_key == words
    assert json.loads((tmp_path / "model" / "metrics.json").read_text())["coverage"]["test"] == 1


def test_vectors_of_a_file_are_read_for_texts_of_the_background_too(setup: Setup, tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("the 1.0 2.0\nunlabelled 3.0 4.0\nunheard-of 5.0 6.0\n", encoding="utf-8")
    dataset = own.load(setup.data, "text", "label", unlabelled=[["Unlabelled", "texts"]])
    run = replace(setup.run, embedding="vectors.txt", vectors=str(tmp_path / "vectors.txt"))
    training = classifier.prepare(dataset, run, tmp_path / "model", device="cpu")
    assert training.table.words[2:] == ("the", "unlabelled")


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
        ({"optimizer": "newton"}, "'newton'; known: adamw"),
        ({"architecture": "levels"}, "saved with architecture 'shared' and without own_layers alone"),
        ({"own_layers": True}, "saved with architecture 'shared' and without own_layers alone"),
        ({"readout": "first"}, "'first'; it has: last, mean, max"),
        ({"epochs": 0}, "epochs .* at least 1, got 0"),
        ({"dimensions": 0}, "dimensions .* at least 1, got 0"),
        ({"hidden": -1}, "hidden .* at least 1, got -1"),
        ({"batch_size": 0}, "batch_size .* at least 1, got 0"),
        ({"max_tokens": -1}, "max_tokens .* at least 0, got -1"),
        ({"min_count": 0}, "min_count .* at least 1, got 0"),
        ({"patience": -1}, "patience .* at least 0, got -1"),
        ({"learning_rate": float("inf")}, "learning_rate .* finite, got inf"),
        ({"dropout": 1.0}, "dropout .* below 1, got 1.0"),
        ({"dropout": float("nan")}, "dropout .* below 1, got nan"),
        ({"learning_rate": 0.0}, "learning_rate .* above 0 and finite, got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate .* finite, got nan"),
        ({"auxiliaries": ("hyperlink",)}, "'hyperlink' needs marked-up text"),
        ({"auxiliaries": ("update0",), "min_count": 20}, "'update0': 0 of 19,544 rows .*English.*--strategy single"),
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
        own.load(setup.data, "text", "topic")
    with pytest.raises(ValueError, match="device 'tpu'"):
        classifier.prepare(setup.dataset, setup.run, tmp_path / "model", device="tpu")
    assert not (tmp_path / "model").exists()
