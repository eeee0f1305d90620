"""Batch reproduction: runs over a pool of processes, then papermill on the notebooks that show them, then the page."""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, TypeVar

from tqdm.auto import tqdm

from mt2st import paths
from mt2st.data import sources as registry
from mt2st.data.files.errors import MissingData
from mt2st.experiments import execution, runs, tuning
from mt2st.experiments import plans as experiments
from mt2st.experiments.plans import FURTHER, GROUPS, Group
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Run
from mt2st.experiments.store import Parameters
from mt2st.relations import joint
from mt2st.relations import study as pairs
from mt2st.relations.study import Study
from mt2st.report import page as report
from mt2st.schedules import Diminish, Switch

DATA_NOTEBOOK = "00_data"
READING_NOTEBOOKS = (  # they read what was recorded, and train nothing
    *("05_everything", "06_audit", "07_time", "08_downstream"),
    *("09_published_logs", "10_task_relations"),
)
PAIRS = "10"  # shows the study of pairs of tasks

R = TypeVar("R", bound=Parameters)


@dataclass(frozen=True)
class Job:
    """One notebook to execute."""

    notebook: str
    output: Path
    parameters: dict[str, Any]


def reproduce(
    profile: Profile,
    seeds: int,
    workers: int = 2,
    notebooks: Sequence[str] = (),
    device: str = "auto",
    budget: float = 1.0,
    executor: Executor | None = None,
) -> Path:
    """Make a profile's runs, rebuild its record, execute its notebooks, and build tables, figures and page.

    Runs that are done are not made again, so a batch that was interrupted goes on where it stopped. Returns the page.

    Args:
        profile: what to run.
        seeds: seeds 0, 1, … of every cell.
        workers: processes, one torch thread each.
        notebooks: numbers of the notebooks to execute ("01", …); all of the profile by default.
        device: "auto", "cpu", "cuda", …
        budget: share of the batches of notebook 10's study, such as 0.25 for a first look.
        executor: where jobs run instead of a local pool of processes, such as a Dask client's `get_executor()` over
            machines that share the project folder.
    """
    chosen = chosen_notebooks(profile, notebooks)
    if profile.embeddings:
        execution.load_dataset(profile.configuration, seed=0)  # parse once, before several processes want it
    check_data(chosen)
    for line in [*missing_embeddings(profile), *missing_corpora(profile, chosen)]:
        tqdm.write(line)
    log = paths.results(profile.name) / "kernels.log"
    with nullcontext(executor) if executor else _local_pool(workers, log) as pool:
        make_runs(profile, tuning.plan(profile), execution.make, device, pool, "trials")
        if profile.trials:
            tuning.choose(profile)
        if profile.embeddings:
            make_runs(profile, list(plan_runs(profile, seeds, chosen)), execution.make, device, pool, "runs")
            record(profile, seeds)
        if profile.study and PAIRS in chosen:
            make_pairs(profile, profile.study.at_hand().with_budget(budget), device, pool)
        execute_notebooks(profile, plan_jobs(profile, seeds, device, chosen), pool)
    return report.build(profile)


def check_data(chosen: Sequence[str]) -> None:
    """Raise MissingData with every command that is needed, before hours of runs rather than after them."""
    needs = dict.fromkeys(name for e in FURTHER.values() if e.notebook in chosen for name in e.needs)
    missing = []
    for name in needs:
        try:
            registry.SOURCES[name].locate()
        except MissingData:
            missing.append(f"mt2st data fetch {name}")
    if missing:
        commands = "; ".join(f"`{command}`" for command in missing)
        raise MissingData(f"needs more data: run {commands}, or leave 06 and 08 out: --notebooks 01,02,03,04,05,07")


def plan_runs(profile: Profile, seeds: int, chosen: Sequence[str]) -> dict[Run, str]:
    """Return the runs that the chosen notebooks show, each with its experiment, seed by seed.

    All arms of a seed come one after the other, so that whatever else slows the machine for a while slows all of them.
    """
    strategies = {group.strategy for group in GROUPS if group.number in chosen}
    if set(chosen) & {"05", "06", "07"}:  # these compare all strategies
        strategies = {group.strategy for group in GROUPS}
    planned = {run: "grid" for run in experiments.grid(profile, seeds) if run.strategy in strategies}
    for name, experiment in FURTHER.items():
        if experiment.notebook in chosen:
            planned = dict.fromkeys(experiment.plan(profile, seeds), name) | planned
    order = ["grid", *FURTHER]
    return dict(sorted(planned.items(), key=lambda item: (order.index(item[1]), item[0].seed)))


def make_pairs(profile: Profile, study: Study, device: str, pool: Executor) -> None:
    """Make the runs of a study of pairs of tasks, and pack their record."""
    planned = study.plan()
    make_runs(profile, planned, joint.make, device, pool, "single tasks and pairs")
    pairs.pack([pairs.load(run, profile.name) for run in planned], paths.recorded_pairs(profile.name))


def make_runs(
    profile: Profile,
    wanted: Sequence[R],
    make: Callable[[R, str, str], None],
    device: str,
    pool: Executor,
    unit: str,
) -> None:
    """Make the runs that are not done yet, with the time left; raise the first error after naming its run."""
    waiting = [run for run in wanted if not run.is_done(profile.name)]
    futures = {pool.submit(make, run, profile.name, device): run for run in waiting}
    with tqdm(
        total=len(wanted),
        initial=len(wanted) - len(waiting),
        desc=f"{profile.name}: {unit}",
        unit="run",
        smoothing=0.05,
    ) as bar:
        for future in concurrent.futures.as_completed(futures):
            if error := future.exception():
                run = futures[future]
                raise RuntimeError(f"run {run.hash} ({run}) failed: {error}") from error
            bar.update()


def execute_notebooks(profile: Profile, jobs: Sequence[Job], pool: Executor) -> None:
    """Execute notebooks; raise the first error after naming its notebook."""
    futures: dict[Future[Path], Job] = {pool.submit(execute_notebook, job): job for job in jobs}
    with tqdm(total=len(jobs), desc=f"{profile.name}: notebooks", unit="notebook") as bar:
        for future in concurrent.futures.as_completed(futures):
            if error := future.exception():
                output = futures[future].output
                raise RuntimeError(f"notebook {output.with_name('.' + output.name)} failed: {error}") from error
            bar.update()


def missing_embeddings(profile: Profile) -> list[str]:
    """Return a line for each embedding that is left out, with the command that gets its file."""
    lines = []
    for embedding in profile.embeddings:
        try:
            experiments.vectors_of(embedding)
        except MissingData as error:
            lines.append(f"{embedding} is left out: {error}")
    return lines


def missing_corpora(profile: Profile, chosen: Sequence[str]) -> list[str]:
    """Return a line for each corpus that the study of pairs does without; raises MissingData if it has too few."""
    if not profile.study or PAIRS not in chosen:
        return []
    profile.study.at_hand()
    return [f"{corpus} is left out: {what}" for corpus, what in profile.study.missing().items()]


def plan_jobs(profile: Profile, seeds: int, device: str, chosen: Sequence[str]) -> list[Job]:
    """Return the notebooks to execute: groups by embedding, the data notebook, and those that read the record."""
    folder = paths.results(profile.name) / "notebooks"
    jobs = [
        Job(
            group.notebook,
            folder / f"{group.notebook}-{embedding}.ipynb",
            notebook_parameters(profile, group, embedding, seeds, device),
        )
        for group in GROUPS
        for embedding in experiments.available(profile)
    ]
    for embedding in profile.embeddings[:1]:
        about_data = {"profile": profile.name, "embedding": embedding, "seeds": seeds, "device": device}
        jobs.append(Job(DATA_NOTEBOOK, folder / f"{DATA_NOTEBOOK}.ipynb", about_data))
    jobs += [Job(name, folder / f"{name}.ipynb", {"profile": profile.name}) for name in READING_NOTEBOOKS]
    return [job for job in jobs if job.notebook[:2] in chosen]


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
    """Pack the records of all finished runs of a profile into its compact record; trials are in their own table."""
    records = []
    for name, planned in [("grid", experiments.grid(profile, seeds)), *_further(profile, seeds)]:
        done = [run for run in planned if run.is_done(profile.name)]
        records += [replace(runs.load(run, profile.name), experiment=name) for run in done]
    runs.pack(records, paths.recorded(profile.name))


def _further(profile: Profile, seeds: int) -> list[tuple[str, list[Run]]]:
    """Runs of the experiments beside the grid whose notebooks belong to the profile."""
    return [(name, e.plan(profile, seeds)) for name, e in FURTHER.items() if e.notebook in profile.notebooks]


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


def chosen_notebooks(profile: Profile, notebooks: Sequence[str] = ()) -> list[str]:
    """Return the numbers of the notebooks to execute, all of the profile by default; ValueError for one it has not."""
    for number in notebooks:
        if number not in profile.notebooks:
            known = ", ".join(profile.notebooks)
            raise ValueError(f"profile {profile.name} has no notebook {number!r}; it has {known}")
    return list(notebooks) or list(profile.notebooks)


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
