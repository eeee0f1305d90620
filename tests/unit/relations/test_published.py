import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from mt2st import paths
from mt2st.data import sources as registry
from mt2st.data.files.errors import MissingData
from mt2st.relations import published

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
    runs = [(name,) for name in published.TASKS] + list(combinations(published.TASKS, 2))
    content = {}
    for tasks in runs:
        last = published.PAIR if len(tasks) == 2 else published.SINGLE
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
    monkeypatch.setattr(published, "CONTENT_SHA256", checksum_of(logs))
    for function in (published.published_scores, published.published_curves):
        function.cache_clear()
    yield file
    for function in (published.published_scores, published.published_curves):
        function.cache_clear()


# --- logs


def test_a_line_on_the_development_set_has_loss_and_four_scores() -> None:
    (row,) = published.read_log(SCORED, "x").to_dict("records")
    assert row == {
        "task": "CCG", "iteration": 50_000, "loss": 0.5883, "accuracy": 0.86995, "f1": 0.87014, "precision": 0.86995,
        "recall": 0.87034,
    }  # fmt: skip


def test_a_line_of_training_has_a_loss_alone_which_may_be_nan() -> None:
    log = published.read_log("Iter 9450, task chunking, loss 0.25\n" + WITHOUT, "x")
    assert log["loss"].tolist() == [0.25, pytest.approx(np.nan, nan_ok=True)]
    assert log[["accuracy", "f1", "precision", "recall"]].isna().all(axis=None)


def test_of_a_run_that_was_started_again_only_the_last_start_counts() -> None:
    log = published.read_log(ANEW, "x")
    assert log["iteration"].tolist() == [10, 20]
    assert log["loss"].iloc[0] == 1.9606367349624634


def test_tasks_of_a_pair_start_independently_of_each_other() -> None:
    text = "".join(f"Iter {i}, task {task}, loss 1\n" for i in (10, 20) for task in ("ccg", "com"))
    assert len(published.read_log(text, "x")) == 4


@pytest.mark.parametrize(
    "line", ["Iter 20, task ner, loss 0.5", "Iter x, task ccg, loss 0.5", "Iter 20, task ccg, loss 0.5, acc 0.9", ""]
)
def test_a_line_that_reads_otherwise_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"^ccg/loss_dv\.log:2: .* is not `Iter N, .*fetch it again"):
        published.read_log(f"{SCORED}{line}\n", "ccg/loss_dv.log")


# --- the archive


def test_logs_are_found_in_an_archive_whatever_folder_they_are_in(logs: dict[str, str], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "CONTENT_SHA256", checksum_of(logs))
        pack(logs, tmp_path / "a.tar.gz", "eacl2017_mtl-57c9cbc/logs")
        assert published.unpack(tmp_path / "a.tar.gz") == logs


def test_other_content_is_refused(logs: dict[str, str], tmp_path: Path) -> None:
    pack(logs, tmp_path / "logs.tar.gz")
    with pytest.raises(ValueError, match=r"logs\.tar\.gz: its 110 logs are not those of jbingel/eacl2017_mtl"):
        published.unpack(tmp_path / "logs.tar.gz")


def test_an_archive_that_was_cut_off_is_named(release: Path) -> None:
    release.write_bytes(release.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"logs\.tar\.gz cannot be read .*; fetch it again"):
        published.unpack(release)


def test_missing_logs_say_how_to_get_them(home: Path) -> None:
    with pytest.raises(MissingData, match="needs bingel2017: run `mt2st data fetch bingel2017`"):
        published.locate()
    assert published.missing().startswith("needs bingel2017: run `mt2st data fetch bingel2017`")


@pytest.mark.usefixtures("release")
def test_nothing_is_missing_where_the_logs_are() -> None:
    assert published.missing() == ""


@pytest.fixture
def site(logs: dict[str, str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve the small release on this machine in place of GitHub; yields its file."""
    file = tmp_path / "site" / "release.tar.gz"
    file.parent.mkdir()
    pack(logs, file, "eacl2017_mtl-57c9cbc/logs")
    monkeypatch.setattr(published, "CONTENT_SHA256", checksum_of(logs))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    handler = partial(SimpleHTTPRequestHandler, directory=str(file.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(published, "ARCHIVE_URL", f"http://127.0.0.1:{server.server_port}/release.tar.gz")
        yield file
        server.shutdown()
        thread.join()


def test_the_release_is_downloaded_and_found_afterwards(site: Path) -> None:
    file = registry.fetch("bingel2017")
    assert file == paths.downloads() / "bingel2017" / "logs.tar.gz" == published.locate()
    site.unlink()
    assert registry.fetch("bingel2017") == file


def test_another_archive_is_refused_and_not_kept(site: Path) -> None:
    pack({"ccg/loss_dv.log": SCORED}, site)
    with pytest.raises(ConnectionError, match=r"its 1 logs are not those of .*, or put the repository's folder logs"):
        published.fetch()
    with pytest.raises(MissingData):
        published.locate()


# --- gains and curves


@pytest.mark.usefixtures("release")
def test_gains_are_relative_to_the_task_alone_in_percent() -> None:
    gains = published.published_gains()
    assert list(gains.index) == list(gains.columns) == list(published.TASKS.values())
    assert (gains.index.name, gains.columns.name) == ("main", "aux")
    assert gains.loc["CCG", "STR"] == pytest.approx(20)  # 0.6 instead of 0.5
    assert gains.loc["STR", "CCG"] == pytest.approx(-20)  # 0.4
    assert gains.isna().sum().sum() == 10
    assert (gains > 0).sum().sum() == 45


@pytest.mark.usefixtures("release")
def test_gains_may_be_read_elsewhere_and_at_their_best() -> None:
    assert (published.published_gains(25_000, 50_000).fillna(0) == 0).all(axis=None)  # 0.5 everywhere
    best = published.published_gains(best=True)
    assert (best.loc["CCG", "STR"], best.loc["STR", "CCG"]) == (pytest.approx(20), 0)


@pytest.mark.usefixtures("release")
def test_an_iteration_without_line_is_refused() -> None:
    with pytest.raises(ValueError, match=r"single=50, pair=100000: not in all logs; use multiples of 100"):
        published.published_gains(single=50)


def test_readings_count_gains_and_losses(release: Path) -> None:
    table = published.readings().set_index("F1")
    row = table.loc["at 50,000 and 100,000 iterations"]
    assert (row["gains"], row["losses"]) == (45, 45)
    assert (row["COM with MWE"], row["MWE with COM"]) == (pytest.approx(20), pytest.approx(-20))


@pytest.mark.usefixtures("release")
def test_curves_are_the_losses_of_tasks_alone() -> None:
    curves = published.published_curves()
    assert list(curves) == list(published.TASKS.values())
    assert curves["STR"].to_dict() == {10: 1.0, 25_000: 10 / 25_000, 50_000: 10 / 50_000}


def test_the_copy_of_figure_1_has_the_papers_40_gains_and_its_best_helpers() -> None:
    gains = published.figure_1()
    assert list(gains.index) == list(gains.columns) == list(published.TASKS.values())
    assert (gains.notna().sum().sum(), (gains > 0).sum().sum()) == (90, 40)
    assert (gains > 0).sum().nlargest(2).to_dict() == {"CHU": 7, "SEM": 6}
    assert gains.loc["MWE", "COM"] > 0 < gains.loc["COM", "MWE"]  # which the paper names
