"""What a run was made with: recorded beside every result.

Levels of determinism. The same run on the same machine, with the same versions, device and number of threads, gives the
same bits: histories (but for seconds), predictions and tables. Another processor, device or number of threads adds in
another order, so that values agree up to rounding in the first steps, and training magnifies the difference epoch by
epoch. The data and the initial table are the same wherever their recorded checksums are.
"""

import os
import platform
import subprocess
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mt2st import paths
from mt2st.data.files import checksums as file_checksums

PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "gensim",
    "scikit-learn",
    "pandas",
    "nltk",
    "mwparserfromhell",
    "conllu",
    "seqeval",
)


def describe(device: torch.device) -> dict[str, Any]:
    """Return commit, versions, processor, threads and device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "platform": platform.platform(),
        "device": f"{device.type}: {name}",
        "threads": torch.get_num_threads(),
    }


def choose_device(name: str) -> torch.device:
    """Return the device called "cpu", "cuda", "cuda:1", …; "auto" is a GPU where there is one.

    Raises ValueError if the device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used ({reason}); try `cpu` or `auto`") from error
    return device


def make_deterministic(threads: int = 1) -> None:
    """Give the same bits for the same run on the same machine; one thread, so that processes scale."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only with this
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory only guards against reading it before writing, which nothing here does; it costs 8%.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_num_threads(threads)


def checksums(files: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its name without folder, such as those of `Dataset.files`; see `digest`."""
    return {file.name: file_checksums.digest(file) for file in files}


@lru_cache
def _processor() -> str:
    """Model name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str:
    """Output of a git command in the project folder; empty where there is no project or no git."""
    project = paths.project()
    if project is None:
        return ""
    try:
        done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git on this machine
        return ""
    return done.stdout.strip()
