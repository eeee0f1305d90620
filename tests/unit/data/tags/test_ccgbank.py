from pathlib import Path

import pytest

from mt2st.data import sources
from mt2st.data.files.errors import MissingData

# Made up in the format of CCGbank's .auto files.
TREE = (
    "(<T S[dcl] 0 2> (<T S[dcl] 1 2> (<L NP NNP NNP Ada NP>) (<L S[dcl]\\NP VBD VBD slept S[dcl]\\NP_1>) ) "
    "(<L . . . . .>) ) "
)


def put(mirror: Path, sections: list[int], tree: str = TREE) -> None:
    for section in sections:
        file = mirror / "AUTO" / f"{section:02}" / f"wsj_{section:02}01.auto"
        file.parent.mkdir(parents=True)
        file.write_text(f"ID=wsj_{section:02}01.1 PARSER=GOLD NUMPARSE=1\n{tree}\n")


def test_leaves_are_words_and_categories_and_sections_the_parts(empty_mirror: Path) -> None:
    put(empty_mirror, [*range(25)])
    data = sources.load_tags("ccgbank")
    assert [len(part) for part in (data.train, data.validation, data.test)] == [20, 1, 1]
    assert data.test.sentences == [["Ada", "slept", "."]]
    assert data.test.tags == [["NP", "S[dcl]\\NP", "."]]


def test_a_section_that_is_missing_makes_the_corpus_missing(empty_mirror: Path) -> None:
    put(empty_mirror, [*range(23)])
    with pytest.raises(MissingData, match="put the folder data/AUTO"):
        sources.load_tags("ccgbank")


@pytest.mark.parametrize("tree", ["", TREE.replace("<L NP NNP", "<L NP"), TREE[:-6], "(<T S 0 0> )"])
def test_a_bad_derivation_is_named_by_its_line(empty_mirror: Path, tree: str) -> None:
    put(empty_mirror, [*range(24)], tree)
    with pytest.raises(ValueError, match=r"wsj_0201\.auto:2: not a derivation"):
        sources.load_tags("ccgbank")


def test_files_of_other_names_are_passed_over(empty_mirror: Path) -> None:
    put(empty_mirror, [*range(24)])
    (empty_mirror / "AUTO" / "wsj_notes.auto").write_text("not a section")
    assert len(sources.load_tags("ccgbank").files) == 22
