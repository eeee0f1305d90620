"""CBOW, SkipGram, FastText (both) and GloVe-Twitter, each as one `EmbeddingTable`."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mt2st import paths
from mt2st.data.files import cache
from mt2st.data.files.errors import MissingData
from mt2st.data.files.text import opened
from mt2st.data.files.writing import replacing

TRAINED = ("CBOW", "SkipGram", "CBOWFastText", "SkipGramFastText")
GLOVE = "GloveTwitter"
EMBEDDINGS = (*TRAINED, GLOVE)
SPECIAL = ("<pad>", "<unk>")  # rows 0 and 1, see mt2st.models
FETCH_GLOVE = "mt2st data fetch glove-twitter-100"


@dataclass(frozen=True)
class EmbeddingTable:
    """Words and their vectors: row 0 is padding (zeros), row 1 unknown words (the mean vector), then words by
    falling frequency.
    """

    words: tuple[str, ...]
    vectors: np.ndarray  # (V, d) float32
    source: str
    files: tuple[Path, ...] = ()

    @classmethod
    def of(
        cls, words: Sequence[str], vectors: np.ndarray, source: str, files: tuple[Path, ...] = ()
    ) -> "EmbeddingTable":
        """Put the padding and the unknown row before the vectors (N, d) of `words`."""
        if not len(words):
            raise ValueError(f"{source}: no word is frequent enough to get a vector; give more text")
        rows = np.concatenate([np.zeros_like(vectors[:1]), vectors.mean(0, keepdims=True), vectors])
        return cls((*SPECIAL, *words), rows.astype(np.float32), source, files)

    @cached_property
    def index(self) -> dict[str, int]:
        """Row of each word."""
        return {word: row for row, word in enumerate(self.words) if row >= len(SPECIAL)}

    @property
    def checksum(self) -> str:
        """SHA-256 of the vectors, by which two machines see whether they began with the same table."""
        return hashlib.sha256(np.ascontiguousarray(self.vectors).tobytes()).hexdigest()

    def most_frequent(self, words: int) -> "EmbeddingTable":
        """Return the table of the most frequent words alone, that many at most."""
        size = words + len(SPECIAL)
        return EmbeddingTable(self.words[:size], self.vectors[:size], self.source, self.files)

    def encode(self, tokens: Iterable[str]) -> Tensor:
        """Rows (N,) of tokens, unknown ones as row 1."""
        return torch.tensor([self.index.get(token, 1) for token in tokens], dtype=torch.long)

    def coverage(self, texts: Iterable[Iterable[str]]) -> float:
        """Share of all tokens that have a vector of their own."""
        known = [token in self.index for text in texts for token in text]
        return sum(known) / max(1, len(known))

    def save_word2vec(self, file: Path, vectors: np.ndarray | None = None) -> None:
        """Write word2vec text format, with `vectors` (V, d) in place of the table's own where given."""
        rows = (self.vectors if vectors is None else vectors)[len(SPECIAL) :]
        with replacing(file) as part, part.open("w", encoding="utf-8") as out:
            out.write(f"{len(rows)} {rows.shape[1]}\n")
            for word, row in zip(self.words[len(SPECIAL) :], rows, strict=True):
                out.write(f"{word} {' '.join(f'{x:.6g}' for x in row)}\n")


def load(name: str, sentences: Sequence[Sequence[str]], wanted: set[str], dimensions: int, seed: int) -> EmbeddingTable:
    """Return the table of one of the five embeddings.

    Args:
        name: one of `EMBEDDINGS`.
        sentences: lower-cased text on which word2vec and FastText vectors are trained.
        wanted: words to look up in GloVe, whose whole table (1.2 million words) nobody wants to train.
        dimensions: d of trained vectors; GloVe has what its file has.
        seed: of gensim.

    Raises ValueError on an unknown name and MissingData where no GloVe file is on this machine.
    """
    if name in TRAINED:
        return train(name, sentences, dimensions, seed)
    if name == GLOVE:
        return read_glove(find_glove(), wanted)
    raise ValueError(f"unknown embedding {name!r}; known: {', '.join(EMBEDDINGS)}")


def train(name: str, sentences: Sequence[Sequence[str]], dimensions: int = 100, seed: int = 0) -> EmbeddingTable:
    """Train vectors with gensim as the released code does (window 5, at least 5 occurrences), once; then cached.

    gensim repeats itself only with one worker and a fixed `PYTHONHASHSEED`, which must be set before Python starts:
    so this runs in a child process.
    """
    request = {"name": name, "dimensions": dimensions, "seed": seed, "gensim": version("gensim")}
    text = "\n".join(" ".join(sentence) for sentence in sentences)
    key = hashlib.sha256((json.dumps(request) + text).encode()).hexdigest()[:16]
    words, rows = cache.load(f"vectors/{name}-{key}.npz", lambda part: _train(request, text, part), _read_trained)
    return EmbeddingTable.of(words, rows, name)


def _read_trained(file: Path) -> tuple[list[str], np.ndarray]:
    with np.load(file) as saved:
        return saved["words"].tolist(), saved["vectors"]


def _train(request: dict[str, object], text: str, file: Path) -> None:
    """Train vectors in a child process and write them to `file`; raises ValueError with the reason if that fails."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        Path(folder, "text.txt").write_text(text, encoding="utf-8")
        Path(folder, "request.json").write_text(json.dumps(request))
        done = subprocess.run(
            [sys.executable, "-m", "mt2st.data.train_vectors", folder],
            env=os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ValueError(f"training {request['name']} vectors failed: {done.stderr.strip().splitlines()[-1]}")
        Path(folder, "vectors.npz").replace(file)


def find_glove() -> Path:
    """Return the GloVe-Twitter file with the most dimensions: in the mirror, the data folder or gensim's.

    Raises MissingData with the command that gets it.
    """
    gensim_data = Path(os.environ.get("GENSIM_DATA_DIR", Path.home() / "gensim-data"))
    folders = [folder for folder in (paths.mirror(), paths.downloads(), paths.data(), gensim_data) if folder]
    found = [
        file
        for folder in folders
        for pattern in ("**/glove.twitter*", "**/glove-twitter*")
        for file in sorted(folder.glob(pattern))
        if file.suffix in {".txt", ".gz", ".xz"}
    ]
    if not found:
        raise MissingData(
            f"needs glove-twitter-100: run `{FETCH_GLOVE}` (387 MB), or put a GloVe-Twitter .txt, .gz or .xz file "
            f"into {paths.downloads()} or a folder named by MT2ST_DATA_MIRROR"
        )
    return max(found, key=_dimensions)


def fetch_glove() -> Path:
    """Download glove-twitter-100 with gensim's downloader, which checks its MD5.

    Raises ConnectionError that says what else can be done where the download fails.
    """
    import gensim.downloader  # asks for its folder on import

    gensim.downloader.BASE_DIR = gensim.downloader.base_dir = str(paths.downloads())
    paths.downloads().mkdir(parents=True, exist_ok=True)
    try:
        return Path(gensim.downloader.load("glove-twitter-100", return_path=True))
    except Exception as error:  # gensim raises plain Exception for a wrong checksum, ValueError without a network
        raise ConnectionError(
            f"glove-twitter-100 could not be downloaded ({error}); check the network and try again, or put "
            f"glove.twitter.27B.100d.txt from https://nlp.stanford.edu/projects/glove/ into {paths.downloads()}"
        ) from error


def read_glove(file: Path, wanted: set[str]) -> EmbeddingTable:
    """Read the vectors of `wanted` words from GloVe or word2vec text (`.txt`, `.gz`, `.xz`), in the file's order.

    Raises ValueError naming file and line if a line has another number of values than the first.
    """
    words: list[str] = []
    rows: list[np.ndarray] = []
    width = _dimensions(file)
    with opened(file) as lines:
        for number, line in enumerate(lines, start=1):
            word, *values = line.rstrip().split(" ")
            if number == 1 and len(values) == 1:
                continue  # word2vec header: number of words, dimensions
            if len(values) != width:
                raise ValueError(f"{file}:{number}: expected {width} values, got {len(values)}; fetch the file again")
            if word in wanted:
                words.append(word)
                rows.append(np.array(values, dtype=np.float32))
    return EmbeddingTable.of(words, np.array(rows).reshape(-1, width), file.name, (file,))


def _dimensions(file: Path) -> int:
    """Return the number of values a line, from the first line."""
    with opened(file) as lines:
        values = next(lines, "").split()[1:]
    return int(values[0]) if len(values) == 1 else len(values)
