import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from mt2st.data.files import text
from mt2st.data.files.text import opened, read_lines, read_table, read_text

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
        ("x.csv", TEXT.encode("utf-8-sig")),
        ("x.csv", TEXT.encode("utf-16")),
        ("x.csv", b"\xfe\xff" + TEXT.encode("utf-16-be")),
        ("x.csv.gz", gzip.compress(TEXT.encode("utf-16"), mtime=0)),
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


@pytest.mark.parametrize("before", [b"", LONG])
def test_the_first_line_that_is_not_utf_8_is_named_with_the_command_that_converts_it(
    tmp_path: Path, before: bytes
) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes(before + b"one\nca\xc3\xa9\ncaf\xe9\n" + LONG)
    number = before.count(b"\n") + 3
    command = r"convert it: iconv -f LATIN1 -t UTF-8 x\.txt > utf8-x\.txt"
    with pytest.raises(ValueError, match=rf"x\.txt:{number}: not UTF-8 \(byte 0xe9\); {command}; .* get it anew$"):
        read_text(file)
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(file.read_bytes()))
    with pytest.raises(ValueError, match=rf"x\.txt\.gz:{number}: not UTF-8 \(byte 0xe9\); unpack it and {command}; "):
        list(read_lines(tmp_path / "x.txt.gz"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(CONTENT, mtime=0), "x.txt:1: a byte of zero: not a text file"),
        (lzma.compress(CONTENT), "x.txt:1: a byte of zero: not a text file"),
        (b"one\n\0\n", "x.txt:2: a byte of zero: not a text file"),
        (TEXT.encode("utf-16-le"), "UTF-16 without byte-order mark"),
        (TEXT.encode("utf-16")[:-1], "not the UTF-16 that its byte-order mark promises"),
    ],
    ids=kind_of,
)
def test_what_is_no_text_is_named_for_what_it_is(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_text(tmp_path / "x.txt")
    with pytest.raises(ValueError, match=reason):
        list(read_lines(tmp_path / "x.txt"))


def test_a_compressed_file_may_not_unpack_to_more_than_memory_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "LARGEST", 10_000)
    monkeypatch.setattr(text, "BLOCK", 100)
    for name, size in {"x.gz": 10_000, "x.txt": 20_000}.items():
        (tmp_path / name).write_bytes(gzip.compress(b"a" * size) if name == "x.gz" else b"a" * size)
        assert read_text(tmp_path / name) == "a" * size
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"a" * 10_001))
    with pytest.raises(ValueError, match=r"x\.gz unpacks to more than 10,000 characters"):
        read_text(tmp_path / "x.gz")


def test_lines_are_read_one_by_one_and_none_may_be_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LONGEST", 5)
    (tmp_path / "x.gz").write_bytes(gzip.compress("123\u0085\r\n\nlast".encode()))
    assert list(read_lines(tmp_path / "x.gz")) == ["123\u0085", "", "last"]
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"123\n123456\n"))
    with pytest.raises(ValueError, match=r"x\.gz:2: a line of more than 5 characters"):
        list(read_lines(tmp_path / "x.gz"))


def test_columns_of_a_table_are_read_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "x.csv.xz").write_bytes(lzma.compress(b'a,b,c\r\n"1,\r\n2",NA,\r\n03,null,x\r\n'))
    frame = read_table(tmp_path / "x.csv.xz", ("b", "a"))
    assert frame.to_dict("list") == {"b": ["NA", "null"], "a": ["1,\n2", "03"]}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", " is not a table with the columns a, b "),
        ("a,b\n1,2\n1,2,3\n", r" is not a table with the columns a, b \(.*line 3, saw 3"),
        ('a,b\n1,"2\n', " is not a table with the columns a, b "),
        ("<!DOCTYPE html>\n", " has no column 'a'"),
        ("a,c\n1,2\n", " has no column 'b'"),
        ("a,b\n1,2\n1,\n", ": row 2 has an empty cell"),
        ("a,b\n1\n", ": row 1 has an empty cell"),
        ("a,b\n1,\0\n", ":2: a byte of zero"),
    ],
)
def test_what_is_no_such_table_is_named(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(ValueError, match=f"^{tmp_path / 'x.csv'}{fault}"):
        read_table(tmp_path / "x.csv", ("a", "b"))
