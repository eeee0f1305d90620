import hashlib
import json
import os
from pathlib import Path

import pytest

from mt2st import paths
from mt2st.data.files import checksums


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of three bytes, and use an empty cache."""
    monkeypatch.setenv("MT2ST_CACHE", str(tmp_path / "cache"))
    (tmp_path / "abc.txt").write_bytes(b"abc")
    return tmp_path / "abc.txt"


def test_digests_are_those_of_the_standards(file: Path) -> None:
    # RFC 1321, A.5, and FIPS 180-2, B.1, give these for "abc".
    assert checksums.digest(file, "md5") == "900150983cd24fb0d6963f7d28e17f72"
    assert checksums.digest(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_prefix_names_the_algorithm(file: Path) -> None:
    assert checksums.matches(file, "md5:900150983CD24FB0D6963F7D28E17F72")
    assert not checksums.matches(file, "md5:900150983cd24fb0d6963f7d28e17f73")


def test_a_file_that_did_not_change_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = checksums.digest(file)
    monkeypatch.setattr("hashlib.file_digest", None)
    assert checksums.digest(file) == first
    assert list(json.loads((paths.cache() / "checksums.json").read_text()).values()) == [first]


def test_a_file_that_changed_is_read_again(file: Path) -> None:
    checksums.digest(file)
    changed = file.stat().st_mtime_ns + 1
    file.write_bytes(b"abd")  # as long as before
    os.utime(file, ns=(changed, changed))
    assert checksums.digest(file) == hashlib.sha256(b"abd").hexdigest()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        checksums.digest(tmp_path / "nothing")


@pytest.mark.parametrize("content", [b'{"md5', b"[1, 2]", b"\xff\xfe"])
def test_a_damaged_memory_is_set_aside_and_begun_anew(file: Path, content: bytes) -> None:
    memory = paths.cache() / "checksums.json"
    memory.write_bytes(content)
    with pytest.warns(UserWarning, match=f"{memory} is damaged .*kept as checksums.json.damaged"):
        found = checksums.digest(file)
    assert found == hashlib.sha256(b"abc").hexdigest()
    assert list(json.loads(memory.read_text()).values()) == [found]
    assert memory.with_name("checksums.json.damaged").read_bytes() == content


def test_a_wrong_memory_does_not_condemn_a_file(file: Path) -> None:
    right = checksums.digest(file)
    memory = paths.cache() / "checksums.json"
    memory.write_text(memory.read_text().replace(right, "0" * 64))
    assert checksums.matches(file, f"sha256:{right}")
    assert checksums.digest(file) == right
