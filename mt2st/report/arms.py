"""Every arm against single-task learning: differences in accuracy and time, by strategy and by its settings."""

import pandas as pd

from mt2st.experiments.strategies import STRATEGIES
from mt2st.report.summary import by_seed
from mt2st.statistics import paired_difference, ratio_interval

MEAN = "mean of its settings"


def against_single(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a strategy, and one a setting of it: `accuracy` in points and `time` in percent against single-task.

    The unit is the seed: `accuracy` is the mean paired difference, `time` the geometric mean of ratios less 1, each
    with bounds of its 95% interval; embeddings are averaged within a seed first. `rates` are the arm's learning rates.
    A strategy's own row, whose setting is `MEAN`, is as of `summary.by_strategy`.

    Raises ValueError where no embedding and seed has all strategies, or an arm none with single-task learning, and
    where that is not among them.
    """
    if "single" not in set(scores["strategy"]):
        raise ValueError("no single-task runs to compare with")
    names = [name for name in STRATEGIES if name in set(scores["strategy"]) and name != "single"]
    single, whole = scores[scores["strategy"] == "single"], _means(scores)
    rows = []
    for name in names:
        of = scores[scores["strategy"] == name]
        rows.append(_row(name, MEAN, of, whole))
        settings = list(dict.fromkeys(of["setting"]))
        for setting in settings if len(settings) > 1 else []:
            arm = of[of["setting"] == setting]
            rows.append(_row(name, setting, arm, _means(pd.concat([single, arm]))))
    return pd.DataFrame(rows)


def _means(scores: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracies in percent and seconds of training by seed (rows) and strategy (columns)."""
    return 100 * by_seed(scores, "accuracy"), by_seed(scores, "train_seconds")


def _row(
    strategy: str, setting: str, runs: pd.DataFrame, means: tuple[pd.DataFrame, pd.DataFrame]
) -> dict[str, object]:
    """Compare a strategy with single-task learning by the means of `_means`, paired by seed."""
    accuracies, seconds = (frame[[strategy, "single"]].to_numpy().T for frame in means)
    difference, ratio = paired_difference(*accuracies).interval, ratio_interval(*seconds).interval
    percent = {name: 100 * (value - 1) for name, value in ratio.columns("time").items()}
    rates = tuple(sorted(set(runs["learning_rate"])))
    place = {"strategy": strategy, "setting": setting, "n": difference.n, "rates": rates}
    return place | difference.columns("accuracy") | percent
