from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mt2st import paths
from mt2st.data.dataset import Dataset, Sizes
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.texts import imdb, imdb_full


@pytest.fixture
def few(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Replace the reviews by 40 and 40; of those for training, 10 are the same for their first 100 tokens."""
    words = ["same"] * imdb.LONGEST
    tokens = [[*words, "end", str(i)] for i in range(10)] + [[f"word{i}"] for i in range(69)] + [[]]
    labels = np.tile([0, 1], 40)
    frame = pd.DataFrame({"tokens": tokens, "label": labels, "split": np.repeat(["train", "test"], 40)})
    monkeypatch.setattr(imdb_full, "HALF", 40)
    monkeypatch.setattr(imdb_full, "reviews", lambda: frame)
    return frame


def texts_of(dataset: Dataset) -> list[list[list[str]]]:
    return [list(part.texts) for part in (dataset.train, dataset.validation, dataset.test)]


def test_the_split_of_the_csv_is_that_of_its_index(mirror: Path, reviews: pd.DataFrame) -> None:
    file, index = imdb_full.files()
    assert (file, index) == (mirror / "IMDB Dataset.csv", mirror / "index.tsv.xz")
    frame = imdb_full.read(file, index)
    assert frame["split"].tolist() == reviews["split"].tolist()
    assert frame["review"].tolist() == reviews["review"].tolist()
    counts = frame.groupby(["split", "label"]).size()
    assert counts.to_dict() == {(split, label): 12_500 for split in ("train", "test") for label in (0, 1)}


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=0)


def one_more_for_training(frame: pd.DataFrame) -> pd.DataFrame:
    changed = frame.copy()
    changed.loc[frame["split"].eq("test").idxmax(), "split"] = "train"
    return changed


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (shuffled, "does not belong to .*IMDB Dataset.csv"),
        (lambda frame: frame[:-1], "does not belong to .*IMDB Dataset.csv"),
        (one_more_for_training, r": \{'train': 25001, 'test': 24999\}"),
    ],
)
@pytest.mark.usefixtures("mirror")
def test_an_index_that_does_not_fit_is_refused(change: Callable[[pd.DataFrame], pd.DataFrame], fault: str) -> None:
    file, index = imdb_full.files()
    changed = change(pd.read_csv(index, sep="\t"))
    changed.to_csv(index, sep="\t", index=False, compression={"method": "xz", "preset": 0})
    with pytest.raises(ValueError, match=f"index.tsv.xz ?{fault}"):
        imdb_full.read(file, index)


def test_the_archive_needs_no_index(mirror: Path, reviews: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    (mirror / "index.tsv.xz").unlink()
    (mirror / imdb.ARCHIVE).write_bytes(b"packed")
    monkeypatch.setattr(imdb, "is_intact", lambda file: True)
    frame = reviews.assign(label=(reviews["sentiment"] == "positive").astype(int), name="")
    monkeypatch.setattr(imdb, "_read_archive", lambda file: frame)
    assert imdb_full.files() == (mirror / imdb.ARCHIVE,)
    assert imdb_full.read(*imdb_full.files())["split"].tolist() == reviews["split"].tolist()


def test_a_csv_without_its_index_is_not_enough(mirror: Path) -> None:
    (mirror / "index.tsv.xz").unlink()
    assert imdb.locate() == mirror / "IMDB Dataset.csv"
    with pytest.raises(MissingData, match="`mt2st data fetch imdb-full`"):
        imdb_full.load(0, Sizes(22_500, 2_500, 25_000))


def test_a_damaged_archive_is_named_with_the_command(mirror: Path) -> None:
    (mirror / "index.tsv.xz").unlink()
    paths.downloads().mkdir(parents=True)
    (paths.downloads() / imdb.ARCHIVE).write_bytes(b"half")
    with pytest.raises(DamagedData, match=r"aclImdb_v1\.tar\.gz .*`mt2st data fetch imdb-full`"):
        imdb_full.locate()


def test_reviews_are_preprocessed_once_and_cached(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb_full, "read", lambda file, index: pd.DataFrame(
        {"review": ["The film was GOOD!", "A bad, bad plot<br />"], "label": [1, 0], "split": ["train", "test"]}
    ))  # fmt: skip
    frame = imdb_full.reviews()
    assert frame["tokens"].tolist() == [["film", "good"], ["bad", "bad", "plot"]]
    assert (frame["label"].tolist(), frame["split"].tolist()) == ([1, 0], ["train", "test"])
    monkeypatch.setattr(imdb_full, "read", None)
    imdb_full.reviews.cache_clear()
    pd.testing.assert_frame_equal(imdb_full.reviews(), frame)


def test_the_test_half_is_kept_as_published(few: pd.DataFrame) -> None:
    for seed in (0, 1):
        dataset = imdb_full.load(seed, Sizes(34, 6, 40))
        assert list(dataset.test.texts) == [*few["tokens"][40:79], ["."]]
        assert dataset.test.labels.tolist() == few["label"][40:].tolist()


def test_validation_is_a_stratified_part_of_the_training_half_by_seed(few: pd.DataFrame) -> None:
    datasets = [imdb_full.load(seed, Sizes(34, 6, 40)) for seed in (0, 0, 1)]
    for dataset in datasets:
        assert dataset.counts()["validation"] == {"negative": 3, "positive": 3}
        both = sorted(texts_of(dataset)[0] + texts_of(dataset)[1])
        assert both == sorted(tokens[: imdb.LONGEST] for tokens in few["tokens"][:40])
    first, again, other = (texts_of(dataset)[1] for dataset in datasets)
    assert first == again != other


@pytest.mark.usefixtures("few")
def test_no_text_is_in_training_and_validation() -> None:
    for seed in range(5):
        train, validation, _ = texts_of(imdb_full.load(seed, Sizes(20, 20, 40)))
        assert [text for text in validation if text in train] == []


@pytest.mark.usefixtures("few")
def test_word_vectors_see_whole_training_reviews_and_no_others() -> None:
    dataset = imdb_full.load(0, Sizes(34, 6, 40))
    background = {word for text in dataset.background.tokens for word in text}
    assert background == {word for text in dataset.train.texts for word in text} | {"end", *map(str, range(10))}


def test_the_data_set_names_its_files(few: pd.DataFrame, mirror: Path) -> None:
    names = [file.relative_to(mirror).as_posix() for file in imdb_full.load(0, Sizes(34, 6, 40)).files]
    assert names == ["IMDB Dataset.csv", "index.tsv.xz", "nltk_data/corpora/stopwords.zip"]


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("sizes", [(22_500, 2_499, 25_000), (22_500, 2_500, 24_999)])
def test_sizes_must_add_up(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="25,000 each"):
        imdb_full.load(0, Sizes(*sizes))
