"""Settings chosen on validation: the same small grid of trials for every arm, the single-task arm included.

Trials train on data that no reported run sees (`Profile.trials`). Their table, `data/tuned/<profile>.csv`, has a row a
trial: what was tried, the validation accuracy reached, the seconds spent, and whether it was chosen. An arm takes the
trial with the highest validation accuracy, of equal ones that with the lowest validation loss.

Trials of γ come on top, for the control "tuned constant weight" alone. They all have the first settings of the grid,
while the control runs with those chosen for its arm: for these another γ could be better.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pandas as pd

from mt2st import paths
from mt2st.data.files.writing import replacing
from mt2st.experiments import store, strategies
from mt2st.experiments.profiles import Profile, Trials
from mt2st.experiments.runs import Configuration, Record, Run
from mt2st.experiments.strategies import ORIGINAL, UPDATES
from mt2st.schedules import Constant

TUNED = ("learning_rate", "dropout", "weight_decay")
GAMMA = "constant weight"  # the kind of trial that varies γ; the others vary TUNED
SEED = 0


def plan(profile: Profile) -> list[Run]:
    """Return all trials of a profile; none where its settings are not tuned."""
    return [run for _, run in _trials(profile)]


def _trials(profile: Profile) -> list[tuple[str, Run]]:
    """All trials with the kind of each: "settings", or `GAMMA` for those of the control "tuned constant weight"."""
    trials = profile.trials
    if trials is None:
        return []
    settings = [
        with_settings(trials.configuration, values)
        for values in product(trials.learning_rates, trials.dropouts, trials.weight_decays)
    ]
    found = [
        ("settings", _run(profile, trials, strategy, setting, configuration))
        for strategy, setting in strategies.arms()
        for configuration in settings
    ]
    return found + [
        (GAMMA, Run(trials.embedding, "mtl", (setting,), Constant(gamma), SEED, settings[0]))
        for setting in UPDATES
        for gamma in sorted({*trials.gammas, 1.0})
    ]


def choose(profile: Profile) -> pd.DataFrame:
    """Write and return the table of all trials, which are done, with the chosen one of each arm."""
    records = [(kind, store.load(run, profile.name)) for kind, run in _trials(profile)]
    table = pd.DataFrame([_row(kind, record) for kind, record in records])
    order = table.sort_values(["validation_accuracy", "validation_loss"], ascending=[False, True], kind="stable")
    table["chosen"] = False
    table.loc[order.groupby(["kind", "strategy", "setting"]).head(1).index, "chosen"] = True
    file = paths.tuned(profile.name)
    with replacing(file) as part:
        table.to_csv(part, index=False, float_format="%.6g")
    return table


def _row(kind: str, record: Record) -> dict[str, object]:
    best = record.history.loc[record.scores["best_epoch"]]
    run = record.run
    return (
        {"kind": kind, "strategy": run.strategy, "setting": run.setting}
        | {"gamma": float(run.schedule.weights(0)[0]) if run.auxiliaries else 0.0}
        | {name: getattr(run.configuration, name) for name in TUNED}
        | {"validation_accuracy": best["validation_accuracy"], "validation_loss": best["validation_loss"]}
        | {"train_seconds": record.seconds.sum()}
    )


def effort(profile: Profile) -> pd.DataFrame:
    """One row an arm: number of trials, their seconds, and the settings chosen. Empty where nothing is tuned."""
    if profile.trials is None:
        return pd.DataFrame({"trials": []})
    table = _table(profile.name)
    table = table[table["kind"] == "settings"]
    spent = table.groupby(["strategy", "setting"], sort=False)["train_seconds"].agg(trials="size", seconds="sum")
    chosen = table[table["chosen"]].set_index(["strategy", "setting"])[[*TUNED, "validation_accuracy"]]
    return spent.round().join(chosen).reset_index()


def configuration(profile: Profile, strategy: str, setting: str) -> Configuration:
    """Return a profile's configuration with the settings chosen for an arm; as it is where nothing is tuned."""
    if profile.trials is None:
        return profile.configuration
    chosen = _chosen(profile.name, "settings", strategy, setting)
    return with_settings(profile.configuration, [chosen[name] for name in TUNED])


def gamma(profile: Profile, setting: str) -> float:
    """Return the constant auxiliary weight that was best in validation."""
    return float(_chosen(profile.name, GAMMA, "mtl", setting)["gamma"])


def untuned(configuration: Configuration) -> Configuration:
    """Return a configuration without what is tuned: equal for all arms of an experiment."""
    return with_settings(configuration, (0.0, 0.0, 0.0))


def with_settings(configuration: Configuration, values: Sequence[float]) -> Configuration:
    """Return a configuration with other values of `TUNED`."""
    learning_rate, dropout, weight_decay = map(float, values)
    return replace(configuration, learning_rate=learning_rate, dropout=dropout, weight_decay=weight_decay)


def _chosen(profile: str, kind: str, strategy: str, setting: str) -> "pd.Series[float]":
    table = _table(profile)
    arm = (table["kind"] == kind) & (table["strategy"] == strategy) & (table["setting"] == setting) & table["chosen"]
    return table[arm].iloc[0]


def _run(profile: Profile, trials: Trials, strategy: str, setting: str, configuration: Configuration) -> Run:
    schedule = strategies.find(strategy).schedule(profile.configuration.epochs)
    auxiliaries = () if setting == ORIGINAL else (setting,)
    return Run(trials.embedding, strategy, auxiliaries, schedule, SEED, configuration)


def _table(profile: str) -> pd.DataFrame:
    """Read the table of trials; raises FileNotFoundError that says how to make it."""
    file = paths.find_tuned(profile)
    if not file.exists():
        raise FileNotFoundError(f"{file} is not there: make it with `mt2st reproduce --profile {profile}`")
    return pd.read_csv(file)
