from pathlib import Path

import pytest
from packages import put_package

from mt2st.data import sources
from mt2st.data.tags import semcor

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<contextfile><context filename="f"><p pnum="1">'
# The beginning of br-a01 in SemCor 3.0.
SENTENCE = """<s snum="1">
<wf cmd="ignore" pos="DT">The</wf>
<wf cmd="done" pos="NNP" lemma="group" wnsn="1" lexsn="1:03:00::" pn="group">Fulton_County_Grand_Jury</wf>
<wf cmd="done" pos="VB" lemma="say" wnsn="1" lexsn="2:32:00::">said</wf>
<wf cmd="done" pos="JJ" lemma="recent" wnsn="2" lexsn="5:00:00:past:00;3:01:00::">_recent</wf>
<punc>.</punc>
</s>"""


def put(mirror: Path, sentence: str = SENTENCE) -> Path:
    """Write 352 files; the first word of each sentence is made its file's name."""
    sizes = {"brown1": 103, "brown2": 83, "brownv": 166}
    names = [f"{folder}/tagfiles/br-{i:03}.xml" for folder, size in sizes.items() for i in range(size)]
    end = "</p></context></contextfile>"
    return put_package(mirror, "semcor", {name: HEAD + sentence.replace(">The<", f">{name}<") + end for name in names})


def test_supersenses_are_spans_over_the_words_of_a_unit(empty_mirror: Path) -> None:
    archive = put(empty_mirror)
    data = sources.load_tags("semcor")
    assert data.train.sentences[0][1:] == ["Fulton", "County", "Grand", "Jury", "said", "recent", "."]
    assert data.train.tags[0] == ["O", "B-noun.Tops", *["I-noun.Tops"] * 3, "B-verb.communication", "B-adj.all", "O"]
    assert data.files == (archive,)


def test_the_split_is_by_file_and_leaves_out_texts_with_verbs_only(empty_mirror: Path) -> None:
    put(empty_mirror)
    data = sources.load_tags("semcor")
    first = [[sentence[0] for sentence in part.sentences] for part in (data.train, data.validation, data.test)]
    assert [len(files) for files in first] == [82 + 66, 11 + 9, 10 + 8]
    assert first[2][0] == "brown1/tagfiles/br-093.xml"
    assert not any(name.startswith("brownv") for files in first for name in files)
    assert len(semcor.sentences(data.files[0])) == 352


@pytest.mark.parametrize(
    ("lexsn", "name"),
    # The examples of lexnames(5WN) and of two senses.
    [
        ("", ""),
        ("1:03:00::", "noun.Tops"),
        ("2:43:00::", "verb.weather"),
        ("3:44:00::", "adj.ppl"),
        ("1:14:00::;1:15:00::", "noun.group"),
        ("4:02:00::", "adv.all"),
    ],
)
def test_the_second_number_of_a_sense_is_its_lexicographer_file(lexsn: str, name: str) -> None:
    assert semcor.supersense(lexsn) == name
    assert len(semcor.LEXNAMES) == 45


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("</s>", "", r"br-000\.xml:[89]: broken XML"),
        ("1:03:00::", "1:45:00::", "br-000.xml: sentence 1: lexsn='1:45:00::'"),
        ("1:03:00::", "Jury", "br-000.xml: sentence 1: lexsn='Jury'"),
        ("said<", "_<", "br-000.xml: sentence 1: .*'_'"),
    ],
)
def test_faults_are_named_by_their_place(empty_mirror: Path, old: str, new: str, problem: str) -> None:
    put(empty_mirror, SENTENCE.replace(old, new))
    with pytest.raises(ValueError, match=problem):
        sources.load_tags("semcor")
