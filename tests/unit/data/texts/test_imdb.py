import io
import itertools
import tarfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import nltk
import pandas as pd
import pytest

from mt2st import paths
from mt2st.data.dataset import Sizes
from mt2st.data.files import checksums
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.texts import imdb

STOP_WORDS = frozenset(["the", "a", "was", "i", "it", "and"])


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an archive with two reviews, whose checksum counts as the right one."""
    file = tmp_path / imdb.ARCHIVE
    members = {"aclImdb/test/pos/1_9.txt": "great", "aclImdb/train/neg/0_2.txt": "dull", "aclImdb/README": "no review"}
    with tarfile.open(file, "w:gz") as packed:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            packed.addfile(info, io.BytesIO(text.encode()))
    monkeypatch.setattr(imdb, "ARCHIVE_MD5", f"md5:{checksums.digest(file, 'md5')}")
    return file


def test_a_review_is_preprocessed_as_in_the_released_code() -> None:
    prepare = imdb.Preprocessing(STOP_WORDS, None)
    assert prepare("The film<br /><br />was GOOD, and it's Bob's.") == ["film", "good", "its", "bobs"]


def test_lemmas_are_used_where_there_are_some() -> None:
    prepare = imdb.Preprocessing(STOP_WORDS, lambda word: word.removesuffix("s"))
    assert prepare("films and actors") == ["film", "actor"]


@pytest.mark.usefixtures("mirror")
def test_the_sample_is_pandas_sample_of_the_file_and_cached() -> None:
    sample = imdb.sample()
    chosen = pd.read_csv(imdb.locate()).sample(1000, random_state=24)
    assert sample["label"].tolist() == (chosen["sentiment"] == "positive").astype(int).tolist()
    assert [tokens[-1] for tokens in sample["tokens"]] == [text.split()[-1].lower() for text in chosen["review"]]
    assert len(list(paths.cache().glob("imdb-sample-*-words.parquet"))) == 1


@pytest.mark.usefixtures("mirror")
def test_the_split_is_stratified_and_no_review_is_in_two_parts() -> None:
    dataset = imdb.load(3, Sizes(600, 150, 250))
    sizes = [len(part) for part in (dataset.train, dataset.validation, dataset.test)]
    assert sizes == [600, 150, 250]
    share = imdb.sample()["label"].mean()
    assert dataset.test.labels.mean() == pytest.approx(share, abs=1 / 250)
    names = [{text[-1] for text in part.texts} for part in (dataset.train, dataset.validation, dataset.test)]
    assert sum(map(len, names)) == len(set.union(*names)) == 1000
    assert {text[-1] for text in dataset.background.tokens} == names[0]


@pytest.mark.usefixtures("mirror")
def test_reviews_for_tuning_are_drawn_from_those_outside_the_sample() -> None:
    reviews = pd.read_csv(imdb.locate())
    rest = reviews.drop(reviews.sample(1000, random_state=24).index)
    chosen = rest.sample(1000, random_state=24)
    tuning, sample = imdb.sample(tuning=True), imdb.sample()
    names = [tokens[-1] for tokens in tuning["tokens"]]
    assert names == [text.split()[-1].lower() for text in chosen["review"]]
    assert tuning["label"].tolist() == (chosen["sentiment"] == "positive").astype(int).tolist()
    assert set(names).isdisjoint(tokens[-1] for tokens in sample["tokens"])
    assert len(list(paths.cache().glob("imdb-tuning-*-words.parquet"))) == 1


@pytest.mark.usefixtures("mirror")
def test_the_split_for_tuning_can_do_without_a_test_set() -> None:
    dataset = imdb.load(0, Sizes(600, 400, 0), tuning=True)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [600, 400, 0]
    names = [{text[-1] for text in part.texts} for part in (dataset.train, dataset.validation)]
    assert names[0].isdisjoint(names[1])
    assert names[0] | names[1] == {tokens[-1] for tokens in imdb.sample(tuning=True)["tokens"]}
    share = imdb.sample(tuning=True)["label"].mean()
    assert dataset.validation.labels.mean() == pytest.approx(share, abs=1 / 400)
    assert {text[-1] for text in dataset.background.tokens} == names[0]


def test_other_reviews_repeat_neither_one_another_nor_those_that_something_has_seen(mirror: Path) -> None:
    file = mirror / "IMDB Dataset.csv"
    reviews = pd.read_csv(file)
    sample = reviews.sample(1000, random_state=24).index
    tuning = reviews.drop(sample).sample(1000, random_state=24).index
    rest = reviews.index.difference(sample.union(tuning))
    # Only 2,500 texts are left to draw from: all other reviews repeat one of them or of those that were seen.
    for rows, source in [(rest[2500:20_000], sample[0]), (rest[20_000:30_000], tuning[0]), (rest[30_000:], rest[0])]:
        reviews.loc[rows, "review"] = reviews.loc[source, "review"]
    reviews.to_csv(file, index=False)
    dataset = imdb.others()
    parts = [{text[-1] for text in part.texts} for part in (dataset.train, dataset.validation, dataset.test)]
    assert [len(part) for part in parts] == [1000, 500, 500]
    names = set.union(*parts)
    assert len(names) == 2000
    assert names <= {f"no{i}" for i in rest[:2500]}
    for seen in (imdb.sample(), imdb.sample(tuning=True)):
        assert names.isdisjoint({tokens[-1] for tokens in seen["tokens"]})


@pytest.mark.usefixtures("mirror")
def test_disjoint_samples_share_no_review_with_anything_else() -> None:
    names = [imdb.sample(), imdb.sample(tuning=True), imdb.disjoint_sample(0), imdb.disjoint_sample(1)]
    texts = [{tuple(tokens) for tokens in frame["tokens"]} for frame in names]
    held_out = imdb.others()
    texts.append({tuple(text) for part in (held_out.train, held_out.validation, held_out.test) for text in part.texts})
    for one, other in itertools.combinations(texts, 2):
        assert len(one & other) <= 1  # of short reviews the same words can be left
    assert [len(frame) for frame in names] == [1000] * 4
    assert 0.4 < names[2]["label"].mean() < 0.6
    dataset = imdb.load_disjoint(1, Sizes(600, 150, 250))
    rows = [tuple(tokens)[:100] for tokens in names[3]["tokens"]]
    assert {tuple(text) for part in (dataset.train, dataset.test) for text in part.texts} <= {*rows, (".",)}
    with pytest.raises(ValueError, match="disjoint samples"):
        imdb.disjoint_sample(60)


@pytest.mark.usefixtures("mirror")
def test_other_reviews_have_their_labels_and_are_the_same_again() -> None:
    reviews = pd.read_csv(imdb.locate())
    dataset = imdb.others()
    for part in (dataset.train, dataset.validation, dataset.test):
        rows = [int(text[-1].removeprefix("no")) for text in part.texts]
        assert [dataset.classes[label] for label in part.labels] == reviews["sentiment"][rows].tolist()
    again = imdb.others()
    assert [list(text) for text in again.test.texts] == [list(text) for text in dataset.test.texts]
    assert len(list(paths.cache().glob("imdb-held-out-*-words.parquet"))) == 1


def test_the_data_set_names_the_files_it_was_read_from(mirror: Path) -> None:
    files = imdb.load(0, Sizes(600, 150, 250)).files
    assert files == (mirror / "IMDB Dataset.csv", mirror / "nltk_data" / "corpora" / "stopwords.zip")


@pytest.mark.parametrize("change", ["reviews", "stop words"])
def test_other_reviews_or_stop_words_are_preprocessed_anew(change: str, mirror: Path) -> None:
    before = imdb.sample()["tokens"].tolist()
    if change == "reviews":
        frame = pd.read_csv(mirror / "IMDB Dataset.csv")
        frame.sample(frac=1, random_state=0).to_csv(mirror / "IMDB Dataset.csv", index=False)  # no longer, no shorter
    else:
        with ZipFile(mirror / "nltk_data" / "corpora" / "stopwords.zip", "w") as archive:
            archive.writestr("stopwords/english", "film")
    imdb.sample.cache_clear()
    assert imdb.sample()["tokens"].tolist() != before
    assert len(list(paths.cache().glob("imdb-sample-*.parquet"))) == 2


@pytest.mark.usefixtures("mirror")
def test_sizes_must_add_up() -> None:
    with pytest.raises(ValueError, match=r"1000 .* 999"):
        imdb.load(0, Sizes(600, 150, 249))


def test_a_file_with_reviews_missing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "IMDB Dataset.csv"
    pd.DataFrame({"review": ["good", "bad"], "sentiment": ["positive", "negative"]}).to_csv(file, index=False)
    with pytest.raises(ValueError, match=r"IMDB Dataset\.csv: 2 reviews, 1 positive"):
        imdb.read(file)


def test_the_archive_is_read_in_the_order_of_names(archive: Path) -> None:
    frame = imdb._read_archive(archive)
    assert frame[["review", "label", "split"]].to_numpy().tolist() == [["great", 1, "test"], ["dull", 0, "train"]]


def test_the_stars_of_the_archive_are_in_its_names(archive: Path, tmp_path: Path) -> None:
    assert imdb._stars(imdb._read_archive(archive), tmp_path / "no index").tolist() == [9, 2]


def test_stars_of_another_csv_are_refused(mirror: Path, reviews: pd.DataFrame) -> None:
    shuffled = reviews[["split", "label", "id", "rating"]].sample(frac=1, random_state=0)
    shuffled.to_csv(mirror / imdb.INDEX, sep="\t", index=False, compression={"method": "xz", "preset": 0})
    with pytest.raises(ValueError, match=r"index\.tsv\.xz does not belong to .*IMDB Dataset\.csv: labels differ"):
        imdb.rest_stars()


@pytest.mark.parametrize("damage", [lambda content: content[:-40], lambda content: content[:-1] + b"?"])
def test_a_damaged_archive_is_refused_by_name_with_the_command(
    damage: Callable[[bytes], bytes], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(archive.parent))
    assert imdb.locate() == archive
    archive.write_bytes(damage(archive.read_bytes()))
    for refuse in (imdb.locate, lambda: imdb.read(archive)):
        with pytest.raises(DamagedData, match=f"{archive} .*`mt2st data fetch imdb`"):
            refuse()


def test_a_csv_is_used_where_the_archive_is_damaged(mirror: Path) -> None:
    (mirror / "IMDB Dataset.csv").rename(mirror / "z.csv")
    (mirror / imdb.ARCHIVE).write_bytes(b"half")
    with pytest.raises(DamagedData):
        imdb.locate()
    (paths.downloads()).mkdir(parents=True)
    (mirror / "z.csv").rename(paths.downloads() / "IMDB Dataset.csv")
    assert imdb.locate() == paths.downloads() / "IMDB Dataset.csv"


def test_the_checksum_of_an_archive_is_computed_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert imdb.is_intact(archive)
    monkeypatch.setattr("hashlib.file_digest", None)
    assert imdb.is_intact(archive)


def test_without_a_file_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT2ST_HOME", str(tmp_path))
    with pytest.raises(MissingData, match="`mt2st data fetch imdb`"):
        imdb.locate()
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(MissingData, match="`mt2st data fetch stopwords`"):
        imdb.preprocessing()


def test_words_are_not_kept_as_they_are_because_wordnet_was_cut_off(mirror: Path) -> None:
    wordnet = mirror / "nltk_data" / "corpora" / "wordnet.zip"
    with ZipFile(wordnet, "w") as archive:
        archive.writestr("wordnet/index.adv", "words")
    wordnet.write_bytes(wordnet.read_bytes()[:-10])
    with pytest.raises(DamagedData, match=f"{wordnet} is cut off or altered: .*`python -m nltk.downloader wordnet`"):
        imdb.preprocessing()


def test_a_damaged_package_of_the_preprocessing_is_named(mirror: Path) -> None:
    wordnet = mirror / "nltk_data" / "corpora" / "wordnet.zip"
    with ZipFile(wordnet, "w") as archive:
        archive.writestr("wordnet/index.adv", "words")
    wordnet.write_bytes(wordnet.read_bytes().replace(b"words", b"sword"))
    with pytest.raises(ValueError, match=r"wordnet\.zip: wordnet/index\.adv cannot be read"):
        imdb.sample()
