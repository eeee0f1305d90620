"""IMDB reviews (Maas et al. 2011) with the paper's preprocessing.

As the released code does: `<br />` and punctuation removed, lower-cased, NLTK tokens, English stop words removed,
WordNet lemmas, the first 100 tokens; a sample of 1,000 of the 50,000 by `DataFrame.sample(1000, random_state=24)`.
Which reviews that draws depends on their order in the file, which differs between Kaggle's CSV and Stanford's archive.
"""

import re
import string
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path

import nltk
import pandas as pd
from filelock import FileLock
from nltk.corpus import wordnet
from nltk.stem import WordNetLemmatizer
from nltk.tokenize.destructive import NLTKWordTokenizer
from sklearn.model_selection import train_test_split

from mt2st import paths
from mt2st.data.dataset import Background, Dataset, Examples, pieces
from mt2st.embeddings import MissingData

PREPROCESSING_VERSION = 1  # raise when the tokens change; caches and run hashes follow
CLASSES = ("negative", "positive")
SAMPLE, SAMPLE_SEED, LONGEST = 1000, 24, 100
OTHERS = (1000, 500, 500)  # reviews outside the sample: training, validation, test
ARCHIVE = "aclImdb_v1.tar.gz"
CSV_NAMES = ("IMDB Dataset.csv", "IMDB Dataset.csv.xz")
NEEDS = (
    "needs IMDB: run `mt2st data fetch imdb` (80 MB), or put `IMDB Dataset.csv` (or .csv.xz) from Kaggle into "
    "{folder} or a folder named by MT2ST_DATA_MIRROR"
)


@dataclass(frozen=True)
class Preprocessing:
    """Turns a review into tokens. `lemmatise` is None where WordNet is not on this machine."""

    stop_words: frozenset[str]
    lemmatise: Callable[[str], str] | None

    def __call__(self, review: str) -> list[str]:
        """Return lower-cased tokens without punctuation and stop words."""
        text = re.sub(r"<br\s*/?>", " ", review).translate(str.maketrans("", "", string.punctuation)).lower()
        words = [word for word in NLTKWordTokenizer().tokenize(text) if word not in self.stop_words]
        return words if self.lemmatise is None else [self.lemmatise(word) for word in words]


def preprocessing() -> Preprocessing:
    """Return the paper's preprocessing, with WordNet lemmas where WordNet is; raises MissingData without stop words."""
    use_nltk_data()
    try:
        words = frozenset(nltk.data.load("corpora/stopwords/english", format="raw", cache=False).decode().split())
    except LookupError as error:
        raise MissingData("needs NLTK's stop words: run `mt2st data fetch stopwords`") from error
    try:
        wordnet.ensure_loaded()
    except LookupError:
        return Preprocessing(words, None)
    return Preprocessing(words, WordNetLemmatizer().lemmatize)


def use_nltk_data() -> None:
    """Let NLTK look into the mirror and the download folder first."""
    mirror = paths.mirror()
    for folder in [paths.downloads() / "nltk_data", *([mirror / "nltk_data"] if mirror else [])]:
        if str(folder) not in nltk.data.path:
            nltk.data.path.insert(0, str(folder))


def locate() -> Path:
    """Return the CSV or the archive of the reviews: in the mirror, else among the downloads.

    Raises MissingData with the command that gets it.
    """
    for folder in filter(None, (paths.mirror(), paths.downloads())):
        for name in (*CSV_NAMES, ARCHIVE):
            if found := sorted(folder.rglob(name)):
                return found[0]
    raise MissingData(NEEDS.format(folder=paths.downloads()))


@lru_cache(maxsize=2)
def sample(tuning: bool = False) -> pd.DataFrame:
    """Return the paper's sample of 1,000 reviews, preprocessed once and cached: columns tokens, label (1: positive).

    `tuning` draws 1,000 of the remaining 49,000 instead, on which settings may be chosen; in the CSV of the 50,000 that
    the recorded trials were made with, one of them repeats a review of the sample.
    """
    return _prepared("tuning", _draw_tuning) if tuning else _prepared("sample", _draw)


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
    return Dataset("sentiment", CLASSES, train, validation, test, Background([]), (locate(),))


def _draw(reviews: pd.DataFrame) -> pd.DataFrame:
    return reviews.sample(SAMPLE, random_state=SAMPLE_SEED)


def _draw_tuning(reviews: pd.DataFrame) -> pd.DataFrame:
    return _draw(reviews.drop(_draw(reviews).index))


def _draw_others(reviews: pd.DataFrame) -> pd.DataFrame:
    """Draw from the distinct texts that neither the sample nor the reviews for tuning have."""
    seen = {*_draw(reviews)["review"], *_draw_tuning(reviews)["review"]}
    rest = reviews[~reviews["review"].isin(seen)].drop_duplicates("review")
    return rest.sample(sum(OTHERS), random_state=SAMPLE_SEED)


def _prepared(name: str, draw: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Draw from all reviews, preprocess once and cache under `name`: columns tokens, label (1: positive)."""
    file, prepare = locate(), preprocessing()
    lemmas = "lemmas" if prepare.lemmatise else "words"
    cached = paths.cache() / f"imdb-{name}-{PREPROCESSING_VERSION}-{file.stat().st_size}-{lemmas}.parquet"
    with FileLock(f"{cached}.lock"):
        if not cached.exists():
            chosen = draw(read(file))
            frame = pd.DataFrame({"tokens": [prepare(text) for text in chosen["review"]], "label": chosen["label"]})
            part = cached.with_suffix(".part")
            frame.to_parquet(part, index=False)
            part.replace(cached)
    return pd.read_parquet(cached)


def read(file: Path) -> pd.DataFrame:
    """Read all reviews of the CSV or the archive: columns review and label (1: positive).

    Raises ValueError naming the file if it does not hold 50,000 reviews, half of them positive.
    """
    frame = _read_archive(file) if file.name == ARCHIVE else _read_csv(file)
    if len(frame) != 50_000 or frame["label"].sum() != 25_000:
        raise ValueError(f"{file}: {len(frame)} reviews, {frame['label'].sum()} positive; 50,000 and 25,000 expected")
    return frame


def load(seed: int, train: int, validation: int, test: int, tuning: bool = False) -> Dataset:
    """Return sentiment of the 1,000 sampled reviews, split by `seed` into training, validation and test, stratified.

    With `tuning` it is 1,000 other reviews, see `sample`. A `test` of 0 leaves that part empty.

    Vectors and text tasks see the training reviews alone; the released code trains vectors on all 1,000. Raises
    ValueError if the sizes are not 1,000 together.
    """
    frame = sample(tuning)
    if train + validation + test != len(frame):
        raise ValueError(f"train, validation and test must be {len(frame)} together, got {train + validation + test}")
    texts, labels = [list(tokens) for tokens in frame["tokens"]], frame["label"].to_numpy()
    rest, held_out = list(range(len(frame))), list[int]()
    if test:
        rest, held_out = train_test_split(rest, test_size=test, random_state=seed, stratify=labels)
    kept, chosen = train_test_split(rest, test_size=validation, random_state=seed, stratify=labels[rest])
    first, second, third = (
        Examples([texts[i][:LONGEST] or ["."] for i in rows], labels[rows]) for rows in (kept, chosen, held_out)
    )
    background = Background(pieces([texts[i] for i in kept], LONGEST))
    return Dataset("sentiment", CLASSES, first, second, third, background, (locate(),))


def _read_csv(file: Path) -> pd.DataFrame:
    frame = pd.read_csv(file)
    return pd.DataFrame({"review": frame["review"], "label": (frame["sentiment"] == "positive").astype(int)})


def _read_archive(file: Path) -> pd.DataFrame:
    """Read `aclImdb/{train,test}/{pos,neg}/*.txt`, sorted by name so that the order is the same everywhere."""
    pattern = re.compile(r"aclImdb/(train|test)/(pos|neg)/[^/]+\.txt$")
    rows = []
    with tarfile.open(file) as archive:
        for member in archive:
            if (match := pattern.match(member.name)) and (stream := archive.extractfile(member)) is not None:
                rows.append((member.name, stream.read().decode("utf-8"), int(match.group(2) == "pos")))
    return pd.DataFrame(sorted(rows), columns=["name", "review", "label"])
