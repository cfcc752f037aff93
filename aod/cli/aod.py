"""aod: ask a running daemon, record and replay operations, look up what there is."""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from aod.cli import codes, detectors, help, record, replay, snapshot
from aod.cli.exits import CLEAN, OTHER, StatusError, guarded
from aod.cli.options import add_common, default_file
from aod.config.load import load
from aod.config.schema import Config
from aod.status import metrics, text
from aod.status.gather import gather
from aod.status.health import unhealthy
from aod.status.model import Status
from aod.transport.position import EventLogError


class _Command(NamedTuple):
    """A sub-command."""

    run: Callable[[argparse.Namespace], int]
    short: str
    """Its line in `aod --help`."""
    long: str
    """What `aod COMMAND --help` begins with."""
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda _parser: None


def _add_status_arguments(parser: argparse.ArgumentParser) -> None:
    add_common(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    form.add_argument("--metrics", action="store_true", help="for Prometheus, in its text format")


def _status(arguments: argparse.Namespace) -> int:
    config = load(arguments.config or default_file()).config
    found = _gathered(config)
    if arguments.metrics:
        print(metrics.render(found), end="")
    elif arguments.json:
        print(msgspec.json.encode(found).decode())
    else:
        print(text.render(found))
    return OTHER if unhealthy(found, time.monotonic_ns()) else CLEAN


def _gathered(config: Config) -> Status:
    """Raises StatusError: no daemon runs here, or only root may look at it."""
    try:
        return gather(config.runtime_dir, config)
    except (OSError, EventLogError) as error:
        if not os.access(config.runtime_dir, os.F_OK):
            why = f"no daemon runs here: there is no {config.runtime_dir}; `systemctl start aod`"
        elif os.geteuid():
            why = f"only root may look at the daemon: {error}; try `sudo aod status`"
        else:
            why = f"no daemon runs here: {error}; `systemctl start aod`"
        raise StatusError(f"unhealthy: {why}") from error


_COMMANDS: Final = {
    "status": _Command(
        _status,
        "is it running, healthy, and do the sums hold",
        "Print the daemon's status, from the kernel's counters to the bundles. Exit code 0: it runs"
        " and is healthy; 1: it is not, and the last lines say why.",
        _add_status_arguments,
    ),
    "snapshot": _Command(
        snapshot.run,
        "make a bundle of everything configured, now",
        "Ask the running daemon for a bundle although nothing was declared: every action that any"
        " anomaly has. Prints its path. Exit code 1: there is none (yet), and why.",
        snapshot.add_arguments,
    ),
    "record": _Command(
        record.run,
        "store live operations, to be replayed",
        "Store every operation in FILE until Ctrl-C, beside a running daemon or without one.",
        record.add_arguments,
    ),
    "replay": _Command(
        replay.run,
        "what the rules would have declared",
        "Evaluate stored operations with a configuration: what would have been declared, and why;"
        " or which thresholds would have been silent.",
        replay.add_arguments,
    ),
    "codes": _Command(
        codes.run,
        "NTSTATUS and errno: numbers, names, meanings",
        "Print the codes that rules can name and bundles can show. Exit code 1: nothing matches.",
        codes.add_arguments,
    ),
    "detectors": _Command(
        detectors.run,
        "anomaly types: installed, and left out",
        "List the anomaly types of all installed packages. Exit code 1: one cannot be used.",
    ),
    "help": _Command(
        help.run,
        "the manual, page by page",
        "Show a page of the manual, by man where it has it, else as text. Default: list them.",
        help.add_arguments,
    ),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aod",
        description="Ask a running AODv2 daemon, record and replay operations, look up names.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        made = commands.add_parser(name, help=command.short, description=command.long)
        command.add_arguments(made)
        made.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: int(arguments.run(arguments)))
