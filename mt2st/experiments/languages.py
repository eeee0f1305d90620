"""Does English help Spanish with few labels? Names, what links the words of both languages, and ending on one task.

A few hundred Spanish sentences have their names tagged. Beside them stand English sentences with names
(`uner-ewt`), UPDATE 1 on a bilingual lexicon, and skip-gram on text in which both languages are mixed. Vectors are
trained on the text of both languages, without a link between them but words that both spell alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mt2st.experiments.crossing import CROSSINGS
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Run
from mt2st.experiments.strategies import SINGLE, STAYING, WAYS
from mt2st.schedules import SINGLE_TASK

PROFILE, EMBEDDING = "names-crossing", "SkipGram"
UNTOUCHED = "before training"
COMPARED = (STAYING, "Switch")
SPANISH, ENGLISH, SENTENCES = "conll2002-esp", "uner-ewt", 300
AUXILIARIES: Mapping[str, tuple[str, ...]] = {  # by name for readers
    "English names": (ENGLISH,),
    "translations": ("translations",),
    "mixed skip-gram": ("skip-gram-mixed",),
    "English names, translations": (ENGLISH, "translations"),
}


def needs(profile: Profile) -> tuple[str, ...]:
    """Return the data sets that a profile needs."""
    return (SPANISH, ENGLISH, "en-es") if profile.name == PROFILE else ()


def plan(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs, seed by seed; none for a profile without two languages."""
    return [run for seed in range(seeds) for run in _of_seed(profile, seed)] if profile.name == PROFILE else []


def _of_seed(profile: Profile, seed: int) -> Iterator[Run]:
    of_crossing = CROSSINGS[PROFILE].conditions(profile, SENTENCES)
    configuration = replace(of_crossing, vocabulary=(SPANISH, ENGLISH), evaluate_translation=True)
    alone = Run(EMBEDDING, SINGLE, (), SINGLE_TASK, seed, configuration)
    yield replace(alone, strategy=UNTOUCHED, configuration=replace(configuration, epochs=0))
    yield alone
    for auxiliaries in AUXILIARIES.values():
        for way in COMPARED:
            yield replace(alone, strategy=way, auxiliaries=auxiliaries, schedule=WAYS[way](configuration.epochs))
