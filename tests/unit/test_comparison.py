"""Comparisons on a user's own texts: what is trained, what is kept, and what follows from the scores."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mt2st import classifier, cli, comparison
from mt2st.comparison import ALONE, ARMS, BASELINE, POOLED, Comparison
from mt2st.data.dataset import Examples, Related
from mt2st.data.texts import own
from mt2st.experiments.baselines import MEAN_VECTOR, TFIDF, TFIDF_POOLED
from mt2st.experiments.strategies import SINGLE
from mt2st.schedules import Constant

SEEDS = 2
SMALL = replace(classifier.DEFAULTS, patience=0, epochs=3, hidden=4, dimensions=4, batch_size=16)


@pytest.fixture(scope="module")
def reviews(shared_cache: Path, made_up_reviews: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comparison")
    made_up_reviews[:60].to_csv(folder / "reviews.csv", index=False)
    made_up_reviews[60:].to_csv(folder / "others.csv", index=False)
    return folder


@pytest.fixture
def wanted(reviews: Path, tmp_path: Path) -> Comparison:
    others = own.read_related(reviews / "others.csv", "review", "sentiment")
    return Comparison(
        reviews / "reviews.csv", "review", "sentiment", ("others",), tmp_path / "out", None, {"others": others},
        [["a", "great", "cast"]], SEEDS, "CBOW", SMALL,
    )  # fmt: skip


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Count trainings: strategy and seed."""
    found: list[tuple[str, int]] = []
    train = classifier.train

    def counted(training: classifier.Training, progress: bool = True) -> dict[str, Any]:
        found.append((training.run.strategy, training.run.seed))
        return train(training, progress)

    monkeypatch.setattr(classifier, "train", counted)
    return found


# --- what is trained


def test_every_arm_is_trained_on_every_split_and_goes_on_where_it_stopped(
    wanted: Comparison, calls: list[tuple[str, int]]
) -> None:
    found = comparison.run(wanted, "cpu")
    arms = ["single", *ARMS, POOLED, "recipe"]
    assert calls == [(arm, seed) for seed in range(SEEDS) for arm in arms]
    assert set(found["way"]) == {TFIDF, MEAN_VECTOR, TFIDF_POOLED, SINGLE, POOLED, *ARMS, "recipe"}
    assert (found["n"] == SEEDS).all()
    scores = pd.read_csv(wanted.out / "scores.csv")
    assert scores.groupby("way")["seed"].nunique().eq(SEEDS).all()

    del calls[:]
    (wanted.out / "trainings" / "Switch" / "1" / "metrics.json").unlink()
    pd.testing.assert_frame_equal(comparison.run(wanted, "cpu").drop(columns="seconds"), found.drop(columns="seconds"))
    assert calls == [("Switch", 1)]

    text = (wanted.out / "index.html").read_text(encoding="utf-8")
    assert comparison.verdict(found).splitlines()[0] in text.replace("&#39;", "'")
    validation = scores.groupby("way")["validation"].mean()
    best = found.dropna(subset=["validation"])["way"].iloc[0]
    assert validation[best] == validation.max()
    assert f"{best}, which is best in validation" in comparison.verdict(found)
    kept = json.loads((wanted.out / "model" / "run.json").read_text(encoding="utf-8"))
    made = wanted.runs(wanted.dataset(0), 0)[best]
    assert kept == made.to_dict()
    assert classifier.Classifier(wanted.out / "model").predict(["a great film"])[0] in ("positive", "negative")


def test_a_folder_with_another_comparison_is_refused(wanted: Comparison, calls: list[tuple[str, int]]) -> None:
    wanted.out.mkdir()
    comparison._claim(wanted, wanted.runs(wanted.dataset(0), 0)[SINGLE])
    others = (wanted.related or {})["others"]
    corrected = replace(others, examples=replace(others.examples, labels=1 - others.examples.labels))
    for change in (
        {"auxiliaries": ("casing",)},
        {"configuration": replace(SMALL, hidden=5)},
        {"related": {"others": corrected}},
        {"unlabelled": [["a", "bad", "cast"]]},
        {"test": wanted.file},
    ):
        other = replace(wanted, **change)
        with pytest.raises(ValueError, match="has a comparison of other data or settings; choose another folder"):
            comparison.run(other, "cpu")
    assert calls == []


def test_files_of_one_name_are_told_apart(wanted: Comparison, reviews: Path, tmp_path: Path) -> None:
    test = tmp_path / "reviews.csv"
    shutil.copy(reviews / "others.csv", test)
    comparison._claim(replace(wanted, test=test), wanted.runs(wanted.dataset(0), 0)[SINGLE])
    with pytest.raises(ValueError, match="has a comparison of other data"):
        comparison._claim(replace(wanted, file=test, test=wanted.file), wanted.runs(wanted.dataset(0), 0)[SINGLE])


def test_the_page_says_what_is_read_and_what_its_intervals_are(wanted: Comparison, reviews: Path) -> None:
    one = replace(wanted, seeds=1, configuration=replace(SMALL, epochs=1, max_tokens=7))
    comparison.run(one, "cpu")
    page = (one.out / "index.html").read_text(encoding="utf-8")
    assert "All arms read the first 7 tokens of a text, baselines without a network all of it." in page
    assert "Nadeau and Bengio" in page
    other = replace(one, test=reviews / "others.csv", out=one.out / "other", configuration=replace(SMALL, epochs=1))
    comparison.run(other, "cpu")
    page = (other.out / "index.html").read_text(encoding="utf-8")
    assert "intervals over trainings: all seeds test on the same file" in page
    assert "tokens of a text" not in page


def test_the_recipe_pools_related_texts_and_those_of_a_teacher_where_there_is_text_without_labels(
    wanted: Comparison,
) -> None:
    dataset = wanted.dataset(0)
    run = wanted.runs(dataset, 0)["recipe"]
    assert run.auxiliaries == ("others-pooled", "pseudo-labels-pooled")
    assert (run.schedule, run.configuration) == (Constant(1.0), wanted.configuration)
    assert dataset.background.unlabelled == [["a", "great", "cast"]]
    assert dataset.background.related.keys() == {"others"}
    assert "recipe" not in replace(wanted, unlabelled=()).runs(dataset, 0)
    casing = replace(wanted, auxiliaries=("casing",)).runs(dataset, 0)["recipe"]
    assert casing.auxiliaries == ("casing", "pseudo-labels-pooled")


def test_only_related_texts_with_the_same_classes_are_pooled(wanted: Comparison) -> None:
    stars = Related(Examples([["x"], ["y"], ["z"]], np.array([0, 1, 1])), ("one star", "two stars"))
    others = replace(wanted, related={"others": stars})
    assert POOLED not in others.runs(others.dataset(0), 0)
    pooled = wanted.runs(wanted.dataset(0), 0)[POOLED]
    assert (pooled.auxiliaries, pooled.schedule) == (("others-pooled",), Constant(1.0))


def test_vectors_know_the_words_of_related_and_unlabelled_texts(wanted: Comparison) -> None:
    background = {
        word for text in replace(wanted, unlabelled=[["Unseen", "words"]]).dataset(0).background.tokens for word in text
    }
    assert {"Unseen", "words", "plot"} <= background


# --- what follows from the scores


def scores_of(**accuracies: list[float]) -> pd.DataFrame:
    """Return scores of TF-IDF (without validation) and of trained ways."""
    names = {"tfidf": TFIDF, "single": SINGLE, "switch": "Switch", "mtl": "multi-task"}
    return pd.DataFrame(
        [
            {"way": names[name], "seed": seed, "accuracy": accuracy}
            | ({} if name == "tfidf" else {"validation": accuracy, "seconds": 1.0})
            for name, values in accuracies.items()
            for seed, accuracy in enumerate(values)
        ]
    )


SPREAD = np.array([0.01, -0.01, 0.02, -0.02, 0.0])


def test_differences_have_intervals_for_splits_that_share_texts() -> None:
    tfidf, switch = [0.7] * 5, (0.75 + SPREAD).tolist()
    found = comparison.table(scores_of(tfidf=tfidf, single=[0.7] * 5, switch=switch), test_share=0.25)
    row = found.set_index("way").loc["Switch"]
    differences = 5 + 100 * SPREAD
    half = stats.t.ppf(0.975, 4) * differences.std(ddof=1) * np.sqrt(1 / 5 + 0.25)
    assert row[[BASELINE, f"{BASELINE} low", f"{BASELINE} high"]].tolist() == pytest.approx([5, 5 - half, 5 + half])
    assert row[ALONE] == pytest.approx(5)
    assert found["way"].tolist() == [TFIDF, "Switch", SINGLE]  # by validation, baselines first
    assert np.isnan(found.set_index("way").loc[TFIDF, BASELINE])


@pytest.mark.parametrize(
    ("switch", "first", "second"),
    [
        (
            0.8 + SPREAD / 10,
            "Use Switch: Switch, which is best in validation, is in test +10.0 [",
            "The auxiliary tasks pay: Switch",
        ),
        (
            0.72 + 3 * SPREAD,
            f"Use {TFIDF}, the simpler way; that anything is better is not shown: Switch",
            "not shown",
        ),
        (0.6 + SPREAD / 10, f"Use {TFIDF}: {SINGLE}, which", "The auxiliary tasks cost accuracy: Switch is -5.0"),
    ],
)
def test_the_verdict_is_in_words(switch: np.ndarray, first: str, second: str) -> None:
    single = 0.65 + SPREAD / 10
    found = comparison.table(scores_of(tfidf=[0.7] * 5, single=single.tolist(), switch=switch.tolist()), 0.25)
    lines = comparison.verdict(found).splitlines()
    assert lines[0].startswith(first)
    assert second in lines[1]


def test_one_seed_cannot_tell() -> None:
    found = comparison.table(scores_of(tfidf=[0.7], single=[0.6], switch=[0.8]), 0.25)
    assert comparison.verdict(found).startswith(
        "One seed cannot tell: Switch, which is best in validation, is in test +10.0"
    )
    assert comparison.readable(found).loc[1].tolist() == ["Switch", "80.0", "80.0", "+10.0", "+20.0", "1.0"]


# --- the command


def test_the_command(reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = tmp_path / "raw.txt"
    raw.write_text("A great film .\nAn awful plot .\n", encoding="utf-8")
    given = ["compare", "--data", str(reviews / "reviews.csv"), "--text", "review", "--label", "sentiment"]
    given += ["--auxiliary", f"{reviews / 'others.csv'}:review:sentiment", "casing", "--unlabelled", str(raw)]
    given += ["--seeds", "1", "--epochs", "2", "--hidden", "4", "--dimensions", "4", "--embedding", "CBOW"]
    assert cli.main([*given, "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "One seed cannot tell" in shown
    assert "auxiliary tasks first" in shown
    assert (tmp_path / "out" / "index.html").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["--auxiliary", "no-task"], "unknown auxiliary task 'no-task'"),
        (["--auxiliary", "nowhere.csv:a:b"], "nowhere.csv is not there"),
        (["--auxiliary", "one/casing.csv:a:b", "casing"], "--auxiliary has casing twice: give its file another name"),
    ],
)
def test_faults_are_one_line(
    change: list[str], message: str, reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["compare", "--data", str(reviews / "reviews.csv"), "--text", "review", "--label", "sentiment"]
    given += ["--auxiliary", "casing", "--out", str(tmp_path / "out"), *change]
    assert cli.main(given) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("auxiliary", "fault"),
    [("no-task", "unknown auxiliary task 'no-task'"), ("hyperlink", "'hyperlink' needs marked-up text")],
)
def test_what_cannot_be_built_is_found_before_anything_is_trained(
    auxiliary: str, fault: str, wanted: Comparison, calls: list[tuple[str, int]]
) -> None:
    with pytest.raises(ValueError, match=fault):
        comparison.run(replace(wanted, auxiliaries=(auxiliary,)), "cpu")
    assert calls == []
    assert not (wanted.out / "trainings").exists()
