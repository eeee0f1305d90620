"""The experiments, one row each: which runs feed which notebooks, tables and figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mt2st.data.files.errors import MissingData
from mt2st.data.vectors import EMBEDDINGS, GLOVE, find_glove
from mt2st.experiments import agreement, crossing, languages, paying, released, samplings, sharing, strategies, tuning
from mt2st.experiments.auxiliaries import NOISE, SHUFFLED
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Configuration, Run
from mt2st.experiments.strategies import ORIGINAL, UPDATES
from mt2st.models import ENCODERS
from mt2st.schedules import SINGLE_TASK, Constant, DiminishUntil, Schedule

PAPER_HIDDEN = 256
PAPER_SAMPLE_SEEDS = 3  # ways to split the paper's own sample: more would use the same reviews again
WALKED = "CBOW"  # embedding on which the walk from "original" to "update" is taken, step by step
ELSEWHERE = "SkipGram"  # embedding whose tables are scored on other tasks
ELSEWHERE_VERSION = 2  # of these scores; raise when they change
SCHEDULED = "update1"  # auxiliary task of the grid of schedules
ETAS, SWITCHES = (0.0, 0.1, 0.3, 1.0), 5  # of that grid: decay rates, and how many T_switch, the last one never reached
SCHEDULE_SEEDS = 5
PAYING_NEEDS = ("imdb-semi", "sentence_polarity", "opinion-lexicon", "stopwords")
LONGER = 30  # epochs of the control "single task, equal time": more time than any arm needs for its 25


def plan(
    profile: Profile,
    strategy: str,
    embedding: str,
    seeds: int,
    settings: Sequence[str] = (),
    schedule: Schedule | None = None,
) -> list[Run]:
    """Return the runs of one strategy on one embedding: its settings × seeds 0, 1, …

    `settings` replace the strategy's own and `schedule` its schedule. Raises ValueError on an unknown strategy or
    embedding and MissingData where the embedding needs a file that is not here.
    """
    row = strategies.find(strategy)
    if embedding not in EMBEDDINGS:
        raise ValueError(f"unknown embedding {embedding!r}; known: {', '.join(EMBEDDINGS)}")
    return [
        Run(
            embedding=embedding,
            vectors=vectors_of(embedding),
            strategy=strategy,
            auxiliaries=() if setting == ORIGINAL else (setting,),
            schedule=schedule or row.schedule(profile.configuration.epochs),
            seed=seed,
            configuration=tuning.configuration(profile, strategy, setting),
        )
        for setting in settings or row.settings
        for seed in range(seeds)
    ]


def vectors_of(embedding: str) -> str:
    """Name of the file of pretrained vectors that an embedding needs; raises MissingData where it is not here."""
    return find_glove().name if embedding == GLOVE else ""


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


def grid(profile: Profile, seeds: int) -> list[Run]:
    """All runs of Tables I–III whose vectors are here: every arm for each embedding and seed."""
    return [
        run
        for embedding in available(profile)
        for strategy in strategies.STRATEGIES
        for run in plan(profile, strategy, embedding, seeds)
    ]


def controls(profile: Profile, seeds: int) -> list[Run]:
    """What else could explain a gain, on the first embedding and with the settings of the arm it stands beside.

    For each UPDATE loss in multi-task learning: the same loss on shuffled lexicon rows, noise of the same norm in place
    of its gradient, and a constant weight chosen in trials. For single-task learning: more epochs.
    """
    embedding = profile.embeddings[0]
    multi_task = [
        replace(run, auxiliaries=(name,))
        for setting in UPDATES
        for name, schedule in [
            (f"{setting}{SHUFFLED}", Constant(1.0)),
            (f"{setting}{NOISE}", Constant(1.0)),
            (setting, Constant(tuning.gamma(profile, setting))),
        ]
        for run in plan(profile, "mtl", embedding, seeds, [setting], schedule)
    ]
    longer = [
        replace(run, configuration=replace(run.configuration, epochs=LONGER))
        for run in plan(profile, "single", embedding, seeds)
    ]
    return multi_task + longer


def paper_sample(profile: Profile, seeds: int) -> list[Run]:
    """Every arm on the first embedding and the paper's own 1,000 reviews, split in three ways at most.

    None where the profile has another task.
    """
    if not profile.paper_sample:
        return []
    return [
        replace(run, configuration=replace(run.configuration, data=profile.paper_sample))
        for strategy in strategies.STRATEGIES
        for run in plan(profile, strategy, profile.embeddings[0], min(seeds, PAPER_SAMPLE_SEEDS))
    ]


def matched(profile: Profile, seeds: int) -> list[Run]:
    """Every other arm on the first embedding with the settings of single-task learning, where its own are others."""
    settings = tuning.configuration(profile, "single", ORIGINAL)
    runs = [run for name in strategies.STRATEGIES for run in plan(profile, name, profile.embeddings[0], seeds)]
    return [replace(run, configuration=settings) for run in runs if run.configuration != settings]


def schedule_grid(profile: Profile, seeds: int) -> list[Run]:
    """One UPDATE loss whose weight decays at rate η up to T_switch, for a grid of both; T_switch = 0 is single-task.

    On the first embedding, with five seeds at most and the settings of the profile for every cell, so that nothing but
    the schedule differs. Where the weight falls below ε before T_switch, cells with a later one are the same training.
    """
    epochs = profile.configuration.epochs
    ends = [k * epochs // SWITCHES for k in range(1, SWITCHES + 1)]
    schedules = [DiminishUntil(0, eta=0.0), *(DiminishUntil(end, eta=eta) for eta in ETAS for end in ends)]
    return [
        Run(profile.embeddings[0], "diminish", (SCHEDULED,), schedule, seed, profile.configuration)
        for schedule in schedules
        for seed in range(min(seeds, SCHEDULE_SEEDS))
    ]


def transitions(profile: Profile, seeds: int) -> list[Run]:
    """Switch as it is, and eased in the ways that the paper names: each alone, and all.

    On the first embedding with all four UPDATE losses, with the settings of the profile, so that nothing but the
    transition differs. What has a layer of its own for the task has it from the beginning, where it changes nothing.
    """
    configuration = profile.configuration
    return [
        Run(
            profile.embeddings[0], "switch", UPDATES, schedule, seed,
            replace(configuration, own_layers=schedule.own_layers),
        )
        for seed in range(seeds)
        for schedule in strategies.transitions(int(0.6 * configuration.epochs)).values()
    ]  # fmt: skip


def readouts(profile: Profile, seeds: int) -> list[Run]:
    """Single-task learning with every encoder and readout but those of the grid."""
    runs = plan(profile, "single", ELSEWHERE, seeds)
    ways = [(name, readout) for name, encoder in ENCODERS.items() for readout in encoder.READOUTS]
    default = profile.configuration.encoder, ENCODERS[profile.configuration.encoder].READOUTS[0]
    return [
        replace(run, configuration=replace(run.configuration, encoder=name, readout=readout))
        for name, readout in ways
        if (name, readout) != default
        for run in runs
    ]


def downstream(profile: Profile, seeds: int) -> list[Run]:
    """Learned tables of SkipGram to be scored on other tasks: untouched, single-task and each strategy.

    Untouched CBOW vectors of 600 reviews do worse than random ones, SkipGram's do better: only these can lose or gain.
    Every strategy has all four UPDATE losses at once and all arms the same settings, those of the profile. On the
    paper's task the tables are learned from its own sample, split by each seed; reviews to score them on stand apart.
    """
    data = profile.paper_sample or profile.configuration.data
    configuration = replace(profile.configuration, data=data, evaluate_table=ELSEWHERE_VERSION)
    untouched = ("single", (), SINGLE_TASK, replace(configuration, epochs=0))
    arms: list[tuple[str, tuple[str, ...], Schedule, Configuration]] = [untouched]
    for row in strategies.STRATEGIES.values():
        names = () if row.settings == (ORIGINAL,) else UPDATES
        arms.append((row.name, names, row.schedule(configuration.epochs), configuration))
    return [
        Run(ELSEWHERE, strategy, names, schedule, seed, conditions)
        for seed in range(seeds)
        for strategy, names, schedule, conditions in arms
    ]


def as_released(profile: Profile, seeds: int) -> list[Run]:
    """Protocol `released` at the paper's hidden size: "original" and "update" on every embedding, and more on one.

    On `WALKED` every step between them is taken, and those beyond that neither of the paper's arms has. Its update
    cells are run with their terms as well, for one seed: that shows what holds for the others, that they train alike.
    """
    conditions = replace(profile.configuration, hidden=PAPER_HIDDEN)
    ends = [released.plan(conditions, e, vectors_of(e), seeds, released.ENDS) for e in available(profile)]
    steps = released.plan(conditions, WALKED, vectors_of(WALKED), seeds, released.STEPS)
    cells = released.cells(conditions, WALKED, seed=0)
    return list(dict.fromkeys([*(run for of_embedding in ends for run in of_embedding), *steps, *cells.values()]))


def pairs(profile: Profile, seeds: int) -> list[Run]:
    """The profile's study of pairs of tasks on the corpora that are here, seed by seed."""
    study = profile.study.at_hand() if profile.study else None
    return [run for seed in range(seeds) for run in study.plan(seed)] if study else []


def _needing(*names: str) -> Callable[[Profile], tuple[str, ...]]:
    """Return what says that an experiment needs these data sets, whatever the profile."""
    return lambda profile: names


@dataclass(frozen=True)
class Experiment:
    """Runs with a purpose: the notebooks that show them, how they are planned, and the data sets they need."""

    name: str
    notebooks: tuple[str, ...]
    plan: Callable[[Profile, int], list[Run]]
    needs: Callable[[Profile], tuple[str, ...]] = lambda profile: ()


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("grid", ("01", "02", "03", "04", "05", "06", "07", "start"), grid),
        Experiment("released", ("06", "start"), as_released, _needing("wordsim")),
        Experiment("control", ("06",), controls),
        Experiment("matched", ("06",), matched),
        Experiment("transition", ("06",), transitions),
        Experiment("readout", ("06",), readouts),
        Experiment("paper-sample", ("06",), paper_sample),
        Experiment(
            "downstream",
            ("08",),
            downstream,
            _needing("ud-ewt", "treebank", "uner-ewt", "wnut-17", "sentence_polarity", "wordsim"),
        ),
        Experiment("schedule-grid", ("start",), schedule_grid),
        Experiment("pairs", ("10",), pairs),
        Experiment("paying", ("11",), paying.arms, _needing(*PAYING_NEEDS, "imdb-full")),  # with the stars
        Experiment("candidates", ("11",), paying.candidates, _needing(*PAYING_NEEDS)),
        Experiment("constant-weights", ("11",), paying.constant_weights, _needing(*PAYING_NEEDS)),
        Experiment("elsewhere", ("11",), paying.elsewhere, _needing(*PAYING_NEEDS, "movie_reviews", "subjectivity")),
        Experiment("agreement", ("13",), agreement.plan, _needing(*PAYING_NEEDS)),
        Experiment("sampling", ("14",), samplings.plan, samplings.needs),
        Experiment("sharing", ("15",), sharing.plan, samplings.needs),
        Experiment("crossing", ("12", "16"), crossing.plan, crossing.needs),
        Experiment("languages", ("16",), languages.plan, languages.needs),
    )
}


def of_notebooks(profile: Profile, chosen: Sequence[str]) -> list[Experiment]:
    """Return the experiments of a profile that some notebooks show."""
    shown = set(chosen) & set(profile.notebooks)
    return [experiment for experiment in EXPERIMENTS.values() if shown & set(experiment.notebooks)]
