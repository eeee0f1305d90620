from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mt2st.data.tags.columns import OUTSIDE, TaggedText, follows
from mt2st.data.tags.tagged import TOKENIZER, apart, in_three_parts, sampled, split_in_order, tag_characters, tag_run
from mt2st.data.tags.taggings import marks_to_iob2


def is_iob2(tags: list[str]) -> bool:
    return all(follows(before, tag) for before, tag in pairwise([OUTSIDE, *tags]))


def test_a_run_with_a_gap_is_two_spans() -> None:
    tags = ["O"] * 5
    tag_run(tags, (0, 1, 4), "X")
    assert tags == ["B-X", "I-X", "O", "O", "B-X"]


@given(
    length=some.integers(1, 12),
    places=some.sets(some.integers(0, 11)),
    others=some.sets(some.integers(0, 11)),
)
def test_runs_tag_their_tokens_alone_and_are_iob2(length: int, places: set[int], others: set[int]) -> None:
    first = sorted(place for place in places if place < length)
    second = sorted(place for place in others if place < length and place not in first)
    tags = [OUTSIDE] * length
    tag_run(tags, first, "X")
    tag_run(tags, second, "Y-Z")
    assert is_iob2(tags)
    assert [i for i, tag in enumerate(tags) if tag[2:] == "X"] == first
    assert [i for i, tag in enumerate(tags) if tag[2:] == "Y-Z"] == second


@given(marks=some.lists(some.integers(0, 1)))
def test_marks_become_iob2_that_says_the_same(marks: list[int]) -> None:
    tags = marks_to_iob2(marks, "link")
    assert is_iob2(tags)
    assert [int(tag != OUTSIDE) for tag in tags] == marks
    assert sum(tag == "B-link" for tag in tags) == sum(pair == (0, 1) for pair in pairwise([0, *marks]))


def test_of_stretches_that_share_a_token_the_longer_is_kept() -> None:
    marked = [(0, 3, "SHORT"), (0, 7, "LONG"), (10, 12, "INSIDE")]
    tokens, tags = tag_characters("big old houses.", marked)
    assert tokens == ["big", "old", "houses", "."]
    assert tags == ["B-LONG", "I-LONG", "B-INSIDE", "O"]


@given(
    text=some.text(alphabet="ab'. \n", max_size=30),
    ends=some.lists(some.tuples(some.integers(0, 30), some.integers(0, 30)), max_size=4),
)
def test_characters_become_iob2_over_the_tokens_that_they_touch(text: str, ends: list[tuple[int, int]]) -> None:
    marked = [(min(pair), max(pair), f"kind{i}") for i, pair in enumerate(ends) if max(pair) <= len(text)]
    tokens, tags = tag_characters(text, marked)
    places = list(TOKENIZER.span_tokenize(text))
    assert tokens == [text[start:end] for start, end in places]
    assert len(tags) == len(tokens)
    assert is_iob2(tags)
    for start, end, kind in marked:
        tagged = [i for i, tag in enumerate(tags) if tag[2:] == kind]
        touched = [i for i, (first, last) in enumerate(places) if first < end and start < last]
        assert tagged in ([], touched)
    for i, (first, last) in enumerate(places):
        assert tags[i] == OUTSIDE or any(first < end and start < last for start, end, _ in marked)


@pytest.mark.parametrize(("items", "parts"), [("abcdefghij", ("abcdefgh", "i", "j")), ("abc", ("ab", "c", ""))])
def test_parts_are_eight_one_and_one_tenths(items: str, parts: tuple[str, ...]) -> None:
    assert split_in_order(items) == parts


@given(items=some.lists(some.integers()))
def test_parts_in_order_are_all_items_in_about_the_shares_asked_for(items: list[int]) -> None:
    train, validation, test = split_in_order(items)
    assert [*train, *validation, *test] == items
    assert [len(part) for part in (train, validation, test)] == pytest.approx(
        [len(items) * share for share in (0.8, 0.1, 0.1)], abs=1.01
    )


def test_held_out_sentences_that_others_train_on_are_taken_out() -> None:
    def part(*sentences: str) -> TaggedText:
        return TaggedText(
            [sentence.split() for sentence in sentences], [sentence.lower().split() for sentence in sentences]
        )

    corpus = in_three_parts("one", [part("a b", "x"), part("A b", "c", "x"), part("d", "e f")], False, ())
    other = in_three_parts("other", [part("C", "E F"), part("d"), part("A b")], False, ())
    found = apart(corpus, [other])
    assert found.train == corpus.train
    assert found.validation == part("A b", "x")  # its own training text does not count, nor what others hold out
    assert found.test == part("d")
    assert (found.classes, apart(corpus, [])) == (corpus.classes, corpus)


def test_a_larger_sample_of_sentences_has_the_smaller_one_of_its_seed_in_it() -> None:
    texts = [TaggedText([[f"{part}{i}"] for i in range(size)], [[f"T{i % 3}"] for i in range(size)])
             for part, size in (("a", 40), ("b", 9), ("c", 5))]  # fmt: skip
    corpus = in_three_parts("made up", texts, False, ())
    few, many = (sampled(corpus, size, 1) for size in (8, 32))
    assert [len(few.train), len(few.validation), len(many.train), len(many.validation)] == [8, 2, 32, 8]
    assert [*many.train.sentences[:8]] == [*few.train.sentences]
    assert few.test == corpus.test and few.classes == corpus.classes
    assert sorted([*few.train.sentences, *few.untagged]) == sorted(corpus.train.sentences)
    for (word,), (tag,) in zip(many.train.sentences, many.train.tags, strict=True):
        assert tag == f"T{int(word[1:]) % 3}" and word[0] == "a"
    assert [*sampled(corpus, 8, 2).train.sentences] != [*few.train.sentences]
    with pytest.raises(ValueError, match="made up has 40 sentences for train, 41 are asked for"):
        sampled(corpus, 41, 1)
