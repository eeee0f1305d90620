"""Sentence compression: which tokens of a news sentence its headline-like short form keeps (Filippova and Altun 2013).

Google's data is not fetched: its files are large, and whoever uses it accepts its terms.
"""

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from mt2st import paths
from mt2st.data.files import github as upstream
from mt2st.data.files.errors import MissingData
from mt2st.data.files.text import read_text
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData, in_three_parts

EVALUATION = "comp-data.eval.json"
KEEP, DELETE = "keep", "delete"
HELD_OUT = 1000  # sentences of each of test and validation


def load() -> SequenceData:
    """Return keep/delete tags: training from all `sent-comp.train*.json` files, the rest from `EVALUATION`.

    Its first 1,000 sentences are the test part, as is usual (Filippova et al. 2015); the next 1,000 are for validation.
    Raises ValueError naming file and line for a broken record, and MissingData that says which files to put where.
    """
    *training, evaluation = files = locate()
    train = [sentence for file in training for sentence in read(file)]
    held_out = list(read(evaluation))[: 2 * HELD_OUT]
    parts = [
        TaggedText([words for words, _ in part], [tags for _, tags in part])
        for part in (train, held_out[HELD_OUT:], held_out[:HELD_OUT])
    ]
    return in_three_parts("compression", parts, False, files)


def locate() -> tuple[Path, ...]:
    """Return training files, in order, and the evaluation file; raises MissingData."""
    folders = [folder for folder in (paths.mirror(), paths.downloads()) if folder]
    names = {
        file.name.removesuffix(".gz").removesuffix(".json"): file
        for folder in reversed(folders)
        for ending in (".gz", "")
        for file in sorted(folder.rglob(f"sent-comp.train*.json{ending}"))
    }
    evaluation = upstream.find(EVALUATION)
    if not names or not evaluation:
        raise MissingData(
            f"needs compression: put sent-comp.train01.json.gz (and more) and {EVALUATION}.gz from "
            f"https://github.com/google-research-datasets/sentence-compression into {paths.downloads()} or a folder "
            "named by MT2ST_DATA_MIRROR; `mt2st data fetch compression` does not download them"
        )
    return *(names[name] for name in sorted(names)), evaluation


def check(file: Path) -> None:
    """Read a file to its end; raises ValueError as `read` does."""
    deque(read(file), maxlen=0)


def read(file: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Read words and tags of each record of a file of JSON objects separated by blank lines.

    The words are those of the nodes of `source_tree`, in the order of their ids. A node is kept, with all its words, if
    an edge of `compression_untransformed` ends in one of them. The root, id -1, is no word.

    Raises ValueError naming the line where a broken record begins.
    """
    start = 1
    for block in read_text(file).split("\n\n"):
        if block.strip():
            try:
                yield _tagged(json.loads(block))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise ValueError(f"{file}: the record at line {start} is broken: {error!r}; get it anew") from error
        start += block.count("\n") + 2


def _tagged(record: dict) -> tuple[list[str], list[str]]:
    """Words and tags of a record."""
    kept = {edge["child_id"] for edge in record["compression_untransformed"]["edge"]}
    words: dict[int, tuple[str, str]] = {}
    for node in record["source_tree"]["node"]:
        ids = [word["id"] for word in node["word"]]
        tag = KEEP if kept.intersection(ids) else DELETE
        words |= {word["id"]: (word["form"], tag) for word in node["word"] if word["id"] >= 0}
    if unknown := kept - words.keys() - {-1}:
        raise ValueError(f"the compression has the word {min(unknown)}, which the sentence has not")
    ordered = [words[i] for i in sorted(words)]
    if not ordered or not all(isinstance(word, str) and word for word, _ in ordered):
        raise ValueError("a sentence without words, or a word without letters")
    return [word for word, _ in ordered], [tag for _, tag in ordered]
