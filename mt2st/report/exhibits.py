"""The exhibits, one row each: every table and figure that is made from a record. A new one needs a row and no more."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd
from matplotlib.figure import Figure

from mt2st import paths
from mt2st.experiments import runs
from mt2st.experiments.crossing import CROSSINGS
from mt2st.experiments.plans import WALKED
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES, Strategy
from mt2st.relations import gains, measures, results
from mt2st.report import (
    agreement,
    audit,
    claims,
    crossing,
    decisions,
    downstream,
    languages,
    paying,
    readouts,
    robustness,
    samplings,
    schedule_grid,
    sharing,
    tables,
    timing,
)
from mt2st.report.figures import agreement as agreement_figures
from mt2st.report.figures import comparison, paper, relations, replication, weights
from mt2st.report.figures import crossing as crossing_figures
from mt2st.report.figures import decisions as decision_figures
from mt2st.report.figures import languages as languages_figures
from mt2st.report.figures import paying as paying_figures
from mt2st.report.figures import samplings as sampling_figures
from mt2st.report.figures import schedule_grid as schedule_figures
from mt2st.report.figures import sharing as sharing_figures
from mt2st.report.figures.drawing import rates_in_words


@dataclass(frozen=True)
class Evidence:
    """A profile and its records, with what several exhibits need, made once."""

    profile: Profile
    records: Sequence[Record]

    def of(self, experiment: str) -> list[Record]:
        """Return the records that were made for one experiment."""
        return runs.of(self.records, experiment)

    @cached_property
    def grid(self) -> list[Record]:
        """Runs of the paper's tables."""
        return self.of("grid")

    @cached_property
    def pairs(self) -> list[Record]:
        """Runs of the study of pairs of tasks."""
        return self.of("pairs")

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row a run of the grid, see `runs.score_frame`."""
        return runs.score_frame(self.grid)

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an epoch of the grid's runs, see `runs.history_frame`."""
        return runs.history_frame(self.grid)

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """One row an epoch and task of the grid's runs, see `runs.task_frame`."""
        return runs.task_frame(self.grid)

    @cached_property
    def targets(self) -> list[float]:
        """Validation accuracies to reach, see `timing.targets`."""
        return timing.targets(self.grid)

    @cached_property
    def exhibits(self) -> "list[Exhibit]":
        """The exhibits whose runs are among the records."""
        return [exhibit for exhibit in EXHIBITS.values() if self._has_runs_of(exhibit)]

    def _has_runs_of(self, exhibit: "Exhibit") -> bool:
        """Whether all strategies that an exhibit compares were run on some embedding with the same seed."""
        found = defaultdict(set)
        for record in self.of(exhibit.experiment):
            found[record.run.embedding, record.run.seed].add(record.run.strategy)
        return any(exhibit.strategies <= strategies for strategies in found.values())

    def behind(self, exhibit: "Exhibit") -> Sequence[Record]:
        """Return the runs that an exhibit is made of."""
        return exhibit.behind(self) if exhibit.behind else self.of(exhibit.experiment)

    def table(self, name: str) -> pd.DataFrame:
        """Return the table of an exhibit."""
        if name not in self._tables:
            make = EXHIBITS[name].table
            assert make is not None
            self._tables[name] = make(self)
        return self._tables[name]

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        return {}


@dataclass(frozen=True)
class Exhibit:
    """A table, a figure, or both of one thing.

    Args:
        name: of its files.
        title: for readers.
        notebook: key of the notebook that shows it, such as "05"; "" for none.
        experiment: whose runs it needs.
        strategies: those of them that it cannot do without, on some embedding with the same seed.
        table, figure: how each is made; None for none.
        shown: how the table is shown to readers; csv has all numbers.
        note: what readers of the page need to know of the table.
        latex: whether the table is written for LaTeX too.
        behind: the runs it is made of; None for all of `experiment`.
    """

    name: str
    title: str
    notebook: str = ""
    experiment: str = "grid"
    strategies: frozenset[str] = frozenset()
    table: Callable[[Evidence], pd.DataFrame] | None = None
    figure: Callable[[Evidence], Figure] | None = None
    shown: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
    note: str = ""
    latex: bool = False
    behind: Callable[[Evidence], Sequence[Record]] | None = None


def _accuracy(strategy: str, name: str, title: str) -> Exhibit:
    return _of(strategy, Exhibit(name, title, table=lambda e: tables.accuracies(strategy, e.scores), latex=True))


def _losses(strategy: str, name: str, title: str) -> Exhibit:
    return _of(strategy, Exhibit(name, title, figure=lambda e: paper.losses(e.history, strategy)))


def _validation(strategy: str, name: str, title: str) -> Exhibit:
    return _of(strategy, Exhibit(name, title, figure=lambda e: paper.accuracies(e.history, strategy)))


def _of(strategy: str, exhibit: Exhibit) -> Exhibit:
    """Return an exhibit of one strategy beside single-task: its runs are needed, and its notebook shows it."""
    return replace(
        exhibit, notebook=paths.notebook_key(STRATEGIES[strategy].notebook), strategies=frozenset({strategy}),
        behind=_arms("single", strategy),
    )  # fmt: skip


def _arms(*strategies: str) -> Callable[[Evidence], Sequence[Record]]:
    """Return what gives the grid's runs of some strategies."""
    return lambda evidence: [record for record in evidence.grid if record.run.strategy in strategies]


def _experiments(*names: str) -> Callable[[Evidence], Sequence[Record]]:
    """Return what gives the runs of some experiments."""
    return lambda evidence: [record for record in evidence.records if record.experiment in names]


def _walked(evidence: Evidence) -> Sequence[Record]:
    """Return the runs of the walk from "original" to "update"."""
    return [r for r in evidence.of("released") if audit.step_of(r)]


def _single(evidence: Evidence) -> Sequence[Record]:
    """Return the runs of what pays that have no auxiliary task."""
    return [record for record in evidence.of("paying") if not record.run.auxiliaries]


def _controls(evidence: Evidence) -> Sequence[Record]:
    """Return the controls, and the arms of the same embedding that they stand beside."""
    controls = evidence.of("control")
    beside = [r for r in _arms("single", "mtl")(evidence) if r.run.embedding == controls[0].run.embedding]
    return [*controls, *beside]


def of_strategy(strategy: Strategy) -> list[Exhibit]:
    """Return the exhibits of a strategy that is not the paper's; they are like the paper's Table I, Figures 6 and 7."""
    name, label = strategy.name, strategy.label
    return [
        _accuracy(name, f"table_{name}", f"{label}: accuracy"),
        _losses(name, f"losses_{name}", f"{label}: training loss"),
        _validation(name, f"accuracies_{name}", f"{label}: validation accuracy"),
    ]


DIVIDED = (
    "On Wikipedia every seed divides the same articles anew: intervals of differences are those of Nadeau and Bengio "
    "(2003) there, and there is no p."
)
PAPERS = frozenset({"single", "mtl", "diminish", "switch"})  # strategies that its claims compare

EXHIBITS = {
    exhibit.name: exhibit
    for exhibit in (
        Exhibit(
            "claims",
            "The paper's claims, each tested with the seed as the unit; 95% intervals in brackets; a run that does not "
            "reach a validation accuracy counts with all its epochs",
            "05", strategies=PAPERS,
            table=lambda e: claims.judged(e.profile, e.records), shown=claims.readable,
            behind=_experiments("grid", "released", "downstream"),
            note="Each row has the rule that gave its verdict; a difference in accuracy of less than one point counts "
            "as none. On another task than the paper's differences in accuracy are judged by their direction alone.",
        ),
        Exhibit(
            "schedules", "Weight of the auxiliary tasks by epoch", "05", strategies=PAPERS,
            figure=lambda e: weights.strategies(e.profile.configuration.epochs), behind=lambda e: [],
        ),
        _accuracy("mtl", "table_1", "Table I: multi-task learning"),
        _accuracy("diminish", "table_2", "Table II: MT2ST Diminish"),
        _accuracy("switch", "table_3", "Table III: MT2ST Switch"),
        Exhibit(
            "figure_02", "Figure 2. Diminish: weight of the auxiliary tasks", "03",
            strategies=frozenset({"diminish"}), figure=lambda e: paper.diminish(e.history),
        ),
        Exhibit(
            "figure_03", "Figure 3. Convergence by epoch and by training time", "03",
            strategies=frozenset({"single", "diminish"}), figure=lambda e: paper.convergence(e.history),
        ),
        Exhibit(
            "figure_04", "Figure 4. Switch: path through primary and auxiliary loss", "04",
            strategies=frozenset({"mtl", "switch"}), figure=lambda e: paper.switching(e.tasks),
            behind=_arms("mtl", "switch"),
        ),
        Exhibit(
            "figure_05", "Figure 5. Single task (original): loss and accuracy", "01",
            strategies=frozenset({"single"}), figure=lambda e: paper.original(e.history), behind=_arms("single"),
        ),
        _losses("mtl", "figure_06", "Figure 6. multi-task: training loss"),
        _validation("mtl", "figure_07", "Figure 7. multi-task: validation accuracy"),
        _losses("diminish", "figure_08", "Figure 8. Diminish: training loss"),
        _validation("diminish", "figure_09", "Figure 9. Diminish: validation accuracy"),
        _losses("switch", "figure_10", "Figure 10. Switch: training loss"),
        _validation("switch", "figure_11", "Figure 11. Switch: validation accuracy"),
        *(row for strategy in STRATEGIES.values() if strategy.name not in PAPERS for row in of_strategy(strategy)),
        Exhibit(
            "accuracy_by_strategy", "Test accuracy of every strategy and setting against single-task learning", "05",
            strategies=PAPERS,
            figure=lambda e: comparison.accuracy_by_strategy(e.scores),
        ),
        Exhibit(
            "time_by_strategy", "Training time of every strategy and setting against single-task learning", "05",
            strategies=PAPERS,
            figure=lambda e: comparison.time_by_strategy(e.scores),
        ),
        Exhibit(
            "choices", "Would another choice give another answer? Strategies against single-task learning", "06",
            strategies=PAPERS, table=lambda e: robustness.choices(e.records), shown=robustness.readable,
            behind=_experiments("grid", "matched", "paper-sample"),
            note="The best epoch on validation is kept in the grid, the last one by the paper.",
        ),
        Exhibit(
            "kept_epochs", "Runs that keep an epoch from before their auxiliary tasks end", "06",
            strategies=PAPERS, table=lambda e: robustness.kept_epochs(e.grid),
            behind=_arms("mtl", "diminish", "switch"),
        ),
        Exhibit(
            "transitions",
            "What the paper names to ease the switch, without formulas: a lower learning rate from T_switch on, half "
            "of the embedding's dimensions frozen, those least relevant to the task, and a layer of the task's own "
            "(accuracy in percent, differences from Switch as it is in points)",
            "06", "transition", table=lambda e: robustness.transitions(e.of("transition")), shown=tables.merged,
            note="All four UPDATE losses on one embedding, at one learning rate; neither factor nor share was tuned.",
        ),
        Exhibit(
            "readouts",
            "Without auxiliary tasks, on one embedding: baselines, and every encoder and readout (percent; differences "
            "from the grid's BiLSTM in points)",
            "06", "readout", table=lambda e: readouts.comparison(e.grid, e.of("readout")), shown=readouts.readable,
            behind=lambda e: [*readouts.beside(e.grid, e.of("readout")), *e.of("readout")],
        ),
        Exhibit(
            "audit",
            "Every cell of Tables I–III: paper, released logs, and ours under both protocols (accuracy in percent)",
            "06", "released", table=lambda e: audit.cells(e.records), shown=audit.readable,
            behind=_experiments("released", "grid"),
        ),
        Exhibit(
            "by_embedding",
            "“original” and “update” by embedding: paper, released logs, and ours under the released code's conditions "
            "(accuracy in percent)",
            "06", "released", table=lambda e: audit.by_embedding(e.records),
            figure=lambda e: replication.by_embedding(e.table("by_embedding")),
        ),
        Exhibit(
            "walk", "From “original” to “update”, one change at a time (accuracy in percent)", "06", "released",
            table=lambda e: audit.walk(e.records, WALKED),
            figure=lambda e: replication.walk(e.table("walk"), WALKED), behind=_walked,
        ),
        Exhibit(
            "without_gradient",
            "The released code's terms: what they add to the loss, and what they change in training",
            "06", "released", table=lambda e: audit.without_gradient(e.records),
        ),
        Exhibit(
            "controls", "What else could explain a gain (accuracy in percent, differences from single-task in points)",
            "06", "control", table=lambda e: audit.controls(e.records),
            figure=lambda e: replication.controls(e.table("controls"), rates_in_words(runs.score_frame(_controls(e)))),
            behind=_controls,
            note="A constant weight was chosen in trials with the first settings of the grid of trials; its runs here "
            "have the settings of the arm they stand beside, for which another weight could be better.",
        ),
        Exhibit(
            "time_to_target",
            "Seconds and 10⁹ operations to a validation accuracy, or for all epochs where it is not reached",
            "07", strategies=PAPERS, table=lambda e: timing.costs(e.grid, e.targets),
            figure=lambda e: replication.survival(e.grid, e.targets),
        ),
        Exhibit(
            "convergence",
            "Seconds until the paper's CheckConvergence stops a run: the primary gradient's norm below a fraction of "
            "the first epoch's, twice in a row",
            "07", strategies=PAPERS, table=lambda e: timing.convergence(e.grid),
            note="The paper names the check without defining it. Below best: points of validation accuracy that a "
            "stopped run is short of its best.",
        ),
        Exhibit(
            "downstream", "The learned tables on other tasks (percent)", "08", "downstream",
            table=lambda e: downstream.comparisons(e.of("downstream")),
            figure=lambda e: replication.downstream(e.table("downstream")),
        ),
        Exhibit(
            "intrinsic", "The learned tables by themselves", "08", "downstream",
            table=lambda e: downstream.intrinsic(e.of("downstream")),
        ),
        Exhibit(
            "schedule_grid",
            "Diminish and Switch in one: the auxiliary weight decays at rate η up to T_switch (accuracy in percent, "
            "differences from single-task in points)",
            "start", "schedule-grid", table=lambda e: schedule_grid.cells(e.of("schedule-grid")),
            figure=lambda e: schedule_figures.heat_map(e.table("schedule_grid")), shown=schedule_grid.readable,
            note="Cells of one η with the same number of auxiliary epochs are one training: the weight falls below ε "
            "before T_switch.",
        ),
        Exhibit(
            "single_tasks",
            "Each task alone, means over seeds; F1 (of whole texts the accuracy) low and high: 95% t interval in "
            "validation",
            "10", "pairs",
            table=lambda e: results.single_tasks(e.pairs).rename_axis("task").reset_index(),
        ),
        Exhibit(
            "pairs",
            "Relative gains in F1 of tags (of whole texts in accuracy), percent, means over seeds: at the end in "
            "validation, with 95% t interval over seeds and sign, and with an interval over validation sentences; "
            "averaged over the second half; as published for such tasks; in test; of whole spans",
            "10", "pairs", table=lambda e: results.pairs(e.pairs),
            note="A pair has a sign where the interval over seeds excludes 0. One seed has no such interval, and a "
            f"main task that scores below {gains.FLOOR:g} alone has no sign.",
        ),
        Exhibit(
            "relatedness", "How measures of relatedness rank the gains", "10", "pairs",
            table=lambda e: measures.relatedness(e.pairs),
        ),
        Exhibit(
            "prediction", "How well logistic regression predicts whether the mean gain over seeds is above 0",
            "10", "pairs", table=lambda e: results.prediction(e.pairs),
            note="p: share of permutations of the tasks' names with at least this accuracy.",
        ),
        Exhibit(
            "by_budget", "What more batches would change", "10", "pairs", table=lambda e: results.by_budget(e.pairs),
            figure=lambda e: relations.by_budget(e.table("by_budget"), results.budget_intervals(e.pairs)),
        ),
        Exhibit(
            "gains",
            "Relative gains in F1 of tags, of whole texts in accuracy (percent, means over seeds), of the main task "
            "(rows) from the auxiliary one (columns); bold where the interval over seeds excludes 0, grey where the "
            "main task scores too little",
            "10", "pairs", figure=lambda e: relations.heat_map(gains.table(e.pairs), gains.signs(e.pairs)),
        ),
        Exhibit(
            "curves", "Training losses of the tasks alone, with their fits", "10", "pairs",
            figure=lambda e: relations.curves(results.curves(e.pairs)),
        ),
        Exhibit(
            "paying",
            "What pays with 600 labels: auxiliary tasks, ways to weigh them and a recipe, beside linear baselines",
            "11", "paying", table=lambda e: paying.arms(e.of("paying")), shown=paying.readable,
            figure=lambda e: paying_figures.differences(e.table("paying")),
            note="Differences are paired by seed; seeds share no labelled review. The first five seeds are "
            "easier than the next five: neither accuracies nor differences of arms with five can be compared with "
            "those of arms with ten. One seed has neither interval nor p. The best baseline is that of the test set, "
            "which is to its advantage.",
        ),
        Exhibit(
            "endings", "Ending on one task against staying with all three auxiliary tasks", "11", "paying",
            table=lambda e: paying.endings(e.of("paying")), shown=tables.merged,
        ),
        Exhibit(
            "soon", "How soon an arm has 95% and all of the validation accuracy of single-task learning",
            "11", "paying",
            table=lambda e: paying.times(e.of("paying")), shown=tables.merged,
            note="Seconds of the training itself; word vectors and the labelling of texts come on top.",
        ),
        Exhibit(
            "candidates", "The recipe's candidates on the samples that it is chosen on: accuracy (%)", "11",
            "candidates", table=lambda e: paying.choice(e.of("candidates")), shown=paying.choice_as_text,
        ),
        Exhibit(
            "elsewhere", "The recipe on data that it was not chosen on (accuracy in percent, differences in points)",
            "11", "elsewhere", table=lambda e: paying.elsewhere(e.of("elsewhere")),
            shown=lambda frame: tables.merged(frame, 1),
            note="Every seed splits a data set anew, but for imdb-semi; intervals of differences are corrected for it. "
            "The best baseline is that of the test set, which is to its advantage.",
        ),
        Exhibit(
            "aggregators", "Ways to combine the gradients of all three tasks with the primary one", "13", "agreement",
            table=lambda e: agreement.by_aggregator(e.of("agreement"), _single(e)), shown=agreement.readable,
            figure=lambda e: agreement_figures.aggregators(e.table("aggregators")),
            behind=lambda e: [*_single(e), *e.of("agreement")],
            note="Differences are paired by seed; so few seeds cannot reach p < 0.05 by the exact test. The sum takes "
            "gradients apart, as all aggregators do; balances (DWA, FAMO, UW) do not, which is faster.",
        ),
        Exhibit(
            "agreement", "How gradients of auxiliary tasks stand to the primary one's, while all are summed", "13",
            "agreement", table=lambda e: agreement.by_task(e.of("agreement")), shown=agreement.tasks_readable,
            figure=lambda e: agreement_figures.cosines(agreement.by_epoch(e.of("agreement"))),
            note="Over all parameters that tasks share. size: norm of the weighted auxiliary gradient relative to the "
            "primary one's.",
        ),
        Exhibit(
            "decisions", "What schedules decided by what they had seen, and why", "13", "paying",
            table=lambda e: decisions.table(e.of("paying")),
            figure=lambda e: decision_figures.over_curves(e.table("decisions"), decisions.curves(e.of("paying"))),
            behind=lambda e: [r for r in e.of("paying") if r.scores.get("decisions")],
            note="A mark is on the epoch that the decision comes before.",
        ),
        Exhibit(
            "constant_weights", "The constant weight of all three tasks, on the samples for choices: accuracy (%)",
            "11", "constant-weights",
            table=lambda e: paying.by_weight(e.of("constant-weights"), e.of("candidates")), shown=paying.choice_as_text,
        ),
        Exhibit(
            "sampling", "Ways to draw tasks, and what a schedule acts on (accuracy in percent)", "14", "sampling",
            table=lambda e: samplings.by_sampling(e.of("sampling")), shown=samplings.readable,
            figure=lambda e: sampling_figures.by_sampling(e.table("sampling"), samplings.shares(e.of("sampling"))),
            note="Differences are paired by seed. All arms train as many batches in an epoch as training together. "
            "In the figure squares and broken lines are of schedules that act on draws. " + DIVIDED,
        ),
        Exhibit(
            "sharing", "Ways to share parameters, alone, with auxiliary tasks and ending on one (accuracy in percent)",
            "15", "sharing", table=lambda e: sharing.by_architecture(sharing.compared(e.profile, e.records)),
            figure=lambda e: sharing_figures.by_architecture(e.table("sharing")), shown=sharing.readable,
            behind=lambda e: sharing.compared(e.profile, e.records),
            note="Differences are paired by seed. Hidden sizes are the same, so that parameters are not. " + DIVIDED,
        ),
        Exhibit(
            "crossing",
            "From few labels to many, beside an auxiliary task of one size: one task, both, and ending on one",
            "12", "crossing", table=lambda e: crossing.by_size(e.of("crossing"), CROSSINGS[e.profile.name]),
            shown=crossing.readable,
            figure=lambda e: crossing_figures.by_size(e.table("crossing"), CROSSINGS[e.profile.name]),
            note="All ways have the same epochs; each auxiliary task adds a batch to every step that it has a part in. "
            "Differences are paired by seed; the best baseline is that without a network which is best on average in "
            "test. Seeds of imdb-crossing and imdb-semi share no review to test on. Those of pos-crossing and "
            "names-crossing share all sentences to test on: intervals are over samples to train on. Those of wiki and "
            "digits divide the same articles or images anew: intervals of differences are those of Nadeau and Bengio "
            "(2003), and there is no p. With five seeds no p is below 0.06 and with ten none below 0.002; after a "
            "correction for so many none can be below 0.05: read the intervals.",
        ),
        Exhibit(
            "languages", "Names in 300 Spanish sentences beside English: one task, more, and ending on one",
            "16", "languages", table=lambda e: languages.by_arm(e.of("languages")), shown=languages.readable,
            figure=lambda e: languages_figures.by_arm(e.table("languages")),
            note="Each auxiliary task adds a batch to every step that it has a part in. Differences are paired by "
            "seed; seeds draw the sentences to train on and share those to test on. Translations found: share of "
            "held-out English words that have one among their ten nearest Spanish words, which may be known as "
            "translations of others. The epoch that is kept is the best in validation accuracy of tags.",
        ),
    )
}  # fmt: skip
