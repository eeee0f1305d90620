from pathlib import Path

import pytest

from mt2st.data import sources
from mt2st.data.tags import streusle

# The example of CONLLULEX.md.
ROWS = """\
I O-PRON _ PRON _ _
did O-AUX _ AUX _ _
not O-ADV _ ADV _ _
have B-V.LVC.full-v.stative 1:1 V.LVC.full v.stative _
a o-DET _ DET _ _
good o-ADJ _ ADJ _ _
experience I_ 1:2 _ _ _
w I~-P-p.Topic _ P p.Topic p.Topic
/ O-PUNCT _ PUNCT _ _
Dr. B-N-n.PERSON 3:1 N n.PERSON _
Ghassemlou I_ 3:2 _ _ _
. O-PUNCT _ PUNCT _ _
"""
# The same in the notation of the .vis files, with a line of the corpus that has a weak gap and two labels.
VIS = (
    "1\tI|PRON did|AUX not|ADV have_ a|DET good|ADJ _experience|V.LVC.full-v.stative~w|P-p.Topic /|PUNCT "
    "Dr._Ghassemlou|N-n.PERSON .|PUNCT\n"
    "2\tdid|V-v.change~ ~|PUNCT my|PRON.POSS-`$ ~job|N-n.ACT to|P-p.Recipient:p.Goal\n"
)
WORDS = ["I", "did", "not", "have", "a", "good", "experience", "w", "/", "Dr.", "Ghassemlou", "."]
MWE = ["O", "O", "O", "B-MWE", "O", "O", "B-MWE", "O", "O", "B-MWE", "I-MWE", "O"]
SENSES = [*["O"] * 3, "B-v.stative", "O", "O", "B-v.stative", "B-p.Topic", "O", "B-n.PERSON", "I-n.PERSON", "O"]


def conllulex() -> str:
    lines = []
    for i, row in enumerate(ROWS.splitlines(), start=1):
        form, tag, smwe, category, first, second = row.split()
        lines.append("\t".join([str(i), form, *["_"] * 8, smwe, category, "_", first, second, "_", "_", "_", tag]))
    lines.insert(2, "\t".join(["2.1", "did", *["_"] * 17]))  # an empty node
    return "\n".join(["# sent_id = 1", *lines, "", ""])


def put(mirror: Path, vis: str = VIS, lex: str = "") -> None:
    (mirror / "streusle.ud_train.vis").write_text(vis)
    for part in ("dev", "test"):
        (mirror / f"streusle.ud_{part}.conllulex").write_text(lex or conllulex())


@pytest.mark.parametrize(("name", "tags"), [("streusle-mwe", MWE), ("streusle", SENSES)])
def test_both_notations_give_the_same_tags(empty_mirror: Path, name: str, tags: list[str]) -> None:
    put(empty_mirror)
    data = sources.load_tags(name)
    for part in (data.train, data.test):
        assert part.sentences[0] == WORDS
        assert part.tags[0] == tags
    assert data.is_span


def test_weak_gaps_marks_and_second_labels_leave_no_tags(empty_mirror: Path) -> None:
    put(empty_mirror)
    train = sources.load_tags("streusle").train
    assert train.sentences[1] == ["did", "~", "my", "job", "to"]
    assert train.tags[1] == ["B-v.change", "O", "O", "B-n.ACT", "B-p.Recipient"]


def test_the_columns_of_training_come_before_the_other_notation(empty_mirror: Path) -> None:
    put(empty_mirror)
    released = empty_mirror / streusle.CONLLULEX_TRAIN
    released.write_text(conllulex())
    assert sources.load_tags("streusle").files[0] == released


@pytest.mark.parametrize(
    "line",
    [
        "1 a|DET",
        "1\t",
        "1\ta",
        "1\ta_ b|DET",
        "1\ta|N _b|N",
        "1\ta|N_b|N",
        "1\ta_ b_ c|N _d|N _e|N",
        "1\ta|n",
        "1\ta  b|N",
    ],
)
def test_a_bad_line_of_the_notation_is_named(empty_mirror: Path, line: str) -> None:
    put(empty_mirror, VIS + line + "\n")
    with pytest.raises(ValueError, match=r"streusle\.ud_train\.vis:3: "):
        sources.load_tags("streusle")


def test_lines_with_too_few_columns_are_named(empty_mirror: Path) -> None:
    put(empty_mirror, lex=conllulex().replace("\tO-PRON", ""))
    with pytest.raises(ValueError, match=r"ud_dev\.conllulex: the sentence at line 1 .* nothing in column 19"):
        sources.load_tags("streusle")


def test_a_supersense_inside_an_expression_is_refused(empty_mirror: Path) -> None:
    put(empty_mirror, lex=conllulex().replace("3:2\t_\t_\t_", "3:2\t_\t_\tn.ACT"))
    with pytest.raises(ValueError, match="supersense: 'I did not have"):
        sources.load_tags("streusle-mwe")


def test_every_file_is_pinned() -> None:
    assert all(len(str(file.known)) == 64 for file in streusle.FILES)
