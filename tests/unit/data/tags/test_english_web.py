import hashlib
import lzma
from collections.abc import Sequence
from pathlib import Path

import pytest

from mt2st import paths
from mt2st.data import sources
from mt2st.data.files import github as upstream
from mt2st.data.files.github import GitHubFile
from mt2st.data.tags import english_web

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


def put(folder: Path, names: Sequence[str], text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_words_of_a_conllu_file_are_the_syntactic_ones(empty_mirror: Path) -> None:
    put(empty_mirror, [f"en_ewt-ud-{part}.conllu" for part in ("train", "dev", "test")], CONLLU)
    data = sources.load_tags("ud-ewt")
    assert data.train.sentences == [["Cats", "do", "n't", "sleep"], ["Yes"]]
    assert data.test.tags == [["NOUN", "AUX", "PART", "VERB"], ["INTJ"]]
    assert data.classes == ("AUX", "INTJ", "NOUN", "PART", "VERB")
    assert data.counts()["validation"] == {"sentences": 2, "tokens": 5}
    assert not data.is_span
    assert [file.name for file in data.files] == [f"en_ewt-ud-{part}.conllu" for part in ("train", "dev", "test")]


@pytest.mark.parametrize("line", ["1\tYes\tyes", "Yes\tyes\tINTJ\tUH", "one two"])
def test_a_bad_sentence_of_a_conllu_file_is_named_by_its_line(empty_mirror: Path, line: str) -> None:
    good = CONLLU.splitlines()
    put(empty_mirror, ["en_ewt-ud-train.conllu"], "\n".join([*good[:-2], line, "", ""]))
    put(empty_mirror, ["en_ewt-ud-dev.conllu", "en_ewt-ud-test.conllu"], CONLLU)
    with pytest.raises(ValueError, match=r"en_ewt-ud-train\.conllu: the sentence at line 10 is not CoNLL-U"):
        sources.load_tags("ud-ewt")


def test_a_conllu_file_that_was_cut_off_is_refused(empty_mirror: Path) -> None:
    put(empty_mirror, ["en_ewt-ud-train.conllu"], CONLLU.removesuffix("\n"))
    put(empty_mirror, ["en_ewt-ud-dev.conllu", "en_ewt-ud-test.conllu"], CONLLU)
    with pytest.raises(ValueError, match=r"en_ewt-ud-train\.conllu:11: "):
        sources.load_tags("ud-ewt")


def test_universal_ner_has_three_types_and_all_else_is_outside(empty_mirror: Path) -> None:
    put(empty_mirror, [f"en_ewt-ud-{part}.iob2" for part in ("train", "dev", "test")], IOB2)
    data = sources.load_tags("uner-ewt")
    assert data.train.tags == [["B-PER", "O", "B-ORG", "O", "O", "O"]]
    assert data.classes == ("O", "B-ORG", "B-PER")
    assert data.is_span
    assert data.counts()["train"] == {"sentences": 1, "tokens": 6, "ORG": 1, "PER": 1}


def test_the_released_training_file_comes_before_the_first_commit(empty_mirror: Path) -> None:
    put(empty_mirror, ["en_ewt-ud-dev.iob2", "en_ewt-ud-test.iob2"], IOB2)
    older = empty_mirror / f"{english_web.FIRST_COMMIT}.xz"
    older.write_bytes(lzma.compress(IOB2.encode()))
    assert sources.load_tags("uner-ewt").files[0] == older
    paths.downloads().mkdir(parents=True)
    put(paths.downloads(), ["en_ewt-ud-train.iob2"], IOB2)
    sources.load_tags.cache_clear()
    assert sources.load_tags("uner-ewt").files[0] == paths.downloads() / "en_ewt-ud-train.iob2"


def test_emerging_entities_are_read_as_spans(empty_mirror: Path) -> None:
    put(empty_mirror, ["wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"], PEOPLE)
    data = sources.load_tags("wnut-17")
    assert data.test.sentences == [["Ada", "Lee", "sang"], ["Hi"]]
    assert data.classes == ("O", "B-person", "I-person")
    assert data.counts()["test"] == {"sentences": 2, "tokens": 4, "person": 1}


def test_every_file_has_a_checksum_but_the_one_that_is_counted() -> None:
    files = [file for group in english_web.FILES.values() for file in group]
    assert [file.name for file in files if callable(file.known)] == ["en_ewt-ud-train.iob2"]
    checksums = {file.known for file in files if isinstance(file.known, str)}
    assert {len(checksum) for checksum in checksums} == {64}
    assert len(checksums) == len(files) - 1 == 8


@pytest.fixture
def site(empty_mirror: Path, web: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Serve files of Universal NER on this machine in place of GitHub; returns their folder."""
    folder, url = web
    train, *_ = english_web.FILES["uner-ewt"]
    dev = GitHubFile(train.repository, train.commit, "en_ewt-ud-dev.iob2", hashlib.sha256(IOB2.encode()).hexdigest())
    monkeypatch.setattr(english_web, "FILES", {"uner-ewt": (train, dev)})
    monkeypatch.setattr(english_web, "UNER_TRAIN", {"sentences": 1, "tokens": 6, "ORG": 1, "PER": 1})
    monkeypatch.setattr(upstream, "HOST", url)
    return put(folder / train.repository / train.commit, [train.name, dev.name], IOB2)


@pytest.mark.usefixtures("site")
def test_the_fetched_training_file_of_universal_ner_is_checked_by_its_counts() -> None:
    file = sources.fetch("uner-ewt")
    assert file == paths.downloads() / "uner-ewt" / "en_ewt-ud-train.iob2" == english_web.locate("uner-ewt")[0]
    assert file.read_text(encoding="utf-8") == IOB2


@pytest.mark.parametrize("text", [IOB2 * 2, "<!DOCTYPE html><title>Sign in</title>"])
def test_another_training_file_is_refused_and_not_kept(site: Path, text: str) -> None:
    put(site, ["en_ewt-ud-train.iob2"], text)
    with pytest.raises(ConnectionError, match=r"^en_ewt-ud-train\.iob2 could not be downloaded: .*en_ewt-ud-train.*"):
        sources.fetch("uner-ewt")
    assert not list(paths.downloads().rglob("*.iob2*[!k]"))  # but for locks


def test_a_login_page_that_is_here_already_is_set_aside_and_the_file_got(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sources.fetch("uner-ewt")
    file.write_text("<!DOCTYPE html>")
    assert sources.fetch("uner-ewt") == file
    assert file.read_text(encoding="utf-8") == IOB2
    assert file.with_name(f"{file.name}.damaged").read_text() == "<!DOCTYPE html>"
    assert f"{file.name} is kept as {file}.damaged" in capsys.readouterr().err


def test_a_damaged_file_of_the_mirror_is_to_be_replaced(site: Path, empty_mirror: Path) -> None:
    put(empty_mirror, ["en_ewt-ud-dev.iob2"], IOB2 + "cut")
    with pytest.raises(ValueError, match=rf"SHA-256.*; replace or remove {empty_mirror / 'en_ewt-ud-dev.iob2'}: it"):
        put(empty_mirror, ["en_ewt-ud-train.iob2"], IOB2)
        sources.fetch("uner-ewt")
    (empty_mirror / "en_ewt-ud-dev.iob2").unlink()
    with lzma.open(empty_mirror / "en_ewt-ud-dev.iob2.xz", "wt", encoding="utf-8") as stream:
        stream.write(IOB2)
    assert sources.fetch("uner-ewt") == empty_mirror / "en_ewt-ud-train.iob2"
