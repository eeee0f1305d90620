"""Does it pay on these data? Strategies beside linear baselines on a user's own texts, split again and again."""

import base64
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from tqdm.auto import tqdm

from mt2st import classifier
from mt2st.data.dataset import Dataset, Related, Tokens
from mt2st.data.files.checksums import digest
from mt2st.data.files.writing import replacing, write_text
from mt2st.data.texts import own
from mt2st.experiments import recipe, rules
from mt2st.experiments.baselines import MAJORITY
from mt2st.experiments.runs import Configuration, Run
from mt2st.experiments.strategies import SINGLE, STAYING, WAYS
from mt2st.report import figures, tables
from mt2st.report.page import environment_of_templates
from mt2st.schedules import SINGLE_TASK
from mt2st.statistics import NOTHING, Interval, as_text, mean_interval, resampled_difference

BASELINE, ALONE = "− best baseline (points)", "− single-task (points)"
POOLED = f"{STAYING}, related texts pooled"


ARMS = {name: WAYS[name] for name in (STAYING, "Diminish", "Switch", "auxiliary tasks first", "post-training")}


@dataclass(frozen=True)
class Comparison:
    """What is compared, on which texts.

    Args:
        file, text, label, test: see `own.load`; without `test` every seed splits the file anew.
        auxiliaries: auxiliary tasks by name, those of `related` among them.
        related: labelled texts of other tasks, by name.
        unlabelled: texts on which word vectors are trained too.
        seeds: how many; each has its own split, vectors, initial values and batches.
        embedding: of `vectors.EMBEDDINGS`.
        configuration: the same for all arms.
        out: folder to write.
    """

    file: Path
    text: str
    label: str
    auxiliaries: tuple[str, ...]
    out: Path
    test: Path | None = None
    related: Mapping[str, Related] | None = None
    unlabelled: Sequence[Tokens] = ()
    seeds: int = 5
    embedding: str = "SkipGram"
    configuration: Configuration = classifier.DEFAULTS

    def dataset(self, seed: int) -> Dataset:
        """Return the texts as the split of a seed has them."""
        return own.load(
            self.file, self.text, self.label,
            test=self.test, seed=seed, related=self.related, unlabelled=self.unlabelled,
        )  # fmt: skip

    def runs(self, dataset: Dataset, seed: int) -> dict[str, Run]:
        """Return the run of each arm by its name."""
        alone = Run(self.embedding, "single", (), SINGLE_TASK, seed, self.configuration)
        joint = replace(alone, auxiliaries=self.auxiliaries)
        ways = {name: schedule(self.configuration.epochs) for name, schedule in ARMS.items()}
        arms = {SINGLE: alone} | {name: replace(joint, strategy=name, schedule=way) for name, way in ways.items()}
        if (pooled := recipe.pooled(self.auxiliaries, dataset)) != self.auxiliaries:
            arms[POOLED] = replace(arms[STAYING], strategy=POOLED, auxiliaries=pooled)
        if self.unlabelled:
            arms[recipe.NAME] = recipe.run(alone, self.auxiliaries, dataset)
        return arms


def run(comparison: Comparison, device: str = "auto") -> pd.DataFrame:
    """Make all trainings that are not done yet, and write table, verdict, page and a model; return the table.

    All arms have the same settings and epochs. Not the same are their steps: auxiliary batches come on top of those of
    the primary task. Seconds stand in the table.

    Each training is kept in a folder of its own as soon as it is done, so that an interrupted comparison goes on.
    Raises ValueError for any fault of the input, and where the folder has a comparison of something else.
    """
    first = comparison.dataset(0)
    arms = comparison.runs(first, 0)
    for wanted in arms.values():
        classifier.check(wanted, comparison.related or {})
    _claim(comparison, arms[SINGLE])
    if not (joint := _folder(comparison, STAYING, 0)).exists():  # auxiliary tasks are built before anything is trained
        classifier.prepare(first, arms[STAYING], joint, device)
    rows = []
    with tqdm(total=comparison.seeds * len(arms), desc="comparison", unit="training", smoothing=0.05) as bar:
        for seed in range(comparison.seeds):
            dataset = comparison.dataset(seed) if seed else first
            for name, wanted in comparison.runs(dataset, seed).items():
                metrics = _made(wanted, dataset, _folder(comparison, name, seed), device)
                rows += _scores(name, seed, metrics)
                bar.update()
    scores = pd.DataFrame(rows)
    found = table(scores, 0.0 if comparison.test else _test_share(first))
    with replacing(comparison.out / "scores.csv") as part:
        scores.to_csv(part, index=False)
    with replacing(comparison.out / "comparison.csv") as part:
        found.to_csv(part, index=False)
    _write_page(comparison, found)
    _keep(comparison, found)
    return found


def _claim(comparison: Comparison, alone: Run) -> None:
    """Write what is compared to the folder; raises ValueError where it has another comparison."""
    related = {
        name: [*one.examples.texts, one.examples.labels.tolist(), one.classes]
        for name, one in (comparison.related or {}).items()
    }
    listed = [rules.word_list(name) for name in comparison.auxiliaries if name.startswith(rules.WORDS)]
    texts = {"related": related, "unlabelled": list(comparison.unlabelled)}
    described = {
        "files": [digest(file) if file else "" for file in (comparison.file, comparison.test, *listed)],
        "columns": [comparison.text, comparison.label],
        "auxiliaries": list(comparison.auxiliaries),
        "texts": {name: hashlib.sha256(json.dumps(one).encode()).hexdigest() for name, one in texts.items()},
        "run": alone.to_dict(),
    }
    at = comparison.out / "comparison.json"
    if at.exists() and json.loads(at.read_text(encoding="utf-8")) != described:
        raise ValueError(
            f"{comparison.out} has a comparison of other data or settings; choose another folder with --out"
        )
    write_text(at, json.dumps(described, indent=1))


def _folder(comparison: Comparison, arm: str, seed: int) -> Path:
    return comparison.out / "trainings" / arm.replace(",", "").replace(" ", "-") / str(seed)


def _made(wanted: Run, dataset: Dataset, folder: Path, device: str) -> dict[str, Any]:
    """Return the metrics of a training, which is made unless it is done."""
    done = folder / "metrics.json"
    if not done.exists():
        classifier.train(classifier.prepare(dataset, wanted, folder, device), progress=False)
    metrics: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
    return metrics


def _scores(arm: str, seed: int, metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for a training, and one for each baseline that was fitted beside it."""
    row = {"way": arm, "seed": seed, "accuracy": metrics["test"]["accuracy"]}
    row |= {"validation": metrics["validation_accuracy"], "seconds": metrics["train_seconds"]}
    linear = {name: value for name, value in metrics["baselines"].items() if name != MAJORITY} if arm == SINGLE else {}
    return [row, *({"way": name, "seed": seed, "accuracy": value} for name, value in linear.items())]


def _test_share(dataset: Dataset) -> float:
    """Examples to test by examples to train, those for validation among them."""
    return len(dataset.test) / (len(dataset.train) + len(dataset.validation))


def table(scores: pd.DataFrame, test_share: float) -> pd.DataFrame:
    """One row a way: accuracy in test, and its differences from the best baseline and from single-task learning.

    In percent and points, with 95% intervals; differences are paired by seed, see `statistics.resampled_difference`.
    Ways are ordered by accuracy in validation, by which one would choose; baselines, whose penalty is chosen there,
    come first. The best of them is the one that is best in test, which is to their advantage.
    """
    by_way = 100 * scores.pivot_table(index="seed", columns="way", values="accuracy", sort=False)
    means = scores.groupby("way")[["validation", "seconds"]].mean()
    baseline = by_way[means.index[means["validation"].isna()]].mean().idxmax()
    rows = []
    for way in by_way.columns:
        row = {"way": way, "n": len(by_way), "validation": 100 * means["validation"][way]}
        bounds = mean_interval(by_way[way].to_numpy()).columns("test")
        row |= {name: float(np.clip(value, 0, 100)) for name, value in bounds.items()}
        for name, other in ((BASELINE, baseline), (ALONE, SINGLE)):
            values = by_way[way].to_numpy(), by_way[other].to_numpy()
            row |= (NOTHING if way == other else resampled_difference(*values, test_share)).columns(name)
        rows.append(row | {"seconds": means["seconds"][way]})
    frame = pd.DataFrame(rows)
    return frame.sort_values("validation", ascending=False, na_position="first", kind="stable", ignore_index=True)


def verdict(found: pd.DataFrame) -> str:
    """Say in words what to use, from `table`: the way that validation chooses, against baseline and single-task."""
    trained, linear = found.dropna(subset=["validation"]), found[found["validation"].isna()]
    baseline = linear.loc[linear[BASELINE].isna(), "way"].item()
    chosen = _chosen(found)
    against = _interval(chosen, BASELINE)
    fact = f"{chosen['way']}, which is best in validation, is in test {_points(against)} from {baseline}"
    if np.isnan(against.low):
        return f"One seed cannot tell: {fact}."
    if against.low > 0:
        lines = [f"Use {chosen['way']}: {fact}."]
    elif against.high < 0:
        lines = [f"Use {baseline}: {fact}."]
    else:
        lines = [f"Use {baseline}, the simpler way; that anything is better is not shown: {fact}."]
    best = trained[trained["way"].isin([*ARMS, POOLED, recipe.NAME])].iloc[0]
    gain = _interval(best, ALONE)
    shown = "pay" if gain.low > 0 else "cost accuracy" if gain.high < 0 else "are not shown to pay"
    lines.append(f"The auxiliary tasks {shown}: {best['way']} is {_points(gain)} from {SINGLE} learning.")
    return "\n".join(lines)


def _chosen(found: pd.DataFrame) -> "pd.Series[Any]":
    """Return the row of `table` that is best in validation."""
    return found.dropna(subset=["validation"]).iloc[0]


def _interval(row: "pd.Series[Any]", name: str) -> Interval:
    return Interval(row[name], row[f"{name} low"], row[f"{name} high"], row["n"])


def _points(interval: Interval) -> str:
    return f"{as_text(interval.mean, interval.low, interval.high, '+.1f')} points"


def readable(found: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with numbers as text."""
    return pd.DataFrame(
        {
            "way": found["way"],
            "validation (%)": tables.texts(found["validation"]),
            "test (%)": tables.intervals(found, "test"),
            BASELINE: tables.intervals(found, BASELINE, "+.1f"),
            ALONE: tables.intervals(found, ALONE, "+.1f"),
            "seconds": tables.texts(found["seconds"]),
        }
    )


def _write_page(comparison: Comparison, found: pd.DataFrame) -> None:
    """Write the page: verdict, table, and a picture of differences and of the curves of validation accuracy."""
    figures.use_style()
    figure = _picture(found, _curves(comparison, found))
    with replacing(comparison.out / "comparison.png") as part:
        figure.savefig(part)
    plt.close(figure)
    page = environment_of_templates().get_template("comparison.html")
    write_text(
        comparison.out / "index.html",
        page.render(
            file=comparison.file.name,
            verdict=verdict(found).splitlines(),
            table=readable(found),
            seeds=comparison.seeds,
            is_split=comparison.test is None,
            max_tokens=comparison.configuration.max_tokens,
            auxiliaries=comparison.auxiliaries,
            has_recipe=bool(comparison.unlabelled),
            picture=base64.b64encode((comparison.out / "comparison.png").read_bytes()).decode(),
        ),
    )


def _curves(comparison: Comparison, found: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    """Mean validation accuracy by epoch of each way that is trained, as far as all seeds go."""
    curves = {}
    for way in found.dropna(subset=["validation"])["way"]:
        files = [_folder(comparison, way, seed) / "curves.csv" for seed in range(comparison.seeds)]
        by_seed = [pd.read_csv(file).set_index("epoch")["validation_accuracy"] for file in files]
        curves[way] = 100 * pd.concat(by_seed, axis=1).dropna().mean(axis=1)
    return curves


def _picture(found: pd.DataFrame, curves: Mapping[str, "pd.Series[float]"]) -> Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 0.4 * len(found) + 1.6), width_ratios=(1, 1.2))
    for y, (_, row) in enumerate(found.iloc[::-1].iterrows()):
        left.plot([row[f"{BASELINE} low"], row[f"{BASELINE} high"]], [y, y], color="C0")
        left.plot(row[BASELINE] if row[BASELINE] == row[BASELINE] else 0.0, y, "o", color="C0")
    left.axvline(0, color="black", linewidth=1)
    left.set_yticks(range(len(found)), found["way"].iloc[::-1])
    left.set(xlabel="points of test accuracy from the best baseline")
    left.grid(axis="y", visible=False)
    for k, (way, curve) in enumerate(curves.items()):
        right.plot(curve.index + 1, curve, color=f"C{k}", linestyle=("-", "--", "-.", ":")[k % 4], label=way)
    right.set(xlabel="epoch", ylabel="validation accuracy (%)")
    right.legend(fontsize="small")
    return figure


def _keep(comparison: Comparison, found: pd.DataFrame) -> None:
    """Copy a model of the way that is best in validation to the folder `model`: that of the first seed.

    Seeds have validation texts of their own, so that none of them can be chosen by its score there.
    """
    to = comparison.out / "model"
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(_folder(comparison, _chosen(found)["way"], 0), to)
