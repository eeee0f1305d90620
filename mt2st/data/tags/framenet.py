"""FrameNet 1.7 full text: words that evoke a frame, tagged with its name (Ruppenhofer et al. 2016)."""

import xml.etree.ElementTree as ET
from pathlib import Path

from mt2st.data.files import archives, nltk_packages
from mt2st.data.files import github as upstream
from mt2st.data.files.errors import MissingData
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData, in_three_parts, tag_characters

NAME = "framenet_v17"
SMALL = f"{NAME}_nolu.tar"  # the same without its lexical units, .xz or .gz
VALIDATION = {
    *("ANC__110CYL072", "KBEval__MIT", "LUCorpus-v0.3__20000415_apw_eng-NEW"),
    *("LUCorpus-v0.3__ENRON-pearson-email-25jul02", "Miscellaneous__Hijack", "NTI__NorthKorea_NuclearOverview"),
    *("NTI__WMDNews_062606", "PropBank__TicketSplitting"),
}
TEST = {
    *("ANC__110CYL067", "ANC__110CYL069", "ANC__112C-L013", "ANC__IntroHongKong", "ANC__StephanopoulosCrimes"),
    *("ANC__WhereToHongKong", "KBEval__atm", "KBEval__Brandeis", "KBEval__cycorp", "KBEval__parc", "KBEval__Stanford"),
    *("KBEval__utd-icsi", "LUCorpus-v0.3__20000410_nyt-NEW", "LUCorpus-v0.3__AFGP-2002-602187-Trans"),
    *("LUCorpus-v0.3__enron-thread-159550", "LUCorpus-v0.3__IZ-060316-01-Trans-1", "LUCorpus-v0.3__SNO-525"),
    *("LUCorpus-v0.3__sw2025-ms98-a-trans.ascii-1-NEW", "Miscellaneous__Hound-Ch14"),
    *("Miscellaneous__SadatAssassination", "NTI__NorthKorea_Introduction", "NTI__Syria_NuclearOverview"),
    *("PropBank__AetnaLifeAndCasualty",),
}
DOCUMENT = rf"^{NAME}/fulltext/([^/]+)\.xml$"
XML = "{http://framenet.icsi.berkeley.edu}"


def load() -> SequenceData:
    """Return the targets of the full-text annotation as IOB2 spans whose type is the frame, split by document.

    Test documents are those of Das and Smith (2011), `VALIDATION` those of Swayamdipta et al. (2017); all others are
    for training. Sentences without a target are left out: most of them nobody annotated. Tokens are NLTK's. Only
    annotation with the status MANUAL counts; that marked UNANN names candidates. IOB2 has no gaps: the
    pieces of a discontinuous target ("take … off") are spans of their own. Of targets that share a token the
    longer is kept, of equal ones the first; 87 are the same words annotated twice.

    Raises ValueError naming the document, and the line of broken XML or the sentence of another fault; MissingData.
    """
    file = locate()
    parts: dict[str, TaggedText] = {part: TaggedText([], []) for part in ("train", "validation", "test")}
    for match, xml in sorted(archives.matching(file, DOCUMENT), key=lambda found: found[0].string):
        document = match[1]
        part = "test" if document in TEST else "validation" if document in VALIDATION else "train"
        found = _document(xml, f"{file}: {match[0]}")
        parts[part] = TaggedText([*parts[part].sentences, *found.sentences], [*parts[part].tags, *found.tags])
    return in_three_parts("framenet", list(parts.values()), True, (file,))


def locate() -> Path:
    """Return NLTK's archive, or `SMALL` where only that is here; raises MissingData."""
    try:
        return nltk_packages.locate(NAME, command="framenet")
    except MissingData:
        if found := upstream.find(SMALL):
            return found
        raise


def fetch() -> Path:
    """Download NLTK's package of it; raises ConnectionError."""
    return nltk_packages.fetch(NAME)


def _document(xml: str, where: str) -> TaggedText:
    """Tokens and tags of the sentences of a document that have a target."""
    try:
        root = ET.fromstring(xml)
    except ET.ParseError as error:
        raise ValueError(f"{where}:{error.position[0]}: broken XML ({error}); fetch it again") from error
    sentences, all_tags = [], []
    for sentence in root.iter(f"{XML}sentence"):
        text = sentence.findtext(f"{XML}text") or ""
        try:
            found = targets(sentence, len(text))
        except ValueError as error:
            raise ValueError(f"{where}: sentence {sentence.get('ID')}: {error}; fetch it again") from error
        if found:
            tokens, tags = tag_characters(text, found)
            sentences.append(tokens)
            all_tags.append(tags)
    return TaggedText(sentences, all_tags)


def targets(sentence: ET.Element, length: int) -> list[tuple[int, int, str]]:
    """Return start, end (exclusive, in characters) and frame of each piece of each target of an XML sentence.

    Raises ValueError for a target outside the `length` characters of the sentence.
    """
    found = []
    for annotation in sentence.findall(f"{XML}annotationSet[@status='MANUAL'][@frameName]"):
        for label in annotation.findall(f"{XML}layer[@name='Target']/{XML}label"):
            start, end = int(label.get("start", -1)), int(label.get("end", -1)) + 1
            if not 0 <= start < end <= length:
                raise ValueError(f"a target at characters {start} to {end} of {length}")
            found.append((start, end, annotation.get("frameName", "")))
    return found
