import pytest

from mt2st.data.tags.taggings import CASES, case_of, frequency_bin, marks_to_iob2


@pytest.mark.parametrize(
    ("token", "case"),
    [
        ("word", "lower"), ("3rd", "lower"), ("Paris", "Capitalised"), ("A", "Capitalised"), ("A4", "Capitalised"),
        ("NATO", "UPPER"), ("U.S.", "UPPER"), ("O'Brien", "mixed"), ("iPhone", "mixed"), ("McDonald", "mixed"),
        ("1990", "none"), (".", "none"), ("\u6771\u4eac", "lower"),
    ],
)  # fmt: skip
def test_the_case_of_a_token_is_that_of_its_letters(token: str, case: str) -> None:
    assert case_of(token) == case
    assert case in CASES


@pytest.mark.parametrize(("count", "name"), [(0, "00"), (1, "00"), (2, "00"), (3, "01"), (8, "02"), (30_000, "10")])
def test_a_frequency_bin_is_the_whole_part_of_the_logarithm(count: int, name: str) -> None:
    assert frequency_bin(count) == name


def test_marks_that_touch_are_one_span() -> None:
    assert marks_to_iob2([1, 1, 0, 1], "link") == ["B-link", "I-link", "O", "B-link"]
