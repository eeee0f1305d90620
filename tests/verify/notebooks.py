"""Execute the committed notebooks again, on the committed records, and compare what they print; status is pytest's.

Nothing is trained: the runs that a notebook would make are laid out from the records first.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mt2st.experiments import runs, store

ROOT = Path(__file__).resolve().parents[2]
INI = ROOT / "tests" / "golden" / "pytest.ini"


def main() -> int:
    """Lay out records and runs in a scratch folder, then let nbval execute the notebooks there."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("recorded", "tuned"):
            shutil.copytree(ROOT / "data" / name, Path(folder) / "data" / name)
        os.environ |= {"MT2ST_OUTPUT": folder, "JUPYTER_PLATFORM_DIRS": "1", "OMP_NUM_THREADS": "1"}
        os.environ.pop("MT2ST_DATA_MIRROR", None)
        for record in runs.of(store.unpack(ROOT / "data" / "recorded" / "wiki.parquet"), "grid"):
            store.save(record, "wiki")
        command = [sys.executable, "-m", "pytest", "-c", str(INI), str(ROOT / "notebooks"), *sys.argv[1:]]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
