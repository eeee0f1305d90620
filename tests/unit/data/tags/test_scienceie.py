import io
import tarfile
from pathlib import Path

import pytest

from mt2st import paths
from mt2st.data import sources
from mt2st.data.tags import scienceie

TEXT = "We heat simple metals with lasers. The simple metals melt."
# Material inside a longer Process, a phrase in two pieces, a relation and an equivalence.
ANNOTATION = (
    "T1\tMaterial 8 21\tsimple metals\nT2\tProcess 3 33\theat simple metals with lasers\nR1\tHyponym-of Arg1:T1 "
    "Arg2:T2\t\n*\tSynonym-of T1 T2\nT3\tTask 39 45;53 57\tsimple melt\n"
)


def pack(file: Path, annotation: str = ANNOTATION, prefix: str = "scienceie") -> Path:
    """Write an archive with one paragraph in each part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w:gz") as archive:
        for part in scienceie.PARTS:
            for ending, text in ((".txt", TEXT), (".ann", annotation), (".xml", "<article/>")):
                member = tarfile.TarInfo(f"{prefix}/{part}/S01{ending}")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
    return file


def test_phrases_are_spans_and_the_longer_of_two_is_kept(empty_mirror: Path) -> None:
    file = pack(empty_mirror / "scienceie2017.tar.gz")
    data = sources.load_tags("scienceie")
    assert data.test.sentences == [
        ["We", "heat", "simple", "metals", "with", "lasers", "."],
        ["The", "simple", "metals", "melt", "."],
    ]
    assert data.test.tags[0] == ["O", "B-Process", *["I-Process"] * 4, "O"]
    assert data.test.tags[1] == ["O", "B-Task", "O", "B-Task", "O"]
    assert data.files == (file,)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("T4\tMaterial 8 80\tsimple", "characters 8 to 80 of 58"),
        ("T4\tMaterial 21 8\tsimple", "characters 21 to 8"),
        ("T4\tMethod 8 14\tsimple", "not a line of brat's format"),
        ("T4 Material 8 14 simple", "not a line of brat's format"),
    ],
)
def test_a_bad_annotation_is_named_by_its_line(empty_mirror: Path, line: str, problem: str) -> None:
    pack(empty_mirror / "scienceie2017.tar.gz", f"{ANNOTATION}{line}\n")
    with pytest.raises(ValueError, match=rf"tar\.gz: train/S01\.ann:6: {problem}"):
        sources.load_tags("scienceie")


def test_what_is_fetched_is_checked_by_what_it_holds(
    empty_mirror: Path, web: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = web
    served = pack(folder / "served.tar.gz", prefix=f"scienceie17-{scienceie.COMMIT}/data")
    monkeypatch.setattr(scienceie, "URL", f"{url}/served.tar.gz")
    with pytest.raises(ConnectionError, match=r"served.* does not hold the released files"):
        sources.fetch("scienceie")
    assert not list(paths.downloads().rglob("*.tar.gz*[!k]"))  # but for locks
    monkeypatch.setattr(scienceie, "SHA256", scienceie.digest(scienceie.read(served)))
    file = paths.downloads() / "scienceie" / "scienceie2017.tar.gz"
    assert sources.fetch("scienceie") == file
    file.write_bytes(file.read_bytes()[:100])
    assert sources.fetch("scienceie") == file
    assert file.read_bytes() == served.read_bytes()
