import copy
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from mt2st import training
from mt2st.adaptation import CheckConvergence
from mt2st.losses import analogy_loss, misalignment_loss
from mt2st.models import Encoder, Model
from mt2st.schedules import SINGLE_TASK, Constant, Diminish, Schedule, Switch
from mt2st.tasks import Batch, LanguageModelTask, SentenceTask, TableTask, Task, TokenTask
from mt2st.training import Evaluation, History, evaluate, fit

VOCABULARY, EXAMPLES = 20, 23
QUESTIONS = torch.tensor([[2, 3, 4, 5], [6, 7, 8, 9], [3, 5, 7, 9], [2, 6, 4, 8], [9, 8, 7, 6]])


def _sentences(n: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 7, (n,), generator=generator).tolist()
    return [torch.randint(2, VOCABULARY, (length,), generator=generator) for length in lengths]


SENTENCES = _sentences(EXAMPLES, seed=1)


class _Recorder:
    """Mixed into a task: remembers the batches it was trained on (and not those it was evaluated on)."""

    trained: list[Batch]

    def loss(self, model: Model, batch: Batch) -> Tensor:
        self._remember(model, batch)
        return super().loss(model, batch)  # type: ignore[misc]

    def logits(self, model: Model, batch: Batch) -> Tensor:
        self._remember(model, batch)
        return super().logits(model, batch)  # type: ignore[misc]

    def _remember(self, model: Model, batch: Batch) -> None:
        self.__dict__.setdefault("trained", [])
        if model.training:
            self.trained.append(batch)


class _RecordedSentenceTask(_Recorder, SentenceTask):
    pass


class _RecordedTableTask(_Recorder, TableTask):
    pass


def _topic(kind: type[SentenceTask] = SentenceTask, seed: int = 1, n: int = EXAMPLES) -> SentenceTask:
    """The primary task: is the mean word id above the middle?"""
    sentences = _sentences(n, seed)
    targets = torch.tensor([int(s.float().mean() > 10) for s in sentences])
    return kind("topic", sentences, targets, ["low", "high"])


def _auxiliary(name: str) -> Task:
    match name:
        case "table":
            return TableTask("table", analogy_loss, [QUESTIONS])
        case "sentence":
            return SentenceTask("sentence", SENTENCES, torch.arange(EXAMPLES) % 3, ["a", "b", "c"])
        case "token":
            return TokenTask("token", SENTENCES, [s % 2 for s in SENTENCES], ["even", "odd"])
        case _:
            return LanguageModelTask("language-model", SENTENCES, VOCABULARY)


KINDS = ("table", "sentence", "token", "language-model")


def _model(tasks: Sequence[Task] = (), dropout: float = 0.0, hidden: int = 16) -> Model:
    torch.manual_seed(3)
    table = torch.randn(VOCABULARY, 4)
    table[0] = 0
    encoder = Encoder(table, hidden, dropout)
    heads = {task.name: head for task in [_topic(), *tasks] if (head := task.head(encoder)) is not None}
    return Model(encoder, heads)


def _fit(model: Model, auxiliaries: Sequence[Task], schedule: Schedule, **options: Any) -> History:
    options = {"validation": _topic(seed=2, n=9), "epochs": 3, "batch_size": 8} | options
    return fit(model, options.pop("primary", _topic()), auxiliaries, schedule, **options)


def _values(history: History) -> pd.DataFrame:
    """Everything but the clocks."""
    frame = history.frame()
    return frame[[c for c in frame.columns if not c.endswith("_seconds")]]


def _same_parameters(a: Model, b: Model) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


# --- Repeating


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_arguments_give_the_same_bits(kind: str) -> None:
    runs = []
    for state in range(2):
        task = _auxiliary(kind)
        model = _model([task], dropout=0.3)
        torch.manual_seed(state)  # the caller's random numbers do not matter
        runs.append((_values(_fit(model, [task], Diminish(), seed=5)), model))
    pd.testing.assert_frame_equal(runs[0][0], runs[1][0], check_exact=True)
    assert _same_parameters(runs[0][1], runs[1][1])


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_seed_changes_batches_and_dropout(dropout: float) -> None:
    batch_size = 8 if dropout == 0 else 100  # with one batch only dropout can differ
    losses = []
    for seed in range(2):
        model = _model(dropout=dropout)
        losses.append(_fit(model, [], SINGLE_TASK, seed=seed, batch_size=batch_size).epochs[0]["loss"])
    assert losses[0] != losses[1]


@pytest.mark.parametrize("kind", KINDS)
def test_primary_batches_do_not_depend_on_auxiliaries(kind: str) -> None:
    def batches(auxiliaries: list[Task]) -> list[Batch]:
        primary = _topic(_RecordedSentenceTask)
        schedule = Constant([1.0] * len(auxiliaries))
        _fit(_model(auxiliaries), auxiliaries, schedule, primary=primary, seed=4)
        assert isinstance(primary, _RecordedSentenceTask)
        return primary.trained

    others = [_auxiliary(kind)] if kind == "table" else [_auxiliary(kind), _auxiliary("table")]
    alone, together = batches([]), batches(others)
    assert len(alone) == len(together) == 9  # three epochs of 23 examples, 8 at a time
    for a, b in zip(alone, together, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert any(not torch.equal(a[2], b[2]) for a, b in zip(alone[:3], alone[3:6], strict=True))  # shuffled


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("schedule", [Constant(0.0), Switch(0), Constant(0.0099)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_task_without_weight_changes_nothing(kind: str, schedule: Schedule, validated: bool) -> None:
    task = _auxiliary(kind)
    single, multi = (_model([task], dropout=0.3) for _ in range(2))
    validation = _topic(seed=2, n=9) if validated else None
    expected = _values(_fit(single, [], SINGLE_TASK, validation=validation))
    history = _values(_fit(multi, [task], schedule, validation=validation))
    assert _same_parameters(single, multi)
    pd.testing.assert_frame_equal(history[expected.columns], expected, check_exact=True)
    assert set(history.columns) - set(expected.columns) == {f"weight.{kind}", f"probe.{kind}"}


# --- The step


def _gradients(model: Model, loss: Tensor) -> list[Tensor]:
    parameters = list(model.parameters())
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def test_a_step_is_equation_3() -> None:
    tasks = [_auxiliary("table"), _auxiliary("token"), _auxiliary("language-model")]
    weights, rate = [0.5, 2.0, 0.25], 0.1
    model = _model(tasks).double()
    reference = copy.deepcopy(model)
    primary = _topic()
    batches = [next(task.batches(100, None)) for task in tasks]
    words, lengths, targets = next(primary.batches(100, None))
    primary_loss = cross_entropy(reference.heads["topic"](reference.encoder(words, lengths)), targets)
    losses = [task.loss(reference, batch) for task, batch in zip(tasks, batches, strict=True)]
    total = primary_loss + sum(w * loss for w, loss in zip(weights, losses, strict=True))
    gradients = _gradients(reference, total)
    primary_norm = torch.cat([g.flatten() for g in _gradients(reference, primary_loss)]).norm()

    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    history = _fit(model, tasks, Constant(weights), optimizer=optimizer, epochs=1, batch_size=100)

    for (name, after), before, gradient in zip(
        model.named_parameters(), reference.parameters(), gradients, strict=True
    ):
        torch.testing.assert_close(after, before - rate * gradient, atol=1e-12, rtol=1e-9, msg=name)
    epoch = history.epochs[0]
    assert epoch["loss"] == pytest.approx(total.item(), rel=1e-6)
    assert epoch["loss.topic"] == pytest.approx(primary_loss.item(), rel=1e-6)
    for task, loss in zip(tasks, losses, strict=True):
        assert epoch[f"loss.{task.name}"] == pytest.approx(loss.item(), rel=1e-6)
    assert epoch["gradient_norm"] == pytest.approx(primary_norm.item(), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_auxiliary_changes_what_it_should(kind: str) -> None:
    task = _auxiliary(kind)
    start, single, multi = _model([task]), _model([task]), _model([task])
    for model, auxiliaries, schedule in ((single, [], SINGLE_TASK), (multi, [task], Constant(1.0))):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        _fit(model, auxiliaries, schedule, optimizer=optimizer, epochs=1, batch_size=100)
    assert not torch.allclose(single.encoder.table, multi.encoder.table, atol=1e-5)
    lstm_differs = any(
        not torch.allclose(a, b, atol=1e-6)
        for a, b in zip(single.encoder.forwards.parameters(), multi.encoder.forwards.parameters(), strict=True)
    )
    assert lstm_differs == (kind != "table")
    if kind != "table":
        begun, trained = (dict(m.heads[kind].named_parameters()) for m in (start, multi))
        assert all(not torch.equal(begun[name], trained[name]) for name in begun)
    assert _same_parameters(single.heads["topic"], multi.heads["topic"])
    assert (multi.encoder.table[0] == 0).all()


def test_the_default_optimizer_is_adam() -> None:
    default, given = _model(), _model()
    _fit(default, [], SINGLE_TASK)
    _fit(given, [], SINGLE_TASK, optimizer=torch.optim.Adam(given.parameters(), lr=1e-3, fused=True))
    assert _same_parameters(default, given)
    moved = (default.encoder.table - _model().encoder.table).abs().max().item()
    assert 1e-3 < moved < 10e-3  # nine steps


# --- Schedules in training


@pytest.mark.parametrize(
    ("schedule", "active"),
    [
        (SINGLE_TASK, None),
        (Constant(1.0), 20),
        (Constant(0.01), 20),
        (Constant(0.00999), 0),
        (Switch(7), 7),
        (Diminish(1.0, 0.3, 1.0), 16),
        (Diminish.geometric(0.5), 7),
    ],
)
def test_a_task_below_epsilon_is_not_computed(schedule: Schedule, active: int | None) -> None:
    task = _RecordedTableTask("table", analogy_loss, [QUESTIONS])
    history = _fit(_model(hidden=2), [] if active is None else [task], schedule, epochs=20, batch_size=12)
    assert len(getattr(task, "trained", [])) == 2 * (active or 0)  # two steps an epoch
    if active is not None:
        assert history.frame()["weight.table"].tolist() == [schedule.weights(t).item() for t in range(20)]
        computed = "loss.table" in history.frame() and history.frame()["loss.table"].notna()
        assert np.sum(computed) == active


@pytest.mark.parametrize(("epsilon", "active"), [(0.0, 5), (0.5, 1), (0.3, 2), (2.0, 0)])
def test_epsilon_is_the_smallest_weight_computed(epsilon: float, active: int) -> None:
    task = _RecordedTableTask("table", analogy_loss, [QUESTIONS])
    _fit(_model(hidden=2), [task], Diminish(1.0, 1.0, 1.0), epochs=5, batch_size=100, epsilon=epsilon)
    assert len(task.trained) == active


def test_each_task_has_its_own_weight_and_batches() -> None:
    tasks = [_RecordedTableTask(name, analogy_loss, [QUESTIONS], size=2) for name in ("early", "late")]
    history = _fit(_model(hidden=2), tasks, Switch([1, 3], [0.5, 2.0]), epochs=4, batch_size=100).frame()
    assert [len(task.trained) for task in tasks] == [1, 3]
    assert history["weight.early"].tolist() == [0.5, 0, 0, 0]
    assert history["weight.late"].tolist() == [2, 2, 2, 0]
    expected = history["loss.topic"] + 0.5 * history["loss.early"].fillna(0) + 2 * history["loss.late"].fillna(0)
    assert history["loss"].tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_auxiliary_batches_go_on_from_epoch_to_epoch() -> None:
    task = _RecordedTableTask("table", analogy_loss, [torch.cat([QUESTIONS, QUESTIONS + 8])], size=2)
    _fit(_model(hidden=2), [task], Constant(1.0), epochs=5, batch_size=100)
    seen = torch.cat([batch[0] for batch in task.trained])
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, torch.cat([QUESTIONS, QUESTIONS + 8]).tolist()))


def test_one_weight_holds_for_all_tasks() -> None:
    tasks = [TableTask(name, analogy_loss, [QUESTIONS]) for name in ("a", "b")]
    broadcast, given = _model(hidden=2), _model(hidden=2)
    _fit(broadcast, tasks, Constant(0.7))
    _fit(given, tasks, Constant([0.7, 0.7]))
    assert _same_parameters(broadcast, given)


@pytest.mark.parametrize(("weights", "tasks"), [([1.0, 1.0, 1.0], 2), ([1.0, 1.0], 0), ([1.0, 1.0], 1), ([], 1)])
def test_a_schedule_of_another_length_is_refused(weights: list[float], tasks: int) -> None:
    auxiliaries = [TableTask(f"table {k}", analogy_loss, [QUESTIONS]) for k in range(tasks)]
    with pytest.raises(ValueError, match=f"the schedule has {len(weights)} weights for {tasks} auxiliary tasks"):
        _fit(_model(), auxiliaries, Constant(weights))


# --- History


def test_history_counts_and_measures_each_epoch() -> None:
    task = _auxiliary("table")
    model = _model(hidden=2)
    history = _fit(model, [task], Constant(1.0), epochs=2)
    frame = history.frame()
    assert frame["epoch"].tolist() == [0, 1]
    assert frame["steps"].tolist() == [3, 3]
    assert frame["examples"].tolist() == [EXAMPLES, EXAMPLES]
    assert frame["tokens"].tolist() == [sum(len(s) for s in SENTENCES)] * 2
    assert frame["train_accuracy"].between(0, 1).all()
    assert (frame["train_accuracy"] * EXAMPLES).tolist() == pytest.approx((frame["train_accuracy"] * 23).round())
    assert history.train_seconds == frame["train_seconds"].sum()
    assert list(frame.columns) == [
        *("epoch", "loss.topic", "gradient_norm", "loss.table", "loss", "train_accuracy", "steps", "examples"),
        *("tokens", "weight.table", "probe.table", "validation_loss", "validation_accuracy"),
        *("train_seconds", "cpu_seconds", "evaluation_seconds"),
    ]


def test_seconds_of_the_processor_are_apart_from_those_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each clock is read before and after training, the one on the wall after evaluation too.
    wall, processor = iter([10.0, 13.0, 13.5, 20.0, 24.0, 25.0]), iter([1.0, 1.5, 7.0, 7.25])
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(wall))
    monkeypatch.setattr(training.time, "process_time", lambda: next(processor))
    history = _fit(_model(hidden=2), [], SINGLE_TASK, epochs=2).frame()
    assert history["train_seconds"].tolist() == [3.0, 4.0]
    assert history["evaluation_seconds"].tolist() == [0.5, 1.0]
    assert history["cpu_seconds"].tolist() == [0.5, 0.25]


def test_history_measures_the_model_after_each_epoch() -> None:
    task = TableTask("table", analogy_loss, [QUESTIONS], size=3)
    model = _model(hidden=2)
    validation = _topic(seed=2, n=9)
    epoch = _fit(model, [task], Constant(1.0), validation=validation, epochs=1).epochs[0]
    held_out = evaluate(model, validation)
    assert (epoch["validation_loss"], epoch["validation_accuracy"]) == (held_out.loss, held_out.accuracy)
    assert epoch["probe.table"] == analogy_loss(model.encoder.table, QUESTIONS[:3]).item()


def test_train_accuracy_is_a_share_of_labels() -> None:
    model = _model(hidden=2)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    epoch = _fit(model, [], SINGLE_TASK, optimizer=still, epochs=1).epochs[0]
    assert epoch["train_accuracy"] == pytest.approx(evaluate(model, _topic()).accuracy)

    tokens = TokenTask("topic", SENTENCES, [s % 2 for s in SENTENCES], ["even", "odd"])
    encoder = Encoder(torch.randn(VOCABULARY, 4), hidden=2)
    model = Model(encoder, {"topic": tokens.head(encoder)})
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    epoch = fit(model, tokens, [], SINGLE_TASK, validation=tokens, optimizer=still, epochs=1, batch_size=8).epochs[0]
    assert epoch["train_accuracy"] == pytest.approx(epoch["validation_accuracy"])
    assert epoch["validation_accuracy"] == evaluate(model, tokens).accuracy


def test_losses_are_means_over_steps() -> None:
    model = _model(hidden=2)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    primary = _topic(_RecordedSentenceTask)
    assert isinstance(primary, _RecordedSentenceTask)
    epoch = _fit(model, [], SINGLE_TASK, optimizer=still, epochs=1, primary=primary).epochs[0]
    with torch.no_grad():
        steps = [cross_entropy(model.heads["topic"](model.encoder(w, n)), t).item() for w, n, t in primary.trained]
    assert epoch["loss"] == epoch["loss.topic"] == pytest.approx(np.mean(steps), rel=1e-6)


# --- Losses that have a value and no gradient


class _Number(TableTask):
    """A loss computed from a copy of the table, as in the released code."""

    def loss(self, model: Model, batch: Batch) -> Tensor:
        return super().loss(model, batch).detach()


@pytest.mark.parametrize("frozen", [False, True])
def test_a_loss_without_gradient_adds_to_the_loss_and_to_nothing_else(frozen: bool) -> None:
    # The loss of a frozen table has no gradient either.
    kind = TableTask if frozen else _Number
    single, multi = _model(dropout=0.3), _model(dropout=0.3)
    for model in (single, multi):
        model.encoder.table.requires_grad_(not frozen)
    alone = _values(_fit(single, [], SINGLE_TASK))
    history = _values(_fit(multi, [kind("table", analogy_loss, [QUESTIONS])], Constant(10.0)))
    assert _same_parameters(single, multi)
    others = [name for name in alone.columns if name != "loss"]
    pd.testing.assert_frame_equal(history[others], alone[others], check_exact=True)
    expected = history["loss.topic"] + 10 * history["loss.table"]
    assert history["loss"].tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    assert (history["loss"] > alone["loss"] + 1).all()
    assert torch.equal(multi.encoder.table, _model().encoder.table) == frozen


# --- Best epoch, convergence, faults


def test_without_validation_the_model_ends_with_the_last_epoch() -> None:
    # The primary task sees the same batches whether or not there is a validation set: its last state is the reference.
    validation, model, validated = _Scripted([4, 3, 2]), _model(dropout=0.3), _model(dropout=0.3)
    _fit(validated, [], SINGLE_TASK, validation=validation)
    history = _fit(model, [], SINGLE_TASK, validation=None)
    assert history.best_epoch == 2
    assert not {"validation_loss", "validation_accuracy"} & set(history.frame().columns)
    assert all(torch.equal(value, validation.states[2][name]) for name, value in model.state_dict().items())
    assert not _same_parameters(model, validated)  # which went back to the first epoch


class _Scripted(SentenceTask):
    """Validation with accuracies written beforehand; remembers the model at each evaluation."""

    def __init__(self, right: Sequence[int]) -> None:
        super().__init__("topic", _sentences(4, seed=2), torch.zeros(4, dtype=torch.long), ["low", "high"])
        self.right: Iterator[int] = iter(right)
        self.states: list[dict[str, Tensor]] = []

    def logits(self, model: Model, batch: Batch) -> Tensor:
        self.states.append(copy.deepcopy(model.state_dict()))
        is_right = torch.arange(4) < next(self.right)
        return torch.stack([is_right.float(), 1 - is_right.float()], dim=1)


@pytest.mark.parametrize(
    ("right", "best"), [([1, 3, 3, 2], 1), ([4, 3, 2, 4], 0), ([0, 1, 2, 3], 3), ([0, 0, 0, 0], 0)]
)
def test_the_model_ends_with_the_first_best_epoch(right: list[int], best: int) -> None:
    validation, model = _Scripted(right), _model()
    history = _fit(model, [], SINGLE_TASK, validation=validation, epochs=4)
    assert history.frame()["validation_accuracy"].tolist() == [n / 4 for n in right]
    assert history.best_epoch == best
    for epoch, state in enumerate(validation.states):
        same = all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
        assert same == (epoch == best)


@pytest.mark.parametrize(
    ("tolerance", "patience", "epochs"), [(1e9, 1, 1), (1e9, 3, 3), (1e9, 9, 5), (1e-9, 1, 5), (None, 1, 5)]
)
def test_convergence_ends_training(tolerance: float | None, patience: int, epochs: int) -> None:
    check = None if tolerance is None else CheckConvergence(tolerance, patience)
    history = _fit(_model(hidden=2), [], SINGLE_TASK, epochs=5, convergence=check)
    assert len(history.epochs) == epochs


@pytest.mark.parametrize(("factor", "epochs"), [(1.01, 1), (0.99, 4)])
def test_convergence_looks_at_the_primary_gradient_alone(factor: float, epochs: int) -> None:
    task = TableTask("table", partial(misalignment_loss, gamma=100.0), [QUESTIONS])
    model = _model([task], hidden=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)  # the same gradient in each epoch
    run = partial(_fit, model, [task], Constant(1000.0), optimizer=optimizer, epochs=4, batch_size=100)
    words, lengths, targets = next(_topic().batches(100, None))
    loss = cross_entropy(model.heads["topic"](model.encoder(words, lengths)), targets)
    norm = torch.cat([g.flatten() for g in _gradients(model, loss)]).norm().item()
    history = run(convergence=CheckConvergence(norm * factor))
    assert len(history.epochs) == epochs
    assert history.frame()["gradient_norm"].tolist() == pytest.approx([norm] * epochs, rel=1e-5)


@pytest.mark.parametrize("fault", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_an_error(fault: float) -> None:
    calls: list[int] = []

    def loss(table: Tensor, rows: Tensor) -> Tensor:
        calls.append(1)
        # The step of epoch 0, its probe, and the step of epoch 1.
        return table[rows].abs().sum() * (fault if len(calls) == 3 else 0.0)

    with pytest.raises(ValueError, match=rf"the loss became {fault} in epoch 1: lower the learning rate"):
        _fit(_model(hidden=2), [TableTask("table", loss, [QUESTIONS])], Constant(1.0), batch_size=100)


# --- Evaluation


@pytest.mark.parametrize("batch_size", [1, 4, 256])
def test_sentences_are_evaluated_in_the_order_given(batch_size: int) -> None:
    task, model = _topic(), _model(dropout=0.5)
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model.heads["topic"](model.encoder(s[None], torch.tensor([len(s)]))) for s in SENTENCES])
        model.heads["topic"].linear.bias -= logits.mean(0)  # so that both classes are predicted
        logits -= logits.mean(0)
    result = evaluate(model.train(), task, batch_size)
    assert not model.training
    assert result.predictions.tolist() == logits.argmax(1).tolist()
    assert len(set(result.predictions.tolist())) == 2
    assert isinstance(task.targets, Tensor)
    assert result.targets.tolist() == task.targets.tolist()
    assert result.loss == pytest.approx(cross_entropy(logits, task.targets).item(), rel=1e-5)
    assert result.accuracy == pytest.approx((logits.argmax(1) == task.targets).double().mean().item())


@pytest.mark.parametrize("batch_size", [1, 4, 256])
def test_words_are_evaluated_in_the_order_given(batch_size: int) -> None:
    task = _auxiliary("token")
    model = _model([task])
    assert isinstance(task, TokenTask)
    result = evaluate(model, task, batch_size)
    with torch.no_grad():
        logits = torch.cat([model.heads["token"](model.encoder(s[None], torch.tensor([len(s)])))[0] for s in SENTENCES])
    targets = torch.cat(SENTENCES) % 2
    assert result.predictions.tolist() == logits.argmax(1).tolist()
    assert len(set(result.predictions.tolist())) == 2
    assert result.targets.tolist() == targets.tolist()
    assert result.loss == pytest.approx(cross_entropy(logits, targets).item(), rel=1e-5)


def test_accuracy_is_the_share_of_right_predictions() -> None:
    assert Evaluation(0.0, np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])).accuracy == 0.75


def test_training_learns_the_primary_task() -> None:
    model = _model()
    before = evaluate(model, _topic()).loss
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    history = _fit(model, [_auxiliary("table")], Constant(0.1), optimizer=optimizer, epochs=15, validation=_topic())
    assert evaluate(model, _topic()).accuracy == 1.0
    assert evaluate(model, _topic()).loss < 0.5 * before
    assert history.frame()["probe.table"].iloc[-1] < history.frame()["probe.table"].iloc[0]


def test_two_tasks_of_one_name_are_refused() -> None:
    twice = [_auxiliary("table"), _auxiliary("table")]
    with pytest.raises(ValueError, match="tasks need different names"):
        _fit(_model(twice), twice, Constant(1.0))


def test_no_epochs_are_refused() -> None:
    with pytest.raises(ValueError, match="epochs must be at least 1, got 0"):
        _fit(_model(), [], SINGLE_TASK, epochs=0)


def test_one_convergence_check_serves_two_trainings() -> None:
    check = CheckConvergence(1e9, patience=2)
    assert [len(_fit(_model(), [], SINGLE_TASK, epochs=5, convergence=check).epochs) for _ in range(2)] == [2, 2]
