"""Data sets as tasks on the rows of an embedding table."""

import numpy as np

from mt2st.data.dataset import Dataset, Examples
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments.runs import Configuration
from mt2st.tasks import Features, LabelledTask, SentenceTask, TokenTask, as_targets

Data = Dataset | SequenceData


def labelled_task(
    data: Data,
    part: str,
    table: EmbeddingTable,
    configuration: Configuration | None = None,
    rows: np.ndarray | None = None,
) -> LabelledTask:
    """Return the task of a data set on one part ("train", "validation" or "test"), or on some of its texts by index.

    Texts are cut to `max_tokens` of the configuration; classes are `balanced` in training alone.
    """
    configuration = configuration or Configuration()
    if isinstance(data, SequenceData):
        return tagged_task(data, part, table, configuration, rows)
    examples: Examples = getattr(data, part)
    if rows is not None:
        examples = examples.take(rows)
    return sentence_task(
        data.name, examples, data.classes, table, configuration, configuration.balanced and part == "train"
    )


def sentence_task(
    name: str,
    examples: Examples,
    classes: tuple[str, ...],
    table: EmbeddingTable,
    configuration: Configuration,
    balanced: bool = False,
    answered_as: str = "",
) -> SentenceTask:
    """Return labelled texts with their features as a task, cut to `max_tokens` of the configuration.

    It has a head of its own, or that of the task `answered_as`, whose classes are the same.
    """
    longest = configuration.max_tokens or None
    sentences = [table.encode(text[:longest]) for text in examples.texts]
    targets = as_targets(np.asarray(examples.labels).tolist())
    arrays = [array[:longest] for array in examples.features]
    features = Features.of(arrays, examples.modality) if arrays else None
    return SentenceTask(
        name, sentences, targets, classes, balanced=balanced, features=features, answered_as=answered_as
    )


def tagged_task(
    data: SequenceData,
    part: str,
    table: EmbeddingTable,
    configuration: Configuration,
    rows: np.ndarray | None = None,
    answered_as: str = "",
) -> LabelledTask:
    """Return a tagged corpus as a task, its sentences cut to `max_tokens`; words are lower-cased, as the tables' are.

    It is one on words, or for a corpus `of_texts` on whole texts. Under protocol "study" batches are random sentences,
    and the loss is averaged within each sentence first. The head is the task's own, or that of the task `answered_as`,
    whose classes are the same.
    """
    text: TaggedText = getattr(data, part)
    index = {tag: i for i, tag in enumerate(data.classes)}
    longest = configuration.max_tokens or None
    chosen = range(len(text)) if rows is None else rows
    is_study = configuration.protocol == "study"
    sentences = [table.encode(map(str.lower, text.sentences[i][:longest])) for i in chosen]
    if data.of_texts:
        targets = as_targets([index[text.tags[i][0]] for i in chosen])
        return SentenceTask(
            data.name, sentences, targets, data.classes, with_replacement=is_study, answered_as=answered_as
        )
    return TokenTask(
        data.name,
        sentences,
        [as_targets([index[tag] for tag in text.tags[i][:longest]]) for i in chosen],
        data.classes,
        with_replacement=is_study,
        by_sentence=is_study,
        ahead=data.is_prediction,
        answered_as=answered_as,
    )
