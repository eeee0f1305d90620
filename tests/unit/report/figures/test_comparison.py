from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mt2st.experiments import profiles, runs
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES, UPDATES, Strategy
from mt2st.report.arms import against_single
from mt2st.report.figures import comparison as figures
from mt2st.schedules import Constant


@pytest.fixture(scope="module")
def scores(grid_of: Callable[[Profile, Sequence[str], int], list[Record]]) -> pd.DataFrame:
    """Return the scores of made-up records of all strategies on two embeddings and two seeds."""
    return runs.score_frame(grid_of(profiles.PROFILES["smoke"], ("CBOW", "SkipGram"), 2))


def rows_of(axes: Axes) -> list[tuple[float, list[float]]]:
    """Return every row of a figure of differences: the dot, and the ends of its interval."""
    lines = [line for line in axes.get_lines() if len({*line.get_ydata()}) == 1]
    ends, dots = lines[::2], lines[1::2]
    return [(dot.get_xdata()[0], list(end.get_xdata())) for dot, end in zip(dots, ends, strict=True)]


@pytest.mark.parametrize(
    ("draw", "column"), [(figures.accuracy_by_strategy, "accuracy"), (figures.time_by_strategy, "time")]
)
def test_arms_are_drawn_as_differences_from_single_task(
    scores: pd.DataFrame, draw: Callable[[pd.DataFrame], Figure], column: str
) -> None:
    axes = draw(scores).axes[0]
    expected = against_single(scores)
    drawn = rows_of(axes)
    assert [dot for dot, _ in drawn] == pytest.approx(expected[column].tolist())
    np.testing.assert_allclose([ends for _, ends in drawn], expected[[f"{column} low", f"{column} high"]])
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names[:5] == ["multi-task, mean of its settings", *UPDATES]
    assert len(names) == 3 * 5
    low, high = axes.get_ylim()
    assert low > high  # the first row is on top


def test_what_the_paper_claims_stands_beside_each_strategy_on_its_own_task_alone(scores: pd.DataFrame) -> None:
    def claims(axes: Axes) -> list[str]:
        return [text.get_text() for text in axes.texts if text.get_position()[0] > 1.1 and text.get_text()]

    assert claims(figures.accuracy_by_strategy(scores.assign(data="imdb-disjoint")).axes[0]) == [
        "+20.7", "+23.0", "+22.7", "paper\nclaims",
    ]  # fmt: skip
    assert claims(figures.accuracy_by_strategy(scores).axes[0]) == []
    assert claims(figures.time_by_strategy(scores).axes[0]) == ["-67", "-67", "paper\nclaims"]


def test_rows_name_learning_rates_where_they_differ(scores: pd.DataFrame) -> None:
    rates = scores["learning_rate"].where(scores["setting"] != "update3", 0.02)
    axes = figures.accuracy_by_strategy(scores.assign(learning_rate=rates)).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names[3:5] == ["update2, learning rate 0.005", "update3, learning rate 0.02"]


def test_a_strategy_of_ones_own_has_its_rows(scores: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Strategy("own", "Own", Constant, lambda epochs: {"gamma": 0.5}, "#123456", "--")
    monkeypatch.setitem(STRATEGIES, "own", own)
    of_own = pd.concat([scores, scores[scores["strategy"] == "mtl"].assign(strategy="own")])
    for draw in (figures.accuracy_by_strategy, figures.time_by_strategy):
        labels = [text.get_text() for text in draw(of_own).axes[0].get_yticklabels()]
        assert labels[-5:] == ["Own, mean of its settings", *UPDATES]
