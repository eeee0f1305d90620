"""Where things live on disk. Every other module asks here.

`MT2ST_HOME` names the project folder and `MT2ST_OUTPUT` another one to write to. What is read is looked for where it
is written, then in the project folder, then in what an installed package brings.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path

FIRST_NOTEBOOK = "notebooks/00_data.ipynb"  # a folder with it is a checkout
EXECUTE_NOTEBOOKS = ("papermill", "ipykernel", "ipywidgets", "nbconvert")  # of the extra `notebooks`


def project() -> Path | None:
    """Return `MT2ST_HOME`, else the checkout this package runs from or is called in, if there is one."""
    if chosen := os.environ.get("MT2ST_HOME"):
        return Path(chosen).expanduser().resolve()
    folders = (Path(__file__).resolve().parents[1], Path.cwd())
    return next((folder for folder in folders if (folder / FIRST_NOTEBOOK).exists()), None)


def home() -> Path:
    """Return the project folder, else the working folder."""
    return project() or Path.cwd()


def data() -> Path:
    """Folder of committed small data: the paper's tables and the recorded runs."""
    return home() / "data"


def cache() -> Path:
    """Folder for what is derived once, parsed text and trained vectors: `MT2ST_CACHE`, else beside `downloads`."""
    folder = Path(os.environ.get("MT2ST_CACHE") or _made_here() / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def downloads() -> Path:
    """Folder for fetched data sets."""
    return _made_here() / "downloads"


def _made_here() -> Path:
    """Folder of what is not committed: that of data where there is a project, else the user's cache folder."""
    return data() if project() else user_cache_path("mt2st", appauthor=False)


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


def documents() -> list[Path]:
    """Return the documents whose blocks of results are kept up to date."""
    return [output() / name for name in ("README.md", "RESULTS.md", "RELATIONS.md")]


def results(profile: str) -> Path:
    """Git-ignored folder of one profile's run folders and executed notebooks on this machine."""
    return output() / "results" / profile


def figures(profile: str) -> Path:
    """Folder of one profile's tables and figures."""
    return output() / "figures" / profile


def find_table(profile: str, name: str) -> Path:
    """Return a table of a profile to read, as it was last written; where it would be written if there is none."""
    return _find(f"figures/{profile}/{name}.csv")


def recorded(profile: str) -> Path:
    """Return where the compact record of one profile's runs is written."""
    return output() / _RECORDED.format(profile)


def find_recorded(profile: str) -> Path:
    """Return the record to read, from which tables and figures are rebuilt; `recorded` where there is none."""
    return _find(_RECORDED.format(profile))


def tuned(profile: str) -> Path:
    """Return where the table of a profile's tuning trials is written."""
    return output() / _TUNED.format(profile)


def find_tuned(profile: str) -> Path:
    """Return the table of trials to read, from which every arm's settings are taken; `tuned` where there is none."""
    return _find(_TUNED.format(profile))


def find_published(name: str) -> Path:
    """Return a committed table of published numbers, such as "tables.csv"."""
    return _find(f"data/paper/{name}")


def notebooks() -> Path:
    """Folder of the source notebooks."""
    return home() / "notebooks"


def notebook_key(name: str) -> str:
    """Return what commands and lists call a notebook: its name up to the first underscore, such as "01" or "start"."""
    return name.partition("_")[0]


def require_notebooks() -> None:
    """Raise RuntimeError that says what to get where the notebooks, or the packages that execute them, are not here."""
    if not (home() / FIRST_NOTEBOOK).exists():
        raise RuntimeError(
            f"the project's notebooks are needed, and {notebooks()} has none: run this in a checkout of the project, "
            "or name its folder by MT2ST_HOME"
        )
    if missing := [name for name in EXECUTE_NOTEBOOKS if find_spec(name) is None]:
        raise RuntimeError(
            f"notebooks are executed with {', '.join(missing)}: install the extra, `pip install -c constraints.txt "
            "-e '.[notebooks]'` in the checkout"
        )


_RECORDED, _TUNED = "data/recorded/{}.parquet", "data/tuned/{}.csv"


def _find(name: str) -> Path:
    """Return the first such file of the output folder, the project folder and the package, or where it would be."""
    shipped = Path(__file__).parent / "shipped"  # copies that setup.py puts into a wheel
    places = [folder / name for folder in (output(), home(), shipped)]
    return next((file for file in places if file.exists()), places[0])
