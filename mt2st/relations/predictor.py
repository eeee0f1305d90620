"""Will a tagging task gain from another? A probability from short runs on either alone, with how far to trust it.

Logistic regression on the 42 features of a pair (`mt2st.relations.features`), trained on the recorded pairs of a study.
The curve features of the recorded tasks come from the beginning of their runs, as long as a probe is, so that they mean
the same for tasks that are new.

A gain is here one in F1 averaged over the second half of training, not at the last step, which is where the study reads
it: there too much is chance. This was chosen with both outcomes known: for tasks that it has not seen, the model's
squared error is below that of a constant for averaged gains, and above it for those at the end (`Predictor.brier`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from tqdm.auto import tqdm

from mt2st.data.tags import columns
from mt2st.data.tags.columns import OUTSIDE, TaggedText, follows
from mt2st.data.tags.description import data_features
from mt2st.data.tags.tagged import SequenceData, in_three_parts, split_in_order
from mt2st.experiments import environment, execution
from mt2st.experiments.assembly import assemble
from mt2st.experiments.pairs import CONFIGURATION, steps_of
from mt2st.experiments.profiles import find_profile
from mt2st.experiments.runs import Record, Run
from mt2st.relations import analysis, features, results, study
from mt2st.schedules import SINGLE_TASK
from mt2st.statistics import as_text

PROBE = 0.1  # share of a recorded single-task run
SCORES = 0.1  # F1 of a probe below which nothing is said of a main task
NEIGHBOURS = 20  # recorded pairs with the most similar probability
STUDY = "relations"  # profile whose recorded pairs it is trained on


@dataclass(frozen=True)
class Predictor:
    """Recorded tasks and gains, and the model trained on them."""

    tasks: pd.DataFrame  # 14 features of each
    gains: "pd.Series[float]"  # percent, index (main, aux)
    steps: int  # of a probe

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Predictor":
        """Take features and gains from the records of a study."""
        single = next(iter(study.alone(records).values())).run
        gains = results.averaged_gains(records).loc[results.defined_gains(records).index]
        return cls(results.task_features(records, PROBE), gains, round(PROBE * steps_of(single)))

    @cached_property
    def held_out(self) -> pd.DataFrame:
        """Probabilities of the recorded pairs from models that know neither of their tasks: columns p and gain.

        A user's tasks are new to the model, and so are these.
        """
        of_pairs = features.pair_features(self.tasks).loc[self.gains.index]
        names = of_pairs.index.to_frame()
        rows = []
        for pair, row in of_pairs.iterrows():
            known = ~names.isin(list(pair)).any(axis=1)
            model = analysis.fitted(analysis.LOGISTIC, of_pairs[known].to_numpy(), (self.gains[known] > 0).to_numpy())
            rows.append(model.predict_proba(row.to_numpy()[None])[0, 1])
        return pd.DataFrame({"p": rows, "gain": (self.gains > 0).to_numpy()}, index=self.gains.index)

    def probability(self, main: "pd.Series[float]", aux: "pd.Series[float]") -> float:
        """Return the probability that `main` gains from `aux`, each given by its 14 features."""
        of_pairs = features.pair_features(self.tasks).loc[self.gains.index]
        model = analysis.fitted(analysis.LOGISTIC, of_pairs.to_numpy(), (self.gains > 0).to_numpy())
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

    def brier(self) -> tuple[float, float]:
        """Return the mean squared error of held-out probabilities, and that of always giving the share that gained."""
        gained = self.held_out["gain"].astype(float)
        return float((self.held_out["p"] - gained).pow(2).mean()), float((gained - gained.mean()).pow(2).mean())


def predict_gain(
    main: SequenceData, aux: SequenceData | Sequence[SequenceData], profile: str = STUDY, device: str = "auto"
) -> pd.DataFrame:
    """Return for each auxiliary task the probability that the main task gains from it, and its calibration.

    Each task is trained alone for a tenth of a recorded run's batches, on word vectors trained on the text of all
    tasks given. Columns aux, probability, those of `Predictor.calibration`, and `main f1` and `aux f1`, the F1 of tags
    in validation that each reached alone. A gain is one in that F1, averaged over the second half of training; that one
    run gained does not say another would.

    Raises FileNotFoundError where the study of that profile has not been recorded, and ValueError for a corpus with
    too little text.
    """
    predictor = recorded(profile)
    return _predict(predictor, main, [aux] if isinstance(aux, SequenceData) else list(aux), device)


def recorded(profile: str = STUDY) -> Predictor:
    """Return the predictor of a profile's recorded study; raises FileNotFoundError where there is none."""
    return Predictor.of(study.recorded(find_profile(profile)))


def _predict(predictor: Predictor, main: SequenceData, others: Sequence[SequenceData], device: str) -> pd.DataFrame:
    found = _probe([main, *others], predictor.steps, device)
    of_main = found[main.name]
    rows = []
    for other in others:
        of_other = found[other.name]
        probability = predictor.probability(of_main.features, of_other.features)
        row = {"aux": other.name, "probability": probability} | predictor.calibration(probability)
        rows.append(row | {"main f1": of_main.f1, "aux f1": of_other.f1})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Probe:
    """What a short run on one task gave: its 14 features, and F1 of tags in validation."""

    features: "pd.Series[float]"
    f1: float


def _probe(data: Sequence[SequenceData], steps: int, device: str) -> dict[str, Probe]:
    """Train on each corpus alone for some steps; by name."""
    environment.make_deterministic()
    configuration = replace(CONFIGURATION, epochs=1, steps=steps)
    table = execution.shared_table(data, "SkipGram", configuration, seed=0)
    found = {}
    for corpus in tqdm(data, desc="probes", unit="task"):
        run = Run("SkipGram", "single", (), SINGLE_TASK, 0, replace(configuration, data=corpus.name))
        assembled = assemble(corpus, table, (), run.configuration, run.seed, environment.choose_device(device))
        history = execution.train(run, assembled, corpus, table)
        of_data = data_features(corpus.train, corpus.test, set(table.index))
        # Without a single unknown word the ratio to another task's rate would be undefined.
        of_data["OOV rate"] = max(of_data["OOV rate"], 1 / corpus.train.tokens)
        curve = study.as_series(execution.curve(history.steps[corpus.name]), steps).rename(corpus.name)
        f1 = float(history.task_frame()["validation_f1"].iloc[-1])
        found[corpus.name] = Probe(pd.concat([of_data, features.curve_features(curve)]), f1)
    return found


def read_own(file: Path) -> SequenceData:
    """Read a file of one's own: a token and its tag a line, separated by a tab or blanks, see `columns.read_own`.

    Sentences are shuffled (always alike) and cut into 80% training, 10% validation and 10% test. Tags mark spans where
    all of them are IOB2 with an "O". Raises ValueError as `columns.read_own`, and for fewer than 10 sentences.
    """
    text = columns.read_own(file)
    if len(text) < 10:
        raise ValueError(f"{file}: {len(text)} sentences, at least 10 are needed; a blank line ends a sentence")
    order = np.random.default_rng(0).permutation(len(text)).tolist()
    parts = [
        TaggedText([text.sentences[i] for i in rows], [text.tags[i] for i in rows]) for rows in split_in_order(order)
    ]
    is_span = any(OUTSIDE in tags for tags in text.tags) and all(
        follows(before, tag) for tags in text.tags for before, tag in zip([OUTSIDE, *tags], tags, strict=False)
    )
    return in_three_parts(str(file), parts, is_span, (file,))


def report(main: Path, aux: Sequence[Path], profile: str = STUDY, device: str = "auto") -> str:
    """Return what `predict_gain` says of files of one's own, in words.

    Raises ValueError where a file is given twice, and as `read_own` and `predict_gain`.
    """
    for file, times in Counter(map(str, (main, *aux))).items():
        if times > 1:
            raise ValueError(f"{file} is given {times} times; a task is compared with others")
    predictor = recorded(profile)
    frame = _predict(predictor, read_own(main), [read_own(file) for file in aux], device)
    lines = [
        f"{main} with {row['aux']}: of the {row['n']} recorded pairs that look most alike "
        f"{as_text(100 * row['gained'], 100 * row['low'], 100 * row['high'], '.0f')} % gained: "
        f"{_in_words(row, predictor)} (F1 in the probes: {row['main f1']:.2f} and {row['aux f1']:.2f}; the model says "
        f"{row['probability']:.2f})"
        for row in frame.to_dict("records")
    ]
    error, base = predictor.brier()
    verdict = "better" if error < base else "no better"
    lines.append(
        f"Squared error of the model for tasks it was not trained on: {error:.3f}, {verdict} than that of always "
        f"giving the share of pairs that gain ({base:.3f}); {len(predictor.gains)} recorded pairs."
    )
    return "\n".join(lines)


def _in_words(row: Mapping[str, float], predictor: Predictor) -> str:
    """Say what can be expected: more or less than of any pair, or that it cannot be told."""
    share = float((predictor.gains > 0).mean())
    if row["main f1"] < SCORES:
        return f"cannot tell, as the main task scores an F1 below {SCORES:g}"
    if row["low"] > share:
        return f"likelier to gain than any pair ({share:.0%})"
    if row["high"] < share:
        return f"less likely to gain than any pair ({share:.0%})"
    return f"cannot tell it from any pair ({share:.0%})"
