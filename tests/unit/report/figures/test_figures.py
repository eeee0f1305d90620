from pathlib import Path

import matplotlib.pyplot as plt

from mt2st.report import figures


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    figures.use_style()
    written = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        figure, axes = plt.subplots()
        axes.plot([1, 2])
        written.append(figures.save(figure, tmp_path / name / "figure_02"))
    assert [[file.name for file in files] for files in written] == [["figure_02.png", "figure_02.pdf"]] * 2
    for one, other in zip(*written, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert written[0][0].read_bytes().startswith(b"\x89PNG")
    assert written[0][1].read_bytes().startswith(b"%PDF")
    assert plt.get_fignums() == []
