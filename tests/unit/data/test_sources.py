import bz2
import gzip
import hashlib
import json
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import gensim.downloader
import nltk
import numpy as np
import pytest

from mt2st import paths
from mt2st.data import bingel2017, sources
from mt2st.data import vectors as embeddings
from mt2st.data.dataset import Dataset, Sizes
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.texts import imdb, wiki

SIZES = Sizes(6, 3, 3)
NAME = "glove-twitter-100"
WORDS = ("the", "cat")


def point_gensim_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let gensim's downloader ask another server; its list's address is a default bound with the function."""
    monkeypatch.setattr(gensim.downloader, "DOWNLOAD_BASE_URL", url)
    monkeypatch.setattr(gensim.downloader, "_load_info", partial(gensim.downloader._load_info, url=f"{url}/list.json"))
    monkeypatch.setattr(gensim.downloader, "BASE_DIR", "unused")  # what `fetch_glove` sets is undone after the test
    monkeypatch.setattr(gensim.downloader, "base_dir", "unused")


def publish(folder: Path, checksum: str | None = None) -> np.ndarray:
    """Lay out small vectors as the gensim-data repository does, under their checksum or a given one."""
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 100)).astype(np.float32)
    rows = [" ".join([word, *map(repr, row.tolist())]) for word, row in zip(WORDS, vectors, strict=True)]
    packed = gzip.compress("\n".join([f"{len(WORDS)} 100", *rows, ""]).encode())
    (folder / NAME).mkdir(parents=True)
    (folder / NAME / "__init__.py").write_text("")
    (folder / NAME / f"{NAME}.gz").write_bytes(packed)
    about = {"checksum": checksum or hashlib.md5(packed).hexdigest(), "file_name": f"{NAME}.gz", "parts": 1}
    (folder / "list.json").write_text(json.dumps({"corpora": {}, "models": {NAME: about}}))
    return vectors


@pytest.fixture
def site(home: Path, web: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Serve a folder on this machine in place of gensim's site."""
    folder, url = web
    point_gensim_to(url, monkeypatch)
    return folder


@pytest.fixture
def nobody(home: Path, unanswered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point gensim's downloader to a port where nobody answers."""
    point_gensim_to(unanswered, monkeypatch)


def test_glove_is_fetched_into_the_downloads_folder_and_can_be_read(site: Path) -> None:
    vectors = publish(site)
    file = sources.fetch(NAME)
    assert file == paths.downloads() / NAME / f"{NAME}.gz"
    assert embeddings.find_glove() == file
    table = embeddings.read_text_vectors(file, set(WORDS))
    assert table.words[2:] == WORDS
    np.testing.assert_array_equal(table.vectors[2:], vectors)


def test_what_was_fetched_is_not_fetched_again(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(site)
    first = sources.fetch(NAME)
    monkeypatch.setattr(gensim.downloader, "load", None)
    assert sources.fetch(NAME) == first


def test_a_fetch_says_on_standard_error_what_is_coming(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(site)
    sources.fetch(NAME)
    assert "fetching glove-twitter-100 (387 MB)\n" in capsys.readouterr().err


def test_a_file_with_a_wrong_checksum_is_refused_and_not_kept(site: Path) -> None:
    publish(site, checksum="0" * 32)
    with pytest.raises(ConnectionError, match=r"could not be downloaded .*[Cc]hecksum"):
        sources.fetch(NAME)
    with pytest.raises(MissingData):
        embeddings.find_glove()


def test_a_site_without_the_file_is_a_connection_error(site: Path) -> None:
    publish(site)
    (site / NAME / f"{NAME}.gz").unlink()
    with pytest.raises(ConnectionError, match=r"could not be downloaded \(HTTP Error 404"):
        sources.fetch(NAME)


@pytest.mark.usefixtures("nobody")
def test_an_unreachable_site_is_a_connection_error_that_says_what_to_do() -> None:
    # "." is no line end: the message is one line.
    with pytest.raises(ConnectionError, match=rf"^glove-twitter-100 .* glove\.twitter.*\.txt .*{paths.downloads()}$"):
        sources.fetch(NAME)


@pytest.mark.usefixtures("nobody")
def test_nothing_is_fetched_where_a_mirror_has_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "vectors").mkdir(parents=True)
    file = mirror / "vectors" / "glove.twitter.27B.25d.txt"
    file.write_text("the " + " ".join(["0.5"] * 25) + "\n")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(mirror))
    assert sources.fetch(NAME) == file


def test_the_wiki_data_set_is_the_dump_in_the_gensim_package() -> None:
    file = sources.fetch("wiki")
    assert file.name == wiki.DUMP
    with bz2.open(file, "rt", encoding="utf-8") as stream:
        assert stream.readline().startswith("<mediawiki")


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    for function in (sources.fetch, sources.find, sources.load_tags):
        with pytest.raises(ValueError, match=r"'news'; known: wiki, imdb, .*, ud-ewt, "):
            function("news")
    with pytest.raises(ValueError, match="'news'; known: wiki, imdb, "):
        sources.load_texts("news", 0, SIZES)


def rows_of(listing: str) -> dict[str, list[str]]:
    """Return the cells of each line of the listing's table by its first."""
    lines = listing.partition("\n\n")[0].splitlines()
    return {cells[0]: cells[1:] for cells in (re.split(r" {2,}", line) for line in lines)}


@pytest.fixture
def nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no data set on this machine."""
    monkeypatch.setattr(nltk.data, "path", [])


@pytest.mark.usefixtures("nothing")
def test_the_listing_says_of_each_data_set_what_it_is_and_how_to_get_it() -> None:
    rows = rows_of(sources.listing())
    assert rows.pop("name") == ["what", "size", "licence", "here", "command"]
    assert list(rows) == list(sources.SOURCES)
    assert rows["wiki"][0] == "106 Wikipedia articles inside the gensim package"
    assert rows["wiki"][1:] == ["2 MB", "CC BY-SA 3.0 (text)", "yes", "mt2st data fetch wiki"]
    assert rows["imdb-full"][1:] == ["80 MB", "none stated; cite Maas et al. 2011", "no", "mt2st data fetch imdb-full"]
    assert rows["subjectivity"][1:] == ["522 kB", "CC BY 4.0", "no", "mt2st data fetch subjectivity"]
    assert {cells[3] for name, cells in rows.items() if not name.startswith(WITHIN)} == {"no"}


@pytest.mark.usefixtures("nothing")
def test_the_listing_fits_160_columns_and_its_columns_stand_in_line() -> None:
    lines = sources.listing().partition("\n\n")[0].splitlines()
    assert max(map(len, lines)) <= 160
    assert len({line.index("mt2st data fetch") for line in lines[1:]}) == 1


def test_the_listing_says_what_is_here_and_what_is_damaged(site: Path) -> None:
    publish(site)
    sources.fetch(NAME)
    (paths.downloads() / imdb.ARCHIVE).write_bytes(b"half")
    rows = rows_of(sources.listing())
    assert rows[NAME][3] == "yes"
    assert (rows["imdb"][3], rows["imdb-full"][3]) == ("damaged", "damaged")


def test_the_listing_goes_on_where_glove_is_broken(home: Path) -> None:
    paths.downloads().mkdir(parents=True)
    (paths.downloads() / "glove.twitter.27B.100d.txt.xz").write_bytes(b"half")
    assert rows_of(sources.listing())[NAME][3] == "damaged"


def test_a_damaged_download_of_glove_is_set_aside_and_got_anew(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(site)
    file = sources.fetch(NAME)
    whole = file.read_bytes()
    half = gzip.compress(b"\n".join(gzip.decompress(whole).split(b"\n")[:2]))
    for damaged in (half, whole[:-100], b"<!DOCTYPE html>"):
        file.write_bytes(damaged)
        assert sources.fetch(NAME) == file == embeddings.find_glove()
        assert file.read_bytes() == whole
    assert "glove-twitter-100.gz is kept as " in capsys.readouterr().err


def test_a_damaged_glove_file_of_the_mirror_is_named_until_it_is_replaced(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(site)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(mirror))
    file = mirror / "glove.twitter.27B.100d.txt"
    file.write_text("the" + " 0.5" * 100 + "\ncat 1\n")
    with pytest.raises(ValueError, match=rf"{file}:2: 1 values .*; replace or remove {file}: it is found before"):
        sources.fetch(NAME)
    file.write_text("<!DOCTYPE html>\n")  # seen at once, and passed over where another is here
    assert sources.fetch(NAME) == embeddings.find_glove() == paths.downloads() / NAME / f"{NAME}.gz"


# --- IMDB and stop words


@pytest.fixture
def archive(site: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Serve a small file in place of Stanford's archive, under its right checksum."""
    content = b"reviews" * 1000
    (site / imdb.ARCHIVE).write_bytes(content)
    monkeypatch.setattr(imdb, "ARCHIVE_URL", f"{gensim.downloader.DOWNLOAD_BASE_URL}/{imdb.ARCHIVE}")
    monkeypatch.setattr(imdb, "ARCHIVE_MD5", f"md5:{hashlib.md5(content).hexdigest()}")
    return content


@pytest.mark.parametrize("name", ["imdb", "imdb-full"])
def test_imdb_is_fetched_into_the_downloads_folder_once(name: str, archive: bytes, site: Path) -> None:
    file = sources.fetch(name)
    assert file == paths.downloads() / imdb.ARCHIVE
    assert file.read_bytes() == archive
    (site / imdb.ARCHIVE).unlink()
    assert sources.fetch(name) == file


@pytest.mark.usefixtures("archive")
def test_an_altered_archive_is_refused_and_not_kept(site: Path) -> None:
    (site / imdb.ARCHIVE).write_bytes(b"something else")
    with pytest.raises(ConnectionError, match=r"aclImdb_v1\.tar\.gz .* checksum"):
        sources.fetch("imdb")
    with pytest.raises(MissingData):
        imdb.locate()


@pytest.mark.parametrize("damaged", [b"reviews" * 500, b"reviewz" * 1000])
def test_a_damaged_archive_on_this_machine_is_fetched_again(damaged: bytes, archive: bytes) -> None:
    file = paths.downloads() / imdb.ARCHIVE
    file.parent.mkdir(parents=True)
    file.write_bytes(damaged)
    with pytest.raises(DamagedData):
        imdb.locate()
    assert sources.fetch("imdb").read_bytes() == archive
    assert imdb.locate() == file


def test_the_archive_is_fetched_for_its_split_where_only_a_csv_is_here(archive: bytes, written: Path) -> None:
    paths.downloads().mkdir(parents=True)
    shutil.copy(written / "IMDB Dataset.csv", paths.downloads())
    assert sources.fetch("imdb").name == "IMDB Dataset.csv"
    assert sources.fetch("imdb-full").read_bytes() == archive


@pytest.fixture
def nltk_site(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Serve a small package in place of each of NLTK's, and have none on this machine."""
    url = gensim.downloader.DOWNLOAD_BASE_URL
    packages = []
    for name, member in {"stopwords": "english", "subjectivity": "README.txt"}.items():
        with ZipFile(site / f"{name}.zip", "w") as packed:
            packed.writestr(f"{name}/{member}", "the\na\n")
        content = (site / f"{name}.zip").read_bytes()
        checksum, sha256 = (hashlib.new(algorithm, content).hexdigest() for algorithm in ("md5", "sha256"))
        packages.append(
            f'<package id="{name}" subdir="corpora" url="{url}/{name}.zip" unzip="1" size="{len(content)}" '
            f'unzipped_size="6" checksum="{checksum}" sha256_checksum="{sha256}"/>'
        )
    index = f"<nltk_data><packages>{''.join(packages)}</packages><collections/></nltk_data>"
    (site / "index.xml").write_text(index)
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setattr(nltk.pathsec, "ENFORCE", False)  # NLTK trusts no server on this machine
    for name, value in {"_url": f"{url}/index.xml", "_index": None, "_index_timestamp": None}.items():
        monkeypatch.setattr(nltk.downloader._downloader, name, value)
    monkeypatch.setattr(nltk.downloader._downloader, "_status_cache", {})
    return site


@pytest.mark.filterwarnings("ignore:Security Violation")
@pytest.mark.usefixtures("nltk_site")
def test_packages_of_nltk_are_fetched_by_its_downloader() -> None:
    for name in ("stopwords", "subjectivity"):
        with pytest.raises(MissingData, match=f"`mt2st data fetch {name}`"):
            sources.SOURCES[name].locate()
        assert sources.fetch(name) == paths.downloads() / "nltk_data" / "corpora" / f"{name}.zip"
    assert imdb.preprocessing().stop_words == {"the", "a"}


@pytest.mark.filterwarnings("ignore:Security Violation")
def test_a_package_that_was_cut_off_is_fetched_again(nltk_site: Path) -> None:
    file = sources.fetch("subjectivity")
    whole = file.read_bytes()
    file.write_bytes(whole[:40])
    with pytest.raises(DamagedData, match=r"subjectivity\.zip .*`mt2st data fetch subjectivity`"):
        sources.SOURCES["subjectivity"].locate()
    assert sources.fetch("subjectivity").read_bytes() == whole


@pytest.mark.filterwarnings("ignore:Security Violation")
def test_a_package_whose_content_was_altered_is_set_aside_and_fetched_again(nltk_site: Path) -> None:
    file = sources.fetch("subjectivity")
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"the", b"teh"))
    assert sources.SOURCES["subjectivity"].locate() == (file,)  # a look at the end does not tell
    assert sources.fetch("subjectivity").read_bytes() == whole
    assert b"teh" in file.with_name("subjectivity.zip.damaged").read_bytes()


@pytest.mark.filterwarnings("ignore:Security Violation")
@pytest.mark.parametrize("name", ["subjectivity.zip", "index.xml"])
def test_a_login_page_in_place_of_a_package_is_a_connection_error(nltk_site: Path, name: str) -> None:
    (nltk_site / name).write_text("<!DOCTYPE html><p>Sign in</p>")
    with pytest.raises(ConnectionError, match=r"subjectivity could not be downloaded.*; check the network"):
        sources.fetch("subjectivity")
    assert not list(paths.downloads().rglob("*.zip"))


@pytest.mark.filterwarnings("ignore:Security Violation")
def test_a_package_that_cannot_be_fetched_is_a_connection_error(nltk_site: Path) -> None:
    (nltk_site / "subjectivity.zip").unlink()
    with pytest.raises(ConnectionError, match=r"subjectivity could not be downloaded; .*subjectivity\.zip"):
        sources.fetch("subjectivity")


# --- loading by name

TEXTS = [name for name, source in sources.SOURCES.items() if source.kind == "texts"]
TAGS = [name for name, source in sources.SOURCES.items() if source.kind == "tags"]
WITHIN = ("wiki", "topics", "digits")  # packages that this one needs
PACKAGE = {"conll2002-esp": "conll2002", "conll2002-ned": "conll2002", "streusle-mwe": "streusle"}
PACKAGE |= dict.fromkeys(["imdb-disjoint", "imdb-semi", "imdb-crossing"], "imdb")
PACKAGE |= {f"{name}-semi": name for name in ("movie_reviews", "subjectivity")}
PACKAGE |= {"imdb-1k": "imdb", "films-1k": "movie_reviews", "polarity-1k": "sentence_polarity"}
PACKAGE |= {"subjectivity-1k": "subjectivity", "questions-1k": "qc"}


def test_texts_and_tags_can_be_loaded_and_nothing_else() -> None:
    assert {source.kind for source in sources.SOURCES.values() if source.load} == {"texts", "tags"}
    assert all(sources.find(name).load for name in (*TEXTS, *TAGS))
    assert all(name == source.name for name, source in sources.SOURCES.items())


def test_every_tagged_corpus_has_a_task_and_every_task_of_the_study_a_corpus() -> None:
    tasks = {sources.find(name).task for name in TAGS}
    assert "" not in tasks
    assert set(bingel2017.CODES.values()) <= tasks
    assert {source.task for source in sources.SOURCES.values() if source.kind != "tags"} == {""}


@pytest.mark.usefixtures("empty_mirror")
@pytest.mark.parametrize("name", [name for name in (*TEXTS, *TAGS) if not name.startswith(WITHIN)])
def test_what_is_missing_says_how_to_get_it(name: str) -> None:
    source = PACKAGE.get(name, name.replace("-tuning", ""))
    assert source in sources.SOURCES
    with pytest.raises(MissingData, match=f"`mt2st data fetch {source}`"):
        sources.find(name).locate()
    if name in TAGS:
        with pytest.raises(MissingData, match=f"`mt2st data fetch {source}`"):
            sources.load_tags(name)


@pytest.mark.usefixtures("empty_mirror")
@pytest.mark.parametrize("name", ["compression", "ccgbank"])
def test_a_corpus_that_is_not_downloaded_says_where_to_put_it(name: str) -> None:
    with pytest.raises(MissingData, match=f"needs {name}: put .*{paths.downloads()}.* MT2ST_DATA_MIRROR"):
        sources.fetch(name)


def test_a_data_set_of_another_kind_is_refused_with_those_that_will_do() -> None:
    with pytest.raises(ValueError, match=r"wordsim .*'lexicon', not 'tags'.*: ud-ewt, treebank"):
        sources.load_tags("wordsim")
    with pytest.raises(ValueError, match=r"treebank .*'tags', not 'texts'.*: wiki, imdb"):
        sources.load_texts("treebank", 0, SIZES)


def test_a_primary_task_is_loaded_with_seed_and_sizes(toy_dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    row = replace(sources.find("wiki"), name="toy", load=lambda *given: asked.append(given) or toy_dataset)
    monkeypatch.setitem(sources.SOURCES, "toy", row)
    assert sources.load_texts("toy", 7, SIZES) is toy_dataset
    assert asked == [(7, SIZES)]


def test_a_tagged_corpus_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(sources.find("ud-ewt"), name="toy", load=object)
    monkeypatch.setitem(sources.SOURCES, "toy", row)
    assert sources.load_tags("toy") is sources.load_tags("toy")
    sources.load_tags.cache_clear()
