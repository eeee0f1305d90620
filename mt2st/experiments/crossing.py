"""Does it depend on the number of labels whether auxiliary tasks pay, and ending on one does?

Weller et al. (2022) find joint training better where the target is smaller than the auxiliary set, one after the other
where it is larger. All ways have the same number of epochs; the auxiliary task first leaves the primary one fewer of
them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf

from mt2st.experiments import recipe
from mt2st.experiments.auxiliaries import POOLED
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Run
from mt2st.experiments.selfmade import PSEUDO_TAGS
from mt2st.experiments.strategies import SINGLE, STAYING, WAYS
from mt2st.schedules import SINGLE_TASK

EMBEDDING = "SkipGram"
COMPARED = (STAYING, "Switch", "auxiliary tasks first", "post-training")
PSEUDO_TAGS_POOLED = f"{PSEUDO_TAGS}{POOLED}"
LARGEST_VALIDATION = 750  # reviews


@dataclass(frozen=True)
class Crossing:
    """One task with few labels to many, beside an auxiliary one of one size.

    Args:
        auxiliary: its name.
        epochs: by number of labels; more labels need fewer.
        unit: what is counted, for readers.
        sized: the conditions with so many labels. Examples to validate are a quarter as many.
        needs: data sets.
        large: labels from which on there are no more than `SEEDS` seeds, as runs take long.
        score: what is compared in test, one of `SCORES`.
        recipe: auxiliary tasks of the `recipe`, which are weighed as it says; none where there is no text without
            labels for its teacher. Unlike the ways it lets the head of the primary task answer what has the same
            classes.
        chosen: on what the recipe was chosen, for readers.
    """

    auxiliary: str
    epochs: Mapping[int, int]
    unit: str
    sized: Callable[[Configuration, int], Configuration]
    needs: tuple[str, ...] = ()
    large: float = inf
    score: str = "accuracy"
    recipe: tuple[str, ...] = ()
    chosen: str = "on film reviews and not tuned here"

    def conditions(self, profile: Profile, size: int) -> Configuration:
        """Return the profile's configuration with so many labels, and the epochs that these have."""
        return replace(self.sized(profile.configuration, size), epochs=self.epochs[size])


SEEDS = 5
SCORES = {"accuracy": "accuracy", "span_f1": "F1 of names"}  # as recorded, and for readers


def _texts(configuration: Configuration, size: int) -> Configuration:
    return replace(configuration, train=size, validation=min(size // 4, LARGEST_VALIDATION))


def _tagged(configuration: Configuration, size: int) -> Configuration:
    return replace(configuration, sentences=size)


CROSSINGS = {  # by profile
    "imdb-crossing": Crossing(
        "polarity", {200: 40, 600: 25, 2_000: 15, 5_000: 8, 20_000: 4}, "labelled reviews", _texts,
        ("imdb-crossing", "sentence_polarity", "stopwords"), large=5_000,
    ),
    "imdb-semi": Crossing(
        "polarity", {200: 40, 600: 25, 2_000: 15}, "labelled reviews", _texts,
        ("imdb-semi", "sentence_polarity", "stopwords"), large=200, recipe=(f"polarity{POOLED}", recipe.TEACHER),
        chosen="on other reviews, with 600 labels",
    ),
    "pos-crossing": Crossing(
        "conll2000", {100: 60, 300: 40, 1_000: 25, 3_000: 12, 10_000: 6}, "tagged sentences", _tagged,
        ("ud-ewt", "conll2000"), recipe=("conll2000", PSEUDO_TAGS_POOLED),
    ),
    "names-crossing": Crossing(
        "conll2002-ned", {100: 60, 300: 40, 1_000: 25, 3_000: 12}, "tagged Spanish sentences", _tagged,
        ("conll2002-esp", "conll2002-ned"), score="span_f1",
        recipe=(f"conll2002-ned{POOLED}", PSEUDO_TAGS_POOLED),
    ),
    "digits": Crossing(
        "image", {100: 160, 200: 120, 400: 80, 600: 60}, "labelled pairs of a word and an image", _texts
    ),
    "wiki": Crossing("hyperlink", {25: 60, 60: 40, 125: 30, 250: 25}, "labelled sentences of each class", _texts),
}  # fmt: skip


def needs(profile: Profile) -> tuple[str, ...]:
    """Return the data sets that a profile's crossing needs."""
    return CROSSINGS[profile.name].needs if profile.name in CROSSINGS else ()


def plan(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs of every way with every number of labels, seed by seed; none for a profile without a crossing."""
    crossing = CROSSINGS.get(profile.name)
    if not crossing:
        return []
    return [
        run
        for seed in range(seeds)
        for size in crossing.epochs
        if size < crossing.large or seed < SEEDS
        for run in _of_size(crossing, profile, seed, size)
    ]


def labels(run: Run) -> int:
    """Number of labels of a run, in the unit of its crossing."""
    return run.configuration.sentences or run.configuration.train


def _of_size(crossing: Crossing, profile: Profile, seed: int, size: int) -> list[Run]:
    configuration = crossing.conditions(profile, size)
    epochs = configuration.epochs
    alone = Run(EMBEDDING, SINGLE, (), SINGLE_TASK, seed, configuration)
    joint = replace(alone, auxiliaries=(crossing.auxiliary,))
    runs = [alone, *(replace(joint, strategy=way, schedule=WAYS[way](epochs)) for way in COMPARED)]
    if crossing.recipe:
        runs.append(replace(alone, strategy=recipe.NAME, auxiliaries=crossing.recipe, schedule=recipe.schedule(epochs)))
    return runs
