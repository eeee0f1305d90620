import base64
import json
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from markupsafe import escape
from matplotlib.figure import Figure
from relations.made_up import records as pairs_made_up

from mt2st import paths, training
from mt2st.experiments import profiles, store
from mt2st.experiments.profiles import Profile
from mt2st.experiments.runs import Record
from mt2st.experiments.strategies import STRATEGIES
from mt2st.relations import results
from mt2st.relations.conclusions import conclusions
from mt2st.relations.predictor import Predictor
from mt2st.report import audit, curves, figures, summary, tables
from mt2st.report import page as report
from mt2st.report.exhibits import EXHIBITS, Evidence

Grid = Callable[[Profile, Sequence[str], int], list[Record]]
Built = tuple[Path, Path, Evidence]
README = "# Title\n\n<!-- results:smoke -->\nold\n<!-- end -->\n\nafter <!-- results:wiki -->\nkept\n<!-- end -->\n"
DRAWN = [
    "schedules",
    *(f"figure_{n:02d}" for n in range(2, 12)),
    "accuracy_by_strategy",
    "time_by_strategy",
    "time_to_target",
]
TABLES = [  # where the grid alone was run
    "claims", "table_1", "table_2", "table_3", "choices", "kept_epochs", "time_to_target", "convergence",
]  # fmt: skip


@pytest.fixture
def evidence(grid_of: Grid, profile: Profile) -> Evidence:
    """Return made-up records of one embedding and two seeds."""
    return Evidence(profile, grid_of(profile, ["CBOW"], 2))


def save_small(figure: Figure, file: Path) -> list[Path]:
    """Stand in for `figures.save`: a small picture, which takes less time."""
    files = [file.with_suffix(".png"), file.with_suffix(".pdf")]
    figure.savefig(files[0], dpi=15)
    files[1].touch()
    plt.close(figure)
    return files


@pytest.fixture(scope="module")
def built(grid_of: Grid, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build tables, figures and page of packed records once, with no way to train; return page, figures, evidence."""
    folder, profile = tmp_path_factory.mktemp("report"), profiles.PROFILES["smoke"]
    evidence = Evidence(profile, grid_of(profile, ["CBOW"], 2))

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
        store.pack(evidence.records, paths.recorded("smoke"))
        return report.build(profile), paths.figures("smoke"), evidence


def page_of(evidence: Evidence) -> str:
    return report.write_page(evidence).read_text(encoding="utf-8")


def test_everything_is_rebuilt_from_the_packed_record(built: Built) -> None:
    wanted = {f"{name}.{suffix}" for name in DRAWN for suffix in ("png", "pdf")}
    wanted |= {f"{name}.{suffix}" for name in TABLES for suffix in ("csv", "md")}
    wanted |= {f"table_{number}.tex" for number in (1, 2, 3)}
    assert {file.name for file in built[1].iterdir()} == wanted


def test_the_page_shows_every_figure_as_it_was_drawn(built: Built) -> None:
    shown = re.findall(r'<figure id="(\w+)">.*?base64,([^"]+)"', built[0].read_text(encoding="utf-8"))
    assert [name for name, _ in shown] == DRAWN
    for name, data in shown:
        assert base64.b64decode(data) == (built[1] / f"{name}.png").read_bytes()


def test_the_page_shows_every_table_in_full(built: Built) -> None:
    sections = re.split("<h3 id=", built[0].read_text(encoding="utf-8"))[1:]
    for name, section in zip(TABLES, sections, strict=True):
        assert section.startswith(f'"table-{name}">{escape(EXHIBITS[name].title)}</h3>')
        source = section.partition('<p class="source">')[2].partition("</p>")[0]
        number, runs = EXHIBITS[name].notebook, len(built[2].behind(EXHIBITS[name]))
        assert source.startswith("Notebook ")
        assert f"{number}</a>; " in source or f"{number}; " in source
        command = f"<code>mt2st reproduce --profile smoke --notebooks {number} --seeds 2</code>"
        assert f"{runs} runs (grid; 2 seeds), made by {command}; drawn by <code>mt2st figures" in source
    for strategy, section in zip(("mtl", "diminish", "switch"), sections[1:4], strict=True):
        body = section.partition("</table>")[0]
        assert body.count("<tr>") == 1 + 25
        for mean in tables.accuracies(strategy, built[2].scores)["accuracy_mean"].dropna():
            assert f"<td>{mean:.3f}</td>" in body


def test_the_page_has_the_curves_its_script_and_a_picture_without_scripts(built: Built) -> None:
    text = built[0].read_text(encoding="utf-8")
    data = re.findall(r'<script type="application/json" id="curve-data">(.*?)</script>', text)
    assert [json.loads(values) for values in data] == [curves.compact(built[2].grid)]
    assert text.count("<script>") == 1
    picture = base64.b64encode((built[1] / "figure_03.png").read_bytes()).decode()
    assert picture in text.partition("<noscript>")[2].partition("</noscript>")[0]


def test_the_page_needs_no_other_file_and_no_network(built: Built) -> None:
    text = built[0].read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:|#|\.\./|notebooks/)[^"]*"', text)
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of a format, which nothing opens


def test_a_script_cannot_be_ended_by_a_name_in_its_data(evidence: Evidence) -> None:
    record = evidence.records[0]
    odd = replace(record, run=replace(record.run, embedding="</script><b>"))
    text = page_of(Evidence(evidence.profile, [odd]))
    assert "</script><b>" not in text
    assert "\\u003c/script\\u003e" in text


def test_the_command_of_an_exhibit_makes_all_runs_that_it_reads(evidence: Evidence) -> None:
    released = [replace(record, experiment="released") for record in evidence.records[:1]]
    text = page_of(Evidence(evidence.profile, [*evidence.records, *released]))
    section = text.partition('"table-claims">')[2].partition("<h3")[0]
    assert f"{1 + len(evidence.grid)} runs (grid, released; 2 seeds)" in section
    assert "--notebooks 05,06 --seeds 2" in section


def test_exhibits_link_to_the_notebook_as_executed_or_else_to_its_source(evidence: Evidence, home: Path) -> None:
    folder = paths.results("smoke") / "notebooks"
    folder.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), folder / "02_multi_task-CBOW.ipynb")
    text = page_of(evidence)
    links = dict(re.findall(r'Notebook <a href="([^"]+)">(\d\d)</a>', text))
    targets = {number: link for link, number in links.items()}
    assert targets["02"] == "notebooks/02_multi_task-CBOW.html"
    source = (paths.results("smoke") / targets["05"]).resolve()
    assert source == (home / "notebooks" / "05_everything.ipynb").resolve()


def test_long_tables_are_folded_but_for_the_claims(built: Built) -> None:
    text = built[0].read_text(encoding="utf-8")
    assert '<meta name="viewport" content="width=device-width' in text
    for name in TABLES:
        section = text.partition(f'"table-{name}">')[2].partition("<h3")[0]
        rows = len(EXHIBITS[name].shown(built[2].table(name)))
        assert ("<details>" in section) == (rows > report.FOLDED and name != "claims"), name
    assert text.index(summary.answer(built[2].scores)[:40]) < text.index('id="strategies"')


def test_the_page_and_the_readme_show_the_claims_as_text(built: Built) -> None:
    shown = EXHIBITS["claims"].shown(built[2].table("claims"))
    section = built[0].read_text(encoding="utf-8").partition('"table-claims">')[2].partition("<h3")[0]
    assert section.count("<tr>") == 1 + len(shown)
    for value in [*shown["ours"], *shown["verdict"]]:
        assert f"<td>{value}</td>" in section
    assert tables.to_markdown(shown) in (built[0].parents[2] / "README.md").read_text(encoding="utf-8")


def test_without_all_strategies_there_are_no_claims(evidence: Evidence) -> None:
    some = Evidence(evidence.profile, [r for r in evidence.records if r.run.strategy != "switch"])
    assert "claims" not in page_of(some)
    assert EXHIBITS["claims"].title not in report.results_block(some)


def test_tables_with_numbers_as_text_are_shown_so_in_the_page(evidence: Evidence) -> None:
    released = [replace(record, experiment="released") for record in evidence.records[:1]]
    some = Evidence(evidence.profile, [*evidence.records, *released])
    section = page_of(some).partition('"table-audit">')[2].partition("<h")[0]
    readable = audit.readable(audit.cells(some.records))
    assert section.count("<tr>") == 1 + len(readable)
    assert f"<td>{readable.iloc[0, -1]}</td>" in section


def test_few_seeds_are_said_to_be_few(evidence: Evidence) -> None:
    assert "0.5 for 2 seeds: with so few, no difference counts as shown" in page_of(evidence)
    more = [replace(r, run=replace(r.run, seed=r.run.seed + shift)) for r in evidence.records for shift in (0, 2, 4)]
    text = page_of(Evidence(evidence.profile, more))
    assert "0.031 for 6 seeds.</p>" in text
    assert "with so few" not in text


def test_the_page_says_what_the_records_are(built: Built) -> None:
    text = built[0].read_text(encoding="utf-8")
    assert f"{len(built[2].records)} runs, 2 seeds." in text
    assert "a slice of wiki, for tests" in text
    assert "cpu: made up; none; Python 3.11; torch 2.0." in text
    for row in STRATEGIES.values():
        assert f"<td>{row.label}</td>" in text


def test_the_block_of_this_profile_is_replaced_in_the_readme_and_nothing_else(built: Built) -> None:
    readme = (built[0].parents[2] / "README.md").read_text(encoding="utf-8")
    assert readme == README.replace("old\n", report.results_block(built[2]))


def test_a_folder_for_output_does_not_hide_the_record_of_the_project(
    evidence: Evidence, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pack(evidence.records, home / "data" / "recorded" / "smoke.parquet")
    for folder in (home, paths.output()):
        (folder / "README.md").write_text(README, encoding="utf-8")
    written = set()
    monkeypatch.setattr(report, "write", lambda exhibit, evidence, folder: written.add(folder))
    monkeypatch.setattr(report, "results_block", lambda read: f"{len(read.records)} records\n")
    monkeypatch.setattr(report, "write_page", lambda read: Path(f"{len(read.records)} records"))
    assert str(report.build(evidence.profile)) == f"{len(evidence.records)} records"
    assert {file.name for file in home.iterdir()} == {"README.md", "data", "notebooks"}
    assert (home / "README.md").read_text(encoding="utf-8") == README
    blocks = README.replace("old\n", f"{len(evidence.records)} records\n")
    assert (paths.output() / "README.md").read_text(encoding="utf-8") == blocks
    assert written == {paths.figures("smoke")}


@pytest.mark.usefixtures("home")
def test_a_profile_without_record_says_how_to_make_it(profile: Profile) -> None:
    with pytest.raises(FileNotFoundError, match="make it with `mt2st reproduce --profile smoke`"):
        report.build(profile)


def test_a_block_of_the_readme_can_be_replaced_again(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(README, encoding="utf-8")
    for block in ("first\n", "second\n"):
        report.write_block("results:smoke", block, readme)
        assert readme.read_text(encoding="utf-8") == README.replace("old\n", block)


def test_two_writers_of_a_readme_do_not_empty_it(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(README, encoding="utf-8")
    texts = {README.replace("old\n", block) for block in ("first\n", "second\n")}

    def write(i: int) -> None:
        report.write_block("results:smoke", ("first\n", "second\n")[i % 2], readme)

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(write, range(60)):
            assert readme.read_text(encoding="utf-8") in texts


def test_a_readme_without_the_block_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    report.write_block("results:smoke", "new\n", readme)
    assert not readme.exists()
    readme.write_text("# Title\n")
    report.write_block("results:smoke", "new\n", readme)
    assert readme.read_text() == "# Title\n"


def test_the_block_of_pairs_says_what_was_found(study: Evidence) -> None:
    block = report.pairs_block(study)
    assert "21 runs of 6 tasks, 1,000 batches for one task and 2,000 for two (4% of the study's), seed 0" in block
    for line in conclusions(study.pairs).splitlines():
        assert f"\n- {line}\n" in block
    rows = [line.split(" | ") for line in block.splitlines() if line.startswith("| ")]
    prediction = study.table("prediction")
    assert [row[0] for row in rows[2:]] == [f"| {name}" for name in prediction["features"].unique()]
    known = prediction[prediction["features"] == results.ALL]
    shown = [f"{accuracy:.3f}" for accuracy in known["accuracy"]]
    assert rows[4] == [f"| {results.ALL}", *shown[:-1], f"{shown[-1]} |"]
    chance = [f"{p:.3f} ({by})" for p, by in zip(known["p"], known["held out"], strict=True) if not np.isnan(p)]
    assert f"do as well with p = {', '.join(chance)}. The model of `mt2st relations`, with both tasks" in block
    assert len(chance) == 2
    assert str(Predictor.of(study.pairs).skill) in block


def test_the_block_of_pairs_names_its_seeds(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "prediction", lambda records: pd.DataFrame())
    block = report.pairs_block(Evidence(profile, pairs_made_up(seeds=3)))
    assert "63 runs of 6 tasks, 1,000 batches for one task and 2,000 for two (4% of the study's), seeds 0–2" in block
    assert block.endswith("\n")
    assert "How often" not in block


def test_the_answer_says_what_was_reached_and_shows_the_leading_claims(evidence: Evidence) -> None:
    block = report.answer_block(evidence)
    rows = summary.by_strategy(evidence.scores)
    assert block.startswith(
        "With equal data, budget and tuning effort training on the one task alone reaches "
        f"{100 * rows.loc['single', 'accuracy']:.1f}% test accuracy, "
        f"multi-task {100 * rows.loc['mtl', 'accuracy']:.1f}%, Diminish "
    )
    low, high = 100 * rows["difference_low"].min(), 100 * rows["difference_high"].max()
    assert "(n = 2); the 95% intervals of their differences from the one task alone lie between " in block
    assert f" lie between {low:+.1f} and {high:+.1f} points" in block
    assert f"Switch takes {100 * (rows.loc['switch', 'time_ratio'] - 1):+.0f} [" in block
    shown = EXHIBITS["claims"].shown(evidence.table("claims"))
    lines = [line for line in block.splitlines() if line.startswith("| ")][2:]
    assert len(lines) == len(report.LEADING)
    for line in lines:
        claim = line.removeprefix("| ").partition(" | ")[0]
        assert line.endswith(f"| {shown.set_index('claim').loc[claim, 'verdict']} |")


def test_the_readme_block_has_the_summary_and_all_cells(evidence: Evidence) -> None:
    block = report.results_block(evidence)
    assert block.startswith("Profile `smoke` (a slice of wiki, for tests), 26 runs, seeds 0–1, made on cpu: made up,")
    assert tables.to_markdown(tables.compact(evidence.scores)) in block
    assert tables.to_markdown(summary.readable(evidence.scores)) in block


def test_the_page_of_some_strategies_shows_what_is_there(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    some = Evidence(evidence.profile, [record for record in evidence.records if record.run.strategy == "mtl"])
    monkeypatch.setattr(figures, "save", save_small)
    for exhibit in some.exhibits:
        report.write(exhibit, some, paths.figures("smoke"))
    text = page_of(some)
    assert re.findall(r'<figure id="(\w+)">', text) == ["figure_06", "figure_07"]
    assert "8 runs" in text


def test_strategies_that_have_no_embedding_in_common_can_be_reported(grid_of: Grid, profile: Profile) -> None:
    made = grid_of(profile, ["CBOW", "SkipGram"], 1)
    wanted = dict.fromkeys(STRATEGIES, "CBOW") | {"mtl": "SkipGram"}
    some = Evidence(profile, [record for record in made if record.run.embedding == wanted[record.run.strategy]])
    text = page_of(some)
    assert f"{1 + 4 + 4 + 4} runs, 1 seed" in text
    assert "multi-task</td>" not in text  # there is nothing to compare strategies on


def test_a_record_of_pairs_alone_can_be_reported(study: Evidence) -> None:
    text = page_of(study)
    assert re.findall(r'<h3 id="([\w-]+)">', text)[:2] == ["table-single_tasks", "table-pairs"]
    assert 'id="strategies"' not in text


def test_one_seed_can_be_reported_without_intervals(grid_of: Grid, profile: Profile) -> None:
    text = page_of(Evidence(profile, grid_of(profile, ["CBOW"], 1)))
    assert "13 runs, 1 seed." in text
    assert "nan" not in text
    assert "[0, 100]" not in text


def test_text_is_escaped_in_the_page(evidence: Evidence) -> None:
    text = page_of(Evidence(replace(evidence.profile, about="a < b & c"), evidence.records))
    assert "a &lt; b &amp; c" in text
    assert "a < b" not in text


def test_executed_notebooks_become_pages_that_are_made_anew_when_the_notebook_is(evidence: Evidence) -> None:
    folder = paths.results("smoke") / "notebooks"
    folder.mkdir(parents=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("first words")])
    nbformat.write(notebook, folder / "01_single_task-CBOW.ipynb")
    nbformat.write(notebook, folder / "start_here.ipynb")
    nbformat.write(notebook, folder / ".02_multi_task-CBOW.ipynb")  # one that is being executed
    text = page_of(evidence)
    assert re.findall(r'<li><a href="([^"]+)">([^<]+)</a>', text) == [
        ("notebooks/01_single_task-CBOW.html", "01_single_task-CBOW"),
        ("notebooks/start_here.html", "start_here"),
    ]
    page = folder / "01_single_task-CBOW.html"
    assert "first words" in page.read_text(encoding="utf-8")

    notebook.cells[0].source = "second words"
    nbformat.write(notebook, folder / "01_single_task-CBOW.ipynb")
    later = page.stat().st_mtime + 10
    os.utime(folder / "01_single_task-CBOW.ipynb", (later, later))
    assert report.notebook_pages(folder) == ["notebooks/01_single_task-CBOW.html", "notebooks/start_here.html"]
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
