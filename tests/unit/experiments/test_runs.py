import hashlib
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mt2st import paths
from mt2st.experiments import runs
from mt2st.experiments import store as folders
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.schedules import SINGLE_TASK, Constant, Diminish, Schedule, Squared, Switch

RUN = Run("CBOW", "diminish", ("update0",), Diminish(1.0, 0.3, 1.0), 0, Configuration())
# `to_dict` of RUN with sorted keys, written by hand
JSON = (
    '{"auxiliaries": ["update0"], "configuration": {"batch_size": 64, "data": "wiki", "data_version": 1, '
    '"dimensions": 100, "dropout": 0.3, "epochs": 25, "epsilon": 0.01, "evaluate_table": false, "hidden": 48, '
    '"learning_rate": 0.001, "protocol": "controlled", "test": 200, "train": 250, "trainable": true, '
    '"validation": 100, "weight_decay": 0.0}, "embedding": "CBOW", "schedule": {"eta": [0.3], "gamma0": [1.0], '
    '"kind": "Diminish", "nu": [1.0]}, "seed": 0, "strategy": "diminish", "vectors": "", "version": 2}'
)
AWKWARD = [0.1 + 0.2, 1 / 3, 1.0986122886681098, 1e-9 / 3, 12345678.901234567, 2e-22 / 3, 0.0, 1.0]


@pytest.fixture
def record() -> Record:
    """Return a record whose floats need all their digits, with missing values and floats that look like integers."""
    history = pd.DataFrame(
        {
            "epoch": range(len(AWKWARD)),
            "loss": AWKWARD,
            "weight.update0": np.ones(len(AWKWARD)),
            "loss.update0": [*AWKWARD[:5], np.nan, np.nan, np.nan],
            "steps": 12,
            "train_seconds": 7.0,
            "cpu_seconds": AWKWARD,
        }
    )
    scores = {"accuracy": 0.1 + 0.2, "best_epoch": 3, "predictions": "0120", "targets": "0010"}
    return Record(RUN, history, scores, {"device": "cpu: made up", "packages": {"torch": "2.0"}})


def assert_same(one: Record, other: Record) -> None:
    """Compare two records bit for bit."""
    assert one.run == other.run
    pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)
    assert one.scores == other.scores
    assert one.environment == other.environment
    assert one.experiment == other.experiment


def test_the_hash_is_the_sha256_of_the_sorted_parameters() -> None:
    assert hashlib.sha256(JSON.encode()).hexdigest()[:16] == RUN.hash
    assert RUN.hash == "dc9cec1d16c11688"


def test_equal_runs_have_equal_hashes_however_their_schedule_is_written() -> None:
    assert replace(RUN, schedule=Diminish([1], [0.3], 1)).hash == RUN.hash


@pytest.mark.parametrize(
    "change",
    [
        {"embedding": "SkipGram"},
        {"strategy": "switch"},
        {"auxiliaries": ("update1",)},
        {"auxiliaries": ("update0", "update1")},
        {"auxiliaries": ()},
        {"schedule": Diminish(1.0, 0.3, 1.1)},
        {"schedule": Constant(1.0)},
        {"seed": 1},
        {"vectors": "glove.twitter.27B.100d.txt"},
    ],
)
def test_the_hash_changes_with_every_field_of_a_run(change: dict[str, object]) -> None:
    assert replace(RUN, **change).hash != RUN.hash


@pytest.mark.parametrize("name", [field.name for field in fields(Configuration)])
def test_the_hash_changes_with_every_field_of_the_configuration(name: str) -> None:
    value = getattr(RUN.configuration, name)
    changed = value + "2" if isinstance(value, str) else not value if isinstance(value, bool) else value + 1
    other = replace(RUN.configuration, **{name: changed})
    assert replace(RUN, configuration=other).hash != RUN.hash


def test_the_hash_changes_with_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RUN.hash
    monkeypatch.setattr(runs, "VERSION", runs.VERSION + 1)
    assert RUN.hash != before


@pytest.mark.parametrize(
    "schedule", [SINGLE_TASK, Constant([1.0, 0.5]), Diminish(1.0, 0.1, 2.0), Squared(), Switch(15)]
)
def test_a_run_is_rebuilt_from_json(schedule: Schedule) -> None:
    conditions = replace(RUN.configuration, protocol="released", trainable=False, evaluate_table=True, weight_decay=0.1)
    run = replace(RUN, schedule=schedule, auxiliaries=("update0", "casing"), vectors="v.txt", configuration=conditions)
    rebuilt = Run.from_dict(json.loads(json.dumps(run.to_dict())))
    assert rebuilt == run
    assert rebuilt.hash == run.hash


def test_the_setting_is_the_paper_s_name_of_the_row() -> None:
    assert replace(RUN, auxiliaries=()).setting == "original"
    assert RUN.setting == "update0"
    assert replace(RUN, auxiliaries=("update0", "casing")).setting == "update0+casing"


def test_the_run_folder_is_named_by_the_hash() -> None:
    assert RUN.folder("wiki") == paths.results("wiki") / "runs" / RUN.hash


def test_a_saved_record_is_loaded_bit_for_bit(record: Record) -> None:
    runs.save(record, "smoke")
    assert_same(runs.load(RUN, "smoke"), record)


def test_a_packed_record_is_unpacked_bit_for_bit(record: Record, tmp_path: Path) -> None:
    other = replace(record, run=replace(RUN, seed=1), experiment="control")
    runs.pack([record, other], tmp_path / "new" / "smoke.parquet")
    unpacked = runs.unpack(tmp_path / "new" / "smoke.parquet")
    assert len(unpacked) == 2
    assert_same(unpacked[0], record)
    assert_same(unpacked[1], other)


def test_packing_replaces_the_file_and_leaves_nothing_else(record: Record, tmp_path: Path) -> None:
    file = tmp_path / "smoke.parquet"
    runs.pack([record, record], file)
    runs.pack([record], file)
    assert len(runs.unpack(file)) == 1
    assert list(tmp_path.iterdir()) == [file]


def test_packed_records_can_be_read_by_pandas_alone(record: Record, tmp_path: Path) -> None:
    runs.pack([record], tmp_path / "smoke.parquet")
    row = pd.read_parquet(tmp_path / "smoke.parquet").iloc[0]
    assert row["hash"] == RUN.hash
    assert row["experiment"] == "grid"
    assert json.loads(row["run"])["schedule"] == {"kind": "Diminish", "gamma0": [1.0], "eta": [0.3], "nu": [1.0]}
    assert json.loads(row["scores"]) == record.scores


def test_a_run_of_no_epochs_is_kept_too(record: Record, tmp_path: Path) -> None:
    untouched = replace(RUN, configuration=replace(RUN.configuration, epochs=0))
    runs.save(replace(record, run=untouched, history=pd.DataFrame()), "smoke")
    loaded = runs.load(untouched, "smoke")
    runs.pack([loaded], tmp_path / "smoke.parquet")
    (unpacked,) = runs.unpack(tmp_path / "smoke.parquet")
    assert loaded.history.shape == unpacked.history.shape == (0, 0)
    assert unpacked.scores == record.scores


def test_records_are_told_apart_by_what_they_were_made_for(record: Record) -> None:
    made = [replace(record, experiment=name) for name in ("control", "grid", "control")]
    assert runs.of(made, "control") == [made[0], made[2]]
    assert runs.of(made, "released") == []
    assert runs.count_by_experiment(made) == {"control": 2, "grid": 1}


def test_a_record_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"wiki\.parquet is not there: make it with `mt2st reproduce --profile"):
        runs.unpack(tmp_path / "wiki.parquet")


def test_a_folder_without_done_is_not_done(record: Record) -> None:
    assert not RUN.is_done("smoke")
    runs.save(record, "smoke")
    assert RUN.is_done("smoke")
    assert not RUN.is_done("wiki")
    (RUN.folder("smoke") / "done").unlink()
    assert not RUN.is_done("smoke")


def test_done_is_written_after_everything_else(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    touch = Path.touch

    def watch(file: Path, *arguments: object) -> None:
        seen.append({other.name for other in file.parent.iterdir()})
        touch(file)

    monkeypatch.setattr(Path, "touch", watch)
    runs.save(record, "smoke")
    assert seen == [{"run.json", "history.parquet", "scores.json", "environment.json"}]
    assert json.loads((RUN.folder("smoke") / "run.json").read_text()) == RUN.to_dict()


def test_a_half_written_folder_is_replaced(record: Record) -> None:
    RUN.folder("smoke").mkdir(parents=True)
    (RUN.folder("smoke") / "scores.json").write_text('{"accur')
    (RUN.folder("smoke") / "stray.txt").write_text("left by another version")
    runs.save(record, "smoke")
    assert_same(runs.load(RUN, "smoke"), record)
    assert not (RUN.folder("smoke") / "stray.txt").exists()


def test_the_lock_of_a_run_is_held_by_one_at_a_time() -> None:
    with folders.lock(RUN, "smoke") as held:
        assert held.is_locked
        with pytest.raises(TimeoutError), folders.lock(RUN, "smoke").acquire(timeout=0):
            pass
    with folders.lock(RUN, "smoke").acquire(timeout=0):
        assert not RUN.folder("smoke").exists()


def test_seconds_are_the_processors_unless_it_was_a_gpu_that_trained(record: Record) -> None:
    on_gpu = replace(record, environment={"device": "cuda: made up"})
    assert record.seconds.tolist() == AWKWARD
    assert on_gpu.seconds.tolist() == [7.0] * 8


def test_the_score_frame_has_a_row_a_run_with_place_scores_and_seconds(record: Record) -> None:
    single = replace(record, run=replace(RUN, auxiliaries=(), strategy="single", schedule=SINGLE_TASK))
    frame = runs.score_frame([record, single])
    assert list(frame[["strategy", "embedding", "setting", "seed"]].itertuples(index=False, name=None)) == [
        ("diminish", "CBOW", "update0", 0),
        ("single", "CBOW", "original", 0),
    ]
    assert frame["accuracy"].tolist() == [0.1 + 0.2] * 2
    assert frame["train_seconds"].tolist() == [pytest.approx(sum(AWKWARD))] * 2
    assert frame["epochs"].tolist() == [8, 8]
    assert not {"predictions", "targets"} & set(frame.columns)


def test_the_history_frame_gives_all_tasks_the_same_columns(
    profile: Profile, record_of: Callable[[Run], Record]
) -> None:
    single = replace(RUN, auxiliaries=(), strategy="single", schedule=SINGLE_TASK, configuration=profile.configuration)
    multi = replace(single, auxiliaries=("update2",), strategy="mtl", schedule=Constant(1.0))
    made = [record_of(single), record_of(multi)]
    frame = runs.history_frame(made)
    epochs = profile.configuration.epochs
    assert frame["setting"].tolist() == ["original"] * epochs + ["update2"] * epochs
    assert frame["primary_loss"].tolist() == [v for record in made for v in record.history["loss.topic"]]
    first, second = frame.iloc[:epochs], frame.iloc[epochs:]
    assert first[["auxiliary_loss", "auxiliary_weight", "auxiliary_probe"]].isna().all(axis=None)
    for kind in ("loss", "weight", "probe"):
        assert second[f"auxiliary_{kind}"].tolist() == made[1].history[f"{kind}.update2"].tolist()


def test_of_several_auxiliaries_the_history_frame_shows_the_first(record_of: Callable[[Run], Record]) -> None:
    run = replace(RUN, auxiliaries=("update3", "update1"), configuration=replace(RUN.configuration, epochs=2))
    made = record_of(run)
    frame = runs.history_frame([made])
    assert frame["auxiliary_loss"].tolist() == made.history["loss.update3"].tolist()
    assert frame["loss.update1"].tolist() == made.history["loss.update1"].tolist()
