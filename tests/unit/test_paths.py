from pathlib import Path

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


def test_an_installed_package_takes_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "mt2st" / "paths.py"))
    monkeypatch.chdir(tmp_path)
    assert paths.home() == tmp_path


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
    assert paths.readme() == tmp_path / "OUTPUT" / "README.md"
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
