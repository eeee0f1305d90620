"""The runs of Spanish beside English."""

from collections import Counter

from mt2st.data import sources
from mt2st.experiments import auxiliaries, languages
from mt2st.experiments.profiles import PROFILES

PROFILE = PROFILES["names-crossing"]


def test_every_set_of_tasks_is_there_to_the_end_and_dropped() -> None:
    planned = languages.plan(PROFILE, 2)
    cells = Counter((run.strategy, run.auxiliaries) for run in planned)
    expected = {(name, ()): 2 for name in ("before training", "single-task")}
    expected |= {(way, names): 2 for way in languages.COMPARED for names in languages.AUXILIARIES.values()}
    assert cells == expected
    assert languages.plan(PROFILES["wiki"], 2) == []
    assert languages.needs(PROFILES["wiki"]) == ()


def test_arms_differ_in_nothing_but_tasks_and_schedule() -> None:
    planned = languages.plan(PROFILE, 1)
    trained = {run.configuration for run in planned if run.strategy != "before training"}
    (conditions,) = trained
    assert (conditions.sentences, conditions.evaluate_translation) == (300, True)
    assert conditions.vocabulary == ("conll2002-esp", "uner-ewt")
    assert planned[0].configuration.epochs == 0


def test_tasks_and_data_sets_are_known() -> None:
    names = {name for of_arm in languages.AUXILIARIES.values() for name in of_arm}
    assert names <= set(auxiliaries.names())
    assert set(languages.needs(PROFILE)) <= set(sources.SOURCES)
