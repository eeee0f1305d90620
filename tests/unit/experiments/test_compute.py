import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mt2st.experiments import compute
from mt2st.experiments.released_terms import ReleasedTerm, analogy_term
from mt2st.losses import analogy_loss, misalignment_loss
from mt2st.models import BiLSTM, Model
from mt2st.tasks import LabelledTask, NoiseTask, SentenceTask, TableTask, Task, TokenTask

WORDS, D, H, CLASSES = 30, 6, 10, 3
LENGTHS = [4, 1, 7, 3, 3, 5, 2]
SENTENCES = [torch.arange(n) + 2 for n in LENGTHS]
QUESTIONS = torch.tensor([[2, 3, 4, 5], [6, 7, 8, 9], [3, 5, 7, 9]])


def _sentence_task() -> SentenceTask:
    return SentenceTask("topic", SENTENCES, torch.arange(7) % CLASSES, [f"class {i}" for i in range(CLASSES)])


def _token_task() -> TokenTask:
    return TokenTask("tags", SENTENCES, [s % CLASSES for s in SENTENCES], [f"class {i}" for i in range(CLASSES)])


def _model(task: Task, trainable: bool = True) -> Model:
    torch.manual_seed(0)
    encoder = BiLSTM(torch.randn(WORDS, D), H, dropout=0.3)
    encoder.table.requires_grad_(trainable)
    head = task.head(encoder)
    assert head is not None
    return Model(encoder, {task.name: head})


def _by_formula(sentences: int, time: int, positions: int, trainable: bool) -> int:
    """Operations of two LSTMs over `sentences` of `time` words and of a linear layer at some of their positions.

    A product of (m, k) and (k, n) is 2mkn operations. Training has it three times: forward, and the gradients of both
    factors; the input has no gradient where the table is frozen, and the first state, zeros, has none.
    """
    inputs = 2 * sentences * time * D * 4 * H * (3 if trainable else 2)
    states = 2 * sentences * H * 4 * H * (3 * time - 1)
    return 2 * (inputs + states) + 3 * 2 * positions * 2 * H * CLASSES


@pytest.mark.parametrize("trainable", [True, False])
def test_a_batch_of_sentences_is_the_closed_formula(trainable: bool) -> None:
    task = _sentence_task()
    batch = next(task.batches(7, None))
    assert batch[0].shape == (7, 7)
    expected = _by_formula(sentences=7, time=7, positions=7, trainable=trainable)
    assert compute.batch_flops(_model(task, trainable), task, batch) == expected


def test_a_batch_of_tagged_words_is_the_closed_formula() -> None:
    task = _token_task()
    batch = next(task.batches(7, None))
    expected = _by_formula(sentences=7, time=7, positions=49, trainable=True)  # padding is computed too
    assert compute.batch_flops(_model(task), task, batch) == expected


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("task", [_sentence_task(), _token_task()], ids=["sentences", "words"])
def test_an_epoch_is_what_torch_counts_over_its_whole_batches(task: LabelledTask, size: int) -> None:
    model = _model(task)
    counted = 0
    with compute._plain_lstms():
        for batch in task.batches(size, None):
            with FlopCounterMode(display=False) as counter:
                task.loss(model, batch).backward()
            counted += counter.get_total_flops()
    assert compute.epoch_flops(model, task, [], size) == {task.name: counted}


def test_an_epoch_of_sentences_of_one_length_is_the_closed_formula() -> None:
    task = SentenceTask("topic", [torch.arange(5) + 2] * 8, torch.arange(8) % CLASSES, ["a", "b", "c"])
    expected = _by_formula(sentences=8, time=5, positions=8, trainable=True)
    assert compute.epoch_flops(_model(task), task, [], 4) == {"topic": expected}


def test_an_auxiliary_task_costs_one_batch_in_each_step_of_the_primary() -> None:
    task = _sentence_task()
    auxiliaries = [
        TableTask("aligned", misalignment_loss, [QUESTIONS]),
        TableTask("element-wise", analogy_loss, [QUESTIONS]),
        ReleasedTerm("term", lambda table: analogy_term(table, [QUESTIONS])),
    ]
    counts = compute.epoch_flops(_model(task), task, auxiliaries, 3)  # 3 steps
    candidates = len(QUESTIONS.unique())
    assert counts["aligned"] == 3 * 3 * 2 * 3 * candidates * D  # steps, passes, operations, questions
    assert counts["element-wise"] == 0  # no matrix product
    assert counts["term"] == 3 * 2 * 3 * WORDS * D  # no backward pass
    assert list(counts) == ["topic", "aligned", "element-wise", "term"]


def test_an_auxiliary_text_task_costs_a_batch_of_mean_size() -> None:
    task = _sentence_task()
    tags = [torch.zeros(n, dtype=torch.long) for n in (1, 1, 4, 9)]
    texts = TokenTask("tags", [torch.arange(len(t)) + 2 for t in tags], tags, ["a", "b", "c"])
    torch.manual_seed(0)
    model = Model.of(BiLSTM(torch.randn(WORDS, D), H), [task, texts])
    counts = compute.epoch_flops(model, task, [texts], 1)  # 7 steps; sizes 1, 1, 4 and 9 have the mean 3.75
    assert counts["tags"] == 7 * _by_formula(sentences=1, time=4, positions=4, trainable=True)


def test_noise_costs_what_the_gradient_costs_whose_norm_it_has() -> None:
    task = _sentence_task()
    real = TableTask("real", misalignment_loss, [QUESTIONS])
    noise = NoiseTask("noise", misalignment_loss, [QUESTIONS])
    counts = compute.epoch_flops(_model(task), task, [real, noise], 3)
    assert counts["real"] == counts["noise"] > 0


def test_counting_changes_nothing() -> None:
    task = _sentence_task()
    model = _model(task)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    flags = torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled
    compute.epoch_flops(model, task, [TableTask("table", analogy_loss, [QUESTIONS])], 3)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [p.grad for p in model.parameters()] == [None] * len(list(model.parameters()))
    assert (torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled) == flags


def test_the_first_batch_of_an_auxiliary_stands_for_all() -> None:
    def product(table: Tensor, rows: Tensor) -> Tensor:
        return (table[rows[:, 0]] @ table[rows[:, 1]].T).sum()

    task = _sentence_task()
    auxiliary = TableTask("products", product, [torch.tensor([[2, 3], [4, 5], [6, 7], [8, 9], [2, 4]])], size=2)
    sizes = [len(batch[0]) for batch in auxiliary.batches(1, None)]
    assert sizes == [2, 3]
    assert compute.epoch_flops(_model(task), task, [auxiliary], 7)["products"] == 3 * 2 * 2 * 2 * D
