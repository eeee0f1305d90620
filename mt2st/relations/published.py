"""The gains that Bingel and Søgaard (2017) published, read from the logs that they released (`data.bingel2017`)."""

from itertools import permutations

import pandas as pd

from mt2st import paths
from mt2st.data import bingel2017
from mt2st.data.bingel2017 import CODES, PAIR, SINGLE


def published_gains(single: int = SINGLE, pair: int = PAIR, best: bool = False) -> pd.DataFrame:
    """Return relative gains in percent of development F1, 100·(F1 of the pair − F1 alone)/F1 alone.

    Rows are main tasks, columns auxiliary ones, the diagonal NaN. F1 is read at iteration `single` of a task alone and
    `pair` of a pair: the defaults give the paper's 40 gains of 90. `best` reads the highest F1 up to there, which is
    chosen on the set it is measured on.

    Raises ValueError for an iteration without a line, MissingData where the logs are not here.
    """
    scores = bingel2017.published_scores()
    limit = scores["run"].str.contains("_").map({True: pair, False: single})
    read = scores[scores["iteration"] <= limit] if best else scores[scores["iteration"] == limit]
    f1 = read.groupby(["run", "task"])["f1"].max()
    if len(f1) < len(CODES) ** 2:  # each task alone and in nine pairs
        raise ValueError(f"single={single}, pair={pair}: not in all logs; use multiples of 100 up to {SINGLE}, {PAIR}")
    gains = pd.DataFrame(index=pd.Index(CODES.values(), name="main"), columns=pd.Index(CODES.values(), name="aux"))
    for main, aux in permutations(CODES, 2):
        alone, shared = f1[main, CODES[main]], f1["_".join(sorted((main, aux))), CODES[main]]
        gains.loc[CODES[main], CODES[aux]] = 100 * (shared - alone) / alone
    return gains.astype(float)


def readings() -> pd.DataFrame:
    """Count the pairs that gain when F1 is read otherwise; "MWE with COM" and "COM with MWE" are percent of F1.

    The paper names these two as a pair in which each gains from the other, which tells readings apart that give 40.
    """
    rows = {
        "at 50,000 and 100,000 iterations": published_gains(),
        "at 25,000 and 50,000": published_gains(SINGLE // 2, PAIR // 2),
        "at 50,000 and 50,000": published_gains(SINGLE, SINGLE),
        "best up to 50,000 and 100,000": published_gains(best=True),
    }
    return pd.DataFrame(
        [
            {"F1": name, "gains": int((gains > 0).sum().sum()), "losses": int((gains < 0).sum().sum())}
            | {"MWE with COM": gains.loc["MWE", "COM"], "COM with MWE": gains.loc["COM", "MWE"]}
            for name, gains in rows.items()
        ]
    )


def figure_1() -> pd.DataFrame:
    """Return `published_gains` to two decimals, also where the logs are not here: the paper's Figure 1.

    They are a table in `data/paper`, read from the logs.
    """
    gains = pd.read_csv(paths.find_published("bingel2017_gains.csv")).pivot_table("gain", "main", "aux")
    return gains.loc[list(CODES.values()), list(CODES.values())]
