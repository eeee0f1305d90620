import bz2
import gzip
import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import gensim.downloader
import nltk
import numpy as np
import pytest

from mt2st import paths
from mt2st.data import sources as registry
from mt2st.data import vectors as embeddings
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.texts import imdb, wiki

NAME = "glove-twitter-100"
WORDS = ("the", "cat")


class Quiet(SimpleHTTPRequestHandler):
    """Serve files and say nothing."""

    def log_message(self, format: str, *args: object) -> None:
        return


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
def site(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a folder on this machine in place of gensim's site."""
    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        point_gensim_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
        yield folder
        server.shutdown()
        thread.join()


@pytest.fixture
def nobody(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point gensim's downloader to a port where nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    point_gensim_to(f"http://127.0.0.1:{port}", monkeypatch)


def test_glove_is_fetched_into_the_downloads_folder_and_can_be_read(site: Path) -> None:
    vectors = publish(site)
    file = registry.fetch(NAME)
    assert file == paths.downloads() / NAME / f"{NAME}.gz"
    assert embeddings.find_glove() == file
    table = embeddings.read_glove(file, set(WORDS))
    assert table.words[2:] == WORDS
    np.testing.assert_array_equal(table.vectors[2:], vectors)


def test_what_was_fetched_is_not_fetched_again(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(site)
    first = registry.fetch(NAME)
    monkeypatch.setattr(gensim.downloader, "load", None)
    assert registry.fetch(NAME) == first


def test_a_fetch_says_on_standard_error_what_is_coming(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(site)
    registry.fetch(NAME)
    assert "fetching glove-twitter-100 (387 MB)\n" in capsys.readouterr().err


def test_a_file_with_a_wrong_checksum_is_refused_and_not_kept(site: Path) -> None:
    publish(site, checksum="0" * 32)
    with pytest.raises(ConnectionError, match=r"could not be downloaded .*[Cc]hecksum"):
        registry.fetch(NAME)
    with pytest.raises(MissingData):
        embeddings.find_glove()


def test_a_site_without_the_file_is_a_connection_error(site: Path) -> None:
    publish(site)
    (site / NAME / f"{NAME}.gz").unlink()
    with pytest.raises(ConnectionError, match=r"could not be downloaded \(HTTP Error 404"):
        registry.fetch(NAME)


@pytest.mark.usefixtures("nobody")
def test_an_unreachable_site_is_a_connection_error_that_says_what_to_do() -> None:
    with pytest.raises(ConnectionError) as caught:
        registry.fetch(NAME)
    message = str(caught.value)
    assert message.startswith("glove-twitter-100 could not be downloaded (")
    assert "check the network and try again, or put glove.twitter.27B.100d.txt from https://nlp.stanford.edu" in message
    assert message.endswith(f"into {paths.downloads()}")
    assert "\n" not in message


@pytest.mark.usefixtures("nobody")
def test_nothing_is_fetched_where_a_mirror_has_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "vectors").mkdir(parents=True)
    file = mirror / "vectors" / "glove.twitter.27B.25d.txt"
    file.write_text("the " + " ".join(["0.5"] * 25) + "\n")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(mirror))
    assert registry.fetch(NAME) == file


def test_the_wiki_data_set_is_the_dump_in_the_gensim_package() -> None:
    file = registry.fetch("wiki")
    assert file.name == wiki.DUMP
    with bz2.open(file, "rt", encoding="utf-8") as stream:
        assert stream.readline().startswith("<mediawiki")


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown data set 'news'; known: wiki, imdb, imdb-full, stopwords, movie_"):
        registry.fetch("news")


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
    rows = rows_of(registry.listing())
    assert rows.pop("name") == ["what", "size", "licence", "here", "command"]
    assert list(rows) == list(registry.SOURCES)
    assert rows["wiki"][0] == "106 Wikipedia articles inside the gensim package"
    assert rows["wiki"][1:] == ["2 MB", "CC BY-SA 3.0 (text)", "yes", "mt2st data fetch wiki"]
    assert rows["imdb-full"][1:] == ["80 MB", "none stated; cite Maas et al. 2011", "no", "mt2st data fetch imdb-full"]
    assert rows["subjectivity"][1:] == ["522 kB", "CC BY 4.0", "no", "mt2st data fetch subjectivity"]
    assert {cells[3] for name, cells in rows.items() if name != "wiki"} == {"no"}


@pytest.mark.usefixtures("nothing")
def test_the_listing_fits_160_columns_and_its_columns_stand_in_line() -> None:
    lines = registry.listing().partition("\n\n")[0].splitlines()
    assert max(map(len, lines)) <= 160
    assert len({line.index("mt2st data fetch") for line in lines[1:]}) == 1


def test_the_listing_says_what_is_here_and_what_is_damaged(site: Path) -> None:
    publish(site)
    registry.fetch(NAME)
    (paths.downloads() / imdb.ARCHIVE).write_bytes(b"half")
    rows = rows_of(registry.listing())
    assert rows[NAME][3] == "yes"
    assert (rows["imdb"][3], rows["imdb-full"][3]) == ("damaged", "damaged")


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
    file = registry.fetch(name)
    assert file == paths.downloads() / imdb.ARCHIVE
    assert file.read_bytes() == archive
    (site / imdb.ARCHIVE).unlink()
    assert registry.fetch(name) == file


@pytest.mark.usefixtures("archive")
def test_an_altered_archive_is_refused_and_not_kept(site: Path) -> None:
    (site / imdb.ARCHIVE).write_bytes(b"something else")
    with pytest.raises(ConnectionError, match=r"aclImdb_v1\.tar\.gz could not be downloaded: .* checksum .*, or put"):
        registry.fetch("imdb")
    with pytest.raises(MissingData):
        imdb.locate()


@pytest.mark.parametrize("damaged", [b"reviews" * 500, b"reviewz" * 1000])
def test_a_damaged_archive_on_this_machine_is_fetched_again(damaged: bytes, archive: bytes) -> None:
    file = paths.downloads() / imdb.ARCHIVE
    file.parent.mkdir(parents=True)
    file.write_bytes(damaged)
    with pytest.raises(DamagedData):
        imdb.locate()
    assert registry.fetch("imdb").read_bytes() == archive
    assert imdb.locate() == file


def test_the_archive_is_fetched_for_its_split_where_only_a_csv_is_here(archive: bytes) -> None:
    paths.downloads().mkdir(parents=True)
    (paths.downloads() / "IMDB Dataset.csv").touch()
    assert registry.fetch("imdb").name == "IMDB Dataset.csv"
    assert registry.fetch("imdb-full").read_bytes() == archive


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
        with pytest.raises(MissingData, match=f"needs NLTK's {name}: run `mt2st data fetch {name}`"):
            registry.SOURCES[name].locate()
        assert registry.fetch(name) == paths.downloads() / "nltk_data" / "corpora" / f"{name}.zip"
    assert imdb.preprocessing().stop_words == {"the", "a"}


@pytest.mark.filterwarnings("ignore:Security Violation")
def test_a_package_that_was_cut_off_is_fetched_again(nltk_site: Path) -> None:
    file = registry.fetch("subjectivity")
    whole = file.read_bytes()
    file.write_bytes(whole[:40])
    with pytest.raises(DamagedData, match=r"subjectivity\.zip is cut off .*: run `mt2st data fetch subjectivity`"):
        registry.SOURCES["subjectivity"].locate()
    assert registry.fetch("subjectivity").read_bytes() == whole


@pytest.mark.filterwarnings("ignore:Security Violation")
def test_a_package_that_cannot_be_fetched_is_a_connection_error(nltk_site: Path) -> None:
    (nltk_site / "subjectivity.zip").unlink()
    with pytest.raises(ConnectionError, match=r"NLTK's subjectivity could not be downloaded; .*, or put subj"):
        registry.fetch("subjectivity")
