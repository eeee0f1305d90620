"""Floating-point operations of training, counted by `torch.utils.flop_counter`: a cost no other program disturbs."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.utils.flop_counter import FlopCounterMode

from mt2st.models import Model
from mt2st.tasks import Batch, LabelledTask, Task


def epoch_flops(model: Model, primary: LabelledTask, auxiliaries: Sequence[Task], batch_size: int) -> dict[str, int]:
    """Operations of an epoch by task name: the primary task's pass, and one batch of an auxiliary in each of its steps.

    Counted are the matrix products of forward and backward pass (a multiplication and an addition are two operations),
    as the counter does; element-wise operations and the optimiser's are not. One of an auxiliary's
    batches stands for all of them, the one whose size is nearest to their mean: text is batched by length.
    """
    batches = list(primary.batches(batch_size, None))
    first, further = _first_and_further_word(model, primary, batches[0])
    sentences = sum(len(words) for words, *_ in batches)
    padded = sum(words.numel() for words, *_ in batches)  # padding is computed too
    counts = {primary.name: first * sentences + further * (padded - sentences)}
    for task in auxiliaries:
        counts[task.name] = len(batches) * batch_flops(model, task, _usual(list(task.batches(batch_size, None))))
    return counts


def _usual(batches: Sequence[Batch]) -> Batch:
    """Return the batch whose size, padding included, is nearest to the mean; the first of equals."""
    sizes = [sum(part.numel() for part in batch) for batch in batches]
    mean = sum(sizes) / len(sizes)
    return min(zip(batches, sizes, strict=True), key=lambda pair: abs(pair[1] - mean))[0]


def batch_flops(model: Model, task: Task, batch: Batch) -> int:
    """Operations of one forward and backward pass."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    with _plain_lstms(), FlopCounterMode(display=False) as counter:
        loss = task.loss(model, tuple(part.to(model.device) for part in batch))
        if loss.requires_grad:
            torch.autograd.grad(loss, parameters, allow_unused=True)
    return int(counter.get_total_flops())


@contextmanager
def _plain_lstms() -> Iterator[None]:
    """Keep oneDNN and cuDNN from computing an LSTM in one operation, into which the counter would not see."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oneDNN's flags speak of Intel GPUs
        with torch.backends.mkldnn.flags(enabled=False), torch.backends.cudnn.flags(enabled=False):
            yield


def _first_and_further_word(model: Model, task: LabelledTask, batch: Batch) -> tuple[int, int]:
    """Operations for the first word of a sentence, with all that is done once a sentence, and for each further one."""
    words, _, *features, targets = batch
    counts = []
    for length in (1, 2):
        target = targets[:1] if targets.dim() == 1 else targets[:1, :1].expand(1, length)
        beside = [one[:1, :1].expand(1, length, -1) for one in features]
        one = words[:1, :1].expand(1, length), torch.tensor([length]), *beside, target
        counts.append(batch_flops(model, task, one))
    return counts[0], counts[1] - counts[0]
