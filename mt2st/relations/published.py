"""The training logs that Bingel and Søgaard (2017, "Identifying beneficial task relations", EACL) released.

110 logs of 55 runs: ten tasks alone and 45 pairs that share a BiLSTM, with the loss in training (`loss_tr.log`, every
10 iterations) and loss, accuracy, precision, recall and F1 on the development set (`loss_dv.log`, every 100).

The paper speaks of 25,000 batches for one task and 50,000 for a pair. The logs go to 50,000 and 100,000 iterations, and
the one of COM alone to 100,000; `hyperlinks/loss_tr.log` holds the beginning of an earlier run before its own lines.
There is one run of each, so the logs say nothing about the spread over seeds.
"""

import hashlib
import lzma
import re
import tarfile
from functools import lru_cache
from itertools import permutations
from pathlib import Path

import pandas as pd

from mt2st import paths
from mt2st.data.files import download
from mt2st.data.files import github as upstream
from mt2st.data.files.errors import MissingData

REPOSITORY, COMMIT = "jbingel/eacl2017_mtl", "57c9cbc53f5d22f077bf6215a4921d17ae823e04"
ARCHIVE_URL = f"https://github.com/{REPOSITORY}/archive/{COMMIT}.tar.gz"
# Of what `sha256sum */*.log` prints in the folder of the logs, sorted by name: archives of a commit are packed anew.
CONTENT_SHA256 = "5dcd85ae1e8422c6d6f28714ca445e8eef149c31e1a8e67b8c565681f442e9b2"
# Code in the paper's Figure 1 by name in the logs; sorted, as the names of pairs are.
TASKS = {
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
    file = download.fetch(ARCHIVE_URL, paths.downloads() / "bingel2017" / "logs.tar.gz", None, otherwise)
    try:
        unpack(file)
    except ValueError as error:
        file.unlink()
        raise ConnectionError(f"{file.name} from {ARCHIVE_URL} is not what it was ({error}); {otherwise}") from error
    return file


def unpack(file: Path) -> dict[str, str]:
    """Return the text of each log of an archive by its name, such as "ccg_com/loss_dv.log".

    Raises ValueError naming the file where it cannot be read or does not hold the logs of `COMMIT`.
    """
    try:
        with tarfile.open(file) as archive:
            found = {
                match[1]: archive.extractfile(member).read()  # type: ignore[union-attr]  # a file has content
                for member in archive
                if member.isfile() and (match := re.search(r"(?:^|/)logs/([^/]+/loss_(?:tr|dv)\.log)$", member.name))
            }
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError) as error:
        raise ValueError(f"{file} cannot be read ({error}); fetch it again") from error
    listing = "".join(f"{hashlib.sha256(found[name]).hexdigest()}  {name}\n" for name in sorted(found))
    if hashlib.sha256(listing.encode()).hexdigest() != CONTENT_SHA256:
        raise ValueError(f"{file}: its {len(found)} logs are not those of {REPOSITORY} at {COMMIT[:7]}; fetch it again")
    return {name: content.decode() for name, content in found.items()}


def read_log(text: str, name: str) -> pd.DataFrame:
    """Return the lines of a log, a row each: task (its code), iteration, loss; accuracy, f1, precision, recall.

    The last four are shares, and NaN in a log of training; so is the loss where the log says nan, as some of pairs do.
    Where the iterations of a task begin anew, the run was started again, and only its last start counts.

    Raises ValueError naming log and line for one that reads otherwise, and for an unknown task.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = LINE.fullmatch(line)
        if match is None or match[2] not in TASKS:
            expected = "`Iter N, task T, loss L` and perhaps `, acc A, f1 F, p P, r R`"
            raise ValueError(
                f"{name}:{number}: {line!r} is not {expected} with T in {', '.join(TASKS)}; fetch it again"
            )
        values = [float("nan") if value is None else float(value) for value in match.groups()[2:]]
        rows.append((TASKS[match[2]], int(match[1]), *values))
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
    logs = {code: read_log(texts[f"{name}/loss_tr.log"], f"{name}/loss_tr.log") for name, code in TASKS.items()}
    curves = pd.DataFrame({code: log.set_index("iteration")["loss"] for code, log in logs.items()})
    return curves.loc[:SINGLE].rename_axis(columns="task")


def published_gains(single: int = SINGLE, pair: int = PAIR, best: bool = False) -> pd.DataFrame:
    """Return relative gains in percent of development F1, 100·(F1 of the pair − F1 alone)/F1 alone.

    Rows are main tasks, columns auxiliary ones, the diagonal NaN. F1 is read at iteration `single` of a task alone and
    `pair` of a pair: the defaults give the paper's 40 gains of 90. `best` reads the highest F1 up to there, which is
    chosen on the set it is measured on.

    Raises ValueError for an iteration without a line, MissingData where the logs are not here.
    """
    scores = published_scores()
    limit = scores["run"].str.contains("_").map({True: pair, False: single})
    read = scores[scores["iteration"] <= limit] if best else scores[scores["iteration"] == limit]
    f1 = read.groupby(["run", "task"])["f1"].max()
    if len(f1) < len(TASKS) ** 2:  # each task alone and in nine pairs
        raise ValueError(f"single={single}, pair={pair}: not in all logs; use multiples of 100 up to {SINGLE}, {PAIR}")
    gains = pd.DataFrame(index=pd.Index(TASKS.values(), name="main"), columns=pd.Index(TASKS.values(), name="aux"))
    for main, aux in permutations(TASKS, 2):
        alone, shared = f1[main, TASKS[main]], f1["_".join(sorted((main, aux))), TASKS[main]]
        gains.loc[TASKS[main], TASKS[aux]] = 100 * (shared - alone) / alone
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
    gains = pd.read_csv(paths.data() / "paper" / "bingel2017_gains.csv").pivot_table("gain", "main", "aux")
    return gains.loc[list(TASKS.values()), list(TASKS.values())]
