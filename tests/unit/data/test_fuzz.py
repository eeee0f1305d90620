"""Readers on damaged files: either they read, or one line says which file it is."""

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import nltk
import numpy as np
import pytest

from mt2st.data import bingel2017, lexicons, vectors
from mt2st.data.files import archives
from mt2st.data.files.text import read_table
from mt2st.data.tags import (
    ccgbank,
    columns,
    compression,
    english_web,
    framenet,
    nltk_tagged,
    scienceie,
    semcor,
    streusle,
)
from mt2st.data.texts import imdb, nltk_sets, wiki

ROUNDS = 24  # mutations of each file
LOGIN = b"<!DOCTYPE html>\n<html><head><title>Sign in, please</title></head>\n<body>4 of 5 [x]</body></html>\n"
GIANT = [b"9" * 5000, b"1e999", b"-1", b"nan", b"0x10", "\N{ARABIC-INDIC DIGIT THREE}".encode(), b"1_0"]


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return content damaged in one of the ways in which files are."""
    at, to = sorted(int(i) for i in rng.integers(0, len(content) + 1, 2))
    lines = content.split(b"\n")
    line = int(rng.integers(len(lines)))
    match int(rng.integers(13)):
        case 0:
            return content[:at]
        case 1:
            flipped = bytearray(content)
            for i in rng.integers(0, max(1, len(content)), 3):
                flipped[i : i + 1] = bytes([int(rng.integers(256))])
            return bytes(flipped)
        case 2:
            return content[:at] + b"\0" * int(rng.integers(1, 9)) + content[at:]
        case 3:
            return b"\n".join([*lines[: line + 1], *lines[line:]])
        case 4:
            return b"\n".join([*lines[:line], *lines[line + 1 :]])
        case 5:
            separator = b"\t" if b"\t" in lines[line] else b" "
            return b"\n".join([*lines[:line], separator.join(lines[line].split(separator)[::-1]), *lines[line + 1 :]])
        case 6:
            numbers = [i for i, byte in enumerate(content) if 48 <= byte < 58]
            place = int(rng.choice(numbers)) if numbers else at
            return content[:place] + GIANT[int(rng.integers(len(GIANT)))] + content[place + 1 :]
        case 7:
            return b""
        case 8:
            return content.decode("utf-8", "replace").encode(["utf-16", "utf-16-le", "utf-32"][int(rng.integers(3))])
        case 9:
            return content[:at] + "é".encode("latin-1") + content[at:]
        case 10:
            return LOGIN
        case 11:
            return content[:at] + content[to:]
    return content[:to] + content[at:]


# --- what files are packed in


def zipped(*members: str) -> Callable[[bytes], bytes]:
    """Pack the same text under several names."""

    def pack(content: bytes) -> bytes:
        stream = io.BytesIO()
        with ZipFile(stream, "w", ZIP_DEFLATED) as packed:
            for member in members:
                packed.writestr(member, content)
        return stream.getvalue()

    return pack


def taped(*members: str) -> Callable[[bytes], bytes]:
    def pack(content: bytes) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as tape:
            for name in members:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tape.addfile(member, io.BytesIO(content))
        return stream.getvalue()

    return pack


@dataclass(frozen=True)
class Case:
    """A reader, where its file is to be, and a text that it reads, packed."""

    place: str
    text: str
    read: Callable[[Path], object]
    pack: Callable[[bytes], bytes] = bytes


def package(name: str, *members: str, kind: str = "corpora") -> tuple[str, Callable[[bytes], bytes]]:
    return f"nltk_data/{kind}/{name}.zip", zipped(*(f"{name}/{member}" for member in members))


def vectors_of(file: Path) -> object:
    return vectors.read_text_vectors(file, {"the", "of", "a"})


IOB2 = "1\tAda\tB-PER\n2\tLee\tI-PER\n3\tsang\tO\n\n1\tHi\tO\n\n"
UD = "# text = Hi\n1\tHi\thi\tINTJ\t_\t_\t0\troot\t_\t_\n2-3\tdon't\t_\t_\n2\tdo\tdo\tAUX\n\n1\tYes\tyes\tINTJ\n\n"
LEX = "1\tin\tin\tADP\tIN\t_\t1\tc\t_\t_\t1:1\tP\tin turn\tp.Time\tp.Time\t_\t_\t_\tO\n"
LEX += LEX.replace("1\tin", "2\tturn", 1).replace("1:1", "1:2").replace("p.Time", "_") + "\n"
TREE = "(<T S 0 2> (<L NP NNP NNP Ada NP>) (<L S\\NP VBD VBD slept S\\NP_1>) ) "
EDGES = '"compression_untransformed": {"edge": [{"child_id": 1}]}'
RECORD = f'{{"source_tree": {{"node": [{{"word": [{{"id": 0, "form": "a"}}, {{"id": 1, "form": "b"}}]}}]}}, {EDGES}}}'
FRAMES = (
    '<?xml version="1.0"?>\n<f xmlns="http://framenet.icsi.berkeley.edu">\n<sentence ID="7"><text>They took it</text>\n'
    '<annotationSet frameName="R" status="MANUAL"><layer name="Target"><label start="5" end="8"/></layer>\n'
    "</annotationSet></sentence></f>"
)
SENSES = '<c><s snum="1">\n<wf lexsn="1:14:00::">Fulton_County</wf>\n<wf>said</wf><punc>.</punc></s></c>'
BRAT = "T1\tMaterial 0 5\tsteel\nR1\tHyponym-of Arg1:T1 Arg2:T2\n"
WIKI = (
    '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/"><page><title>Ada</title><ns>0</ns><id>1</id>\n'
    "<revision><id>2</id><text>'''Ada''' wrote the [[first]] program of all, they say.</text>\n"
    "</revision></page></mediawiki>"
)
LOG = "Iter 100, task ccg, loss 0.5883, acc 0.86995, f1 0.87014, p 0.86995, r 0.87034\nIter 200, task ccg, loss nan\n"
CASES = {
    "vectors": Case("glove.twitter.txt", "3 2\nthe 1 2\nof 0.5 -1e-3\n. . . 1 2\n", vectors_of),
    "packed vectors": Case("v.vec.gz", "the 1 2\nof 0.5 3\na 1 1\n", vectors_of, gzip.compress),
    "checked vectors": Case("v.txt.xz", "the 1 2\nof 0.5 3\n", vectors.check_text_vectors, lzma.compress),
    "own tags": Case("own.conll", "a\tO\nb c\tX\n\nd\tO\n", columns.read_own),
    "own tags, blanks": Case("own.bz2", "-DOCSTART- O\n\nEU NNP B\nsays  VB O\n\n", columns.read_own, bz2.compress),
    "columns": Case("x.conll.xz", IOB2, lambda file: columns.read_columns(file, 1, 2, 0, iob2=True), lzma.compress),
    "ud": Case("en_ewt-ud-dev.conllu", UD, english_web._read_parts_of_speech),
    "uner": Case("en_ewt-ud-train.iob2", IOB2, lambda file: english_web.check("uner-ewt", file)),
    "vis": Case("s.vis", "id1\tI|PRON had_ a|DET _go|V-v.act ~|P\nid2\tHi|INTJ\n", streusle.read_vis),
    "lex": Case("s.conllulex.gz", LEX, streusle.read_conllulex, gzip.compress),
    "ccgbank": Case("wsj_0201.auto", f"ID=wsj_0201.1 PARSER=GOLD\n{TREE}\n", ccgbank.read),
    "compression": Case("comp.json.gz", f"{RECORD}\n\n{RECORD}\n", compression.check, gzip.compress),
    "framenet": Case(
        *(package(framenet.NAME, "fulltext/a.xml")[0], FRAMES, lambda file: framenet.load()),
        package(framenet.NAME, "fulltext/a.xml", "fulltext/KBEval__MIT.xml")[1],
    ),
    "semcor": Case("semcor.zip", SENSES, semcor._parse, zipped("semcor/tagfiles/a.xml", "semcor/tagfiles/b.xml")),
    "scienceie text": Case(
        f"{scienceie.ARCHIVE}.gz", "steel is hard.\n", scienceie.check, taped("a/train/S1.txt", "a/train/S1.ann")
    ),
    "scienceie": Case(
        "S1.ann", BRAT, lambda file: scienceie.keyphrases(file.read_bytes().decode("latin-1"), "steel is", str(file))
    ),
    "treebank": Case(
        *(
            package("treebank")[0],
            "( (S (NP (NNP Ada)) (VP (VBD slept)) (. .)) )\n",
            lambda file: nltk_tagged.treebank(),
        ),
        package("treebank", *(f"combined/wsj_{i:04}.mrg" for i in range(10)))[1],
    ),
    "chunks": Case(
        *(package("conll2000")[0], "Ada NNP B-NP\nslept VBD B-VP\n\nHi UH O\n\n", lambda file: nltk_tagged.chunks()),
        package("conll2000", "train.txt", "test.txt")[1],
    ),
    "entities": Case(
        *(
            package("conll2002")[0],
            "-DOCSTART- -X- O\nAda N B-PER\n\nS. V I-PER\n\n",
            lambda file: nltk_tagged.entities("ned"),
        ),
        package("conll2002", "ned.train", "ned.testa", "ned.testb")[1],
    ),
    "brown": Case(
        *(package("brown")[0], "The/at jury/nn said/vbd ./.\n", lambda file: nltk_tagged.brown()),
        package("brown", "ca01", "ca02")[1],
    ),
    "brown's tags": Case(
        *(
            package("universal_tagset", kind="taggers")[0],
            "AT\tDET\nNN\tNOUN\nVBD\tVERB\n.\t.\n",
            lambda file: nltk_tagged.brown(),
        ),
        package("universal_tagset", "en-brown.map")[1],
    ),
    "reviews": Case(
        *(package("movie_reviews")[0], "a good film .\n", lambda file: nltk_sets.read("movie_reviews", file)),
        package("movie_reviews", "neg/a.txt", "pos/b.txt")[1],
    ),
    "sentences": Case(
        *(package("subjectivity")[0], "one line .\n", lambda file: nltk_sets.read("subjectivity", file)),
        package("subjectivity", "plot.tok.gt9.5000", "quote.tok.gt9.5000")[1],
    ),
    "questions": Case(
        package("qc")[0],
        "".join(f"{kind}:other What is it ?\n" for kind in nltk_sets.KINDS),
        lambda file: nltk_sets.read("qc", file),
        package("qc", "train.txt", "test.txt")[1],
    ),
    "stop words": Case("s.zip", "the\na\n", lambda file: archives.texts(file, "english$", 1), zipped("s/english")),
    "pairs": Case("EN-YP-130.txt", "boy\tgirl 1.5\nhe she 2\n", lexicons._read_pairs),
    "similarities": Case(
        "wordsim353.tsv", "# a\nlove\tsex\t6.77\n", lambda file: lexicons.similarities(TABLE, "wordsim353")
    ),
    "analogies": Case("questions-words.txt", ": gram1\nBoy girl he she\n", lambda file: lexicons.analogies(TABLE)),
    "logs": Case("logs.tar.gz", LOG, bingel2017.unpack, taped("logs/ccg/loss_dv.log", "logs/ccg/loss_tr.log")),
    "log": Case("a.log", LOG, lambda file: bingel2017.read_log(file.read_bytes().decode("latin-1"), str(file))),
    "csv": Case("IMDB Dataset.csv", 'review,sentiment\n"a, b",positive\nc d,negative\n', imdb.read),
    "archive": Case(
        "r.tar.gz", "A film.", imdb._read_archive, taped("aclImdb/train/pos/1_8.txt", "aclImdb/test/neg/1.txt")
    ),
    "index": Case(
        "i.tsv.xz", "split\tlabel\ntrain\tpos\n", lambda file: read_table(file, ("split",), "\t"), lzma.compress
    ),
    "wiki": Case(wiki.DUMP, WIKI, lambda file: wiki._parse(), bz2.compress),
    "archive to its end": Case("a.zip", "text\n" * 50, archives.check, zipped("a/b", "a/c")),
}
TABLE = vectors.EmbeddingTable.of(["boy", "girl", "he", "she", "love", "sex"], np.eye(6), "made up")


@pytest.fixture
def folder(empty_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a mirror in which corpora of a few texts count as whole."""
    small(monkeypatch, empty_mirror)
    return empty_mirror


def small(monkeypatch: pytest.MonkeyPatch, mirror: Path) -> None:
    for module, name, value in [
        *((semcor, "FILES", 2), (nltk_tagged, "TREEBANK_FILES", 10), (nltk_tagged, "BROWN_FILES", 2)),
        *((wiki, "datapath", lambda name: str(mirror / name)), (lexicons, "datapath", lambda name: str(mirror / name))),
        *((nltk.pathsec, "ENFORCE", False),),
    ]:
        monkeypatch.setattr(module, name, value)
    for name, texts in (("movie_reviews", 1), ("subjectivity", 1), ("qc", 2)):  # qc has them in both of its files
        corpus = nltk_sets.CORPORA[name]
        monkeypatch.setitem(nltk_sets.CORPORA, name, replace(corpus, sizes=(texts,) * len(corpus.categories)))
    for beside in ("brown", "brown's tags"):
        put(mirror, CASES[beside], CASES[beside].pack(CASES[beside].text.encode()))


def put(mirror: Path, case: Case, content: bytes) -> Path:
    file = mirror / case.place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def outcome(case: Case, file: Path) -> str:
    """Read a file; returns "read" or the kind of a clear error, and raises AssertionError for any other."""
    try:
        case.read(file)
    except (ValueError, OSError) as error:
        message = str(error)
        assert file.name in message, f"{error!r} does not name {file.name}"
        assert "\n" not in message, f"{message!r} has several lines"
        return type(error).__name__
    return "read"


def damaged(case: Case, rng: np.random.Generator) -> Iterator[bytes]:
    """Yield content damaged before it is packed, and after."""
    while True:
        yield case.pack(mutated(case.text.encode(), rng))
        yield mutated(case.pack(case.text.encode()), rng)


@pytest.mark.filterwarnings("ignore:Security Violation")
@pytest.mark.parametrize("name", CASES)
def test_a_damaged_file_is_read_or_named(name: str, folder: Path) -> None:
    case = CASES[name]
    found: Counter[str] = Counter()
    rng = np.random.default_rng(list(name.encode()))
    for content, _ in zip(damaged(case, rng), range(ROUNDS), strict=False):
        file = put(folder, case, content)
        found[outcome(case, file)] += 1
    assert found.total() == ROUNDS
    assert found["read"] < ROUNDS


@pytest.mark.filterwarnings("ignore:Security Violation")
def test_whole_files_are_read(folder: Path) -> None:
    counted = {"uner", "scienceie text", "logs", "csv"}  # known by the checksum or number of what they hold
    for name, case in CASES.items():
        file = put(folder, case, case.pack(case.text.encode()))
        assert outcome(case, file) == ("ValueError" if name in counted else "read"), name
        shutil.rmtree(folder)
        for beside in ("brown", "brown's tags"):
            put(folder, CASES[beside], CASES[beside].pack(CASES[beside].text.encode()))
