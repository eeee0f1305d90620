import gzip
import hashlib
import lzma
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mt2st import paths
from mt2st.data.files import github as upstream
from mt2st.data.files.errors import MissingData
from mt2st.data.files.github import GitHubFile

CONTENT = b"a\tDET\nday\tNOUN\n\n"
FILE = GitHubFile("someone/corpus", "0123abc", "data/small.conll", hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty mirror."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(folder))
    return folder


@pytest.fixture
def site(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve `FILE` on this machine in place of GitHub; yields it."""
    file = tmp_path / "site" / FILE.repository / FILE.commit / FILE.path
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(upstream, "HOST", f"http://127.0.0.1:{server.server_port}")
        yield file
        server.shutdown()
        thread.join()


def test_the_address_is_that_of_the_bytes_at_a_commit() -> None:
    assert FILE.url == "https://raw.githubusercontent.com/someone/corpus/0123abc/data/small.conll"
    assert FILE.name == "small.conll"


def test_a_file_is_found_in_any_folder_of_the_mirror_before_the_downloads(home: Path, mirror: Path) -> None:
    paths.downloads().mkdir(parents=True)
    (paths.downloads() / "small.conll").write_bytes(CONTENT)
    assert upstream.find("small.conll") == paths.downloads() / "small.conll"
    (mirror / "some" / "folder").mkdir(parents=True)
    (mirror / "some" / "folder" / "small.conll.gz").write_bytes(gzip.compress(CONTENT, mtime=0))
    assert upstream.find("small.conll") == mirror / "some" / "folder" / "small.conll.gz"


def test_the_first_name_counts_more_than_the_folder(home: Path, mirror: Path) -> None:
    paths.downloads().mkdir(parents=True)
    (paths.downloads() / "released").touch()
    (mirror / "draft").touch()
    assert upstream.find("released", "draft") == paths.downloads() / "released"
    assert upstream.find("missing", "draft") == mirror / "draft"


def test_a_missing_file_says_how_to_get_it(home: Path) -> None:
    with pytest.raises(MissingData) as caught:
        upstream.locate("corpus", "small.conll", "draft")
    assert str(caught.value) == (
        "needs corpus: run `mt2st data fetch corpus`, or put small.conll (or .xz or .gz) into "
        f"{paths.downloads()} or a folder named by MT2ST_DATA_MIRROR"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.txt", CONTENT), ("x.txt.gz", gzip.compress(CONTENT, mtime=0)), ("x.txt.xz", lzma.compress(CONTENT))],
)
def test_plain_and_compressed_files_hold_the_same_text(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert upstream.read_text(tmp_path / name) == CONTENT.decode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.txt", "é".encode("latin-1")),
        ("x.txt.gz", gzip.compress(CONTENT, mtime=0)[:-9]),
        ("x.txt.xz", lzma.compress(CONTENT)[:-9]),
        ("x.txt.gz", CONTENT),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} cannot be read .*; fetch it again"):
        upstream.read_text(tmp_path / name)


def test_files_are_downloaded_once_and_found_afterwards(site: Path) -> None:
    (file,) = upstream.fetch("corpus", [FILE])
    assert file == paths.downloads() / "corpus" / "small.conll"
    assert file.read_bytes() == CONTENT
    site.unlink()
    assert upstream.fetch("corpus", [FILE]) == [file]
    assert upstream.locate("corpus", FILE.name) == file


def test_an_altered_file_is_refused_and_not_kept(site: Path) -> None:
    site.write_bytes(b"something else")
    with pytest.raises(
        ConnectionError, match=r"small\.conll could not be downloaded: what http.* sent does not have the checksum"
    ):
        upstream.fetch("corpus", [FILE])
    assert upstream.find(FILE.name) is None


def test_an_unreachable_site_is_a_connection_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr(upstream, "HOST", f"http://127.0.0.1:{port}")
    with pytest.raises(ConnectionError, match=rf"try again, or put small\.conll into {paths.downloads()}"):
        upstream.fetch("corpus", [FILE])
