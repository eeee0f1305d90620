"""The recipe for a task with few labels, related texts and text without labels: the best of `paying.candidates`.

Related texts with the task's own classes, and texts that a linear teacher labels (`selfmade.by_teacher`; of tags
`selfmade.by_tagger`), are auxiliary tasks under the head of the task itself, with weight 1 to the end; related texts
with other classes are so under their own head.
"""

from collections.abc import Sequence
from dataclasses import replace

from mt2st.data.dataset import Dataset
from mt2st.experiments.auxiliaries import POOLED
from mt2st.experiments.runs import Run
from mt2st.experiments.strategies import WAYS
from mt2st.schedules import Schedule

NAME, WAY = "recipe", "multi-task"
TEACHER = f"pseudo-labels{POOLED}"


def schedule(epochs: int) -> Schedule:
    """Return how its tasks are weighed in a run of so many epochs."""
    return WAYS[WAY](epochs)


def run(alone: Run, auxiliaries: Sequence[str], dataset: Dataset) -> Run:
    """Return the recipe's run on a data set, from the run on its task alone and the names of auxiliary tasks."""
    names = (*pooled(auxiliaries, dataset), TEACHER)
    return replace(alone, strategy=NAME, auxiliaries=names, schedule=schedule(alone.configuration.epochs))


def pooled(auxiliaries: Sequence[str], dataset: Dataset) -> tuple[str, ...]:
    """Return names of auxiliary tasks, those of related texts with the task's own classes as under its own head."""
    same = {name for name, one in dataset.background.related.items() if one.classes == dataset.classes}
    return tuple(f"{name}{POOLED}" if name in same else name for name in auxiliaries)
