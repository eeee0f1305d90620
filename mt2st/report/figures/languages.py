"""Spanish beside English, drawn: names in test, and how well the table aligns words."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mt2st.experiments.languages import COMPARED, UNTOUCHED
from mt2st.experiments.strategies import SINGLE
from mt2st.report.figures.crossing import STYLES
from mt2st.report.figures.drawing import legend_of_marks, mark_rows
from mt2st.report.languages import OF_TABLE, SCORE

WAYS = {UNTOUCHED: ("#949494", "D")} | {way: STYLES[way][:2] for way in (SINGLE, *COMPARED)}  # colour and marker


def by_arm(frame: pd.DataFrame) -> Figure:
    """Draw `report.languages.by_arm`: F1 of names and alignment error, with 95% intervals, a row a set of tasks."""
    figure, (names, links) = plt.subplots(1, 2, figsize=(9.6, 3.6), sharey=True)
    trained = {way: style for way, style in WAYS.items() if way != UNTOUCHED}
    mark_rows(names, frame, "auxiliary tasks", SCORE, trained, spread=0.2)
    mark_rows(links, frame, "auxiliary tasks", OF_TABLE["alignment_error"], WAYS, spread=0.2)
    names.set_xlabel(f"test {SCORE} (%)")
    links.set_xlabel(f"{OF_TABLE['alignment_error']} (%), lower is better")
    legend_of_marks(figure, WAYS, linestyle="")
    return figure
