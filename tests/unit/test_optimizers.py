import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mt2st.models import BiLSTM, Model
from mt2st.optimizers import OPTIMIZERS, RowAdadelta
from mt2st.tasks import SentenceTask

STEPS, WORDS = 60, 40
OPTIONS = {"lr": 0.5, "rho": 0.9, "eps": 1e-6}


def batches() -> list[Tensor]:
    """Words with repetitions; those from 20 on are left out for thirty steps, the last one is never touched."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randint(0, 20 if 10 <= step < 40 else WORDS - 1, (4, 5), generator=generator) for step in range(STEPS)
    ]


def started(sparse: bool) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(WORDS, 3, padding_idx=0, sparse=sparse), nn.Linear(3, 1)).double()


def trained(sparse: bool, on_the_table: range = range(0)) -> nn.Sequential:
    """Train a table to give each word's number, with torch's dense Adadelta or ours; in some steps by its rows alone.

    The gradient of a loss on the table's rows is dense, whatever the embedding says.
    """
    model = started(sparse)
    optimizer = (RowAdadelta if sparse else torch.optim.Adadelta)(model.parameters(), **OPTIONS)
    for step, words in enumerate(batches()):
        optimizer.zero_grad()
        vectors = model[0].weight[words] if step in on_the_table else model[0](words)
        predicted = vectors.sum(-1) if step in on_the_table else model[1](vectors).squeeze(-1)
        ((predicted - words) * (words > 0)).square().mean().backward()
        optimizer.step()
    return model


def assert_same(ours: nn.Module, theirs: nn.Module) -> None:
    for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12, msg=name)


def test_tables_and_other_parameters_are_those_of_the_dense_adadelta() -> None:
    ours = trained(sparse=True)
    assert ours[0].weight.grad.is_sparse  # and still there for whoever looks at it
    assert_same(ours, trained(sparse=False))
    table, start = ours[0].weight, started(sparse=True)[0].weight
    assert (table[1:-1] - start[1:-1]).abs().min() > 1e-4  # every word has moved
    assert torch.equal(table[[0, -1]], start[[0, -1]])  # but padding and the word that never came


@pytest.mark.parametrize("on_the_table", [range(20), range(20, 30), range(0, STEPS, 2)])
def test_a_table_may_have_a_dense_gradient_in_some_steps(on_the_table: range) -> None:
    assert_same(trained(True, on_the_table), trained(False, on_the_table))


def test_a_step_without_gradient_counts_for_nothing() -> None:
    embedding = nn.Embedding(3, 2, sparse=True)
    before = embedding.weight.detach().clone()
    RowAdadelta(embedding.parameters()).step()
    assert torch.equal(embedding.weight, before)


def test_a_closure_is_called_first_and_gives_the_loss() -> None:
    models, words = [started(sparse=True) for _ in range(2)], torch.tensor([[3, 5], [3, 7]])
    optimizers = [RowAdadelta(model.parameters(), **OPTIONS) for model in models]

    def loss_of(model: nn.Module) -> Tensor:
        loss = model(words).square().mean()
        loss.backward()
        return loss

    expected = loss_of(models[0])
    assert optimizers[0].step() is None
    assert optimizers[1].step(lambda: loss_of(models[1])) == expected
    assert_same(*models)
    assert not torch.equal(models[1][0].weight, started(sparse=True)[0].weight)


# --- By name


def model_and_task() -> tuple[Model, SentenceTask]:
    torch.manual_seed(0)
    sentences = [torch.randint(1, 30, (n % 5 + 1,)) for n in range(24)]
    task = SentenceTask("topic", sentences, torch.arange(24) % 2, ["a", "b"])
    encoder = BiLSTM(torch.randn(40, 4), hidden=3)
    return Model(encoder, {"topic": task.head(encoder)}).double(), task


def trained_with(optimizer: torch.optim.Optimizer, model: Model, task: SentenceTask) -> Model:
    for words, lengths, targets in task.batches(4, torch.Generator().manual_seed(0)):
        optimizer.zero_grad()
        cross_entropy(model("topic", words, lengths), targets).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("name", ["adadelta", "adamw"])
def test_an_optimizer_by_name_trains_a_model_as_pytorchs_own(name: str) -> None:
    model, task = model_and_task()
    ours = trained_with(OPTIMIZERS[name](model, 0.1, 0.0), model, task)
    other, _ = model_and_task()
    if name == "adadelta":
        assert ours.encoder.embedding.sparse
        own = torch.optim.Adadelta(other.parameters(), lr=0.1, rho=0.95, eps=1e-6)
    else:
        own = torch.optim.Adam(other.parameters(), lr=0.1)  # without weight decay
    assert_same(ours, trained_with(own, other, task))
    assert not torch.equal(ours.table, model_and_task()[0].table)


def test_adamw_decays_weights_and_adadelta_refuses_to() -> None:
    model, task = model_and_task()
    other, _ = model_and_task()
    ours = trained_with(OPTIMIZERS["adamw"](model, 0.1, 0.3), model, task)
    assert_same(ours, trained_with(torch.optim.AdamW(other.parameters(), lr=0.1, weight_decay=0.3), other, task))
    with pytest.raises(ValueError, match=r"no weight decay, got 0\.3"):
        OPTIMIZERS["adadelta"](model, 0.1, 0.3)
