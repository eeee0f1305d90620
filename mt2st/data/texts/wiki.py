"""Real Wikipedia text that needs no download: 106 articles inside the gensim wheel.

The primary task *topic* asks whether a sentence stands in an article on a person, on a place or on something else. The
label is the article's, from its categories and infoboxes; training, validation and test sentences come from different
articles, so that knowing an article's words does not help. The background text carries two token tasks from the
mark-up: *hyperlink* (is the word part of a link anchor?) and *emphasis* (is it bold or italic?).
"""

import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from gensim.corpora.wikicorpus import extract_pages
from gensim.test.utils import datapath
from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktTrainer
from tqdm.auto import tqdm

from mt2st.data.dataset import Background, Dataset, Examples, Sizes
from mt2st.data.files import cache
from mt2st.data.files.text import opened_bytes
from mt2st.data.tags.taggings import marks_to_iob2
from mt2st.data.texts.wikitext import MarkedText, strip_markup

DUMP = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
PARSER_VERSION = 2  # raise when the parsed sentences change; the cache and all run hashes follow
TESTED = 1 / 4  # of the articles of each topic
TOPICS = ("person", "place", "other")
SPANS = {"hyperlink": "link", "emphasis": "emphasis"}  # the type of a span in IOB2 tags, by the name of the task
SHORTEST, LONGEST = 5, 100  # tokens; shorter "sentences" are mostly list items and captions

_PERSON = re.compile(r"\[\[Category:\s*(?:Living people|[^\]|]*\b(?:births|deaths))\s*(?:\||\]\])", re.IGNORECASE)
_PLACE = re.compile(
    r"\{\{\s*(?:coord\b(?=[^{}]*display\s*=\s*[^{}|]*title)"
    r"|infobox (?:country|continent|settlement|u\.s\. state\b(?! symbols)|province))",
    re.IGNORECASE,
)


def dump() -> Path:
    """Return the file inside the gensim package."""
    return Path(datapath(DUMP))


def topic_of(source: str) -> str:
    """Topic of an article's mark-up: births/deaths categories say person, an infobox or title coordinates say place."""
    if _PERSON.search(source):
        return "person"
    return "place" if _PLACE.search(source) else "other"


@lru_cache(maxsize=1)
def sentences() -> pd.DataFrame:
    """Return all sentences of the 106 articles, parsed once (about 12 s) and cached.

    Columns: article, topic, tokens (cased), hyperlink and emphasis (0 or 1 for each token).
    """
    return cache.frame(f"wiki-sentences-{PARSER_VERSION}", _parse)


def load(seed: int, sizes: Sizes) -> Dataset:
    """Return the topic task, split by article and sampled by `seed`, with all other text as background.

    Of each topic's articles about a fifth go to validation and a quarter to test, at random, until each part has the
    sentences it needs. Validation and test articles are left out of the background text.

    Raises ValueError if a topic has too few sentences for the sizes asked for.
    """
    frame = sentences()
    rng = np.random.default_rng(seed)
    part_of = split_articles(frame, rng)
    parts = {name: frame[frame["article"].map(part_of) == name] for name in ("train", "validation", "test")}
    wanted = {"train": sizes.train, "validation": sizes.validation, "test": sizes.test}
    examples = {name: _sample(part, wanted[name], name, rng) for name, part in parts.items()}
    background = Background(
        tokens=parts["train"]["tokens"].tolist(),
        tags={name: [marks_to_iob2(marks, kind) for marks in parts["train"][name]] for name, kind in SPANS.items()},
    )
    first, second, third = (examples[name] for name in ("train", "validation", "test"))
    return Dataset("topic", TOPICS, first, second, third, background, (dump(),))


def split_articles(frame: pd.DataFrame, rng: np.random.Generator) -> dict[str, str]:
    """Part of each article, stratified by topic: ¼ test, ⅕ validation (at least two each), the rest training."""
    part_of: dict[str, str] = {}
    for topic in TOPICS:
        articles = frame.loc[frame["topic"] == topic, "article"].unique()
        shuffled = rng.permutation(articles)
        test, validation = max(2, round(len(articles) * TESTED)), max(2, round(len(articles) / 5))
        for i, article in enumerate(shuffled):
            part_of[article] = "test" if i < test else "validation" if i < test + validation else "train"
    return part_of


def _sample(part: pd.DataFrame, per_topic: int, name: str, rng: np.random.Generator) -> Examples:
    """Draw `per_topic` sentences of each topic without replacement."""
    texts: list[list[str]] = []
    for topic in TOPICS:
        tokens = part.loc[part["topic"] == topic, "tokens"]
        if len(tokens) < per_topic:
            raise ValueError(f"topic {topic!r} has {len(tokens)} {name} sentences, {per_topic} were asked for")
        rows = rng.choice(len(tokens), per_topic, replace=False)
        texts += [[word.lower() for word in tokens.iloc[row]] for row in rows]
    return Examples(texts, np.repeat(np.arange(len(TOPICS)), per_topic))


def _parse() -> pd.DataFrame:
    """Parse the dump: sentences split by Punkt, trained on this very text, and tokenised by NLTK."""
    with opened_bytes(dump()) as stream:
        try:
            pages = list(extract_pages(stream, filter_namespaces=("0",)))
        except (ET.ParseError, ValueError, LookupError, TypeError, AttributeError) as error:  # also XML of another kind
            raise ValueError(f"{dump()} is not Wikipedia's XML ({error}); install gensim anew") from error
    articles: list[tuple[str, str, MarkedText]] = []
    for title, source, _ in tqdm(pages, desc="parsing Wikipedia", unit="page", leave=False):
        if re.match(r"\s*#redirect", source, re.IGNORECASE) or ":" in title.split(" ")[0]:
            continue  # redirects and pages of the project itself
        articles.append((title, topic_of(source), strip_markup(source)))

    trainer = PunktTrainer()
    for _, _, marked in articles:
        trainer.train(marked.text, finalize=False)
    splitter, tokenizer = PunktSentenceTokenizer(trainer.get_params()), NLTKWordTokenizer()
    rows: dict[str, list] = defaultdict(list)
    for title, topic, marked in articles:
        inside = {kind: _character_mask(marked, kind) for kind in SPANS}
        for line in re.finditer(r"[^\n]+", marked.text):
            for start, end in splitter.span_tokenize(line.group()):
                _add_sentence(rows, tokenizer, marked.text, line.start() + start, line.start() + end, inside)
        rows["article"] += [title] * (len(rows["tokens"]) - len(rows["article"]))
        rows["topic"] += [topic] * (len(rows["tokens"]) - len(rows["topic"]))
    if not rows["tokens"]:
        raise ValueError(f"{dump()} has no sentences; install gensim anew")
    frame = pd.DataFrame(rows)[["article", "topic", "tokens", *SPANS]]
    # A sentence that stands in two articles could otherwise be trained and tested on.
    return frame[~frame["tokens"].map(tuple).duplicated()].reset_index(drop=True)


def _character_mask(marked: MarkedText, kind: str) -> np.ndarray:
    """1 for every character inside a span of this kind."""
    mask = np.zeros(len(marked.text) + 1, dtype=np.int8)
    for start, end in marked.spans[kind]:
        mask[start:end] = 1
    return mask


def _add_sentence(
    rows: dict[str, list],
    tokenizer: NLTKWordTokenizer,
    text: str,
    start: int,
    end: int,
    inside: dict[str, np.ndarray],
) -> None:
    """Append the sentence text[start:end] to the columns, if it is a sentence: 5 to 100 tokens with some words."""
    spans = [(start + a, start + b) for a, b in tokenizer.span_tokenize(text[start:end])]
    tokens = [text[a:b] for a, b in spans]
    if not SHORTEST <= len(tokens) <= LONGEST or 2 * sum(t.isalpha() for t in tokens) < len(tokens):
        return
    rows["tokens"].append(tokens)
    for kind, mask in inside.items():
        rows[kind].append([int(mask[a]) for a, _ in spans])
