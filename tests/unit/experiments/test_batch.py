import ast
import os
import re
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
import nltk
import pandas as pd
import pytest

from mt2st import paths
from mt2st.data import sources as registry
from mt2st.data.files.errors import MissingData
from mt2st.data.vectors import TRAINED
from mt2st.experiments import batch, execution, parameters, runs, tuning
from mt2st.experiments import plans as experiments
from mt2st.experiments import store as folders
from mt2st.experiments.batch import Job
from mt2st.experiments.plans import FURTHER, GROUPS, Experiment, Group
from mt2st.experiments.profiles import ARMS, PROFILES, STRATEGIES, Profile, Trials
from mt2st.experiments.runs import Record, Run
from mt2st.relations import joint
from mt2st.relations import study as pairs
from mt2st.relations.joint import JointRun
from mt2st.relations.study import Study
from mt2st.report import page as report

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # papermill and Jupyter warn of each other
    import papermill

Grid = Callable[[Profile, Sequence[str], int], list[Record]]
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
    """Replace training by made-up records and notebooks by empty ones, and list both in their order."""
    all_done = Done()

    def make(run: Run, profile: str, device: str) -> None:
        if not run.is_done(profile):
            all_done.runs.append(run)
            runs.save(record_of(run), profile)

    def execute(job: Job) -> Path:
        all_done.notebooks.append(job)
        job.output.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(), job.output)
        return job.output

    monkeypatch.setattr(execution, "make", make)
    monkeypatch.setattr(batch, "execute_notebook", execute)
    return all_done


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the drawing of figures."""
    monkeypatch.setattr(report, "build", lambda profile: Path(f"{profile.name}.html"))


@pytest.fixture
def glove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a file of GloVe vectors into the mirror."""
    (tmp_path / "glove.twitter.27B.25d.txt").write_text("the" + " 0.5" * 25 + "\n")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))


# --- Which runs


@pytest.mark.parametrize(
    ("chosen", "strategies"),
    [
        (["02"], {"mtl"}),
        (["01", "04"], {"single", "switch"}),
        (["00", "08"], set()),  # they show no run of the grid
        *[([number], set(STRATEGIES)) for number in ("05", "06", "07")],  # they compare all
    ],
)
def test_the_grid_has_the_strategies_that_the_chosen_notebooks_show(
    chosen: list[str], strategies: set[str], profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "FURTHER", {})
    planned = batch.plan_runs(profile, 2, chosen)
    assert {run.strategy for run in planned} == strategies
    assert planned == {run: "grid" for run in experiments.grid(profile, 2) if run.strategy in strategies}


def test_runs_go_seed_by_seed_so_that_all_arms_share_what_slows_the_machine(profile: Profile) -> None:
    planned = list(batch.plan_runs(profile, 3, ["05"]))
    assert [run.seed for run in planned] == [0] * 13 + [1] * 13 + [2] * 13
    assert [(run.strategy, run.setting) for run in planned] == [*ARMS] * 3


@pytest.mark.usefixtures("tuned", "home")
def test_experiments_come_after_the_grid_each_seed_by_seed() -> None:
    planned = batch.plan_runs(IMDB, 2, ["06", "08"])
    places = [(name, run.seed) for run, name in planned.items()]
    expected = [(name, seed) for name in ("grid", "released", "control", "downstream") for seed in range(2)]
    assert list(dict.fromkeys(places)) == expected
    for name, experiment in FURTHER.items():
        assert {run for run, place in planned.items() if place == name} == set(experiment.plan(IMDB, 2))


@pytest.mark.usefixtures("tuned", "home")
def test_experiments_are_made_for_their_notebook_alone() -> None:
    assert set(batch.plan_runs(IMDB, 1, ["08"]).values()) == {"downstream"}
    assert set(batch.plan_runs(IMDB, 1, ["06"]).values()) == {"grid", "released", "control"}
    assert set(batch.plan_runs(IMDB, 1, ["01", "05", "07"]).values()) == {"grid"}


def test_a_run_of_the_grid_is_made_once_and_counts_as_such(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "FURTHER", {"control": Experiment("05", experiments.grid)})
    planned = batch.plan_runs(profile, 1, ["05"])
    assert len(planned) == 13
    assert set(planned.values()) == {"grid"}


# --- Making runs


def test_runs_that_are_done_are_not_made_again(
    done: Done, profile: Profile, record_of: Callable[[Run], Record], capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = experiments.plan(profile, "mtl", "CBOW", 2)
    for run in wanted[:3]:
        runs.save(record_of(run), "smoke")
    batch.make_runs(profile, wanted, execution.make, "cpu", Inline(), "runs")
    assert done.runs == wanted[3:]
    shown = capsys.readouterr().err
    assert "smoke: runs: " in shown
    assert "3/8" in shown  # where the bar begins
    assert "8/8" in shown


@pytest.mark.usefixtures("done")
def test_a_run_that_fails_is_named_and_the_others_are_kept(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, make = experiments.plan(profile, "mtl", "CBOW", 1), execution.make

    def fail(run: Run, profile: str, device: str) -> None:
        if run == wanted[2]:
            raise ValueError("the loss became nan")
        make(run, profile, device)

    monkeypatch.setattr(execution, "make", fail)
    message = rf"run {wanted[2].hash} \(mtl, CBOW, update2, seed 0\) failed: the loss became nan"
    with pytest.raises(RuntimeError, match=message):
        batch.make_runs(profile, wanted, execution.make, "cpu", Inline(), "runs")
    assert [run.is_done("smoke") for run in wanted] == [True, True, False, True]


@pytest.mark.usefixtures("no_page")
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
def test_group_notebooks_are_planned_first_and_embeddings_within_each() -> None:
    profile = replace(PROFILES["wiki"], embeddings=TRAINED)
    jobs = batch.plan_jobs(profile, 3, "cpu", profile.notebooks)
    assert [(job.notebook, job.parameters.get("embedding")) for job in jobs] == [
        *[
            (notebook, embedding)
            for notebook in ("01_single_task", "02_multi_task", "03_diminish", "04_switch")
            for embedding in TRAINED
        ],
        ("00_data", "CBOW"),
        ("05_everything", None),
        ("07_time", None),
        ("09_published_logs", None),
        ("10_task_relations", None),
    ]
    assert jobs[5].output == paths.results("wiki") / "notebooks" / "02_multi_task-SkipGram.ipynb"
    assert jobs[-1].output == paths.results("wiki") / "notebooks" / "10_task_relations.ipynb"


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
    assert batch.chosen_notebooks(IMDB, []) == ["01", "02", "03", "04", "05", "06", "07", "08"]
    assert batch.chosen_notebooks(profile, ["03"]) == ["03"]


@pytest.mark.parametrize("number", ["06", "1", "01_single_task"])
def test_a_notebook_that_the_profile_has_not_is_refused_with_those_it_has(number: str, profile: Profile) -> None:
    with pytest.raises(ValueError, match=f"profile smoke has no notebook '{number}'; it has 00, 01, 02, 03, 04, 05$"):
        batch.chosen_notebooks(profile, ["01", number])


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.notebook)
def test_the_parameters_of_a_job_are_the_notebooks_and_pass_its_check(name: str, group: Group) -> None:
    given = batch.notebook_parameters(PROFILES[name], group, "SkipGram", 2, "cpu")
    known = papermill.inspect_notebook(str(paths.notebooks() / f"{group.notebook}.ipynb"))
    assert set(given) == set(known)
    checked = parameters.validate(given)
    assert (checked.profile.name, checked.embedding, checked.seeds, checked.device) == (name, "SkipGram", 2, "cpu")


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.notebook)
def test_a_notebook_opened_by_hand_has_the_parameters_of_the_batch(group: Group) -> None:
    known = papermill.inspect_notebook(str(paths.notebooks() / f"{group.notebook}.ipynb"))
    defaults = {name: ast.literal_eval(about["default"]) for name, about in known.items()}
    assert defaults == batch.notebook_parameters(PROFILES["wiki"], group, "CBOW", 3, "auto")


def test_the_parameters_of_the_other_notebooks_are_theirs_and_pass_their_check() -> None:
    every = replace(IMDB, embeddings=("CBOW",), notebooks=("00", "05", "06", "07", "08"))
    jobs = batch.plan_jobs(every, 2, "cpu", every.notebooks)
    assert [job.notebook for job in jobs] == ["00_data", "05_everything", "06_audit", "07_time", "08_downstream"]
    for job in jobs:
        known = papermill.inspect_notebook(str(paths.notebooks() / f"{job.notebook}.ipynb"))
        assert set(job.parameters) == set(known)
        assert parameters.validate(job.parameters).profile is IMDB


def test_the_schedule_of_the_profile_is_in_the_parameters(profile: Profile) -> None:
    by_notebook = {g.number: batch.notebook_parameters(profile, g, "CBOW", 1, "cpu") for g in GROUPS}
    shared = {"profile": "smoke", "embedding": "CBOW", "seeds": 1, "device": "cpu"}
    (t_switch,), (eta,) = profile.schedules["switch"].t_switch, profile.schedules["diminish"].eta
    assert by_notebook == {
        "01": shared,
        "02": shared,
        "03": shared | {"gamma0": 1.0, "eta": eta, "nu": 1.0},
        "04": shared | {"t_switch": t_switch},
    }


def test_the_record_packs_finished_runs_only(grid_of: Grid, profile: Profile) -> None:
    made = grid_of(profile, ["CBOW"], 2)
    for record in made:
        runs.save(record, "smoke")
    (made[3].run.folder("smoke") / "done").unlink()
    batch.record(profile, 2)
    packed = runs.unpack(paths.recorded("smoke"))
    assert {record.run.hash for record in packed} == {r.run.hash for r in made} - {made[3].run.hash}
    assert len(packed) == 25


def test_the_record_has_the_seeds_that_were_asked_for(grid_of: Grid, profile: Profile) -> None:
    for record in grid_of(profile, ["CBOW"], 2):
        runs.save(record, "smoke")
    batch.record(profile, 1)
    assert {record.run.seed for record in runs.unpack(paths.recorded("smoke"))} == {0}


@pytest.mark.usefixtures("tuned", "home")
def test_the_record_says_what_each_run_was_made_for(record_of: Callable[[Run], Record]) -> None:
    planned = batch.plan_runs(IMDB, 1, ["06", "08"])
    for run in planned:
        runs.save(record_of(run), "imdb")
    batch.record(IMDB, 1)
    packed = runs.unpack(paths.recorded("imdb"))
    assert sorted((record.run.hash, record.experiment) for record in packed) == sorted(
        (run.hash, name) for run, name in planned.items()
    )
    assert not [record for record in packed if record.run.configuration.data == "imdb-tuning"]


def test_experiments_whose_notebook_is_of_another_profile_are_not_recorded(
    profile: Profile, record_of: Callable[[Run], Record]
) -> None:
    for run in experiments.downstream(profile, 1):
        runs.save(record_of(run), "smoke")
    batch.record(profile, 1)
    assert runs.unpack(paths.recorded("smoke")) == []


# --- The study of pairs of tasks


@pytest.fixture
def studied(monkeypatch: pytest.MonkeyPatch) -> list[JointRun]:
    """Replace training on tagged corpora by made-up records, and list the runs."""
    made: list[JointRun] = []

    def make(run: JointRun, profile: str, device: str) -> None:
        if not run.is_done(profile):
            made.append(run)
            scores = {corpus: {"validation": {"f1": 0.5}} for corpus in run.corpora}
            folders.write(run, profile, pd.DataFrame({"step": [run.steps]}), scores, {"device": device})

    monkeypatch.setattr(joint, "make", make)
    return made


@pytest.mark.usefixtures("no_page", "done")
def test_a_study_is_made_for_its_notebook_packed_and_not_made_again(studied: list[JointRun], profile: Profile) -> None:
    with_study = replace(profile, notebooks=("01", "10"), study=Study(("wiki-next", "wiki-casing"), steps=100))
    batch.reproduce(with_study, 1, notebooks=["01"], executor=Inline())
    assert studied == []
    for _ in range(2):
        batch.reproduce(with_study, 1, notebooks=["10"], budget=0.5, executor=Inline())
    assert [(run.corpora, run.steps) for run in studied] == [
        (("wiki-next",), 50),
        (("wiki-casing",), 50),
        (("wiki-next", "wiki-casing"), 100),
    ]
    assert [record.run for record in pairs.unpack(paths.recorded_pairs("smoke"))] == studied


@pytest.mark.usefixtures("no_page", "studied")
def test_a_profile_of_the_study_alone_needs_no_runs_of_the_grid(done: Done, home: Path) -> None:
    alone = replace(PROFILES["relations"], study=Study(("wiki-next", "wiki-casing"), steps=10))
    batch.reproduce(alone, 1, executor=Inline())
    assert done.runs == []
    assert [job.notebook for job in done.notebooks] == ["09_published_logs", "10_task_relations"]
    assert not paths.recorded("relations").exists()


@pytest.mark.usefixtures("no_page", "studied", "done")
def test_corpora_that_are_not_here_are_named_with_their_command(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    study = Study(("wiki-next", "conll2000", "wiki-casing"), steps=10)
    batch.reproduce(replace(profile, notebooks=("10",), study=study), 1, executor=Inline())
    assert "conll2000 is left out: needs NLTK's conll2000: run `mt2st data fetch conll2000`" in capsys.readouterr().out
    assert pairs.unpack(paths.recorded_pairs("smoke"))[-1].run.corpora == ("wiki-next", "wiki-casing")
    with pytest.raises(MissingData, match="at least two corpora: needs NLTK's conll2000: run `mt2st data fetch"):
        batch.reproduce(replace(profile, notebooks=("10",), study=Study(("conll2000",))), 1, executor=Inline())


# --- A whole batch


@pytest.mark.usefixtures("no_page")
def test_a_batch_makes_all_runs_and_executes_all_notebooks(done: Done, profile: Profile) -> None:
    assert batch.reproduce(profile, 2, executor=Inline()) == Path("smoke.html")
    assert done.runs == list(batch.plan_runs(profile, 2, profile.notebooks))
    assert [job.notebook for job in done.notebooks] == [*(g.notebook for g in GROUPS), "00_data", "05_everything"]
    assert len(runs.unpack(paths.recorded("smoke"))) == 2 * 13


@pytest.mark.usefixtures("no_page")
def test_the_record_is_whole_before_the_first_notebook_reads_it(
    done: Done, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    execute = batch.execute_notebook

    def watch(job: Job) -> Path:
        found.append(len(runs.unpack(paths.recorded("smoke"))))
        return execute(job)

    monkeypatch.setattr(batch, "execute_notebook", watch)
    batch.reproduce(profile, 1, executor=Inline())
    assert found == [13] * 6


@pytest.mark.usefixtures("no_page")
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


@pytest.mark.usefixtures("no_page")
def test_the_same_batch_again_makes_nothing_again(done: Done, profile: Profile) -> None:
    batch.reproduce(profile, 1, notebooks=["02", "05"], executor=Inline())
    made = list(done.runs)
    batch.reproduce(profile, 1, notebooks=["02", "05"], executor=Inline())
    assert len(made) == 13
    assert done.runs == made


@pytest.mark.usefixtures("no_page")
def test_a_batch_of_some_notebooks_executes_those_only(done: Done, profile: Profile) -> None:
    batch.reproduce(profile, 1, notebooks=["02", "05"], executor=Inline())
    assert [job.notebook for job in done.notebooks] == ["02_multi_task", "05_everything"]


@pytest.mark.usefixtures("no_page")
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
    everything = replace(profile, notebooks=("06", "08"))
    with pytest.raises(MissingData) as caught:
        batch.reproduce(everything, 1, executor=Inline())
    commands = re.findall("`mt2st data fetch ([a-z0-9_-]+)`", str(caught.value))
    assert "wordsim" in commands
    assert len(commands) == len(set(commands))
    assert set(commands) <= set(registry.SOURCES)
    assert str(caught.value).endswith("or leave 06 and 08 out: --notebooks 01,02,03,04,05,07")
    assert (done.runs, done.notebooks) == ([], [])


def test_notebooks_that_need_no_more_data_are_not_held_up(home: Path) -> None:
    batch.check_data(["01", "02", "03", "04", "05", "07"])


@pytest.mark.usefixtures("done")
def test_a_batch_ends_with_the_page(profile: Profile) -> None:
    page = batch.reproduce(profile, 1, notebooks=["01"], executor=Inline())
    assert page == paths.results("smoke") / "index.html"
    text = page.read_text(encoding="utf-8")
    assert "1 runs, 1 seed" in text
    assert "01_single_task-CBOW" in text


@pytest.mark.usefixtures("done")
def test_a_batch_of_the_data_notebook_alone_ends_with_the_page_too(profile: Profile) -> None:
    assert batch.reproduce(profile, 1, notebooks=["00"], executor=Inline()).exists()


@pytest.mark.usefixtures("done", "no_page")
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


@pytest.mark.usefixtures("done", "no_page")
def test_an_executor_that_was_given_is_left_running(profile: Profile) -> None:
    class Watched(Inline):
        ended = False

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            self.ended = True

    given = Watched()
    batch.reproduce(profile, 1, notebooks=["01"], executor=given)
    assert not given.ended


# --- Processes


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_refused(tmp_path: Path, workers: int) -> None:
    with (
        pytest.raises(ValueError, match=f"workers must be at least 1, got {workers}"),
        batch._local_pool(workers, tmp_path / "kernels.log"),
    ):
        pass


def test_workers_are_processes_with_one_thread_that_a_fault_ends_in_the_middle_of_their_work(tmp_path: Path) -> None:
    # One test, as a worker takes seconds to import PyTorch.
    with pytest.raises(KeyboardInterrupt), batch._local_pool(1, tmp_path / "deep" / "kernels.log") as pool:
        assert pool.submit(os.getpid).result() != os.getpid()
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
        busy = pool.submit(time.sleep, 600)
        raise KeyboardInterrupt
    assert busy.cancelled() or isinstance(busy.exception(), BrokenProcessPool)  # not waited for ten minutes


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
