import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from experiments import made_up

from mt2st.data import sources
from mt2st.data.files.errors import MissingData
from mt2st.data.sources import Source
from mt2st.experiments import pairs
from mt2st.experiments.pairs import Study
from mt2st.experiments.profiles import PROFILES
from mt2st.schedules import SINGLE_TASK, Constant

TASKS = ("ud-ewt", "uner-ewt", "conll2000")


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Source]]:
    """Register two made-up corpora, and one whose file is not there."""
    made_up.register(monkeypatch.setitem, *(made_up.corpus(name, tmp_path / name) for name in made_up.TAGS))

    def locate() -> tuple[Path, ...]:
        raise MissingData("needs absent: run `mt2st data fetch absent`")

    monkeypatch.setitem(sources.SOURCES, "absent", replace(sources.find("kinds"), name="absent", locate=locate))
    yield sources.SOURCES
    sources.load_tags.cache_clear()


def test_every_corpus_is_trained_alone_and_with_each_other_once_with_twice_the_batches() -> None:
    planned = Study(TASKS, steps=100).plan(seed=3)
    assert [(run.configuration.data, run.auxiliaries, pairs.steps_of(run)) for run in planned] == [
        *[(task, (), 100) for task in TASKS],
        ("ud-ewt", ("uner-ewt",), 200),
        ("ud-ewt", ("conll2000",), 200),
        ("uner-ewt", ("conll2000",), 200),
    ]
    assert [(run.strategy, run.schedule) for run in planned] == [("single", SINGLE_TASK)] * 3 + [
        ("mtl", Constant())
    ] * 3
    assert {(run.configuration.vocabulary, run.seed, run.embedding) for run in planned} == {(TASKS, 3, "SkipGram")}
    assert len({run.hash for run in planned}) == 6


def test_runs_are_under_the_conditions_of_the_published_study() -> None:
    alone, *_, both = Study(TASKS).plan()
    assert (pairs.steps_of(alone), pairs.steps_of(both)) == (25_000, 50_000)
    conditions = both.configuration
    assert (conditions.batch_size, conditions.max_tokens, conditions.hidden) == (32, 30, 100)
    assert (conditions.optimizer, conditions.sampling, conditions.protocol) == ("adadelta", "uniform", "study")
    assert conditions.dropout == 0
    assert conditions.epochs == pairs.READINGS == 10


def test_a_study_of_more_corpora_is_another_study() -> None:
    few, more = (Study(corpora, steps=100).run("ud-ewt", "uner-ewt") for corpora in (TASKS[:2], TASKS))
    assert few.hash != more.hash


def test_the_version_of_the_data_counts_every_corpus_of_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Study(TASKS).run("ud-ewt")
    monkeypatch.setitem(sources.SOURCES, "ud-ewt", replace(sources.find("ud-ewt"), version=7))
    after = Study(TASKS).run("ud-ewt")
    assert after.configuration.data_version == before.configuration.data_version + 6
    assert before.hash != after.hash


@pytest.mark.parametrize(("share", "steps"), [(0.25, 6_250), (2, 50_000), (0.00101, 30), (1e-9, 10)])
def test_a_budget_is_a_share_of_the_batches_that_every_reading_can_have(share: float, steps: int) -> None:
    assert Study(TASKS).with_budget(share).steps == steps


@pytest.mark.parametrize("share", [0, -1, math.nan, math.inf, 1e306])
def test_a_budget_of_nothing_or_without_end_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"positive share of its batches, got {share}")):
        Study(TASKS).with_budget(share)


@pytest.mark.usefixtures("known")
def test_corpora_that_are_not_here_are_left_out() -> None:
    study = Study(("colours", "absent", "kinds"), steps=10)
    assert study.missing() == {"absent": "needs absent: run `mt2st data fetch absent`"}
    assert study.at_hand() == Study(("colours", "kinds"), steps=10)
    with pytest.raises(MissingData, match="at least two corpora: needs absent: run `mt2st data fetch absent`"):
        Study(("colours", "absent")).at_hand()


@pytest.mark.parametrize("name", ["wiki", "relations"])
def test_the_studies_of_the_profiles_are_of_tagged_corpora(name: str) -> None:
    study = PROFILES[name].study
    assert study is not None
    assert {sources.find(corpus).kind for corpus in study.corpora} == {"tags"}
    assert len(set(study.corpora)) == len(study.corpora)
    assert study.steps % pairs.READINGS == 0
