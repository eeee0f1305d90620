import json
import os
import platform
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from mt2st import paths
from mt2st.experiments import environment

CPU = torch.device("cpu")


@pytest.fixture
def _as_before() -> Iterator[None]:
    """Undo what `make_deterministic` sets for the whole process."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = fill


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def _checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make `folder` the project folder, a checkout with one commit, and return that commit."""
    monkeypatch.setenv("MT2ST_HOME", str(folder))
    _git(folder, "init", "--quiet")
    (folder / "tracked.txt").write_text("as committed\n")
    _git(folder, "add", "tracked.txt")
    _git(folder, "commit", "--quiet", "--no-gpg-sign", "-m", "first")
    return _git(folder, "rev-parse", "HEAD")


def test_commit_is_that_of_the_project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = _checkout(tmp_path, monkeypatch)
    (tmp_path / "untracked.txt").write_text("does not count\n")
    described = environment.describe(CPU)
    assert len(commit) == 40
    assert described["commit"] == commit
    assert described["dirty"] is False


def test_a_changed_file_makes_a_checkout_dirty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = _checkout(tmp_path, monkeypatch)
    (tmp_path / "tracked.txt").write_text("changed\n")
    described = environment.describe(CPU)
    assert (described["commit"], described["dirty"]) == (commit, True)


def test_the_commit_of_a_folder_that_is_no_project_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _checkout(tmp_path, monkeypatch)
    monkeypatch.delenv("MT2ST_HOME")
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "mt2st" / "paths.py"))
    monkeypatch.chdir(tmp_path)
    assert environment.describe(CPU)["commit"] == ""


@pytest.mark.parametrize("path", [None, ""])
def test_without_a_checkout_or_git_there_is_no_commit(
    path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MT2ST_HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if path is not None:
        monkeypatch.setenv("PATH", str(tmp_path))  # no programs there
    described = environment.describe(CPU)
    assert (described["commit"], described["dirty"]) == ("", False)


def test_versions_threads_and_device_are_those_in_use() -> None:
    described = environment.describe(CPU)
    assert torch.__version__.startswith(described["packages"]["torch"])  # its build may follow, "+cu130"
    assert described["packages"] == {name: version(name) for name in environment.PACKAGES}
    assert described["python"] == platform.python_version()
    assert described["threads"] == torch.get_num_threads()
    assert described["device"].startswith("cpu: ")
    assert described["device"] != "cpu: "
    assert json.loads(json.dumps(described)) == described


def test_a_gpu_is_described_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    assert environment.describe(torch.device("cuda:1"))["device"] == "cuda: GPU 1"


def test_auto_is_the_processor_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert environment.choose_device("auto") == CPU
    assert environment.choose_device("cpu") == CPU


def test_auto_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", lambda n, device: tried.append(device))
    assert environment.choose_device("auto") == torch.device("cuda")
    assert tried == [torch.device("cuda")]


@pytest.mark.parametrize("name", ["cuda:99", "abacus", ""])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"device '{name}' cannot be used \(.+\); try `cpu` or `auto`"):
        environment.choose_device(name)


@pytest.mark.usefixtures("_as_before")
def test_make_deterministic_sets_algorithms_threads_and_cublas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    environment.make_deterministic(threads=1)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    environment.make_deterministic(threads=2)
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("_as_before")
def test_make_deterministic_leaves_a_chosen_workspace_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    environment.make_deterministic()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_checksums_of_files_are_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT2ST_CACHE", str(tmp_path / "cache"))
    (tmp_path / "abc.txt").write_bytes(b"abc")
    (tmp_path / "empty").touch()
    assert environment.checksums([tmp_path / "abc.txt", tmp_path / "empty"]) == {  # FIPS 180-2, B.1, and of no bytes
        "abc.txt": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "empty": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
