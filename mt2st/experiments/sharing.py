"""Does it matter how tasks share parameters? Architectures alone, with auxiliary tasks, and ending on one.

On a task on sentences (profile wiki, topics beside links and casing) and on one on words (profile pos-crossing, parts
of speech in 1,000 sentences beside phrases). Hidden sizes are the same, so that architectures differ in parameters;
these, and the time of a step, stand in the table.
"""

from collections.abc import Iterator
from dataclasses import replace

from mt2st.architectures import ARCHITECTURES
from mt2st.architectures.private import ADVERSARY
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Run
from mt2st.experiments.samplings import AUXILIARIES, conditions
from mt2st.experiments.strategies import SINGLE, STAYING, WAYS
from mt2st.schedules import SINGLE_TASK, Constant

EMBEDDING = "SkipGram"
SHARED, PRIVATE = "shared", "private"
COMPARED = (STAYING, "Switch")
ADVERSARIAL = "multi-task, adversary"
LAMBDA = 0.05  # weight of the adversary, as in Liu et al. (2017)
ON_TOP = ("levels", "fusion")  # architectures with an upper encoder for tasks on sentences
ONE_LEVEL = ("pos-crossing",)  # all tasks are on words, so that there is nothing above them


def plan(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs, seed by seed, but for those of `beside`; none for a profile that has no such comparison."""
    return [run for run in _all(profile, seeds) if run.configuration.architecture != SHARED]


def beside(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs of hard sharing that they are compared with: those of the samplings."""
    return [run for run in _all(profile, seeds) if run.configuration.architecture == SHARED]


def _all(profile: Profile, seeds: int) -> list[Run]:
    if profile.name not in AUXILIARIES:
        return []
    return [run for seed in range(seeds) for run in _of_seed(profile.name, conditions(profile), seed)]


def _of_seed(name: str, configuration: Configuration, seed: int) -> Iterator[Run]:
    for architecture, kind in ARCHITECTURES.items():
        if kind.READS_FEATURES or (architecture in ON_TOP and name in ONE_LEVEL):  # texts here have no features
            continue
        conditions = replace(configuration, architecture=architecture)
        alone = Run(EMBEDDING, SINGLE, (), SINGLE_TASK, seed, conditions)
        joint = replace(alone, auxiliaries=AUXILIARIES[name])
        yield alone
        for way in COMPARED:
            yield replace(joint, strategy=way, schedule=WAYS[way](configuration.epochs))
        if architecture == PRIVATE:
            weights = Constant((*[1.0] * len(joint.auxiliaries), LAMBDA))
            yield replace(joint, strategy=ADVERSARIAL, auxiliaries=(*joint.auxiliaries, ADVERSARY), schedule=weights)
