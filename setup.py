"""What pyproject.toml cannot say: a wheel brings copies of the committed data that the installed package reads."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("data/paper/*.csv", "data/recorded/relations.parquet")  # MANIFEST.in puts the same into an sdist


class BuildWithData(build_py):
    """Copy the data to `mt2st/shipped` of what is built; an editable install reads that of the checkout."""

    def run(self) -> None:
        """Build as ever, then copy."""
        super().run()
        if self.editable_mode:
            return
        for file in (found for pattern in SHIPPED for found in sorted(Path().glob(pattern))):
            copy = Path(self.build_lib, "mt2st", "shipped", file)
            copy.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(file), str(copy))


setup(cmdclass={"build_py": BuildWithData})
