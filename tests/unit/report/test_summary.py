import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_digits

from mt2st.data.texts import wiki
from mt2st.experiments.baselines import TFIDF
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.runs import Record, Run
from mt2st.experiments.strategies import STRATEGIES, Strategy
from mt2st.report import summary
from mt2st.schedules import SINGLE_TASK, Constant

SINGLE = [0.50, 0.60, 0.55]
GAINS = {"mtl": [0.10, 0.12, 0.11], "diminish": [-0.05, -0.06, -0.07], "switch": [0.01, -0.02, 0.04]}
SECONDS = {"single": 10.0, "mtl": 20.0, "diminish": 15.0, "switch": 12.0}


def _runs(strategy: str, embedding: str, accuracies: list[float], setting: str = "update0") -> list[dict[str, object]]:
    return [
        {
            "strategy": strategy,
            "embedding": embedding,
            "setting": "original" if strategy == "single" else setting,
            "seed": seed,
            "accuracy": accuracy,
            "train_seconds": SECONDS[strategy] * (1 + seed),
        }
        for seed, accuracy in enumerate(accuracies)
    ]


def _scores() -> pd.DataFrame:
    """Three seeds of all strategies on CBOW, each of the three with two settings 0.02 apart."""
    rows = _runs("single", "CBOW", SINGLE)
    for strategy, gains in GAINS.items():
        accuracies = [a + g for a, g in zip(SINGLE, gains, strict=True)]
        rows += _runs(strategy, "CBOW", [a - 0.01 for a in accuracies], "update0")
        rows += _runs(strategy, "CBOW", [a + 0.01 for a in accuracies], "update1")
    return pd.DataFrame(rows)


# --- Seeds


def test_a_seed_is_the_mean_over_embeddings_of_the_mean_over_settings() -> None:
    rows = _runs("single", "CBOW", [0.2]) + _runs("single", "SkipGram", [0.6])
    rows += _runs("mtl", "CBOW", [0.1], "update0") + _runs("mtl", "CBOW", [0.3], "update1")
    rows += _runs("mtl", "SkipGram", [0.8], "update0")
    frame = pd.DataFrame(rows)
    assert summary.by_seed(frame, "accuracy").loc[0].to_dict() == pytest.approx({"single": 0.4, "mtl": (0.2 + 0.8) / 2})
    assert summary.by_seed(frame, "train_seconds").loc[0].to_dict() == pytest.approx({"single": 10.0, "mtl": 20.0})


def test_an_embedding_that_a_strategy_lacks_counts_for_none() -> None:
    rows = _runs("single", "CBOW", [0.2]) + _runs("mtl", "CBOW", [0.3]) + _runs("mtl", "GloveTwitter", [0.9])
    means = summary.by_seed(pd.DataFrame(rows), "accuracy")
    assert means.loc[0].to_dict() == pytest.approx({"single": 0.2, "mtl": 0.3})


# --- Strategies


def test_accuracy_of_a_strategy_is_over_seeds() -> None:
    rows = summary.by_strategy(_scores())
    assert list(rows.index) == ["single", "mtl", "diminish", "switch"]
    assert rows["n"].tolist() == [3, 3, 3, 3]
    for strategy in rows.index:
        accuracies = np.array(SINGLE) + GAINS.get(strategy, [0, 0, 0])
        expected = stats.ttest_1samp(accuracies, 0).confidence_interval(0.95)
        row = rows.loc[strategy]
        assert row["accuracy"] == pytest.approx(accuracies.mean())
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
        assert row["train_seconds"] == pytest.approx(2 * SECONDS[strategy])  # mean of one, two and three times


def test_strategies_are_compared_with_single_task_seed_by_seed() -> None:
    rows = summary.by_strategy(_scores())
    for strategy, gains in GAINS.items():
        expected = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
        row = rows.loc[strategy]
        assert row["difference"] == pytest.approx(np.mean(gains))
        assert (row["difference_low"], row["difference_high"]) == pytest.approx((expected.low, expected.high))
        ratio = SECONDS[strategy] / SECONDS["single"]
        assert row[["time_ratio", "time_ratio_low", "time_ratio_high"]].tolist() == pytest.approx([ratio] * 3)
    assert rows["p"].tolist() == pytest.approx([1.0, 0.25, 0.25, 0.75])


def test_time_ratio_is_the_geometric_mean_of_ratios() -> None:
    scores = pd.DataFrame(_runs("single", "CBOW", [0.5, 0.5]) + _runs("mtl", "CBOW", [0.5, 0.5]))
    scores["train_seconds"] = [10.0, 40.0, 20.0, 60.0]
    assert summary.by_strategy(scores).loc["mtl", "time_ratio"] == pytest.approx(stats.gmean([2.0, 1.5]))


def test_papers_accuracies_stand_beside_ours() -> None:
    papers = summary.by_strategy(_scores())["paper"].to_dict()
    assert papers == {"single": 0.482, "mtl": 0.68, "diminish": 0.71, "switch": 0.77}
    tables = pd.read_csv(Path(__file__).parents[3] / "data" / "paper" / "tables.csv")
    originals = tables[(tables["table"] == 1) & (tables["setting"] == "original")]["accuracy"]
    assert len(originals) == 5
    assert papers["single"] == pytest.approx(originals.mean() / 100)


def test_one_seed_has_no_interval() -> None:
    scores = _scores()
    row = summary.by_strategy(scores[scores["seed"] == 1]).loc["mtl"]
    assert (row["n"], row["p"]) == (1, 1.0)
    assert row["difference"] == pytest.approx(0.12)
    assert math.isnan(row["low"])
    assert math.isnan(row["difference_low"])


def test_without_single_task_runs_nothing_is_compared() -> None:
    scores = _scores()
    rows = summary.by_strategy(scores[scores["strategy"] != "single"])
    assert list(rows.index) == ["mtl", "diminish", "switch"]
    assert "difference" not in rows.columns


# --- For readers


def test_numbers_are_text_for_readers() -> None:
    shown, rows = summary.readable(_scores()).set_index("strategy"), summary.by_strategy(_scores())
    assert shown.index.tolist() == ["single-task", "multi-task", "Diminish", "Switch"]
    assert shown["paper, IMDB (%)"].tolist() == ["48", "68", "71", "77"]
    row = rows.loc["switch"]
    assert shown.loc["Switch"].tolist()[1:] == [
        f"{100 * row['accuracy']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]",
        f"1.0 [{100 * row['difference_low']:.1f}, {100 * row['difference_high']:.1f}]",
        "0.750", "24.0", "1.20 [1.20, 1.20]",
    ]  # fmt: skip
    assert shown.loc["single-task"].tolist()[2:] == ["–", "–", "20.0", "1"]


def test_baselines_stand_below_the_strategies_paired_by_seed() -> None:
    scores = _scores()
    single = scores["strategy"] == "single"
    gains = {seed: 0.1 + 0.01 * seed for seed in range(3)}
    scores.loc[single, TFIDF] = scores["accuracy"] + scores["seed"].map(gains)
    rows = summary.baselines(scores)
    assert rows.index.tolist() == [TFIDF]
    interval = stats.ttest_1samp(list(gains.values()), 0).confidence_interval(0.95)
    assert rows.loc[TFIDF, ["difference", "difference_low", "difference_high"]].tolist() == pytest.approx(
        [np.mean(list(gains.values())), interval.low, interval.high]
    )
    shown = summary.readable(scores).set_index("strategy")
    assert shown.index.tolist() == ["single-task", "multi-task", "Diminish", "Switch", TFIDF]
    assert shown.loc[TFIDF, "seconds of training"] == "–"
    mean = 100 * rows.loc[TFIDF, "accuracy"]
    assert shown.loc[TFIDF, "ours (%)"].startswith(f"{mean:.1f} [")
    assert summary.answer(scores).endswith(f" Logistic regression on TF-IDF reaches {mean:.1f}% on the same texts.")


def test_strategies_that_cannot_be_compared_give_an_empty_table_for_readers() -> None:
    scores = _scores()
    assert summary.readable(scores[scores["strategy"] != "single"]).empty
    assert summary.readable(pd.DataFrame(_runs("single", "CBOW", [0.2]) + _runs("mtl", "SkipGram", [0.3]))).empty


def test_a_strategy_of_which_the_paper_says_nothing_has_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES, "own", Strategy("own", "Own", Constant, lambda epochs: {"gamma": 0.5}, "black"))
    own = _scores().query("strategy == 'mtl'").assign(strategy="own")
    scores = pd.concat([_scores(), own])
    shown = summary.readable(scores).set_index("strategy")
    assert shown.loc["Own", "paper, IMDB (%)"] == "–"
    assert shown.loc["Own"].tolist()[1:] == shown.loc["multi-task"].tolist()[1:]
    assert summary.conclusions(scores).splitlines()[3].startswith("own: accuracy +11.0 [")


# --- The step at the switch


def _history() -> pd.DataFrame:
    """Two seeds and two settings over four epochs, switching in epoch 2; and other runs, which do not count."""
    rows = []
    for setting, aux in (("update0", 1.0), ("update1", 3.0)):
        for seed in (0, 1):
            for epoch in range(4):
                weight = 1.0 if epoch < 2 else 0.0
                primary = 0.9 - 0.1 * epoch + 0.2 * seed
                row = {"strategy": "switch", "embedding": "CBOW", "setting": setting, "seed": seed, "epoch": epoch}
                row |= {"auxiliary_weight": weight, "loss": primary + weight * aux, "primary_loss": primary}
                rows.append(row)
                rows.append(row | {"strategy": "mtl", "auxiliary_weight": float(epoch > 0), "loss": 99.0})
    return pd.DataFrame(rows)


def test_switch_step_compares_the_last_epoch_with_the_first_without() -> None:
    steps = summary.switch_step(_history())
    assert list(steps.index) == [("CBOW", "update0"), ("CBOW", "update1")]
    expected = {
        "total before": [0.9 + 1.0, 0.9 + 3.0],
        "total after": [0.8, 0.8],
        "total change": [-1.1, -3.1],
        "primary before": [0.9, 0.9],
        "primary after": [0.8, 0.8],
        "primary change": [-0.1, -0.1],
    }
    assert list(steps.columns) == list(expected)
    for column, values in expected.items():
        assert steps[column].tolist() == pytest.approx(values)


# --- Words


def test_conclusions_say_what_the_intervals_say() -> None:
    lines = summary.conclusions(_scores()).splitlines()
    low, high = 100 * np.array(stats.ttest_1samp(GAINS["mtl"], 0).confidence_interval(0.95))
    assert lines[0] == (
        f"mtl: accuracy +11.0 [{low:+.1f}, {high:+.1f}] points, n = 3 seeds, p = 0.25 (smallest possible 0.25); "
        "above single-task: the interval excludes 0"
    )
    assert lines[1].startswith("diminish: accuracy -6.0 [-8.5, -3.5] points, n = 3 seeds, p = 0.25")
    assert lines[1].endswith("below single-task: the interval excludes 0")
    assert lines[2].startswith("switch: accuracy +1.0 [")
    assert lines[2].endswith(
        "p = 0.75 (smallest possible 0.25); not distinguishable from single-task: the interval includes 0"
    )


def test_conclusions_set_time_against_the_papers_claims() -> None:
    lines = summary.conclusions(_scores()).splitlines()
    assert lines[3].startswith(
        "diminish: training time +50% against single-task (paper: −67%), -25% against multi-task"
    )
    assert lines[4].startswith("switch: training time +20% against single-task (paper: −67%), -40% against multi-task")
    assert len(lines) == 5


# --- Incomplete sets of runs


def test_a_seed_that_a_strategy_lacks_counts_for_none() -> None:
    complete = _scores()
    partial = complete[(complete["strategy"] != "switch") | (complete["seed"] < 2)]
    rows = summary.by_strategy(partial)
    assert rows["n"].tolist() == [2, 2, 2, 2]
    assert rows.loc["mtl", "difference"] == pytest.approx(np.mean(GAINS["mtl"][:2]))
    assert rows["p"].notna().all()


def test_one_seed_gives_no_interval() -> None:
    scores = _scores()
    said = summary.conclusions(scores[scores["seed"] == 0])
    assert "mtl: accuracy +10.0 points; one seed gives no interval" in said
    assert "nan" not in said


def test_nothing_in_common_is_said() -> None:
    rows = _runs("single", "CBOW", [0.2]) + _runs("mtl", "SkipGram", [0.3])
    with pytest.raises(ValueError, match="no embedding and seed has runs of every strategy"):
        summary.by_strategy(pd.DataFrame(rows))


def test_a_history_without_a_switch_has_no_step() -> None:
    history = _history()
    with pytest.raises(ValueError, match="0 < T_switch < epochs"):
        summary.switch_step(history.assign(auxiliary_weight=1.0))


def test_seeds_that_divide_the_same_texts_have_wider_intervals_and_no_p() -> None:
    values, reference = pd.Series([80.0, 83.0, 81.0, 82.5]), pd.Series([79.0, 80.0, 81.5, 80.0])
    alone = summary.differences(values, {"from x": reference}, 0.0)
    shared = summary.differences(values, {"from x": reference}, 0.25)
    assert (alone["from x"], alone["p from x"]) == (1.5, 0.25)
    assert shared["from x"] == 1.5
    assert np.isnan(shared["p from x"])
    gains = values - reference
    for found, error in ((alone, 1 / 4), (shared, 1 / 4 + 1 / 3)):
        half = stats.t.ppf(0.975, 3) * gains.std() * np.sqrt(error)
        assert found["from x high"] - found["from x"] == pytest.approx(half)


@pytest.mark.parametrize("name", ["wiki", "digits", "imdb-semi", "pos-crossing"])
def test_the_share_that_is_tested_is_that_of_the_data(name: str, known_record: Callable[..., Record]) -> None:
    profile = PROFILES[name]
    run = Run("SkipGram", "single-task", (), SINGLE_TASK, 0, profile.configuration)
    share = summary.share_tested([known_record(run, 0.5)])
    if name == "digits":
        assert share == pytest.approx(profile.configuration.test / len(load_digits().target))
    elif name == "wiki":
        frame = wiki.sentences()
        parts = pd.Series(wiki.split_articles(frame, np.random.default_rng(0)))
        assert share == pytest.approx((parts == "test").mean(), abs=0.01)
    else:
        assert share == 0
