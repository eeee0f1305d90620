"""`fit`: the one training loop, Algorithms 1 and 2 of the paper."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from mt2st import gradients
from mt2st.adaptation import CheckConvergence, Frozen
from mt2st.balancing import Balance
from mt2st.gradients import Aggregator, Learned
from mt2st.history import AUXILIARY, PRIMARY, Checkpoint, History, Tally
from mt2st.metrics import Evaluation
from mt2st.models import Model
from mt2st.restarts import Restarts
from mt2st.sampling import Sampling, Step, Together
from mt2st.schedules import Feedback, Schedule, WeightSchedule
from mt2st.tasks import IGNORED, Batch, LabelledTask, Task, endless

EPSILON = 0.01  # a task whose weight is below this is not computed: that is where time is saved


def fit(
    model: Model,
    primary: LabelledTask,
    auxiliaries: Sequence[Task],
    schedule: WeightSchedule,
    *,
    validation: Sequence[LabelledTask] = (),
    optimizer: torch.optim.Optimizer | None = None,
    sampling: type[Sampling] = Together,
    weigh: Literal["losses", "draws"] = "losses",
    aggregator: Aggregator | None = None,
    balance: Balance | None = None,
    epochs: int = 25,
    steps: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    epsilon: float = EPSILON,
    keep: Literal["best", "last"] = "best",
    patience: int | None = None,
    convergence: CheckConvergence | None = None,
    measure: Callable[[int], dict[str, float]] | None = None,
    progress: bool = False,
) -> History:
    """Train `model` in place on L_primary + Σ_k γ_k(t) L_k, equations (3), (4) and (5).

    An epoch t = 0, 1, … is one pass over the primary task, or `steps` steps. Which tasks a step trains `sampling` says;
    a task whose weight γ_k(t) is below `epsilon` is left out; so is the primary one where the schedule says that it
    waits (`Schedule.primary`). A schedule can also begin a phase anew (`Schedule.restart`), and
    decide by what the run has seen (`Schedule.informed`); the history has what is decided and why.

    The model ends with the parameters of the epoch that trained the primary task and had the highest validation
    accuracy in it (the first of them), or of the last one where there is no validation set. Two calls with the same
    arguments, of which the model, the optimizer, the aggregator and the balance have a state and so are new ones each
    time, give the same bits on the processor of the same machine; on CUDA PyTorch has to be told to be deterministic.

    Where the paper differs: its update is plain gradient descent, ours is Adam unless another optimizer is given; it
    has no validation set; its CheckConvergence is not defined (see there) and off unless given.

    Args:
        model: has a head for every task that needs one.
        primary: the task that counts.
        auxiliaries: K tasks, in the order of the schedule's weights.
        schedule: γ_k(t).
        validation: held-out examples of some of the tasks, by their names.
        optimizer: over the model's parameters; Adam with learning rate 1e-3 by default.
        sampling: `sampling.Together` trains all tasks in each step, all others one that is drawn, without aggregator
            and balance.
        weigh: what the weights are of: "losses", or "draws", how often a task is drawn.
        aggregator: makes one gradient of those of a step's tasks on the parameters that they share, see `gradients`;
            by default they are summed. It is not asked in steps without the primary task or without another one.
            `gradients.Learned` looks at the primary task's held-out examples too, which costs a batch of them a step.
        balance: weighs the losses of a step that trains all tasks on top of the schedule, see `balancing`; moved to the
            device of the model. The norm of the primary gradient that is recorded is then that of the weighed loss.
        epochs: at most.
        steps: of an epoch, in place of one pass over the primary task.
        batch_size: examples in a batch.
        seed: of batches and dropout; the model's initial values are the caller's.
        epsilon: smallest weight for which an auxiliary task is computed.
        keep: "best" as above, or the parameters of the "last" epoch.
        patience: ends training after so many epochs without a better one. They count from the last epoch in which
            `schedule` adds or drops a task, so that every run comes to the task that it is to end on; a run whose
            schedule decides by validation does not end before its auxiliary tasks.
        convergence: ends training early.
        measure: called after each epoch t with the model trained so far; what it returns joins the epoch's row.
        progress: show a progress bar.

    Raises ValueError if `epochs`, `steps` or `patience` is below 1, an epoch trains no task or none the primary one,
    there is patience, or a schedule or an aggregator that decides by validation, but no held-out example of the primary
    task, two tasks or two sets of held-out examples have one name, held-out examples belong to none of the tasks, the
    schedule has neither one weight nor K or one that is negative or not finite, `weigh` is unknown or "draws" with a
    sampling that does not draw by weights, there is an aggregator or a balance with a sampling other than `Together`, a
    loss or parameter is not finite, or as `Restarts.begin`.
    """
    tasks = [primary, *auxiliaries]
    held_out = _check(tasks, validation, epochs=epochs, steps=steps, patience=patience)
    decides = _decides(schedule, aggregator, primary, held_out)
    _check_joint(sampling, aggregator=aggregator, balance=balance)
    settled = _last_change(schedule, auxiliaries, epochs, epsilon)
    device = model.device
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    if balance:
        balance.to(device)
        if own := balance.parameters():
            optimizer.add_param_group({"params": own, "weight_decay": 0.0})
    torch.manual_seed(seed)
    sampler = sampling(tasks, batch_size, epochs, steps, seed)
    by_draws = _draws(weigh, sampling)
    probes = [_to(next(task.batches(batch_size, None)), device) for task in auxiliaries]
    if isinstance(aggregator, Learned):
        aggregator.look = _held_out_gradient(model, held_out[primary.name], batch_size, seed)
    history, phase, before = History(), 0, None
    restarts = Restarts(model, primary, optimizer, batch_size, lambda: _score(model, held_out.get(primary.name)))
    names = [task.name for task in tasks]
    validated: list[float] = []  # accuracies of the primary task, by epoch
    losses: list[list[float]] = [[] for _ in tasks]
    seen = Feedback(validated, losses, names)

    for t in tqdm(range(epochs), desc=primary.name, unit="epoch", disable=not progress):
        started, started_cpu = _clock(device), time.process_time()
        if isinstance(schedule, Schedule):
            restart = schedule.restart(t)
            said = [restarts.begin(restart, history, names) if restart else "", schedule.reason(t, seen)]
            history.decisions += [(t, decision) for decision in said if decision]
        weights = _weights_for(schedule, t, auxiliaries, seen)
        active = _active(weights, epsilon)
        if before not in (None, active):
            settled = max(settled, t)  # not foreseen where the schedule decides by validation
        phase, before = phase + (active != before), active
        alike = [1.0] * len(tasks)
        counts, factors = (weights, alike) if by_draws else (alike, weights)
        epoch, tallies = _train_epoch(
            model, tasks, factors, sampler.epoch(active, counts), optimizer, aggregator, balance, restarts.frozen
        )
        trained, trained_cpu = _clock(device), time.process_time()
        if not np.isfinite(epoch["loss"]):
            means = {name: tally.means().get("loss", 0.0) for name, tally in zip(names, tallies, strict=True)}
            broken = [name for name, mean in means.items() if not np.isfinite(mean)]
            when = f"epoch {t}, that of {', '.join(broken)}" if broken else f"epoch {t}"  # none: their sum is too large
            raise ValueError(f"the loss became {epoch['loss']} in {when}: lower the learning rate or the weights")

        extra = measure(t) if measure else {}
        found = {name: evaluate(model, task) for name, task in held_out.items()}
        history.tasks += _rows(t, model, tasks, weights, tallies, probes, held_out, found)
        for name, of_task, tally in zip(names, losses, tallies, strict=True):
            of_task.append(tally.means().get("loss", np.nan))
            history.steps[name] += tally.by_step(int(epoch["steps"]))
        if primary.name in found:
            validated.append(found[primary.name].accuracy)
        if primary.name not in found or keep == "last":
            history.best_epoch = t
        elif 0 in active:
            history.offer(t, phase, found[primary.name].accuracy, model)
        epoch |= {"train_seconds": trained - started, "cpu_seconds": trained_cpu - started_cpu}
        epoch |= {"evaluation_seconds": _clock(device) - trained}
        history.epochs.append({"epoch": t} | epoch | extra)
        if convergence is not None and convergence([e["gradient_norm"] for e in history.epochs]):
            break
        is_open = decides and len(active) > 1
        if patience and not is_open and t - max(history.best_epoch, settled) >= patience:
            break

    if history.accuracies:
        history.checkpoints["last"] = Checkpoint.of(t, model)
        model.load_state_dict(history.best.state)
    if broken := [name for name, parameter in model.named_parameters() if not parameter.isfinite().all()]:
        raise ValueError(f"{', '.join(broken)} became infinite or nan: lower the learning rate or the weights")
    return history


def _check(
    tasks: Sequence[Task], validation: Sequence[LabelledTask], **at_least_one: int | None
) -> dict[str, LabelledTask]:
    """Return held-out examples by the name of their task; raises ValueError for what `fit` cannot take."""
    for name, number in at_least_one.items():
        if number is not None and number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    names = [task.name for task in tasks]
    for what, given in (("tasks", names), ("the tasks of validation", [task.name for task in validation])):
        if len(set(given)) < len(given):
            raise ValueError(f"{what} need different names, got {', '.join(given)}")
    held_out = {task.name: task for task in validation}
    if unknown := held_out.keys() - set(names):
        raise ValueError(f"validation has examples of {', '.join(sorted(unknown))}; the tasks are {', '.join(names)}")
    if at_least_one["patience"] and names[0] not in held_out:
        raise ValueError(f"patience needs validation examples of {names[0]}")
    return held_out


def _decides(
    schedule: WeightSchedule, aggregator: Aggregator | None, primary: LabelledTask, held_out: Mapping[str, LabelledTask]
) -> bool:
    """Whether the schedule decides by validation; raises ValueError where it or the aggregator cannot."""
    decides = isinstance(schedule, Schedule) and schedule.NEEDS_VALIDATION
    for decided, by in ((decides, schedule), (isinstance(aggregator, Learned), aggregator)):
        if decided and primary.name not in held_out:
            raise ValueError(f"{type(by).__name__} needs validation examples of {primary.name}")
    return decides


def _draws(weigh: str, sampling: type[Sampling]) -> bool:
    """Whether weights are of draws in place of losses; raises ValueError where they cannot be."""
    if weigh not in ("losses", "draws"):
        raise ValueError(f"weigh must be losses or draws, got {weigh!r}")
    if weigh == "draws" and not sampling.BY_COUNT:
        raise ValueError(f"{sampling.__name__} does not draw tasks by their weights: weigh the losses, or take Equal")
    return weigh == "draws"


def _check_joint(sampling: type[Sampling], **of_several: Aggregator | Balance | None) -> None:
    """Raise ValueError for what acts on the tasks of one step beside a sampling that trains one task a step."""
    for name, given in of_several.items():
        if given is not None and not issubclass(sampling, Together):
            raise ValueError(
                f"{name} acts on tasks that are trained together and has no effect with sampling {sampling.__name__}: "
                f"leave out {name}, or take sampling Together"
            )


def _train_epoch(
    model: Model,
    tasks: Sequence[Task],
    weights: Sequence[float],
    steps: Iterable[Step],
    optimizer: torch.optim.Optimizer,
    aggregator: Aggregator | None,
    balance: Balance | None,
    frozen: Frozen | None,
) -> tuple[dict[str, float], list[Tally]]:
    """Train all steps of an epoch: θ ← θ − η Σ_k γ_k ∇L_k, the primary task's γ being 1, or as the aggregator says.

    Returns the epoch's means of the total loss and of the norm of the primary gradient (with a balance, of that times
    its factor), with counts of steps and of the primary task's work; and what was trained on each task.
    """
    device = model.device
    tallies = [Tally() for _ in tasks]
    shared = [parameter for parameter in model.shared() if parameter.requires_grad]
    loss_sum: Tensor | float = 0.0
    norm_sum: Tensor | float = 0.0
    work: Counter[str] = Counter()
    model.train()
    for step in steps:
        optimizer.zero_grad()
        total: Tensor | float = 0.0
        found = [(k, batch, tasks[k].outcome(model, _to(batch, device))) for k, batch in step]
        is_weighed = balance is not None and len(found) == len(tasks) > 1
        counts = [weights[k] for k, _, _ in found]
        if balance and is_weighed:
            factors = balance.factors([weights[k] * outcome.loss for k, _, outcome in found])
            counts = [weight * factor for weight, factor in zip(counts, factors, strict=True)]
            for tally, factor in zip(tallies, factors, strict=True):
                tally.factors.append(factor)
        apart: list[Tensor] | None = [] if aggregator and len(step) > 1 and not step[0][0] else None
        for (k, batch, outcome), count in zip(found, counts, strict=True):
            if outcome.loss.requires_grad:  # the released code's terms are constants
                (count * outcome.loss).backward()
            loss = outcome.loss.detach()
            total = total + weights[k] * loss
            tallies[k].add(work["steps"], loss, outcome)
            if not k:
                norm_sum = norm_sum + _gradient_norm(model)
                work.update(tasks[k].counts(batch))
            if apart is not None:
                apart.append(gradients.take(shared))
        if aggregator and apart:
            rows = torch.stack(apart)  # (tasks, parameters)
            gradients.put(shared, aggregator(rows))
            sizes = rows.norm(dim=1)
            for (k, _), cosine, size in zip(step[1:], gradients.cosines(rows), sizes[1:] / sizes[0], strict=True):
                tallies[k].stands.append(torch.stack([cosine, size]))
        loss_sum = loss_sum + total
        optimizer.step()
        if frozen:
            frozen.restore()
        if balance and is_weighed and balance.learns_by_steps:
            with torch.no_grad():  # what the step did to the losses of its own batches
                balance.update([weights[k] * tasks[k].loss(model, _to(batch, device)) for k, batch, _ in found])
        work["steps"] += 1
    if balance:
        balance.end_epoch()
    norm = float(norm_sum) / len(tallies[0].at) if tallies[0].at else float("nan")
    return {"loss": float(loss_sum) / work["steps"], "gradient_norm": norm} | dict(work), tallies


@torch.no_grad()
def _rows(
    t: int,
    model: Model,
    tasks: Sequence[Task],
    weights: Sequence[float],
    tallies: Sequence[Tally],
    probes: Sequence[Batch],
    held_out: Mapping[str, LabelledTask],
    found: Mapping[str, Evaluation],
) -> list[dict[str, float | str]]:
    """Return what epoch t was for each task, see `History.tasks`; leaves the model in evaluation mode."""
    model.eval()  # a probe neither drops states nor draws random numbers, which training would then miss
    rows = []
    for k, task in enumerate(tasks):
        row: dict[str, float | str] = {"epoch": t, "task": task.name, "role": AUXILIARY if k else PRIMARY}
        row |= {"weight": weights[k], "batches": len(tallies[k].at)} | tallies[k].means()
        if k:
            row["probe"] = task.loss(model, probes[k - 1]).item()
        if task.name in found:
            scores = {"loss": found[task.name].loss} | held_out[task.name].scores(found[task.name])
            row |= {f"validation_{name}": score for name, score in scores.items()}
        rows.append(row)
    return rows


@torch.no_grad()
def evaluate(model: Model, task: LabelledTask, batch_size: int = 256) -> Evaluation:
    """Predict every example (of a token task: every word), in the order given; leaves the model in evaluation mode."""
    model.eval()
    loss, terms = 0.0, 0
    targets: list[np.ndarray] = []
    predictions: list[np.ndarray] = []
    for batch in task.batches(batch_size, None):
        batch = _to(batch, model.device)
        logits, wanted = task.logits(model, batch), batch[-1]
        loss += task.mean_loss(logits, wanted).item() * task.terms(wanted)
        terms += task.terms(wanted)
        answered = wanted != IGNORED
        per_example = answered.reshape(len(answered), -1).sum(1).tolist()
        targets += [part.cpu().numpy() for part in wanted[answered].split(per_example)]
        predictions += [part.cpu().numpy() for part in logits.argmax(-1)[answered].split(per_example)]
    given_order = np.argsort(task.order(batch_size).numpy())
    return Evaluation(
        loss / terms,
        np.concatenate([targets[i] for i in given_order]),
        np.concatenate([predictions[i] for i in given_order]),
        np.array([len(targets[i]) for i in given_order]),
    )


def _held_out_gradient(model: Model, held_out: LabelledTask, batch_size: int, seed: int) -> Callable[[], Tensor]:
    """Return what gives the gradient of one random batch of held-out examples after the other, on what tasks share."""
    batches = endless(held_out, batch_size, torch.Generator().manual_seed(seed))
    shared = [parameter for parameter in model.shared() if parameter.requires_grad]
    return lambda: gradients.flat(held_out.loss(model, _to(next(batches), model.device)), shared)


def _score(model: Model, held_out: LabelledTask | None) -> tuple[float, float]:
    """Accuracy of the model as it is, and for ties its loss with the sign changed."""
    if held_out is None:
        raise ValueError("branches are merged by validation: give held-out examples of the primary task")
    found = evaluate(model, held_out)
    return found.accuracy, -found.loss


def _weights_for(
    schedule: WeightSchedule, t: int, auxiliaries: Sequence[Task], seen: Feedback | None = None
) -> list[float]:
    """Return the weights of the primary task and of the K auxiliaries in epoch t, a single γ(t) broadcast.

    Without what the run has `seen` they are those that are foreseen.
    """
    gamma = schedule.informed(t, seen) if seen and isinstance(schedule, Schedule) else schedule.weights(t)
    weights = torch.as_tensor(gamma, dtype=torch.float64).flatten()
    if len(weights) not in (1, len(auxiliaries)):
        raise ValueError(f"the schedule has {len(weights)} weights for {len(auxiliaries)} auxiliary tasks")
    if not (weights.isfinite() & (weights >= 0)).all():
        raise ValueError(f"weights must be finite and at least 0, the schedule has {weights.tolist()} in epoch {t}")
    primary = schedule.primary(t) if isinstance(schedule, Schedule) else 1.0
    return [primary, *weights.expand(len(auxiliaries)).tolist()]


def _active(weights: Sequence[float], epsilon: float) -> list[int]:
    """Return which tasks are trained with these weights, by index."""
    return [k for k, weight in enumerate(weights) if (weight >= epsilon if k else weight > 0)]


def _last_change(schedule: WeightSchedule, auxiliaries: Sequence[Task], epochs: int, epsilon: float) -> int:
    """Return the first epoch from which on the same tasks are trained to the end, as far as that is foreseen.

    Raises ValueError for an epoch in which no task is trained, and where the primary one is never trained.
    """
    active = [_active(_weights_for(schedule, t, auxiliaries), epsilon) for t in range(epochs)]
    if idle := [t for t in range(epochs) if not active[t]]:
        raise ValueError(f"the schedule trains no task in epoch {idle[0]}: give the auxiliary tasks a larger weight")
    if not any(0 in of_epoch for of_epoch in active):
        raise ValueError(
            f"the schedule trains the primary task in none of {epochs} epochs: train for more, or switch sooner"
        )
    last = max((t for t in range(1, epochs) if active[t] != active[t - 1]), default=0)
    return max(last, schedule.settled) if isinstance(schedule, Schedule) else last


def _gradient_norm(model: Model) -> Tensor:
    """Return the norm of the gradient over all parameters that have one; a sparse one counts with its rows."""
    gradients = [
        p.grad.coalesce().values() if p.grad.is_sparse else p.grad for p in model.parameters() if p.grad is not None
    ]
    return torch.nn.utils.get_total_norm(gradients)


def _to(batch: Batch, device: torch.device) -> Batch:
    """Copy a batch to the device of the model."""
    return tuple(part.to(device) for part in batch)


def _clock(device: torch.device) -> float:
    """Seconds on a monotonic clock, after the device has finished what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
