from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from experiments import made_up

from mt2st.data.dataset import Dataset
from mt2st.data.tags.tagged import SequenceData
from mt2st.data.vectors import EmbeddingTable
from mt2st.experiments.assembly import assemble
from mt2st.experiments.runs import Configuration
from mt2st.losses import analogy_loss
from mt2st.models import ENCODERS, LinearHead
from mt2st.schedules import Constant
from mt2st.tasks import SentenceTask, TableTask, TokenTask
from mt2st.training import fit

SMALL = Configuration(hidden=4, dropout=0.25)


@pytest.fixture
def colours(tmp_path: Path) -> SequenceData:
    """Return a made-up tagged corpus."""
    return made_up.corpus("colours", tmp_path / "colours.conll")


def own_task() -> TableTask:
    """Return an auxiliary task that no list knows."""
    return TableTask("own", analogy_loss, [torch.tensor([[2, 3, 4, 5], [3, 2, 5, 4]])])


def test_tasks_share_an_encoder_and_have_a_head_each_that_needs_one(
    toy_dataset: Dataset, toy_table: EmbeddingTable
) -> None:
    assembled = assemble(toy_dataset, toy_table, ["casing", own_task()], SMALL)
    assert isinstance(assembled.primary, SentenceTask)
    assert [task.name for task in assembled.auxiliaries] == ["casing", "own"]
    assert set(assembled.model.heads) == {"toy", "casing"}
    assert np.array_equal(assembled.model.table.detach().numpy(), toy_table.vectors)


def test_what_is_assembled_can_be_trained(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    assembled = assemble(toy_dataset, toy_table, ["hyperlink", "casing", own_task()], SMALL)
    history = fit(assembled.model, assembled.primary, assembled.auxiliaries, Constant(0.5), epochs=1)
    assert set(history.task_frame()["task"]) == {"toy", "hyperlink", "casing", "own"}


def test_the_primary_task_can_be_a_tagged_corpus(colours: SequenceData) -> None:
    table = EmbeddingTable.of(made_up.WORDS, np.ones((7, 2), dtype=np.float32), "small")
    assembled = assemble(colours, table)
    assert isinstance(assembled.primary, TokenTask)
    assert assembled.auxiliaries == []
    assert len(assembled.primary) == len(colours.train)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_has_the_size_that_was_asked_for(
    encoder: str, toy_dataset: Dataset, toy_table: EmbeddingTable
) -> None:
    configuration = Configuration(encoder=encoder, hidden=4, dropout=0.25, readout="max")
    model = assemble(toy_dataset, toy_table, ["casing"], configuration).model
    assert type(model.encoder) is ENCODERS[encoder]
    assert model.encoder.readout == "max"
    assert model.encoder.dropout.p == 0.25
    assert model.encoder.size == {"bilstm": 8, "gru": 8, "bag": 2}[encoder]


def test_the_seed_sets_the_initial_values_and_auxiliaries_do_not_change_them(
    toy_dataset: Dataset, toy_table: EmbeddingTable
) -> None:
    models = [
        assemble(toy_dataset, toy_table, others, SMALL, seed).model
        for seed, others in [(0, []), (0, [own_task()]), (0, ["casing"]), (1, [])]
    ]
    first, with_own, with_casing, other_seed = (dict(model.named_parameters()) for model in models)
    assert first.keys() == with_own.keys()
    assert all(torch.equal(with_own[name], value) for name, value in first.items())
    assert all(torch.equal(with_casing[name], value) for name, value in first.items())
    assert not any(
        torch.equal(other_seed[n], v)
        for n, v in first.items()
        if n.startswith("encoder.") and v.dim() == 2 and "embedding" not in n
    )


def test_layers_of_their_own_change_no_other_initial_value(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    plain, own = (
        assemble(toy_dataset, toy_table, ["casing"], replace(SMALL, own_layers=with_layers), seed=3).model.state_dict()
        for with_layers in (False, True)
    )
    assert all(torch.equal(value, own[name]) for name, value in plain.items())
    assert {name.split(".")[-3] for name in own.keys() - plain.keys()} == {"own"}
    assert len(own) - len(plain) == 2 * 4  # two heads, two linear maps each


@pytest.mark.parametrize("trainable", [True, False])
def test_the_table_can_be_kept_as_it_is(trainable: bool, toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    model = assemble(toy_dataset, toy_table, (), Configuration(trainable=trainable)).model
    assert model.table.requires_grad == trainable
    assert isinstance(model.heads["toy"], LinearHead)


def test_two_models_do_not_share_their_table(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    one, other = (assemble(toy_dataset, toy_table).model for _ in range(2))
    with torch.no_grad():
        one.table.add_(1)
    assert torch.equal(other.table, torch.from_numpy(toy_table.vectors))


def test_unknown_names_are_refused(toy_dataset: Dataset, toy_table: EmbeddingTable) -> None:
    with pytest.raises(ValueError, match="'cnn'; known: bilstm, gru, bag"):
        assemble(toy_dataset, toy_table, (), Configuration(encoder="cnn"))
    with pytest.raises(ValueError, match="'update4'; known: update0"):
        assemble(toy_dataset, toy_table, ["update4"])
