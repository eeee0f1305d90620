import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from mt2st.data.lexicons import Lexicon
from mt2st.experiments.released_terms import ReleasedTerm, analogy_term, similarity_term
from mt2st.models import BiLSTM, Model

# Rows 2 to 7 of a table of two dimensions; rows 0 and 1 are padding and unknown words.
TABLE = torch.tensor([[0, 0], [0, 0], [1, 0], [1, 1], [3, 0], [3, 1], [0, 4], [-1, -1]], dtype=torch.float64)
RIGHT, WRONG = [2, 3, 4, 5], [4, 5, 2, 3]


def pairs_of(rows: list[list[int]], scores: list[float]) -> Lexicon:
    """Return pairs of a similarity set."""
    return Lexicon(torch.tensor(rows, dtype=torch.long).reshape(-1, 2), torch.tensor(scores), len(rows))


def questions_of(*rows: list[int]) -> Tensor:
    """Return the questions of a section."""
    return torch.tensor(rows, dtype=torch.long).reshape(-1, 4)


# --- Similarity


def test_the_similarity_term_is_the_mean_of_scipys_rank_correlations() -> None:
    rng = np.random.default_rng(0)
    table = torch.from_numpy(rng.normal(size=(20, 5)))
    sets = [pairs_of(rng.integers(0, 20, (n, 2)).tolist(), rng.random(n).tolist()) for n in (6, 11)]
    expected = []
    for pairs in sets:
        first, second = (table.numpy()[pairs.rows[:, i]] for i in (0, 1))
        cosine = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
        expected.append(stats.spearmanr(cosine, pairs.values).statistic)
    assert similarity_term(table, sets).item() == pytest.approx(np.mean(expected), rel=1e-6)


def test_the_similarity_term_by_hand() -> None:
    # Cosines with (1, 0): of (1, 1) 0.71, of (3, 0) 1, of (0, 4) 0. Ranks 2, 3, 1.
    pairs = [[2, 3], [2, 4], [2, 6]]
    assert similarity_term(TABLE, [pairs_of(pairs, [5.0, 9.0, 1.0])]).item() == pytest.approx(1.0)
    assert similarity_term(TABLE, [pairs_of(pairs, [5.0, 1.0, 9.0])]).item() == pytest.approx(-1.0)
    # Ranks 3, 2, 1 of the scores: 1 − 6 · (1 + 1) / (3 · 8) = 0.5.
    assert similarity_term(TABLE, [pairs_of(pairs, [9.0, 5.0, 1.0])]).item() == pytest.approx(0.5)


@pytest.mark.filterwarnings("ignore:An input array is constant")
@pytest.mark.parametrize("pairs", [pairs_of([], []), pairs_of([[2, 3]], [5.0]), pairs_of([[2, 3], [2, 4]], [5.0, 5.0])])
def test_a_set_without_a_rank_correlation_counts_as_0(pairs: Lexicon) -> None:
    perfect = pairs_of([[2, 3], [2, 4], [2, 6]], [5.0, 9.0, 1.0])
    assert similarity_term(TABLE, [pairs, perfect]).item() == pytest.approx(0.5)


# --- Analogies


def test_the_analogy_term_of_a_question_answered_right_by_hand() -> None:
    # p = (1, 1) − (1, 0) + (3, 0) = (3, 1). Inner products of rows 0 to 7 with p, the question's own three words as 0:
    # 0, 0, 0, 0, 0, 10, 4, −4. The answer is row 5, which is right.
    # Right ones: (0.99 · 10 + 0.01 · 10) / 8 = 1.25, as 10 + 4 − 4 = 10. Wrong ones: none.
    assert analogy_term(TABLE, [questions_of(RIGHT)]).item() == pytest.approx(-(100 + 0 + 1.25) / 3)


def test_the_analogy_term_of_a_question_answered_wrong_by_hand() -> None:
    # p = (3, 1) − (3, 0) + (1, 0) = (1, 1). Inner products: 0, 0, own, 2, own, own, 4, −2. The answer is row 6, (0, 4);
    # right would have been row 3, (1, 1).
    # Wrong ones: 100 · ⟨(1, 1), (0, 4)⟩ / 8 = 50. Right ones: (0.99 · 2 + 0.01 · 4) / 8 = 0.2525.
    assert analogy_term(TABLE, [questions_of(WRONG)]).item() == pytest.approx(-(0 + 50 + 0.2525) / 3)


def test_accuracy_counts_all_sections_and_the_sums_those_of_the_last_one_with_questions() -> None:
    empty = questions_of()
    both = [questions_of(RIGHT), empty, questions_of(WRONG), empty]
    assert analogy_term(TABLE, both).item() == pytest.approx(-(50 + 50 + 0.2525) / 3)
    assert analogy_term(TABLE, both[::-1]).item() == pytest.approx(-(50 + 0 + 1.25) / 3)
    together = questions_of(RIGHT, WRONG)
    assert analogy_term(TABLE, [together]).item() == pytest.approx(-(50 + 50 + 1.5025) / 3)


@pytest.mark.parametrize(("n", "last"), [(99, 99), (100, 100), (101, 1), (250, 50)])
def test_similarity_to_right_answers_is_that_of_the_last_100_questions_begun(n: int, last: int) -> None:
    questions = questions_of(*[RIGHT] * n)
    assert analogy_term(TABLE, [questions]).item() == pytest.approx(-(100 + 0 + 1.25 * last) / 3)


def test_without_any_question_the_term_is_0() -> None:
    assert analogy_term(TABLE, [questions_of()]).item() == 0
    assert analogy_term(TABLE, []).item() == 0


# --- As a task


def test_a_term_is_the_value_of_the_models_table_without_gradient() -> None:
    model = Model(BiLSTM(TABLE.float(), hidden=2), {})
    seen: list[Tensor] = []

    def value(table: Tensor) -> Tensor:
        seen.append(table)
        return table.sum()

    task = ReleasedTerm("sum", value)
    batches = list(task.batches(64, torch.Generator()))
    assert len(batches) == 1
    loss = task.loss(model, batches[0])
    assert loss.item() == TABLE.sum().item()
    assert not loss.requires_grad
    assert not seen[0].requires_grad
    assert task.head(model.encoder) is None
