"""aod replay: what the rules would have declared over recorded operations."""

import argparse
from pathlib import Path

import msgspec

from aod.anomaly import Anomaly
from aod.cli.exits import CLEAN
from aod.cli.supervisor import load_with_warnings
from aod.config_file import ConfigError, Loaded, load_text
from aod.recording.sources import Source, opened
from aod.replay.evaluation import Evaluation
from aod.replay.report import described, heading, table

FILE_HELP = "what `aod record` wrote, a bundle (aod_<timestamp>.tar.zst), or its events.npy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE and the options."""
    parser.add_argument("file", type=Path, metavar="FILE", help=FILE_HELP)
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def add_config(parser: argparse.ArgumentParser) -> None:
    """-c, which has another default here."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=None,
        metavar="CONFIG",
        help="evaluate with this configuration (default: the recorded one, else the installed one)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print each anomaly, and the totals."""
    with opened(arguments.file) as source:
        loaded = configuration(source, arguments.config)
        if arguments.json:
            return _print_json(Evaluation(source, loaded.config))
        return _print_text(source, loaded)


def configuration(source: Source, given: Path | None) -> Loaded:
    """The one that was asked for, else the recorded one, else the installed one.

    Raises:
        ConfigError: it is not valid.
    """
    recording = source.recording
    if given or recording is None:
        return load_with_warnings(given)
    name = Path(f"{source.path}:{recording.head.config_file}")
    try:
        return load_text(recording.head.config.encode(errors="replace"), name)
    except ConfigError as error:
        raise ConfigError(f"{error}\n(-c evaluates with another configuration)") from error


def _print_json(evaluation: Evaluation) -> int:
    """A line for each anomaly; what was read of a damaged file has its summary, too."""
    try:
        for anomaly in evaluation.anomalies():
            print(as_json(anomaly))
    finally:
        print(msgspec.json.encode(evaluation.summary()).decode(), flush=True)
    return CLEAN


def as_json(anomaly: Anomaly) -> str:
    """A line, without the records: those are in the file."""
    return msgspec.json.encode(msgspec.structs.replace(anomaly, evidence=b"")).decode()


def _print_text(source: Source, loaded: Loaded) -> int:
    evaluation = Evaluation(source, loaded.config)
    print("\n".join(heading(source)))
    print(f"evaluated with {loaded.path}")
    try:
        for anomaly in evaluation.anomalies():
            print("", *described(anomaly, source, evaluation.start_ns), sep="\n")
    finally:
        print("", *table(evaluation.summary().totals), sep="\n", flush=True)
    return CLEAN
