from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from mt2st.data import sources
from mt2st.data.files.errors import MissingData
from mt2st.data.texts import wiki
from mt2st.data.vectors import EMBEDDINGS, TRAINED
from mt2st.experiments import batch, plans, released, strategies, tuning
from mt2st.experiments.pairs import Study
from mt2st.experiments.plans import EXPERIMENTS
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Configuration, Run
from mt2st.experiments.strategies import STRATEGIES, UPDATES, Strategy
from mt2st.schedules import SINGLE_TASK, Constant, DiminishUntil, Switch, Transition

WIKI, IMDB, ARMS = PROFILES["wiki"], PROFILES["imdb"], strategies.arms()


@pytest.fixture
def glove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a file of GloVe vectors into the mirror, and return its name."""
    (tmp_path / "glove.twitter.27B.25d.txt").write_text("the" + " 0.5" * 25 + "\n")
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))
    return "glove.twitter.27B.25d.txt"


def test_the_single_task_arm_has_one_run_a_seed() -> None:
    planned = plans.plan(WIKI, "single", "CBOW", seeds=3)
    assert [(run.setting, run.seed, run.auxiliaries) for run in planned] == [("original", s, ()) for s in range(3)]
    assert {run.schedule for run in planned} == {SINGLE_TASK}


@pytest.mark.parametrize("strategy", ["mtl", "diminish", "switch"])
def test_another_arm_has_each_update_loss_alone_with_each_seed(strategy: str) -> None:
    planned = plans.plan(WIKI, strategy, "SkipGram", seeds=2)
    assert [(run.auxiliaries, run.seed) for run in planned] == [
        ((f"update{k}",), seed) for k in range(4) for seed in range(2)
    ]
    assert {(run.strategy, run.embedding, run.vectors) for run in planned} == {(strategy, "SkipGram", "")}


def test_the_whole_grid_of_trained_embeddings_is_156_different_runs() -> None:
    planned = [
        run for strategy in STRATEGIES for embedding in TRAINED for run in plans.plan(WIKI, strategy, embedding, 3)
    ]
    assert len(planned) == 4 * 3 * (1 + 3 * 4) == 156
    assert len({run.hash for run in planned}) == 156


def test_every_arm_has_the_same_configuration_where_nothing_is_tuned() -> None:
    assert {run.configuration for s in STRATEGIES for run in plans.plan(WIKI, s, "CBOW", 2)} == {WIKI.configuration}
    assert WIKI.configuration == Configuration(data_version=wiki.PARSER_VERSION)


def test_glove_runs_carry_the_name_of_their_file(glove: str) -> None:
    assert [run.vectors for run in plans.plan(WIKI, "single", "GloveTwitter", 1)] == [glove]
    assert plans.vectors_of("GloveTwitter") == glove
    assert plans.vectors_of("CBOW") == ""


@pytest.mark.usefixtures("home")
def test_glove_without_its_file_is_missing_data() -> None:
    with pytest.raises(MissingData, match="mt2st data fetch glove-twitter-100"):
        plans.plan(WIKI, "single", "GloveTwitter", 1)


def test_other_settings_and_another_schedule_can_be_given() -> None:
    planned = plans.plan(WIKI, "switch", "CBOW", 1, settings=["casing", "hyperlink"], schedule=Switch(3))
    assert [run.setting for run in planned] == ["casing", "hyperlink"]
    assert {run.schedule for run in planned} == {Switch(3)}


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"unknown strategy 'both'; known: single \(single-task\), mtl \(multi-task\), dim"
    ):
        plans.plan(WIKI, "both", "CBOW", 1)
    with pytest.raises(ValueError, match="unknown embedding 'cbow'; known: CBOW, SkipGram, "):
        plans.plan(WIKI, "single", "cbow", 1)


def test_runs_of_fewer_epochs_have_schedules_that_end_as_early() -> None:
    found = {run.schedule for run in plans.plan(PROFILES["imdb-full"], "switch", "CBOW", 1)}
    assert found == {Switch(3)}


# --- The grid


@pytest.mark.usefixtures("home")
def test_the_grid_is_13_arms_for_each_embedding_that_is_here_and_each_seed() -> None:
    planned = plans.grid(WIKI, 2)
    count = Counter((run.strategy, run.setting, run.embedding, run.seed) for run in planned)
    assert count == {(*arm, embedding, seed): 1 for arm in ARMS for embedding in TRAINED for seed in range(2)}
    assert plans.available(WIKI) == list(TRAINED)


@pytest.mark.usefixtures("glove")
def test_the_grid_has_glove_where_it_is_here() -> None:
    assert plans.available(WIKI) == list(EMBEDDINGS)
    assert len(plans.grid(WIKI, 1)) == 13 * 5


@pytest.mark.usefixtures("home", "tuned")
def test_each_arm_has_its_tuned_settings_in_all_embeddings_and_seeds() -> None:
    planned = plans.grid(IMDB, 2)
    rates = {(run.strategy, run.setting): set[float]() for run in planned}
    for run in planned:
        rates[run.strategy, run.setting].add(run.configuration.learning_rate)
    assert rates == {arm: {(k + 1) / 1000} for k, arm in enumerate(ARMS)}
    assert {tuning.untuned(run.configuration) for run in planned} == {tuning.untuned(IMDB.configuration)}


@pytest.mark.usefixtures("home")
def test_a_grid_whose_settings_are_not_tuned_yet_says_what_to_do() -> None:
    with pytest.raises(FileNotFoundError, match=r"imdb\.csv is not there: make it with `mt2st reproduce"):
        plans.grid(IMDB, 1)


# --- What is run beside the grid


def of(planned: list[Run], *names: str) -> list[Run]:
    """Return the runs with some auxiliary tasks."""
    return [run for run in planned if run.auxiliaries == names]


@pytest.mark.usefixtures("tuned")
def test_controls_stand_beside_multi_task_learning_with_each_loss() -> None:
    planned = plans.controls(IMDB, 2)
    assert {(run.strategy, run.embedding) for run in planned} == {("mtl", "CBOW"), ("single", "CBOW")}
    assert len(planned) == 2 * (4 * 3 + 1)
    for k in range(4):
        conditions = tuning.configuration(IMDB, "mtl", f"update{k}")
        for control, gamma in [("-shuffled", 1.0), ("-noise", 1.0), ("", (k + 1) / 10)]:
            runs = of(planned, f"update{k}{control}")
            assert [(run.seed, run.schedule) for run in runs] == [(0, Constant(gamma)), (1, Constant(gamma))]
            assert {run.configuration for run in runs} == {conditions}


@pytest.mark.usefixtures("tuned")
def test_the_control_of_equal_time_is_single_task_training_with_more_epochs() -> None:
    longer = of(plans.controls(IMDB, 2))
    assert [run.seed for run in longer] == [0, 1]
    for run in longer:
        assert run.configuration.epochs == 30 > IMDB.configuration.epochs
        conditions = tuning.configuration(IMDB, "single", "original")
        assert replace(run.configuration, epochs=25) == conditions


def test_five_tables_are_scored_elsewhere_under_equal_conditions() -> None:
    planned = plans.downstream(IMDB, 2)  # no table of trials is needed
    assert {run.embedding for run in planned} == {"SkipGram"}
    assert [(run.strategy, run.auxiliaries, run.configuration.epochs, run.seed) for run in planned] == [
        (strategy, names, epochs, seed)
        for seed in range(2)
        for strategy, names, epochs in [
            ("single", (), 0),
            ("single", (), 25),
            ("mtl", UPDATES, 25),
            ("diminish", UPDATES, 25),
            ("switch", UPDATES, 25),
        ]
    ]
    assert {replace(run.configuration, epochs=25) for run in planned} == {
        replace(IMDB.configuration, data="imdb", evaluate_table=plans.ELSEWHERE_VERSION)
    }
    for run in planned[1:5]:
        assert run.schedule == strategies.find(run.strategy).schedule(25)


def test_under_the_released_protocol_both_ends_are_run_at_the_papers_size_on_every_embedding(glove: str) -> None:
    planned = plans.as_released(IMDB, 2)
    conditions = replace(IMDB.configuration, hidden=256)
    vectors = dict.fromkeys(TRAINED, "") | {"GloveTwitter": glove}
    ends = {run for name, file in vectors.items() for run in released.plan(conditions, name, file, 2, released.ENDS)}
    assert len(ends) == 5 * 2 * 2
    assert ends <= set(planned)
    assert {run.embedding for run in planned if run not in ends} == {"CBOW"}
    assert {(run.configuration.protocol, run.configuration.hidden) for run in planned} == {("released", 256)}


def test_on_one_embedding_every_step_is_taken_and_the_cells_with_their_terms_for_one_seed() -> None:
    planned = [run for run in plans.as_released(IMDB, 2) if run.embedding == "CBOW"]
    cells = released.cells(replace(IMDB.configuration, hidden=256), "CBOW", seed=0)
    assert Counter(run.seed for run in planned) == {0: 5 + 9, 1: 5}  # of the 12 cells those of Switch are one run
    assert {run.hash for run in cells.values()} <= {run.hash for run in planned}


@pytest.mark.usefixtures("tuned", "home")
def test_the_papers_own_sample_is_split_in_three_ways_at_most() -> None:
    planned = plans.paper_sample(IMDB, 10)
    assert {run.seed for run in planned} == {0, 1, 2}
    assert {run.configuration.data for run in planned} == {"imdb"}
    own = [replace(run, configuration=replace(run.configuration, data="imdb-disjoint")) for run in planned]
    assert set(own) == {run for run in plans.grid(IMDB, 3) if run.embedding == "CBOW"}
    assert plans.paper_sample(WIKI, 10) == []


@pytest.mark.usefixtures("tuned")
def test_matched_arms_have_the_settings_of_single_task_learning() -> None:
    planned = plans.matched(IMDB, 2)
    (single,) = {run.configuration for run in plans.plan(IMDB, "single", "CBOW", 1)}
    assert {run.configuration for run in planned} == {single}
    assert {(run.strategy, run.setting) for run in planned} == set(ARMS) - {("single", "original")}
    assert len(planned) == 12 * 2
    assert plans.matched(WIKI, 2) == []  # where all arms have the same


@pytest.mark.usefixtures("tuned")
def test_every_readout_of_every_encoder_is_tried_once_beside_the_grid() -> None:
    planned = plans.readouts(IMDB, 2)
    ways = Counter((run.configuration.encoder, run.configuration.readout) for run in planned)
    assert ways == {
        **dict.fromkeys([("bilstm", "mean"), ("bilstm", "max")], 2),
        **dict.fromkeys([("gru", "last"), ("gru", "mean"), ("gru", "max")], 2),
        **dict.fromkeys([("bag", "mean"), ("bag", "max")], 2),
    }
    assert {(run.embedding, run.strategy) for run in planned} == {("SkipGram", "single")}


def test_transitions_differ_in_nothing_but_how_the_switch_is_eased() -> None:
    planned = plans.transitions(IMDB, 2)
    eased = [(1.0, 0.0, False), (0.3, 0.0, False), (1.0, 0.5, False), (1.0, 0.0, True), (0.3, 0.5, True)]
    assert Counter((run.schedule, run.configuration.own_layers, run.seed) for run in planned) == {
        (Transition(15, 1.0, *of_ways), of_ways[-1], seed): 1 for of_ways in eased for seed in range(2)
    }
    conditions = {replace(run.configuration, own_layers=False) for run in planned}
    assert {(run.embedding, run.strategy, run.auxiliaries) for run in planned} == {("CBOW", "switch", UPDATES)}
    assert conditions == {IMDB.configuration}


def test_the_grid_of_schedules_differs_in_nothing_but_the_schedule() -> None:
    planned = plans.schedule_grid(IMDB, 10)  # no table of trials is needed
    cells = {(0, 0.0), *((end, eta) for end in (5, 10, 15, 20, 25) for eta in (0.0, 0.1, 0.3, 1.0))}
    assert Counter((run.schedule, run.seed) for run in planned) == {
        (DiminishUntil(end, eta=eta), seed): 1 for end, eta in cells for seed in range(5)
    }
    assert {(run.embedding, run.auxiliaries, run.configuration) for run in planned} == {
        ("CBOW", ("update1",), IMDB.configuration)
    }
    assert len(plans.schedule_grid(IMDB, 2)) == 21 * 2
    short = {run.schedule.t_switch for run in plans.schedule_grid(PROFILES["imdb-full"], 1)}  # type: ignore[attr-defined]
    assert short == {(float(end),) for end in range(6)}  # of 5 epochs


# --- All of them


def test_a_strategy_of_ones_own_is_in_every_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Strategy("own", "own", Constant, lambda epochs: {"gamma": 1 / epochs}, "black", settings=("casing",))
    monkeypatch.setitem(STRATEGIES, "own", row)
    planned = [run for run in plans.grid(WIKI, 2) if run.strategy == "own"]
    assert {(run.auxiliaries, run.schedule) for run in planned} == {(("casing",), Constant(0.04))}
    assert len(planned) == 2 * len(plans.available(WIKI))
    assert [run.auxiliaries for run in plans.downstream(WIKI, 1) if run.strategy == "own"] == [UPDATES]
    tried = [run for run in tuning.plan(IMDB) if run.strategy == "own"]
    assert len(tried) == 8
    assert {run.auxiliaries for run in tried} == {("casing",)}


def test_the_order_of_experiments_is_that_in_which_they_are_made() -> None:
    assert list(EXPERIMENTS) == [
        *("grid", "released", "control", "matched", "transition", "readout", "paper-sample", "downstream"),
        *("schedule-grid", "pairs", "paying", "candidates", "constant-weights", "elsewhere", "agreement", "sampling"),
        *("sharing", "crossing", "languages"),
    ]


SHOWN_TWICE = {"imdb-semi": {"paying", "crossing"}, "pos-crossing": {"sampling", "crossing"}}


@pytest.mark.usefixtures("tuned", "glove")
@pytest.mark.parametrize("name", ["wiki", "imdb", "imdb-semi", "imdb-crossing", "pos-crossing"])
def test_a_run_that_two_experiments_of_a_profile_show_is_made_once(name: str) -> None:
    profile = PROFILES[name]
    experiments = plans.of_notebooks(profile, profile.notebooks)
    hashes = {experiment.name: {run.hash for run in experiment.plan(profile, 2)} for experiment in experiments}
    assert {e.name: len(e.plan(profile, 2)) for e in experiments} == {k: len(one) for k, one in hashes.items()}
    shared = [{one, other} for one, other in combinations(hashes, 2) if hashes[one] & hashes[other]]
    assert shared == ([SHOWN_TWICE[name]] if name in SHOWN_TWICE else [])
    made = [run.hash for run in batch.plan_runs(profile, 2, list(profile.notebooks))]
    assert sorted(made) == sorted(set.union(*hashes.values()))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_an_experiment_needs_is_among_the_data_sets_and_its_notebooks_are_there(name: str, home: Path) -> None:
    needed = {one for profile in PROFILES.values() for one in EXPERIMENTS[name].needs(profile)}
    assert needed <= set(sources.SOURCES)
    for number in EXPERIMENTS[name].notebooks:
        assert len(list((home / "notebooks").glob(f"{number}_*.ipynb"))) == 1


@pytest.mark.parametrize(
    ("profile", "chosen", "expected"),
    [
        ("imdb", ["06"], ["grid", "released", "control", "matched", "transition", "readout", "paper-sample"]),
        ("imdb", ["08"], ["downstream"]),
        ("imdb", ["start"], ["grid", "released", "schedule-grid"]),
        ("imdb", ["01", "05"], ["grid"]),
        ("smoke", ["06", "08", "10"], []),  # not of this profile
        ("wiki", ["00", "09", "10"], ["pairs"]),
    ],
)
def test_experiments_are_found_by_the_notebooks_that_show_them(
    profile: str, chosen: list[str], expected: list[str]
) -> None:
    assert [experiment.name for experiment in plans.of_notebooks(PROFILES[profile], chosen)] == expected


def test_the_study_of_pairs_is_that_of_the_profile() -> None:
    study = Study(("wiki-next", "wiki-casing"), steps=100)
    assert plans.pairs(replace(WIKI, study=study), 2) == study.plan(0) + study.plan(1)
    assert plans.pairs(IMDB, 5) == []
