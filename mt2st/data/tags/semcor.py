"""SemCor: the WordNet supersense of each sense-tagged word (Miller et al. 1993; Ciaramita and Altun 2006)."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from mt2st.data.files import archives, cache, checksums, nltk_packages
from mt2st.data.tags.columns import OUTSIDE, TaggedText
from mt2st.data.tags.tagged import SequenceData, in_three_parts, split_in_order, tag_run

VERSION = 1  # raise when the parsed sentences change; the cache follows
FILES = 352
# WordNet's lexicographer files by their number, as in its manual, lexnames(5WN).
LEXNAMES = (
    *("adj.all", "adj.pert", "adv.all", "noun.Tops", "noun.act", "noun.animal", "noun.artifact", "noun.attribute"),
    *("noun.body", "noun.cognition", "noun.communication", "noun.event", "noun.feeling", "noun.food", "noun.group"),
    *("noun.location", "noun.motive", "noun.object", "noun.person", "noun.phenomenon", "noun.plant"),
    *("noun.possession", "noun.process", "noun.quantity", "noun.relation", "noun.shape", "noun.state"),
    *("noun.substance", "noun.time", "verb.body", "verb.change", "verb.cognition", "verb.communication"),
    *("verb.competition", "verb.consumption", "verb.contact", "verb.creation", "verb.emotion", "verb.motion"),
    *("verb.perception", "verb.possession", "verb.social", "verb.stative", "verb.weather", "adj.ppl"),
)


def load() -> SequenceData:
    """Return the supersenses of the texts in which every content word is tagged, split by file.

    The 186 files of brown1 and brown2, in alphabetical order of each: the first 80% for training, the next 10% for
    validation, the last 10% for test. The 166 files of brownv are left out: only their verbs are tagged.

    A tag is the supersense of the first sense given, IOB2 over the words of a multiword unit ("Fulton_County").
    Unlike Ciaramita and Altun (2006), whose 41 are those of nouns and verbs, adjectives and adverbs have theirs too, so
    that 51% of the tokens are outside.

    Raises MissingData with the command that gets it, and ValueError as `sentences` does.
    """
    archive = nltk_packages.locate("semcor")
    frame = sentences(archive)
    folders = [sorted(set(frame["file"][frame["file"].str.contains(f"/{name}/")])) for name in ("brown1", "brown2")]
    parts = []
    for first, second in zip(*map(split_in_order, folders), strict=True):
        part = frame[frame["file"].isin([*first, *second])]
        parts.append(TaggedText(list(map(list, part["tokens"])), list(map(list, part["tags"]))))
    return in_three_parts("semcor", parts, True, (archive,))


def sentences(archive: Path) -> pd.DataFrame:
    """Return all sentences of NLTK's archive, parsed once and cached: columns file, tokens and tags.

    Raises ValueError naming file and line where the XML is broken, a sense has no lexicographer file or a unit
    has no word, or naming the archive where there are not 352 files.
    """
    return cache.frame(f"semcor-{VERSION}-{checksums.digest(archive)[:12]}", lambda: _parse(archive))


def _parse(archive: Path) -> pd.DataFrame:
    texts = archives.texts(archive, r"/tagfiles/.*\.xml$", FILES)
    rows = []
    for name, text in tqdm(texts.items(), "parsing SemCor", unit="file", disable=None):
        try:
            root = ET.fromstring(text)
        except ET.ParseError as error:
            raise ValueError(f"{archive}: {name}:{error.position[0]}: broken XML ({error}); fetch it again") from error
        for sentence in root.iter("s"):
            try:
                tokens, tags = _tagged(sentence)
            except ValueError as error:
                raise ValueError(f"{archive}: {name}: sentence {sentence.get('snum')}: {error}") from error
            rows.append((name, tokens, tags))
    return pd.DataFrame(rows, columns=["file", "tokens", "tags"])


def _tagged(sentence: ET.Element) -> tuple[list[str], list[str]]:
    """Tokens and tags of an XML sentence; a unit's words stand joined by "_"."""
    tokens: list[str] = []
    tags: list[str] = []
    for unit in sentence.iter():
        if unit.tag not in ("wf", "punc"):
            continue
        words = [word for word in (unit.text or "").strip().split("_") if word]  # a few units begin with "_"
        if not words:
            raise ValueError(f"the unit {unit.text!r} has no word")
        first = len(tokens)
        tokens += words
        tags += [OUTSIDE] * len(words)
        if name := supersense(unit.get("lexsn", "")):
            tag_run(tags, range(first, len(tokens)), name)
    return tokens, tags


def supersense(lexsn: str) -> str:
    """Return the lexicographer file of a sense key without its lemma, "1:14:00::" → "noun.group"; "" for no sense.

    Of several senses, separated by ";", the first counts. Raises ValueError for anything else.
    """
    if not lexsn:
        return ""
    _, _, number = lexsn.partition(":")
    digits = number.partition(":")[0]
    if not digits.isdecimal() or int(digits) >= len(LEXNAMES):
        raise ValueError(f"lexsn={lexsn!r} names none of WordNet's {len(LEXNAMES)} lexicographer files")
    return LEXNAMES[int(digits)]
