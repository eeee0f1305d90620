import copy
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mt2st import gradients, training
from mt2st.adaptation import CheckConvergence
from mt2st.balancing import Balance
from mt2st.gradients import cosine
from mt2st.history import History
from mt2st.losses import analogy_loss, misalignment_loss
from mt2st.models import ENCODERS, BiLSTM, Encoded, Encoder, Model, SharedEncoder
from mt2st.optimizers import OPTIMIZERS
from mt2st.sampling import SAMPLINGS, Equal, Sampling, Together, Uniform
from mt2st.schedules import (
    SINGLE_TASK,
    AuxiliaryFirst,
    Constant,
    Diminish,
    DiminishUntil,
    Feedback,
    FeedbackSwitch,
    PostTraining,
    Schedule,
    Switch,
)
from mt2st.tasks import (
    Batch,
    LabelledTask,
    LanguageModelTask,
    Outcome,
    SentenceTask,
    TableTask,
    Task,
    TokenTask,
    endless,
)
from mt2st.training import evaluate, fit

VOCABULARY, EXAMPLES = 20, 23
QUESTIONS = torch.tensor([[2, 3, 4, 5], [6, 7, 8, 9], [3, 5, 7, 9], [2, 6, 4, 8], [9, 8, 7, 6]])


def _sentences(n: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 7, (n,), generator=generator).tolist()
    return [torch.randint(2, VOCABULARY, (length,), generator=generator) for length in lengths]


SENTENCES = _sentences(EXAMPLES, seed=1)


class _Recorder:
    """Mixed into a task: remembers the batches it was trained on (and not those it was evaluated on)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.trained: list[Batch] = []

    def outcome(self, model: Model, batch: Batch) -> Outcome:
        self.trained.append(batch)
        return super().outcome(model, batch)  # type: ignore[misc]


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


def _encoder(dropout: float = 0.0, hidden: int = 16, kind: type[Encoder] = BiLSTM) -> Encoder:
    torch.manual_seed(3)
    table = torch.randn(VOCABULARY, 4)
    table[0] = 0
    return kind(table, hidden, dropout)


def _model(tasks: Sequence[Task] = (), dropout: float = 0.0, hidden: int = 16, kind: type[Encoder] = BiLSTM) -> Model:
    return Model.of(_encoder(dropout, hidden, kind), [_topic(), *tasks])


def _fit(model: Model, auxiliaries: Sequence[Task], schedule: Schedule, **options: Any) -> History:
    options = {"validation": [_topic(seed=2, n=9)], "epochs": 3, "batch_size": 8} | options
    return fit(model, options.pop("primary", _topic()), auxiliaries, schedule, **options)


def _values(history: History) -> pd.DataFrame:
    """Everything of an epoch but the clocks."""
    frame = history.frame()
    return frame[[c for c in frame.columns if not c.endswith("_seconds")]]


def _of(task: str, history: History) -> pd.DataFrame:
    """A task's rows, without the columns that it has no value in."""
    frame = history.task_frame()
    return frame[frame["task"] == task].dropna(axis=1, how="all").reset_index(drop=True)


def _same_parameters(a: Model, b: Model) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


# --- Repeating


@pytest.mark.parametrize("sampling", SAMPLINGS.values())
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_arguments_give_the_same_bits(kind: str, sampling: type[Sampling]) -> None:
    runs = []
    for state in range(2):
        task = _auxiliary(kind)
        model = _model([task], dropout=0.3)
        torch.manual_seed(state)  # the caller's random numbers do not matter
        runs.append((_fit(model, [task], Diminish(), seed=5, sampling=sampling), model))
    (one, model), (other, again) = runs
    pd.testing.assert_frame_equal(_values(one), _values(other), check_exact=True)
    pd.testing.assert_frame_equal(one.task_frame(), other.task_frame(), check_exact=True)
    np.testing.assert_equal(dict(one.steps), dict(other.steps))
    assert _same_parameters(model, again)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_seed_changes_batches_and_dropout(dropout: float) -> None:
    batch_size = 8 if dropout == 0 else 100  # with one batch only dropout can differ
    losses = []
    for seed in range(2):
        model = _model(dropout=dropout)
        losses.append(_fit(model, [], SINGLE_TASK, seed=seed, batch_size=batch_size).epochs[0]["loss"])
    assert losses[0] != losses[1]


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("schedule", [Constant(0.0), Switch(0), Constant(0.0099), DiminishUntil(0)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_task_without_weight_changes_nothing(kind: str, schedule: Schedule, validated: bool) -> None:
    task = _auxiliary(kind)
    single, multi = (_model([task], dropout=0.3) for _ in range(2))
    validation = [_topic(seed=2, n=9)] if validated else []
    alone = _fit(single, [], SINGLE_TASK, validation=validation)
    history = _fit(multi, [task], schedule, validation=validation)
    assert _same_parameters(single, multi)
    pd.testing.assert_frame_equal(_values(history), _values(alone), check_exact=True)
    assert list(_of(kind, history)) == ["epoch", "task", "role", "weight", "batches", "probe"]
    assert np.isnan(history.steps[kind]).all()


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
    expected = [primary_loss.item(), *(loss.item() for loss in losses)]
    assert history.task_frame()["loss"].tolist() == pytest.approx(expected, rel=1e-6)
    assert epoch["gradient_norm"] == pytest.approx(primary_norm.item(), rel=1e-6)


def test_training_is_a_plain_loop_bit_for_bit() -> None:
    """θ ← θ − η (∇L_primary + Σ_k γ_k(t) ∇L_k), with dropout, decaying weights and batches of each task's own."""
    rate, seed, epochs, size, epsilon = 0.3, 11, 4, 8, 0.2
    schedule = Diminish([1.0, 2.0], [0.5, 1.0])
    tasks = [_auxiliary("token"), _auxiliary("table")]
    model, reference, primary = _model(tasks, dropout=0.3), _model(tasks, dropout=0.3), _topic()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    options = {"optimizer": optimizer, "seed": seed, "epochs": epochs, "batch_size": size, "epsilon": epsilon}
    history = _fit(model, tasks, schedule, validation=[], **options)

    generators = [torch.Generator().manual_seed(seed + k) for k in range(3)]
    streams = [endless(task, size, generator) for task, generator in zip(tasks, generators[1:], strict=True)]
    steps: dict[str, list[float]] = {"topic": [], "token": [], "table": []}
    torch.manual_seed(seed)
    reference.train()
    for t in range(epochs):
        for words, lengths, targets in primary.batches(size, generators[0]):
            loss = cross_entropy(reference.heads["topic"](reference.encoder(words, lengths)), targets)
            loss.backward()
            steps["topic"].append(loss.item())
            for task, stream, weight in zip(tasks, streams, schedule.weights(t).tolist(), strict=True):
                if weight < epsilon:
                    steps[task.name].append(np.nan)
                    continue
                batch = next(stream)
                if task.name == "token":
                    logits = reference.heads["token"](reference.encoder(*batch[:2]))
                    loss = cross_entropy(logits.flatten(0, 1), batch[2].flatten())
                else:
                    loss = analogy_loss(reference.encoder.embedding.weight, *batch)
                (weight * loss).backward()
                steps[task.name].append(loss.item())
            with torch.no_grad():
                for parameter in reference.parameters():
                    parameter.add_(parameter.grad, alpha=-rate)
                    parameter.grad = None
    np.testing.assert_equal(dict(history.steps), steps)
    assert np.isfinite([steps["token"], steps["table"]]).sum(1).tolist() == [12, 9]  # e^−1.5 > 0.2 > 2 e^−3
    assert _same_parameters(model, reference)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_auxiliary_changes_what_it_should(kind: str) -> None:
    task = _auxiliary(kind)
    start, single, multi = _model([task]), _model([task]), _model([task])
    for model, auxiliaries, schedule in ((single, [], SINGLE_TASK), (multi, [task], Constant(1.0))):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        _fit(model, auxiliaries, schedule, optimizer=optimizer, epochs=1, batch_size=100)
    assert not torch.allclose(single.table, multi.table, atol=1e-5)
    lstm_differs = any(
        not torch.allclose(a, b, atol=1e-6)
        for a, b in zip(single.encoder.forwards.parameters(), multi.encoder.forwards.parameters(), strict=True)
    )
    assert lstm_differs == (kind != "table")
    if kind != "table":
        begun, trained = (dict(m.heads[kind].named_parameters()) for m in (start, multi))
        assert all(not torch.equal(begun[name], trained[name]) for name in begun)
    assert _same_parameters(single.heads["topic"], multi.heads["topic"])
    assert (multi.table[0] == 0).all()


def test_the_default_optimizer_is_adam() -> None:
    default, given = _model(), _model()
    _fit(default, [], SINGLE_TASK)
    _fit(given, [], SINGLE_TASK, optimizer=torch.optim.Adam(given.parameters(), lr=1e-3, fused=True))
    assert _same_parameters(default, given)
    moved = (default.table - _model().table).abs().max().item()
    assert 1e-3 < moved < 10e-3  # nine steps


# --- Schedules in training


@pytest.mark.parametrize(
    ("schedule", "active"),
    [
        (Constant(1.0), 20),
        (Constant(0.01), 20),
        (Constant(0.00999), 0),
        (Switch(7), 7),
        (Diminish(1.0, 0.3, 1.0), 16),
        (Diminish(1.0, math.log(2)), 7),
    ],
)
def test_a_task_below_epsilon_is_not_computed(schedule: Schedule, active: int) -> None:
    task = _RecordedTableTask("table", analogy_loss, [QUESTIONS])
    history = _fit(_model(hidden=2), [task], schedule, epochs=20, batch_size=12)
    assert len(task.trained) == 2 * active  # two steps an epoch
    rows = history.task_frame().query("task == 'table'")
    assert rows["weight"].tolist() == [schedule.weights(t).item() for t in range(20)]
    assert rows["loss"].notna().tolist() == [True] * active + [False] * (20 - active)
    assert rows["probe"].notna().all()  # also where it is no longer trained
    assert np.isnan(history.steps["table"]).tolist() == [False] * 2 * active + [True] * 2 * (20 - active)
    assert np.isfinite(history.steps["topic"]).all()


@pytest.mark.parametrize(("epsilon", "active"), [(0.0, 5), (0.5, 1), (0.3, 2), (2.0, 0)])
def test_epsilon_is_the_smallest_weight_computed(epsilon: float, active: int) -> None:
    task = _RecordedTableTask("table", analogy_loss, [QUESTIONS])
    _fit(_model(hidden=2), [task], Diminish(1.0, 1.0, 1.0), epochs=5, batch_size=100, epsilon=epsilon)
    assert len(task.trained) == active


def test_each_task_has_its_own_weight_batches_and_row() -> None:
    tasks = [_RecordedTableTask(name, analogy_loss, [QUESTIONS], size=2) for name in ("early", "late")]
    history = _fit(_model(hidden=2), tasks, Switch([1, 3], [0.5, 2.0]), epochs=4, batch_size=100)
    assert [len(task.trained) for task in tasks] == [1, 3]
    frame = history.task_frame()
    assert frame["epoch"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert frame["task"].tolist() == ["topic", "early", "late"] * 4
    assert frame["role"].tolist() == ["primary", "auxiliary", "auxiliary"] * 4
    weights, losses = (frame.pivot_table(name, "epoch", "task") for name in ("weight", "loss"))
    assert weights["topic"].tolist() == [1, 1, 1, 1]
    assert weights["early"].tolist() == [0.5, 0, 0, 0]
    assert weights["late"].tolist() == [2, 2, 2, 0]
    assert history.frame()["loss"].tolist() == pytest.approx((weights * losses.fillna(0)).sum(axis=1).tolist())


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
    history = _fit(_model(hidden=2), [_auxiliary("table")], Constant(1.0), epochs=2)
    frame = history.frame()
    assert frame["epoch"].tolist() == [0, 1]
    assert frame["steps"].tolist() == [3, 3]
    assert frame["examples"].tolist() == [EXAMPLES, EXAMPLES]
    assert frame["tokens"].tolist() == [sum(len(s) for s in SENTENCES)] * 2
    assert (frame["train_accuracy"] * EXAMPLES).tolist() == pytest.approx((frame["train_accuracy"] * 23).round())
    assert history.train_seconds == frame["train_seconds"].sum()
    assert set(frame.columns) == {
        *("epoch", "loss", "gradient_norm", "steps", "examples", "tokens", "primary_loss", "train_accuracy"),
        *("validation_loss", "validation_accuracy", "train_seconds", "cpu_seconds", "evaluation_seconds"),
    }
    assert set(_of("table", history)) == {"epoch", "task", "role", "weight", "batches", "loss", "probe"}


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
    primary, auxiliary = _fit(model, [task], Constant(1.0), validation=[validation], epochs=1).tasks
    held_out = evaluate(model, validation)
    assert (primary["validation_loss"], primary["validation_accuracy"]) == (held_out.loss, held_out.accuracy)
    assert auxiliary["probe"] == analogy_loss(model.table, QUESTIONS[:3]).item()


def test_auxiliary_tasks_are_evaluated_on_held_out_examples_too() -> None:
    token = _auxiliary("token")
    model, held_out = _model([token], hidden=2), TokenTask("token", SENTENCES[:5], [s % 2 for s in SENTENCES[:5]], "ab")
    history = _fit(model, [token], Constant(1.0), validation=[held_out], keep="last")
    rows, found = _of("token", history), evaluate(model, held_out)
    assert rows["validation_loss"].iloc[-1] == found.loss
    for name, score in held_out.scores(found).items():
        assert rows[f"validation_{name}"].iloc[-1] == score
    assert rows["train_accuracy"].between(0, 1).all()
    assert "validation_loss" not in _of("topic", history)
    assert history.best_epoch == 2  # there is nothing to choose by


def test_what_is_measured_after_an_epoch_joins_its_row() -> None:
    model, states = _model(hidden=2), []

    def measure(t: int) -> dict[str, float]:
        states.append(copy.deepcopy(model.state_dict()))
        return {"square": t**2, "norm": model.table.norm().item()}

    history = _fit(model, [], SINGLE_TASK, measure=measure, keep="last")
    assert history.epoch_frame()["square"].tolist() == [0, 1, 4]
    assert history.frame()["norm"].tolist() == [state["encoder.embedding.weight"].norm().item() for state in states]
    assert all(torch.equal(value, states[-1][name]) for name, value in model.state_dict().items())


def test_train_accuracy_is_a_share_of_labels() -> None:
    model = _model(hidden=2)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    (row,) = _fit(model, [], SINGLE_TASK, optimizer=still, epochs=1).tasks
    assert row["train_accuracy"] == pytest.approx(evaluate(model, _topic()).accuracy)

    tokens = TokenTask("topic", SENTENCES, [s % 2 for s in SENTENCES], ["even", "odd"])
    encoder = _encoder(hidden=2)
    model = Model(encoder, {"topic": tokens.head(encoder)})
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    (row,) = fit(model, tokens, [], SINGLE_TASK, validation=[tokens], optimizer=still, epochs=1, batch_size=8).tasks
    assert row["train_accuracy"] == pytest.approx(row["validation_accuracy"])
    assert row["validation_accuracy"] == evaluate(model, tokens).accuracy


def test_losses_are_means_over_steps() -> None:
    model = _model(hidden=2)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    primary = _topic(_RecordedSentenceTask)
    assert isinstance(primary, _RecordedSentenceTask)
    history = _fit(model, [], SINGLE_TASK, optimizer=still, epochs=1, primary=primary)
    with torch.no_grad():
        steps = [cross_entropy(model.heads["topic"](model.encoder(w, n)), t).item() for w, n, t in primary.trained]
    assert history.steps["topic"] == pytest.approx(steps, rel=1e-6)
    assert history.epochs[0]["loss"] == history.tasks[0]["loss"] == pytest.approx(np.mean(steps), rel=1e-6)


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
        model.table.requires_grad_(not frozen)
    alone = _values(_fit(single, [], SINGLE_TASK))
    history = _fit(multi, [kind("table", analogy_loss, [QUESTIONS])], Constant(10.0))
    together = _values(history)
    assert _same_parameters(single, multi)
    pd.testing.assert_frame_equal(together.drop(columns="loss"), alone.drop(columns="loss"), check_exact=True)
    expected = together["primary_loss"] + 10 * _of("table", history)["loss"]
    assert together["loss"].tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    assert (together["loss"] > alone["loss"] + 1).all()
    assert torch.equal(multi.table, _model().table) == frozen


# --- Best epoch, convergence, faults


def test_without_validation_the_model_ends_with_the_last_epoch() -> None:
    # The primary task sees the same batches whether or not there is a validation set: its last state is the reference.
    validation, model, validated = _Scripted([4, 3, 2]), _model(dropout=0.3), _model(dropout=0.3)
    _fit(validated, [], SINGLE_TASK, validation=[validation])
    history = _fit(model, [], SINGLE_TASK, validation=[])
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
    ("right", "keep", "best"),
    [
        ([1, 3, 3, 2], "best", 1),
        ([4, 3, 2, 4], "best", 0),
        ([0, 1, 2, 3], "best", 3),
        ([0, 0, 0, 0], "best", 0),
        ([4, 3, 2, 1], "last", 3),
    ],
)
def test_the_model_ends_with_the_first_best_epoch_or_the_last(right: list[int], keep: str, best: int) -> None:
    validation, model = _Scripted(right), _model()
    history = _fit(model, [], SINGLE_TASK, validation=[validation], epochs=4, keep=keep)
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

    with pytest.raises(ValueError, match=rf"the loss became {fault} in epoch 1, that of table: lower the learning"):
        _fit(_model(hidden=2), [TableTask("table", loss, [QUESTIONS])], Constant(1.0), batch_size=100)


def test_a_total_that_is_not_finite_though_every_loss_is_names_no_task() -> None:
    model, task = _model(hidden=2), TableTask("table", lambda table, rows: 1e30 + 0 * table[rows].sum(), [QUESTIONS])
    with pytest.raises(ValueError, match="the loss became inf in epoch 0: lower the learning rate"):
        _fit(model, [task], Constant(1e30))


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
    assert result.lengths.tolist() == [1] * EXAMPLES


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
    assert result.lengths.tolist() == [len(s) for s in SENTENCES]
    assert result.loss == pytest.approx(cross_entropy(logits, targets).item(), rel=1e-5)


@pytest.mark.parametrize("batch_size", [4, 256])
def test_a_loss_by_sentence_is_evaluated_by_sentence(batch_size: int) -> None:
    task = TokenTask("token", SENTENCES, [s % 2 for s in SENTENCES], ["even", "odd"], by_sentence=True)
    model = _model([task])
    with torch.no_grad():
        logits = [model.heads["token"](model.encoder(s[None], torch.tensor([len(s)])))[0] for s in SENTENCES]
    losses = [cross_entropy(of_one, s % 2).item() for of_one, s in zip(logits, SENTENCES, strict=True)]
    assert evaluate(model, task, batch_size).loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_training_learns_the_primary_task() -> None:
    model = _model()
    before = evaluate(model, _topic()).loss
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    history = _fit(model, [_auxiliary("table")], Constant(0.1), optimizer=optimizer, epochs=15, validation=[_topic()])
    assert evaluate(model, _topic()).accuracy == 1.0
    assert evaluate(model, _topic()).loss < 0.5 * before
    assert _of("table", history)["probe"].iloc[-1] < _of("table", history)["probe"].iloc[0]


# --- One task a step


def test_where_a_task_was_not_drawn_its_loss_is_nan() -> None:
    tasks = [_auxiliary("token"), _auxiliary("table")]
    history = _fit(_model(tasks), tasks, Switch([2, 1]), sampling=Uniform, steps=12, epochs=3)
    steps = pd.DataFrame(history.steps)
    assert list(steps) == ["topic", "token", "table"]
    assert (steps.notna().sum(axis=1) == 1).all()
    drawn = steps.notna().groupby(np.arange(36) // 12).sum()
    assert (drawn.loc[0] > 0).all()
    assert drawn["token"].tolist()[2] == drawn["table"].tolist()[1] == drawn["table"].tolist()[2] == 0
    assert drawn["topic"].tolist()[2] == 12  # whose steps are the primary task's
    frame = history.task_frame()
    for name in steps:
        means = steps[name].groupby(np.arange(36) // 12).mean()
        assert frame.loc[frame["task"] == name, "loss"].tolist() == pytest.approx(means.tolist(), nan_ok=True)
    assert history.frame()["steps"].tolist() == [12, 12, 12]
    assert history.frame()["examples"].iloc[2] > history.frame()["examples"].iloc[0]  # of the primary task alone


def test_two_tasks_learn_by_turns_as_in_the_study_of_pairs() -> None:
    """Random batches, losses by sentence, Adadelta; one task reads states that have not seen the words to come."""
    sentences = _sentences(60, seed=4)

    def task(name: str, parts: slice) -> TokenTask:
        tags = [(s > 10).long() if name == "spans" else s % 3 for s in sentences[parts]]
        classes = ["O", "B-LARGE"] if name == "spans" else ["a", "b", "c"]
        options = {"with_replacement": True, "by_sentence": True, "ahead": name == "ahead"}
        return TokenTask(name, sentences[parts], tags, classes, **options)

    tasks, held_out = ([task(name, parts) for name in ("spans", "ahead")] for parts in (slice(40), slice(40, 60)))
    model = _model(tasks)
    shared = [parameter for parameter in model.shared() if parameter is not model.table]

    def compared(t: int) -> dict[str, float]:
        generator = torch.Generator().manual_seed(t)
        losses = [task.loss(model, next(task.batches(16, generator))) for task in tasks]
        return {"cosine": cosine(*losses, shared)}

    options = {"optimizer": OPTIMIZERS["adadelta"](model, 1.0, 0.0), "sampling": Uniform, "steps": 40, "epochs": 8}
    options |= {"validation": held_out, "keep": "last", "measure": compared}
    history = _fit(model, tasks[1:], Constant(1.0), primary=tasks[0], **options)
    assert history.best_epoch == 7
    assert history.epoch_frame()["cosine"].between(-1, 1).all()
    for name in ("spans", "ahead"):
        rows = _of(name, history)
        assert rows[["validation_f1", "validation_accuracy"]].iloc[-1].min() > 0.95  # a word tells its tag
        assert rows["loss"].iloc[-1] < 0.3 * rows["loss"].iloc[0]


def test_an_epoch_in_which_the_primary_task_was_not_drawn_says_nothing_of_its_gradient() -> None:
    class Auxiliary(Uniform):
        def start(self) -> None:
            super().start()
            self.drawn = iter([torch.ones(2, dtype=torch.long), torch.zeros(2, dtype=torch.long)])

    task = _auxiliary("token")
    check = CheckConvergence(1e-6)
    history = _fit(_model([task]), [task], Constant(1.0), sampling=Auxiliary, steps=2, epochs=2, convergence=check)
    assert np.isnan(history.frame()["gradient_norm"]).tolist() == [True, False]
    assert np.isnan(history.frame()["primary_loss"]).tolist() == [True, False]


def test_steps_limit_an_epoch() -> None:
    token = _auxiliary("token")
    history = _fit(_model([token]), [token], Constant(1.0), sampling=Together, steps=2)
    assert history.frame()["steps"].tolist() == [2, 2, 2]
    assert history.frame()["examples"].sum() == 2 * EXAMPLES  # six batches of a pass of three
    assert {name: len(losses) for name, losses in history.steps.items()} == {"topic": 6, "token": 6}


def test_row_by_row_adadelta_trains_as_the_dense_one() -> None:
    """Whatever gradient a step has: sparse of text, dense of a loss on the table, or the sum of both."""
    tasks, frames, models = [_auxiliary("token"), _auxiliary("table")], [], []
    for by_rows in (True, False):
        for sampling, schedule in ((Together, Switch([3, 1])), (Uniform, Switch(2))):
            model = _model(tasks).double()
            dense = torch.optim.Adadelta(model.parameters(), lr=1.0, rho=0.95, eps=1e-6)
            optimizer = OPTIMIZERS["adadelta"](model, 1.0, 0.0) if by_rows else dense
            model.encoder.embedding.sparse = by_rows
            history = _fit(model, tasks, schedule, optimizer=optimizer, sampling=sampling, keep="last", steps=8)
            frames.append(_values(history))
            models.append(model)
    for k in range(2):
        pd.testing.assert_frame_equal(frames[k], frames[k + 2], rtol=1e-6)
        for one, other in zip(models[k].parameters(), models[k + 2].parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


# --- Encoders and tasks of one's own


class _Dense(Encoder):
    """A word's state depends on the word alone."""

    def __init__(self, table: Tensor, hidden: int, dropout: float = 0.0, readout: str = "") -> None:
        super().__init__(table, hidden, dropout, readout)
        self.linear = nn.Linear(table.shape[1], hidden)
        self.size = hidden

    def states(self, vectors: Tensor, lengths: Tensor) -> Encoded:
        return Encoded(self.linear(vectors).tanh(), lengths, self.readout)


@pytest.mark.parametrize("kind", [*ENCODERS.values(), _Dense])
def test_every_encoder_learns_sentence_token_and_table_tasks(kind: type[Encoder]) -> None:
    tasks = [_auxiliary("token"), _auxiliary("table")]
    model = _model(tasks, kind=kind)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    history = _fit(model, tasks, Constant(1.0), optimizer=optimizer, epochs=15, validation=[_topic(), tasks[0]])
    rows = history.task_frame()
    for name in ("topic", "token"):
        accuracies = rows.loc[rows["task"] == name, "validation_accuracy"]
        assert accuracies.iloc[-1] > 0.9
    probes = _of("table", history)["probe"]
    assert probes.iloc[-1] < 0.5 * probes.iloc[0]


class _Alone(nn.Module):
    """An encoder that keeps to `SharedEncoder` and inherits nothing: a word's state is a layer of its vector."""

    size, one_way = 16, 0

    def __init__(self, table: Tensor, hidden: int, dropout: float) -> None:
        super().__init__()
        self.vectors, self.dropout = nn.Parameter(table.clone()), nn.Dropout(dropout)
        self.linear = nn.Linear(table.shape[1], hidden)

    @property
    def table(self) -> Tensor:
        return self.vectors

    def forward(self, words: Tensor, lengths: Tensor) -> Encoded:
        return Encoded(self.linear(self.table[words]).tanh(), lengths, "mean")


def test_an_encoder_is_whatever_keeps_to_the_protocol() -> None:
    encoder: SharedEncoder = _Alone(_encoder().table.detach(), 16, 0.0)
    tasks = [_auxiliary("token"), _auxiliary("table")]
    assert isinstance(encoder, nn.Module)
    model = Model.of(encoder, [_topic(), *tasks])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    history = _fit(model, tasks, Constant(1.0), optimizer=optimizer, epochs=15, validation=[_topic()])
    assert history.frame()["validation_accuracy"].max() > 0.9
    assert _of("table", history)["probe"].iloc[-1] < 0.5 * _of("table", history)["probe"].iloc[0]
    with pytest.raises(ValueError, match="_Alone has no states that have not seen the words to come"):
        _auxiliary("language-model").head(encoder)


UPPER = (torch.arange(36).reshape(1, 6, 6) < 18).float()
LEFT = UPPER.transpose(1, 2)


class _Pictures(LabelledTask):
    """Noisy pictures (N, 1, 6, 6) of which one half is bright; no text in sight."""

    def __init__(self, name: str, half: Tensor, n: int, seed: int) -> None:
        self.name, self.classes, self.targets = name, ("bright", "dark"), torch.arange(n) % 2
        noise = torch.randn(n, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
        self.pictures = noise + 2 * torch.where(self.targets[:, None, None, None] == 0, half, 1 - half)

    def head(self, encoder: nn.Module) -> nn.Module:
        return nn.Linear(encoder.size, len(self.classes))

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        n = len(self.targets)
        order = torch.arange(n) if generator is None else torch.randperm(n, generator=generator)
        for rows in order.split(size):
            yield self.pictures[rows], self.targets[rows]


class _Patches(nn.Module):
    """An encoder of pictures, of no kind that this package knows."""

    size = 12

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, 3, stride=3)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.convolution(pictures).relu().flatten(1)


@pytest.mark.parametrize("sampling", SAMPLINGS.values())
def test_a_task_that_is_no_text_at_all_is_a_primary_task(sampling: type[Sampling]) -> None:
    torch.manual_seed(0)
    primary, held_out = (_Pictures("height", UPPER, 41, seed) for seed in (1, 2))
    auxiliary = _Pictures("side", LEFT, 30, seed=3)
    encoder = _Patches()
    model = Model.of(encoder, (primary, auxiliary))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    options = {"validation": [held_out], "optimizer": optimizer, "sampling": sampling}
    history = fit(model, primary, [auxiliary], Switch(8), epochs=12, batch_size=8, **options)
    frame = history.frame()
    assert frame["validation_accuracy"].max() > 0.9
    assert "tokens" not in frame
    assert (frame["examples"] == 41).all() or sampling is not Together
    found = evaluate(model, held_out, batch_size=7)
    with torch.no_grad():
        logits = model.heads["height"](encoder(held_out.pictures))
    assert found.predictions.tolist() == logits.argmax(1).tolist()
    assert found.targets.tolist() == held_out.targets.tolist()
    assert found.loss == pytest.approx(cross_entropy(logits, held_out.targets).item(), rel=1e-5)
    assert found.accuracy == frame["validation_accuracy"][history.best_epoch]
    side = _of("side", history)
    assert side["loss"].notna().sum() == 8
    assert side["probe"].iloc[7] < side["probe"].iloc[0]


# --- Checkpoints


def test_the_best_epoch_of_each_phase_and_the_last_are_kept() -> None:
    tasks = [_auxiliary("token")]
    model = _model(tasks)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    history = _fit(model, tasks, Switch(4), epochs=12, optimizer=optimizer)
    accuracies = history.frame()["validation_accuracy"]
    assert list(history.checkpoints) == ["phase 1", "phase 2", "last"]
    assert history.checkpoints["phase 1"].epoch == accuracies[:4].argmax()
    assert history.checkpoints["phase 2"].epoch == 4 + accuracies[4:].argmax()
    assert history.checkpoints["last"].epoch == 11
    assert history.best_epoch == accuracies.argmax()
    held_out = _topic(seed=2, n=9)
    for checkpoint in history.checkpoints.values():
        again = _model(tasks)
        again.load_state_dict(checkpoint.state)
        assert evaluate(again, held_out).accuracy == accuracies[checkpoint.epoch]
    assert evaluate(model, held_out).accuracy == accuracies.max()


def test_auxiliary_tasks_first_are_two_trainings_one_after_the_other() -> None:
    auxiliary = _auxiliary("sentence")
    model, again = _model([auxiliary]), _model([auxiliary])
    history = _fit(model, [auxiliary], AuxiliaryFirst(2), epochs=4)
    rows = history.task_frame().set_index(["task", "epoch"])
    assert rows.loc["topic", "loss"].isna().tolist() == [True, True, False, False]
    assert rows.loc["sentence", "loss"].isna().tolist() == [False, False, True, True]
    assert rows.loc["topic", "weight"].tolist() == [0, 0, 1, 1]
    assert history.best_epoch >= 2
    assert {name: found.epoch // 2 for name, found in history.checkpoints.items()} == {"phase 2": 1, "last": 1}

    # By hand: the auxiliary task's batches as in any other run, then the primary task with a new optimiser.
    sampler = Together([_topic(), auxiliary], 8, 4, None, 0)
    for active in ([1], [0]):
        optimizer = torch.optim.Adam(again.parameters(), lr=1e-3, fused=True)
        for _ in range(2):
            for ((k, batch),) in sampler.epoch(active, [1.0] * 3):
                optimizer.zero_grad()
                [_topic(), auxiliary][k].loss(again, batch).backward()
                optimizer.step()
    last = history.checkpoints["last"].state
    assert all(torch.equal(value, last[name]) for name, value in again.state_dict().items())


def test_weights_of_draws_say_how_often_a_task_is_trained_and_not_how_much_its_loss_counts() -> None:
    auxiliary, schedule = _auxiliary("sentence"), DiminishUntil(3, 0.5, 1.0)
    options: dict[str, Any] = {"sampling": Equal, "weigh": "draws", "epochs": 4, "steps": 400}
    model = _model([auxiliary])
    history = _fit(model, [auxiliary], schedule, optimizer=torch.optim.SGD(model.parameters(), lr=0.0), **options)
    rows = history.task_frame().set_index(["task", "epoch"])
    for t in range(4):
        weight = float(schedule.weights(t))
        trained = int(np.isfinite(history.steps["sentence"][400 * t : 400 * (t + 1)]).sum())
        assert rows.loc[("sentence", t), "weight"] == pytest.approx(weight)
        assert stats.binomtest(trained, 400, weight / (1 + weight)).pvalue > 1e-3
        losses = np.nansum([history.steps[name][400 * t : 400 * (t + 1)] for name in ("topic", "sentence")], axis=0)
        assert history.epochs[t]["loss"] == pytest.approx(losses.mean(), rel=1e-5)
    with pytest.raises(ValueError, match="Together does not draw tasks by their weights"):
        _fit(_model([auxiliary]), [auxiliary], schedule, weigh="draws")
    with pytest.raises(ValueError, match="weigh must be losses or draws, got 'both'"):
        _fit(_model([auxiliary]), [auxiliary], schedule, weigh="both")


def test_learned_weights_look_at_held_out_examples_and_at_what_tasks_share() -> None:
    model, auxiliaries = _both()
    held_out = SentenceTask("topic", _sentences(9, seed=5), torch.arange(9) % 2, ["a", "b"])
    learned = gradients.Learned()
    fit(model, _topic(), auxiliaries, Constant(1.0), epochs=1, validation=[held_out], aggregator=learned, batch_size=9)
    assert learned.look is not None
    found = learned.look()
    model.zero_grad()
    held_out.loss(model, next(held_out.batches(9, None))).backward()
    torch.testing.assert_close(found, gradients.take(model.shared()))


def test_post_training_goes_on_from_the_best_epoch_at_a_lower_rate() -> None:
    auxiliary = _auxiliary("sentence")
    options: dict[str, Any] = {"epochs": 6, "batch_size": 8}
    joint, model = _model([auxiliary]), _model([auxiliary])
    best = _fit(joint, [auxiliary], Constant(1.0), **options | {"epochs": 4}).best
    rates, starts = [], []

    def measure(t: int) -> dict[str, float]:
        rates.append(optimizer.param_groups[0]["lr"])
        starts.append(optimizer.state[next(model.parameters())]["step"].item())
        return {}

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    torch.manual_seed(0)
    history = _fit(model, [auxiliary], PostTraining(4, 1.0, 0.1), optimizer=optimizer, measure=measure, **options)
    assert rates == pytest.approx([1e-3] * 4 + [1e-4] * 2)
    assert starts == [3, 6, 9, 12, 3, 6]  # steps of the optimiser: it forgets
    assert history.checkpoints["phase 1"].epoch == best.epoch
    moved = _fit(joint, [], SINGLE_TASK, epochs=1, optimizer=torch.optim.SGD(joint.parameters(), lr=0.0))
    assert moved.frame()["validation_loss"][0] == pytest.approx(
        history.frame()["validation_loss"][best.epoch], abs=1e-6
    )


def test_a_schedule_that_decides_by_validation_is_told_what_was_seen() -> None:
    auxiliary, schedule = _auxiliary("sentence"), FeedbackSwitch(patience=1)
    history = _fit(_model([auxiliary]), [auxiliary], schedule, epochs=6)
    rows = history.task_frame().set_index(["task", "epoch"])
    seen = rows.loc["topic", "validation_accuracy"].tolist()
    expected = [float(schedule.informed(t, Feedback(seen[:t]))) for t in range(6)]
    assert rows.loc["sentence", "weight"].tolist() == expected
    assert 0 < sum(expected) < 6  # it did switch
    switch = expected.index(0)
    assert history.decisions == [(switch, schedule.reason(switch, Feedback(seen)))]
    trained = rows.loc["sentence", "loss"].notna().tolist()
    assert trained == [weight > 0 for weight in expected]
    with pytest.raises(ValueError, match="FeedbackSwitch needs validation examples of topic"):
        _fit(_model([auxiliary]), [auxiliary], schedule, validation=[])


def test_patience_counts_from_a_switch_that_validation_decides() -> None:
    auxiliary = _auxiliary("sentence")
    options: dict[str, Any] = {"epochs": 30, "patience": 2}
    history = _fit(_model([auxiliary]), [auxiliary], FeedbackSwitch(patience=2), **options)
    weights = history.task_frame().set_index(["task", "epoch"]).loc["sentence", "weight"].tolist()
    switched = weights.index(0)
    assert len(history.epochs) == max(history.best_epoch, switched) + 3 < 30


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (AuxiliaryFirst(2, gamma=0.0), "the schedule trains no task in epoch 0"),
        (AuxiliaryFirst(3), "the schedule trains the primary task in none of 3 epochs"),
    ],
)
def test_a_schedule_that_trains_nothing_is_refused(schedule: Schedule, message: str) -> None:
    auxiliary = _auxiliary("sentence")
    with pytest.raises(ValueError, match=message):
        _fit(_model([auxiliary]), [auxiliary], schedule)


def test_without_validation_there_are_no_checkpoints() -> None:
    assert _fit(_model(), [], SINGLE_TASK, validation=[]).checkpoints == {}
    assert _fit(_model(), [], SINGLE_TASK, keep="last").checkpoints == {}


# --- Schedules of one's own, patience and class weights


class _Halving:
    """A schedule that knows nothing of this package."""

    def __init__(self, first: Any) -> None:
        self.first = first

    def weights(self, t: float) -> Any:
        return self.first if t == 0 else 0.5


@pytest.mark.parametrize("first", [1, 1.0, [1.0], torch.tensor(1.0), torch.tensor([1.0])])
def test_a_schedule_is_anything_with_weights(first: Any) -> None:
    tasks = [_auxiliary("table")]
    history = _fit(_model(tasks), tasks, _Halving(first))
    assert _of("table", history)["weight"].tolist() == [1.0, 0.5, 0.5]
    by_value = _fit(_model(tasks), tasks, Diminish(1.0, math.log(2), 1e-9))  # 1, then about 0.5
    assert history.frame()["loss"].tolist() == pytest.approx(by_value.frame()["loss"].tolist(), rel=1e-4)


@pytest.mark.parametrize("first", [-1.0, math.nan, math.inf])
def test_weights_that_cannot_be_are_refused(first: float) -> None:
    tasks = [_auxiliary("table")]
    with pytest.raises(ValueError, match=rf"finite and at least 0, the schedule has \[{first}\] in epoch 0"):
        _fit(_model(tasks), tasks, _Halving(first))


def _frozen() -> tuple[Model, torch.optim.Optimizer]:
    """A model that never gets better, so that its best epoch is the first."""
    model = _model([_auxiliary("table")])
    return model, torch.optim.SGD(model.parameters(), lr=0.0)


@pytest.mark.parametrize(
    ("schedule", "epochs"),
    [
        (Constant(1.0), 4),  # epoch 0 and three that are no better
        (Switch(5), 9),  # three after the switch at t = 5
        (Switch(50), 4),  # never switches
        (Diminish(1.0, 1.0), 9),  # below epsilon from t = 5 on
    ],
)
def test_patience_counts_from_the_last_change_of_tasks(schedule: Schedule, epochs: int) -> None:
    model, optimizer = _frozen()
    history = _fit(model, [_auxiliary("table")], schedule, optimizer=optimizer, epochs=20, patience=3)
    assert len(history.epochs) == epochs
    assert history.best_epoch == 0


def test_patience_keeps_the_best_epoch_of_a_run_without() -> None:
    def run(patience: int | None) -> History:
        model = _model()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        return _fit(model, [], SINGLE_TASK, optimizer=optimizer, epochs=30, patience=patience)

    long = run(None)
    short = run(long.best_epoch + 1)
    assert short.best_epoch == long.best_epoch
    assert len(short.epochs) == 2 * long.best_epoch + 2 < 30


def test_parameters_that_became_infinite_are_refused() -> None:
    tasks = [_auxiliary("token")]
    model = _model(tasks)
    model.heads["token"].linear.bias.data[0] = torch.inf  # of a task that is not trained: the loss stays finite
    with pytest.raises(ValueError, match=r"heads\.layers\.1\.linear\.bias became infinite or nan: lower the learning"):
        _fit(model, [], SINGLE_TASK, epochs=1)


def test_balanced_classes_count_alike() -> None:
    sentences, targets = SENTENCES[:10], torch.tensor([0] * 8 + [1] * 2)
    task = SentenceTask("topic", sentences, targets, ["often", "seldom", "never"], balanced=True)
    assert task.class_weights is not None
    weights = compute_class_weight("balanced", classes=np.array([0, 1]), y=targets.numpy()) * 2 / 3
    assert task.class_weights.tolist() == pytest.approx([*weights, 0])
    logits = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    by_class = [cross_entropy(logits[targets == c], targets[targets == c]) for c in (0, 1)]
    torch.testing.assert_close(task.mean_loss(logits, targets), sum(by_class) / 2)


# --- Errors


@pytest.mark.parametrize(
    ("auxiliaries", "options", "message"),
    [
        (("table", "table"), {}, "different names"),
        ((), {"epochs": 0}, "epochs .* 0"),
        ((), {"patience": 0}, "patience .* 0"),
        ((), {"patience": 1, "validation": []}, "patience needs validation examples of topic"),
        (("token",), {"validation": [_auxiliary("token"), _auxiliary("sentence")]}, "sentence; the tasks are topic, t"),
        ((), {"validation": [_topic(), _topic(seed=2)]}, "tasks of validation need different names, got topic, topic"),
        (("token",), {"sampling": Uniform, "aggregator": gradients.gate}, "aggregator .* no effect with sampling Uni"),
        (("token",), {"sampling": Equal, "balance": Balance(nn.Identity())}, "balance .* no effect with sampling Eq"),
    ],
)
def test_what_cannot_be_trained_is_refused(auxiliaries: tuple[str, ...], options: dict[str, Any], message: str) -> None:
    tasks = [_auxiliary(kind) for kind in auxiliaries]
    with pytest.raises(ValueError, match=message):
        _fit(_model(tasks), tasks, Constant([1.0] * len(tasks)), **options)


def test_one_convergence_check_serves_two_trainings() -> None:
    check = CheckConvergence(1e9, patience=2)
    assert [len(_fit(_model(), [], SINGLE_TASK, epochs=5, convergence=check).epochs) for _ in range(2)] == [2, 2]


# --- aggregators of gradients


def _both() -> tuple[Model, list[Task]]:
    auxiliaries = [_auxiliary("token"), _auxiliary("sentence")]
    return _model(auxiliaries), auxiliaries


def test_with_the_sum_as_aggregator_training_is_as_without_one() -> None:
    histories = []
    for aggregator in (None, gradients.total):
        model, auxiliaries = _both()
        histories.append(fit(model, _topic(), auxiliaries, Constant([0.5, 2.0]), epochs=3, aggregator=aggregator))
    plain, summed = (history.task_frame() for history in histories)
    columns = ["weight", "loss", "probe"]
    pd.testing.assert_frame_equal(plain[columns], summed[columns], rtol=1e-4)
    assert {"cosine", "conflicts", "size"}.isdisjoint(plain.columns)
    norms = [history.epoch_frame()["gradient_norm"] for history in histories]
    pd.testing.assert_series_equal(*norms, rtol=1e-4)


def test_how_gradients_stand_to_the_primary_one_is_recorded_by_epoch_and_task() -> None:
    model, auxiliaries = _both()
    still = copy.deepcopy(model)
    whole = 2 * EXAMPLES  # one step an epoch
    history = fit(
        model, _topic(), auxiliaries, Constant([0.5, 2.0]),
        epochs=1, batch_size=whole, aggregator=gradients.total,
    )  # fmt: skip
    losses = [task.loss(still, next(task.batches(whole, None))) for task in (_topic(), *auxiliaries)]
    norms = [torch.cat([g.flatten() for g in torch.autograd.grad(loss, still.shared(), retain_graph=True)]).norm()
             for loss in losses]  # fmt: skip
    rows = history.task_frame().set_index("task")
    for k, (task, weight) in enumerate(zip(auxiliaries, (0.5, 2.0), strict=True), 1):
        expected = cosine(losses[0], losses[k], still.shared())
        assert rows.loc[task.name, "cosine"] == pytest.approx(expected, rel=1e-3)
        assert rows.loc[task.name, "conflicts"] == float(expected < 0)
        assert rows.loc[task.name, "size"] == pytest.approx(weight * float(norms[k] / norms[0]), rel=1e-3)
    assert rows.loc["topic", ["cosine", "conflicts", "size"]].isna().all()


def test_an_aggregator_is_asked_only_where_the_primary_task_stands_beside_another() -> None:
    for schedule, joint in [(Switch(2), 2), (AuxiliaryFirst(2), 0), (SINGLE_TASK, 0)]:
        asked = []

        def watch(rows: Tensor, asked: list[int] = asked) -> Tensor:
            asked.append(len(rows))
            return gradients.gate(rows)

        model, auxiliaries = _both()
        tasks = auxiliaries if schedule is not SINGLE_TASK else []
        history = fit(model, _topic(), tasks, schedule, epochs=4, aggregator=watch)
        steps = int(history.epoch_frame()["steps"].iloc[0])
        assert asked == [3] * (joint * steps)


def test_of_a_gated_task_only_its_own_head_is_trained() -> None:
    def primary_alone(rows: Tensor) -> Tensor:
        return rows[0]

    model, auxiliaries = _both()
    alone = copy.deepcopy(model)
    fit(model, _topic(), auxiliaries, Constant(1.0), epochs=2, aggregator=primary_alone)
    fit(alone, _topic(), [], SINGLE_TASK, epochs=2)
    for mine, theirs in zip(model.shared(), alone.shared(), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert not torch.equal(model.heads["token"].linear.weight, alone.heads["token"].linear.weight)


def test_training_with_an_aggregator_repeats_itself_bit_for_bit() -> None:
    states = []
    for _ in range(2):
        model, auxiliaries = _both()
        learned = gradients.aggregator("learned", 2)
        fit(model, _topic(), auxiliaries, Diminish(), epochs=3, validation=[_topic()], aggregator=learned)
        states.append(model.state_dict())
    assert all(torch.equal(one, states[1][name]) for name, one in states[0].items())
