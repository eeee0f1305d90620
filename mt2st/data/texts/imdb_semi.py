"""IMDB with few labels: a small sample of labelled reviews, many more without labels, and related sentences.

Reviews are those of `imdb.rest`, preprocessed as there. Samples below `DEVELOPMENT` are for reported numbers, the
others for choices.
"""

from dataclasses import replace

import numpy as np

from mt2st.data.dataset import Background, Dataset, Examples, Related, Sizes, pieces
from mt2st.data.files import nltk_packages
from mt2st.data.texts import imdb, nltk_sets

BLOCK = 3_750  # reviews from the first of one sample to the first of the next
UNLABELLED = 20_000  # reviews without labels
STARS = (1, 2, 3, 4, 7, 8, 9, 10)  # up to 4 is negative, from 7 on positive
DEVELOPMENT = 10  # first of the samples on which settings and recipes are chosen


def load(seed: int, sizes: Sizes) -> Dataset:
    """Return sentiment of sample number `seed`, with 20,000 other reviews as text without labels in the background.

    Samples of up to 3,750 reviews share no labelled review; a larger one trains on some that the next one tests on, so
    that the last sample below `DEVELOPMENT` is then no longer apart from those for choices. Reviews to validate or test
    on are in no other part of their sample, nor in its background. Related texts are all sentences of
    "polarity" (Pang and Lee 2005), which have the same classes, and where the stars of reviews are known "stars": those
    of the reviews to train on, a finer label of the same texts.

    Raises ValueError where there are not so many reviews, MissingData where one of the two data sets is not here.
    """
    reviews = imdb.rest()
    count, samples = len(reviews), len(reviews) // BLOCK
    if seed >= samples or sizes.total + UNLABELLED > count:
        raise ValueError(
            f"{count:,} reviews make samples 0 to {samples - 1}, of {count - UNLABELLED:,} reviews at most; sample "
            f"{seed} of {sizes.total:,} is asked for"
        )
    order = (BLOCK * seed + np.arange(count)) % count
    test, validation, train, unlabelled, _ = np.split(
        order, np.cumsum([sizes.test, sizes.validation, sizes.train, UNLABELLED])
    )
    tokens, labels = reviews["tokens"], reviews["label"].to_numpy()
    files = imdb.locate(), *imdb.preprocessing().files, nltk_packages.locate(nltk_sets.POLARITY)
    found = imdb.assemble("sentiment", imdb.CLASSES, tokens, labels, (train, validation, test), files)
    texts = pieces([tokens[i] for i in [*train, *unlabelled]], imdb.LONGEST)
    related = {"polarity": nltk_sets.related(nltk_sets.POLARITY)}
    if (stars := imdb.rest_stars()) is not None:
        labels = np.searchsorted(STARS, stars[train])
        related["stars"] = Related(Examples(found.train.texts, labels), tuple(map(str, STARS)))
    return replace(found, background=Background(texts, related=related))
