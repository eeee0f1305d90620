"""IMDB with as many labels as one likes, beside 2,000 labelled sentences of another corpus.

Reviews are those of `imdb.rest`, preprocessed as there.
"""

from dataclasses import replace

import numpy as np

from mt2st.data.dataset import Background, Dataset, Related, Sizes, pieces
from mt2st.data.files import nltk_packages
from mt2st.data.texts import imdb, nltk_sets

BLOCK = 3_750  # reviews from the first of one sample to the first of the next: 3,000 to test, up to 750 to validate
SENTENCES = 2_000


def load(seed: int, sizes: Sizes) -> Dataset:
    """Return sentiment of sample number `seed`: the reviews to test, then those to validate, then those to train on.

    A larger training set has the smaller ones in it, with the same reviews to test. Samples share no review to validate
    or test on; those to train on are others up to 3,750 of them. Related texts are 2,000 sentences of "polarity" (Pang
    and Lee 2005), drawn by the seed, which have the same classes; the background is the text of both tasks.

    Raises ValueError where there are not so many reviews, MissingData where one of the two data sets is not here.
    """
    reviews = imdb.rest()
    count, samples = len(reviews), len(reviews) // BLOCK
    if seed >= samples or sizes.test + sizes.validation > BLOCK or BLOCK + sizes.train > count:
        raise ValueError(
            f"{count:,} reviews make samples 0 to {samples - 1}, each with {BLOCK:,} at most to validate and test and "
            f"{count - BLOCK:,} to train on; sample {seed} of {sizes.total:,} is asked for"
        )
    order = (BLOCK * seed + np.arange(count)) % count
    test, validation, train = (
        order[: sizes.test], order[sizes.test :][: sizes.validation], order[BLOCK:][: sizes.train]
    )  # fmt: skip
    tokens, labels = reviews["tokens"], reviews["label"].to_numpy()
    files = imdb.locate(), *imdb.preprocessing().files, nltk_packages.locate(nltk_sets.POLARITY)
    found = imdb.assemble("sentiment", imdb.CLASSES, tokens, labels, (train, validation, test), files)
    polarity = _drawn(nltk_sets.related(nltk_sets.POLARITY), seed)
    text = [*found.background.tokens, *pieces(polarity.examples.texts, imdb.LONGEST)]
    return replace(found, background=Background(text, related={"polarity": polarity}))


def _drawn(related: Related, seed: int) -> Related:
    """Return some of the related texts, drawn by the seed."""
    rows = np.random.default_rng(seed).permutation(len(related.examples))[:SENTENCES]
    return replace(related, examples=related.examples.take(rows))
