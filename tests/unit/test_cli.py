import re
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mt2st import __version__, classifier, cli
from mt2st.classifier import DEFAULTS
from mt2st.data import sources
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
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Replace training by a list of what it is given."""
    given: list[tuple[Any, ...]] = []

    def pretend(*arguments: Any) -> dict[str, float]:
        given.append(arguments)
        return {"accuracy": 0.75, "macro_f1": 0.5}

    monkeypatch.setattr(classifier, "train", pretend)
    return given


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["reproduce", "--help"], ["figures", "--help"], ["train", "--help"], ["data", "--help"],
     ["data", "list", "--help"], ["data", "fetch", "--help"]],
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
    for command in ("reproduce", "figures", "train", "data"):
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
            "profile wiki has no notebook '06'; it has 00, 01, 02, 03, 04, 05, 07, 09, 10",
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


def test_train_turns_options_into_a_run(told: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]) -> None:
    options = "--data x.csv --text body --label topic --out folder --embedding cbow --strategy diminish --encoder gru "
    options += "--auxiliary casing,update0 --epochs 3 --eta 0.5 --learning-rate 1e-4 --max-tokens 50 --seed 7"
    assert run("train", *options.split()) == 0
    configuration = replace(DEFAULTS, encoder="gru", epochs=3, learning_rate=1e-4, max_tokens=50)
    expected = Run("CBOW", "diminish", ("casing", "update0"), Diminish(1.0, 0.5, 1.0), 7, configuration)
    assert told == [(Path("x.csv"), "body", "topic", expected, Path("folder"), "auto")]
    assert capsys.readouterr().out == "test accuracy 0.750, macro F1 0.500; results in folder\n"


def test_train_has_the_defaults_of_the_reproduction(told: list[tuple[Any, ...]]) -> None:
    assert run("train", "--data", "x.csv", "--text", "body", "--label", "topic") == 0
    expected = Run("SkipGram", "switch", ("update0",), Switch(15), 0, DEFAULTS)
    assert told == [(Path("x.csv"), "body", "topic", expected, Path("mt2st-model"), "auto")]
    assert (DEFAULTS.epochs, DEFAULTS.hidden, DEFAULTS.max_tokens) == (25, 128, 100)


@pytest.mark.parametrize("options", [["--auxiliary", ""], ["--strategy", "single"]])
def test_train_can_do_without_an_auxiliary_task(told: list[tuple[Any, ...]], options: list[str]) -> None:
    assert run("train", "--data", "x.csv", "--text", "b", "--label", "t", *options) == 0
    assert told[0][3].auxiliaries == ()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "texts.csv is not there; give the path of a .csv, .tsv or .jsonl file"),
        ("text,label\n", "texts.csv has no rows; it needs a column of texts and a column of labels"),
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
        ("--strategy", "both", "unknown strategy 'both'; known: single, mtl, diminish, switch"),
        ("--embedding", "ELMo", "unknown embedding 'ELMo'; known: "),
        ("--auxiliary", "casing,nothing", "unknown auxiliary task 'nothing'; known: "),
        ("--epochs", "0", "epochs must be at least 1, got 0"),
        ("--eta", "1", "strategy switch has no eta; it has: t_switch, gamma0"),
        ("--t-switch", "-1", "t_switch must be finite and at least 0"),
    ],
)
def test_faults_of_the_options_of_train_are_one_line(
    option: str, value: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", "--data", "x.csv", "--text", "t", "--label", "l", option, value) == 2
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
