"""The guard itself: goldens belong to the source notebooks, were executed, and a changed number is noticed."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

HERE = Path(__file__).parent
SOURCES = sorted((HERE.parents[1] / "notebooks").glob("0[0-5]_*.ipynb"))  # the others only read records: tests/verify
sys.path.insert(0, str(HERE))

from scratch import IGNORED  # noqa: E402

SHOWN = {"text/plain", "text/html"}  # of tables; pictures cannot be compared


def code_cells(file: Path) -> list[NotebookNode]:
    """Code cells of a notebook, without those papermill injected."""
    cells = nbformat.read(file, as_version=4).cells
    return [c for c in cells if c.cell_type == "code" and "injected-parameters" not in c.metadata.get("tags", [])]


@pytest.mark.parametrize("source", SOURCES, ids=lambda file: file.stem)
def test_golden_was_executed_from_its_source(source: Path) -> None:
    golden = code_cells(HERE / source.name)
    assert [cell.source for cell in golden] == [cell.source for cell in code_cells(source)]
    assert all(cell.execution_count for cell in golden)


@pytest.mark.parametrize("source", SOURCES, ids=lambda file: file.stem)
def test_golden_guards_printed_numbers(source: Path) -> None:
    guarded = [c for c in code_cells(HERE / source.name) if c.outputs and IGNORED not in c.metadata.get("tags", [])]
    assert len(guarded) >= 3
    for output in (output for cell in guarded for output in cell.outputs):
        assert output.get("name") == "stdout" or set(output.get("data", {})) <= SHOWN


def nbval(notebook: Path) -> subprocess.CompletedProcess[str]:
    """Check one notebook in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), "-n", "0", str(notebook)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE.parents[1])


def test_changing_one_number_fails_the_guard(tmp_path: Path) -> None:
    notebook = nbformat.read(HERE / "05_everything.ipynb", as_version=4)
    changed = tmp_path / "changed.ipynb"
    nbformat.write(notebook, changed)
    assert nbval(changed).returncode == 0

    tables = (o.get("data", {}) for cell in notebook.cells for o in cell.get("outputs", []))
    table = next(data for data in tables if "original" in data.get("text/html", ""))
    number = re.search(r"\d(?=\D*</td>)", table["text/html"])
    assert number is not None
    digit = str((int(number.group()) + 1) % 10)
    table["text/html"] = table["text/html"][: number.start()] + digit + table["text/html"][number.end() :]
    nbformat.write(notebook, changed)
    failed = nbval(changed)
    assert failed.returncode == 1
    assert "Cell execution caused an exception" not in failed.stdout
