"""Texts with more than words: what comes with each word is mapped onto its vector, as one more modality."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from torch import Tensor, nn

from mt2st.models import Encoder, Heads, MakeEncoder, Model, heads_of
from mt2st.tasks import LabelledTask, Task, TextTask


class Multimodal(Model):
    """Hard sharing of an encoder that reads x = e(w) + M f: the vector of a word and a linear map of its features.

    There is one map for each modality (`tasks.Features.name`), so that tasks on it share the map as well. Features
    stand beside words; where there are none, in their place: the vector of padding is 0.

    Args:
        encoder: the shared one, with the table.
        maps: by modality, from features onto vectors.
        modalities: by task; one without features is not in it.
        heads: by task.
    """

    READS_FEATURES = True

    def __init__(
        self,
        encoder: Encoder,
        maps: Mapping[str, nn.Module],
        modalities: Mapping[str, str],
        heads: Mapping[str, nn.Module],
    ) -> None:
        super().__init__(encoder, heads)
        self.maps, self.modalities = Heads(maps), dict(modalities)

    @classmethod
    def build(cls, make: MakeEncoder, table: Tensor, tasks: Sequence[Task]) -> Self:
        """Return a new model for some tasks.

        Raises ValueError where a modality has two sizes, and for texts that another task answers, but with other
        features.
        """
        encoder = make(table)
        read = {task.name: task.features for task in tasks if isinstance(task, TextTask) and task.features}
        modalities = {task: features.name for task, features in read.items()}
        for task in (one for one in tasks if isinstance(one, LabelledTask) and one.answered_as and one.name in read):
            if modalities.get(task.answered_as) != modalities[task.name]:
                raise ValueError(
                    f"task {task.name!r} is answered by {task.answered_as!r}, which has no features "
                    f"{modalities[task.name]!r}: give both features of one name, or {task.name!r} a head of its own"
                )
        sizes: dict[str, int] = {}
        for name, features in read.items():
            size = features.values.shape[1]
            if sizes.setdefault(features.name, size) != size:
                raise ValueError(
                    f"{features.name} has {size} features in task {name!r}, {sizes[features.name]} in another: give "
                    "it another name"
                )
        maps = {name: nn.Linear(size, table.shape[1], bias=False) for name, size in sizes.items()}
        return cls(encoder, maps, modalities, heads_of(tasks, encoder))

    def encode(self, task: str, *inputs: Tensor) -> Any:
        """Return the states of words and of what comes with them."""
        words, lengths, *features = inputs
        vectors = self.encoder.embedding(words)  # (batch, time, d)
        if features:
            vectors = vectors + self.maps[self.modalities[task]](features[0])
        return self.encoder.states(self.encoder.dropout(vectors), lengths)

    def shared(self) -> list[nn.Parameter]:
        """Return the parameters of the encoder and of all maps."""
        return [*self.encoder.parameters(), *self.maps.parameters()]
