"""Wikipedia mark-up -> plain text in which links and emphasis are still known."""

import re
from dataclasses import dataclass, field

import mwparserfromhell
import numpy as np
from mwparserfromhell import nodes
from mwparserfromhell.wikicode import Wikicode

# Tags whose content is not running text.
SKIPPED_TAGS = {
    "ref",
    "table",
    "gallery",
    "math",
    "code",
    "pre",
    "score",
    "timeline",
    "imagemap",
    "sup",
    "syntaxhighlight",
}
EMPHASIS_TAGS = {"b", "i"}
# A link to another name space ("File:…", "Category:…") or language ("fr:…") is not an anchor in the text.
OTHER_SPACE = re.compile(r"^\s*:?\s*[A-Za-z-]{2,}\s*:\S")


@dataclass
class MarkedText:
    """Text and the (start, end) character spans of its link anchors and emphasised stretches."""

    text: str = ""
    spans: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: {"hyperlink": [], "emphasis": []})


def strip_markup(source: str) -> MarkedText:
    """Parse one article; headings, list items and line breaks become line ends."""
    result = MarkedText()
    # Quote marks are left to `_resolve_quotes`: the parser pairs them across lines, MediaWiki never does.
    _walk(mwparserfromhell.parse(source, skip_style_tags=True), result)
    return _resolve_quotes(result)


def _walk(code: Wikicode, out: MarkedText) -> None:
    for node in code.nodes:
        match node:
            case nodes.Text():
                out.text += str(node.value)
            case nodes.Wikilink():
                _wikilink(node, out)
            case nodes.ExternalLink():
                if node.title is not None:
                    _walk(node.title, out)
            case nodes.HTMLEntity():
                out.text += node.normalize() or ""
            case nodes.Heading():
                out.text += "\n"
            case nodes.Tag():
                _tag(node, out)


def _wikilink(node: nodes.Wikilink, out: MarkedText) -> None:
    if OTHER_SPACE.match(str(node.title)):
        return
    start = len(out.text)
    _walk(node.title if node.text is None else node.text, out)
    _mark(out, "hyperlink", start)


def _tag(node: nodes.Tag, out: MarkedText) -> None:
    name = str(node.tag).strip().lower()
    if name in SKIPPED_TAGS or node.contents is None:
        return
    if name in {"br", "li", "dd", "dt", "hr"}:
        out.text += "\n"
    start = len(out.text)
    _walk(node.contents, out)
    if name in EMPHASIS_TAGS:
        _mark(out, "emphasis", start)


def _mark(out: MarkedText, kind: str, start: int) -> None:
    if out.text[start:].strip():
        out.spans[kind].append((start, len(out.text)))


def _resolve_quotes(marked: MarkedText) -> MarkedText:
    """Turn ''italic'' and '''bold''' into emphasis spans, line by line; what a line leaves open is not emphasis."""
    kept = np.ones(len(marked.text), dtype=np.int64)
    quoted: list[tuple[int, int]] = []
    for line in re.finditer(r"[^\n]+", marked.text):
        open_marks: set[str] = set()
        start = 0
        for quotes in re.finditer(r"'{2,}", line.group()):
            width = min(len(quotes.group()), 5)
            end = line.start() + quotes.end()
            marks = {2: {"italic"}, 3: {"bold"}, 4: {"bold"}, 5: {"italic", "bold"}}[width]
            kept[end - (3 if width == 4 else width) : end] = 0  # of four quotes, the first is an apostrophe
            was_open, open_marks = bool(open_marks), open_marks ^ marks
            if open_marks and not was_open:
                start = end
            elif was_open and not open_marks:
                quoted.append((start, end - width))
    position = np.concatenate([[0], kept.cumsum()])
    spans = {
        kind: [(int(position[a]), int(position[b])) for a, b in found]
        for kind, found in {**marked.spans, "emphasis": sorted(marked.spans["emphasis"] + quoted)}.items()
    }
    text = "".join(c for c, keep in zip(marked.text, kept, strict=True) if keep)
    return MarkedText(text, {k: [s for s in v if text[slice(*s)].strip()] for k, v in spans.items()})
