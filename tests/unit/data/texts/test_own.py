import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import smart_open
from gensim.test.utils import datapath

from mt2st.data.texts import own as table

Row = tuple[str, str]


def rows_of(count: int) -> list[Row]:
    """Return real sentences from gensim's own test corpus, every other one of each class."""
    with Path(datapath("lee_background.cor")).open(encoding="utf-8") as stream:
        lines = [next(stream).strip() for _ in range(count)]
    return [(f"{line[:80]} ({i})", ("short", "long")[i % 2]) for i, line in enumerate(lines)]


def write(file: Path, rows: Sequence[Row], encoding: str = "utf-8") -> Path:
    """Write rows with the header "text" and "label" in the format of the file's suffix."""
    with file.open("w", encoding=encoding, newline="") as stream:
        if file.suffix == ".jsonl":
            stream.writelines(json.dumps({"text": t, "label": y}, ensure_ascii=False) + "\n" for t, y in rows)
        else:
            writer = csv.writer(stream, delimiter="\t" if file.suffix == ".tsv" else ",")
            writer.writerows([("text", "label"), *rows])
    return file


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Return a CSV file of 40 examples without a fault."""
    return write(tmp_path / "good.csv", rows_of(40))


def append(file: Path, text: str) -> Path:
    with file.open("a", encoding="utf-8", newline="") as stream:
        stream.write(text)
    return file


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".CSV", ".Tsv"])
def test_every_format_gives_back_its_rows(tmp_path: Path, suffix: str) -> None:
    rows = rows_of(40)
    file = write(tmp_path / f"texts{suffix.lower()}", rows).rename(tmp_path / f"texts{suffix}")
    frame = table.read(file, "text", "label")
    assert list(frame.columns) == ["text", "label"]
    assert list(frame.itertuples(index=False, name=None)) == rows


def test_csv_tsv_and_json_lines_with_the_same_rows_give_equal_data_sets(tmp_path: Path) -> None:
    rows = [(f'{text}, "quoted", café', label) for text, label in rows_of(60)]
    loaded = [
        table.load(write(tmp_path / f"texts{suffix}", rows), "text", "label", seed=3)
        for suffix in (".csv", ".tsv", ".jsonl")
    ]
    for other in loaded[1:]:
        assert other.classes == loaded[0].classes == ("long", "short")
        for part in ("train", "validation", "test"):
            assert getattr(other, part).texts == getattr(loaded[0], part).texts
            assert getattr(other, part).labels.tolist() == getattr(loaded[0], part).labels.tolist()
        assert other.background.tokens == loaded[0].background.tokens


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_a_byte_order_mark_does_not_matter(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path / f"texts{suffix}", rows_of(40), encoding="utf-8-sig")
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    assert table.read(file, "text", "label")["text"].tolist() == [text for text, _ in rows_of(40)]


def test_windows_line_ends_do_not_matter(good: Path) -> None:
    before = table.read(good, "text", "label")
    good.write_bytes(good.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert table.read(good, "text", "label").equals(before)


def test_other_columns_are_left_out_and_any_order_will_do(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    lines = [f'{i},{label},"{text.replace(chr(34), "")}"' for i, (text, label) in enumerate(rows_of(20))]
    file.write_text("id,topic,body\n" + "\n".join(lines), encoding="utf-8")
    frame = table.read(file, "body", "topic")
    assert frame["label"].tolist() == [label for _, label in rows_of(20)]
    assert frame["text"].tolist() == [text.replace('"', "") for text, _ in rows_of(20)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_words_that_look_like_missing_values_are_texts(tmp_path: Path, suffix: str) -> None:
    rows = [*rows_of(40), ("NA", "long"), ("null", "short"), ("nan", "long"), ("None", "short")]
    frame = table.read(write(tmp_path / f"texts{suffix}", rows), "text", "label")
    assert frame["text"].tolist()[-4:] == ["NA", "null", "nan", "None"]


def test_numbers_in_json_lines_are_class_names(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": t, "label": len(y) % 2}) + "\n" for t, y in rows_of(40)))
    assert set(table.read(file, "text", "label")["label"]) == {"0", "1"}


def test_blank_lines_in_json_lines_are_passed_over(tmp_path: Path) -> None:
    file = write(tmp_path / "texts.jsonl", rows_of(40))
    file.write_text(file.read_text(encoding="utf-8").replace("\n", "\n\n"), encoding="utf-8")
    assert len(table.read(file, "text", "label")) == 40


@pytest.mark.parametrize("mark", ["\N{LINE SEPARATOR}", "\N{NEXT LINE}"])
def test_a_unicode_line_separator_inside_a_json_string_does_not_end_the_line(tmp_path: Path, mark: str) -> None:
    rows = [*rows_of(40), (f"one{mark}two", "long")]
    frame = table.read(write(tmp_path / "texts.jsonl", rows), "text", "label")
    assert frame["text"].tolist()[-1] == f"one{mark}two"


def test_a_file_that_is_not_there_is_named_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.csv"):
        table.read(tmp_path / "missing.csv", "text", "label")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not there"):
        table.read(tmp_path, "text", "label")


@pytest.mark.parametrize("name", ["texts.xlsx", "texts", "texts.xlsx.gz"])
def test_an_unknown_suffix_is_named_with_the_known_ones(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("text,label\n")
    suffix = Path(name.removesuffix(".gz")).suffix
    with pytest.raises(ValueError, match=rf"{name}: .* '{suffix}'.*\.jsonl"):
        table.read(tmp_path / name, "text", "label")


@pytest.mark.parametrize(
    ("text", "label", "fault"),
    [
        ("body", "label", r"has no column 'body' \(--text\); it has: text, label"),
        ("text", "y", r"has no column 'y' \(--label\); it has: text, label"),
        ("Text", "label", r"has no column 'Text' \(--text\)"),
    ],
)
def test_a_wrong_column_is_named_with_its_option_and_the_columns_there(
    good: Path, text: str, label: str, fault: str
) -> None:
    with pytest.raises(ValueError, match=rf"good\.csv {fault}"):
        table.read(good, text, label)


@pytest.mark.parametrize("content", ["", "\n\n", "text,label\n"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_file_without_rows_is_refused(tmp_path: Path, suffix: str, content: str) -> None:
    file = tmp_path / f"empty{suffix}"
    file.write_text(content.replace(",", "\t" if suffix == ".tsv" else ","))
    with pytest.raises(ValueError, match=rf"empty\{suffix} has no rows"):
        table.read(file, "text", "label")


def test_json_lines_without_a_line_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(ValueError, match=r"empty\.jsonl has no rows"):
        table.read(tmp_path / "empty.jsonl", "text", "label")


def test_a_single_class_is_refused_by_name(tmp_path: Path) -> None:
    file = write(tmp_path / "one.csv", [(text, "same") for text, _ in rows_of(30)])
    with pytest.raises(ValueError, match=r"one\.csv: column 'label' has one class only, 'same'"):
        table.load(file, "text", "label")


def test_a_class_of_9_examples_is_refused_and_one_of_10_is_not(tmp_path: Path) -> None:
    texts = [text for text, _ in rows_of(30)]
    enough = write(tmp_path / "ten.csv", [(text, "rare" if i < 10 else "common") for i, text in enumerate(texts)])
    assert table.load(enough, "text", "label").counts()["test"] == {"common": 4, "rare": 2}
    few = write(tmp_path / "nine.csv", [(text, "rare" if i < 9 else "common") for i, text in enumerate(texts)])
    with pytest.raises(ValueError, match=r"nine\.csv: class 'rare' of column 'label' has 9 .* at least 10"):
        table.load(few, "text", "label")


def test_a_column_of_free_text_as_label_is_refused(good: Path) -> None:
    with pytest.raises(ValueError, match=r"column 'text' has 1 .*40 classes"):
        table.load(good, "label", "text")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_latin_1_is_refused_with_line_byte_and_the_command_that_converts(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path / f"texts{suffix}", [*rows_of(40), ("café", "long")], encoding="latin-1")
    line = 41 if suffix == ".jsonl" else 42  # no header in JSON lines
    command = rf"iconv -f LATIN1 -t UTF-8 texts\{suffix} > utf8-texts\{suffix}"
    with pytest.raises(ValueError, match=rf"texts\{suffix}:{line}: .*0xe9.*{command}"):
        table.read(file, "text", "label")


def test_a_row_with_too_many_cells_is_named_by_line(good: Path) -> None:
    with pytest.raises(ValueError, match=r"good\.csv:42: 3 cells, the header has 2; .*double quotes"):
        table.read(append(good, "one, two,long\n"), "text", "label")


def test_rows_that_all_have_a_cell_more_than_the_header_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "texts.csv"
    file.write_text("text,label\n" + "".join(f"well, number {i},{'ab'[i % 2]}\n" for i in range(40)))
    with pytest.raises(ValueError, match=r"texts\.csv.*double quotes"):
        table.read(file, "text", "label")


def test_an_open_quote_is_named_by_row(good: Path) -> None:
    with pytest.raises(ValueError, match=r"good\.csv:42: unexpected end of data .*double quotes"):
        table.read(append(good, '"one two,long\n'), "text", "label")


def test_a_quote_within_a_text_is_part_of_it_and_one_at_its_beginning_is_named_by_line(good: Path) -> None:
    append(good, 'a 5" nail,long\n')
    assert table.read(good, "text", "label")["text"].iloc[-1] == 'a 5" nail'
    with pytest.raises(ValueError, match=r"good\.csv:43: ',' expected after '\"'.*double the quotes"):
        table.read(append(good, '"Good" is what it is,long\nmore,"short"\n'), "text", "label")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"text": "one"', "not JSON"),
        ("one,long", "not JSON"),
        ('["one", "long"]', "expected an object"),
    ],
)
def test_a_broken_json_line_is_named_by_line(tmp_path: Path, line: str, fault: str) -> None:
    file = append(write(tmp_path / "texts.jsonl", rows_of(40)), line + "\n")
    with pytest.raises(ValueError, match=rf"texts\.jsonl:41: {fault}"):
        table.read(file, "text", "label")


@pytest.mark.parametrize(("row", "column"), [(",long\n", "text"), ("   ,long\n", "text"), ("one two,\n", "label")])
def test_empty_cells_are_counted_and_the_first_is_named_by_row(good: Path, row: str, column: str) -> None:
    with pytest.raises(ValueError, match=rf"good\.csv: row 41 has an empty '{column}' \(2 in all\)"):
        table.read(append(good, row * 2), "text", "label")


@pytest.mark.parametrize("line", ['{"label": 0}', '{"text": null, "label": 0}', '{"text": "", "label": 0}'])
def test_a_missing_or_null_text_in_json_lines_is_an_empty_cell(tmp_path: Path, line: str) -> None:
    file = append(write(tmp_path / "texts.jsonl", rows_of(40)), line + "\n")
    with pytest.raises(ValueError, match=r"row 41 has an empty 'text' \(1 in all\)"):
        table.read(file, "text", "label")


def test_a_missing_numeric_label_in_json_lines_is_an_empty_cell(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    lines = [json.dumps({"text": text, "label": i % 2}) for i, (text, _) in enumerate(rows_of(40))]
    file.write_text("\n".join([*lines, '{"text": "one"}']))
    with pytest.raises(ValueError, match=r"row 41 has an empty 'label' \(1 in all\)"):
        table.read(file, "text", "label")


def test_every_fault_is_one_line(good: Path) -> None:
    with pytest.raises(ValueError) as caught:
        table.read(append(good, "one, two,long\n"), "text", "label")
    assert "\n" not in str(caught.value)


def test_the_split_is_70_10_20_and_keeps_the_shares_of_classes(tmp_path: Path) -> None:
    rows = [(text, "rare" if i % 4 == 0 else "common") for i, (text, _) in enumerate(rows_of(200))]
    dataset = table.load(write(tmp_path / "texts.csv", rows), "text", "label", seed=0)
    assert dataset.name == "primary"
    assert dataset.counts() == {
        "train": {"common": 105, "rare": 35},
        "validation": {"common": 15, "rare": 5},
        "test": {"common": 30, "rare": 10},
    }


def test_each_example_is_in_one_part_with_its_own_label(good: Path) -> None:
    dataset = table.load(good, "text", "label", seed=0)
    found = [
        (" ".join(text), dataset.classes[label])
        for part in (dataset.train, dataset.validation, dataset.test)
        for text, label in zip(part.texts, part.labels, strict=True)
    ]
    parity = {f"( {i} )": label for i, (_, label) in enumerate(rows_of(40))}
    assert len(found) == 40
    assert {text[text.rindex("(") :]: label for text, label in found} == parity


def test_the_background_is_the_training_texts_with_their_case(good: Path) -> None:
    dataset = table.load(good, "text", "label", seed=0)
    assert [[word.lower() for word in text] for text in dataset.background.tokens] == list(dataset.train.texts)
    assert any(word != word.lower() for text in dataset.background.tokens for word in text)
    assert dataset.background.tags == {}


def test_the_background_is_all_of_the_training_texts_in_pieces(tmp_path: Path) -> None:
    rows = [(" ".join(f"word{i}" for i in range(250)), "ab"[i % 2]) for i in range(20)]
    dataset = table.load(write(tmp_path / "texts.csv", rows), "text", "label")
    assert [len(piece) for piece in dataset.background.tokens] == [100, 100, 50] * 14
    assert [w for piece in dataset.background.tokens for w in piece] == [w for x in dataset.train.texts for w in x]


def test_texts_are_tokenised_and_lower_cased(tmp_path: Path) -> None:
    rows = [("It can't be, Mr. X!", "ab"[i % 2]) for i in range(20)]
    file = write(tmp_path / "texts.csv", rows)
    assert table.load(file, "text", "label").train.texts[0] == ["it", "ca", "n't", "be", ",", "mr.", "x", "!"]


def test_the_seed_decides_the_split(good: Path) -> None:
    first, again, other = (table.load(good, "text", "label", seed=seed) for seed in (0, 0, 1))
    assert first.test.texts == again.test.texts
    assert first.test.texts != other.test.texts


def test_the_data_set_names_the_users_file(good: Path) -> None:
    assert table.load(good, "text", "label", seed=0).files == (good,)


# --- Files as people have them


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
@pytest.mark.parametrize("packed", ["", ".gz", ".xz", ".bz2"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_encodings_with_a_mark_and_packed_files_are_read(
    tmp_path: Path, suffix: str, packed: str, encoding: str
) -> None:
    rows = [*rows_of(20), ("café", "long")]
    file = write(tmp_path / f"texts{suffix}", rows, encoding)
    if packed:
        with smart_open.open(tmp_path / f"texts{suffix}{packed}", "wb") as out:
            out.write(file.read_bytes())
        file = tmp_path / f"texts{suffix}{packed}"
    assert list(table.read(file, "text", "label").itertuples(index=False, name=None)) == rows


def test_utf_16_without_a_mark_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "texts.csv", rows_of(20), "utf-16-le")
    with pytest.raises(ValueError, match=r"texts\.csv:1: .*UTF-16 without byte-order mark"):
        table.read(file, "text", "label")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_file_may_have_semicolons_or_tabs(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "texts.csv"
    with file.open("w", newline="") as out:
        csv.writer(out, delimiter=separator).writerows([("id", "text", "label"), *((1, t, y) for t, y in rows_of(20))])
    assert list(table.read(file, "text", "label").itertuples(index=False, name=None)) == rows_of(20)


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("text,label,text\none,a,two\n")
    with pytest.raises(ValueError, match=r"twice\.csv has 2 columns 'text' \(--text\); it has: text, label, text"):
        table.read(tmp_path / "twice.csv", "text", "label")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_character_of_zero_is_named(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path / f"texts{suffix}", [*rows_of(20), ("a\0b", "long")])
    with pytest.raises(ValueError, match=r"texts\.csv:22: a byte of zero|row 21 has a character of zero in 'text'"):
        table.read(file, "text", "label")


def test_a_text_of_a_million_characters_is_read(good: Path) -> None:
    assert len(table.read(append(good, "word " * 200_000 + ",long\n"), "text", "label")["text"].iloc[-1]) == 999_999


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"text": ["a"], "label": 0}', "'text' is a list, expected a string"),
        ('{"text": "a", "label": ' + "9" * 5000 + "}", "not JSON .*integer string"),
        ('{"text": ' + "[" * 100_000, "not JSON"),
    ],
)
def test_json_that_is_no_text_is_named_by_line(tmp_path: Path, line: str, fault: str) -> None:
    file = append(write(tmp_path / "texts.jsonl", rows_of(20)), line + "\n")
    with pytest.raises(ValueError, match=rf"texts\.jsonl:21: {fault}"):
        table.read(file, "text", "label")


# --- Parts of their own


def test_a_test_file_is_the_test_part_as_it_stands(good: Path, tmp_path: Path) -> None:
    held = write(tmp_path / "test.csv", [("One !", "long"), ("Two .", "short"), ("Three .", "short")])
    dataset = table.load(good, "text", "label", test=held)
    assert dataset.test.texts == [["one", "!"], ["two", "."], ["three", "."]]
    assert [dataset.classes[i] for i in dataset.test.labels] == ["long", "short", "short"]
    assert {part: len(getattr(dataset, part)) for part in ("train", "validation")} == {"train": 35, "validation": 5}
    assert dataset.files == (good, held)


def test_a_validation_file_is_the_validation_part_as_it_stands(good: Path, tmp_path: Path) -> None:
    held = write(tmp_path / "validation.csv", [("One !", "long"), ("Two .", "short")])
    dataset = table.load(good, "text", "label", validation=held)
    assert dataset.validation.texts == [["one", "!"], ["two", "."]]
    assert {part: len(getattr(dataset, part)) for part in ("train", "test")} == {"train": 32, "test": 8}


def test_with_both_files_all_of_the_data_is_for_training(tmp_path: Path) -> None:
    few = write(tmp_path / "few.csv", [("One !", "long"), ("Two .", "short")])
    other = write(tmp_path / "other.csv", [("Three !", "long")])
    dataset = table.load(few, "text", "label", validation=other, test=few)
    assert dataset.train.texts == dataset.test.texts == [["one", "!"], ["two", "."]]
    assert dataset.validation.texts == [["three", "!"]]


def test_a_class_that_training_does_not_have_is_named(good: Path, tmp_path: Path) -> None:
    held = write(tmp_path / "test.csv", [("One !", "long"), ("Two .", "odd"), ("Three .", "odd")])
    with pytest.raises(ValueError, match=r"test\.csv: row 2 has the class 'odd' in 'label', .*2 in all.*long, short"):
        table.load(good, "text", "label", test=held)
