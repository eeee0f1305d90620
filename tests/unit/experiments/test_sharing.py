"""The runs that compare ways to share parameters."""

from collections import Counter

import pytest

from mt2st.experiments import samplings, sharing
from mt2st.experiments.profiles import PROFILES
from mt2st.schedules import Constant


@pytest.mark.parametrize("name", ["wiki", "pos-crossing"])
def test_every_architecture_is_run_beside_hard_sharing_of_the_samplings(name: str) -> None:
    profile = PROFILES[name]
    planned, shared = sharing.plan(profile, 2), sharing.beside(profile, 2)
    ways = ("single-task", "multi-task", "Switch")
    names = ["private", "experts", "attended", "interactive", "cyclic"]
    names += ["levels", "fusion"] if name == "wiki" else []
    expected = {(architecture, way): 2 for architecture in names for way in ways}
    expected["private", "multi-task, adversary"] = 2
    assert Counter((run.configuration.architecture, run.strategy) for run in planned) == expected
    assert {run.hash for run in shared} <= {run.hash for run in samplings.plan(profile, 2)}
    assert len(shared) == 2 * 3
    assert sharing.plan(PROFILES["imdb"], 2) == sharing.beside(PROFILES["imdb"], 2) == []


def test_the_adversary_counts_little_and_comes_last() -> None:
    (run,) = [run for run in sharing.plan(PROFILES["wiki"], 1) if run.strategy == sharing.ADVERSARIAL]
    assert run.auxiliaries == ("hyperlink", "casing", "adversary")
    assert run.schedule == Constant((1.0, 1.0, 0.05))
