"""The auxiliary tasks, one row each: the paper's UPDATE 0–3 on the table, and tasks on text.

Every tagged corpus of `data.sources` is an auxiliary task too, by its name, and so are labelled texts: those that a
data set has in its background (`dataset.Related`), and those that `selfmade` labels or tags. They have a head of their
own, or with `POOLED` after their name that of the primary task, where the classes are the same.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from mt2st.data import lexicons, sources, translations
from mt2st.data.dataset import Dataset, Related, lower_cased
from mt2st.data.lexicons import Lexicon
from mt2st.data.tags import taggings
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import rules
from mt2st.experiments.labelled import Data, sentence_task, tagged_task
from mt2st.experiments.released_terms import ANALOGY, SIMILARITY, ReleasedTerm, analogy_term, similarity_term
from mt2st.experiments.runs import Configuration
from mt2st.experiments.selfmade import LABELLERS, PSEUDO_TAGS, by_tagger
from mt2st.losses import (
    analogy_accuracy_loss,
    analogy_loss,
    element_spearman_loss,
    misalignment_loss,
    spearman_loss,
)
from mt2st.tasks import AutoencoderTask, LanguageModelTask, NoiseTask, SkipGramTask, TableTask, Task

POOLED = "-pooled"  # suffix of labelled texts that the primary task's head answers
SHUFFLED, NOISE = "-shuffled", "-noise"  # suffixes of the controls of UPDATE 0–3

Build = Callable[[str, Data, EmbeddingTable], Task]
FindLexicon = Callable[[EmbeddingTable], Lexicon]


@dataclass(frozen=True)
class Auxiliary:
    """A task by name.

    Args:
        name: in commands, plans and records.
        about: what it is, for help texts.
        build: how it is built on a data set and a table's vocabulary.
        lexicon: the rows that a loss on the table looks at, as far as a vocabulary has their words; None for a task on
            text.
    """

    name: str
    about: str
    build: Build
    lexicon: FindLexicon | None = None


def build(name: str, data: Data, table: EmbeddingTable, configuration: Configuration) -> Task:
    """Return the auxiliary task `name`.

    Args:
        name: one of `AUXILIARIES`, a tagged corpus of `data.sources`, related texts of the data set, one of
            `selfmade.LABELLERS`, `selfmade.PSEUDO_TAGS` of a tagged corpus, or a rule (`rules`).
        data: on whose background text it is built, unless it brings its own. Of a tagged corpus that is its sentences
            to train on and those without tags.
        table: with whose vocabulary.
        configuration: of the run.

    Raises ValueError if the name is unknown or the data set does not have what the task needs; FileNotFoundError where
    the file of a rule is missing, and MissingData with what to do where that of a corpus or lexicon is.
    """
    if isinstance(data, Dataset) and (related := _labelled_texts(name.removesuffix(POOLED), data, table)):
        answered_as = _answered_as(name, related.classes, data)
        return sentence_task(name, related.examples, related.classes, table, configuration, answered_as=answered_as)
    if isinstance(data, SequenceData) and (corpus := _tagged_corpus(name.removesuffix(POOLED), data)):
        answered_as = _answered_as(name, corpus.classes, data)
        return tagged_task(replace(corpus, name=name), "train", table, configuration, answered_as=answered_as)
    if rules.is_rule(name):
        return _tagging(name, data, table, rules.tags(name, _text(data)))
    if name in AUXILIARIES:
        return AUXILIARIES[name].build(name, data, table)
    if name in _corpora():
        return tagged_task(sources.load_tags(name), "train", table, configuration)
    raise ValueError(f"unknown auxiliary task {name!r}; known: {', '.join(names())}")


def _labelled_texts(name: str, data: Dataset, table: EmbeddingTable) -> Related | None:
    """Return labelled texts by the name of their task; None where it has another kind."""
    if related := data.background.related.get(name):
        return related
    return LABELLERS[name](data, table) if name in LABELLERS else None


def _tagged_corpus(name: str, data: SequenceData) -> SequenceData | None:
    """Return a tagged corpus by the name of its task; None where it has another kind."""
    if name == PSEUDO_TAGS:
        return by_tagger(data)
    return sources.load_tags(name) if name in _corpora() else None


def _text(data: Data) -> list[list[str]]:
    """Background text."""
    if isinstance(data, SequenceData):
        return [list(sentence) for sentence in (*data.train.sentences, *data.untagged)]
    return [list(sentence) for sentence in data.background.tokens]


def _answered_as(name: str, classes: tuple[str, ...], data: Data) -> str:
    """Return the name of the primary task if its head is to answer; raises ValueError if it has other classes."""
    if not name.endswith(POOLED):
        return ""
    if classes != data.classes:
        raise ValueError(f"auxiliary task {name!r} has classes {classes}, the primary task {data.classes}")
    return data.name


def names() -> list[str]:
    """Return all names that `build` takes for every data set."""
    return [*AUXILIARIES, *LABELLERS, *(f"{name}{POOLED}" for name in LABELLERS), *_corpora()]


def _corpora() -> list[str]:
    """Names of the tagged corpora."""
    return [source.name for source in sources.SOURCES.values() if source.kind == "tags"]


def _on_table(
    name: str, about: str, lexicon: FindLexicon, loss: Callable[..., torch.Tensor], with_values: bool = False
) -> Auxiliary:
    """A loss on the rows of a lexicon, and on what the lexicon says of each (`with_values`)."""

    def build(name: str, data: Data, table: EmbeddingTable) -> Task:
        found = lexicon(table)
        return TableTask(name, loss, [found.rows, found.values] if with_values else [found.rows])

    return Auxiliary(name, about, build, lexicon)


def _shuffled(of: Auxiliary) -> Auxiliary:
    """A control: the same loss, each lexicon row with the last word of another row, so that it says nothing true."""

    def build(name: str, data: Data, table: EmbeddingTable) -> Task:
        task = of.build(of.name, data, table)
        assert isinstance(task, TableTask)
        rows, *values = task.columns
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
        return TableTask(name, task.function, [torch.cat([rows[:, :-1], rows[order, -1:]], dim=1), *values])

    return Auxiliary(
        f"{of.name}{SHUFFLED}", f"control: {of.name} with words that do not belong together", build, of.lexicon
    )


def _noise(of: Auxiliary) -> Auxiliary:
    """A control: noise of the norm of the loss's gradient in its place."""

    def build(name: str, data: Data, table: EmbeddingTable) -> Task:
        task = of.build(of.name, data, table)
        assert isinstance(task, TableTask)
        return NoiseTask(name, task.function, task.columns)

    return Auxiliary(f"{of.name}{NOISE}", f"control: noise in place of the gradient of {of.name}", build, of.lexicon)


def _released_analogy(name: str, data: Data, table: EmbeddingTable) -> Task:
    sections = list(lexicons.analogy_sections(table).values())
    return ReleasedTerm(name, lambda vectors: analogy_term(vectors, sections))


def _released_similarity(name: str, data: Data, table: EmbeddingTable) -> Task:
    sets = list(lexicons.word_similarities(table).values())
    return ReleasedTerm(name, lambda vectors: similarity_term(vectors, sets))


def _marked(name: str, data: Data, table: EmbeddingTable) -> Task:
    tags = data.background.tags if isinstance(data, Dataset) else {}
    if name not in tags:
        raise ValueError(f"auxiliary task {name!r} needs marked-up text, which this data set does not have")
    return _tagging(name, data, table, tags[name])


def _casing(name: str, data: Data, table: EmbeddingTable) -> Task:
    return _tagging(name, data, table, [[taggings.case_of(word) for word in sentence] for sentence in _text(data)])


def _frequency(name: str, data: Data, table: EmbeddingTable) -> Task:
    tokens = _text(data)
    counts = Counter(word for sentence in tokens for word in sentence)
    tags = [[taggings.frequency_bin(counts[word]) for word in sentence] for sentence in tokens]
    return _tagging(name, data, table, tags)


def _tagging(name: str, data: Data, table: EmbeddingTable, tags: Sequence[Sequence[str]]) -> Task:
    """Return the task to predict some tags of the background text."""
    text = TaggedText(_text(data), tags)
    classes = tuple(sorted({tag for of_sentence in tags for tag in of_sentence}))
    whole = SequenceData(name, text, text, text, classes, False, data.files)
    return tagged_task(whole, "train", table, Configuration())


def _language_model(name: str, data: Data, table: EmbeddingTable) -> Task:
    return LanguageModelTask(name, _encoded(_text(data), table), len(table.words))


def _autoencoder(name: str, data: Data, table: EmbeddingTable) -> Task:
    return AutoencoderTask(name, _encoded(_text(data), table), len(table.words))


def _skip_gram(name: str, data: Data, table: EmbeddingTable) -> Task:
    return SkipGramTask(name, _encoded(_text(data), table))


def _mixed_skip_gram(name: str, data: Data, table: EmbeddingTable) -> Task:
    lowered = lower_cased(_text(data))
    return SkipGramTask(name, _encoded(translations.mixed(lowered, table, seed=0), table))


def _encoded(text: Sequence[Sequence[str]], table: EmbeddingTable) -> list[torch.Tensor]:
    return [table.encode(map(str.lower, sentence)) for sentence in text]


def _wordsim353(table: EmbeddingTable) -> Lexicon:
    return lexicons.similarities(table, "wordsim353")


PAPER = (
    _on_table("update0", "UPDATE 0: analogies by cosine", lexicons.analogies, analogy_loss),
    _on_table("update1", "UPDATE 1: misalignment of analogies", lexicons.analogies, misalignment_loss),
    _on_table("update2", "UPDATE 2: expected analogy accuracy", lexicons.analogies, analogy_accuracy_loss, True),
    _on_table(
        "update3",
        "UPDATE 3: rank correlation of correlated words' elements",
        lexicons.correlated_pairs,
        element_spearman_loss,
    ),
)
AUXILIARIES = {
    auxiliary.name: auxiliary
    for auxiliary in (
        *PAPER,
        _on_table("similarity", "rank correlation with human similarity scores", _wordsim353, spearman_loss, True),
        Auxiliary("hyperlink", "is the word part of a link? (wiki)", _marked),
        Auxiliary("emphasis", "is the word bold or italic? (wiki)", _marked),
        Auxiliary("casing", "how was the word written?", _casing),
        Auxiliary("frequency", "how frequent is the word?", _frequency),
        Auxiliary("language-model", "which words stand beside it?", _language_model),
        Auxiliary("autoencoder", "which words does the text have?", _autoencoder),
        Auxiliary("skip-gram", "which words stand near a word? by the table alone", _skip_gram),
        Auxiliary("skip-gram-mixed", "the same on Spanish text with English words in it", _mixed_skip_gram),
        _on_table(
            "translations",
            "UPDATE 1 on English words and their Spanish translations",
            translations.to_learn,
            lambda table, pairs: misalignment_loss(table, pairs, target_table=table),
        ),
        *map(_shuffled, PAPER),
        *map(_noise, PAPER),
        Auxiliary(ANALOGY, "a term of the paper's released code, without gradient", _released_analogy),
        Auxiliary(SIMILARITY, "a term of the paper's released code, without gradient", _released_similarity),
    )
}
