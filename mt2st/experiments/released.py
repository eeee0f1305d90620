"""What the paper's released code does, term by term: protocol `released`.

Facts about that code (github.com/NoakLiu/MT2ST-Word-Embeddings-Acceleration), each followed here unless it says so:

- 750 of its 1,000 reviews for training, 250 for testing by `train_test_split(random_state=42)`. Here seed s takes
  another 1,000 reviews ("imdb-disjoint"), or splits the same ones with 42 + s ("imdb", where seed 0 has its split). No
  validation set: the last of 25 epochs is tested.
- Word vectors are trained on all 1,000 reviews. Every word is a row of the table; one that is too rare for a vector has
  that of its n-grams in FastText, elsewhere a row of zeros, which training moves. Reviews are filled up to 100 tokens
  with a padding word that is read like any other, so that the forward LSTM ends on padding.
- "original": the table is frozen; Adam with learning rate 0.05. "update": the table is trainable; learning rate 0.001.
  Both take all training reviews as one batch, 25 steps in all. No dropout.
- Auxiliary terms are computed from detached copies of the table: they add numbers to the loss and no gradient.
- Diminish multiplies terms by α and squares α every epoch, α^(2^t) from α = 0.95; Switch drops them after 15 epochs.

The update numbers of its code are not the appendix's; `TERMS` lists what each of them adds to the loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import train_test_split

from mt2st.data.dataset import Background, Dataset, Examples, pieces
from mt2st.data.texts import imdb
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments.released_terms import ANALOGY, SIMILARITY
from mt2st.experiments.runs import Configuration, Run
from mt2st.experiments.strategies import UPDATES
from mt2st.schedules import SINGLE_TASK, Constant, Schedule, Squared, Switch

SPLIT_SEED, SWITCH_EPOCH, ALPHA = 42, 15, 0.95
PADDING = "[PAD]"

# Coefficients of the two terms by update number: in multi-task and Diminish, and in Switch (the same for all four).
TERMS: Mapping[str, Mapping[str, float]] = {
    "update0": {},
    "update1": {SIMILARITY: 33.0},
    "update2": {ANALOGY: 0.1024},
    "update3": {ANALOGY: 10.24, SIMILARITY: 3.3},
}
SWITCH_TERMS: Mapping[str, float] = {ANALOGY: 10.24}


def load(data: str, seed: int, train: int, test: int) -> Dataset:
    """Return sentiment of 1,000 reviews as the released code splits and pads them: "imdb" or "imdb-disjoint".

    Its background, on which word vectors are trained, is all reviews, those of the test set included. Raises ValueError
    for another data set.
    """
    if data not in ("imdb", "imdb-disjoint"):
        raise ValueError(f"protocol 'released' is one for the data sets imdb and imdb-disjoint, got {data!r}")
    frame = imdb.sample() if data == "imdb" else imdb.disjoint_sample(seed)
    state = SPLIT_SEED + (seed if data == "imdb" else 0)
    texts, labels = [list(tokens) for tokens in frame["tokens"]], frame["label"].to_numpy()
    kept, held_out = train_test_split(list(range(len(frame))), train_size=train, test_size=test, random_state=state)
    padded = [(text + [PADDING] * imdb.LONGEST)[: imdb.LONGEST] for text in texts]
    first, second, third = (Examples([padded[i] for i in part], labels[part]) for part in (kept, list[int](), held_out))
    background = Background(pieces(texts, imdb.LONGEST))
    files = (imdb.locate(), *imdb.preprocessing().files)
    return Dataset("sentiment", imdb.CLASSES, first, second, third, background, files)


def with_every_word(table: EmbeddingTable, words: set[str]) -> EmbeddingTable:
    """Return the table with a row of zeros for each of `words` that has none, in alphabetical order."""
    missing = sorted(words - set(table.words))
    zeros = np.zeros((len(missing), table.vectors.shape[1]), dtype=np.float32)
    return EmbeddingTable((*table.words, *missing), np.concatenate([table.vectors, zeros]), table.source, table.files)


@dataclass(frozen=True)
class Step:
    """One step of the walk from "original" to "update": what it changes, and the conditions it arrives at."""

    name: str
    trainable: bool
    learning_rate: float
    batch_size: int
    auxiliaries: tuple[str, ...] = ()

    def run(self, configuration: Configuration, embedding: str, vectors: str, seed: int) -> Run:
        """Return the run of this step."""
        changed = replace(
            configuration,
            trainable=self.trainable,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
        )
        strategy, schedule = ("mtl", Constant(1.0)) if self.auxiliaries else ("single", SINGLE_TASK)
        return Run(embedding, strategy, self.auxiliaries, schedule, seed, changed, vectors)


TRAIN, TEST = 750, 250
ORIGINAL = Step("original", trainable=False, learning_rate=0.05, batch_size=TRAIN)
TRAINABLE = Step("table trainable", trainable=True, learning_rate=0.05, batch_size=TRAIN)
UPDATE = Step("learning rate 0.001", trainable=True, learning_rate=0.001, batch_size=TRAIN)
BATCHES = Step("batches of 64", trainable=True, learning_rate=0.001, batch_size=64)
GRADIENT = Step("gradient of UPDATE 0–3", trainable=True, learning_rate=0.001, batch_size=64, auxiliaries=UPDATES)
THEIRS = (ORIGINAL, TRAINABLE, UPDATE)  # UPDATE is what the released code calls update0
ENDS = (ORIGINAL, UPDATE)
OURS = (BATCHES, GRADIENT)  # neither of the paper's arms has these
STEPS = THEIRS + OURS


def conditions(configuration: Configuration) -> Configuration:
    """Return the protocol's conditions at the hidden size of `configuration`."""
    return replace(
        configuration,
        protocol="released",
        train=TRAIN,
        validation=0,
        test=TEST,
        dropout=0.0,
        weight_decay=0.0,
        epsilon=0.0,
    )


def plan(configuration: Configuration, embedding: str, vectors: str, seeds: int, steps: Sequence[Step]) -> list[Run]:
    """Return the runs of some steps on one embedding, seeds 0, 1, …"""
    base = conditions(configuration)
    return [step.run(base, embedding, vectors, seed) for seed in range(seeds) for step in steps]


def cells(configuration: Configuration, embedding: str, seed: int) -> dict[tuple[str, str], Run]:
    """Return the 12 "update" cells of one embedding in Tables I–III, by strategy and setting, with their terms.

    As no term has a gradient, all of them train as `UPDATE` does, which is why the audit does not run each cell.
    """
    base = conditions(configuration)
    return {
        (strategy, setting): replace(
            UPDATE.run(base, embedding, "", seed),
            strategy=strategy,
            auxiliaries=tuple(terms),
            schedule=_schedule(strategy, terms),
        )
        for strategy in ("mtl", "diminish", "switch")  # Tables I–III
        for setting in UPDATES
        for terms in [SWITCH_TERMS if strategy == "switch" else TERMS[setting]]
    }


def _schedule(strategy: str, terms: Mapping[str, float]) -> Schedule:
    """Weights of the terms by epoch; in its Diminish update3 leaves the similarity term undiminished."""
    gammas = tuple(terms.values())
    if strategy == "switch":
        return Switch(SWITCH_EPOCH, gammas)
    if strategy == "mtl" or not terms:
        return Constant(gammas)
    return Squared([1.0 if name == SIMILARITY and len(terms) > 1 else ALPHA for name in terms], gammas)
