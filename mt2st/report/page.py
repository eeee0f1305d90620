"""Everything that is rebuilt from a profile's compact record: tables, figures, the page and the README's block."""

import base64
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from mt2st import paths
from mt2st.experiments import runs
from mt2st.experiments.profiles import NAMES, STRATEGIES, Profile
from mt2st.experiments.runs import Record
from mt2st.relations import results, study
from mt2st.relations.joint import JointRecord
from mt2st.report import replication, summary, tables
from mt2st.report.figures import paper as figures
from mt2st.report.figures import relations as figures_relations
from mt2st.statistics import as_text

Further = dict[str, pd.DataFrame]  # tables of `replication.tables` and `results.tables` by name
TITLES = replication.TITLES | results.TITLES | figures_relations.TITLES


def build(profile: Profile) -> Path:
    """Rebuild tables, figures, page and README block of a profile from its record, without training; return the page.

    Raises FileNotFoundError that says how to make the record where there is none.
    """
    records = runs.unpack(paths.recorded(profile.name)) if profile.embeddings else []
    grid = runs.of(records, "grid")
    folder = paths.figures(profile.name)
    folder.mkdir(parents=True, exist_ok=True)
    figures.use_style()
    for number in tables.TITLES if grid else ():
        tables.write(number, runs.score_frame(grid), folder)
    draw(grid, folder)
    further = replication.tables(profile, records)
    replication.draw(further, records, folder)
    if grid:
        write_block(f"results:{profile.name}", readme_block(profile, grid, further), paths.readme())
    if paths.recorded_pairs(profile.name).exists():
        pairs = study.unpack(paths.recorded_pairs(profile.name))
        found = results.tables(pairs)
        figures_relations.draw(pairs, folder)
        write_block(f"pairs:{profile.name}", pairs_block(profile, pairs, found["prediction"]), paths.readme())
        further |= found
    write_tables(further, folder)
    return write_page(profile, grid, further, folder)


def write_tables(further: Further, folder: Path) -> None:
    """Write each table as csv with every number, and as md for readers."""
    for name, frame in further.items():
        frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
        text = f"{TITLES[name]}\n\n{tables.to_markdown(replication.for_readers(name, frame))}"
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def draw(records: Sequence[Record], folder: Path) -> None:
    """Draw Figures 2–11 and the two summaries by strategy, as png and pdf; a figure without its runs is left out."""
    if not records:
        return
    history, scores = runs.history_frame(records), runs.score_frame(records)
    present = set(scores["strategy"])
    for number, figure in figures.FIGURES.items():
        if figure.strategies <= present:
            figures.save(figure.draw(history), folder / f"figure_{number:02d}")
    if present == set(STRATEGIES) and len(strategy_table(scores)):
        figures.save(figures.accuracy_by_strategy(scores), folder / "accuracy_by_strategy")
        figures.save(figures.time_by_strategy(scores), folder / "time_by_strategy")


def write_page(profile: Profile, records: Sequence[Record], further: Further, folder: Path) -> Path:
    """Write `index.html`: tables beside the paper's numbers, figures, and the executed notebooks as pages.

    `records` are those of the grid.
    """
    scores = runs.score_frame(records)
    titles = {f"figure_{n:02d}": f"Figure {n}. {f.title}" for n, f in figures.FIGURES.items()}
    titles |= {
        "accuracy_by_strategy": "Accuracy by strategy",
        "time_by_strategy": "Training time by strategy",
    } | TITLES
    pictures = [
        {
            "name": name,
            "title": title,
            "data": base64.b64encode((folder / f"{name}.png").read_bytes()).decode(),
        }
        for name, title in titles.items()
        if (folder / f"{name}.png").exists()
    ]
    shown = {name: replication.for_readers(name, frame) for name, frame in further.items()}
    page = paths.results(profile.name) / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=PackageLoader("mt2st.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    page.write_text(
        environment.get_template("index.html").render(
            profile=profile,
            seeds=int(scores["seed"].nunique()),
            runs=len(records),
            machine=records[0].environment if records else {},
            strategies=strategy_table(scores),
            compact=tables.compact(scores),
            claims=shown.pop("claims", pd.DataFrame()),
            further={TITLES[name]: frame for name, frame in shown.items()},
            tables={title: tables.table(number, scores) for number, title in tables.TITLES.items()},
            pictures=pictures,
            notebooks=notebook_pages(paths.results(profile.name) / "notebooks"),
        ),
        encoding="utf-8",
    )
    return page


def notebook_pages(folder: Path) -> list[str]:
    """Convert executed notebooks that are newer than their page to HTML; return the pages' paths, for links."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Jupyter's own deprecations
        from nbconvert import HTMLExporter

        exporter = HTMLExporter()
        pages = []
        for notebook in sorted(folder.glob("[0-9]*.ipynb")):
            page = notebook.with_suffix(".html")
            if not page.exists() or page.stat().st_mtime < notebook.stat().st_mtime:
                page.write_text(exporter.from_filename(str(notebook))[0], encoding="utf-8")
            pages.append(f"notebooks/{page.name}")
    return pages


def strategy_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy and time by strategy, formatted for people; empty if there are no single-task runs."""
    try:
        rows = summary.by_strategy(scores)
    except ValueError:  # not all strategies have been run
        return pd.DataFrame()
    if "single" not in rows.index:
        return pd.DataFrame()
    return pd.DataFrame(
        {
            "strategy": [NAMES[s] for s in rows.index],
            "paper, IMDB (%)": (100 * rows["paper"]).map("{:.0f}".format).to_list(),
            "ours (%)": [as_text(100 * r.accuracy, 100 * r.low, 100 * r.high) for r in rows.itertuples()],
            "difference from single-task (points)": [
                "–" if s == "single" else as_text(100 * r.difference, 100 * r.difference_low, 100 * r.difference_high)
                for s, r in zip(rows.index, rows.itertuples(), strict=True)
            ],
            "exact p": ["–" if s == "single" else f"{p:.2f}" for s, p in rows["p"].items()],
            "seconds of training": rows["train_seconds"].map("{:.1f}".format).to_list(),
            "time relative to single-task": [
                "1" if s == "single" else as_text(r.time_ratio, r.time_ratio_low, r.time_ratio_high, ".2f")
                for s, r in zip(rows.index, rows.itertuples(), strict=True)
            ],
        }
    )


def write_block(name: str, block: str, readme: Path) -> None:
    """Replace what stands between `<!-- NAME -->` and `<!-- end -->`; a README without it is left alone."""
    if not readme.exists():
        return
    begin, end = f"<!-- {name} -->", "<!-- end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text = readme.read_text(encoding="utf-8")
    readme.write_text(pattern.sub(lambda _: f"{begin}\n{block}{end}", text), encoding="utf-8")


def readme_block(profile: Profile, records: Sequence[Record], further: Further) -> str:
    """Return the README's results: summary by strategy, claims, every cell beside the paper and its released logs."""
    scores = runs.score_frame(records)
    machine = records[0].environment["device"]
    parts = [
        f"Profile `{profile.name}` ({profile.about}), {len(records)} runs, seeds {scores['seed'].min()}–"
        f"{scores['seed'].max()}, made on {machine}, one thread a run.\n",
        tables.to_markdown(strategy_table(scores)),
        "Accuracy in percent by embedding and auxiliary task; in brackets the 95% t interval over seeds:\n",
        tables.to_markdown(tables.compact(scores)),
    ]
    if "claims" in further:
        parts[2:2] = [
            f"{replication.TITLES['claims']}:\n",
            tables.to_markdown(replication.for_readers("claims", further["claims"])),
        ]
    return "\n".join(parts)


def pairs_block(profile: Profile, records: Sequence[JointRecord], prediction: pd.DataFrame) -> str:
    """Return what a study of pairs found: counts of gains, and how well they were predicted (`results.prediction`)."""
    single = next(iter(study.alone(records).values()))
    columns = {
        name: part.set_index("features")["accuracy"] for name, part in prediction.groupby("held out", sort=False)
    }
    return "\n".join(
        [
            f"Profile `{profile.name}`, {len(records)} runs of {len(study.alone(records))} tasks, {single.run.steps:,} "
            f"batches for one task and {2 * single.run.steps:,} for two ({single.run.steps / study.STEPS:.0%} of the "
            f"study's), seed {single.run.seed}, made on {single.environment['device']}, one thread a run.\n",
            *(f"- {line}" for line in results.conclusions(records).splitlines()),
            "\nHow often a gain or a loss is told right, by what is known of the tasks and which pairs are held out; "
            "in brackets the 95% t interval over random divisions of the same pairs:\n",
            tables.to_markdown(pd.DataFrame(columns).reset_index()),
        ]
    )
