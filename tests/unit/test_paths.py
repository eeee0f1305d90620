from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from mt2st import paths

ROOT = Path(__file__).resolve().parents[2]


def test_home_is_the_checkout_the_package_runs_from() -> None:
    assert paths.home() == ROOT
    assert paths.data() == ROOT / "data"
    assert paths.notebooks() == ROOT / "notebooks"
    assert paths.downloads() == ROOT / "data" / "downloads"


def test_home_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT2ST_HOME", str(tmp_path))
    assert paths.home() == tmp_path
    assert paths.downloads() == tmp_path / "data" / "downloads"


def test_the_home_folder_of_the_user_can_be_abbreviated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MT2ST_HOME", "~/project")
    assert paths.home() == tmp_path / "project"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the package run from an installation, in a folder that is no project; return what it brings."""
    package = tmp_path / "site-packages" / "mt2st"
    (tmp_path / "called-in").mkdir()
    monkeypatch.setattr(paths, "__file__", str(package / "paths.py"))
    monkeypatch.chdir(tmp_path / "called-in")
    for name in ("OUTPUT", "CACHE"):
        monkeypatch.delenv(f"MT2ST_{name}")
    return package / "shipped"


@pytest.mark.usefixtures("installed")
def test_an_installed_package_takes_the_working_folder(tmp_path: Path) -> None:
    assert paths.project() is None
    assert paths.home() == tmp_path / "called-in"
    assert paths.results("wiki") == tmp_path / "called-in" / "results" / "wiki"
    assert paths.downloads() != tmp_path / "called-in" / "data" / "downloads"
    (tmp_path / "called-in" / "notebooks").mkdir()
    (tmp_path / "called-in" / "notebooks" / "00_data.ipynb").touch()  # called in a checkout
    assert paths.project() == tmp_path / "called-in"
    assert paths.downloads() == tmp_path / "called-in" / "data" / "downloads"


@pytest.mark.usefixtures("installed")
def test_an_installed_package_keeps_caches_in_the_cache_folder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_CACHE_HOME", "HOME"):  # of Linux, and of macOS
        monkeypatch.setenv(variable, str(tmp_path / "user"))
    of_user = platformdirs.user_cache_path("mt2st", appauthor=False)
    assert paths.downloads() == of_user / "downloads"
    assert paths.cache() == of_user / "cache"
    assert list((tmp_path / "called-in").iterdir()) == []
    monkeypatch.setenv("MT2ST_CACHE", str(tmp_path / "own"))
    assert paths.cache() == tmp_path / "own"
    assert paths.downloads() == of_user / "downloads"
    monkeypatch.setenv("MT2ST_HOME", str(tmp_path / "project"))
    assert paths.downloads() == tmp_path / "project" / "data" / "downloads"


@pytest.mark.parametrize(
    ("find", "name"),
    [
        (lambda: paths.find_recorded("wiki"), "data/recorded/wiki.parquet"),
        (lambda: paths.find_tuned("imdb"), "data/tuned/imdb.csv"),
        (lambda: paths.find_table("wiki", "crossing"), "figures/wiki/crossing.csv"),
        (lambda: paths.find_published("tables.csv"), "data/paper/tables.csv"),
    ],
)
def test_what_is_read_is_looked_for_in_the_output_the_project_and_the_package(
    find: Callable[[], Path], name: str, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MT2ST_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("MT2ST_HOME", str(tmp_path / "project"))
    assert find() == tmp_path / "output" / name  # nowhere: the message about it names where it would be written
    for folder in (installed, tmp_path / "project", tmp_path / "output"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
        assert find() == folder / name


@pytest.mark.usefixtures("installed")
def test_where_there_are_no_notebooks_it_is_said_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"{tmp_path}/called-in/notebooks has none: run this in a checkout"
    with pytest.raises(RuntimeError, match=said) as caught:
        paths.require_notebooks()
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("MT2ST_HOME", str(ROOT))
    paths.require_notebooks()


def test_where_the_extra_is_not_installed_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "EXECUTE_NOTEBOOKS", ("papermill", "no_such_kernel"))
    with pytest.raises(RuntimeError, match=r"executed with no_such_kernel: install the extra, .*\.\[notebooks\]"):
        paths.require_notebooks()


def test_everything_lies_under_home_where_nothing_else_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MT2ST_HOME", str(tmp_path))
    for name in ("OUTPUT", "CACHE"):
        monkeypatch.delenv(f"MT2ST_{name}")
    assert paths.results("wiki") == tmp_path / "results" / "wiki"
    assert paths.figures("wiki") == tmp_path / "figures" / "wiki"
    assert paths.recorded("wiki") == tmp_path / "data" / "recorded" / "wiki.parquet"
    assert paths.cache() == tmp_path / "data" / "cache"


def test_the_folder_of_all_output_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OUTPUT", "CACHE"):
        monkeypatch.setenv(f"MT2ST_{name}", str(tmp_path / name))
    assert paths.results("smoke") == tmp_path / "OUTPUT" / "results" / "smoke"
    assert paths.figures("smoke") == tmp_path / "OUTPUT" / "figures" / "smoke"
    assert paths.recorded("smoke") == tmp_path / "OUTPUT" / "data" / "recorded" / "smoke.parquet"
    assert [file.name for file in paths.documents()] == ["README.md", "RESULTS.md", "RELATIONS.md"]
    assert {file.parent for file in paths.documents()} == {tmp_path / "OUTPUT"}
    assert paths.cache() == tmp_path / "CACHE"


def test_only_the_cache_is_made_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT2ST_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("MT2ST_CACHE", str(tmp_path / "deep" / "cache"))
    paths.results("wiki")
    paths.cache()
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["deep", "deep/cache"]


def test_there_is_no_mirror_unless_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.mirror() is None
    monkeypatch.setenv("MT2ST_DATA_MIRROR", "")
    assert paths.mirror() is None
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path))
    assert paths.mirror() == tmp_path


def test_a_mirror_that_is_no_folder_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT2ST_DATA_MIRROR", str(tmp_path / "typo"))
    with pytest.raises(FileNotFoundError, match=r"MT2ST_DATA_MIRROR=.*typo is not a folder; correct it or unset it"):
        paths.mirror()


@pytest.mark.parametrize(("name", "key"), [("01_single_task", "01"), ("start_here", "start"), ("10", "10")])
def test_a_notebook_is_called_by_what_stands_before_its_first_underscore(name: str, key: str) -> None:
    assert paths.notebook_key(name) == key
