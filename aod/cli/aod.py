"""aod: ask a running daemon, record and replay operations, look up what there is."""

import argparse
from collections.abc import Sequence
from typing import Final

import msgspec

from aod import status
from aod.cli import codes, detectors, record, replay, snapshot
from aod.cli.exits import CLEAN, OTHER, guarded
from aod.cli.supervisor import add_common, default_file
from aod.config_file import load


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
    asked.add_argument("--json", action="store_true", help="one JSON object instead of a table")
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
    return parser


_HELP: Final = {
    "status": (
        "what it has counted, and if it adds up",
        "Print the counters of the kernel and of the event log. Exit code 0: the daemon runs, and"
        " every operation is accounted for.",
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
}


def _status(arguments: argparse.Namespace) -> int:
    config = load(arguments.config or default_file()).config
    found = status.gather(config.runtime_dir)
    if arguments.json:
        print(msgspec.json.encode(found).decode())
    else:
        print(status.render(found))
    return CLEAN if found.supervisor_pid and found.conserved else OTHER


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: int(arguments.run(arguments)))
