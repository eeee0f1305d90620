"""Tags that can be had for any text: letter case, frequency, and spans of mark-up as IOB2."""

import math
from collections.abc import Sequence

from mt2st.data.tags.columns import OUTSIDE

CASES = ("none", "lower", "Capitalised", "UPPER", "mixed")


def case_of(token: str) -> str:
    """Return which of `CASES` the letters of a token have; what is not a letter does not count.

    One capital by itself ("A", "A4") is Capitalised; "O'Brien" and "iPhone" are mixed.
    """
    letters = "".join(filter(str.isalpha, token))
    if not letters:
        return "none"
    if letters == letters.lower():
        return "lower"
    if letters[0] != letters[0].lower() and letters[1:] == letters[1:].lower():
        return "Capitalised"
    return "UPPER" if letters == letters.upper() else "mixed"


def frequency_bin(count: int) -> str:
    """Return int(ln n) of a word seen n times, in two digits, after Plank et al. (2016); "00" of an unseen one.

    Ours differs: the paper gives neither the base of the logarithm nor the bin of unseen words.
    """
    return f"{int(math.log(max(1, count))):02}"


def marks_to_iob2(marks: Sequence[int], kind: str) -> list[str]:
    """Return IOB2 tags of marks, 1 for a token inside a span of `kind` and 0 outside.

    Spans without a token between them become one.
    """
    pairs = zip([0, *marks], marks, strict=False)  # each mark with the one before
    return [OUTSIDE if not mark else f"{'I' if before else 'B'}-{kind}" for before, mark in pairs]
