import io
import tarfile
from pathlib import Path

import pytest
from packages import put_package

from mt2st.data import sources
from mt2st.data.tags import framenet

TEXT = "They took the offer off streets ."
XML = """<?xml version="1.0" encoding="UTF-8"?>
<fullTextAnnotation xmlns="http://framenet.icsi.berkeley.edu">
<sentence ID="7"><text>They took the offer off streets .</text>
<annotationSet status="UNANN" ID="1"><layer name="PENN"><label start="0" end="3" name="PRP"/></layer></annotationSet>
<annotationSet frameName="Removing" status="MANUAL" ID="2"><layer name="Target">
<label start="5" end="8" name="Target"/><label start="20" end="22" name="Target"/></layer>
<layer name="FE"><label start="0" end="3" name="Agent"/></layer></annotationSet>
<annotationSet frameName="Roadways" status="MANUAL" ID="3"><layer name="Target">
<label start="24" end="30" name="Target"/></layer></annotationSet>
<annotationSet frameName="Roadways" status="MANUAL" ID="4"><layer name="Target">
<label start="24" end="30" name="Target"/></layer></annotationSet>
<annotationSet frameName="Offering" status="UNANN" ID="5"><layer name="Target">
<label start="14" end="18" name="Target"/></layer></annotationSet>
</sentence>
<sentence ID="8"><text>Nobody looked here</text></sentence>
</fullTextAnnotation>"""
DOCUMENTS = {
    f"fulltext/{name}.xml": XML for name in ("ANC__110CYL067", "ANC__110CYL068", "ANC__110CYL072", "KBEval__LCC-M")
}


def test_targets_are_spans_of_their_frame_and_the_published_documents_the_parts(empty_mirror: Path) -> None:
    file = put_package(empty_mirror, framenet.NAME, DOCUMENTS | {"frame/Removing.xml": "<frame/>"})
    data = sources.load_tags("framenet")
    assert [len(part) for part in (data.train, data.validation, data.test)] == [2, 1, 1]
    assert data.train.sentences[0] == TEXT.split()
    assert data.train.tags[0] == ["O", "B-Removing", "O", "O", "B-Removing", "B-Roadways", "O"]
    assert data.files == (file,)


def test_the_archive_without_lexical_units_is_read_too(empty_mirror: Path) -> None:
    file = empty_mirror / f"{framenet.SMALL}.xz"
    with tarfile.open(file, "w:xz") as archive:
        for name, text in DOCUMENTS.items():
            member = tarfile.TarInfo(f"{framenet.NAME}/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    assert sources.load_tags("framenet").counts()["test"] == {"sentences": 1, "tokens": 7, "Removing": 2, "Roadways": 1}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("</sentence>", "", r"ANC__110CYL067\.xml:\d+: broken XML"),
        ('end="30"', 'end="33"', r"ANC__110CYL067\.xml: sentence 7: a target at characters 24 to 34 of 33"),
        ('end="30"', "", "sentence 7: a target at characters 24 to 0 of 33"),
    ],
)
def test_faults_are_named_by_their_place(empty_mirror: Path, old: str, new: str, problem: str) -> None:
    put_package(empty_mirror, framenet.NAME, {name: text.replace(old, new) for name, text in DOCUMENTS.items()})
    with pytest.raises(ValueError, match=problem):
        sources.load_tags("framenet")


def test_the_parts_share_no_document() -> None:
    assert (len(framenet.TEST), len(framenet.VALIDATION)) == (23, 8)
    assert not framenet.TEST & framenet.VALIDATION
