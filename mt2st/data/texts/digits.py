"""Handwritten digits and their names, a toy: does a word name the digit that is beside it?

Images are the 1,797 of scikit-learn (Alpaydin and Kaynak 1998), 8 × 8 pixels from 0 to 16. One is read as eight words,
its rows, whose features are the pixels of each; so a word and an image make a text of nine.
"""

from pathlib import Path

import numpy as np
import sklearn.datasets

from mt2st.data.dataset import Background, Dataset, Examples, Related, Sizes

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ROW = "<row>"  # the word that each row of an image is
SIDE, INK = 8, 16  # rows and columns of an image, and its darkest value
APART = 500  # images of the auxiliary task
TESTED = 500 / 1_797  # of the images, in the profile of that name
COUNTED = 20  # times that the background counts from zero to nine


def file() -> Path:
    """Return the file inside the scikit-learn package."""
    return Path(sklearn.datasets.__file__).parent / "data" / "digits.csv.gz"


def load(seed: int, sizes: Sizes) -> Dataset:
    """Return pairs of a word and an image, about half of which belong together; no two share an image.

    The seed draws the parts; a larger one to train on has the smaller ones of its seed in it. Related are 500 other
    images as "image", to be named. All background text there is counts to nine, beside rows of images.

    Raises ValueError where there are not so many images.
    """
    pixels, digits = sklearn.datasets.load_digits(return_X_y=True)
    if sizes.total + APART > len(digits):
        raise ValueError(f"{len(digits):,} images make {len(digits) - APART:,} pairs, {sizes.total:,} are asked for")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(digits))
    images = pixels.reshape(-1, SIDE, SIDE) / INK
    belongs = rng.permutation(np.arange(len(digits)) % 2)
    named = (digits + np.where(belongs, 0, rng.integers(1, len(NAMES), len(digits)))) % len(NAMES)
    word = np.zeros((1, SIDE))  # has no pixels
    pairs = Examples(
        [[NAMES[name], *[ROW] * SIDE] for name in named], belongs, [np.concatenate([word, image]) for image in images]
    )
    alone = Examples([[ROW] * SIDE] * len(digits), digits, list(images))
    apart, test, rest = np.split(order, [APART, APART + sizes.test])
    train, validation = rest[: sizes.train], rest[len(rest) - sizes.validation :]
    background = Background(
        [NAMES] * COUNTED + [[ROW] * SIDE] * COUNTED, related={"image": Related(alone.take(apart), NAMES)}
    )
    found = [pairs.take(rows) for rows in (train, validation, test)]
    return Dataset("named", ("no", "yes"), found[0], found[1], found[2], background, (file(),))
