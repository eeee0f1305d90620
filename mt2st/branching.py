"""Branches of one training: models that part from the same state, and become one again (Jiang et al. 2023)."""

import copy
from collections.abc import Callable

from torch import Tensor

from mt2st.models import Model

State = dict[str, Tensor]
Score = tuple[float, float]  # accuracy on held-out examples, and for ties the loss with its sign changed
SHARES = (0.2, 0.4, 0.6, 0.8)  # of a branch that are tried when it is merged with those before


class Fork:
    """Where branches of a model part, and what each of them has come to.

    Args:
        model: as it is where they part.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.start = model, copy.deepcopy(model.state_dict())
        self.ends: list[State] = []

    def back(self) -> None:
        """Keep what the model has become as a branch, and go back to where the branches part."""
        self.ends.append(copy.deepcopy(self.model.state_dict()))
        self.model.load_state_dict(self.start)

    def merge(self, score: Callable[[], Score]) -> list[float]:
        """Make one model of all branches, the one it is now among them, and let later ones part from there.

        Greedily: from the best branch on, by the score of the model on held-out examples, each further one joins with
        the share of `SHARES` that raises the score most, or not at all. Returns how much each branch counts in the
        weighted mean of the parameters, in the order of the branches.
        """
        self.ends.append(copy.deepcopy(self.model.state_dict()))
        scores = [self._score(end, score) for end in self.ends]
        order = sorted(range(len(scores)), key=lambda branch: scores[branch], reverse=True)  # the first of equals
        merged, best = self.ends[order[0]], scores[order[0]]
        counts = [0.0] * len(scores)
        counts[order[0]] = 1.0
        for branch in order[1:]:
            tried = {share: _mean(merged, self.ends[branch], share) for share in SHARES}
            scored = {share: self._score(state, score) for share, state in tried.items()}
            share = max(scored, key=lambda share: scored[share])
            if scored[share] > best:
                merged, best = tried[share], scored[share]
                counts = [(1 - share) * count for count in counts]
                counts[branch] = share
        self.model.load_state_dict(merged)
        self.start, self.ends = copy.deepcopy(merged), []
        return counts

    def _score(self, state: State, score: Callable[[], Score]) -> Score:
        self.model.load_state_dict(state)
        return score()


def _mean(one: State, other: State, share: float) -> State:
    """Mean of two states, in which the other has a share."""
    return {name: (1 - share) * value + share * other[name] for name, value in one.items()}
