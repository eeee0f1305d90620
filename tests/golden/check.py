"""Execute the golden notebooks again under nbval and compare what they print; the exit status is pytest's."""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from scratch import scratch_project  # noqa: E402


def main() -> int:
    """Train the smoke runs anew in a scratch folder, then let pytest check the notebooks and their guard."""
    with tempfile.TemporaryDirectory() as folder, scratch_project(Path(folder)):
        command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), str(HERE), *sys.argv[1:]]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
