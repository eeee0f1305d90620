"""Words beside images, drawn."""

import numpy as np

from mt2st.data import sources
from mt2st.data.dataset import Sizes
from mt2st.report.figures import digits


def test_each_panel_has_the_image_its_word_and_whether_they_belong() -> None:
    data = sources.load_texts("digits", 0, Sizes(20, 5, 5))
    panels = digits.examples(data).axes
    assert len(panels) == 6
    for k, axes in enumerate(panels):
        np.testing.assert_array_equal(axes.images[0].get_array(), data.train.features[k][1:])
        assert axes.get_title() == f"{data.train.texts[k][0]}?\n{('no', 'yes')[data.train.labels[k]]}"
