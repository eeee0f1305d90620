from pathlib import Path
from zipfile import ZipFile

import nltk
import pytest

from mt2st import paths
from mt2st.data.files import nltk_packages
from mt2st.data.files.errors import DamagedData, MissingData


def put(folder: Path) -> Path:
    """Write an archive where NLTK would."""
    file = folder / "nltk_data" / "corpora" / "small.zip"
    file.parent.mkdir(parents=True)
    with ZipFile(file, "w") as archive:
        archive.writestr("small/words", "word")
    return file


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty mirror; NLTK has no other folder to look into."""
    monkeypatch.setattr(nltk.data, "path", [])
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path / "mirror"))
    return tmp_path / "mirror"


def test_the_mirror_is_looked_in_before_the_downloads(folder: Path) -> None:
    downloaded = put(paths.downloads())
    assert nltk_packages.locate("small") == downloaded
    mirrored = put(folder)
    assert nltk_packages.locate("small") == mirrored


def test_nltks_own_folders_are_looked_in_too(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(tmp_path / "user")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "user" / "nltk_data")])
    assert nltk_packages.locate("small") == file


@pytest.mark.usefixtures("folder")
def test_a_package_that_is_not_here_is_missing_data() -> None:
    with pytest.raises(MissingData, match="`mt2st data fetch small`"):
        nltk_packages.locate("small")


def test_an_archive_that_was_cut_off_is_passed_over_or_refused(folder: Path) -> None:
    file = put(folder)
    file.write_bytes(file.read_bytes()[:30])
    with pytest.raises(DamagedData, match=r"mirror/nltk_data/corpora/small\.zip"):
        nltk_packages.locate("small")
    whole = put(paths.downloads())
    assert nltk_packages.locate("small") == whole
