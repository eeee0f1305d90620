"""Balances of losses, beside TorchJD's scalarizers used as their own documents say."""

import copy
import sys

import pytest
import torch
from torch import Tensor
from torchjd import scalarization

from mt2st.balancing import SCALARIZERS, Balance
from mt2st.models import BiLSTM, Model
from mt2st.schedules import Constant, Switch
from mt2st.tasks import SentenceTask, Task, TokenTask
from mt2st.training import fit

SENTENCES = [torch.arange(2, 6), torch.arange(4, 9), torch.arange(3, 8), torch.arange(2, 9)]


def tasks_and_model() -> tuple[list[Task], Model]:
    """Return two tasks on four sentences, with a model for both."""
    torch.manual_seed(0)
    tasks: list[Task] = [
        SentenceTask("topic", SENTENCES, torch.arange(4) % 2, ["a", "b"]),
        TokenTask("thirds", SENTENCES, [s % 3 for s in SENTENCES], ["a", "b", "c"]),
    ]
    return tasks, Model.of(BiLSTM(torch.randn(9, 4), hidden=3), tasks)


def losses_of(tasks: list[Task], model: Model) -> Tensor:
    return torch.stack([task.loss(model, next(task.batches(4, None))) for task in tasks])


@pytest.mark.parametrize("name", SCALARIZERS)
def test_factors_are_the_derivatives_of_the_scalarizer(name: str) -> None:
    balance, plain = Balance.named(name, 3), SCALARIZERS[name](scalarization, 3)
    values = torch.tensor([0.7, 1.5, 0.2], requires_grad=True)
    plain(values).backward()
    assert balance.factors(list(values)) == pytest.approx(values.grad.tolist())  # type: ignore[union-attr]


@pytest.mark.parametrize("name", SCALARIZERS)
def test_training_is_that_of_the_scalarizer_by_hand(name: str) -> None:
    tasks, model = tasks_and_model()
    reference, scalarizer = copy.deepcopy(model), SCALARIZERS[name](scalarization, 2)
    parameters = [*reference.parameters(), *([] if name == "FAMO" else scalarizer.parameters())]
    optimizer = torch.optim.SGD(parameters, lr=0.5)
    for _ in range(4):  # epochs of one step
        optimizer.zero_grad()
        scalarizer(losses_of(tasks, reference) * torch.tensor([1.0, 0.5])).backward()
        optimizer.step()
        if name == "FAMO":
            with torch.no_grad():
                scalarizer.update(losses_of(tasks, reference) * torch.tensor([1.0, 0.5]))
        if name == "DWA":
            scalarizer.step()
    fit(
        model, tasks[0], tasks[1:], Constant(0.5),
        epochs=4, batch_size=4, optimizer=torch.optim.SGD(model.parameters(), lr=0.5), balance=Balance.named(name, 2),
    )  # fmt: skip
    for mine, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_factors_are_recorded_and_end_with_the_auxiliary_task() -> None:
    tasks, model = tasks_and_model()
    history = fit(model, tasks[0], tasks[1:], Switch(2), epochs=4, batch_size=4, balance=Balance.named("UW", 2))
    frame = history.task_frame()
    by_epoch = frame[frame["task"] == "topic"].set_index("epoch")["balance"]
    assert by_epoch[0] == pytest.approx(0.5)  # ½ exp(−s) with s = 0
    assert by_epoch[1] != by_epoch[0]
    assert by_epoch[2:].isna().all()


@pytest.mark.parametrize("name", ["FAMO", "UW"])
def test_the_scalarizer_goes_to_the_device_of_the_model(name: str) -> None:
    tasks, model = tasks_and_model()
    model.to("meta")  # a device without values, on which training ends at the first number that it asks for
    balance, optimizer = Balance.named(name, 2), torch.optim.SGD(model.parameters(), lr=0.5)
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        fit(model, tasks[0], tasks[1:], Constant(1.0), batch_size=4, optimizer=optimizer, balance=balance)
    assert {value.device.type for value in balance.scalarizer.state_dict().values()} == {"meta"}
    assert {p.device.type for group in optimizer.param_groups for p in group["params"]} == {"meta"}


def test_unknown_balances_are_refused_and_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="unknown balance 'mean'; known: DWA, FAMO, UW"):
        Balance.named("mean", 2)
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(ModuleNotFoundError, match=r"DWA needs TorchJD: pip install 'mt2st\[gradients\]'"):
        Balance.named("DWA", 2)
