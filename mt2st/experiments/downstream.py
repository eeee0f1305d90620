"""How good is an embedding table? For tasks it was not trained on, and by itself."""

from functools import lru_cache
from itertools import chain

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn.functional import cosine_similarity

from mt2st.data import lexicons, sources
from mt2st.data.dataset import Sizes, lower_cased
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.texts import imdb
from mt2st.data.vectors import SPECIAL, EmbeddingTable
from mt2st.experiments import environment
from mt2st.experiments.labelled import Data, labelled_task
from mt2st.losses import analogy_accuracy
from mt2st.metrics import Evaluation, span_f1
from mt2st.models import PADDING, BiLSTM, Model
from mt2st.schedules import SINGLE_TASK
from mt2st.tasks import LabelledTask
from mt2st.training import evaluate, fit

GROUPS = {
    "sentiment": ("imdb", "sentence_polarity"),
    "pos": ("ud-ewt", "treebank"),
    "ner": ("uner-ewt", "wnut-17"),
}
TASKS = tuple(chain.from_iterable(GROUPS.values()))
SENTENCES = 1000  # of a training set, at most
VALIDATION = 500  # sentences at most
EPOCHS = 8
HIDDEN, DROPOUT, LEARNING_RATE, BATCH_SIZE = 64, 0.2, 3e-3, 32
SPLIT_SEED, POLARITY = 0, Sizes(8_530, 1_066, 1_066)  # all 10,662 sentences, in parts of 80, 10 and 10%
QUESTIONS = {"semantic": 8_869, "syntactic": 10_675, "total": 19_544}  # Google analogies by kind


def evaluate_table(
    table: EmbeddingTable,
    vectors: np.ndarray | None,
    task: str,
    seed: int,
    sentences: int = SENTENCES,
    epochs: int = EPOCHS,
) -> dict[str, float]:
    """Train a BiLSTM on top of a table that stays as it is, and return its test scores on a task.

    "f1" on named entities is that of whole spans, by seqeval in strict IOB2; "accuracy" on all other tasks is that of
    sentences or of tokens. "coverage" is the share of test tokens that have a vector of their own; the others have
    the vector of row 1. Words are lower-cased, as the tables' are.

    The table is `standardised`, so that none wins by where its vectors are and how long. `seed` sets the sample of
    training and validation sentences, initial values, batches and dropout: compare tables under the same seeds. A
    table of random vectors, scored alike, is the floor.

    Args:
        table: the words, and their vectors unless others are given.
        vectors: (V, d) in place of the table's own, such as after training; None for the table's own.
        task: one of `TASKS`.
        seed: see above.
        sentences: training sentences (or reviews), at most.
        epochs: of which validation accuracy, that of tokens also for named entities, chooses one.

    Raises ValueError for an unknown task or vectors that do not fit the table, MissingData where a task's data is not
    here.
    """
    rows = _vectors(table, vectors)
    data = load(task)
    train, validation, test = as_tasks(data, table, seed, sentences)
    environment.make_deterministic()
    model = train_on_frozen(rows, train, validation, seed, epochs)
    words = data.test.sentences if isinstance(data, SequenceData) else data.test.texts
    return score(evaluate(model, test), data) | {"coverage": table.coverage(lower_cased(words))}


def train_on_frozen(
    rows: np.ndarray, train: LabelledTask, validation: LabelledTask, seed: int, epochs: int = EPOCHS
) -> Model:
    """Return encoder and head trained on a task while the table, `rows` (V, d) standardised, gets no gradient."""
    torch.manual_seed(seed)
    encoder = BiLSTM(torch.from_numpy(standardised(rows)), HIDDEN, DROPOUT)
    encoder.table.requires_grad_(False)
    head = train.head(encoder)
    assert head is not None  # labelled tasks have one
    model = Model(encoder, {train.name: head})
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=LEARNING_RATE, fused=True)
    fit(
        model,
        train,
        [],
        SINGLE_TASK,
        validation=[validation],
        optimizer=optimizer,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        seed=seed,
    )
    return model


def standardised(rows: np.ndarray) -> np.ndarray:
    """Move a table (V, d) so that its words' mean is zero, and scale it to elements of unit mean square.

    An LSTM's first step is affine: neither changes what the encoder can compute, only how soon it finds it. Padding
    stays zero. Raises ValueError where all words have the same vector or a value is not finite.
    """
    words = rows[len(SPECIAL) :].astype(np.float64)
    mean = words.mean(0)
    size = np.sqrt(np.square(words - mean).mean())
    if not size > 1e-12:  # nor nan
        raise ValueError("the words' vectors are all alike or not finite; nothing can be learnt from them")
    result = (rows - mean) / size
    result[PADDING] = 0
    return result.astype(np.float32)


def score(found: Evaluation, data: Data) -> dict[str, float]:
    """Span F1 where the test tags are spans, accuracy otherwise."""
    if isinstance(data, SequenceData) and data.is_span:
        return {"f1": span_f1(found, data.classes)}
    return {"accuracy": found.accuracy}


@lru_cache
def load(task: str) -> Data:
    """Return the data of one of `TASKS`; raises ValueError for another and MissingData where it is not here.

    "imdb" are reviews that the tables of the profile `imdb` were not trained on, nor their settings chosen.
    """
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}; known: {', '.join(TASKS)}")
    if task == "imdb":
        return imdb.others()
    if task == "sentence_polarity":
        return sources.load_texts(task, SPLIT_SEED, POLARITY)
    return sources.load_tags(task)


def as_tasks(data: Data, table: EmbeddingTable, seed: int, sentences: int = SENTENCES) -> list[LabelledTask]:
    """Return training, validation and test as tasks on the rows of a table, the first two cut to a random sample."""
    rng = np.random.default_rng(seed)
    return [
        labelled_task(data, part, table, rows=np.sort(rng.permutation(len(getattr(data, part)))[:most]))
        for part, most in [("train", sentences), ("validation", VALIDATION), ("test", None)]
    ]


def _vectors(table: EmbeddingTable, vectors: np.ndarray | None) -> np.ndarray:
    """Return the given vectors or the table's own; raises ValueError if there is not one for each word."""
    if vectors is None:
        return table.vectors
    if vectors.ndim != 2 or len(vectors) != len(table.words):
        raise ValueError(f"vectors must be ({len(table.words)}, d), one row a word of the table; got {vectors.shape}")
    return vectors


def intrinsic(table: EmbeddingTable, vectors: np.ndarray | None = None) -> pd.DataFrame:
    """Score a table by itself: the Google analogies and 13 sets of word similarities.

    Returns one row a set: `set`, `measure` ("accuracy" of analogies by 3CosAdd over the table's words, "spearman" of
    cosines and human scores), `score` (nan where fewer than two rows are covered), `covered` and `total` rows. Only
    rows whose words are all in the table count.

    The losses `update0` to `update2` train on these analogies, and `update3` and `similarity` on WordSim-353 and
    SimLex-999: for tables they trained, the scores on these sets are training scores.

    Args and errors as in `evaluate_table`; raises MissingData where the similarity sets are not here.
    """
    rows = torch.from_numpy(_vectors(table, vectors)).float()
    questions = lexicons.analogies(table)
    records = _analogy_records(rows, questions.rows, questions.values)
    records += [
        {
            "set": name,
            "measure": "spearman",
            "score": _rank_correlation(rows, pairs.rows, pairs.values),
            "covered": len(pairs.rows),
            "total": pairs.total,
        }
        for name, pairs in lexicons.word_similarities(table).items()
    ]
    return pd.DataFrame(records)


def _analogy_records(vectors: Tensor, questions: Tensor, is_semantic: Tensor) -> list[dict[str, object]]:
    """Return the rows of `intrinsic` on analogies; padding and unknown words are no candidates."""
    semantic = int(is_semantic.sum())
    covered = {"semantic": semantic, "syntactic": len(is_semantic) - semantic, "total": len(is_semantic)}
    candidates = torch.arange(len(SPECIAL), len(vectors))
    accuracies = analogy_accuracy(vectors, questions, is_semantic, candidates)
    return [
        {
            "set": f"analogies, {kind}",
            "measure": "accuracy",
            "score": accuracies.get(kind, float("nan")),
            "covered": covered[kind],
            "total": total,
        }
        for kind, total in QUESTIONS.items()
    ]


def _rank_correlation(vectors: Tensor, pairs: Tensor, scores: Tensor) -> float:
    """Spearman's rho of cosines and human scores, nan where it is not defined: fewer than two pairs, or all alike."""
    first, second = vectors[pairs].unbind(dim=1)  # each (P, d)
    cosines = cosine_similarity(first, second, dim=-1)
    if len(scores) < 2 or np.ptp(cosines.numpy()) == 0 or np.ptp(scores.numpy()) == 0:
        return float("nan")
    return float(spearmanr(cosines.numpy(), scores.numpy()).statistic)
