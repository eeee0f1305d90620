"""A picture that follows sliders, for notebooks."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from ipywidgets import VBox


def follow(sliders: Sequence[Any], draw: Callable[..., Figure]) -> "VBox":
    """Return sliders above the figure that `draw` makes of their values, drawn anew whenever one is moved.

    The picture is an image, not the output of a cell: with `interact` a kernel and the client that executes its
    notebook now and then wait for each other for ever.
    """
    from ipywidgets import Image, VBox  # of the extra `notebooks`

    picture = Image(format="png")

    def update(_: object = None) -> None:
        figure, content = draw(*(slider.value for slider in sliders)), BytesIO()
        figure.savefig(content, format="png")
        plt.close(figure)
        picture.value = content.getvalue()

    for slider in sliders:
        slider.observe(update, "value")
    update()
    return VBox([*sliders, picture])
