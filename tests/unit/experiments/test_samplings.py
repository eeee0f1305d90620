"""The runs that compare ways to draw tasks."""

from collections import Counter

from mt2st.experiments import samplings
from mt2st.experiments.profiles import PROFILES

PROFILE = PROFILES["wiki"]


def test_every_way_is_run_with_every_sampling_and_diminish_in_both_forms() -> None:
    planned = samplings.plan(PROFILE, 2)
    arms = Counter((run.strategy, run.configuration.sampling, run.configuration.weigh) for run in planned)
    drawn = ("proportional", "equal", "tempered", "annealed", "warming")
    ways = ("multi-task", "Diminish", "Switch")
    assert arms == {
        **{(way, "together", "losses"): 2 for way in ("single-task", *ways)},
        **{(way, sampling, "losses"): 2 for way in ways for sampling in drawn},
        **{("Diminish", sampling, "draws"): 2 for sampling in drawn},
    }
    assert {run.auxiliaries for run in planned if run.strategy != "single-task"} == {("hyperlink", "casing")}
    assert {run.seed for run in planned} == {0, 1}
