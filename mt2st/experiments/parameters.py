"""Check of a notebook's parameters: papermill only warns of a wrong name and turns YAML's 1e-4 into a string."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from mt2st.data.vectors import EMBEDDINGS
from mt2st.experiments.profiles import Profile, find_profile
from mt2st.experiments.strategies import STRATEGIES


@dataclass(frozen=True)
class Parameters:
    """The parameters every notebook shares, checked."""

    profile: Profile
    embedding: str = EMBEDDINGS[0]
    seeds: int = 1
    device: str = "auto"


def known() -> dict[str, type]:
    """Return the type of every parameter by name: those all notebooks share, and those of the strategies' schedules."""
    of_schedules = {
        name: type(value) for strategy in STRATEGIES.values() for name, value in strategy.defaults(25).items()
    }
    return get_type_hints(Parameters) | {"profile": str} | of_schedules


def validate(namespace: Mapping[str, Any]) -> Parameters:
    """Check the parameters among a notebook's globals, before anything else is defined there.

    Every public global that is a plain value counts as a parameter. Raises ValueError for a name that no notebook
    knows, for a value that cannot be or where there is no profile; TypeError for a value of another type than its
    default's.
    """
    given = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and name not in {"In", "Out"} and type(value) in (str, int, float, bool, list, dict)
    }
    kinds = known()
    for name, value in given.items():
        if name not in kinds:
            raise ValueError(f"unknown parameter {name!r}; known: {', '.join(kinds)}")
        kind = kinds[name]
        fits = type(value) in (int, float) if kind is float else type(value) is kind
        if not fits:
            hint = " (in YAML write 1.0e-4, not 1e-4)" if kind is float and isinstance(value, str) else ""
            raise TypeError(f"parameter {name} must be {kind.__name__}, got {value!r}{hint}")
    if "profile" not in given:
        raise ValueError("parameter profile is missing: validate a notebook's globals() after its parameters cell")
    if given.get("seeds", 1) < 1:
        raise ValueError(f"parameter seeds must be at least 1, got {given['seeds']}")
    if given.get("embedding", EMBEDDINGS[0]) not in EMBEDDINGS:
        raise ValueError(f"unknown embedding {given['embedding']!r}; known: {', '.join(EMBEDDINGS)}")
    shared = {f.name: given[f.name] for f in fields(Parameters) if f.name in given}
    return Parameters(**shared | {"profile": find_profile(given["profile"])})
