"""The auxiliary terms of the released code, computed from a copy of the table: they have a value but no gradient."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.nn.functional import cosine_similarity

from mt2st.data.lexicons import Lexicon
from mt2st.models import Model
from mt2st.tasks import Batch, Task

ANALOGY, SIMILARITY = "released-analogy", "released-similarity"
BLOCK = 100  # questions that the released code multiplies at once


class ReleasedTerm(Task):
    """A term that is a number for the optimiser: computed from the table, without gradient."""

    def __init__(self, name: str, value: Callable[[Tensor], Tensor]) -> None:
        self.name, self._value = name, value

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield one empty batch: the term looks at the whole table."""
        yield (torch.empty(0),)

    def loss(self, model: Model, batch: Batch) -> Tensor:
        """Return the term's value, detached."""
        return self._value(model.table.detach())


def similarity_term(table: Tensor, sets: Sequence[Lexicon]) -> Tensor:
    """Mean over similarity sets of Spearman's ρ between cosines and human scores, 0 for a set without two known pairs.

    The released code adds 1 to the denominators of the cosine and of ρ, which matters for small sets alone and is not
    followed.
    """
    values = []
    for pairs in sets:
        first, second = table[pairs.rows].unbind(dim=1)  # each (P, d)
        cosines = cosine_similarity(first, second, dim=-1)
        rho = stats.spearmanr(cosines.cpu(), pairs.values).statistic if len(pairs.rows) > 1 else 0.0
        values.append(0.0 if np.isnan(rho) else float(rho))
    return torch.tensor(np.mean(values), dtype=table.dtype, device=table.device)


def analogy_term(table: Tensor, sections: Sequence[Tensor]) -> Tensor:
    """−(accuracy in percent + similarity to wrong answers + similarity to right ones) / 3 over analogy questions.

    With p = E2 − E1 + E3 for a question, its answer is the row with the largest inner product with p, the question's
    own three words excluded. The two sums of similarities are those of the last section that has questions in the
    vocabulary, as the released code starts them anew in every section: 100/V · Σ ⟨E4, E_answer⟩ over wrong answers, and
    1/V · (⟨E4, p⟩ + 0.01 · Σ_w ⟨E_w, p⟩) over that section's last block of 100 questions.

    Args:
        table: (V, d).
        sections: questions (Q, 4) of each section.
    """
    right = total = 0
    wrong = expected = torch.zeros((), dtype=table.dtype, device=table.device)
    for questions in sections:
        if not len(questions):
            continue
        e1, e2, e3, e4 = table[questions].unbind(dim=1)  # each (Q, d)
        scores = ((e2 - e1 + e3) @ table.T).scatter(1, questions[:, :3], 0.0)  # (Q, V)
        answers = scores.argmax(dim=1)
        is_wrong = answers != questions[:, 3]
        right, total = right + int((~is_wrong).sum()), total + len(questions)
        wrong = 100 * (e4 * table[answers])[is_wrong].sum() / len(table)
        last = scores[len(scores) - 1 - (len(scores) - 1) % BLOCK :]  # (at most 100, V)
        gold = last.gather(1, questions[-len(last) :, 3:]).sum()
        expected = (0.99 * gold + 0.01 * last.sum()) / len(table)
    return -(100 * right / max(1, total) + wrong + expected) / 3
