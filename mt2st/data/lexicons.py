"""Analogy questions and word similarities from gensim's own files; no download."""

from dataclasses import dataclass
from pathlib import Path

import torch
from gensim.test.utils import datapath
from torch import Tensor

from mt2st.embeddings import EmbeddingTable

SIMILARITIES = ("wordsim353", "simlex999")


@dataclass(frozen=True)
class Lexicon:
    """The rows of a lexicon whose words are all in a vocabulary, as row indices of its table."""

    rows: Tensor  # (N, 4) questions or (N, 2) pairs
    values: Tensor  # (N,) is_semantic (bool) or human scores (float)
    total: int  # rows before those with unknown words were left out

    @property
    def coverage(self) -> float:
        """Share of the lexicon's rows that are in the vocabulary."""
        return len(self.rows) / self.total


def analogies(table: EmbeddingTable) -> Lexicon:
    """Return the Google analogy questions (Mikolov et al. 2013); sections not named "gram…" are semantic."""
    file = Path(datapath("questions-words.txt"))
    rows: list[tuple[list[str], float]] = []
    semantic = True
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith(":"):
            semantic = not line.removeprefix(":").strip().startswith("gram")
            continue
        words = line.lower().split()
        if len(words) != 4:
            raise ValueError(f"{file}:{number}: an analogy has four words, this line has {len(words)}")
        rows.append((words, semantic))
    lexicon = _resolve(rows, table)
    return Lexicon(lexicon.rows, lexicon.values.bool(), lexicon.total)


def similarities(table: EmbeddingTable, name: str) -> Lexicon:
    """Return WordSim-353 ("wordsim353") or SimLex-999 ("simlex999"): pairs of words with human scores from 0 to 10."""
    if name not in SIMILARITIES:
        raise ValueError(f"unknown similarity set {name!r}; known: {', '.join(SIMILARITIES)}")
    file = Path(datapath(f"{name}.tsv" if name == "wordsim353" else f"{name}.txt"))
    rows: list[tuple[list[str], float]] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            first, second, score = line.lower().split("\t")
            rows.append(([first, second], float(score)))
        except ValueError as error:
            raise ValueError(f"{file}:{number}: expected word, word and score, got {line!r}") from error
    return _resolve(rows, table)


def correlated_pairs(table: EmbeddingTable) -> Lexicon:
    """Pairs of *different* words of both similarity sets that people score at least 5 of 10.

    Algorithm 3 of the paper ranks "correlated words" without saying which those are.
    """
    sets = [similarities(table, name) for name in SIMILARITIES]
    rows, values = torch.cat([s.rows for s in sets]), torch.cat([s.values for s in sets])
    kept = (values >= 5) & (rows[:, 0] != rows[:, 1])
    return Lexicon(rows[kept], values[kept], sum(s.total for s in sets))


def _resolve(rows: list[tuple[list[str], float]], table: EmbeddingTable) -> Lexicon:
    """Keep the rows whose words are all in the vocabulary."""
    known = [(words, value) for words, value in rows if all(word in table.index for word in words)]
    width = len(rows[0][0])
    indices = torch.tensor([[table.index[word] for word in words] for words, _ in known], dtype=torch.long)
    values = torch.tensor([float(value) for _, value in known])
    return Lexicon(indices.reshape(-1, width), values, len(rows))
