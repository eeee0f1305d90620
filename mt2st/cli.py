"""The command `mt2st`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path

from mt2st import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status. A fault of the input is one line on standard error and status 2."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\ninterrupted: what is finished is kept, the same command goes on from there", file=sys.stderr)
        return 130
    except (ValueError, OSError, RuntimeError) as error:
        print(f"mt2st: error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mt2st", description="Reproduce MT2ST, or train with its strategies.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    reproduce = commands.add_parser("reproduce", help="run the notebooks of a profile, resume what was begun")
    known = "wiki (default), imdb, imdb-full, movie_reviews, sentence_polarity, subjectivity, relations or smoke"
    reproduce.add_argument("--profile", default="wiki", help=known)
    reproduce.add_argument("--seeds", type=int, default=3, help="seeds of every cell (default 3)")
    reproduce.add_argument("--workers", type=int, default=2, help="processes, one thread each (default 2)")
    reproduce.add_argument("--notebooks", default="", help="numbers, such as 01,02 (default: all)")
    reproduce.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, …")
    reproduce.add_argument("--budget", type=float, default=1.0, help="share of the batches of notebook 10 (default 1)")
    reproduce.set_defaults(run=_reproduce)

    figures = commands.add_parser("figures", help="rebuild tables, figures and page from recorded runs, no training")
    figures.add_argument("--profile", default="wiki")
    figures.set_defaults(run=_figures)

    train = commands.add_parser("train", help="train on your own CSV, TSV or JSON lines")
    _add_train_options(train)
    train.set_defaults(run=_train)

    relations = commands.add_parser("relations", help="will a tagging task gain from others? a probability from probes")
    relations.add_argument("--main", type=Path, required=True, help="token TAB tag a line, blank line after a sentence")
    relations.add_argument("--aux", type=Path, required=True, nargs="+", help="files of the auxiliary tasks")
    relations.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, …")
    relations.set_defaults(run=_relations)

    data = commands.add_parser("data", help="list or fetch data sets")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="what there is, and what of it is here").set_defaults(run=_data_list)
    fetch = actions.add_parser("fetch", help="get a data set by name")
    fetch.add_argument("name")
    fetch.set_defaults(run=_data_fetch)
    return parser


def _add_train_options(parser: argparse.ArgumentParser) -> None:
    """One option for each field of `train.Options`."""
    from mt2st.classifier import Options

    parser.add_argument("--data", type=Path, required=True, help=".csv, .tsv or .jsonl file, UTF-8")
    parser.add_argument("--text", required=True, help="column of texts")
    parser.add_argument("--label", required=True, help="column of labels")
    parser.add_argument("--out", type=Path, default=Path("mt2st-model"), help="folder to write (default mt2st-model)")
    parser.add_argument("--auxiliary", default="update0", help="comma-separated auxiliary tasks (default update0)")
    for field in fields(Options):
        if field.default is not MISSING and field.name != "auxiliary":
            option = "--" + field.name.replace("_", "-")
            parser.add_argument(
                option, type=type(field.default), default=field.default, help=f"default {field.default}"
            )


def _reproduce(options: argparse.Namespace) -> int:
    from mt2st.experiments import batch, profiles

    if options.seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {options.seeds}")
    notebooks = [number for number in options.notebooks.split(",") if number]
    profile = profiles.find_profile(options.profile)
    page = batch.reproduce(profile, options.seeds, options.workers, notebooks, options.device, options.budget)
    print(f"open {page}")
    return 0


def _figures(options: argparse.Namespace) -> int:
    from mt2st.experiments import profiles
    from mt2st.report import page as report

    print(f"open {report.build(profiles.find_profile(options.profile))}")
    return 0


def _train(options: argparse.Namespace) -> int:
    from mt2st.classifier import Options, train

    values = {field.name: getattr(options, field.name) for field in fields(Options)}
    values["auxiliary"] = tuple(name for name in options.auxiliary.split(",") if name)
    metrics = train(Options(**values))
    print(f"test accuracy {metrics['accuracy']:.3f}, macro F1 {metrics['macro_f1']:.3f}; results in {options.out}")
    return 0


def _relations(options: argparse.Namespace) -> int:
    from mt2st.relations import predictor

    print(predictor.report(options.main, options.aux, device=options.device))
    return 0


def _data_list(options: argparse.Namespace) -> int:
    from mt2st.data import sources as registry

    print(registry.listing())
    return 0


def _data_fetch(options: argparse.Namespace) -> int:
    from mt2st.data import sources as registry

    print(registry.fetch(options.name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
