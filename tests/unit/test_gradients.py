import pytest
import torch
from torch import nn

from mt2st.gradients import cosine
from mt2st.models import BiLSTM, Model
from mt2st.tasks import SentenceTask, TokenTask

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


def test_gradients_of_two_tasks_are_those_that_training_takes() -> None:
    torch.manual_seed(0)
    sentences = [torch.randint(2, 9, (4,)) for _ in range(8)]
    tasks = [
        SentenceTask("topic", sentences, torch.arange(8) % 2, ["a", "b"]),
        TokenTask("next", sentences, [s % 3 for s in sentences], ["a", "b", "c"], ahead=True),  # reads one direction
    ]
    encoder = BiLSTM(torch.randn(9, 4), hidden=3)
    model = Model(encoder, {task.name: task.head(encoder) for task in tasks})
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
