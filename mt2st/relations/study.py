"""The study: every corpus trained alone and with every other one, and the gains read from these runs.

A pair is run once and read in both directions: ⟨main, {main, aux}⟩ is what the main task gains from the auxiliary one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from mt2st.data.files.errors import MissingData
from mt2st.data.tags import sequences
from mt2st.experiments import store as folders
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
    folders.pack((folders.as_row(r.run, r.history, r.scores, r.environment) for r in records), file)


def unpack(file: Path) -> list[JointRecord]:
    """Read records that `pack` wrote; raises FileNotFoundError that says how to make them."""
    profile = file.stem.removeprefix("pairs-")
    rows = map(folders.from_row, folders.unpack(file, f"mt2st reproduce --profile {profile} --notebooks 10"))
    return [JointRecord(JointRun.from_dict(run), *left) for run, *left in rows]


def alone(records: Iterable[JointRecord]) -> dict[str, JointRecord]:
    """Return the runs on one task, by task."""
    return {record.run.corpora[0]: record for record in records if len(record.run.corpora) == 1}


def together(records: Iterable[JointRecord]) -> dict[tuple[str, str], JointRecord]:
    """Return the run of each ordered pair (main, aux), each run under both orders."""
    pairs = [(record.run.corpora, record) for record in records if len(record.run.corpora) == 2]
    return {order: record for (one, other), record in pairs for order in ((one, other), (other, one))}


def relative_gain(shared: np.ndarray, single: np.ndarray) -> np.ndarray:
    """Return 100 · (shared − single) / single, in percent, NaN where the single task scores 0."""
    return 100 * (shared / np.where(np.greater(single, 0), single, np.nan) - 1)


def gains(records: Sequence[JointRecord], part: str = "validation", measure: str = "f1") -> pd.DataFrame:
    """Relative gain in percent of each task (rows, main) from each other one (columns, aux), as the study's Figure 1.

    100 · (pair − single) / single of a measure of the last step: "f1" of tags token by token, which the study read in
    validation, "accuracy", or "span_f1" where all tags mark spans. NaN on the diagonal, and where a run, a measure or
    anything to compare with (a single-task score of 0) is missing.
    """
    singles = {task: record.scores[task][part].get(measure, np.nan) for task, record in alone(records).items()}
    tasks = list(singles)
    found = pd.DataFrame(np.nan, index=pd.Index(tasks, name="main"), columns=pd.Index(tasks, name="aux"))
    for (main, aux), record in together(records).items():
        found.loc[main, aux] = relative_gain(record.scores[main][part].get(measure, np.nan), singles[main])
    return found


def gain_intervals(records: Sequence[JointRecord], confidence: float = 0.95) -> pd.DataFrame:
    """One row a directed pair: relative gain in percent of validation F1, with a bootstrap interval over sentences.

    Sentences are resampled for both models together (percentiles of 2,000 resamples). The interval says how far the
    gain depends on which sentences are in the validation set; it does not hold what another seed of training would
    change, so that it is the least that should be doubted. NaN where the single task has an F1 of 0.
    """
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    pairs = together(records)
    rows = []
    for main, record in alone(records).items():
        single = _counts(record, main)
        drawn = np.random.default_rng(0).multinomial(len(single), [1 / len(single)] * len(single), RESAMPLES)
        for aux in (aux for of, aux in pairs if of == main):
            shared = _counts(pairs[main, aux], main)
            gain = relative_gain(micro_f1(shared.sum(0)), micro_f1(single.sum(0)))
            low, high = np.quantile(relative_gain(micro_f1(drawn @ shared), micro_f1(drawn @ single)), tails)
            rows.append({"main": main, "aux": aux, "gain": float(gain), "low": low, "high": high})
    return pd.DataFrame(rows)


def _counts(record: JointRecord, task: str) -> np.ndarray:
    """Counts of the validation sentences of a task, (S, 3), see `Tagged.counts`."""
    return np.array(record.scores[task]["counts"]).T


def curve(record: JointRecord) -> "pd.Series[float]":
    """Training losses of a single-task run by step, see `as_series`."""
    (corpus,) = record.run.corpora
    return as_series(record.scores[corpus]["curve"], record.run.steps)


def as_series(curve: Sequence[float], steps: int) -> "pd.Series[float]":
    """Return a recorded curve by step: each value is the mean loss of the steps up to its own since the one before."""
    return pd.Series(curve, index=np.linspace(0, steps, len(curve) + 1)[1:])
