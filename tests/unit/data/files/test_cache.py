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
        files = set(pool.map(lambda _: cache.made_once("folder/x.txt", make), range(8)))
    assert files == {paths.cache() / "folder" / "x.txt"}
    assert len(made) == 1
    assert files.pop().read_text() == "made"


def test_what_fails_halfway_leaves_no_file_and_is_made_again() -> None:
    def fail(part: Path) -> None:
        part.write_text("half")
        raise InterruptedError

    with pytest.raises(InterruptedError):
        cache.made_once("x.txt", fail)
    assert not (paths.cache() / "x.txt").exists()
    assert cache.made_once("x.txt", lambda part: part.write_text("whole")).read_text() == "whole"


def test_a_frame_is_read_back_as_it_was_made() -> None:
    frame = pd.DataFrame({"tokens": [["a", "b"], []], "label": [1, 0]})
    for _ in range(2):
        found = cache.frame("small", lambda: frame)
        assert found["tokens"].map(list).tolist() == [["a", "b"], []]
        assert found["label"].tolist() == [1, 0]
    assert [file.name for file in paths.cache().glob("*.parquet")] == ["small.parquet"]
