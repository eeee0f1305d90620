import gzip
import hashlib
import lzma
import re
import subprocess
import sys
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
from mt2st.data.files.errors import DamagedData, MissingData
from mt2st.data.train_vectors import BUCKETS
from mt2st.data.vectors import TRAINED, EmbeddingTable

WORDS = ("the", "café", "cat's", "<unk>", "1,000")
LINES = [f"{word} {' '.join(f'{x:.4f}' for x in row)}" for word, row in zip(WORDS, np.eye(5, 3) - 0.25, strict=True)]


@pytest.fixture(scope="module")
def sentences() -> list[list[str]]:
    """Return a small corpus that comes with gensim."""
    with Path(datapath("lee_background.cor")).open(encoding="utf-8") as stream:
        return [line.lower().split() for line, _ in zip(stream, range(40), strict=False)]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty cache."""
    monkeypatch.setenv("MT2ST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


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
    table = embeddings.read_text_vectors(file, set(WORDS))
    plain = write_vectors(tmp_path / "plain.txt", header=header)
    expected = KeyedVectors.load_word2vec_format(plain, no_header=not header)
    assert list(table.words[2:]) == expected.index_to_key
    np.testing.assert_array_equal(table.vectors[2:], expected.vectors)


def test_only_wanted_words_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    table = embeddings.read_text_vectors(write_vectors(tmp_path / "v.txt", header=False), {"1,000", "café", "dog"})
    assert table.words == ("<pad>", "<unk>", "café", "1,000")
    assert table.vectors[2].tolist() == [-0.25, 0.75, -0.25]
    assert table.source == "v.txt"


def test_no_wanted_word_in_the_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"v\.txt has none of the 2 words wanted; give vectors of the text's language"):
        embeddings.read_text_vectors(write_vectors(tmp_path / "v.txt", header=False), {"dog", "cat"})


def test_blanks_at_the_end_of_a_line_and_empty_lines_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "v.vec").write_text("2 2 \nthe 1 2 \n\ncat 3 4 \n\n")
    table = embeddings.read_text_vectors(tmp_path / "v.vec", {"the", "cat"})
    assert (table.words[2:], table.vectors[2:].tolist()) == (("the", "cat"), [[1, 2], [3, 4]])


def test_words_may_hold_blanks_of_every_kind(tmp_path: Path) -> None:
    words = ("the", "a\u00a0b", "\u2028", "\x85", "\x1c", ". . .", "at name@domain.com", "cat")
    (tmp_path / "v.txt").write_text("".join(f"{word} {i} 0.5\n" for i, word in enumerate(words)), encoding="utf-8")
    table = embeddings.read_text_vectors(tmp_path / "v.txt", set(words))
    assert table.words[2:] == words
    assert table.vectors[2:, 0].tolist() == list(range(8))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a 1 2 3\nthe 1 nan 3\n", r":2: value 2 is 'nan', no finite number; mend or delete the line"),
        ("the 1 2 -inf\n", r":1: value 3 is '-inf', no finite number"),
        ("the 1 2 1e39\n", r":1: value 3 is '1e39', no finite number"),
        ("the 1 x 3\n", r":1: value 2 is 'x', no finite number"),
        ("a 1 2 3\nb 1 2\n", r":2: 2 values after the word, the first row has 3; give a word and its values a line"),
        ("a 1 2 3\nb 1 2 3 4\n", r":2: 4 values after the word, the first row has 3"),
        ("a 1 2 3\nb  1 2 3\n", r":2: 4 values after the word, the first row has 3; .* separated by one blank"),
        ("a 1 2 3\nb\n", r":2: 0 values after the word, the first row has 3"),
        ("2 4\na 1 2 3\nb 1 2 3\n", r":2: 3 values after the word, the first line says 4"),
        ("2 2\na 1 2 3\nb 1 2 3\n", r":2: 3 values after the word, the first line says 2"),
        ("3 2\nthe 1 2\nb 1 2\n", r":3: ends after 2 of 3 words: cut off\? get it anew"),
        ("the 1 2\na 1 2\nthe 3 4\n", r":3: a second vector of 'the'; delete one of the two lines"),
        ("<!DOCTYPE html>\n<title>Sign in</title>\n", r":1: value 1 is 'html>', no finite number"),
        ("the\t1\t2\n", r":1: 0 values after the word"),
        ("", r" has no vectors: it is empty; get it anew"),
        ("\n\n", r" has no vectors: it is empty"),
        ("3 2\n", r" has no vectors: it is empty"),
        ("the 1 2\n\0\0\n", r":2: a byte of zero: not a text file"),
    ],
)
def test_a_fault_names_file_and_line_and_the_mend(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "v.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"^{tmp_path / 'v.txt'}{fault}"):
        embeddings.read_text_vectors(tmp_path / "v.txt", {"the"})


def test_values_of_words_that_are_not_wanted_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("the 1 2\ncat nan x\ncat 1 2\n")
    assert embeddings.read_text_vectors(tmp_path / "v.txt", {"the"}).words[2:] == ("the",)


def test_the_binary_format_of_word2vec_is_named_with_the_command_that_converts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    vectors = KeyedVectors(20)
    rows = np.random.default_rng(0).normal(size=(len(WORDS), 20)).astype(np.float32)
    vectors.add_vectors(list(WORDS), rows)
    vectors.save_word2vec_format("v.bin", binary=True)
    with pytest.raises(ValueError, match=r"^v\.bin:2: not text but word2vec's binary format; convert it") as caught:
        embeddings.read_text_vectors(Path("v.bin"), {"the"})
    command = re.search(r'python -c "(.*)"$', str(caught.value))[1]
    subprocess.run([sys.executable, "-c", command], check=True)
    table = embeddings.read_text_vectors(Path("v.txt"), set(WORDS))
    assert table.words[2:] == WORDS
    np.testing.assert_array_equal(table.vectors[2:], rows)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = write_vectors(tmp_path / "v.xz", header=True)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"v\.xz cannot be read"):
        embeddings.read_text_vectors(file, set(WORDS))
    with pytest.raises(ValueError, match=r"v\.xz cannot be read"):
        embeddings.check_text_vectors(file)


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


def test_a_broken_glove_file_is_passed_over_or_refused(home: Path) -> None:
    paths.downloads().mkdir(parents=True)
    for name, content in {"200d.txt.gz": b"login", "100d.txt": b"the x y\n", "50d.txt": b""}.items():
        (paths.downloads() / f"glove.twitter.27B.{name}").write_bytes(content)
    with pytest.raises(DamagedData, match=r"glove\.twitter.*`mt2st data fetch glove-twitter-100`"):
        embeddings.find_glove()
    intact = write_vectors(paths.downloads() / "glove.twitter.txt", header=True)
    assert embeddings.find_glove() == intact


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


@pytest.mark.parametrize("name", TRAINED)
def test_rare_words_have_the_vector_of_their_n_grams_in_fasttext_alone(name: str, sentences: list[list[str]]) -> None:
    rare = {"zebra-crossing", "[PAD]"}
    table = embeddings.load(name, sentences, rare | {sentences[0][1]}, 12, seed=3, by_ngrams=True)
    expected = trained_by_gensim(name, sentences, 12, seed=3)
    assert set(table.words[2:]) - set(expected.index_to_key) == (rare if name.endswith("FastText") else set())
    for word in sorted(rare & set(table.words)):
        np.testing.assert_array_equal(table.vectors[table.index[word]], expected[word])
        assert np.abs(expected[word]).sum() > 0


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


@pytest.mark.parametrize(
    "change", [{"name": "SkipGram"}, {"dimensions": 5}, {"seed": 4}, {"sentences": [["other"] * 9]}, {"min_count": 4}]
)
def test_any_other_request_is_trained_anew(
    sentences: list[list[str]], monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    embeddings.train("CBOW", sentences, 12, seed=11)

    def refuse(*arguments: object, **options: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(embeddings.subprocess, "run", refuse)
    with pytest.raises(InterruptedError):
        embeddings.train(**{"name": "CBOW", "sentences": sentences, "dimensions": 12, "seed": 11} | change)


def test_words_get_a_vector_from_as_many_occurrences_as_asked_for() -> None:
    text = [["three"] * 3, ["two"] * 2, ["one"]]
    assert embeddings.train("CBOW", text, 5, min_count=2).words[2:] == ("three", "two")
    assert embeddings.load("CBOW", text, set(), 5, 0, min_count=3).words[2:] == ("three",)
    with pytest.raises(
        ValueError, match=r"^CBOW: no word of the text occurs 4 times .*; lower --min-count, or give more"
    ):
        embeddings.train("CBOW", text, 5, min_count=4)
    with pytest.raises(ValueError, match="CBOW: no word of the text occurs 5 times"):
        embeddings.train("CBOW", [], 5)


@pytest.mark.parametrize(
    ("child", "fault"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "training CBOW vectors was ended by SIGKILL; if"),
        ("raise SystemExit(3)", "training CBOW vectors failed: exit status 3"),
        ("raise MemoryError('no room')", "training CBOW vectors failed: MemoryError: no room"),
    ],
)
def test_a_child_that_ends_early_is_one_clear_fault(own_cache: Path, child: str, fault: str) -> None:
    run = subprocess.run

    def other(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        Path(command[-1]).write_bytes(b"half")
        return run([sys.executable, "-c", child], **options)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(ValueError, match=f"^{fault}"):
        patch.setattr(embeddings.subprocess, "run", other)
        embeddings.train("CBOW", [["word"] * 5], 5)
    assert [file.suffix for file in own_cache.glob("vectors/*")] == [".lock"]
    assert embeddings.train("CBOW", [["word"] * 5], 5).words[2:] == ("word",)


def test_a_long_word_takes_the_room_of_its_letters(own_cache: Path) -> None:
    long = "é" * 100_000
    words = [f"word{i}" for i in range(500)]
    table = embeddings.train("CBOW", [[long, *words]], 5, min_count=1)
    assert set(table.words[2:]) == {long, *words}
    (file,) = own_cache.glob("vectors/*.npz")
    assert file.stat().st_size < 300_000  # at fixed width 200 million


def test_a_cache_whose_words_do_not_fit_its_vectors_is_made_anew(own_cache: Path) -> None:
    first = embeddings.train("CBOW", [["word"] * 5], 5)
    (file,) = own_cache.glob("vectors/*.npz")
    np.savez(file, words=np.frombuffer(b"one\ntwo", dtype=np.uint8), vectors=first.vectors[2:])
    with pytest.warns(UserWarning, match=r"damaged \(2 words, 1 vectors\)"):
        assert embeddings.train("CBOW", [["word"] * 5], 5).words == first.words
