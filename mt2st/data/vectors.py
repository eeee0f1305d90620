"""CBOW, SkipGram, FastText (both) and GloVe-Twitter, each as one `EmbeddingTable`."""

import hashlib
import json
import math
import os
import re
import signal
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mt2st import paths
from mt2st.data.files import cache
from mt2st.data.files.download import first_intact, put_aside
from mt2st.data.files.text import opened_bytes, read_lines
from mt2st.data.files.writing import replacing

TRAINED = ("CBOW", "SkipGram", "CBOWFastText", "SkipGramFastText")
GLOVE = "GloveTwitter"
EMBEDDINGS = (*TRAINED, GLOVE)
MIN_COUNT = 5  # gensim's default, which the released code leaves as it is
SPECIAL = ("<pad>", "<unk>")  # rows 0 and 1, see mt2st.models
GENSIM_NAME = "glove-twitter-100"  # of the set and its folder, in gensim's downloader and here
HEADER = re.compile(r"\d{1,12} \d{1,6}", re.ASCII)  # words and dimensions, with which word2vec text may begin
FETCH_GLOVE = f"mt2st data fetch {GENSIM_NAME}"


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


def load(
    name: str,
    sentences: Sequence[Sequence[str]],
    wanted: set[str],
    dimensions: int,
    seed: int,
    min_count: int = MIN_COUNT,
    by_ngrams: bool = False,
) -> EmbeddingTable:
    """Return the table of one of the five embeddings.

    Args:
        name: one of `EMBEDDINGS`.
        sentences: lower-cased text on which word2vec and FastText vectors are trained.
        wanted: words to look up in GloVe, whose whole table (1.2 million words) nobody wants to train; with `by_ngrams`
            also words to which FastText gives the mean of its vectors of their n-grams, where they are too rare.
        dimensions: d of trained vectors; GloVe has what its file has.
        seed: of gensim.
        min_count: how often a word must occur to get a trained vector.

    Raises ValueError on an unknown name and as `train` and `read_text_vectors` do, and MissingData where no GloVe file
    is on this machine.
    """
    if name in TRAINED:
        rare = sorted(wanted) if by_ngrams and name.endswith("FastText") else ()
        return train(name, sentences, dimensions, seed, min_count, rare)
    if name == GLOVE:
        return read_text_vectors(find_glove(), wanted)
    raise ValueError(f"unknown embedding {name!r}; known: {', '.join(EMBEDDINGS)}")


def train(
    name: str,
    sentences: Sequence[Sequence[str]],
    dimensions: int = 100,
    seed: int = 0,
    min_count: int = MIN_COUNT,
    rare: Sequence[str] = (),
) -> EmbeddingTable:
    """Train vectors with gensim as the released code does (window 5), once; then cached.

    gensim repeats itself only with one worker and a fixed `PYTHONHASHSEED`, which must be set before Python starts:
    so this runs in a child process. FastText also gives vectors to `rare` words, from their n-grams. Raises ValueError
    where no word occurs `min_count` times, and where the child fails or is killed.
    """
    request = {"name": name, "dimensions": dimensions, "seed": seed, "min_count": min_count, "rare": list(rare)}
    request |= {"gensim": version("gensim"), "sentences": [list(sentence) for sentence in sentences]}
    text = json.dumps(request)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]

    def make(part: Path) -> None:
        if max(Counter(chain.from_iterable(sentences)).values(), default=0) < min_count:
            raise ValueError(
                f"{name}: no word of the text occurs {min_count} times and gets a vector; lower --min-count, or give "
                "more text"
            )
        _train(name, text, part)

    words, rows = cache.load(f"vectors/{name}-{key}.npz", make, _read_trained)
    return EmbeddingTable.of(words, rows, name)


def _read_trained(file: Path) -> tuple[list[str], np.ndarray]:
    with np.load(file) as saved:
        words, rows = saved["words"].tobytes().decode("utf-8").split("\n"), saved["vectors"]
    if len(words) != len(rows):
        raise ValueError(f"{len(words)} words, {len(rows)} vectors")
    return words, rows


def _train(name: str, request: str, file: Path) -> None:
    """Train vectors in a child process, which writes `file`; raises ValueError with the reason if that fails."""
    done = subprocess.run(
        [sys.executable, "-m", "mt2st.data.train_vectors", file],
        input=request,
        env=os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode < 0:
        killed = signal.Signals(-done.returncode).name
        raise ValueError(f"training {name} vectors was ended by {killed}; if memory ran out, give less text")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ValueError(f"training {name} vectors failed: {reason}")


def find_glove() -> Path:
    """Return the GloVe-Twitter file with the most dimensions: in the mirror, the data folder or gensim's.

    Files whose first row cannot be read are passed over. Raises MissingData with the command that gets one, and
    DamagedData if there are only such files.
    """
    gensim_data = Path(os.environ.get("GENSIM_DATA_DIR", Path.home() / "gensim-data"))
    folders = [folder for folder in (paths.mirror(), paths.downloads(), paths.data(), gensim_data) if folder]
    dimensions = {
        file: _dimensions(file)
        for folder in folders
        for pattern in ("**/glove.twitter*", "**/glove-twitter*")
        for file in sorted(folder.glob(pattern))
        if file.suffix in {".txt", ".gz", ".xz"} and ".damaged" not in file.parent.suffix
    }
    needs = (
        f"needs {GENSIM_NAME}: run `{FETCH_GLOVE}` (387 MB), or put a GloVe-Twitter .txt, .gz or .xz file into "
        f"{paths.downloads()} or a folder named by MT2ST_DATA_MIRROR"
    )
    widest = sorted(dimensions, key=dimensions.__getitem__, reverse=True)
    return first_intact(widest, lambda file: dimensions[file] > 0, needs, GENSIM_NAME)


def _dimensions(file: Path) -> int:
    """Return the number of values of the first row, 0 where it cannot be read."""
    try:
        return len(next(_rows(file))[2])
    except ValueError:
        return 0


def fetch_glove() -> Path:
    """Download glove-twitter-100 with gensim's downloader, which checks its MD5.

    Raises ConnectionError that says what else can be done where the download fails.
    """
    import gensim.downloader  # asks for its folder on import

    gensim.downloader.BASE_DIR = gensim.downloader.base_dir = str(paths.downloads())
    folder = paths.downloads() / GENSIM_NAME
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():  # gensim takes any folder for a finished download
        put_aside(folder, f"{folder} has no vectors that can be read")
    try:
        return Path(gensim.downloader.load(GENSIM_NAME, return_path=True))
    except Exception as error:  # gensim raises plain Exception for a wrong checksum, ValueError without a network
        raise ConnectionError(
            f"{GENSIM_NAME} could not be downloaded ({error}); check the network and try again, or put "
            f"glove.twitter.27B.100d.txt from https://nlp.stanford.edu/projects/glove/ into {paths.downloads()}"
        ) from error


def read_text_vectors(file: Path, wanted: set[str]) -> EmbeddingTable:
    """Read the vectors of `wanted` words from word2vec or GloVe text, plain or compressed, in the file's order.

    A first line with the number of words and of dimensions may be there or not. A word may hold blanks, as some of
    GloVe's do; of the other words after the first row only the number of values is checked.

    Raises ValueError naming file and line, and how to mend it: no text or not UTF-8, another number of values than the
    first row or the first line has, a wanted word twice or with a value that is no finite number, fewer rows than the
    first line says; ValueError naming the file where it has no wanted word.
    """
    found: dict[str, np.ndarray] = {}
    width = 0
    for number, word, values in _rows(file):
        if word not in wanted:
            continue
        if word in found:
            raise ValueError(f"{file}:{number}: a second vector of {word!r}; delete one of the two lines")
        found[word] = _numbers(values, f"{file}:{number}")
        width = len(values)
    if not found:
        raise ValueError(f"{file} has none of the {len(wanted)} words wanted; give vectors of the text's language")
    rows = np.array(list(found.values())).reshape(-1, width)
    return EmbeddingTable.of(list(found), rows, file.name, (file,))


def check_text_vectors(file: Path) -> None:
    """Read a file to its end as `read_text_vectors` does; raises ValueError as it does, but not for values."""
    deque(_rows(file), maxlen=0)


def _rows(file: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line number, word and values of each row of word2vec or GloVe text."""
    _refuse_binary(file)
    width = size = count = number = 0
    for number, line in enumerate(read_lines(file), start=1):
        cells = line.rstrip(" \t").split(" ")  # a word may be, or hold, another blank that Unicode knows
        if number == 1 and HEADER.fullmatch(line.rstrip(" \t")):
            size, width = map(int, cells)
            continue
        if cells == [""]:
            continue
        width = width or len(cells) - 1
        if len(cells) - 1 < max(1, width) or any(not cell or _is_number(cell) for cell in cells[1:-width]):
            said = "the first line says" if size else "the first row has"
            raise ValueError(
                f"{file}:{number}: {len(cells) - 1} values after the word, {said} {width}; give a word and its values "
                "a line, separated by one blank, or get the file anew"
            )
        if not count:  # a row of another format would tell a wrong width
            _numbers(cells[-width:], f"{file}:{number}")
        count += 1
        yield number, " ".join(cells[:-width]), cells[-width:]
    if not count:
        raise ValueError(f"{file} has no vectors: it is empty; get it anew")
    if count < size:
        raise ValueError(f"{file}:{number}: ends after {count:,} of {size:,} words: cut off? get it anew")


def _refuse_binary(file: Path) -> None:
    """Raise ValueError for word2vec's binary format: the line of text it begins with is followed by bytes."""
    with opened_bytes(file) as stream:
        start = stream.read(1 << 13)
    if re.match(rb"\d+ \d+\n", start) and any(byte < ord("\t") for byte in start):
        text = f"{file.name.removesuffix('.bin')}.txt"
        raise ValueError(
            f"{file}:2: not text but word2vec's binary format; convert it: python -c \"from gensim.models import "
            f"KeyedVectors as K; K.load_word2vec_format('{file}', binary=True).save_word2vec_format('{text}')\""
        )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(cells: list[str], where: str) -> np.ndarray:
    """Return values as float32; raises ValueError naming the first that is no finite number of 32 bits."""
    with np.errstate(over="ignore"):
        values = np.array([float(cell) if _is_number(cell) else math.nan for cell in cells]).astype(np.float32)
    if not np.isfinite(values).all():
        first = int(np.argmin(np.isfinite(values)))
        raise ValueError(
            f"{where}: value {first + 1} is {cells[first][:40]!r}, no finite number; mend or delete the line"
        )
    return values
