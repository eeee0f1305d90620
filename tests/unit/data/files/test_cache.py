from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from mt2st import paths
from mt2st.data.files import cache


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT2ST_CACHE", str(tmp_path / "cache"))


def test_a_file_is_made_once_also_by_several_at_the_same_time() -> None:
    made: list[Path] = []

    def make(part: Path) -> None:
        made.append(part)
        part.write_text("made")

    with ThreadPoolExecutor(4) as pool:
        texts = set(pool.map(lambda _: cache.load("folder/x.txt", make, Path.read_text), range(8)))
    assert texts == {"made"}
    assert len(made) == 1
    assert (paths.cache() / "folder" / "x.txt").read_text() == "made"


def test_what_fails_halfway_leaves_no_file_and_is_made_again() -> None:
    def fail(part: Path) -> None:
        part.write_text("half")
        raise InterruptedError

    with pytest.raises(InterruptedError):
        cache.load("x.txt", fail, Path.read_text)
    assert not (paths.cache() / "x.txt").exists()
    assert cache.load("x.txt", lambda part: part.write_text("whole"), Path.read_text) == "whole"


def test_what_a_killed_process_left_is_swept_away() -> None:
    paths.cache().mkdir(exist_ok=True)
    left = paths.cache() / ".x-0123456789abcdef.txt"
    left.write_text("half")
    cache.load("x.txt", lambda part: part.write_text("whole"), Path.read_text)
    assert not left.exists()


@pytest.mark.parametrize("at", [200, 2000, -1])
def test_a_damaged_frame_is_set_aside_and_made_again(at: int) -> None:
    frame = pd.DataFrame({"text": [f"sentence {i}" for i in range(1000)]})
    cache.frame("small", lambda: frame)
    file = paths.cache() / "small.parquet"
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)
    with pytest.warns(UserWarning, match=rf"{file} is damaged \(.*kept as small.parquet.damaged, and made again"):
        assert cache.frame("small", lambda: frame).equals(frame)
    assert cache.frame("small", lambda: frame).equals(frame)  # without a warning
    assert file.with_name("small.parquet.damaged").read_bytes() == content


def test_a_frame_is_read_back_as_it_was_made() -> None:
    frame = pd.DataFrame({"tokens": [["a", "b"], []], "label": [1, 0]})
    for _ in range(2):
        found = cache.frame("small", lambda: frame)
        assert found["tokens"].map(list).tolist() == [["a", "b"], []]
        assert found["label"].tolist() == [1, 0]
    assert [file.name for file in paths.cache().glob("*.parquet")] == ["small.parquet"]
