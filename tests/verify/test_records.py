"""The committed records: made by runs that this code plans, complete, and what they say of themselves is right."""

import re
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT

from mt2st.data.vectors import TRAINED
from mt2st.experiments import paying, plans
from mt2st.experiments.pairs import steps_of
from mt2st.experiments.runs import Record
from mt2st.metrics import micro_f1
from mt2st.relations import study
from mt2st.report.exhibits import Evidence
from mt2st.report.paying import by_weight, choice


def test_recorded_runs_are_those_that_are_planned_now(evidence: Evidence) -> None:
    profile = evidence.profile
    if evidence.pairs:
        budget = steps_of(evidence.pairs[0].run) / profile.study.steps
        corpora = evidence.pairs[0].run.configuration.vocabulary
        assert set(corpora) <= set(profile.study.corpora)
        planned = replace(profile.study, corpora=corpora).with_budget(budget)
        seeds = 1 + max(record.run.seed for record in evidence.pairs)
        assert [record.run for record in evidence.pairs] == [run for seed in range(seeds) for run in planned.plan(seed)]
    for experiment in (e for e in plans.of_notebooks(profile, profile.notebooks) if e.name != "pairs"):
        records = [r for r in evidence.of(experiment.name) if r.run.embedding in TRAINED]  # GloVe is not everywhere
        seeds = 1 + max((record.run.seed for record in records), default=-1)
        known = {run.hash for run in experiment.plan(profile, seeds) if run.embedding in TRAINED}
        assert {record.run.hash for record in records} == known


def test_recorded_accuracies_are_those_of_the_recorded_predictions(evidence: Evidence) -> None:
    """Of texts: what is said of each token is not kept."""
    for record in (r for r in evidence.records if "predictions" in r.scores):
        assert len(record.epochs) == record.run.configuration.epochs
        right = [a == b for a, b in zip(record.scores["predictions"], record.scores["targets"], strict=True)]
        assert record.scores["accuracy"] == pytest.approx(sum(right) / len(right))


def test_recorded_scores_of_tags_are_those_of_the_recorded_counts(evidence: Evidence) -> None:
    for record in evidence.pairs:
        for task, scores in record.scores["by_task"].items():
            f1 = micro_f1(np.array(scores["counts"]).sum(axis=1))
            assert scores["validation"]["f1"] == pytest.approx(f1)
            assert study.by_share(record, task).iloc[-1] == pytest.approx(f1)


def test_every_recorded_run_says_what_it_was_made_with(evidence: Evidence) -> None:
    for record in evidence.records:
        made_with = record.environment
        assert made_with["seed"] == record.run.seed
        assert re.fullmatch(r"[0-9a-f]{40}", made_with["commit"])
        assert re.fullmatch(r"[0-9a-f]{64}", made_with["table"])
        assert made_with["data"]
        assert all(re.fullmatch(r"[0-9a-f]{64}", checksum) for checksum in made_with["data"].values())
    tables = {(r.run.seed, r.environment["table"]) for r in evidence.pairs}
    assert len(tables) == len({seed for seed, _ in tables})  # all runs of a seed begin with the same word vectors


def test_all_arms_of_the_grid_share_their_budget(evidence: Evidence) -> None:
    def work(record: Record) -> tuple[int, ...]:
        return tuple(record.epochs[["steps", "examples", "tokens"]].sum())

    by_seed: dict[int, set[tuple[int, ...]]] = {}
    for record in evidence.grid:
        by_seed.setdefault(record.run.seed, set()).add(work(record))
    assert all(len(found) == 1 for found in by_seed.values())


def test_the_recipe_is_the_best_of_its_candidates(evidence: Evidence) -> None:
    if candidates := evidence.of("candidates"):
        tasks, way, encoder = paying.CHOSEN
        best = choice(candidates).iloc[0]
        assert (best["encoder"], best["way"], best["tasks"]) == (encoder, way, " + ".join(tasks))


def test_the_tuned_constant_weight_is_the_best_that_was_tried(evidence: Evidence) -> None:
    if tried := evidence.of("constant-weights"):
        table = by_weight(tried, evidence.of("candidates"))
        assert table.loc[table["mean"].idxmax(), "weight"] == paying.GAMMA


def test_nothing_else_is_recorded() -> None:
    assert {file.stem for file in (ROOT / "data" / "recorded").glob("*.parquet")} - {"smoke"} == {
        "wiki",
        "imdb",
        "imdb-semi",
        "imdb-crossing",
        "pos-crossing",
        "names-crossing",
        "digits",
        "relations",
        "text-relations",
    }
