"""The command `mt2st`."""

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mt2st import __version__

DEVICE = "auto (default), cpu, cuda, cuda:1, …"

# Fields of `runs.Configuration` that `mt2st train` can be told, and what they are.
TRAIN_CONFIGURATION = {
    "dimensions": "of trained vectors",
    "min_count": "how often a word has to occur in training to get a vector",
    "encoder": "",
    "readout": "how the states of a text's words become one: last (bilstm, gru), mean or max",
    "hidden": "size of a hidden state, of one direction",
    "dropout": "share of values that are dropped in training",
    "optimizer": "",
    "learning_rate": "of the optimizer",
    "weight_decay": "of the optimizer",
    "batch_size": "texts in a batch",
    "epochs": "passes over the training texts, at most",
    "patience": "epochs without a better one that end training, counted once no auxiliary task is to end; 0: none",
    "max_tokens": "tokens of a text that are read; 0 for all",
}
COMPARE_CONFIGURATION = (
    "dimensions", "min_count", "encoder", "readout", "hidden", "epochs", "batch_size", "max_tokens",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status. A fault of the input is one line on standard error and status 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning(warnings.showwarning)
        try:
            options = _parser(given).parse_args(given)
            return int(options.run(options))
        except KeyboardInterrupt:
            print(f"\ninterrupted{_kept(given)}", file=sys.stderr)
            return 130
        except (ValueError, OSError, RuntimeError) as error:
            print(f"mt2st: error: {error}", file=sys.stderr)
            return 2


def _show_warning(show: Callable[..., None]) -> Callable[..., None]:
    """Return a way to show warnings that has one line for this package's own, and for others what `show` does."""

    def show_own(message: Warning | str, category: type[Warning], filename: str, *more: Any, **named: Any) -> None:
        if Path(filename).is_relative_to(Path(__file__).parent):
            print(f"mt2st: warning: {message}", file=sys.stderr)
        else:
            show(message, category, filename, *more, **named)

    return show_own


@dataclass(frozen=True)
class Command:
    """A command: what it is, what can be told it, and what it does.

    The options are added only to the command that is asked for, since they name what the package knows, and PyTorch
    takes seconds to import.
    """

    help: str
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int] | None = None
    goes_on: bool = False  # where it was interrupted


def _kept(given: Sequence[str]) -> str:
    """Say what is kept of a command that was interrupted."""
    command = COMMANDS.get(given[0]) if given else None
    return ": what is finished is kept, the same command goes on from there" if command and command.goes_on else ""


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mt2st", description="Reproduce MT2ST, or train with its strategies.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.help, description=command.help)
        subparser.set_defaults(run=command.run)
        if name in given[:1]:
            command.add_options(subparser)
    return parser


# --- reproduce, figures


def _reproduce_options(parser: argparse.ArgumentParser) -> None:
    _profile_option(parser)
    parser.add_argument("--seeds", type=int, default=3, help="seeds of every cell (default 3)")
    parser.add_argument("--workers", type=int, default=2, help="processes, one thread each (default 2)")
    parser.add_argument("--notebooks", default="", help="such as 01,02 or start (default: all)")
    parser.add_argument("--device", default="auto", help=DEVICE)
    parser.add_argument("--budget", type=float, default=1.0, help="share of the batches of notebook 10 (default 1)")


def _profile_option(parser: argparse.ArgumentParser) -> None:
    from mt2st.experiments.profiles import PROFILES

    parser.add_argument("--profile", default="wiki", help=f"{', '.join(PROFILES)} (default wiki)")


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


# --- train, predict


def _train_options(parser: argparse.ArgumentParser) -> None:
    """What `mt2st train` can be told; defaults are those of the paper's reproduction unless `DEFAULTS` says else."""
    from mt2st.classifier import DEFAULTS
    from mt2st.data.vectors import EMBEDDINGS
    from mt2st.experiments import recipe, strategies
    from mt2st.experiments.auxiliaries import AUXILIARIES
    from mt2st.models import ENCODERS
    from mt2st.optimizers import OPTIMIZERS

    own = parser.add_argument_group("your data", "CSV, TSV or JSON lines; UTF-8 or UTF-16, plain, .gz, .xz or .bz2")
    own.add_argument("--data", type=Path, required=True, help="texts with their classes")
    own.add_argument("--text", required=True, help="column of texts")
    own.add_argument("--label", required=True, help="column of classes")
    own.add_argument("--validation", type=Path, help="file with the same columns (default: an eighth of what is left)")
    own.add_argument("--test", type=Path, help="file with the same columns (default: 20%% of --data)")
    own.add_argument("--split-seed", type=int, default=0, help="of the split (default 0)")
    own.add_argument("--out", type=Path, default=Path("mt2st-model"), help="folder to write (default mt2st-model)")

    method = parser.add_argument_group("what is trained")
    method.add_argument(
        "--strategy",
        default="switch",
        help=f"{strategies.names()}; {recipe.NAME}: labelled texts of --auxiliary, those of --unlabelled as a linear "
        "model labels them, with weight 1 to the end; default switch",
    )
    about = "; ".join(f"{auxiliary.name}: {auxiliary.about}" for auxiliary in AUXILIARIES.values())
    method.add_argument(
        "--auxiliary",
        help="auxiliary tasks, comma-separated: by name, a tagged corpus, a rule that labels each word (rule:REGEX "
        "without commas, words:FILE), or labelled texts of another task as FILE:TEXT:LABEL; default update0, none for "
        f"{recipe.NAME}. {about}",
    )
    _unlabelled_option(method)
    for name in _schedule_parameters():
        having = ", ".join(row.name for row in strategies.STRATEGIES.values() if name in row.defaults(1))
        method.add_argument(_option(name), type=float, help=f"of {having}: {strategies.PARAMETERS.get(name, '')}")
    method.add_argument("--embedding", help=f"{', '.join(EMBEDDINGS)}; default SkipGram")
    method.add_argument("--vectors", type=Path, help="word2vec or GloVe text to begin with, in place of --embedding")
    choices: dict[str, Iterable[str]] = {"encoder": ENCODERS, "optimizer": OPTIMIZERS}
    for name, what in TRAIN_CONFIGURATION.items():
        default = getattr(DEFAULTS, name)
        shown = f"default {default}" if default != "" else "default: the first"
        known = f"{', '.join(choices[name])}" if name in choices else what
        method.add_argument(_option(name), type=type(default), default=default, help=f"{known}; {shown}")
    method.add_argument("--balanced", action="store_true", help="weigh classes so that each counts alike in training")
    method.add_argument("--seed", type=int, default=0, help="of vectors, initial values and batches (default 0)")
    method.add_argument("--device", default="auto", help=DEVICE)


def _schedule_parameters() -> list[str]:
    """Parameters of the strategies' schedules."""
    from mt2st.experiments.strategies import STRATEGIES

    return list(dict.fromkeys(name for row in STRATEGIES.values() for name in row.defaults(1)))


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _train(options: argparse.Namespace) -> int:
    from mt2st import classifier
    from mt2st.data.texts import own
    from mt2st.experiments import recipe, strategies
    from mt2st.experiments.runs import Run

    is_recipe = options.strategy.lower() == recipe.NAME
    strategy = strategies.find("single" if is_recipe else options.strategy)
    chosen = ("" if is_recipe else "update0") if options.auxiliary is None else options.auxiliary
    names, related = _labelled([name for name in chosen.split(",") if name])
    given = {name: value for name in _schedule_parameters() if (value := getattr(options, name)) is not None}
    if is_recipe and given:
        raise ValueError(f"--strategy {recipe.NAME} has no {', '.join(given)}: its tasks have weight 1 to the end")
    if strategy.name == "single" and not is_recipe and options.auxiliary:
        raise ValueError(
            "--strategy single trains no auxiliary task: leave --auxiliary out, or choose another strategy"
        )
    told = {name: getattr(options, name) for name in (*TRAIN_CONFIGURATION, "balanced")}
    run = Run(
        _embedding(options),
        strategy.name,
        () if strategy.name == "single" else names,
        strategy.schedule(max(1, options.epochs), **given),
        options.seed,
        replace(classifier.DEFAULTS, **told),
        str(options.vectors or ""),
    )
    classifier.check(run, related)
    if is_recipe and not options.unlabelled:
        raise ValueError(f"--strategy {recipe.NAME} needs text without labels: give --unlabelled FILE")
    dataset = own.load(
        options.data, options.text, options.label,
        validation=options.validation, test=options.test, seed=options.split_seed,
        related=related, unlabelled=_unlabelled(options),
    )  # fmt: skip
    if is_recipe:
        run = recipe.run(run, names, dataset)
    training = classifier.prepare(dataset, run, options.out, options.device)
    print(classifier.describe(training.facts()), flush=True)
    print(classifier.results(classifier.train(training)))
    print(f"all results in {options.out}; classify with: mt2st predict {options.out} FILE --text {options.text}")
    return 0


def _labelled(given: Sequence[str]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of auxiliary tasks, and by name the labelled texts of those that are FILE:TEXT:LABEL."""
    from mt2st.data.texts import own
    from mt2st.experiments.rules import is_rule

    files = {one: one.rsplit(":", 2) for one in given if one.count(":") >= 2 and not is_rule(one)}
    names = tuple(Path(files[one][0]).stem if one in files else one for one in given)
    if repeated := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"--auxiliary has {', '.join(repeated)} twice: give its file another name")
    return names, {Path(file).stem: own.read_related(Path(file), text, label) for file, text, label in files.values()}


def _unlabelled_option(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    parser.add_argument(
        "--unlabelled",
        type=Path,
        help="texts without labels, for word vectors and for a linear model to label (recipe, pseudo-labels): .txt "
        "with a text a line, or a file with the column --text",
    )


def _unlabelled(options: argparse.Namespace) -> Sequence[Any]:
    from mt2st.data.texts import own

    return own.tokenized(options.unlabelled, options.text) if options.unlabelled else ()


def _embedding(options: argparse.Namespace) -> str:
    """Return the name of the embedding, in any case; that of the file where vectors are read."""
    if options.vectors and options.embedding:
        raise ValueError("--vectors FILE takes the place of --embedding; give one of them")
    if options.vectors:
        return str(options.vectors.name)
    return _known_embedding(options.embedding or "SkipGram")


def _known_embedding(name: str) -> str:
    """Return an embedding's own name for one in any case; an unknown one as it is."""
    from mt2st.data.vectors import EMBEDDINGS

    return {known.lower(): known for known in EMBEDDINGS}.get(name.lower(), name)


def _predict_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="the --out folder of `mt2st train`")
    parser.add_argument(
        "file", type=Path, help=".txt with a text a line, or .csv, .tsv or .jsonl with a column of texts"
    )
    parser.add_argument("--text", default="", help="column of texts")
    parser.add_argument("--out", type=Path, help="CSV file to write (default: standard output)")


def _predict(options: argparse.Namespace) -> int:
    from mt2st.classifier import Classifier
    from mt2st.data.files.writing import replacing
    from mt2st.data.texts import own

    texts = own.read_texts(options.file, options.text)
    frame = Classifier(options.model).table_of(texts)
    if options.out is None:
        frame.to_csv(sys.stdout, index=False, float_format="%.4f")
        return 0
    with replacing(options.out) as part:
        frame.to_csv(part, index=False, float_format="%.4f")
    print(f"{len(frame):,} texts classified: {options.out}")
    return 0


# --- compare


def _compare_options(parser: argparse.ArgumentParser) -> None:
    from mt2st.classifier import DEFAULTS
    from mt2st.data.vectors import EMBEDDINGS

    parser.add_argument("--data", type=Path, required=True, help="CSV, TSV or JSON lines: texts with their classes")
    parser.add_argument("--text", required=True, help="column of texts")
    parser.add_argument("--label", required=True, help="column of classes")
    parser.add_argument("--test", type=Path, help="file with the same columns (default: each seed splits --data anew)")
    parser.add_argument(
        "--auxiliary",
        nargs="+",
        required=True,
        metavar="TASK",
        help="labelled texts of another task as FILE:TEXT:LABEL, a rule that labels each word, rule:REGEX or "
        "words:FILE, or the name of an auxiliary task of `mt2st train`",
    )
    _unlabelled_option(parser)
    parser.add_argument("--seeds", type=int, default=5, help="splits and trainings of each arm (default 5)")
    parser.add_argument("--out", type=Path, default=Path("mt2st-comparison"), help="folder to write, and to go on in")
    parser.add_argument("--embedding", default="SkipGram", help=f"{', '.join(EMBEDDINGS)}; default SkipGram")
    for name in COMPARE_CONFIGURATION:
        default = getattr(DEFAULTS, name)
        parser.add_argument(_option(name), type=type(default), default=default, help=f"as of `mt2st train`; {default}")
    parser.add_argument("--device", default="auto", help=DEVICE)


def _compare(options: argparse.Namespace) -> int:
    from mt2st import classifier, comparison

    if options.seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {options.seeds}")
    names, related = _labelled(options.auxiliary)
    told = {name: getattr(options, name) for name in COMPARE_CONFIGURATION}
    wanted = comparison.Comparison(
        options.data, options.text, options.label, names, options.out, options.test, related,
        _unlabelled(options), options.seeds, _known_embedding(options.embedding),
        replace(classifier.DEFAULTS, patience=0, **told),
    )  # fmt: skip
    found = comparison.run(wanted, options.device)
    print(comparison.readable(found).to_string(index=False))
    print(comparison.verdict(found))
    print(f"all results in {options.out}, begin with {options.out / 'index.html'}")
    return 0


# --- relations


def _relations_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--main", type=Path, required=True, help="token and tag a line, blank line after a sentence")
    parser.add_argument("--aux", type=Path, required=True, nargs="+", help="files of the auxiliary tasks")
    parser.add_argument(
        "--verify",
        type=int,
        nargs="?",
        const=3,
        metavar="SEEDS",
        help="train the tasks alone and together too, with some seeds (3 unless told), and print the measured gains; "
        "minutes for each seed and auxiliary task, the command says how many before it begins",
    )
    parser.add_argument("--device", default="auto", help=DEVICE)


def _relations(options: argparse.Namespace) -> int:
    from mt2st.relations import advice

    for line in advice.report(options.main, options.aux, options.verify, device=options.device):
        print(line, flush=True)
    return 0


# --- data


def _data_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="what there is, and what of it is here").set_defaults(run=_data_list)
    fetch = actions.add_parser("fetch", help="get a data set by name")
    fetch.add_argument("name")
    fetch.set_defaults(run=_data_fetch)


def _data_list(options: argparse.Namespace) -> int:
    from mt2st.data import sources

    print(sources.listing())
    return 0


def _data_fetch(options: argparse.Namespace) -> int:
    from mt2st.data import sources

    print(sources.fetch(options.name))
    return 0


COMMANDS = {
    "reproduce": Command("run the notebooks of a profile, resume what was begun", _reproduce_options, _reproduce, True),
    "figures": Command("rebuild tables, figures and page from recorded runs, no training", _profile_option, _figures),
    "train": Command("train on your own CSV, TSV or JSON lines", _train_options, _train),
    "predict": Command("classify texts with a model that was trained", _predict_options, _predict),
    "compare": Command(
        "does it pay on your data? arms beside TF-IDF, over several splits", _compare_options, _compare, True
    ),
    "relations": Command(
        "will a tagging task gain from others? a probability from probes", _relations_options, _relations
    ),
    "data": Command("list or fetch data sets", _data_options),
}

if __name__ == "__main__":
    sys.exit(main())
