from dataclasses import replace

import numpy as np
import pytest
import torch
from gensim.models import KeyedVectors
from gensim.test.utils import datapath
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Annotation

from mt2st.data.dataset import Background, Dataset, Examples
from mt2st.data.tags.taggings import CASES
from mt2st.data.vectors import EmbeddingTable
from mt2st.models import Bag, BiLSTM, Model
from mt2st.report import portraits
from mt2st.schedules import Constant, Diminish
from mt2st.tasks import SentenceTask, TableTask, Task, TokenTask, as_targets


@pytest.fixture
def dataset(toy_dataset: Dataset) -> Dataset:
    """Return the toy data with training texts of several lengths, which a density needs."""
    texts = [["good"] * n for n in (1, 2, 4)] + [["bad"] * n for n in (3, 5, 6)]
    return replace(toy_dataset, train=Examples(texts, np.array([1, 1, 1, 0, 0, 0])))


def heights(axes: Axes) -> list[float]:
    return [patch.get_height() for patch in axes.patches]


def test_bars_show_the_examples_of_each_class_and_part(dataset: Dataset) -> None:
    axes = portraits.text_statistics(dataset).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["negative", "positive"]
    assert heights(axes) == [3, 3, 1, 1, 2, 1]  # by part: train, validation, test


def test_lengths_are_drawn_for_each_class_within_their_range(dataset: Dataset) -> None:
    lines = portraits.text_statistics(dataset).axes[1].get_lines()
    ranges = [(line.get_xdata().min(), line.get_xdata().max()) for line in lines]
    assert ranges == [(3, 6), (1, 4)]


def test_bars_show_the_letter_case_of_background_tokens(dataset: Dataset) -> None:
    axes = portraits.text_statistics(dataset).axes[2]
    assert [text.get_text() for text in axes.get_yticklabels()] == list(CASES)
    assert [patch.get_width() for patch in axes.patches] == [2, 3, 3, 1, 1]
    # . and !; film, <b>, day; The, Paris, A; NATO; macOS


def test_bars_show_the_percent_of_marked_up_tokens(dataset: Dataset) -> None:
    axes = portraits.text_statistics(dataset).axes[3]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["hyperlink", "emphasis"]
    assert heights(axes) == pytest.approx([30, 10])  # 3 and 1 of 10


def test_real_text_can_be_portrayed(small_topic: Dataset) -> None:
    axes = portraits.text_statistics(small_topic).axes
    assert heights(axes[0]) == [40, 40, 40, 20, 20, 20, 20, 20, 20]
    words = [word for tokens in small_topic.background.tokens for word in tokens]
    assert axes[2].patches[0].get_width() == sum(not any(map(str.isalpha, word)) for word in words)


def test_links_are_underlined_emphasis_is_bold_and_text_is_escaped(dataset: Dataset) -> None:
    first, second = portraits.marked_sentences(dataset, [0, 1]).split("\n")
    link = "<u style='color:#0173b2'>{}</u>"
    assert first == f"<p>The {link.format('Paris')} <b>{link.format('film')}</b> &lt;b&gt; .</p>"
    assert second == f"<p>A {link.format('NATO')} day macOS !</p>"


def test_no_rows_give_no_html(dataset: Dataset) -> None:
    assert portraits.marked_sentences(dataset, []) == ""


def test_coverage_is_in_percent_of_tokens_and_of_lexicon_rows(toy_dataset: Dataset) -> None:
    words = ["film", "good", "bad", "old", "new", "tiger", "cat", "hard", "easy", "paper", "book"]
    table = EmbeddingTable.of(words, np.random.default_rng(0).normal(size=(len(words), 4)).astype(np.float32), "some")
    shares = portraits.coverage(toy_dataset, table)["% in vocabulary"]
    assert shares["train tokens"] == 75.0  # day is unknown
    assert shares["test tokens"] == 50.0
    vectors = KeyedVectors(4)
    vectors.add_vectors(words, table.vectors[2:])
    for name, file in [("wordsim353", "wordsim353.tsv"), ("simlex999", "simlex999.txt")]:
        unknown = vectors.evaluate_word_pairs(datapath(file))[2]
        assert shares[name] == pytest.approx(100 - unknown, abs=0.05)
    assert shares["analogy questions"] == 0


@pytest.fixture
def parts(toy_table: EmbeddingTable) -> tuple[Model, SentenceTask, list[Task]]:
    """Return a small model with a primary task, a task on its table and a task on text."""
    sentences = [torch.tensor([2, 3]), torch.tensor([4, 5])]
    primary = SentenceTask("topic", sentences, as_targets([0, 1]), ("a", "b"))
    on_table = TableTask("update0", lambda table: table.sum(), [torch.zeros(2, 4, dtype=torch.long)])
    on_text = TokenTask("casing", sentences, sentences, CASES)
    encoder = BiLSTM(torch.from_numpy(toy_table.vectors), hidden=3)
    heads = {task.name: task.head(encoder) for task in (primary, on_text)}
    return Model(encoder, heads), primary, [on_table, on_text]


def test_the_framework_shows_the_shapes_of_the_model(parts: tuple[Model, SentenceTask, list[Task]]) -> None:
    axes = portraits.framework(*parts, Constant(1.0)).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert "embedding table\n6 × 2" in texts
    assert "BiLSTM\nstates of 6" in texts
    lstm = 2 * (4 * 3 * (2 + 3) + 2 * 4 * 3)  # two directions: four gates, input and state weights, two biases
    assert axes.get_title() == f"shared: table and BiLSTM, {6 * 2 + lstm} parameters"


def test_the_framework_shows_another_encoder(
    parts: tuple[Model, SentenceTask, list[Task]], toy_table: EmbeddingTable
) -> None:
    _, primary, _ = parts
    bag = Bag(torch.from_numpy(toy_table.vectors))
    axes = portraits.framework(Model(bag, {"topic": primary.head(bag)}), primary, [], Constant([])).axes[0]
    assert "Bag\nstates of 2" in [text.get_text() for text in axes.texts]
    assert axes.get_title() == "shared: table and Bag, 12 parameters"


def test_the_framework_shows_each_task_with_its_weight_over_time(
    parts: tuple[Model, SentenceTask, list[Task]],
) -> None:
    axes = portraits.framework(*parts, Diminish([1.0, 0.5], 0.1, 1.0)).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert {"topic", "update0", "casing"} <= set(texts)
    assert [text.startswith("primary") for text in texts if "weight 1" in text] == [True]
    weights = {text[text.index("=") + 2 :] for text in texts if text.startswith("auxiliary")}
    # 1.0 and 0.5 · exp(−0.1 t) at t = 0, 5, 15, 24
    assert weights == {"1.00, 0.61, 0.22, 0.09", "0.50, 0.30, 0.11, 0.05"}


def test_losses_on_the_table_hang_on_the_table_and_tasks_on_text_on_the_encoder(
    parts: tuple[Model, SentenceTask, list[Task]],
) -> None:
    axes = portraits.framework(*parts, Constant(1.0)).axes[0]
    edges = {
        (box_at(axes, *text.xyann), box_at(axes, *text.xy))
        for text in axes.texts
        if isinstance(text, Annotation) and text.arrow_patch is not None
    }
    table, encoder = "embedding table", "BiLSTM"
    assert edges == {
        ("sentence", table),
        (table, encoder),
        (table, "update0"),
        (encoder, "topic"),
        (encoder, "casing"),
    }


def box_at(axes: Axes, x: float, y: float) -> str:
    """Return the first line of the text in the box that a point touches."""
    found = []
    for box in (patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)):
        left, bottom, width, height = box.get_x(), box.get_y(), box.get_width(), box.get_height()
        if left - 0.05 <= x <= left + width + 0.05 and bottom - 0.05 <= y <= bottom + height + 0.05:
            centre = (left + width / 2, bottom + height / 2)
            found += [text.get_text() for text in axes.texts if text.get_position() == pytest.approx(centre)]
    assert len(found) == 1
    return found[0].partition("\n")[0]


def test_single_task_training_can_be_drawn(parts: tuple[Model, SentenceTask, list[Task]]) -> None:
    model, primary, _ = parts
    texts = [text.get_text() for text in portraits.framework(model, primary, [], Constant([])).axes[0].texts]
    assert "topic" in texts
    assert not [text for text in texts if "auxiliary" in text]


def test_data_without_markup_can_be_portrayed(dataset: Dataset) -> None:
    plain = replace(dataset, background=Background(dataset.background.tokens))
    assert portraits.text_statistics(plain).axes[3].patches[:] == []
