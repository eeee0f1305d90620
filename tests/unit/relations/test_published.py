from itertools import combinations

import pandas as pd
import pytest

from mt2st.data import bingel2017
from mt2st.data.bingel2017 import CODES, PAIR, SINGLE
from mt2st.relations import published


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put known scores in place of the published: F1 is 0.5 at half the iterations and, alone, at the end.

    At the end of a pair the first task has 0.6, a fifth more, and the second 0.4, a fifth less.
    """
    rows = []
    for run in [(name,) for name in CODES] + list(combinations(CODES, 2)):
        end, final = (PAIR, (0.6, 0.4)) if len(run) == 2 else (SINGLE, (0.5,))
        for name, f1 in zip(run, final, strict=True):
            rows += [("_".join(run), CODES[name], end // 2, 0.5), ("_".join(run), CODES[name], end, f1)]
    frame = pd.DataFrame(rows, columns=["run", "task", "iteration", "f1"])
    monkeypatch.setattr(bingel2017, "published_scores", lambda: frame)


@pytest.mark.usefixtures("scores")
def test_gains_are_relative_to_the_task_alone_in_percent() -> None:
    gains = published.published_gains()
    assert list(gains.index) == list(gains.columns) == list(CODES.values())
    assert (gains.index.name, gains.columns.name) == ("main", "aux")
    assert gains.loc["CCG", "STR"] == pytest.approx(20)  # 0.6 instead of 0.5
    assert gains.loc["STR", "CCG"] == pytest.approx(-20)  # 0.4
    assert gains.isna().sum().sum() == 10
    assert (gains > 0).sum().sum() == 45


@pytest.mark.usefixtures("scores")
def test_gains_may_be_read_elsewhere_and_at_their_best() -> None:
    assert (published.published_gains(25_000, 50_000).fillna(0) == 0).all(axis=None)  # 0.5 everywhere
    best = published.published_gains(best=True)
    assert (best.loc["CCG", "STR"], best.loc["STR", "CCG"]) == (pytest.approx(20), 0)


@pytest.mark.usefixtures("scores")
def test_an_iteration_without_line_is_refused() -> None:
    with pytest.raises(ValueError, match=r"single=50, pair=100000: not in all logs; use multiples of 100"):
        published.published_gains(single=50)


@pytest.mark.usefixtures("scores")
def test_readings_count_gains_and_losses() -> None:
    table = published.readings().set_index("F1")
    row = table.loc["at 50,000 and 100,000 iterations"]
    assert (row["gains"], row["losses"]) == (45, 45)
    assert (row["COM with MWE"], row["MWE with COM"]) == (pytest.approx(20), pytest.approx(-20))


def test_the_copy_of_figure_1_has_the_papers_40_gains_and_its_best_helpers() -> None:
    gains = published.figure_1()
    assert list(gains.index) == list(gains.columns) == list(CODES.values())
    assert (gains.notna().sum().sum(), (gains > 0).sum().sum()) == (90, 40)
    assert (gains > 0).sum().nlargest(2).to_dict() == {"CHU": 7, "SEM": 6}
    assert gains.loc["MWE", "COM"] > 0 < gains.loc["COM", "MWE"]  # which the paper names
