"""Which auxiliary tasks and schedules pay where labels are few: the arms of profile imdb-semi, and a recipe.

All arms have the profile's configuration, but for the recipe, which is chosen among `candidates` on samples of reviews
of its own (`imdb_semi.DEVELOPMENT`) and then run once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mt2st.data import sources
from mt2st.data.texts.imdb_semi import DEVELOPMENT
from mt2st.experiments import recipe
from mt2st.experiments.auxiliaries import POOLED
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Run
from mt2st.experiments.strategies import WAYS
from mt2st.schedules import SINGLE_TASK, Branches, Constant, RandomWeights, Schedule

EMBEDDING = "SkipGram"
SEEDS = 5  # of most arms; those of `HEADLINE` have all that are asked for
CHOSEN_ON = (DEVELOPMENT, DEVELOPMENT + 1)  # samples, and seeds, on which the recipe is chosen

ALL = ("polarity-pooled", "lexicon-pooled", "pseudo-labels-pooled")
ALONE = (
    *("polarity", "polarity-pooled", "lexicon", "lexicon-pooled", "pseudo-labels", "pseudo-labels-pooled"),
    *("stars", "autoencoder", "language-model", "skip-gram", "update1"),
)
# What the recipe was not chosen on: other data, and more labels. Labelled texts to train on and to test on.
ELSEWHERE = {"movie_reviews-semi": (600, 600), "subjectivity-semi": (600, 3_000), "imdb-semi": (2_000, 3_000)}
MOST = {"imdb-semi": SEEDS}  # seeds at most: with 2,000 labels a run takes minutes
OF_SENTIMENT = ("movie_reviews-semi", "imdb-semi")  # those with the classes of "polarity"
SLOW = "language-model"  # takes more than ten times as long as the others, and so has one seed
WITH_EACH = ("multi-task", "Switch")  # ways in which every auxiliary task is run alone
HEADLINE = ("multi-task", "Diminish", "Switch", "post-training")  # ways with `ALL` that have every seed
RANDOM, BRANCHES, TUNED = "random weights", "branches merged", "multi-task, tuned weight"
GAMMAS = (0.03, 0.1, 0.3, 3.0)  # constant weights that are tried beside 1, which is among `candidates`
GAMMA = 3.0  # the best, see `report.paying.by_weight`


def arms(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs of all arms, seed by seed: single-task learning, each auxiliary task, all of them, the recipe."""
    return [run for seed in range(seeds) for run in _of_seed(profile.configuration, seed)]


def _of_seed(configuration: Configuration, seed: int) -> Iterator[Run]:
    epochs = configuration.epochs
    yield Run(EMBEDDING, "single", (), SINGLE_TASK, seed, configuration)
    for name, schedule in WAYS.items():
        if seed < SEEDS or name in HEADLINE:
            yield Run(EMBEDDING, name, ALL, schedule(epochs), seed, configuration)
    yield chosen(configuration, seed)
    if seed < SEEDS:
        yield Run(EMBEDDING, RANDOM, ALL, RandomWeights(len(ALL), seed), seed, configuration)
        yield Run(EMBEDDING, BRANCHES, ALL, Branches(len(ALL)), seed, configuration)
        yield Run(EMBEDDING, TUNED, ALL, Constant(GAMMA), seed, configuration)
        for auxiliary in (one for one in ALONE if one != SLOW or not seed):
            for name in WITH_EACH:
                yield Run(EMBEDDING, name, (auxiliary,), WAYS[name](epochs), seed, configuration)


def chosen(configuration: Configuration, seed: int) -> Run:
    """Return the run of the recipe: what is best of `candidates` on the samples that it is chosen on."""
    return replace(_candidate(configuration, *CHOSEN, seed), strategy=recipe.NAME)


def constant_weights(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs by which the constant weight of all three tasks is tuned, on the samples for choices.

    The number of seeds does not count: these are others.
    """
    return [
        Run(EMBEDDING, "multi-task", ALL, Constant(gamma), seed, profile.configuration)
        for seed in CHOSEN_ON
        for gamma in GAMMAS
    ]


def elsewhere(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs of the recipe and of single-task learning on what it was not chosen on."""
    return [
        run
        for seed in range(seeds)
        for data, (train, test) in ELSEWHERE.items()
        if seed < MOST.get(data, seeds)
        for configuration in [
            replace(profile.configuration, data=data, data_version=sources.find(data).version, train=train, test=test)
        ]
        for run in (
            Run(EMBEDDING, "single", (), SINGLE_TASK, seed, configuration),
            _recipe_on(data, configuration, seed),
        )
    ]


def _recipe_on(data: str, configuration: Configuration, seed: int) -> Run:
    """Return the recipe's run; related texts are pooled where they have the task's own classes."""
    names = (f"polarity{POOLED}" if data in OF_SENTIMENT else "polarity", recipe.TEACHER)
    return Run(EMBEDDING, recipe.NAME, names, recipe.schedule(configuration.epochs), seed, configuration)


def candidates(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs among which the recipe is chosen: sets of tasks × schedules × encoders, on two samples.

    The number of seeds does not count: these are others.
    """
    found = [
        (auxiliaries, way, encoder)
        for encoder in ENCODERS
        for auxiliaries in TASKS
        for way in (TRIED if auxiliaries else ["single"])
    ]
    return [_candidate(profile.configuration, *one, seed) for seed in CHOSEN_ON for one in found]


# What differs from the profile with the encoders that are tried: a bag of words has few parameters and bears a higher
# learning rate.
ENCODERS: dict[str, Mapping[str, float | str]] = {
    "bilstm": {},
    "bag": {"encoder": "bag", "readout": "mean", "learning_rate": 3e-3},
}
TASKS: tuple[tuple[str, ...], ...] = (
    (),
    ("pseudo-labels-pooled",),
    ("polarity-pooled", "pseudo-labels-pooled"),
    ("voted-labels-pooled",),
    ("polarity-pooled", "voted-labels-pooled"),
    ("polarity", "lexicon", "pseudo-labels-pooled"),
    ALL,
)
TRIED = ("multi-task", "Diminish", "Switch", "post-training", "linear to 0")
CHOSEN = (("polarity-pooled", recipe.TEACHER), recipe.WAY, "bilstm")  # the best, see `report.paying.choice`


def _candidate(configuration: Configuration, auxiliaries: tuple[str, ...], way: str, encoder: str, seed: int) -> Run:
    settings = replace(configuration, **ENCODERS[encoder])  # type: ignore[arg-type]
    schedule: Schedule = WAYS[way](settings.epochs) if auxiliaries else SINGLE_TASK
    return Run(EMBEDDING, way, auxiliaries, schedule, seed, settings)
