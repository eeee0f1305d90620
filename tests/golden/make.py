"""Make the golden notebooks: those that train, executed by papermill at the smoke scale."""

import sys
import tempfile
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from scratch import IGNORED, SEEDS, VARYING, scratch_project  # noqa: E402


def main() -> None:
    """Execute all notebooks into this folder."""
    with tempfile.TemporaryDirectory() as folder, scratch_project(Path(folder)):
        from mt2st.experiments import batch, profiles

        smoke = profiles.find_profile("smoke")
        for job in batch.plan_jobs(smoke, SEEDS, "cpu", smoke.notebooks):
            notebook = nbformat.read(batch.execute_notebook(job), as_version=4)
            for part in [notebook, *notebook.cells]:  # times and paths of this machine
                part.metadata.pop("papermill", None)
                part.metadata.pop("execution", None)
            for cell in notebook.cells:
                if VARYING in cell.metadata.get("tags", []):
                    cell.metadata["tags"].append(IGNORED)
                if IGNORED in cell.metadata.get("tags", []):
                    cell.outputs = []  # not compared; pictures would only weigh
            nbformat.write(notebook, HERE / f"{job.notebook}.ipynb")
            print(f"made {job.notebook}")


if __name__ == "__main__":
    main()
