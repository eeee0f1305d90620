"""Make the golden notebooks: each source notebook executed by papermill, at the smoke scale or on a committed record."""

import sys
import tempfile
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from scratch import RECORD, STUDY, scratch_project  # noqa: E402


def main() -> None:
    """Execute all notebooks into this folder."""
    with tempfile.TemporaryDirectory() as folder, scratch_project(Path(folder)):
        from mt2st.experiments import batch, profiles

        smoke, recorded, study = (profiles.find_profile(name) for name in ("smoke", RECORD, STUDY))
        jobs = batch.plan_jobs(smoke, seeds=2, device="cpu", chosen=smoke.notebooks)
        jobs += batch.plan_jobs(recorded, seeds=2, device="cpu", chosen=["06", "07", "08"])
        jobs += batch.plan_jobs(study, seeds=1, device="cpu", chosen=["09", "10"])
        for job in jobs:
            notebook = nbformat.read(batch.execute_notebook(job), as_version=4)
            for part in [notebook, *notebook.cells]:  # times and paths of this machine
                part.metadata.pop("papermill", None)
                part.metadata.pop("execution", None)
            for cell in notebook.cells:
                if "nbval-ignore-output" in cell.metadata.get("tags", []):
                    cell.outputs = []  # not compared; pictures would only weigh
            nbformat.write(notebook, HERE / f"{job.notebook}.ipynb")
            print(f"made {job.notebook}")


if __name__ == "__main__":
    main()
