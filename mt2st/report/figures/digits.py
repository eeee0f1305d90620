"""Words beside images, drawn."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from mt2st.data.dataset import Dataset

SHOWN = 6  # examples


def examples(data: Dataset) -> Figure:
    """Draw the first texts to train on of a data set whose texts are a word and the rows of an image."""
    figure, every = plt.subplots(1, SHOWN, figsize=(1.3 * SHOWN, 1.9))
    shown = zip(every, data.train.texts, data.train.features, data.train.labels, strict=False)
    for axes, text, features, label in shown:
        axes.imshow(features[1:], cmap="gray_r")
        axes.set_title(f"{text[0]}?\n{data.classes[label]}", fontsize=9)
        axes.axis("off")
    return figure
