"""Does it matter how often each task is trained, and can a schedule act on that in place of the losses?

Topics of Wikipedia sentences beside two tasks on the words of a text many times as long, links and casing. Every
sampling draws as many batches in an epoch as training together has, so that all are of one cost.
"""

from collections.abc import Iterator
from dataclasses import replace

from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Run
from mt2st.experiments.strategies import SINGLE, WAYS
from mt2st.sampling import SAMPLINGS, Drawn
from mt2st.schedules import SINGLE_TASK

EMBEDDING, AUXILIARIES = "SkipGram", ("hyperlink", "casing")
TOGETHER = "together"
COMPARED = ("multi-task", "Diminish", "Switch")
BENT = ("Diminish",)  # ways with weights other than 0 and 1: only there do losses and draws differ
DRAWN = tuple(name for name, kind in SAMPLINGS.items() if issubclass(kind, Drawn))


def plan(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs, seed by seed: one task alone, then every way with every sampling, in both forms."""
    return [run for seed in range(seeds) for run in _of_seed(profile, seed)]


def _of_seed(profile: Profile, seed: int) -> Iterator[Run]:
    alone = Run(EMBEDDING, SINGLE, (), SINGLE_TASK, seed, profile.configuration)
    yield alone
    for way in COMPARED:
        joint = replace(alone, strategy=way, auxiliaries=AUXILIARIES, schedule=WAYS[way](profile.configuration.epochs))
        yield joint
        for sampling in DRAWN:
            drawn = replace(joint, configuration=replace(profile.configuration, sampling=sampling))
            yield drawn
            if way in BENT:
                yield replace(drawn, configuration=replace(drawn.configuration, weigh="draws"))
