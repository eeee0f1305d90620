import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from mt2st.data.files.text import opened, read_text

TEXT = "é\tDET\r\nday\tNOUN\n\n"
CONTENT = TEXT.encode()


def kind_of(value: object) -> str:
    """Name a parameter in reports: files by name, not by what they hold."""
    return value if isinstance(value, str) else "content"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.txt", CONTENT),
        ("x.conll", CONTENT),
        ("x.txt.gz", gzip.compress(CONTENT, mtime=0)),
        ("x.txt.xz", lzma.compress(CONTENT)),
        ("x.txt.bz2", bz2.compress(CONTENT)),
        ("a b #1 {x}.txt.xz", lzma.compress(CONTENT)),
    ],
    ids=kind_of,
)
def test_plain_and_compressed_files_hold_the_same_text(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_text(tmp_path / name) == TEXT.replace("\r\n", "\n")


LONG = b"".join(b"%d\n" % i for i in range(50_000))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.txt", "é".encode("latin-1")),
        ("x.txt.gz", gzip.compress(CONTENT, mtime=0)[:-9]),
        ("x.txt.xz", lzma.compress(CONTENT)[:-9]),
        ("x.txt.gz", CONTENT),
        ("x.txt.xz", CONTENT),
        ("x.txt.gz", gzip.compress(LONG, mtime=0)[:5000] + b"\xff" * 5000 + gzip.compress(LONG, mtime=0)[10_000:]),
        ("not there", None),
    ],
    ids=kind_of,
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} cannot be read"):
        read_text(tmp_path / name)


def test_damage_is_also_named_where_it_shows_only_while_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(gzip.compress(LONG, mtime=0)[:-2000])
    with pytest.raises(ValueError, match=r"x\.gz cannot be read"), opened(file) as lines:
        assert next(lines) == "0\n"
        list(lines)


def test_faults_of_what_is_read_are_passed_on(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.touch()
    with pytest.raises(ValueError, match=r"^my own$"), opened(file):
        raise ValueError("my own")
