"""The strategies, one row each: all plans, tables, figures, help texts and notebooks read this list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan

from mt2st.schedules import (
    SINGLE_TASK,
    AuxiliaryFirst,
    Constant,
    Diminish,
    FeedbackDiminish,
    FeedbackSwitch,
    Floor,
    Linear,
    PostTraining,
    Schedule,
    Slopes,
    Switch,
    Transition,
)

ORIGINAL = "original"  # the paper's name for training without auxiliary task
SINGLE, STAYING = "single-task", "multi-task"  # labels of one task alone, and of all of them to the end
UPDATES = ("update0", "update1", "update2", "update3")  # the paper's auxiliary tasks


@dataclass(frozen=True)
class Strategy:
    """How auxiliary tasks are weighed over a run, and how the strategy is named and drawn.

    Args:
        name: in commands, plans and records.
        label: for readers.
        build: the schedule from its parameters.
        defaults: the parameters for a run of so many epochs.
        colour, linestyle: in figures.
        notebook: that trains it; "" where none does.
        table: number of the paper's table with its results; 0 for none.
        paper_accuracy: the test accuracy that the paper claims for it; NaN for none.
        settings: the auxiliary tasks it is run with, one at a time; "original" for none.
    """

    name: str
    label: str
    build: Callable[..., Schedule]
    defaults: Callable[[int], Mapping[str, float]]
    colour: str
    linestyle: str = "-"
    notebook: str = ""
    table: int = 0
    paper_accuracy: float = nan
    settings: tuple[str, ...] = UPDATES

    def schedule(self, epochs: int, **parameters: float) -> Schedule:
        """Return the schedule for a run of `epochs`, with some parameters other than the defaults.

        Raises ValueError for a parameter that this strategy does not have.
        """
        known = self.defaults(epochs)
        if unknown := parameters.keys() - known.keys():
            raise ValueError(f"strategy {self.name} has no {', '.join(sorted(unknown))}; it has: {', '.join(known)}")
        return self.build(**{**known, **parameters})


# What the parameters of the schedules do, for help texts.
PARAMETERS = {
    "gamma0": "weight of the auxiliary tasks in the beginning; the primary task's is 1",
    "eta": "how fast the weight decays, γ(t) = γ0·exp(−η·t^ν) in epoch t: 0 never, 0.3 to 0.74 after one epoch",
    "nu": "how the decay bends: 1 exponential, above 1 slow first and then fast, below 1 fast first and then slow",
    "t_switch": "epoch from which on the primary task is trained alone",
}

# Auxiliary training ends at the same time: the weight of Diminish falls below ε = 0.01 after 61% of the epochs (in
# epoch 16 of 25, with η = 0.3), and Switch stops after 60% (15 of 25, as in the paper's released code). The paper gives
# no η and ν. It gives no accuracy for "original" in its text either: 48.2% is the mean of Table I's five rows.
STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy(
            "single", SINGLE, lambda: SINGLE_TASK, lambda epochs: {}, "#222222", notebook="01_single_task",
            paper_accuracy=0.482, settings=(ORIGINAL,),
        ),
        Strategy(
            "mtl", STAYING, lambda gamma0: Constant(gamma0), lambda epochs: {"gamma0": 1.0}, "#de8f05", "--",
            notebook="02_multi_task", table=1, paper_accuracy=0.68,
        ),
        Strategy(
            "diminish", "Diminish", Diminish, lambda epochs: {"gamma0": 1.0, "eta": 7.5 / epochs, "nu": 1.0},
            "#029e73", "-.", notebook="03_diminish", table=2, paper_accuracy=0.71,
        ),
        Strategy(
            "switch", "Switch", lambda t_switch, gamma0: Switch(t_switch, gamma0),
            lambda epochs: {"t_switch": int(0.6 * epochs), "gamma0": 1.0}, "#0173b2", ":",
            notebook="04_switch", table=3, paper_accuracy=0.77,
        ),
    )
}  # fmt: skip

# Every way to weigh auxiliary tasks over a run, by its name for readers: the schedule for a run of so many epochs.
WAYS: dict[str, Callable[[int], Schedule]] = {
    **{row.label: row.schedule for row in STRATEGIES.values() if row.name != "single"},
    "auxiliary tasks first": lambda epochs: AuxiliaryFirst(int(0.6 * epochs)),
    "post-training": lambda epochs: PostTraining(int(0.6 * epochs)),
    "linear to 0": lambda epochs: Linear(0.6 * epochs),
    "from 1 to a floor of 0.1": lambda epochs: Floor(0.6 * epochs, 1.0, 0.1),
    "Diminish by validation": lambda epochs: FeedbackDiminish(eta=7.5 / epochs),
    "Switch by validation": lambda epochs: FeedbackSwitch(patience=max(1, epochs // 8)),
    "tasks by slopes": lambda epochs: Slopes(epochs // 10, max(epochs // 10 + 2, int(0.3 * epochs))),
}


AS_IT_IS = "Switch"
LOWER_RATE, FROZEN = 0.3, 0.5  # factor on the learning rate, share of the dimensions; neither was tuned


def transitions(t_switch: int) -> dict[str, Transition]:
    """Switch at an epoch, and the ways that the paper names to ease it, by name for readers."""
    return {
        AS_IT_IS: Transition(t_switch),
        f"{LOWER_RATE:g} times the learning rate": Transition(t_switch, learning_rate=LOWER_RATE),
        f"{FROZEN:.0%} of the dimensions frozen": Transition(t_switch, freeze=FROZEN),
        "a layer of the task's own": Transition(t_switch, own_layers=True),
        "all three": Transition(t_switch, learning_rate=LOWER_RATE, freeze=FROZEN, own_layers=True),
    }


def find(name: str) -> Strategy:
    """Return a strategy by name or label, in any case; raises ValueError that lists the known ones."""
    for strategy in STRATEGIES.values():
        if name.lower() in (strategy.name.lower(), strategy.label.lower()):
            return strategy
    raise ValueError(f"unknown strategy {name!r}; known: {names()}")


def names() -> str:
    """List all strategies by name, and by label where that is another."""
    rows = STRATEGIES.values()
    return ", ".join(r.name if r.name == r.label.lower() else f"{r.name} ({r.label})" for r in rows)


def label(name: str) -> str:
    """Return the name for readers of a strategy, and of anything else its own name."""
    return STRATEGIES[name].label if name in STRATEGIES else name


def arms() -> list[tuple[str, str]]:
    """Return every strategy with each of its settings: 13 arms for the paper's four."""
    return [(strategy.name, setting) for strategy in STRATEGIES.values() for setting in strategy.settings]
