"""`fit`: the one training loop, Algorithms 1 and 2 of the paper."""

import copy
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from mt2st.adaptation import CheckConvergence
from mt2st.models import Model
from mt2st.schedules import Schedule
from mt2st.tasks import Batch, LabelledTask, Task, endless, labelled_loss, length_sorted

EPSILON = 0.01  # a task whose weight is below this is not computed: that is where time is saved


@dataclass
class History:
    """What happened in each epoch, and in which one the validation accuracy was best."""

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1

    def frame(self) -> pd.DataFrame:
        """One row an epoch; columns with a dot belong to the task named behind it."""
        return pd.DataFrame(self.epochs)

    @property
    def train_seconds(self) -> float:
        """Seconds spent training, evaluation apart."""
        return sum(epoch["train_seconds"] for epoch in self.epochs)


@dataclass(frozen=True)
class Evaluation:
    """Predictions on a data set, in its order, and their mean loss."""

    loss: float
    targets: np.ndarray  # (examples,)
    predictions: np.ndarray  # (examples,)

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return float((self.targets == self.predictions).mean())


def fit(
    model: Model,
    primary: LabelledTask,
    auxiliaries: Sequence[Task],
    schedule: Schedule,
    *,
    validation: LabelledTask | None,
    optimizer: torch.optim.Optimizer | None = None,
    epochs: int = 25,
    batch_size: int = 64,
    seed: int = 0,
    epsilon: float = EPSILON,
    convergence: CheckConvergence | None = None,
    progress: bool = False,
) -> History:
    """Train `model` in place on L_primary + Σ_k γ_k(t) L_k, equations (3), (4) and (5).

    An epoch t = 0, 1, … is one pass over the primary task; each of its steps also takes the next batch of every
    auxiliary task whose weight γ_k(t) is at least `epsilon`. The model ends with the parameters of the epoch whose
    validation accuracy was highest (the first of them), or of the last one where there is no validation set. Two calls
    with the same arguments give the same bits on the same machine, and the primary task sees the same batches whatever
    the auxiliaries are.

    Where the paper differs: its update is plain gradient descent, ours is Adam unless another optimizer is given; it
    has no validation set; its CheckConvergence is not defined (see there) and off unless given.

    Args:
        model: has a head for every task that needs one.
        primary: the task that counts.
        auxiliaries: K tasks, in the order of the schedule's weights.
        schedule: γ_k(t).
        validation: the primary task's held-out examples; None leaves no choice but the last epoch.
        optimizer: over the model's parameters; Adam with learning rate 1e-3 by default.
        epochs: passes over the primary task at most.
        batch_size: sentences in a batch.
        seed: of batch order and dropout; the model's initial values are the caller's.
        epsilon: smallest weight for which an auxiliary task is computed.
        convergence: ends training early.
        progress: show a progress bar.

    Raises ValueError if `epochs` is below 1, two tasks have one name, the schedule has neither one weight nor K, or a
    loss is not finite.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    names = [primary.name, *(task.name for task in auxiliaries)]
    if len(set(names)) < len(names):
        raise ValueError(f"tasks need different names, got {', '.join(names)}")
    device = model.encoder.table.device
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    torch.manual_seed(seed)
    generators = [torch.Generator().manual_seed(seed + k) for k in range(len(auxiliaries) + 1)]
    streams = [endless(task, batch_size, g) for task, g in zip(auxiliaries, generators[1:], strict=True)]
    probes = [_to(next(task.batches(batch_size, None)), device) for task in auxiliaries]
    history, best_accuracy = History(), -1.0
    best_state: dict[str, Tensor] = {}

    for t in tqdm(range(epochs), desc=primary.name, unit="epoch", disable=not progress):
        weights = _weights_for(schedule, t, auxiliaries)
        active = {k: weight for k, weight in enumerate(weights) if weight >= epsilon}
        started, started_cpu = _clock(device), time.process_time()
        record = _train_epoch(
            model,
            primary,
            auxiliaries,
            active,
            primary.batches(batch_size, generators[0]),
            streams,
            optimizer,
        )
        trained, trained_cpu = _clock(device), time.process_time()
        if not np.isfinite(record["loss"]):
            raise ValueError(f"the loss became {record['loss']} in epoch {t}: lower the learning rate or the weights")

        model.eval()  # a probe neither drops states nor draws random numbers, which training would then miss
        for task, weight, probe in zip(auxiliaries, weights, probes, strict=True):
            record[f"weight.{task.name}"] = weight
            with torch.no_grad():
                record[f"probe.{task.name}"] = task.loss(model, probe).item()
        if validation is None:
            history.best_epoch = t
        else:
            held_out = evaluate(model, validation)
            record |= {"validation_loss": held_out.loss, "validation_accuracy": held_out.accuracy}
            if held_out.accuracy > best_accuracy:
                best_accuracy, history.best_epoch = held_out.accuracy, t
                best_state = copy.deepcopy(model.state_dict())
        record |= {"train_seconds": trained - started, "cpu_seconds": trained_cpu - started_cpu}
        record |= {"evaluation_seconds": _clock(device) - trained}
        history.epochs.append({"epoch": t} | record)
        if convergence is not None and convergence([e["gradient_norm"] for e in history.epochs]):
            break

    if best_state:
        model.load_state_dict(best_state)
    return history


def _train_epoch(
    model: Model,
    primary: LabelledTask,
    auxiliaries: Sequence[Task],
    active: Mapping[int, float],
    batches: Iterable[Batch],
    streams: Sequence[Iterator[Batch]],
    optimizer: torch.optim.Optimizer,
) -> dict[str, float]:
    """One pass over the primary task: θ ← θ − η (∇L_primary + Σ_k γ_k ∇L_k), `active` maps k to γ_k.

    Returns the epoch's means of the total loss, of each task's loss and of the norm of the primary gradient, the
    accuracy on the training batches, and counts of steps, examples and tokens.
    """
    device = model.encoder.table.device
    sums: dict[str, Tensor | float] = defaultdict(float)
    steps = examples = tokens = labels = 0
    model.train()
    for batch in batches:
        words, lengths, targets = _to(batch, device)
        optimizer.zero_grad()
        logits = primary.logits(model, (words, lengths, targets))
        loss = labelled_loss(logits, targets)
        loss.backward()
        total = loss.detach()
        sums[f"loss.{primary.name}"] += total
        sums["gradient_norm"] += _gradient_norm(model)
        sums["correct"] += (logits.argmax(-1) == targets).sum()

        for k, weight in active.items():
            loss = auxiliaries[k].loss(model, _to(next(streams[k]), device))
            if loss.requires_grad:  # the released code's terms are constants
                (weight * loss).backward()
            sums[f"loss.{auxiliaries[k].name}"] += loss.detach()
            total = total + weight * loss.detach()
        sums["loss"] += total
        optimizer.step()

        steps, examples, tokens = steps + 1, examples + len(batch[0]), tokens + int(batch[1].sum())
        labels += int((batch[2] >= 0).sum())
    accuracy = float(sums.pop("correct")) / labels
    means = {name: float(value) / steps for name, value in sums.items()}
    return means | {"train_accuracy": accuracy, "steps": steps, "examples": examples, "tokens": tokens}


@torch.no_grad()
def evaluate(model: Model, task: LabelledTask, batch_size: int = 256) -> Evaluation:
    """Predict every example (of a token task: every word), in the order given; leaves the model in evaluation mode."""
    model.eval()
    device = model.encoder.table.device
    loss = 0.0
    targets: list[np.ndarray] = []
    predictions: list[np.ndarray] = []
    for batch in task.batches(batch_size, None):
        batch = _to(batch, device)
        logits = task.logits(model, batch)
        labelled = batch[2] >= 0
        loss += labelled_loss(logits, batch[2]).item() * int(labelled.sum())
        per_sentence = labelled.reshape(len(labelled), -1).sum(1).tolist()
        targets += [part.cpu().numpy() for part in batch[2][labelled].split(per_sentence)]
        predictions += [part.cpu().numpy() for part in logits.argmax(-1)[labelled].split(per_sentence)]
    given_order = np.argsort(torch.cat(list(length_sorted(task.lengths, batch_size, None))).numpy())
    right = np.concatenate([targets[i] for i in given_order])
    predicted = np.concatenate([predictions[i] for i in given_order])
    return Evaluation(loss / len(right), right, predicted)


def _weights_for(schedule: Schedule, t: int, auxiliaries: Sequence[Task]) -> list[float]:
    """Return γ(t) for the K auxiliaries, a single weight broadcast."""
    weights = schedule.weights(t)
    if len(weights) not in (1, len(auxiliaries)):
        raise ValueError(f"the schedule has {len(weights)} weights for {len(auxiliaries)} auxiliary tasks")
    return weights.expand(len(auxiliaries)).tolist()


def _gradient_norm(model: Model) -> Tensor:
    """Return the norm of the gradient over all parameters that have one."""
    return torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])


def _to(batch: Batch, device: torch.device) -> Batch:
    """Copy a batch to the device of the model."""
    return tuple(part.to(device) for part in batch)


def _clock(device: torch.device) -> float:
    """Seconds on a monotonic clock, after the device has finished what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
