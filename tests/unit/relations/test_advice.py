import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from relations.files import COLOURS, NUMBERS, write
from relations.made_up import records

from mt2st import paths
from mt2st.cli import main as command
from mt2st.experiments import store
from mt2st.relations import advice, predictor, probes, verification
from mt2st.relations.gains import GAIN, LOSS, LOW, UNCLEAR
from mt2st.relations.predictor import Predictor, Skill


@pytest.fixture
def files(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Put the made-up records where those of the study are; return a file of a main task and one of another."""
    store.pack(records(), paths.recorded(predictor.STUDY))
    monkeypatch.setattr(predictor, "PERMUTATIONS", 9)
    (tmp_path / "a.b").mkdir()
    return write(tmp_path / "type.conll", COLOURS), write(tmp_path / "a.b" / "type.conll", NUMBERS)


def model(p: float = 0.01) -> Predictor:
    """Return a predictor of two recorded pairs, one of which gains, with some p of its skill."""
    gains = pd.Series([1.0, -1.0], pd.MultiIndex.from_tuples([("a", "b"), ("b", "a")], names=["main", "aux"]))
    fixed = Predictor(pd.DataFrame(), gains, 1)
    fixed.__dict__["skill"] = Skill(0.2, 0.25, p)
    return fixed


def row(low: float = 0.6, high: float = 0.9, f1: float = 0.5) -> dict[str, float]:
    """Return a prediction."""
    return {
        "gained": 0.75, "low": low, "high": high, "n": 20, "main f1": f1, "aux f1": 0.84, "probability": 0.7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.6, 0.9, "likelier to gain than any pair (50%)"),
        (0.1, 0.4, "less likely to gain than any pair (50%)"),
        (0.3, 0.7, "cannot tell it from any pair (50%)"),
        (0.5, 0.7, "cannot tell it from any pair (50%)"),
    ],
)
def test_the_share_of_similar_pairs_leads_and_only_what_can_be_told_is_told(low: float, high: float, told: str) -> None:
    shown = f"of the 20 recorded pairs that look most alike 75 [{100 * low:.0f}, {100 * high:.0f}] % gained"
    assert advice.prediction(row(low, high), model()) == (
        f"{shown}: {told} (F1 in the probes: 0.50 and 0.84; the model says 0.70)"
    )


def test_a_model_without_known_skill_cannot_tell() -> None:
    said = advice.prediction(row(), model(p=0.3))
    assert said == (
        "of the 20 recorded pairs that look most alike 75 [60, 90] % gained: cannot tell, the model is not known to be "
        "better than a constant (F1 in the probes: 0.50 and 0.84)"
    )


def test_a_main_task_that_scores_next_to_nothing_gets_no_prediction() -> None:
    nothing = dict.fromkeys(("gained", "low", "high", "n", "probability"), math.nan)
    said = advice.prediction({"main f1": 0.03, "aux f1": 0.84} | nothing, model())
    assert said == (
        "cannot tell, as the main task scores an F1 of 0.03 in its probe, below 0.1 (the auxiliary task's: 0.84)"
    )


def test_the_command_says_what_to_expect_and_how_far_to_trust_it(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    main, aux = files
    assert command(["relations", "--main", str(main), "--aux", str(aux)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    recorded = Predictor.of(records())
    tried = probes.probe([probes.read_own(main), probes.read_own(aux)], recorded.steps)
    (found,) = probes.predicted(recorded, str(main), tried).to_dict("records")
    gained, low, high = (f"{100 * found[column]:.0f}" for column in ("gained", "low", "high"))
    alike = "of the 20 recorded pairs that look most alike"
    assert first.startswith(f"{main} with {aux}: {alike} {gained} [{low}, {high}] % gained: cannot tell, the model is")
    assert first.endswith(f"(F1 in the probes: {found['main f1']:.2f} and {found['aux f1']:.2f})")
    assert found["main f1"] > 0.9  # one word tells the tag
    assert last == f"The model's {recorded.skill}; 30 recorded pairs."


def test_verify_prints_the_measured_gain_beside_the_prediction(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main, aux = files
    f1 = {False: (0.5, 0.4, 0.5), True: (0.6, 0.44, 0.65)}  # gains of 20, 10 and 30%
    monkeypatch.setattr(verification, "_f1", lambda main, other, table, seed, device: f1[other is not None][seed])
    assert command(["relations", "--main", str(main), "--aux", str(aux), "--verify"]) == 0
    predicted, _, cost, measured = capsys.readouterr().out.splitlines()
    assert cost.startswith(
        "Now training the main task alone (2,500 batches) and with each other one (5,000), 3 seeds: 22,500 batches, "
    )
    assert measured.startswith(
        f"{main} with {aux}: measured gain +20.0 [-4.8, +44.8] % of an F1 of 0.47 alone, 3 seeds: whether it gains "
        "cannot be told; of the 20 recorded pairs that look most alike "
    )
    assert measured.partition("; ")[2] in predicted


@pytest.mark.parametrize(
    ("sign", "seeds", "low", "high", "expected"),
    [
        (GAIN, 3, 1.0, 5.0, "measured gain +3.0 [+1.0, +5.0] % of an F1 of 0.50 alone, 3 seeds: it gains"),
        (LOSS, 2, 1.0, 5.0, "measured gain +3.0 [+1.0, +5.0] % of an F1 of 0.50 alone, 2 seeds: it loses"),
        (
            UNCLEAR,
            1,
            math.nan,
            math.nan,
            "measured gain +3.0 % of an F1 of 0.50 alone, 1 seed: one seed has no interval",
        ),
        (LOW, 3, 1.0, 5.0, "3 seeds: whether it gains cannot be told from an F1 below 0.1"),
    ],
)
def test_a_measurement_says_what_it_tells(sign: str, seeds: int, low: float, high: float, expected: str) -> None:
    found = {"gain": 3.0, "low": low, "high": high, "sign": sign, "seeds": seeds, "f1": 0.5}
    assert expected in advice.measurement(found)


def test_the_cost_is_told_in_minutes_of_this_machine() -> None:
    assert advice.cost(seeds=3, others=2, seconds=0.02).endswith("3 seeds: 37,500 batches, about 12 min here.")
    assert "1 seed: 7,500 batches, about 1 min here." in advice.cost(seeds=1, others=1, seconds=0.001)


def test_wrong_files_and_seeds_are_refused_before_anything_is_trained(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "probe", None)
    main, aux = map(str, files)
    assert command(["relations", "--main", main, "--aux", aux, main]) == 2
    assert f"{main} is given 2 times; a task is compared with others" in capsys.readouterr().err
    assert command(["relations", "--main", main, "--aux", aux, "--verify", "0"]) == 2
    assert "--verify takes at least one seed, got 0" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_without_a_recorded_study_the_command_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main, aux = write(tmp_path / "colours.conll", COLOURS), write(tmp_path / "numbers.conll", NUMBERS)
    assert command(["relations", "--main", str(main), "--aux", str(aux)]) == 2
    assert "mt2st reproduce --profile relations" in capsys.readouterr().err


def test_gains_that_cannot_be_compared_are_a_dash() -> None:
    found = {"gain": math.nan, "low": math.nan, "high": math.nan, "sign": LOW, "seeds": 3, "f1": np.float64(0.0)}
    assert advice.measurement(found).startswith("measured gain – % of an F1 of 0.00 alone, 3 seeds: ")
