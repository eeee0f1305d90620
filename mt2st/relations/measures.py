"""How well measures that are known beforehand rank the gains of pairs of tasks."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

RELABELLINGS = 9_999


def ranking(measures: Mapping[str, "pd.Series[float]"], gains: "pd.Series[float]") -> pd.DataFrame:
    """How well each measure ranks gains of ordered pairs (index main, aux): one row a measure.

    `rho` is Spearman's, `p` how often tasks given each other's names at random rank as well or better, in size
    (Mantel's test: pairs share tasks, so that they are not independent), and `AUC` the probability that a pair with a
    gain has a higher value than one without.
    """
    rows = []
    for name, values in measures.items():
        both = pd.DataFrame({"value": values, "gain": gains}).dropna()
        rho, p = _mantel(both)
        auc = roc_auc_score(both["gain"] > 0, both["value"]) if 0 < (both["gain"] > 0).mean() < 1 else np.nan
        rows.append({"measure": name, "n": len(both), "rho": rho, "p": p, "AUC": auc})
    return pd.DataFrame(rows)


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
    return observed, float((1 + (np.abs(found) >= abs(observed) - 1e-12).sum()) / (1 + RELABELLINGS))


def _matrix(values: "pd.Series[float]", tasks: Sequence[str]) -> np.ndarray:
    """Values of ordered pairs, main tasks as rows, auxiliary ones as columns, NaN where there is none."""
    wide = values.rename("value").reset_index().pivot_table(index="main", columns="aux", values="value")
    return wide.reindex(index=tasks, columns=tasks).to_numpy()


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson correlation of the elements that both matrices have."""
    present = ~(np.isnan(one) | np.isnan(other))
    return float(np.corrcoef(one[present], other[present])[0, 1])
