"""The runs of the crossing: every way with every number of labels."""

from collections import Counter

from mt2st.experiments import crossing
from mt2st.experiments.profiles import PROFILES
from mt2st.schedules import AuxiliaryFirst, Constant, PostTraining, Switch

PROFILE = PROFILES["imdb-crossing"]


def test_every_way_is_run_with_every_number_of_labels_and_seed() -> None:
    planned = crossing.plan(PROFILE, 6)
    cells = Counter((run.strategy, run.configuration.train, run.seed) for run in planned)
    ways = ("single-task", "multi-task", "Switch", "auxiliary tasks first", "post-training")
    seeds = {200: 6, 600: 6, 2000: 6, 5000: 5, 20_000: 5}
    assert cells == {(way, size, seed): 1 for way in ways for size, n in seeds.items() for seed in range(n)}
    assert {run.auxiliaries for run in planned} == {(), ("polarity",)}
    assert all(bool(run.auxiliaries) == (run.strategy != "single-task") for run in planned)


def test_ways_of_one_size_differ_in_nothing_but_the_schedule() -> None:
    planned = crossing.plan(PROFILE, 1)
    conditions = {run.configuration.train: set[object]() for run in planned}
    for run in planned:
        conditions[run.configuration.train].add(run.configuration)
    assert all(len(of_size) == 1 for of_size in conditions.values())
    sizes = {run.configuration.train: (run.configuration.validation, run.configuration.epochs) for run in planned}
    assert sizes == {200: (50, 40), 600: (150, 25), 2000: (500, 15), 5000: (750, 8), 20_000: (750, 4)}
    ends = [run.schedule for run in planned if run.configuration.train == 20_000]
    assert ends == [Constant([]), Constant(1.0), Switch(2), AuxiliaryFirst(2), PostTraining(2)]
