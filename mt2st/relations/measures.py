"""How well measures of relatedness, and a predictor, rank the gains of pairs of tasks."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from mt2st.experiments.runs import Record
from mt2st.relations import gains, results, study
from mt2st.relations.predictor import Predictor
from mt2st.statistics import holm, p_as_text

RELABELLINGS = 9_999
ALPHA = 0.05
PREDICTOR = "predictor, tasks left out"


def relatedness(records: Sequence[Record]) -> pd.DataFrame:
    """Score each measure of relatedness by how well it ranks the gains that count, see `ranking`.

    Gradient cosines are measured while the pair trains, after the first tenth or on average: unlike the others they
    cost the run whose gain they are to tell. Beside the measures stand the probability of a gain from a predictor that
    was trained without either task (`predictor.Predictor.held_out`), and last the gains that were published for such
    tasks, where there are any. The predictor has no `p` here: it has seen other gains, and would have to learn from the
    renamed ones, as it does for `Predictor.skill`.
    """
    gain = gains.counted(records)
    if gain.empty:
        return pd.DataFrame(columns=["measure", "n", "rho", "p", "AUC"])
    tasks = pd.DataFrame({task: runs[0].scores["features"] for task, runs in study.alone(records).items()}).T
    together = study.together(records)
    by_pair = pd.DataFrame(
        {
            pair: {
                "label information": together[pair][0].scores["label information"],
                "gradient cosine, begin": np.mean([run.epochs["cosine"].iloc[0] for run in together[pair]]),
                "gradient cosine, mean": np.mean([run.epochs["cosine"].mean() for run in together[pair]]),
            }
            for pair in gain.index
        }
    ).T
    values = {
        f"{name} of {role}": pd.Series(tasks.loc[gain.index.get_level_values(role), name].to_numpy(), gain.index)
        for name in ("label entropy", "label kurtosis")
        for role in ("aux", "main")
    } | {name: pd.Series(column.to_numpy(), gain.index) for name, column in by_pair.items()}
    values[PREDICTOR] = Predictor.of(records).held_out["p"]
    earlier = results.published_gains(gain.index)
    frame = ranking(values | ({"published gain": earlier} if earlier.notna().any() else {}), gain)
    frame.loc[frame["measure"] == PREDICTOR, "p"] = np.nan
    return frame


def ranking(measures: Mapping[str, "pd.Series[float]"], gains: "pd.Series[float]") -> pd.DataFrame:
    """How well each measure ranks gains of ordered pairs (index main, aux): one row a measure.

    `rho` is Spearman's, `p` how often tasks given each other's names at random rank as well or better, in size
    (Mantel's test: pairs share tasks, so that they are not independent), and `AUC` the probability that a pair with a
    gain has a higher value than one without. A measure with one value ranks nothing: `rho` and `p` are NaN.
    """
    rows = []
    for name, values in measures.items():
        both = pd.DataFrame({"value": values, "gain": gains}).dropna()
        rho, p = _mantel(both) if len(set(both["value"])) > 1 else (np.nan, np.nan)
        auc = roc_auc_score(both["gain"] > 0, both["value"]) if 0 < (both["gain"] > 0).mean() < 1 else np.nan
        rows.append({"measure": name, "n": len(both), "rho": rho, "p": p, "AUC": auc})
    return pd.DataFrame(rows)


def in_words(frame: pd.DataFrame) -> str:
    """Say which measures of `relatedness` rank the gains better than chance, before and after Holm's correction."""
    tested = frame.dropna(subset="p").assign(corrected=lambda tested: holm(tested["p"]))
    if tested.empty:
        return ""
    said = [
        f"{row['measure']} (rho = {row['rho']:+.2f}, {p_as_text(row['p'])}, after Holm {row['corrected']:.3f})"
        for _, row in tested[tested["p"] < ALPHA].iterrows()
    ]
    return (
        f"Measures that rank the {tested['n'].max()} gains better than with the tasks' names swapped at random, by "
        f"p < {ALPHA}: {len(said)} of {len(tested)}{', ' if said else ''}{'; '.join(said)}."
    )


def _mantel(both: pd.DataFrame) -> tuple[float, float]:
    """Spearman's rho of two columns over ordered pairs, and its p from renaming the tasks of the first at random.

    Main tasks swap names among each other, and so do those that are auxiliary ones alone, as in `analysis.renamed`.
    """
    main = sorted(set(both.index.get_level_values("main")))
    aux = sorted(set(both.index.get_level_values("aux")) - set(main))
    tasks = [*main, *aux]
    value, gain = (_matrix(column, tasks) for _, column in both.rank().items())
    observed = _correlation(value, gain)
    rng = np.random.default_rng(0)
    orders = (
        np.concatenate([rng.permutation(len(main)), len(main) + rng.permutation(len(aux))]) for _ in range(RELABELLINGS)
    )
    found = np.array([_correlation(value[np.ix_(order, order)], gain) for order in orders])
    found = found[~np.isnan(found)]  # some orders leave too few pairs that have both
    return observed, float((1 + (np.abs(found) >= abs(observed) - 1e-12).sum()) / (1 + len(found)))


def _matrix(values: "pd.Series[float]", tasks: Sequence[str]) -> np.ndarray:
    """Values of ordered pairs, main tasks as rows, auxiliary ones as columns, NaN where there is none."""
    wide = values.rename("value").reset_index().pivot_table(index="main", columns="aux", values="value")
    return wide.reindex(index=tasks, columns=tasks).to_numpy()


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson correlation of the elements that both matrices have."""
    present = ~(np.isnan(one) | np.isnan(other))
    return float(np.corrcoef(one[present], other[present])[0, 1])
