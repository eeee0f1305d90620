"""The study of pairs of tasks as a plan: every corpus trained alone and with every other one (Bingel and Søgaard 2017).

A pair is run once and read in both directions: ⟨main, {main, aux}⟩ is what the main task gains from the auxiliary one.
Each step draws one of the tasks uniformly and a random batch of its training sentences; all parameters but the heads
are shared, and no task is the main one. As in the study: 32 sentences a batch, cut to 30 tokens, Adadelta, no dropout,
25,000 batches for one task and 50,000 for two, the last step is read. Different from the study: word vectors are
trained on the corpora's own training text, where it took GloVe's; hidden states have 100 units in each direction (its
paper says 100, its released code 50); Adadelta has Zeiler's learning rate of 1 and ε = 1e-6 (its released script has
0.1, and TensorFlow's 1e-8, with which training is several times as slow); both tasks share one Adadelta's accumulators,
where its code keeps some for each.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from math import inf

from mt2st.data import sources
from mt2st.data.files.errors import MissingData
from mt2st.experiments.runs import Configuration, Run
from mt2st.schedules import SINGLE_TASK, Constant

STEPS = 25_000  # batches of one task; twice as many of two, as each step draws one of them
READINGS = 10  # of the scores in validation, equally spaced: the epochs of a run
TOKENS_OF_WIKI = ("wiki-hyperlink", "wiki-emphasis", "wiki-casing", "wiki-frequency", "wiki-next")
OPEN = (
    *("ud-ewt", "conll2000", "uner-ewt", "semcor", "streusle-mwe", "streusle"),
    *("framenet", "scienceie", "wiki-hyperlink"),
)
OF_TEXTS = ("imdb-1k", "films-1k", "polarity-1k", "subjectivity-1k", "questions-1k", "topics-1k")
LICENSED = ("compression", "ccgbank")

CONFIGURATION = Configuration(
    words=30_000,
    max_tokens=30,
    hidden=100,
    dropout=0.0,
    optimizer="adadelta",
    learning_rate=1.0,
    sampling="uniform",
    batch_size=32,
    epochs=READINGS,
    protocol="study",
)


@dataclass(frozen=True)
class Study:
    """Corpora by name, and the batches of a run on one of them.

    Its table of words has the training text of all of them, so that a study of more corpora is another study.
    """

    corpora: tuple[str, ...]
    steps: int = STEPS

    def with_budget(self, share: float) -> "Study":
        """Return the same with a share of the batches, rounded to a number for each reading.

        Raises ValueError for none, and for more than can be counted.
        """
        if not 0 < share * self.steps < inf:  # neither does NaN pass
            raise ValueError(f"the budget of the study must be a finite, positive share of its batches, got {share}")
        return replace(self, steps=READINGS * max(1, round(share * self.steps / READINGS)))

    def missing(self) -> dict[str, str]:
        """Return the corpora that are not on this machine, each with what to do."""
        found = {}
        for corpus in self.corpora:
            try:
                sources.find(corpus).locate()
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

    def plan(self, seed: int = 0) -> list[Run]:
        """Return all runs: each corpus alone, then all pairs."""
        alone = [(corpus,) for corpus in self.corpora]
        return [self.run(*corpora, seed=seed) for corpora in [*alone, *combinations(self.corpora, 2)]]

    def run(self, corpus: str, *others: str, seed: int = 0) -> Run:
        """Return the run on one corpus, or on a pair in the order of the study's."""
        configuration = replace(
            CONFIGURATION,
            data=corpus,
            data_version=sum(sources.find(name).version for name in self.corpora),
            vocabulary=self.corpora,
            steps=(1 + len(others)) * self.steps // READINGS,
        )
        strategy, schedule = ("mtl", Constant(1.0)) if others else ("single", SINGLE_TASK)
        return Run("SkipGram", strategy, others, schedule, seed, configuration)


def steps_of(run: Run) -> int:
    """Batches of a whole run."""
    return run.configuration.epochs * run.configuration.steps
