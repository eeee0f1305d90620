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


def test_an_archive_is_read_to_its_end_where_it_is_checked(archive: Path) -> None:
    archives.check(archive)
    content = bytearray(archive.read_bytes())
    content[-len(content) // 3] ^= 0xFF
    archive.write_bytes(content)
    if archive.suffix != ".tar":  # has checksums of its headers alone
        with pytest.raises(
            ValueError, match=rf"{archive}: .* cannot be read \(.*: cut off or altered\? get it anew\)$"
        ):
            archives.check(archive)


def test_what_is_read_may_not_unpack_to_more_than_memory_holds(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives.text, "LARGEST", 10_000)
    monkeypatch.setattr(archives.text, "BLOCK", 1000)
    large = pack(tmp_path / archive.name, {"a.txt": b"a" * 5000, "b.txt": b"b" * 5000, "c": b"c" * 20_000})
    assert {len(content) for _, content in archives.matching(large, r"\.txt$")} == {5000}
    with pytest.raises(ValueError, match=rf"{large}: c cannot be read .*unpacks to more than 10,000 bytes"):
        list(archives.matching(large, ""))
    archives.check(large)  # keeps nothing in memory


def test_packing_and_passwords_that_are_not_known_are_named(tmp_path: Path) -> None:
    file = pack(tmp_path / "x.zip", {"a.txt": b"text"})
    content = file.read_bytes()
    at = content.index(b"PK\x01\x02")
    for field, value in {8: 1, 10: 99}.items():  # flags: encrypted; method: none of ours
        file.write_bytes(content[: at + field] + bytes([value]) + content[at + field + 1 :])
        with pytest.raises(ValueError, match=r"x\.zip: a\.txt cannot be read"):
            list(archives.matching(file, ""))


def test_a_link_to_what_is_not_there_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tape:
        link = tarfile.TarInfo("a.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "nothing"
        tape.addfile(link)
    with pytest.raises(ValueError, match=r"x\.tar: a\.txt cannot be read"):
        list(archives.matching(tmp_path / "x.tar", ""))
