import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mt2st.losses import analogy_loss
from mt2st.models import Encoder, LanguageModelHead, Model, SentenceHead, TokenHead
from mt2st.tasks import (
    LanguageModelTask,
    NoiseTask,
    SentenceTask,
    TableTask,
    Task,
    TokenTask,
    as_targets,
    endless,
    labelled_loss,
    length_sorted,
)

LENGTHS = [3, 1, 5, 2, 2, 4, 1, 5, 3, 2, 1]
# Every word occurs once, so that a word tells its sentence: the third starts with word 6.
SENTENCES = [torch.arange(n) + 2 + sum(LENGTHS[:i]) for i, n in enumerate(LENGTHS)]
VOCABULARY = 2 + sum(LENGTHS)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _sentence_task() -> SentenceTask:
    return SentenceTask("topic", SENTENCES, torch.arange(len(SENTENCES)), [f"class {i}" for i in range(11)])


def _token_task() -> TokenTask:
    return TokenTask("odd", SENTENCES, [sentence % 2 for sentence in SENTENCES], ["even", "odd"])


def _model(tasks: list[Task]) -> Model:
    torch.manual_seed(0)
    encoder = Encoder(torch.randn(VOCABULARY, 4), hidden=16)
    return Model(encoder, {task.name: head for task in tasks if (head := task.head(encoder)) is not None})


# --- Batches


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("size", [1, 3, 4, 11, 100])
def test_length_sorted_covers_every_example_once(size: int, shuffled: bool) -> None:
    batches = list(length_sorted(torch.tensor(LENGTHS), size, _generator() if shuffled else None))
    assert sorted(torch.cat(batches).tolist()) == list(range(11))
    assert len(batches) == math.ceil(11 / size)
    assert max(len(batch) for batch in batches) == min(size, 11)


def test_without_a_generator_all_examples_are_sorted_by_length() -> None:
    order = torch.cat(list(length_sorted(torch.tensor(LENGTHS), 4, None))).tolist()
    assert order == sorted(range(11), key=LENGTHS.__getitem__)  # Python's sort is stable


def test_random_order_is_repeated_by_its_seed_alone() -> None:
    def order(generator: torch.Generator) -> list[int]:
        return torch.cat(list(length_sorted(torch.tensor(LENGTHS), 2, generator))).tolist()

    generator = _generator(0)
    first, second = order(generator), order(generator)
    assert order(_generator(0)) == first
    assert second != first
    assert order(_generator(1)) != first


def test_batches_of_similar_length_have_next_to_no_padding() -> None:
    lengths = torch.randint(1, 31, (2000,), generator=_generator())

    def padding(batches: list[Tensor]) -> float:
        padded = sum(len(rows) * int(lengths[rows].max()) for rows in batches)
        return 1 - int(lengths.sum()) / padded

    batches = list(length_sorted(lengths, 16, _generator()))
    assert padding(batches) < 0.08
    assert padding(list(torch.arange(2000).split(16))) > 0.4
    assert all(lengths[rows].diff().min() >= 0 for rows in batches)


def test_batches_are_shuffled_after_sorting() -> None:
    lengths = torch.arange(64)
    batches = list(length_sorted(lengths, 4, _generator()))  # few enough to be sorted together
    assert [rows.diff().tolist() for rows in batches] == [[1, 1, 1]] * 16
    firsts = [int(rows[0]) for rows in batches]
    assert sorted(firsts) == list(range(0, 64, 4)) != firsts


@pytest.mark.parametrize("shuffled", [False, True])
def test_sentence_batches_keep_words_lengths_and_targets_together(shuffled: bool) -> None:
    seen = []
    for words, lengths, targets in _sentence_task().batches(4, _generator() if shuffled else None):
        assert words.shape == (len(lengths), int(lengths.max()))
        for row, n, target in zip(words, lengths.tolist(), targets.tolist(), strict=True):
            assert row[:n].tolist() == SENTENCES[target].tolist()
            assert (row[n:] == 0).all()
            seen.append(target)
    assert sorted(seen) == list(range(11))


def test_token_batches_have_a_target_for_every_word_and_none_for_padding() -> None:
    seen: list[int] = []
    for words, lengths, targets in _token_task().batches(4, _generator()):
        real = torch.arange(words.shape[1]) < lengths[:, None]
        assert (targets[real] == words[real] % 2).all()
        assert (targets[~real] == -100).all()
        seen += words[real].tolist()
    assert sorted(seen) == list(range(2, VOCABULARY))


def test_language_model_leaves_out_sentences_of_one_word() -> None:
    task = LanguageModelTask("lm", SENTENCES, VOCABULARY)
    words = torch.cat([batch[0].flatten() for batch in task.batches(4, _generator())])
    kept = torch.cat([s for s in SENTENCES if len(s) > 1])
    assert sorted(words[words > 0].tolist()) == kept.tolist()


def test_table_batches_keep_the_columns_together_and_their_own_size() -> None:
    rows = torch.arange(40).reshape(10, 4)
    task = TableTask("update", lambda table, *columns: table.sum(), [rows, rows[:, 0] * 10], size=4)
    batches = list(task.batches(999, _generator()))
    assert [len(batch[0]) for batch in batches] == [4, 4, 2]
    assert all((questions[:, 0] * 10 == values).all() for questions, values in batches)
    order = torch.cat([questions[:, 0] for questions, _ in batches]).tolist()
    assert sorted(order) == rows[:, 0].tolist() != order
    assert torch.equal(torch.cat([questions for questions, _ in task.batches(999, None)]), rows)


def test_a_single_last_row_joins_the_batch_before_it() -> None:
    task = TableTask("update", lambda table, *columns: table.sum(), [torch.arange(9)], size=4)
    assert [batch[0].tolist() for batch in task.batches(1, None)] == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]


def test_endless_batches_are_shuffled_anew_in_each_pass() -> None:
    stream = endless(_sentence_task(), 4, _generator())
    passes = [torch.cat([batch[2] for batch in itertools.islice(stream, 3)]).tolist() for _ in range(3)]
    assert all(sorted(order) == list(range(11)) for order in passes)
    assert passes[0] != passes[1] != passes[2]


# --- Heads and losses


def test_tasks_have_the_head_they_need() -> None:
    encoder = Encoder(torch.randn(VOCABULARY, 4), hidden=16)
    sentence, token = _sentence_task().head(encoder), _token_task().head(encoder)
    assert isinstance(sentence, SentenceHead)
    assert isinstance(token, TokenHead)
    assert (sentence.linear.out_features, token.linear.out_features) == (11, 2)
    language = LanguageModelTask("lm", SENTENCES, VOCABULARY).head(encoder)
    assert isinstance(language, LanguageModelHead)
    assert language.softmax.n_classes == VOCABULARY
    assert TableTask("update", analogy_loss, [torch.zeros(2, 4)]).head(encoder) is None


def test_labelled_loss_by_hand() -> None:
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    assert labelled_loss(logits, torch.tensor([1, 0])).item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)


def test_labelled_loss_is_a_mean_over_words_without_padding() -> None:
    logits = torch.tensor([[[0.0, 0.0], [math.log(3), 0.0]], [[0.0, math.log(7)], [9.0, -9.0]]])
    targets = torch.tensor([[1, 0], [0, -100]])
    expected = (math.log(2) + math.log(4 / 3) + math.log(8)) / 3
    assert labelled_loss(logits, targets).item() == pytest.approx(expected)


def test_losses_of_text_tasks_are_those_of_their_heads() -> None:
    sentence, token, language = _sentence_task(), _token_task(), LanguageModelTask("lm", SENTENCES, VOCABULARY)
    model = _model([sentence, token, language])
    words, lengths, targets = batch = next(token.batches(11, None))
    log_p = model.heads["odd"](model.encoder(words, lengths)).log_softmax(-1)
    picked = log_p.gather(2, targets.clamp_min(0)[:, :, None]).squeeze(2)[targets >= 0]
    torch.testing.assert_close(token.loss(model, batch), -picked.mean())

    words, lengths, targets = batch = next(sentence.batches(11, None))
    log_p = model.heads["topic"](model.encoder(words, lengths)).log_softmax(-1)
    torch.testing.assert_close(sentence.loss(model, batch), -log_p.gather(1, targets[:, None]).mean())

    words, lengths, _ = batch = next(language.batches(11, None))
    torch.testing.assert_close(language.loss(model, batch), model.heads["lm"](model.encoder(words, lengths), words))


def test_loss_of_a_table_task_is_its_function_of_the_table() -> None:
    questions = torch.tensor([[2, 3, 4, 5], [6, 7, 8, 9]])
    task = TableTask("update", analogy_loss, [questions])
    model = _model([task])
    expected = analogy_loss(model.encoder.table, questions)
    torch.testing.assert_close(task.loss(model, next(task.batches(1, None))), expected)


# --- Noise in place of a gradient

QUESTIONS = torch.tensor([[2, 3, 4, 5], [6, 7, 8, 9], [3, 5, 7, 9], [10, 11, 12, 13], [2, 9, 11, 4]])


def _both() -> tuple[Model, TableTask, NoiseTask]:
    return _model([]), TableTask("update", analogy_loss, [QUESTIONS]), NoiseTask("noise", analogy_loss, [QUESTIONS])


def _table_gradient(model: Model, loss: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, model.encoder.table)
    return gradient


def test_noise_has_the_value_the_norm_and_the_rows_of_the_loss_and_another_direction() -> None:
    model, real, noise = _both()
    value = real.loss(model, (QUESTIONS,))
    expected = _table_gradient(model, value)
    touched = expected.abs().sum(1) > 0
    assert touched.nonzero().flatten().tolist() == QUESTIONS.unique().tolist()
    directions = []
    for seed in range(3):
        loss = noise.loss(model, (QUESTIONS, torch.tensor([seed])))
        gradient = _table_gradient(model, loss)
        assert loss.item() == value.item()
        assert gradient.norm().item() == pytest.approx(expected.norm().item(), rel=1e-5)
        assert torch.equal(gradient.abs().sum(1) > 0, touched)
        directions.append((gradient / gradient.norm()).flatten())
    directions.append((expected / expected.norm()).flatten())
    cosines = torch.stack(directions) @ torch.stack(directions).T
    # 12 rows of 4 values: cosines of independent directions scatter around 0 with deviation 1/√48 = 0.14.
    assert (cosines - torch.eye(4)).abs().max() < 0.6


def test_noise_is_repeated_by_the_seed_in_its_batch_alone() -> None:
    model, _, noise = _both()

    def gradient(seed: int) -> Tensor:
        torch.rand(3)  # PyTorch's own random numbers do not matter, and stay what they are
        before = torch.get_rng_state()
        found = _table_gradient(model, noise.loss(model, (QUESTIONS, torch.tensor([seed]))))
        assert torch.equal(torch.get_rng_state(), before)
        return found

    assert torch.equal(gradient(5), gradient(5))
    assert not torch.allclose(gradient(5), gradient(6))


def test_noise_batches_are_those_of_the_loss_each_with_a_seed_of_its_own() -> None:
    task = NoiseTask("noise", analogy_loss, [QUESTIONS, torch.arange(5)], size=2)

    def batches(seed: int) -> list[tuple[Tensor, ...]]:
        return list(task.batches(1, _generator(seed)))

    first, again, other = batches(0), batches(0), batches(1)
    assert sorted(torch.cat([batch[1] for batch in first]).tolist()) == [0, 1, 2, 3, 4]
    assert all(torch.equal(questions, QUESTIONS[rows]) for questions, rows, _ in first)
    seeds = [[int(batch[2]) for batch in found] for found in (first, again, other)]
    assert seeds[0] == seeds[1] != seeds[2]
    assert len(set(seeds[0])) == len(first) == 2
    assert [int(batch[2]) for batch in task.batches(1, None)] == [int(batch[2]) for batch in task.batches(1, None)]


def test_noise_that_is_only_measured_is_the_loss() -> None:
    model, real, noise = _both()
    with torch.no_grad():
        measured = noise.loss(model, (QUESTIONS, torch.tensor([0])))
        assert measured.item() == real.loss(model, (QUESTIONS,)).item()


def test_where_the_loss_has_no_gradient_there_is_no_noise() -> None:
    model = _model([])
    flat = NoiseTask("noise", lambda table, rows: (table[rows] * 0).sum(), [QUESTIONS])
    gradient = _table_gradient(model, flat.loss(model, (QUESTIONS, torch.tensor([0]))))
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_targets_are_64_bit_integers() -> None:
    targets = as_targets([2, 0, 1])
    assert targets.dtype == torch.int64
    assert targets.tolist() == [2, 0, 1]


# --- Errors


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SentenceTask("topic", [], torch.tensor([]), ["a", "b"]), "task 'topic' has no sentences"),
        (
            lambda: SentenceTask("topic", SENTENCES, torch.zeros(3), ["a", "b"]),
            "task 'topic': 11 sentences but 3 targets",
        ),
        (
            lambda: SentenceTask("topic", [SENTENCES[0], torch.tensor([])], torch.zeros(2), ["a", "b"]),
            "task 'topic': sentence 1 has no words",
        ),
        (lambda: SentenceTask("topic", SENTENCES, torch.zeros(11), ["a"]), r"has 1 class\(es\), at least 2"),
        (lambda: TokenTask("odd", SENTENCES, SENTENCES[:2], ["a", "b"]), "11 sentences but 2 targets"),
        (lambda: LanguageModelTask("lm", [torch.tensor([3])], 10), "task 'lm' has no sentences"),
        (lambda: TableTask("update0", analogy_loss, [torch.zeros(1, 4)]), "'update0': 1 rows .* at least 2 are needed"),
    ],
)
def test_tasks_refuse_what_cannot_be_trained(build: Callable[[], Task], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_tags_must_be_as_many_as_words() -> None:
    with pytest.raises(ValueError, match="sentence 1 has 2 words but 3 tags"):
        TokenTask("tags", [torch.tensor([2, 3]), torch.tensor([4, 5])], [torch.zeros(2), torch.zeros(3)], ["a", "b"])


def test_a_table_batch_needs_two_rows() -> None:
    with pytest.raises(ValueError, match="size must be at least 2, got 1"):
        TableTask("update", lambda table, *columns: table.sum(), [torch.arange(9)], size=1)
