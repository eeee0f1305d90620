from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from relations.made_up import TASKS, records
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler

from mt2st import paths
from mt2st.cli import main as command
from mt2st.experiments import store
from mt2st.relations import features, predict_gain, predictor
from mt2st.relations.predictor import Predictor

COLOURS, NUMBERS = ("red", "green", "blue"), ("one", "two", "three")


@pytest.fixture(scope="module")
def known() -> Predictor:
    return Predictor.of(records())


@pytest.fixture
def recorded(home: Path) -> None:
    """Put the made-up records where those of the study are."""
    store.pack(records(), paths.recorded(predictor.STUDY))


def write(file: Path, is_tagged: tuple[str, ...], sentences: int = 80) -> Path:
    """Write random sentences in which some words are tagged."""
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(sentences):
        words = [str(word) for word in rng.choice([*COLOURS, *NUMBERS, "."], rng.integers(3, 8))]
        lines += [f"{word}\t{'B-X' if word in is_tagged else 'O'}" for word in words] + [""]
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_held_out_probability_comes_from_pairs_without_either_task(known: Predictor) -> None:
    of_pairs = features.pair_features(known.tasks).loc[known.gains.index]
    others = [pair for pair in of_pairs.index if not {"pos", "ner"} & set(pair)]
    assert len(others) == 12
    scaler = MinMaxScaler().fit(of_pairs.loc[others].to_numpy())
    model = LogisticRegression(solver="liblinear", random_state=0)
    model.fit(scaler.transform(of_pairs.loc[others].to_numpy()), known.gains[others] > 0)
    row = scaler.transform(of_pairs.loc[[("pos", "ner")]].to_numpy())
    assert known.held_out.loc[("pos", "ner"), "p"] == pytest.approx(model.predict_proba(row)[0, 1])
    assert known.held_out["gain"].tolist() == (known.gains > 0).tolist()
    assert (known.steps, len(known.gains)) == (100, 30)


def test_the_probability_of_a_recorded_pair_is_that_of_the_model_on_all(known: Predictor) -> None:
    of_pairs = features.pair_features(known.tasks).loc[known.gains.index]
    scaler = MinMaxScaler().fit(of_pairs.to_numpy())
    model = LogisticRegression(solver="liblinear", random_state=0).fit(scaler.transform(of_pairs), known.gains > 0)
    expected = model.predict_proba(scaler.transform(of_pairs.loc[[("ner", "links")]].to_numpy()))[0, 1]
    assert known.probability(known.tasks.loc["ner"], known.tasks.loc["links"]) == pytest.approx(expected)


def test_calibration_is_what_became_of_the_most_similar_pairs() -> None:
    gains = pd.Series(1.0, pd.MultiIndex.from_product([["m"], map(str, range(40))], names=["main", "aux"]))
    fixed = Predictor(pd.DataFrame(), gains, 1)
    p = np.linspace(0, 1, 40)
    fixed.__dict__["held_out"] = pd.DataFrame({"p": p, "gain": p > 0.75}, index=gains.index)
    found = fixed.calibration(1.0)
    interval = binomtest(10, 20).proportion_ci(method="wilson")
    assert found == {"gained": 0.5, "low": interval.low, "high": interval.high, "n": 20}
    error, base = fixed.brier()
    assert error == pytest.approx(np.mean((p - (p > 0.75)) ** 2))
    assert base == pytest.approx(0.25 * 0.75)


@pytest.mark.usefixtures("recorded")
def test_a_gain_is_predicted_from_probes_on_files_of_ones_own(tmp_path: Path) -> None:
    main, aux, other = (
        predictor.read_own(write(tmp_path / f"{name}.conll", tagged))
        for name, tagged in (("colours", COLOURS), ("numbers", NUMBERS), ("points", (".",)))
    )
    frame = predict_gain(main, [aux, other])
    assert frame["aux"].tolist() == [str(tmp_path / "numbers.conll"), str(tmp_path / "points.conll")]
    assert frame["probability"].between(0, 1).all()
    assert frame["n"].tolist() == [20, 20]
    pd.testing.assert_frame_equal(predict_gain(main, aux), frame[:1])


@pytest.mark.usefixtures("recorded")
def test_the_command_says_what_to_expect_and_how_far_to_trust_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.b").mkdir()
    main, aux = write(tmp_path / "type.conll", COLOURS), write(tmp_path / "a.b" / "type.conll", NUMBERS)
    assert command(["relations", "--main", str(main), "--aux", str(aux)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    found = predict_gain(predictor.read_own(main), predictor.read_own(aux)).iloc[0]
    gained, low, high = (f"{100 * found[column]:.0f}" for column in ("gained", "low", "high"))
    alike = "of the 20 recorded pairs that look most alike"
    assert first.startswith(f"{main} with {aux}: {alike} {gained} [{low}, {high}] % gained: ")
    probes = f"(F1 in the probes: {found['main f1']:.2f} and {found['aux f1']:.2f}; the model says "
    assert first.endswith(f"{probes}{found['probability']:.2f})")
    assert found["main f1"] > 0.9  # one word tells the tag
    error, base = Predictor.of(records()).brier()
    assert last.endswith(f"({base:.3f}); 30 recorded pairs.")
    assert f"{error:.3f}, {'better' if error < base else 'no better'} than" in last


@pytest.mark.parametrize(
    ("low", "high", "f1", "expected"),
    [
        (0.6, 0.9, 0.5, "likelier to gain than any pair (50%)"),
        (0.1, 0.4, 0.5, "less likely to gain than any pair (50%)"),
        (0.3, 0.7, 0.5, "cannot tell it from any pair (50%)"),
        (0.5, 0.7, 0.5, "cannot tell it from any pair (50%)"),
        (0.6, 0.9, 0.05, "cannot tell, as the main task scores an F1 below 0.1"),
    ],
)
def test_in_words_only_what_can_be_told_is_told(low: float, high: float, f1: float, expected: str) -> None:
    gains = pd.Series([1.0, -1.0], pd.MultiIndex.from_tuples([("a", "b"), ("b", "a")], names=["main", "aux"]))
    row = {"low": low, "high": high, "main f1": f1}
    assert predictor._in_words(row, Predictor(pd.DataFrame(), gains, 1)) == expected


def test_without_a_recorded_study_the_command_says_how_to_make_one(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main, aux = write(tmp_path / "colours.conll", COLOURS), write(tmp_path / "numbers.conll", NUMBERS)
    assert command(["relations", "--main", str(main), "--aux", str(aux)]) == 2
    assert "mt2st reproduce --profile relations" in capsys.readouterr().err


def test_a_file_of_ones_own_is_cut_into_three_parts_that_share_no_sentence(tmp_path: Path) -> None:
    data = predictor.read_own(write(tmp_path / "colours.conll", COLOURS))
    assert (data.name, data.classes, data.is_span) == (str(tmp_path / "colours.conll"), ("O", "B-X"), True)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [64, 8, 8]
    again = predictor.read_own(tmp_path / "colours.conll")
    assert again.test == data.test
    for sentence, tags in zip(data.test.sentences, data.test.tags, strict=True):
        assert [word in COLOURS for word in sentence] == [tag == "B-X" for tag in tags]


def test_faults_of_files_are_named(tmp_path: Path) -> None:
    short = write(tmp_path / "short.conll", COLOURS, sentences=9)
    with pytest.raises(ValueError, match=r"short\.conll: 9 sentences, at least 10 are needed"):
        predictor.read_own(short)
    (tmp_path / "bad.conll").write_text("red\n\n")
    with pytest.raises(ValueError, match=r"bad\.conll:1: one column; give a token and its tag a line"):
        predictor.read_own(tmp_path / "bad.conll")
    good = write(tmp_path / "good.conll", COLOURS)
    with pytest.raises(ValueError, match=r"good\.conll is given 2 times"):
        predictor.report(good, [good])
    assert len(TASKS) == 6


def test_where_all_other_pairs_gain_so_does_a_held_out_one(known: Predictor) -> None:
    every = Predictor(known.tasks, known.gains.abs() + 1, known.steps)
    assert every.held_out["p"].tolist() == [1.0] * 30
    assert every.probability(known.tasks.loc["pos"], known.tasks.loc["ner"]) == 1
