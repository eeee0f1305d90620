import io
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from mt2st.data.files import archives

FILES = {"folder/b.txt": "é\r\n", "folder/a.txt": "one", "folder/README": "not asked for", "c.txt": "two"}


def pack(file: Path, files: dict[str, bytes]) -> Path:
    """Write a zip or tar archive."""
    if file.suffix == ".zip":
        with ZipFile(file, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return file
    with tarfile.open(file, "w:" + file.suffix[1:].replace("tar", "")) as tape:
        tape.addfile(tarfile.TarInfo("folder.txt/"))
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tape.addfile(member, io.BytesIO(content))
    return file


@pytest.fixture(params=["zip", "tar", "tar.gz", "tar.xz"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return an archive of each format in turn."""
    return pack(tmp_path / f"x.{request.param}", {name: text.encode() for name, text in FILES.items()})


def test_matching_files_are_read_with_what_matched(archive: Path) -> None:
    found = [(match[1], text) for match, text in archives.matching(archive, r"([abc])\.txt$")]
    assert found == [("b", "é\r\n"), ("a", "one"), ("c", "two")]


def test_texts_are_sorted_by_path_and_counted(archive: Path) -> None:
    assert list(archives.texts(archive, r"^folder/.*\.txt$", 2)) == ["folder/a.txt", "folder/b.txt"]
    with pytest.raises(ValueError, match=f"{archive}: 2 files, 3 expected"):
        archives.texts(archive, r"^folder/.*\.txt$", 3)


def test_an_archive_that_was_cut_off_is_named(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"{archive}.* cannot be read"):
        archives.texts(archive, r"\.txt$", 3)


@pytest.mark.parametrize("suffix", ["zip", "tar"])
def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path, suffix: str) -> None:
    archive = pack(tmp_path / f"x.{suffix}", {"a.txt": b"fine", "b.txt": b"\xe9"})
    with pytest.raises(ValueError, match=rf"{archive}: b\.txt cannot be read"):
        archives.texts(archive, r"\.txt$", 2)
