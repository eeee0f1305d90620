import pytest
import torch
from torch import nn

from mt2st.optimizers import RowAdadelta

STEPS, WORDS = 60, 40
OPTIONS = {"lr": 0.5, "rho": 0.9, "eps": 1e-6}


def batches() -> list[torch.Tensor]:
    """Words with repetitions; those from 20 on are left out for thirty steps, the last one is never touched."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randint(0, 20 if 10 <= step < 40 else WORDS - 1, (4, 5), generator=generator) for step in range(STEPS)
    ]


def trained(sparse: bool) -> torch.Tensor:
    """Train a table to give each word's number, with torch's dense Adadelta or ours."""
    torch.manual_seed(0)
    embedding = nn.Embedding(WORDS, 3, padding_idx=0, sparse=sparse, dtype=torch.float64)
    kind = RowAdadelta if sparse else torch.optim.Adadelta
    optimizer = kind(embedding.parameters(), **OPTIONS)
    for words in batches():
        optimizer.zero_grad()
        (embedding(words).sum(-1) - words).square().mean().backward()
        optimizer.step()
    return embedding.weight.detach()


def test_tables_are_those_of_the_dense_adadelta() -> None:
    ours, dense = trained(sparse=True), trained(sparse=False)
    torch.testing.assert_close(ours, dense, rtol=1e-10, atol=1e-12)
    torch.manual_seed(0)
    start = nn.Embedding(WORDS, 3, padding_idx=0, dtype=torch.float64).weight
    assert (ours[1:-1] - start[1:-1]).abs().min() > 1e-4  # every word has moved
    assert torch.equal(ours[[0, -1]], start[[0, -1]])  # but padding and the word that never came


def test_a_step_without_gradient_counts_for_nothing() -> None:
    embedding = nn.Embedding(3, 2, sparse=True)
    before = embedding.weight.detach().clone()
    RowAdadelta(embedding.parameters()).step()
    assert torch.equal(embedding.weight, before)


def test_a_dense_gradient_is_refused() -> None:
    embedding = nn.Embedding(3, 2)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match="sparse=True, or use torch's Adadelta"):
        RowAdadelta(embedding.parameters()).step()
