"""aod replay: what the rules would have declared over recorded operations."""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from aod.anomaly import Anomaly
from aod.cli.exits import CLEAN, UsageError
from aod.cli.options import add_config, load_with_warnings
from aod.config.load import ConfigError, Loaded, load_text
from aod.recording.sources import Source, opened
from aod.replay.evaluation import Evaluation
from aod.replay.report import described, heading, table
from aod.replay.suggest import suggest
from aod.replay.suggestion import render
from aod.replay.thresholds import DEFAULT_MS, plain
from aod.settings import DAY_SEC

SHORT: Final = "what the rules would have declared"
LONG: Final = (
    "Evaluate stored operations with a configuration: what would have been declared, and why;"
    " or which thresholds would have been silent."
)
FILE_HELP = "what `aod record` wrote, a bundle (aod_<timestamp>.tar.zst), or its events.npy"
_CONFIG_HELP = "evaluate with this (default: the recorded configuration, else the installed one)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE and the options."""
    parser.add_argument("file", type=Path, metavar="FILE", help=FILE_HELP)
    add_config(parser, _CONFIG_HELP)
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    text = "print which thresholds would have been silent"
    parser.add_argument("--suggest", action="store_true", help=text)
    text = f"with --suggest: evaluate these (default: {','.join(map(plain, DEFAULT_MS))})"
    parser.add_argument("--thresholds", type=_thresholds, metavar="MS,...", help=text)


def _thresholds(text: str) -> tuple[float, ...]:
    highest = DAY_SEC * 1000
    with suppress(ValueError):
        thresholds = sorted({float(one) for one in text.split(",")})
        if all(0 < one <= highest for one in thresholds):
            return tuple(thresholds)
    allowed = f"numbers of ms above 0, up to {highest}, such as 10,20,50"
    raise argparse.ArgumentTypeError(f"{text}; allowed: {allowed}")


def run(arguments: argparse.Namespace) -> int:
    """Print each anomaly, and the totals; or the suggested thresholds."""
    if arguments.thresholds and not arguments.suggest:
        raise UsageError("--thresholds goes with --suggest")
    with opened(arguments.file) as source:
        loaded = configuration(source, arguments.config)
        if arguments.suggest:
            found = suggest(source, loaded.config, arguments.thresholds or DEFAULT_MS)
            lines = [*heading(source), f"counted as in {loaded.path}", "", *render(found)]
            text = msgspec.json.encode(found).decode() if arguments.json else "\n".join(lines)
            print(text, flush=True)
        else:
            _print(source, loaded, json=arguments.json)
    return CLEAN


def configuration(source: Source, given: Path | None) -> Loaded:
    """The given configuration, else the recorded one, else the installed one.

    Raises ConfigError: it is not valid."""
    recording = source.recording
    if given or recording is None:
        return load_with_warnings(given)
    name = Path(f"{source.path}:{recording.head.config_file}")
    try:
        return load_text(recording.head.config.encode(errors="replace"), name)
    except ConfigError as error:
        raise ConfigError(f"{error}\n(-c evaluates with another configuration)") from error


def as_json(anomaly: Anomaly) -> str:
    """A line, without the records, which are in the file."""
    return msgspec.json.encode(msgspec.structs.replace(anomaly, evidence=b"")).decode()


def _print(source: Source, loaded: Loaded, *, json: bool) -> None:
    """Each anomaly and the totals, also of a damaged file."""
    evaluation = Evaluation(source, loaded.config)
    if not json:
        print(*heading(source), f"evaluated with {loaded.path}", sep="\n")
    try:
        for anomaly in evaluation.anomalies():
            if json:
                print(as_json(anomaly))
            else:
                print("", *described(anomaly, source, evaluation.start_ns), sep="\n")
    finally:
        summary = evaluation.summary()
        as_text = ["", *table(summary.totals)]
        print(msgspec.json.encode(summary).decode() if json else "\n".join(as_text), flush=True)
