import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mt2st import paths
from mt2st.experiments import store
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.schedules import Diminish

RUN = Run("CBOW", "diminish", ("update0",), Diminish(1.0, 0.3, 1.0), 0, Configuration(vocabulary=("wiki-next",)))
AWKWARD = [0.1 + 0.2, 1 / 3, 1.0986122886681098, 1e-9 / 3, 12345678.901234567, 2e-22 / 3, 0.0, 1.0]


@pytest.fixture
def record() -> Record:
    """Return a record whose floats need all their digits, with missing values and floats that look like integers."""
    n = len(AWKWARD)
    epochs = pd.DataFrame({"epoch": range(n), "loss": AWKWARD, "steps": 12, "train_seconds": 7.0})
    tasks = pd.DataFrame(
        {
            "epoch": [*range(n)] * 2,
            "task": ["topic"] * n + ["update0"] * n,
            "role": ["primary"] * n + ["auxiliary"] * n,
            "weight": np.ones(2 * n),
            "loss": [*AWKWARD, *AWKWARD[:5], np.nan, np.nan, np.nan],
            "probe": [np.nan] * n + AWKWARD,
        }
    )
    scores = {"accuracy": 0.1 + 0.2, "best_epoch": 3, "predictions": "0120", "by_task": {"topic": {"f1": float("inf")}}}
    return Record(RUN, epochs, tasks, scores, {"device": "cpu: made up", "packages": {"torch": "2.0"}})


def assert_same(one: Record, other: Record) -> None:
    """Compare two records bit for bit."""
    assert one.run == other.run
    pd.testing.assert_frame_equal(one.epochs, other.epochs, check_exact=True)
    pd.testing.assert_frame_equal(one.tasks, other.tasks, check_exact=True)
    assert one.scores == other.scores
    assert one.environment == other.environment
    assert one.experiment == other.experiment


# --- Folders


def test_a_saved_record_is_loaded_bit_for_bit_from_the_folder_named_by_its_hash(record: Record) -> None:
    store.save(record, "smoke")
    assert_same(store.load(RUN, "smoke"), record)
    assert store.folder(RUN, "smoke") == paths.results("smoke") / "runs" / RUN.hash
    assert json.loads((store.folder(RUN, "smoke") / "run.json").read_text()) == RUN.to_dict()


def test_a_folder_without_done_is_not_done(record: Record) -> None:
    assert not store.is_done(RUN, "smoke")
    store.save(record, "smoke")
    assert store.is_done(RUN, "smoke")
    assert not store.is_done(RUN, "wiki")
    (store.folder(RUN, "smoke") / "done").unlink()
    assert not store.is_done(RUN, "smoke")


def test_done_is_written_after_everything_else_is_on_the_disk(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(store, "flush", lambda file: flushed.append(file.name))
    write = store.write_text

    def watch(file: Path, text: str) -> None:
        assert {other.name for other in file.parent.iterdir()} == set(flushed)
        write(file, text)

    monkeypatch.setattr(store, "write_text", watch)
    store.save(record, "smoke")
    assert sorted(flushed) == ["environment.json", "epochs.parquet", "run.json", "scores.json", "tasks.parquet"]
    assert store.is_done(RUN, "smoke")


@pytest.mark.parametrize("name", ["environment.json", "epochs.parquet", "run.json", "scores.json", "tasks.parquet"])
@pytest.mark.parametrize("how", ["altered", "cut", "deleted"])
def test_a_record_that_was_damaged_is_not_done_and_is_set_aside(record: Record, name: str, how: str) -> None:
    store.save(record, "smoke")
    file = store.folder(RUN, "smoke") / name
    content = file.read_bytes()
    match how:
        case "altered":
            file.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
        case "cut":
            file.write_bytes(content[:-1])
        case "deleted":
            file.unlink()
    assert not store.is_done(RUN, "smoke")
    assert name in store.damage(RUN, "smoke")
    with pytest.warns(UserWarning, match=rf"{RUN.hash} is damaged \({name} .*kept as {RUN.hash}.damaged"):
        store.save(record, "smoke")
    assert_same(store.load(RUN, "smoke"), record)
    assert (file.parent.with_name(f"{RUN.hash}.damaged") / "done").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"nothing": ""}'])
def test_a_damaged_done_is_not_done(record: Record, content: str) -> None:
    store.save(record, "smoke")
    (store.folder(RUN, "smoke") / "done").write_text(content)
    assert not store.is_done(RUN, "smoke")


def test_a_half_written_folder_is_replaced(record: Record) -> None:
    folder = store.folder(RUN, "smoke")
    folder.mkdir(parents=True)
    (folder / "scores.json").write_text('{"accur')
    (folder / "stray.txt").write_text("left by another version")
    store.save(record, "smoke")
    assert_same(store.load(RUN, "smoke"), record)
    assert not (folder / "stray.txt").exists()


def test_the_lock_of_a_run_is_held_by_one_at_a_time() -> None:
    with store.lock(RUN, "smoke") as held:
        assert held.is_locked
        with pytest.raises(TimeoutError), store.lock(RUN, "smoke").acquire(timeout=0):
            pass
    with store.lock(RUN, "smoke").acquire(timeout=0):
        assert not store.folder(RUN, "smoke").exists()


# --- One file a profile


def test_a_packed_record_is_unpacked_bit_for_bit(record: Record, tmp_path: Path) -> None:
    other = replace(record, run=replace(RUN, seed=1), experiment="control")
    store.pack([record, other], tmp_path / "new" / "smoke.parquet")
    unpacked = store.unpack(tmp_path / "new" / "smoke.parquet")
    assert len(unpacked) == 2
    assert_same(unpacked[0], record)
    assert_same(unpacked[1], other)


def test_packing_replaces_the_file_and_leaves_nothing_else(record: Record, tmp_path: Path) -> None:
    file = tmp_path / "smoke.parquet"
    store.pack([record, record], file)
    store.pack([record], file)
    assert len(store.unpack(file)) == 1
    assert list(tmp_path.iterdir()) == [file]


def test_many_that_pack_at_once_do_not_meet(record: Record, tmp_path: Path) -> None:
    file = tmp_path / "smoke.parquet"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.pack([record], file), range(24)))
    assert len(store.unpack(file)) == 1
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_replaced_stays_as_it_was(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "smoke.parquet"
    store.pack([record], file)

    def fail(frame: pd.DataFrame, part: Path, **options: object) -> None:
        part.write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
    with pytest.raises(OSError, match="no space left"):
        store.pack([record, record], file)
    assert len(store.unpack(file)) == 1


@pytest.mark.parametrize("damage", [lambda content: content[:500], lambda content: b"", lambda content: b"<html>"])
def test_a_damaged_file_is_named(record: Record, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "smoke.parquet"
    store.pack([record], file)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match=f"{file} cannot be read .*mt2st reproduce --profile smoke"):
        store.unpack(file)


def test_packed_records_can_be_read_by_pandas_alone(record: Record, tmp_path: Path) -> None:
    store.pack([record], tmp_path / "smoke.parquet")
    row = pd.read_parquet(tmp_path / "smoke.parquet").iloc[0]
    assert (row["hash"], row["experiment"]) == (RUN.hash, "grid")
    assert json.loads(row["run"]) == RUN.to_dict()
    assert json.loads(row["scores"]) == record.scores


@pytest.mark.parametrize("epochs", [0, 2])
def test_runs_of_few_epochs_and_without_auxiliaries_are_kept_too(
    epochs: int, record_of: Callable[[Run], Record], tmp_path: Path
) -> None:
    run = replace(RUN, auxiliaries=(), configuration=Configuration(epochs=epochs))
    record = record_of(run)
    if not epochs:  # as `execution` makes them
        record = replace(record, epochs=pd.DataFrame(), tasks=pd.DataFrame())
    store.save(record, "smoke")
    loaded = store.load(run, "smoke")
    store.pack([loaded], tmp_path / "smoke.parquet")
    (unpacked,) = store.unpack(tmp_path / "smoke.parquet")
    assert len(loaded.history) == len(unpacked.history) == epochs
    assert unpacked.scores == record.scores


def test_a_record_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"wiki\.parquet is not there: .*`mt2st reproduce --profile wiki`"):
        store.unpack(tmp_path / "wiki.parquet")


def test_no_records_make_an_empty_file(tmp_path: Path) -> None:
    store.pack([], tmp_path / "smoke.parquet")
    assert store.unpack(tmp_path / "smoke.parquet") == []


def test_a_compact_record_is_found_by_the_hash_of_its_runs_of_today(record: Record, tmp_path: Path) -> None:
    file = tmp_path / "some.parquet"
    assert store.recorded(tmp_path / "none.parquet") == {}
    store.pack([record, replace(record, run=replace(RUN, seed=1))], file)
    rows = pd.read_parquet(file)
    rows.loc[1, "hash"] = "0" * 16  # of a time when the same parameters gave another result
    rows.to_parquet(file)
    found = store.recorded(file)
    assert [*found] == [RUN.hash]
    assert_same(found[RUN.hash], record)
