"""Does it depend on the number of labels whether auxiliary tasks pay, and ending on one does? Profile imdb-crossing.

200 to 20,000 labelled reviews against 2,000 labelled sentences. Weller et al. (2022) find joint training better where
the target is smaller than the auxiliary set, one after the other where it is larger. All ways have the same number of
epochs; the auxiliary task first leaves the primary one fewer of them.
"""

from dataclasses import replace

from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Run
from mt2st.experiments.strategies import WAYS
from mt2st.schedules import SINGLE_TASK

EMBEDDING, AUXILIARY = "SkipGram", "polarity"
EPOCHS = {200: 40, 600: 25, 2_000: 15, 5_000: 8, 20_000: 4}  # by labelled reviews: 160 to 1,252 steps
LARGEST_VALIDATION = 750
LARGE, SEEDS = 5_000, 5  # labels from which on there are no more seeds than that: a run takes a minute
SINGLE = "single-task"
COMPARED = ("multi-task", "Switch", "auxiliary tasks first", "post-training")


def plan(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs of every way with every number of labels, seed by seed; five seeds at most where labels are many.

    Reviews to validate are a quarter as many as those to train on, as in the profile, but no more than a sample has.
    """
    return [
        run
        for seed in range(seeds)
        for size, epochs in EPOCHS.items()
        if size < LARGE or seed < SEEDS
        for run in _of_size(profile, seed, size, epochs)
    ]


def _of_size(profile: Profile, seed: int, size: int, epochs: int) -> list[Run]:
    configuration = replace(
        profile.configuration, train=size, validation=min(size // 4, LARGEST_VALIDATION), epochs=epochs
    )
    alone = Run(EMBEDDING, SINGLE, (), SINGLE_TASK, seed, configuration)
    joint = replace(alone, auxiliaries=(AUXILIARY,))
    return [alone, *(replace(joint, strategy=way, schedule=WAYS[way](epochs)) for way in COMPARED)]
