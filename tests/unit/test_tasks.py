import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn.functional import cross_entropy

from mt2st.losses import analogy_loss
from mt2st.metrics import Evaluation
from mt2st.models import BiLSTM, LanguageModelHead, LinearHead, Model
from mt2st.tasks import (
    IGNORED,
    AutoencoderTask,
    Batch,
    LabelledTask,
    LanguageModelTask,
    NoiseTask,
    SentenceTask,
    TableTask,
    Task,
    TokenTask,
    as_targets,
    endless,
    length_sorted,
)

LENGTHS = [3, 1, 5, 2, 2, 4, 1, 5, 3, 2, 1]
# Every word occurs once, so that a word tells its sentence: the third starts with word 6.
SENTENCES = [torch.arange(n) + 2 + sum(LENGTHS[:i]) for i, n in enumerate(LENGTHS)]
VOCABULARY = 2 + sum(LENGTHS)
QUESTIONS = torch.tensor([[2, 3, 4, 5], [6, 7, 8, 9], [3, 5, 7, 9], [10, 11, 12, 13], [2, 9, 11, 4]])


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _sentence_task() -> SentenceTask:
    return SentenceTask("topic", SENTENCES, torch.arange(len(SENTENCES)), [f"class {i}" for i in range(11)])


def _token_task(**options: bool) -> TokenTask:
    return TokenTask("odd", SENTENCES, [sentence % 2 for sentence in SENTENCES], ["even", "odd"], **options)


def _model(tasks: list[Task]) -> Model:
    torch.manual_seed(0)
    encoder = BiLSTM(torch.randn(VOCABULARY, 4), hidden=16)
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
    batches = list(task.batches(4, _generator()))
    assert {len(batch) for batch in batches} == {2}  # words and lengths: the words are their own targets
    words = torch.cat([batch[0].flatten() for batch in batches])
    kept = torch.cat([s for s in SENTENCES if len(s) > 1])
    assert sorted(words[words > 0].tolist()) == kept.tolist()


def test_random_batches_are_drawn_with_replacement() -> None:
    task, generator = _token_task(with_replacement=True), _generator(3)
    batches = list(task.batches(4, _generator(3)))
    assert len(batches) == 3  # as many as a pass takes
    drawn = torch.randint(11, (12,), generator=generator)
    lengths_drawn = torch.tensor(LENGTHS)[drawn]
    expected = [drawn[rows].tolist() for rows in length_sorted(lengths_drawn, 4, generator)]
    assert [lengths.tolist() for _, lengths, _ in batches] == [[LENGTHS[row] for row in rows] for rows in expected]
    for rows, (words, lengths, tags) in zip(expected, batches, strict=True):
        real = torch.arange(words.shape[1]) < lengths[:, None]
        assert words[real].tolist() == torch.cat([SENTENCES[row] for row in rows]).tolist()
        assert torch.equal(tags, torch.where(real, words % 2, IGNORED))
    drawn = torch.cat([words[:, 0] for words, *_ in itertools.islice(endless(task, 100, _generator()), 100)])
    share = drawn.unique(return_counts=True)[1] / len(drawn)
    assert len(share) == 11
    assert (share - 1 / 11).abs().max() < 4 * math.sqrt(1 / 11 / len(drawn))


def test_random_batches_are_of_similar_length() -> None:
    lengths = torch.randint(1, 60, (2000,), generator=_generator(1)).tolist()
    sentences = [torch.ones(n, dtype=torch.long) for n in lengths]
    task = TokenTask("text", sentences, sentences, ["a", "b"], with_replacement=True)
    read, padded = 0, 0
    for words, n, _ in task.batches(32, _generator(2)):
        read, padded = read + int(n.sum()), padded + words.numel()
    assert read / padded > 0.9
    shuffled = torch.tensor(lengths).split(32)
    assert sum(int(part.sum()) for part in shuffled) / sum(int(part.max()) * len(part) for part in shuffled) < 0.6


def test_what_is_only_evaluated_is_passed_over_once() -> None:
    task = _token_task(with_replacement=True)
    words = torch.cat([batch[0].flatten() for batch in task.batches(4, None)])
    assert sorted(words[words > 0].tolist()) == list(range(2, VOCABULARY))


@pytest.mark.parametrize("size", [1, 4, 100])
def test_the_order_says_which_example_stands_where(size: int) -> None:
    task = _sentence_task()
    targets = torch.cat([batch[-1] for batch in task.batches(size, None)])
    assert torch.equal(task.order(size), targets)  # an example's target is its number


def test_work_is_counted_in_examples_and_words() -> None:
    sentence, table = _sentence_task(), TableTask("update", analogy_loss, [QUESTIONS], size=2)
    assert sentence.counts(next(sentence.batches(100, None))) == {"examples": 11, "tokens": sum(LENGTHS)}
    assert table.counts(next(table.batches(100, None))) == {"examples": 2}


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


def test_a_task_of_ones_own_is_evaluated_in_the_order_of_its_batches() -> None:
    class Given(LabelledTask):
        def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
            yield from zip(torch.arange(5).split(size), torch.zeros(5).split(size), strict=True)

    assert Given().order(2).tolist() == [0, 1, 2, 3, 4]
    assert Given().counts((torch.zeros(3, 2), torch.zeros(3))) == {"examples": 3}


# --- Heads and losses


def test_tasks_have_the_head_they_need() -> None:
    encoder = BiLSTM(torch.randn(VOCABULARY, 4), hidden=16)
    heads = [task.head(encoder) for task in (_sentence_task(), _token_task(), _token_task(ahead=True))]
    views = [(h.view, h.linear.in_features, h.linear.out_features) for h in heads if isinstance(h, LinearHead)]
    assert views == [("sentence", 32, 11), ("tokens", 32, 2), ("ahead", 16, 2)]
    language = LanguageModelTask("lm", SENTENCES, VOCABULARY).head(encoder)
    assert isinstance(language, LanguageModelHead)
    assert language.softmax.n_classes == VOCABULARY
    assert TableTask("update", analogy_loss, [torch.zeros(2, 4)]).head(encoder) is None


LOGITS = torch.tensor([[[0.0, 0.0], [math.log(3), 0.0]], [[0.0, math.log(7)], [9.0, -9.0]]])
TARGETS = torch.tensor([[1, 0], [0, IGNORED]])
TERMS = [math.log(2), math.log(4 / 3), math.log(8)]


def test_mean_losses_by_hand() -> None:
    sentence, token, by_sentence = _sentence_task(), _token_task(), _token_task(by_sentence=True)
    assert sentence.mean_loss(LOGITS[0], TARGETS[0]).item() == pytest.approx((TERMS[0] + TERMS[1]) / 2)
    assert sentence.terms(TARGETS[0]) == 2
    assert token.mean_loss(LOGITS, TARGETS).item() == pytest.approx(sum(TERMS) / 3)
    assert token.terms(TARGETS) == 3
    assert by_sentence.mean_loss(LOGITS, TARGETS).item() == pytest.approx(((TERMS[0] + TERMS[1]) / 2 + TERMS[2]) / 2)
    assert by_sentence.terms(TARGETS) == 2


@pytest.mark.parametrize("by_sentence", [False, True])
def test_an_outcome_is_the_loss_and_the_right_answers_of_one_pass(by_sentence: bool) -> None:
    class Known(TokenTask):
        def logits(self, model: Model, batch: Batch) -> Tensor:
            return LOGITS

    task = Known("odd", SENTENCES, SENTENCES, ["a", "b"], by_sentence=by_sentence)
    batch = (torch.tensor([[2, 3], [4, 0]]), torch.tensor([2, 1]), TARGETS)
    outcome = task.outcome(_model([]), batch)
    assert torch.equal(outcome.loss, task.mean_loss(LOGITS, TARGETS))
    assert torch.equal(task.loss(_model([]), batch), outcome.loss)
    # The second word is right, the first a tie that argmax gives to class 0, and padding does not count.
    assert (int(outcome.right), int(outcome.answers)) == (1, 3)


def test_the_loss_by_sentence_is_the_mean_of_the_sentences_own() -> None:
    task = _token_task(by_sentence=True)
    model = _model([task])
    losses = []
    for sentence in SENTENCES:
        logits = model.heads["odd"](model.encoder(sentence[None], torch.tensor([len(sentence)])))[0]
        losses.append(cross_entropy(logits, sentence % 2))
    torch.testing.assert_close(task.loss(model, next(task.batches(11, None))), torch.stack(losses).mean())


def test_scores_of_tags_have_an_f1_without_outside() -> None:
    gold, found = np.array([1, 2, 0, 0, 1, 1]), np.array([1, 0, 0, 2, 1, 2])
    evaluation = Evaluation(0.5, gold, found, np.array([3, 3]))
    task = TokenTask("ner", SENTENCES, SENTENCES, ["O", "B-PER", "I-PER"])
    expected = f1_score(gold, found, labels=[1, 2], average="micro")
    assert task.scores(evaluation) == pytest.approx({"accuracy": 3 / 6, "f1": expected})
    assert _sentence_task().scores(evaluation) == {"accuracy": 3 / 6}


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

    words, lengths = batch = next(language.batches(11, None))
    torch.testing.assert_close(language.loss(model, batch), model.heads["lm"](model.encoder(words, lengths), words))


def test_the_autoencoder_is_a_bag_of_the_texts_own_known_and_frequent_words() -> None:
    sentences = [torch.tensor([2, 5, 5]), torch.tensor([1, 3]), torch.tensor([6, 1])]
    task = AutoencoderTask("words", sentences, VOCABULARY, frequent=6)
    model = _model([task])
    words, lengths = batch = next(task.batches(3, None))
    log_p = model.heads["words"].linear(model.encoder(words, lengths).sentence).log_softmax(-1)
    assert log_p.shape == (3, 6)
    texts = words.tolist()
    assert texts == [[1, 3, 0], [6, 1, 0], [2, 5, 5]]  # by length; 1 is unknown and 6 not among the frequent rows
    expected = -(log_p[0, 3] + log_p[2, 2] + 2 * log_p[2, 5]) / 4
    torch.testing.assert_close(task.loss(model, batch), expected)
    assert AutoencoderTask("words", sentences, VOCABULARY).vocabulary == VOCABULARY


def test_a_text_without_frequent_words_has_no_loss() -> None:
    task = AutoencoderTask("words", [torch.tensor([6, 1])], VOCABULARY, frequent=6)
    assert task.loss(_model([task]), next(task.batches(1, None))).item() == 0


def test_pooled_texts_are_answered_and_train_the_head_of_another_task() -> None:
    topic = _sentence_task()
    more = SentenceTask("more", SENTENCES[:3], torch.tensor([4, 0, 2]), topic.classes, answered_as="topic")
    model = _model([topic, more])
    assert [*model.heads] == ["topic"]
    words, lengths, targets = batch = next(more.batches(3, None))
    loss = more.loss(model, batch)
    torch.testing.assert_close(loss, cross_entropy(model("topic", words, lengths), targets))
    loss.backward()
    assert model.heads["topic"].linear.weight.grad.abs().sum() > 0


def test_pooled_words_are_answered_by_the_head_of_another_task() -> None:
    tags = [torch.zeros(len(sentence), dtype=torch.long) for sentence in SENTENCES]
    own = TokenTask("tags", SENTENCES, tags, ("a", "b"))
    more = TokenTask("more", SENTENCES, tags, ("a", "b"), answered_as="tags")
    model = _model([own, more])
    assert [*model.heads] == ["tags"]
    batch = next(more.batches(2, None))
    torch.testing.assert_close(more.logits(model, batch), own.logits(model, batch))


def test_a_task_that_nobody_can_answer_is_refused_when_the_model_is_built() -> None:
    more = SentenceTask("more", SENTENCES, torch.arange(len(SENTENCES)) % 2, ["a", "b"], answered_as="topics")
    with pytest.raises(
        ValueError, match="task 'more' is to be answered by 'topics', which has no head; these have: topic"
    ):
        Model.of(BiLSTM(torch.randn(VOCABULARY, 4), 3), [_sentence_task(), more])


def test_loss_of_a_table_task_is_its_function_of_the_table() -> None:
    questions = torch.tensor([[2, 3, 4, 5], [6, 7, 8, 9]])
    task = TableTask("update", analogy_loss, [questions])
    model = _model([task])
    expected = analogy_loss(model.encoder.table, questions)
    torch.testing.assert_close(task.loss(model, next(task.batches(1, None))), expected)


# --- Noise in place of a gradient


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
        (lambda: TokenTask("odd", SENTENCES, [s[:3] for s in SENTENCES], ["a", "b"]), "sentence 2 has 5 words but 3 t"),
        (lambda: LanguageModelTask("lm", [torch.tensor([3])], 10), "task 'lm' has no sentence of two words or more"),
        (lambda: TableTask("update0", analogy_loss, [torch.zeros(1, 4)]), "'update0': 1 rows .* at least 2 are needed"),
        (lambda: TableTask("update0", analogy_loss, [QUESTIONS], size=1), "'update0': size must be at least 2, got 1"),
    ],
)
def test_tasks_refuse_what_cannot_be_trained(build: Callable[[], Task], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
