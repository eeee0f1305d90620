"""Labels that nobody gave: text of a data set's background, labelled by a rule or by another model.

Each is a function of a data set and its word vectors, and gives texts with classes, which make an auxiliary task
(`auxiliaries.build`); `by_tagger` is one of a tagged corpus, and gives tags.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mt2st.data import lexicons
from mt2st.data.dataset import Dataset, Examples, Related, lower_cased
from mt2st.data.tags.columns import TaggedText
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments import baselines

CLASSES = ("negative", "positive")
PSEUDO_TAGS = "pseudo-tags"  # the task that `by_tagger` makes
CLEAR = 2  # good words more than bad ones, or bad than good, from which on a text has a label


def by_opinions(dataset: Dataset, table: EmbeddingTable) -> Related:
    """Label texts by the words of the opinion lexicon (Hu and Liu 2004) in them, and take these words out.

    Texts with two good words more than bad ones are positive, with two bad ones more negative, all others left out.
    What is to be learned is which other words go along with an opinion.

    Raises MissingData without the lexicon, and ValueError where no text has a label.
    """
    opinions = lexicons.opinions()
    texts, labels = [], []
    for text in dataset.sentences():
        balance = sum(opinions.get(word, 0) for word in text)
        others = [word for word in text if word not in opinions]
        if abs(balance) >= CLEAR and others:
            texts.append(others)
            labels.append(int(balance > 0))
    if len(set(labels)) < 2:
        raise ValueError("auxiliary task 'lexicon': the data set has no text that opinion words label; give more text")
    return Related(Examples(texts, np.array(labels)), CLASSES)


def by_teacher(dataset: Dataset, table: EmbeddingTable) -> Related:
    """Label texts by logistic regression on their mean vectors, learnt from the labelled texts; keep the surer half.

    Of a data set that does not tell its texts without labels apart all background text counts as such, that of its
    texts to train on included.

    Its penalty is chosen on validation. Self-training (Yarowsky 1995; Nigam et al. 2000) with a linear teacher.

    Raises ValueError where there is no text without labels.
    """
    return _taught("pseudo-labels", dataset, [baselines.mean_vector_features(table)])


def by_vote(dataset: Dataset, table: EmbeddingTable) -> Related:
    """Label texts as `by_teacher`, by the mean probability of two regressions: on mean vectors, and on TF-IDF."""
    return _taught("voted-labels", dataset, [baselines.mean_vector_features(table), baselines.tfidf_features(dataset)])


def _taught(name: str, dataset: Dataset, teachers: Sequence[baselines.Vectorise]) -> Related:
    """Return the half of the texts without labels whose labels by all teachers together are surest."""
    unlabelled = dataset.background.unlabelled
    texts = dataset.sentences() if unlabelled is None else lower_cased(unlabelled)
    if not texts:
        raise ValueError(f"auxiliary task {name!r} needs text without labels, which this data set does not have")
    said = [baselines.regression(dataset, features).predict_proba(features(texts)) for features in teachers]
    probability = np.mean(said, axis=0)  # (texts, classes)
    surest = np.argsort(-probability.max(1), kind="stable")[: (len(texts) + 1) // 2]
    return Related(Examples([texts[i] for i in surest], probability[surest].argmax(1)), dataset.classes)


def by_tagger(corpus: SequenceData) -> SequenceData:
    """Return a corpus with its untagged sentences to train on, tagged by NLTK's perceptron.

    The tagger learns from the tagged sentences. As `by_teacher`, for tokens, but for all of the text: sentences whose
    tags are sure on average are short ones, or have none but "O".

    Raises ValueError where there is no sentence without tags.
    """
    if not corpus.untagged:
        raise ValueError(
            f"auxiliary task {PSEUDO_TAGS!r} needs sentences without tags, which {corpus.name} does not have"
        )
    tagger = baselines.perceptron(corpus, seed=0)
    tags = [[tag for _, tag in tagger.tag(list(sentence))] for sentence in corpus.untagged]
    return replace(corpus, train=TaggedText(corpus.untagged, tags))


LABELLERS: dict[str, Callable[[Dataset, EmbeddingTable], Related]] = {
    "lexicon": by_opinions,
    "pseudo-labels": by_teacher,
    "voted-labels": by_vote,
}
