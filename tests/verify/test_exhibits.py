"""All committed tables, figures and blocks of documents are those that the committed records give."""

from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from matplotlib.image import imread

from mt2st import paths
from mt2st.report import page
from mt2st.report.crossing import TITLES
from mt2st.report.exhibits import EXHIBITS, Evidence


@pytest.mark.parametrize("name", EXHIBITS)
def test_an_exhibit_comes_out_as_committed(name: str, evidence: Evidence, tmp_path: Path) -> None:
    folder = ROOT / "figures" / evidence.profile.name
    if EXHIBITS[name] not in evidence.exhibits:
        assert not list(folder.glob(f"{name}.*"))
        return
    page.write(EXHIBITS[name], evidence, tmp_path)
    made = {file.name for file in tmp_path.iterdir()}
    assert made == {file.name for file in folder.glob(f"{name}.*")}
    for file in sorted(made):
        if file.endswith((".csv", ".md", ".tex")):
            assert (folder / file).read_text(encoding="utf-8") == (tmp_path / file).read_text(encoding="utf-8")
    if f"{name}.png" in made:
        old, new = (imread(at / f"{name}.png") for at in (folder, tmp_path))
        assert old.shape == new.shape
        assert np.abs(old - new).mean() < 0.002  # of 1: other fonts or lines come to more


def test_no_other_files_are_committed(evidence: Evidence) -> None:
    names = {exhibit.name for exhibit in evidence.exhibits}
    assert {file.stem for file in (ROOT / "figures" / evidence.profile.name).iterdir()} == names


def _documents() -> str:
    return "".join((ROOT / file.name).read_text(encoding="utf-8") for file in paths.documents())


def test_the_blocks_of_the_documents_are_those_of_the_records(evidence: Evidence) -> None:
    for name, block in page.blocks(evidence).items():
        if f"<!-- {name} -->" in _documents():
            assert f"<!-- {name} -->\n{block}<!-- end -->" in _documents()


def test_the_crossings_in_short_are_those_of_their_tables() -> None:
    assert f"<!-- crossings -->\n{page.crossings_block()}<!-- end -->" in _documents()
    assert page.crossings_block().count("\n") == 2 * (1 + len(TITLES))


def test_the_documents_show_every_profile() -> None:
    for block in (
        "answer:imdb",
        "results:wiki",
        "results:imdb",
        "pairs:relations",
        "pairs:text-relations",
        *(f"{block}:{name}" for name in ("relations", "text-relations") for block in ("relatedness", "measures")),
        "paying:imdb-semi",
        "arms:imdb-semi",
        "elsewhere:imdb-semi",
        "agreement:imdb-semi",
        "gradients:imdb-semi",
        "crossing:imdb-crossing",
        "sizes:imdb-crossing",
        "crossing:imdb-semi",
        "sizes:imdb-semi",
        "crossing:pos-crossing",
        "sizes:pos-crossing",
        "sharing:pos-crossing",
        "architectures:pos-crossing",
        "crossing:names-crossing",
        "sizes:names-crossing",
        "languages:names-crossing",
        "translations:names-crossing",
        "crossing:digits",
        "sizes:digits",
        "walk:imdb",
        "crossing:wiki",
        "sizes:wiki",
        "sampling:pos-crossing",
        "samplings:pos-crossing",
        "sampling:wiki",
        "samplings:wiki",
        "sharing:wiki",
        "architectures:wiki",
    ):
        assert _documents().count(f"<!-- {block} -->") == 1
