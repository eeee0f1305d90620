"""Features of words: kept on disk, batched beside words, read by architecture `multimodal`."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from mt2st.architectures.multimodal import Multimodal
from mt2st.architectures.private import Adversary
from mt2st.experiments.compute import epoch_flops
from mt2st.models import BiLSTM, Encoder
from mt2st.schedules import SINGLE_TASK, Constant
from mt2st.tasks import Features, SentenceTask, TableTask, TokenTask
from mt2st.training import evaluate, fit

LENGTHS = [2, 3, 1, 3]
ARRAYS = [np.arange(6.0 * n).reshape(n, 6) + 100 * k for k, n in enumerate(LENGTHS)]
WORDS = [torch.arange(n) + 2 for n in LENGTHS]
FEATURES = Features.of(ARRAYS, "gaze")
BINARY = torch.tensor([0, 1, 0, 1])


def write(file: Path, values: np.ndarray, lengths: list[int]) -> None:
    arrays = {"values": values, "lengths": np.array(lengths)}
    np.savez(file, **arrays) if file.suffix == ".npz" else save_file(arrays, file)  # type: ignore[arg-type]


def table(rows: int = 6, dimensions: int = 4) -> torch.Tensor:
    values = torch.randn(rows, dimensions, generator=torch.Generator().manual_seed(0))
    values[0] = 0
    return values


def make(hidden: int = 3) -> partial[Encoder]:
    return partial(BiLSTM, hidden=hidden)


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_a_file_gives_the_features_that_were_written(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"gaze.{kind}"
    write(file, np.concatenate(ARRAYS), LENGTHS)
    found = Features.read(file)
    assert found.name == "gaze"
    assert found.lengths.tolist() == LENGTHS
    np.testing.assert_array_equal(found.values.numpy(), np.concatenate(ARRAYS))
    assert Features.read(file, "pupil").name == "pupil"


def test_half_precision_states_stay_so_on_disk_and_come_as_float32(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float16)
    write(tmp_path / "states.safetensors", values, LENGTHS)
    found = Features.read(tmp_path / "states.safetensors")
    assert found.values.dtype == torch.float16
    (_, _, batch, _) = next(SentenceTask("s", WORDS, BINARY, ["a", "b"], features=found).batches(4, None))
    assert batch.dtype == torch.float32
    np.testing.assert_array_equal(batch[0, 0].numpy(), values[5].astype(np.float32))  # the shortest comes first


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"values": np.ones((3, 2))}, "lengths"),
        ({"values": np.ones((3, 2)), "lengths": np.array([2, 2])}, "features: 4 rows by their lengths, 3 of values"),
        ({"values": np.ones(3), "lengths": np.array([3])}, r"got \(3,\) and \(1,\)"),
        (
            {"values": np.ones((3, 2)), "lengths": np.array([1.5, 1.5])},
            "lengths must be whole numbers, got torch.float64",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_a_file_that_is_none_says_what_is_wanted(
    kind: str, arrays: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    file = tmp_path / f"features.{kind}"
    np.savez(file, **arrays) if kind == "npz" else save_file(arrays, file)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=rf"features\.{kind}: .*{message}.*; wanted is an \.npz or \.safetensors file"):
        Features.read(file)


def test_a_file_that_is_damaged_or_missing_is_named(tmp_path: Path) -> None:
    for kind in ("npz", "safetensors"):
        file = tmp_path / f"features.{kind}"
        with pytest.raises(FileNotFoundError, match=f"{kind} is not there"):
            Features.read(file)
        write(file, np.concatenate(ARRAYS), LENGTHS)
        whole = file.read_bytes()
        for content in (b"no such thing", whole[: len(whole) // 2], b""):
            file.write_bytes(content)
            with pytest.raises(ValueError, match=f"{kind}: .*; wanted is"):
                Features.read(file)
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(ValueError, match=r"one\.npz: .*; wanted is"):
        Features.read((tmp_path / "one.npy").rename(tmp_path / "one.npz"))


def test_batches_have_the_features_of_their_words_with_zeros_as_padding() -> None:
    task = TokenTask("t", WORDS, [w % 2 for w in WORDS], ["even", "odd"], features=FEATURES)
    words, lengths, features, targets = next(task.batches(4, None))
    assert features.shape == (*words.shape, 6) == (4, 3, 6)
    assert targets.shape == words.shape
    for row, k in enumerate(task.order(4).tolist()):
        np.testing.assert_array_equal(features[row, : lengths[row]].numpy(), ARRAYS[k])
        assert features[row, lengths[row] :].count_nonzero() == 0


def test_features_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="task 's': sentence 1 has 3 words but 2 rows of features"):
        SentenceTask("s", WORDS, BINARY, ["a", "b"], features=Features.of([np.ones((n, 2)) for n in (2, 2, 2, 3)]))
    with pytest.raises(ValueError, match="task 's': 4 sentences but features of 1"):
        SentenceTask("s", WORDS, BINARY, ["a", "b"], features=Features.of([np.ones((9, 2))]))


def test_states_are_those_of_words_and_mapped_features_and_tasks_of_a_modality_share_its_map() -> None:
    beside = SentenceTask("beside", WORDS, BINARY, ["a", "b"], features=FEATURES)
    alone = SentenceTask("alone", WORDS, BINARY, ["a", "b"])
    instead = SentenceTask("instead", FEATURES.blank(), BINARY, ["a", "b"], features=FEATURES)
    pull = TableTask("pull", lambda rows, which: rows[which].square().mean(), [torch.tensor([[2], [3]])])
    model = Multimodal.build(make(), table(), [beside, alone, instead, pull])
    assert model.maps.names == ("gaze",)
    words, lengths, features, _ = next(beside.batches(4, None))
    mapped = features @ model.maps["gaze"].weight.T  # type: ignore[operator, union-attr]
    for task, vectors in (("beside", table()[words] + mapped), ("instead", mapped)):
        given = words if task == "beside" else torch.zeros_like(words)
        expected = model.encoder.states(vectors, lengths).sentence
        torch.testing.assert_close(model.encode(task, given, lengths, features).sentence, expected)
    plain = model.encoder.states(table()[words], lengths).sentence
    torch.testing.assert_close(model.encode("alone", words, lengths).sentence, plain)
    assert {id(p) for p in model.shared()} == {id(p) for m in (model.encoder, model.maps) for p in m.parameters()}
    for task, reaches in ((beside, True), (alone, False), (instead, True)):
        model.zero_grad()
        task.loss(model, next(task.batches(4, None))).backward()
        gradient = model.maps["gaze"].weight.grad  # type: ignore[union-attr]
        assert (gradient is not None and bool(gradient.abs().sum() > 0)) is reaches
        assert bool(model.table.grad[2:].abs().sum() > 0) is (task is not instead)  # type: ignore[index]


def test_two_modalities_have_two_maps_and_one_has_one_size() -> None:
    other = Features.of([array[:, :2] for array in ARRAYS], "prosody")
    one = SentenceTask("one", WORDS, BINARY, ["a", "b"], features=FEATURES)
    two = SentenceTask("two", WORDS, BINARY, ["a", "b"], features=other)
    model = Multimodal.build(make(), table(), [one, two])
    assert [model.maps[name].weight.shape[1] for name in model.maps] == [6, 2]  # type: ignore[union-attr]
    smaller = Features(other.values, other.lengths, "gaze")
    with pytest.raises(ValueError, match="gaze has 2 features in task 'two', 6 in another: give it another name"):
        Multimodal.build(make(), table(), [one, SentenceTask("two", WORDS, BINARY, ["a", "b"], features=smaller)])


def test_images_from_a_file_train_beside_words_end_to_end(tmp_path: Path) -> None:
    """Eight rows of eight pixels are read as eight words are; the reference is a regression on the pixels."""
    digits, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    parts, rows = {}, {"train": order[:600], "test": order[600:1_200]}
    for part, chosen in rows.items():
        write(tmp_path / f"{part}.safetensors", digits[chosen].reshape(-1, 8) / 16, [8] * len(chosen))
        pixels = Features.read(tmp_path / f"{part}.safetensors", "pixels")
        targets = torch.from_numpy(labels[chosen])
        parts[part] = SentenceTask("digit", pixels.blank(), targets, list("0123456789"), features=pixels)
    words = [torch.tensor([2 + k]) for k in range(10)]
    names = SentenceTask("names", words, torch.arange(10), parts["train"].classes, answered_as="digit")
    torch.manual_seed(0)
    model = Multimodal.build(make(24), table(12, 16), [parts["train"], names])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    fit(model, parts["train"], [names], Constant(1.0), optimizer=optimizer, epochs=12, batch_size=32)
    regression = LogisticRegression(max_iter=2_000).fit(digits[rows["train"]], labels[rows["train"]])
    assert evaluate(model, parts["test"]).accuracy > regression.score(digits[rows["test"]], labels[rows["test"]]) - 0.05
    assert evaluate(model, names).accuracy == 1  # the same head answers words


def test_texts_that_another_task_answers_have_its_features() -> None:
    plain = SentenceTask("plain", WORDS, BINARY, ["a", "b"])
    pooled = SentenceTask("more", WORDS, BINARY, ["a", "b"], features=FEATURES, answered_as="plain")
    with pytest.raises(ValueError, match="task 'more' is answered by 'plain', which has no features 'gaze': give both"):
        Multimodal.build(make(), table(), [plain, pooled])
    answering = SentenceTask("plain", WORDS, BINARY, ["a", "b"], features=FEATURES)
    model = Multimodal.build(make(), table(), [answering, pooled])
    batch = next(pooled.batches(4, None))
    torch.testing.assert_close(pooled.logits(model, batch), answering.logits(model, batch))


def test_tags_are_told_by_features_and_their_operations_are_counted() -> None:
    rng = np.random.default_rng(0)
    signs = [rng.integers(0, 2, n) for n in LENGTHS * 5]
    seen = Features.of([np.stack([2.0 * of - 1, rng.normal(size=len(of))], axis=1) for of in signs])
    task = TokenTask("sign", seen.blank(), [torch.from_numpy(of) for of in signs], ["-", "+"], features=seen)
    torch.manual_seed(0)
    model = Multimodal.build(make(), table(), [task])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    fit(model, task, [], SINGLE_TASK, optimizer=optimizer, epochs=20, batch_size=10)
    assert evaluate(model, task).accuracy == 1
    plain = TokenTask("sign", seen.blank(), [torch.from_numpy(of) for of in signs], ["-", "+"])
    words = sum(batch[0].numel() for batch in task.batches(10, None))
    with_features, without = (epoch_flops(model, one, [], 10)["sign"] for one in (task, plain))
    # M f of (d, F) a word: forward, and backward to M and, through it, to nothing else
    assert with_features - without == words * 2 * 2 * seen.values.shape[1] * table().shape[1]


def test_an_adversary_that_reads_words_alone_refuses_features() -> None:
    having = SentenceTask("s", WORDS, BINARY, ["a", "b"], features=FEATURES)
    with pytest.raises(ValueError, match="adversary tells texts apart by their words alone: s has features"):
        Adversary("adversary", [having, SentenceTask("t", WORDS, BINARY, ["a", "b"])])
