"""The runs of the crossing: every way with every number of labels."""

from collections import Counter

import pytest

from mt2st.data import sources
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


def test_names_in_spanish_stand_beside_dutch_ones() -> None:
    planned = crossing.plan(PROFILES["names-crossing"], 2)
    assert {crossing.labels(run) for run in planned} == {100, 300, 1_000, 3_000}
    assert {(run.configuration.data, run.auxiliaries) for run in planned} == {
        ("conll2002-esp", ()),
        ("conll2002-esp", ("conll2002-ned",)),
        ("conll2002-esp", ("conll2002-ned-pooled", "pseudo-tags-pooled")),
    }


def test_pairs_of_words_and_images_are_read_as_both() -> None:
    planned = crossing.plan(PROFILES["digits"], 2)
    assert {crossing.labels(run) for run in planned} == {100, 200, 400, 600}
    assert {run.configuration.architecture for run in planned} == {"multimodal"}
    assert {run.auxiliaries for run in planned} == {(), ("image",)}


def test_on_tokens_sentences_are_counted_and_on_wiki_those_of_a_class() -> None:
    tagged = crossing.plan(PROFILES["pos-crossing"], 2)
    assert {(run.configuration.sentences, run.auxiliaries) for run in tagged} == {
        (size, names)
        for size in (100, 300, 1_000, 3_000, 10_000)
        for names in ((), ("conll2000",), ("conll2000", "pseudo-tags-pooled"))
    }
    assert {(run.strategy, run.schedule) for run in tagged if len(run.auxiliaries) == 2} == {("recipe", Constant(1.0))}
    assert {crossing.labels(run) for run in tagged} == {100, 300, 1_000, 3_000, 10_000}
    topics = crossing.plan(PROFILES["wiki"], 2)
    assert {crossing.labels(run) for run in topics} == {25, 60, 125, 250}
    assert {run.configuration.validation for run in topics} == {6, 15, 31, 62}
    assert len(tagged) == 2 * 5 * 6
    assert len(topics) == 2 * 4 * 5
    assert crossing.plan(PROFILES["imdb"], 2) == []


@pytest.mark.parametrize("name", crossing.CROSSINGS)
def test_what_a_crossing_needs_is_among_the_data_sets(name: str) -> None:
    needed = crossing.needs(PROFILES[name])
    assert set(needed) <= set(sources.SOURCES)
    assert bool(needed) == (name not in ("wiki", "digits"))  # which come with packages
