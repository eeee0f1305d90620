"""The study: every corpus trained alone and with every other one, and the gains read from these runs.

A pair is run once and read in both directions: ⟨main, {main, aux}⟩ is what the main task gains from the auxiliary one.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from mt2st import folders
from mt2st.data import sequences
from mt2st.embeddings import MissingData
from mt2st.relations.joint import JointRecord, JointRun, Settings
from mt2st.relations.tagging import micro_f1

STEPS = 25_000  # batches of one task; twice as many of two, as each step draws one of them
RESAMPLES = 2_000
TOKENS_OF_WIKI = ("wiki-hyperlink", "wiki-emphasis", "wiki-casing", "wiki-frequency", "wiki-next")
OPEN = (
    *("ud-ewt", "conll2000", "uner-ewt", "semcor", "streusle-mwe", "streusle"),
    *("framenet", "scienceie", "wiki-hyperlink"),
)
LICENSED = ("compression", "ccgbank")


@dataclass(frozen=True)
class Study:
    """Corpora by name, and the batches of a run on one of them.

    Its table of words has the training text of all of them, so that a study of more corpora is another study.
    """

    corpora: tuple[str, ...]
    steps: int = STEPS
    seed: int = 0
    settings: Settings = field(default_factory=Settings)

    def with_budget(self, share: float) -> "Study":
        """Return the same with a share of the batches; raises ValueError unless it is positive."""
        if not share > 0:
            raise ValueError(f"the budget of the study must be a positive share of its batches, got {share}")
        return replace(self, steps=max(1, round(share * self.steps)))

    def missing(self) -> dict[str, str]:
        """Return the corpora that are not on this machine, each with what to do."""
        found = {}
        for corpus in self.corpora:
            try:
                sequences.locate(corpus)
            except MissingData as error:
                found[corpus] = str(error)
        return found

    def at_hand(self) -> "Study":
        """Return the study of the corpora that are here; raises MissingData where there are fewer than two."""
        missing = self.missing()
        corpora = tuple(corpus for corpus in self.corpora if corpus not in missing)
        if len(corpora) < 2:
            raise MissingData(f"a study of pairs needs at least two corpora: {'; '.join(missing.values())}")
        return replace(self, corpora=corpora)

    def plan(self) -> list[JointRun]:
        """Return all runs: each corpus alone, then all pairs."""
        return [self.run(corpus) for corpus in self.corpora] + [
            self.run(*pair) for pair in combinations(self.corpora, 2)
        ]

    def run(self, *corpora: str) -> JointRun:
        """Return the run on one corpus, or on a pair in the order of the study's."""
        return JointRun(corpora, self.corpora, len(corpora) * self.steps, self.seed, self.settings)


def load(run: JointRun, profile: str) -> JointRecord:
    """Read the record of a finished run."""
    return JointRecord(run, *folders.read(run, profile))


def pack(records: Iterable[JointRecord], file: Path) -> None:
    """Write records in compact form: one parquet row a run."""
    rows = [
        {
            "hash": record.run.hash,
            "run": json.dumps(record.run.to_dict()),
            "history": json.dumps(record.history.to_dict("list")),
            "scores": json.dumps(record.scores),
            "environment": json.dumps(record.environment),
        }
        for record in records
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    pd.DataFrame(rows).to_parquet(part, compression="zstd")
    part.replace(file)


def unpack(file: Path) -> list[JointRecord]:
    """Read records that `pack` wrote; raises FileNotFoundError that says how to make them."""
    if not file.exists():
        profile = file.stem.removeprefix("pairs-")
        raise FileNotFoundError(
            f"{file} is not there: make it with `mt2st reproduce --profile {profile} --notebooks 10`"
        )
    return [
        JointRecord(
            JointRun.from_dict(json.loads(row.run)),
            pd.DataFrame(json.loads(row.history)),
            json.loads(row.scores),
            json.loads(row.environment),
        )
        for row in pd.read_parquet(file).itertuples()
    ]


def gains(records: Sequence[JointRecord], part: str = "validation", measure: str = "f1") -> pd.DataFrame:
    """Relative gain in percent of each task (rows, main) from each other one (columns, aux), as the study's Figure 1.

    100 · (pair − single) / single of a measure of the last step: "f1" of tags token by token, which the study read in
    validation, "accuracy", or "span_f1" where all tags mark spans. NaN on the diagonal, and where a run, a measure or
    anything to compare with (a single-task score of 0) is missing.
    """
    scores = {r.run.corpora: {t: values[part].get(measure, np.nan) for t, values in r.scores.items()} for r in records}
    corpora = [corpora[0] for corpora in scores if len(corpora) == 1]
    found = pd.DataFrame(np.nan, index=pd.Index(corpora, name="main"), columns=pd.Index(corpora, name="aux"))
    for pair, values in scores.items():
        for main, aux in (pair, pair[::-1]) if len(pair) == 2 else ():
            single = scores[(main,)][main]
            found.loc[main, aux] = 100 * (values[main] / single - 1) if single else np.nan
    return found


def gain_intervals(records: Sequence[JointRecord], confidence: float = 0.95) -> pd.DataFrame:
    """One row a directed pair: relative gain in percent of validation F1, with a bootstrap interval over sentences.

    Sentences are resampled for both models together (percentiles of 2,000 resamples). The interval says how far the
    gain depends on which sentences are in the validation set; it does not hold what another seed of training would
    change, so that it is the least that should be doubted. NaN where the single task has an F1 of 0.
    """
    counts = {r.run.corpora: {task: np.array(v["counts"]).T for task, v in r.scores.items()} for r in records}
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    rows = []
    for main in (corpora[0] for corpora in counts if len(corpora) == 1):
        single = counts[(main,)][main]  # (S, 3)
        drawn = np.random.default_rng(0).multinomial(len(single), [1 / len(single)] * len(single), RESAMPLES)
        for pair in (corpora for corpora in counts if len(corpora) == 2 and main in corpora):
            both = counts[pair][main]
            gain = _gain(single.sum(0), both.sum(0))
            low, high = np.quantile(_gain(drawn @ single, drawn @ both), tails)
            (aux,) = set(pair) - {main}
            rows.append({"main": main, "aux": aux, "gain": float(gain), "low": low, "high": high})
    return pd.DataFrame(rows)


def _gain(single: np.ndarray, pair: np.ndarray) -> np.ndarray:
    """Relative gain in percent of F1 from counts (…, 3), NaN where the single task has an F1 of 0."""
    alone = micro_f1(single)
    return 100 * (micro_f1(pair) / np.where(alone > 0, alone, np.nan) - 1)


def curve(record: JointRecord) -> "pd.Series[float]":
    """Training losses of a single-task run by step, see `as_series`."""
    (corpus,) = record.run.corpora
    return as_series(record.scores[corpus]["curve"], record.run.steps)


def as_series(curve: Sequence[float], steps: int) -> "pd.Series[float]":
    """Return a recorded curve by step: each value is the mean loss of the steps up to its own since the one before."""
    return pd.Series(curve, index=np.linspace(0, steps, len(curve) + 1)[1:])
