import io
import json
import re
import runpy
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mt2st import __version__, classifier, cli
from mt2st.classifier import DEFAULTS
from mt2st.data import sources
from mt2st.data.texts import own
from mt2st.experiments import batch
from mt2st.experiments.profiles import PROFILES, Profile
from mt2st.experiments.runs import Run
from mt2st.report import page
from mt2st.schedules import Diminish, Switch


def run(*arguments: str) -> int:
    """Run the command with arguments."""
    return cli.main(arguments)


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was written to standard error, which has to be one line, without the command's name."""
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("mt2st: error: ")
    assert shown.err.endswith("\n")
    assert shown.err.count("\n") == 1
    return shown.err.removeprefix("mt2st: error: ").strip()


@pytest.fixture
def reproduced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Replace the batch by a list of what it is asked for."""
    asked: list[tuple[Any, ...]] = []

    def reproduce(profile: Profile, seeds: int, workers: int, notebooks: list[str], device: str, budget: float) -> None:
        asked.append((profile.name, seeds, workers, notebooks, device, budget))

    monkeypatch.setattr(batch, "reproduce", reproduce)
    monkeypatch.setattr(page, "build", lambda profile: Path("index.html"))
    return asked


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace reading and training by a dict of what they are given."""
    given: dict[str, Any] = {}

    def load(*arguments: Any, **named: Any) -> str:
        given.update(load=(arguments, named))
        return "texts"

    def prepare(dataset: str, run: Run, out: Path, device: str) -> Any:
        given.update(prepare=(dataset, run, out, device))
        return SimpleNamespace(facts=dict)

    monkeypatch.setattr(own, "load", load)
    monkeypatch.setattr(classifier, "prepare", prepare)
    monkeypatch.setattr(classifier, "train", lambda training: {})
    monkeypatch.setattr(classifier, "describe", lambda facts: "the facts")
    monkeypatch.setattr(classifier, "results", lambda metrics: "the results")
    return given


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["reproduce", "--help"], ["figures", "--help"], ["train", "--help"], ["data", "--help"],
     ["predict", "--help"], ["relations", "--help"], ["data", "list", "--help"], ["data", "fetch", "--help"]],
)  # fmt: skip
def test_help_of_every_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: mt2st{' ' + ' '.join(arguments[:-1]) if arguments[1:] else ''}")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    shown = capsys.readouterr().out
    for command in ("reproduce", "figures", "train", "predict", "relations", "data"):
        assert re.search(rf"^ +{command}( |$)", shown, re.MULTILINE)


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--version")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["dance"], ["data"], ["train"], ["reproduce", "--seeds", "many"], ["figures", "--wrong"], ["data", "fetch"]],
)
def test_wrong_usage_ends_with_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: mt2st")


def test_the_module_runs_as_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["mt2st", "figures", "--profile", "none"])
    monkeypatch.delitem(sys.modules, "mt2st.cli")  # as `python -m mt2st.cli` begins
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("mt2st.cli", run_name="__main__")
    assert ended.value.code == 2
    assert error_of(capsys) == f"unknown profile 'none'; known: {', '.join(PROFILES)}"


def test_reproduce_passes_its_options_on(reproduced: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--profile",
        "smoke",
        "--seeds",
        "5",
        "--workers",
        "4",
        "--notebooks",
        "01,02",
        "--device",
        "cpu",
        "--budget",
        "0.5",
    ]
    assert run("reproduce", *options) == 0
    assert reproduced == [("smoke", 5, 4, ["01", "02"], "cpu", 0.5)]
    assert capsys.readouterr().out == "open index.html\n"


def test_reproduce_by_default_runs_everything_with_three_seeds(reproduced: list[tuple[Any, ...]]) -> None:
    assert run("reproduce") == 0
    assert reproduced == [("wiki", 3, 2, [], "auto", 1.0)]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["reproduce", "--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["reproduce", "--profile", "news"], f"unknown profile 'news'; known: {', '.join(PROFILES)}"),
        (
            ["reproduce", "--notebooks", "06"],
            "profile wiki has no notebook '06'; it has 00, 01, 02, 03, 04, 05, 07, 09, 10, 12, 14, 15",
        ),
        (["figures", "--profile", "news"], f"unknown profile 'news'; known: {', '.join(PROFILES)}"),
        (["data", "fetch", "news"], f"unknown data set 'news'; known: {', '.join(sources.SOURCES)}"),
    ],
)
def test_faults_are_one_line_and_status_2(arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert error_of(capsys) == fault


@pytest.mark.parametrize(("arguments", "status"), [(["--version"], 0), (["figures", "--profile", "none"], 2)])
def test_the_package_runs_as_the_command(
    arguments: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mt2st", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("mt2st", run_name="__main__")
    assert ended.value.code == status
    assert (f"{__version__}\n" if not status else "unknown profile") in "".join(capsys.readouterr())


@pytest.mark.usefixtures("home")
def test_figures_without_a_record_say_how_to_make_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("figures", "--profile", "smoke") == 2
    assert error_of(capsys).endswith("smoke.parquet is not there: make it with `mt2st reproduce --profile smoke`")


def test_figures_says_which_page_to_open(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(page, "build", lambda profile: Path(f"{profile.name}.html"))
    assert run("figures") == 0
    assert capsys.readouterr().out == f"open {PROFILES['wiki'].name}.html\n"


def test_train_turns_options_into_a_run(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    options = "--data x.csv --text body --label topic --out folder --embedding cbow --strategy diminish --encoder gru "
    options += "--auxiliary casing,update0 --epochs 3 --eta 0.5 --learning-rate 1e-4 --max-tokens 50 --seed 7 "
    options += "--min-count 2 --patience 0 --readout max --balanced --test t.csv --validation v.csv --split-seed 4"
    assert run("train", *options.split()) == 0
    configuration = replace(DEFAULTS, encoder="gru", epochs=3, learning_rate=1e-4, max_tokens=50)
    configuration = replace(configuration, min_count=2, patience=0, readout="max", balanced=True)
    expected = Run("CBOW", "diminish", ("casing", "update0"), Diminish(1.0, 0.5, 1.0), 7, configuration)
    parts = {"validation": Path("v.csv"), "test": Path("t.csv"), "seed": 4, "related": {}, "unlabelled": ()}
    assert told["load"] == ((Path("x.csv"), "body", "topic"), parts)
    assert told["prepare"] == ("texts", expected, Path("folder"), "auto")
    assert capsys.readouterr().out.startswith("the facts\nthe results\nall results in folder; classify with: mt2st p")


def test_train_has_the_defaults_of_the_reproduction(told: dict[str, Any]) -> None:
    assert run("train", "--data", "x.csv", "--text", "body", "--label", "topic") == 0
    expected = Run("SkipGram", "switch", ("update0",), Switch(15), 0, DEFAULTS)
    assert told["prepare"] == ("texts", expected, Path("mt2st-model"), "auto")
    assert told["load"][1] == {**{"validation": None, "test": None, "seed": 0, "related": {}, "unlabelled": ()}}
    assert (DEFAULTS.epochs, DEFAULTS.hidden, DEFAULTS.max_tokens) == (25, 128, 0)
    assert (DEFAULTS.min_count, DEFAULTS.patience) == (1, 10)


@pytest.mark.parametrize("options", [["--auxiliary", ""], ["--strategy", "single"], ["--strategy", "Single-Task"]])
def test_train_can_do_without_an_auxiliary_task(told: dict[str, Any], options: list[str]) -> None:
    assert run("train", "--data", "x.csv", "--text", "b", "--label", "t", *options) == 0
    assert told["prepare"][1].auxiliaries == ()


@pytest.mark.parametrize(
    ("name", "strategy"),
    [("multi-task", "mtl"), ("MTL", "mtl"), ("Diminish", "diminish"), ("SWITCH", "switch"), ("single-task", "single")],
)
def test_strategies_are_known_by_the_names_of_the_readme(told: dict[str, Any], name: str, strategy: str) -> None:
    assert run("train", "--data", "x.csv", "--text", "b", "--label", "t", "--strategy", name) == 0
    assert told["prepare"][1].strategy == strategy


def test_vectors_of_a_file_take_the_place_of_an_embedding(
    told: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["train", "--data", "x.csv", "--text", "b", "--label", "t", "--vectors", "my/vectors.txt"]
    assert run(*options) == 0
    assert (told["prepare"][1].vectors, told["prepare"][1].embedding) == ("my/vectors.txt", "vectors.txt")
    capsys.readouterr()
    assert run(*options, "--embedding", "cbow") == 2
    assert error_of(capsys) == "--vectors FILE takes the place of --embedding; give one of them"


def test_help_of_train_lists_choices_and_says_what_parameters_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("train", "--help")
    shown = " ".join(capsys.readouterr().out.split())
    for said in (
        "single (single-task), mtl (multi-task), diminish, switch; recipe: labelled texts of --auxiliary, those of",
        "CBOW, SkipGram, CBOWFastText, SkipGramFastText, GloveTwitter; default SkipGram",
        "bilstm, gru, bag; default bilstm",
        "of diminish: how fast the weight decays, γ(t) = γ0·exp(−η·t^ν) in epoch t",
        "of diminish: how the decay bends: 1 exponential",
        "of switch: epoch from which on the primary task is trained alone",
        "update0: UPDATE 0: analogies by cosine",
        "how often a word has to occur in training to get a vector; default 1",
    ):
        assert said in shown


@pytest.mark.parametrize("arguments", [["-m", "mt2st", "--version"], ["-m", "mt2st", "--help"]])
def test_version_and_help_do_not_wait_for_torch(arguments: list[str]) -> None:
    code = f"import runpy, sys; sys.argv = {arguments[1:]!r}\n"
    code += "try: runpy.run_module('mt2st.cli', run_name='__main__')\nexcept SystemExit: pass\n"
    code += "print(sorted({'torch', 'pandas', 'numpy', 'gensim'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_warnings_of_the_package_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn(profile: Profile) -> Path:
        warnings.warn_explicit("a cache was set aside", UserWarning, cli.__file__, 1)
        return Path("index.html")

    monkeypatch.setattr(page, "build", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run("figures") == 0
    assert capsys.readouterr().err == "mt2st: warning: a cache was set aside\n"


# --- Training and classifying end to end


@pytest.fixture(scope="module")
def reviews(shared_cache: Path, made_up_reviews: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write reviews that one word tells apart, a fixed test part, and vectors."""
    folder = tmp_path_factory.mktemp("reviews")
    rng = np.random.default_rng(0)
    made_up_reviews[:100].to_csv(folder / "reviews.csv", index=False, sep=";")
    made_up_reviews[100:].to_csv(folder / "test.csv", index=False)
    lines = [
        f"{word} {' '.join(f'{x:.3f}' for x in rng.normal(size=6))}"
        for word in ["good", "great", "bad", "film", "plot"]
    ]
    (folder / "vectors.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.filterwarnings("always::UserWarning")
def test_train_and_predict(reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "model"
    options = (
        f"--data {reviews / 'reviews.csv'} --test {reviews / 'test.csv'} --out {out} --text review --label sentiment "
    )
    options += f"--vectors {reviews / 'vectors.txt'} --strategy Switch --auxiliary casing --t-switch 2 --patience 3 "
    options += "--hidden 8 --batch-size 16 --learning-rate 0.02 --max-tokens 4 --epochs 40"
    assert run("train", *options.split()) == 0
    shown = capsys.readouterr().out
    assert "texts: 87 for train, 13 for validation, 20 for test" in shown
    assert "vocabulary: 5 words have a vector" in shown
    assert "cut: 120 texts are longer than 4 tokens; 20.0% of all tokens are not read" in shown
    table = r"switch \+ casing +1\.000\nmajority class +0\.500\nTF-IDF \+ logistic regression +1\.000"
    assert re.search(table, shown)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["epochs"] < 40
    assert metrics["epochs"] == max(metrics["best_epoch"], 2) + 3 + 1
    assert metrics["files"] == [str(reviews / "reviews.csv"), str(reviews / "test.csv")]
    assert metrics["cut"] == {"tokens": 4, "texts": 120, "share": pytest.approx(0.2)}

    (tmp_path / "new.txt").write_text("What a great film\n\nA bad plot\nThe plot and the cast are good\n")
    assert run("predict", str(out), str(tmp_path / "new.txt")) == 0
    shown = capsys.readouterr()
    table = pd.read_csv(io.StringIO(shown.out))
    assert table["row"].tolist() == [1, 2, 3, 4]
    assert [*table.columns] == ["row", "prediction", "p(negative)", "p(positive)"]
    assert table["prediction"].tolist()[::2] == ["positive", "negative"]
    assert (table["p(negative)"] + table["p(positive)"]).tolist() == pytest.approx([1] * 4, abs=2e-4)
    assert ((table["p(positive)"] > 0.5) == (table["prediction"] == "positive")).all()
    assert "mt2st: warning: 1 of 4 texts are empty; taken for an unknown word (row 2)\n" in shown.err
    assert "1 of 4 texts are longer than the 4 tokens that the model reads; the rest is left out (row 4)" in shown.err

    assert (
        run("predict", str(out), str(reviews / "test.csv"), "--text", "review", "--out", str(tmp_path / "p.csv")) == 0
    )
    assert (
        pd.read_csv(tmp_path / "p.csv")["prediction"].tolist()
        == pd.read_csv(reviews / "test.csv")["sentiment"].tolist()
    )


def test_the_recipe_is_trained_on_related_and_unlabelled_texts(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more.txt").write_text("A good film with a plot\nThe bad cast of a film\n" * 20)
    options = (
        f"--data {reviews / 'reviews.csv'} --text review --label sentiment --vectors {reviews / 'vectors.txt'} "
        f"--strategy recipe --auxiliary {reviews / 'test.csv'}:review:sentiment --unlabelled {tmp_path / 'more.txt'} "
        f"--out {tmp_path / 'model'} --hidden 8 --batch-size 16 --learning-rate 0.02 --epochs 15"
    )
    assert run("train", *options.split()) == 0
    tasks = pd.read_csv(tmp_path / "model" / "tasks.csv")
    auxiliary = tasks[tasks["role"] == "auxiliary"]
    assert set(auxiliary["task"]) == {"test-pooled", "pseudo-labels-pooled"}
    assert auxiliary["weight"].eq(1).all()
    assert re.search(r"recipe \+ test-pooled \+ pseudo-labels-pooled +1\.000\n", capsys.readouterr().out)
    assert run("predict", str(tmp_path / "model"), str(tmp_path / "more.txt")) == 0
    assert pd.read_csv(io.StringIO(capsys.readouterr().out))["prediction"][:2].tolist() == ["positive", "negative"]


@pytest.mark.parametrize(
    ("model", "file", "options", "fault"),
    [
        ("nowhere", "texts.txt", [], "no model in .*nowhere: model.json is not there; give the --out of `mt2st train`"),
        ("nowhere", "none.txt", [], "none.txt is not there; give the path of a .txt, .csv, .tsv or .jsonl file"),
        ("nowhere", "texts.csv", [], "texts.csv: which column has the texts"),
        ("nowhere", "texts.csv", ["--text", "b"], r"texts.csv has no column 'b' \(--text\); it has: a"),
        ("nowhere", "empty.txt", [], "empty.txt is empty"),
    ],
)
def test_faults_of_predict_are_one_line(
    model: str, file: str, options: list[str], fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "texts.txt").write_text("one\n")
    (tmp_path / "texts.csv").write_text("a\none\n")
    (tmp_path / "empty.txt").write_text("")
    assert run("predict", str(tmp_path / model), str(tmp_path / file), *options) == 2
    assert re.search(fault, error_of(capsys))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "texts.csv is not there; give the path of a .csv, .tsv or .jsonl file"),
        ("text,label\n", "texts.csv has no rows; it needs 'text' and 'label' in every row"),
        ("text,topic\none,two\n", "texts.csv has no column 'label' (--label); it has: text, topic"),
    ],
)
def test_faults_of_the_users_file_are_one_line(
    content: str | None, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "texts.csv").write_text(content)
    out = tmp_path / "model"
    data = str(tmp_path / "texts.csv")
    assert run("train", "--data", data, "--text", "text", "--label", "label", "--out", str(out)) == 2
    assert error_of(capsys).endswith(fault)
    assert not out.exists()


@pytest.mark.parametrize(
    ("option", "value", "fault"),
    [
        (
            "--strategy",
            "both",
            "unknown strategy 'both'; known: single (single-task), mtl (multi-task), diminish, switch",
        ),
        ("--embedding", "ELMo", "unknown embedding 'ELMo'; known: "),
        ("--auxiliary", "casing,nothing", "unknown auxiliary task 'nothing'; known: "),
        ("--epochs", "0", "epochs must be at least 1, got 0"),
        ("--eta", "1", "strategy switch has no eta; it has: t_switch, gamma0"),
        ("--t-switch", "-1", "t_switch must be finite and at least 0"),
        ("--strategy", "recipe", "--strategy recipe needs text without labels: give --unlabelled FILE"),
        ("--strategy", "recipe --eta 1", "--strategy recipe has no eta: its tasks have weight 1 to the end"),
        ("--strategy", "single --auxiliary update0", "--strategy single trains no auxiliary task: leave --auxiliary"),
        ("--encoder", "lstm", "unknown encoder 'lstm'; known: bilstm, gru, bag"),
        ("--optimizer", "sgd2", "unknown optimizer 'sgd2'; known: "),
        ("--encoder", "bag --readout last", "encoder 'bag' has no readout 'last'; it has: mean, max"),
    ],
)
def test_faults_of_the_options_of_train_are_one_line(
    option: str, value: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", "--data", "x.csv", "--text", "t", "--label", "l", option, *value.split()) == 2
    assert error_of(capsys).startswith(fault)


@pytest.mark.usefixtures("home")
def test_data_list_shows_every_data_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("data", "list") == 0
    assert capsys.readouterr().out == sources.listing() + "\n"


def test_data_fetch_prints_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("data", "fetch", "wiki") == 0
    assert capsys.readouterr().out == f"{sources.SOURCES['wiki'].locate()[0]}\n"


@pytest.mark.parametrize("error", [ValueError, FileNotFoundError, ConnectionError, RuntimeError])
def test_errors_of_the_work_are_one_line(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(profile: Profile) -> Path:
        raise error("what went wrong")

    monkeypatch.setattr(page, "build", fail)
    assert run("figures") == 2
    assert error_of(capsys) == "what went wrong"


def test_an_error_of_the_program_itself_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(profile: Profile) -> Path:
        raise AttributeError("a defect")

    monkeypatch.setattr(page, "build", fail)
    with pytest.raises(AttributeError):
        run("figures")


def test_an_interruption_ends_with_status_130_and_says_that_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*arguments: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "reproduce", interrupt)
    assert run("reproduce") == 130
    shown = capsys.readouterr()
    assert shown.err == "\ninterrupted: what is finished is kept, the same command goes on from there\n"
    assert shown.out == ""
    monkeypatch.setattr(page, "build", interrupt)
    assert run("figures") == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_an_interruption_while_modules_are_imported_is_one_too() -> None:
    code = """
import sys
class Interrupt:
    def find_spec(self, name, *more):
        if name == "mt2st.data.sources":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from mt2st import cli
sys.exit(cli.main(["data", "list"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr.startswith("\ninterrupted")
    assert "Traceback" not in done.stderr
