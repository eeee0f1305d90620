"""Does a tagging task gain from another? A model of the recorded pairs of a study, with how far to trust it.

Logistic regression on the 42 features of a pair (`mt2st.relations.features`), trained on the recorded pairs. The curve
features of the recorded tasks come from the beginning of their runs, as long as a probe is, so that they mean the same
for tasks that are new.

What it predicts is whether the mean gain over seeds is above 0, in validation F1 of tags at the last step, which is
what Bingel and Søgaard (2017) predict of their one run. This was fixed before runs with several seeds were looked at;
with one seed, the target had been F1 averaged over the second half, chosen with both outcomes known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mt2st.experiments.pairs import STEPS, steps_of
from mt2st.experiments.profiles import find_profile
from mt2st.experiments.runs import Record
from mt2st.relations import analysis, features, gains, results, study
from mt2st.statistics import p_as_text

PROBE = STEPS // 40  # batches of a probe; fewer tell of few tasks whether they learn anything
NEIGHBOURS = 20  # recorded pairs with the most similar probability
PERMUTATIONS = 199
LEVEL = 0.05  # of p, above which the model is not known to be better than a constant
STUDY = "relations"  # profile whose recorded pairs it is trained on


@dataclass(frozen=True)
class Skill:
    """How well pairs of tasks are predicted that were not in training, against a constant.

    Args:
        error: mean squared error of the probabilities (Brier 1950).
        constant: that of always giving the share of pairs that gain.
        p: share of permutations of the tasks' names whose error is as small, with the one observed among them.
    """

    error: float
    constant: float
    p: float

    @property
    def is_known(self) -> bool:
        """Whether the model is better than a constant, and by more than chance."""
        return self.error < self.constant and self.p <= LEVEL

    def __str__(self) -> str:
        return (
            f"squared error for tasks that were not in training: {self.error:.3f}, that of a constant (the share of "
            f"pairs that gain): {self.constant:.3f}; {p_as_text(self.p)}"
        )


@dataclass(frozen=True)
class Predictor:
    """Recorded tasks and gains, and the model trained on them."""

    tasks: pd.DataFrame  # 14 features of each
    gains: "pd.Series[float]"  # percent, mean over seeds, index (main, aux)
    steps: int  # of a probe

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Predictor":
        """Take features and gains from the records of a study; pairs are those that count (`gains.counted`)."""
        recorded = steps_of(next(iter(study.alone(records).values()))[0].run)
        steps = min(PROBE, recorded)
        return cls(results.task_features(records, steps / recorded), gains.counted(records), steps)

    @property
    def share(self) -> float:
        """Share of the recorded pairs that gain."""
        return float((self.gains > 0).mean())

    @cached_property
    def _features(self) -> pd.DataFrame:
        return features.pair_features(self.tasks).loc[self.gains.index]

    @cached_property
    def _without(self) -> "list[analysis.Fold]":
        """For each two tasks, features of the pairs of these and, for training, of the pairs that have neither."""
        names = self.gains.index.to_frame()
        folds = []
        for both in sorted({tuple(sorted(pair)) for pair in self.gains.index}):
            has = names.isin(list(both))
            train, test = np.flatnonzero(~has.any(axis=1)), np.flatnonzero(has.all(axis=1))
            folds.append(analysis.scaled(self._features.to_numpy(float), (train, test)))
        return folds

    def _held_out(self, gain: np.ndarray) -> np.ndarray:
        """Probabilities of all pairs from models that know neither of their tasks, trained on some outcomes."""
        found = np.empty(len(gain))
        for x_train, x_test, (train, test) in self._without:
            model = analysis.fitted(analysis.LOGISTIC[-1], x_train, gain[train])
            found[test] = model.predict_proba(x_test)[:, 1]
        return found

    @cached_property
    def held_out(self) -> pd.DataFrame:
        """Probabilities of the recorded pairs from models that know neither of their tasks: columns p and gain.

        A user's tasks are new to the model, and so are these.
        """
        gain = (self.gains > 0).to_numpy()
        return pd.DataFrame({"p": self._held_out(gain), "gain": gain}, index=self.gains.index)

    def probability(self, main: "pd.Series[float]", aux: "pd.Series[float]") -> float:
        """Return the probability that `main` gains from `aux`, each given by its 14 features."""
        model = analysis.fitted(analysis.LOGISTIC, self._features.to_numpy(float), (self.gains > 0).to_numpy())
        new = features.pair_features(pd.DataFrame({"main": main, "aux": aux}).T).loc[[("main", "aux")]]
        return float(model.predict_proba(new.to_numpy())[0, 1])

    def calibration(self, probability: float) -> dict[str, float]:
        """What became of the `NEIGHBOURS` recorded pairs with the most similar held-out probability.

        `gained` is the share of them that did gain, with its 95% Wilson interval.
        """
        nearest = (self.held_out["p"] - probability).abs().nsmallest(NEIGHBOURS).index
        outcomes = self.held_out.loc[nearest, "gain"]
        interval = binomtest(int(outcomes.sum()), len(outcomes)).proportion_ci(method="wilson")
        return {"gained": float(outcomes.mean()), "low": interval.low, "high": interval.high, "n": len(outcomes)}

    @cached_property
    def skill(self) -> Skill:
        """Score the held-out probabilities; p is that of tasks that swap names, see `analysis.permutation_test`."""
        gain = self.held_out["gain"].to_numpy(float)
        error = float(np.square(self.held_out["p"] - gain).mean())
        rng = np.random.default_rng(0)
        others = [gain[analysis.renamed(self.gains.index, rng)] for _ in range(PERMUTATIONS)]
        errors = np.array([np.square(self._held_out(other > 0) - other).mean() for other in others])
        p = (1 + np.sum(errors <= error + 1e-12)) / (1 + PERMUTATIONS)
        return Skill(error, float(gain.var()), float(p))


def recorded() -> Predictor:
    """Return the predictor of the recorded study; raises FileNotFoundError where there is none."""
    return Predictor.of(study.recorded(find_profile(STUDY)))
