"""The experiments as data: which runs feed which notebook, table and figure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mt2st.data.files.errors import MissingData
from mt2st.data.vectors import EMBEDDINGS, GLOVE, find_glove
from mt2st.experiments import released, tuning
from mt2st.experiments.auxiliaries import UPDATES
from mt2st.experiments.profiles import ORIGINAL, STRATEGIES, Profile
from mt2st.experiments.runs import Run
from mt2st.schedules import SINGLE_TASK, Constant, Schedule

SETTINGS = (ORIGINAL, *UPDATES)
TABLES = {1: "mtl", 2: "diminish", 3: "switch"}  # Tables I–III
PAPER_HIDDEN, PAPER_HIDDEN_SEEDS = 256, 3
WALKED = ("CBOW",)  # embeddings on which the walk from "original" to "update" is decomposed
ELSEWHERE = "SkipGram"  # embedding whose tables are scored on other tasks
LONGER = 30  # epochs of the control "single task, equal time": more time than any arm needs for its 25


@dataclass(frozen=True)
class Group:
    """A notebook of the paper's experiments: the strategy it trains, and the runs it only shows for comparison."""

    notebook: str
    strategy: str

    @property
    def number(self) -> str:
        """Number of the notebook."""
        return self.notebook[:2]


GROUPS = (
    Group("01_single_task", "single"),
    Group("02_multi_task", "mtl"),
    Group("03_diminish", "diminish"),
    Group("04_switch", "switch"),
)


def plan(
    profile: Profile,
    strategy: str,
    embedding: str,
    seeds: int,
    settings: Sequence[str] = UPDATES,
    schedule: Schedule | None = None,
) -> list[Run]:
    """Return the runs of one strategy on one embedding: `settings` × seeds 0, 1, … (single-task: seeds alone).

    `schedule` replaces the profile's. Raises ValueError on an unknown strategy or embedding and MissingData where the
    embedding needs a file that is not here.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown strategy {strategy!r}; known: {', '.join(STRATEGIES)}")
    if embedding not in EMBEDDINGS:
        raise ValueError(f"unknown embedding {embedding!r}; known: {', '.join(EMBEDDINGS)}")
    arms: Iterable[tuple[str, ...]] = [()] if strategy == "single" else [(name,) for name in settings]
    return [
        Run(
            embedding=embedding,
            vectors=vectors_of(embedding),
            strategy=strategy,
            auxiliaries=auxiliaries,
            schedule=schedule or profile.schedules[strategy],
            seed=seed,
            configuration=tuning.configuration(profile, strategy, auxiliaries[0] if auxiliaries else ORIGINAL),
        )
        for auxiliaries in arms
        for seed in range(seeds)
    ]


def vectors_of(embedding: str) -> str:
    """Name of the file of pretrained vectors that an embedding needs; raises MissingData where it is not here."""
    return find_glove().name if embedding == GLOVE else ""


def grid(profile: Profile, seeds: int) -> list[Run]:
    """All runs of Tables I–III whose vectors are here: 13 arms for each embedding and seed."""
    return [
        run
        for embedding in available(profile)
        for strategy in STRATEGIES
        for run in plan(profile, strategy, embedding, seeds)
    ]


def available(profile: Profile) -> list[str]:
    """Embeddings of a profile whose vectors are here or can be trained here."""
    found = []
    for embedding in profile.embeddings:
        try:
            vectors_of(embedding)
        except MissingData:
            continue
        found.append(embedding)
    return found


def controls(profile: Profile, seeds: int) -> list[Run]:
    """What else could explain a gain, on the first embedding and with the settings of the arm it stands beside.

    For each UPDATE loss in multi-task learning: the same loss on shuffled lexicon rows, noise of the same norm in place
    of its gradient, and a constant weight chosen in trials. For single-task learning: more epochs.
    """
    embedding = profile.embeddings[0]
    multi_task = [
        run
        for setting in UPDATES
        for names, schedule in [
            ((f"{setting}-shuffled",), Constant(1.0)),
            ((f"{setting}-noise",), Constant(1.0)),
            ((setting,), Constant(tuning.gamma(profile, setting))),
        ]
        for run in plan(profile, "mtl", embedding, seeds, [setting], schedule)
        for run in [replace(run, auxiliaries=names)]
    ]
    longer = [
        replace(run, configuration=replace(run.configuration, epochs=LONGER))
        for run in plan(profile, "single", embedding, seeds)
    ]
    return multi_task + longer


def paper_size(profile: Profile, seeds: int) -> list[Run]:
    """The GloVe rows of Tables I–III at the paper's hidden size, three seeds at most; none where GloVe is not here."""
    if GLOVE not in available(profile):
        return []
    return [
        replace(run, configuration=replace(run.configuration, hidden=PAPER_HIDDEN))
        for strategy in STRATEGIES
        for run in plan(profile, strategy, GLOVE, min(seeds, PAPER_HIDDEN_SEEDS))
    ]


def downstream(profile: Profile, seeds: int) -> list[Run]:
    """Learned tables of SkipGram to be scored on other tasks: untouched, single-task and each strategy.

    Untouched CBOW vectors of 600 reviews do worse than random ones, SkipGram's do better: only these can lose or gain.
    Every strategy has all four UPDATE losses at once and all arms the same settings, those of the profile.
    """
    configuration = replace(profile.configuration, evaluate_table=True)
    untouched = replace(configuration, epochs=0)
    return [
        Run(ELSEWHERE, strategy, names, schedule, seed, conditions)
        for seed in range(seeds)
        for strategy, names, schedule, conditions in [
            ("single", (), SINGLE_TASK, untouched),
            *((s, () if s == "single" else UPDATES, profile.schedules[s], configuration) for s in STRATEGIES),
        ]
    ]


def as_released(profile: Profile, seeds: int) -> list[Run]:
    """Protocol `released`: "original" and "update" on every embedding that is here, the walk between them on one.

    GloVe has both at the paper's hidden size too. The update cells of the first embedding are run with their terms, for
    one seed: that shows what holds for the others, that they train alike.
    """
    planned = []
    for embedding in available(profile):
        steps = released.STEPS if embedding in WALKED else (released.ORIGINAL, released.UPDATE)
        planned += released.plan(profile.configuration, embedding, vectors_of(embedding), seeds, steps)
    planned += dict.fromkeys(released.cells(profile.configuration, profile.embeddings[0], seed=0).values())
    if GLOVE in available(profile):
        large = replace(profile.configuration, hidden=PAPER_HIDDEN)
        both = released.ORIGINAL, released.UPDATE
        planned += released.plan(large, GLOVE, vectors_of(GLOVE), min(seeds, PAPER_HIDDEN_SEEDS), both)
    return planned


@dataclass(frozen=True)
class Experiment:
    """Runs beside the grid: the notebook that shows them, how they are planned, and the data sets they need."""

    notebook: str
    plan: Callable[[Profile, int], list[Run]]
    needs: tuple[str, ...] = ()


FURTHER: Mapping[str, Experiment] = {
    "released": Experiment("06", as_released, ("wordsim",)),
    "control": Experiment("06", controls),
    "downstream": Experiment(
        "08", downstream, ("ud-ewt", "treebank", "uner-ewt", "wnut-17", "sentence_polarity", "wordsim")
    ),
    "paper-size": Experiment("06", paper_size),
}
