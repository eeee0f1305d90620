"""CCGbank: the lexical category of each word (Hockenmaier and Steedman 2007), for those who have the LDC's licence."""

import re
from pathlib import Path

from mt2st import paths
from mt2st.data.files.errors import MissingData
from mt2st.data.files.text import read_text
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData, in_three_parts

SECTIONS = (tuple(range(2, 22)), (0,), (23,))  # training, validation, test
LEAF = re.compile(r"\(<L (?P<category>\S+) \S+ \S+ (?P<word>\S+) \S+>\)")


def load() -> SequenceData:
    """Return words and categories: sections 02–21 for training, 00 for validation, 23 for test, as is usual.

    Raises ValueError naming file and line that is not a derivation, and MissingData that says which files to put where.
    """
    files = locate()
    parts = []
    for sections in SECTIONS:
        found = [read(file) for file in files if _section(file) in sections]
        parts.append(
            TaggedText([s for part in found for s in part.sentences], [t for part in found for t in part.tags])
        )
    return in_three_parts("ccgbank", parts, False, files)


def locate() -> tuple[Path, ...]:
    """Return the .auto files of all sections needed, by name; raises MissingData."""
    needed = {section for sections in SECTIONS for section in sections}
    for folder in filter(None, (paths.mirror(), paths.downloads())):
        found = sorted(folder.rglob("wsj_[0-9][0-9]*.auto"))
        files = {file.name: file for file in found if _section(file) in needed}
        if needed == set(map(_section, files.values())):
            return tuple(files[name] for name in sorted(files))
    raise MissingData(
        "needs ccgbank: put the folder data/AUTO of CCGbank (LDC2005T13), with sections 00, 02 to 21 and 23, into "
        f"{paths.downloads()} or a folder named by MT2ST_DATA_MIRROR; `mt2st data fetch ccgbank` cannot download it"
    )


def _section(file: Path) -> int:
    """Section of a file such as wsj_0201.auto."""
    return int(file.name[4:6])


def read(file: Path) -> TaggedText:
    """Read a .auto file: a line that begins with ID=, then a line with the derivation, whose leaves are
    (<L category tag tag word category>).

    Raises ValueError naming the first line that is neither.
    """
    sentences, tags = [], []
    lines = read_text(file).removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if number % 2:
            if not line.startswith("ID=") or number == len(lines):
                raise ValueError(f"{file}:{number}: ID=… and a derivation expected, one line each: {line[:60]!r}")
            continue
        leaves = list(LEAF.finditer(line))
        if not leaves or len(leaves) != line.count("(<L ") or line.count("(") - line.count(")"):
            raise ValueError(f"{file}:{number}: not a derivation with leaves (<L category tag tag word category>)")
        sentences.append([leaf["word"] for leaf in leaves])
        tags.append([leaf["category"] for leaf in leaves])
    return TaggedText(sentences, tags)
