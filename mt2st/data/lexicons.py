"""Words and what people say of them: analogies and similarities from gensim's own files, no download; to fetch are 13
similarity sets and a lexicon of opinions.
"""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from gensim.test.utils import datapath
from torch import Tensor

from mt2st.data.files import archives, nltk_packages
from mt2st.data.files import github as upstream
from mt2st.data.files.github import GitHubFile
from mt2st.data.files.text import read_text
from mt2st.data.vectors import EmbeddingTable

OPINIONS, OPINION_WORDS = "opinion_lexicon", 6786
SIMILARITIES = ("wordsim353", "simlex999")
RELEASE = (
    "NoakLiu/MT2ST-Word-Embeddings-Acceleration",
    "1ef738546ae1ac4515d9bd1056738c90f91a1ec5",
)  # with the paper's code
WORD_SIMILARITIES = {
    name: GitHubFile(*RELEASE, f"en/{name}.txt", sha256)
    for name, sha256 in {
        "EN-MC-30": "33ee05911496ff83d95cac351d0746c6f63b9181b605cb7d307f4daa8864511b",
        "EN-MEN-TR-3k": "3df21751d8f69d51619ec62251c045da70815f3fad27736db7c1fc99ff3bfacf",
        "EN-MTurk-287": "a9ae3a9decb75a9700fe0cf18b048c1344774d9f40e0196baf8e34d4cd9d1ce5",
        "EN-MTurk-771": "7b9c566bdb6f82074337c8ab7cedf684eb06e1c33263107df5169fa1cd045988",
        "EN-RG-65": "c243f3a91c3f5d8cf67f21a67f6fb80bde8b6bb060851a6a48e6f2d68ec98c9f",
        "EN-RW-STANFORD": "5108d54dfc746f44f9c3d7e31d2857c37cf71430bc1594175a61a3b89bb0ae1f",
        "EN-SIMLEX-999": "405394ffb7d25f6d0e3c041f87c9f27d29dc6b047506769953e85c4523b11685",
        "EN-SimVerb-3500": "c31adf2ee2954b144117a17f37c19eeeaf8e470b29980168d8f7a816dd1c4386",
        "EN-VERB-143": "37bf50e1f8ccdddbacbc49ff12a4be26820e8d666aa966b698eabd40901821db",
        "EN-WS-353-ALL": "7968d0b0f8851fd1932c0aa998482f12396761774769450b290f142f52942b8c",
        "EN-WS-353-REL": "66a7c88100624d0a391605ff61ce84e11d11ee620d51ec0298da49592838f8fa",
        "EN-WS-353-SIM": "f1da938998863c94e53f72f984a5c6e215f0b46c323aae8f0f4930703a339107",
        "EN-YP-130": "4b963f0771ba8cf1d378de8cd43387c31eae34a5e57e2de3685c53fc2cdd9a73",
    }.items()
}


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
    sections = _analogy_sections()
    rows = [(words, float(not name.startswith("gram"))) for name, section in sections.items() for words in section]
    lexicon = _resolve(rows, table)
    return Lexicon(lexicon.rows, lexicon.values.bool(), lexicon.total)


def analogy_sections(table: EmbeddingTable) -> dict[str, Tensor]:
    """Return the questions (Q, 4) of each section of `analogies`, in the order of the file."""
    return {
        name: _resolve([(words, 0.0) for words in section], table).rows for name, section in _analogy_sections().items()
    }


def _analogy_sections() -> dict[str, list[list[str]]]:
    """Read the questions by section."""
    file = Path(datapath("questions-words.txt"))
    sections: dict[str, list[list[str]]] = {}
    name = ""
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        if line.startswith(":"):
            name = line.removeprefix(":").strip()
            continue
        words = line.lower().split()
        if len(words) != 4:
            raise ValueError(f"{file}:{number}: an analogy has four words, this line has {len(words)}")
        sections.setdefault(name, []).append(words)
    if not sections:
        raise ValueError(f"{file} has no questions; install gensim anew")
    return sections


def similarities(table: EmbeddingTable, name: str) -> Lexicon:
    """Return WordSim-353 ("wordsim353") or SimLex-999 ("simlex999"): pairs of words with human scores from 0 to 10."""
    if name not in SIMILARITIES:
        raise ValueError(f"unknown similarity set {name!r}; known: {', '.join(SIMILARITIES)}")
    file = Path(datapath(f"{name}.tsv" if name == "wordsim353" else f"{name}.txt"))
    rows: list[tuple[list[str], float]] = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            first, second, score = line.lower().split("\t")
            rows.append(([first, second], _score(score)))
        except ValueError as error:
            raise ValueError(f"{file}:{number}: expected word, word and score, got {line!r}") from error
    if not rows:
        raise ValueError(f"{file} has no pairs; install gensim anew")
    return _resolve(rows, table)


def word_similarity_sets() -> dict[str, list[tuple[str, str, float]]]:
    """Return the 13 similarity sets that come with the paper's code: lower-cased pairs and their human scores, by name.

    Scales differ (MEN: 0 to 50, SimLex-999: 0 to 10), and sets share pairs: EN-WS-353-SIM and EN-WS-353-REL are parts
    of EN-WS-353-ALL, EN-MC-30 of EN-RG-65. Raises MissingData with what to do where a file is not here, ValueError
    naming file and line where one does not hold two words and a score.
    """
    return dict(zip(WORD_SIMILARITIES, map(_read_pairs, locate_word_similarities()), strict=True))


def locate_word_similarities() -> tuple[Path, ...]:
    """Return the files of the 13 sets; raises MissingData with what to do unless all of them are here."""
    return tuple(upstream.locate("wordsim", file.name) for file in WORD_SIMILARITIES.values())


def fetch_word_similarities() -> Path:
    """Download the 13 sets and return the first; raises ConnectionError that says what else can be done."""
    return upstream.fetch("wordsim", list(WORD_SIMILARITIES.values()))[0]


def check_word_similarities(file: Path) -> None:
    """Raise ValueError unless a file is one of the 13 as released."""
    upstream.check(WORD_SIMILARITIES.values(), file, _read_pairs)


def word_similarities(table: EmbeddingTable) -> dict[str, Lexicon]:
    """Return `word_similarity_sets` as rows of a table."""
    return {
        name: _resolve([([first, second], score) for first, second, score in pairs], table)
        for name, pairs in word_similarity_sets().items()
    }


def _read_pairs(file: Path) -> list[tuple[str, str, float]]:
    """Read two words and a score a line, separated by tabs or spaces."""
    pairs = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        try:
            first, second, score = line.lower().split()
            pairs.append((first, second, _score(score)))
        except ValueError as error:
            raise ValueError(
                f"{file}:{number}: expected two words and a score, got {line!r}; fetch it again"
            ) from error
    if not pairs:
        raise ValueError(f"{file} is empty; fetch it again")
    return pairs


def _score(cell: str) -> float:
    """Return a finite number; raises ValueError."""
    if not math.isfinite(score := float(cell)):
        raise ValueError(f"{cell} is no score")
    return score


def opinions() -> dict[str, float]:
    """Return the words of the opinion lexicon (Hu and Liu 2004): 1 for a good one, −1 for a bad one, 0 for the three
    that it lists as both.

    Raises MissingData with the command that gets it, ValueError naming the file where it has other words than expected.
    """
    return _read_opinions(locate_opinions())


def locate_opinions() -> Path:
    """Return NLTK's archive of the opinion lexicon; raises MissingData with the command that gets it."""
    return nltk_packages.locate(OPINIONS, command="opinion-lexicon")


def fetch_opinions() -> Path:
    """Download the opinion lexicon; raises ConnectionError that says what else can be done."""
    return nltk_packages.fetch(OPINIONS)


def check_opinions(file: Path) -> None:
    """Raise ValueError or DamagedData unless a file is the opinion lexicon."""
    _read_opinions(file)


def _read_opinions(file: Path) -> dict[str, float]:
    found: Counter[str] = Counter()
    for name, text in archives.texts(file, r"/(negative|positive)-words\.txt$", 2).items():
        words = {line.strip() for line in text.splitlines() if line.strip() and not line.startswith(";")}
        found.update(dict.fromkeys(words, 1 if "positive" in name else -1))
    if len(found) != OPINION_WORDS:
        raise ValueError(f"{file} has {len(found):,} words, {OPINION_WORDS:,} expected: fetch it again")
    return dict(found)


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
