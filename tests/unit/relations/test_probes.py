import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from relations.files import COLOURS, NUMBERS, write
from relations.made_up import records

from mt2st import paths
from mt2st.experiments import store
from mt2st.relations import predict_gain, probes
from mt2st.relations.predictor import STUDY, Predictor
from mt2st.relations.probes import Probe


@pytest.fixture
def recorded(home: Path) -> None:
    """Put the made-up records where those of the study are."""
    store.pack(records(), paths.recorded(STUDY))


@pytest.mark.usefixtures("recorded")
def test_a_gain_is_predicted_from_probes_on_files_of_ones_own(tmp_path: Path) -> None:
    main, aux, other = (
        probes.read_own(write(tmp_path / f"{name}.conll", tagged))
        for name, tagged in (("colours", COLOURS), ("numbers", NUMBERS), ("points", (".",)))
    )
    frame = predict_gain(main, [aux, other])
    assert frame["aux"].tolist() == [str(tmp_path / "numbers.conll"), str(tmp_path / "points.conll")]
    assert frame["probability"].between(0, 1).all()
    assert frame["n"].tolist() == [20, 20]
    pd.testing.assert_frame_equal(predict_gain(main, aux), frame[:1])


def test_nothing_is_predicted_of_a_main_task_that_scores_next_to_nothing() -> None:
    model = Predictor.of(records())
    good = Probe(model.tasks.loc["pos"], 0.8, 0.01)
    low = Probe(model.tasks.loc["ner"], 0.05, 0.01)
    (row,) = probes.predicted(model, "low", {"low": low, "good": good}).to_dict("records")
    assert all(math.isnan(row[column]) for column in ("probability", "gained", "low", "high"))
    assert (row["aux"], row["main f1"], row["aux f1"]) == ("good", 0.05, 0.8)
    (row,) = probes.predicted(model, "good", {"low": low, "good": good}).to_dict("records")
    assert row["probability"] == pytest.approx(model.probability(model.tasks.loc["pos"], model.tasks.loc["ner"]))
    assert row["gained"] == model.calibration(row["probability"])["gained"]
    at_the_floor = {"good": replace(good, f1=0.1), "low": low}
    assert probes.predicted(model, "good", at_the_floor)["probability"].notna().all()


def test_a_file_of_ones_own_is_cut_into_three_parts_that_share_no_sentence(tmp_path: Path) -> None:
    data = probes.read_own(write(tmp_path / "colours.conll", COLOURS))
    assert (data.name, data.classes, data.is_span) == (str(tmp_path / "colours.conll"), ("O", "B-X"), True)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [64, 8, 8]
    again = probes.read_own(tmp_path / "colours.conll")
    assert again.test == data.test
    for sentence, tags in zip(data.test.sentences, data.test.tags, strict=True):
        assert [word in COLOURS for word in sentence] == [tag == "B-X" for tag in tags]


def test_faults_of_files_are_named(tmp_path: Path) -> None:
    short = write(tmp_path / "short.conll", COLOURS, sentences=9)
    with pytest.raises(ValueError, match=r"short\.conll: 9 sentences, at least 10 are needed"):
        probes.read_own(short)
    (tmp_path / "bad.conll").write_text("red\n\n")
    with pytest.raises(ValueError, match=r"bad\.conll:1: one column; give a token and its tag a line"):
        probes.read_own(tmp_path / "bad.conll")
