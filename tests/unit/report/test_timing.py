from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.report import timing
from mt2st.schedules import SINGLE_TASK, Constant, Diminish, Schedule, Switch
from mt2st.statistics import mean_interval

Make = Callable[..., Record]
SCHEDULES: dict[str, Schedule] = {
    "single": SINGLE_TASK,
    "mtl": Constant(1.0),
    "diminish": Diminish(1.0, 0.3, 1.0),
    "switch": Switch(2),
}
RISING = (0.5, 0.6, 0.7, 0.6)  # of the validation accuracy


def run_of(strategy: str, seed: int = 0, embedding: str = "CBOW", auxiliary: str = "update0") -> Run:
    """Return a run of four epochs."""
    names = () if strategy == "single" else (auxiliary,)
    return Run(embedding, strategy, names, SCHEDULES[strategy], seed, Configuration(epochs=4))


def some(make: Make, strategy: str, seconds: Sequence[float], **options: object) -> list[Record]:
    """Return a record for each seed, with so many seconds an epoch."""
    return [
        make(run_of(strategy, seed), cpu_seconds=value, **{"validation_accuracy": RISING} | options)
        for seed, value in enumerate(seconds)
    ]


# --- one run


def test_the_first_target_is_the_single_task_arms_own(known_record: Make) -> None:
    records = some(known_record, "single", [1.0, 2.0]) + some(known_record, "mtl", [1.0], validation_accuracy=0.9)
    assert timing.targets(records) == [0.7, 0.65, 0.70, 0.75]


def test_the_target_is_the_best_of_the_mean_curve_and_not_the_mean_of_the_best(known_record: Make) -> None:
    first = known_record(run_of("single", 0), validation_accuracy=(0.5, 0.8, 0.6, 0.6))
    second = known_record(run_of("single", 1), validation_accuracy=(0.5, 0.6, 0.7, 0.9))
    other = known_record(run_of("mtl"), validation_accuracy=1.0)
    assert timing.best_mean([first, second, other]) == pytest.approx(0.75)


def test_costs_add_up_over_epochs(known_record: Make) -> None:
    spent = timing.spent(known_record(run_of("single"), cpu_seconds=(1, 2, 3, 4)))
    assert spent["seconds"].tolist() == [1, 3, 6, 10]
    assert spent["operations"].tolist() == [100, 200, 300, 400]


def test_an_auxiliary_task_costs_operations_in_the_epochs_that_compute_it(known_record: Make) -> None:
    def operations(strategy: str) -> list[float]:
        return timing.spent(known_record(run_of(strategy), flops=10))["operations"].tolist()

    assert operations("mtl") == [110, 220, 330, 440]
    assert operations("switch") == [110, 220, 320, 420]
    faint = replace(run_of("diminish"), configuration=Configuration(epochs=4, epsilon=0.5))  # 1, 0.74, 0.55, 0.41
    assert timing.spent(known_record(faint, flops=10))["operations"].tolist() == [110, 220, 330, 430]


def test_seconds_are_the_processors_where_a_run_is_made_on_one(known_record: Make) -> None:
    record = known_record(run_of("single"), cpu_seconds=1.0, train_seconds=7.0)
    assert timing.spent(record)["seconds"].iloc[-1] == 4
    on_gpu = replace(record, environment={"device": "cuda: made up"})
    assert timing.spent(on_gpu)["seconds"].iloc[-1] == 28


def test_time_to_a_target_ends_with_the_first_epoch_that_reaches_it(known_record: Make) -> None:
    record = known_record(run_of("mtl"), validation_accuracy=(0.5, 0.7, 0.6, 0.8), cpu_seconds=(1, 2, 3, 4))
    (row,) = timing.to_target([record], 0.7).to_dict("records")
    assert row == {
        "strategy": "mtl", "embedding": "CBOW", "setting": "update0", "seed": 0, "reached": True, "epochs": 2,
        "seconds": 3.0, "operations": 220.0, "all seconds": 10.0, "all operations": 440.0,
    }  # fmt: skip


def test_a_run_that_never_reaches_the_target_is_censored_at_its_end(known_record: Make) -> None:
    (row,) = timing.to_target([known_record(run_of("single"), cpu_seconds=(1, 2, 3, 4))], 0.7).to_dict("records")
    assert (row["reached"], row["epochs"], row["seconds"], row["operations"]) == (False, 4, 10, 400)


# --- several runs


def test_the_horizon_is_the_shortest_training_with_the_same_seed_and_embedding(known_record: Make) -> None:
    records = some(known_record, "single", [1.0, 10.0]) + some(known_record, "mtl", [2.0, 5.0])
    times = timing.to_target(records, 0.9)
    assert timing.horizons(times, "seconds").tolist() == [4, 20, 4, 20]
    assert timing.horizon(records, "seconds") == 12
    assert timing.horizon(records, "operations") == 400


def test_censored_and_late_runs_count_as_the_horizon(known_record: Make) -> None:
    never, late = (0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.9)
    records = [
        known_record(run_of("single"), validation_accuracy=never, cpu_seconds=1.0),
        known_record(run_of("mtl"), validation_accuracy=late, cpu_seconds=1.5),
        known_record(run_of("switch"), validation_accuracy=(0.9, 0.5, 0.5, 0.5), cpu_seconds=1.5),
    ]
    means = timing.by_seed(timing.to_target(records, 0.9), "seconds")
    assert means.loc[0].to_dict() == {"single": 4, "mtl": 4, "switch": 1.5}


def test_a_seed_is_the_mean_over_embeddings_of_the_mean_over_settings(known_record: Make) -> None:
    def record(strategy: str, embedding: str, epoch: int, auxiliary: str = "update0") -> Record:
        accuracy = np.where(np.arange(4) == epoch, 0.9, 0.5).tolist()
        return known_record(run_of(strategy, 0, embedding, auxiliary), validation_accuracy=accuracy)

    records = [record("single", "CBOW", 0), record("single", "SkipGram", 2)]
    records += [record("mtl", "CBOW", 0), record("mtl", "CBOW", 1, "update1"), record("mtl", "SkipGram", 3)]
    records.append(record("mtl", "GloveTwitter", 0))  # which the single-task arm lacks
    means = timing.by_seed(timing.to_target(records, 0.9), "seconds")
    assert means.loc[0].to_dict() == {"single": (1 + 3) / 2, "mtl": ((1 + 2) / 2 + 4) / 2}


def test_an_embedding_that_a_strategy_lacks_with_one_seed_is_left_out_of_that_seed(known_record: Make) -> None:
    records = [
        known_record(run_of(strategy, seed, embedding), cpu_seconds=seconds)
        for strategy in ("single", "mtl")
        for seed, embedding, seconds in [(0, "CBOW", 1), (0, "SkipGram", 3), (1, "CBOW", 1), (1, "SkipGram", 3)]
        if (strategy, seed, embedding) != ("mtl", 1, "SkipGram")
    ]
    means = timing.whole_training(timing.to_target(records, 0.9), "seconds")
    assert means["single"].tolist() == means["mtl"].tolist() == [8, 4]


def test_ratios_are_geometric_means_over_seeds(known_record: Make) -> None:
    single, multi = [1.0, 2.0, 4.0, 3.0], [2.0, 3.0, 4.0, 3.3]
    records = [
        record
        for strategy, seconds in [("single", single), ("mtl", multi)]
        for record in some(known_record, strategy, seconds, validation_accuracy=(0.7, 0.5, 0.5, 0.5))
    ]
    row = timing.costs(records, [0.7]).set_index("strategy").loc["mtl"]
    logs = np.log(np.divide(multi, single))
    expected = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert row["seconds / single"] == pytest.approx(stats.gmean(np.divide(multi, single)))
    assert row["seconds / single low"] == pytest.approx(np.exp(expected.low))
    assert row["seconds / single high"] == pytest.approx(np.exp(expected.high))
    assert row["seconds / single p"] == 0.25  # 4 of 16 sign flips: three differences of one sign, and one of none
    assert row["operations / single"] == pytest.approx(1.1)


def test_the_table_gives_shares_costs_and_ratios_by_target(known_record: Make) -> None:
    records = some(known_record, "single", [1.0, 1.0]) + some(known_record, "switch", [2.0, 2.0])
    records += some(known_record, "mtl", [1.5, 1.5], validation_accuracy=(0.5, 0.5, 0.5, 0.6), flops=300)
    table = timing.costs(records, [0.6, 0.7]).set_index(["target", "strategy"])
    assert table.index.tolist() == [(t, s) for t in (0.6, 0.7) for s in ("single", "mtl", "switch")]
    assert table["reached"].tolist() == [1, 1, 1, 1, 0, 1]
    assert table["seconds"].tolist() == [2, 4, 4, 3, 4, 4]  # at most the horizon of four
    assert table["operations"].tolist() == pytest.approx([2e-7, 4e-7, 2.2e-7, 3e-7, 4e-7, 3.2e-7])
    assert table.loc[(0.6, "switch"), "seconds / single"] == pytest.approx(2)
    assert table.loc[(0.7, "switch"), "seconds / single"] == pytest.approx(4 / 3)
    assert table.loc[(0.7, "switch"), "operations / mtl"] == pytest.approx(0.8)
    assert np.isnan(table.loc[(0.6, "single"), "seconds / single"])
    assert np.isnan(table.loc[(0.6, "mtl"), "seconds / mtl"])


def test_two_arms_that_never_get_there_have_no_ratio(known_record: Make) -> None:
    every = [0.1, 0.2, 0.3]
    records = some(known_record, "single", every, validation_accuracy=0.5) + some(known_record, "mtl", every)
    records += some(known_record, "switch", every, validation_accuracy=0.5)
    table = timing.costs(records, [0.7]).set_index("strategy")
    assert np.isnan(table.loc["switch", ["seconds / single", "seconds / single p"]].astype(float)).all()
    assert table.loc["switch", "seconds / mtl"] == pytest.approx(4 / 3)


def test_whole_training_needs_no_target(known_record: Make) -> None:
    records = some(known_record, "single", [1.0, 2.0]) + some(known_record, "diminish", [1.1, 2.2])
    records += some(known_record, "mtl", [2.0, 4.0])
    pd.testing.assert_frame_equal(
        timing.whole_training(timing.to_target(records, 0.5), "seconds"),
        pd.DataFrame({"diminish": [4.4, 8.8], "mtl": [8.0, 16.0], "single": [4.0, 8.0]}, index=[0, 1]),
        check_names=False,
    )
    table = timing.whole_costs(records, "seconds").set_index("strategy")
    assert table.index.tolist() == ["single", "mtl", "diminish"]
    assert table["n"].tolist() == [2, 2, 2]
    assert table["seconds"].tolist() == pytest.approx([6, 12, 6.6])
    assert table.loc["diminish", ["/ single", "/ single low", "/ single high"]].tolist() == pytest.approx([1.1] * 3)
    assert table.loc["diminish", "/ mtl"] == pytest.approx(0.55)


# --- the paper's stopping rule


def test_a_run_converges_when_its_gradient_has_been_small_for_two_epochs(known_record: Make) -> None:
    one = known_record(
        run_of("single"), cpu_seconds=(1, 2, 3, 4), gradient_norm=(8, 3, 5, 3), validation_accuracy=RISING
    )
    row = timing.to_convergence([one], 0.75).iloc[0]  # below 6 in epochs 1 and 2
    assert (row["reached"], row["epochs"], row["seconds"], row["all seconds"]) == (True, 3, 6, 10)
    assert row["below best"] == 0
    never = timing.to_convergence([one], 0.5).iloc[0]  # below 4 in epochs 1 and 3, not in a row
    assert (never["reached"], never["epochs"], never["seconds"]) == (False, 4, 10)
    early = known_record(run_of("single"), gradient_norm=(8, 1, 1, 1), validation_accuracy=(0.5, 0.5, 0.5, 0.75))
    assert timing.to_convergence([early], 0.25).iloc[0]["below best"] == 0.25


def test_seconds_of_all_epochs_are_compared_by_the_seeds_that_both_have(known_record: Make) -> None:
    alone = [known_record(run_of("single", seed), cpu_seconds=1.0 + seed) for seed in (0, 1, 2)]
    joint = [known_record(run_of("mtl", seed), cpu_seconds=2.0 * (1 + seed) ** 2) for seed in (3, 1, 0)]
    found, expected = timing.relative_seconds(joint, alone), mean_interval(np.log([2, 4]))
    assert (found.mean, found.n) == (pytest.approx(8**0.5), 2)
    assert [found.low, found.high] == pytest.approx(np.exp([expected.low, expected.high]))
    with pytest.raises(ValueError, match="at least one"):
        timing.relative_seconds(joint[:1], alone)


def test_the_table_of_convergence_compares_arms_by_seed(known_record: Make) -> None:
    fast, slow = {"gradient_norm": (8, 1, 1, 1)}, {"gradient_norm": (8, 8, 1, 1)}
    records = some(known_record, "single", [1.0, 2.0, 3.0], **slow) + some(known_record, "mtl", [2.0, 4.0, 6.0], **fast)
    table = timing.convergence(records).set_index(["fraction", "strategy"])
    assert table.index.get_level_values("fraction").unique().tolist() == [0.75, 0.5, 0.25]
    for fraction in timing.FRACTIONS:
        single, multi = table.loc[(fraction, "single")], table.loc[(fraction, "mtl")]
        assert (single["stopped"], single["epochs"], single["seconds"]) == (1, 4, 8)
        assert (multi["stopped"], multi["epochs"], multi["seconds"]) == (1, 3, 12)
        assert multi["/ single"] == pytest.approx(2 * 3 / 4)
        assert single["/ mtl"] == pytest.approx(4 / 3 / 2)
