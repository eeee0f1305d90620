"""The crossing: the score by number of labels, for every way to use an auxiliary task of one size beside them."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mt2st.experiments import recipe
from mt2st.experiments.baselines import MAJORITY
from mt2st.experiments.crossing import COMPARED, SCORES, Crossing, labels
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import SINGLE, STAYING
from mt2st.report import summary, tables
from mt2st.report.summary import FROM_SINGLE, FROM_STAYING, points

NETWORKS = (SINGLE, *COMPARED, recipe.NAME)  # all others are baselines without one
FROM_LINEAR = "from best baseline"
REFERENCES = (FROM_SINGLE, FROM_STAYING, FROM_LINEAR)
TITLES = {  # of crossings on text, whose baselines see what the network sees; by profile
    "pos-crossing": "parts of speech, beside phrases",
    "imdb-crossing": "sentiment of reviews, beside that of sentences",
    "imdb-semi": "the same, with word vectors from 20,000 more reviews",
    "names-crossing": "names in Spanish, beside those in Dutch (F1)",
    "wiki": "topics of Wikipedia, beside its links (labels of each class)",
}
STEPS = {  # differences that tell a crossing in short: of a way, from what
    "one task − best baseline": (SINGLE, FROM_LINEAR),
    "both − one task": (STAYING, FROM_SINGLE),
    "Switch − both": ("Switch", FROM_STAYING),
    "recipe − one task": (recipe.NAME, FROM_SINGLE),
    "recipe − best baseline": (recipe.NAME, FROM_LINEAR),
}


def by_size(records: Sequence[Record], crossing: Crossing) -> pd.DataFrame:
    """One row a number of labels and way: the crossing's test score in percent, and its differences in points.

    Differences of the ways are from single-task learning, from staying with both tasks, and from the baseline without a
    network that is best on average in test at that number of labels, to its advantage; those of single-task learning
    from the latter alone, and those of baselines from single-task learning alone. They are paired by
    seed with 95% intervals, and p of the exact sign-flip test after Holm over all of them (`summary.differences`). Ways
    come in the order of `NETWORKS`, then baselines.
    """
    rows = []
    name, tested = SCORES[crossing.score], summary.share_tested(records)
    for size, values in _scores(records, crossing.score).items():
        linear = values.drop(columns=list(NETWORKS), errors="ignore").mean()
        references = {FROM_SINGLE: SINGLE, FROM_STAYING: STAYING, FROM_LINEAR: linear.idxmax() if len(linear) else ""}
        for way in values:
            row = {"labels": size, "way": way} | summary.level(values[way].dropna(), name)
            asked = {
                difference: values[reference].dropna()
                for difference, reference in references.items()
                if reference in values and reference != way and _is_asked(way, difference)
            }
            rows.append(row | summary.differences(values[way].dropna(), asked, tested))
    frame = pd.DataFrame(rows)
    return summary.corrected(frame, [name for name in REFERENCES if name in frame])


def _is_asked(way: str, difference: str) -> bool:
    """Whether a difference is a question: of single-task learning and of baselines one is, see `by_size`."""
    return difference == FROM_SINGLE if way not in NETWORKS else way != SINGLE or difference == FROM_LINEAR


def _scores(records: Sequence[Record], score: str) -> dict[int, pd.DataFrame]:
    """Test scores in percent by number of labels: a row a seed, a column a way or linear baseline."""
    rows = []
    for record in records:
        place = {"labels": labels(record.run), "seed": record.run.seed}
        found = {record.run.strategy: record.scores[score]} | record.scores.get("baselines", {})
        rows += [place | {"way": way, "score": 100 * value} for way, value in found.items() if way != MAJORITY]
    frame = pd.DataFrame(rows)
    order = [*NETWORKS, *(way for way in frame["way"].unique() if way not in NETWORKS)]
    return {
        int(str(size)): of.pivot_table(index="seed", columns="way", values="score").reindex(
            columns=[way for way in order if way in set(of["way"])]
        )
        for size, of in frame.groupby("labels")
    }


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `by_size` with numbers as text."""
    score = next(name for name in SCORES.values() if name in frame)
    shown = {
        "labels": [f"{size:,}" for size in frame["labels"]],
        "way": frame["way"],
        "n": frame["n"],
        f"{score} (%)": tables.intervals(frame, score),
    }
    for name in (one for one in REFERENCES if one in frame):
        shown[f"{name} (points)"] = tables.intervals(frame, name, "+.1f")
        shown[f"p {name} after Holm"] = tables.texts(frame[f"p {name} after Holm"], ".3f")
    return pd.DataFrame(shown)


def at_both_ends(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Two rows a crossing of `TITLES`, with the fewest labels and with the most: `STEPS`, as text, a dash for none.

    `found` are tables of `by_size` by profile.
    """
    rows = []
    for profile in (name for name in TITLES if name in found):
        frame = found[profile]
        for title, size in ((TITLES[profile], frame["labels"].min()), ("", frame["labels"].max())):
            ways = frame[frame["labels"] == size].set_index("way")
            row = {"task": title, "labels": f"{size:,}", "n": ways.loc[SINGLE, "n"]}
            steps = {name: points(ways.loc[way], of) if way in ways.index else "–" for name, (way, of) in STEPS.items()}
            rows.append(row | steps)
    return pd.DataFrame(rows)


def conclusions(frame: pd.DataFrame, crossing: Crossing) -> str:
    """Say in words what `by_size` shows, a line a question; intervals are not corrected for their number."""
    unit = crossing.unit
    joint, staying = frame[frame["way"].isin(COMPARED)], frame[frame["way"] == STAYING]
    above, below = (joint[f"{FROM_SINGLE} low"] > 0).sum(), (joint[f"{FROM_SINGLE} high"] < 0).sum()
    *first, last = [f"{points(row, FROM_SINGLE)} with {row['labels']:,}" for _, row in staying.iterrows()]
    better, worse = _where(joint, FROM_STAYING), _where(joint, FROM_STAYING, above=False)
    linear = _where(frame[~frame["way"].isin(NETWORKS)], FROM_SINGLE)
    return "\n".join(
        [
            f"In {above} of {len(joint)} cases, a way with a number of labels, the interval of the difference from "
            f"single-task learning is above 0, in {below} below it. Staying with both tasks is {', '.join(first)} "
            f"and {last} {unit} from it, in points.",
            f"Ending on one task is better than staying, by an interval above 0, with {better} {unit}, and worse, by "
            f"one below 0, with {worse} {unit}.",
            f"A linear baseline is better than single-task learning, by an interval above 0, with {linear} {unit}.",
            *_recipe(frame[frame["way"] == recipe.NAME], crossing),
        ]
    )


def _recipe(rows: pd.DataFrame, crossing: Crossing) -> list[str]:
    """Say how far the recipe is from one task alone, from staying and from linear baselines; nothing without it."""
    if rows.empty:
        return []
    *first, last = [f"{size:,}" for size in rows["labels"]]
    from_single, from_staying, from_linear = (
        ", ".join(points(row, name) for _, row in rows.iterrows()) for name in REFERENCES
    )
    return [
        f"With {', '.join(first)} and {last} {crossing.unit} the recipe, chosen {crossing.chosen}, is "
        f"{from_single} points from single-task learning; {from_staying} from staying with both tasks; and "
        f"{from_linear} from the best baseline without a network. A step of it has {1 + len(crossing.recipe)} batches, "
        "one of single-task learning 1 and one with both tasks 2."
    ]


def _where(frame: pd.DataFrame, name: str, above: bool = True) -> str:
    """List the numbers of labels where an interval is above 0, with the best way there; or below, with the worst."""
    shown = frame[frame[f"{name} low"] > 0] if above else frame[frame[f"{name} high"] < 0]
    by_labels = shown.groupby("labels")[name]
    farthest = shown.loc[by_labels.idxmax() if above else by_labels.idxmin()]
    said = [f"{row['labels']:,} ({row['way']}, {points(row, name)})" for _, row in farthest.iterrows()]
    return ", ".join(said) or "no number of"
