"""Check of a notebook's parameters: papermill only warns of a wrong name and turns YAML's 1e-4 into a string."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from mt2st.data.vectors import EMBEDDINGS
from mt2st.experiments import environment, strategies
from mt2st.experiments.profiles import Profile, find_profile

PLAIN = (str, int, float, bool, list, dict, type(None))  # what papermill can give


@dataclass(frozen=True)
class Parameters:
    """The parameters that notebooks share, checked; those that only read the record have the first alone."""

    profile: Profile
    embedding: str = EMBEDDINGS[0]
    seeds: int = 1
    device: str = "auto"
    fresh: bool = False


def known(strategy: str = "") -> dict[str, type]:
    """Return the type of every parameter by name: of a notebook that trains a strategy, or of one that only reads."""
    if not strategy:
        return {"profile": str}
    of_schedule = {name: type(value) for name, value in strategies.find(strategy).defaults(25).items()}
    return get_type_hints(Parameters) | {"profile": str} | of_schedule


def validate(namespace: Mapping[str, Any], strategy: str = "") -> Parameters:
    """Check the parameters among a notebook's globals, before anything else is defined there.

    Every public global that is a plain value counts as a parameter; once there are checked ones, as where the cell is
    run again, only those that the notebook has.

    Args:
        namespace: the notebook's globals.
        strategy: which the notebook trains; none for one that only reads the record.

    Raises ValueError for a name that the notebook does not have, for a value that cannot be or where there is no
    profile; TypeError for a value of another type than its default's.
    """
    kinds = known(strategy)
    if not any(isinstance(value, Parameters) for value in namespace.values()):
        _refuse_others(namespace, kinds)
    given = {name: namespace[name] for name in kinds if name in namespace}
    for name, value in given.items():
        _check_type(name, value, kinds[name])
    if "profile" not in given:
        raise ValueError("parameter profile is missing: validate a notebook's globals() after its parameters cell")
    if given.get("seeds", 1) < 1:
        raise ValueError(f"parameter seeds must be at least 1, got {given['seeds']}")
    if given.get("embedding", EMBEDDINGS[0]) not in EMBEDDINGS:
        raise ValueError(f"unknown embedding {given['embedding']!r}; known: {', '.join(EMBEDDINGS)}")
    profile = find_profile(given["profile"])
    shared = {f.name: given[f.name] for f in fields(Parameters) if f.name in given}
    if "device" in given:
        environment.choose_device(given["device"])
    if strategy:
        _check_schedule(strategy, {name: given[name] for name in given.keys() - shared.keys()}, profile)
    return Parameters(**shared | {"profile": profile})


def _refuse_others(namespace: Mapping[str, Any], kinds: Mapping[str, type]) -> None:
    """Raise ValueError for a plain value that is none of a notebook's parameters."""
    for name, value in namespace.items():
        if name not in kinds and not name.startswith("_") and name not in {"In", "Out"} and type(value) in PLAIN:
            raise ValueError(
                f"unknown parameter {name!r}; this notebook has: {', '.join(kinds)} (a kernel remembers a wrong name: "
                "restart it)"
            )


def _check_type(name: str, value: object, kind: type) -> None:
    """Raise TypeError for a value of another type; an integer will do as a float."""
    if not (type(value) in (int, float) if kind is float else type(value) is kind):
        hint = " (in YAML write 1.0e-4, not 1e-4)" if kind is float and isinstance(value, str) else ""
        raise TypeError(f"parameter {name} must be {kind.__name__}, got {value!r}{hint}")


def _check_schedule(strategy: str, given: Mapping[str, float], profile: Profile) -> None:
    """Raise ValueError where a strategy's parameters make no schedule, or one that switches after the last epoch."""
    epochs = profile.configuration.epochs
    if given.get("t_switch", 0) > epochs:
        raise ValueError(
            f"parameter t_switch must be at most {epochs}, the epochs of profile {profile.name}, "
            f"got {given['t_switch']}"
        )
    try:
        strategies.find(strategy).schedule(epochs, **given)
    except (ValueError, OverflowError) as error:
        values = ", ".join(f"{name} = {value}" for name, value in sorted(given.items()))
        raise ValueError(f"parameters {values} make no schedule: {error}") from error
