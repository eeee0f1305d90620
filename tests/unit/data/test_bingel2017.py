import hashlib
import io
import tarfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from mt2st import paths
from mt2st.data import bingel2017, sources
from mt2st.data.files.errors import MissingData

# Lines of the released logs ccg/loss_dv.log, ccg_chunking/loss_tr.log and hyperlinks/loss_tr.log.
SCORED = "Iter 50000, task ccg, loss 0.5883, acc 0.86995, f1 0.87014, p 0.86995, r 0.87034\n"
WITHOUT = "Iter 9460, task chunking, loss nan\n"
ANEW = """\
Iter 90, task hyperlinks, loss 0.9105083346366882
Iter 100, task hyperlinks, loss 0.8962967991828918
Iter 10, task hyperlinks, loss 1.9606367349624634
Iter 20, task hyperlinks, loss 1.8189201354980469
"""


# --- a small release: all 110 logs, with few lines and scores that are known


def development(tasks: tuple[str, ...], last: int) -> str:
    """Return a log in which F1 is 0.5 at half the iterations and at the end 0.5 alone, 0.6 or 0.4 in a pair.

    In a pair the first task gains by a fifth and the second loses a fifth.
    """
    final = {tasks[0]: 0.6, tasks[-1]: 0.4} if len(tasks) == 2 else {tasks[0]: 0.5}
    lines = [
        f"Iter {i}, task {task}, loss 1.25, acc 0.75000, f1 {f1:.5f}, p 0.50000, r 0.50000"
        for i, scores in ((last // 2, dict.fromkeys(tasks, 0.5)), (last, final))
        for task, f1 in scores.items()
    ]
    return "\n".join([*lines, ""])


def training(tasks: tuple[str, ...], last: int) -> str:
    return "".join(f"Iter {i}, task {task}, loss {10 / i}\n" for i in (10, last // 2, last) for task in tasks)


@pytest.fixture
def logs() -> dict[str, str]:
    runs = [(name,) for name in bingel2017.CODES] + list(combinations(bingel2017.CODES, 2))
    content = {}
    for tasks in runs:
        last = bingel2017.PAIR if len(tasks) == 2 else bingel2017.SINGLE
        content["_".join(tasks) + "/loss_dv.log"] = development(tasks, last)
        content["_".join(tasks) + "/loss_tr.log"] = training(tasks, last)
    return content


def pack(logs: dict[str, str], file: Path, folder: str = "logs") -> None:
    with tarfile.open(file, "w:gz") as archive:
        for name, text in {**logs, "../README.md": "not a log"}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


def checksum_of(logs: dict[str, str]) -> str:
    lines = "".join(f"{hashlib.sha256(logs[name].encode()).hexdigest()}  {name}\n" for name in sorted(logs))
    return hashlib.sha256(lines.encode()).hexdigest()


@pytest.fixture
def release(logs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put the small release into a mirror, under its right checksum; yields its archive."""
    file = tmp_path / "mirror" / "logs.tar.gz"
    file.parent.mkdir()
    pack(logs, file)
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(file.parent))
    monkeypatch.setattr(bingel2017, "CONTENT_SHA256", checksum_of(logs))
    for function in (bingel2017.published_scores, bingel2017.published_curves):
        function.cache_clear()
    yield file
    for function in (bingel2017.published_scores, bingel2017.published_curves):
        function.cache_clear()


# --- logs


def test_a_line_on_the_development_set_has_loss_and_four_scores() -> None:
    (row,) = bingel2017.read_log(SCORED, "x").to_dict("records")
    assert row == {
        "task": "CCG", "iteration": 50_000, "loss": 0.5883, "accuracy": 0.86995, "f1": 0.87014, "precision": 0.86995,
        "recall": 0.87034,
    }  # fmt: skip


def test_a_line_of_training_has_a_loss_alone_which_may_be_nan() -> None:
    log = bingel2017.read_log("Iter 9450, task chunking, loss 0.25\n" + WITHOUT, "x")
    assert log["loss"].tolist() == [0.25, pytest.approx(np.nan, nan_ok=True)]
    assert log[["accuracy", "f1", "precision", "recall"]].isna().all(axis=None)


def test_of_a_run_that_was_started_again_only_the_last_start_counts() -> None:
    log = bingel2017.read_log(ANEW, "x")
    assert log["iteration"].tolist() == [10, 20]
    assert log["loss"].iloc[0] == 1.9606367349624634


def test_tasks_of_a_pair_start_independently_of_each_other() -> None:
    text = "".join(f"Iter {i}, task {task}, loss 1\n" for i in (10, 20) for task in ("ccg", "com"))
    assert len(bingel2017.read_log(text, "x")) == 4


@pytest.mark.parametrize(
    "line", ["Iter 20, task ner, loss 0.5", "Iter x, task ccg, loss 0.5", "Iter 20, task ccg, loss 0.5, acc 0.9", ""]
)
def test_a_line_that_reads_otherwise_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"ccg/loss_dv\.log:2: "):
        bingel2017.read_log(f"{SCORED}{line}\n", "ccg/loss_dv.log")


# --- the archive


def test_logs_are_found_in_an_archive_whatever_folder_they_are_in(logs: dict[str, str], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bingel2017, "CONTENT_SHA256", checksum_of(logs))
        pack(logs, tmp_path / "a.tar.gz", "eacl2017_mtl-57c9cbc/logs")
        assert bingel2017.unpack(tmp_path / "a.tar.gz") == logs


def test_other_content_is_refused(logs: dict[str, str], tmp_path: Path) -> None:
    pack(logs, tmp_path / "logs.tar.gz")
    with pytest.raises(ValueError, match=r"logs\.tar\.gz: its 110 logs"):
        bingel2017.unpack(tmp_path / "logs.tar.gz")


def test_missing_logs_say_how_to_get_them(home: Path) -> None:
    with pytest.raises(MissingData, match="`mt2st data fetch bingel2017`"):
        bingel2017.locate()
    assert "`mt2st data fetch bingel2017`" in bingel2017.missing()


@pytest.mark.usefixtures("release")
def test_nothing_is_missing_where_the_logs_are() -> None:
    assert bingel2017.missing() == ""


@pytest.fixture
def site(logs: dict[str, str], home: Path, web: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Serve the small release on this machine in place of GitHub; returns its file."""
    folder, url = web
    pack(logs, folder / "release.tar.gz", "eacl2017_mtl-57c9cbc/logs")
    monkeypatch.setattr(bingel2017, "CONTENT_SHA256", checksum_of(logs))
    monkeypatch.setattr(bingel2017, "ARCHIVE_URL", f"{url}/release.tar.gz")
    return folder / "release.tar.gz"


def test_the_release_is_downloaded_and_found_afterwards(site: Path) -> None:
    file = sources.fetch("bingel2017")
    assert file == paths.downloads() / "bingel2017" / "logs.tar.gz" == bingel2017.locate()
    site.unlink()
    assert sources.fetch("bingel2017") == file


def test_another_archive_is_refused_and_not_kept(site: Path) -> None:
    pack({"ccg/loss_dv.log": SCORED}, site)
    with pytest.raises(ConnectionError, match="its 1 logs"):
        bingel2017.fetch()
    with pytest.raises(MissingData):
        bingel2017.locate()


@pytest.mark.usefixtures("release")
def test_scores_are_those_of_all_runs_on_the_development_set() -> None:
    scores = bingel2017.published_scores()
    assert scores["run"].nunique() == 55
    last = scores[(scores["run"] == "ccg_streusle") & (scores["iteration"] == bingel2017.PAIR)]
    assert last.set_index("task")["f1"].to_dict() == {"CCG": 0.6, "STR": 0.4}


@pytest.mark.usefixtures("release")
def test_curves_are_the_losses_of_tasks_alone() -> None:
    curves = bingel2017.published_curves()
    assert list(curves) == list(bingel2017.CODES.values())
    assert curves["STR"].to_dict() == {10: 1.0, 25_000: 10 / 25_000, 50_000: 10 / 50_000}
