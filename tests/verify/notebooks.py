"""Execute the committed notebooks again, on the committed records, and compare what they show; status is pytest's.

Nothing is trained: notebooks read the runs that the records have.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from mt2st.data import bingel2017

ROOT = Path(__file__).resolve().parents[2]
INI = ROOT / "tests" / "golden" / "pytest.ini"
NEEDS_LOGS, IGNORED = "needs-logs", "nbval-ignore-output"  # tags of cells


def main() -> int:
    """Lay out records and notebooks in a scratch folder, then let nbval execute the notebooks there."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("recorded", "tuned"):
            shutil.copytree(ROOT / "data" / name, Path(folder) / "data" / name)
        os.environ |= {"MT2ST_OUTPUT": folder, "JUPYTER_PLATFORM_DIRS": "1", "OMP_NUM_THREADS": "1"}
        copies = copy_notebooks(Path(folder) / "notebooks")
        command = [sys.executable, "-m", "pytest", "-c", str(INI), str(copies), *sys.argv[1:]]
        return subprocess.run(command, check=False).returncode


def copy_notebooks(to: Path) -> Path:
    """Copy the notebooks; where the logs that some cells read are not here, what these show is not compared."""
    to.mkdir()
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(file, as_version=4)
        for cell in notebook.cells:
            tags = cell.metadata.get("tags", [])
            if NEEDS_LOGS in tags and bingel2017.missing():
                cell.metadata["tags"] = [*tags, IGNORED]
        nbformat.write(notebook, to / file.name)
    return to


if __name__ == "__main__":
    sys.exit(main())
