from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mt2st.experiments.baselines import BASELINES, TFIDF
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.report import readouts
from mt2st.schedules import SINGLE_TASK, Constant

Make = Callable[..., Record]
CONFIGURATION = Configuration(epochs=2)
NOISE = np.array([0.01, -0.02, 0.04])


@pytest.fixture
def table(known_record: Make) -> tuple[list[Record], list[Record]]:
    """Return the grid's runs and those with another readout; other embeddings and strategies do not count."""

    def alone(embedding: str, seed: int, accuracy: float, configuration: Configuration = CONFIGURATION) -> Record:
        run = Run(embedding, "single", (), SINGLE_TASK, seed, configuration)
        made = known_record(run, accuracy, validation_accuracy=(accuracy, accuracy + 0.02))
        return replace(made, scores=made.scores | {"baselines": dict.fromkeys(BASELINES, 0.5) | {TFIDF: 0.8}})

    grid = [alone("SkipGram", seed, 0.7) for seed in range(3)] + [alone("CBOW", seed, 0.1) for seed in range(3)]
    grid.append(known_record(Run("SkipGram", "mtl", ("update1",), Constant(1.0), 0, CONFIGURATION), 0.1))
    pooled = replace(CONFIGURATION, readout="max")
    return grid, [alone("SkipGram", seed, 0.75 + NOISE[seed], pooled) for seed in range(3)]


def test_baselines_and_readouts_differ_from_the_grids_encoder_by_seed(table: tuple[list[Record], list[Record]]) -> None:
    rows = readouts.comparison(*table).set_index("way")
    assert rows.index.tolist() == [*BASELINES, "bilstm, last", "bilstm, max"]
    assert rows["n"].tolist() == [3] * 5
    assert rows.loc[TFIDF, ["accuracy", "difference"]].tolist() == pytest.approx([80, 10])
    assert rows.loc["bilstm, last", "accuracy"] == pytest.approx(70)
    assert np.isnan(rows.loc["bilstm, last", "difference"])
    values = 5 + 100 * NOISE
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert rows.loc["bilstm, max", ["difference", "difference low", "difference high"]].tolist() == pytest.approx(
        [values.mean(), interval.low, interval.high]
    )
    assert rows["validation"].dropna().tolist() == pytest.approx([72, 77 + 100 * NOISE.mean()])


def test_ways_are_shown_as_text(table: tuple[list[Record], list[Record]]) -> None:
    shown = readouts.readable(readouts.comparison(*table)).set_index("way")
    assert shown.loc[TFIDF].tolist() == [3, "–", "80.0 [80.0, 80.0]", "+10.0 [+10.0, +10.0]", "1.000"]
    assert shown.loc["bilstm, last"].tolist()[1:] == ["72.0", "70.0 [70.0, 70.0]", "–", "–"]
