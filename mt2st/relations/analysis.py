"""Can the features of two tasks predict whether one gains from the other? With the study's own test and harder ones.

Everything takes `features` (rows (main, aux), see `mt2st.relations.features`) and `gains` (a Series with the same rows)
and does not know where they come from.

The study (Bingel and Søgaard 2017) splits its 90 pairs at random. But a pair shares its main task with eight others and
its auxiliary one with eight more: knowing the main task alone says much about the outcome, so a pair is easy to predict
from its neighbours in the training part. `splits` therefore has two more ways, without any chance in them.

Scores have no interval: to divide the same pairs anew shows how much depends on the division, not how other tasks would
turn out. `permutation_test` says whether they are more than chance.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

By = Literal["pair", "main", "task"]
Chance = Literal["labels", "tasks"]
Split = tuple[np.ndarray, np.ndarray]  # positions of pairs for training and for test
Fold = tuple[np.ndarray, np.ndarray, Split]  # features of both, scaled

FOLDS = 5
FITS = 100  # of `coefficients`
# The study's: features scaled to [0, 1], L2 penalty 1, liblinear (scikit-learn's default in 2017, which penalises the
# intercept too). There the scaling saw all pairs, here those in training alone.
LOGISTIC = make_pipeline(MinMaxScaler(), LogisticRegression(solver="liblinear", random_state=0))
# Table 3: mean accuracy and F1 of gain over 100 runs of five folds.
TABLE_3 = pd.DataFrame(
    {"accuracy": [0.555, 0.749, 0.665, 0.785], "f1": [0.615, 0.669, 0.542, 0.713]},
    index=["majority", "all features", "best, data features only", "best combination"],
)
# Mean coefficients of main, aux and main/aux in the released notebook, rounded; the paper prints 25 of them.
PUBLISHED_COEFFICIENTS = {
    "size": (-0.033, 0.237, -0.007),
    "labels": (0.828, -0.184, 0.504),
    "tokens/types": (-0.297, 0.254, -0.117),
    "OOV rate": (0.697, 0.061, 0.678),
    "label entropy": (-0.102, 0.798, -0.411),
    "Frobenius norm": (-0.516, 0.346, -0.234),
    "JSD": (0.019, -0.207, -0.015),
    "gradient 10%": (0.007, 0.268, 0.023),
    "gradient 20%": (-1.164, 0.576, 0.104),
    "gradient 30%": (-1.566, 0.791, -0.060),
    "gradient 50%": (0.781, -0.099, 0.077),
    "gradient 70%": (0.434, -0.279, 0.000),
    "a": (0.027, -0.297, -0.241),
    "c": (1.007, -0.174, -0.104),
}


class Always(BaseEstimator):
    """Give every pair the same probability of a gain."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Always":
        """Learn nothing."""
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the answer for each row."""
        return np.full(len(x), self.gain > 0.5)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return probabilities of no gain and gain, (n, 2)."""
        return np.tile([1.0 - self.gain, float(self.gain)], (len(x), 1))


def of_pairs(gains: pd.DataFrame) -> pd.Series:
    """Return gains by (main, aux) of a table with main tasks as rows and auxiliary ones as columns, without NaN."""
    long = gains.rename_axis(index="main", columns="aux").reset_index().melt("main", value_name="gain")
    return long.dropna().set_index(["main", "aux"])["gain"]


def by_task(gains: pd.DataFrame) -> pd.DataFrame:
    """Return, for each task, how many others it helps and how many help it, and the mean and median gain in both.

    Args:
        gains: percent, main tasks as rows, auxiliary ones as columns, NaN for a task with itself.
    """
    sides = {"as aux": gains, "as main": gains.T}
    summaries = [
        pd.DataFrame({"gains": (side > 0).sum(), "mean": side.mean(), "median": side.median()})
        for side in sides.values()
    ]
    return pd.concat(summaries, axis="columns", keys=list(sides))


def task_names(pairs: pd.MultiIndex) -> pd.DataFrame:
    """Return indicators of the main and of the auxiliary task: features that know nothing but who is who."""
    return pd.get_dummies(pairs.to_frame(), dtype=float)


def splits(pairs: pd.MultiIndex, by: By, seed: int = 0) -> list[Split]:
    """Return positions of the pairs for training and test.

    - "pair": five folds of the pairs, shuffled. The study's.
    - "main": one main task is left out at a time: its pairs are tested, no pair in training has it as the main one.
    - "task": one task is left out at a time, on both sides: no pair in training has it, and those that do are tested,
      each pair twice.

    Args:
        pairs: rows (main, aux).
        by: what is kept together.
        seed: of the shuffling; it has a part in "pair" alone.

    Raises ValueError for another `by`.
    """
    places = np.arange(len(pairs))
    if by == "pair":
        return list(KFold(FOLDS, shuffle=True, random_state=seed).split(places))
    main, aux = (pairs.get_level_values(role) for role in ("main", "aux"))
    if by == "main":
        held_out = [np.asarray(main == task) for task in sorted(set(main))]
    elif by == "task":
        held_out = [np.asarray((main == task) | (aux == task)) for task in sorted(set(main) | set(aux))]
    else:
        raise ValueError(f"unknown by={by!r}; known: pair, main, task")
    return [(places[~held], places[held]) for held in held_out]


def scores(
    features: pd.DataFrame, gains: pd.Series, by: By, repeats: int = 100, model: BaseEstimator = LOGISTIC
) -> pd.DataFrame:
    """Return accuracy and F1 of "gain" of each repeat of a cross-validation, with seeds 0, 1, …

    `f1` counts over all tested pairs of a repeat. `f1 of folds` is the study's, the mean of each fold's own, where one
    without gains, or without any predicted, counts 0; grouped folds often have none, and it is of little use there.

    Args:
        features: rows (main, aux).
        gains: the same rows; above 0 is a gain.
        by: see `splits`; what has no chance in it is done once.
        repeats: number of seeds of "pair".
        model: a classifier, not fitted.

    Raises ValueError where the rows of features and gains differ.
    """
    x, y = _arrays(features, gains)
    return pd.DataFrame(
        [_scores(x, y, splits(gains.index, by, seed), model) for seed in range(repeats if by == "pair" else 1)]
    )


def _arrays(features: pd.DataFrame, gains: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    if len(features) != len(gains) or not features.index.isin(gains.index).all():
        raise ValueError("features and gains are of different pairs; give both the same rows (main, aux)")
    return features.loc[gains.index].to_numpy(float), (gains > 0).to_numpy()


def _scores(x: np.ndarray, y: np.ndarray, parts: Sequence[Split], model: BaseEstimator) -> dict[str, float]:
    said = [fitted(model, x[train], y[train]).predict(x[test]) for train, test in parts]
    true = [y[test] for _, test in parts]
    return {
        "accuracy": accuracy_score(np.concatenate(true), np.concatenate(said)),
        "f1": f1_score(np.concatenate(true), np.concatenate(said), zero_division=0),
        "f1 of folds": float(np.mean([f1_score(t, s, zero_division=0) for t, s in zip(true, said, strict=True)])),
    }


def fitted(model: BaseEstimator, x: np.ndarray, y: np.ndarray) -> BaseEstimator:
    """Fit a new model; logistic regression always says the one outcome that it knows, and 0.5 where it knows none."""
    if isinstance(model, Always) or len(set(y)) > 1:
        return clone(model).fit(x, y)
    return Always(float(y[0]) if len(y) else 0.5)


def table(features: dict[str, pd.DataFrame], gains: pd.Series, by: By, repeats: int = 100) -> pd.DataFrame:
    """Return mean scores of each set of features, and of saying always the same.

    "always no gain" and "always gain" are two rows: the study's majority baseline has the accuracy of the first and the
    F1 of the second.
    """
    constant = next(iter(features.values()))
    found = {
        "always no gain": scores(constant, gains, by, repeats, Always(False)),
        "always gain": scores(constant, gains, by, repeats, Always(True)),
    } | {name: scores(columns, gains, by, repeats) for name, columns in features.items()}
    return pd.DataFrame({name: repeated.mean() for name, repeated in found.items()}).T.rename_axis("features")


def permutation_test(
    features: pd.DataFrame, gains: pd.Series, by: By, chance: Chance, permutations: int = 999
) -> "pd.Series[float]":
    """Return whether the cross-validated accuracy is more than chance: accuracy, mean and 95% under chance, and p.

    Accuracy is that of one division of the pairs, the same for all permutations. `p` is the share of permutations at
    least as good, with the one observed among them.

    Args:
        features, gains, by: see `scores`.
        chance: what is permuted. "labels": gains and losses are dealt out among the pairs anew, as scikit-learn's
            `permutation_test_score` does, which takes them for independent of each other. "tasks": the tasks swap names
            in the table of gains, rows and columns together, so that it keeps what the pairs of a task have in common
            (the quadratic assignment procedure for dyadic data, Krackhardt 1988).
        permutations: number of them.
    """
    x, y = _arrays(features, gains)
    folds = [scaled(x, split) for split in splits(gains.index, by)]  # the same for all labels
    observed = _accuracy(y, folds)
    rng = np.random.default_rng(0)
    others = [rng.permutation(y) if chance == "labels" else y[renamed(gains.index, rng)] for _ in range(permutations)]
    found = np.array([_accuracy(other, folds) for other in others])
    p = (1 + np.sum(found >= observed)) / (1 + permutations)
    return pd.Series({"accuracy": observed, "mean": found.mean(), "95%": np.quantile(found, 0.95), "p": p})


def _accuracy(y: np.ndarray, folds: Sequence[Fold]) -> float:
    """Return the accuracy over all tested pairs of folds whose features are scaled."""
    said = [fitted(LOGISTIC[-1], x_train, y[train]).predict(x_test) for x_train, x_test, (train, _) in folds]
    right = [labels == y[test] for labels, (*_, (_, test)) in zip(said, folds, strict=True)]
    return float(np.concatenate(right).mean())


def scaled(x: np.ndarray, split: Split) -> Fold:
    """Return features scaled as `LOGISTIC` does, by those of the training part; as they are where it is empty."""
    if not len(split[0]):
        return x[split[0]], x[split[1]], split
    scaler = clone(LOGISTIC[0]).fit(x[split[0]])
    return scaler.transform(x[split[0]]), scaler.transform(x[split[1]]), split


def renamed(pairs: pd.MultiIndex, rng: np.random.Generator) -> np.ndarray:
    """Return, for each pair, the place of the pair that has its names after a permutation of the tasks.

    Tasks that are main ones swap names among each other, and so do those that are auxiliary ones alone: no other
    permutation has a gain for every pair.
    """
    main = sorted(set(pairs.get_level_values("main")))
    aux = sorted(set(pairs.get_level_values("aux")) - set(main))
    other = {task: new for tasks in (main, aux) for task, new in zip(tasks, rng.permutation(tasks), strict=True)}
    return pairs.get_indexer([(other[of_main], other[of_aux]) for of_main, of_aux in pairs])


def coefficients(features: pd.DataFrame, gains: pd.Series) -> pd.DataFrame:
    """Return mean coefficients of logistic regression, largest first, with those of the released analysis beside.

    As there: features scaled to [0, 1], fits to random four fifths of the pairs, here with seeds 0, 1, … `low` and
    `high` bound the middle 95% of the fits. The published ones are of a model with all 42 features; a model with fewer
    has other coefficients, because features stand in for each other.

    Args:
        features: rows (main, aux), columns (role, feature).
        gains: the same rows.
    """
    x, y = _arrays(features, gains)
    parts = ShuffleSplit(FITS, test_size=0.2, random_state=0).split(x)
    found = np.array([clone(LOGISTIC).fit(x[train], y[train])[-1].coef_[0] for train, _ in parts])
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    published = {
        (role, name): value
        for name, values in PUBLISHED_COEFFICIENTS.items()
        for role, value in zip(("main", "aux", "main/aux"), values, strict=True)
    }
    frame = pd.DataFrame({"coefficient": found.mean(axis=0), "low": low, "high": high}, index=features.columns)
    frame["published"] = [published.get(column, np.nan) for column in features.columns]
    return frame.sort_values("coefficient", key=np.abs, ascending=False)
