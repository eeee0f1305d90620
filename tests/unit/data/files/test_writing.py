from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mt2st.data.files import writing


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "x.txt"
    writing.write_text(file, "é\n")
    assert file.read_bytes() == b"\xc3\xa9\n"
    assert [*file.parent.iterdir()] == [file]


def test_what_fails_halfway_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_text("before")
    with pytest.raises(InterruptedError), writing.replacing(file) as part:
        part.write_text("half")
        raise InterruptedError
    assert file.read_text() == "before"
    assert [*tmp_path.iterdir()] == [file]


def test_many_writers_of_one_file_leave_one_of_their_texts(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    texts = [str(i) * 100_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: writing.write_text(file, text), texts * 10))
    assert file.read_text() in texts
    assert [*tmp_path.iterdir()] == [file]


def test_what_is_set_aside_keeps_what_was_set_aside_before(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    names = []
    for text in ("one", "two", "three"):
        file.write_text(text)
        names.append(writing.set_aside(file).name)
    assert names == ["x.txt.damaged", "x.txt.damaged-2", "x.txt.damaged-3"]
    assert [(tmp_path / name).read_text() for name in names] == ["one", "two", "three"]
