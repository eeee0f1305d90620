from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gensim.models import KeyedVectors
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mt2st.losses import (
    analogy_accuracy,
    analogy_accuracy_loss,
    analogy_loss,
    element_spearman_loss,
    misalignment_loss,
    soft_rank,
    spearman_loss,
)

NEARLY_HARD = 1e-9  # a temperature at which a softmax or a sigmoid of distinct values is a step
QUESTIONS = torch.tensor([[2, 3, 4, 5], [2, 3, 6, 7], [7, 4, 5, 2]])
PAIRS = torch.tensor([[2, 3], [4, 5], [6, 7], [2, 6], [3, 7]])
SCORES = torch.tensor([7.5, 3.0, 3.0, 9.0, 1.0], dtype=torch.float64)
SEMANTIC = torch.tensor([True, False, False])
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "update0": partial(analogy_loss, questions=QUESTIONS),
    "update1": partial(misalignment_loss, questions=QUESTIONS, gamma=0.7),
    "update2": partial(analogy_accuracy_loss, questions=QUESTIONS, is_semantic=SEMANTIC, temperature=0.5),
    "update3": partial(element_spearman_loss, pairs=PAIRS, temperature=0.5),
    "update3 standard": partial(spearman_loss, pairs=PAIRS, scores=SCORES, temperature=0.5),
}


def _table(rows: int, dimensions: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, dimensions, generator=generator, dtype=torch.float64)


class _LargestTensor(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that any operation makes."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        made = [leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self.elements = max([self.elements, *made])
        return result


# --- UPDATE 0

PLANE = torch.tensor(
    [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 2.0], [2.0, 0.0], [0.0, -1.0]], dtype=torch.float64
)  # E2 − E1 + E3 of rows 0, 1, 2 is (0, 2)


def test_analogy_loss_by_hand() -> None:
    cosines = {3: 1.0, 4: 0.0, 5: -1.0}
    for answer, cosine in cosines.items():
        assert analogy_loss(PLANE, torch.tensor([[0, 1, 2, answer]])).item() == pytest.approx(1 - cosine, abs=1e-12)
    both = torch.tensor([[0, 1, 2, 3], [0, 1, 2, 4]])
    assert analogy_loss(PLANE, both).item() == pytest.approx(0.5)


def test_analogy_loss_does_not_grow_with_the_norms() -> None:
    table = _table(10, 4)
    assert analogy_loss(5 * table, QUESTIONS).item() == pytest.approx(analogy_loss(table, QUESTIONS).item())


# --- UPDATE 1


@pytest.mark.parametrize(("gamma", "expected"), [(0.0, -0.5), (0.5, -0.25), (1.0, 0.0), (3.0, 1.0)])
def test_misalignment_loss_by_hand(gamma: float, expected: float) -> None:
    # Both queries are (0, 2). First: gold similarity 1, hardest wrong target (2, 0) with 0. Second: 0 and 1.
    # Row 2 has similarity 1 to both, but is a word of the question itself.
    questions = torch.tensor([[0, 1, 2, 3], [0, 1, 2, 4]])
    assert misalignment_loss(PLANE, questions, gamma).item() == pytest.approx(expected, abs=1e-12)


def test_misalignment_loss_without_a_wrong_target_is_the_reward_alone() -> None:
    assert misalignment_loss(PLANE, torch.tensor([[0, 1, 2, 3]]), gamma=5.0).item() == pytest.approx(-1.0)


def test_misalignment_loss_masks_the_words_of_each_question_only() -> None:
    table = _table(10, 4)
    unit = (table / table.norm(dim=1, keepdim=True)).numpy()
    terms = []
    for question in QUESTIONS.tolist():
        query = (table[question[1]] - table[question[0]] + table[question[2]]).numpy()
        cosines = unit @ (query / np.linalg.norm(query))
        wrong = set(QUESTIONS.flatten().tolist()) - set(question)
        terms.append(0.7 * max(cosines[row] for row in wrong) - cosines[question[3]])
    assert misalignment_loss(table, QUESTIONS, gamma=0.7).item() == pytest.approx(np.mean(terms), rel=1e-12)


@pytest.mark.parametrize(("gamma", "expected"), [(1.0, -0.5), (2.0, (np.sqrt(0.5) - 1) / 2)])
def test_misalignment_loss_of_two_languages_by_hand(gamma: float, expected: float) -> None:
    source = torch.tensor([[1.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    target = torch.tensor([[1.0, 1.0], [2.0, 0.0], [0.0, 1.0]], dtype=torch.float64)  # row 2 is in no pair
    lexicon = torch.tensor([[0, 1], [1, 0]])
    loss = misalignment_loss(source, lexicon, gamma, target_table=target)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_misalignment_loss_without_a_wrong_target_pulls_alone() -> None:
    table = PLANE.clone().requires_grad_()
    loss = misalignment_loss(table, torch.tensor([[0, 1], [2, 1]]), target_table=table)
    torch.testing.assert_close(loss, -torch.cosine_similarity(table[[0, 2]], table[[1, 1]]).mean())
    loss.backward()
    assert table.grad is not None and table.grad.isfinite().all() and table.grad.any()


# --- UPDATE 2


def _analogy_set(questions_of_a_kind: int) -> tuple[np.ndarray, Tensor, Tensor]:
    """Vectors of 30 word pairs a constant, noisy offset apart, and random questions of which a part is answered."""
    generator = np.random.default_rng(7)
    left = generator.normal(size=(30, 8))
    right = left + generator.normal(size=8) + 0.5 * generator.normal(size=(30, 8))
    vectors = np.concatenate([left, right]).astype(np.float32)
    firsts = np.array([generator.permutation(30)[:2] for _ in range(2 * questions_of_a_kind)])
    rows = np.stack([firsts[:, 0], firsts[:, 0] + 30, firsts[:, 1], firsts[:, 1] + 30], axis=1)
    is_semantic = np.arange(len(rows)) < questions_of_a_kind
    rows[~is_semantic] = rows[~is_semantic][:, [1, 0, 3, 2]]  # the other way round
    rows[0, 3] = rows[0, 1]  # the answer is a word of the question: never right
    return vectors, torch.from_numpy(rows), torch.from_numpy(is_semantic)


def _gensim_accuracies(
    vectors: np.ndarray, rows: Tensor, is_semantic: Tensor, folder: Path, **options: Any
) -> dict[str, float]:
    """Accuracies by gensim, from a file of questions that also has some with unknown words."""
    words = [f"w{i}" for i in range(len(vectors))]
    lines = []
    for section, part in [("capital-common", rows[is_semantic]), ("gram1-adjective", rows[~is_semantic])]:
        lines += [f": {section}", *(" ".join(words[i] for i in row) for row in part.tolist()), "w0 w1 w2 unheard-of"]
    file = folder / "questions.txt"
    file.write_text("\n".join(lines) + "\n")
    keyed = KeyedVectors(vector_size=vectors.shape[1])
    keyed.add_vectors(words, vectors)
    total, sections = keyed.evaluate_word_analogies(str(file), **options)
    shares = [len(s["correct"]) / (len(s["correct"]) + len(s["incorrect"])) for s in sections[:2]]
    return {"semantic": shares[0], "syntactic": shares[1], "total": total}


@pytest.mark.parametrize("case_insensitive", [True, False])
def test_analogy_accuracy_is_gensims(case_insensitive: bool, tmp_path: Path) -> None:
    vectors, rows, is_semantic = _analogy_set(150)  # more than one part of 256 questions
    expected = _gensim_accuracies(vectors, rows, is_semantic, tmp_path, case_insensitive=case_insensitive)
    assert 0.1 < expected["semantic"] < 0.9
    assert expected["semantic"] != expected["syntactic"]
    assert analogy_accuracy(torch.from_numpy(vectors), rows, is_semantic) == pytest.approx(expected, rel=1e-12)


def test_candidates_are_gensims_restricted_vocabulary(tmp_path: Path) -> None:
    vectors, rows, is_semantic = _analogy_set(40)
    table = np.concatenate([vectors, np.repeat(vectors, 3, axis=0) * 1.1 + 0.1])
    expected = _gensim_accuracies(table, rows, is_semantic, tmp_path, restrict_vocab=len(vectors))
    restricted = analogy_accuracy(torch.from_numpy(table), rows, is_semantic, torch.arange(len(vectors)))
    assert restricted == pytest.approx(expected, rel=1e-12)
    assert analogy_accuracy(torch.from_numpy(table), rows, is_semantic)["total"] < expected["total"]


def test_analogy_accuracy_loss_becomes_gensims_accuracy(tmp_path: Path) -> None:
    vectors, rows, is_semantic = _analogy_set(40)
    expected = _gensim_accuracies(vectors, rows, is_semantic, tmp_path)
    assert rows.unique().tolist() == list(range(len(vectors)))  # gensim chooses from all words
    loss = analogy_accuracy_loss(torch.from_numpy(vectors).double(), rows, is_semantic, NEARLY_HARD)
    assert loss.item() == pytest.approx(1 - np.mean(list(expected.values())), abs=1e-9)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_analogy_accuracy_loss_by_hand(temperature: float) -> None:
    # All queries are (0, 1). Of the words, rows 0–2 are each question's own; 3 has cosine 1, 4 has 0.
    table = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 2.0], [5.0, 0.0]], dtype=torch.float64)
    questions, syntactic = torch.tensor([[0, 1, 2, 3], [1, 0, 2, 3], [0, 1, 2, 4]]), torch.tensor([False] * 3)
    probability = 1 / (1 + np.exp(-1 / temperature))
    loss = analogy_accuracy_loss(table, questions, syntactic, temperature)
    assert loss.item() == pytest.approx(1 - (2 * probability + (1 - probability)) / 3, rel=1e-12)
    alone = analogy_accuracy_loss(table, questions[:1], syntactic[:1], temperature)
    assert alone.item() == pytest.approx(0.0)  # there is no other word


def test_analogy_accuracy_loss_averages_kinds_then_questions() -> None:
    table = _table(8, 3)
    unit = (table / table.norm(dim=1, keepdim=True)).numpy()
    probabilities = []
    for w1, w2, w3, w4 in QUESTIONS.tolist():
        query = unit[w2] - unit[w1] + unit[w3]
        others = set(QUESTIONS.flatten().tolist()) - {w1, w2, w3}
        odds = {row: np.exp(unit[row] @ query / np.linalg.norm(query) / 0.5) for row in others}
        probabilities.append(odds[w4] / sum(odds.values()))
    semantic, syntactic, total = probabilities[0], np.mean(probabilities[1:]), np.mean(probabilities)
    expected = 1 - (semantic + syntactic + total) / 3
    assert analogy_accuracy_loss(table, QUESTIONS, SEMANTIC, 0.5).item() == pytest.approx(expected, rel=1e-12)


def test_a_kind_without_questions_is_left_out() -> None:
    table = _table(8, 3)
    accuracies = analogy_accuracy(table, QUESTIONS, torch.zeros(3, dtype=torch.bool))
    assert set(accuracies) == {"syntactic", "total"}
    assert accuracies["syntactic"] == accuracies["total"]


def test_an_answer_among_the_questions_own_words_has_probability_zero() -> None:
    table = _table(8, 3).requires_grad_()
    questions = torch.tensor([[2, 3, 4, 3], [3, 4, 2, 4]])
    loss = analogy_accuracy_loss(table, questions, torch.tensor([True, False]))
    loss.backward()
    assert table.grad is not None
    assert loss.item() == 1
    assert torch.equal(table.grad, torch.zeros_like(table))


# --- UPDATE 3


def test_soft_rank_by_hand() -> None:
    ranks = soft_rank(torch.tensor([0.0, 1.0], dtype=torch.float64), temperature=1.0)
    assert ranks.tolist() == pytest.approx([1.2689414213699951, 1.7310585786300049])  # 1 + σ(∓1)


tied = st.lists(st.integers(-9, 9), min_size=1, max_size=30)  # many ties, and distances a temperature can be small to


@given(tied, st.floats(1e-9, 0.01))
def test_soft_rank_becomes_the_average_rank(values: list[int], temperature: float) -> None:
    ranks = soft_rank(torch.tensor(values, dtype=torch.float64), temperature)
    np.testing.assert_allclose(ranks.numpy(), stats.rankdata(values), rtol=1e-12)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.floats(1e-6, 1e6))
def test_soft_ranks_share_out_the_ranks_at_any_temperature(values: list[float], temperature: float) -> None:
    x = torch.tensor(values, dtype=torch.float64)
    ranks, n = soft_rank(x, temperature), len(values)
    assert ranks.sum().item() == pytest.approx(n * (n + 1) / 2)
    assert (ranks[x.argsort()].diff() >= -1e-12).all()  # in the order of the values


def test_soft_rank_ranks_along_the_last_dimension() -> None:
    x = np.random.default_rng(0).integers(0, 6, size=(3, 4, 10)).astype(float)
    expected = stats.rankdata(x, method="average", axis=-1)
    np.testing.assert_allclose(soft_rank(torch.from_numpy(x), NEARLY_HARD).numpy(), expected, rtol=1e-12)


def test_soft_ranks_of_a_high_temperature_are_all_the_mean() -> None:
    ranks = soft_rank(_table(1, 7)[0], temperature=1e9)
    assert ranks.tolist() == pytest.approx([4.0] * 7)


def test_spearman_loss_becomes_scipys() -> None:
    table, scores = _table(40, 5), np.random.default_rng(1).integers(0, 10, 30).astype(float)  # with ties
    pairs = torch.randint(0, 40, (30, 2), generator=torch.Generator().manual_seed(1))
    unit = (table / table.norm(dim=1, keepdim=True)).numpy()
    cosines = (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(1)
    expected = 1 - stats.spearmanr(cosines, scores).statistic
    assert 0.1 < expected < 1.9
    loss = spearman_loss(table, pairs, torch.from_numpy(scores), NEARLY_HARD)
    assert loss.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("ties", [False, True])
def test_element_spearman_loss_becomes_scipys(ties: bool) -> None:
    table = _table(8, 9)
    table = (2 * table).round() if ties else table
    terms = [1 - stats.spearmanr(table[i], table[j]).statistic for i, j in PAIRS.tolist()]
    assert element_spearman_loss(table, PAIRS, NEARLY_HARD).item() == pytest.approx(np.mean(terms), rel=1e-9)


def test_temperature_counts_standard_deviations() -> None:
    table = _table(8, 9)
    a, b = (element_spearman_loss(scale * table, PAIRS, 0.3).item() for scale in (1, 100))
    assert a == pytest.approx(b)
    cosines = torch.cosine_similarity(table[PAIRS[:, 0]], table[PAIRS[:, 1]])
    soft = soft_rank(cosines, 0.3 * cosines.std().item())
    expected = 1 - stats.pearsonr(soft, stats.rankdata(SCORES)).statistic
    assert spearman_loss(table, PAIRS, SCORES, 0.3).item() == pytest.approx(expected, rel=1e-9)


# --- All


@pytest.mark.parametrize("temperature", [0.0, -0.1, float("nan")])
def test_temperature_must_be_positive(temperature: float) -> None:
    table = _table(8, 4)
    for compute in (
        lambda: soft_rank(table, temperature),
        lambda: analogy_accuracy_loss(table, QUESTIONS, SEMANTIC, temperature),
        lambda: spearman_loss(table, PAIRS, SCORES, temperature),
        lambda: element_spearman_loss(table, PAIRS, temperature),
    ):
        with pytest.raises(ValueError, match="temperature must be above 0"):
            compute()


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_finite_differences(name: str) -> None:
    assert torch.autograd.gradcheck(LOSSES[name], _table(8, 4).requires_grad_())


def test_gradient_of_misalignment_loss_in_its_other_forms() -> None:
    lonely = partial(misalignment_loss, questions=torch.tensor([[2, 3, 4, 5]]))
    assert torch.autograd.gradcheck(lonely, _table(6, 4).requires_grad_())
    tables = _table(8, 4).requires_grad_(), _table(9, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: misalignment_loss(a, PAIRS, 0.7, target_table=b), tables)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_touches_only_the_rows_used(name: str) -> None:
    table = _table(20, 4).requires_grad_()
    LOSSES[name](table).backward()
    assert table.grad is not None
    used = torch.zeros(20, dtype=torch.bool).index_fill(0, torch.arange(2, 8), True)
    assert (table.grad[~used] == 0).all()
    assert (table.grad[used].abs().sum(dim=1) > 1e-6).all()


@pytest.mark.parametrize("name", LOSSES)
def test_cost_does_not_grow_with_the_vocabulary(name: str) -> None:
    table = torch.randn(200_000, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with _LargestTensor() as forward:
        loss = LOSSES[name](table)
    assert 0 < forward.elements <= 512
    with _LargestTensor() as backward:
        loss.backward()
    assert backward.elements == table.numel()  # the gradient itself


def test_hard_accuracy_of_many_questions_is_computed_in_parts() -> None:
    table, questions = _table(50, 4), torch.randint(0, 50, (2000, 4), generator=torch.Generator().manual_seed(0))
    with _LargestTensor() as largest:
        analogy_accuracy(table, questions, questions[:, 0] > 25)
    assert largest.elements == 256 * 3 * 50  # is a candidate one of the three words?


# --- Degenerate input


@pytest.mark.parametrize("loss", [partial(spearman_loss, scores=torch.tensor([1.0, 2.0])), element_spearman_loss])
@pytest.mark.parametrize("rows", [torch.ones(4, 3), torch.zeros(4, 3), torch.eye(4, 3)])
def test_values_without_spread_have_finite_loss_and_gradient(loss: Callable[..., Tensor], rows: Tensor) -> None:
    table = rows.clone().requires_grad_()
    value = loss(table, torch.tensor([[0, 1], [2, 3]]))
    value.backward()
    assert table.grad is not None
    assert torch.isfinite(value)
    assert torch.isfinite(table.grad).all()


def test_a_second_right_translation_is_no_error() -> None:
    source = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    target = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=torch.float64)
    lexicon = torch.tensor([[0, 0], [0, 1], [1, 2]])
    gold, hardest = [1.0, 0.8, 1.0], [0.0, 0.0, 0.6]
    loss = misalignment_loss(source, lexicon, target_table=target)
    assert loss.item() == pytest.approx(np.mean(np.subtract(hardest, gold)))
