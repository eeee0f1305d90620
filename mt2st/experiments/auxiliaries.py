"""The auxiliary tasks by name: the paper's UPDATE 0–3 on the table, and tasks on background text."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from mt2st.data import lexicons
from mt2st.data.dataset import Dataset
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments.released_terms import ANALOGY, SIMILARITY, ReleasedTerm, analogy_term, similarity_term
from mt2st.losses import analogy_accuracy_loss, analogy_loss, element_spearman_loss, misalignment_loss, spearman_loss
from mt2st.tasks import LanguageModelTask, NoiseTask, TableTask, Task, TokenTask, as_targets

CASES = ("lower", "Capitalised", "UPPER", "miXed", "caseless")
UPDATES = ("update0", "update1", "update2", "update3")
FREQUENCY_BINS = 6
SHUFFLED, NOISE = "-shuffled", "-noise"  # suffixes of the controls of UPDATE 0–3


def build(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    """Return the auxiliary task `name` on a data set's background text and a table's vocabulary.

    Raises ValueError if the name is unknown or the data set does not have what the task needs.
    """
    if name not in BUILDERS:
        raise ValueError(f"unknown auxiliary task {name!r}; known: {', '.join(BUILDERS)}")
    return BUILDERS[name](name, dataset, table)


def _update0(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    return TableTask(name, analogy_loss, [lexicons.analogies(table).rows])


def _update1(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    return TableTask(name, misalignment_loss, [lexicons.analogies(table).rows])


def _update2(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    questions = lexicons.analogies(table)
    return TableTask(name, analogy_accuracy_loss, [questions.rows, questions.values])


def _update3(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    return TableTask(name, element_spearman_loss, [lexicons.correlated_pairs(table).rows])


def _shuffled(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    """A control: the same loss, each lexicon row with the last word of another row, so that it says nothing true."""
    task = _loss_on_table(name.removesuffix(SHUFFLED), dataset, table)
    rows, *values = task.columns
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    return TableTask(name, task.function, [torch.cat([rows[:, :-1], rows[order, -1:]], dim=1), *values])


def _noise(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    """A control: noise of the norm of the loss's gradient in its place."""
    task = _loss_on_table(name.removesuffix(NOISE), dataset, table)
    return NoiseTask(name, task.function, task.columns)


def _loss_on_table(name: str, dataset: Dataset, table: EmbeddingTable) -> TableTask:
    task = BUILDERS[name](name, dataset, table)
    assert isinstance(task, TableTask)
    return task


def _released_analogy(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    sections = list(lexicons.analogy_sections(table).values())
    return ReleasedTerm(name, lambda vectors: analogy_term(vectors, sections))


def _released_similarity(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    sets = list(lexicons.word_similarities(table).values())
    return ReleasedTerm(name, lambda vectors: similarity_term(vectors, sets))


def _similarity(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    pairs = lexicons.similarities(table, "wordsim353")
    return TableTask(name, spearman_loss, [pairs.rows, pairs.values])


def _span(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    background = dataset.background
    if name not in background.tags:
        raise ValueError(f"auxiliary task {name!r} needs marked-up text, which this data set does not have")
    tags = [torch.from_numpy(np.array(t, dtype=np.int64)) for t in background.tags[name]]
    return TokenTask(name, _encoded(dataset, table), tags, background.tag_classes[name])


def _casing(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    tags = [as_targets([case_of(word) for word in sentence]) for sentence in dataset.background.tokens]
    return TokenTask(name, _encoded(dataset, table), tags, CASES)


def _frequency(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    words = _encoded(dataset, table)
    bins = frequency_bins(words, len(table.words))
    return TokenTask(name, words, [bins[sentence] for sentence in words], [f"bin {i}" for i in range(FREQUENCY_BINS)])


def _language_model(name: str, dataset: Dataset, table: EmbeddingTable) -> Task:
    return LanguageModelTask(name, _encoded(dataset, table), len(table.words))


BUILDERS: dict[str, Callable[[str, Dataset, EmbeddingTable], Task]] = {
    "update0": _update0,
    "update1": _update1,
    "update2": _update2,
    "update3": _update3,
    **{f"{name}{SHUFFLED}": _shuffled for name in UPDATES},
    **{f"{name}{NOISE}": _noise for name in UPDATES},
    ANALOGY: _released_analogy,
    SIMILARITY: _released_similarity,
    "similarity": _similarity,
    "hyperlink": _span,
    "emphasis": _span,
    "casing": _casing,
    "frequency": _frequency,
    "language-model": _language_model,
}


def case_of(word: str) -> int:
    """Index into `CASES` of a word as it was written, what true-casing has to restore."""
    if word.islower():
        return 0
    if word.isupper() and len(word) > 1:
        return 2
    if word.istitle():
        return 1
    return 3 if any(c.isupper() for c in word) else 4


def frequency_bins(sentences: Sequence[Tensor], vocabulary: int) -> Tensor:
    """Bin (V,) of each word's log frequency, bins of equal width (Plank et al. 2016), 0 for the rarest."""
    counts = torch.bincount(torch.cat(list(sentences)), minlength=vocabulary).clamp_min(1)
    logs = counts.double().log()
    return (logs / logs.max().clamp_min(1e-12) * FREQUENCY_BINS).long().clamp_max(FREQUENCY_BINS - 1)


def _encoded(dataset: Dataset, table: EmbeddingTable) -> list[Tensor]:
    """Background sentences as rows of the table, lower-cased as the primary task's."""
    return [table.encode(map(str.lower, sentence)) for sentence in dataset.background.tokens]
