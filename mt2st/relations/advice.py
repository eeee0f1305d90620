"""What `mt2st relations` says of files of one's own: a prediction for each pair, and beside it what was measured."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mt2st.relations import predictor, probes, verification
from mt2st.relations.gains import FLOOR, GAIN, LOSS, LOW, UNCLEAR
from mt2st.relations.predictor import Predictor
from mt2st.statistics import as_text

MEASURED = {
    GAIN: "it gains",
    LOSS: "it loses",
    UNCLEAR: "whether it gains cannot be told",
    LOW: f"whether it gains cannot be told from an F1 below {FLOOR:g}",
}


def report(main: Path, aux: Sequence[Path], verify: int | None = None, device: str = "auto") -> Iterator[str]:
    """Give line by line what is predicted of a main task with each auxiliary one, and what was measured.

    Args:
        main, aux: files, see `probes.read_own`.
        verify: seeds with which the tasks are trained alone and together (`verification`); None for none.
        device: where tasks are trained.

    Raises ValueError where a file is given twice or there are no seeds, FileNotFoundError where the study that
    predictions come from has not been recorded, and as `probes.read_own` and `probes.probe`.
    """
    for file, times in Counter(map(str, (main, *aux))).items():
        if times > 1:
            raise ValueError(f"{file} is given {times} times; a task is compared with others")
    if verify is not None and verify < 1:
        raise ValueError(f"--verify takes at least one seed, got {verify}")
    model = predictor.recorded()
    own, others = probes.read_own(main), [probes.read_own(file) for file in aux]
    found = probes.probe([own, *others], model.steps, device)
    rows = probes.predicted(model, own.name, found).to_dict("records")
    for row in rows:
        yield f"{main} with {row['aux']}: {prediction(row, model)}"
    yield f"The model's {model.skill}; {len(model.gains)} recorded pairs."
    if verify is None:
        return
    yield cost(verify, len(others), float(np.mean([of_task.seconds for of_task in found.values()])))
    for row, found_row in zip(rows, verification.measured(own, others, verify, device).to_dict("records"), strict=True):
        yield f"{main} with {row['aux']}: {measurement(found_row)}; {_calibrated(row)}"


def prediction(row: Mapping[str, float], model: Predictor) -> str:
    """Say what became of similar pairs, and whether that tells the pair from any other.

    Nothing can be told of a main task that scores next to nothing, and by a model that is not known to be better than a
    constant at tasks that are new to it.
    """
    if row["main f1"] < FLOOR:
        return (
            f"cannot tell, as the main task scores an F1 of {row['main f1']:.2f} in its probe, below {FLOOR:g} (the "
            f"auxiliary task's: {row['aux f1']:.2f})"
        )
    f1 = f"F1 in the probes: {row['main f1']:.2f} and {row['aux f1']:.2f}"
    if not model.skill.is_known:
        return f"{_calibrated(row)}: cannot tell, the model is not known to be better than a constant ({f1})"
    if row["low"] > model.share:
        told = f"likelier to gain than any pair ({model.share:.0%})"
    elif row["high"] < model.share:
        told = f"less likely to gain than any pair ({model.share:.0%})"
    else:
        told = f"cannot tell it from any pair ({model.share:.0%})"
    return f"{_calibrated(row)}: {told} ({f1}; the model says {row['probability']:.2f})"


def _calibrated(row: Mapping[str, float]) -> str:
    if np.isnan(row["gained"]):
        return "nothing was predicted"
    share = as_text(100 * row["gained"], 100 * row["low"], 100 * row["high"], ".0f")
    return f"of the {row['n']:.0f} recorded pairs that look most alike {share} % gained"


def cost(seeds: int, others: int, seconds: float) -> str:
    """Say how much is trained to verify, and about how long it takes, from the seconds of a probe's batch."""
    every = verification.batches(others, seeds)
    return (
        f"Now training the main task alone ({verification.STEPS:,} batches) and with each other one "
        f"({2 * verification.STEPS:,}), {seeds} {'seed' if seeds == 1 else 'seeds'}: {every:,} batches, about "
        f"{max(1, round(every * seconds / 60)):,} min here."
    )


def measurement(row: Mapping[str, float | str]) -> str:
    """Say what was gained, with its interval over seeds."""
    gain = as_text(row["gain"], row["low"], row["high"], "+.1f")  # type: ignore[arg-type]
    told = MEASURED[str(row["sign"])]
    if row["seeds"] == 1 and row["sign"] == UNCLEAR:
        told = "one seed has no interval, and another may turn the sign"
    return (
        f"measured gain {gain} % of an F1 of {row['f1']:.2f} alone, {row['seeds']} "
        f"{'seed' if row['seeds'] == 1 else 'seeds'}: {told}"
    )
