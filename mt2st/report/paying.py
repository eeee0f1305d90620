"""What pays where labels are few: auxiliary tasks, ways to weigh them, and the recipe, beside linear baselines."""

from collections.abc import Sequence
from math import floor, log2
from statistics import median

import pandas as pd

from mt2st.experiments.baselines import MAJORITY
from mt2st.experiments.paying import ALL
from mt2st.experiments.recipe import NAME as RECIPE
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import SINGLE, STAYING
from mt2st.report import summary, tables, timing
from mt2st.report.summary import points
from mt2st.schedules import Constant
from mt2st.statistics import (
    NOTHING,
    as_text,
    holm,
    paired_difference,
    ratio_interval,
    resampled_difference,
)

ALL_TASKS = "all three"  # name of `ALL` for readers
PAPERS = "update1"  # the one of the paper's tasks that is among the arms
OF_ITS_OWN = ("imdb-semi",)  # data whose seeds test on reviews of their own
WEIGHT = "weight"  # column of constant weights
SHARES = (0.95, 1.0)  # of the accuracy of single-task learning, to reach


def arms(records: Sequence[Record]) -> pd.DataFrame:
    """One row an arm: test accuracy in percent, its differences in points, and its time.

    Differences are from single-task learning, and from the best linear baseline (`best_baseline`); time is that of
    training relative to single-task, a geometric mean. All paired by seed, with 95% intervals; `p` is of the exact
    sign-flip test of the difference from single-task, and p after Holm over all rows; both are NaN for an arm with one
    seed, which has no interval either. Baselines come first, then single-task learning, then arms by accuracy.
    """
    by_arm = _by_arm(records)
    alone = by_arm[SINGLE, ""]
    reference, linear = summary.score_by_seed(alone), _baselines(alone)
    best = linear[best_baseline(records)]
    rows = []
    for name, values in linear.items():
        row = {"way": name, "tasks": "", **summary.level(values), **summary.difference(values, reference)}
        rows.append({**row, **_from_baseline(values, best)})
    for (way, tasks), made in by_arm.items():
        values = summary.score_by_seed(made)
        row = {"way": way, "tasks": tasks, **summary.level(values)}
        if way != SINGLE:
            row |= summary.difference(values, reference) | timing.relative_seconds(made, alone).columns("time")
        rows.append({**row, **_from_baseline(values, best)})
    frame = pd.DataFrame(rows)
    frame["p"] = frame["p"].where(frame["difference low"].notna())  # one pair tests nothing
    frame["p after Holm"] = holm(frame["p"].to_numpy())
    rank = frame["way"].map(lambda way: 0 if way in linear else 1 if way == SINGLE else 2)
    order = frame.assign(rank=rank).sort_values(["rank", "accuracy"], ascending=[True, False], kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def best_baseline(records: Sequence[Record]) -> str:
    """Return the linear baseline that is best in test, which is to its advantage."""
    linear = _baselines(_by_arm(records)[SINGLE, ""])
    return max(linear, key=lambda name: linear[name].mean())


def endings(records: Sequence[Record]) -> pd.DataFrame:
    """Does it pay to end on one task? Every way with all three tasks against staying with them, paired by seed."""
    by_arm = {way: made for (way, tasks), made in _by_arm(records).items() if tasks == ALL_TASKS and way != RECIPE}
    values = {way: summary.score_by_seed(made) for way, made in by_arm.items()}
    frame = summary.compared(values, STAYING, "way")
    return frame.sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)


def times(records: Sequence[Record]) -> pd.DataFrame:
    """How soon does an arm have the accuracy of single-task learning? One row a share of it and an arm of every seed.

    The accuracy is single-task learning's best mean over seeds in validation (`timing.best_mean`), seconds are the
    processor's for the training itself, to the end of the first epoch that has it; a run that never does counts with
    all its seconds, and `reached` is the share of the others. Ratios to single-task learning and to staying with all
    three tasks are geometric means paired by seed, with 95% intervals.
    """
    best, rows = timing.best_mean(records), []
    for share in SHARES:
        found = timing.to_target(records, share * best)
        found = found.assign(arm=[(_way(record), _tasks(record)) for record in records])
        seconds = found.pivot_table(index="seed", columns="arm", values="seconds").dropna(axis="columns")
        for way, tasks in seconds.columns:
            row = {"share": share, "validation accuracy": 100 * share * best, "way": way, "tasks": tasks}
            row |= {"n": len(seconds), "reached": found.loc[found["arm"] == (way, tasks), "reached"].mean()}
            row["seconds"] = seconds[way, tasks].mean()
            for name, reference in (("/ single-task", (SINGLE, "")), ("/ multi-task", (STAYING, ALL_TASKS))):
                ratio = ratio_interval(seconds[way, tasks].to_numpy(), seconds[reference].to_numpy()).interval
                row |= (NOTHING if reference == (way, tasks) else ratio).columns(name)
            rows.append(row)
    return pd.DataFrame(rows).sort_values(["share", "seconds"], kind="stable", ignore_index=True)


def elsewhere(records: Sequence[Record]) -> pd.DataFrame:
    """One row a data set and way: the recipe on what it was not chosen on; accuracies in percent.

    Differences in points are from single-task learning and from the best linear baseline of the data set, which is that
    of the test set, to its advantage. Where every seed splits a data set anew (all but "imdb-semi"), their 95%
    intervals are the corrected ones of Nadeau and Bengio (2003).
    """
    rows = []
    for data in dict.fromkeys(record.run.configuration.data for record in records):
        made = [record for record in records if record.run.configuration.data == data]
        sizes = made[0].run.configuration
        share = 0.0 if data in OF_ITS_OWN else sizes.test / (sizes.train + sizes.validation)
        alone = [record for record in made if not record.run.auxiliaries]
        linear = _baselines(alone)
        values = linear | {
            SINGLE: summary.score_by_seed(alone),
            RECIPE: summary.score_by_seed(r for r in made if r.run.auxiliaries),
        }
        best = max(linear, key=lambda name: linear[name].mean())
        for way, of_way in values.items():
            row = {"data": data, "labels": sizes.train, "way": way, **summary.level(of_way)}
            for name, reference in (("from single-task", SINGLE), ("from baseline", best)):
                found = resampled_difference(of_way.to_numpy(), values[reference].to_numpy(), share)
                row |= (NOTHING if way == reference else found).columns(name)
            rows.append(row)
    return pd.DataFrame(rows)


def choice(records: Sequence[Record]) -> pd.DataFrame:
    """One row a candidate for the recipe: accuracy on each sample that it is chosen on, in percent, and their mean."""
    rows: dict[tuple[str, str, str], dict[str, float]] = {}
    for record in records:
        key = record.run.configuration.encoder, _tasks(record), _way(record)
        rows.setdefault(key, {})[f"sample {record.run.seed}"] = 100 * record.scores["accuracy"]
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.insert(0, "mean", frame.mean(axis=1))
    keys = pd.DataFrame(list(rows), columns=["encoder", "tasks", "way"], index=frame.index)
    return pd.concat([keys, frame], axis=1).sort_values("mean", ascending=False, kind="stable", ignore_index=True)


def by_weight(tried: Sequence[Record], candidates: Sequence[Record]) -> pd.DataFrame:
    """One row a constant weight of all three tasks: accuracy in percent on each sample for choices, and the mean.

    `tried` are of `paying.constant_weights`; weight 1 is that of the recipe's candidates.
    """
    settings = tried[0].run.configuration
    same = [r for r in candidates if r.run.auxiliaries == ALL and r.run.configuration == settings]
    rows: dict[float, dict[str, float]] = {}
    for record in [*tried, *(r for r in same if isinstance(r.run.schedule, Constant))]:
        assert isinstance(record.run.schedule, Constant)
        (gamma,) = record.run.schedule.weights(0).tolist()
        rows.setdefault(gamma, {})[f"sample {record.run.seed}"] = 100 * record.scores["accuracy"]
    frame = pd.DataFrame.from_dict(rows, orient="index").sort_index()
    frame.insert(0, "mean", frame.mean(axis=1))
    return frame.rename_axis(WEIGHT).reset_index()


def elsewhere_in_words(frame: pd.DataFrame) -> str:
    """Say in words what `elsewhere` shows, a line a data set."""
    lines = []
    for data, rows in frame.groupby("data", sort=False):
        recipe = rows[rows["way"] == RECIPE].iloc[0]
        best = rows[rows["from baseline"].isna()]["way"].item()
        lines.append(
            f"On {data} with {recipe['labels']:,} labels, which it was not chosen on, the recipe reaches "
            f"{_level(recipe)}% (n = {recipe['n']}), {points(recipe, 'from single-task')} points from single-task "
            f"learning and {points(recipe, 'from baseline')} from the best linear baseline, {best}."
        )
    return "\n".join(lines)


def conclusions(records: Sequence[Record]) -> str:
    """Say in words, a line each: what pays, which task alone, whether to end on one, how soon, and the recipe."""
    found, ends, soon = arms(records), endings(records), times(records)
    single = found[found["way"] == SINGLE].iloc[0]
    tried = found[(found["tasks"] != "") & found["difference low"].notna()]
    gains = tried[tried["difference low"] > 0]
    sure, compared = (gains["p after Holm"] < 0.05).sum(), found["p after Holm"].notna().sum()
    common = arms(_of_common_seeds(records))
    one = common[~common["tasks"].isin(["", ALL_TASKS]) & (common["way"] != RECIPE)]
    best, papers = one.iloc[0], one[one["tasks"] == PAPERS].iloc[0]
    together = common[(common["tasks"] == ALL_TASKS) & (common["way"] == STAYING)].iloc[0]
    beside = common[common["way"] == RECIPE].iloc[0]
    others = ends[ends["way"] != STAYING]
    better, worse = (others["difference low"] > 0).sum(), (others["difference high"] < 0).sum()
    recipe = found[found["way"] == RECIPE].iloc[0]
    ratios = soon[soon["share"] == 1].set_index(["way", "tasks"])
    switch, chosen = ratios.loc["Switch", ALL_TASKS], ratios.loc[RECIPE].iloc[0]
    reached = ratios.loc[SINGLE].iloc[0]["reached"]
    return "\n".join(
        [
            f"Single-task learning reaches {_level(single)}% (n = {single['n']:.0f}); {len(gains)} of {len(tried)} "
            f"arms with auxiliary tasks and more than one seed did better by an interval that excludes 0, {sure} of "
            f"them with p < 0.05 after Holm's correction over {compared} comparisons, which takes at least "
            f"{_seeds_for(compared)} seeds.",
            f"On the seeds that arms share (n = {best['n']:.0f}) {best['tasks']} with {best['way']} gains most of "
            f"one task alone, {points(best, 'difference')} points, all three tasks throughout "
            f"{points(together, 'difference')}, the recipe {points(beside, 'difference')}; the paper's {PAPERS} with "
            f"{papers['way']} is {points(papers, 'difference')} points from single-task learning.",
            f"Against staying with all three tasks to the end, {better} of {len(others)} other ways to weigh them did "
            f"better and {worse} did worse by intervals that exclude 0; the differences are "
            f"{others['difference'].min():+.1f} to {others['difference'].max():+.1f} points.",
            f"To the validation accuracy of single-task learning Switch with all three tasks takes "
            f"{points(switch, '/ single-task', '.2f')} times its seconds of training, the recipe "
            f"{points(chosen, '/ single-task', '.2f')} (n = {chosen['n']:.0f}; {reached:.0%} of the single-task runs "
            "get there, the others count with all their epochs; the paper, on its own task: 0.33).",
            f"The recipe reaches {_level(recipe)}% (n = {recipe['n']:.0f}), "
            f"{points(recipe, 'difference')} points from single-task learning and "
            f"{points(recipe, 'from baseline')} from the best linear baseline, {best_baseline(records)}.",
        ]
    )


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `arms` with numbers as text."""
    return pd.DataFrame(
        {
            "way": frame["way"],
            "auxiliary tasks": frame["tasks"],
            "n": frame["n"],
            "accuracy (%)": tables.intervals(frame, "accuracy"),
            "difference from single-task (points)": tables.intervals(frame, "difference", "+.1f"),
            "p after Holm": tables.texts(frame["p after Holm"], ".3f"),
            "difference from the best baseline (points)": tables.intervals(frame, "from baseline", "+.1f"),
            "time relative to single-task": tables.intervals(frame, "time", ".2f"),
        }
    )


def choice_as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `choice` or `by_weight` with numbers as text."""
    forms = {name: "g" if name == WEIGHT else ".1f" for name in frame.select_dtypes("number")}
    return frame.assign(**{name: tables.texts(frame[name], form) for name, form in forms.items()})


def _by_arm(records: Sequence[Record]) -> dict[tuple[str, str], list[Record]]:
    """Return the runs of each arm by its way and tasks."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(records, key=lambda record: record.run.seed):
        found.setdefault((_way(record), _tasks(record)), []).append(record)
    return found


def _way(record: Record) -> str:
    return SINGLE if not record.run.auxiliaries else record.run.strategy


def _tasks(record: Record) -> str:
    """Name the auxiliary tasks of a run."""
    names = record.run.auxiliaries
    return ALL_TASKS if names == ALL else " + ".join(names)


def _baselines(alone: Sequence[Record]) -> dict[str, "pd.Series[float]"]:
    """Test accuracies of the linear baselines in percent by seed, by name."""
    by_seed = pd.DataFrame({r.run.seed: r.scores["baselines"] for r in alone}).T * 100
    return {str(name): by_seed[name] for name in by_seed if name != MAJORITY}


def _from_baseline(values: "pd.Series[float]", baseline: "pd.Series[float]") -> dict[str, float]:
    if values is baseline:
        return {}
    shared = values.index.intersection(baseline.index)
    return paired_difference(values[shared].to_numpy(), baseline[shared].to_numpy()).interval.columns("from baseline")


def _of_common_seeds(records: Sequence[Record]) -> list[Record]:
    """Return the runs on which arms can be compared: of the seeds that all arms have but those with unusually few.

    Seeds differ in how hard they are, so that differences from single-task learning over other seeds do so too.
    """
    by_arm = _by_arm(records)
    seeds = {arm: {r.run.seed for r in made} for arm, made in by_arm.items()}
    usual = median(map(len, seeds.values()))
    common = set.intersection(*(of_arm for of_arm in seeds.values() if len(of_arm) >= usual))
    return [r for arm, made in by_arm.items() if common <= seeds[arm] for r in made if r.run.seed in common]


def _seeds_for(comparisons: int) -> int:
    """Fewest seeds with which an exact sign-flip test, whose smallest p is 2 / 2^n, can pass Holm's correction."""
    return floor(log2(2 * comparisons / 0.05)) + 1


def _level(row: "pd.Series[float]") -> str:
    return as_text(row["accuracy"], row["accuracy low"], row["accuracy high"])
