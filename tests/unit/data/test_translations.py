"""A bilingual lexicon and aligned sentences, small ones made up in the format of the real files."""

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mt2st import paths
from mt2st.data import sources, translations
from mt2st.data.files import github as upstream
from mt2st.data.files.errors import MissingData
from mt2st.data.vectors import EmbeddingTable

ENGLISH = ("a", "cat", "day", "house", "moon", "sun")  # the first and the last are held out: every fifth
PAIRS = "el @ a\nun @ A\ngato @ cat\ndía @ day\nhotel @ hotel\ncasa @ house\nluna @ moon\nsol @ sun\n"
SENTENCE = {"src_words": ["The", "cat"], "tgt_words": ["el", "gato"], "alignment": [[0, 0], [1, 1]]}


@pytest.fixture
def files(home: Path) -> Path:
    """Put both files among the downloads."""
    folder = paths.downloads() / "en-es"
    folder.mkdir(parents=True)
    (folder / translations.MUSE.name).write_text(PAIRS, encoding="utf-8")
    (folder / translations.ALIGNED.name).write_text(json.dumps(SENTENCE) + "\n", encoding="utf-8")
    return folder


def table_of(*words: str) -> EmbeddingTable:
    return EmbeddingTable.of(words, np.eye(len(words), dtype=np.float32), "made up")


@pytest.mark.usefixtures("files")
def test_every_fifth_english_word_is_held_out_with_all_its_translations() -> None:
    table = table_of("gato", "cat", "el", "un", "a", "day", "sol", "sun", "luna", "hotel")
    kept, apart = (translations.lexicon(table, held_out) for held_out in (False, True))
    said = [[(table.words[e], table.words[s]) for e, s in found.rows.tolist()] for found in (kept, apart)]
    assert said == [[("cat", "gato")], [("a", "el"), ("a", "un"), ("sun", "sol")]]
    assert (kept.total, apart.total) == (4, 3)  # "hotel" is spelled alike
    assert translations.lexicon(table_of("gato"), False).rows.shape == (0, 2)


@pytest.mark.usefixtures("files")
def test_mixed_text_has_half_of_its_translated_words_in_english() -> None:
    table = table_of("gato", "cat", "sol", "sun", "luna", "moon")
    (found,) = translations.mixed([["gato", "luna", "sol"] * 2_000], table, seed=0)
    share = {word: found.count(word) / 2_000 for word in ("cat", "gato", "moon", "sun", "sol")}
    assert share["cat"] == pytest.approx(0.5, abs=0.05)
    assert share["cat"] + share["gato"] == 1
    assert share["moon"] == pytest.approx(0.5, abs=0.05)
    assert (share["sun"], share["sol"]) == (0, 1)  # held out
    assert translations.mixed([["gato"] * 50], table, 1) == translations.mixed([["gato"] * 50], table, 1)


def test_aligned_sentences_are_read_from_their_file_and_from_the_archive(files: Path) -> None:
    expected = [translations.Aligned(("the", "cat"), ("el", "gato"), frozenset({(0, 0), (1, 1)}))]
    assert translations.aligned() == expected
    (files / translations.ALIGNED.name).unlink()
    text = (json.dumps(SENTENCE) + "\n").encode()
    with tarfile.open(files / "word_alignments.tar.xz", "w:xz") as tape:
        for part in ("train", "valid"):
            member = tarfile.TarInfo(f"align/processed/{part}/en-es/es_golden.jsonl")
            member.size = len(text)
            tape.addfile(member, io.BytesIO(text))
    assert translations.aligned() == expected


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "is no sentence"),
        (json.dumps(SENTENCE | {"src_words": 3}), "is no sentence"),
        (json.dumps(SENTENCE | {"alignment": [[2, 0]]}), "aligns a word that its sentence does not have"),
        (json.dumps(SENTENCE | {"alignment": [[0, -1]]}), "aligns a word that its sentence does not have"),
    ],
)
def test_a_damaged_line_is_named(files: Path, line: str, fault: str) -> None:
    (files / translations.ALIGNED.name).write_text(json.dumps(SENTENCE) + "\n" + line + "\n")
    with pytest.raises(ValueError, match=f"{translations.ALIGNED.name}:2 {fault}"):
        translations.aligned()
    (files / translations.MUSE.name).write_text("gato @ cat\ngato cat\n")
    translations._pairs.cache_clear()
    with pytest.raises(ValueError, match=r"en-es.dict:2: expected two words with @ between them, got 'gato cat'"):
        translations.lexicon(table_of("cat"), False)


def test_both_files_are_downloaded_and_checked(
    home: Path, web: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = web
    monkeypatch.setattr(upstream, "HOST", url)
    contents = {"MUSE": PAIRS.encode(), "ALIGNED": json.dumps(SENTENCE).encode()}
    for name, content in contents.items():
        file = replace(getattr(translations, name), known=hashlib.sha256(content).hexdigest())
        monkeypatch.setattr(translations, name, file)
        served = folder / file.repository / file.commit / file.path
        served.parent.mkdir(parents=True)
        served.write_bytes(content)
    with pytest.raises(MissingData, match="needs en-es: run `mt2st data fetch en-es`"):
        translations.aligned()
    assert sources.fetch("en-es") == translations.locate_lexicon()
    assert [file.name for file in translations.locate()] == ["en-es.dict", "es_golden.jsonl"]
    translations.locate()[1].write_text("{}")
    with pytest.raises(ValueError, match="does not have the SHA-256"):
        translations.check(translations.locate()[1])
