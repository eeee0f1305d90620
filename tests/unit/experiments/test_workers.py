import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from tqdm import tqdm

from mt2st.experiments.batch import do_all, local_pool
from mt2st.experiments.workers import WorkerDied, WorkerPool

JOBS = """
import os, signal, time
from pathlib import Path

class Awkward(Exception):
    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")

def count(file):
    with Path(file).open("a") as out:
        out.write("begun\\n")
    return len(Path(file).read_text().splitlines())

def die_at_first(file):
    if count(file) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"

def awkward():
    raise Awkward("one", "other")

def nap(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(0.02)
    return os.getpid()
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return a module of jobs that the processes can import."""
    (tmp_path / "jobs_of_test.py").write_text(JOBS)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("jobs_of_test")
    del sys.modules["jobs_of_test"]


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[WorkerPool]:
    """Return a pool of two processes."""
    with WorkerPool(2, tmp_path / "log" / "workers.log") as pool:
        yield pool


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_refused(tmp_path: Path, workers: int) -> None:
    with pytest.raises(ValueError, match=f"workers must be at least 1, got {workers}"):
        WorkerPool(workers, tmp_path / "workers.log")


def test_jobs_are_done_in_other_processes_with_one_thread(pool: WorkerPool, tmp_path: Path) -> None:
    assert pool.submit(divmod, 7, 2).result() == (3, 1)
    assert pool.submit(int, "ff", base=16).result() == 255
    assert pool.submit(os.getpid).result() != os.getpid()
    assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
    pool.submit(os.write, 2, b"a warning").result()
    assert (tmp_path / "log" / "workers.log").read_text() == "a warning"


def test_an_error_comes_back_with_the_place_where_it_arose(pool: WorkerPool, jobs: ModuleType) -> None:
    with pytest.raises(ZeroDivisionError, match="modulo by zero") as caught:
        pool.submit(divmod, 1, 0).result()
    assert "workers.py" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="Awkward: one and other"):  # which cannot be unpickled
        pool.submit(jobs.awkward).result()


def test_what_cannot_be_sent_is_an_error_of_its_job_alone(pool: WorkerPool) -> None:
    with pytest.raises(Exception, match="lambda"):
        pool.submit(lambda: None).result()
    assert pool.submit(abs, -1).result() == 1


@pytest.mark.parametrize(
    ("sign", "message"),
    [
        (signal.SIGKILL, r"its process was killed by SIGKILL \(short of memory\?\)"),
        (signal.SIGSEGV, "its process was killed by SIGSEGV"),
    ],
)
def test_a_job_whose_process_dies_fails_and_the_next_has_a_new_one(
    pool: WorkerPool, sign: signal.Signals, message: str
) -> None:
    with pytest.raises(WorkerDied, match=message):
        pool.submit(signal.raise_signal, sign).result()
    with pytest.raises(WorkerDied, match="its process ended with status 3"):
        pool.submit(os._exit, 3).result()
    assert pool.submit(abs, -1).result() == 1


def test_a_batch_names_a_job_that_was_killed_and_does_it_again(
    pool: WorkerPool, jobs: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = tmp_path / "done.txt"
    with tqdm(total=3, disable=True) as bar:
        do_all(
            {"one": partial(jobs.die_at_first, str(tmp_path / "x")), "two": partial(jobs.count, str(done))}, pool, bar
        )
    assert (tmp_path / "x").read_text() == "begun\n" * 2
    assert done.read_text() == "begun\n"
    assert "one: its process was killed by SIGKILL (short of memory?); another one begins it again" in str(
        capsys.readouterr()
    )


def test_a_job_that_is_killed_twice_is_named_when_all_others_are_done(
    pool: WorkerPool, jobs: ModuleType, tmp_path: Path
) -> None:
    work = {"bad": partial(signal.raise_signal, signal.SIGKILL)}
    work |= {f"job {i}": partial(jobs.count, str(tmp_path / f"{i}.txt")) for i in range(5)}
    with (
        tqdm(total=6, disable=True) as bar,
        pytest.raises(RuntimeError, match=r"1 left out, each begun 2 times.*bad: "),
    ):
        do_all(work, pool, bar)
    assert [(tmp_path / f"{i}.txt").read_text() for i in range(5)] == ["begun\n"] * 5


def test_processes_killed_from_outside_at_random_end_no_batch(
    pool: WorkerPool, jobs: ModuleType, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    futures = [pool.submit(jobs.nap, str(pids)) for _ in range(60)]
    killed = 0
    while killed < 8 and wait(futures, timeout=0.05).not_done:
        for file in pids.iterdir():
            file.unlink()
            with suppress(ProcessLookupError):  # killed before, with a file from just before its death
                os.kill(int(file.name), signal.SIGKILL)
                killed += 1
    done = wait(futures, timeout=60)
    assert not done.not_done
    lost = [future for future in futures if future.exception()]
    assert all(isinstance(future.exception(), WorkerDied) for future in lost)
    assert 1 <= len(lost) <= killed


def test_an_error_in_the_block_ends_what_is_being_done(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), local_pool(1, tmp_path / "workers.log") as pool:
        pool.submit(abs, -1).result()
        busy = pool.submit(time.sleep, 600)
        while not busy.running():
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert isinstance(busy.exception(), WorkerDied)
    assert time.monotonic() - started < 60
    assert threading.active_count() < 20
