"""The command `mt2st`."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mt2st import __version__

TRAIN_CONFIGURATION = (  # fields of `runs.Configuration` that `mt2st train` can be told
    *("dimensions", "encoder", "readout", "hidden", "dropout", "optimizer", "learning_rate", "weight_decay"),
    *("batch_size", "epochs", "max_tokens"),
)


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
    from mt2st.experiments.profiles import PROFILES

    parser = argparse.ArgumentParser(prog="mt2st", description="Reproduce MT2ST, or train with its strategies.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    reproduce = commands.add_parser("reproduce", help="run the notebooks of a profile, resume what was begun")
    reproduce.add_argument("--profile", default="wiki", help=f"{', '.join(PROFILES)} (default wiki)")
    reproduce.add_argument("--seeds", type=int, default=3, help="seeds of every cell (default 3)")
    reproduce.add_argument("--workers", type=int, default=2, help="processes, one thread each (default 2)")
    reproduce.add_argument("--notebooks", default="", help="numbers, such as 01,02 (default: all)")
    reproduce.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, …")
    reproduce.add_argument("--budget", type=float, default=1.0, help="share of the batches of notebook 10 (default 1)")
    reproduce.set_defaults(run=_reproduce)

    figures = commands.add_parser("figures", help="rebuild tables, figures and page from recorded runs, no training")
    figures.add_argument("--profile", default="wiki", help="as of reproduce (default wiki)")
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
    """What `mt2st train` can be told; defaults are those of the paper's reproduction, at the paper's model size."""
    from mt2st.classifier import DEFAULTS
    from mt2st.data.vectors import EMBEDDINGS
    from mt2st.experiments.auxiliaries import AUXILIARIES
    from mt2st.experiments.strategies import STRATEGIES
    from mt2st.models import ENCODERS
    from mt2st.optimizers import OPTIMIZERS

    about = "; ".join(f"{auxiliary.name}: {auxiliary.about}" for auxiliary in AUXILIARIES.values())
    parser.add_argument("--data", type=Path, required=True, help=".csv, .tsv or .jsonl file, UTF-8")
    parser.add_argument("--text", required=True, help="column of texts")
    parser.add_argument("--label", required=True, help="column of labels")
    parser.add_argument("--out", type=Path, default=Path("mt2st-model"), help="folder to write (default mt2st-model)")
    parser.add_argument("--strategy", default="switch", help=f"{', '.join(STRATEGIES)} (default switch)")
    parser.add_argument(
        "--auxiliary", default="update0", help=f"comma-separated auxiliary tasks (default update0). {about}"
    )
    parser.add_argument("--embedding", default="SkipGram", help=f"{', '.join(EMBEDDINGS)} (default SkipGram)")
    for name in _schedule_parameters():
        having = [row.name for row in STRATEGIES.values() if name in row.defaults(1)]
        parser.add_argument(_option(name), type=float, help=f"of the schedule of {', '.join(having)}")
    choices: dict[str, Iterable[str]] = {"encoder": ENCODERS, "optimizer": OPTIMIZERS}
    for name in TRAIN_CONFIGURATION:
        default = getattr(DEFAULTS, name)
        known = f"{', '.join(choices[name])}; " if name in choices else ""
        parser.add_argument(_option(name), type=type(default), default=default, help=f"{known}default {default!r}")
    parser.add_argument("--seed", type=int, default=0, help="of split, vectors, initial values, batches (default 0)")
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, …")


def _schedule_parameters() -> list[str]:
    """Parameters of the strategies' schedules."""
    from mt2st.experiments.strategies import STRATEGIES

    return list(dict.fromkeys(name for row in STRATEGIES.values() for name in row.defaults(1)))


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _reproduce(options: argparse.Namespace) -> int:
    from mt2st.experiments import batch, profiles
    from mt2st.report import page

    if options.seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {options.seeds}")
    notebooks = [number for number in options.notebooks.split(",") if number]
    profile = profiles.find_profile(options.profile)
    batch.reproduce(profile, options.seeds, options.workers, notebooks, options.device, options.budget)
    print(f"open {page.build(profile)}")
    return 0


def _figures(options: argparse.Namespace) -> int:
    from mt2st.experiments import profiles
    from mt2st.report import page

    print(f"open {page.build(profiles.find_profile(options.profile))}")
    return 0


def _train(options: argparse.Namespace) -> int:
    from mt2st import classifier
    from mt2st.data.vectors import EMBEDDINGS
    from mt2st.experiments import strategies
    from mt2st.experiments.runs import Run

    strategy = strategies.find(options.strategy)
    given = {name: value for name in _schedule_parameters() if (value := getattr(options, name)) is not None}
    auxiliaries = tuple(name for name in options.auxiliary.split(",") if name)
    run = Run(
        {name.lower(): name for name in EMBEDDINGS}.get(options.embedding.lower(), options.embedding),
        strategy.name,
        () if strategy.name == "single" else auxiliaries,
        strategy.schedule(max(1, options.epochs), **given),
        options.seed,
        replace(classifier.DEFAULTS, **{name: getattr(options, name) for name in TRAIN_CONFIGURATION}),
    )
    metrics = classifier.train(options.data, options.text, options.label, run, options.out, options.device)
    print(f"test accuracy {metrics['accuracy']:.3f}, macro F1 {metrics['macro_f1']:.3f}; results in {options.out}")
    return 0


def _relations(options: argparse.Namespace) -> int:
    from mt2st.relations import predictor

    print(predictor.report(options.main, options.aux, device=options.device))
    return 0


def _data_list(options: argparse.Namespace) -> int:
    from mt2st.data import sources

    print(sources.listing())
    return 0


def _data_fetch(options: argparse.Namespace) -> int:
    from mt2st.data import sources

    print(sources.fetch(options.name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
