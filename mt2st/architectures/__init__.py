"""Ways to share parameters, one a file: what becomes of a task's inputs on the way from the table to its head.

`models.Model` is hard sharing, one encoder for all. Every other one is a `Model` too, built of the same encoders and
tasks: `fit`, schedules and records are the same for all of them. A new one is a file here that defines one subclass of
`Model`; the file's name is that of the architecture.
"""

from importlib import import_module
from pkgutil import iter_modules

from mt2st.models import Model


def _found() -> dict[str, type[Model]]:
    """Return the subclass of `Model` that each module of this folder defines, if it does, by the module's name."""
    made = {}
    for name in (found.name for found in iter_modules(__path__)):
        for kind in vars(import_module(f"{__name__}.{name}")).values():
            if isinstance(kind, type) and issubclass(kind, Model) and kind.__module__ == f"{__name__}.{name}":
                made[name] = kind
    return made


ARCHITECTURES: dict[str, type[Model]] = {"shared": Model, **_found()}
