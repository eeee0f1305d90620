import ast
import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from experiments import made_up

from mt2st import paths
from mt2st.data import sources
from mt2st.data.files.errors import MissingData
from mt2st.data.vectors import TRAINED
from mt2st.experiments import batch, execution, parameters, plans, samplings, store, strategies, tuning
from mt2st.experiments.batch import Job
from mt2st.experiments.pairs import Study
from mt2st.experiments.plans import EXPERIMENTS, Experiment
from mt2st.experiments.profiles import PROFILES, Profile, Trials
from mt2st.experiments.runs import Record, Run
from mt2st.experiments.strategies import STRATEGIES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # papermill and Jupyter warn of each other
    import papermill

ARMS = strategies.arms()
OF_STRATEGIES = ["01_single_task", "02_multi_task", "03_diminish", "04_switch"]
ALL_NOTEBOOKS = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "12", "14", "15", "start")
IMDB = PROFILES["imdb"]


class Inline(Executor):
    """Do each job at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class Done:
    """What a batch has done, in order: runs that were made, and notebooks that were executed."""

    runs: list[Run] = field(default_factory=list)
    notebooks: list[Job] = field(default_factory=list)


@pytest.fixture
def done(record_of: Callable[[Run], Record], monkeypatch: pytest.MonkeyPatch, home: Path) -> Done:
    """Replace training by made-up records and notebooks by empty ones, and list both in their order; load no data."""
    all_done = Done()

    def make(run: Run, profile: str, device: str) -> None:
        if not store.is_done(run, profile):
            all_done.runs.append(run)
            store.save(record_of(run), profile)

    def execute(job: Job) -> Path:
        all_done.notebooks.append(job)
        job.output.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(), job.output)
        return job.output

    monkeypatch.setattr(execution, "make", make)
    monkeypatch.setattr(execution, "load_data", lambda configuration, seed: None)
    monkeypatch.setattr(batch, "execute_notebook", execute)
    return all_done


@pytest.fixture
def glove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a file of GloVe vectors into the mirror."""
    (tmp_path / "glove.twitter.27B.25d.txt").write_text("the" + " 0.5" * 25 + "\n")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))


# --- Which runs


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        (["01"], {"single"}),
        (["02"], {"single", "mtl"}),  # beside single-task learning
        (["03", "04", "00"], {"single", "diminish", "switch"}),
        (["00", "08", "09"], set()),  # they show no run of the grid
        *[([number], set(STRATEGIES)) for number in ("05", "06", "07")],  # they compare all
        (["02", "05"], set(STRATEGIES)),
    ],
)
def test_the_grid_has_the_strategies_that_the_chosen_notebooks_show(
    chosen: list[str], shown: set[str], profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "EXPERIMENTS", {"grid": EXPERIMENTS["grid"]})
    every = replace(profile, notebooks=PROFILES["imdb"].notebooks)
    planned = batch.plan_runs(every, 2, chosen)
    assert {run.strategy for run in planned} == shown
    assert planned == {run: "grid" for run in plans.grid(profile, 2) if run.strategy in shown}


def test_runs_go_seed_by_seed_so_that_all_arms_share_what_slows_the_machine(profile: Profile) -> None:
    planned = list(batch.plan_runs(profile, 3, ["05"]))
    assert [run.seed for run in planned] == [0] * 13 + [1] * 13 + [2] * 13
    assert [(run.strategy, run.setting) for run in planned] == ARMS * 3


@pytest.mark.usefixtures("tuned", "home")
def test_experiments_come_after_the_grid_each_seed_by_seed() -> None:
    planned = batch.plan_runs(IMDB, 2, ["06", "08"])
    places = [(name, run.seed) for run, name in planned.items()]
    names = ("grid", "released", "control", "matched", "transition", "readout", "paper-sample", "downstream")
    expected = [(name, seed) for name in names for seed in range(2)]
    assert list(dict.fromkeys(places)) == expected
    for name in names[1:]:
        assert {run for run, place in planned.items() if place == name} == set(EXPERIMENTS[name].plan(IMDB, 2))


@pytest.mark.usefixtures("tuned", "home")
def test_experiments_are_made_for_their_notebook_alone() -> None:
    assert set(batch.plan_runs(IMDB, 1, ["08"]).values()) == {"downstream"}
    assert set(batch.plan_runs(IMDB, 1, ["06"]).values()) == {
        *("grid", "released", "control", "matched", "transition", "readout", "paper-sample"),
    }
    assert set(batch.plan_runs(IMDB, 1, ["01", "05", "07"]).values()) == {"grid"}


def test_a_run_of_the_grid_is_made_once_and_counts_as_such(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXPERIMENTS, "control", Experiment("control", ("05",), plans.grid))
    planned = batch.plan_runs(profile, 1, ["05"])
    assert len(planned) == 13
    assert set(planned.values()) == {"grid"}


# --- Making runs


def test_runs_that_are_done_are_not_made_again(
    done: Done, profile: Profile, record_of: Callable[[Run], Record], capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = plans.plan(profile, "mtl", "CBOW", 2)
    for run in wanted[:3]:
        store.save(record_of(run), "smoke")
    batch.make_runs(profile, wanted, "cpu", Inline(), "runs")
    assert done.runs == wanted[3:]
    shown = capsys.readouterr().err
    assert "smoke: runs: " in shown
    assert "3/8" in shown  # where the bar begins
    assert "8/8" in shown


@pytest.mark.usefixtures("done")
def test_a_run_that_fails_is_named_and_the_others_are_kept(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, make = plans.plan(profile, "mtl", "CBOW", 1), execution.make

    def fail(run: Run, profile: str, device: str) -> None:
        if run == wanted[2]:
            raise ValueError("the loss became nan")
        make(run, profile, device)

    monkeypatch.setattr(execution, "make", fail)
    message = rf"run {wanted[2].hash} \(wiki, mtl, CBOW, update2, seed 0\) failed: the loss became nan"
    with pytest.raises(RuntimeError, match=message):
        batch.make_runs(profile, wanted, "cpu", Inline(), "runs")
    assert [store.is_done(run, "smoke") for run in wanted] == [True, True, False, True]


def test_runs_are_made_on_the_device_that_was_asked_for(
    done: Done, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    monkeypatch.setattr(execution, "make", lambda run, profile, device: asked.add(device))
    batch.reproduce(profile, 1, notebooks=["01"], device="cuda:1", executor=Inline())
    assert asked == {"cuda:1"}
    assert {job.parameters["device"] for job in done.notebooks} == {"cuda:1"}


# --- Which notebooks


@pytest.mark.usefixtures("home")
def test_notebooks_of_strategies_come_before_those_that_only_read() -> None:
    profile = replace(PROFILES["wiki"], embeddings=TRAINED)
    jobs = batch.plan_jobs(profile, 3, "cpu", profile.notebooks)
    planned = [(job.notebook, job.parameters.get("embedding")) for job in jobs]
    trained = Counter((notebook, embedding) for notebook in OF_STRATEGIES for embedding in TRAINED)
    assert Counter(planned[:17]) == trained + Counter([("00_data", "CBOW")])
    reading = ["05_everything", "07_time", "09_published_logs", "10_task_relations", "12_crossing", "14_sampling"]
    reading.append("15_architectures")
    assert planned[17:] == [(name, None) for name in reading]
    outputs = {job.output.relative_to(paths.results("wiki") / "notebooks").name for job in jobs}
    assert {"02_multi_task-SkipGram.ipynb", "00_data.ipynb", "10_task_relations.ipynb"} < outputs
    assert len(outputs) == len(jobs)


@pytest.mark.usefixtures("home")
def test_glove_that_is_not_here_is_left_out_with_one_line_that_says_how_to_get_it() -> None:
    wiki = PROFILES["wiki"]
    assert {job.parameters["embedding"] for job in batch.plan_jobs(wiki, 1, "cpu", ["01", "04"])} == set(TRAINED)
    (line,) = batch.missing_embeddings(wiki)
    assert line.startswith(
        "GloveTwitter is left out: needs glove-twitter-100: run `mt2st data fetch glove-twitter-100` (387 MB)"
    )


@pytest.mark.usefixtures("glove")
def test_glove_that_is_here_is_planned() -> None:
    jobs = batch.plan_jobs(PROFILES["wiki"], 1, "cpu", ["01"])
    assert [job.parameters["embedding"] for job in jobs] == [*TRAINED, "GloveTwitter"]
    assert batch.missing_embeddings(PROFILES["wiki"]) == []


def test_only_chosen_notebooks_are_planned(profile: Profile) -> None:
    jobs = batch.plan_jobs(profile, 1, "cpu", ["02", "04"])
    assert [job.notebook for job in jobs] == ["02_multi_task", "04_switch"]


def test_all_notebooks_of_the_profile_are_chosen_by_default(profile: Profile) -> None:
    assert batch.chosen_notebooks(profile) == ["00", "01", "02", "03", "04", "05"]
    assert batch.chosen_notebooks(IMDB, []) == ["01", "02", "03", "04", "05", "06", "07", "08", "start"]
    assert batch.chosen_notebooks(profile, ["03"]) == ["03"]


@pytest.mark.parametrize("number", ["06", "1", "01_single_task"])
def test_a_notebook_that_the_profile_has_not_is_refused_with_those_it_has(number: str, profile: Profile) -> None:
    with pytest.raises(ValueError, match=f"profile smoke has no notebook '{number}'; it has 00, 01, 02, 03, 04, 05$"):
        batch.chosen_notebooks(profile, ["01", number])


@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.embeddings])
def test_the_parameters_of_a_job_are_its_notebooks_and_pass_its_check(name: str) -> None:
    every = replace(PROFILES[name], embeddings=("CBOW",), notebooks=ALL_NOTEBOOKS)
    jobs = batch.plan_jobs(every, 2, "cpu", every.notebooks)
    assert [paths.notebook_key(job.notebook) for job in jobs] == ["01", "02", "03", "04", "00", *ALL_NOTEBOOKS[5:]]
    trains = {row.notebook: row.name for row in STRATEGIES.values()} | {batch.DATA_NOTEBOOK: "single"}
    for job in jobs:
        known = papermill.inspect_notebook(str(paths.notebooks() / f"{job.notebook}.ipynb"))
        assert set(job.parameters) == set(known), job.notebook
        checked = parameters.validate(job.parameters, trains.get(job.notebook, ""))
        assert (checked.profile.name, checked.embedding) == (name, "CBOW")


def test_a_notebook_opened_by_hand_has_the_parameters_of_the_batch() -> None:
    for job in batch.plan_jobs(replace(PROFILES["wiki"], embeddings=("CBOW",)), 3, "auto", ["01", "02", "03", "04"]):
        known = papermill.inspect_notebook(str(paths.notebooks() / f"{job.notebook}.ipynb"))
        assert {name: ast.literal_eval(about["default"]) for name, about in known.items()} == job.parameters


def test_the_schedules_of_a_profile_are_in_the_parameters() -> None:
    profile = replace(PROFILES["imdb-full"], embeddings=("CBOW",))
    jobs = {job.notebook: job.parameters for job in batch.plan_jobs(profile, 1, "cpu", ["01", "02", "03", "04"])}
    shared = {"profile": "imdb-full", "embedding": "CBOW", "seeds": 1, "device": "cpu", "fresh": False}
    assert jobs == {
        "01_single_task": shared,
        "02_multi_task": shared | {"gamma0": 1.0},
        "03_diminish": shared | {"gamma0": 1.0, "eta": 1.5, "nu": 1.0},
        "04_switch": shared | {"t_switch": 3, "gamma0": 1.0},
    }


# --- The record


@pytest.fixture
def grid(profile: Profile, record_of: Callable[[Run], Record]) -> list[Record]:
    """Make up and save the grid of the small profile with two seeds."""
    made = [record_of(run) for run in plans.grid(profile, 2)]
    for record in made:
        store.save(record, "smoke")
    return made


def test_the_record_packs_finished_runs_only(grid: list[Record], profile: Profile) -> None:
    (store.folder(grid[3].run, "smoke") / "done").unlink()
    batch.record(profile, 2, ["05"])
    packed = store.unpack(paths.recorded("smoke"))
    assert {record.run.hash for record in packed} == {r.run.hash for r in grid} - {grid[3].run.hash}
    assert len(packed) == 25


@pytest.mark.usefixtures("grid")
def test_the_record_has_the_seeds_that_were_asked_for(profile: Profile) -> None:
    batch.record(profile, 1, ["05"])
    assert {record.run.seed for record in store.unpack(paths.recorded("smoke"))} == {0}


@pytest.mark.usefixtures("tuned", "home")
def test_the_record_says_what_each_run_was_made_for(record_of: Callable[[Run], Record]) -> None:
    planned = batch.plan_runs(IMDB, 1, ["06", "08"])
    for run in planned:
        store.save(record_of(run), "imdb")
    batch.record(IMDB, 1, ["06", "08"])
    packed = store.unpack(paths.recorded("imdb"))
    assert sorted((record.run.hash, record.experiment) for record in packed) == sorted(
        (run.hash, name) for run, name in planned.items()
    )
    assert not [record for record in packed if record.run.configuration.data == "imdb-tuning"]


@pytest.mark.usefixtures("home")
def test_the_record_keeps_what_it_has_of_other_experiments(
    grid: list[Record], profile: Profile, record_of: Callable[[Run], Record]
) -> None:
    every = replace(profile, notebooks=("05", "08"))
    elsewhere = [replace(record_of(run), experiment="downstream") for run in plans.downstream(profile, 1)]
    old = replace(grid[0], scores={"accuracy": -1.0})
    # Nothing of the experiment `downstream` is in a run folder: all there is of it is in the file.
    store.pack([*elsewhere, old], paths.recorded("smoke"))
    batch.record(every, 2, ["05"])
    packed = store.unpack(paths.recorded("smoke"))
    kept = [record for record in packed if record.experiment == "downstream"]
    assert [(r.run, r.scores) for r in kept] == [(r.run, r.scores) for r in elsewhere]
    assert len(packed) == len(kept) + 26
    assert -1 not in [record.scores["accuracy"] for record in packed]  # the grid is packed anew
    batch.record(every, 2, ["08"])  # and what is packed anew is what is done
    assert {record.experiment for record in store.unpack(paths.recorded("smoke"))} == {"grid"}


@pytest.mark.usefixtures("home")
def test_experiments_whose_notebook_is_of_another_profile_are_not_recorded(
    profile: Profile, record_of: Callable[[Run], Record]
) -> None:
    for run in plans.downstream(profile, 1):
        store.save(record_of(run), "smoke")
    batch.record(profile, 1, profile.notebooks)
    assert store.unpack(paths.recorded("smoke")) == []


# --- The study of pairs of tasks


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    """Register two made-up corpora, and one between them whose file is not here."""
    (tmp_path / "made-up").touch()
    made_up.register(monkeypatch.setitem, *(made_up.corpus(name, tmp_path / "made-up") for name in made_up.TAGS))

    def locate() -> tuple[Path, ...]:
        raise MissingData("run `mt2st data fetch absent`")

    monkeypatch.setitem(sources.SOURCES, "absent", replace(sources.find("kinds"), name="absent", locate=locate))
    yield ("colours", "absent", "kinds")
    sources.load_tags.cache_clear()


def test_a_batch_without_notebooks_stops_before_it_reads_anything(
    done: Done, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MT2ST_HOME", str(tmp_path))
    with pytest.raises(RuntimeError, match="the project's notebooks are needed"):
        batch.reproduce(profile, 1, notebooks=["99"], executor=Inline())
    assert done == Done()


@pytest.mark.parametrize("budget", [math.inf, math.nan, 0, -1])
def test_a_budget_that_cannot_be_is_found_before_data_is_read(
    budget: float, done: Done, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "load_data", lambda *_, **__: pytest.fail("data was read"))
    with pytest.raises(ValueError, match=f"positive share of its batches, got {budget}"):
        batch.reproduce(replace(profile, study=Study(("a", "b"))), 1, budget=budget, executor=Inline())


def test_a_record_elsewhere_begins_with_what_the_committed_one_holds_of_other_experiments(
    grid: list[Record], home: Path, profile: Profile
) -> None:
    committed = home / "data" / "recorded" / "smoke.parquet"
    store.pack([replace(grid[0], experiment="downstream")], committed)
    before = committed.read_bytes()
    batch.record(profile, 1, ["01"])
    assert {record.experiment for record in store.unpack(paths.recorded("smoke"))} == {"grid", "downstream"}
    assert committed.read_bytes() == before


def test_a_study_is_made_for_its_notebook_packed_with_the_rest_and_not_made_again(
    done: Done, profile: Profile, corpora: tuple[str, ...]
) -> None:
    with_study = replace(profile, notebooks=("01", "10"), study=Study(("colours", "kinds"), steps=100))
    batch.reproduce(with_study, 1, notebooks=["01"], executor=Inline())
    assert [run.configuration.protocol for run in done.runs] == ["controlled"]
    for _ in range(2):
        batch.reproduce(with_study, 1, notebooks=["10"], budget=0.5, executor=Inline())
    studied = done.runs[1:]
    assert studied == Study(("colours", "kinds"), steps=50).plan()
    packed = store.unpack(paths.recorded("smoke"))
    assert [(r.run, r.experiment) for r in packed] == [(done.runs[0], "grid"), *((run, "pairs") for run in studied)]


def test_a_profile_of_the_study_alone_makes_no_runs_of_the_grid(done: Done, corpora: tuple[str, ...]) -> None:
    alone = replace(PROFILES["relations"], study=Study(("colours", "kinds"), steps=10))
    batch.reproduce(alone, 1, executor=Inline())
    assert done.runs == alone.study.plan()
    assert [job.notebook for job in done.notebooks] == ["09_published_logs", "10_task_relations"]


def test_corpora_that_are_not_here_are_named_with_their_command(
    done: Done, profile: Profile, corpora: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    batch.reproduce(replace(profile, notebooks=("10",), study=Study(corpora, steps=10)), 1, executor=Inline())
    assert "absent is left out: run `mt2st data fetch absent`" in capsys.readouterr().out
    assert done.runs == Study(("colours", "kinds"), steps=10).plan()
    with pytest.raises(MissingData, match="at least two corpora: run `mt2st data fetch absent`"):
        batch.reproduce(replace(profile, notebooks=("10",), study=Study(corpora[:2])), 1, executor=Inline())
    assert len(done.runs) == 3


# --- A whole batch


def test_a_batch_makes_all_runs_and_executes_all_notebooks(done: Done, profile: Profile) -> None:
    batch.reproduce(profile, 2, executor=Inline())
    assert done.runs == list(batch.plan_runs(profile, 2, profile.notebooks))
    assert [job.notebook for job in done.notebooks] == [*OF_STRATEGIES, "00_data", "05_everything"]
    assert len(store.unpack(paths.recorded("smoke"))) == 2 * 13


def test_the_record_is_whole_before_the_first_notebook_reads_it(
    done: Done, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    execute = batch.execute_notebook

    def watch(job: Job) -> Path:
        found.append(len(store.unpack(paths.recorded("smoke"))))
        return execute(job)

    monkeypatch.setattr(batch, "execute_notebook", watch)
    batch.reproduce(profile, 1, executor=Inline())
    assert found == [13] * 6


def test_trials_are_made_and_settings_chosen_before_the_runs_that_take_them(done: Done, profile: Profile) -> None:
    other_data = replace(profile.configuration, data="other")  # nothing is trained here
    small = Trials(other_data, "CBOW", (1e-3, 2e-3), (0.3,), (0.0,), gammas=(0.1,))
    tuned = replace(profile, trials=small)
    batch.reproduce(tuned, 1, notebooks=["01", "02"], executor=Inline())
    trials = list(dict.fromkeys(tuning.plan(tuned)))
    assert done.runs[: len(trials)] == trials
    made = done.runs[len(trials) :]
    expected = [(arm, tuning.configuration(tuned, *arm)) for arm in ARMS[:5]]
    assert [((run.strategy, run.setting), run.configuration) for run in made if run.seed == 0] == expected


def test_the_same_batch_again_makes_nothing_again(done: Done, profile: Profile) -> None:
    batch.reproduce(profile, 1, notebooks=["02", "05"], executor=Inline())
    made = list(done.runs)
    batch.reproduce(profile, 1, notebooks=["02", "05"], executor=Inline())
    assert len(made) == 13
    assert done.runs == made


def test_a_batch_of_some_notebooks_executes_those_only(done: Done, profile: Profile) -> None:
    batch.reproduce(profile, 1, notebooks=["02", "05"], executor=Inline())
    assert [job.notebook for job in done.notebooks] == ["02_multi_task", "05_everything"]


def test_a_batch_says_which_embedding_it_leaves_out(
    done: Done, profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    batch.reproduce(replace(profile, embeddings=("CBOW", "GloveTwitter")), 1, notebooks=["01"], executor=Inline())
    assert "GloveTwitter is left out: needs glove-twitter-100: run `mt2st data fetch" in capsys.readouterr().out
    assert [job.parameters["embedding"] for job in done.notebooks] == ["CBOW"]
    assert {run.embedding for run in done.runs} == {"CBOW"}


def test_data_that_are_missing_are_named_with_their_commands_before_anything_is_run(
    done: Done, profile: Profile
) -> None:
    everything = replace(profile, notebooks=("01", "05", "06", "08"))
    with pytest.raises(MissingData) as caught:
        batch.reproduce(everything, 1, executor=Inline())
    commands = re.findall("`mt2st data fetch ([a-z0-9_-]+)`", str(caught.value))
    assert "wordsim" in commands
    assert len(commands) == len(set(commands))
    assert set(commands) <= set(sources.SOURCES)
    assert str(caught.value).endswith("leave 06, 08 out: --notebooks 01,05")
    assert (done.runs, done.notebooks) == ([], [])


def test_notebooks_that_need_no_more_data_are_not_held_up(home: Path) -> None:
    needing = {"06", "08", "11", "12", "13", "15", "16", "start"}
    for profile in PROFILES.values():
        drawn = {"14"} if samplings.needs(profile) else set()
        batch.check_data(profile, sorted({*profile.notebooks} - needing - drawn))


@pytest.mark.usefixtures("done")
def test_a_notebook_that_fails_is_named(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(job: Job) -> Path:
        raise ValueError("cell 3 went wrong")

    monkeypatch.setattr(batch, "execute_notebook", fail)
    with pytest.raises(RuntimeError, match=r"notebook .*\.01_single_task-CBOW\.ipynb failed: cell 3 went wrong"):
        batch.reproduce(profile, 1, notebooks=["01"], executor=Inline())


def test_an_unknown_notebook_is_refused_before_anything_is_run(done: Done, profile: Profile) -> None:
    with pytest.raises(ValueError, match="profile smoke has no notebook '9'"):
        batch.reproduce(profile, 1, notebooks=["9"], executor=Inline())
    assert (done.runs, done.notebooks) == ([], [])


def test_a_device_that_is_not_here_is_refused_before_anything_is_run(done: Done, profile: Profile) -> None:
    with pytest.raises(ValueError, match="device 'gpuu' cannot be used"):
        batch.reproduce(profile, 1, device="gpuu")
    assert done.runs == []


@pytest.mark.usefixtures("done")
def test_an_executor_that_was_given_is_left_running(profile: Profile) -> None:
    class Watched(Inline):
        ended = False

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            self.ended = True

    given = Watched()
    batch.reproduce(profile, 1, notebooks=["01"], executor=given)
    assert not given.ended


# --- Processes


def test_a_run_that_fails_in_a_process_is_named(profile: Profile, tmp_path: Path) -> None:
    (wanted,) = plans.plan(profile, "single", "CBOW", 1)
    wrong = replace(wanted, configuration=replace(wanted.configuration, data="nowhere"))
    with (
        pytest.raises(RuntimeError, match=rf"run {wrong.hash} \(nowhere, single, .*seed 0\) failed: .*'nowhere'"),
        batch.local_pool(1, tmp_path / "kernels.log") as pool,
    ):
        batch.make_runs(profile, [wrong], "cpu", pool, "runs")
    assert not store.is_done(wrong, "smoke")


def test_a_batch_trains_in_processes_what_is_then_in_its_record(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[Job] = []
    monkeypatch.setattr(batch, "execute_notebooks", lambda profile, jobs, pool: executed.extend(jobs))
    short = replace(profile, configuration=replace(profile.configuration, epochs=1))
    batch.reproduce(short, 1, workers=2, notebooks=["02"], device="cpu")
    packed = store.unpack(paths.recorded("smoke"))
    assert [record.run for record in packed] == [*batch.plan_runs(short, 1, ["02"])]
    assert len(packed) == 5
    for record in packed:
        assert record.scores == store.load(record.run, "smoke").scores
        assert record.epochs["examples"].tolist() == [180]
        assert record.environment["threads"] == 1
    assert len({record.environment["table"] for record in packed}) == 1
    assert [job.notebook for job in executed] == ["02_multi_task"]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job("02_multi_task", tmp_path / "notebooks" / "02_multi_task-CBOW.ipynb", {"profile": "smoke"})


def test_a_notebook_is_executed_by_papermill_beside_its_sources(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def execute(source: Path, output: Path, given: dict[str, Any], **options: Any) -> None:
        asked.update(options, source=source, output=output, given=given)
        output.write_text("executed")

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    assert batch.execute_notebook(job) == job.output
    assert asked["source"] == paths.notebooks() / "02_multi_task.ipynb"
    assert asked["output"] == job.output.with_name(".02_multi_task-CBOW.ipynb")
    assert asked["given"] == {"profile": "smoke"}
    assert asked["cwd"] == str(paths.notebooks())
    assert [file.name for file in job.output.parent.iterdir()] == ["02_multi_task-CBOW.ipynb"]
    assert job.output.read_text() == "executed"


def test_a_notebook_that_fails_keeps_what_it_has_done_apart(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(source: Path, output: Path, given: dict[str, Any], **options: Any) -> None:
        output.write_text("half")
        raise ValueError("cell 3 went wrong")

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    with pytest.raises(ValueError, match="cell 3"):
        batch.execute_notebook(job)
    assert not job.output.exists()
    assert job.output.with_name(".02_multi_task-CBOW.ipynb").read_text() == "half"
