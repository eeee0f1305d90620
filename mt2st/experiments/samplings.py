"""Does it matter how often each task is trained, and can a schedule act on that in place of the losses?

Topics of Wikipedia sentences beside two tasks on the words of a text many times as long, links and casing; and parts of
speech in 1,000 sentences beside phrases in nine times as many. Every sampling draws as many batches in an epoch as
training together has, so that all are of one cost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mt2st.experiments.crossing import CROSSINGS
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Run
from mt2st.experiments.strategies import SINGLE, WAYS
from mt2st.sampling import SAMPLINGS, Drawn
from mt2st.schedules import SINGLE_TASK

EMBEDDING = "SkipGram"
TAGGED, SENTENCES = "pos-crossing", 1_000
AUXILIARIES: Mapping[str, tuple[str, ...]] = {"wiki": ("hyperlink", "casing"), TAGGED: ("conll2000",)}
TOGETHER = "together"
COMPARED = ("multi-task", "Diminish", "Switch")
BENT = ("Diminish",)  # ways with weights other than 0 and 1: only there do losses and draws differ
DRAWN = tuple(name for name, kind in SAMPLINGS.items() if issubclass(kind, Drawn))


def needs(profile: Profile) -> tuple[str, ...]:
    """Return the data sets that a profile needs."""
    return CROSSINGS[TAGGED].needs if profile.name == TAGGED else ()


def conditions(profile: Profile) -> Configuration:
    """Return the configuration of a profile among `AUXILIARIES`; of parts of speech it is that of the crossing."""
    return CROSSINGS[TAGGED].conditions(profile, SENTENCES) if profile.name == TAGGED else profile.configuration


def plan(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs, seed by seed: one task alone, then every way with every sampling, in both forms.

    None for a profile that has no such comparison.
    """
    return [run for seed in range(seeds) for run in _of_seed(profile, seed)] if profile.name in AUXILIARIES else []


def _of_seed(profile: Profile, seed: int) -> Iterator[Run]:
    configuration = conditions(profile)
    alone = Run(EMBEDDING, SINGLE, (), SINGLE_TASK, seed, configuration)
    yield alone
    for way in COMPARED:
        schedule = WAYS[way](configuration.epochs)
        joint = replace(alone, strategy=way, auxiliaries=AUXILIARIES[profile.name], schedule=schedule)
        yield joint
        for sampling in DRAWN:
            drawn = replace(joint, configuration=replace(configuration, sampling=sampling))
            yield drawn
            if way in BENT:
                yield replace(drawn, configuration=replace(drawn.configuration, weigh="draws"))
