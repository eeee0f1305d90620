"""The documents' Python is executed, in a folder with the file and the model that it speaks of."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mt2st import cli
from mt2st.models import ENCODERS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(ROOT.glob("*.md"))
TEXTS = {file.name: file.read_text(encoding="utf-8") for file in DOCUMENTS}
BLOCKS = re.findall(r"```python\n(.*?)```", "".join(TEXTS.values()), re.DOTALL)


@pytest.fixture(scope="module")
def folder(shared_cache: Path, made_up_reviews: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write reviews that one word tells apart, and train on them."""
    at = tmp_path_factory.mktemp("readme")
    made_up_reviews.to_csv(at / "reviews.csv", index=False)
    options = "--text review --label sentiment --embedding cbow --auxiliary casing --epochs 2 --hidden 8"
    out = ["--data", str(at / "reviews.csv"), "--out", str(at / "my-model"), "--dimensions", "8"]
    assert cli.main(["train", *options.split(), *out]) == 0
    return at


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[-1][:40])
def test_a_block_runs(block: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setitem(ENCODERS, "convolution", ENCODERS["bag"])  # is taken out again
    names: dict[str, Any] = {}
    exec(block, names)
    if "made" in names:
        assert {task.name for task in names["made"].auxiliaries} == {"synonyms", "casing"}
        good, great = (names["made"].model.table[names["words"].index[word]] for word in ("good", "great"))
        assert float((good - great).detach().square().mean()) < 0.01  # the task of one's own has pulled them together
    if "Convolution" in names:
        assert ENCODERS["convolution"] is names["Convolution"]


def test_there_are_blocks() -> None:
    assert len(BLOCKS) == 3


@pytest.mark.parametrize("name", TEXTS)
def test_the_commands_and_files_that_it_names_are_there(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make (\w+)", TEXTS[name])):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for link in re.findall(r"\]\(((?!http)[^)#]+)\)", TEXTS[name]):
        assert (ROOT / link).exists(), link


def test_the_readme_is_short_and_leads_to_the_other_documents() -> None:
    readme = TEXTS["README.md"]
    assert len(readme.splitlines()) < 100
    for name in TEXTS.keys() - {"README.md"}:
        assert f"]({name})" in readme, name
