import copy

import pytest
import torch
from torch import nn

from mt2st.branching import SHARES, Fork
from mt2st.models import Model


class Point(nn.Module):
    """A model of two numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(2))


def branched(*ends: tuple[float, float], best: tuple[float, float]) -> tuple[Model, list[float]]:
    """Return a model merged from branches that have come to these points, and how much each counts.

    The score falls with the distance from the best point.
    """
    model = Model(Point(), {})
    fork = Fork(model)
    for k, end in enumerate(ends):
        if k:
            fork.back()
            assert model.encoder.at.tolist() == [0, 0]
        with torch.no_grad():
            model.encoder.at.copy_(torch.tensor(end))

    def score() -> tuple[float, float]:
        return 0.0, -float((model.encoder.at.detach() - torch.tensor(best)).norm())

    counts = fork.merge(score)
    with torch.no_grad():
        merged = copy.deepcopy(model)
        model.encoder.at.zero_()
    fork.back()
    assert torch.equal(model.encoder.at, merged.encoder.at)  # later branches part from the merged one
    return merged, counts


def test_branches_are_merged_where_the_score_is_best() -> None:
    model, counts = branched((0.0, 0.0), (1.0, 0.0), (0.0, 2.0), best=(0.48, 0.8))
    # (0, 0) is nearest; 0.4 of (1, 0) joins it, then 0.4 of (0, 2)
    assert counts == pytest.approx([0.36, 0.24, 0.4])
    assert model.encoder.at.tolist() == pytest.approx([0.24, 0.8])


def test_a_branch_that_would_lower_the_score_does_not_join() -> None:
    model, counts = branched((1.0, 1.0), (-1.0, 0.0), (5.0, 5.0), best=(1.1, 1.1))
    assert counts[1] == 0
    assert counts == pytest.approx([1, 0, 0])
    assert model.encoder.at.tolist() == [1, 1]


def test_of_equal_branches_the_first_is_kept() -> None:
    _, counts = branched((1.0, 0.0), (1.0, 0.0), best=(0.0, 0.0))
    assert counts == [1, 0]
    assert set(SHARES) < {k / 10 for k in range(1, 10)}
