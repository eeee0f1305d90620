"""The training logs that Bingel and Søgaard (2017, "Identifying beneficial task relations", EACL) released.

110 logs of 55 runs: ten tasks alone and 45 pairs that share a BiLSTM, with the loss in training (`loss_tr.log`, every
10 iterations) and loss, accuracy, precision, recall and F1 on the development set (`loss_dv.log`, every 100).

The paper speaks of 25,000 batches for one task and 50,000 for a pair. The logs go to 50,000 and 100,000 iterations, and
the one of COM alone to 100,000; `hyperlinks/loss_tr.log` holds the beginning of an earlier run before its own lines.
There is one run of each, so the logs say nothing about the spread over seeds.
"""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

import pandas as pd

from mt2st import paths
from mt2st.data.files import archives, download
from mt2st.data.files import github as upstream
from mt2st.data.files.errors import MissingData, reason

REPOSITORY, COMMIT = "jbingel/eacl2017_mtl", "57c9cbc53f5d22f077bf6215a4921d17ae823e04"
ARCHIVE_URL = f"https://github.com/{REPOSITORY}/archive/{COMMIT}.tar.gz"
# Of what `sha256sum */*.log` prints in the folder of the logs, sorted by name: archives of a commit are packed anew.
CONTENT_SHA256 = "5dcd85ae1e8422c6d6f28714ca445e8eef149c31e1a8e67b8c565681f442e9b2"
# Code in the paper's Figure 1 by name in the logs; sorted, as the names of pairs are.
CODES = {
    "ccg": "CCG",
    "chunking": "CHU",
    "com": "COM",
    "fnt": "FNT",
    "gpos": "POS",
    "hyperlinks": "HYP",
    "keysem17": "KEY",
    "mwe": "MWE",
    "semcor": "SEM",
    "streusle": "STR",
}
SINGLE, PAIR = 50_000, 100_000  # iterations
NUMBER = r"(nan|\d[\d.e+-]*)"
LINE = re.compile(
    rf"Iter (\d+), task (\w+), loss {NUMBER}(?:, acc {NUMBER}, f1 {NUMBER}, p {NUMBER}, r {NUMBER})?", re.ASCII
)
COLUMNS = ["task", "iteration", "loss", "accuracy", "f1", "precision", "recall"]


def locate() -> Path:
    """Return the archive of the logs on this machine; raises MissingData with the command that gets it."""
    return upstream.locate("bingel2017", "logs.tar")


def missing() -> str:
    """Return how to get the logs where they are not on this machine, else nothing."""
    try:
        locate()
    except MissingData as error:
        return str(error)
    return ""


def fetch() -> Path:
    """Download the repository at its commit; raises ConnectionError that says what else can be done."""
    otherwise = (
        "check the network and try again, or put the repository's folder logs, packed as logs.tar.gz, into "
        f"{paths.downloads()}"
    )
    return download.fetch(ARCHIVE_URL, paths.downloads() / "bingel2017" / "logs.tar.gz", unpack, otherwise)


def unpack(file: Path) -> dict[str, str]:
    """Return the text of each log of an archive by its name, such as "ccg_com/loss_dv.log".

    Raises ValueError naming the file where it cannot be read or does not hold the logs of `COMMIT`.
    """
    found = {match[1]: text for match, text in archives.matching(file, r"(?:^|/)logs/([^/]+/loss_(?:tr|dv)\.log)$")}
    listing = "".join(f"{hashlib.sha256(found[name].encode()).hexdigest()}  {name}\n" for name in sorted(found))
    if hashlib.sha256(listing.encode()).hexdigest() != CONTENT_SHA256:
        raise ValueError(f"{file}: its {len(found)} logs are not those of {REPOSITORY} at {COMMIT[:7]}; fetch it again")
    return found


def read_log(text: str, name: str) -> pd.DataFrame:
    """Return the lines of a log, a row each: task (its code), iteration, loss; accuracy, f1, precision, recall.

    The last four are shares, and NaN in a log of training; so is the loss where the log says nan, as some of pairs do.
    Where the iterations of a task begin anew, the run was started again, and only its last start counts.

    Raises ValueError naming log and line for one that reads otherwise, and for an unknown task.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = LINE.fullmatch(line)
        if match is None or match[2] not in CODES:
            expected = "`Iter N, task T, loss L` and perhaps `, acc A, f1 F, p P, r R`"
            raise ValueError(
                f"{name}:{number}: {line!r} is not {expected} with T in {', '.join(CODES)}; fetch it again"
            )
        try:
            values = [float("nan") if value is None else float(value) for value in match.groups()[2:]]
            rows.append((CODES[match[2]], int(match[1]), *values))
        except ValueError as error:
            raise ValueError(f"{name}:{number}: {reason(error)}") from error
    return pd.DataFrame(rows, columns=COLUMNS).groupby("task", sort=False, group_keys=False)[COLUMNS].apply(_last_start)


def _last_start(lines: pd.DataFrame) -> pd.DataFrame:
    """Leave out what stands before the last line whose iteration is not greater than the one before."""
    starts = (lines["iteration"].diff() <= 0).cumsum()
    return lines[starts == starts.iloc[-1]]


@lru_cache
def published_scores() -> pd.DataFrame:
    """Return all lines on development sets, see `read_log`, by `run`: the log's folder, such as "ccg_com"."""
    texts = unpack(locate())
    logs = {name: read_log(text, name) for name, text in texts.items() if name.endswith("loss_dv.log")}
    return pd.concat([log.assign(run=name.partition("/")[0]) for name, log in logs.items()], ignore_index=True)


@lru_cache
def published_curves() -> pd.DataFrame:
    """Return training losses of the ten tasks alone: a row every 10 iterations up to 50,000, a column each task."""
    texts = unpack(locate())
    logs = {code: read_log(texts[f"{name}/loss_tr.log"], f"{name}/loss_tr.log") for name, code in CODES.items()}
    curves = pd.DataFrame({code: log.set_index("iteration")["loss"] for code, log in logs.items()})
    return curves.loc[:SINGLE].rename_axis(columns="task")
