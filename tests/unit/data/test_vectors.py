import gzip
import hashlib
import lzma
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from gensim.models import FastText, KeyedVectors, Word2Vec
from gensim.test.utils import datapath

from mt2st import paths
from mt2st.data import vectors as embeddings
from mt2st.data.files.errors import MissingData
from mt2st.data.train_vectors import BUCKETS
from mt2st.data.vectors import TRAINED, EmbeddingTable

WORDS = ("the", "café", "cat's", "<unk>", "1,000")
LINES = [f"{word} {' '.join(f'{x:.4f}' for x in row)}" for word, row in zip(WORDS, np.eye(5, 3) - 0.25, strict=True)]


@pytest.fixture(scope="module")
def sentences() -> list[list[str]]:
    """Return a small corpus that comes with gensim."""
    with Path(datapath("lee_background.cor")).open(encoding="utf-8") as stream:
        return [line.lower().split() for line, _ in zip(stream, range(40), strict=False)]


def write_vectors(file: Path, *, header: bool) -> Path:
    """Write `LINES` in the format of the file's suffix."""
    text = "\n".join([f"{len(LINES)} 3", *LINES] if header else LINES) + "\n"
    packers = {".gz": gzip.compress, ".xz": lzma.compress, ".txt": bytes}
    file.write_bytes(packers[file.suffix](text.encode()))
    return file


def trained_by_gensim(name: str, sentences: Sequence[Sequence[str]], dimensions: int, seed: int) -> KeyedVectors:
    """Train the same vectors in this process."""
    options = {"vector_size": dimensions, "window": 5, "min_count": 5, "seed": seed, "workers": 1}
    options["sg"] = 1 if "SkipGram" in name else 0
    if "FastText" in name:
        return FastText(sentences, bucket=BUCKETS, **options).wv
    return Word2Vec(sentences, **options).wv


def test_a_table_begins_with_a_row_of_zeros_and_the_mean_vector() -> None:
    table = EmbeddingTable.of(["a", "b"], np.array([[1.0, 2.0], [3.0, 6.0]]), "made up")
    assert table.words == ("<pad>", "<unk>", "a", "b")
    assert table.vectors.tolist() == [[0, 0], [2, 4], [1, 2], [3, 6]]
    assert table.vectors.dtype == np.float32
    assert table.source == "made up"


def test_a_table_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="CBOW: no word is frequent enough"):
        EmbeddingTable.of([], np.zeros((0, 3)), "CBOW")


def test_tokens_are_encoded_as_rows_and_unknown_ones_as_row_1(toy_table: EmbeddingTable) -> None:
    rows = toy_table.encode(["good", "dog", "film", "<pad>"])
    assert rows.tolist() == [3, 1, 2, 1]
    assert rows.dtype == torch.long
    assert toy_table.encode([]).tolist() == []


def test_the_index_has_words_only(toy_table: EmbeddingTable) -> None:
    assert toy_table.index == {"film": 2, "good": 3, "bad": 4, "day": 5}


def test_the_checksum_is_that_of_the_vectors_alone() -> None:
    vectors = np.array([[1.0, 2.0]], dtype=np.float32)
    table = EmbeddingTable(("a",), vectors, "here")
    little_endian = bytes.fromhex("0000803f00000040")  # 1 and 2 in IEEE 754
    assert table.checksum == hashlib.sha256(little_endian).hexdigest()
    assert EmbeddingTable(("b",), vectors.copy(), "there").checksum == table.checksum
    assert EmbeddingTable(("a",), np.asfortranarray(np.eye(3, 2)), "x").checksum == (
        EmbeddingTable(("a",), np.eye(3, 2), "x").checksum
    )
    assert EmbeddingTable(("a",), np.nextafter(vectors, 9), "here").checksum != table.checksum


def test_coverage_counts_tokens_not_words(toy_table: EmbeddingTable) -> None:
    assert toy_table.coverage([["good", "good", "dog"], ["cat"]]) == 0.5
    assert toy_table.coverage([]) == 0


def test_gensim_reads_the_word2vec_file_that_is_written(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(scale=[1e-4, 1, 1e4], size=(5, 3)).astype(np.float32)
    table = EmbeddingTable.of(WORDS, vectors, "random")
    table.save_word2vec(tmp_path / "vectors.txt")
    read = KeyedVectors.load_word2vec_format(tmp_path / "vectors.txt")
    assert tuple(read.index_to_key) == WORDS
    np.testing.assert_allclose(read.vectors, vectors, rtol=1e-5)


def test_other_vectors_can_be_written_for_the_same_words(tmp_path: Path, toy_table: EmbeddingTable) -> None:
    toy_table.save_word2vec(tmp_path / "vectors.txt", toy_table.vectors + 100)
    read = KeyedVectors.load_word2vec_format(tmp_path / "vectors.txt")
    np.testing.assert_allclose(read["good"], [102, 103])


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # gensim leaves a file without header open
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("suffix", [".txt", ".gz", ".xz"])
def test_vector_files_are_read_as_gensim_reads_them(tmp_path: Path, suffix: str, header: bool) -> None:
    file = write_vectors(tmp_path / f"glove.twitter{suffix}", header=header)
    table = embeddings.read_glove(file, set(WORDS))
    plain = write_vectors(tmp_path / "plain.txt", header=header)
    expected = KeyedVectors.load_word2vec_format(plain, no_header=not header)
    assert list(table.words[2:]) == expected.index_to_key
    np.testing.assert_array_equal(table.vectors[2:], expected.vectors)


def test_only_wanted_words_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    table = embeddings.read_glove(write_vectors(tmp_path / "v.txt", header=False), {"1,000", "café", "dog"})
    assert table.words == ("<pad>", "<unk>", "café", "1,000")
    assert table.vectors[2].tolist() == [-0.25, 0.75, -0.25]
    assert table.source == "v.txt"


def test_no_wanted_word_in_the_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"v\.txt: no word is frequent enough"):
        embeddings.read_glove(write_vectors(tmp_path / "v.txt", header=False), {"dog"})


@pytest.mark.parametrize("header", [True, False])
def test_a_line_with_another_number_of_values_is_named(tmp_path: Path, header: bool) -> None:
    file = write_vectors(tmp_path / "v.txt", header=header)
    with file.open("a") as stream:
        stream.write("short 0.1 0.2\n")
    with pytest.raises(ValueError, match=rf"v\.txt:{7 if header else 6}: expected 3 values, got 2"):
        embeddings.read_glove(file, set(WORDS))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = write_vectors(tmp_path / "v.xz", header=True)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"v\.xz cannot be read"):
        embeddings.read_glove(file, set(WORDS))


def test_glove_that_is_not_here_is_missing_data_with_the_command_that_gets_it(home: Path) -> None:
    with pytest.raises(
        MissingData, match="needs glove-twitter-100: run `mt2st data fetch glove-twitter-100`"
    ) as caught:
        embeddings.find_glove()
    assert str(home / "data" / "downloads") in str(caught.value)
    assert "MT2ST_DATA_MIRROR" in str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("place", ["mirror", "downloads", "gensim"])
def test_glove_is_found_in_mirror_downloads_and_gensims_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    folder = tmp_path / "elsewhere" if place != "downloads" else paths.downloads()
    (folder / "glove-twitter-100").mkdir(parents=True)
    file = write_vectors(folder / "glove-twitter-100" / "glove-twitter-100.gz", header=True)
    variable = {"mirror": "MT2ST_DATA_MIRROR", "gensim": "GENSIM_DATA_DIR"}.get(place)
    if variable:
        monkeypatch.setenv(variable, str(folder))
    assert embeddings.find_glove() == file
    assert str(home) in str(file) or variable


def test_of_several_glove_files_the_widest_is_taken(home: Path) -> None:
    paths.downloads().mkdir(parents=True)
    for dimensions in (25, 200, 50):
        file = paths.downloads() / f"glove.twitter.27B.{dimensions}d.txt"
        file.write_text("the" + " 0.5" * dimensions + "\n")
    (paths.downloads() / "glove.twitter.27B.zip").write_bytes(b"not looked at")
    assert embeddings.find_glove().name == "glove.twitter.27B.200d.txt"


def test_loading_glove_takes_the_wanted_words_of_the_file_that_is_found(home: Path) -> None:
    paths.downloads().mkdir(parents=True)
    write_vectors(paths.downloads() / "glove.twitter.txt", header=False)
    table = embeddings.load("GloveTwitter", [["the", "dog"]], {"the"}, dimensions=7, seed=0)
    assert table.words[2:] == ("the",)
    assert table.vectors.shape == (3, 3)


def test_an_unknown_embedding_is_refused_with_the_known_ones() -> None:
    known = "CBOW, SkipGram, CBOWFastText, SkipGramFastText, GloveTwitter"
    with pytest.raises(ValueError, match=f"unknown embedding 'ELMo'; known: {known}"):
        embeddings.load("ELMo", [["a"]], {"a"}, 10, 0)


@pytest.mark.parametrize("name", TRAINED)
def test_trained_vectors_are_bit_for_bit_those_of_gensim(name: str, sentences: list[list[str]]) -> None:
    table = embeddings.load(name, sentences, set(), 12, seed=3)
    expected = trained_by_gensim(name, sentences, 12, seed=3)
    assert list(table.words[2:]) == expected.index_to_key
    np.testing.assert_array_equal(table.vectors[2:], expected.vectors)
    assert table.source == name


def test_vectors_trained_again_have_the_same_bits(
    sentences: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = []
    for folder in ("one", "two"):
        monkeypatch.setenv("MT2ST_CACHE", str(tmp_path / folder))
        tables.append(embeddings.train("SkipGram", sentences, 12, seed=3))
    assert tables[0].words == tables[1].words
    assert tables[0].vectors.tobytes() == tables[1].vectors.tobytes()
    assert len(list((tmp_path / "two" / "vectors").glob("*.npz"))) == 1


def test_words_are_sorted_by_falling_frequency_and_rare_ones_left_out(sentences: list[list[str]]) -> None:
    table = embeddings.load("CBOW", sentences, set(), 12, seed=3)
    words = list(chain.from_iterable(sentences))
    counts = [words.count(word) for word in table.words[2:]]
    assert counts == sorted(counts, reverse=True)
    assert set(table.words[2:]) == {word for word in set(words) if words.count(word) >= 5}


def test_trained_vectors_are_read_from_the_cache(sentences: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    first = embeddings.train("CBOW", sentences, 12, seed=3)
    monkeypatch.setattr(embeddings.subprocess, "run", None)
    again = embeddings.train("CBOW", sentences, 12, seed=3)
    np.testing.assert_array_equal(again.vectors, first.vectors)


@pytest.mark.parametrize("change", [{"name": "SkipGram"}, {"dimensions": 5}, {"seed": 4}, {"sentences": [["other"]]}])
def test_any_other_request_is_trained_anew(
    sentences: list[list[str]], monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    embeddings.train("CBOW", sentences, 12, seed=11)

    def refuse(*arguments: object, **options: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(embeddings.subprocess, "run", refuse)
    with pytest.raises(InterruptedError):
        embeddings.train(**{"name": "CBOW", "sentences": sentences, "dimensions": 12, "seed": 11} | change)


def test_text_without_a_frequent_word_is_a_fault_that_names_the_vectors() -> None:
    with pytest.raises(ValueError, match=r"training CBOW vectors failed: .*vocab"):
        embeddings.train("CBOW", [["every", "word", "once"]], 5)
