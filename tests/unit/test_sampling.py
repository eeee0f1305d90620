from itertools import islice

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from mt2st.losses import analogy_loss
from mt2st.sampling import (
    SAMPLINGS,
    Annealed,
    Drawn,
    Equal,
    Proportional,
    Sampling,
    Step,
    Tempered,
    Together,
    Uniform,
    Warming,
)
from mt2st.tasks import SentenceTask, SkipGramTask, TableTask, Task, TokenTask

SIZE, EPOCHS, SEED = 4, 3, 7
SENTENCES = [torch.full((n % 3 + 1,), n + 2) for n in range(23)]  # a word tells its sentence
QUESTIONS = torch.arange(40).reshape(10, 4)


def _tagged(name: str, sentences: int = 23) -> TokenTask:
    kept = SENTENCES[:sentences]
    return TokenTask(name, kept, [s % 2 for s in kept], ["even", "odd"], with_replacement=True)


def _tasks() -> list[Task]:
    topic = SentenceTask("topic", SENTENCES, torch.arange(23) % 2, ["a", "b"])
    return [topic, _tagged("tags"), TableTask("update", analogy_loss, [QUESTIONS], size=3)]


def _epochs(sampling: Sampling, active: list[int]) -> list[list[Step]]:
    return [list(sampling.epoch(active, [1.0] * len(sampling.tasks))) for _ in range(sampling.epochs)]


def _of(k: int, epochs: list[list[Step]]) -> list[Tensor]:
    """First parts of the batches of one task."""
    return [batch[0] for steps in epochs for step in steps for at, batch in step if at == k]


def _same(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# --- Together


@pytest.mark.parametrize("active", [[0], [0, 1], [0, 2], [0, 1, 2], [1, 2]])
def test_each_step_together_has_all_active_tasks(active: list[int]) -> None:
    epochs = _epochs(Together(_tasks(), SIZE, EPOCHS, None, SEED), active)
    assert [len(steps) for steps in epochs] == [6] * EPOCHS  # a pass over 23 sentences
    assert {tuple(k for k, _ in step) for steps in epochs for step in steps} == {tuple(active)}


def test_primary_batches_do_not_depend_on_auxiliaries() -> None:
    alone, without, beside = (
        _of(0, _epochs(Together(tasks, SIZE, EPOCHS, None, SEED), active))
        for tasks, active in ((_tasks()[:1], [0]), (_tasks(), [0]), (_tasks(), [0, 1, 2]))
    )
    assert _same(alone, without)
    assert _same(alone, beside)
    other_seed = _of(0, _epochs(Together(_tasks(), SIZE, EPOCHS, None, SEED + 1), [0]))
    assert not _same(alone, other_seed)


def test_together_each_task_has_a_generator_of_its_own() -> None:
    epochs = _epochs(Together(_tasks(), SIZE, EPOCHS, None, SEED), [0, 1, 2])
    for k, task in enumerate(_tasks()):
        generator = torch.Generator().manual_seed(SEED + k)
        passes = [batch[0] for _ in range(10) for batch in task.batches(SIZE, generator)]
        assert _same(_of(k, epochs), list(islice(passes, len(_of(k, epochs)))))


def test_auxiliary_batches_go_on_from_epoch_to_epoch() -> None:
    sampling = Together(_tasks(), 100, 4, None, SEED)  # one step an epoch
    questions = torch.cat(_of(2, _epochs(sampling, [0, 2])))  # 3, 3 and 4 of 10 rows make a pass
    assert sorted(questions[:10, 0].tolist()) == QUESTIONS[:, 0].tolist()


@pytest.mark.parametrize("steps", [2, 9])
def test_steps_limit_or_extend_an_epoch_and_the_primary_task_goes_on_where_it_was(steps: int) -> None:
    epochs = _epochs(Together(_tasks(), SIZE, EPOCHS, steps, SEED), [0, 1])
    assert [len(of_epoch) for of_epoch in epochs] == [steps] * EPOCHS
    seen = torch.cat([words[:, 0] for words in _of(0, epochs)])
    assert sorted(seen[:23].tolist()) == list(range(2, 25))  # the first pass
    assert _same(_of(0, epochs)[:6], _of(0, _epochs(Together(_tasks(), SIZE, 1, None, SEED), [0])))


# --- One task a step


def test_uniform_draws_all_tasks_first_and_then_batches_from_the_same_generator() -> None:
    """As the study of pairs did, whose numbers hang on it."""
    tasks, steps = [_tagged("one"), _tagged("other", 9)], 5
    epochs = _epochs(Uniform(tasks, SIZE, EPOCHS, steps, SEED), [0, 1])
    generator = torch.Generator().manual_seed(SEED)
    drawn = torch.randint(2, (EPOCHS * steps,), generator=generator).tolist()
    assert 0 < sum(drawn) < len(drawn)
    steps_in_order = [step for of_epoch in epochs for (step,) in of_epoch]
    assert [k for k, _ in steps_in_order] == drawn
    waiting: list[list[int]] = [[], []]  # sentences of the pass that each task is in, drawn with replacement
    for (k, batch), task in zip(steps_in_order, (tasks[k] for k in drawn), strict=True):
        if not waiting[k]:
            waiting[k] = (torch.randint(len(task), (-(-len(task) // SIZE) * SIZE,), generator=generator) + 2).tolist()
            for n in (len(waiting[k]), len(waiting[k]) // SIZE):  # sorted by length, in random order
                torch.randperm(n, generator=generator)
        for sentence in batch[0][:, 0].tolist():
            waiting[k].remove(sentence)  # raises where it was not drawn


def test_uniform_draws_every_task_as_often() -> None:
    (steps,) = _epochs(Uniform(_tasks(), SIZE, 1, 3000, SEED), [0, 1, 2])
    drawn = torch.tensor([k for ((k, _),) in steps])
    assert stats.chisquare(torch.bincount(drawn, minlength=3).numpy()).pvalue > 0.01
    pairs = 3 * drawn[::2] + drawn[1::2]
    assert stats.chisquare(torch.bincount(pairs, minlength=9).numpy()).pvalue > 0.01  # whatever came before


@pytest.mark.parametrize("active", [[0], [0, 1], [0, 2], [2], [1, 2]])
def test_a_task_that_is_drawn_while_it_does_not_count_gives_its_step_to_the_first_that_does(active: list[int]) -> None:
    drawn = [k for of_epoch in _epochs(Uniform(_tasks(), SIZE, EPOCHS, 20, SEED), [0, 1, 2]) for ((k, _),) in of_epoch]
    found = [k for of_epoch in _epochs(Uniform(_tasks(), SIZE, EPOCHS, 20, SEED), active) for ((k, _),) in of_epoch]
    assert set(drawn) == {0, 1, 2}
    assert found == [k if k in active else active[0] for k in drawn]


def test_a_uniform_epoch_has_as_many_steps_as_a_pass_over_the_primary_task() -> None:
    assert [len(steps) for steps in _epochs(Uniform(_tasks(), SIZE, EPOCHS, None, SEED), [0, 1])] == [6] * EPOCHS


def _of_sizes(*sizes: int) -> list[Task]:
    """Tasks on texts of one word, so many each."""
    return [
        SentenceTask(f"task {k}", [torch.tensor([2])] * size, torch.arange(size) % 2, ["a", "b"])
        for k, size in enumerate(sizes)
    ]


DRAWN = [kind for kind in SAMPLINGS.values() if issubclass(kind, Drawn)]
SIZES = (30, 300, 90)


@pytest.mark.parametrize(
    ("kind", "exponents"),
    [
        (Proportional, [1.0] * 5),
        (Equal, [0.0] * 5),
        (Tempered, [0.2] * 5),
        (Annealed, [1.0, 0.8, 0.6, 0.4, 0.2]),  # α = 1 − 0.8 (e − 1) / (E − 1), e from 1
        (Warming, [1.0, 1 / 2.6, 1 / 4.2, 1 / 5, 1 / 5]),  # τ = min(5, 1 + 4 e / 2.5)
    ],
)
def test_tasks_are_drawn_as_the_formula_says(kind: type[Drawn], exponents: list[float]) -> None:
    sampling = kind(_of_sizes(*SIZES), SIZE, 5, 4_000, SEED)
    for epoch, exponent in zip(_epochs(sampling, [0, 1, 2]), exponents, strict=True):
        drawn = np.bincount([k for ((k, _),) in epoch], minlength=3)
        expected = np.array(SIZES, dtype=float) ** exponent
        assert stats.chisquare(drawn, 4_000 * expected / expected.sum()).pvalue > 1e-3


def test_annealing_comes_close_to_equal_shares_and_a_warm_temperature_to_its_largest() -> None:
    tasks = _of_sizes(10, 1_000)
    shares = {kind: kind(tasks, SIZE, 20, 10, SEED).shares(19, [0, 1], [1.0, 1.0]).tolist() for kind in DRAWN}
    for kind in (Annealed, Warming, Tempered):  # 100 times the examples are 100^0.2 = 2.512 times the share
        assert shares[kind] == pytest.approx([1 / 3.512, 2.512 / 3.512], rel=1e-3)
    assert shares[Equal] == [0.5, 0.5]
    assert shares[Proportional] == pytest.approx([1 / 101, 100 / 101])


def test_weights_say_how_often_tasks_are_drawn() -> None:
    sampling = Proportional(_of_sizes(*SIZES), SIZE, 1, 6_000, SEED)
    epoch = list(sampling.epoch([0, 1], [1.0, 0.25, 0.5]))
    drawn = np.bincount([k for ((k, _),) in epoch], minlength=3)
    expected = np.array([30, 0.25 * 300])
    assert drawn[2] == 0  # does not count in this epoch
    assert stats.chisquare(drawn[:2], 6_000 * expected / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize("kind", DRAWN)
def test_a_drawn_epoch_has_as_many_steps_as_together_trains_batches(kind: type[Drawn]) -> None:
    for active in ([0], [0, 2], [0, 1, 2]):
        lengths = [len(steps) for steps in _epochs(kind(_tasks(), SIZE, EPOCHS, None, SEED), active)]
        assert lengths == [6 * len(active)] * EPOCHS
        assert [len(steps) for steps in _epochs(kind(_tasks(), SIZE, EPOCHS, 5, SEED), active)] == [5] * EPOCHS


def test_tasks_count_their_examples() -> None:
    topic, tags, update = _tasks()
    assert [topic.examples(), tags.examples(), update.examples()] == [23, 23, 10]
    assert SkipGramTask("skip-gram", [torch.tensor([2, 3, 1, 4])]).examples() == 3


@pytest.mark.parametrize("kind", SAMPLINGS.values())
def test_the_seed_alone_decides(kind: type[Sampling]) -> None:
    one, again, other = (_epochs(kind(_tasks(), SIZE, EPOCHS, 5, seed), [0, 1, 2]) for seed in (0, 0, 1))
    assert all(_same(_of(k, one), _of(k, again)) for k in range(3))
    assert not any(_same(_of(k, one), _of(k, other)) for k in range(3))
