import pytest
import torch

from mt2st.report.figures import analogy

WORDS = ["man", "king", "woman", "queen"]
BEFORE = torch.tensor(
    [[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]]
)  # king − man + woman is at right angles to queen
AFTER = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 2.0]])  # and in its direction


def test_both_panels_say_the_loss_and_mark_where_the_answer_is_expected() -> None:
    figure = analogy.moves(WORDS, BEFORE, AFTER)
    assert [panel.get_title() for panel in figure.axes] == ["before: loss 1.000", "after: loss 0.000"]
    for panel, table in zip(figure.axes, (BEFORE, AFTER), strict=True):
        (dots,) = (line for line in panel.get_lines() if line.get_marker() == "o")
        assert dots.get_xydata().tolist() == table.tolist()
        (star,) = (line for line in panel.get_lines() if line.get_marker() == "*")
        assert star.get_xydata().tolist() == [[0.0, 1.0]]
        assert {"man", "king", "woman", "queen", "king − man + woman"} <= {text.get_text() for text in panel.texts}


def test_arrows_lead_from_where_the_vectors_are_to_where_they_go() -> None:
    arrows = [text for text in analogy.moves(WORDS, BEFORE, AFTER).axes[0].texts if text.arrow_patch is not None]
    assert [arrow.xyann for arrow in arrows] == [pytest.approx(start) for start in BEFORE.tolist()]
    assert [arrow.xy for arrow in arrows] == [pytest.approx(end) for end in AFTER.tolist()]
