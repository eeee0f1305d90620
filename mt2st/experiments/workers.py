"""A pool of processes that goes on when one of them is killed.

`ProcessPoolExecutor` gives up as a whole when a process dies, without saying at which job. Here every process has a
pipe and a thread of its own on this side, so that nothing is shared that a dead process could hold on to.

Nothing that computes is imported here: the number of threads must be set before.
"""

import multiprocessing
import os
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

SPAWN = multiprocessing.get_context("spawn")


class WorkerDied(RuntimeError):
    """The process that did a job ended before the job did: killed, out of memory, or crashed."""


class WorkerPool(Executor):
    """Spawned processes, one thread each for every library, that end with this one, however it ends.

    A job whose process dies fails with `WorkerDied`; another process takes the next job. Processes write warnings to a
    file, and leave Ctrl-C, which reaches all processes of a terminal, to this one.

    Args:
        workers: how many processes.
        log: the file.
    """

    def __init__(self, workers: int, log: Path) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers}")
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Call] | None] = queue.SimpleQueue()
        self._processes: set[SpawnProcess] = set()
        self._killed = False
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Hand a job to the next free process."""
        future: Future[Result] = Future()
        self._jobs.put((future, (function, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when they have done what was submitted, or what they have begun."""
        while cancel_futures:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job:
                job[0].cancel()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads if wait else []:
            thread.join()

    def kill(self) -> None:
        """End the processes at once, in the midst of their jobs."""
        self._killed = True
        for process in list(self._processes):
            process.kill()

    def _serve(self) -> None:
        """Feed one process at a time with jobs, until there are no more."""
        process: SpawnProcess | None = None
        while (job := self._jobs.get()) and not self._killed:
            future, call = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if process is None:
                    process, pipe = self._start()
                pipe.send(call)
                is_result, outcome = pipe.recv()
            except Exception as error:
                if process and isinstance(error, EOFError | OSError):
                    process.join()
                    self._processes.discard(process)
                    error, process = WorkerDied(f"its process {_ending(process.exitcode)}"), None
                future.set_exception(error)  # or there can be no process, or the job cannot be sent
                continue
            if is_result:
                future.set_result(outcome)
            else:
                future.set_exception(outcome)
        if process:
            pipe.close()
            process.join()

    def _start(self) -> tuple[SpawnProcess, Connection]:
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=_work, args=(theirs, self._log))
        process.start()
        self._processes.add(process)
        if self._killed:
            process.kill()
        theirs.close()  # so that the pipe ends with the process
        return process, ours


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        return f"was killed by {name}" + (" (short of memory?)" if name == "SIGKILL" else "")
    return f"ended with status {exitcode}"


def _work(pipe: Connection, log: Path) -> None:
    """Do jobs until the other end of the pipe is closed."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with log.open("a") as stream:
        os.dup2(stream.fileno(), 2)
    threading.Thread(target=_follow_parent, daemon=True).start()
    while True:
        try:
            function, args, kwargs = pipe.recv()
        except EOFError:
            return
        except Exception as error:  # a module or an attribute that is not there
            pipe.send((False, error))
            continue
        try:
            pipe.send((True, function(*args, **kwargs)))
        except Exception as error:
            error.add_note(traceback.format_exc())
            pipe.send((False, _sendable(error)))


def _follow_parent() -> None:
    """End this process when its parent is gone; kernels that it started follow it in turn."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _sendable(error: Exception) -> Exception:
    """Return the error, or one of the same words where it does not survive pickling, as Papermill's does not."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
