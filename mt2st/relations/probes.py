"""Tasks of one's own: read from files, trained alone for a short while, and their gains predicted from that."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from mt2st.data.tags import columns
from mt2st.data.tags.columns import OUTSIDE, TaggedText, follows
from mt2st.data.tags.description import data_features
from mt2st.data.tags.tagged import SequenceData, in_three_parts, split_in_order
from mt2st.experiments import environment, execution
from mt2st.experiments.assembly import assemble
from mt2st.experiments.pairs import CONFIGURATION
from mt2st.experiments.runs import Run
from mt2st.relations import features, predictor, study
from mt2st.relations.gains import FLOOR
from mt2st.relations.predictor import Predictor
from mt2st.schedules import SINGLE_TASK


@dataclass(frozen=True)
class Probe:
    """What a short run on one task gave."""

    features: "pd.Series[float]"  # 14
    f1: float  # of tags, in validation
    seconds: float  # a batch


def predict_gain(main: SequenceData, aux: SequenceData | Sequence[SequenceData]) -> pd.DataFrame:
    """Return for each auxiliary task the probability that the main task gains from it, and its calibration.

    Each task is trained alone for `predictor.PROBE` batches, on word vectors trained on the text of all tasks given.
    Columns are those of `predicted`.

    Raises FileNotFoundError where no study has been recorded, and ValueError for a corpus with too little text.
    """
    model = predictor.recorded()
    others = [aux] if isinstance(aux, SequenceData) else list(aux)
    return predicted(model, main.name, probe([main, *others], model.steps))


def predicted(model: Predictor, main: str, probes: Mapping[str, Probe]) -> pd.DataFrame:
    """Return a row each auxiliary task: all that were probed but the main one.

    Columns aux, probability, those of `Predictor.calibration`, and `main f1` and `aux f1`, the F1 of tags in validation
    that each reached alone. Where the main task's is below `gains.FLOOR` nothing is predicted, and the others are NaN.
    """
    rows = []
    for aux in (name for name in probes if name != main):
        row: dict[str, str | float] = {"aux": aux}
        if probes[main].f1 >= FLOOR:
            probability = model.probability(probes[main].features, probes[aux].features)
            row |= {"probability": probability} | model.calibration(probability)
        else:
            row |= dict.fromkeys(("probability", "gained", "low", "high", "n"), np.nan)
        rows.append(row | {"main f1": probes[main].f1, "aux f1": probes[aux].f1})
    return pd.DataFrame(rows)


def probe(data: Sequence[SequenceData], steps: int, device: str = "auto") -> dict[str, Probe]:
    """Train on each corpus alone for some steps, on word vectors trained on the text of all; by name.

    Raises ValueError for a corpus with too little text.
    """
    environment.make_deterministic()
    configuration = replace(CONFIGURATION, epochs=1, steps=steps)
    table = execution.shared_table(data, "SkipGram", configuration, seed=0)
    found = {}
    for corpus in tqdm(data, desc="probes", unit="task"):
        run = Run("SkipGram", "single", (), SINGLE_TASK, 0, replace(configuration, data=corpus.name))
        assembled = assemble(corpus, table, (), run.configuration, run.seed, environment.choose_device(device))
        begin = time.perf_counter()
        history = execution.train(run, assembled, corpus, table)
        seconds = (time.perf_counter() - begin) / steps
        of_data = data_features(corpus.train, corpus.test, set(table.index))
        # Without a single unknown word the ratio to another task's rate would be undefined.
        of_data["OOV rate"] = max(of_data["OOV rate"], 1 / corpus.train.tokens)
        curve = study.as_series(execution.curve(history.steps[corpus.name]), steps).rename(corpus.name)
        f1 = float(history.task_frame()["validation_f1"].iloc[-1])
        found[corpus.name] = Probe(pd.concat([of_data, features.curve_features(curve)]), f1, seconds)
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
