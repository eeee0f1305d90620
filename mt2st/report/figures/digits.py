"""Words beside images, drawn."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from mt2st.data.dataset import Dataset


def examples(data: Dataset, count: int = 6) -> Figure:
    """Draw the first texts to train on of a data set whose texts are a word and the rows of an image."""
    figure, every = plt.subplots(1, count, figsize=(1.3 * count, 1.9), squeeze=False)
    shown = zip(every[0], data.train.texts, data.train.features, data.train.labels, strict=False)
    for axes, text, features, label in shown:
        axes.imshow(features[1:], cmap="gray_r")
        axes.set_title(f"{text[0]}?\n{data.classes[label]}", fontsize=9)
        axes.axis("off")
    return figure
