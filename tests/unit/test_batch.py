import ast
import os
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mt2st import batch, experiments, parameters, paths, report, runs
from mt2st.batch import Job
from mt2st.embeddings import TRAINED
from mt2st.experiments import GROUPS, Group
from mt2st.profiles import PROFILES, Profile
from mt2st.runs import Record, Run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # papermill and Jupyter warn of each other
    import papermill

ALL = ["00", "01", "02", "03", "04", "05"]
Grid = Callable[[Profile, Sequence[str], int], list[Record]]


class Inline(Executor):
    """Do each job at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def executed(record_of: Callable[[Run], Record], monkeypatch: pytest.MonkeyPatch, home: Path) -> list[Job]:
    """Replace notebooks by made-up records of the runs they would make, and list the jobs in their order."""
    jobs: list[Job] = []

    def execute(job: Job) -> Path:
        jobs.append(job)
        for run in job.runs:
            if not run.is_done(job.parameters["profile"]):
                runs.save(record_of(run), job.parameters["profile"])
        job.output.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(), job.output)
        return job.output

    monkeypatch.setattr(batch, "execute_notebook", execute)
    return jobs


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the drawing of figures."""
    monkeypatch.setattr(report, "build", lambda profile: Path(f"{profile.name}.html"))


def test_single_task_is_planned_first_and_embeddings_within_each_group(home: Path) -> None:
    profile = replace(PROFILES["wiki"], embeddings=TRAINED)
    jobs, missing = batch.plan_jobs(profile, 3, "cpu", ALL)
    assert [(job.notebook, job.parameters["embedding"]) for job in jobs] == [
        (notebook, embedding)
        for notebook in ("01_single_task", "02_multi_task", "03_diminish", "04_switch")
        for embedding in TRAINED
    ]
    assert missing == []
    assert jobs[5].output == paths.results("wiki") / "notebooks" / "02_multi_task-SkipGram.ipynb"


def test_jobs_carry_the_runs_they_will_make(profile: Profile) -> None:
    jobs, _ = batch.plan_jobs(profile, 2, "cpu", ALL)
    assert [len(job.runs) for job in jobs] == [2, 8, 8, 8]
    assert list(jobs[2].runs) == experiments.plan(profile, "diminish", "CBOW", 2)


@pytest.mark.usefixtures("home")
def test_glove_that_is_not_here_is_left_out_with_one_line_that_says_how_to_get_it() -> None:
    jobs, missing = batch.plan_jobs(PROFILES["wiki"], 1, "cpu", ALL)
    assert {job.parameters["embedding"] for job in jobs} == set(TRAINED)
    (line,) = missing
    assert line.startswith(
        "GloveTwitter is left out: needs glove-twitter-100: run `mt2st data fetch glove-twitter-100` (387 MB)"
    )


def test_glove_that_is_here_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "glove.twitter.27B.25d.txt").write_text("the" + " 0.5" * 25 + "\n")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))
    jobs, missing = batch.plan_jobs(PROFILES["wiki"], 1, "cpu", ["01"])
    assert [job.parameters["embedding"] for job in jobs] == [*TRAINED, "GloveTwitter"]
    assert missing == []


def test_only_chosen_notebooks_are_planned(profile: Profile) -> None:
    jobs, _ = batch.plan_jobs(profile, 1, "cpu", ["02", "04"])
    assert [job.notebook for job in jobs] == ["02_multi_task", "04_switch"]


def test_all_notebooks_are_chosen_by_default() -> None:
    assert batch.chosen_notebooks([]) == ALL
    assert batch.chosen_notebooks(["03"]) == ["03"]


@pytest.mark.parametrize("number", ["06", "1", "01_single_task"])
def test_an_unknown_notebook_is_refused_with_the_known_ones(number: str) -> None:
    with pytest.raises(ValueError, match=f"unknown notebook '{number}'; known: 00, 01, 02, 03, 04, 05"):
        batch.chosen_notebooks(["01", number])


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


@pytest.mark.parametrize("k", [0, 1])
def test_the_parameters_of_the_closing_notebooks_are_theirs_and_pass_their_check(profile: Profile, k: int) -> None:
    job = batch.closing_jobs(profile, 2, "cpu")[k]
    assert job.notebook == ("00_data", "05_everything")[k]
    known = papermill.inspect_notebook(str(paths.notebooks() / f"{job.notebook}.ipynb"))
    assert set(job.parameters) == set(known)
    assert parameters.validate(job.parameters).profile is profile


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


@pytest.mark.usefixtures("no_page")
def test_a_batch_runs_the_groups_then_the_record_then_the_closing_notebooks(
    executed: list[Job], profile: Profile
) -> None:
    assert batch.reproduce(profile, 2, executor=Inline()) == Path("smoke.html")
    assert [job.notebook for job in executed] == [*(g.notebook for g in GROUPS), "00_data", "05_everything"]
    assert len(runs.unpack(paths.recorded("smoke"))) == 2 * 13


@pytest.mark.usefixtures("no_page")
def test_the_record_is_there_before_the_last_notebook_reads_it(
    executed: list[Job], profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, bool] = {}
    execute = batch.execute_notebook

    def watch(job: Job) -> Path:
        found[job.notebook] = paths.recorded("smoke").exists()
        return execute(job)

    monkeypatch.setattr(batch, "execute_notebook", watch)
    batch.reproduce(profile, 1, executor=Inline())
    assert found == dict.fromkeys((group.notebook for group in GROUPS), False) | {
        "00_data": True,
        "05_everything": True,
    }


@pytest.mark.usefixtures("no_page")
def test_a_batch_of_some_notebooks_executes_those_only(executed: list[Job], profile: Profile) -> None:
    batch.reproduce(profile, 1, notebooks=["02", "05"], executor=Inline())
    assert [job.notebook for job in executed] == ["02_multi_task", "05_everything"]


@pytest.mark.usefixtures("no_page")
def test_a_batch_says_which_embedding_it_leaves_out(
    executed: list[Job], profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    batch.reproduce(replace(profile, embeddings=("CBOW", "GloveTwitter")), 1, notebooks=["01"], executor=Inline())
    assert "GloveTwitter is left out: needs glove-twitter-100: run `mt2st data fetch" in capsys.readouterr().out
    assert [job.parameters["embedding"] for job in executed] == ["CBOW"]


@pytest.mark.usefixtures("executed")
def test_a_batch_ends_with_the_page(profile: Profile) -> None:
    page = batch.reproduce(profile, 1, notebooks=["01"], executor=Inline())
    assert page == paths.results("smoke") / "index.html"
    text = page.read_text(encoding="utf-8")
    assert "1 runs, 1 seed" in text
    assert "01_single_task-CBOW" in text


@pytest.mark.usefixtures("executed")
def test_a_batch_of_a_closing_notebook_alone_ends_with_the_page_too(profile: Profile) -> None:
    assert batch.reproduce(profile, 1, notebooks=["00"], executor=Inline()).exists()


@pytest.mark.usefixtures("executed", "no_page")
def test_a_notebook_that_fails_is_named(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(job: Job) -> Path:
        raise ValueError("cell 3 went wrong")

    monkeypatch.setattr(batch, "execute_notebook", fail)
    with pytest.raises(RuntimeError, match=r"notebook .*\.01_single_task-CBOW\.ipynb failed: cell 3 went wrong"):
        batch.reproduce(profile, 1, notebooks=["01"], executor=Inline())


def test_an_unknown_notebook_is_refused_before_anything_is_run(executed: list[Job], profile: Profile) -> None:
    with pytest.raises(ValueError, match="unknown notebook '9'"):
        batch.reproduce(profile, 1, notebooks=["9"], executor=Inline())
    assert executed == []


@pytest.mark.usefixtures("no_page")
def test_an_executor_that_was_given_is_left_running(executed: list[Job], profile: Profile) -> None:
    class Watched(Inline):
        ended = False

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            self.ended = True

    given = Watched()
    batch.reproduce(profile, 1, notebooks=["01"], executor=given)
    assert not given.ended


@pytest.mark.usefixtures("executed", "no_page")
def test_progress_counts_runs_and_begins_with_those_that_are_done(
    profile: Profile, record_of: Callable[[Run], Record], capsys: pytest.CaptureFixture[str]
) -> None:
    for run in experiments.plan(profile, "mtl", "CBOW", 2)[:3]:
        runs.save(record_of(run), "smoke")
    jobs, _ = batch.plan_jobs(profile, 2, "cpu", ["02"])
    batch._watch(profile, jobs, [Inline().submit(batch.execute_notebook, job) for job in jobs])
    shown = capsys.readouterr().err
    assert "smoke: runs: " in shown
    assert "8/8" in shown


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_refused(tmp_path: Path, workers: int) -> None:
    with (
        pytest.raises(ValueError, match=f"workers must be at least 1, got {workers}"),
        batch._local_pool(workers, tmp_path / "kernels.log"),
    ):
        pass


def test_workers_are_processes_with_one_thread_each(tmp_path: Path) -> None:
    with batch._local_pool(1, tmp_path / "deep" / "kernels.log") as pool:
        assert pool.submit(os.getpid).result() != os.getpid()
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"


def test_a_fault_ends_workers_in_the_middle_of_their_work(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), batch._local_pool(1, tmp_path / "kernels.log") as pool:
        assert pool.submit(os.getpid).result()  # the worker has started
        busy = pool.submit(time.sleep, 600)
        raise KeyboardInterrupt
    assert busy.cancelled() or isinstance(busy.exception(), BrokenProcessPool)  # not waited for ten minutes


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job("02_multi_task", tmp_path / "notebooks" / "02_multi_task-CBOW.ipynb", {"profile": "smoke"}, ())


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
