from dataclasses import replace

from relations.made_up import TASKS, of_corpora, records
from relations.test_results import with_f1

from mt2st.experiments.runs import Record
from mt2st.relations import gains, results
from mt2st.relations.conclusions import conclusions
from mt2st.relations.gains import GAIN, LOSS, UNCLEAR


def test_one_seed_tells_no_sign() -> None:
    made = records()
    found = results.pairs(made)
    first, *others = conclusions(made).splitlines()
    above, below = (found["sentences low"] > 0).sum(), (found["sentences high"] < 0).sum()
    assert first.startswith(
        f"{(found['gain'] > 0).sum()} of 30 ordered pairs gained with one seed, from which no pair's"
    )
    assert first.endswith(f"is above 0 for {above} and below 0 for {below}")
    assert others[0].startswith("in test ")
    assert "100% of the pairs have the sign of the end (rho = 1.00); with F1 averaged over the" in others[1]
    assert others[1].startswith("F1 moves from reading to reading")
    assert others[1].endswith(f"{(found['gain'] > 0).sum()} gained")
    assert len(others) == 2


def test_several_seeds_tell_the_signs_whose_interval_excludes_0() -> None:
    made = records(seed=4, seeds=3)
    found = results.pairs(made)
    signs = found["sign"].value_counts()
    assert (signs[GAIN], signs[LOSS], signs[UNCLEAR]) == (2, 1, 27)  # of noise, as often as intervals of 95% should
    first, second, *_, last = conclusions(made).splitlines()
    assert first == (
        f"{(found['gain'] > 0).sum()} of 30 ordered pairs gained on average over 3 seeds; the 95% t interval over "
        f"seeds is above 0 for {signs[GAIN]} and below 0 for {signs[LOSS]}, where 2 in all would be so by chance; for "
        f"{signs[UNCLEAR]} the sign is unclear"
    )
    same, rho = gains.agreement(made)
    assert second == f"two seeds give the same sign to {same:.0%} of the pairs; rho = {rho:.2f} between their gains"
    told = found[found["sign"] == GAIN]
    assert last == f"the gains that can be told: {', '.join(told['main'] + ' from ' + told['aux'])}"


def test_main_tasks_that_do_not_count_are_named() -> None:
    alone, pairs = records()[: len(TASKS)], records()[len(TASKS) :]
    lines = conclusions([with_f1(alone[0], "pos", 0.05), *alone[1:], *pairs]).splitlines()
    assert " of 25 ordered pairs gained" in lines[0]
    assert lines[1] == "not counted as main tasks, for an F1 below 0.1 alone: pos"
    none = [with_f1(record, task, 0.0) for record, task in zip(alone, TASKS, strict=True)]
    assert conclusions([*none, *pairs]) == (f"not counted as main tasks, for an F1 below 0.1 alone: {', '.join(TASKS)}")


def test_what_whole_texts_are_scored_by_is_the_accuracy() -> None:
    made = [_of_texts(record) for record in records()]
    alone, pairs = made[: len(TASKS)], made[len(TASKS) :]
    lines = conclusions([with_f1(alone[0], "pos", 0.05), *alone[1:], *pairs]).splitlines()
    assert lines[1] == "not counted as main tasks, for an accuracy below 0.1 alone: pos"
    assert lines[3].startswith("accuracy moves from reading to reading: at nine tenths of the batches 100% of")
    assert "; with accuracy averaged over the second half " in lines[3]


def _of_texts(record: Record) -> Record:
    """Return a record with the F1 in validation as the accuracy of whole texts."""
    return replace(record, tasks=record.tasks.rename(columns={"validation_f1": "validation_accuracy"}))


def test_published_gains_that_came_again_are_counted() -> None:
    few = of_corpora(records())
    frame = results.pairs(few).dropna(subset="published")
    alike = ((frame["gain"] > 0) == (frame["published"] > 0)).sum()
    assert conclusions(few).splitlines()[-1].startswith(f"{alike} of 2 gains published")
