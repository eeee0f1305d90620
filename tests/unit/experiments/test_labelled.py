from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from experiments import made_up
from experiments.made_up import sentences_of, tags_of

from mt2st.architectures.multimodal import Multimodal
from mt2st.data.dataset import Dataset, Examples
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments.assembly import assemble
from mt2st.experiments.labelled import labelled_task, sentence_task, tagged_task
from mt2st.experiments.runs import Configuration
from mt2st.tasks import SentenceTask, TokenTask


@pytest.fixture
def colours(tmp_path: Path) -> SequenceData:
    """Return a tagged corpus whose words are capitals."""
    data = made_up.corpus("colours", tmp_path / "colours.conll")
    shouted = replace(data.test, sentences=[[word.upper() for word in words] for words in data.test.sentences])
    return replace(data, test=shouted)


@pytest.fixture
def table() -> EmbeddingTable:
    """Return a table of all words of the corpus but one."""
    return EmbeddingTable.of(made_up.WORDS[:-1], np.ones((6, 2), dtype=np.float32), "small")


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_texts_become_a_sentence_task_with_their_labels(
    part: str, toy_dataset: Dataset, toy_table: EmbeddingTable
) -> None:
    task = labelled_task(toy_dataset, part, toy_table)
    assert isinstance(task, SentenceTask)
    examples = getattr(toy_dataset, part)
    assert (task.name, task.classes) == ("toy", ("negative", "positive"))
    assert sentences_of(task) == [toy_table.encode(text).tolist() for text in examples.texts]
    assert task.targets.tolist() == examples.labels.tolist()


def test_features_go_with_their_texts_and_are_cut_with_them(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    def having(examples: Examples) -> Examples:
        arrays = [np.full((len(text), 3), k, dtype=float) for k, text in enumerate(examples.texts)]
        return replace(examples, features=arrays, modality="gaze")

    parts = {part: having(getattr(toy_dataset, part)) for part in ("train", "validation", "test")}
    data = replace(toy_dataset, **parts)
    texts = data.train.texts
    task = labelled_task(data, "train", toy_table, Configuration(max_tokens=2), rows=np.array([3, 1]))
    pooled = sentence_task("more", data.train, data.classes, toy_table, Configuration(), answered_as="toy")
    assert isinstance(task, SentenceTask)
    assert task.features is not None
    assert pooled.features is not None
    assert (task.features.name, pooled.features.name) == ("gaze", "gaze")
    assert task.features.lengths.tolist() == [min(2, len(texts[k])) for k in (3, 1)]
    assert task.features.values[0].tolist() == [3, 3, 3]
    assert task.features.values[-1].tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="toy: architecture 'shared' reads no features; take: multimodal"):
        assemble(data, toy_table)
    model = assemble(data, toy_table, [pooled], Configuration(architecture="multimodal")).model
    assert isinstance(model, Multimodal)


def test_a_corpus_becomes_a_token_task_on_lower_cased_words(colours: SequenceData, table: EmbeddingTable) -> None:
    task = labelled_task(colours, "test", table)
    assert isinstance(task, TokenTask)
    row = table.index | {".": 1}
    assert sentences_of(task) == [[row[word.lower()] for word in words] for words in colours.test.sentences]
    assert tags_of(task) == colours.test.tags
    assert task.classes == ("O", "B-COL")


def test_some_rows_can_be_chosen_in_any_order(
    colours: SequenceData, table: EmbeddingTable, toy_dataset: Dataset, toy_table: EmbeddingTable
) -> None:
    tagged = labelled_task(colours, "train", table, rows=np.array([7, 2]))
    assert isinstance(tagged, TokenTask)
    assert tags_of(tagged) == [colours.train.tags[7], colours.train.tags[2]]
    texts = labelled_task(toy_dataset, "train", toy_table, rows=np.array([3, 0]))
    assert isinstance(texts, SentenceTask)
    assert sentences_of(texts) == [toy_table.encode(toy_dataset.train.texts[i]).tolist() for i in (3, 0)]
    assert texts.targets.tolist() == [0, 1]


def test_sentences_of_a_corpus_are_cut_with_their_tags(colours: SequenceData, table: EmbeddingTable) -> None:
    task = labelled_task(colours, "train", table, Configuration(max_tokens=3))
    assert isinstance(task, TokenTask)
    assert tags_of(task) == [tags[:3] for tags in colours.train.tags]
    assert int(task.lengths.max()) == 3


@pytest.mark.parametrize("protocol", ["controlled", "study"])
def test_random_batches_and_a_loss_by_sentence_belong_to_the_study(
    protocol: str, colours: SequenceData, table: EmbeddingTable
) -> None:
    task = labelled_task(colours, "train", table, Configuration(protocol=protocol))
    assert isinstance(task, TokenTask)
    assert (task.with_replacement, task.by_sentence) == ((protocol == "study"),) * 2
    assert not task.ahead


@pytest.mark.parametrize("protocol", ["controlled", "study"])
def test_a_corpus_of_whole_texts_becomes_a_task_on_sentences(
    protocol: str, colours: SequenceData, table: EmbeddingTable
) -> None:
    first = [tags[0] for tags in colours.train.tags]
    labelled = replace(colours.train, tags=[[tags[0]] * len(tags) for tags in colours.train.tags])
    whole = replace(colours, train=labelled, of_texts=True)
    task = labelled_task(whole, "train", table, Configuration(protocol=protocol, max_tokens=3))
    assert isinstance(task, SentenceTask)
    assert [task.classes[target] for target in task.targets] == first
    assert int(task.lengths.max()) == 3
    assert task.with_replacement == (protocol == "study")
    pooled = tagged_task(whole, "train", table, Configuration(), answered_as="colours")
    assert pooled.answered_as == "colours"


def test_tags_of_what_comes_next_read_no_further(colours: SequenceData, table: EmbeddingTable) -> None:
    task = labelled_task(replace(colours, is_prediction=True), "train", table)
    assert isinstance(task, TokenTask)
    assert task.ahead
