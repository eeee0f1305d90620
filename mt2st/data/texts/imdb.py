"""IMDB reviews (Maas et al. 2011) with the paper's preprocessing.

As the released code does: `<br />` and punctuation removed, lower-cased, NLTK tokens, English stop words removed,
WordNet lemmas, the first 100 tokens; a sample of 1,000 of the 50,000 by `DataFrame.sample(1000, random_state=24)`.
Which reviews that draws depends on their order in the file, which differs between Kaggle's CSV and Stanford's archive.
"""

import hashlib
import re
import string
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from nltk.stem import WordNetLemmatizer
from nltk.tokenize.destructive import NLTKWordTokenizer
from tqdm.auto import tqdm

from mt2st import paths
from mt2st.data.dataset import Background, Dataset, Examples, Sizes, pieces, stratified_split
from mt2st.data.files import archives, cache, checksums, download
from mt2st.data.files.download import first_intact
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.files.nltk_packages import locate as locate_package
from mt2st.data.files.nltk_packages import use_nltk_data
from mt2st.data.files.text import read_table

PREPROCESSING_VERSION = 1  # raise when the tokens change; caches and run hashes follow
CLASSES = ("negative", "positive")
SAMPLE, SAMPLE_SEED, LONGEST = 1000, 24, 100
OTHERS = (1000, 500, 500)  # reviews outside the sample: training, validation, test
ARCHIVE = "aclImdb_v1.tar.gz"
ARCHIVE_URL = f"https://ai.stanford.edu/~amaas/data/sentiment/{ARCHIVE}"
ARCHIVE_MD5 = "md5:7c2ac02c03563afcf9b574c7e56c153a"  # as torchtext lists it
CSV_NAMES = ("IMDB Dataset.csv", "IMDB Dataset.csv.xz")
INDEX = "index.tsv.xz"  # where each review of the CSV stands in the archive, in its order: split, label, id, rating
NEEDS = (
    "needs IMDB: run `mt2st data fetch imdb` (80 MB), or put `IMDB Dataset.csv` (or .csv.xz) from Kaggle into "
    "{folder} or a folder named by MT2ST_DATA_MIRROR"
)


@dataclass(frozen=True)
class Preprocessing:
    """Turns a review into tokens. `lemmatise` is None where WordNet is not on this machine."""

    stop_words: frozenset[str]
    lemmatise: Callable[[str], str] | None
    files: tuple[Path, ...] = ()

    def __call__(self, review: str) -> list[str]:
        """Return lower-cased tokens without punctuation and stop words."""
        text = re.sub(r"<br\s*/?>", " ", review).translate(str.maketrans("", "", string.punctuation)).lower()
        words = [word for word in NLTKWordTokenizer().tokenize(text) if word not in self.stop_words]
        return words if self.lemmatise is None else [self.lemmatise(word) for word in words]

    @property
    def key(self) -> str:
        """Part of the names of cached files: version, stop words (NLTK's list has changed), and lemmas or not."""
        words = hashlib.sha256(" ".join(sorted(self.stop_words)).encode()).hexdigest()[:8]
        return f"{PREPROCESSING_VERSION}-{words}-{'lemmas' if self.lemmatise else 'words'}"


def preprocessing() -> Preprocessing:
    """Return the paper's preprocessing, with WordNet lemmas where WordNet is.

    Raises MissingData without stop words, and DamagedData where all there is of them, or of WordNet, was cut off.
    """
    file = locate_package("stopwords")
    words = frozenset(archives.texts(file, "^stopwords/english$", 1)["stopwords/english"].split())
    try:
        lemmas = locate_package("wordnet")
    except DamagedData as error:  # its message ends on `mt2st data fetch`, which has no WordNet
        mend = "get it anew with `python -m nltk.downloader wordnet`, or delete it to keep words as they are"
        raise DamagedData(f"{str(error).rpartition(':')[0]}: {mend}") from error
    except MissingData:
        return Preprocessing(words, None, (file,))
    use_nltk_data()  # the lemmatiser looks for WordNet itself
    return Preprocessing(words, WordNetLemmatizer().lemmatize, (file, lemmas))


def preprocess(name: str, files: tuple[Path, ...], read: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the frame that `read` gives, its column `review` turned into `tokens`; done once, then cached by `name`.

    `files` are what `read` reads: other contents, stop words or lemmas are preprocessed anew.
    """
    prepare = preprocessing()
    contents = hashlib.sha256(" ".join(map(checksums.digest, files)).encode()).hexdigest()[:12]

    def prepared() -> pd.DataFrame:
        for package in prepare.files:
            archives.check(package)
        frame = read()
        texts = tqdm(frame.pop("review"), desc=f"preprocessing {name}", unit="text", leave=False, disable=None)
        return frame.assign(tokens=[prepare(text) for text in texts])

    frame = cache.frame(f"{name}-{contents}-{prepare.key}", prepared)
    # A word is kept in memory once, not as often as it occurs: 50,000 reviews have 6 million tokens.
    frame["tokens"] = [[sys.intern(word) for word in tokens] for tokens in frame["tokens"]]
    return frame


def candidates() -> Iterator[Path]:
    """Yield every CSV and archive of the reviews: in the mirror first, then among the downloads."""
    for folder in filter(None, (paths.mirror(), paths.downloads())):
        for name in (*CSV_NAMES, ARCHIVE):
            yield from sorted(folder.rglob(name))


def is_intact(file: Path) -> bool:
    """Whether an archive has the checksum of Stanford's; a CSV has none to compare with, `read` counts its rows."""
    return file.name != ARCHIVE or checksums.matches(file, ARCHIVE_MD5)


def locate() -> Path:
    """Return the CSV or the archive of the reviews: in the mirror, else among the downloads.

    Raises MissingData with the command that gets it; DamagedData if all there is was cut off or altered.
    """
    return first_intact(candidates(), is_intact, NEEDS.format(folder=paths.downloads()), "imdb")


def check(file: Path) -> None:
    """Raise DamagedData for an archive without its checksum, and ValueError for a CSV that is not as published."""
    if first_intact([file], is_intact, "", "imdb").name != ARCHIVE:
        read(file)


def fetch() -> Path:
    """Download the Stanford archive, checked by its MD5; raises ConnectionError that says what else can be done."""
    otherwise = (
        f"check the network, or put {ARCHIVE} from Stanford (for the profile imdb also `IMDB Dataset.csv` from Kaggle) "
        f"into {paths.downloads()}"
    )
    return download.fetch(ARCHIVE_URL, paths.downloads() / ARCHIVE, ARCHIVE_MD5, otherwise)


@lru_cache(maxsize=2)
def sample(tuning: bool = False) -> pd.DataFrame:
    """Return the paper's sample of 1,000 reviews, preprocessed once and cached: columns tokens, label (1: positive).

    `tuning` draws 1,000 of the remaining 49,000 instead, on which settings may be chosen; in the CSV of the 50,000 that
    the recorded trials were made with, one of them repeats a review of the sample.
    """
    return _prepared("tuning", _draw_tuning) if tuning else _prepared("sample", _draw)


@lru_cache(maxsize=2)
def disjoint_sample(number: int) -> pd.DataFrame:
    """Return 1,000 reviews, preprocessed: columns tokens, label (1: positive).

    Samples 0, 1, … share no text with each other, with `sample`, or with the reviews on which settings are chosen and
    tables are scored. Raises ValueError where there are not so many.
    """

    def draw(reviews: pd.DataFrame) -> pd.DataFrame:
        rest = _draw_rest(reviews)
        drawn = rest[SAMPLE * number : SAMPLE * (number + 1)]
        if len(drawn) < SAMPLE:
            raise ValueError(
                f"there are {len(rest) // SAMPLE} disjoint samples of {SAMPLE:,} reviews, no {number + 1}th"
            )
        return drawn

    return _prepared(f"disjoint-{number}", draw)


@lru_cache(maxsize=1)
def rest() -> pd.DataFrame:
    """Return all 45,000 reviews that the disjoint samples are drawn from, preprocessed: columns tokens, label."""
    return _prepared("rest", _draw_rest)


@lru_cache(maxsize=1)
def rest_stars() -> np.ndarray | None:
    """Return the stars that came with each review of `rest`, 1 to 4 or 7 to 10; None where no file has them.

    Stanford's archive has them in the names of its files; Kaggle's CSV does not, but the table `INDEX` beside it may.

    Raises ValueError naming the table if it is of another CSV, MissingData where there are no reviews.
    """
    file = locate()
    index = file.with_name(INDEX)
    if file.name != ARCHIVE and not index.exists():
        return None

    def drawn() -> pd.DataFrame:
        reviews = read(file)
        found = _stars(reviews, index)
        if not ((found >= 7) == (reviews["label"] == 1)).all():
            raise ValueError(f"{index} does not belong to {file}: labels differ; delete one of them")
        return pd.DataFrame({"stars": found}).loc[_draw_rest(reviews).index]

    read_from = [file] if file.name == ARCHIVE else [file, index]
    contents = hashlib.sha256(" ".join(map(checksums.digest, read_from)).encode()).hexdigest()[:12]
    return cache.frame(f"imdb-rest-stars-{contents}", drawn)["stars"].to_numpy()


def _stars(reviews: pd.DataFrame, index: Path) -> "pd.Series[int]":
    """Stars of all reviews, as `read` gives them."""
    if "name" in reviews:  # of the archive: number_stars.txt
        return reviews["name"].str.extract(r"_(\d+)\.txt$")[0].astype(int)
    return read_table(index, ("rating",), "\t")["rating"].astype(int)


def others() -> Dataset:
    """Return sentiment of 2,000 reviews that nothing else has seen: 1,000 for training, 500 each to validate and test.

    They are always the same. No text stands in two parts, in `sample` or in the reviews on which settings are chosen,
    though 418 of the 50,000 reviews repeat another. There is no background text.
    """
    frame = _prepared("held-out", _draw_others)
    texts, labels = [list(tokens)[:LONGEST] or ["."] for tokens in frame["tokens"]], frame["label"].to_numpy()
    train, validation, test = (
        Examples(texts[start:stop], labels[start:stop]) for start, stop in pairwise(accumulate(OTHERS, initial=0))
    )
    return Dataset("sentiment", CLASSES, train, validation, test, Background([]), (locate(), *preprocessing().files))


def _draw(reviews: pd.DataFrame) -> pd.DataFrame:
    return reviews.sample(SAMPLE, random_state=SAMPLE_SEED)


def _draw_tuning(reviews: pd.DataFrame) -> pd.DataFrame:
    return _draw(reviews.drop(_draw(reviews).index))


def _draw_others(reviews: pd.DataFrame) -> pd.DataFrame:
    return _unseen(reviews).sample(sum(OTHERS), random_state=SAMPLE_SEED)


def _draw_rest(reviews: pd.DataFrame) -> pd.DataFrame:
    """Return all other texts in random order."""
    rest = _unseen(reviews)
    return rest[~rest["review"].isin(_draw_others(reviews)["review"])].sample(frac=1, random_state=SAMPLE_SEED)


def _unseen(reviews: pd.DataFrame) -> pd.DataFrame:
    """Return the distinct texts that neither the sample nor the reviews for tuning have."""
    seen = {*_draw(reviews)["review"], *_draw_tuning(reviews)["review"]}
    return reviews[~reviews["review"].isin(seen)].drop_duplicates("review")


def _prepared(name: str, draw: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Draw from all reviews and preprocess: columns tokens, label (1: positive)."""
    file = locate()
    return preprocess(f"imdb-{name}", (file,), lambda: draw(read(file)))


def read(file: Path) -> pd.DataFrame:
    """Read all reviews of the CSV or the archive: columns review and label (1: positive), of the archive also split.

    Raises DamagedData if the archive was cut off or altered, and ValueError naming the file if it does not hold 50,000
    reviews, half of them positive.
    """
    first_intact([file], is_intact, "", "imdb")
    frame = _read_archive(file) if file.name == ARCHIVE else _read_csv(file)
    if len(frame) != 50_000 or frame["label"].sum() != 25_000:
        raise ValueError(f"{file}: {len(frame)} reviews, {frame['label'].sum()} positive; 50,000 and 25,000 expected")
    return frame


def load(seed: int, sizes: Sizes, tuning: bool = False) -> Dataset:
    """Return sentiment of the 1,000 sampled reviews, split by `seed` into training, validation and test, stratified.

    With `tuning` it is 1,000 other reviews, see `sample`. A test size of 0 leaves that part empty.

    Vectors and text tasks see the training reviews alone; the released code trains vectors on all 1,000. Raises
    ValueError if the sizes are not 1,000 together.
    """
    return _split(sample(tuning), seed, sizes)


def load_disjoint(seed: int, sizes: Sizes) -> Dataset:
    """Return sentiment of the disjoint sample number `seed`, split by `seed`, see `load`: seeds share no review."""
    return _split(disjoint_sample(seed), seed, sizes)


def _split(frame: pd.DataFrame, seed: int, sizes: Sizes) -> Dataset:
    if sizes.total != len(frame):
        raise ValueError(f"train, validation and test must be {len(frame)} together, got {sizes.total}")
    labels = frame["label"].to_numpy()
    parts = stratified_split(labels, seed, sizes)
    return assemble("sentiment", CLASSES, frame["tokens"], labels, parts, (locate(), *preprocessing().files))


def assemble(
    name: str,
    classes: tuple[str, ...],
    tokens: Sequence[list[str]],
    labels: np.ndarray,
    parts: tuple[np.ndarray, np.ndarray, np.ndarray],
    files: tuple[Path, ...],
) -> Dataset:
    """Return the data set whose training, validation and test texts are the rows `parts` of `tokens` and `labels` (N,).

    Examples are the first 100 tokens, of an empty text a full stop; the background is all of the training texts.
    """
    train, validation, test = (Examples([tokens[i][:LONGEST] or ["."] for i in part], labels[part]) for part in parts)
    background = Background(pieces([tokens[i] for i in parts[0]], LONGEST))
    return Dataset(name, classes, train, validation, test, background, files)


def _read_csv(file: Path) -> pd.DataFrame:
    frame = read_table(file, ("review", "sentiment"))
    return pd.DataFrame({"review": frame["review"], "label": (frame["sentiment"] == "positive").astype(int)})


def _read_archive(file: Path) -> pd.DataFrame:
    """Read `aclImdb/{train,test}/{pos,neg}/*.txt`, sorted by name so that the order is the same everywhere."""
    reviews = archives.matching(file, r"^aclImdb/(train|test)/(pos|neg)/[^/]+\.txt$")
    rows = [(match.string, review, int(match[2] == "pos"), match[1]) for match, review in reviews]
    return pd.DataFrame(sorted(rows), columns=["name", "review", "label", "split"])
