"""The runs of what pays: the recipe on data that it was not chosen on."""

from collections import Counter

from mt2st.experiments import paying, recipe
from mt2st.experiments.profiles import PROFILES

PROFILE = PROFILES["imdb-semi"]


def test_the_recipe_is_run_elsewhere_with_as_many_labels_and_beside_single_task_learning() -> None:
    planned = paying.elsewhere(PROFILE, 2)
    arms = Counter((run.configuration.data, run.strategy, run.seed) for run in planned)
    data = ("movie_reviews-semi", "subjectivity-semi")
    assert arms == {(name, way, seed): 1 for name in data for way in ("single", "recipe") for seed in (0, 1)}
    assert {run.configuration.train for run in planned} == {600}
    recipes = {run.configuration.data: run for run in planned if run.auxiliaries}
    assert recipes["movie_reviews-semi"].auxiliaries == ("polarity-pooled", recipe.TEACHER)
    assert recipes["subjectivity-semi"].auxiliaries == ("polarity", recipe.TEACHER)  # whose classes are others


def test_elsewhere_the_recipe_has_the_settings_that_were_chosen() -> None:
    chosen = paying.chosen(PROFILE.configuration, 0)
    for run in (run for run in paying.elsewhere(PROFILE, 1) if run.auxiliaries):
        assert (run.schedule, run.strategy, run.embedding) == (chosen.schedule, chosen.strategy, chosen.embedding)
        for name in ("encoder", "readout", "learning_rate", "epochs", "hidden", "dropout"):
            assert getattr(run.configuration, name) == getattr(chosen.configuration, name)
