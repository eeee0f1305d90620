"""UPDATE 0–3, the paper's four auxiliary losses, differentiable with respect to an embedding table.

The appendix of the paper describes four tasks that look at the embedding table alone (equations 6–8, Algorithm 3). Its
released code computes them on detached NumPy copies, so they give no gradient. Here each is a function of the table
(V, d) that has one. Questions are rows (Q, 4) "w1 is to w2 as w3 is to w4"; pairs are rows (P, 2). Every function
takes the rows it needs first, so that its cost does not grow with the vocabulary.
"""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize


def analogy_loss(table: Tensor, questions: Tensor) -> Tensor:
    """UPDATE 0, equation (6): is w4 where w2 − w1 + w3 points?

    Returns 1 − mean cosine(E4, E2 − E1 + E3), within [0, 2]. The paper's sum of inner products, Σ ⟨E4, E2 − E1 + E3⟩,
    is unbounded and grows with the norms, and larger is better there.

    Args:
        table: (V, d).
        questions: (Q, 4) row indices.
    """
    e1, e2, e3, e4 = table[questions].unbind(dim=1)  # each (Q, d)
    return 1 - cosine_similarity(e4, e2 - e1 + e3, dim=-1).mean()


def misalignment_loss(
    table: Tensor, questions: Tensor, gamma: float = 1.0, target_table: Tensor | None = None
) -> Tensor:
    """UPDATE 1, equation (7): −(similarity to the gold target) + γ · (similarity to the hardest wrong target), a mean.

    The paper prints −not_aligned + γ·mis_aligned without defining either; the sign of the first only makes sense as a
    reward, so it is the similarity to the right target here. Similarities are cosines. By default the query of an
    analogy is E2 − E1 + E3, its gold target is w4 and its wrong targets are the other words of the given questions. A
    row without a wrong target has nothing to push away.

    Args:
        table: (V, d).
        questions: (Q, 4) row indices; with `target_table`, a bilingual lexicon (P, 2) of source and target rows.
        gamma: weight of the hardest wrong target.
        target_table: (V', d), the vectors of the second language.
    """
    if target_table is None:
        e1, e2, e3, _ = table[questions].unbind(dim=1)  # each (Q, d)
        query, targets = e2 - e1 + e3, table
        candidates, position = questions.unique(return_inverse=True)  # (C,), (Q, 4)
        gold = position[:, 3]
        no_error = torch.zeros(len(questions), len(candidates), dtype=torch.bool, device=table.device)
        no_error = no_error.scatter(1, position, True)  # the question's own words
    else:
        query, targets = table[questions[:, 0]], target_table
        candidates, gold = questions[:, 1].unique(return_inverse=True)
        sources, source = questions[:, 0].unique(return_inverse=True)
        translations = torch.zeros(len(sources), len(candidates), dtype=torch.bool, device=table.device)
        translations[source, gold] = True
        no_error = translations[source]  # (P, C): all translations of the source word
    similarity = normalize(query, dim=-1) @ normalize(targets[candidates], dim=-1).T  # (Q, C)
    aligned = similarity.gather(1, gold[:, None]).squeeze(1)
    hardest = similarity.masked_fill(no_error, -torch.inf).amax(dim=1)
    return (gamma * torch.where(hardest.isinf(), 0.0, hardest) - aligned).mean()


def _analogy_scores(table: Tensor, questions: Tensor, candidates: Tensor) -> Tensor:
    """Cosines (Q, C) of each candidate with ê2 − ê1 + ê3 of unit vectors; −inf for the question's own three words.

    This is the rule of Mikolov et al. (2013) as gensim implements it (3CosAdd).
    """
    e1, e2, e3 = normalize(table[questions[:, :3]], dim=-1).unbind(dim=1)
    query = normalize(e2 - e1 + e3, dim=-1)
    scores = query @ normalize(table[candidates], dim=-1).T
    own = (candidates == questions[:, :3, None]).any(dim=1)  # (Q, 3, C) -> (Q, C)
    return scores.masked_fill(own, -torch.inf)


def _linear_accuracies(correct: Tensor, is_semantic: Tensor) -> dict[str, Tensor]:
    """Average (Q,) correctness over semantic, syntactic and all questions; a kind that is absent is left out."""
    kinds = {"semantic": correct[is_semantic], "syntactic": correct[~is_semantic], "total": correct}
    return {name: values.mean() for name, values in kinds.items() if len(values)}


def analogy_accuracy_loss(table: Tensor, questions: Tensor, is_semantic: Tensor, temperature: float = 0.1) -> Tensor:
    """UPDATE 2, equation (8): one minus the mean of semantic, syntactic and total *expected* analogy accuracy.

    A hard accuracy has no gradient. The expected accuracy of a question is the probability of w4 under a softmax of
    cosine / temperature over the words of all given questions, the question's other words masked. As temperature → 0 it
    becomes `analogy_accuracy` with these words as candidates.

    Args:
        table: (V, d).
        questions: (Q, 4) row indices.
        is_semantic: (Q,) bool, False for syntactic questions.
        temperature: softmax temperature, in units of cosine, above 0.

    Raises ValueError if temperature is not positive.
    """
    _check_temperature(temperature)
    candidates = questions.unique()
    scores = _analogy_scores(table, questions, candidates)
    gold = (candidates == questions[:, 3:]).to(torch.uint8).argmax(dim=1)  # position of w4 among the candidates
    answerable = (questions[:, 3:] != questions[:, :3]).all(dim=1)  # not if w4 is one of the question's own words
    scores = torch.where(answerable[:, None], scores, 0.0)
    probability = (scores / temperature).softmax(dim=1).gather(1, gold[:, None]).squeeze(1)
    probability = torch.where(answerable, probability, 0.0)
    accuracies = _linear_accuracies(probability, is_semantic)
    return 1 - torch.stack(list(accuracies.values())).mean()


@torch.no_grad()
def analogy_accuracy(
    table: Tensor, questions: Tensor, is_semantic: Tensor, candidates: Tensor | None = None
) -> dict[str, float]:
    """Hard analogy accuracies "semantic", "syntactic" and "total", equal to gensim's `evaluate_word_analogies`.

    Arguments as in `analogy_accuracy_loss`; `candidates` (C,) are the rows to choose from, the whole table by default.
    """
    candidates = torch.arange(len(table), device=table.device) if candidates is None else candidates
    correct = [
        candidates[_analogy_scores(table, part, candidates).argmax(dim=1)] == part[:, 3]
        for part in questions.split(256)  # (256, C) at a time
    ]
    return {k: v.item() for k, v in _linear_accuracies(torch.cat(correct).double(), is_semantic).items()}


def soft_rank(x: Tensor, temperature: float) -> Tensor:
    """Differentiable ranks along the last dimension: r_i = ½ + Σ_j σ((x_i − x_j) / temperature).

    As temperature → 0 this is the average rank of `scipy.stats.rankdata` (1 for the smallest, ties share their mean).

    Args:
        x: (…, n).
        temperature: in the units of x, above 0.

    Returns (…, n). Raises ValueError if temperature is not positive.
    """
    _check_temperature(temperature)
    x = x / temperature
    return 0.5 + torch.sigmoid(x.unsqueeze(-1) - x.unsqueeze(-2)).sum(dim=-1)  # (…, n, n) -> (…, n)


def spearman_loss(table: Tensor, pairs: Tensor, scores: Tensor, temperature: float = 0.1) -> Tensor:
    """UPDATE 3, standard form: 1 − Spearman's ρ between cosine similarities and human scores.

    The ranks of the cosines are soft, those of the scores exact. As temperature → 0 the value equals
    1 − `scipy.stats.spearmanr`.

    Args:
        table: (V, d).
        pairs: (P, 2) row indices, P ≥ 2.
        scores: (P,) human similarity scores.
        temperature: in units of the standard deviation of the cosines, above 0.
    """
    first, second = table[pairs].unbind(dim=1)  # each (P, d)
    similarity = _standardised(cosine_similarity(first, second, dim=-1))
    return 1 - _pearson(soft_rank(similarity, temperature), _average_rank(scores.to(table.dtype)))


def element_spearman_loss(table: Tensor, pairs: Tensor, temperature: float = 0.1) -> Tensor:
    """UPDATE 3, Algorithm 3: for each pair, 1 − the rank correlation of the *elements* of its two vectors, averaged.

    The paper sums the correlations over each word's correlated words; a mean keeps the scale independent of how many
    pairs are given. As temperature → 0 each term equals 1 − `scipy.stats.spearmanr` of the two vectors.

    Args:
        table: (V, d), d ≥ 2.
        pairs: (P, 2) row indices of correlated words.
        temperature: in units of the standard deviation of a vector's elements, above 0.
    """
    ranks = soft_rank(_standardised(table[pairs]), temperature)  # (P, 2, d)
    first, second = ranks.unbind(dim=1)
    return 1 - _pearson(first, second).mean()


def _check_temperature(temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")


def _standardised(x: Tensor) -> Tensor:
    """Scale the last dimension to unit standard deviation, which leaves ranks alone and gives temperature its unit."""
    # The small term keeps the gradient finite where all values are equal.
    return x / (x.var(dim=-1, keepdim=True) + 1e-12).sqrt()


def _average_rank(x: Tensor) -> Tensor:
    """Exact ranks along the last dimension, ties share their mean."""
    return 0.5 + 0.5 * (1 + torch.sign(x.unsqueeze(-1) - x.unsqueeze(-2))).sum(dim=-1)


def _pearson(x: Tensor, y: Tensor) -> Tensor:
    """Pearson correlation along the last dimension."""
    return cosine_similarity(x - x.mean(dim=-1, keepdim=True), y - y.mean(dim=-1, keepdim=True), dim=-1)
