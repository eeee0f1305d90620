import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mt2st.data.files import download
from mt2st.data.files.download import fetch, first_intact
from mt2st.data.files.errors import DamagedData, MissingData

CONTENT = np.random.default_rng(0).bytes(300_000)
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
HALF = 131_072  # two blocks


@dataclass
class Site:
    """What a server on this machine sends, how it behaves, and what it was asked for and sent."""

    content: bytes = CONTENT
    ranges: bool = True
    stop_after: int | None = None  # close the connection after so many bytes of a body
    url: str = ""
    asked: list[str | None] = field(default_factory=list)  # the Range header of each request
    sent: list[int] = field(default_factory=list)  # bytes of each body


class Handler(BaseHTTPRequestHandler):
    """Serve the site's content, with or without Range support."""

    site: Site

    def do_GET(self) -> None:
        site, wanted = self.site, self.headers.get("Range")
        site.asked.append(wanted)
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted).group(1)) if wanted and site.ranges else 0
        if self.path != "/file.bin" or start >= len(site.content):
            site.sent.append(0)
            self.send_error(416 if start else 404)
            return
        body = site.content[start:]
        self.send_response(206 if wanted and site.ranges else 200)
        if wanted and site.ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(site.content) - 1}/{len(site.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = body[: site.stop_after]
        site.sent.append(len(body))
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve a file at `site.url`."""
    site = Site()
    handler = type("OwnHandler", (Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}/file.bin"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        server.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where to download to, a folder that is not there yet."""
    return tmp_path / "downloads" / "file.bin"


def part_of(file: Path) -> Path:
    return file.with_name("file.bin.part")


def interrupt(site: Site, file: Path) -> None:
    """Download half of the file, then lose the connection."""
    site.stop_after = HALF
    with pytest.raises(ConnectionError, match="goes on after 131,072 bytes"):
        fetch(site.url, file, CHECKSUM)
    site.stop_after = None


def test_a_file_is_downloaded_once(site: Site, file: Path) -> None:
    assert fetch(site.url, file, CHECKSUM) == file
    assert file.read_bytes() == CONTENT
    assert not part_of(file).exists()
    assert fetch(site.url, file, CHECKSUM) == file
    assert (site.asked, site.sent) == ([None], [len(CONTENT)])


def test_an_interrupted_download_leaves_a_part_and_no_file(site: Site, file: Path) -> None:
    interrupt(site, file)
    assert not file.exists()
    assert part_of(file).read_bytes() == CONTENT[:HALF]


def test_only_the_missing_bytes_are_sent_the_second_time(site: Site, file: Path) -> None:
    interrupt(site, file)
    fetch(site.url, file, CHECKSUM)
    assert file.read_bytes() == CONTENT
    assert site.asked == [None, f"bytes={HALF}-"]
    assert site.sent == [HALF, len(CONTENT) - HALF]


def test_a_download_can_be_interrupted_twice(site: Site, file: Path) -> None:
    interrupt(site, file)
    site.stop_after = 65_536
    with pytest.raises(ConnectionError, match="goes on after 196,608 bytes"):
        fetch(site.url, file, CHECKSUM)
    site.stop_after = None
    assert fetch(site.url, file, CHECKSUM).read_bytes() == CONTENT
    assert site.sent == [HALF, 65_536, len(CONTENT) - HALF - 65_536]


def test_a_server_without_ranges_sends_everything_again(site: Site, file: Path) -> None:
    site.ranges = False
    interrupt(site, file)
    fetch(site.url, file, CHECKSUM)
    assert file.read_bytes() == CONTENT
    assert site.asked == [None, f"bytes={HALF}-"]
    assert site.sent == [HALF, len(CONTENT)]


def test_a_part_that_is_complete_is_kept_without_a_request(site: Site, file: Path) -> None:
    file.parent.mkdir()
    part_of(file).write_bytes(CONTENT)
    assert fetch(site.url, file, CHECKSUM).read_bytes() == CONTENT
    assert site.asked == []


def test_a_part_longer_than_the_file_is_begun_anew(site: Site, file: Path) -> None:
    file.parent.mkdir()
    part_of(file).write_bytes(CONTENT + b"more")
    assert fetch(site.url, file, CHECKSUM).read_bytes() == CONTENT
    assert site.sent == [0, len(CONTENT)]


def test_altered_bytes_are_refused_deleted_and_fetched_again(site: Site, file: Path) -> None:
    site.content = CONTENT[:-1] + b"?"
    with pytest.raises(ConnectionError, match=rf"file\.bin .* {site.url} .* {CHECKSUM}.*ask the librarian"):
        fetch(site.url, file, CHECKSUM, "ask the librarian")
    assert not file.exists()
    assert not part_of(file).exists()
    site.content = CONTENT
    assert fetch(site.url, file, CHECKSUM).read_bytes() == CONTENT


def test_a_part_of_another_file_does_not_survive_its_completion(site: Site, file: Path) -> None:
    file.parent.mkdir()
    part_of(file).write_bytes(b"x" * HALF)
    with pytest.raises(ConnectionError, match="does not have the checksum"):
        fetch(site.url, file, CHECKSUM)
    assert fetch(site.url, file, CHECKSUM).read_bytes() == CONTENT
    assert site.asked == [f"bytes={HALF}-", None]


@pytest.mark.parametrize("content", [CONTENT[:1000], CONTENT[:-1] + b"?", b""])
def test_a_file_that_is_there_but_damaged_is_replaced(content: bytes, site: Site, file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    assert fetch(site.url, file, CHECKSUM).read_bytes() == CONTENT
    assert site.sent == [len(CONTENT)]


def test_a_page_that_is_not_there_is_one_line_that_says_what_else_to_do(site: Site, file: Path) -> None:
    with pytest.raises(ConnectionError, match=r"^file\.bin .*404 .*ask the librarian$"):  # "." is no line end
        fetch(f"{site.url}.gz", file, CHECKSUM, "ask the librarian")
    assert not part_of(file).exists()


def test_an_unreachable_server_is_a_connection_error(file: Path, unanswered: str) -> None:
    with pytest.raises(ConnectionError, match=r"file\.bin .*refused"):
        fetch(f"{unanswered}/file.bin", file, CHECKSUM)


def test_a_terminal_gets_a_bar_that_begins_where_the_part_ends(
    site: Site, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []

    class Bar(download.tqdm):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            shown.append(options)
            super().__init__(**options)

    interrupt(site, file)
    monkeypatch.setattr(download, "tqdm", Bar)
    fetch(site.url, file, CHECKSUM)
    (options,) = shown
    assert (options["initial"], options["total"], options["desc"]) == (HALF, len(CONTENT), "file.bin")


def test_the_first_intact_file_is_chosen(tmp_path: Path) -> None:
    damaged, good, other = (tmp_path / name for name in ("damaged", "good", "other"))
    assert first_intact([damaged, good, other], lambda file: file != damaged, "needs it", "set") == good


def test_only_damaged_files_are_named_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(DamagedData, match=r"first .*`mt2st data fetch set`"):
        first_intact([tmp_path / "first", tmp_path / "second"], lambda file: False, "needs it", "set")


def test_no_file_is_missing_data() -> None:
    with pytest.raises(MissingData, match=r"^needs it$") as caught:
        first_intact([], bool, "needs it", "set")
    assert not isinstance(caught.value, DamagedData)
