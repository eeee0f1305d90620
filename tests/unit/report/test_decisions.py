"""What schedules decided, on records with known decisions."""

from collections.abc import Callable
from dataclasses import replace

from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.report import decisions
from mt2st.report.figures import decisions as pictures
from mt2st.schedules import Constant, FeedbackSwitch

Make = Callable[..., Record]


def made(make: Make) -> list[Record]:
    """Two seeds of a way that decided before epochs 1 and 2, and one run that decided nothing."""
    configuration = Configuration(epochs=3)
    found = []
    for seed in range(2):
        record = make(
            Run("CBOW", "Switch by validation", ("update0",), FeedbackSwitch(), seed, configuration),
            0.7,
            validation_accuracy=(0.5, 0.6 + seed / 10, 0.6),
        )
        said = [[1, "first"], [2, "second"]][: 2 - seed]
        found.append(replace(record, scores=record.scores | {"decisions": said}))
    return [*found, make(Run("CBOW", "mtl", ("update0",), Constant(1.0), 0, configuration), 0.7)]


def test_each_decision_is_a_row_with_the_epoch_that_it_comes_before(known_record: Make) -> None:
    table = decisions.table(made(known_record))
    assert table.to_numpy().tolist() == [
        ["Switch by validation", 0, 2, "first"],
        ["Switch by validation", 0, 3, "second"],
        ["Switch by validation", 1, 2, "first"],
    ]


def test_decisions_are_drawn_over_the_accuracies_of_their_runs(known_record: Make) -> None:
    records = made(known_record)
    curves = decisions.curves(records)
    assert curves.groupby("seed")["accuracy"].apply(list).to_dict() == {0: [50, 60, 60], 1: [50, 70, 60]}
    (axes,) = pictures.over_curves(decisions.table(records), curves).axes
    assert axes.get_title() == "Switch by validation"
    marks = [line for line in axes.get_lines() if line.get_marker() == "D"]
    points = [list(zip(*line.get_data(), strict=True)) for line in marks]
    assert points == [[(2, 60), (3, 60)], [(2, 70)]]
