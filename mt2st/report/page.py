"""Everything that is rebuilt from a profile's compact record: tables, figures, the page and the documents' blocks."""

import base64
import os
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps

from mt2st import paths
from mt2st.data.files.writing import replacing, write_text
from mt2st.experiments import pairs, plans, store
from mt2st.experiments.crossing import CROSSINGS
from mt2st.experiments.plans import WALKED
from mt2st.experiments.profiles import Profile
from mt2st.relations import measures, results, study
from mt2st.relations.conclusions import conclusions
from mt2st.relations.predictor import Predictor
from mt2st.report import (
    agreement,
    audit,
    claims,
    crossing,
    curves,
    figures,
    languages,
    paying,
    samplings,
    sharing,
    summary,
    tables,
)
from mt2st.report.exhibits import EXHIBITS, Evidence, Exhibit

FOLDED = 12  # rows from which on the page shows a table when asked
STATIC = "figure_03"  # stands for the curves where scripts are off
FURTHER = ["readouts", "choices", "transitions", "kept_epochs"]  # tables of a profile's results beside the claims
WORDS: dict[str, Callable[[Evidence], str]] = {  # what exhibits say, for readers
    "walk": lambda e: audit.gap_in_words(e.records, WALKED),
    "paying": lambda e: paying.conclusions(e.of("paying")),
    "elsewhere": lambda e: paying.elsewhere_in_words(e.table("elsewhere")),
    "relatedness": lambda e: measures.in_words(e.table("relatedness")),
    "crossing": lambda e: crossing.conclusions(e.table("crossing"), CROSSINGS[e.profile.name]),
    "languages": lambda e: languages.conclusions(e.table("languages")),
    "sampling": lambda e: samplings.conclusions(e.table("sampling")),
    "sharing": lambda e: sharing.conclusions(e.table("sharing")),
    "agreement": lambda e: agreement.conclusions(e.table("aggregators"), e.table("agreement")),
}
TABLES = {  # the tables behind that, as far as there are runs
    "arms": ("paying", "endings", "constant_weights", "elsewhere"),
    "gradients": ("aggregators", "agreement"),
    "measures": ("relatedness",),
    "sizes": ("crossing",),
    "translations": ("languages",),
    "samplings": ("sampling",),
    "architectures": ("sharing",),
}
LEADING = ["G3", "R1", "R1g", "T1s2", "T2s2"]  # the claims that the README shows


def build(profile: Profile) -> Path:
    """Rebuild tables, figures, page and documents of a profile from its record, without training; return the page.

    Raises FileNotFoundError that says how to make the record where there is none.
    """
    evidence = Evidence(profile, store.unpack(paths.find_recorded(profile.name)))
    figures.use_style()
    for exhibit in evidence.exhibits:
        write(exhibit, evidence, paths.figures(profile.name))
    for name, block in (blocks(evidence) | {"crossings": crossings_block()}).items():
        for document in paths.documents():
            write_block(name, block, document)
    return write_page(evidence)


def blocks(evidence: Evidence) -> dict[str, str]:
    """Return what stands in the documents of a profile, by the name of the block."""
    made = {}
    if evidence.grid:
        made[f"results:{evidence.profile.name}"] = results_block(evidence)
    if evidence.grid and EXHIBITS["claims"] in evidence.exhibits:
        made[f"answer:{evidence.profile.name}"] = answer_block(evidence)
    if evidence.pairs:
        made[f"pairs:{evidence.profile.name}"] = pairs_block(evidence)
    for name, lines in words(evidence).items():
        made[f"{name}:{evidence.profile.name}"] = "".join(f"- {line}\n" for line in lines)
    for name, shown in TABLES.items():
        if EXHIBITS[shown[0]] in evidence.exhibits:
            made[f"{name}:{evidence.profile.name}"] = tables_block(evidence, shown)
    return made


def write(exhibit: Exhibit, evidence: Evidence, folder: Path) -> None:
    """Write an exhibit: its table as csv with every number, as md for readers and as tex, its figure as png and pdf."""
    if exhibit.table:
        frame = evidence.table(exhibit.name)
        with replacing(folder / f"{exhibit.name}.csv") as part:
            frame.to_csv(part, index=False, float_format="%.6g")
        text = f"{exhibit.title}\n\n{tables.to_markdown(exhibit.shown(frame))}"
        write_text(folder / f"{exhibit.name}.md", text)
        if exhibit.latex:
            named = frame.rename(columns=lambda name: name.replace("_", " "))
            tex = named.to_latex(index=False, float_format="%.3f", na_rep="--", caption=exhibit.title, escape=True)
            write_text(folder / f"{exhibit.name}.tex", tex)
    if exhibit.figure:
        figures.save(exhibit.figure(evidence), folder / exhibit.name)


def write_page(evidence: Evidence) -> Path:
    """Write `index.html`: all exhibits, with the figures as they were drawn, curves to filter, and executed notebooks.

    The page needs no other file and no network.
    """
    profile = evidence.profile
    page = paths.results(profile.name) / "index.html"
    notebooks = notebook_pages(page.parent / "notebooks")
    exhibits = [_shown(exhibit, evidence, notebooks) for exhibit in evidence.exhibits]
    write_text(
        page,
        environment_of_templates()
        .get_template("index.html")
        .render(
            profile=profile,
            seeds=int(evidence.scores["seed"].nunique()),
            runs=len(evidence.grid),
            machine=evidence.records[0].environment if evidence.records else {},
            strategies=summary.readable(evidence.scores),
            compact=tables.compact(evidence.scores),
            answer=summary.answer(evidence.scores) if EXHIBITS["claims"] in evidence.exhibits else "",
            findings=findings(evidence),
            folded=FOLDED,
            curves=curves.compact(evidence.grid),
            picture=next((e for e in exhibits if e["name"] == STATIC and e["picture"]), None),
            exhibits=exhibits,
            notebooks=notebooks,
        ),
    )
    return page


def environment_of_templates() -> Environment:
    """Return what renders the templates of pages."""
    environment = Environment(
        loader=PackageLoader("mt2st.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["compact_json"] = lambda values: htmlsafe_json_dumps(values, separators=(",", ":"))
    return environment


def _shown(exhibit: Exhibit, evidence: Evidence, notebooks: list[str]) -> dict[str, Any]:
    """Return what the page shows of an exhibit."""
    profile, behind = evidence.profile.name, evidence.behind(exhibit)
    picture = paths.figures(profile) / f"{exhibit.name}.png"
    seeds = len({record.run.seed for record in behind})
    experiments = sorted({record.experiment for record in behind})
    return {
        "name": exhibit.name,
        "title": exhibit.title,
        "notebook": exhibit.notebook,
        "link": _notebook_link(exhibit.notebook, notebooks, paths.results(profile)),
        "runs": len(behind),
        "experiments": experiments,
        "seeds": seeds,
        "command": f"mt2st reproduce --profile {profile} --notebooks {_made_by(exhibit, experiments)} --seeds {seeds}",
        "note": exhibit.note,
        "table": exhibit.shown(evidence.table(exhibit.name)) if exhibit.table else None,
        "picture": base64.b64encode(picture.read_bytes()).decode() if exhibit.figure and picture.exists() else "",
    }


def _made_by(exhibit: Exhibit, experiments: list[str]) -> str:
    """Return the notebooks to run for an exhibit: its own, and one of each further experiment that it reads."""
    others = [plans.EXPERIMENTS[name].notebooks for name in experiments]
    return ",".join(sorted({exhibit.notebook, *(numbers[0] for numbers in others if exhibit.notebook not in numbers)}))


def _notebook_link(number: str, pages: list[str], folder: Path) -> str:
    """Return where a page in `folder` finds a notebook: as executed with these runs, else its source; "" for none."""
    for page in pages:
        if number and page.startswith(f"notebooks/{number}_"):
            return page
    sources = sorted(paths.notebooks().glob(f"{number}_*.ipynb")) if number else []
    return Path(os.path.relpath(sources[0], folder)).as_posix() if sources else ""


def notebook_pages(folder: Path) -> list[str]:
    """Convert executed notebooks that are newer than their page to HTML; return the pages' paths, for links."""
    notebooks = sorted(folder.glob("[!.]*.ipynb"))
    if not notebooks:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Jupyter's own deprecations
        from nbconvert import HTMLExporter  # of the extra `notebooks`

        exporter = HTMLExporter()
        pages = []
        for notebook in notebooks:
            page = notebook.with_suffix(".html")
            if not page.exists() or page.stat().st_mtime < notebook.stat().st_mtime:
                write_text(page, exporter.from_filename(str(notebook))[0])
            pages.append(f"notebooks/{page.name}")
    return pages


def write_block(name: str, block: str, document: Path) -> None:
    """Replace what stands between `<!-- NAME -->` and `<!-- end -->`; a document without it is left alone."""
    if not document.exists():
        return
    begin, end = f"<!-- {name} -->", "<!-- end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text = document.read_text(encoding="utf-8")
    write_text(document, pattern.sub(lambda _: f"{begin}\n{block}{end}", text))


def answer_block(evidence: Evidence) -> str:
    """Return the answer in words, and the claims of the paper that it stands on."""
    shown = claims.readable(evidence.table("claims")).set_index(evidence.table("claims")["id"])
    columns = ["claim", "unit", "paper", "released logs", "ours", "n", "verdict"]
    return f"{summary.answer(evidence.scores)}\n\n{tables.to_markdown(shown.loc[LEADING, columns])}"


def results_block(evidence: Evidence) -> str:
    """Return a profile's results: summary by strategy, claims, every cell beside the paper and its released logs."""
    profile, scores, claims = evidence.profile, evidence.scores, EXHIBITS["claims"]
    parts = [
        f"Profile `{profile.name}` ({profile.about}), {len(evidence.grid)} runs, seeds {scores['seed'].min()}–"
        f"{scores['seed'].max()}, made on {evidence.grid[0].environment['device']}, one thread a run.\n",
        tables.to_markdown(summary.readable(scores)),
    ]
    if claims in evidence.exhibits:
        parts += [f"{claims.title}:\n", tables.to_markdown(claims.shown(evidence.table("claims")))]
    for exhibit in (EXHIBITS[name] for name in FURTHER if EXHIBITS[name] in evidence.exhibits):
        parts += [f"{exhibit.title}:\n", tables.to_markdown(exhibit.shown(evidence.table(exhibit.name)))]
    parts += [
        "Accuracy in percent by embedding and auxiliary task; in brackets the 95% t interval over seeds:\n",
        tables.to_markdown(tables.compact(scores)),
    ]
    return "\n".join(parts)


def crossings_block() -> str:
    """Return the crossings of several profiles in short, read off their tables as they were last written."""
    files = {name: paths.find_table(name, "crossing") for name in crossing.TITLES}
    found = {name: pd.read_csv(file) for name, file in files.items() if file.exists()}
    return tables.to_markdown(crossing.at_both_ends(found))


def findings(evidence: Evidence) -> list[str]:
    """Return in words what was found beside the claims of the paper: on pairs of tasks, and on what pays."""
    pairs = conclusions(evidence.pairs).splitlines() if evidence.pairs else []
    return pairs + [line for lines in words(evidence).values() for line in lines]


def words(evidence: Evidence) -> dict[str, list[str]]:
    """Return in words, line by line, what was found on tasks and schedules that pay, by the exhibit it is read off."""
    made = {name: say for name, say in WORDS.items() if EXHIBITS[name] in evidence.exhibits}
    return {name: say(evidence).splitlines() for name, say in made.items()}


def tables_block(evidence: Evidence, names: Sequence[str]) -> str:
    """Return the tables of some exhibits under their titles."""
    shown = [one for one in map(EXHIBITS.__getitem__, names) if one in evidence.exhibits]
    parts = [[f"{one.title}:\n", tables.to_markdown(one.shown(evidence.table(one.name)), decimals=2)] for one in shown]
    return "\n".join(part for both in parts for part in both)


def pairs_block(evidence: Evidence) -> str:
    """Return what a study of pairs found: counts of gains, and how well they were predicted (`results.prediction`)."""
    alone = study.alone(evidence.pairs)
    single = next(iter(alone.values()))[0]
    batches, seeds = pairs.steps_of(single.run), study.seeds(evidence.pairs)
    parts = [
        f"Profile `{evidence.profile.name}`, {len(evidence.pairs)} runs of {len(alone)} tasks, {batches:,} batches for "
        f"one task and {2 * batches:,} for two ({batches / pairs.STEPS:.0%} of the study's), "
        f"{f'seeds {seeds[0]}–{seeds[-1]}' if len(seeds) > 1 else f'seed {seeds[0]}'}, made on "
        f"{single.environment['device']}, one thread a run.\n",
        *(f"- {line}" for line in conclusions(evidence.pairs).splitlines()),
    ]
    predicted = evidence.table("prediction")
    return "\n".join([*parts, *(prediction_parts(evidence, predicted) if len(predicted) else [""])])


def prediction_parts(evidence: Evidence, predicted: pd.DataFrame) -> list[str]:
    """Return how often gains were told right, by features and by what was held out, and what that is worth."""
    columns = {name: part.set_index("features")["accuracy"] for name, part in predicted.groupby("held out", sort=False)}
    chance = predicted.dropna(subset="p").set_index("held out")["p"]
    return [
        "\nHow often logistic regression tells right whether the mean gain over seeds is above 0, by what it knows of "
        "the tasks and which pairs are held out:\n",
        tables.to_markdown(pd.DataFrame(columns).reset_index()),
        f"With {results.ALL}, tasks that swap names at random do as well with p = "
        f"{', '.join(f'{p:.3f} ({name})' for name, p in chance.items())}. The model of `mt2st relations`, with both "
        f"tasks of a pair left out: {Predictor.of(evidence.pairs).skill}.\n",
    ]
