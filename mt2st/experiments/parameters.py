"""Check of a notebook's parameters: papermill only warns of a wrong name and turns YAML's 1e-4 into a string."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mt2st.data.vectors import EMBEDDINGS
from mt2st.experiments.profiles import Profile, find_profile

KNOWN: dict[str, type] = {
    "profile": str,
    "embedding": str,
    "seeds": int,
    "device": str,
    "gamma0": float,
    "eta": float,
    "nu": float,
    "t_switch": int,
}


@dataclass(frozen=True)
class Parameters:
    """The parameters every notebook shares, checked."""

    profile: Profile
    embedding: str = EMBEDDINGS[0]
    seeds: int = 1
    device: str = "auto"


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
    for name, value in given.items():
        if name not in KNOWN:
            raise ValueError(f"unknown parameter {name!r}; known: {', '.join(KNOWN)}")
        kind = KNOWN[name]
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
    shared = {name: given[name] for name in ("embedding", "seeds", "device") if name in given}
    return Parameters(profile=find_profile(given["profile"]), **shared)
