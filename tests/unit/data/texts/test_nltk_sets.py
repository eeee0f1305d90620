import shutil
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import nltk
import numpy as np
import pytest

from mt2st.data.dataset import Dataset, Examples, Sizes
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.texts import nltk_sets

SIZES = Sizes(600, 200, 400)
QUESTIONS = {"ABBR": 95, "DESC": 1300, "ENTY": 1344, "HUM": 1288, "LOC": 916, "NUM": 1009}


def sentences(kind: str, size: int) -> str:
    """Return as many lines as a corpus has of a class, in the form of the corpora: tokens between spaces."""
    return "".join(f"{kind} Sentence , no{i} . \n" for i in range(size))


def members_of(name: str) -> dict[str, str]:
    """Return the files of a corpus in the layout of the real one."""
    match name:
        case "movie_reviews":
            return {
                f"{kind}/cv{i:03}_{i}.txt": f"the {kind} film , \nno{i} . \n"
                for kind in ("neg", "pos")
                for i in range(1000)
            }
        case "sentence_polarity":
            return {f"rt-polarity.{kind}": sentences(kind, 5331) for kind in ("neg", "pos")}
        case "qc":
            asked = [f"{kind}:other {kind} Question no{i} ?\n" for kind, size in QUESTIONS.items() for i in range(size)]
            return {"test.txt": "".join(asked[::12]), "train.txt": "".join(asked[i] for i in range(5952) if i % 12)}
    return {
        "plot.tok.gt9.5000": sentences("Obj", 5000),
        "quote.tok.gt9.5000": sentences("Subj", 5000),
        "README.txt": "no sentence\n",
    }


def pack(file: Path, members: dict[str, str]) -> Path:
    with ZipFile(file, "w") as archive:
        for member, text in members.items():
            archive.writestr(f"{file.stem}/{member}", text)
    return file


@pytest.fixture(scope="module")
def archives(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the corpora and the stop words, once for all tests."""
    folder = tmp_path_factory.mktemp("corpora")
    shutil.copytree(written / "nltk_data", folder / "nltk_data")
    for name in nltk_sets.CORPORA:
        pack(folder / "nltk_data" / "corpora" / f"{name}.zip", members_of(name))
    return folder


@pytest.fixture(params=list(nltk_sets.CORPORA))
def corpus(request: pytest.FixtureRequest, archives: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return each corpus in turn, in a mirror with all of them; preprocessed once for all tests."""
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(archives))
    monkeypatch.setenv("MT2ST_CACHE", str(archives / "cache"))
    return archives / "nltk_data" / "corpora" / f"{request.param}.zip"


@pytest.fixture
def corpora(mirror: Path) -> Path:
    """Return a mirror's folder of NLTK's corpora with stop words alone in it."""
    return mirror / "nltk_data" / "corpora"


def load(file: Path, seed: int = 0, sizes: Sizes = SIZES) -> Dataset:
    return nltk_sets.load(file.stem, seed, sizes)


def texts_of(dataset: Dataset) -> list[set[tuple[str, ...]]]:
    return [{tuple(text) for text in part.texts} for part in (dataset.train, dataset.validation, dataset.test)]


def test_parts_have_the_sizes_asked_for_classes_in_proportion_and_no_common_text(corpus: Path) -> None:
    dataset = load(corpus)
    of_classes = np.array([list(counts.values()) for counts in dataset.counts().values()])
    shares = np.array(nltk_sets.CORPORA[corpus.stem].sizes) / sum(nltk_sets.CORPORA[corpus.stem].sizes)
    assert np.abs(of_classes - np.outer([600, 200, 400], shares)).max() < 1
    assert [len(texts) for texts in texts_of(dataset)] == [600, 200, 400]
    assert len(set.union(*texts_of(dataset))) == SIZES.total


def test_the_seed_alone_determines_the_split(corpus: Path) -> None:
    first, again, other = (texts_of(load(corpus, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first[0] != other[0]


def test_labels_are_those_of_the_files(corpus: Path) -> None:
    dataset = load(corpus)
    classes = {"neg": "negative", "pos": "positive", "obj": "objective", "subj": "subjective"}
    classes |= {kind.lower(): kind for kind in QUESTIONS}
    for part in (dataset.train, dataset.validation, dataset.test):
        assert [classes[text[0]] for text in part.texts] == [dataset.classes[label] for label in part.labels]


def test_word_vectors_see_the_training_texts_alone(corpus: Path) -> None:
    dataset = load(corpus)
    assert {tuple(text) for text in dataset.background.tokens} == texts_of(dataset)[0]


def test_reviews_are_preprocessed_as_those_of_imdb_and_sentences_are_not(corpus: Path) -> None:
    assert (
        nltk_sets.texts(corpus.stem, corpus)["tokens"][7]
        == {
            "movie_reviews": ["neg", "film", "no7"],
            "sentence_polarity": ["neg", "sentence", ",", "no7", "."],
            "subjectivity": ["obj", "sentence", ",", "no7", "."],
            "qc": ["abbr", "question", "no8", "?"],  # each twelfth is in the file that is read last
        }[corpus.stem]
    )


def test_the_data_set_names_its_files(corpus: Path) -> None:
    stop_words = (corpus.with_name("stopwords.zip"),) if corpus.stem == "movie_reviews" else ()
    assert load(corpus).files == (corpus, *stop_words)


def test_texts_that_begin_with_the_same_100_tokens_are_left_out_but_for_one(
    corpora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = members_of("movie_reviews")
    for i, name in enumerate(["neg/cv005_5.txt", "neg/cv006_6.txt", "pos/cv007_7.txt"]):
        members[name] = "same " * 100 + f"end{i}"
    file = pack(corpora / "movie_reviews.zip", members)
    frame = nltk_sets.texts("movie_reviews", file)
    assert frame["label"].value_counts().to_dict() == {0: 999, 1: 999}
    assert frame["tokens"][5] == ["same"] * 100 + ["end0"]
    assert capsys.readouterr().err.strip() == "movie_reviews: 2 repeated texts left out"


def test_more_texts_than_there_are_are_refused(corpus: Path) -> None:
    there_are = sum(nltk_sets.CORPORA[corpus.stem].sizes)
    with pytest.raises(ValueError, match=f"{there_are + 1} examples"):
        load(corpus, sizes=Sizes(there_are - 199, 100, 100))


def test_a_corpus_with_a_sentence_missing_is_refused(corpora: Path) -> None:
    members = members_of("subjectivity")
    members["plot.tok.gt9.5000"] = sentences("obj", 4999)
    file = pack(corpora / "subjectivity.zip", members)
    with pytest.raises(ValueError, match=r"subjectivity\.zip: \(4999, 5000\) texts"):
        nltk_sets.read("subjectivity", file)


def altered(file: Path) -> None:
    content = file.read_bytes()
    at = content.index(b"no100 ")
    file.write_bytes(content[:at] + b"NO" + content[at + 2 :])


def of_another_corpus(file: Path) -> None:
    pack(file.with_name("other.zip"), {"words": "none"}).replace(file)


@pytest.mark.parametrize("damage", [altered, of_another_corpus])
def test_an_unreadable_archive_is_named_with_the_command(damage: Callable[[Path], None], corpora: Path) -> None:
    file = pack(corpora / "sentence_polarity.zip", members_of("sentence_polarity"))
    damage(file)
    with pytest.raises(DamagedData, match=r"polarity\.zip cannot be read .*`mt2st data fetch"):
        load(file)


@pytest.mark.usefixtures("mirror")
def test_a_corpus_that_is_not_here_is_missing_data() -> None:
    for name in nltk_sets.CORPORA:
        with pytest.raises(MissingData, match=f"`mt2st data fetch {name}`"):
            nltk_sets.load(name, 0, SIZES)


def test_a_file_that_nltk_may_not_open_is_not_called_damaged(corpus: Path, tmp_path: Path) -> None:
    file = tmp_path / corpus.name
    shutil.copy(corpus, file)
    with pytest.raises(PermissionError, match=corpus.name):
        nltk_sets.read(corpus.stem, file)


@pytest.mark.parametrize("name", ["movie_reviews", "subjectivity"])
def test_with_few_labels_all_other_texts_are_background_and_none_to_test_on_is_related(
    name: str, archives: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(archives))
    plain, semi = nltk_sets.load(name, 3, SIZES), nltk_sets.load_semi(name, 3, SIZES)
    parts = ("train", "validation", "test")
    assert all(getattr(plain, part).texts == getattr(semi, part).texts for part in parts)
    held_out = {tuple(text) for part in (semi.validation, semi.test) for text in part.texts}
    background = {tuple(text) for text in semi.background.tokens}
    assert background.isdisjoint(held_out)
    assert len(background) == len(nltk_sets.texts(name, nltk_sets.nltk_packages.locate(name))) - 600
    everything = nltk_sets.related("sentence_polarity")
    polarity = semi.background.related["polarity"]
    assert len(polarity.examples) == len(everything.examples) == 10_662
    shared = nltk_sets.Related(Examples([*semi.test.texts[:1], ["other"]], np.array([0, 1])), everything.classes)
    monkeypatch.setattr(nltk_sets, "related", lambda name: shared)
    left = nltk_sets.load_semi(name, 3, SIZES).background.related["polarity"].examples
    assert (left.texts, left.labels.tolist()) == ([["other"]], [1])
