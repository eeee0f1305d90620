"""Tasks become a model: one encoder, and a head for each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch

from mt2st.architectures import ARCHITECTURES
from mt2st.architectures.private import ADVERSARY, Adversary
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import auxiliaries
from mt2st.experiments.labelled import Data, labelled_task
from mt2st.experiments.runs import Configuration
from mt2st.models import ENCODERS, LinearHead, Model
from mt2st.tasks import LabelledTask, Task, TextTask


@dataclass(frozen=True)
class Assembled:
    """A model with the tasks it has heads for."""

    model: Model
    primary: LabelledTask
    auxiliaries: list[Task]


def assemble(
    data: Data,
    table: EmbeddingTable,
    others: Sequence[str | Task] = (),
    configuration: Configuration | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> Assembled:
    """Return a new model for the primary task of a data set and some auxiliary tasks.

    Args:
        data: its training part is the primary task.
        table: words and their initial vectors.
        others: auxiliary tasks, by name (`auxiliaries.names`) or objects of your own; "adversary" tells those before it
            and the primary task apart (`architectures.private.Adversary`).
        configuration: encoder and architecture, their size and dropout; `Configuration()` by default.
        seed: of the initial values.
        device: where the model is to be.

    Raises ValueError for an unknown encoder or task, where a task cannot be built on this data or encoder, and for one
    with features that the architecture does not read.
    """
    configuration = configuration or Configuration()
    for kind, known in (("encoder", ENCODERS), ("architecture", ARCHITECTURES)):
        if (name := getattr(configuration, kind)) not in known:
            raise ValueError(f"unknown {kind} {name!r}; known: {', '.join(known)}")
    primary = labelled_task(data, "train", table, configuration)
    built: list[Task] = []
    for other in others:
        if other == ADVERSARY:  # of the tasks before it
            built.append(Adversary(ADVERSARY, [task for task in (primary, *built) if isinstance(task, TextTask)]))
        elif isinstance(other, str):
            built.append(auxiliaries.build(other, data, table, configuration))
        else:
            built.append(other)
    architecture = ARCHITECTURES[configuration.architecture]
    having = [task.name for task in (primary, *built) if isinstance(task, TextTask) and task.features]
    if having and not architecture.READS_FEATURES:
        reading = ", ".join(name for name, kind in ARCHITECTURES.items() if kind.READS_FEATURES)
        raise ValueError(
            f"{', '.join(having)}: architecture {configuration.architecture!r} reads no features; take: {reading}"
        )
    torch.manual_seed(seed)
    model = architecture.build(
        partial(
            ENCODERS[configuration.encoder],
            hidden=configuration.hidden,
            dropout=configuration.dropout,
            readout=configuration.readout,
        ),
        torch.from_numpy(table.vectors),
        [primary, *built],
    )
    if configuration.own_layers:
        for head in model.heads.layers:
            if isinstance(head, LinearHead):
                head.add_own_layer()
    model.to(device)
    model.table.requires_grad_(configuration.trainable)
    return Assembled(model, primary, built)
