"""Do auxiliary gradients agree with the primary one, and does it pay to mend what conflicts? Profile imdb-semi.

Every aggregator of gradients and every balance of losses on the three tasks of `paying.ALL` with weight 1 to the end,
and further sets of tasks whose gradients are summed. Single-task learning beside them is that of `paying`.
"""

from dataclasses import replace

from mt2st.balancing import SCALARIZERS
from mt2st.experiments.paying import ALL, EMBEDDING, SEEDS
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Run
from mt2st.experiments.strategies import UPDATES, WAYS
from mt2st.gradients import AGGREGATORS, TORCHJD

WAY, SUM = "multi-task", "sum"
OWN_HEADS = ("polarity", "lexicon", "pseudo-labels", "autoencoder")
MEASURED = (ALL, OWN_HEADS, UPDATES)  # sets of tasks whose gradients are measured while they are summed


def plan(profile: Profile, seeds: int) -> list[Run]:
    """Return the runs, seed by seed, five seeds at most."""
    changes = [
        *((ALL, {"aggregator": name}) for name in (*AGGREGATORS, *TORCHJD)),
        *((ALL, {"balance": name}) for name in SCALARIZERS),
        *((tasks, {"aggregator": SUM}) for tasks in MEASURED if tasks != ALL),
    ]
    schedule = WAYS[WAY](profile.configuration.epochs)
    return [
        Run(EMBEDDING, WAY, tasks, schedule, seed, replace(profile.configuration, **change))  # type: ignore[arg-type]
        for seed in range(min(seeds, SEEDS))
        for tasks, change in changes
    ]
