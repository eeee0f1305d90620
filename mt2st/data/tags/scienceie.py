"""ScienceIE: keyphrases of scientific paragraphs (Augenstein et al. 2017, SemEval task 10)."""

import hashlib
import re
from pathlib import Path

from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktTrainer

from mt2st import paths
from mt2st.data.files import archives, download
from mt2st.data.files import github as upstream
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData, in_three_parts, tag_characters

COMMIT = "49c5cc26950b4bf7450e50f5e6d3330e73f5f442"
URL = f"https://github.com/OC-ScienceIE/scienceie17/archive/{COMMIT}.tar.gz"
ARCHIVE = "scienceie2017.tar"  # .xz or .gz
SHA256 = "dd3ebf88c380b2390a0f0564db76a4a51cf37618f2a3bc9d9e438716aa06dab3"  # of the 1,000 files, see `digest`
PARTS = ("train", "dev", "test")
KINDS = ("Material", "Process", "Task")
ENTITY = re.compile(rf"T\d+\t({'|'.join(KINDS)}) (\d{{1,9}} \d{{1,9}}(?:;\d{{1,9}} \d{{1,9}})*)\t.+")

Paragraphs = dict[str, dict[str, tuple[str, str]]]  # part → name → text and annotation


def load() -> SequenceData:
    """Return keyphrases as IOB2 spans of the three types Material, Process and Task, in the published parts.

    Tokens are NLTK's. Sentences are split by Punkt, trained on the paragraphs of the training part alone. Where phrases
    are nested or overlap the longer is kept, of equal ones the first; one that crosses the end of a sentence is cut
    there, and each piece is a span of its own, as are the pieces of the one discontinuous phrase. So there are fewer
    spans than annotated phrases. Relations are not read.

    Raises ValueError naming file and line of an annotation that is not brat's or not in the text; MissingData.
    """
    file = locate()
    paragraphs = read(file)
    trainer = PunktTrainer()
    for text, _ in paragraphs["train"].values():
        trainer.train(text, finalize=False)
    splitter = PunktSentenceTokenizer(trainer.get_params())
    parts = []
    for part in PARTS:
        sentences, tags = [], []
        for name, (text, annotation) in sorted(paragraphs[part].items()):
            phrases = keyphrases(annotation, text, f"{file}: {part}/{name}.ann")
            for first, last in splitter.span_tokenize(text):
                inside = [
                    (max(start, first) - first, min(end, last) - first, kind)
                    for start, end, kind in phrases
                    if start < last and first < end
                ]
                tokens, found = tag_characters(text[first:last], inside)
                sentences.append(tokens)
                tags.append(found)
        parts.append(TaggedText(sentences, tags))
    return in_three_parts("scienceie", parts, True, (file,))


def keyphrases(annotation: str, text: str, where: str) -> list[tuple[int, int, str]]:
    """Return start, end and type of each piece of each phrase (lines T…) of brat's standoff annotation.

    Raises ValueError naming a line that is no phrase, relation (R) or equivalence (*), or a phrase outside the text.
    """
    found = []
    for number, line in enumerate(annotation.split("\n"), start=1):
        if not line.strip() or line[0] in "R*":
            continue
        if not (match := ENTITY.fullmatch(line)):
            raise ValueError(
                f"{where}:{number}: not a line of brat's format, T1<tab>{KINDS[0]} 0 5<tab>words: {line!r}"
            )
        for piece in match[2].split(";"):
            start, end = map(int, piece.split())
            if not start < end <= len(text):
                raise ValueError(f"{where}:{number}: characters {start} to {end} of {len(text)}")
            found.append((start, end, match[1]))
    return found


def read(file: Path) -> Paragraphs:
    """Read text and annotation of all paragraphs of the archive; raises ValueError for a damaged or incomplete one."""
    contents: dict[str, dict[str, str]] = {".txt": {}, ".ann": {}}
    for match, text in archives.matching(file, r"(?:^|/)((?:train|dev|test)/[^/]+)(\.txt|\.ann)$"):
        contents[match[2]][match[1]] = text
    texts, annotations = contents[".txt"], contents[".ann"]
    if lonely := sorted(texts.keys() ^ annotations.keys()):
        raise ValueError(f"{file}: {lonely[0]} has a text or an annotation, but not both; fetch it again")
    return {
        part: {
            name.removeprefix(f"{part}/"): (texts[name], annotations[name])
            for name in texts
            if name.startswith(f"{part}/")
        }
        for part in PARTS
    }


def digest(paragraphs: Paragraphs) -> str:
    """Return one SHA-256 of all texts and annotations by name, whatever archive they came in."""
    whole = hashlib.sha256()
    for part in PARTS:
        for name, pair in sorted(paragraphs[part].items()):
            for content in (f"{part}/{name}", *pair):
                whole.update(hashlib.sha256(content.encode()).digest())
    return whole.hexdigest()


def check(file: Path) -> None:
    """Raise ValueError unless an archive holds the released files."""
    if (found := digest(read(file))) != SHA256:
        raise ValueError(f"{file} does not hold the released files: their digest is {found}, not {SHA256}")


def locate() -> Path:
    """Return the archive; raises MissingData with what to do."""
    return upstream.locate("scienceie", ARCHIVE)


def fetch() -> Path:
    """Download the repository at a pinned commit, checked by `digest`; raises ConnectionError.

    GitHub packs the archive anew now and then, so that the archive itself has no lasting checksum.
    """
    file = paths.downloads() / "scienceie" / f"{ARCHIVE}.gz"
    otherwise = f"check the network, or put {ARCHIVE}.gz into {paths.downloads()}"
    return download.fetch(URL, file, check, otherwise)
