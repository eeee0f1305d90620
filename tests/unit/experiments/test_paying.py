"""The runs of what pays: the recipe on data that it was not chosen on."""

from collections import Counter
from dataclasses import replace

from mt2st.experiments import paying, recipe
from mt2st.experiments.profiles import PROFILES
from mt2st.schedules import Branches, Constant

PROFILE = PROFILES["imdb-semi"]


def test_the_recipe_is_run_elsewhere_beside_single_task_learning() -> None:
    planned = paying.elsewhere(PROFILE, 2)
    arms = Counter((run.configuration.data, run.strategy, run.seed) for run in planned)
    data = ("movie_reviews-semi", "subjectivity-semi", "imdb-semi")
    assert arms == {(name, way, seed): 1 for name in data for way in ("single", "recipe") for seed in (0, 1)}
    most = Counter(run.configuration.data for run in paying.elsewhere(PROFILE, 10))
    assert most == {"movie_reviews-semi": 20, "subjectivity-semi": 20, "imdb-semi": 10}
    sizes = {(run.configuration.data, run.configuration.train, run.configuration.test) for run in planned}
    assert sizes == set(zip(data, (600, 600, 2_000), (600, 3_000, 3_000), strict=True))
    recipes = {run.configuration.data: run for run in planned if run.auxiliaries}
    assert recipes["movie_reviews-semi"].auxiliaries == ("polarity-pooled", recipe.TEACHER)
    assert recipes["imdb-semi"].auxiliaries == ("polarity-pooled", recipe.TEACHER)
    assert recipes["subjectivity-semi"].auxiliaries == ("polarity", recipe.TEACHER)  # whose classes are others


def test_elsewhere_the_recipe_has_the_settings_that_were_chosen() -> None:
    chosen = paying.chosen(PROFILE.configuration, 0)
    for run in (run for run in paying.elsewhere(PROFILE, 1) if run.auxiliaries):
        assert (run.schedule, run.strategy, run.embedding) == (chosen.schedule, chosen.strategy, chosen.embedding)
        for name in ("encoder", "readout", "learning_rate", "epochs", "hidden", "dropout"):
            assert getattr(run.configuration, name) == getattr(chosen.configuration, name)


def test_constant_weights_are_tried_on_the_samples_for_choices_beside_the_one_among_the_candidates() -> None:
    planned = paying.constant_weights(PROFILE, 5)
    tried = Counter((float(run.schedule.weights(0)), run.seed) for run in planned)
    assert tried == {(gamma, seed): 1 for gamma in (0.03, 0.1, 0.3, 3.0) for seed in paying.CHOSEN_ON}
    same = [replace(run, schedule=Constant(1.0)) for run in planned]
    assert {run.hash for run in same} <= {run.hash for run in paying.candidates(PROFILE, 5)}


def test_branches_end_before_the_run_and_have_a_branch_for_each_task() -> None:
    (run,) = [run for run in paying.arms(PROFILE, 1) if run.strategy == paying.BRANCHES]
    assert isinstance(run.schedule, Branches)
    assert run.schedule.tasks == len(run.auxiliaries) == 3
    assert 0 < run.schedule.t_switch < run.configuration.epochs
