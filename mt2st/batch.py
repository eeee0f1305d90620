"""Batch reproduction: papermill runs the group notebooks × embeddings over a pool of processes, then the page."""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from mt2st import execution, experiments, paths, report, runs
from mt2st.embeddings import MissingData
from mt2st.experiments import GROUPS, Group, Profile
from mt2st.runs import Run
from mt2st.schedules import Diminish, Switch

DATA_NOTEBOOK, SUMMARY_NOTEBOOK = "00_data", "05_everything"


@dataclass(frozen=True)
class Job:
    """One notebook to execute, and the runs it will make."""

    notebook: str
    output: Path
    parameters: dict[str, Any]
    runs: tuple[Run, ...]


def reproduce(
    profile: Profile,
    seeds: int,
    workers: int = 2,
    notebooks: Sequence[str] = (),
    device: str = "auto",
    executor: Executor | None = None,
) -> Path:
    """Run a profile's notebooks and rebuild its record, tables, figures and page; return the page.

    Runs that are done are not made again, so a batch that was interrupted goes on where it stopped.

    Args:
        profile: what to run.
        seeds: seeds 0, 1, … of every cell.
        workers: processes, one torch thread each.
        notebooks: numbers of the notebooks to execute ("01", …); all by default.
        device: "auto", "cpu", "cuda", …
        executor: where jobs run instead of a local pool of processes, such as a Dask client's `get_executor()` over
            machines that share the project folder.
    """
    chosen = chosen_notebooks(notebooks)
    execution.load_dataset(profile.configuration, seed=0)  # parse once, before several processes want it
    jobs, missing = plan_jobs(profile, seeds, device, chosen)
    for line in missing:
        tqdm.write(line)
    log = paths.results(profile.name) / "kernels.log"
    with nullcontext(executor) if executor else _local_pool(workers, log) as pool:
        _watch(profile, jobs, [pool.submit(execute_notebook, job) for job in jobs])
        record(profile, seeds)
        closing = [job for job in closing_jobs(profile, seeds, device) if job.notebook[:2] in chosen]
        _watch(profile, closing, [pool.submit(execute_notebook, job) for job in closing])
    return report.build(profile)


def plan_jobs(profile: Profile, seeds: int, device: str, chosen: Sequence[str]) -> tuple[list[Job], list[str]]:
    """Return the group jobs, single-task first since others show its runs, and a line for each embedding left out."""
    jobs, missing = [], {}
    for group in GROUPS:
        for embedding in profile.embeddings if group.number in chosen else ():
            try:
                planned = experiments.plan(profile, group.strategy, embedding, seeds)
            except MissingData as error:
                missing[embedding] = f"{embedding} is left out: {error}"
                continue
            output = paths.results(profile.name) / "notebooks" / f"{group.notebook}-{embedding}.ipynb"
            parameters = notebook_parameters(profile, group, embedding, seeds, device)
            jobs.append(Job(group.notebook, output, parameters, tuple(planned)))
    return jobs, list(missing.values())


def notebook_parameters(profile: Profile, group: Group, embedding: str, seeds: int, device: str) -> dict[str, Any]:
    """Return the parameters of a group notebook, the profile's schedule among them."""
    parameters = {"profile": profile.name, "embedding": embedding, "seeds": seeds, "device": device}
    match profile.schedules[group.strategy]:
        case Diminish(gamma0=(gamma0,), eta=(eta,), nu=(nu,)):
            return parameters | {"gamma0": gamma0, "eta": eta, "nu": nu}
        case Switch(t_switch=(t_switch,)):
            return parameters | {"t_switch": int(t_switch)}
    return parameters


def record(profile: Profile, seeds: int) -> None:
    """Pack the records of all finished runs of a profile's grid into its compact record."""
    records = []
    for group in GROUPS:
        for embedding in profile.embeddings:
            try:
                planned = experiments.plan(profile, group.strategy, embedding, seeds)
            except MissingData:
                continue  # its rows in the tables say what they need
            records += [runs.load(run, profile.name) for run in planned if run.is_done(profile.name)]
    runs.pack(records, paths.recorded(profile.name))


def execute_notebook(job: Job) -> Path:
    """Execute one notebook with papermill; its page of outputs is kept also where it fails."""
    import papermill  # slow to import, needed in workers only

    job.output.parent.mkdir(parents=True, exist_ok=True)
    part = job.output.with_name(f".{job.output.name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # papermill and Jupyter warn of each other
        papermill.execute_notebook(
            paths.notebooks() / f"{job.notebook}.ipynb",
            part,
            job.parameters,
            kernel_name="python3",
            progress_bar=False,
            log_output=False,
            cwd=str(paths.notebooks()),
        )
    part.replace(job.output)
    return job.output


def chosen_notebooks(notebooks: Sequence[str] = ()) -> list[str]:
    """Return the numbers of the notebooks to execute, all by default; raises ValueError for one that is not there."""
    known = [DATA_NOTEBOOK[:2], *(group.number for group in GROUPS), SUMMARY_NOTEBOOK[:2]]
    for number in notebooks:
        if number not in known:
            raise ValueError(f"unknown notebook {number!r}; known: {', '.join(known)}")
    return list(notebooks) or known


def closing_jobs(profile: Profile, seeds: int, device: str) -> list[Job]:
    """Return the jobs of the notebooks that look at data and at all runs together."""
    folder = paths.results(profile.name) / "notebooks"
    summary = Job(SUMMARY_NOTEBOOK, folder / f"{SUMMARY_NOTEBOOK}.ipynb", {"profile": profile.name}, ())
    if profile.configuration.data != "wiki":
        return [summary]  # the data notebook portrays Wikipedia
    data = {"profile": profile.name, "embedding": profile.embeddings[0], "seeds": seeds, "device": device}
    return [
        Job(DATA_NOTEBOOK, folder / f"{DATA_NOTEBOOK}.ipynb", data, ()),
        summary,
    ]


def _watch(profile: Profile, jobs: Sequence[Job], futures: Sequence[Future[Path]]) -> None:
    """Show progress with the time left until all jobs are done; raise the first error after naming its notebook."""
    wanted = {run.hash: run for job in jobs for run in job.runs}
    done = {h for h, run in wanted.items() if run.is_done(profile.name)}
    unit = "run" if wanted else "notebook"
    waiting = set(futures)
    total = len(wanted) or len(futures)
    with tqdm(total=total, initial=len(done), desc=f"{profile.name}: {unit}s", unit=unit, smoothing=0.05) as bar:
        while waiting:
            finished, waiting = concurrent.futures.wait(waiting, timeout=0.5)
            for future in finished:
                if error := future.exception():
                    notebook = jobs[list(futures).index(future)].output
                    raise RuntimeError(f"notebook {notebook.with_name('.' + notebook.name)} failed: {error}") from error
            new = {h for h in wanted.keys() - done if wanted[h].is_done(profile.name)}
            done |= new
            bar.update(len(new) if wanted else len(finished))


@contextmanager
def _local_pool(workers: int, log: Path) -> Iterator[Executor]:
    """Give a pool of spawned processes that end with this one, however it ends; kernels write warnings to `log`."""
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    context = multiprocessing.get_context("spawn")
    log.parent.mkdir(parents=True, exist_ok=True)
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(log, stop))
    try:
        yield pool
    except BaseException:
        stop.set()  # do not wait for notebooks that are being executed
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(log: Path, stop: Event) -> None:
    """One thread for each library, warnings to `log`, and an end when told or when the parent is gone.

    Ctrl-C reaches all processes of a terminal; only the parent acts on it. Kernels follow their worker.
    """
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with log.open("a") as stream:
        os.dup2(stream.fileno(), 2)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        while (parent is None or parent.is_alive()) and not stop.wait(1):
            pass
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
