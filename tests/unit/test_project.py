import ast
import importlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
import yaml
from nbformat import NotebookNode
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import mt2st
from mt2st import paths
from mt2st.data.sources import SOURCES
from mt2st.experiments import environment, parameters
from mt2st.experiments.batch import DATA_NOTEBOOK, READING_NOTEBOOKS
from mt2st.experiments.plans import EXPERIMENTS
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.strategies import STRATEGIES
from mt2st.relations import predictor
from mt2st.report.exhibits import EXHIBITS

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINE = re.compile(r"(?P<name>\w+): (?P<type>\w+) = (?P<value>.+?)  # (?P<help>\S.*)")
each_notebook = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    """Return the version of each package in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    found = dict(re.fullmatch(r"([\w.-]+)==([\w.+]+)", line).groups() for line in wanted)
    assert len(found) == len(wanted)
    return {canonicalize_name(name): version for name, version in found.items()}


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def code_of(file: Path) -> list[NotebookNode]:
    """Return the code cells of a notebook."""
    return [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]


def parameters_of(file: Path) -> list[re.Match[str]]:
    """Return the lines of the cell tagged "parameters", of which there has to be one."""
    (cell,) = (cell for cell in code_of(file) if "parameters" in cell.metadata.get("tags", []))
    matches = [LINE.fullmatch(line) for line in cell.source.splitlines()]
    assert None not in matches
    return [match for match in matches if match]


def listed(project: dict[str, Any]) -> list[str]:
    """Return all requirements, those of the extras too."""
    return [*project["project"]["dependencies"], *chain(*project["project"]["optional-dependencies"].values())]


def strategy_of(file: Path) -> str:
    """Return what a notebook's check of its parameters says that it trains, "" for nothing."""
    (call,) = (
        node
        for node in ast.walk(tree_of(file))
        if ast.unparse(node).startswith("parameters.validate(globals()") and isinstance(node, ast.Call)
    )
    return ast.literal_eval(call.args[1]) if call.args[1:] else ""


def tree_of(file: Path) -> ast.Module:
    return ast.parse("\n".join(cell.source for cell in code_of(file)))


def test_every_dependency_is_pinned(project: dict[str, Any], pins: dict[str, str]) -> None:
    assert {canonicalize_name(Requirement(text).name) for text in listed(project)} <= set(pins)


def test_what_the_dependencies_need_is_pinned_too(project: dict[str, Any], pins: dict[str, str]) -> None:
    waiting = listed(project)
    seen: set[str] = set()
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        wanted = any(
            requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            for extra in ["", *requirement.extras]
        )
        if name in seen or not wanted:
            continue
        seen.add(name)
        try:
            # Which packages torch needs depends on its build: with CUDA or without.
            waiting += [] if name == "torch" else requires(name) or []
        except PackageNotFoundError:
            continue
    installers = {"setuptools"}  # pip brings its own
    assert seen - installers <= set(pins)


def test_versions_are_pinned_that_the_project_allows(project: dict[str, Any], pins: dict[str, str]) -> None:
    for text in listed(project):
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_recorded_packages_are_pinned(pins: dict[str, str]) -> None:
    assert {canonicalize_name(name) for name in environment.PACKAGES} <= set(pins)


def test_conda_installs_what_make_installs(recipe: dict[str, Any], project: dict[str, Any]) -> None:
    *packages, by_pip = recipe["dependencies"]
    assert recipe["name"] == project["project"]["name"]
    assert by_pip == {"pip": ["-c constraints.txt", "-e .[notebooks,gradients,test]"]}
    python = next(package.partition("=")[2] for package in packages if package.startswith("python="))
    assert SpecifierSet(project["project"]["requires-python"]).contains(python)
    install = re.search(r"pip install .*", (ROOT / "Makefile").read_text(encoding="utf-8")).group()
    assert "--constraint constraints.txt" in install
    assert "'.[notebooks,gradients,test]'" in install


def test_the_version_is_the_same_everywhere(project: dict[str, Any]) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["project"]["version"] == mt2st.__version__ == citation["version"]


def test_the_command_is_there(project: dict[str, Any]) -> None:
    module, _, name = project["project"]["scripts"]["mt2st"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """Build an sdist from a copy of the project, and the wheel from that, without network; return their files."""
    pytest.importorskip("setuptools")
    at = tmp_path_factory.mktemp("built")
    for name in ("mt2st", "data/paper", "data/recorded"):
        shutil.copytree(ROOT / name, at / "copy" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, at / "copy" / name)
    build = f"from setuptools.build_meta import build_sdist; build_sdist({str(at)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=at / "copy", check=True, capture_output=True)
    (sdist,) = at.glob("*.tar.gz")
    wheel = ["wheel", str(sdist), "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(at)]
    subprocess.run([sys.executable, "-m", "pip", *wheel], cwd=at, check=True, capture_output=True)
    (file,) = at.glob("*.whl")
    with tarfile.open(sdist) as packed, zipfile.ZipFile(file) as archive:
        return {name.partition("/")[2] for name in packed.getnames()}, set(archive.namelist())


def test_a_wheel_has_the_package_and_the_data_that_it_reads_and_no_more(built: tuple[set[str], set[str]]) -> None:
    wheel = {name for name in built[1] if ".dist-info/" not in name}
    modules = {str(file.relative_to(ROOT)) for file in (ROOT / "mt2st").rglob("*.py")}
    published = {f"mt2st/shipped/data/paper/{file.name}" for file in (ROOT / "data" / "paper").iterdir()}
    templates = {str(file.relative_to(ROOT)) for file in (ROOT / "mt2st" / "report" / "templates").iterdir()}
    assert wheel == modules | published | templates | {
        "mt2st/py.typed",
        f"mt2st/shipped/data/recorded/{predictor.STUDY}.parquet",
    }


def test_an_sdist_has_what_a_wheel_is_made_of(built: tuple[set[str], set[str]]) -> None:
    needed = {"pyproject.toml", "setup.py", "README.md", "LICENSE", "constraints.txt", "mt2st/py.typed"}
    data = {name.removeprefix("mt2st/shipped/") for name in built[1] if name.startswith("mt2st/shipped/")}
    assert needed | data <= built[0]
    assert f"data/recorded/{predictor.STUDY}.parquet" in built[0]


def test_the_library_imports_nothing_that_only_notebooks_need(project: dict[str, Any]) -> None:
    extra = {Requirement(text).name for text in project["project"]["optional-dependencies"]["notebooks"]}
    assert set(paths.EXECUTE_NOTEBOOKS) <= extra
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in (ROOT / "mt2st").rglob("*.py")]
    hidden = f"import sys; sys.modules.update(dict.fromkeys({sorted(extra | {'IPython', 'nbformat'})!r}))"
    modules = ", ".join(name.removesuffix(".__init__") for name in names)
    done = subprocess.run(
        [sys.executable, "-c", f"{hidden}; import {modules}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_there_is_a_notebook_for_each_strategy_one_on_data_and_those_that_read_the_record() -> None:
    expected = [DATA_NOTEBOOK, *(row.notebook for row in STRATEGIES.values()), *READING_NOTEBOOKS]
    assert [file.stem for file in NOTEBOOKS] == expected


def test_lists_name_notebooks_data_sets_and_experiments_that_there_are() -> None:
    numbers = {paths.notebook_key(file.stem) for file in NOTEBOOKS}
    assert {number for profile in PROFILES.values() for number in profile.notebooks} <= numbers
    assert {exhibit.notebook for exhibit in EXHIBITS.values()} <= {"", *numbers}
    assert {exhibit.experiment for exhibit in EXHIBITS.values()} <= EXPERIMENTS.keys()
    needed = {name for one in EXPERIMENTS.values() for profile in PROFILES.values() for name in one.needs(profile)}
    assert needed <= SOURCES.keys()
    assert {number for experiment in EXPERIMENTS.values() for number in experiment.notebooks} <= numbers


@each_notebook
def test_parameters_are_literals_with_type_and_help_that_the_check_knows(file: Path) -> None:
    values = {line["name"]: ast.literal_eval(line["value"]) for line in parameters_of(file)}
    assert {name: type(value) for name, value in values.items()} == parameters.known(strategy_of(file))
    assert next(iter(values)) == "profile"
    assert [line["type"] for line in parameters_of(file)] == [type(value).__name__ for value in values.values()]


def test_a_notebook_checks_the_parameters_of_the_strategy_that_it_trains() -> None:
    trained = {row.notebook: row.name for row in STRATEGIES.values()} | {DATA_NOTEBOOK: "single"}
    assert {file.stem: strategy_of(file) for file in NOTEBOOKS} == dict.fromkeys(READING_NOTEBOOKS, "") | trained


@each_notebook
def test_the_next_cell_checks_the_parameters(file: Path) -> None:
    cells = code_of(file)
    at = next(i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", []))
    assert at == 1  # only imports come before
    assert cells[at + 1].source.startswith("settings = parameters.validate(globals()")
    assert all(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(cells[0].source).body)


@each_notebook
def test_a_notebook_defines_no_function_and_no_class(file: Path) -> None:
    defined = [
        node
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    assert defined == []


@each_notebook
def test_a_notebook_uses_names_that_the_library_has(file: Path) -> None:
    tree = tree_of(file)
    modules: dict[str, ModuleType] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mt2st"):
            source = importlib.import_module(node.module)
            for alias in node.names:
                if not hasattr(source, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                imported = getattr(source, alias.name)
                if isinstance(imported, ModuleType):
                    modules[alias.asname or alias.name] = imported
    assert modules
    used = {
        (node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    }
    assert [f"{name}.{attribute}" for name, attribute in used if not hasattr(modules[name], attribute)] == []
    assert {name for name, _ in used} == set(modules)


@each_notebook
def test_notebooks_are_committed_executed_from_top_to_bottom_and_without_errors(file: Path) -> None:
    cells = code_of(file)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert json.loads(file.read_text(encoding="utf-8"))["metadata"]["kernelspec"]["name"] == "python3"


@each_notebook
def test_a_notebook_begins_with_its_number_and_ends_with_a_conclusion(file: Path) -> None:
    cells = nbformat.read(file, as_version=4).cells
    name = cells[0].source.partition(" · ")[0].removeprefix("# ")
    assert paths.notebook_key(name.lower().replace(" ", "_")) == paths.notebook_key(file.stem)
    assert any("conclude" in cell.source for cell in cells[-4:])


@each_notebook
def test_a_notebook_links_its_neighbours_the_glossary_the_paper_and_its_code(file: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", nbformat.read(file, as_version=4).cells[0].source)
    order = [NOTEBOOKS[-1].name, *(other.name for other in NOTEBOOKS[:-1])]  # the tour comes first
    at = order.index(file.name)
    neighbours = {*order[max(at - 1, 0) : at + 2]} - {file.name}
    assert {*neighbours, "https://arxiv.org/abs/2406.18038"} <= set(links)
    assert file.name == order[0] or "start_here.ipynb#Glossary" in links
    assert any("NoakLiu/MT2ST-Word-Embeddings-Acceleration" in link for link in links)
