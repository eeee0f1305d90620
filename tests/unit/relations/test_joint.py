import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mt2st.data.tags import sequences
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.sequences import SequenceData
from mt2st.experiments.store import read
from mt2st.relations import joint
from mt2st.relations.joint import JointRun, Settings

WORDS = ("red", "green", "blue", "one", "two", "three", ".")
SETTINGS = Settings(dimensions=8, hidden=6, batch_size=8, longest=5)
STEPS = 60


def text(tag: Callable[[str], str], seed: int, size: int) -> TaggedText:
    """Random sentences of the words above, each word with the tag it has in a task."""
    rng = np.random.default_rng(seed)
    sentences = [[str(w) for w in rng.choice(WORDS, rng.integers(2, 8))] for _ in range(size)]
    return TaggedText(sentences, [[tag(word) for word in sentence] for sentence in sentences])


def corpus(name: str, tag: Callable[[str], str], file: Path) -> SequenceData:
    parts = [text(tag, seed, size) for seed, size in ((0, 60), (1, 30), (2, 30))]
    classes = tuple(sorted({tag(word) for word in WORDS}, key=lambda t: (t != "O", t)))
    return SequenceData(name, *parts, classes, "O" in classes, (file,))


@pytest.fixture(autouse=True)
def corpora(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Put two made-up corpora in the place of the real ones: colours as spans, and the kind of each word."""
    file = tmp_path / "made-up.conll"
    file.write_text("made up")
    kinds = {**dict.fromkeys(WORDS[:3], "ADJ"), **dict.fromkeys(WORDS[3:6], "NUM"), ".": "PUNCT"}
    known = {
        "colours": corpus("colours", lambda word: "B-COL" if word in WORDS[:3] else "O", file),
        "kinds": corpus("kinds", kinds.__getitem__, file),
    }
    monkeypatch.setattr(sequences, "load", known.__getitem__)
    yield
    joint.table_of.cache_clear()
    joint.task_of.cache_clear()


def run_of(*names: str, steps: int = STEPS, seed: int = 0) -> JointRun:
    return JointRun(names, ("colours", "kinds"), steps, seed, SETTINGS)


@pytest.mark.usefixtures("home")
def test_a_pair_learns_both_tasks_and_says_how_it_went() -> None:
    record = joint.execute(run_of("colours", "kinds", steps=400), torch.device("cpu"))
    assert set(record.scores) == {"colours", "kinds"}
    for scores in record.scores.values():
        assert scores["test"]["f1"] == scores["test"]["accuracy"] == 1  # a word's tag is all there is to learn
        assert np.nanmean(scores["curve"][:20]) > 3 * np.nanmean(scores["curve"][-20:])
    assert record.scores["colours"]["test"]["span_f1"] == 1
    assert "span_f1" not in record.scores["kinds"]["test"]
    history = record.history
    assert history["step"].tolist() == [step for step in range(40, 401, 40) for _ in range(2)]
    assert history["task"].tolist() == ["colours", "kinds"] * 10
    assert history["f1"].iloc[-2:].tolist() == [1, 1]
    assert history["cosine"].between(-1, 1).all()


@pytest.mark.usefixtures("home")
def test_each_step_of_a_pair_draws_one_of_the_tasks() -> None:
    record = joint.execute(run_of("colours", "kinds"), torch.device("cpu"))
    drawn = np.array([~np.isnan(record.scores[task]["curve"]) for task in ("colours", "kinds")])  # a point a step
    assert (drawn.sum(0) == 1).all()
    assert 15 < drawn[0].sum() < 45


@pytest.mark.usefixtures("home")
def test_a_single_task_has_its_features_and_a_pair_its_label_information() -> None:
    alone = joint.execute(run_of("kinds"), torch.device("cpu"))
    described = alone.scores["kinds"]["features"]
    assert (described["size"], described["labels"], described["OOV rate"]) == (60, 3, 0)
    assert "cosine" not in alone.history
    both = joint.execute(run_of("colours", "kinds"), torch.device("cpu"))
    assert 0.5 < both.scores["kinds"]["label information"] < 1  # kinds say more than whether it is a colour


@pytest.mark.usefixtures("home")
def test_a_task_of_what_comes_next_learns_beside_another_without_the_backward_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds, colours = sequences.load("kinds"), sequences.load("colours")
    ahead = replace(kinds, is_prediction=True)
    monkeypatch.setattr(sequences, "load", {"kinds": ahead, "colours": colours}.__getitem__)
    record = joint.execute(run_of("colours", "kinds", steps=400), torch.device("cpu"))
    assert record.scores["kinds"]["test"]["f1"] == 1  # a word's own tag: the forward states have seen the word
    assert record.history["cosine"].between(-1, 1).all()
    assert joint.task_of("kinds", ("colours", "kinds"), SETTINGS).is_prediction


@pytest.mark.usefixtures("home")
def test_counts_give_the_validation_f1() -> None:
    scores = joint.execute(run_of("colours"), torch.device("cpu")).scores["colours"]
    right, found, gold = np.array(scores["counts"]).sum(1)
    assert scores["validation"]["f1"] == pytest.approx(2 * right / (found + gold))
    assert np.array(scores["counts"]).shape == (3, 30)


@pytest.mark.usefixtures("home")
def test_the_same_run_gives_the_same_bits_and_another_seed_others() -> None:
    one, again, other = (
        joint.execute(run_of("colours", "kinds", seed=seed), torch.device("cpu")) for seed in (0, 0, 1)
    )
    assert one.history.equals(again.history)
    assert json.dumps(one.scores) == json.dumps(again.scores)
    assert not one.history.equals(other.history)


def test_a_run_is_made_once_and_read_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of("colours")
    joint.make(run, "relations", "cpu")
    history, scores, environment = read(run, "relations")
    assert len(history) == 10
    assert list(scores) == ["colours"]
    assert environment["data"].keys() == {"made-up.conll"}
    monkeypatch.setattr(joint, "execute", None)
    joint.make(run, "relations", "cpu")


def test_a_run_is_rebuilt_from_json_and_named_by_all_its_parameters() -> None:
    run = run_of("colours", "kinds")
    assert JointRun.from_dict(json.loads(json.dumps(run.to_dict()))) == run
    changed = [
        replace(run, corpora=("kinds",)),
        replace(run, vocabulary=("kinds",)),
        replace(run, steps=1),
        replace(run, seed=1),
        *[
            replace(run, settings=replace(SETTINGS, **{f.name: "CBOW" if f.name == "embedding" else 99}))
            for f in fields(Settings)
        ],
    ]
    assert len({other.hash for other in [run, *changed]}) == 1 + len(changed)
    assert str(run) == "colours + kinds, 60 batches, seed 0"


def test_the_table_has_the_most_frequent_words_alone(home: Path) -> None:
    table = joint.table_of(("colours", "kinds"), replace(SETTINGS, words=3))
    assert table.vectors.shape == (5, 8)
