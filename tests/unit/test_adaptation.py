import copy
import math

import pytest
import torch

from mt2st.adaptation import CheckConvergence, Frozen, relevance
from mt2st.models import BiLSTM, Model
from mt2st.schedules import Transition
from mt2st.tasks import SentenceTask, TokenTask
from mt2st.training import fit


def after_each_epoch(check: CheckConvergence, norms: list[float]) -> list[bool]:
    return [check(norms[: epoch + 1]) for epoch in range(len(norms))]


def test_converges_in_the_first_epoch_below_the_tolerance() -> None:
    assert after_each_epoch(CheckConvergence(0.5), [2.0, 0.6, 0.5, 0.49]) == [False, False, False, True]


def test_patience_asks_for_epochs_in_a_row() -> None:
    norms = [0.5, 0.5, 1.5, 0.5, 0.5, 0.5, 0.5]
    expected = [False, False, False, False, False, True, True]
    assert after_each_epoch(CheckConvergence(1.0, patience=3), norms) == expected


def test_a_gradient_that_is_no_number_has_not_converged() -> None:
    norms = [0.5, math.nan, 0.5, 0.5]
    assert after_each_epoch(CheckConvergence(1.0, patience=2), norms) == [False, False, False, True]


@pytest.mark.parametrize("tolerance", [0.0, -1.0, math.nan])
def test_tolerance_must_be_positive(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance must be above 0"):
        CheckConvergence(tolerance)


def test_patience_must_be_at_least_one() -> None:
    with pytest.raises(ValueError, match="patience must be at least 1, got 0"):
        CheckConvergence(1.0, patience=0)


# --- freezing dimensions

SENTENCES = [torch.randint(2, 12, (5,), generator=torch.Generator().manual_seed(i)) for i in range(10)]


def task_and_model(dropout: float = 0.0) -> tuple[SentenceTask, Model]:
    torch.manual_seed(0)
    task = SentenceTask("topic", SENTENCES, torch.arange(10) % 2, ["a", "b"])
    return task, Model.of(BiLSTM(torch.randn(12, 6), hidden=4, dropout=dropout), [task])


def test_relevance_is_the_change_of_the_loss_when_a_dimension_is_scaled() -> None:
    task, model = task_and_model(dropout=0.5)
    found = relevance(model, task, batch_size=5)
    assert all(parameter.grad is None for parameter in model.parameters())
    model.double()
    batches = list(task.batches(5, None))

    def mean_loss(dimension: int, scale: float) -> float:
        scaled = copy.deepcopy(model)
        scaled.table.data[:, dimension] *= scale
        with torch.no_grad():
            return sum(task.loss(scaled, batch).item() for batch in batches) / len(batches)

    step = 1e-5
    slopes = [(mean_loss(j, 1 + step) - mean_loss(j, 1 - step)) / (2 * step) for j in range(6)]
    assert found.tolist() == pytest.approx([abs(slope) for slope in slopes], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.Adadelta])
def test_frozen_dimensions_stay_bit_for_bit_and_so_does_their_state(kind: type[torch.optim.Optimizer]) -> None:
    task, model = task_and_model()
    optimizer = kind(model.parameters(), lr=0.1, weight_decay=0.01)  # type: ignore[call-arg]

    def step() -> None:
        optimizer.zero_grad()
        task.loss(model, next(task.batches(10, None))).backward()
        optimizer.step()

    def tensors() -> list[torch.Tensor]:
        states = [value for value in optimizer.state[model.table].values() if isinstance(value, torch.Tensor)]
        return [model.table.detach(), *(state for state in states if state.shape == model.table.shape)]

    step()
    before = [tensor.clone() for tensor in tensors()]
    frozen = Frozen(model, torch.tensor([1, 4]), optimizer)
    for _ in range(3):
        step()
        frozen.restore()
    assert len(before) == 3  # the table and two moments
    for old, new in zip(before, tensors(), strict=True):
        assert torch.equal(old[:, [1, 4]], new[:, [1, 4]])
        assert (old[:, [0, 2, 3, 5]] != new[:, [0, 2, 3, 5]]).any(dim=0).all()


def test_the_least_relevant_dimensions_are_frozen_at_the_switch() -> None:
    task, model = task_and_model()
    other = TokenTask("thirds", SENTENCES, [s % 3 for s in SENTENCES], ["a", "b", "c"])
    model = Model.of(model.encoder, [task, other])
    tables = []

    def watch(t: int) -> dict[str, float]:
        tables.append(model.table.detach().clone())
        if t == 1:
            tables.append(relevance(model, task, batch_size=5))
        return {}

    rates: list[float] = []
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    optimizer.register_step_post_hook(lambda one, *_: rates.append(one.param_groups[0]["lr"]))
    schedule = Transition(2, learning_rate=0.3, freeze=0.5)
    fit(model, task, [other], schedule, epochs=4, batch_size=5, optimizer=optimizer, measure=watch)
    _, second, found, third, last = tables
    kept = found.argsort()[:3]
    moved = found.argsort()[3:]
    for table in (third, last):
        assert torch.equal(table[:, kept], second[:, kept])
        assert (table[:, moved] != second[:, moved]).any(dim=0).all()
    assert rates == pytest.approx([0.1] * 4 + [0.03] * 4)
