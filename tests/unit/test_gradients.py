import copy
import sys

import pytest
import torch
from torch import nn
from torchjd import aggregation, autojac

from mt2st import gradients
from mt2st.gradients import AGGREGATORS, TORCHJD, Learned, cosine, gate, project, put, take, total
from mt2st.models import BiLSTM, Model
from mt2st.tasks import SentenceTask, Task, TokenTask

# Four gradients of five parameters: the first auxiliary one agrees with the primary one, the other two do not.
ROWS = torch.tensor(
    [[1.0, 2.0, 0.0, 0.0, 1.0], [2.0, 1.0, 1.0, 0.0, 0.0], [-1.0, -1.0, 3.0, 0.0, 0.0], [0.0, 0.0, 1.0, 2.0, -4.0]]
)
ONE, OTHER = torch.tensor([3.0, 0.0, 4.0]), torch.tensor([[1.0, 2.0], [0.0, 2.0]])


@pytest.mark.parametrize(("weights", "expected"), [((2.0, 3.0), 1.0), ((1.0, -4.0), -1.0)])
def test_gradients_of_one_direction_have_cosine_one(weights: tuple[float, float], expected: float) -> None:
    parameter = nn.Parameter(torch.zeros(3))
    first, second = (weight * (ONE * parameter).sum() for weight in weights)
    assert cosine(first, second, [parameter]) == pytest.approx(expected)
    assert parameter.grad is None


def test_all_parameters_count_as_one_vector() -> None:
    vector, matrix = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))
    first = (ONE * vector).sum() + (OTHER * matrix).sum()  # gradient (3, 0, 4, 1, 2, 0, 2)
    second = vector.sum() + 2 * matrix[1, 1]  # gradient (1, 1, 1, 0, 0, 0, 2)
    assert cosine(first, second, [vector, matrix]) == pytest.approx((3 + 4 + 4) / (34 * 7) ** 0.5)


def test_a_parameter_that_a_loss_does_not_reach_counts_as_zero() -> None:
    vector, matrix = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))
    first, second = (ONE * vector).sum() + (OTHER * matrix).sum(), (ONE * vector).sum()
    assert cosine(first, second, [vector, matrix]) == pytest.approx(5 / 34**0.5)
    assert cosine((ONE * vector).sum(), (OTHER * matrix).sum(), [vector, matrix]) == 0


def two_tasks() -> tuple[list[Task], Model]:
    """Return a task on sentences and one on words that reads one direction, with a model for both."""
    torch.manual_seed(0)
    sentences = [torch.randint(2, 9, (4,)) for _ in range(8)]
    tasks: list[Task] = [
        SentenceTask("topic", sentences, torch.arange(8) % 2, ["a", "b"]),
        TokenTask("next", sentences, [s % 3 for s in sentences], ["a", "b", "c"], ahead=True),
    ]
    return tasks, Model.of(BiLSTM(torch.randn(9, 4), hidden=3), tasks)


def test_gradients_of_two_tasks_are_those_that_training_takes() -> None:
    tasks, model = two_tasks()
    batches = [next(task.batches(8, None)) for task in tasks]
    vectors = []
    for task, batch in zip(tasks, batches, strict=True):
        model.zero_grad()
        task.loss(model, batch).backward()
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in model.shared()]
        vectors.append(torch.cat([part.flatten() for part in parts]))
    expected = vectors[0] @ vectors[1] / vectors[0].norm() / vectors[1].norm()
    losses = [task.loss(model, batch) for task, batch in zip(tasks, batches, strict=True)]
    assert cosine(*losses, model.shared()) == pytest.approx(expected.item(), rel=1e-5)


# --- aggregators


def test_the_gate_leaves_out_what_points_away_from_the_primary_gradient() -> None:
    kept = ROWS[ROWS @ ROWS[0] >= 0]
    assert len(kept) == 2
    torch.testing.assert_close(gate(ROWS), aggregation.Sum()(kept))
    torch.testing.assert_close(gate(-ROWS), -gate(ROWS))
    orthogonal = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    assert gate(orthogonal).tolist() == [1, 3]


def test_projected_gradients_are_those_of_pcgrad_with_the_primary_one_as_it_is() -> None:
    pcgrad = aggregation.PCGrad()
    for other in ROWS[1:]:
        one_way, other_way = project(torch.stack([ROWS[0], other])), project(torch.stack([other, ROWS[0]]))
        torch.testing.assert_close(one_way + other_way - ROWS[0] - other, pcgrad(torch.stack([ROWS[0], other])))
    each = [project(torch.stack([ROWS[0], other])) - ROWS[0] for other in ROWS[1:]]
    torch.testing.assert_close(project(ROWS), ROWS[0] + torch.stack(each).sum(0))
    for projected in each:
        assert projected @ ROWS[0] >= -1e-6


def test_without_a_primary_gradient_nothing_is_projected() -> None:
    rows = torch.stack([torch.zeros(5), ROWS[2]])
    torch.testing.assert_close(project(rows), ROWS[2])


def test_learned_weights_grow_with_agreement() -> None:
    learned, held_out = Learned(rate=0.1), torch.tensor([0.0, 1.0, -1.0, 2.0, 0.5])
    learned.look = lambda: held_out
    cosines = torch.cosine_similarity(ROWS[1:], held_out[None])
    for steps in range(1, 4):
        weights = 3 * (0.1 * steps * cosines).softmax(0)
        torch.testing.assert_close(learned(ROWS), ROWS[0] + weights @ ROWS[1:])
    torch.testing.assert_close(learned(ROWS[:2]), total(ROWS[:2]))  # other tasks: it begins anew
    with pytest.raises(ValueError, match="a gradient on held-out examples: set `look`"):
        Learned()(ROWS)


@pytest.mark.filterwarnings("ignore:.*not DPP")  # where TorchJD's own is called
@pytest.mark.parametrize("name", [*AGGREGATORS, *TORCHJD])
def test_every_aggregator_makes_one_gradient(name: str) -> None:
    torch.manual_seed(0)  # PCGrad takes pairs in random order
    made = gradients.aggregator(name, 4)
    if isinstance(made, Learned):
        made.look = lambda: ROWS[0]
    found = made(ROWS)
    assert found.shape == (5,)
    assert found.isfinite().all()
    if name in TORCHJD:
        parameters = {"CAGrad": {"c": 0.5}, "NashMTL": {"n_tasks": 4}}.get(name, {})
        torch.manual_seed(0)
        torch.testing.assert_close(found, getattr(aggregation, name)(**parameters)(ROWS))


def test_an_unknown_aggregator_is_refused_and_a_missing_one_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValueError, match=r"unknown aggregator 'median'; known: sum, gate, .*UPGrad"):
        gradients.aggregator("median", 2)
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(ModuleNotFoundError, match=r"UPGrad needs TorchJD: pip install 'mt2st\[gradients\]'"):
        gradients.aggregator("UPGrad", 2)


def test_gradients_are_taken_and_put_back() -> None:
    vector, matrix, apart = (nn.Parameter(torch.zeros(shape)) for shape in [(3,), (2, 2), (2,)])
    ((ONE * vector).sum() + (OTHER * matrix).sum()).backward()
    taken = take([vector, matrix, apart])
    assert taken.tolist() == [3, 0, 4, 1, 2, 0, 2, 0, 0]
    assert vector.grad is matrix.grad is None
    put([vector, matrix, apart], 2 * taken)
    assert vector.grad is not None and matrix.grad is not None
    torch.testing.assert_close(vector.grad, 2 * ONE)
    torch.testing.assert_close(matrix.grad, 2 * OTHER)


def test_a_step_descends_what_torchjd_makes_of_the_same_losses() -> None:
    """The gradients that training takes one after the other are the rows of TorchJD's Jacobian."""
    tasks, model = two_tasks()
    reference = copy.deepcopy(model)
    batches = [next(task.batches(8, None)) for task in tasks]
    losses = [task.loss(reference, batch) for task, batch in zip(tasks, batches, strict=True)]
    autojac.backward(losses, inputs=reference.shared(), parallel_chunk_size=1)
    autojac.jac_to_grad(reference.shared(), aggregation.UPGrad())
    rows = []
    for task, batch in zip(tasks, batches, strict=True):
        task.loss(model, batch).backward()
        rows.append(take(model.shared()))
    put(model.shared(), gradients.aggregator("UPGrad", 2)(torch.stack(rows)))
    for mine, theirs in zip(model.shared(), reference.shared(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-6)
