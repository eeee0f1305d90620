"""Labels by a rule: each word of a text says whether it is of a kind, which makes an auxiliary task on words.

- `rule:REGEX`: does the word, as it is written, match the regular expression as a whole?
- `words:FILE`: is the word, in any case, in a file with a word a line?
"""

import re
from collections.abc import Callable
from pathlib import Path

from mt2st.data.files.text import read_text

RULE, WORDS = "rule:", "words:"
YES, NO = "yes", "no"


def is_rule(name: str) -> bool:
    """Whether a task's name is a rule."""
    return name.startswith((RULE, WORDS))


def tags(name: str, texts: list[list[str]]) -> list[list[str]]:
    """Return what a rule says of every word of some texts.

    Raises ValueError for a regular expression that is none, a file without words, and a rule that says the same of all
    words; FileNotFoundError where there is no file.
    """
    says = _rule(name)
    found = [[YES if says(word) else NO for word in text] for text in texts]
    said = {tag for text in found for tag in text}
    if len(said) < 2:
        every = "every word" if YES in said else "no word"
        raise ValueError(f"auxiliary task {name!r} holds for {every} of the text: there is nothing to learn")
    return found


def word_list(name: str) -> Path:
    """Return the file of a list; raises FileNotFoundError where it is not there."""
    file = Path(name.removeprefix(WORDS))
    if not file.exists():
        raise FileNotFoundError(f"{file} is not there; give a file with a word a line after {WORDS}")
    return file


def _rule(name: str) -> Callable[[str], bool]:
    if name.startswith(RULE):
        try:
            pattern = re.compile(name.removeprefix(RULE))
        except re.error as error:
            raise ValueError(f"auxiliary task {name!r} is no regular expression: {error}") from error
        return lambda word: bool(pattern.fullmatch(word))
    file = word_list(name)
    listed = {line.strip().lower() for line in read_text(file).splitlines() if line.strip()}
    if not listed:
        raise ValueError(f"{file} has no words; give one a line")
    return lambda word: word.lower() in listed
