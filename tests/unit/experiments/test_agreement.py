"""The runs that measure and mend conflicts of gradients."""

from collections import Counter

from mt2st.experiments import agreement, paying
from mt2st.experiments.profiles import PROFILES
from mt2st.schedules import Constant

PROFILE = PROFILES["imdb-semi"]


def test_every_aggregator_is_run_on_all_three_tasks_and_the_sum_on_further_sets() -> None:
    planned = agreement.plan(PROFILE, 10)
    arms = Counter((run.auxiliaries, run.configuration.aggregator or run.configuration.balance) for run in planned)
    ours, torchjds = ("sum", "gate", "projection", "learned"), ("AlignedMTL", "MGDA", "PCGrad", "UPGrad")
    torchjds += ("CAGrad", "NashMTL")
    measured = (("polarity", "lexicon", "pseudo-labels", "autoencoder"), ("update0", "update1", "update2", "update3"))
    assert arms == {
        **{(paying.ALL, name): 5 for name in (*ours, *torchjds, "DWA", "FAMO", "UW")},
        **{(tasks, "sum"): 5 for tasks in measured},
    }
    assert {run.schedule for run in planned} == {Constant(1.0)}
    assert {run.seed for run in planned} == set(range(5))


def test_they_differ_from_the_arms_of_what_pays_in_the_aggregator_alone() -> None:
    arms = {
        run.seed: run for run in paying.arms(PROFILE, 2) if run.strategy == "multi-task" and len(run.auxiliaries) == 3
    }
    for run in agreement.plan(PROFILE, 2):
        if run.auxiliaries == paying.ALL:
            same = {**run.to_dict(), "configuration": {**run.to_dict()["configuration"]}}
            assert len({"aggregator", "balance"} & same["configuration"].keys()) == 1
            same["configuration"].pop("aggregator", None), same["configuration"].pop("balance", None)
            assert same == arms[run.seed].to_dict()
