import copy
from typing import Any

import pytest
import torch

from mt2st.branching import Fork
from mt2st.history import History
from mt2st.models import BiLSTM, Model, OwnLayer
from mt2st.restarts import Restarts
from mt2st.schedules import SINGLE_TASK, Branches, PostTraining, Restart, Transition
from mt2st.tasks import SentenceTask
from mt2st.training import _score, fit

SENTENCES = [torch.randint(2, 12, (5,), generator=torch.Generator().manual_seed(i)) for i in range(12)]


def task(name: str, classes: int = 2) -> SentenceTask:
    return SentenceTask(name, SENTENCES, torch.arange(12) % classes, [str(k) for k in range(classes)])


TOPIC, OTHER = task("topic"), task("other", 3)
OPTIONS: dict[str, Any] = {"validation": [task("topic")], "batch_size": 6}


def new_model() -> Model:
    torch.manual_seed(0)
    return Model.of(BiLSTM(torch.randn(12, 6), hidden=4), [TOPIC, OTHER])


def trained(model: Model, auxiliaries: list[SentenceTask], epochs: int) -> Model:
    """Return a copy of a model after some epochs, the last one kept."""
    model = copy.deepcopy(model)
    fit(model, TOPIC, auxiliaries, SINGLE_TASK if not auxiliaries else Transition(99), epochs=epochs, batch_size=6)
    return model


def test_branches_part_from_one_model_and_are_merged_by_validation() -> None:
    model, states = new_model(), {}

    def measure(t: int) -> dict[str, float]:
        states[t] = copy.deepcopy(model.state_dict())
        return {}

    history = fit(model, TOPIC, [OTHER], Branches(1, interval=2, rounds=1), epochs=5, measure=measure, **OPTIONS)
    alone = trained(new_model(), [], 2)
    torch.testing.assert_close(states[1], alone.state_dict())
    weights = history.task_frame().query("task == 'other'")["weight"].tolist()
    assert weights == [0, 0, 1, 1, 0]
    ends = [states[1], states[3]]
    assert not torch.equal(ends[0]["encoder.embedding.weight"], ends[1]["encoder.embedding.weight"])
    ((epoch, said),) = history.decisions
    assert epoch == 4
    shares = [float(part.split("%")[0]) / 100 for part in said.removeprefix("merged: ").split(", ")]
    assert said == f"merged: {shares[0]:.0%} topic, {shares[1]:.0%} other"
    again = new_model()
    again.load_state_dict(ends[0])
    fork = Fork(again)
    fork.back()
    again.load_state_dict(ends[1])
    assert shares == pytest.approx(fork.merge(lambda: _score(again, TOPIC)))


def test_branches_that_are_not_one_a_task_are_refused() -> None:
    model = new_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    restarts = Restarts(model, TOPIC, optimizer, 6, lambda: (0.0, 0.0))
    with pytest.raises(ValueError, match="0 branches are to be merged, but there are 2 tasks"):
        restarts.begin(Restart(branch="merge"), History(), ["topic", "other"])
    restarts.begin(Restart(branch="fork"), History(), ["topic", "other"])
    with pytest.raises(ValueError, match="1 branches are to be merged, but there are 2 tasks"):
        restarts.begin(Restart(branch="merge"), History(), ["topic", "other"])
    with pytest.raises(ValueError, match="merged by validation: give held-out examples"):
        _score(model, None)


def test_post_training_without_a_best_epoch_is_refused() -> None:
    for options in ({"validation": []}, {"keep": "last"}):
        with pytest.raises(ValueError, match=r'post-training .*`validation` examples of topic, and leave keep="best"'):
            fit(new_model(), TOPIC, [OTHER], PostTraining(1), epochs=2, **OPTIONS | options)


def test_a_merged_model_is_what_training_goes_on_with() -> None:
    model = new_model()
    start, heads = copy.deepcopy(model.state_dict()), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    restarts = Restarts(model, TOPIC, optimizer, 6, lambda: (0.0, -(float(model.table.detach()[5, 0] - 0.7) ** 2)))
    for k, branch in enumerate(("fork", "fork", "merge")):
        said = restarts.begin(Restart(branch=branch), History(), ["topic", "other"])
        heads.append(copy.deepcopy(model.state_dict()))
        with torch.no_grad():
            model.table[5, 0] = k
        TOPIC.loss(model, next(TOPIC.batches(12, None))).backward()
        optimizer.param_groups[0]["lr"] = 0.0
        optimizer.step()
    assert all(torch.equal(start[name], value) for name, value in heads[1].items())
    assert heads[2]["encoder.embedding.weight"][5, 0] == pytest.approx(0.6)  # of 0 and 1, nearest to 0.7
    assert said == "merged: 40% topic, 60% other"
    restarts.begin(Restart(0.5), History(), ["topic", "other"])
    assert optimizer.param_groups[0]["lr"] == 0.05
    assert not optimizer.state


def test_a_layer_of_ones_own_changes_nothing_until_it_is_trained() -> None:
    plain, own = new_model(), new_model()
    own.heads["topic"].add_own_layer()
    states: dict[str, list[float]] = {}

    def measure(t: int) -> dict[str, float]:
        states.setdefault("second", []).append(float(own.heads["topic"].own.second.weight.detach().abs().sum()))
        return {}

    joint = fit(plain, TOPIC, [OTHER], Transition(2), epochs=4, **OPTIONS)
    eased = fit(own, TOPIC, [OTHER], Transition(2, own_layers=True), epochs=4, measure=measure, **OPTIONS)
    losses = [history.frame()["primary_loss"].tolist() for history in (joint, eased)]
    assert losses[0][:2] == losses[1][:2]
    assert losses[0][3] != losses[1][3]
    assert states["second"][:2] == [0, 0] and states["second"][3] > states["second"][2] > 0
    assert sum(p.numel() for p in own.parameters()) - sum(p.numel() for p in plain.parameters()) == 2 * (8 * 8 + 8)


def test_a_layer_of_ones_own_that_is_not_there_cannot_be_trained() -> None:
    model = new_model()
    model.heads["other"].add_own_layer()  # not the primary task's
    with pytest.raises(ValueError, match=r"own_layers: the head of task 'topic' .*heads\['topic'\]\.add_own_layer\(\)"):
        fit(model, TOPIC, [OTHER], Transition(1, own_layers=True), epochs=2, **OPTIONS)


def test_a_layer_of_ones_own_is_a_residual() -> None:
    torch.manual_seed(0)
    layer, states = OwnLayer(4), torch.randn(3, 4)
    assert torch.equal(layer(states), states)
    assert not any(parameter.requires_grad for parameter in layer.parameters())
    torch.nn.init.eye_(layer.second.weight)
    torch.testing.assert_close(layer(states), states + (states @ layer.first.weight.T + layer.first.bias).tanh())
