import ast
import importlib
import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
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
from mt2st.data.sources import SOURCES
from mt2st.experiments import environment, parameters
from mt2st.experiments.batch import DATA_NOTEBOOK, READING_NOTEBOOKS
from mt2st.experiments.plans import EXPERIMENTS
from mt2st.experiments.profiles import PROFILES
from mt2st.experiments.strategies import STRATEGIES
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


def tree_of(file: Path) -> ast.Module:
    return ast.parse("\n".join(cell.source for cell in code_of(file)))


def test_every_dependency_is_pinned(project: dict[str, Any], pins: dict[str, str]) -> None:
    listed = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["test"]]
    assert {canonicalize_name(Requirement(text).name) for text in listed} <= set(pins)


def test_what_the_dependencies_need_is_pinned_too(project: dict[str, Any], pins: dict[str, str]) -> None:
    waiting = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["test"]]
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
    for text in project["project"]["dependencies"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_recorded_packages_are_pinned(pins: dict[str, str]) -> None:
    assert {canonicalize_name(name) for name in environment.PACKAGES} <= set(pins)


def test_conda_installs_what_make_installs(recipe: dict[str, Any], project: dict[str, Any]) -> None:
    *packages, by_pip = recipe["dependencies"]
    assert recipe["name"] == project["project"]["name"]
    assert by_pip == {"pip": ["-c constraints.txt", "-e .[test]"]}
    python = next(package.partition("=")[2] for package in packages if package.startswith("python="))
    assert SpecifierSet(project["project"]["requires-python"]).contains(python)
    install = re.search(r"pip install .*", (ROOT / "Makefile").read_text(encoding="utf-8")).group()
    assert "--constraint constraints.txt" in install
    assert "'.[test]'" in install


def test_the_version_is_the_same_everywhere(project: dict[str, Any]) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["project"]["version"] == mt2st.__version__ == citation["version"]


def test_the_command_is_there(project: dict[str, Any]) -> None:
    module, _, name = project["project"]["scripts"]["mt2st"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_the_template_is_part_of_the_package(project: dict[str, Any]) -> None:
    (pattern,) = project["tool"]["setuptools"]["package-data"]["mt2st.report"]
    assert [file.name for file in (ROOT / "mt2st" / "report").glob(pattern)] == ["index.html"]


def test_there_is_a_notebook_for_each_strategy_one_on_data_and_those_that_read_the_record() -> None:
    expected = [DATA_NOTEBOOK, *(row.notebook for row in STRATEGIES.values()), *READING_NOTEBOOKS]
    assert [file.stem for file in NOTEBOOKS] == expected


def test_lists_name_notebooks_data_sets_and_experiments_that_there_are() -> None:
    numbers = {file.stem[:2] for file in NOTEBOOKS}
    assert {number for profile in PROFILES.values() for number in profile.notebooks} <= numbers
    assert {exhibit.notebook for exhibit in EXHIBITS.values()} <= {"", *numbers}
    assert {exhibit.experiment for exhibit in EXHIBITS.values()} <= EXPERIMENTS.keys()
    assert {name for experiment in EXPERIMENTS.values() for name in experiment.needs} <= SOURCES.keys()
    assert {number for experiment in EXPERIMENTS.values() for number in experiment.notebooks} <= numbers


@each_notebook
def test_parameters_are_literals_with_type_and_help_that_the_check_knows(file: Path) -> None:
    found = parameters_of(file)
    assert found[0]["name"] == "profile"
    for line in found:
        value = ast.literal_eval(line["value"])
        assert type(value) is parameters.known()[line["name"]]
        assert line["type"] == type(value).__name__


@each_notebook
def test_the_next_cell_checks_the_parameters(file: Path) -> None:
    cells = code_of(file)
    at = next(i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", []))
    assert at == 1  # only imports come before
    assert cells[at + 1].source.startswith("settings = parameters.validate(globals())")
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
    assert cells[0].source.startswith(f"# {file.stem[:2]} · ")
    assert any("conclude" in cell.source for cell in cells[-2:])
