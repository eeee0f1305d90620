from mt2st.data.tags.tagged import split_in_order, tag_characters, tag_run


def test_a_run_with_a_gap_is_two_spans() -> None:
    tags = ["O"] * 5
    tag_run(tags, (0, 1, 4), "X")
    assert tags == ["B-X", "I-X", "O", "O", "B-X"]


def test_of_stretches_that_share_a_token_the_longer_is_kept() -> None:
    marked = [(0, 3, "SHORT"), (0, 7, "LONG"), (10, 12, "INSIDE")]
    tokens, tags = tag_characters("big old houses.", marked)
    assert tokens == ["big", "old", "houses", "."]
    assert tags == ["B-LONG", "I-LONG", "B-INSIDE", "O"]


def test_parts_are_eight_one_and_one_tenths() -> None:
    assert split_in_order("abcdefghij") == ("abcdefgh", "i", "j")
