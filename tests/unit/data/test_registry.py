import bz2
import gzip
import hashlib
import io
import json
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

from mt2st import embeddings, paths
from mt2st.data import imdb, registry, wiki
from mt2st.embeddings import MissingData

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
    with pytest.raises(ValueError, match="unknown data set 'news'; known: wiki, imdb, stopwords, glove-twitter-100"):
        registry.fetch("news")


@pytest.mark.usefixtures("home")
def test_the_listing_has_a_line_a_data_set_and_says_how_to_get_what_is_not_here() -> None:
    lines = {line.split()[0]: line for line in registry.listing().splitlines()}
    assert list(lines) == list(registry.SOURCES)
    wikipedia, imdb, stopwords, glove = (lines[name] for name in ("wiki", "imdb", "stopwords", NAME))
    assert imdb.startswith("imdb ")
    assert imdb.endswith("not here: mt2st data fetch imdb")
    assert stopwords.startswith("stopwords ")
    assert wikipedia.startswith("wiki ")
    assert wikipedia.endswith(f"here: {registry.SOURCES['wiki'].locate()}")
    assert "CC BY-SA 3.0" in wikipedia
    assert glove.startswith("glove-twitter-100 ")
    assert glove.endswith("not here: mt2st data fetch glove-twitter-100")
    assert "387 MB" in glove
    assert lines["ud-ewt"].endswith("not here: mt2st data fetch ud-ewt")


def test_the_columns_of_the_listing_do_not_run_into_one_another() -> None:
    for source in registry.SOURCES.values():
        assert len(source.name) < 20
        assert len(source.about) < 52
        assert len(source.size) < 8
        assert len(source.licence) < 22


def test_the_listing_names_the_file_that_is_here(site: Path) -> None:
    publish(site)
    file = registry.fetch(NAME)
    (line,) = (line for line in registry.listing().splitlines() if line.startswith(NAME))
    assert line.endswith(f"  here: {file}")


# --- IMDB and stop words


@pytest.fixture
def archive(site: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Serve a small file in place of Stanford's archive, under its right checksum."""
    content = b"reviews" * 1000
    (site / imdb.ARCHIVE).write_bytes(content)
    monkeypatch.setattr(registry, "IMDB_URL", f"{gensim.downloader.DOWNLOAD_BASE_URL}/{imdb.ARCHIVE}")
    monkeypatch.setattr(registry, "IMDB_MD5", f"md5:{hashlib.md5(content).hexdigest()}")
    return content


def test_imdb_is_fetched_into_the_downloads_folder_once(archive: bytes, site: Path) -> None:
    file = registry.fetch("imdb")
    assert file == paths.downloads() / imdb.ARCHIVE
    assert file.read_bytes() == archive
    (site / imdb.ARCHIVE).unlink()
    assert registry.fetch("imdb") == file


@pytest.mark.usefixtures("archive")
def test_an_altered_archive_is_refused_and_not_kept(site: Path) -> None:
    (site / imdb.ARCHIVE).write_bytes(b"something else")
    with pytest.raises(ConnectionError, match=r"IMDB could not be downloaded .*hash"):
        registry.fetch("imdb")
    with pytest.raises(MissingData):
        imdb.locate()


@pytest.mark.filterwarnings("ignore:Security Violation")
def test_stop_words_are_fetched_by_nltk(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO()
    with ZipFile(packed, "w") as folder:
        folder.writestr("stopwords/english", "the\na\n")
    (site / "stopwords.zip").write_bytes(packed.getvalue())
    url = gensim.downloader.DOWNLOAD_BASE_URL
    checksum, sha256 = (hashlib.new(name, packed.getvalue()).hexdigest() for name in ("md5", "sha256"))
    (site / "index.xml").write_text(
        f'<nltk_data><packages><package id="stopwords" subdir="corpora" url="{url}/stopwords.zip" unzip="1" '
        f'size="{len(packed.getvalue())}" unzipped_size="6" checksum="{checksum}" sha256_checksum="{sha256}"/>'
        "</packages><collections/></nltk_data>"
    )
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setattr(nltk.pathsec, "ENFORCE", False)  # NLTK trusts no server on this machine
    for name, value in {"_url": f"{url}/index.xml", "_index": None, "_index_timestamp": None}.items():
        monkeypatch.setattr(nltk.downloader._downloader, name, value)
    with pytest.raises(MissingData, match="run `mt2st data fetch stopwords`"):
        registry.locate_stopwords()
    registry.fetch("stopwords")
    assert imdb.preprocessing().stop_words == {"the", "a"}
