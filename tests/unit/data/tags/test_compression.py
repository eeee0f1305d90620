import gzip
import json
from pathlib import Path

import pytest

from mt2st.data import sources
from mt2st.data.tags import compression


def record(words: list[str], kept: list[int]) -> str:
    """One record in the format of Google's files; the first two words are one node."""
    nodes = [[0, 1], *([i] for i in range(2, len(words)))]
    tree = [{"word": [{"id": -1, "form": "ROOT"}]}]
    tree += [{"word": [{"id": i, "form": words[i]} for i in node]} for node in nodes]
    edges = [{"parent_id": -1, "child_id": i} for i in kept]
    return json.dumps({"source_tree": {"node": tree}, "compression_untransformed": {"edge": edges}}, indent=2)


def put(mirror: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    monkeypatch.setattr(compression, "HELD_OUT", 1)
    train = "\n\n".join([record(["New", "York", "sleeps", "."], [1, 2]), *more])
    with gzip.open(mirror / "sent-comp.train01.json.gz", "wt") as stream:
        stream.write(train + "\n")
    held_out = [record([str(i), "b", "c"], [2]) for i in range(3)]
    (mirror / "comp-data.eval.json").write_text("\n\n".join(held_out))


def test_words_of_kept_nodes_are_kept(empty_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(empty_mirror, monkeypatch)
    data = sources.load_tags("compression")
    assert data.train.sentences == [["New", "York", "sleeps", "."]]
    assert data.train.tags == [["keep", "keep", "keep", "delete"]]
    assert (data.test.sentences[0][0], data.validation.sentences[0][0]) == ("0", "1")
    assert data.classes == ("delete", "keep")
    assert len(data.files) == 2


@pytest.mark.parametrize("broken", ["{", "{}", record(["a", "b"], [9])])
def test_a_broken_record_is_named_by_its_line(empty_mirror: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    put(empty_mirror, monkeypatch, broken)
    line = record(["New", "York", "sleeps", "."], [1, 2]).count("\n") + 3
    with pytest.raises(ValueError, match=rf"train01\.json\.gz: the record at line {line} is broken"):
        sources.load_tags("compression")
