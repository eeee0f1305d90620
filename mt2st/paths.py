"""Where things live on disk. Every other module asks here."""

import os
from pathlib import Path


def home() -> Path:
    """Return the project folder: `MT2ST_HOME`, else the checkout this package runs from, else the working folder."""
    if chosen := os.environ.get("MT2ST_HOME"):
        return Path(chosen).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "notebooks").is_dir() else Path.cwd()


def data() -> Path:
    """Folder of committed small data: the paper's tables and the recorded runs."""
    return home() / "data"


def cache() -> Path:
    """Git-ignored folder for what is derived once: parsed text and trained vectors."""
    folder = Path(os.environ.get("MT2ST_CACHE") or data() / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def downloads() -> Path:
    """Git-ignored folder for fetched data sets."""
    return data() / "downloads"


def mirror() -> Path | None:
    """Return the local data mirror `MT2ST_DATA_MIRROR`, looked in before anything is fetched."""
    chosen = os.environ.get("MT2ST_DATA_MIRROR")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"MT2ST_DATA_MIRROR={chosen} is not a folder; correct it or unset it")
    return folder


def output() -> Path:
    """Folder under which results, figures, records and README are written: `MT2ST_OUTPUT`, else the project folder."""
    chosen = os.environ.get("MT2ST_OUTPUT")
    return Path(chosen).expanduser().resolve() if chosen else home()


def readme() -> Path:
    """Return the README whose block of results is kept up to date."""
    return output() / "README.md"


def results(profile: str) -> Path:
    """Git-ignored folder of one profile's run folders and executed notebooks on this machine."""
    return output() / "results" / profile


def figures(profile: str) -> Path:
    """Folder of one profile's tables and figures."""
    return output() / "figures" / profile


def recorded(profile: str) -> Path:
    """Return the compact record of one profile's runs, from which tables and figures are rebuilt."""
    return output() / "data" / "recorded" / f"{profile}.parquet"


def tuned(profile: str) -> Path:
    """Return the table of a profile's tuning trials, from which every arm's settings are taken."""
    return output() / "data" / "tuned" / f"{profile}.csv"


def notebooks() -> Path:
    """Folder of the source notebooks."""
    return home() / "notebooks"
