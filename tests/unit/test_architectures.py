"""Ways to share parameters: what each loss reaches, and what the states are made of."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from mt2st.architectures import ARCHITECTURES
from mt2st.architectures.attended import Attended
from mt2st.architectures.cyclic import Cyclic
from mt2st.architectures.experts import Experts
from mt2st.architectures.fusion import Fusion
from mt2st.architectures.interactive import Interactive
from mt2st.architectures.levels import Levels
from mt2st.architectures.private import Adversary, SharedPrivate
from mt2st.models import ENCODERS, Model
from mt2st.schedules import SINGLE_TASK, Constant, Switch
from mt2st.tasks import LanguageModelTask, SentenceTask, SkipGramTask, TableTask, Task, TokenTask
from mt2st.training import evaluate, fit

VOCABULARY, DIMENSIONS, HIDDEN = 12, 6, 4


def sentences(n: int = 16) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(2, 6, (n,), generator=generator).tolist()
    return [torch.randint(2, VOCABULARY, (length,), generator=generator) for length in lengths]


TEXTS = sentences()
TOPIC = SentenceTask("topic", TEXTS, torch.arange(16) % 2, ["a", "b"])
OTHER = SentenceTask("other", TEXTS, torch.arange(16) % 3, ["a", "b", "c"])
TAGS = TokenTask("tags", TEXTS, [text % 2 for text in TEXTS], ["even", "odd"])
PULL = TableTask("pull", lambda table, rows: table[rows].square().mean(), [torch.tensor([[2, 3], [4, 5], [6, 7]])])


def table() -> Tensor:
    rows = torch.randn(VOCABULARY, DIMENSIONS, generator=torch.Generator().manual_seed(2))
    rows[0] = 0
    return rows


def build(name: str, tasks: list[Task], encoder: str = "bilstm", dropout: float = 0.0) -> Any:
    torch.manual_seed(0)
    return ARCHITECTURES[name].build(partial(ENCODERS[encoder], hidden=HIDDEN, dropout=dropout), table(), tasks)


def reached(model: Model, task: Task) -> set[str]:
    """Return the modules whose parameters a task's loss has a gradient on, the table among them."""
    model.zero_grad()
    task.loss(model, next(task.batches(16, None))).backward()
    touched = {name for name, one in model.named_parameters() if one.grad is not None and one.grad.abs().sum() > 0}
    return {"table" if "embedding" in name else name.rsplit(".", 2 if "LSTM" in name else 1)[0] for name in touched}


def short(names: set[str]) -> set[str]:
    """Leave out which of a BiLSTM's directions it is."""
    return {name.removesuffix(".forwards").removesuffix(".backwards") for name in names}


SHARED = {"table", "encoder"}


def heads(model: Model, task: str) -> str:
    return f"heads.layers.{model.heads.names.index(task)}.linear"


def test_in_hard_sharing_every_task_reaches_the_encoder_and_its_own_head() -> None:
    model = build("shared", [TOPIC, TAGS, PULL])
    assert short(reached(model, TOPIC)) == SHARED | {heads(model, "topic")}
    assert short(reached(model, TAGS)) == SHARED | {heads(model, "tags")}
    assert reached(model, PULL) == {"table"}


def test_tasks_on_words_stay_below_and_tasks_on_sentences_reach_both_levels() -> None:
    model: Levels = build("levels", [TOPIC, OTHER, TAGS, PULL])
    assert short(reached(model, TAGS)) == SHARED | {heads(model, "tags")}
    for task in (TOPIC, OTHER):
        assert short(reached(model, task)) == SHARED | {"upper", heads(model, task.name)}
    assert {id(p) for p in model.shared()} == {id(p) for p in model.encoder.parameters()}
    alone: Levels = build("levels", [TOPIC, OTHER])
    assert {id(p) for p in alone.shared()} == {id(p) for m in (alone.encoder, alone.upper) for p in m.parameters()}


def test_the_upper_level_reads_vectors_and_lower_states() -> None:
    model: Levels = build("levels", [TOPIC, TAGS])
    words, lengths, _ = next(TOPIC.batches(4, None))
    vectors = model.encoder.embedding(words)
    lower = model.encoder.states(vectors, lengths)
    torch.testing.assert_close(model.encode("tags", words, lengths).tokens, lower.tokens)
    above = model.upper.states(torch.cat([vectors, lower.tokens], dim=2), lengths)
    torch.testing.assert_close(model.encode("topic", words, lengths).sentence, above.sentence)


def test_private_states_are_a_tasks_own_and_the_adversary_reads_the_shared_ones_alone() -> None:
    adversary = Adversary("adversary", [TOPIC, TAGS])
    model: SharedPrivate = build("private", [TOPIC, TAGS, PULL, adversary])
    own = {name: f"private.layers.{model.private.names.index(name)}" for name in ("topic", "tags")}
    assert model.private.names == ("topic", "tags")
    for task in (TOPIC, TAGS):
        assert short(reached(model, task)) == SHARED | {own[task.name], heads(model, task.name)}
    assert short(reached(model, adversary)) == SHARED | {heads(model, "adversary")}
    words, lengths, _ = next(TOPIC.batches(4, None))
    states = model.encode("topic", words, lengths)
    assert states.tokens.shape == (4, words.shape[1], 2 * 2 * HIDDEN)
    torch.testing.assert_close(states.sentence[:, : 2 * HIDDEN], model.encode("adversary", words, lengths).sentence)
    assert {id(p) for p in model.shared()} == {id(p) for p in model.encoder.parameters()}


def test_the_adversarys_head_learns_and_what_it_reads_unlearns() -> None:
    adversary = Adversary("adversary", [TOPIC, TAGS])
    assert adversary.classes == ("topic", "tags")
    assert len(adversary) == 32
    model: SharedPrivate = build("private", [TOPIC, TAGS, adversary])
    batch = next(adversary.batches(32, None))
    loss = adversary.loss(model, batch)
    head, shared = model.heads["adversary"].linear.weight, model.encoder.forwards.weight_ih_l0
    reversed_, plain = torch.autograd.grad(loss, [shared, head], retain_graph=True)
    encoded = model.encode("adversary", *batch[:-1]).sentence
    straight = adversary.mean_loss(model.heads["adversary"].linear(encoded), batch[-1])
    torch.testing.assert_close(straight, loss)
    expected = torch.autograd.grad(straight, [shared, head])
    torch.testing.assert_close(reversed_, -expected[0])
    torch.testing.assert_close(plain, expected[1])


def test_all_tasks_have_all_experts_each_by_its_own_gate() -> None:
    model: Experts = build("experts", [TOPIC, TAGS, PULL])
    everything = SHARED | {"others.0", "others.1"}
    for task in (TOPIC, TAGS):
        gate = f"gates.layers.{model.gates.names.index(task.name)}"
        assert short(reached(model, task)) == everything | {gate, heads(model, task.name)}
    words, lengths, _ = next(TOPIC.batches(16, None))
    vectors = model.encoder.embedding(words)
    parts = [one.states(vectors, lengths) for one in (model.encoder, *model.others)]
    means = torch.stack([row[:length].mean(0) for row, length in zip(vectors, lengths.tolist(), strict=True)])
    weights = model.gates["topic"](means).softmax(1)
    mixed = model.encode("topic", words, lengths)
    expected = sum(weights[:, k, None] * part.sentence for k, part in enumerate(parts))
    torch.testing.assert_close(mixed.sentence, expected)
    torch.testing.assert_close(mixed.tokens[0], sum(weights[0, k] * part.tokens[0] for k, part in enumerate(parts)))


def test_each_task_has_its_own_mask_on_the_shared_states() -> None:
    model: Attended = build("attended", [TOPIC, TAGS, PULL])
    for task in (TOPIC, TAGS):
        mask = f"masks.layers.{model.masks.names.index(task.name)}"
        assert short(reached(model, task)) == SHARED | {mask, heads(model, task.name)}
    words, lengths, _ = next(TOPIC.batches(4, None))
    plain = model.encoder(words, lengths)
    masked = model.encode("topic", words, lengths)
    for name in ("tokens", "sentence"):
        states = getattr(plain, name)
        torch.testing.assert_close(getattr(masked, name), model.masks["topic"](states).sigmoid() * states)


@pytest.mark.parametrize("name", ["levels", "fusion"])
def test_without_tasks_on_words_all_tasks_share_both_encoders(name: str) -> None:
    model = build(name, [TOPIC, OTHER])
    assert {id(p) for p in model.shared()} == {id(p) for m in (model.encoder, model.upper) for p in m.parameters()}


def test_what_tasks_on_words_predict_feeds_tasks_on_sentences() -> None:
    model: Fusion = build("fusion", [TOPIC, TAGS, PULL])
    assert short(reached(model, TAGS)) == SHARED | {heads(model, "tags")}
    both = {heads(model, name) for name in ("topic", "tags")}
    assert short(reached(model, TOPIC)) == SHARED | {"upper", "labels.layers.0"} | both
    words, lengths, _ = next(TOPIC.batches(4, None))
    vectors = model.encoder.embedding(words)
    lower = model.encoder.states(vectors, lengths)
    probabilities = model.heads["tags"](lower).softmax(2)  # (batch, time, tags)
    of_tags = model.labels["tags"].weight.T  # a row a tag
    expected = sum(probabilities[:, :, k, None] * of_tags[k] for k in range(2))
    above = model.upper.states(torch.cat([vectors, lower.tokens, expected], dim=2), lengths)
    torch.testing.assert_close(model.encode("topic", words, lengths).sentence, above.sentence)


def answers(model: Interactive, tokens: Tensor, sentence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """What words and sentences read of both tasks' answers, in words: a mean without padding."""
    topic = model.heads["topic"].linear(sentence).softmax(1)
    tags = model.heads["tags"].linear(tokens).softmax(2)
    at_words = torch.cat([topic[:, None].repeat(1, tokens.shape[1], 1), tags], dim=2)
    means = torch.stack([row[:length].mean(0) for row, length in zip(tags, lengths.tolist(), strict=True)])
    return at_words, torch.cat([topic, means], dim=1)


def test_all_tasks_revise_the_shared_states_by_all_answers_twice() -> None:
    model: Interactive = build("interactive", [TOPIC, TAGS, PULL])
    everything = SHARED | {"update"} | {heads(model, name) for name in ("topic", "tags")}
    for task in (TOPIC, TAGS):
        assert short(reached(model, task)) == everything
    assert {id(p) for p in model.shared()} == {id(p) for p in model.parameters()}
    words, lengths, _ = next(TOPIC.batches(16, None))
    assert len(lengths.unique()) > 1  # there is padding
    plain = model.encoder(words, lengths)
    tokens, sentence = plain.tokens, plain.sentence
    for _ in range(2):
        beside = zip((tokens, sentence), answers(model, tokens, sentence, lengths), strict=True)
        added = [model.update(torch.cat(pair, dim=-1)).tanh() for pair in beside]
        tokens, sentence = tokens + added[0], sentence + added[1]
    for name in ("topic", "tags"):
        torch.testing.assert_close(model.encode(name, words, lengths).tokens, tokens)
        torch.testing.assert_close(model.encode(name, words, lengths).sentence, sentence)


def test_in_a_ring_each_task_reads_the_one_before_it() -> None:
    model: Cyclic = build("cyclic", [TAGS, TOPIC, PULL])
    assert model.answering == ["topic", "tags"]
    everything = {f"update.layers.{k}" for k in range(2)} | {heads(model, name) for name in ("topic", "tags")}
    for task in (TOPIC, TAGS):
        assert short(reached(model, task)) == SHARED | everything
    assert {id(p) for p in model.shared()} == {id(p) for p in model.parameters()}
    words, lengths, _ = next(TOPIC.batches(16, None))
    plain = model.encoder(words, lengths)
    tokens, sentence = plain.tokens, plain.sentence  # of the task before, at first of the last one
    for name in ("topic", "tags") * 2:
        at_words, of_sentences = answers(model, tokens, sentence, lengths)
        before = slice(0, 2) if name == "tags" else slice(2, 4)
        update = model.update[name]
        tokens = plain.tokens + update(torch.cat([plain.tokens, at_words[:, :, before]], dim=2)).tanh()
        sentence = plain.sentence + update(torch.cat([plain.sentence, of_sentences[:, before]], dim=1)).tanh()
        found = model.encode(name, words, lengths)  # as of the last turn
    torch.testing.assert_close(found.tokens, tokens)
    torch.testing.assert_close(found.sentence, sentence)
    first = model.encode("topic", words, lengths)
    at_words, _ = answers(model, first.tokens, first.sentence, lengths)
    expected = plain.tokens + model.update["tags"](torch.cat([plain.tokens, at_words[:, :, :2]], dim=2)).tanh()
    torch.testing.assert_close(found.tokens, expected)


def trained(name: str, encoder: str, rows: Tensor, tasks: list[Any], hidden: int = 1) -> list[float]:
    """Return the accuracies that tasks come to on what they are trained on; the vectors stay as they are."""
    torch.manual_seed(0)
    make = partial(ENCODERS[encoder], hidden=hidden)
    model = ARCHITECTURES[name].build(make, torch.cat([torch.zeros(2, rows.shape[1]), rows]), tasks)
    model.table.requires_grad_(False)
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=0.1)
    schedule = Constant(1.0) if tasks[1:] else SINGLE_TASK
    fit(model, tasks[0], tasks[1:], schedule, optimizer=optimizer, epochs=200, batch_size=8)
    return [evaluate(model, task).accuracy for task in tasks]


def three_bits() -> list[Any]:
    """Three tasks of eight words: each tells one of the bits of a word's number."""
    words = [torch.tensor([2 + k]) for k in range(8)]
    bits = [torch.tensor([k >> bit & 1 for k in range(8)]) for bit in range(3)]
    low = [TokenTask(f"bit {b}", words, list(bits[b][:, None]), ["0", "1"]) for b in (1, 2)]
    return [SentenceTask("bit 0", words, bits[0], ["0", "1"]), *low]


@pytest.mark.parametrize(
    ("name", "can"),
    [
        *(("shared", False), ("interactive", False)),  # all heads read the same two dimensions
        *(("levels", True), ("private", True), ("experts", True), ("cyclic", True)),
    ],
)
def test_three_independent_tasks_need_more_than_two_shared_dimensions(name: str, can: bool) -> None:
    """Three lines part a plane into seven regions at most, and there are eight words to tell apart."""
    assert (trained(name, "bilstm", torch.eye(8), three_bits()) == [1, 1, 1]) is can


@pytest.mark.parametrize(
    ("name", "can"),
    [("shared", False), ("levels", False), ("fusion", True), ("interactive", True), ("cyclic", True)],
)
def test_the_majority_of_signs_needs_what_the_task_on_words_predicts(name: str, can: bool) -> None:
    """A linear map of a mean of words follows the largest of them; a mean of their predicted signs does not."""
    values = torch.tensor([-4.0, -1, -1, -1, 1, 1, 1, 4])
    chosen = [[0, 4, 5], [0, 5, 6], [0, 4, 6], [7, 1, 2], [7, 2, 3], [7, 1, 3], [4, 5, 6], [1, 2, 3]]
    texts = [torch.tensor(words) + 2 for words in chosen]
    signs = [(values[words] > 0).long() for words in chosen]
    majority = torch.stack([(sign.sum() >= 2).long() for sign in signs])
    tasks = [SentenceTask("majority", texts, majority, ["-", "+"]), TokenTask("sign", texts, signs, ["-", "+"])]
    rows = torch.stack([0.3 * values, torch.zeros(8)], dim=1)
    assert (trained(name, "bag", rows, tasks) == [1, 1]) is can


@pytest.mark.parametrize(("name", "can"), [("shared", False), ("attended", True)])
def test_a_mask_of_the_states_by_themselves_tells_what_no_line_does(name: str, can: bool) -> None:
    """Exclusive or of the signs of a word's two dimensions."""
    rows = torch.tensor([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    task = SentenceTask("xor", [torch.tensor([2 + k]) for k in range(4)], torch.tensor([0, 1, 1, 0]), ["0", "1"])
    assert (trained(name, "bag", rows, [task]) == [1]) is can


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_architecture_trains_over_every_encoder_and_repeats_itself(name: str, encoder: str) -> None:
    pooled = SentenceTask("more", TEXTS, torch.arange(16) % 2, ["a", "b"], answered_as="topic")
    states = []
    for _ in range(2):
        model = build(name, [TOPIC, TAGS, PULL, pooled], encoder, dropout=0.3)
        history = fit(model, TOPIC, [TAGS, PULL, pooled], Switch(2), epochs=3, batch_size=8, validation=[TOPIC])
        states.append(model.state_dict())
        assert history.task_frame()["weight"].tolist() == [1, 1, 1, 1] * 2 + [1, 0, 0, 0]
        assert evaluate(model, TOPIC).accuracy == max(history.frame()["validation_accuracy"])
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_refuses_a_task_that_nobody_can_answer(name: str) -> None:
    more = SentenceTask("more", TEXTS, torch.arange(16) % 2, ["a", "b"], answered_as="topics")
    with pytest.raises(ValueError, match="'more' is to be answered by 'topics', which has no head; these have: topic"):
        build(name, [TOPIC, TAGS, more])


def test_tasks_say_what_they_read() -> None:
    assert {task.level for task in (TAGS, LanguageModelTask("lm", TEXTS, VOCABULARY))} == {"words"}
    assert (TOPIC.level, PULL.level) == ("sentence", "table")


@pytest.mark.parametrize("name", ["private", "experts", "attended", "interactive", "cyclic"])
def test_a_language_model_is_refused_where_states_have_seen_the_words_to_come(name: str) -> None:
    with pytest.raises(ValueError, match="has no states that have not seen the words to come"):
        build(name, [TOPIC, LanguageModelTask("lm", TEXTS, VOCABULARY)])


@pytest.mark.parametrize("name", ["levels", "fusion"])
def test_a_language_model_on_the_lower_level_does_not_see_the_word_that_it_predicts(name: str) -> None:
    task = LanguageModelTask("lm", TEXTS, VOCABULARY)
    model = build(name, [TOPIC, task])
    words, lengths = torch.tensor([[2, 3, 4, 5]]), torch.tensor([4])
    other = torch.tensor([[2, 3, 4, 9]])
    ahead, changed = (model.encode("lm", one, lengths).ahead for one in (words, other))
    torch.testing.assert_close(ahead[:, :3], changed[:, :3])


def test_a_task_on_the_table_has_a_head_and_no_states_of_its_own() -> None:
    near = SkipGramTask("near", TEXTS)
    for name in ARCHITECTURES:
        model = build(name, [TOPIC, TAGS, near])
        assert set(model.heads) == {"topic", "tags", "near"}
        for part in ("private", "gates", "masks"):
            if hasattr(model, part):
                assert getattr(model, part).names == ("topic", "tags")
        assert getattr(model, "answering", ["topic", "tags"]) == ["topic", "tags"]
        assert near.loss(model, next(near.batches(1, None))).isfinite()
