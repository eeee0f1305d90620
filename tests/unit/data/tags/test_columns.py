from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mt2st.data.tags.columns import follows, read_columns

NUMBERED = """\
# text = Ada went to Kyoto
1\tAda\tB-PER\t-\tann
2\twent\tO
3\tto\tO
4\tKyoto\tB-LOC\t-\tann

# text = # one
1\t#\tO
2\tone\tO

"""


def write(folder: Path, text: str) -> Path:
    file = folder / "small.conll"
    file.write_text(text, encoding="utf-8")
    return file


def test_sentences_are_read_with_their_tags_and_lines_may_differ_in_length(tmp_path: Path) -> None:
    text = read_columns(write(tmp_path, NUMBERED), 1, 2, number_column=0, iob2=True)
    assert text.sentences == [["Ada", "went", "to", "Kyoto"], ["#", "one"]]
    assert text.tags == [["B-PER", "O", "O", "B-LOC"], ["O", "O"]]
    assert (len(text), text.tokens) == (2, 6)


def test_a_blank_line_may_hold_a_tab_and_be_doubled_and_a_hash_may_be_a_token(tmp_path: Path) -> None:
    text = read_columns(write(tmp_path, "#tag\tO\n# \tO\n\t\n\nyes\tO\n\n"), 0, 1)
    assert text.sentences == [["#tag", "# "], ["yes"]]


def test_a_token_may_hold_a_line_separator_of_unicode(tmp_path: Path) -> None:
    assert read_columns(write(tmp_path, "a\u2028b\tO\n\n"), 0, 1).sentences == [["a\u2028b"]]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("Ada B-PER\n\n", 1, r"1 column\(s\), at least 2 expected"),
        ("Ada\tB-PER\n\tO\n\n", 2, "empty token or tag"),
        ("Ada\t\n\n", 1, "empty token or tag"),
        ("Ada\tO\nLee\tI-PER\n\n", 2, "tag 'I-PER' after 'O' is not IOB2"),
        ("Ada\tB-PER\n\nLee\tI-PER\n\n", 3, "tag 'I-PER' after 'the beginning' is not IOB2"),
        ("Ada\tB-PER\nKyoto\tI-LOC\n\n", 2, "tag 'I-LOC' after 'B-PER' is not IOB2"),
        ("Ada\tPER\n\n", 1, "tag 'PER' after 'the beginning' is not IOB2"),
        ("Ada\tB-PER\n\nLee\tO\n", 3, "no blank line after the last sentence"),
        ("Ada\tB-PER\n\nLee\tO", 3, "no blank line after the last sentence"),
        ("", 1, "no blank line after the last sentence"),
    ],
)
def test_faults_are_named_with_file_and_line(tmp_path: Path, text: str, line: int, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"small\.conll:{line}: {problem}"):
        read_columns(write(tmp_path, text), 0, 1, iob2=True)


def test_a_missing_sentence_boundary_is_seen_by_the_numbers(tmp_path: Path) -> None:
    text = NUMBERED.replace("ann\n\n# text = # one\n", "ann\n")
    with pytest.raises(ValueError, match=r"small\.conll:6: .*'1'"):
        read_columns(write(tmp_path, text), 1, 2, number_column=0)


def test_tags_are_free_where_they_mark_no_spans(tmp_path: Path) -> None:
    assert read_columns(write(tmp_path, "Ada\tI-PER\nruns\tVERB\n\n"), 0, 1).tags == [["I-PER", "VERB"]]


@pytest.mark.parametrize(
    ("previous", "tag", "may"),
    [
        ("O", "O", True),
        ("O", "B-PER", True),
        ("I-PER", "B-PER", True),
        ("B-PER", "I-PER", True),
        ("I-creative-work", "I-creative-work", True),
        ("O", "I-PER", False),
        ("B-LOC", "I-PER", False),
        ("O", "B-", False),
        ("B-", "I-", False),
        ("O", "O-PER", False),
        ("O", "S-PER", False),
    ],
)
def test_what_may_follow_in_iob2(previous: str, tag: str, may: bool) -> None:
    assert follows(previous, tag) is may


KINDS = some.sampled_from(["PER", "creative-work"])


@given(spans=some.lists(some.tuples(KINDS, some.integers(0, 3), some.integers(0, 2))))
def test_spans_written_in_iob2_follow_and_without_their_beginning_do_not(spans: list[tuple[str, int, int]]) -> None:
    tags: list[str] = ["O"]
    for kind, inside, outside in spans:
        written = [f"B-{kind}", *[f"I-{kind}"] * inside]
        assert all(follows(before, tag) for before, tag in pairwise([tags[-1], *written]))
        tags += [*written, *["O"] * outside]
    assert all(follows(before, tag) for before, tag in pairwise(tags))
    for before, tag in pairwise(tag for tag in tags if not tag.startswith("B")):
        assert follows(before, tag) == (tag == "O" or before == tag)
