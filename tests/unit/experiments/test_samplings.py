"""The runs that compare ways to draw tasks."""

from collections import Counter

import pytest

from mt2st.experiments import crossing, samplings
from mt2st.experiments.profiles import PROFILES


@pytest.mark.parametrize(("name", "beside"), [("wiki", ("hyperlink", "casing")), ("pos-crossing", ("conll2000",))])
def test_every_way_is_run_with_every_sampling_and_diminish_in_both_forms(name: str, beside: tuple[str, ...]) -> None:
    planned = samplings.plan(PROFILES[name], 2)
    arms = Counter((run.strategy, run.configuration.sampling, run.configuration.weigh) for run in planned)
    drawn = ("proportional", "equal", "tempered", "annealed", "warming")
    ways = ("multi-task", "Diminish", "Switch")
    assert arms == {
        **{(way, "together", "losses"): 2 for way in ("single-task", *ways)},
        **{(way, sampling, "losses"): 2 for way in ways for sampling in drawn},
        **{("Diminish", sampling, "draws"): 2 for sampling in drawn},
    }
    assert {run.auxiliaries for run in planned if run.strategy != "single-task"} == {beside}
    assert {run.seed for run in planned} == {0, 1}


def test_words_are_drawn_under_the_conditions_of_the_crossing_and_other_profiles_have_no_samplings() -> None:
    profile = PROFILES["pos-crossing"]
    of_crossing = {run for run in crossing.plan(profile, 1) if run.configuration.sentences == 1_000}
    ways = {run.strategy for run in of_crossing & set(samplings.plan(profile, 1))}
    assert ways == {"single-task", "multi-task", "Switch"}
    assert samplings.needs(profile) == ("ud-ewt", "conll2000")
    assert samplings.plan(PROFILES["imdb"], 2) == []
    assert samplings.needs(PROFILES["wiki"]) == ()
