"""aod: ask a running daemon, record and replay operations, look up what there is."""

import argparse
import os
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from aod.cli import codes, detectors, help, record, replay, snapshot
from aod.cli.exits import CLEAN, OTHER, StatusError, guarded
from aod.cli.supervisor import add_common, default_file
from aod.config.load import load
from aod.config.schema import Config
from aod.status import gather as status
from aod.status import metrics as status_metrics
from aod.status import text as status_text
from aod.transport.eventlog_files import EventLogError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aod",
        description="Ask a running AODv2 daemon, record and replay operations, look up names.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {
        name: commands.add_parser(name, help=short, description=long)
        for name, (short, long) in _HELP.items()
    }
    asked = made["status"]
    add_common(asked)
    form = asked.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    form.add_argument("--metrics", action="store_true", help="for Prometheus, in its text format")
    asked.set_defaults(run=_status)
    snapshot.add_arguments(made["snapshot"])
    made["snapshot"].set_defaults(run=snapshot.run)
    record.add_arguments(made["record"])
    made["record"].set_defaults(run=record.run)
    replay.add_arguments(made["replay"])
    made["replay"].set_defaults(run=replay.run)
    codes.add_arguments(made["codes"])
    made["codes"].set_defaults(run=codes.run)
    made["detectors"].set_defaults(run=detectors.run)
    help.add_arguments(made["help"])
    made["help"].set_defaults(run=help.run)
    return parser


_HELP: Final = {
    "status": (
        "is it running, healthy, and does it all add up",
        "Print how it stands with the daemon, from the kernel's counters to the bundles. Exit code"
        " 0: it runs and is healthy; 1: it is not, and the last lines say why.",
    ),
    "snapshot": (
        "make a bundle of everything configured, now",
        "Ask the running daemon for a bundle although nothing was declared: every action that any"
        " anomaly has. Prints its path. Exit code 1: there is none (yet), and why.",
    ),
    "record": (
        "store live operations, to be replayed",
        "Store every operation in FILE until Ctrl-C, beside a running daemon or without one.",
    ),
    "replay": (
        "what the rules would have declared",
        "Evaluate stored operations with a configuration: what would have been declared, and why;"
        " or which thresholds would have been silent.",
    ),
    "codes": (
        "NTSTATUS and errno: numbers, names, meanings",
        "Print the codes that rules can name and bundles can show. Exit code 1: nothing matches.",
    ),
    "detectors": (
        "anomaly types: installed, and left out",
        "List the anomaly types of all installed packages. Exit code 1: one cannot be used.",
    ),
    "help": (
        "the manual, page by page",
        "Show a page of the manual, by man where it has it, else as text. Default: list them.",
    ),
}


def _status(arguments: argparse.Namespace) -> int:
    config = load(arguments.config or default_file()).config
    found = _gathered(config)
    if arguments.metrics:
        print(status_metrics.render(found), end="")
    elif arguments.json:
        print(msgspec.json.encode(found).decode())
    else:
        print(status_text.render(found))
    return OTHER if status.unhealthy(found, time.monotonic_ns()) else CLEAN


def _gathered(config: Config) -> status.Status:
    """
    Raises:
        StatusError: there is nothing to look at, or it may not be looked at.
    """
    try:
        return status.gather(config.runtime_dir, config)
    except (OSError, EventLogError) as error:
        if not os.access(config.runtime_dir, os.F_OK):
            why = f"no daemon runs here: there is no {config.runtime_dir}; `systemctl start aod`"
        elif os.geteuid():
            why = f"only root may look at the daemon: {error}; try `sudo aod status`"
        else:
            why = f"no daemon runs here: {error}; `systemctl start aod`"
        raise StatusError(f"unhealthy: {why}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: int(arguments.run(arguments)))
