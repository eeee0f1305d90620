"""Batch reproduction: runs over a pool of processes, then papermill on the notebooks that show them."""

import concurrent.futures
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from mt2st import paths
from mt2st.data import sources
from mt2st.data.files.errors import MissingData
from mt2st.experiments import environment, execution, plans, store, tuning
from mt2st.experiments.plans import EXPERIMENTS
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Run
from mt2st.experiments.strategies import STRATEGIES
from mt2st.experiments.workers import WorkerDied, WorkerPool

DATA_NOTEBOOK = "00_data"
READING_NOTEBOOKS = (  # they read what was recorded, and train nothing
    *("05_everything", "06_audit", "07_time", "08_downstream"),
    *("09_published_logs", "10_task_relations", "11_what_pays", "12_crossing", "13_gradients"),
    *("14_sampling", "15_architectures", "16_languages_and_modalities"),
    "start_here",
)
PAIRS = "10"  # shows the study of pairs of tasks
DEATHS = 2  # of the process that does a job, after which the job is left out
CELL_SECONDS = 1_800  # a cell of a batch only reads; widgets have made a kernel and its client wait for each other


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
) -> None:
    """Make a profile's runs, rebuild its record and execute its notebooks. Tables and figures come from the record.

    Runs that are done are not made again, so a batch that was interrupted goes on where it stopped.

    Args:
        profile: what to run.
        seeds: seeds 0, 1, … of every cell.
        workers: processes, one torch thread each.
        notebooks: keys of the notebooks to execute ("01", …, "start"); all of the profile by default.
        device: "auto", "cpu", "cuda", …
        budget: share of the batches of notebook 10's study, such as 0.25 for a first look.
        executor: where jobs run instead of a local pool of processes, such as a Dask client's `get_executor()` over
            machines that share the project folder.
    """
    paths.require_notebooks()
    if executor is None:  # another executor's machines may have other devices
        environment.choose_device(device)
    chosen = chosen_notebooks(profile, notebooks)
    if profile.study:
        profile = replace(profile, study=profile.study.with_budget(budget))
    if profile.embeddings:
        execution.load_data(profile.configuration, seed=0)  # parse once, before several processes want it
    check_data(profile, chosen)
    for line in [*missing_embeddings(profile), *missing_corpora(profile, chosen)]:
        tqdm.write(line)
    log = paths.results(profile.name) / "kernels.log"
    with nullcontext(executor) if executor else local_pool(workers, log) as pool:
        make_runs(profile, tuning.plan(profile), device, pool, "trials")
        if profile.trials:
            tuning.choose(profile)
        make_runs(profile, list(plan_runs(profile, seeds, chosen)), device, pool, "runs")
        record(profile, seeds, chosen)
        execute_notebooks(profile, plan_jobs(profile, seeds, device, chosen), pool)


def check_data(profile: Profile, chosen: Sequence[str]) -> None:
    """Raise MissingData with every command that is needed, before hours of runs rather than after them."""
    shown = plans.of_notebooks(profile, chosen)
    missing = []
    for name in dict.fromkeys(name for experiment in shown for name in experiment.needs(profile)):
        try:
            sources.find(name).locate()
        except MissingData:
            missing.append(f"mt2st data fetch {name}")
    if missing:
        commands = "; ".join(f"`{command}`" for command in missing)
        without = [n for n in profile.notebooks if not any(e.needs(profile) for e in plans.of_notebooks(profile, [n]))]
        left = ", ".join(n for n in chosen if n not in without)
        raise MissingData(f"needs more data: run {commands}, or leave {left} out: --notebooks {','.join(without)}")


def plan_runs(profile: Profile, seeds: int, chosen: Sequence[str]) -> dict[Run, str]:
    """Return the runs that the chosen notebooks show, each with its experiment, seed by seed.

    All arms of a seed come one after the other, so that whatever else slows the machine for a while slows all of them.
    Notebooks of a single strategy show that one and single-task learning alone.
    """
    planned: dict[Run, str] = {}
    for experiment in reversed(plans.of_notebooks(profile, chosen)):
        planned |= dict.fromkeys(experiment.plan(profile, seeds), experiment.name)
    trained_by = {paths.notebook_key(row.notebook): row.name for row in STRATEGIES.values() if row.notebook}
    shown = {number for number in chosen if "grid" in {e.name for e in plans.of_notebooks(profile, [number])}}
    if shown <= trained_by.keys():
        strategies = {"single", *(trained_by[number] for number in shown)}
        planned = {run: name for run, name in planned.items() if name != "grid" or run.strategy in strategies}
    order = list(EXPERIMENTS)
    return dict(sorted(planned.items(), key=lambda item: (order.index(item[1]), item[0].seed)))


def make_runs(profile: Profile, wanted: Sequence[Run], device: str, pool: Executor, unit: str) -> None:
    """Make the runs that are not done yet, with the time left; errors are those of `do_all`."""
    if not wanted:
        return
    waiting = [run for run in wanted if not store.is_done(run, profile.name)]
    jobs = {f"run {run.hash} ({run})": partial(execution.make, run, profile.name, device) for run in waiting}
    with tqdm(
        total=len(wanted),
        initial=len(wanted) - len(waiting),
        desc=f"{profile.name}: {unit}",
        unit="run",
        smoothing=0.05,
    ) as bar:
        do_all(jobs, pool, bar)


def execute_notebooks(profile: Profile, jobs: Sequence[Job], pool: Executor) -> None:
    """Execute notebooks; errors are those of `do_all`."""
    named = {f"notebook {job.output.with_name('.' + job.output.name)}": partial(execute_notebook, job) for job in jobs}
    with tqdm(total=len(jobs), desc=f"{profile.name}: notebooks", unit="notebook") as bar:
        do_all(named, pool, bar)


def do_all(jobs: Mapping[str, Callable[[], object]], pool: Executor, bar: tqdm) -> None:
    """Do jobs, each by the name it has in messages.

    A job whose process is killed is done again by another one. Raises RuntimeError with the name of the first job that
    fails, at once; with those of the jobs that were killed twice, when all others are done.
    """
    pending: dict[Future[object], str] = {pool.submit(job): name for name, job in jobs.items()}
    deaths: Counter[str] = Counter()
    given_up = []
    while pending:
        for future in concurrent.futures.wait(pending, return_when=concurrent.futures.FIRST_COMPLETED).done:
            name = pending.pop(future)
            try:
                future.result()
            except WorkerDied as error:
                deaths[name] += 1
                if deaths[name] < DEATHS:
                    tqdm.write(f"{name}: {error}; another one begins it again")
                    pending[pool.submit(jobs[name])] = name
                else:
                    given_up.append(f"{name}: {error}")
                continue
            except Exception as error:
                raise RuntimeError(f"{name} failed: {error}") from error
            bar.update()
    if given_up:
        listed = "; ".join(given_up)
        raise RuntimeError(
            f"{len(given_up)} left out, each begun {DEATHS} times, all else is done: {listed}. The same command begins "
            "them again; if memory is short, give it fewer --workers"
        )


def missing_embeddings(profile: Profile) -> list[str]:
    """Return a line for each embedding that is left out, with the command that gets its file."""
    lines = []
    for embedding in profile.embeddings:
        try:
            plans.vectors_of(embedding)
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
    """Return the notebooks to execute: those of strategies by embedding, that of the data, and those that read."""
    folder = paths.results(profile.name) / "notebooks"
    jobs = []
    for embedding in plans.available(profile):
        shared = {"profile": profile.name, "embedding": embedding, "seeds": seeds, "device": device, "fresh": False}
        jobs += [
            Job(
                row.notebook,
                folder / f"{row.notebook}-{embedding}.ipynb",
                shared | dict(row.defaults(profile.configuration.epochs)),
            )
            for row in STRATEGIES.values()
            if row.notebook
        ]
        if embedding == profile.embeddings[0]:
            jobs.append(Job(DATA_NOTEBOOK, folder / f"{DATA_NOTEBOOK}.ipynb", shared))
    jobs += [Job(name, folder / f"{name}.ipynb", {"profile": profile.name}) for name in READING_NOTEBOOKS]
    return sorted(
        (job for job in jobs if paths.notebook_key(job.notebook) in chosen),
        key=lambda job: job.notebook in READING_NOTEBOOKS,
    )


def record(profile: Profile, seeds: int, chosen: Sequence[str]) -> None:
    """Pack the finished runs of the chosen notebooks' experiments into the profile's compact record.

    What it holds of other experiments stays as it is; trials are in their own table.
    """
    packed = plans.of_notebooks(profile, chosen)
    file = paths.find_recorded(profile.name)
    kept = store.unpack(file) if file.exists() else []
    records = {
        name: [r for r in kept if r.experiment == name] for name in EXPERIMENTS if name not in {e.name for e in packed}
    }
    for experiment in packed:
        done = [run for run in experiment.plan(profile, seeds) if store.is_done(run, profile.name)]
        records[experiment.name] = [replace(store.load(run, profile.name), experiment=experiment.name) for run in done]
    store.pack([record for name in EXPERIMENTS for record in records[name]], paths.recorded(profile.name))


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
            execution_timeout=CELL_SECONDS,
            cwd=str(paths.notebooks()),
        )
    part.replace(job.output)
    return job.output


def chosen_notebooks(profile: Profile, notebooks: Sequence[str] = ()) -> list[str]:
    """Return the keys of the notebooks to execute, all of the profile by default; ValueError for one it has not."""
    for number in notebooks:
        if number not in profile.notebooks:
            known = ", ".join(profile.notebooks)
            raise ValueError(f"profile {profile.name} has no notebook {number!r}; it has {known}")
    return list(notebooks) or list(profile.notebooks)


@contextmanager
def local_pool(workers: int, log: Path) -> Iterator[Executor]:
    """Give a pool of processes, see `WorkerPool`; an error or Ctrl-C does not wait for what they have begun."""
    with WorkerPool(workers, log) as pool:
        try:
            yield pool
        except BaseException:
            pool.kill()
            raise
