"""A task: a name, a head, batches and a loss. `fit` treats all tasks alike, whatever they look at."""

from mt2st.tasks.base import IGNORED, Batch, LabelledTask, Outcome, Task, endless
from mt2st.tasks.features import Features
from mt2st.tasks.skipgram import SkipGramTask
from mt2st.tasks.table import NoiseTask, TableTask
from mt2st.tasks.text import (
    AutoencoderTask,
    LanguageModelTask,
    SentenceTask,
    TextTask,
    TokenTask,
    as_targets,
    length_sorted,
)

__all__ = [
    "IGNORED", "AutoencoderTask", "Batch", "Features", "LabelledTask", "LanguageModelTask", "NoiseTask", "Outcome",
    "SentenceTask", "SkipGramTask", "TableTask", "Task", "TextTask", "TokenTask", "as_targets",
    "endless", "length_sorted",
]  # fmt: skip
