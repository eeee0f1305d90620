"""All 50,000 IMDB reviews in the standard split (Maas et al. 2011): 25,000 to train on, 25,000 to test on.

Stanford's archive says which review is for what. Kaggle's CSV does not; it can be used where `index.tsv.xz` lies beside
it: one row a review in the order of the CSV, with the columns split (train, test) and label (pos, neg). Of the 25,000
test texts 123 also stand among the 25,000 training texts, word for word; the split is used as published.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from mt2st import paths
from mt2st.data.dataset import Dataset, Sizes
from mt2st.data.files.download import first_intact
from mt2st.data.files.text import read_table
from mt2st.data.texts import imdb

HALF = 25_000  # reviews
NEEDS = (
    "needs IMDB with its standard split: run `mt2st data fetch imdb-full` (80 MB), or put {archive} from Stanford into "
    "{folder} or a folder named by MT2ST_DATA_MIRROR"
)


def locate() -> Path:
    """Return the archive, or a CSV with its index beside it: in the mirror, else among the downloads.

    Raises MissingData with the command that gets it; DamagedData if all there is was cut off or altered.
    """
    files = (file for file in imdb.candidates() if file.name == imdb.ARCHIVE or file.with_name(imdb.INDEX).exists())
    needs = NEEDS.format(archive=imdb.ARCHIVE, folder=paths.downloads())
    return first_intact(files, imdb.is_intact, needs, "imdb-full")


def files() -> tuple[Path, ...]:
    """Return the archive alone, or the CSV and its index."""
    file = locate()
    return (file,) if file.name == imdb.ARCHIVE else (file, file.with_name(imdb.INDEX))


def check(file: Path) -> None:
    """Check an archive, a CSV or its index; raises ValueError or DamagedData."""
    if file.name != imdb.INDEX:
        imdb.check(file)
    elif len(read_table(file, ("split", "label"), "\t")) != 2 * HALF:
        raise ValueError(f"{file} does not have {2 * HALF:,} rows")


def read(file: Path, index: Path | None = None) -> pd.DataFrame:
    """Read all reviews of an archive or of a CSV with its index: columns review, label (1: positive), split.

    Raises ValueError naming the file if the index is of another CSV, or if there are not 25,000 reviews of each split.
    """
    frame = imdb.read(file)
    if index is not None:
        origins = read_table(index, ("split", "label"), "\t")
        if frame["label"].tolist() != (origins["label"] == "pos").astype(int).tolist():
            raise ValueError(
                f"{index} does not belong to {file}: labels differ; delete one of them and run "
                "`mt2st data fetch imdb-full`"
            )
        frame["split"] = origins["split"]
    counts = frame["split"].value_counts().to_dict()
    if counts != {"train": HALF, "test": HALF}:
        raise ValueError(f"{index or file}: {counts} reviews; 25,000 train and 25,000 test expected")
    return frame[["review", "label", "split"]]


@lru_cache(maxsize=1)
def reviews() -> pd.DataFrame:
    """Return all reviews, preprocessed once (about a minute) and cached: columns tokens, label, split."""
    sources = files()
    return imdb.preprocess("imdb-full", sources, lambda: read(*sources))


def load(seed: int, sizes: Sizes) -> Dataset:
    """Return sentiment of all reviews: the test half as published, validation a stratified part of the other by `seed`.

    Reviews that stand in the training half more than once are not drawn for validation, so that no text is in both.
    Raises ValueError if train and validation are not 25,000 together, or test is not 25,000.
    """
    if (sizes.train + sizes.validation, sizes.test) != (HALF, HALF):
        raise ValueError(f"train + validation and test must be 25,000 each, got {sizes}")
    frame = reviews()
    labels, is_train = frame["label"].to_numpy(), (frame["split"] == "train").to_numpy()
    starts = frame["tokens"].map(lambda tokens: tuple(tokens[: imdb.LONGEST]))  # all that a model reads
    once = ~starts.where(is_train).duplicated(keep=False).to_numpy()
    single = np.flatnonzero(is_train & once)
    chosen, _ = train_test_split(single, train_size=sizes.validation, random_state=seed, stratify=labels[single])
    kept = np.setdiff1d(np.flatnonzero(is_train), chosen)
    parts = (kept, chosen, np.flatnonzero(~is_train))
    sources = (*files(), *imdb.preprocessing().files)
    return imdb.assemble("sentiment", imdb.CLASSES, frame["tokens"], labels, parts, sources)
