import hashlib
import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZipFile

import nltk
import pytest

from mt2st import paths
from mt2st.data import sequences, upstream
from mt2st.data.upstream import GitHubFile
from mt2st.embeddings import MissingData

CONLLU = """\
# sent_id = 1
# text = Cats don't sleep
1\tCats\tcat\tNOUN\tNNS\t_\t3\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
3.1\tever\tever\tADV\tRB\t_\t_\t_\t_\t_
4\tsleep\tsleep\tVERB\tVB\t_\t0\troot\t_\t_

# sent_id = 2
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_

"""
IOB2 = """\
# text = Ada of NASA saw ABBA
1\tAda\tB-PER\t-\tann
2\tof\tO\t-\t-
3\tNASA\tB-ORG\t-\tann
4\tsaw\tB-O\t-\tann
5\tABBA\tB-OTH\t-\tann
6\tlive\tI-OTH\t-\tann

"""
PEOPLE = "Ada\tB-person\nLee\tI-person\nsang\tO\n\t\nHi\tO\n\n"


@pytest.fixture
def mirror(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make an empty mirror, beside an empty project folder."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(folder))
    monkeypatch.setattr(nltk.data, "path", [])
    sequences.load.cache_clear()
    yield folder
    sequences.load.cache_clear()


def put(folder: Path, names: Sequence[str], text: str) -> None:
    for name in names:
        (folder / name).write_text(text, encoding="utf-8")


def put_treebank(folder: Path, files: int) -> Path:
    """Write parsed files as NLTK's archive has them, the number of each in its only sentence."""
    archive = folder / "nltk_data" / "corpora" / "treebank.zip"
    archive.parent.mkdir(parents=True)
    with ZipFile(archive, "w") as packed:
        packed.writestr("treebank/combined/", "")
        packed.writestr("treebank/combined/README", "( (S (NN readme)) )")
        for i in range(1, files + 1):
            tree = f"( (S (NP-SBJ (CD {i}) (-NONE- *T*-1) (-LRB- -LRB-)) (VP (VBZ and\\/or)) (. .)) )\n"
            packed.writestr(f"treebank/combined/wsj_{i:04}.mrg", tree)
    return archive


def test_words_of_a_conllu_file_are_the_syntactic_ones(mirror: Path) -> None:
    put(mirror, [f"en_ewt-ud-{part}.conllu" for part in ("train", "dev", "test")], CONLLU)
    data = sequences.load("ud-ewt")
    assert data.train.sentences == [["Cats", "do", "n't", "sleep"], ["Yes"]]
    assert data.test.tags == [["NOUN", "AUX", "PART", "VERB"], ["INTJ"]]
    assert data.classes == ("AUX", "INTJ", "NOUN", "PART", "VERB")
    assert data.counts()["validation"] == {"sentences": 2, "tokens": 5}
    assert not data.is_span
    assert [file.name for file in data.files] == [f"en_ewt-ud-{part}.conllu" for part in ("train", "dev", "test")]


@pytest.mark.parametrize("line", ["1\tYes\tyes", "Yes\tyes\tINTJ\tUH", "one two"])
def test_a_bad_sentence_of_a_conllu_file_is_named_by_its_line(mirror: Path, line: str) -> None:
    good = CONLLU.splitlines()
    put(mirror, ["en_ewt-ud-train.conllu"], "\n".join([*good[:-2], line, "", ""]))
    put(mirror, ["en_ewt-ud-dev.conllu", "en_ewt-ud-test.conllu"], CONLLU)
    with pytest.raises(ValueError, match=r"en_ewt-ud-train\.conllu: the sentence at line 10 is not CoNLL-U"):
        sequences.load("ud-ewt")


def test_a_conllu_file_that_was_cut_off_is_refused(mirror: Path) -> None:
    put(mirror, ["en_ewt-ud-train.conllu"], CONLLU.removesuffix("\n"))
    put(mirror, ["en_ewt-ud-dev.conllu", "en_ewt-ud-test.conllu"], CONLLU)
    with pytest.raises(ValueError, match=r"en_ewt-ud-train\.conllu:11: no blank line after the last sentence"):
        sequences.load("ud-ewt")


def test_universal_ner_has_three_types_and_all_else_is_outside(mirror: Path) -> None:
    put(mirror, [f"en_ewt-ud-{part}.iob2" for part in ("train", "dev", "test")], IOB2)
    data = sequences.load("uner-ewt")
    assert data.train.tags == [["B-PER", "O", "B-ORG", "O", "O", "O"]]
    assert data.classes == ("O", "B-ORG", "B-PER")
    assert data.is_span
    assert data.counts()["train"] == {"sentences": 1, "tokens": 6, "ORG": 1, "PER": 1}


def test_the_released_training_file_comes_before_the_first_commit(mirror: Path) -> None:
    put(mirror, ["en_ewt-ud-dev.iob2", "en_ewt-ud-test.iob2"], IOB2)
    older = mirror / f"{sequences.FIRST_COMMIT}.xz"
    older.write_bytes(lzma.compress(IOB2.encode()))
    assert sequences.load("uner-ewt").files[0] == older
    paths.downloads().mkdir(parents=True)
    put(paths.downloads(), ["en_ewt-ud-train.iob2"], IOB2)
    sequences.load.cache_clear()
    assert sequences.load("uner-ewt").files[0] == paths.downloads() / "en_ewt-ud-train.iob2"


def test_emerging_entities_are_read_as_spans(mirror: Path) -> None:
    put(mirror, ["wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"], PEOPLE)
    data = sequences.load("wnut-17")
    assert data.test.sentences == [["Ada", "Lee", "sang"], ["Hi"]]
    assert data.classes == ("O", "B-person", "I-person")
    assert data.counts()["test"] == {"sentences": 2, "tokens": 4, "person": 1}


def test_the_treebank_is_split_by_file_without_traces_and_with_brackets(mirror: Path) -> None:
    archive = put_treebank(mirror, 199)
    data = sequences.load("treebank")
    numbers = [[int(sentence[0]) for sentence in part.sentences] for part in (data.train, data.validation, data.test)]
    assert numbers == [list(range(1, 160)), list(range(160, 180)), list(range(180, 200))]
    assert data.train.sentences[0] == ["1", "(", "and/or", "."]
    assert data.train.tags[0] == ["CD", "-LRB-", "VBZ", "."]
    assert data.classes == ("-LRB-", ".", "CD", "VBZ")
    assert data.files == (archive,)


def test_a_treebank_with_files_missing_is_refused(mirror: Path) -> None:
    put_treebank(mirror, 198)
    with pytest.raises(ValueError, match=r"treebank\.zip: 198 files, 199 expected"):
        sequences.load("treebank")


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("name", sequences.CORPORA)
def test_a_missing_corpus_says_how_to_get_it(name: str) -> None:
    with pytest.raises(MissingData, match=f"run `mt2st data fetch {name}`"):
        sequences.load(name)
    with pytest.raises(MissingData, match=f"run `mt2st data fetch {name}`"):
        sequences.locate(name)


def test_an_unknown_corpus_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown tagged corpus 'ptb'; known: ud-ewt, treebank, uner-ewt, wnut-17"):
        sequences.load("ptb")


def test_every_file_has_a_checksum_but_the_one_that_is_counted() -> None:
    files = [file for corpus in sequences.FILES.values() for file in corpus]
    assert [file.name for file in files if file.sha256 is None] == ["en_ewt-ud-train.iob2"]
    assert all(len(file.sha256) == 64 for file in files if file.sha256)
    assert len({file.sha256 for file in files}) == len(files) == 9


def publish(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `sequences.fetch` of Universal NER find its files in a folder, which is given as an address."""
    put(folder, ["train", "dev"], text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    files = tuple(GitHubFile("", "", name, known) for name, known in [("train", None), ("dev", sha256)])
    monkeypatch.setattr(sequences, "FILES", {"uner-ewt": files})
    monkeypatch.setattr(upstream.pooch, "retrieve", lambda url, known, fname, path, progressbar: folder / fname)


def test_the_fetched_training_file_of_universal_ner_is_checked_by_its_counts(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mirror, IOB2, monkeypatch)
    monkeypatch.setattr(sequences, "UNER_TRAIN", {"sentences": 1, "tokens": 6, "ORG": 1, "PER": 1})
    assert sequences.fetch("uner-ewt") == mirror / "train"


def test_a_training_file_with_other_counts_is_refused_and_not_kept(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mirror, IOB2, monkeypatch)
    with pytest.raises(ConnectionError, match=r"train is not the released file: .*'ORG': 1.*; try again"):
        sequences.fetch("uner-ewt")
    assert not (mirror / "train").exists()
