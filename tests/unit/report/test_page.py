import base64
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure
from relations.made_up import records as pairs_made_up

from mt2st import paths, training
from mt2st.experiments import execution, runs
from mt2st.experiments.profiles import NAMES, STRATEGIES, Profile
from mt2st.experiments.runs import Record
from mt2st.relations import results
from mt2st.report import audit, replication, summary, tables
from mt2st.report import page as report
from mt2st.report.figures import paper as figures

Grid = Callable[[Profile, Sequence[str], int], list[Record]]
README = "# Title\n\n<!-- results:smoke -->\nold\n<!-- end -->\n\nafter <!-- results:wiki -->\nkept\n<!-- end -->\n"
DRAWN = [*(f"figure_{n:02d}" for n in range(2, 12)), "accuracy_by_strategy", "time_by_strategy", "time_to_target"]
FURTHER = ["claims", "time_to_target"]  # of `replication.tables`, where the grid alone was run


def with_costs(records: Sequence[Record]) -> list[Record]:
    """Return the records with seconds of the processor and operations."""
    return [
        replace(
            record,
            history=record.history.assign(cpu_seconds=record.history["train_seconds"]),
            scores=record.scores | {"flops": {"topic": 100} | dict.fromkeys(record.run.auxiliaries, 10)},
        )
        for record in records
    ]


@pytest.fixture
def records(grid_of: Grid, profile: Profile) -> list[Record]:
    """Return made-up records of one embedding and two seeds."""
    return with_costs(grid_of(profile, ["CBOW"], 2))


def save_small(figure: Figure, file: Path) -> list[Path]:
    """Stand in for `figures.save`: a small picture, which takes less time."""
    files = [file.with_suffix(".png"), file.with_suffix(".pdf")]
    figure.savefig(files[0], dpi=15)
    files[1].touch()
    plt.close(figure)
    return files


@pytest.fixture
def small_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "save", save_small)


@pytest.fixture(scope="module")
def built(grid_of: Grid, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Record]]:
    """Build tables, figures and page of packed records once, with no way to train; return page, figures, records."""
    from mt2st.experiments.profiles import PROFILES

    folder = tmp_path_factory.mktemp("report")
    made = with_costs(grid_of(PROFILES["smoke"], ["CBOW"], 2))

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a report trains nothing")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MT2ST_OUTPUT", str(folder))
        tables.paper_accuracy("mtl", "CBOW", "original")  # read from the checkout, before home is elsewhere
        tables.released_accuracy("mtl", "CBOW", "original")
        patch.setenv("MT2ST_HOME", str(folder))
        (folder / "README.md").write_text(README, encoding="utf-8")
        patch.setattr(figures, "save", save_small)
        patch.setattr(training, "fit", refuse)
        patch.setattr(execution, "fit", refuse)
        runs.pack(made, paths.recorded("smoke"))
        return report.build(PROFILES["smoke"]), paths.figures("smoke"), made


def page_of(profile: Profile, records: Sequence[Record], folder: Path, further: report.Further | None = None) -> str:
    folder.mkdir(exist_ok=True)
    return report.write_page(profile, records, further or {}, folder).read_text(encoding="utf-8")


def test_everything_is_rebuilt_from_the_packed_record(built: tuple[Path, Path, list[Record]]) -> None:
    _, folder, _ = built
    wanted = {f"{name}.{suffix}" for name in DRAWN for suffix in ("png", "pdf")}
    wanted |= {f"table_{number}.{suffix}" for number in (1, 2, 3) for suffix in ("csv", "md", "tex")}
    wanted |= {f"{name}.{suffix}" for name in FURTHER for suffix in ("csv", "md")}
    assert {file.name for file in folder.iterdir()} == wanted


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_tables_are_those_of_the_records(built: tuple[Path, Path, list[Record]], number: int) -> None:
    _, folder, made = built
    read = pd.read_csv(folder / f"table_{number}.csv")
    assert read.columns.tolist() == tables.COLUMNS
    expected = tables.table(number, runs.score_frame(made))
    assert read["accuracy_mean"].tolist() == pytest.approx(expected["accuracy_mean"].tolist(), abs=1e-5, nan_ok=True)
    glove = read[read["embedding"] == "GloveTwitter"]
    assert glove["note"].tolist() == ["needs glove-twitter-100: mt2st data fetch glove-twitter-100"] * 5


def test_the_page_shows_every_figure_as_it_was_drawn(built: tuple[Path, Path, list[Record]]) -> None:
    page, folder, _ = built
    shown = re.findall(r'<figure id="(\w+)">.*?base64,([^"]+)"', page.read_text(encoding="utf-8"))
    assert [name for name, _ in shown] == DRAWN
    for name, data in shown:
        assert base64.b64decode(data) == (folder / f"{name}.png").read_bytes()


def test_the_page_shows_every_table_in_full(built: tuple[Path, Path, list[Record]]) -> None:
    page, _, made = built
    text = page.read_text(encoding="utf-8")
    sections = re.split("<h3>", text)[1:]
    titles = [*tables.TITLES.values(), replication.TITLES["time_to_target"]]
    assert [section.partition("<")[0] for section in sections] == titles
    for number, section in enumerate(sections[:3], start=1):
        body = section.partition("</table>")[0]
        assert body.count("<tr>") == 1 + 25
        for mean in tables.table(number, runs.score_frame(made))["accuracy_mean"].dropna():
            assert f"<td>{mean:.3f}</td>" in body


def test_the_page_and_the_readme_show_the_claims_as_text(
    built: tuple[Path, Path, list[Record]], profile: Profile
) -> None:
    page, folder, made = built
    shown = replication.claims_for_readers(replication.tables(profile, made)["claims"])
    section = page.read_text(encoding="utf-8").partition('<h2 id="claims">')[2].partition("<h2")[0]
    assert section.count("<tr>") == 1 + len(shown)
    for value in [*shown["ours"], *shown["verdict"]]:
        assert f"<td>{value}</td>" in section
    readme = (page.parents[2] / "README.md").read_text(encoding="utf-8")
    assert tables.to_markdown(shown) in readme
    assert pd.read_csv(folder / "claims.csv")["verdict"].tolist() == shown["verdict"].tolist()


def test_a_page_without_claims_has_no_place_for_them(records: list[Record], profile: Profile, tmp_path: Path) -> None:
    assert "claims" not in page_of(profile, records, tmp_path)
    assert "The paper's claims" not in report.readme_block(profile, records, {})


def test_tables_with_numbers_as_text_are_shown_so_in_the_page(
    records: list[Record], profile: Profile, tmp_path: Path
) -> None:
    cells = audit.cells(records)
    text = page_of(profile, records, tmp_path, {"audit": cells})
    section = text.partition(f"<h3>{replication.TITLES['audit']}</h3>")[2].partition("<h")[0]
    readable = audit.readable(cells)
    assert section.count("<tr>") == 1 + len(readable)
    assert f"<td>{readable['ours, controlled'][0]}</td>" in section


def test_few_seeds_are_said_to_be_few(records: list[Record], profile: Profile, tmp_path: Path) -> None:
    assert "0.5 for 2 seeds: with so few, no difference counts as shown" in page_of(profile, records, tmp_path)
    more = [replace(r, run=replace(r.run, seed=r.run.seed + shift)) for r in records for shift in (0, 2, 4)]
    text = page_of(profile, more, tmp_path)
    assert "0.031 for 6 seeds.</p>" in text
    assert "with so few" not in text


def test_the_page_says_what_the_records_are(built: tuple[Path, Path, list[Record]]) -> None:
    text = built[0].read_text(encoding="utf-8")
    assert f"{len(built[2])} runs, 2 seeds." in text
    assert "a slice of wiki, for tests" in text
    assert "cpu: made up; none; Python 3.11; torch 2.0." in text
    assert "cannot give a p below 2/2<sup>n</sup>, 0.5 for 2 seeds" in text
    for name in NAMES.values():
        assert f"<td>{name}</td>" in text


def test_the_block_of_this_profile_is_replaced_in_the_readme_and_nothing_else(
    built: tuple[Path, Path, list[Record]], profile: Profile
) -> None:
    readme = (built[0].parents[2] / "README.md").read_text(encoding="utf-8")
    block = report.readme_block(profile, built[2], replication.tables(profile, built[2]))
    assert readme == README.replace("old\n", block)


def test_a_profile_without_record_says_how_to_make_it(profile: Profile) -> None:
    with pytest.raises(FileNotFoundError, match="make it with `mt2st reproduce --profile smoke`"):
        report.build(profile)


def test_a_block_of_the_readme_can_be_replaced_again(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(README, encoding="utf-8")
    for block in ("first\n", "second\n"):
        report.write_block("results:smoke", block, readme)
        assert readme.read_text(encoding="utf-8") == README.replace("old\n", block)


def test_a_readme_without_the_block_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    report.write_block("results:smoke", "new\n", readme)
    assert not readme.exists()
    readme.write_text("# Title\n")
    report.write_block("results:smoke", "new\n", readme)
    assert readme.read_text() == "# Title\n"


def test_the_block_of_pairs_says_what_was_found(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "PERMUTATIONS", 9)
    made = pairs_made_up()
    prediction = results.prediction(made, repeats=3)
    block = report.pairs_block(profile, made, prediction)
    assert "21 runs of 6 tasks, 1,000 batches for one task and 2,000 for two (4% of the study's), seed 0" in block
    for line in results.conclusions(made).splitlines():
        assert f"\n- {line}\n" in block
    rows = [line.split(" | ") for line in block.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[2:]] == [f"| {name}" for name in prediction["features"].unique()]
    known = prediction[prediction["features"] == results.ALL]
    assert rows[4] == [f"| {results.ALL}", *known["accuracy"][:-1], f"{known['accuracy'].iloc[-1]} |"]


def test_the_readme_block_has_the_summary_and_all_cells(records: list[Record], profile: Profile) -> None:
    block = report.readme_block(profile, records, {})
    assert block.startswith("Profile `smoke` (a slice of wiki, for tests), 26 runs, seeds 0–1, made on cpu: made up,")
    assert tables.to_markdown(tables.compact(runs.score_frame(records))) in block
    assert tables.to_markdown(report.strategy_table(runs.score_frame(records))) in block


def test_the_strategy_table_has_the_summarys_numbers(records: list[Record]) -> None:
    scores = runs.score_frame(records)
    table, expected = report.strategy_table(scores), summary.by_strategy(scores)
    assert table["strategy"].tolist() == [NAMES[s] for s in STRATEGIES]
    assert table["paper, IMDB (%)"].tolist() == ["48", "68", "71", "77"]
    for shown, row in zip(table.itertuples(index=False), expected.itertuples(), strict=True):
        assert shown[2] == f"{100 * row.accuracy:.1f} [{100 * row.low:.1f}, {100 * row.high:.1f}]"
        assert shown[5] == f"{row.train_seconds:.1f}"
    assert table["exact p"].tolist()[0] == table["difference from single-task (points)"].tolist()[0] == "–"
    assert table["time relative to single-task"].tolist()[0] == "1"
    row = expected.loc["switch"]
    difference = f"{100 * row['difference']:.1f} [{100 * row['difference_low']:.1f}, "
    assert table["difference from single-task (points)"].tolist()[3].startswith(difference)
    assert table["time relative to single-task"].tolist()[3].startswith(f"{row['time_ratio']:.2f} [")


def test_without_single_task_runs_there_is_no_strategy_table(records: list[Record]) -> None:
    others = [record for record in records if record.run.strategy != "single"]
    assert report.strategy_table(runs.score_frame(others)).empty


@pytest.mark.usefixtures("small_figures")
def test_figures_without_their_runs_are_left_out(records: list[Record], tmp_path: Path) -> None:
    report.draw([record for record in records if record.run.strategy in {"single", "mtl"}], tmp_path)
    assert {file.stem for file in tmp_path.iterdir()} == {"figure_05", "figure_06", "figure_07"}


@pytest.mark.usefixtures("small_figures")
def test_the_page_of_some_strategies_shows_what_is_there(
    records: list[Record], profile: Profile, tmp_path: Path
) -> None:
    some = [record for record in records if record.run.strategy == "mtl"]
    report.draw(some, tmp_path)
    text = page_of(profile, some, tmp_path)
    assert re.findall(r'<figure id="(\w+)">', text) == ["figure_06", "figure_07"]
    assert "8 runs" in text


@pytest.mark.usefixtures("small_figures")
def test_strategies_that_have_no_embedding_in_common_can_be_reported(
    grid_of: Grid, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "FIGURES", {5: figures.FIGURES[5]})  # the others would only take time
    made = grid_of(profile, ["CBOW", "SkipGram"], 1)
    wanted = dict.fromkeys(STRATEGIES, "CBOW") | {"mtl": "SkipGram"}
    some = [record for record in made if record.run.embedding == wanted[record.run.strategy]]
    report.draw(some, tmp_path)
    text = page_of(profile, some, tmp_path)
    assert f"{1 + 4 + 4 + 4} runs, 1 seed" in text
    assert '<figure id="figure_05">' in text
    assert "accuracy_by_strategy" not in text  # there is nothing to compare strategies on


def test_one_seed_can_be_reported_without_intervals(grid_of: Grid, profile: Profile, tmp_path: Path) -> None:
    text = page_of(profile, grid_of(profile, ["CBOW"], 1), tmp_path)
    assert "13 runs, 1 seed." in text
    assert "nan" not in text
    assert "[0, 100]" not in text


def test_text_is_escaped_in_the_page(records: list[Record], profile: Profile, tmp_path: Path) -> None:
    text = page_of(replace(profile, about="a < b & c"), records, tmp_path)
    assert "a &lt; b &amp; c" in text
    assert "a < b" not in text


def test_executed_notebooks_become_pages_that_are_made_anew_when_the_notebook_is(
    records: list[Record], profile: Profile, tmp_path: Path
) -> None:
    folder = paths.results("smoke") / "notebooks"
    folder.mkdir(parents=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("first words")])
    nbformat.write(notebook, folder / "01_single_task-CBOW.ipynb")
    nbformat.write(notebook, folder / ".02_multi_task-CBOW.ipynb")  # one that is being executed
    text = page_of(profile, records, tmp_path)
    assert re.findall(r'<li><a href="([^"]+)">([^<]+)</a>', text) == [
        ("notebooks/01_single_task-CBOW.html", "01_single_task-CBOW")
    ]
    page = folder / "01_single_task-CBOW.html"
    assert "first words" in page.read_text(encoding="utf-8")

    notebook.cells[0].source = "second words"
    nbformat.write(notebook, folder / "01_single_task-CBOW.ipynb")
    later = page.stat().st_mtime + 10
    os.utime(folder / "01_single_task-CBOW.ipynb", (later, later))
    assert report.notebook_pages(folder) == ["notebooks/01_single_task-CBOW.html"]
    assert "second words" in page.read_text(encoding="utf-8")


def test_a_page_that_is_newer_than_its_notebook_is_kept(tmp_path: Path) -> None:
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "01_single_task-CBOW.ipynb")
    page = tmp_path / "01_single_task-CBOW.html"
    page.write_text("made before")
    os.utime(tmp_path / "01_single_task-CBOW.ipynb", (1, 1))
    report.notebook_pages(tmp_path)
    assert page.read_text() == "made before"


def test_no_notebooks_give_no_pages(tmp_path: Path) -> None:
    assert report.notebook_pages(tmp_path / "none") == []
