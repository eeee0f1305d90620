"""Ways to share parameters, one a file: what becomes of a task's inputs on the way from the table to its head.

`models.Model` is hard sharing, one encoder for all. Every other one is a `Model` too, built of the same encoders and
tasks: `fit`, schedules and records are the same for all of them.
"""

from mt2st.architectures.attention import Attended
from mt2st.architectures.experts import Experts
from mt2st.architectures.levels import Levels
from mt2st.architectures.private import SharedPrivate
from mt2st.models import Model

ARCHITECTURES: dict[str, type[Model]] = {
    "shared": Model,
    "levels": Levels,
    "private": SharedPrivate,
    "experts": Experts,
    "attended": Attended,
}

__all__ = ["ARCHITECTURES", "Attended", "Experts", "Levels", "SharedPrivate"]
