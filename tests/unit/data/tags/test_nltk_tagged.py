from pathlib import Path
from zipfile import ZipFile

import pytest
from packages import put_package

from mt2st.data import sources
from mt2st.data.files.errors import DamagedData

TABLE = "AT\tDET\nNN\tNOUN\n.\t.\nFW-NN\tNOUN\n"


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


def test_the_treebank_is_split_by_file_without_traces_and_with_brackets(empty_mirror: Path) -> None:
    archive = put_treebank(empty_mirror, 199)
    data = sources.load_tags("treebank")
    numbers = [[int(sentence[0]) for sentence in part.sentences] for part in (data.train, data.validation, data.test)]
    assert numbers == [list(range(1, 160)), list(range(160, 180)), list(range(180, 200))]
    assert data.train.sentences[0] == ["1", "(", "and/or", "."]
    assert data.train.tags[0] == ["CD", "-LRB-", "VBZ", "."]
    assert data.classes == ("-LRB-", ".", "CD", "VBZ")
    assert data.files == (archive,)


def test_a_treebank_with_files_missing_is_refused(empty_mirror: Path) -> None:
    put_treebank(empty_mirror, 198)
    with pytest.raises(DamagedData, match=r"treebank\.zip .*198 files, 199 expected.*`mt2st data fetch treebank`"):
        sources.load_tags("treebank")


def put_brown(mirror: Path, line: str = "The/at jury/nn and\\/or/fw-nn ./.") -> Path:
    """Write 500 files in 15 genres, each with its name as first word, and the table of tags."""
    genres = zip("abcdefghjklmnpr", (44, 27, 17, 17, 36, 48, 75, 30, 80, 29, 24, 6, 29, 29, 9), strict=True)
    names = [f"c{genre}{i:02}" for genre, size in genres for i in range(1, size + 1)]
    put_package(mirror, "universal_tagset", {"en-brown.map": TABLE}, "taggers")
    files = {name: f"\n\n\t{name}/nn {line}\n" for name in names}
    return put_package(mirror, "brown", files | {"cats.txt": "ca01 news"})


def test_brown_has_universal_tags_and_is_split_by_file_in_each_genre(empty_mirror: Path) -> None:
    put_brown(empty_mirror)
    data = sources.load_tags("brown")
    assert data.train.sentences[0] == ["ca01", "The", "jury", "and\\/or", "."]
    assert data.train.tags[0] == ["NOUN", "DET", "NOUN", "NOUN", "."]
    assert data.classes == (".", "DET", "NOUN")
    assert sum(len(part) for part in (data.train, data.validation, data.test)) == 500
    genre = [sentence[0] for sentence in data.test.sentences if sentence[0].startswith("ca")]
    assert genre == ["ca41", "ca42", "ca43", "ca44"]  # the last tenth of 44
    assert [file.name for file in data.files] == ["brown.zip", "universal_tagset.zip"]


@pytest.mark.parametrize("line", ["The jury/nn", "The/at jury/zz"])
def test_a_token_without_a_tag_of_brown_is_named_by_its_line(empty_mirror: Path, line: str) -> None:
    put_brown(empty_mirror, line)
    with pytest.raises(ValueError, match=r"brown\.zip: brown/ca01:3: "):
        sources.load_tags("brown")


def test_chunks_have_the_last_tenth_of_training_for_validation(empty_mirror: Path) -> None:
    lines = [f"He{i} PRP B-NP\nreckons VBZ B-VP\nit PRP I-VP\n\n" for i in range(10)]
    put_package(empty_mirror, "conll2000", {"train.txt": "".join(lines), "test.txt": "Rockwell NNP B-NP\n\n"})
    data = sources.load_tags("conll2000")
    assert [len(part) for part in (data.train, data.validation, data.test)] == [9, 1, 1]
    assert data.validation.sentences == [["He9", "reckons", "it"]]
    assert data.counts()["train"] == {"sentences": 9, "tokens": 27, "NP": 9, "VP": 9}
    assert data.classes == ("B-NP", "B-VP", "I-VP")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("He PRP\n\n", r"train\.txt:1: 2 column\(s\), at least 3 expected"),
        ("He PRP O\nran VBD I-VP\n\n", r"train\.txt:2: tag 'I-VP' after 'O' is not IOB2"),
        ("He PRP O\n", r"train\.txt:1: no blank line after the last sentence"),
    ],
)
def test_faults_of_columns_are_named_by_line(empty_mirror: Path, text: str, problem: str) -> None:
    put_package(empty_mirror, "conll2000", {"train.txt": text, "test.txt": "A B O\n\n"})
    with pytest.raises(ValueError, match=r"conll2000\.zip: conll2000/" + problem):
        sources.load_tags("conll2000")


def test_entities_leave_out_marks_of_articles_and_mend_a_name_that_was_cut(empty_mirror: Path) -> None:
    dutch = "-DOCSTART- -DOCSTART- O\nDe Art O\nMorgen N B-ORG\n\n"
    spanish = "de SP O\n. Fp B-LOC\n\nSan AQ I-LOC\nSebasti\u00e1n NC I-LOC\n\n"
    parts = ("train", "testa", "testb")
    files = {f"ned.{part}": dutch for part in parts} | {f"esp.{part}": spanish for part in parts}
    files["ned.testb"] = f"{dutch}-DOCSTART- -DOCSTART- O\nDE Art O\nTijd N B-ORG\n\n"
    put_package(empty_mirror, "conll2002", files)
    assert sources.load_tags("conll2002-ned").train.sentences == [["De", "Morgen"]]
    assert sources.load_tags("conll2002-ned").test.sentences == [["DE", "Tijd"]]  # the other is in training too
    assert len(sources.load_tags("conll2002-ned").validation) == 0
    assert sources.load_tags("conll2002-esp").train.tags == [["O", "B-LOC"], ["B-LOC", "I-LOC"]]


def test_a_second_sentence_that_begins_inside_a_name_is_refused(empty_mirror: Path) -> None:
    cut = "a SP O\n\nSan AQ I-LOC\n\nSan AQ I-LOC\n\n"
    put_package(empty_mirror, "conll2002", {f"esp.{part}": cut for part in ("train", "testa", "testb")})
    with pytest.raises(ValueError, match=r"esp\.train:5: tag 'I-LOC'"):
        sources.load_tags("conll2002-esp")
