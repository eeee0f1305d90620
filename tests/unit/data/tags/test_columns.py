import bz2
import gzip
import lzma
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mt2st.data.tags.columns import follows, read_columns, read_own

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


# --- a user's own files

CONLL2003 = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects  VBZ B-VP O\n# NN I-NP O \n\nPeter NNP B-NP B-PER\n\n"


def test_columns_may_be_separated_by_blanks_as_in_conll_2003(tmp_path: Path) -> None:
    text = read_own(write(tmp_path, CONLL2003))
    assert text.sentences == [["EU", "rejects", "#"], ["Peter"]]
    assert text.tags == [["B-ORG", "O", "O"], ["B-PER"]]


def test_between_tabs_a_token_may_hold_blanks_and_comments_are_left_out(tmp_path: Path) -> None:
    text = read_own(write(tmp_path, "# made by hand\n-DOCSTART-\tO\n\nNew York\tB\n#\tO\n\n\n# more\nyes\tO\t\n\n"))
    assert (text.sentences, text.tags) == ([["New York", "#"], ["yes"]], [["B", "O"], ["O"]])


@pytest.mark.parametrize("end", ["\n\n", "\n", "", "\n\n\n\n"])
def test_the_last_blank_line_may_be_missing(tmp_path: Path, end: str) -> None:
    assert read_own(write(tmp_path, f"a\tO\n\nb\tX{end}")).sentences == [["a"], ["b"]]


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".bz2"])
def test_own_files_may_be_utf_16_with_a_mark_and_compressed(tmp_path: Path, suffix: str) -> None:
    packers = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file = tmp_path / f"small.conll{suffix}"
        file.write_bytes(packers[suffix]("é\tO\r\n\r\nday\tX".encode(encoding)))
        assert read_own(file).sentences == [["é"], ["day"]]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("x.csv", "The film,B\n", "1: this is CSV; give a token and its tag a line"),
        ("x.txt", "token,tag\nfilm,B\n", "1: this is CSV"),
        ("x.txt", "film;B\n", "1: this is CSV"),
        ("x.jsonl", "{}\n", "1: this is JSON"),
        ("x.txt", '{"tokens": ["a", "b"]}\n', "1: this is JSON"),
        ("x.txt", '[{"token": "a"}]\n', "1: this is JSON"),
        ("x.txt", "1\tThe\tthe\tDET\t_\t_\t2\tdet\t_\t_\n", "1: this is CoNLL-U"),
        ("x.txt", "film\n", "1: one column"),
        ("x.txt", "a O\n\nb\n", "3: one column"),
        ("x.txt", "a X O\nb O\n", "2: 2 columns, the lines before have 3"),
        ("x.txt", "a\tO\n\tO\n", "2: empty token or tag"),
        ("x.txt", "a\tO\nb\t\n", "2: one column"),
    ],
)
def test_another_format_is_named_for_what_it_is(tmp_path: Path, name: str, text: str, problem: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=rf"^{tmp_path / name}:{problem}"):
        read_own(tmp_path / name)
