import gzip
import hashlib
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
def site(home: Path, web: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Serve `FILE` on this machine in place of GitHub."""
    folder, url = web
    file = folder / FILE.repository / FILE.commit / FILE.path
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    monkeypatch.setattr(upstream, "HOST", url)
    return file


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
    with pytest.raises(MissingData, match=rf"`mt2st data fetch corpus`.* small\.conll .* {paths.downloads()}"):
        upstream.locate("corpus", "small.conll", "draft")


def test_files_are_downloaded_once_and_found_afterwards(site: Path) -> None:
    (file,) = upstream.fetch("corpus", [FILE])
    assert file == paths.downloads() / "corpus" / "small.conll"
    assert file.read_bytes() == CONTENT
    site.unlink()
    assert upstream.fetch("corpus", [FILE]) == [file]
    assert upstream.locate("corpus", FILE.name) == file


def test_an_altered_file_is_refused_and_not_kept(site: Path) -> None:
    site.write_bytes(b"something else")
    with pytest.raises(ConnectionError, match=r"small\.conll could not be downloaded: .* checksum"):
        upstream.fetch("corpus", [FILE])
    assert upstream.find(FILE.name) is None


def test_an_unreachable_site_is_a_connection_error(
    home: Path, unanswered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "HOST", unanswered)
    with pytest.raises(ConnectionError, match=rf"small\.conll into {paths.downloads()}"):
        upstream.fetch("corpus", [FILE])
