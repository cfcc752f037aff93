"""aod: ask a running daemon, record and replay operations, look up what there is."""

import argparse
from collections.abc import Sequence

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
    asked = commands.add_parser("status", help="what it has counted, and if it adds up")
    add_common(asked)
    asked.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    asked.set_defaults(run=_status)
    wanted = commands.add_parser("snapshot", help="make a bundle of everything configured, now")
    snapshot.add_arguments(wanted)
    wanted.set_defaults(run=snapshot.run)
    recorded = commands.add_parser("record", help="store live operations, to be replayed")
    record.add_arguments(recorded)
    recorded.set_defaults(run=record.run)
    replayed = commands.add_parser("replay", help="what the rules would have declared")
    replay.add_arguments(replayed)
    replayed.set_defaults(run=replay.run)
    named = commands.add_parser("codes", help="NTSTATUS and errno: numbers, names, meanings")
    codes.add_arguments(named)
    named.set_defaults(run=codes.run)
    listed = commands.add_parser("detectors", help="anomaly types: installed, and left out")
    listed.set_defaults(run=detectors.run)
    return parser


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
